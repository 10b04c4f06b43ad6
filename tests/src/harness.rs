//! What the test programs share that have no test functions: arguments, the environment, and the exit status.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Result;

/// Runs a test program under this name: `run` says whether all of it holds.
pub fn main(name: &str, run: impl FnOnce() -> Result<bool>) -> ExitCode {
    if env::args().any(|argument| argument == "--list") {
        println!("{name}: test");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The parts of an environment variable, which commas separate.
pub fn list(variable: &str) -> Vec<String> {
    parts(&env::var(variable).unwrap_or_default())
}

/// The parts of a text that commas separate.
pub fn parts(text: &str) -> Vec<String> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Whether an environment variable is 1.
pub fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| value == "1")
}

/// The folder of models that CORPUS names, or the fixtures in `here`; with the label of its models.
///
/// # Errors
/// When the folder is not there.
pub fn corpus(here: &Path) -> Result<(&'static str, PathBuf)> {
    let (label, folder) = match env::var_os("CORPUS") {
        Some(folder) => ("models", PathBuf::from(folder)),
        None => ("fixtures", here.join("fixtures")),
    };
    let beside = here.join("..").join(&folder);
    let found = [folder, beside].into_iter().find(|folder| folder.is_dir());
    let found = found.ok_or("the folder that CORPUS names is not there")?;
    Ok((label, found))
}
