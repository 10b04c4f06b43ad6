//! Linear algebra on the last two axes, by elimination and by rotations.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::matrix::{Matrix, matrices};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    one("MatrixInverse", |cx| {
        let flips: bool = cx.attr("adjoint")?;
        map(cx, |matrix| {
            let matrix = if flips { matrix.transposed() } else { matrix };
            let identity = Matrix::identity(matrix.rows);
            matrix.solve(&identity)
        })
    }),
    one("BatchMatrixInverse", |cx| {
        map(cx, |matrix| {
            let identity = Matrix::identity(matrix.rows);
            matrix.solve(&identity)
        })
    }),
    one("MatrixDeterminant", |cx| {
        per_matrix(cx, |matrix| matrix.determinant())
    }),
    many("LogMatrixDeterminant", |cx| {
        let determinants = per_matrix(cx, |matrix| matrix.determinant())?;
        let numbers = determinants.to_floats()?;
        let (signs, logs) = numbers.iter().map(|x| (x.signum(), x.abs().ln())).unzip();
        let (dtype, shape) = (determinants.dtype(), determinants.shape());
        Ok(vec![
            Tensor::from_floats(dtype, shape, signs)?.into(),
            Tensor::from_floats(dtype, shape, logs)?.into(),
        ])
    }),
    one("Cholesky", |cx| map(cx, |matrix| matrix.cholesky())),
    one("MatrixSolve", |cx| {
        let flips: bool = cx.attr("adjoint")?;
        pairwise(cx, |a, b| {
            let a = if flips { a.transposed() } else { a };
            a.solve(&b)
        })
    }),
    one("MatrixTriangularSolve", |cx| {
        let (is_lower, flips): (bool, bool) = (cx.attr("lower")?, cx.attr("adjoint")?);
        pairwise(cx, |a, b| {
            let a = a.triangle(is_lower);
            let a = if flips { a.transposed() } else { a };
            a.solve(&b)
        })
    }),
    many("Qr", |cx| {
        let full: bool = cx.attr("full_matrices")?;
        several(cx, |matrix| {
            let (q, r) = matrix.qr(full);
            vec![q, r]
        })
    }),
    many("SelfAdjointEigV2", |cx| {
        let wants_vectors: bool = cx.attr("compute_v")?;
        let outputs = several(cx, |matrix| {
            let (values, vectors) = matrix.eigen();
            vec![Matrix::column(values), vectors]
        })?;
        eigenvalues_as_vector(outputs, wants_vectors)
    }),
    many("Svd", svd),
    one("Cross", cross),
    many("Lu", lu),
];

fn none() -> Error {
    Error::malformed("there is no matrix")
}

/// Each matrix of a batch through a function.
fn map(cx: &mut Cx<'_>, change: impl Fn(Matrix) -> Result<Matrix>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (batch, all) = matrices(&x)?;
    let changed = all
        .into_iter()
        .map(change)
        .collect::<Result<Vec<Matrix>>>()?;
    stacked(x.dtype(), &batch, &changed, (0, 0))
}

/// Matrices as one tensor; `empty` is the shape of one if there are none.
fn stacked(dtype: DType, batch: &[usize], all: &[Matrix], empty: (usize, usize)) -> Result<Tensor> {
    let (rows, columns) = all
        .first()
        .map_or(empty, |matrix| (matrix.rows, matrix.columns));
    let numbers = all
        .iter()
        .flat_map(|matrix| matrix.numbers.iter().copied())
        .collect();
    Tensor::from_floats(dtype, &[batch, &[rows, columns]].concat(), numbers)
}

/// A number for each matrix.
fn per_matrix(cx: &mut Cx<'_>, of: impl Fn(Matrix) -> f64) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (batch, all) = matrices(&x)?;
    Tensor::from_floats(x.dtype(), &batch, all.into_iter().map(of).collect())
}

