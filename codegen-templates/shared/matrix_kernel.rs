//! Linear algebra of small dense matrices in double precision, by elimination, reflections and rotations.

/// A matrix in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// How many rows it has.
    pub rows: usize,
    /// How many columns it has.
    pub columns: usize,
    /// The elements.
    pub numbers: Vec<f64>,
}

/// What a decomposition or a product of matrices is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linear {
    /// The inverse of a matrix.
    Inverse,
    /// `x` of `a x = b`.
    Solve,
    /// `x` of `a x = b` for the lower, or else the upper, triangle of `a`.
    TriangularSolve {
        /// Whether it is the lower triangle.
        lower: bool,
    },
    /// The lower triangle whose product with its transpose a matrix is.
    Cholesky,
    /// The determinant.
    Determinant,
    /// The sign of the determinant, and the logarithm of its absolute value.
    LogDeterminant,
    /// An orthogonal matrix and an upper triangle.
    Qr {
        /// Whether the first is square.
        full: bool,
    },
    /// Eigenvalues of the lower triangle as a symmetric matrix, smallest first, and eigenvectors as columns.
    Eigen,
    /// Singular values, largest first, and left and right vectors as columns.
    Svd {
        /// Whether the vectors are square matrices.
        full: bool,
    },
    /// Both triangles of the factors in one matrix, and the permutation of rows.
    Lu,
}

/// Why a matrix cannot be computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not square, or does not fit the other operand.
    Shape,
    /// It has no inverse.
    Singular,
    /// It is not positive definite.
    Indefinite,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Reason::Shape => "the shapes of the matrices do not fit",
            Reason::Singular => "the matrix is not invertible",
            Reason::Indefinite => "the matrix is not positive definite",
        })
    }
}

impl Linear {
    /// The results for one matrix, or for two.
    ///
    /// # Errors
    /// What the matrices lack.
    pub fn of(self, operands: &[Matrix]) -> Result<Vec<Matrix>, Reason> {
        let (a, b) = match operands {
            [a] => (a, None),
            [a, b] => (a, Some(b)),
            _ => return Err(Reason::Shape),
        };
        let b = || b.ok_or(Reason::Shape);
        Ok(match self {
            Linear::Inverse => vec![a.inverse()?],
            Linear::Solve => vec![a.solve(b()?)?],
            Linear::TriangularSolve { lower } => {
                vec![a.triangle(lower).solve_triangle(b()?, lower)?]
            }
            Linear::Cholesky => vec![a.cholesky()?],
            Linear::Determinant => vec![Matrix::scalar(a.determinant()?)],
            Linear::LogDeterminant => a.log_determinant()?.map(Matrix::scalar).to_vec(),
            Linear::Qr { full } => a.qr(full).into(),
            Linear::Eigen => {
                let (values, vectors) = a.eigen()?;
                vec![Matrix::column(values), vectors]
            }
            Linear::Svd { full } => {
                let (values, left, right) = a.svd(full);
                vec![Matrix::column(values), left, right]
            }
            Linear::Lu => {
                let factors = a.factored();
                let order = factors.order.iter().map(|&row| row as f64).collect();
                vec![factors.both, Matrix::column(order)]
            }
        })
    }
}

/// The triangles of a product with rows exchanged.
struct Factors {
    both: Matrix,
    order: Vec<usize>,
    /// Whether an odd number of rows was exchanged.
    is_odd: bool,
}

impl Matrix {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Matrix {
        Matrix {
            rows,
            columns,
            numbers: vec![0.0; rows * columns],
        }
    }

    /// Ones on the diagonal.
    pub fn identity(n: usize) -> Matrix {
        let mut matrix = Matrix::zeros(n, n);
        (0..n).for_each(|i| matrix.set(i, i, 1.0));
        matrix
    }

    fn column(numbers: Vec<f64>) -> Matrix {
        Matrix {
            rows: numbers.len(),
            columns: 1,
            numbers,
        }
    }

    fn scalar(number: f64) -> Matrix {
        Matrix::column(vec![number])
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        self.numbers[row * self.columns + column]
    }

    fn set(&mut self, row: usize, column: usize, value: f64) {
        self.numbers[row * self.columns + column] = value;
    }

    fn from_fn(rows: usize, columns: usize, at: impl Fn(usize, usize) -> f64) -> Matrix {
        let cells = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        Matrix {
            rows,
            columns,
            numbers: cells.map(|(row, column)| at(row, column)).collect(),
        }
    }

