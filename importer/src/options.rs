//! What a user may ask of a conversion.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The framework that a module is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framework {
    /// candle.
    Candle,
    /// burn.
    Burn,
}

/// The choices of a conversion; [`crate::Convert`] sets them.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The framework.
    pub framework: Framework,
    /// The module's name: a Rust identifier in snake case.
    pub name: String,
    /// The tags of the MetaGraph; `None` chooses as TensorFlow does.
    pub tags: Option<Vec<String>>,
    /// The signatures to convert. With no signature, function or fetch, everything is converted.
    pub signatures: Vec<String>,
    /// The exported functions to convert, by path.
    pub functions: Vec<String>,
    /// The tensors that `fetches` take as arguments.
    pub feeds: Vec<String>,
    /// The tensors of the main graph to convert into one function.
    pub fetches: Vec<String>,
    /// The prefix of a checkpoint that replaces the model's own.
    pub checkpoint: Option<PathBuf>,
    /// Arguments whose dtype or shape is pinned.
    pub inputs: Vec<InputSpec>,
    /// The float type of weights and arithmetic; `None` keeps the model's.
    pub dtype: Option<FloatType>,
    /// Whether the source includes the weights' bytes.
    pub embed_weights: bool,
    /// Whether comments say which lines of Python made what.
    pub python_lines: bool,
    /// Where the source finds its support code.
    pub support: SupportCode,
    /// A directory of templates that stand in for the built-in ones.
    pub templates: Option<PathBuf>,
    /// A `.keras` file, or the `config.json` in one, that tells how layers train.
    pub keras: Option<PathBuf>,
    /// The momentum of batch norms of which nothing else tells it.
    pub batch_norm_momentum: Option<f64>,
    /// Whether constants that stand where weights stand become variables.
    pub thaw: bool,
    /// Whether functions that cannot be converted are left out, signatures too.
    pub keep_going: bool,
    /// Whether variables may lack a value.
    pub allow_partial_checkpoint: bool,
    /// Whether variables stay at their initial values.
    pub skip_checkpoint: bool,
}

/// Where generated source finds the layers and ops that its framework lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SupportCode {
    /// At its own end: what it uses of them, and no more.
    #[default]
    Within,
    /// In a module of the same crate, at this Rust path.
    Module(String),
    /// In a dependency of this name, the published support code for the framework.
    Crate(String),
}

impl Options {
    /// Everything in the model, for `framework`, called `name`.
    pub fn new(framework: Framework, name: impl Into<String>) -> Self {
        Options {
            framework,
            name: name.into(),
            tags: None,
            signatures: Vec::new(),
            functions: Vec::new(),
            feeds: Vec::new(),
            fetches: Vec::new(),
            checkpoint: None,
            inputs: Vec::new(),
            dtype: None,
            embed_weights: false,
            python_lines: false,
            support: SupportCode::Within,
            templates: None,
            keras: None,
            batch_norm_momentum: None,
            thaw: false,
            keep_going: false,
            allow_partial_checkpoint: false,
            skip_checkpoint: false,
        }
    }

    /// Refuses a name that is no identifier and feeds without fetches.
    pub(crate) fn check(&self) -> Result<()> {
        if !is_identifier(&self.name) {
            return Err(
                Error::usage(format!("`{}` cannot name a Rust module", self.name))
                    .help("use a name of lower-case letters, digits and `_`"),
            );
        }
        if let SupportCode::Crate(name) = &self.support
            && !is_identifier(&name.replace('-', "_"))
        {
            return Err(Error::usage(format!("`{name}` cannot name a crate")));
        }
        if let Some(momentum) = self.batch_norm_momentum
            && !(0.0..1.0).contains(&momentum)
        {
            return Err(
                Error::usage(format!("{momentum} is no momentum of a batch norm"))
                    .help("it lies between 0 and 1, such as 0.9"),
            );
        }
        match self.fetches.is_empty() && !self.feeds.is_empty() {
            true => Err(Error::usage("feeds are given without fetches")
                .help("name the outputs with --fetches")),
            false => Ok(()),
        }
    }
}

