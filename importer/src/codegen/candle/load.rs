//! Loading a model's weights, and telling which of them learn.

use super::super::rust::{Block, Expr, Function, Item, Stmt};
use super::dtype;
use crate::ir::{DType, Program};
use crate::plan::{Plan, Weight};
use std::collections::BTreeSet;

/// The float type of most weights, which the `VarBuilder` has.
pub fn main_dtype(program: &Program, plan: &Plan) -> DType {
    let float = |weight: &Weight| program.params[weight.param.0 as usize].ty.dtype;
    let mut counts = std::collections::BTreeMap::new();
    for dtype in plan
        .weights
        .iter()
        .map(float)
        .filter(|dtype| dtype.is_float())
    {
        *counts.entry(dtype).or_insert(0usize) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map_or(DType::F32, |(dtype, _)| dtype)
}

pub fn load(program: &Program, plan: &Plan, uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "candle_core::DType",
        "candle_core::Device",
        "std::path::Path",
        "support::weights::checked",
    ] {
        uses.insert(path.to_owned());
    }
    let read = Expr::call(
        "candle_core::safetensors::load",
        [Expr::path("path"), Expr::path("device")],
    );
    let function = Function::public("load").param("path", "impl AsRef<Path>");
    let function = from_tensors(function, read, program, plan);
    Item::from(function)
        .doc("Loads the weights from a safetensors file, which has exactly those of the model.")
}

/// `fn load_into(vars: &VarMap, path: impl AsRef<Path>, device: &Device) -> Result<Self>`.
pub fn load_into(program: &Program, plan: &Plan, uses: &mut BTreeSet<String>) -> Item {
    uses.insert("support::vars::variables".to_owned());
    let read = Expr::call(
        "candle_core::safetensors::load",
        [Expr::path("path"), Expr::path("device")],
    );
    let variables = Expr::call("variables", [Expr::path("vars"), read.tried()]);
    let function = Function::public("load_into").param("vars", "&VarMap");
    let function = function.param("path", "impl AsRef<Path>");
    let function = from_tensors(function, variables, program, plan);
    Item::from(function)
        .doc("Loads the weights into variables of `vars`, new ones or those that are there, which an optimizer moves.")
}

/// `fn embedded(device: &Device) -> Result<Self>`.
pub fn embedded(program: &Program, plan: &Plan, file: &str) -> Item {
    let bytes = Expr::call_macro("include_bytes", [Expr::str(file)]);
    let read = Expr::call(
        "candle_core::safetensors::load_buffer",
        [bytes, Expr::path("device")],
    );
    let function = from_tensors(Function::public("embedded"), read, program, plan);
    Item::from(function).doc("The weights that the program carries.")
}

/// The rest of a function that makes the model from what `read` gives.
fn from_tensors(function: Function, read: Expr, program: &Program, plan: &Plan) -> Function {
    let element = Expr::path(dtype(main_dtype(program, plan)));
    let made = Expr::call(
        "checked",
        [
            Expr::path("tensors"),
            element,
            Expr::path("device"),
            Expr::path("Self::new"),
        ],
    );
    let body = Block::new([Stmt::bind("tensors", read.tried())]).tail(made);
    function
        .param("device", "&Device")
        .returns("Result<Self>")
        .body(body)
}

/// `fn trainable(vars: &VarMap) -> Vec<Var>`.
pub fn trainable(plan: &Plan, program: &Program, uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "candle_core::Var",
        "candle_nn::VarMap",
        "support::vars::trainable",
    ] {
        uses.insert(path.to_owned());
    }
    let frozen = |weight: &&Weight| !program.params[weight.param.0 as usize].trainable;
    let statistics = ["running_mean", "running_var"];
    let others: Vec<Expr> = plan
        .weights
        .iter()
        .filter(frozen)
        .filter(|weight| !statistics.iter().any(|suffix| weight.key.ends_with(suffix)))
        .map(|weight| Expr::str(&weight.key))
        .collect();
    let body = Expr::call(
        "trainable",
        [Expr::path("vars"), Expr::array(others).by_ref()],
    );
    let function = Function::public("trainable")
        .param("vars", "&VarMap")
        .returns("Vec<Var>")
        .body(Block::from(body));
    Item::from(function)
        .doc("The variables of `vars` that TensorFlow would train, in the order of their keys.")
}
