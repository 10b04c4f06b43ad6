//! Decompositions of matrices, and Fourier transforms.

use super::super::dim::Dim;
use super::super::op::{Fourier, Linear};
use super::super::ty::{DType, Type};
use super::{broadcast_dims, expect, operands, ranked, real, same_dtype, unify};
use crate::error::{Error, Result};

/// Leading extents, rows and columns.
fn matrix(ty: &Type) -> Result<(&[Dim], &Dim, &Dim)> {
    match ranked("the operand", ty)? {
        [batch @ .., rows, columns] => Ok((batch, rows, columns)),
        [] | [_] => Err(Error::malformed(format!("{ty} is not a matrix"))),
    }
}

fn square(ty: &Type) -> Result<(&[Dim], Dim)> {
    let (batch, rows, columns) = matrix(ty)?;
    let n = unify(rows, columns)
        .map_err(|e| Error::malformed(format!("{ty} is not a square matrix: {e}")))?;
    Ok((batch, n))
}

pub(super) fn linear(op: Linear, inputs: &[&Type]) -> Result<Vec<Type>> {
    let x = inputs
        .first()
        .ok_or_else(|| Error::malformed("linear algebra of nothing"))?;
    let dtype = real(x)?;
    let of = |batch: &[Dim], last: &[Dim]| Type::new(dtype, [batch, last].concat());
    if let Linear::Solve | Linear::TriangularSolve { .. } = op {
        return solution(inputs).map(|ty| vec![ty]);
    }
    operands::<1>(inputs)?;
    Ok(match op {
        Linear::Solve | Linear::TriangularSolve { .. } => vec![],
        Linear::Inverse | Linear::Cholesky => {
            let (batch, n) = square(x)?;
            vec![of(batch, &[n.clone(), n])]
        }
        Linear::Determinant => vec![of(square(x)?.0, &[])],
        Linear::LogDeterminant => vec![of(square(x)?.0, &[]), of(square(x)?.0, &[])],
        Linear::Qr { full } => {
            let (batch, rows, columns) = matrix(x)?;
            let kept = if full {
                rows.clone()
            } else {
                rows.smaller(columns)
            };
            vec![
                of(batch, &[rows.clone(), kept.clone()]),
                of(batch, &[kept, columns.clone()]),
            ]
        }
        Linear::Eigen => {
            let (batch, n) = square(x)?;
            vec![
                of(batch, std::slice::from_ref(&n)),
                of(batch, &[n.clone(), n]),
            ]
        }
        Linear::Svd { full } => {
            let (batch, rows, columns) = matrix(x)?;
            let n = rows.smaller(columns);
            let width = |all: &Dim| if full { all.clone() } else { n.clone() };
            vec![
                of(batch, std::slice::from_ref(&n)),
                of(batch, &[rows.clone(), width(rows)]),
                of(batch, &[columns.clone(), width(columns)]),
            ]
        }
        Linear::Lu => {
            let (batch, n) = square(x)?;
            let order = [batch, std::slice::from_ref(&n)].concat();
            vec![of(batch, &[n.clone(), n]), Type::new(DType::I64, order)]
        }
    })
}

fn solution(inputs: &[&Type]) -> Result<Type> {
    let [a, b] = operands(inputs)?;
    let dtype = same_dtype(a, b)?;
    let ((of_a, n), (of_b, rows, columns)) = (square(a)?, matrix(b)?);
    unify(&n, rows).map_err(|e| Error::malformed(format!("{a} and {b} do not fit: {e}")))?;
    let mut dims = broadcast_dims(of_a, of_b)?;
    dims.extend([n, columns.clone()]);
    Ok(Type::new(dtype, dims))
}

pub(super) fn fourier(fourier: &Fourier, inputs: &[&Type]) -> Result<Vec<Type>> {
    let like = |x: &Type, last: Dim| -> Result<Type> {
        let mut dims = ranked("the operand", x)?.to_vec();
        *dims
            .last_mut()
            .ok_or_else(|| Error::malformed("a scalar has no transform"))? = last;
        Ok(Type::new(real(x)?, dims))
    };
    if let Fourier::OfReal = fourier {
        let [x] = operands(inputs)?;
        let dims = ranked("the operand", x)?;
        let half = dims.last().and_then(|n| n.div_floor(&Dim::known(2)));
        let half = half.ok_or_else(|| Error::malformed("a scalar has no transform"))?;
        let half = like(x, half + Dim::known(1))?;
        return Ok(vec![half.clone(), half]);
    }
    let [re, im] = operands(inputs)?;
    same_dtype(re, im)?;
    expect(re.rank() == im.rank(), || {
        format!("{re} and {im} are not the parts of a complex tensor")
    })?;
    match fourier {
        Fourier::ToReal(length) => Ok(vec![like(re, length.clone())?]),
        Fourier::Forward | Fourier::Inverse | Fourier::OfReal => {
            real(re)?;
            Ok(vec![(*re).clone(), (*re).clone()])
        }
    }
}
