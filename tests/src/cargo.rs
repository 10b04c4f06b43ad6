//! Running cargo on the generated crates, and what it says about them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use savedmodel_import::Framework;
use serde::Deserialize;

use crate::Result;
use crate::scratch::{Key, Layout};
use crate::table::FRAMEWORKS;

/// What cargo said.
pub(crate) struct Output {
    /// Whether everything was built.
    pub(crate) success: bool,
    /// Messages about generated crates.
    pub(crate) diagnostics: Vec<(Framework, Diagnostic)>,
    words: String,
}

impl Output {
    /// The messages of this level, each with the modules whose files they point to.
    pub(crate) fn about_modules(&self, level: &str) -> impl Iterator<Item = (Key, &str)> {
        let wanted = self
            .diagnostics
            .iter()
            .filter(move |(_, diagnostic)| diagnostic.level.starts_with(level));
        wanted.flat_map(|(framework, diagnostic)| {
            let words = diagnostic.rendered.as_deref().unwrap_or_default();
            modules_of(diagnostic)
                .into_iter()
                .map(move |module| ((*framework, module), words))
        })
    }

    /// Warnings and errors of the generated crates.
    pub(crate) fn words_about_crates(&self) -> impl Iterator<Item = &str> {
        let all = self.diagnostics.iter();
        all.filter_map(|(_, diagnostic)| diagnostic.rendered.as_deref())
    }

    /// The last lines of what a person would have seen.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.words.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
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

/// A message of the compiler.
#[derive(Deserialize)]
pub(crate) struct Diagnostic {
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

/// Runs `cargo COMMAND` (`build`, `clippy`) on all generated crates.
pub(crate) fn run(layout: &Layout, command: &str) -> Result<Output> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            command,
            "--workspace",
            "--keep-going",
            "--message-format=json",
            "--target-dir",
        ])
        .arg(&layout.target)
        .args(layout.profile().0)
        .current_dir(&layout.scratch)
        .stderr(Stdio::piped())
        .output()?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let messages = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok());
    Ok(Output {
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
    let mut names = vec![stem.into_owned()];
    if let Some(expansion) = &span.expansion {
        names.extend(span_modules(&expansion.span));
    }
    names
}
