//! Ops along axes.

use super::super::dim::Dim;
use super::super::op::Reduction;
use super::super::ty::{DType, Type};
use super::{boolean, check_axis, expect, numeric, operands, ranked, real};
use crate::error::Result;

pub(super) fn reduce(op: Reduction, axes: &[usize], keep: bool, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    match op {
        Reduction::Sum | Reduction::Mean | Reduction::Product | Reduction::Max | Reduction::Min => {
            numeric(x)?
        }
        Reduction::All | Reduction::Any => boolean(x)?,
    };
    let dims = ranked("the operand", x)?;
    expect(axes.is_sorted_by(|a, b| a < b), || {
        format!("the axes {axes:?} are not sorted")
    })?;
    axes.iter().try_for_each(|&axis| check_axis(axis, x))?;
    let mut result = Vec::with_capacity(dims.len());
    for (axis, dim) in dims.iter().enumerate() {
        match (axes.contains(&axis), keep) {
            (false, _) => result.push(dim.clone()),
            (true, true) => result.push(Dim::known(1)),
            (true, false) => {}
        }
    }
    Ok(Type::new(x.dtype, result))
}

pub(super) fn arg_reduce(axis: usize, dtype: DType, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    expect(dtype.is_integer(), || {
        format!("indices are integers, not {dtype}")
    })?;
    check_axis(axis, x)?;
    let mut dims = ranked("the operand", x)?.to_vec();
    dims.remove(axis);
    Ok(Type::new(dtype, dims))
}

pub(super) fn cumulative(op: Reduction, axis: usize, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let known = match op {
        Reduction::Sum | Reduction::Product => true,
        Reduction::Mean | Reduction::Max | Reduction::Min | Reduction::All | Reduction::Any => {
            false
        }
    };
    expect(known, || {
        format!("there is no running {op:?}; known are Sum, Product")
    })?;
    numeric(x)?;
    check_axis(axis, x)?;
    Ok(x.clone())
}

pub(super) fn softmax(axis: usize, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    real(x)?;
    check_axis(axis, x)?;
    Ok(x.clone())
}
