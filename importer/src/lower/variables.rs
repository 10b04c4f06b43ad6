//! The values of variables while a function runs, and the ops that assign them.
//!
//! A function that assigns is lowered as one that computes new values: what is read after an assignment is what was
//! assigned, and the last values are further results of the function.

use super::cx::{Cx, Lowered};
use super::scatter::{scattered, with_sums};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, ParamId, Value};
use std::collections::{BTreeMap, BTreeSet};

pub const OPS: &[Lowering] = &[
    multi("AssignVariableOp", assign),
    multi("AssignAddVariableOp", |cx| update(cx, Binary::Add)),
    multi("AssignSubVariableOp", |cx| update(cx, Binary::Sub)),
    multi("Assign", assign),
    multi("AssignAdd", |cx| update(cx, Binary::Add)),
    multi("AssignSub", |cx| update(cx, Binary::Sub)),
    multi("ResourceScatterUpdate", |cx| scatter(cx, None)),
    multi("ResourceScatterAdd", |cx| scatter(cx, Some(Binary::Add))),
    multi("ResourceScatterSub", |cx| scatter(cx, Some(Binary::Sub))),
    multi("ScatterUpdate", |cx| scatter(cx, None)),
    multi("ScatterAdd", |cx| scatter(cx, Some(Binary::Add))),
    multi("ScatterSub", |cx| scatter(cx, Some(Binary::Sub))),
    multi("ResourceScatterNdUpdate", |cx| scatter_nd(cx, None)),
    multi("ResourceScatterNdAdd", |cx| {
        scatter_nd(cx, Some(Binary::Add))
    }),
    multi("ResourceScatterNdSub", |cx| {
        scatter_nd(cx, Some(Binary::Sub))
    }),
];

/// What is known of the variables at a point of the walk.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    /// The values of those that have been read or assigned.
    pub values: BTreeMap<ParamId, Value>,
    /// Those that have been assigned.
    pub assigned: BTreeSet<ParamId>,
}

fn assign(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let value = cx.input(1)?;
    set(cx, value)
}

fn update(cx: &mut Cx<'_>, op: Binary) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    let (old, change) = (cx.read(variable)?, cx.input(1)?);
    let new = cx.combine(op, old, change)?;
    set(cx, new)
}

/// Rows of the variable are replaced or changed.
fn scatter(cx: &mut Cx<'_>, op: Option<Binary>) -> Result<Vec<Lowered>> {
    let indices = cx.input(1)?;
    let rank = cx.rank(indices)?;
    let indices = cx.expand(indices, rank)?;
    scatter_at(cx, op, indices)
}

fn scatter_nd(cx: &mut Cx<'_>, op: Option<Binary>) -> Result<Vec<Lowered>> {
    let indices = cx.input(1)?;
    scatter_at(cx, op, indices)
}

fn scatter_at(cx: &mut Cx<'_>, op: Option<Binary>, indices: Value) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    let (old, updates) = (cx.read(variable)?, cx.input(2)?);
    let new = match op {
        Some(op) => with_sums(cx, op, old, indices, updates)?,
        None => scattered(cx, old, indices, updates)?,
    };
    set(cx, new)
}

/// Gives the variable that operand 0 names a new value. A reference goes on as one.
fn set(cx: &mut Cx<'_>, value: Value) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    cx.assign(variable, value)?;
    Ok(vec![Lowered::Variable(variable)])
}

impl Cx<'_> {
    /// From here on the variable has this value.
    ///
    /// # Errors
    /// The value is not of the variable's type.
    pub fn assign(&mut self, variable: ParamId, value: Value) -> Result<()> {
        let param = self
            .params
            .get(variable.0 as usize)
            .ok_or_else(|| Error::malformed("the node assigns a variable that does not exist"))?;
        let ty = self.graph.ty(value);
        if param.ty.dtype == DType::String || ty.dtype != param.ty.dtype {
            return Err(Error::unsupported(format!(
                "`{}` of {:?} is assigned {:?}",
                param.name, param.ty.dtype, ty.dtype
            )));
        }
        if ty.dims() != param.ty.dims() || ty.rank() != param.ty.rank() {
            return Err(Error::unsupported(format!(
                "`{}` of type {} is assigned a value of type {ty}",
                param.name, param.ty
            ))
            .help(
                "a variable of a generated module keeps its shape; `import run` has no such limit",
            ));
        }
        self.variables.values.insert(variable, value);
        self.variables.assigned.insert(variable);
        Ok(())
    }
}
