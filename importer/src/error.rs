//! One boxed error: what went wrong, where in the model, what to try.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of anything that reads or compiles a model.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about a fault of the importer.
const REPORT_IT: &str = "please report this, with the model if you can";

/// What went wrong, where, and, if known, what to do about it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    place: Place,
    help: Option<String>,
    is_of_model: bool,
    convertible: Vec<String>,
}

/// The kinds of failure, by what a caller would do about them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be opened, read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The files are not a SavedModel, or they contradict themselves.
    #[error("{0}")]
    Malformed(String),
    /// The request does not fit the model: an unknown tag, signature, function or tensor name.
    #[error("{0}")]
    Usage(String),
    /// The model is well formed and needs something that this version cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// The importer contradicts itself: whatever the model is, this is to be reported.
    #[error("internal: {0}")]
    Internal(String),
    /// Several failures that were found together.
    #[error("{}", join(.0))]
    Several(Vec<Error>),
}

fn join(errors: &[Error]) -> String {
    let lines: Vec<String> = errors.iter().map(Error::to_string).collect();
    lines.join("\n")
}

/// A place in a model. Every part is optional; an inner frame's word wins over an outer one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file that was being read.
    pub file: Option<PathBuf>,
    /// The path of the exported function; the library function where no exported one is being compiled, `None` for the
    /// main graph.
    pub function: Option<String>,
    /// The node's name.
    pub node: Option<String>,
    /// The node's TensorFlow op.
    pub op: Option<String>,
    /// The path of the object or layer in the object graph.
    pub object: Option<String>,
    /// The line of Python that made the node, if the SavedModel has debug information.
    pub python: Option<String>,
}

impl Error {
    /// An error without a place yet.
    pub fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner {
            kind,
            place: Place::default(),
            help: None,
            is_of_model: false,
            convertible: vec![],
        }))
    }

    /// The model's files are broken.
    pub fn malformed(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Malformed(message.into()))
    }

    /// The caller asked for something the model does not have.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage(message.into()))
    }

    /// The model needs something that is not supported.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Unsupported(message.into()))
    }

    /// The importer is wrong, not the model.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Internal(message.into())).help(REPORT_IT)
    }

    /// All of `errors` as one; a single error stays itself.
    pub fn several(mut errors: Vec<Error>) -> Self {
        match errors.len() {
            1 => errors.remove(0),
            _ => Error::new(ErrorKind::Several(errors)),
        }
    }

    /// Fills the parts of the place that no inner frame has named.
    pub fn at(mut self, outer: &Place) -> Self {
        self.0.place.fill_from(outer);
        self
    }

    /// Names the file, unless an inner frame did.
    pub fn in_file(self, file: &Path) -> Self {
        self.at(&Place {
            file: Some(file.to_owned()),
            ..Place::default()
        })
    }

    /// Says what the user can do, unless an inner frame did.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.get_or_insert_with(|| help.into());
        self
    }

    /// Names the exported function in which it happened, in place of the library's that were inlined into it.
    pub(crate) fn in_function(mut self, path: &str) -> Self {
        if let ErrorKind::Several(errors) = &mut self.0.kind {
            let inner = std::mem::take(errors).into_iter();
            *errors = inner.map(|error| error.in_function(path)).collect();
        } else {
            self.0.place.function = Some(path.to_owned());
        }
        self
    }

    /// Whether the advice is to pin an argument.
    pub(crate) fn asks_for_input(&self) -> bool {
        match &self.0.kind {
            ErrorKind::Several(errors) => errors.iter().any(Error::asks_for_input),
            _ => self.advice().is_some_and(|help| help.contains("--input")),
        }
    }

    /// The same error with `help` in place of an advice to pin some argument.
    pub(crate) fn with_input(mut self, help: &str) -> Self {
        if let ErrorKind::Several(errors) = &mut self.0.kind {
            let inner = std::mem::take(errors).into_iter();
            *errors = inner.map(|error| error.with_input(help)).collect();
        } else if self.asks_for_input() {
            self.0.help = Some(help.to_owned());
        }
        self
    }

    /// The same error, which the functions at these paths do not have.
    pub(crate) fn with_convertible(mut self, paths: Vec<String>) -> Self {
        self.0.convertible = paths;
        self
    }

    /// The paths of the functions that a conversion could do without those that it refuses, which it does with
    /// [`crate::Convert::keep_going`]; empty where there are none.
    pub fn convertible(&self) -> &[String] {
        &self.0.convertible
    }

    /// The same error, which no value that a caller gave can have led to.
    pub(crate) fn of_model(mut self) -> Self {
        self.0.is_of_model = true;
        self
    }

    /// Whether the model alone is to blame.
    pub(crate) fn is_of_model(&self) -> bool {
        self.0.is_of_model
    }

    /// The same error as the caller's: what does not fit are the values that it gave.
    pub(crate) fn into_usage(mut self) -> Self {
        if let ErrorKind::Malformed(text) = &mut self.0.kind {
            self.0.kind = ErrorKind::Usage(std::mem::take(text));
        }
        self
    }

    /// The same error as the importer's own: the model was checked before what went wrong.
    pub(crate) fn into_internal(mut self) -> Self {
        match &mut self.0.kind {
            ErrorKind::Malformed(text) => {
                self.0.kind = ErrorKind::Internal(std::mem::take(text));
                self.help(REPORT_IT)
            }
            ErrorKind::Several(errors) => {
                let errors = std::mem::take(errors).into_iter();
                self.0.kind = ErrorKind::Several(errors.map(Error::into_internal).collect());
                self
            }
            ErrorKind::Io(_)
            | ErrorKind::Usage(_)
            | ErrorKind::Unsupported(_)
            | ErrorKind::Internal(_) => self,
        }
    }

    /// The kind.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The place, as far as it is known.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The advice, if there is any.
    pub fn advice(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The exit status of the command line: 1 a fault of the importer, 2 usage, 3 malformed or unreadable, 4 unsupported.
    pub fn exit_code(&self) -> u8 {
        match &self.0.kind {
            ErrorKind::Internal(_) => 1,
            ErrorKind::Usage(_) => 2,
            ErrorKind::Io(_) | ErrorKind::Malformed(_) => 3,
            ErrorKind::Unsupported(_) => 4,
            ErrorKind::Several(errors) => errors.iter().map(Error::exit_code).min().unwrap_or(3),
        }
    }
}

