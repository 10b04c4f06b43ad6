//! Linear algebra over the last two dimensions, computed on the host in double precision.
//!
//! Results are made without their history. What they owe to a change of an operand is added to first order: a term whose value
//! is zero and whose gradient is that of the result.

use super::matrix_kernel::{Linear, Matrix};
use super::special::{numbers, tensor};
use burn::tensor::{Int, IntDType, Tensor};

/// `x - x`, which only a gradient can tell from zero.
fn change<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone() - x.clone().detach()
}

/// The matrices of a tensor.
fn matrices<const D: usize>(x: &Tensor<D>) -> Vec<Matrix> {
    let (rows, columns) = sizes(x);
    let numbers = numbers(x);
    let count: usize = x.dims()[..D - 2].iter().product();
    let size = rows * columns;
    let matrix = |i: usize| Matrix {
        rows,
        columns,
        numbers: numbers[i * size..(i + 1) * size].to_vec(),
    };
    (0..count).map(matrix).collect()
}

fn sizes<const D: usize>(x: &Tensor<D>) -> (usize, usize) {
    (x.dims()[D - 2], x.dims()[D - 1])
}

/// What `op` makes of each matrix of `x`, and of that of `y` beside it: the elements of each result.
fn each<const D: usize, const N: usize>(
    op: Linear,
    x: &Tensor<D>,
    y: Option<&Tensor<D>>,
) -> [Vec<f64>; N] {
    let mut elements = std::array::from_fn(|_| Vec::new());
    let beside = y.map(matrices);
    for (i, matrix) in matrices(x).into_iter().enumerate() {
        let second = beside.iter().filter_map(|all| all.get(i)).cloned();
        let operands: Vec<Matrix> = std::iter::once(matrix).chain(second).collect();
        let results = match op.of(&operands) {
            Ok(results) => results,
            Err(reason) => panic!("{op:?} of {:?}: {reason}", x.dims()),
        };
        for (all, result) in elements.iter_mut().zip(results) {
            all.extend(result.numbers);
        }
    }
    elements
}

/// Elements as matrices beside those of `x`.
fn stacked<const D: usize>(
    elements: Vec<f64>,
    x: &Tensor<D>,
    rows: usize,
    columns: usize,
) -> Tensor<D> {
    let mut shape = x.dims();
    (shape[D - 2], shape[D - 1]) = (rows, columns);
    tensor(elements, shape, x)
}

/// Elements as one vector, or one number, for each matrix of `x`.
fn listed<const D: usize, const DO: usize>(
    elements: Vec<f64>,
    x: &Tensor<D>,
    last: &[usize],
) -> Tensor<DO> {
    let dims = [&x.dims()[..D - 2], last].concat();
    let mut shape = [1; DO];
    shape[..dims.len()].copy_from_slice(&dims);
    tensor(elements, shape, x)
}

/// The factor `keep` of row and column for each element.
fn mask<const D: usize>(like: &Tensor<D>, keep: impl Fn(usize, usize) -> f64) -> Tensor<D> {
    let (rows, columns) = sizes(like);
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let factors = cells.map(|(row, column)| keep(row, column)).collect();
    let mut shape = [1; D];
    (shape[D - 2], shape[D - 1]) = (rows, columns);
    tensor(factors, shape, like)
}

fn masked<const D: usize>(x: Tensor<D>, keep: impl Fn(usize, usize) -> f64) -> Tensor<D> {
    let mask = mask(&x, keep);
    x * mask
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// The diagonal of square matrices, as columns.
fn diagonal<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    masked(x, |row, column| flag(row == column)).sum_dim(D - 1)
}

fn inverse_of<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    let [y] = each(Linear::Inverse, x, None);
    let (n, _) = sizes(x);
    stacked(y, x, n, n)
}

/// The inverse.
pub fn inverse<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let y = inverse_of(&x);
    let dy = y.clone().matmul(change(&x)).matmul(y.clone());
    y - dy
}

/// `x` of `a x = b`.
pub fn solve<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    solved(Linear::Solve, a, b, |_, _| true)
}

