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

/// Compiles `modules`, by name: a binary, or what the compiler says.
pub fn build(
    layout: &Layout,
    framework: Framework,
    modules: &BTreeMap<String, Converted>,
) -> Result<BTreeMap<String, Result<Built, String>>> {
    let mut left: BTreeSet<&String> = modules.keys().collect();
    let mut outcomes = BTreeMap::new();
    for _ in 0..ROUNDS {
        let crates = write(layout, framework, modules, &left)?;
        let output = cargo(layout, framework)?;
        let failed = failures(&output, &left);
        if failed.is_empty() {
            return finish(layout, output, crates, outcomes);
        }
        left.retain(|name| !failed.contains_key(*name));
        outcomes.extend(failed.into_iter().map(|(name, words)| (name, Err(words))));
    }
    Err(format!("modules for {framework} still fail to compile after {ROUNDS} rounds").into())
}

/// The crate of each module: by its place in the sorted list of all, so that failures move nothing.
fn write(
    layout: &Layout,
    framework: Framework,
    modules: &BTreeMap<String, Converted>,
    left: &BTreeSet<&String>,
) -> Result<BTreeMap<String, String>> {
    let root = layout.scratch.join(framework.to_string());
    let chunks = modules.len().div_ceil(MODULES).max(1);
    let mut crates: BTreeMap<String, String> = BTreeMap::new();
    let mut names = Vec::new();
    for chunk in 0..chunks {
        let name = format!("conformance-{framework}-{chunk}");
        let dir = root.join(&name);
        let here = modules
            .iter()
            .enumerate()
            .filter(|(i, (module, _))| i % chunks == chunk && left.contains(module));
        let here: Vec<(&String, &Converted)> = here.map(|(_, pair)| pair).collect();
        write_crate(&dir, &name, framework, &here)?;
        crates.extend(
            here.iter()
                .map(|(module, _)| ((*module).clone(), name.clone())),
        );
        names.push(name);
    }
    write_if_changed(&root.join("Cargo.toml"), &manifest(layout, &names)?)?;
    let lock =
        fs::read_to_string(layout.workspace.join("Cargo.lock")).context(&layout.workspace)?;
    if !root.join("Cargo.lock").exists()
        || fs::read_to_string(root.join("workspace.lock"))
            .ok()
            .as_ref()
            != Some(&lock)
    {
        fs::write(root.join("Cargo.lock"), &lock).context(&root)?;
        fs::write(root.join("workspace.lock"), &lock).context(&root)?;
    }
    Ok(crates)
}

fn write_crate(
    dir: &Path,
    name: &str,
    framework: Framework,
    modules: &[(&String, &Converted)],
) -> Result<()> {
    let src = dir.join("src");
    fs::create_dir_all(&src).context(&src)?;
    let mut extra = BTreeSet::new();
    let mut paths = Vec::new();
    for (module, converted) in modules {
        write_if_changed(
            &src.join(format!("{module}_adapter.rs")),
            &adapter::source(&converted.manifest),
        )?;
        paths.push(((*module).clone(), converted.source.display().to_string()));
        extra.extend(converted.manifest.support_crates.iter().cloned());
    }
    write_if_changed(
        &src.join("main.rs"),
        &adapter::main_source(framework, &paths),
    )?;
    let mut text = format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n"
    );
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

/// The workspace manifest: this workspace's dependencies and profiles, word for word but for the paths.
fn manifest(layout: &Layout, crates: &[String]) -> Result<String> {
    let path = layout.workspace.join("Cargo.toml");
    let own = fs::read_to_string(&path).context(&path)?;
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = {crates:?}\n\n");
    let mut copied = false;
    for line in own.lines() {
        if line.starts_with('[') {
            copied = line == "[workspace.dependencies]" || line.starts_with("[profile.");
        }
        if copied {
            let absolute = format!("path = \"{}/", layout.workspace.display());
            text.push_str(&line.replace("path = \"", &absolute));
            text.push('\n');
        }
    }
    // Generated modules are compiled fast; their numerics are in the dependencies.
    Ok(text.replacen(
        "[profile.dev]\ndebug = \"line-tables-only\"\nopt-level = 1",
        "[profile.dev]\ndebug = false\nopt-level = 0",
        1,
    ))
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
    message: Option<Diagnostic>,
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
    diagnostics: Vec<Diagnostic>,
    words: String,
}

fn cargo(layout: &Layout, framework: Framework) -> Result<CargoOutput> {
    let root = layout.scratch.join(framework.to_string());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--workspace",
            "--keep-going",
            "--message-format=json",
            "--target-dir",
        ])
        .arg(&layout.target)
        .current_dir(&root)
        .env_remove("CARGO_MANIFEST_DIR")
        .stderr(Stdio::piped())
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok());
    Ok(CargoOutput {
        success: output.status.success(),
        diagnostics: messages
            .filter(|m| m.reason == "compiler-message")
            .filter_map(|m| m.message)
            .collect(),
        words: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The modules that errors point to, each with its first error.
fn failures(output: &CargoOutput, left: &BTreeSet<&String>) -> BTreeMap<String, String> {
    let mut failed = BTreeMap::new();
    for diagnostic in output
        .diagnostics
        .iter()
        .filter(|d| d.level.starts_with("error"))
    {
        for module in modules_of(diagnostic)
            .into_iter()
            .filter(|module| left.contains(module))
        {
            let words = diagnostic.rendered.clone().unwrap_or_default();
            failed.entry(module).or_insert(words);
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
    output: CargoOutput,
    crates: BTreeMap<String, String>,
    mut outcomes: BTreeMap<String, Result<Built, String>>,
) -> Result<BTreeMap<String, Result<Built, String>>> {
    if !output.success {
        return Err(format!(
            "the generated crates do not build:\n{}",
            tail(&output.words)
        )
        .into());
    }
    let mut warnings: BTreeMap<String, usize> = BTreeMap::new();
    for diagnostic in output.diagnostics.iter().filter(|d| d.level == "warning") {
        for module in modules_of(diagnostic) {
            *warnings.entry(module).or_default() += 1;
        }
    }
    for (module, name) in crates {
        let built = Built {
            binary: layout
                .target
                .join("debug")
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION),
            warnings: warnings.get(&module).copied().unwrap_or_default(),
        };
        outcomes.insert(module, Ok(built));
    }
    Ok(outcomes)
}

fn tail(words: &str) -> String {
    let lines: Vec<&str> = words.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
