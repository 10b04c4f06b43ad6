//! Linear algebra over the last two axes, computed on the CPU in double precision.
//!
//! Results are made without their history. What they owe to a change of an operand is added to first order: a term whose value
//! is zero and whose gradient is that of the result.

use super::binary::select;
use super::matmul::matmul;
use super::matrix_kernel::{Linear, Matrix};
use candle_core::{D, DType, Device, Error, Result, Shape, Tensor, bail};

/// `x - x`, which only a gradient can tell from zero; `None` for an operand that no gradient flows to.
fn change(x: &Tensor) -> Result<Option<Tensor>> {
    x.track_op().then(|| x - x.detach()).transpose()
}

/// The matrices of a tensor.
fn matrices(x: &Tensor) -> Result<Vec<Matrix>> {
    let (rows, columns) = (x.dim(D::Minus2)?, x.dim(D::Minus1)?);
    let numbers = x.detach().to_dtype(DType::F64)?.flatten_all()?;
    let numbers = numbers.to_vec1::<f64>()?;
    let count: usize = x.dims()[..x.rank() - 2].iter().product();
    let size = rows * columns;
    let matrix = |i: usize| Matrix {
        rows,
        columns,
        numbers: numbers[i * size..(i + 1) * size].to_vec(),
    };
    Ok((0..count).map(matrix).collect())
}

/// What `op` makes of each matrix of `x`, and of that of `y` beside it, in the shapes of single results.
fn each<const N: usize>(
    op: Linear,
    x: &Tensor,
    y: Option<&Tensor>,
    shapes: [&[usize]; N],
) -> Result<[Tensor; N]> {
    let mut numbers = shapes.map(|_| Vec::new());
    let beside = y.map(matrices).transpose()?;
    for (i, matrix) in matrices(x)?.into_iter().enumerate() {
        let second = beside.iter().filter_map(|all| all.get(i)).cloned();
        let operands: Vec<Matrix> = std::iter::once(matrix).chain(second).collect();
        let results = op
            .of(&operands)
            .map_err(|reason| Error::msg(format!("{op:?} of {:?}: {reason}", x.dims())))?;
        for (all, result) in numbers.iter_mut().zip(results) {
            all.extend(result.numbers);
        }
    }
    let batch = &x.dims()[..x.rank() - 2];
    let mut tensors = numbers.into_iter().zip(shapes).map(|(numbers, shape)| {
        Tensor::from_vec(numbers, [batch, shape].concat(), &Device::Cpu)?
            .to_dtype(x.dtype())?
            .to_device(x.device())
    });
    let all: Vec<Tensor> = tensors.by_ref().collect::<Result<_>>()?;
    all.try_into()
        .map_err(|_| Error::msg("a decomposition lacks results"))
}

fn sizes(x: &Tensor) -> Result<(usize, usize)> {
    if x.rank() < 2 {
        bail!("{:?} is not a matrix", x.dims());
    }
    Ok((x.dim(D::Minus2)?, x.dim(D::Minus1)?))
}

/// `1` where `keep` of row and column holds.
fn mask(like: &Tensor, keep: impl Fn(usize, usize) -> f64) -> Result<Tensor> {
    let (rows, columns) = sizes(like)?;
    let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let numbers: Vec<f64> = cells.map(|(row, column)| keep(row, column)).collect();
    Tensor::from_vec(numbers, (rows, columns), like.device())?.to_dtype(like.dtype())
}

fn masked(x: &Tensor, keep: impl Fn(usize, usize) -> f64) -> Result<Tensor> {
    x.broadcast_mul(&mask(x, keep)?)
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn turned(x: &Tensor) -> Result<Tensor> {
    x.transpose(D::Minus2, D::Minus1)?.contiguous()
}

/// A column for each vector.
fn column(x: &Tensor) -> Result<Tensor> {
    x.unsqueeze(D::Minus1)
}

/// The diagonal of square matrices.
fn diagonal(x: &Tensor) -> Result<Tensor> {
    masked(x, |row, column| flag(row == column))?.sum(D::Minus1)
}

/// The inverse.
pub fn inverse(x: &Tensor) -> Result<Tensor> {
    let (n, _) = sizes(x)?;
    let [y] = each(Linear::Inverse, x, None, [&[n, n]])?;
    match change(x)? {
        Some(dx) => &y - matmul(&matmul(&y, &dx)?, &y)?,
        None => Ok(y),
    }
}

/// Both operands with the batch axes that they broadcast to.
fn paired(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let batch = |x: &Tensor| Shape::from(&x.dims()[..x.rank() - 2]);
    sizes(a).and(sizes(b))?;
    let common = batch(a).broadcast_shape_binary_op(&batch(b), "solve")?;
    let spread = |x: &Tensor| x.broadcast_as([common.dims(), &x.dims()[x.rank() - 2..]].concat());
    Ok((spread(a)?, spread(b)?))
}

/// `x` of `a x = b`.
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    solved(Linear::Solve, a, b, |_, _| true)
}