/// `x` of `a x = b` for the lower, or else the upper, triangle of `a`.
pub fn triangular_solve<const D: usize>(a: Tensor<D>, b: Tensor<D>, lower: bool) -> Tensor<D> {
    let op = Linear::TriangularSolve { lower };
    solved(op, a, b, |row, column| match lower {
        true => row >= column,
        false => row <= column,
    })
}

/// `keep` tells which elements of `a` count.
fn solved<const D: usize>(
    op: Linear,
    a: Tensor<D>,
    b: Tensor<D>,
    keep: impl Fn(usize, usize) -> bool,
) -> Tensor<D> {
    let (mut of_a, mut of_b) = (a.dims(), b.dims());
    for axis in 0..D - 2 {
        let extent = if of_a[axis] == 1 {
            of_b[axis]
        } else {
            of_a[axis]
        };
        (of_a[axis], of_b[axis]) = (extent, extent);
    }
    let (a, b) = (a.expand(of_a), b.expand(of_b));
    let [x] = each(op, &a, Some(&b));
    let x = stacked(x, &a, of_a[D - 2], of_b[D - 1]);
    let counted = |a: Tensor<D>| masked(a, |row, column| flag(keep(row, column)));
    let inverse = inverse_of(&counted(a.clone().detach()));
    let moved = change(&b) - counted(change(&a)).matmul(x.clone());
    x + inverse.matmul(moved)
}

/// The lower triangle whose product with its transpose `x` is.
pub fn cholesky<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let (n, _) = sizes(&x);
    let [root] = each(Linear::Cholesky, &x, None);
    let root = stacked(root, &x, n, n);
    let dx = change(&x);
    let dx = (dx.clone() + dx.transpose()) * 0.5;
    let inverse = inverse_of(&root);
    let inner = inverse.clone().matmul(dx).matmul(inverse.transpose());
    let lower = masked(inner, |row, column| match row.cmp(&column) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    });
    root.clone() + root.matmul(lower)
}

/// The trace of `inverse(x) dx`, the change of the logarithm of the determinant.
fn log_change<const D: usize, const DO: usize>(x: &Tensor<D>, like: &Tensor<DO>) -> Tensor<DO> {
    let trace = diagonal(inverse_of(x).matmul(change(x))).sum_dim(D - 2);
    trace.reshape(like.dims())
}

/// The determinant of each matrix. `DO` is `D - 2`, and at least 1.
pub fn determinant<const D: usize, const DO: usize>(x: Tensor<D>) -> Tensor<DO> {
    let [y] = each(Linear::Determinant, &x, None);
    let is_singular = y.contains(&0.0);
    let y: Tensor<DO> = listed(y, &x, &[]);
    if is_singular {
        return y;
    }
    let dy = y.clone() * log_change(&x, &y);
    y + dy
}

/// The sign of each determinant, and the logarithm of its absolute value.
pub fn log_determinant<const D: usize, const DO: usize>(x: Tensor<D>) -> (Tensor<DO>, Tensor<DO>) {
    let [sign, log] = each(Linear::LogDeterminant, &x, None);
    let is_singular = sign.contains(&0.0);
    let (sign, log): (Tensor<DO>, Tensor<DO>) = (listed(sign, &x, &[]), listed(log, &x, &[]));
    if is_singular {
        return (sign, log);
    }
    let change = log_change(&x, &log);
    (sign, log + change)
}

/// An orthogonal matrix, square if `full`, and an upper triangle whose product `x` is. A tall matrix has no gradient of its
/// full factors.
pub fn qr<const D: usize>(x: Tensor<D>, full: bool) -> (Tensor<D>, Tensor<D>) {
    let (rows, columns) = sizes(&x);
    if rows < columns {
        // The first columns have the same orthogonal factor.
        let (q, left) = qr(x.clone().narrow(D - 1, 0, rows), full);
        let right = q.clone().transpose();
        let right = right.matmul(x.narrow(D - 1, rows, columns - rows));
        return (q, Tensor::cat(vec![left, right], D - 1));
    }
    let kept = if full { rows } else { columns };
    let [q, r] = each(Linear::Qr { full }, &x, None);
    let (q, r) = (stacked(q, &x, rows, kept), stacked(r, &x, kept, columns));
    if kept != columns {
        return (q, r);
    }
    let right = change(&x).matmul(inverse_of(&r));
    let inner = q.clone().transpose().matmul(right.clone());
    let below = masked(inner.clone(), |row, column| flag(row > column));
    let turn = below.clone() - below.transpose();
    let dq = q.clone().matmul(turn.clone() - inner.clone()) + right;
    let dr = (inner - turn).matmul(r.clone());
    (q + dq, r + dr)
}

