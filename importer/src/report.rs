//! What a conversion made, and how a failure reads.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::Place;
use crate::manifest::LayerTraining;
use crate::pipeline;
use crate::training::Source;
use crate::{Error, ErrorKind, Framework};

/// The files that a conversion wrote, and what is in them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The module's name.
    pub name: String,
    /// The framework.
    pub framework: Framework,
    /// The Rust source.
    pub source: PathBuf,
    /// The weights.
    pub weights: PathBuf,
    /// The manifest.
    pub manifest: PathBuf,
    /// The support code, if it was written to a file of its own.
    pub support: Option<PathBuf>,
    /// The methods of the module.
    pub methods: Vec<String>,
    /// Why functions that are no signatures are not among them.
    pub left_out: Vec<Failure>,
    /// How layers behave in training, and who says so.
    pub training: Vec<LayerTraining>,
    /// The nodes whose constants became variables.
    pub thawed: Vec<String>,
    /// How many tensors the weights hold.
    pub tensors: usize,
    /// How many numbers the trainable variables have together.
    pub trainable_parameters: u64,
    /// The size of the weights in bytes.
    pub weight_bytes: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.source.display(), self.methods.join(", "))?;
        writeln!(
            f,
            "{}: {} tensors, {} trainable parameters, {} bytes",
            self.weights.display(),
            self.tensors,
            self.trainable_parameters,
            self.weight_bytes
        )?;
        write!(f, "{}", self.manifest.display())?;
        if self.trainable_parameters == 0 && self.thawed.is_empty() && self.tensors > 0 {
            f.write_str("\nnothing is trainable: --thaw makes variables of the constants that stand where weights do")?;
        }
        for line in pipeline::training_lines(&self.training) {
            write!(f, "\n{line}")?;
        }
        if self
            .training
            .iter()
            .any(|layer| layer.source == Source::Default)
        {
            f.write_str("\n--keras FILE or --batch-norm-momentum M tell another")?;
        }
        if !self.thawed.is_empty() {
            write!(f, "\nthawed: {}", self.thawed.join(", "))?;
        }
        if let Some(support) = &self.support {
            write!(f, "\n{}", support.display())?;
        }
        self.left_out.iter().try_for_each(|failure| {
            let function = failure.function.as_deref().unwrap_or("a function");
            write!(f, "\nleft out: `{function}`: {}", failure.message)
        })
    }
}

/// An error as data: each failure with its kind, place and advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// `io`, `malformed`, `usage` or `unsupported`; of a step that leaves a GPU, `host`.
    pub kind: &'static str,
    /// What went wrong.
    pub message: String,
    /// The file.
    pub file: Option<PathBuf>,
    /// The path of the exported function, or the library function where no exported one is being compiled.
    pub function: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The node's op.
    pub op: Option<String>,
    /// The object or layer.
    pub object: Option<String>,
    /// The line of Python.
    pub python: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: &'static str, message: String, place: Place) -> Self {
        Failure {
            kind,
            message,
            file: place.file,
            function: place.function,
            node: place.node,
            op: place.op,
            object: place.object,
            python: place.python,
            help: None,
        }
    }
}

/// The failures in `error`, one after another.
pub fn failures(error: &Error) -> Vec<Failure> {
    let kind = match error.kind() {
        ErrorKind::Io(_) => "io",
        ErrorKind::Malformed(_) => "malformed",
        ErrorKind::Usage(_) => "usage",
        ErrorKind::Unsupported(_) => "unsupported",
        ErrorKind::Internal(_) => "internal",
        ErrorKind::Several(errors) => return errors.iter().flat_map(failures).collect(),
    };
    vec![Failure {
        help: error.advice().map(str::to_owned),
        ..Failure::new(kind, error.kind().to_string(), error.place().clone())
    }]
}

/// How many places of one reason are listed.
const MAX_PLACES: usize = 3;

/// The failures in `error` as text: each reason once, with how often it is met and the first places below.
pub fn render(error: &Error) -> String {
    let mut reasons: Vec<(String, Vec<&Error>)> = vec![];
    for failure in leaves(error) {
        let message = failure.kind().to_string();
        match reasons.iter_mut().find(|(known, _)| *known == message) {
            Some((_, failures)) => failures.push(failure),
            None => reasons.push((message, vec![failure])),
        }
    }
    let reasons = reasons
        .iter()
        .map(|(message, failures)| reason(message, failures));
    reasons.collect::<Vec<_>>().join("\n\n")
}

/// The failures that are no lists of others.
fn leaves(error: &Error) -> Vec<&Error> {
    match error.kind() {
        ErrorKind::Several(errors) => errors.iter().flat_map(leaves).collect(),
        ErrorKind::Io(_)
        | ErrorKind::Malformed(_)
        | ErrorKind::Usage(_)
        | ErrorKind::Unsupported(_)
        | ErrorKind::Internal(_) => vec![error],
    }
}

fn reason(message: &str, failures: &[&Error]) -> String {
    let mut places: Vec<String> = vec![];
    for failure in failures {
        places.extend(
            failure
                .place()
                .lines()
                .filter(|lines| !places.contains(lines)),
        );
    }
    let mut text = match places.len() {
        0 | 1 => format!("error: {message}"),
        count => format!("error: {message} (in {count} places)"),
    };
    for place in places.iter().take(MAX_PLACES) {
        text += &format!("\n{place}");
    }
    if places.len() > MAX_PLACES {
        text += &format!("\n  … and {} more", places.len() - MAX_PLACES);
    }
    if let Some(help) = failures.iter().find_map(|failure| failure.advice()) {
        text += &format!("\n  help: {help}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn a_reason_is_said_once_with_its_places() {
        let at = |node: &str| Place {
            node: Some(node.into()),
            op: Some("Fact".into()),
            ..Place::default()
        };
        let error = Error::several(vec![
            Error::unsupported("op `Fact` is not supported").at(&at("a")),
            Error::unsupported("op `Fact` is not supported")
                .at(&at("b"))
                .help("none"),
        ]);
        assert_eq!(
            render(&error),
            "error: op `Fact` is not supported (in 2 places)\n  --> Fact `a`\n  --> Fact `b`\n  help: none"
        );
        let listed = failures(&error);
        assert_eq!(listed.len(), 2);
        assert_eq!(
            (listed[1].kind, listed[1].help.as_deref()),
            ("unsupported", Some("none"))
        );
    }
}
