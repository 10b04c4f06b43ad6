mod layouts;
mod random;

use super::*;
use random::Random;
use std::io::Write;
use std::process::{Command, Stdio};

/// What rustfmt makes of the source, or nothing where there is no rustfmt.
fn rustfmt(source: &str) -> Option<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "style_edition=2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = rustfmt.stdin.take()?;
    let bytes = source.as_bytes().to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = rustfmt.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("toolchain") || errors.contains("is not installed") {
        return None;
    }
    assert!(
        !errors.contains("error: "),
        "rustfmt cannot read this: {errors}\n{source}"
    );
    String::from_utf8(output.stdout).ok()
}

/// Whether there is a rustfmt to compare with; says so if not.
fn has_rustfmt() -> bool {
    let found = rustfmt("fn main() {}\n").is_some();
    if !found {
        eprintln!("SKIPPED: there is no rustfmt on the PATH to compare with");
    }
    found
}

/// The files that rustfmt would change, each with what rustfmt makes of it.
fn changed(files: &[File]) -> Vec<(String, String)> {
    let sources: Vec<String> = files.iter().map(ToString::to_string).collect();
    let whole = sources.join("\n// The next file.\n\n");
    let formatted = rustfmt(&whole).unwrap_or_default();
    if formatted == whole {
        return Vec::new();
    }
    if files.len() == 1 {
        return vec![(whole, formatted)];
    }
    let (left, right) = files.split_at(files.len() / 2);
    let mut all = changed(left);
    all.extend(changed(right));
    all
}

/// Fails with the shortest file that rustfmt would change.
fn check(files: Vec<File>) {
    if !has_rustfmt() {
        return;
    }
    let wrong: Vec<_> = files.chunks(64).flat_map(changed).collect();
    if let Some((printed, formatted)) = wrong.iter().min_by_key(|(printed, _)| printed.len()) {
        panic!(
            "{} differ\n=== printed\n{printed}\n=== rustfmt\n{formatted}",
            wrong.len()
        );
    }
}

#[test]
fn rustfmt_leaves_random_programs_as_they_are() {
    check((0..2000).map(|seed| Random::new(seed).program()).collect());
}

#[test]
fn rustfmt_leaves_random_declarations_as_they_are() {
    check(
        (10_000..11_000)
            .map(|seed| Random::new(seed).declarations())
            .collect(),
    );
}
