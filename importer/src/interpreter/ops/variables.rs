//! Resource variables.

use super::super::cx::Cx;
use super::super::value::Value;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::{self, Tensor};
use crate::ir::{Binary, DType, Op, Type};
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("VarHandleOp", handle),
    many("_VarHandlesOp", handle),
    many("ReadVariableOp", read),
    many("_ReadVariableOp", read),
    many("AssignVariableOp", assign),
    many("AssignAddVariableOp", |cx| update(cx, Binary::Add)),
    many("AssignSubVariableOp", |cx| update(cx, Binary::Sub)),
    many("DestroyResourceOp", |_| Ok(vec![])),
    one("VarIsInitializedOp", is_initialized),
    one("VariableShape", shape),
    many("DisableCopyOnRead", |_| Ok(vec![])),
];

fn handle(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let id = match cx.plan.name.is_empty() {
        true => cx.machine.variable_of_node(&cx.def().name)?,
        false => {
            let name = cx.shared_name();
            cx.machine.variable_of_node(&name)?
        }
    };
    Ok(vec![Value::Resource(id)])
}

fn read(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let variable = cx.resource(0)?;
    Ok(vec![cx.machine.read(variable)?.into()])
}

fn assign(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (variable, value) = (cx.resource(0)?, cx.tensor(1)?);
    cx.machine.assign(variable, value)?;
    Ok(vec![])
}

fn update(cx: &mut Cx<'_>, op: Binary) -> Result<Vec<Value>> {
    let (variable, delta) = (cx.resource(0)?, cx.tensor(1)?);
    let old = cx.machine.read(variable)?;
    if old.shape() != delta.shape() {
        let (old, delta) = (old.shape(), delta.shape());
        return Err(Error::usage(format!(
            "an update of shape {delta:?} of a variable of {old:?}"
        )));
    }
    let value = binary(op, &old, &delta)?;
    cx.machine.assign(variable, Arc::new(value))?;
    Ok(vec![])
}

/// An elementwise op over tensors of one shape.
pub(super) fn binary(op: Binary, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let dims: Vec<crate::ir::Dim> = x.shape().iter().map(|&n| n.into()).collect();
    let ty = Type::new(x.dtype(), dims);
    let mut results = eval::evaluate(&Op::Binary(op), &[x, y], &[ty])?;
    results.pop().ok_or_else(|| Error::internal("no result"))
}

fn is_initialized(cx: &mut Cx<'_>) -> Result<Tensor> {
    let variable = cx.resource(0)?;
    Tensor::new(&[], vec![cx.machine.is_set(variable)?])
}

fn shape(cx: &mut Cx<'_>) -> Result<Tensor> {
    let variable = cx.resource(0)?;
    let value = cx.machine.read(variable)?;
    let extents: Vec<i64> = value.shape().iter().map(|&n| n as i64).collect();
    let dtype: DType = cx.attr("out_type")?;
    Tensor::from_integers(dtype, &[extents.len()], extents)
}
