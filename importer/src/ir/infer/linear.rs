//! Matrix products and normalisations.

use super::super::dim::Dim;
use super::super::op::{Channels, Masking};
use super::super::ty::{DType, Type};
use super::{broadcast_dims, expect, numeric, of_rank, operands, ranked, real, same_dtype, unify};
use crate::error::{Error, Result};

pub(super) fn matmul(transpose_lhs: bool, transpose_rhs: bool, inputs: &[&Type]) -> Result<Type> {
    let [lhs, rhs] = operands(inputs)?;
    let dtype = same_dtype(lhs, rhs)?;
    numeric(lhs)?;
    let (a, rows, inner) = matrix("the left operand", lhs, transpose_lhs)?;
    let (b, other, columns) = matrix("the right operand", rhs, transpose_rhs)?;
    let mismatch = |e: Error| {
        Error::malformed(format!(
            "the product of {lhs} and {rhs} does not exist: {e}"
        ))
    };
    unify(inner, other).map_err(mismatch)?;
    let mut dims = broadcast_dims(a, b).map_err(mismatch)?;
    dims.extend([rows.clone(), columns.clone()]);
    Ok(Type::new(dtype, dims))
}

/// Leading extents, rows and columns.
fn matrix<'a>(name: &str, ty: &'a Type, transposed: bool) -> Result<(&'a [Dim], &'a Dim, &'a Dim)> {
    match (ranked(name, ty)?, transposed) {
        ([lead @ .., rows, columns], false) | ([lead @ .., columns, rows], true) => {
            Ok((lead, rows, columns))
        }
        ([] | [_], _) => Err(Error::malformed(format!(
            "{name} is {ty} and must be a matrix"
        ))),
    }
}

pub(super) fn attention(masking: Masking, inputs: &[&Type]) -> Result<Type> {
    let (q, k, v, mask) = match (masking, inputs) {
        (Masking::None, [q, k, v]) => (q, k, v, None),
        (Masking::Added | Masking::Kept, [q, k, v, mask]) => (q, k, v, Some(mask)),
        (Masking::None | Masking::Added | Masking::Kept, _) => {
            return Err(Error::malformed(format!(
                "an attention of {} operands",
                inputs.len()
            )));
        }
    };
    let scores = matmul(false, true, &[q, k])?;
    if let Some(mask) = mask {
        let rank = ranked("the mask", mask)?.len();
        let is_kept = masking == Masking::Kept;
        let fits = (mask.dtype == DType::Bool) == is_kept && Some(rank) == scores.rank();
        expect(fits, || format!("{mask} is no mask of {scores}"))?;
        broadcast_dims(ranked("the mask", mask)?, scores.dims())?;
    }
    matmul(false, false, &[&scores, v])
}

pub(super) fn batch_norm(
    scale: bool,
    offset: bool,
    channels: Channels,
    inputs: &[&Type],
) -> Result<Type> {
    let (x, parameters) = split(3 + usize::from(scale) + usize::from(offset), inputs)?;
    let dims = ranked("the operand", x)?;
    let channels = match channels {
        Channels::Last => dims.last(),
        Channels::First => dims.get(1),
    };
    let channels = channels.ok_or_else(|| Error::malformed(format!("{x} has no channels")))?;
    parameters
        .iter()
        .try_for_each(|parameter| fits(parameter, std::slice::from_ref(channels), x))?;
    Ok(x.clone())
}

pub(super) fn layer_norm(axes: usize, scale: bool, offset: bool, inputs: &[&Type]) -> Result<Type> {
    let (x, parameters) = split(1 + usize::from(scale) + usize::from(offset), inputs)?;
    let dims = ranked("the operand", x)?;
    expect(axes <= dims.len(), || {
        format!("{x} does not have {axes} axes")
    })?;
    parameters
        .iter()
        .try_for_each(|parameter| fits(parameter, &dims[dims.len() - axes..], x))?;
    Ok(x.clone())
}

fn split<'a, 'b>(count: usize, inputs: &'b [&'a Type]) -> Result<(&'a Type, &'b [&'a Type])> {
    match inputs.split_first() {
        Some((x, parameters)) if inputs.len() == count => real(x).map(|_| (*x, parameters)),
        Some(_) | None => Err(Error::malformed(format!(
            "takes {count} operands and has {}",
            inputs.len()
        ))),
    }
}

/// Parameters may be wider floats than what they normalise, as in mixed precision.
fn fits(parameter: &Type, dims: &[Dim], x: &Type) -> Result<()> {
    real(parameter)?;
    let given = of_rank("the parameter", parameter, dims.len())?;
    for (a, b) in given.iter().zip(dims) {
        unify(a, b).map_err(|e| {
            Error::malformed(format!("the parameter {parameter} does not fit {x}: {e}"))
        })?;
    }
    Ok(())
}