    /// Rows and columns exchanged.
    pub fn transposed(&self) -> Matrix {
        Matrix::from_fn(self.columns, self.rows, |row, column| self.at(column, row))
    }

    /// Only the lower or the upper triangle.
    pub fn triangle(&self, is_lower: bool) -> Matrix {
        Matrix::from_fn(self.rows, self.columns, |row, column| {
            let is_outside = if is_lower { column > row } else { column < row };
            if is_outside {
                0.0
            } else {
                self.at(row, column)
            }
        })
    }

    fn part(&self, rows: usize, columns: usize) -> Matrix {
        Matrix::from_fn(rows, columns, |row, column| self.at(row, column))
    }

    fn dot(&self, a: usize, b: usize) -> f64 {
        (0..self.rows)
            .map(|row| self.at(row, a) * self.at(row, b))
            .sum()
    }

    fn swap_rows(&mut self, a: usize, b: usize) {
        for column in 0..self.columns {
            self.numbers
                .swap(a * self.columns + column, b * self.columns + column);
        }
    }

    fn factored(&self) -> Factors {
        let mut both = self.clone();
        let mut order: Vec<usize> = (0..self.rows).collect();
        let mut is_odd = false;
        for step in 0..self.rows.min(self.columns) {
            let size = |row: &usize| both.at(*row, step).abs();
            let pivot = (step..self.rows).max_by(|a, b| size(a).total_cmp(&size(b)).then(b.cmp(a)));
            let pivot = pivot.unwrap_or(step);
            if pivot != step {
                both.swap_rows(pivot, step);
                order.swap(pivot, step);
                is_odd = !is_odd;
            }
            for row in step + 1..self.rows {
                both.eliminate(row, step);
            }
        }
        Factors {
            both,
            order,
            is_odd,
        }
    }

    /// Subtracts from a row what makes its element in column `step` zero, and keeps the factor there.
    fn eliminate(&mut self, row: usize, step: usize) {
        let factor = self.at(row, step) / self.at(step, step);
        if factor.is_nan() {
            return;
        }
        self.set(row, step, factor);
        for column in step + 1..self.columns {
            let value = self.at(row, column) - factor * self.at(step, column);
            self.set(row, column, value);
        }
    }

    fn check_square(&self) -> Result<usize, Reason> {
        match self.rows == self.columns {
            true => Ok(self.rows),
            false => Err(Reason::Shape),
        }
    }

    /// The determinant of a square matrix.
    ///
    /// # Errors
    /// It is not square.
    pub fn determinant(&self) -> Result<f64, Reason> {
        let n = self.check_square()?;
        let Factors { both, is_odd, .. } = self.factored();
        let sign = if is_odd { -1.0 } else { 1.0 };
        Ok((0..n).fold(sign, |product, i| product * both.at(i, i)))
    }

    fn log_determinant(&self) -> Result<[f64; 2], Reason> {
        let n = self.check_square()?;
        let Factors { both, is_odd, .. } = self.factored();
        let mut sign = if is_odd { -1.0 } else { 1.0 };
        let mut log = 0.0;
        for i in 0..n {
            let pivot = both.at(i, i);
            sign *= if pivot == 0.0 { 0.0 } else { pivot.signum() };
            log += pivot.abs().ln();
        }
        Ok([sign, log])
    }

    /// The inverse of a square matrix.
    ///
    /// # Errors
    /// There is none.
    pub fn inverse(&self) -> Result<Matrix, Reason> {
        self.solve(&Matrix::identity(self.rows))
    }

