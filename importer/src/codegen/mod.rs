//! From a plan to Rust source.
//!
//! The printers of the frameworks share what is here: the file around the items, operands and extents
//! ([`operand`]), and the syntax tree that prints itself as rustfmt would ([`rust`]).

mod burn;
mod candle;
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
mod statement;
mod structure;
mod switch;
mod unread;
mod words;

use crate::ir::{DType, Program};
use crate::plan::Plan;
use crate::plan::target::{self, WeightLayout};
use crate::{Framework, Result};
use rust::{Expr, File, Item};
use savedmodel_import_templates as templates;
use std::collections::BTreeSet;

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
    /// The Rust path of a module that holds the support code; `None` puts it into the file.
    pub support: Option<String>,
}

/// A method that only calls another.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub params: Vec<String>,
    /// The index of the entry that it calls.
    pub entry: usize,
    /// What it gives, if not the same.
    pub results: Option<Results>,
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
    let (items, uses) = match framework {
        Framework::Candle => candle::items(plan, program, context)?,
        Framework::Burn => burn::items(plan, program, context)?,
    };
    let files = support_files(framework);
    let used = templates::closure(
        files,
        uses.iter()
            .filter_map(|path| path.strip_prefix("support::")?.split("::").next()),
    );
    let paths = uses
        .iter()
        .map(|path| located(path, context.support.as_deref()));
    // Plain comments: a file that build scripts `include!` must not begin with inner documentation.
    let support_crates = templates::crates(files, &used);
    let header = Item::comment(header(context, framework, &support_crates).join("\n"));
    let mut file = File::new([header, Item::uses(paths.collect::<Vec<_>>())]);
    items.into_iter().for_each(|item| file.push(item));
    if context.support.is_none() && !used.is_empty() {
        file.push(Item::verbatim(support_module(files, &used)));
    }
    Ok(Generated {
        source: file.to_string(),
        support_crates,
    })
}

fn framework_name(framework: Framework) -> &'static str {
    match framework {
        Framework::Candle => "candle",
        Framework::Burn => "burn",
    }
}

/// A path of the support code, where that is.
fn located(path: &str, support: Option<&str>) -> String {
    match (path.strip_prefix("support::"), support) {
        (Some(rest), Some(module)) => format!("{module}::{rest}"),
        (Some(_), None) | (None, _) => path.to_owned(),
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

/// `mod support`, with the files that are used, each as it was tested.
fn support_module(files: &[templates::Support], used: &BTreeSet<&str>) -> String {
    let mut text = String::from(
        "/// Layers and ops that the framework lacks.\n#[rustfmt::skip]\n#[allow(dead_code, unused_imports, clippy::all)]\nmod support {\n",
    );
    for file in files.iter().filter(|file| used.contains(file.name)) {
        text.push_str(&format!("pub mod {} {{\n{}}}\n\n", file.name, file.source));
    }
    text.truncate(text.trim_end().len());
    text.push_str("\n}\n");
    text
}

/// The files of support code for a framework.
fn support_files(framework: Framework) -> &'static [templates::Support] {
    match framework {
        Framework::Candle => templates::candle(),
        Framework::Burn => templates::burn(),
    }
}

/// The whole support code as one file, for several models to share.
pub fn support_source(framework: Framework) -> String {
    let files = support_files(framework);
    let mut text = String::from(
        "//! Layers and ops that the framework lacks, shared by generated modules.\n\n#![allow(dead_code, unused_imports, clippy::all)]\n",
    );
    for file in files {
        text.push_str(&format!(
            "\n#[rustfmt::skip]\npub mod {} {{\n{}}}\n",
            file.name, file.source
        ));
    }
    text
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
