//! From a loaded SavedModel to source, weights and manifest.

mod constants;
mod describe;
mod dropout;
mod pinned;
mod program;
mod prune;
mod python_lines;
mod recover;
mod same;
mod select;
mod tables;
mod thaw;

#[cfg(test)]
mod evaluation_tests;
#[cfg(test)]
mod stage_tests;

pub(crate) use describe::training_lines;
pub(crate) use describe::{own_dtype, weight_dtype};
pub(crate) use program::Exported;
pub(crate) use program::is_complex;
pub(crate) use recover::{Modules, Recovered, Rest, RestGraph, recover};
pub(crate) use select::is_public;

use program::Lowered;
use select::Chosen;

use crate::codegen::support::Roots;
use crate::codegen::{self, Alias, Context};
use crate::ir::{DType, Program};
use crate::manifest::Manifest;
use crate::modules;
use crate::plan::Plan;
use crate::saved_model::SavedModel;
use crate::weights::WeightSpec;
use crate::{Error, FloatType, Options, Result};

/// What a conversion writes.
pub(crate) struct Compiled {
    /// The Rust source.
    pub source: String,
    /// What it uses of the support code.
    pub support: Roots,
    /// The tensors of the weights file.
    pub weights: Vec<WeightSpec>,
    /// The manifest.
    pub manifest: Manifest,
    /// The methods of the module, each once.
    pub methods: Vec<String>,
    /// Why functions that are no signatures have no method.
    pub left_out: Vec<Error>,
    /// What the source was printed from.
    pub modules: Modules,
}

/// Compiles what `options` choose of `model`. What cannot be compiled is left out, unless it is required and nobody has
/// said to keep going.
pub(crate) fn compile(model: &SavedModel, options: &Options) -> Result<Compiled> {
    let chosen = select::functions(model, options)?;
    let error = match attempt(model, &chosen, options) {
        Ok(compiled) => return Ok(compiled),
        Err(error) if chosen.len() == 1 => return Err(error),
        Err(error) => error,
    };
    let parted = Parted::of(model, chosen, options);
    if parted.kept.is_empty() || parted.refused.is_empty() {
        return Err(error);
    }
    let is_refusal = parted.refused.iter().any(|(chosen, _)| chosen.required);
    if is_refusal && !options.keep_going {
        return Err(error.with_convertible(parted.paths()));
    }
    let mut compiled = attempt(model, &parted.kept, options)?;
    let refused = parted.refused.into_iter();
    compiled.left_out.extend(refused.map(|(_, error)| error));
    Ok(compiled)
}

/// The functions that can be compiled, each on its own, and the others with why not.
struct Parted {
    kept: Vec<Chosen>,
    refused: Vec<(Chosen, Error)>,
}

impl Parted {
    fn of(model: &SavedModel, chosen: Vec<Chosen>, options: &Options) -> Self {
        let (mut kept, mut refused) = (vec![], vec![]);
        for one in chosen {
            match attempt(model, std::slice::from_ref(&one), options) {
                Ok(_) => kept.push(one),
                Err(error) => refused.push((one, error)),
            }
        }
        Parted { kept, refused }
    }

    /// The paths of what can be compiled.
    fn paths(&self) -> Vec<String> {
        let paths = self.kept.iter().map(|chosen| chosen.function.path.clone());
        let mut paths: Vec<String> = paths.collect();
        paths.dedup();
        paths
    }
}

fn attempt(model: &SavedModel, chosen: &[Chosen], options: &Options) -> Result<Compiled> {
    let mut lowered = program::build(model, chosen, options)?;
    refuse_unprinted(&lowered.program, options)?;
    let names = describe::Names::of(&lowered);
    let target = codegen::weight_layout(options.framework);
    let plan = modules::plan(&lowered.program, &options.name, &names.entries, target);
    let mut plan = plan.map_err(|error| within_only(error.into_internal(), chosen))?;
    let training = describe::training(&lowered, &plan);
    if options.python_lines {
        python_lines::note(&mut plan);
    }
    let mut context = context(model, options, &lowered, names.aliases(&plan));
    context.notes = describe::notes(&training, &lowered);
    let generated = codegen::generate(&plan, &lowered.program, options.framework, &context);
    let generated = generated.map_err(|error| within_only(error.into_internal(), chosen))?;
    Ok(Compiled {
        weights: describe::weights(&lowered.program, &plan, options)?,
        manifest: describe::manifest(
            model, options, &lowered, &names, &plan, &generated, training,
        ),
        source: generated.source,
        support: generated.roots,
        methods: methods(&plan, &names),
        left_out: std::mem::take(&mut lowered.left_out),
        modules: Modules { lowered, plan },
    })
}

/// An error of a plan names the function if there is but one.
fn within_only(error: Error, chosen: &[Chosen]) -> Error {
    match chosen {
        [only] => error.in_function(&only.function.path),
        _ => error,
    }
}

fn context(
    model: &SavedModel,
    options: &Options,
    lowered: &Lowered,
    aliases: Vec<Alias>,
) -> Context {
    let exported = lowered.exported.iter();
    let embedded = options.embed_weights;
    Context {
        name: options.name.clone(),
        tensorflow: model.tensorflow_version.clone(),
        functions: exported
            .map(|exported| exported.function.path.clone())
            .collect(),
        aliases,
        embedded: embedded.then(|| format!("{}.safetensors", options.name)),
        notes: vec![],
        support: options.support.clone(),
        templates: options.templates.clone(),
    }
}

fn methods(plan: &Plan, names: &describe::Names) -> Vec<String> {
    let own = plan.entries.iter().map(|entry| &entry.method);
    let others = names.aliases.iter().map(|alias| &alias.name);
    own.chain(others).cloned().collect()
}

/// Refuses choices that the printers do not follow.
fn refuse_unprinted(program: &Program, options: &Options) -> Result<()> {
    let Some(wanted) = options.dtype else {
        return Ok(());
    };
    let wanted = match wanted {
        FloatType::F32 => DType::F32,
        FloatType::F16 => DType::F16,
        FloatType::Bf16 => DType::BF16,
    };
    let floats = program.params.iter().map(|param| param.ty.dtype);
    match floats
        .filter(|dtype| dtype.is_float())
        .find(|&dtype| dtype != wanted)
    {
        None => Ok(()),
        Some(dtype) => Err(Error::unsupported(format!(
            "the model computes in {dtype}, and a change to {wanted} is not supported"
        ))
        .help("leave --dtype out")),
    }
}

/// Every op that is not supported, each with its place.
pub(crate) fn unsupported(model: &SavedModel) -> Vec<Error> {
    let chosen = select::everything(model);
    program::unsupported(model, &chosen)
}
