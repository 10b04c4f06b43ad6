//! The values of variables while a function runs, and the ops that assign them.
//!
//! A function that assigns is lowered as one that computes new values: what is read after an assignment is what was
//! assigned, and the last values are further results of the function.

use super::cx::{Cx, Lowered};
use super::scatter::with_sums;
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Dim, Join, ParamId, Value};
use std::collections::{BTreeMap, BTreeSet};

pub const OPS: &[Lowering] = &[
    multi("AssignVariableOp", assign),
    multi("AssignAddVariableOp", |cx| update(cx, Binary::Add)),
    multi("AssignSubVariableOp", |cx| update(cx, Binary::Sub)),
    multi("Assign", assign),
    multi("AssignAdd", |cx| update(cx, Binary::Add)),
    multi("AssignSub", |cx| update(cx, Binary::Sub)),
    multi("ResourceScatterUpdate", |cx| {
        scatter(cx, Change::Join(Join::Update))
    }),
    multi("ResourceScatterMax", |cx| {
        scatter(cx, Change::Join(Join::Max))
    }),
    multi("ResourceScatterMin", |cx| {
        scatter(cx, Change::Join(Join::Min))
    }),
    multi("ResourceScatterMul", |cx| {
        scatter(cx, Change::Join(Join::Product))
    }),
    multi("ResourceScatterAdd", |cx| {
        scatter(cx, Change::Sum(Binary::Add))
    }),
    multi("ResourceScatterSub", |cx| {
        scatter(cx, Change::Sum(Binary::Sub))
    }),
    multi("ResourceScatterNdUpdate", |cx| {
        scatter_nd(cx, Change::Join(Join::Update))
    }),
    multi("ResourceScatterNdMax", |cx| {
        scatter_nd(cx, Change::Join(Join::Max))
    }),
    multi("ResourceScatterNdMin", |cx| {
        scatter_nd(cx, Change::Join(Join::Min))
    }),
    multi("ResourceScatterNdAdd", |cx| {
        scatter_nd(cx, Change::Sum(Binary::Add))
    }),
    multi("ResourceScatterNdSub", |cx| {
        scatter_nd(cx, Change::Sum(Binary::Sub))
    }),
    multi("ScatterUpdate", |cx| {
        scatter(cx, Change::Join(Join::Update))
    }),
    multi("ScatterMax", |cx| scatter(cx, Change::Join(Join::Max))),
    multi("ScatterMin", |cx| scatter(cx, Change::Join(Join::Min))),
    multi("ScatterMul", |cx| scatter(cx, Change::Join(Join::Product))),
    multi("ScatterAdd", |cx| scatter(cx, Change::Sum(Binary::Add))),
    multi("ScatterSub", |cx| scatter(cx, Change::Sum(Binary::Sub))),
    multi("ScatterNdUpdate", |cx| {
        scatter_nd(cx, Change::Join(Join::Update))
    }),
    multi("ScatterNdMax", |cx| scatter_nd(cx, Change::Join(Join::Max))),
    multi("ScatterNdMin", |cx| scatter_nd(cx, Change::Join(Join::Min))),
    multi("ScatterNdAdd", |cx| {
        scatter_nd(cx, Change::Sum(Binary::Add))
    }),
    multi("ScatterNdSub", |cx| {
        scatter_nd(cx, Change::Sum(Binary::Sub))
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
    let value = cx.input_for_variable(1)?;
    set(cx, value)
}

fn update(cx: &mut Cx<'_>, op: Binary) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    let (old, change) = (cx.read(variable)?, cx.input_for_variable(1)?);
    let new = cx.combine(op, old, change)?;
    set(cx, new)
}

/// What happens to the slices of a variable.
#[derive(Clone, Copy)]
enum Change {
    /// The sum of all updates of a slice is added or subtracted.
    Sum(Binary),
    /// They are joined with one update after the other.
    Join(Join),
}

/// Rows of the variable are replaced or changed.
fn scatter(cx: &mut Cx<'_>, change: Change) -> Result<Vec<Lowered>> {
    let (indices, mut updates) = (cx.input(1)?, cx.input(2)?);
    let rank = cx.rank(indices)?;
    if cx.rank(updates)? == 0 {
        let variable = cx.variable(0)?;
        let row = cx.read(variable).and_then(|old| cx.shape(old))?;
        let mut dims = cx.shape(indices)?;
        dims.extend(row.into_iter().skip(1));
        updates = cx.broadcast(updates, dims)?;
    }
    let indices = cx.expand(indices, rank)?;
    scatter_at(cx, change, indices, updates)
}

fn scatter_nd(cx: &mut Cx<'_>, change: Change) -> Result<Vec<Lowered>> {
    let (indices, updates) = (cx.input(1)?, cx.input(2)?);
    scatter_at(cx, change, indices, updates)
}

fn scatter_at(
    cx: &mut Cx<'_>,
    change: Change,
    indices: Value,
    updates: Value,
) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    let old = cx.read(variable)?;
    let new = match change {
        Change::Sum(op) => with_sums(cx, op, old, indices, updates)?,
        Change::Join(join) => cx.scatter(join, old, indices, updates)?,
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
    /// Operand `i`, which has the shape of the variable that operand 0 names; extents that are free are the variable's.
    ///
    /// # Errors
    /// An operand is missing, or no tensor.
    fn input_for_variable(&mut self, i: usize) -> Result<Value> {
        let variable = self.variable(0)?;
        let old = self.read(variable)?;
        let wanted = self.shape(old)?;
        let value = self.input_of_rank(i, wanted.len())?;
        let Ok(dims) = self.shape(value) else {
            return Ok(value);
        };
        let is_free = |(dim, wanted): (&Dim, &Dim)| dim == wanted || dim.as_known().is_none();
        let fits = dims.len() == wanted.len() && dims.iter().zip(&wanted).all(is_free);
        match fits && dims != wanted {
            true => self.reshape(value, wanted),
            false => Ok(value),
        }
    }

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
