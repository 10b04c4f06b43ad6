//! From a loaded SavedModel to source, weights and manifest.

mod constants;
mod describe;
mod dropout;
mod moving_average;
mod program;
mod prune;
mod python_lines;
mod recover;
mod same;
mod select;
mod tables;

#[cfg(test)]
mod evaluation_tests;
#[cfg(test)]
mod stage_tests;

pub(crate) use describe::weight_dtype;
pub(crate) use program::Exported;
pub(crate) use recover::{Modules, Recovered, Rest, RestGraph, recover};
pub(crate) use select::is_public;

use crate::codegen::{self, Context};
use crate::ir::{DType, Program};
use crate::manifest::Manifest;
use crate::modules;
use crate::plan::Plan;
use crate::saved_model::SavedModel;
use crate::weights::WeightSpec;
use crate::{Error, FloatType, Framework, Options, Result};

/// What a conversion writes.
pub(crate) struct Compiled {
    /// The Rust source.
    pub source: String,
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

/// Compiles what `options` choose of `model`.
pub(crate) fn compile(model: &SavedModel, options: &Options) -> Result<Compiled> {
    let chosen = select::functions(model, options)?;
    let mut lowered = program::build(model, &chosen, options)?;
    refuse_unprinted(&lowered.program, options)?;
    let names = describe::Names::of(&lowered);
    let target = codegen::weight_layout(options.framework);
    let mut plan = modules::plan(&lowered.program, &options.name, &names.entries, target)?;
    moving_average::apply(model, &mut plan);
    if options.python_lines {
        python_lines::note(&mut plan);
    }
    let context = Context {
        name: options.name.clone(),
        tensorflow: model.tensorflow_version.clone(),
        functions: lowered
            .exported
            .iter()
            .map(|exported| exported.function.path.clone())
            .collect(),
        aliases: names.aliases(&plan),
        embedded: options
            .embed_weights
            .then(|| format!("{}.safetensors", options.name)),
        support: options.support.clone(),
    };
    let generated = codegen::generate(&plan, &lowered.program, options.framework, &context)?;
    Ok(Compiled {
        weights: describe::weights(&lowered.program, &plan, options)?,
        manifest: describe::manifest(model, options, &lowered, &names, &plan, &generated),
        source: generated.source,
        methods: methods(&plan, &names),
        left_out: std::mem::take(&mut lowered.left_out),
        modules: Modules { lowered, plan },
    })
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
            "the model computes in {dtype:?}, and a change to {wanted:?} is not supported"
        ))
        .help("leave --dtype out")),
    }
}

/// The whole support code as one file.
pub(crate) fn support_source(framework: Framework) -> String {
    codegen::support_source(framework)
}

/// Every op that is not supported, each with its place.
pub(crate) fn unsupported(model: &SavedModel) -> Vec<Error> {
    let chosen = select::everything(model);
    program::unsupported(model, &chosen)
}
