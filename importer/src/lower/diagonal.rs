//! Diagonals and bands of matrices.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    op("MatrixBandPart", band_part),
    op("MatrixDiag", main_diagonal),
    op("MatrixDiagPart", main_diagonal_part),
    op("MatrixSetDiag", set_main_diagonal),
];

/// Column index minus row index, `[rows, columns]`.
fn offsets(cx: &mut Cx<'_>, rows: Dim, columns: Dim, dtype: DType) -> Result<Value> {
    let row = cx.iota(rows, dtype)?;
    let row = cx.expand(row, 1)?;
    let column = cx.iota(columns, dtype)?;
    cx.combine(Binary::Sub, column, row)
}

fn matrix(cx: &Cx<'_>, x: Value) -> Result<(Vec<Dim>, Dim, Dim)> {
    let mut dims = cx.shape(x)?;
    match (dims.pop(), dims.pop()) {
        (Some(columns), Some(rows)) => Ok((dims, rows, columns)),
        (_, _) => Err(Error::malformed("the operand is not a matrix")),
    }
}

/// Keeps `lower` diagonals below the main one and `upper` above; a negative number keeps all.
fn band_part(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, lower, upper) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (_, rows, columns) = matrix(cx, x)?;
    let dtype = cx.dtype(lower);
    let offset = offsets(cx, rows, columns, dtype)?;
    let below = cx.apply(crate::ir::Unary::Neg, offset)?;
    let mut mask: Option<Value> = None;
    for (width, distance, known) in [(lower, below, cx.integer(1).ok()), (upper, offset, cx.integer(2).ok())] {
        if known.is_some_and(|known| known < 0) {
            continue;
        }
        let mut near = cx.test(Comparison::LessEqual, distance, width)?;
        if known.is_none() {
            let zero = cx.scalar(dtype, 0.0)?;
            let all = cx.test(Comparison::Less, width, zero)?;
            near = cx.combine(Binary::LogicalOr, near, all)?;
        }
        mask = Some(match mask {
            Some(mask) => cx.combine(Binary::LogicalAnd, mask, near)?,
            None => near,
        });
    }
    let Some(mask) = mask else { return Ok(x) };
    let zero = cx.scalar_like(x, 0.0)?;
    cx.select(mask, x, zero)
}

fn on_diagonal(cx: &mut Cx<'_>, rows: Dim, columns: Dim) -> Result<Value> {
    let offset = offsets(cx, rows, columns, DType::I32)?;
    let zero = cx.scalar(DType::I32, 0.0)?;
    cx.test(Comparison::Equal, offset, zero)
}

fn main_diagonal(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let size = dims.last().cloned().ok_or_else(|| Error::malformed("a scalar is no diagonal"))?;
    let mask = on_diagonal(cx, size.clone(), size)?;
    let column = cx.expand(x, dims.len())?;
    let zero = cx.scalar_like(x, 0.0)?;
    cx.select(mask, column, zero)
}

fn main_diagonal_part(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let (mut batch, rows, columns) = matrix(cx, x)?;
    let length = rows.smaller(&columns);
    let step = columns.clone() + Dim::known(1);
    batch.push(rows * columns);
    let axis = batch.len() - 1;
    let flat = cx.reshape(x, batch)?;
    let at = cx.iota(length, DType::I32)?;
    let step = cx.extents(vec![step], true, DType::I32)?;
    let at = cx.combine(Binary::Mul, at, step)?;
    cx.push(Op::Gather { axis, batch_dims: 0 }, &[flat, at])
}

fn set_main_diagonal(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, diagonal) = cx.pair()?;
    let (_, rows, columns) = matrix(cx, x)?;
    if rows != columns {
        return Err(Error::unsupported("setting the diagonal of a matrix that is not square"));
    }
    let mask = on_diagonal(cx, rows, columns)?;
    let axis = cx.rank(diagonal)?;
    let column = cx.expand(diagonal, axis)?;
    cx.select(mask, column, x)
}
