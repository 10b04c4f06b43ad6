//! Small dense matrices.

use crate::error::{Error, Result};
use crate::eval::Tensor;

/// A matrix in row-major order.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) numbers: Vec<f64>,
}

/// The matrices in the last two axes, and the shape of the others.
pub(super) fn matrices(tensor: &Tensor) -> Result<(Vec<usize>, Vec<Matrix>)> {
    let [batch @ .., rows, columns] = tensor.shape() else {
        return Err(Error::usage("a matrix has two axes"));
    };
    let numbers = tensor.to_floats()?;
    let size = rows * columns;
    let matrix = |i: usize| Matrix {
        rows: *rows,
        columns: *columns,
        numbers: numbers[i * size..(i + 1) * size].to_vec(),
    };
    Ok((
        batch.to_vec(),
        (0..batch.iter().product::<usize>()).map(matrix).collect(),
    ))
}

impl Matrix {
    pub(super) fn zeros(rows: usize, columns: usize) -> Matrix {
        Matrix {
            rows,
            columns,
            numbers: vec![0.0; rows * columns],
        }
    }

    pub(super) fn identity(n: usize) -> Matrix {
        let mut matrix = Matrix::zeros(n, n);
        (0..n).for_each(|i| matrix.set(i, i, 1.0));
        matrix
    }

    pub(super) fn column(numbers: Vec<f64>) -> Matrix {
        Matrix {
            rows: numbers.len(),
            columns: 1,
            numbers,
        }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.columns + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.numbers[row * self.columns + column] = value;
    }

    pub(super) fn transposed(&self) -> Matrix {
        let mut flipped = Matrix::zeros(self.columns, self.rows);
        for row in 0..self.rows {
            (0..self.columns).for_each(|column| flipped.set(column, row, self.at(row, column)));
        }
        flipped
    }

    /// Only the lower or the upper triangle.
    pub(super) fn triangle(mut self, is_lower: bool) -> Matrix {
        for row in 0..self.rows {
            for column in 0..self.columns {
                if (is_lower && column > row) || (!is_lower && column < row) {
                    self.set(row, column, 0.0);
                }
            }
        }
        self
    }

    fn product(&self, other: &Matrix) -> Matrix {
        let mut product = Matrix::zeros(self.rows, other.columns);
        for row in 0..self.rows {
            for column in 0..other.columns {
                let terms = (0..self.columns).map(|i| self.at(row, i) * other.at(i, column));
                product.set(row, column, terms.sum());
            }
        }
        product
    }

    fn swap_rows(&mut self, a: usize, b: usize) {
        (0..self.columns).for_each(|i| {
            self.numbers
                .swap(a * self.columns + i, b * self.columns + i)
        });
    }

    /// Both triangles of the factors with rows exchanged, their order, and the sign of the exchange.
    pub(super) fn factored(mut self) -> (Matrix, Vec<usize>, f64) {
        let n = self.rows.min(self.columns);
        let mut order: Vec<usize> = (0..self.rows).collect();
        let mut sign = 1.0;
        for step in 0..n {
            let size = |row: &usize| self.at(*row, step).abs();
            let pivot = (step..self.rows).max_by(|a, b| size(a).total_cmp(&size(b)).then(b.cmp(a)));
            let pivot = pivot.unwrap_or(step);
            if pivot != step {
                self.swap_rows(pivot, step);
                order.swap(pivot, step);
                sign = -sign;
            }
            for row in step + 1..self.rows {
                let factor = self.at(row, step) / self.at(step, step);
                if factor.is_nan() {
                    continue;
                }
                self.set(row, step, factor);
                for column in step + 1..self.columns {
                    let value = self.at(row, column) - factor * self.at(step, column);
                    self.set(row, column, value);
                }
            }
        }
        (self, order, sign)
    }

    pub(super) fn determinant(self) -> f64 {
        let (factors, _, sign) = self.factored();
        (0..factors.rows.min(factors.columns)).fold(sign, |product, i| product * factors.at(i, i))
    }

    /// `x` of `self * x = right`.
    pub(super) fn solve(self, right: &Matrix) -> Result<Matrix> {
        if self.rows != self.columns || right.rows != self.rows {
            return Err(Error::usage("a square matrix and as many rows are needed"));
        }
        let n = self.rows;
        let (factors, order, _) = self.factored();
        if (0..n).any(|i| factors.at(i, i) == 0.0) {
            return Err(Error::usage("Input matrix is not invertible."));
        }
        let mut x = Matrix::zeros(n, right.columns);
        for column in 0..right.columns {
            for (row, &from) in order.iter().enumerate() {
                let known: f64 = (0..row).map(|i| factors.at(row, i) * x.at(i, column)).sum();
                x.set(row, column, right.at(from, column) - known);
            }
            for row in (0..n).rev() {
                let known: f64 = (row + 1..n)
                    .map(|i| factors.at(row, i) * x.at(i, column))
                    .sum();
                x.set(
                    row,
                    column,
                    (x.at(row, column) - known) / factors.at(row, row),
                );
            }
        }
        Ok(x)
    }

