//! A SavedModel to Rust source, weights and manifest: the entry point of build scripts and of the command line.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::codegen::support::{Roots, Support};
use crate::options::{SupportCode, module_name};
use crate::pipeline::{self, Compiled};
use crate::saved_model::{LoadOptions, SavedModel, TensorData};
use crate::staging::Staging;
use crate::weights::WeightSpec;
use crate::{Error, FloatType, Framework, InputSpec, Options, Report, Result, failures, weights};

/// A conversion and its choices.
///
/// ```no_run
/// use savedmodel_import::{Convert, Framework};
///
/// Convert::new("models/nmp").framework(Framework::Burn).name("nmp").build()?;
/// # Ok::<(), savedmodel_import::Error>(())
/// ```
pub struct Convert {
    model: PathBuf,
    options: Options,
    out_dir: PathBuf,
    support_file: Option<PathBuf>,
    wait: Duration,
    progress: Arc<dyn Progress>,
}

/// Hears how far a conversion is.
pub trait Progress: Send + Sync {
    /// A stage begins, with as many steps as `total`.
    fn stage(&self, name: &'static str, total: u64);
    /// So many steps of the stage are done.
    fn advance(&self, steps: u64);
}

struct Silent;

impl Progress for Silent {
    fn stage(&self, _: &'static str, _: u64) {}
    fn advance(&self, _: u64) {}
}

impl Convert {
    /// Converts everything in the SavedModel at `model`, for candle, named after its directory, into the
    /// current directory.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        let model = model.into();
        let stem = model
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Convert {
            options: Options::new(Framework::Candle, module_name(&stem)),
            model,
            out_dir: PathBuf::from("."),
            support_file: None,
            wait: Duration::ZERO,
            progress: Arc::new(Silent),
        }
    }

    /// The framework to write for.
    pub fn framework(mut self, framework: Framework) -> Self {
        self.options.framework = framework;
        self
    }

    /// The module's name, a Rust identifier in snake case.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = name.into();
        self
    }

    /// The tags of the MetaGraph.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.options.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Converts this signature, beside others that are named.
    pub fn signature(mut self, key: impl Into<String>) -> Self {
        self.options.signatures.push(key.into());
        self
    }

    /// Converts this exported function, beside others that are named.
    pub fn function(mut self, path: impl Into<String>) -> Self {
        self.options.functions.push(path.into());
        self
    }

    /// Converts the part of the main graph between these tensors into one function.
    pub fn prune<T: Into<String>>(
        mut self,
        feeds: impl IntoIterator<Item = T>,
        fetches: impl IntoIterator<Item = T>,
    ) -> Self {
        self.options.feeds = feeds.into_iter().map(Into::into).collect();
        self.options.fetches = fetches.into_iter().map(Into::into).collect();
        self
    }

    /// Reads the variables from the checkpoint with this prefix.
    pub fn checkpoint(mut self, prefix: impl Into<PathBuf>) -> Self {
        self.options.checkpoint = Some(prefix.into());
        self
    }

    /// Pins the dtype or shape of an argument.
    pub fn input(mut self, input: InputSpec) -> Self {
        self.options.inputs.push(input);
        self
    }

    /// The float type of weights and arithmetic.
    pub fn dtype(mut self, dtype: FloatType) -> Self {
        self.options.dtype = Some(dtype);
        self
    }

    /// Includes the weights in the compiled program: the module gets a function `embedded`, which needs no file when it
    /// runs.
    pub fn embed_weights(mut self, embed: bool) -> Self {
        self.options.embed_weights = embed;
        self
    }

    /// Says in comments which lines of Python made what, where the model has debug information.
    pub fn python_lines(mut self, say: bool) -> Self {
        self.options.python_lines = say;
        self
    }

    /// Uses the support code at this Rust path (`crate::support`) instead of a copy in the source.
    pub fn support(mut self, rust_path: impl Into<String>) -> Self {
        self.options.support = SupportCode::Module(rust_path.into());
        self
    }

    /// Uses the support code of a dependency with this name instead of a copy in the source.
    pub fn support_crate(mut self, name: impl Into<String>) -> Self {
        self.options.support = SupportCode::Crate(name.into());
        self
    }

    /// Draws the source by the templates of this directory, where it has them: what
    /// [`write_templates`](crate::write_templates) writes, changed.
    pub fn templates(mut self, dir: impl Into<PathBuf>) -> Self {
        self.options.templates = Some(dir.into());
        self
    }

    /// Writes the support code to this file, a module beside the generated one: what this model uses of it, and what those
    /// use for which the file was written before.
    pub fn support_file(mut self, file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        self.options.support = SupportCode::Module(format!("super::{stem}"));
        self.support_file = Some(file);
        self
    }

    /// Reads how layers train from a `.keras` file, or from the `config.json` in one.
    pub fn keras(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.keras = Some(file.into());
        self
    }

    /// The momentum of batch norms, as Keras counts it, where nothing else tells it.
    pub fn batch_norm_momentum(mut self, momentum: f64) -> Self {
        self.options.batch_norm_momentum = Some(momentum);
        self
    }

    /// Makes variables of constants that stand where weights stand, so that a frozen graph trains.
    pub fn thaw(mut self, thaw: bool) -> Self {
        self.options.thaw = thaw;
        self
    }