/// `x` of `a x = b` for the lower, or else the upper, triangle of `a`.
pub fn triangular_solve(a: &Tensor, b: &Tensor, lower: bool) -> Result<Tensor> {
    let op = Linear::TriangularSolve { lower };
    solved(op, a, b, |row, column| match lower {
        true => row >= column,
        false => row <= column,
    })
}

/// `keep` tells which elements of `a` count.
fn solved(
    op: Linear,
    a: &Tensor,
    b: &Tensor,
    keep: impl Fn(usize, usize) -> bool,
) -> Result<Tensor> {
    let (a, b) = paired(a, b)?;
    let ((n, _), (_, width)) = (sizes(&a)?, sizes(&b)?);
    let [x] = each(op, &a, Some(&b), [&[n, width]])?;
    let (da, db) = (change(&a)?, change(&b)?);
    if da.is_none() && db.is_none() {
        return Ok(x);
    }
    let a = masked(&a.detach(), |row, column| flag(keep(row, column)))?;
    let [inverse] = each(Linear::Inverse, &a, None, [&[n, n]])?;
    let mut y = x.clone();
    if let Some(db) = db {
        y = (y + matmul(&inverse, &db)?)?;
    }
    if let Some(da) = da {
        let da = masked(&da, |row, column| flag(keep(row, column)))?;
        y = (y - matmul(&inverse, &matmul(&da, &x)?)?)?;
    }
    Ok(y)
}

/// The lower triangle whose product with its transpose `x` is.
pub fn cholesky(x: &Tensor) -> Result<Tensor> {
    let (n, _) = sizes(x)?;
    let [root] = each(Linear::Cholesky, x, None, [&[n, n]])?;
    let Some(dx) = change(x)? else {
        return Ok(root);
    };
    let dx = ((&dx + turned(&dx)?)? * 0.5)?;
    let [inverse] = each(Linear::Inverse, &root, None, [&[n, n]])?;
    let inner = matmul(&matmul(&inverse, &dx)?, &turned(&inverse)?)?;
    let lower = masked(&inner, |row, column| match row.cmp(&column) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    })?;
    &root + matmul(&root, &lower)?
}

/// The trace of `inverse(x) dx`, the change of the logarithm of the determinant.
fn log_change(x: &Tensor, dx: &Tensor) -> Result<Tensor> {
    let (n, _) = sizes(x)?;
    let [inverse] = each(Linear::Inverse, x, None, [&[n, n]])?;
    (turned(&inverse)? * dx)?.sum((D::Minus2, D::Minus1))
}

/// The determinant.
pub fn determinant(x: &Tensor) -> Result<Tensor> {
    sizes(x)?;
    let [y] = each(Linear::Determinant, x, None, [&[]])?;
    match change(x)? {
        Some(dx) => &y + (&y * log_change(x, &dx)?)?,
        None => Ok(y),
    }
}

/// The sign of the determinant, and the logarithm of its absolute value.
pub fn log_determinant(x: &Tensor) -> Result<(Tensor, Tensor)> {
    sizes(x)?;
    let [sign, log] = each(Linear::LogDeterminant, x, None, [&[], &[]])?;
    match change(x)? {
        Some(dx) => Ok((sign, (log + log_change(x, &dx)?)?)),
        None => Ok((sign, log)),
    }
}

