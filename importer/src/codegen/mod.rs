//! From a plan to Rust source.
//!
//! The printers of the frameworks share what is here: the file around the items, operands and extents
//! ([`operand`]), and the syntax tree that prints itself as rustfmt would ([`rust`]).

mod burn;
mod candle;
mod chain;
mod config;
pub mod device;
mod flow;
mod host;
mod method;
mod operand;
#[cfg(test)]
mod outline;
mod recurrent;
pub mod rust;
mod skeleton;
mod statement;
mod structure;
pub mod support;
mod switch;
mod unread;
mod words;

use crate::ir::{DType, Program};
use crate::options::SupportCode;
use crate::plan::Plan;
use crate::plan::target::{self, WeightLayout};
use crate::templates::Templates;
use crate::{Framework, Result};
use rust::{Expr, Item};
use serde::Serialize;
use std::collections::VecDeque;
use std::path::PathBuf;
use support::{Roots, Support};

/// What the file says beyond its plan.
pub struct Context {
    /// The module's name.
    pub name: String,
    /// The TensorFlow version that saved the model.
    pub tensorflow: String,
    /// The paths of the model's functions that became methods.
    pub functions: Vec<String>,
    /// Further names of methods.
    pub aliases: Vec<Alias>,
    /// The weights file beside the module, if the compiled program shall carry it.
    pub embedded: Option<String>,
    /// What a user should know beside the functions, a sentence each.
    pub notes: Vec<String>,
    /// Where the support code is.
    pub support: SupportCode,
    /// A user's templates.
    pub templates: Option<PathBuf>,
}

/// A method that calls another, and gives its results other names.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub params: Vec<String>,
    /// The index of the entry that it calls.
    pub entry: usize,
    /// What it gives.
    pub results: Results,
}

/// The results of another method, under other names.
#[derive(Clone, Debug)]
pub struct Results {
    /// The name of the struct that holds them.
    pub name: String,
    /// Its fields, and which of the other's results each is.
    pub fields: Vec<(String, usize)>,
}

/// Generated source.
pub struct Generated {
    /// The file.
    pub source: String,
    /// Crates beside the framework that it needs, as `name version`.
    pub support_crates: Vec<String>,
    /// What it uses of the support code.
    pub roots: Roots,
}

/// How a framework lays out weights.
pub fn weight_layout(framework: Framework) -> &'static dyn WeightLayout {
    match framework {
        Framework::Candle => &target::Candle,
        Framework::Burn => &target::Burn,
    }
}

/// The framework's name for the element type in which a method takes or gives a tensor.
pub fn native_dtype(framework: Framework, dtype: DType) -> &'static str {
    match (framework, dtype) {
        (_, DType::F16) => "F16",
        (_, DType::BF16) => "BF16",
        (_, DType::F32 | DType::C64) => "F32",
        (_, DType::F64 | DType::C128) => "F64",
        (Framework::Candle, DType::Bool) => "U8",
        (Framework::Burn, DType::Bool) => "Bool",
        (_, DType::String) => "String",
        (Framework::Candle, DType::U8) => "U8",
        (Framework::Candle, DType::U32) => "U32",
        (
            Framework::Candle,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U16 | DType::U64,
        ) => "I64",
        (Framework::Burn, DType::I8) => "I8",
        (Framework::Burn, DType::I16) => "I16",
        (Framework::Burn, DType::I32) => "I32",
        (Framework::Burn, DType::I64) => "I64",
        (Framework::Burn, DType::U8) => "U8",
        (Framework::Burn, DType::U16) => "U16",
        (Framework::Burn, DType::U32) => "U32",
        (Framework::Burn, DType::U64) => "U64",
    }
}

