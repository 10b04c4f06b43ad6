//! Ops that take or make indices.

use super::super::dim::Dim;
use super::super::op::Join;
use super::super::ty::{DType, Type};
use super::{check_axis, expect, integer, numeric, of_rank, operands, ranked, same_dtype, unify};
use crate::error::{Error, Result};

pub(super) fn gather(axis: usize, batch_dims: usize, inputs: &[&Type]) -> Result<Type> {
    let [x, indices] = operands(inputs)?;
    integer(indices)?;
    check_axis(axis, x)?;
    let (dims, at) = (ranked("the operand", x)?, ranked("the indices", indices)?);
    expect(batch_dims <= axis && batch_dims <= at.len(), || {
        format!("{batch_dims} batch axes do not fit axis {axis} of {x} and the indices {indices}")
    })?;
    let mut result = common(&dims[..batch_dims], &at[..batch_dims])?;
    result.extend_from_slice(&dims[batch_dims..axis]);
    result.extend_from_slice(&at[batch_dims..]);
    result.extend_from_slice(&dims[axis + 1..]);
    Ok(Type::new(x.dtype, result))
}

pub(super) fn gather_nd(batch_dims: usize, inputs: &[&Type]) -> Result<Type> {
    let [x, indices] = operands(inputs)?;
    integer(indices)?;
    let (dims, (at, depth)) = (ranked("the operand", x)?, addresses(indices)?);
    expect(
        batch_dims <= at.len() && batch_dims + depth <= dims.len(),
        || format!("{batch_dims} batch axes and the indices {indices} do not fit {x}"),
    )?;
    let mut result = common(&dims[..batch_dims], &at[..batch_dims])?;
    result.extend_from_slice(&at[batch_dims..]);
    result.extend_from_slice(&dims[batch_dims + depth..]);
    Ok(Type::new(x.dtype, result))
}

pub(super) fn scatter(join: Join, inputs: &[&Type]) -> Result<Type> {
    let [x, indices, updates] = operands(inputs)?;
    same_dtype(x, updates)?;
    if join != Join::Update {
        numeric(x)?;
    }
    scattered(ranked("the operand", x)?, indices, updates)
}

pub(super) fn bound(entry: usize, inputs: &[&Type]) -> Result<Type> {
    let [list] = operands(inputs)?;
    integer(list)?;
    let dims = of_rank("the bounds", list, 1)?;
    expect(dims[0].as_usize().is_none_or(|n| entry < n), || {
        format!("{list} has no entry {entry}")
    })?;
    Ok(Type::new(list.dtype, [Dim::known(1)]))
}

pub(super) fn scatter_nd(shape: &[Dim], inputs: &[&Type]) -> Result<Type> {
    let [indices, updates] = operands(inputs)?;
    numeric(updates)?;
    scattered(shape, indices, updates)
}

/// The type of what the updates are scattered into.
fn scattered(shape: &[Dim], indices: &Type, updates: &Type) -> Result<Type> {
    integer(indices)?;
    let result = Type::new(updates.dtype, shape);
    let (at, depth) = addresses(indices)?;
    expect(depth <= shape.len(), || {
        format!("the indices {indices} address more axes than {result} has")
    })?;
    let wanted = [at, &shape[depth..]].concat();
    let given = of_rank("the updates", updates, wanted.len())?;
    common(&wanted, given).map_err(|e| {
        Error::malformed(format!(
            "the updates {updates} do not fit {indices} and {result}: {e}"
        ))
    })?;
    Ok(result)
}

pub(super) fn one_hot(depth: &Dim, axis: usize, inputs: &[&Type]) -> Result<Type> {
    let [indices, on, off] = operands(inputs)?;
    integer(indices)?;
    let dtype = same_dtype(on, off)?;
    of_rank("the on value", on, 0)?;
    of_rank("the off value", off, 0)?;
    let mut dims = ranked("the indices", indices)?.to_vec();
    expect(axis <= dims.len(), || {
        format!("a new axis {axis} does not fit {indices}")
    })?;
    dims.insert(axis, depth.clone());
    Ok(Type::new(dtype, dims))
}

pub(super) fn top_k(k: &Dim, inputs: &[&Type]) -> Result<Vec<Type>> {
    let [x] = operands(inputs)?;
    numeric(x)?;
    let mut dims = ranked("the operand", x)?.to_vec();
    let last = dims
        .last_mut()
        .ok_or_else(|| Error::malformed("a scalar has no last axis"))?;
    let fits = k
        .as_known()
        .zip(last.as_known())
        .is_none_or(|(k, n)| k <= n);
    expect(fits, || {
        format!("{x} does not have {k} elements in its last axis")
    })?;
    *last = k.clone();
    Ok(vec![
        Type::new(x.dtype, dims.clone()),
        Type::new(DType::I32, dims),
    ])
}

pub(super) fn range(length: &Dim, inputs: &[&Type]) -> Result<Type> {
    let [start, step] = operands(inputs)?;
    let dtype = same_dtype(start, step)?;
    numeric(start)?;
    of_rank("the start", start, 0)?;
    of_rank("the step", step, 0)?;
    Ok(Type::new(dtype, [length.clone()]))
}

/// The leading axes of `[..., depth]` indices, and `depth`.
fn addresses(indices: &Type) -> Result<(&[Dim], usize)> {
    let dims = ranked("the indices", indices)?;
    let (depth, at) = dims
        .split_last()
        .ok_or_else(|| Error::malformed("the indices are a scalar"))?;
    let unknown = || {
        Error::unsupported(format!(
            "the indices are {indices}: their last extent must be known"
        ))
    };
    Ok((at, depth.as_usize().ok_or_else(unknown)?))
}

/// The extents of two lists that must be one.
fn common(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>> {
    a.iter().zip(b).map(|(a, b)| unify(a, b)).collect()
}
