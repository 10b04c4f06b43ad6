//! Variables, identities, placeholders, and branches whose predicate is known.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Unary, Value};

pub const OPS: &[Lowering] = &[
    multi("Identity", forward),
    multi("RefIdentity", forward),
    op("Snapshot", |cx| cx.input(0)),
    op("PreventGradient", |cx| cx.unary(Unary::StopGradient)),
    op("CheckNumerics", |cx| cx.input(0)),
    op("CheckNumericsV2", |cx| cx.input(0)),
    op("EnsureShape", |cx| cx.input(0)),
    op("DebugGradientIdentity", |cx| cx.input(0)),
    op("DeepCopy", |cx| cx.input(0)),
    op("PlaceholderWithDefault", |cx| cx.input(0)),
    multi("Placeholder", unfed),
    multi("PlaceholderV2", unfed),
    multi("ReadVariableOp", read_variable),
    multi("_ReadVariableOp", read_variable),
    op("VariableShape", variable_shape),
    multi("VarIsInitializedOp", is_initialized),
    multi("IsVariableInitialized", is_initialized),
    multi("NoOp", |_| Ok(vec![])),
    multi("Assert", |_| Ok(vec![])),
    multi("ControlTrigger", |_| Ok(vec![])),
    multi("Switch", switch),
    multi("RefSwitch", switch),
    multi("Merge", merge),
    multi("RefMerge", merge),
];

/// The identity of a handle is the handle.
fn forward(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    Ok(vec![cx.operand(0)?])
}

fn unfed(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let error = Error::usage(format!("the placeholder `{}` has to be fed", cx.name()));
    Err(error.help("name it among the inputs, with --feeds"))
}

fn read_variable(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    Ok(vec![cx.read_any(variable)?])
}

fn variable_shape(cx: &mut Cx<'_>) -> Result<Value> {
    let variable = cx.variable(0)?;
    let value = cx.read(variable)?;
    let (dims, dtype) = (cx.shape(value)?, cx.attr("out_type")?);
    cx.extents(dims, false, dtype)
}

/// Every variable of a restored model is initialised.
fn is_initialized(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    cx.variable(0)?;
    let answer = cx.scalar(crate::ir::DType::Bool, 1.0)?;
    Ok(vec![Lowered::Value(answer)])
}

/// The outputs are for a false and for a true predicate; the other one is dead.
fn switch(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let data = cx.operand(0)?;
    let predicate = cx.input(1)?;
    match cx.graph.as_splat(predicate) {
        Some(0.0) => Ok(vec![data, Lowered::Dead]),
        Some(_) => Ok(vec![Lowered::Dead, data]),
        None => Err(Error::unsupported(
            "control flow whose predicate depends on the inputs",
        )),
    }
}

/// The value of the one live operand, and its index.
fn merge(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let live: Vec<usize> = (0..cx.arity())
        .filter(|&i| cx.operands()[i] != Lowered::Dead)
        .collect();
    match live.as_slice() {
        [] => Ok(vec![Lowered::Dead, Lowered::Dead]),
        [one] => {
            let index = cx.integer_constant(crate::ir::DType::I32, &[*one as i64], true)?;
            Ok(vec![cx.operand(*one)?, Lowered::Value(index)])
        }
        _ => Err(Error::unsupported(
            "a merge of branches whose predicates depend on the inputs",
        )),
    }
}
