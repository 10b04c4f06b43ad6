//! Accounts of fixtures.

use std::path::PathBuf;

use super::print::tensor_type;
use super::*;

fn account(name: &str) -> Inventory {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    inspect(&SavedModel::load(fixtures.join(name)).expect("a fixture loads"))
}

#[test]
fn a_type_shows_what_is_unknown() {
    assert_eq!(
        tensor_type("float32", &Some(vec![None, Some(3)])),
        "float32[?, 3]"
    );
    assert_eq!(tensor_type("int64", &Some(vec![])), "int64[]");
    assert_eq!(tensor_type("string", &None), "string");
}

/// The account without its first line, which is the path.
fn text(name: &str) -> String {
    let text = account(name).to_string();
    text.split_once('\n')
        .map_or_else(String::new, |(_, rest)| rest.to_owned())
}

#[test]
fn a_model_of_nested_modules() {
    insta::assert_snapshot!(text("models/nested_modules"));
}

#[test]
fn a_graph_of_tensorflow_1() {
    insta::assert_snapshot!(text("loader/flat_restore/model"));
}

#[test]
fn objects_are_listed_once() {
    for name in [
        "models/nested_modules",
        "loader/cycles/model",
        "loader/shared_state/model",
    ] {
        let rows = account(name).objects;
        let own: Vec<&ObjectRow> = rows.iter().filter(|row| row.same_as.is_none()).collect();
        for row in rows.iter().filter_map(|row| row.same_as.as_ref()) {
            assert!(own.iter().any(|own| own.path == *row), "{name}: {row}");
        }
        let mut paths: Vec<&str> = own.iter().map(|row| row.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), own.len(), "{name}");
    }
}

#[test]
fn what_cannot_be_converted_is_listed_as_convert_would() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    for entry in std::fs::read_dir(fixtures).expect("fixtures") {
        let path = entry.expect("a fixture").path();
        let model = SavedModel::load(&path).expect("a fixture loads");
        let account = inspect(&model);
        for conversion in &account.conversions {
            let options = crate::Options::new(conversion.framework, "model");
            let compiled = pipeline::compile(&model, &options);
            assert_eq!(
                compiled.is_ok(),
                conversion.failures.is_empty(),
                "{}",
                path.display()
            );
            assert!(
                conversion
                    .failures
                    .iter()
                    .all(|f| account.unsupported.contains(f))
            );
        }
    }
}

#[test]
fn steps_that_leave_a_gpu_are_listed_with_their_places() {
    let top_k = account("models/op_top_k");
    let text = top_k.on_device(Device::Cuda);
    assert!(text.contains("candle: nothing"), "{text}");
    assert!(
        text.contains("burn sorts on the host\n      --> `"),
        "{text}"
    );
    assert!(top_k.on_device(Device::Cpu).contains("burn: nothing"));
    let special = account("models/op_erf").on_device(Device::Cuda);
    assert!(special.contains("candle has no erfc on a GPU"), "{special}");
}

#[test]
fn totals_count_numbers_and_bytes() {
    let account = account("models/k3_mlp");
    let trainable = account.variables.iter().filter(|row| row.trainable);
    let expect: u64 = trainable.filter_map(|row| row.parameters).sum();
    assert_eq!(account.totals.trainable_parameters, expect);
    assert_eq!(account.totals.variables, account.variables.len());
}

#[test]
fn missing_files_are_said_and_do_not_stop_an_account() {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let proto = fixtures.join("models/sharded/saved_model.pb");
    let dir = std::env::temp_dir().join(format!("inspect-missing-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder");
    std::fs::copy(proto, dir.join("saved_model.pb")).expect("a copy");
    let account = inspect_dir(&dir, &LoadOptions::new());
    assert!(SavedModel::load(&dir).is_err());
    std::fs::remove_dir_all(&dir).expect("the folder can be removed");
    let account = account.expect("an account");
    assert_eq!(account.missing.len(), 1);
    assert!(account.to_string().contains("missing"), "{account}");
    assert!(!account.functions.is_empty() && !account.variables.is_empty());
}
