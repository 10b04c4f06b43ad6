//! One fixture through all stages, side by side: IR, module tree, and what each framework prints.

use super::{compile, describe, program, select};
use crate::options::SupportCode;
use crate::saved_model::SavedModel;
use crate::{Framework, Options, codegen, modules};
use std::path::Path;

#[test]
fn a_model_passes_through_all_stages() {
    insta::assert_snapshot!("k3_mlp", stages("k3_mlp"));
}

#[test]
fn blocks_pass_through_all_stages() {
    insta::assert_snapshot!("nested_modules", stages("nested_modules"));
}

fn stages(fixture: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    let model = SavedModel::load(models.join(fixture)).expect("a fixture loads");
    let mut text = String::new();
    for framework in [Framework::Candle, Framework::Burn] {
        let mut options = Options::new(framework, fixture);
        options.support = SupportCode::Module("crate::support".to_owned());
        let chosen = select::functions(&model, &options).expect("functions to choose");
        let lowered = program::build(&model, &chosen, &options).expect("a program");
        let names = describe::Names::of(&lowered);
        let target = codegen::weight_layout(framework);
        let plan = modules::plan(&lowered.program, fixture, &names.entries, target);
        let plan = plan.expect("a plan");
        let source = compile(&model, &options).expect("a module").source;
        for function in &lowered.program.functions {
            text += &format!(
                "== {framework:?}: IR of {}\n{}\n",
                function.path, function.graph
            );
        }
        text += &format!("== {framework:?}: module tree\n{plan}\n");
        text += &format!("== {framework:?}: source\n{source}\n");
    }
    text
}
