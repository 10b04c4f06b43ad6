//! The crates that hold the generated modules: a workspace of its own that shares this workspace's profiles,
//! dependencies, lock file and build directory, so that the frameworks are not built twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use savedmodel_import::Framework;

use crate::adapter::Extras;
use crate::convert::Converted;
use crate::table::FRAMEWORKS;
use crate::{Context, Result, adapter, cargo};

/// How many modules share a crate: enough to save links, few enough that two cores share the work.
const MODULES: usize = 160;

/// How often modules that do not compile are taken out before the build is given up.
const ROUNDS: usize = 12;

/// What an adapter's name has after its module's.
const ADAPTER: &str = "_adapter";

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The root of this repository's workspace.
    pub workspace: PathBuf,
    /// Cargo's build directory.
    pub target: PathBuf,
    /// The directory of the run.
    pub scratch: PathBuf,
    /// Whether clippy reads the modules too.
    pub lint: bool,
    /// Whether the modules are to be timed: they are optimised, and their adapters call all of their forms.
    pub timed: bool,
    /// Whether the modules have adapters, which call them.
    pub called: bool,
}

impl Layout {
    /// Of a test program of the package in `here`: its run has the directory `conformance/NAME` of cargo's build directory, and
    /// adapters call its modules.
    pub fn of_test(here: &Path, name: &str) -> Result<Self> {
        let exe = std::env::current_exe()?;
        let target = exe
            .ancestors()
            .nth(3)
            .ok_or("the build directory is not where cargo puts it")?;
        let layout = Self {
            workspace: here.parent().ok_or("there is no workspace")?.to_owned(),
            target: target.to_owned(),
            scratch: target.join("conformance").join(name),
            lint: false,
            timed: false,
            called: true,
        };
        fs::create_dir_all(&layout.scratch)?;
        Ok(layout)
    }

    /// Cargo's arguments for the profile, and the profile's folder.
    pub(crate) fn profile(&self) -> (&'static [&'static str], &'static str) {
        match self.timed {
            true => (&["--release"], "release"),
            false => (&[], "debug"),
        }
    }
}

/// A module that went through the compiler.
#[derive(Clone, Debug)]
pub struct Built {
    /// The binary that holds it.
    pub binary: PathBuf,
    /// What the compiler warns of.
    pub warnings: Vec<String>,
    /// What clippy warns of, if it was asked.
    pub lints: Option<Vec<String>>,
}

/// A module of a framework, by its name.
pub type Key = (Framework, String);

