//! One fixture through all stages, side by side: IR, module tree, and what each framework prints.

use super::{compile, describe, program, select};
use crate::options::SupportCode;
use crate::saved_model::SavedModel;
use crate::{Framework, Options, codegen, modules};
use std::path::{Path, PathBuf};

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

/// The models whose modules are checked in for readers, by their names in a corpus.
const SHOWN: [&str; 10] = [
    "basic_pitch_nmp",
    "hub_bert",
    "hub_gpt2",
    "hub_mistral",
    "hub_resnet_vd",
    "hub_t5",
    "hub_vit",
    "k3_unet",
    "tfk_efficientnet_b0",
    "tfk_mobilenet_v2",
];

/// Without their support code. `CORPUS` names the folder that the models are in; they are not in the repository.
#[test]
fn modules_that_are_checked_in_are_what_is_generated() {
    let Some(corpus) = std::env::var_os("CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: CORPUS names no folder with models/");
        return;
    };
    let mut stale = vec![];
    for name in SHOWN {
        let model = SavedModel::load(corpus.join("models").join(name)).expect("a model loads");
        for (framework, folder) in [(Framework::Candle, "candle"), (Framework::Burn, "burn")] {
            let mut options = Options::new(framework, name);
            options.support = SupportCode::Module("super::support".to_owned());
            let source = compile(&model, &options).expect("a module").source;
            let file = format!("../docs/generated/{folder}/{name}.rs");
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            if std::fs::read_to_string(&file).ok().as_deref() == Some(source.as_str()) {
                continue;
            }
            if std::env::var_os("UPDATE").is_some() {
                let folder = file.parent().expect("a folder");
                std::fs::create_dir_all(folder).expect("a folder to write to");
                std::fs::write(&file, source).expect("a file to write");
            }
            stale.push(file);
        }
    }
    assert!(
        stale.is_empty(),
        "stale, written anew by UPDATE=1: {stale:?}"
    );
}