    /// The lower triangle whose square the matrix is.
    pub(super) fn cholesky(self) -> Result<Matrix> {
        if self.rows != self.columns {
            return Err(Error::usage("a square matrix is needed"));
        }
        let n = self.rows;
        let mut factor = Matrix::zeros(n, n);
        for row in 0..n {
            for column in 0..=row {
                let known: f64 = (0..column)
                    .map(|i| factor.at(row, i) * factor.at(column, i))
                    .sum();
                let rest = self.at(row, column) - known;
                if row == column && (rest <= 0.0 || rest.is_nan()) {
                    return Err(Error::usage("Cholesky decomposition was not successful."));
                }
                let value = if row == column {
                    rest.sqrt()
                } else {
                    rest / factor.at(column, column)
                };
                factor.set(row, column, value);
            }
        }
        Ok(factor)
    }

    /// An orthogonal matrix and an upper triangle whose product this is, by reflections.
    pub(super) fn qr(self, full: bool) -> (Matrix, Matrix) {
        let (rows, columns) = (self.rows, self.columns);
        let mut q = Matrix::identity(rows);
        let mut r = self;
        for step in 0..columns.min(rows.saturating_sub(1)) {
            let mut v: Vec<f64> = (step..rows).map(|row| r.at(row, step)).collect();
            let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length == 0.0 {
                continue;
            }
            v[0] += if v[0] < 0.0 { -length } else { length };
            let square: f64 = v.iter().map(|x| x * x).sum();
            for column in 0..columns {
                let dot: f64 = v
                    .iter()
                    .enumerate()
                    .map(|(i, x)| x * r.at(step + i, column))
                    .sum();
                for (i, x) in v.iter().enumerate() {
                    let value = r.at(step + i, column) - 2.0 * dot / square * x;
                    r.set(step + i, column, value);
                }
            }
            for row in 0..rows {
                let dot: f64 = v
                    .iter()
                    .enumerate()
                    .map(|(i, x)| x * q.at(row, step + i))
                    .sum();
                for (i, x) in v.iter().enumerate() {
                    let value = q.at(row, step + i) - 2.0 * dot / square * x;
                    q.set(row, step + i, value);
                }
            }
        }
        let kept = if full { rows } else { rows.min(columns) };
        (q.part(rows, kept), r.part(kept, columns).triangle(false))
    }

    fn part(&self, rows: usize, columns: usize) -> Matrix {
        let mut part = Matrix::zeros(rows, columns);
        for row in 0..rows {
            (0..columns).for_each(|column| part.set(row, column, self.at(row, column)));
        }
        part
    }

    /// The eigenvalues of a symmetric matrix, smallest first, and its eigenvectors as columns, by Jacobi's rotations.
    pub(super) fn eigen(self) -> (Vec<f64>, Matrix) {
        let n = self.rows.min(self.columns);
        let mut a = self.part(n, n);
        let mut vectors = Matrix::identity(n);
        for _ in 0..60 {
            let mut off = 0.0;
            for p in 0..n {
                for q in p + 1..n {
                    off += a.at(q, p).abs();
                    rotate(&mut a, &mut vectors, p, q);
                }
            }
            if off < 1e-300 {
                break;
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&x, &y| a.at(x, x).total_cmp(&a.at(y, y)));
        let mut sorted = Matrix::zeros(n, n);
        for (to, &from) in order.iter().enumerate() {
            (0..n).for_each(|row| sorted.set(row, to, vectors.at(row, from)));
        }
        (order.iter().map(|&i| a.at(i, i)).collect(), sorted)
    }

    /// Singular values, largest first, and the vectors on either side as columns.
    pub(super) fn svd(self) -> (Vec<f64>, Matrix, Matrix) {
        if self.rows < self.columns {
            let (values, left, right) = self.transposed().svd();
            return (values, right, left);
        }
        let n = self.columns;
        let (_, vectors) = self.transposed().product(&self).eigen();
        let mut right = Matrix::zeros(n, n);
        for column in 0..n {
            (0..n).for_each(|row| right.set(row, column, vectors.at(row, n - 1 - column)));
        }
        let mut left = self.product(&right);
        let mut values = vec![0.0; n];
        for (column, value) in values.iter_mut().enumerate() {
            *value = (0..left.rows)
                .map(|row| left.at(row, column).powi(2))
                .sum::<f64>()
                .sqrt();
            for row in 0..left.rows {
                let entry = left.at(row, column) / if *value > 0.0 { *value } else { 1.0 };
                left.set(row, column, entry);
            }
        }
        (values, left, right)
    }
}

/// Makes the entry at `(p, q)` of a symmetric matrix zero.
fn rotate(a: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    let off = a.at(q, p);
    if off == 0.0 {
        return;
    }
    let theta = (a.at(q, q) - a.at(p, p)) / (2.0 * off);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let t = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    let n = a.rows;
    for i in 0..n {
        let (x, y) = (a.at(i, p), a.at(i, q));
        a.set(i, p, c * x - s * y);
        a.set(i, q, s * x + c * y);
    }
    for i in 0..n {
        let (x, y) = (a.at(p, i), a.at(q, i));
        a.set(p, i, c * x - s * y);
        a.set(q, i, s * x + c * y);
        let (x, y) = (vectors.at(i, p), vectors.at(i, q));
        vectors.set(i, p, c * x - s * y);
        vectors.set(i, q, s * x + c * y);
    }
}
