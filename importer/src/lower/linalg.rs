//! Linear algebra on the last two axes.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Dim, Linear, Op, Value};

pub const OPS: &[Lowering] = &[
    op("MatrixInverse", inverse),
    op("BatchMatrixInverse", inverse),
    op("MatrixDeterminant", |cx| {
        cx.map(Op::Linear(Linear::Determinant))
    }),
    op("BatchMatrixDeterminant", |cx| {
        cx.map(Op::Linear(Linear::Determinant))
    }),
    multi("LogMatrixDeterminant", |cx| {
        let x = cx.input(0)?;
        cx.decomposed(Linear::LogDeterminant, x, 2)
    }),
    op("Cholesky", |cx| cx.map(Op::Linear(Linear::Cholesky))),
    op("BatchCholesky", |cx| cx.map(Op::Linear(Linear::Cholesky))),
    op("MatrixSolve", |cx| solve(cx, None)),
    op("BatchMatrixSolve", |cx| solve(cx, None)),
    op("MatrixTriangularSolve", |cx| {
        let lower = cx.attr("lower")?;
        solve(cx, Some(lower))
    }),
    op("BatchMatrixTriangularSolve", |cx| {
        let lower = cx.attr("lower")?;
        solve(cx, Some(lower))
    }),
    multi("Qr", |cx| {
        let (x, full) = (cx.input(0)?, cx.attr("full_matrices")?);
        cx.decomposed(Linear::Qr { full }, x, 2)
    }),
    multi("SelfAdjointEigV2", eigen),
    multi("Svd", svd),
    multi("Lu", lu),
    op("Cross", cross),
];

impl Cx<'_> {
    fn decomposed(&mut self, op: Linear, x: Value, results: u32) -> Result<Vec<Lowered>> {
        let node = self.graph.push(Op::Linear(op), &[x], self.origin)?;
        let result = |result| Lowered::Value(Value { node, result });
        Ok((0..results).map(result).collect())
    }

    /// The transposed matrices where the node's `adjoint` says so.
    fn adjoint(&mut self, x: Value) -> Result<Value> {
        if !self.attr::<bool>("adjoint")? {
            return Ok(x);
        }
        let rank = self.rank(x)?;
        let mut permutation: Vec<usize> = (0..rank).collect();
        if rank >= 2 {
            permutation.swap(rank - 2, rank - 1);
        }
        self.transpose(x, permutation)
    }
}

fn inverse(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let x = cx.adjoint(x)?;
    cx.push(Op::Linear(Linear::Inverse), &[x])
}

/// The transposed of a lower triangle is an upper one.
fn solve(cx: &mut Cx<'_>, lower: Option<bool>) -> Result<Value> {
    let (a, b) = cx.pair()?;
    let a = cx.adjoint(a)?;
    let is_turned: bool = cx.attr("adjoint")?;
    let op = match lower {
        Some(lower) => Linear::TriangularSolve {
            lower: lower != is_turned,
        },
        None => Linear::Solve,
    };
    cx.push(Op::Linear(op), &[a, b])
}

fn eigen(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let mut results = cx.decomposed(Linear::Eigen, x, 2)?;
    if !cx.attr::<bool>("compute_v")? {
        results[1] = nothing(cx, x)?;
    }
    Ok(results)
}

fn svd(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (x, full) = (cx.input(0)?, cx.attr("full_matrices")?);
    if cx.attr("compute_uv")? {
        return cx.decomposed(Linear::Svd { full }, x, 3);
    }
    let mut results = cx.decomposed(Linear::Svd { full: false }, x, 3)?;
    results[1] = nothing(cx, x)?;
    results[2] = results[1];
    Ok(results)
}

/// What TensorFlow gives for vectors that are not asked for.
fn nothing(cx: &mut Cx<'_>, like: Value) -> Result<Lowered> {
    let dtype = cx.dtype(like);
    cx.splat(dtype, vec![0], 0.0).map(Lowered::Value)
}

fn lu(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let results = cx.decomposed(Linear::Lu, x, 2)?;
    let &[both, Lowered::Value(order)] = results.as_slice() else {
        return Err(Error::internal("a decomposition lacks results"));
    };
    let dtype: DType = cx.attr("output_idx_type")?;
    Ok(vec![both, Lowered::Value(cx.cast(order, dtype)?)])
}

/// `a[1, 2, 0] * b[2, 0, 1] - a[2, 0, 1] * b[1, 2, 0]` of vectors of three.
fn cross(cx: &mut Cx<'_>) -> Result<Value> {
    let (a, b) = cx.pair()?;
    let dims = cx.shape(a)?;
    let axis = match dims.split_last() {
        Some((last, before)) if last.is(3) => before.len(),
        Some(_) | None => return Err(Error::malformed("a cross product of no vectors of three")),
    };
    let turned = |cx: &mut Cx<'_>, x: Value, by: i64| {
        let head = cx.narrow(x, axis, Dim::known(by), Dim::known(3 - by))?;
        let tail = cx.narrow(x, axis, Dim::known(0), Dim::known(by))?;
        cx.concat(&[head, tail], axis)
    };
    let (a1, b1) = (turned(cx, a, 1)?, turned(cx, b, 1)?);
    let (a2, b2) = (turned(cx, a, 2)?, turned(cx, b, 2)?);
    let (plus, minus) = (
        cx.combine(Binary::Mul, a1, b2)?,
        cx.combine(Binary::Mul, a2, b1)?,
    );
    cx.combine(Binary::Sub, plus, minus)
}
