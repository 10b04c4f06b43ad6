//! Reference variables of TensorFlow 1.

use super::super::cx::Cx;
use super::super::value::Value;
use super::variables::binary;
use super::{Row, many, one};
use crate::error::Result;
use crate::eval::Tensor;
use crate::ir::Binary;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("VariableV2", variable),
    many("Variable", variable),
    many("TemporaryVariable", temporary),
    many("DestroyTemporaryVariable", destroy_temporary),
    many("Assign", assign),
    many("AssignAdd", |cx| update(cx, Binary::Add)),
    many("AssignSub", |cx| update(cx, Binary::Sub)),
    one("IsVariableInitialized", is_initialized),
];

fn variable(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let id = cx.machine.variable_of_node(&cx.def().name)?;
    Ok(vec![Value::Reference(id)])
}

fn temporary(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let name: String = cx.attr("var_name")?;
    let name = if name.is_empty() {
        &cx.def().name
    } else {
        &name
    };
    let id = cx.machine.local_variable(&format!("temporary {name}"));
    Ok(vec![Value::Reference(id)])
}

fn destroy_temporary(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let value = cx.tensor(0)?;
    let id = cx.resource(0)?;
    cx.machine.clear(id)?;
    Ok(vec![value.into()])
}

fn assign(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (id, value) = (cx.resource(0)?, cx.tensor(1)?);
    cx.machine.assign(id, value)?;
    Ok(vec![Value::Reference(id)])
}

fn update(cx: &mut Cx<'_>, op: Binary) -> Result<Vec<Value>> {
    let (id, delta) = (cx.resource(0)?, cx.tensor(1)?);
    let value = binary(op, &*cx.machine.read(id)?, &delta)?;
    cx.machine.assign(id, Arc::new(value))?;
    Ok(vec![Value::Reference(id)])
}

fn is_initialized(cx: &mut Cx<'_>) -> Result<Tensor> {
    let variable = cx.resource(0)?;
    Tensor::new(&[], vec![cx.machine.is_set(variable)?])
}