fn pairwise(cx: &mut Cx<'_>, join: impl Fn(Matrix, Matrix) -> Result<Matrix>) -> Result<Tensor> {
    let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
    let ((batch, left), (other, right)) = (matrices(&x)?, matrices(&y)?);
    let (batch, left, right) = match (left.len(), right.len()) {
        (1, n) if batch.is_empty() => (other, vec![left[0].clone(); n], right),
        (n, 1) if other.is_empty() => (batch, left, vec![right[0].clone(); n]),
        (a, b) if a == b => (batch, left, right),
        _ => return Err(Error::usage("the batches of matrices differ")),
    };
    let pairs = left.into_iter().zip(right);
    let joined = pairs
        .map(|(a, b)| join(a, b))
        .collect::<Result<Vec<Matrix>>>()?;
    stacked(x.dtype(), &batch, &joined, (0, 0))
}

/// Several matrices for each.
fn several(cx: &mut Cx<'_>, of: impl Fn(Matrix) -> Vec<Matrix>) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    let (batch, all) = matrices(&x)?;
    let results: Vec<Vec<Matrix>> = all.into_iter().map(of).collect();
    let outputs = results.first().map_or(0, Vec::len);
    let mut values = vec![];
    for output in 0..outputs {
        let of_output: Vec<Matrix> = results.iter().map(|all| all[output].clone()).collect();
        values.push(stacked(x.dtype(), &batch, &of_output, (0, 0))?.into());
    }
    Ok(values)
}

/// `[…, n, 1]` becomes `[…, n]`.
fn flattened(value: &Value) -> Result<Value> {
    let tensor = value.tensor()?;
    let shape = tensor.shape();
    let kept = shape
        .get(..shape.len().saturating_sub(1))
        .unwrap_or_default();
    Ok(tensor.reshaped(kept)?.into())
}

fn eigenvalues_as_vector(outputs: Vec<Value>, wants_vectors: bool) -> Result<Vec<Value>> {
    let [values, vectors] = outputs.as_slice() else {
        return Err(none());
    };
    let vectors = match wants_vectors {
        true => vectors.clone(),
        false => super::lists::zeros(vectors.tensor()?.dtype(), &[0])?.into(),
    };
    Ok(vec![flattened(values)?, vectors])
}

/// Singular values, then the left and the right vectors.
fn svd(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (full, wants): (bool, bool) = (cx.attr("full_matrices")?, cx.attr("compute_uv")?);
    if full
        && wants
        && cx
            .tensor(0)?
            .shape()
            .iter()
            .rev()
            .take(2)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            > 1
    {
        return Err(Error::unsupported(
            "full singular vectors of a matrix that is not square",
        ));
    }
    let outputs = several(cx, |matrix| {
        let (values, left, right) = matrix.svd();
        vec![Matrix::column(values), left, right]
    })?;
    let [values, left, right] = outputs.as_slice() else {
        return Err(none());
    };
    let empty = |value: &Value| -> Result<Value> {
        Ok(super::lists::zeros(value.tensor()?.dtype(), &[0])?.into())
    };
    Ok(match wants {
        true => vec![flattened(values)?, left.clone(), right.clone()],
        false => vec![flattened(values)?, empty(left)?, empty(right)?],
    })
}

/// The cross product of vectors in the last axis.
fn cross(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
    if x.shape() != y.shape() || x.shape().last() != Some(&3) {
        return Err(Error::usage("two tensors of vectors of three are needed"));
    }
    let (a, b) = (x.to_floats()?, y.to_floats()?);
    let pairs = a.as_chunks::<3>().0.iter().zip(b.as_chunks::<3>().0);
    let product = |(a, b): (&[f64; 3], &[f64; 3])| {
        [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ]
    };
    Tensor::from_floats(x.dtype(), x.shape(), pairs.flat_map(product).collect())
}

/// Both triangles in one matrix, and the permutation of rows.
fn lu(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    let dtype: DType = cx.attr("output_idx_type")?;
    let (batch, all) = matrices(&x)?;
    let (mut factors, mut orders) = (vec![], vec![]);
    for matrix in all {
        let (factor, order, _) = matrix.factored();
        orders.extend(order.into_iter().map(|row| row as i64));
        factors.push(factor);
    }
    let n = factors.first().map_or(0, |matrix| matrix.rows);
    count(&[n, n])?;
    Ok(vec![
        stacked(x.dtype(), &batch, &factors, (0, 0))?.into(),
        Tensor::from_integers(dtype, &[batch.as_slice(), &[n]].concat(), orders)?.into(),
    ])
}
