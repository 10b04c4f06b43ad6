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
    if !output.status.success() && errors.contains("toolchain") {
        return None;
    }
    if errors.contains("error: ") { std::fs::write("/tmp/bad.rs", source).unwrap(); }
    assert!(!errors.contains("error: ") && !errors.contains("error["), "rustfmt does not read this: {}", &errors[..errors.len().min(1500)]);
    String::from_utf8(output.stdout).ok()
}

/// Whether rustfmt is there; says so if not.
fn has_rustfmt() -> bool {
    let found = rustfmt("fn main() {}\n").is_some();
    if !found {
        eprintln!("SKIPPED: there is no rustfmt on the PATH to compare with");
    }
    found
}

/// The files that rustfmt would change, the shortest first, each with what rustfmt makes of it.
fn changed(files: &[File]) -> Vec<(String, String)> {
    let sources: Vec<String> = files.iter().map(ToString::to_string).collect();
    let modules = |sources: &[String]| sources.join("\n// ----\n\n");
    let whole = modules(&sources);
    if rustfmt(&whole).as_ref() == Some(&whole) {
        return Vec::new();
    }
    if let [source] = sources.as_slice() {
        return vec![(source.clone(), rustfmt(source).unwrap_or_default())];
    }
    let (left, right) = files.split_at(files.len() / 2);
    let mut all = changed(left);
    all.extend(changed(right));
    all.sort_by_key(|(source, _)| source.len());
    all
}

#[test]
fn rustfmt_leaves_random_programs_as_they_are() {
    if !has_rustfmt() {
        return;
    }
    let seeds = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(3000);
    let first = std::env::var("FIRST").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let files: Vec<File> = (first..first + seeds).map(|seed| if std::env::var("DECL").is_ok() { Random::new(seed).declarations() } else { Random::new(seed).program() }).collect();
    let mut wrong = Vec::new();
    for batch in files.chunks(64) {
        wrong.extend(changed(batch));
        if wrong.len() > 40 { break; }
    }
    wrong.sort_by_key(|(source, _)| source.len());
    if !wrong.is_empty() {
        for (n, (ours, theirs)) in wrong.iter().take(6).enumerate() {
            std::fs::write(format!("/tmp/pr_{n}_a"), ours).unwrap();
            std::fs::write(format!("/tmp/pr_{n}_b"), theirs).unwrap();
        }
        panic!("{} differ", wrong.len());
    }
}