/// Compiles `modules`: a binary each, or what the compiler says.
pub fn build(
    layout: &Layout,
    modules: &BTreeMap<Key, Converted>,
) -> Result<BTreeMap<Key, Result<Built, String>>> {
    let mut left: BTreeSet<&Key> = modules.keys().collect();
    let mut outcomes = BTreeMap::new();
    for _ in 0..ROUNDS {
        let crates = write(layout, modules, &left)?;
        let output = cargo::run(layout, "build")?;
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

/// What the compiler and clippy say of `modules`, which nothing calls.
pub fn check(layout: &Layout, modules: &BTreeMap<Key, Converted>) -> Result<Vec<String>> {
    write(layout, modules, &modules.keys().collect())?;
    let output = cargo::run(layout, "clippy")?;
    let words: Vec<String> = output.words_about_crates().map(str::to_owned).collect();
    match output.success || !words.is_empty() {
        true => Ok(words),
        false => Err(format!("clippy does not run:\n{}", output.tail()).into()),
    }
}

/// Writes the workspace. The crate of each module goes by its place in the sorted list of all of its
/// framework, so that failures move nothing.
fn write(
    layout: &Layout,
    modules: &BTreeMap<Key, Converted>,
    left: &BTreeSet<&Key>,
) -> Result<BTreeMap<Key, String>> {
    let mut crates: BTreeMap<Key, String> = BTreeMap::new();
    let mut names = Vec::new();
    for framework in FRAMEWORKS {
        let all: Vec<(&Key, &Converted)> = modules
            .iter()
            .filter(|(key, _)| key.0 == framework)
            .collect();
        let chunks = all.len().div_ceil(MODULES);
        for chunk in 0..chunks {
            // Cargo tells packages of one name apart by their path in the workspace, which is the same in every run.
            let name = format!("conformance-{framework}-{}-{chunk}", label(layout));
            let here = all
                .iter()
                .skip(chunk)
                .step_by(chunks)
                .filter(|(key, _)| left.contains(key));
            let here: Vec<(&Key, &Converted)> = here.copied().collect();
            write_crate(layout, &name, framework, &here)?;
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
        profiles.replacen("debug = \"line-tables-only\"", "debug = false", 1)
    );
    let features = layout.scratch.join("features");
    fs::create_dir_all(features.join("src")).context(&features)?;
    let mut member = package("features");
    for line in dependencies
        .lines()
        .skip(1)
        .filter(|line| !line.contains("path = "))
    {
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
    format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n"
    )
}

fn write_crate(
    layout: &Layout,
    name: &str,
    framework: Framework,
    modules: &[(&Key, &Converted)],
) -> Result<()> {
    let dir = layout.scratch.join(name);
    let src = dir.join("src");
    fs::create_dir_all(&src).context(&src)?;
    let mut extra = BTreeSet::new();
    let mut paths = Vec::new();
    for ((_, module), converted) in modules {
        let extras = Extras {
            training: layout.timed || converted.trained,
            fused: layout.timed && converted.is_fusible(),
        };
        if layout.called {
            write_if_changed(
                &src.join(format!("{module}{ADAPTER}.rs")),
                &adapter::source(&converted.manifest, extras),
            )?;
        }
        paths.push((module.clone(), converted.source.display().to_string()));
        extra.extend(converted.manifest.support_crates.iter().cloned());
    }
    let main = match layout.called {
        true => adapter::main_source(framework, &paths),
        false => adapter::uncalled_source(&paths),
    };
    write_if_changed(&src.join("main.rs"), &main)?;
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

/// The modules that errors point to, each with its first error. An adapter's error is its module's.
fn failures(output: &cargo::Output, left: &BTreeSet<&Key>) -> BTreeMap<Key, String> {
    let mut failed = BTreeMap::new();
    for ((framework, name), words) in output.about_modules("error") {
        let name = name.strip_suffix(ADAPTER).unwrap_or(&name).to_owned();
        if left.contains(&(framework, name.clone())) {
            failed
                .entry((framework, name))
                .or_insert_with(|| words.to_owned());
        }
    }
    failed
}

/// The name of the run.
fn label(layout: &Layout) -> String {
    let name = layout.scratch.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn finish(
    layout: &Layout,
    output: &cargo::Output,
    crates: BTreeMap<Key, String>,
) -> Result<BTreeMap<Key, Result<Built, String>>> {
    if !output.success {
        return Err(format!("the generated crates do not build:\n{}", output.tail()).into());
    }
    let warnings = warnings(output);
    let lints = match layout.lint {
        true => Some(warnings_of_clippy(layout)?),
        false => None,
    };
    let built = |(key, name): (Key, String)| {
        let of = |all: &BTreeMap<Key, Vec<String>>| all.get(&key).cloned().unwrap_or_default();
        let built = Built {
            binary: layout
                .target
                .join(layout.profile().1)
                .join(name)
                .with_extension(std::env::consts::EXE_EXTENSION),
            warnings: of(&warnings),
            lints: lints.as_ref().map(of),
        };
        (key, Ok(built))
    };
    Ok(crates.into_iter().map(built).collect())
}

fn warnings_of_clippy(layout: &Layout) -> Result<BTreeMap<Key, Vec<String>>> {
    let output = cargo::run(layout, "clippy")?;
    match output.success {
        true => Ok(warnings(&output)),
        false => Err(format!("clippy fails on the generated crates:\n{}", output.tail()).into()),
    }
}

fn warnings(output: &cargo::Output) -> BTreeMap<Key, Vec<String>> {
    let mut warnings: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for (key, words) in output.about_modules("warning") {
        warnings.entry(key).or_default().push(words.to_owned());
    }
    warnings
}
