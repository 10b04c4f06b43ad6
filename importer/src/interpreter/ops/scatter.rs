//! Reads and changes of parts of variables.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::{Join, Numbers, index};
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_proto::NodeDef;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("ResourceGather", |cx| gather(cx, "GatherV2")),
    many("ResourceGatherNd", |cx| gather(cx, "GatherNd")),
    many("ResourceScatterUpdate", |cx| scatter(cx, Join::Update)),
    many("ResourceScatterAdd", |cx| scatter(cx, Join::Add)),
    many("ResourceScatterSub", |cx| scatter(cx, Join::Sub)),
    many("ResourceScatterMul", |cx| scatter(cx, Join::Mul)),
    many("ResourceScatterDiv", |cx| scatter(cx, Join::Div)),
    many("ResourceScatterMin", |cx| scatter(cx, Join::Min)),
    many("ResourceScatterMax", |cx| scatter(cx, Join::Max)),
    many("ScatterUpdate", |cx| scatter(cx, Join::Update)),
    many("ScatterAdd", |cx| scatter(cx, Join::Add)),
    many("ScatterSub", |cx| scatter(cx, Join::Sub)),
    many("ScatterMul", |cx| scatter(cx, Join::Mul)),
    many("ScatterDiv", |cx| scatter(cx, Join::Div)),
    many("ScatterMin", |cx| scatter(cx, Join::Min)),
    many("ScatterMax", |cx| scatter(cx, Join::Max)),
    many("ResourceScatterNdUpdate", |cx| scatter_nd(cx, Join::Update)),
    many("ResourceScatterNdAdd", |cx| scatter_nd(cx, Join::Add)),
    many("ResourceScatterNdSub", |cx| scatter_nd(cx, Join::Sub)),
    many("ResourceScatterNdMin", |cx| scatter_nd(cx, Join::Min)),
    many("ResourceScatterNdMax", |cx| scatter_nd(cx, Join::Max)),
    many("ScatterNdUpdate", |cx| scatter_nd(cx, Join::Update)),
    many("ScatterNdAdd", |cx| scatter_nd(cx, Join::Add)),
    many("ScatterNdSub", |cx| scatter_nd(cx, Join::Sub)),
    many("ScatterNdMin", |cx| scatter_nd(cx, Join::Min)),
    many("ScatterNdMax", |cx| scatter_nd(cx, Join::Max)),
    many("ScatterNdNonAliasingAdd", |cx| {
        tensor_scatter(cx, Join::Add)
    }),
    many("ResourceStridedSliceAssign", strided_assign),
    many("StridedSliceAssign", strided_assign),
    many("TensorStridedSliceUpdate", |cx| {
        let x = cx.tensor(0)?;
        Ok(vec![strided_update(cx, &x)?.into()])
    }),
];

/// The read of a variable, then an op over tensors that has the other attributes in common.
fn gather(cx: &mut Cx<'_>, op: &str) -> Result<Vec<Value>> {
    let variable = cx.resource(0)?;
    let mut operands = vec![cx.machine.read(variable)?, cx.tensor(1)?];
    if op == "GatherV2" {
        let batch: i64 = cx.attr("batch_dims")?;
        operands.push(Arc::new(Tensor::new(&[], vec![batch])?));
    }
    let def = NodeDef {
        op: op.to_owned(),
        ..cx.def().clone()
    };
    let outputs = crate::lower::single::evaluate(&def, &operands)?;
    Ok(outputs.into_iter().map(Value::of_op).collect())
}

/// What an op that changes a variable gives: nothing for a handle, the reference for a reference.
fn outputs(cx: &Cx<'_>) -> Result<Vec<Value>> {
    Ok(match cx.value(0)? {
        Value::Reference(id) => vec![Value::Reference(*id)],
        Value::Resource(_) | Value::Tensor(_) | Value::Variant(_) => vec![],
    })
}

/// Rows of the variable by number.
fn scatter(cx: &mut Cx<'_>, join: Join) -> Result<Vec<Value>> {
    let variable = cx.resource(0)?;
    let old = cx.machine.read(variable)?;
    let (indices, updates) = (cx.integers(1)?, cx.tensor(2)?);
    let Some((&rows, row)) = old.shape().split_first() else {
        return Err(Error::usage("a scalar has no rows"));
    };
    let row = count(row)?;
    let is_scalar = updates.rank() == 0;
    if !is_scalar && updates.len() != indices.len() * row {
        return Err(mismatch(&updates, &old));
    }
    let mut places = Vec::with_capacity(indices.len() * row);
    for (number, &at) in indices.iter().enumerate() {
        let start = index(at, rows)? * row;
        let from = |i: usize| if is_scalar { 0 } else { number * row + i };
        places.extend((0..row).map(|i| (start + i, from(i))));
    }
    let new = changed(&old, &updates, join, &places)?;
    cx.machine.assign(variable, Arc::new(new))?;
    outputs(cx)
}