/// An orthogonal matrix, square if `full`, and an upper triangle whose product `x` is. A tall matrix has no gradient of its
/// full factors.
pub fn qr(x: &Tensor, full: bool) -> Result<(Tensor, Tensor)> {
    let (rows, columns) = sizes(x)?;
    if rows < columns {
        // The first columns have the same orthogonal factor.
        let (q, left) = qr(&x.narrow(D::Minus1, 0, rows)?, full)?;
        let right = matmul(&turned(&q)?, &x.narrow(D::Minus1, rows, columns - rows)?)?;
        return Ok((q, Tensor::cat(&[left, right], D::Minus1)?));
    }
    let kept = if full { rows } else { columns };
    let [q, r] = each(
        Linear::Qr { full },
        x,
        None,
        [&[rows, kept], &[kept, columns]],
    )?;
    let Some(dx) = change(x)?.filter(|_| kept == columns) else {
        return Ok((q, r));
    };
    let [inverse] = each(Linear::Inverse, &r, None, [&[columns, columns]])?;
    let right = matmul(&dx, &inverse)?;
    let inner = matmul(&turned(&q)?, &right)?;
    let below = masked(&inner, |row, column| flag(row > column))?;
    let turn = (&below - turned(&below)?)?;
    let dq = ((matmul(&q, &turn)? + right)? - matmul(&q, &inner)?)?;
    let dr = matmul(&(inner - turn)?, &r)?;
    Ok(((q + dq)?, (r + dr)?))
}

/// `1 / (b - a)` of all pairs, and zero where they are equal.
fn gaps(a: &Tensor) -> Result<Tensor> {
    let gaps = a.unsqueeze(D::Minus2)?.broadcast_sub(&column(a)?)?;
    let is_equal = gaps.eq(&gaps.zeros_like()?)?;
    let safe = select(&is_equal, &gaps.ones_like()?, &gaps)?;
    select(&is_equal, &gaps.zeros_like()?, &safe.recip()?)
}

/// The eigenvalues of the lower triangle of `x` as a symmetric matrix, smallest first, and eigenvectors as columns.
pub fn eigen(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (n, _) = sizes(x)?;
    let [values, vectors] = each(Linear::Eigen, x, None, [&[n], &[n, n]])?;
    let Some(dx) = change(x)? else {
        return Ok((values, vectors));
    };
    let lower = masked(&dx, |row, column| flag(row >= column))?;
    let below = masked(&dx, |row, column| flag(row > column))?;
    let dx = (lower + turned(&below)?)?;
    let inner = matmul(&matmul(&turned(&vectors)?, &dx)?, &vectors)?;
    let turn = (gaps(&values)? * &inner)?;
    Ok((
        (values + diagonal(&inner)?)?,
        (&vectors + matmul(&vectors, &turn)?)?,
    ))
}

/// Singular values, largest first, and left and right vectors as columns. Full vectors of a matrix that is not square have no
/// gradient.
pub fn svd(x: &Tensor, full: bool) -> Result<(Tensor, Tensor, Tensor)> {
    let (rows, columns) = sizes(x)?;
    let n = rows.min(columns);
    let (left, right) = if full { (rows, columns) } else { (n, n) };
    let shapes: [&[usize]; 3] = [&[n], &[rows, left], &[columns, right]];
    let [s, u, v] = each(Linear::Svd { full }, x, None, shapes)?;
    let Some(dx) = change(x)?.filter(|_| !full || rows == columns) else {
        return Ok((s, u, v));
    };
    let inner = matmul(&matmul(&turned(&u)?, &dx)?, &v)?;
    let gaps = gaps(&s.sqr()?)?;
    let (row, back) = (s.unsqueeze(D::Minus2)?, turned(&inner)?);
    let across = |a: &Tensor, b: &Tensor| {
        let scaled = a.broadcast_mul(&row)?;
        &gaps * (scaled + b.broadcast_mul(&column(&s)?)?)?
    };
    let inverse = row.recip()?;
    let beside = |basis: &Tensor, moved: Tensor| {
        let within = matmul(basis, &matmul(&turned(basis)?, &moved)?)?;
        (moved - within)?.broadcast_mul(&inverse)
    };
    let du = matmul(&u, &across(&inner, &back)?)?;
    let dv = matmul(&v, &across(&back, &inner)?)?;
    let du = (du + beside(&u, matmul(&dx, &v)?)?)?;
    let dv = (dv + beside(&v, matmul(&turned(&dx)?, &u)?)?)?;
    Ok(((s + diagonal(&inner)?)?, (u + du)?, (v + dv)?))
}

/// Both triangles of the factors of square matrices in one matrix, and the permutation of rows as `I64`; no gradient flows.
pub fn lu(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (n, _) = sizes(x)?;
    let [both, order] = each(Linear::Lu, x, None, [&[n, n], &[n]])?;
    Ok((both, order.to_dtype(DType::I64)?))
}