    /// Leaves out what cannot be converted, signatures too, as long as anything is left: [`Report::left_out`] says what.
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.options.keep_going = keep_going;
        self
    }

    /// Lets variables lack a value in the checkpoint.
    pub fn allow_partial_checkpoint(mut self, allow: bool) -> Self {
        self.options.allow_partial_checkpoint = allow;
        self
    }

    /// Leaves the checkpoint unread: variables keep their initial values.
    pub fn skip_checkpoint(mut self, skip: bool) -> Self {
        self.options.skip_checkpoint = skip;
        self
    }

    /// Waits so long for the SavedModel to appear.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// The directory that the files are written to; it is made if it is missing.
    pub fn out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = dir.into();
        self
    }

    /// Who hears of the progress.
    pub fn progress(mut self, progress: Arc<dyn Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// From a build script: writes into `OUT_DIR`, or the directory in it that [`Convert::out_dir`] names, and tells
    /// cargo what to watch.
    pub fn build(self) -> Result<Report> {
        println!("cargo:rerun-if-changed={}", self.model.display());
        if let Some(prefix) = &self.options.checkpoint {
            println!("cargo:rerun-if-changed={}.index", prefix.display());
        }
        let out_dir = std::env::var_os("OUT_DIR").ok_or_else(|| {
            Error::usage("OUT_DIR is not set")
                .help("call `build` from a build script, or use `run`")
        })?;
        let dir = PathBuf::from(out_dir).join(&self.out_dir);
        self.out_dir(dir).run()
    }

    /// Writes `NAME.rs`, `NAME.safetensors` and `NAME.json`, all or none.
    pub fn run(self) -> Result<Report> {
        self.options.check()?;
        self.progress.stage("reading", 0);
        let model = load(&self.model, &self.options, self.wait)?;
        self.progress.stage("compiling", 0);
        let compiled = pipeline::compile(&model, &self.options)?;
        self.write(&model, &compiled)
    }

    fn write(&self, model: &SavedModel, compiled: &Compiled) -> Result<Report> {
        let Compiled {
            source,
            weights,
            manifest,
            ..
        } = compiled;
        let total = weights.iter().map(written_bytes).sum::<Result<u64>>()?;
        self.progress.stage("writing weights", total);
        let mut staging = Staging::new(&self.out_dir)?;
        let read = |index| variable_bytes(model, index);
        let progress = |bytes| self.progress.advance(bytes);
        let weight_bytes =
            weights::write(&staging.add(&manifest.weights)?, weights, &read, &progress)?;
        staging.write(&manifest.file_name(), &manifest.to_json()?)?;
        staging.write(&manifest.source, source)?;
        if let Some(file) = &self.support_file {
            staging.write_elsewhere(file, &self.shared_support(file, compiled))?;
        }
        staging.publish()?;
        self.report(compiled, weight_bytes)
    }

    /// The file of support code that this model shares with those that it has been written for.
    fn shared_support(&self, file: &Path, compiled: &Compiled) -> String {
        // A file that cannot be read is written anew.
        let before = fs::read_to_string(file).unwrap_or_default();
        let roots = compiled.support.clone().union(Roots::listed(&before));
        Support::new(self.options.framework, roots).file()
    }

    fn report(&self, compiled: &Compiled, weight_bytes: u64) -> Result<Report> {
        let Compiled {
            weights, manifest, ..
        } = compiled;
        let trainable = |spec: &&WeightSpec| {
            let same = |variable: &&crate::manifest::Variable| variable.tensor == spec.key;
            manifest
                .variables
                .iter()
                .find(same)
                .is_some_and(|variable| variable.trainable)
        };
        let count = |spec: &WeightSpec| spec.shape.iter().map(|&dim| dim as u64).product::<u64>();
        Ok(Report {
            name: manifest.name.clone(),
            framework: manifest.framework,
            source: self.out_dir.join(&manifest.source),
            weights: self.out_dir.join(&manifest.weights),
            manifest: self.out_dir.join(manifest.file_name()),
            support: self.support_file.clone(),
            methods: compiled.methods.clone(),
            left_out: compiled.left_out.iter().flat_map(failures).collect(),
            tensors: weights.len(),
            training: manifest.training.clone(),
            thawed: manifest
                .variables
                .iter()
                .filter(|variable| variable.checkpoint_key.is_empty() && self.options.thaw)
                .map(|variable| variable.name.clone())
                .collect(),
            trainable_parameters: weights.iter().filter(trainable).map(count).sum(),
            weight_bytes,
        })
    }
}

fn written_bytes(spec: &WeightSpec) -> Result<u64> {
    let shape = spec.native_shape()?;
    Ok(shape.iter().map(|&dim| dim as u64).product::<u64>() * spec.to.bitsize() as u64 / 8)
}

fn variable_bytes(model: &SavedModel, index: usize) -> Result<Cow<'_, [u8]>> {
    let variables = model.variables();
    let variable = variables
        .get(index)
        .ok_or_else(|| Error::malformed(format!("there is no variable {index}")))?;
    if variable.checkpoint_key.is_none() {
        return model.value_of(variable)?.to_bytes().map(Cow::Owned);
    }
    match model.read_variable(variable)?.data {
        TensorData::Bytes(bytes) => Ok(bytes),
        TensorData::Strings(_) => Err(Error::unsupported(format!(
            "variable `{}` holds strings",
            variable.name
        ))),
    }
}

/// Loads the model that `options` choose.
pub(crate) fn load(dir: &Path, options: &Options, wait: Duration) -> Result<SavedModel> {
    let mut load = LoadOptions::new()
        .allow_partial_checkpoint(options.allow_partial_checkpoint)
        .skip_checkpoint(options.skip_checkpoint)
        .wait(wait);
    if let Some(tags) = &options.tags {
        load = load.tags(tags.iter().cloned());
    }
    if let Some(prefix) = &options.checkpoint {
        load = load.checkpoint(prefix);
    }
    load.load(dir)
}
