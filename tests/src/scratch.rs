//! The crates that hold the generated modules: a workspace of its own that shares this workspace's profiles,
//! dependencies, lock file and build directory, so that the frameworks are not built twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use savedmodel_import::Framework;
use serde::Deserialize;

use crate::convert::Converted;
use crate::table::FRAMEWORKS;
use crate::{Context, Result, adapter};

/// How many modules share a crate: enough to save links, few enough that two cores share the work.
const MODULES: usize = 160;

/// How often modules that do not compile are taken out before the build is given up.
const ROUNDS: usize = 12;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The root of this repository's workspace.
    pub workspace: PathBuf,
    /// Cargo's build directory.
    pub target: PathBuf,
    /// The directory of the run.
    pub scratch: PathBuf,
}

/// A module that went through the compiler.
#[derive(Clone, Debug)]
pub struct Built {
    /// The binary that holds it.
    pub binary: PathBuf,
    /// How many warnings the compiler has about it.
    pub warnings: usize,
}

/// A module of a framework, by its name.
pub type Key = (Framework, String);

/// Compiles `modules`: a binary each, or what the compiler says.
pub fn build(layout: &Layout, modules: &BTreeMap<Key, Converted>) -> Result<BTreeMap<Key, Result<Built, String>>> {
    let mut left: BTreeSet<&Key> = modules.keys().collect();
    let mut outcomes = BTreeMap::new();
    for _ in 0..ROUNDS {
        let crates = write(layout, modules, &left)?;
        let output = cargo(layout)?;
        let failed = failures(&output, &left);
        if failed.is_empty() {
            outcomes.extend(finish(layout, &output, crates)?);
            return Ok(outcomes);
        }
        eprintln!("leaving out {} modules that do not compile", failed.len());
        left.retain(|key| !failed.contains_key(*key));
        outcomes.extend(failed.into_iter().map(|(key, words)| (key, Err(words))));
    }
    Err(format!("modules still fail to compile after {ROUNDS} rounds").into())
}

/// Writes the workspace. The crate of each module goes by its place in the sorted list of all of its
/// framework, so that failures move nothing.
fn write(layout: &Layout, modules: &BTreeMap<Key, Converted>, left: &BTreeSet<&Key>) -> Result<BTreeMap<Key, String>> {
    let mut crates: BTreeMap<Key, String> = BTreeMap::new();
    let mut names = Vec::new();
    for framework in FRAMEWORKS {
        let all: Vec<(&Key, &Converted)> = modules.iter().filter(|(key, _)| key.0 == framework).collect();
        let chunks = all.len().div_ceil(MODULES);
        for chunk in 0..chunks {
            let name = format!("conformance-{framework}-{chunk}");
            let here = all.iter().skip(chunk).step_by(chunks).filter(|(key, _)| left.contains(key));
            let here: Vec<(&Key, &Converted)> = here.copied().collect();
            write_crate(&layout.scratch.join(&name), &name, framework, &here)?;
            crates.extend(here.iter().map(|(key, _)| ((*key).clone(), name.clone())));
            names.push(name);
        }
    }
    write_workspace(layout, names)?;
    Ok(crates)
}

/// The workspace manifest: this workspace's dependencies and profiles, word for word but for the paths. A
/// member that depends on all of them makes cargo choose the features that it chooses for this workspace, so
/// that it finds the frameworks built.
fn write_workspace(layout: &Layout, mut crates: Vec<String>) -> Result<()> {
    let path = layout.workspace.join("Cargo.toml");
    let own = fs::read_to_string(&path).context(&path)?;
    let dependencies = section(&own, |line| line == "[workspace.dependencies]");
    let profiles = section(&own, |line| line.starts_with("[profile."));
    let absolute = format!("path = \"{}/", layout.workspace.display());
    crates.push("features".into());
    let text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = {crates:?}\n\n{}\n{}",
        dependencies.replace("path = \"", &absolute),
        // Generated modules are compiled fast; their numerics are in the dependencies.
        profiles.replacen("opt-level = 1", "opt-level = 0", 1).replacen("debug = \"line-tables-only\"", "debug = false", 1)
    );
    let features = layout.scratch.join("features");
    fs::create_dir_all(features.join("src")).context(&features)?;
    let mut member = package("features");
    for line in dependencies.lines().skip(1).filter(|line| !line.contains("path = ")) {
        if let Some((name, _)) = line.split_once(" = ") {
            let _ = writeln!(member, "{name}.workspace = true");
        }
    }
    write_if_changed(&features.join("Cargo.toml"), &member)?;
    write_if_changed(&features.join("src/lib.rs"), "")?;
    write_if_changed(&layout.scratch.join("Cargo.toml"), &text)?;
    write_lock(layout)
}

/// The sections whose heading `wanted` takes.
fn section(manifest: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    let mut copied = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            copied = wanted(line);
        }
        if copied && !line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Starts from this workspace's lock file whenever that changes.
fn write_lock(layout: &Layout) -> Result<()> {
    let path = layout.workspace.join("Cargo.lock");
    let lock = fs::read_to_string(&path).context(&path)?;
    let copy = layout.scratch.join("workspace.lock");
    if fs::read_to_string(&copy).ok().as_ref() != Some(&lock) {
        fs::write(layout.scratch.join("Cargo.lock"), &lock).context(&layout.scratch)?;
        fs::write(&copy, &lock).context(&copy)?;
    }
    Ok(())
}

