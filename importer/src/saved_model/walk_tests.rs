//! Every SavedModel in the repository, and in the shared corpus where it is at hand, is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use super::{LoadOptions, SavedModel};
use crate::Result;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The subdirectories of a directory, sorted; none where it is absent.
fn directories(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Reads every variable, and says what is wrong with the model.
fn problem(dir: &Path) -> Option<String> {
    let read = || -> Result<()> {
        let model = SavedModel::load(dir)?;
        let stored = model
            .variables()
            .iter()
            .filter(|v| v.checkpoint_key.is_some());
        stored
            .into_iter()
            .try_for_each(|v| model.read_variable(v).map(drop))
    };
    read()
        .err()
        .map(|error| format!("{}: {error}", dir.display()))
}

#[test]
fn every_model_loads_and_gives_its_variables() {
    let own = directories(&root().join("tests/fixtures/models"));
    let shared = directories(&root().join("../shared/corpus/models"));
    let problems: Vec<String> = own
        .iter()
        .chain(&shared)
        .filter(|dir| dir.join("saved_model.pb").exists())
        .filter_map(|dir| problem(dir))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What the case says should come of it.
struct Expected {
    outcome: String,
    stage: String,
    tags: Option<Vec<String>>,
}

fn expected(case: &Path) -> Option<Expected> {
    let text = fs::read_to_string(case.join("expect.json")).ok()?;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let tags = json["load"]["tags"].as_array();
    let tags = tags.map(|tags| {
        let tags = tags.iter().filter_map(serde_json::Value::as_str);
        tags.map(str::to_owned).collect()
    });
    Some(Expected {
        outcome: json["want"]["outcome"].as_str()?.to_owned(),
        stage: json["want"]["stage"].as_str()?.to_owned(),
        tags,
    })
}

#[test]
fn broken_files_are_errors_and_never_panics() {
    let mut wrong = Vec::new();
    for case in directories(&root().join("../shared/corpus/malformed")) {
        let Some(expected) = expected(&case) else {
            continue;
        };
        let options = match expected.tags {
            Some(tags) => LoadOptions::new().tags(tags),
            None => LoadOptions::new(),
        };
        let failed = options.load(case.join("model")).is_err();
        // Broken graphs are found when they are compiled, not when they are loaded.
        let must_fail = expected.outcome == "error" && expected.stage != "graph";
        let may_fail = expected.outcome != "ok";
        if (must_fail && !failed) || (failed && !may_fail) {
            wrong.push(case.display().to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