/// The source of a module.
///
/// # Errors
/// When the framework cannot do what the plan asks for; all of it at once.
pub fn generate(
    plan: &Plan,
    program: &Program,
    framework: Framework,
    context: &Context,
) -> Result<Generated> {
    let (structs, uses) = match framework {
        Framework::Candle => candle::items(plan, program, context)?,
        Framework::Burn => burn::items(plan, program, context)?,
    };
    let templates = Templates::new(context.templates.as_deref())?;
    let name = framework_name(framework);
    let drawn = structs.iter();
    let drawn = drawn.map(|of| templates.render(&format!("{name}/struct.rs.tera"), &of.text()));
    let mut drawn = drawn.collect::<Result<VecDeque<String>>>()?;
    let roots = Roots::of(&uses, drawn.iter().map(String::as_str));
    let support = Support::new(framework, roots.clone());
    let crates = match &context.support {
        SupportCode::Within | SupportCode::Module(_) => support.crates(),
        SupportCode::Crate(name) if !roots.is_empty() => vec![name.clone()],
        SupportCode::Crate(_) => vec![],
    };
    let located = uses.iter().map(|path| located(path, &context.support));
    // Plain comments: a file that build scripts `include!` must not begin with inner documentation.
    let header = Item::comment(header(context, framework, &crates).join("\n"));
    let file = FileText {
        name: &context.name,
        tensorflow: &context.tensorflow,
        functions: &context.functions,
        crates: &crates,
        header: header.to_string(),
        uses: Item::uses(located.collect::<Vec<_>>()).to_string(),
        model: drawn.pop_front().unwrap_or_default(),
        parts: drawn,
        support: match context.support {
            SupportCode::Within => support.module(),
            SupportCode::Module(_) | SupportCode::Crate(_) => None,
        },
    };
    Ok(Generated {
        source: templates.render(&format!("{name}/file.rs.tera"), &file)?,
        support_crates: crates,
        roots,
    })
}

/// What the template of a file is given: text of the model, and Rust that is laid out for its place.
#[derive(Serialize)]
struct FileText<'c> {
    /// The module's name.
    name: &'c str,
    tensorflow: &'c str,
    functions: &'c [String],
    /// Crates beside the framework that the file uses.
    crates: &'c [String],
    /// What the file says of itself, as a comment.
    header: String,
    uses: String,
    /// The struct of the model with its `impl`.
    model: String,
    /// The other structs.
    parts: VecDeque<String>,
    /// `mod support`.
    support: Option<String>,
}

/// Where a path of the support code is.
fn located(path: &str, support: &SupportCode) -> String {
    match (path.strip_prefix("support::"), support) {
        (Some(rest), SupportCode::Module(module)) => format!("{module}::{rest}"),
        (Some(rest), SupportCode::Crate(name)) => format!("{}::{rest}", name.replace('-', "_")),
        (Some(_), SupportCode::Within) | (None, _) => path.to_owned(),
    }
}

fn framework_name(framework: Framework) -> &'static str {
    match framework {
        Framework::Candle => "candle",
        Framework::Burn => "burn",
    }
}

/// The framework as a dependency, and what of it the generated code needs.
fn framework_crates(framework: Framework) -> &'static [&'static str] {
    match framework {
        Framework::Candle => &["candle-core 0.11", "candle-nn 0.11"],
        Framework::Burn => &["burn 0.22 (feature `safetensors`, and a backend)"],
    }
}

fn header(context: &Context, framework: Framework, support_crates: &[String]) -> Vec<String> {
    let mut lines = vec![
        format!(
            "`{}`, compiled from a TensorFlow SavedModel to {}.",
            context.name,
            framework_name(framework)
        ),
        String::new(),
    ];
    match context.tensorflow.as_str() {
        "" => {}
        version => lines.push(format!("Saved by TensorFlow {version}.")),
    }
    lines.push(format!(
        "Functions: {}.",
        context
            .functions
            .iter()
            .map(|path| format!("`{path}`"))
            .collect::<Vec<_>>()
            .join(", ")
    ));
    lines.extend(context.notes.iter().cloned());
    let crates = framework_crates(framework).iter().copied();
    let crates = crates.chain(support_crates.iter().map(String::as_str));
    let crates = crates.collect::<Vec<_>>().join(", ");
    lines.push(format!("Depends on {crates}."));
    lines
}

/// How a method takes the model.
fn receiver(mutates: bool) -> &'static str {
    if mutates { "&mut self" } else { "&self" }
}

/// The field that a weight's key leads to: `self.blocks[0].scale` for `blocks.0.scale`.
fn field_of_key(key: &str) -> Expr {
    let step = |owner: Expr, part: &str| match part.parse() {
        Ok(index) => owner.index(Expr::size(index)),
        Err(_) => owner.field(part),
    };
    key.split('.').fold(Expr::path("self"), step)
}

/// A float as a literal with a suffix: `0.5f32`.
fn number_text(number: f64, suffix: &str) -> String {
    match (number.is_finite(), number.is_nan(), suffix) {
        (true, _, "f32") => format!("{:?}f32", number as f32),
        (true, _, suffix) => format!("{number:?}{suffix}"),
        (false, true, suffix) => format!("{suffix}::NAN"),
        (false, false, suffix) if number > 0.0 => format!("{suffix}::INFINITY"),
        (false, false, suffix) => format!("{suffix}::NEG_INFINITY"),
    }
}
