//! Tuned weights back into a SavedModel: the same graph, assets and signatures with new values in the checkpoint.

mod correspondence;
mod tuned;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::convert::load;
use crate::manifest::Manifest;
use crate::options::module_name;
use crate::saved_model::{Changes, Part, SavedModel, TensorData};
use crate::staging::Staging;
use crate::{Error, Framework, Options, Result};
use correspondence::{Correspondence, Row};
use tuned::Tuned;

/// Writes a SavedModel with the weights of a module that was converted from it, so that TensorFlow, TF Serving and Keras
/// load them.
///
/// ```no_run
/// use savedmodel_import::Export;
///
/// Export::new("models/nmp").weights("tuned.safetensors").manifest("nmp.json").out("models/nmp-tuned").run()?;
/// # Ok::<(), savedmodel_import::Error>(())
/// ```
pub struct Export {
    model: PathBuf,
    weights: PathBuf,
    manifest: Option<PathBuf>,
    framework: Option<Framework>,
    out: PathBuf,
    tags: Option<Vec<String>>,
    checkpoint: Option<PathBuf>,
    drop_slots: bool,
}

/// What an export wrote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportReport {
    /// The directory of the new SavedModel.
    pub out: PathBuf,
    /// The framework whose layout of weights was read.
    pub framework: Framework,
    /// How many variables took their values from the weights.
    pub taken: usize,
    /// Variables that no function reads and that were equal to one of those, by checkpoint key: they still are.
    pub copies: Vec<String>,
    /// How many other variables stay as they were.
    pub kept: usize,
    /// Keys of optimizer slots that were left out.
    pub dropped: Vec<String>,
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, taken, kept) = (self.out.display(), self.taken, self.kept);
        write!(
            f,
            "{out}: {taken} variables from the weights, {kept} as they were"
        )?;
        if !self.copies.is_empty() {
            let copies = self.copies.len();
            write!(f, ", {copies} copies that follow them")?;
        }
        if !self.dropped.is_empty() {
            let dropped = self.dropped.len();
            write!(f, ", {dropped} optimizer slots left out")?;
        }
        Ok(())
    }
}

impl Export {
    /// Of the SavedModel in `model`, from which the module was converted.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Export {
            model: model.into(),
            weights: PathBuf::new(),
            manifest: None,
            framework: None,
            out: PathBuf::new(),
            tags: None,
            checkpoint: None,
            drop_slots: false,
        }
    }

    /// The tuned weights, a safetensors file with the tensors of the module.
    pub fn weights(mut self, file: impl Into<PathBuf>) -> Self {
        self.weights = file.into();
        self
    }

    /// The manifest that the conversion wrote. Without it, one beside the weights with their name is read; where there is
    /// none either, the model is converted again in memory.
    pub fn manifest(mut self, file: impl Into<PathBuf>) -> Self {
        self.manifest = Some(file.into());
        self
    }

    /// The framework of the module, where there is no manifest and the weights alone do not tell.
    pub fn framework(mut self, framework: Framework) -> Self {
        self.framework = Some(framework);
        self
    }

    /// The directory of the new SavedModel, which does not exist yet or is empty.
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out = dir.into();
        self
    }

    /// The tags of the MetaGraph.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Takes what is not tuned from the checkpoint with this prefix instead of the model's own.
    pub fn checkpoint(mut self, prefix: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(prefix.into());
        self
    }

    /// Leaves out the values that optimizers keep beside variables.
    pub fn drop_slots(mut self, drop: bool) -> Self {
        self.drop_slots = drop;
        self
    }

    /// Writes the new SavedModel, or nothing.
    ///
    /// # Errors
    /// When tensors of the weights are missing, unknown, or of another shape or type than the module's: all of them at once.
    pub fn run(self) -> Result<ExportReport> {
        let mut options = Options::new(Framework::Candle, module_name("exported"));
        options.tags = self.tags.clone();
        options.checkpoint = self.checkpoint.clone();
        let (parent, name) = split(&self.out)?;
        let model = load(&self.model, &options, std::time::Duration::ZERO)?;
        let tuned = Tuned::open(&self.weights)?;
        let correspondence = self.correspondence(&model, &options, &tuned)?;
        let slots = self.drop_slots.then(|| model.slots()).transpose()?;
        let copies = copies(&model, &correspondence)?;
        let values = |key: &str| parts(&model, &tuned, &correspondence, &copies, key);
        let mut changes = Changes {
            values: &values,
            strings: BTreeMap::new(),
            dropped: BTreeSet::new(),
        };
        if let Some(slots) = &slots {
            changes.strings = model.checkpoint_graph_without(slots)?;
            changes.dropped = slots.keys.clone();
        }
        let mut staging = Staging::new(parent)?;
        let place = staging.add_directory(name)?;
        model.write_copy(&place, &changes, slots.as_ref())?;
        staging.publish()?;
        let dropped = changes.dropped;
        Ok(self.report(&model, &correspondence, copies, dropped))
    }

    fn report(
        &self,
        model: &SavedModel,
        correspondence: &Correspondence,
        copies: BTreeMap<String, usize>,
        dropped: BTreeSet<String>,
    ) -> ExportReport {
        let taken = correspondence.variables().count();
        let others = model.variables().len().saturating_sub(taken);
        ExportReport {
            out: self.out.clone(),
            framework: correspondence.framework,
            taken,
            kept: others.saturating_sub(copies.len() + dropped.len()),
            copies: copies.into_keys().collect(),
            dropped: dropped.into_iter().collect(),
        }
    }

    /// Which tensor is which variable, such that all of the weights fit.
    fn correspondence(
        &self,
        model: &SavedModel,
        options: &Options,
        tuned: &Tuned,
    ) -> Result<Correspondence> {
        let beside = self.weights.with_extension("json");
        let found = self.manifest.clone().or(beside.is_file().then_some(beside));
        if let Some(file) = found {
            let correspondence = read_manifest(&file).and_then(|manifest| {
                Correspondence::new(model, &manifest).map_err(|e| e.in_file(&file))
            })?;
            return match tuned.differences(&correspondence) {
                differences if differences.is_empty() => Ok(correspondence),
                differences => Err(Error::several(differences)),
            };
        }
        let frameworks = match self.framework {
            Some(framework) => vec![framework],
            None => vec![Framework::Candle, Framework::Burn],
        };
        let again = |framework| Correspondence::converted(model, options, framework);
        let candidates: Result<Vec<_>> = frameworks.into_iter().map(again).collect();
        choose(candidates?, tuned)
    }
}