fn package(name: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n")
}

fn write_crate(
    dir: &Path,
    name: &str,
    framework: Framework,
    modules: &[(&Key, &Converted)],
) -> Result<()> {
    let src = dir.join("src");
    fs::create_dir_all(&src).context(&src)?;
    let mut extra = BTreeSet::new();
    let mut paths = Vec::new();
    for ((_, module), converted) in modules {
        write_if_changed(
            &src.join(format!("{module}_adapter.rs")),
            &adapter::source(&converted.manifest),
        )?;
        paths.push((module.clone(), converted.source.display().to_string()));
        extra.extend(converted.manifest.support_crates.iter().cloned());
    }
    write_if_changed(
        &src.join("main.rs"),
        &adapter::main_source(framework, &paths),
    )?;
    let mut text = package(name);
    let own: &[&str] = match framework {
        Framework::Candle => &["candle-core", "candle-nn", "gemm", "rayon"],
        Framework::Burn => &["burn"],
    };
    for dependency in own {
        let _ = writeln!(text, "{dependency}.workspace = true");
    }
    let _ = writeln!(text, "savedmodel-import-tests-{framework}.workspace = true");
    let _ = writeln!(
        text,
        "savedmodel-import-{framework}-support.workspace = true"
    );
    for spec in extra {
        let (dependency, version) = spec.split_once(' ').unwrap_or((&spec, "*"));
        if !own.contains(&dependency) {
            let _ = writeln!(text, "{dependency} = {version:?}");
        }
    }
    write_if_changed(&dir.join("Cargo.toml"), &text)
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    match fs::read_to_string(path).is_ok_and(|old| old == text) {
        true => Ok(()),
        false => fs::write(path, text).context(path),
    }
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Diagnostic>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    expansion: Option<Box<Expansion>>,
}

#[derive(Deserialize)]
struct Expansion {
    span: Span,
}

struct CargoOutput {
    success: bool,
    diagnostics: Vec<(Framework, Diagnostic)>,
    words: String,
}

fn cargo(layout: &Layout) -> Result<CargoOutput> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--workspace", "--keep-going", "--message-format=json", "--target-dir"])
        .arg(&layout.target)
        .current_dir(&layout.scratch)
        .stderr(Stdio::piped())
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = lines.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    Ok(CargoOutput {
        success: output.status.success(),
        diagnostics: messages.filter_map(diagnostic).collect(),
        words: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A message about one of the generated crates, and the framework of that crate.
fn diagnostic(message: Message) -> Option<(Framework, Diagnostic)> {
    let name = message.target?.name;
    let of = |framework: &Framework| name.starts_with(&format!("conformance-{framework}-"));
    let framework = FRAMEWORKS.into_iter().find(of)?;
    (message.reason == "compiler-message").then_some((framework, message.message?))
}

/// The modules that errors point to, each with its first error.
fn failures(output: &CargoOutput, left: &BTreeSet<&Key>) -> BTreeMap<Key, String> {
    let mut failed = BTreeMap::new();
    for (framework, diagnostic) in output.diagnostics.iter().filter(|(_, d)| d.level.starts_with("error")) {
        let keys = modules_of(diagnostic).into_iter().map(|module| (*framework, module));
        for key in keys.filter(|key| left.contains(key)) {
            let words = diagnostic.rendered.clone().unwrap_or_default();
            failed.entry(key).or_insert(words);
        }
    }
    failed
}

/// The modules whose files a message points to: of its primary places, or of the notes where it has none.
fn modules_of(diagnostic: &Diagnostic) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = diagnostic.spans.iter().flat_map(span_modules).collect();
    if found.is_empty() {
        found.extend(diagnostic.children.iter().flat_map(modules_of));
    }
    found
}

fn span_modules(span: &Span) -> Vec<String> {
    let stem = Path::new(&span.file_name)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let mut names = vec![stem.strip_suffix("_adapter").unwrap_or(&stem).to_owned()];
    if let Some(expansion) = &span.expansion {
        names.extend(span_modules(&expansion.span));
    }
    names
}

fn finish(
    layout: &Layout,
    output: &CargoOutput,
    crates: BTreeMap<Key, String>,
) -> Result<BTreeMap<Key, Result<Built, String>>> {
    if !output.success {
        return Err(format!("the generated crates do not build:\n{}", tail(&output.words)).into());
    }
    let mut warnings: BTreeMap<Key, usize> = BTreeMap::new();
    for (framework, diagnostic) in output.diagnostics.iter().filter(|(_, d)| d.level == "warning") {
        for module in modules_of(diagnostic) {
            *warnings.entry((*framework, module)).or_default() += 1;
        }
    }
    let built = |(key, name): (Key, String)| {
        let built = Built {
            binary: layout.target.join("debug").join(name).with_extension(std::env::consts::EXE_EXTENSION),
            warnings: warnings.get(&key).copied().unwrap_or_default(),
        };
        (key, Ok(built))
    };
    Ok(crates.into_iter().map(built).collect())
}

fn tail(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