    /// `x` of `self * x = right`.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn solve(&self, right: &Matrix) -> Result<Matrix, Reason> {
        let n = self.check_square()?;
        if right.rows != n {
            return Err(Reason::Shape);
        }
        let Factors { both, order, .. } = self.factored();
        let permuted =
            Matrix::from_fn(n, right.columns, |row, column| right.at(order[row], column));
        let mut unit = both.triangle(true);
        (0..n).for_each(|i| unit.set(i, i, 1.0));
        let half = unit.solve_triangle(&permuted, true)?;
        both.triangle(false).solve_triangle(&half, false)
    }

    /// The same for a lower or an upper triangle.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn solve_triangle(&self, right: &Matrix, is_lower: bool) -> Result<Matrix, Reason> {
        let n = self.check_square()?;
        if right.rows != n {
            return Err(Reason::Shape);
        }
        if (0..n).any(|i| self.at(i, i) == 0.0) {
            return Err(Reason::Singular);
        }
        let mut x = Matrix::zeros(n, right.columns);
        for step in 0..n {
            let row = if is_lower { step } else { n - 1 - step };
            for column in 0..right.columns {
                let known = if is_lower { 0..row } else { row + 1..n };
                let known: f64 = known.map(|i| self.at(row, i) * x.at(i, column)).sum();
                let value = (right.at(row, column) - known) / self.at(row, row);
                x.set(row, column, value);
            }
        }
        Ok(x)
    }

    /// The lower triangle whose product with its transpose the matrix is.
    ///
    /// # Errors
    /// It is not positive definite.
    pub fn cholesky(&self) -> Result<Matrix, Reason> {
        let n = self.check_square()?;
        let mut factor = Matrix::zeros(n, n);
        for row in 0..n {
            for column in 0..=row {
                let known = (0..column).map(|i| factor.at(row, i) * factor.at(column, i));
                let rest = self.at(row, column) - known.sum::<f64>();
                if row == column && (rest <= 0.0 || rest.is_nan()) {
                    return Err(Reason::Indefinite);
                }
                let value = match row == column {
                    true => rest.sqrt(),
                    false => rest / factor.at(column, column),
                };
                factor.set(row, column, value);
            }
        }
        Ok(factor)
    }

    /// An orthogonal matrix, square if `full`, and an upper triangle whose product this is.
    pub fn qr(&self, full: bool) -> [Matrix; 2] {
        let (rows, columns) = (self.rows, self.columns);
        let (mut q, mut r) = (Matrix::identity(rows), self.clone());
        for step in 0..columns.min(rows.saturating_sub(1)) {
            let mut v: Vec<f64> = (step..rows).map(|row| r.at(row, step)).collect();
            let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length == 0.0 {
                continue;
            }
            v[0] += if v[0] < 0.0 { -length } else { length };
            let square: f64 = v.iter().map(|x| x * x).sum();
            for column in 0..columns {
                let parts = v.iter().enumerate();
                let dot: f64 = parts.map(|(i, x)| x * r.at(step + i, column)).sum();
                for (i, x) in v.iter().enumerate() {
                    let value = r.at(step + i, column) - 2.0 * dot / square * x;
                    r.set(step + i, column, value);
                }
            }
            for row in 0..rows {
                let parts = v.iter().enumerate();
                let dot: f64 = parts.map(|(i, x)| x * q.at(row, step + i)).sum();
                for (i, x) in v.iter().enumerate() {
                    let value = q.at(row, step + i) - 2.0 * dot / square * x;
                    q.set(row, step + i, value);
                }
            }
        }
        let kept = if full { rows } else { rows.min(columns) };
        [q.part(rows, kept), r.part(kept, columns).triangle(false)]
    }

    /// The eigenvalues of the lower triangle as a symmetric matrix, smallest first, and eigenvectors as columns, by
    /// Jacobi's rotations.
    ///
    /// # Errors
    /// It is not square.
    pub fn eigen(&self) -> Result<(Vec<f64>, Matrix), Reason> {
        let n = self.check_square()?;
        let mut a = Matrix::from_fn(n, n, |row, column| {
            self.at(row.max(column), row.min(column))
        });
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
        let sorted = Matrix::from_fn(n, n, |row, column| vectors.at(row, order[column]));
        Ok((order.iter().map(|&i| a.at(i, i)).collect(), sorted))
    }

    /// Singular values, largest first, and the vectors on either side as columns, by rotations of pairs of columns.
    pub fn svd(&self, full: bool) -> (Vec<f64>, Matrix, Matrix) {
        if self.rows < self.columns {
            let (values, left, right) = self.transposed().svd(full);
            return (values, right, left);
        }
        let n = self.columns;
        let (mut left, mut right) = (self.clone(), Matrix::identity(n));
        for _ in 0..60 {
            let mut is_done = true;
            for p in 0..n {
                for q in p + 1..n {
                    is_done &= !left.part_columns(&mut right, p, q);
                }
            }
            if is_done {
                break;
            }
        }
        let lengths: Vec<f64> = (0..n)
            .map(|column| left.dot(column, column).sqrt())
            .collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&x, &y| lengths[y].total_cmp(&lengths[x]));
        let right = Matrix::from_fn(n, n, |row, column| right.at(row, order[column]));
        let left = Matrix::from_fn(self.rows, n, |row, column| {
            let length = lengths[order[column]];
            left.at(row, order[column]) / if length > 0.0 { length } else { 1.0 }
        });
        let values = order.iter().map(|&i| lengths[i]).collect();
        let left = if full { left.completed() } else { left };
        (values, left, right)
    }

    /// Rotates two columns until they are orthogonal, and those of `right` with them; whether they were not.
    fn part_columns(&mut self, right: &mut Matrix, p: usize, q: usize) -> bool {
        let (alpha, beta, gamma) = (self.dot(p, p), self.dot(q, q), self.dot(p, q));
        if gamma == 0.0 || gamma.abs() <= 1e-15 * (alpha * beta).sqrt() {
            return false;
        }
        let zeta = (beta - alpha) / (2.0 * gamma);
        let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
        let c = 1.0 / (1.0 + t * t).sqrt();
        for matrix in [self, right] {
            for row in 0..matrix.rows {
                let (x, y) = (matrix.at(row, p), matrix.at(row, q));
                matrix.set(row, p, c * x - c * t * y);
                matrix.set(row, q, c * t * x + c * y);
            }
        }
        true
    }

    /// Orthogonal columns, and as many more as make the matrix square.
    fn completed(&self) -> Matrix {
        let (rows, columns) = (self.rows, self.columns);
        let [q, _] = self.qr(true);
        Matrix::from_fn(rows, rows, |row, column| match column < columns {
            true => self.at(row, column),
            false => q.at(row, column),
        })
    }
}