impl Place {
    fn fill_from(&mut self, outer: &Place) {
        fn fill<T: Clone>(inner: &mut Option<T>, outer: &Option<T>) {
            if inner.is_none() {
                inner.clone_from(outer);
            }
        }
        fill(&mut self.file, &outer.file);
        fill(&mut self.function, &outer.function);
        fill(&mut self.node, &outer.node);
        fill(&mut self.op, &outer.op);
        fill(&mut self.object, &outer.object);
        fill(&mut self.python, &outer.python);
    }

    /// The place as indented lines, if anything of it is known.
    pub(crate) fn lines(&self) -> Option<String> {
        let arrow = self.arrow().map(|arrow| format!("  --> {arrow}"));
        let made = match (&self.object, &self.python) {
            (Some(object), Some(python)) => Some(format!("  layer {object}, made at {python}")),
            (Some(object), None) => Some(format!("  layer {object}")),
            (None, Some(python)) => Some(format!("  made at {python}")),
            (None, None) => None,
        };
        let lines: Vec<String> = [arrow, made].into_iter().flatten().collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn arrow(&self) -> Option<String> {
        let node = match (&self.op, &self.node) {
            (Some(op), Some(node)) => Some(format!("{op} `{node}`")),
            (None, Some(node)) => Some(format!("`{node}`")),
            (Some(op), None) => Some(op.clone()),
            (None, None) => None,
        };
        let function = self.function.as_ref().map(|f| format!("`{f}`"));
        let file = self.file.as_ref().map(|f| f.display().to_string());
        let parts: Vec<String> = [node, function, file].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" in "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.kind)?;
        if let Some(lines) = self.0.place.lines() {
            write!(f, "\n{lines}")?;
        }
        match &self.0.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0.kind)
    }
}

impl From<savedmodel_import_kernels::array::Error> for Error {
    /// What a kernel refuses was given to it.
    fn from(error: savedmodel_import_kernels::array::Error) -> Self {
        Error::usage(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_place_and_a_way_out() {
        let inner = Place {
            node: Some("a/Conv2D".into()),
            op: Some("Conv2D".into()),
            ..Place::default()
        };
        let outer = Place {
            function: Some("f".into()),
            node: Some("call".into()),
            ..Place::default()
        };
        let error = Error::unsupported("no NCHW_VECT_C")
            .at(&inner)
            .at(&outer)
            .help("use NHWC");
        assert_eq!(
            error.to_string(),
            "no NCHW_VECT_C\n  --> Conv2D `a/Conv2D` in `f`\n  help: use NHWC"
        );
    }

    #[test]
    fn the_exit_code_follows_the_kind() {
        assert_eq!(Error::internal("x").exit_code(), 1);
        assert_eq!(Error::usage("x").exit_code(), 2);
        assert_eq!(Error::malformed("x").exit_code(), 3);
        assert_eq!(Error::malformed("x").into_internal().exit_code(), 1);
        assert_eq!(Error::unsupported("x").exit_code(), 4);
    }
}