fn mismatch(updates: &Tensor, old: &Tensor) -> Error {
    let (updates, old) = (updates.shape(), old.shape());
    Error::usage(format!("updates of shape {updates:?} do not fit {old:?}"))
}

/// The tensor after elements of `updates` joined it at `(here, there)`.
pub(super) fn changed(
    old: &Tensor,
    updates: &Tensor,
    join: Join,
    places: &[(usize, usize)],
) -> Result<Tensor> {
    if join == Join::Update {
        let all = Tensor::chain(&[old, updates])?;
        let mut from: Vec<usize> = (0..old.len()).collect();
        for &(to, at) in places {
            let outside = || Error::usage("an index is out of range");
            *from.get_mut(to).ok_or_else(outside)? = old.len() + at;
        }
        return all.take(old.shape(), &from);
    }
    let mut numbers = Numbers::of(old)?;
    numbers.join(join, &Numbers::of(updates)?, places.iter().copied())?;
    numbers.tensor(old.dtype(), old.shape())
}

/// Where each element of `updates` goes, for indices of shape `[…, depth]`.
fn nd_places(old: &Tensor, indices: &Tensor, updates: &Tensor) -> Result<Vec<(usize, usize)>> {
    let depth = indices.shape().last().copied().unwrap_or(1);
    let (outer, inner) = old
        .shape()
        .split_at_checked(depth)
        .ok_or_else(|| Error::usage("an index is longer than the shape"))?;
    let row = count(inner)?;
    let numbers = indices.as_integers();
    let numbers = numbers.ok_or_else(|| Error::malformed("indices should be integers"))?;
    let tuples = match depth {
        0 => updates.len() / row.max(1),
        depth => numbers.len() / depth,
    };
    if updates.len() != tuples * row {
        return Err(mismatch(updates, old));
    }
    let mut places = Vec::with_capacity(updates.len());
    for tuple in 0..tuples {
        let mut start = 0;
        for (&at, &extent) in numbers[tuple * depth..(tuple + 1) * depth]
            .iter()
            .zip(outer)
        {
            start = start * extent + index(at, extent)?;
        }
        places.extend((0..row).map(|i| (start * row + i, tuple * row + i)));
    }
    Ok(places)
}

fn scatter_nd(cx: &mut Cx<'_>, join: Join) -> Result<Vec<Value>> {
    let variable = cx.resource(0)?;
    let old = cx.machine.read(variable)?;
    let (indices, updates) = (cx.tensor(1)?, cx.tensor(2)?);
    let places = nd_places(&old, &indices, &updates)?;
    let new = changed(&old, &updates, join, &places)?;
    cx.machine.assign(variable, Arc::new(new))?;
    outputs(cx)
}

fn tensor_scatter(cx: &mut Cx<'_>, join: Join) -> Result<Vec<Value>> {
    let (old, indices, updates) = (cx.tensor(0)?, cx.tensor(1)?, cx.tensor(2)?);
    let places = nd_places(&old, &indices, &updates)?;
    Ok(vec![changed(&old, &updates, join, &places)?.into()])
}

fn strided_assign(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let variable = cx.resource(0)?;
    let old = cx.machine.read(variable)?;
    let new = strided_update(cx, &old)?;
    cx.machine.assign(variable, Arc::new(new))?;
    outputs(cx)
}

/// The tensor after the part that a strided slice takes is replaced by the last operand.
fn strided_update(cx: &mut Cx<'_>, old: &Tensor) -> Result<Tensor> {
    let updates = cx.tensor(4)?;
    let places = strided_places(cx, old.shape())?;
    if updates.len() == 1 {
        let places: Vec<(usize, usize)> = places.into_iter().map(|to| (to, 0)).collect();
        return changed(old, &updates, Join::Update, &places);
    }
    if updates.len() != places.len() {
        return Err(mismatch(&updates, old));
    }
    let places: Vec<(usize, usize)> = places.into_iter().zip(0..).collect();
    changed(old, &updates, Join::Update, &places)
}

/// The flat places that a strided slice of a tensor takes: its operands are 1 to 3 of the node.
pub(super) fn strided_places(cx: &mut Cx<'_>, shape: &[usize]) -> Result<Vec<usize>> {
    let numbers = Tensor::from_integers(DType::I64, shape, (0..count(shape)? as i64).collect())?;
    let operands = [
        Arc::new(numbers),
        cx.tensor(1)?,
        cx.tensor(2)?,
        cx.tensor(3)?,
    ];
    let mut def = NodeDef {
        op: "StridedSlice".to_owned(),
        ..cx.def().clone()
    };
    def.attr.remove("T");
    let taken = crate::lower::single::evaluate(&def, &operands)?;
    let taken = taken
        .into_iter()
        .next()
        .flatten()
        .and_then(|tensor| tensor.as_integers());
    let taken = taken.ok_or_else(|| Error::malformed("a slice without a result"))?;
    Ok(taken.into_iter().map(|place| place as usize).collect())
}
