//! From a loaded SavedModel to source, weights and manifest.

mod constants;
mod describe;
mod dropout;
mod moving_average;
mod program;
mod prune;
mod select;

#[cfg(test)]
mod evaluation_tests;

use crate::codegen::{self, Context};
use crate::manifest::Manifest;
use crate::modules;
use crate::saved_model::SavedModel;
use crate::weights::WeightSpec;
use crate::{Error, Framework, Options, Result};

/// What a conversion writes.
pub(crate) struct Compiled {
    /// The Rust source.
    pub source: String,
    /// The tensors of the weights file.
    pub weights: Vec<WeightSpec>,
    /// The manifest.
    pub manifest: Manifest,
}

/// Compiles what `options` choose of `model`.
pub(crate) fn compile(model: &SavedModel, options: &Options) -> Result<Compiled> {
    let chosen = select::functions(model, options)?;
    let lowered = program::build(model, &chosen, options)?;
    let names = describe::Names::of(&lowered);
    let target = codegen::weight_layout(options.framework);
    let mut plan = modules::plan(&lowered.program, &options.name, &names.entries, target)?;
    moving_average::apply(model, &mut plan);
    let context = Context {
        name: options.name.clone(),
        tensorflow: model.tensorflow_version.clone(),
        functions: lowered
            .exported
            .iter()
            .map(|exported| exported.function.path.clone())
            .collect(),
        aliases: names.aliases.clone(),
        support: options.support.clone(),
    };
    let generated = codegen::generate(&plan, &lowered.program, options.framework, &context)?;
    Ok(Compiled {
        weights: describe::weights(&lowered.program, &plan, options)?,
        manifest: describe::manifest(model, options, &lowered, &names, &plan, &generated),
        source: generated.source,
    })
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

#[cfg(test)]
mod scratch {
    use super::*;
    #[test]
    fn dump_plan() {
        let Ok(dir) = std::env::var("MODEL") else {
            return;
        };
        let model = SavedModel::load(&dir).unwrap();
        let fw = if std::env::var("BURN").is_ok() {
            Framework::Burn
        } else {
            Framework::Candle
        };
        let options = Options::new(fw, "model");
        let chosen = select::functions(&model, &options).unwrap();
        let lowered = match program::build(&model, &chosen, &options) {
            Ok(l) => l,
            Err(e) => {
                println!("ERR {e}");
                return;
            }
        };
        if std::env::var("IR").is_ok() {
            println!("{}", lowered.program.functions[0].graph);
        }
        let names = describe::Names::of(&lowered);
        let plan = modules::plan(
            &lowered.program,
            &options.name,
            &names.entries,
            codegen::weight_layout(fw),
        )
        .unwrap();
        for s in &plan.structs {
            println!(
                "struct {} args {:?} docs {:?}",
                s.name,
                s.args.iter().map(|a| &a.name).collect::<Vec<_>>(),
                s.docs
            );
            for f in &s.fields {
                println!("  {}: {:?} present {:?}", f.name, f.kind, f.present);
            }
            for m in &s.methods {
                println!(
                    "  fn {}({:?}) mode {} extents {:?}",
                    m.name,
                    m.params
                        .iter()
                        .map(|p| format!("{}: {:?}", p.name, p.ty))
                        .collect::<Vec<_>>(),
                    m.has_mode,
                    m.extents
                );
                for st in &m.body {
                    println!(
                        "    {:?} = {:?} ({:?}) cond {:?}  // {:?}",
                        st.results.iter().map(|r| &r.name).collect::<Vec<_>>(),
                        st.action,
                        st.args
                            .iter()
                            .map(|a| format!(
                                "{}{}{}",
                                if a.borrowed { "&" } else { "" },
                                a.name,
                                if a.last { "!" } else { "" }
                            ))
                            .collect::<Vec<_>>(),
                        st.condition,
                        st.note
                    );
                }
                println!(
                    "    -> {:?}",
                    m.results.iter().map(|r| &r.name).collect::<Vec<_>>()
                );
            }
        }
        for w in plan.weights.iter().take(12) {
            println!(
                "{} <- {} {}",
                w.key, lowered.program.params[w.param.0 as usize].name, w.layout
            );
        }
    }
}