/// The name of a module made from `text`: `My-Model.v2` is `my_model_v2`.
pub(crate) fn module_name(text: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '_',
    };
    let name: String = text.chars().map(letter).collect();
    match name.trim_matches('_') {
        "" => "model".into(),
        trimmed if is_identifier(trimmed) => trimmed.into(),
        trimmed => format!("model_{trimmed}"),
    }
}

fn is_identifier(name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name.contains(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && !KEYWORDS.contains(&name)
}

/// A pinned argument: `x=float32[?,28,28]`, `x=[1,2]` or `x=int64`; `?` is an unknown dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSpec {
    /// The argument's name in TensorFlow.
    pub name: String,
    /// The dtype, in TensorFlow's words.
    pub dtype: Option<String>,
    /// The shape; an inner `None` is an unknown dimension.
    pub shape: Option<Vec<Option<u64>>>,
}

impl FromStr for InputSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::usage(format!("`{text}` does not describe an input"))
                .help("write NAME=DTYPE[d0,d1,…], such as x=float32[?,28,28]")
        };
        let (name, rest) = text.split_once('=').ok_or_else(bad)?;
        let (dtype, shape) = match rest.split_once('[') {
            Some((dtype, dims)) => (dtype, Some(dims.strip_suffix(']').ok_or_else(bad)?)),
            None => (rest, None),
        };
        if name.is_empty() || (dtype.is_empty() && shape.is_none()) {
            return Err(bad());
        }
        Ok(InputSpec {
            name: name.to_owned(),
            dtype: (!dtype.is_empty()).then(|| dtype.to_owned()),
            shape: shape.map(parse_dims).transpose().map_err(|()| bad())?,
        })
    }
}

fn parse_dims(text: &str) -> Result<Vec<Option<u64>>, ()> {
    let dim = |text: &str| match text.trim() {
        "?" | "None" | "-1" => Ok(None),
        number => number.parse().map(Some).map_err(|_| ()),
    };
    match text.trim() {
        "" => Ok(Vec::new()),
        dims => dims.split(',').map(dim).collect(),
    }
}

/// A float type for weights and arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// 32 bits.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of 32 bits.
    Bf16,
}

impl FromStr for FloatType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "f32" => Ok(FloatType::F32),
            "f16" => Ok(FloatType::F16),
            "bf16" => Ok(FloatType::Bf16),
            other => Err(Error::usage(format!(
                "`{other}` is no float type; known are f32, f16, bf16"
            ))),
        }
    }
}

impl FromStr for Framework {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "candle" => Ok(Framework::Candle),
            "burn" => Ok(Framework::Burn),
            other => Err(Error::usage(format!(
                "`{other}` is no framework; known are candle, burn"
            ))),
        }
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Framework::Candle => "candle",
            Framework::Burn => "burn",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> (String, Option<String>, Option<Vec<Option<u64>>>) {
        let input: InputSpec = text.parse().unwrap();
        (input.name, input.dtype, input.shape)
    }

    #[test]
    fn an_input_has_a_dtype_or_a_shape_or_both() {
        let float = || Some("float32".to_owned());
        assert_eq!(
            input("x=float32[?,28]"),
            ("x".into(), float(), Some(vec![None, Some(28)]))
        );
        assert_eq!(input("x=float32"), ("x".into(), float(), None));
        assert_eq!(input("x=[ ]"), ("x".into(), None, Some(vec![])));
        for bad in ["x", "x=", "=float32", "x=float32[2", "x=[a]"] {
            assert_eq!(
                bad.parse::<InputSpec>().unwrap_err().exit_code(),
                2,
                "{bad}"
            );
        }
    }

    #[test]
    fn any_directory_name_gives_a_module_name() {
        assert_eq!(module_name("My-Model.v2"), "my_model_v2");
        assert_eq!(module_name("0001"), "model_0001");
        assert_eq!(module_name("type"), "model_type");
        assert_eq!(module_name("日本"), "model");
    }

    #[test]
    fn a_name_must_be_an_identifier() {
        for bad in ["", "Nmp", "a/b", "1a", "match", "_"] {
            assert!(
                Options::new(Framework::Candle, bad).check().is_err(),
                "{bad}"
            );
        }
        assert!(Options::new(Framework::Candle, "nmp_2").check().is_ok());
    }
}