/// `1 / (b - a)` of all pairs of a column, and zero where they are equal.
fn gaps<const D: usize>(column: Tensor<D>) -> Tensor<D> {
    let gaps = column.clone().transpose() - column;
    let is_equal = gaps.clone().equal_scalar(0.0);
    let inverse = gaps.mask_fill(is_equal.clone(), 1.0).recip();
    inverse.mask_fill(is_equal, 0.0)
}

/// The eigenvalues of the lower triangle of `x` as a symmetric matrix, smallest first, and eigenvectors as columns.
/// `DO` is `D - 1`.
pub fn eigen<const D: usize, const DO: usize>(x: Tensor<D>) -> (Tensor<DO>, Tensor<D>) {
    let (n, _) = sizes(&x);
    let [values, vectors] = each(Linear::Eigen, &x, None);
    let (column, vectors) = (stacked(values, &x, n, 1), stacked(vectors, &x, n, n));
    let dx = change(&x);
    let below = masked(dx.clone(), |row, column| flag(row > column));
    let dx = masked(dx, |row, column| flag(row >= column)) + below.transpose();
    let inner = vectors
        .clone()
        .transpose()
        .matmul(dx)
        .matmul(vectors.clone());
    let turn = gaps(column.clone()) * inner.clone();
    let values = (column + diagonal(inner)).squeeze_dim(D - 1);
    (values, vectors.clone() + vectors.matmul(turn))
}

/// Singular values, largest first, and left and right vectors as columns. Full vectors of a matrix that is not square have no
/// gradient. `DO` is `D - 1`.
pub fn svd<const D: usize, const DO: usize>(
    x: Tensor<D>,
    full: bool,
) -> (Tensor<DO>, Tensor<D>, Tensor<D>) {
    let (rows, columns) = sizes(&x);
    let n = rows.min(columns);
    let (left, right) = if full { (rows, columns) } else { (n, n) };
    let [s, u, v] = each(Linear::Svd { full }, &x, None);
    let column = stacked(s, &x, n, 1);
    let (u, v) = (stacked(u, &x, rows, left), stacked(v, &x, columns, right));
    if full && rows != columns {
        return (column.squeeze_dim(D - 1), u, v);
    }
    let (dx, row) = (change(&x), column.clone().transpose());
    let inner = u.clone().transpose().matmul(dx.clone()).matmul(v.clone());
    let gaps = gaps(column.clone().square());
    let across = |a: Tensor<D>, b: Tensor<D>| gaps.clone() * (a * row.clone() + b * column.clone());
    let back = inner.clone().transpose();
    let beside = |basis: &Tensor<D>, moved: Tensor<D>| {
        let within = basis.clone().transpose().matmul(moved.clone());
        (moved - basis.clone().matmul(within)) / row.clone()
    };
    let du = u.clone().matmul(across(inner.clone(), back.clone()));
    let dv = v.clone().matmul(across(back, inner.clone()));
    let du = du + beside(&u, dx.clone().matmul(v.clone()));
    let dv = dv + beside(&v, dx.transpose().matmul(u.clone()));
    let values = (column.clone() + diagonal(inner)).squeeze_dim(D - 1);
    (values, u + du, v + dv)
}

/// Both triangles of the factors of square matrices in one matrix, and the permutation of rows; no gradient flows. `DO` is
/// `D - 1`.
pub fn lu<const D: usize, const DO: usize>(x: Tensor<D>) -> (Tensor<D>, Tensor<DO, Int>) {
    let (n, _) = sizes(&x);
    let [both, order] = each(Linear::Lu, &x, None);
    let order: Tensor<DO> = listed(order, &x, &[n]);
    (stacked(both, &x, n, n), order.int().cast(IntDType::I64))
}