fn read_manifest(file: &Path) -> Result<Manifest> {
    let text = std::fs::read_to_string(file).map_err(|e| Error::from(e).in_file(file))?;
    Manifest::from_json(&text).map_err(|e| e.in_file(file))
}

/// The only correspondence that the weights fit.
fn choose(candidates: Vec<Correspondence>, tuned: &Tuned) -> Result<Correspondence> {
    let mut refused: Vec<Vec<Error>> = Vec::new();
    let mut fitting: Vec<Correspondence> = Vec::new();
    for candidate in candidates {
        match tuned.differences(&candidate) {
            differences if differences.is_empty() => fitting.push(candidate),
            differences => refused.push(differences),
        }
    }
    let fewest = refused.into_iter().min_by_key(Vec::len);
    let mut fitting = fitting.into_iter();
    match (fitting.next(), fitting.next()) {
        (Some(first), Some(second)) if first.rows != second.rows => Err(Error::usage(
            "the weights fit the module for candle and the module for burn, which lay them out differently",
        )
        .help("name the manifest with --manifest, or the framework with --framework")),
        (Some(only), _) => Ok(only),
        (None, _) => Err(Error::several(fewest.unwrap_or_default())),
    }
}

/// The directory that holds `out`, and its name there.
fn split(out: &Path) -> Result<(&Path, &str)> {
    let name = out.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| Error::usage(format!("`{}` cannot name a new directory", out.display())))?;
    match out.parent() {
        Some(parent) if parent != Path::new("") => Ok((parent, name)),
        Some(_) | None => Ok((Path::new("."), name)),
    }
}

/// The new elements under a checkpoint's key; nothing where it keeps its own.
fn parts<'a>(
    model: &SavedModel,
    tuned: &'a Tuned,
    correspondence: &Correspondence,
    copies: &BTreeMap<String, usize>,
    key: &str,
) -> Result<Vec<Part<'a>>> {
    let held = correspondence.variables().filter(|(index, _)| {
        copies.get(key) == Some(index)
            || model.variables()[*index].checkpoint_key.as_deref() == Some(key)
    });
    let part = |(index, row): (usize, &Row)| {
        Ok(Part {
            slice: model.variables()[index].checkpoint_slice.clone(),
            bytes: tuned.elements(row)?,
        })
    };
    held.map(part).collect()
}

/// The variables, by checkpoint key, that no function reads and that equal one of the weights' variables in name and value:
/// Keras exports every weight twice.
fn copies(model: &SavedModel, correspondence: &Correspondence) -> Result<BTreeMap<String, usize>> {
    let variables = model.variables();
    let held: BTreeMap<&str, usize> = correspondence
        .variables()
        .map(|(index, _)| (variables[index].name.as_str(), index))
        .collect();
    let taken: BTreeSet<usize> = held.values().copied().collect();
    let read = model.captured_variables();
    let mut copies = BTreeMap::new();
    for (index, variable) in variables.iter().enumerate() {
        let original = held.get(variable.name.as_str());
        let (Some(&original), Some(key)) = (original, &variable.checkpoint_key) else {
            continue;
        };
        let is_spare = !taken.contains(&index) && !read.contains(&index);
        if is_spare && are_equal(model, index, original)? {
            copies.insert(key.clone(), original);
        }
    }
    Ok(copies)
}

fn are_equal(model: &SavedModel, a: usize, b: usize) -> Result<bool> {
    let variables = model.variables();
    let (a, b) = (&variables[a], &variables[b]);
    if a.checkpoint_slice.is_some() || b.checkpoint_slice.is_some() {
        return Ok(false);
    }
    if (a.dtype, &a.shape) != (b.dtype, &b.shape) {
        return Ok(false);
    }
    let (a, b) = (model.read_variable(a)?, model.read_variable(b)?);
    match (a.data, b.data) {
        (TensorData::Bytes(a), TensorData::Bytes(b)) => Ok(a == b),
        (TensorData::Strings(_), _) | (_, TensorData::Strings(_)) => Ok(false),
    }
}