/// Makes the element at `(p, q)` of a symmetric matrix zero.
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
    for i in 0..a.rows {
        let (x, y) = (a.at(i, p), a.at(i, q));
        a.set(i, p, c * x - s * y);
        a.set(i, q, s * x + c * y);
    }
    for i in 0..a.rows {
        let (x, y) = (a.at(p, i), a.at(q, i));
        a.set(p, i, c * x - s * y);
        a.set(q, i, s * x + c * y);
        let (x, y) = (vectors.at(i, p), vectors.at(i, q));
        vectors.set(i, p, c * x - s * y);
        vectors.set(i, q, s * x + c * y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(a: &Matrix, b: &Matrix) -> Matrix {
        Matrix::from_fn(a.rows, b.columns, |row, column| {
            (0..a.columns).map(|i| a.at(row, i) * b.at(i, column)).sum()
        })
    }

    fn assert_near(a: &Matrix, b: &Matrix) {
        let distance = a.numbers.iter().zip(&b.numbers).map(|(x, y)| (x - y).abs());
        assert!(distance.fold(0.0, f64::max) < 1e-12, "{a:?} {b:?}");
    }

    fn tall() -> Matrix {
        Matrix::from_fn(4, 3, |row, column| {
            ((row * 7 + column * 5) % 11) as f64 - 4.5 + if row == column { 3.0 } else { 0.0 }
        })
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        let a = tall();
        for full in [false, true] {
            let [q, r] = a.qr(full);
            assert_near(&product(&q, &r), &a);
            let (values, left, right) = a.svd(full);
            let scaled = Matrix::from_fn(4, 3, |row, column| left.at(row, column) * values[column]);
            assert_near(&product(&scaled, &right.transposed()), &a);
            let square = product(&left.transposed(), &left);
            assert_near(&square, &Matrix::identity(left.columns));
        }
    }

    #[test]
    fn a_symmetric_matrix_has_a_root_and_eigenvectors() -> Result<(), Reason> {
        let a = product(&tall().transposed(), &tall());
        let root = a.cholesky()?;
        let distance = product(&root, &root.transposed());
        distance.numbers.iter().zip(&a.numbers).for_each(|(x, y)| {
            assert!((x - y).abs() < 1e-10);
        });
        assert_near(&product(&a.inverse()?, &a), &Matrix::identity(3));
        let (values, vectors) = a.eigen()?;
        let scaled = Matrix::from_fn(3, 3, |row, column| vectors.at(row, column) * values[column]);
        let again = product(&scaled, &vectors.transposed());
        again.numbers.iter().zip(&a.numbers).for_each(|(x, y)| {
            assert!((x - y).abs() < 1e-10);
        });
        Ok(())
    }

    #[test]
    fn a_matrix_without_an_inverse_says_so() {
        assert_eq!(Matrix::zeros(2, 2).inverse(), Err(Reason::Singular));
        assert_eq!(Matrix::zeros(2, 2).cholesky(), Err(Reason::Indefinite));
        assert_eq!(Matrix::zeros(2, 3).inverse(), Err(Reason::Shape));
    }
}
