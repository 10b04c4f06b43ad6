//! Fourier transforms of any length: by halving where the length is a power of two, else as a convolution of such a length
//! (Bluestein).

use super::super::cx::{Cx, count};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use num_complex::{Complex32, Complex64};
use std::f64::consts::PI;

pub(super) const OPS: &[Row] = &[
    one("FFT", |cx| complex(cx, 1, false)),
    one("FFT2D", |cx| complex(cx, 2, false)),
    one("FFT3D", |cx| complex(cx, 3, false)),
    one("IFFT", |cx| complex(cx, 1, true)),
    one("IFFT2D", |cx| complex(cx, 2, true)),
    one("IFFT3D", |cx| complex(cx, 3, true)),
    one("RFFT", |cx| of_real(cx, 1)),
    one("RFFT2D", |cx| of_real(cx, 2)),
    one("RFFT3D", |cx| of_real(cx, 3)),
    one("IRFFT", |cx| to_real(cx, 1)),
    one("IRFFT2D", |cx| to_real(cx, 2)),
    one("IRFFT3D", |cx| to_real(cx, 3)),
];

/// Complex numbers of a shape.
struct Field {
    shape: Vec<usize>,
    numbers: Vec<Complex64>,
}

impl Field {
    fn of(tensor: &Tensor) -> Result<Field> {
        let shape = tensor.shape().to_vec();
        let numbers = match (
            tensor.elements::<Complex32>(),
            tensor.elements::<Complex64>(),
        ) {
            (Some(all), _) => all
                .iter()
                .map(|z| Complex64::new(z.re.into(), z.im.into()))
                .collect(),
            (None, Some(all)) => all.to_vec(),
            (None, None) => tensor
                .to_floats()?
                .into_iter()
                .map(Complex64::from)
                .collect(),
        };
        Ok(Field { shape, numbers })
    }

    fn tensor(self, dtype: DType) -> Result<Tensor> {
        match dtype {
            DType::C128 => Tensor::new(&self.shape, self.numbers),
            _ => {
                let narrow = |z: &Complex64| Complex32::new(z.re as f32, z.im as f32);
                Tensor::new(&self.shape, self.numbers.iter().map(narrow).collect())
            }
        }
    }

    /// Cut or padded with zeros along an axis.
    fn fitted(self, axis: usize, length: usize) -> Result<Field> {
        let mut shape = self.shape.clone();
        let old = shape[axis];
        shape[axis] = length;
        let inner: usize = shape[axis + 1..].iter().product();
        let mut numbers = Vec::with_capacity(count(&shape)?);
        for block in self
            .numbers
            .chunks((old * inner).max(1))
            .take(shape[..axis].iter().product())
        {
            numbers.extend(block.iter().take(length * inner));
            numbers.resize(
                numbers.len() + length.saturating_sub(old) * inner,
                Complex64::ZERO,
            );
        }
        Ok(Field { shape, numbers })
    }

    /// Transforms each line along an axis.
    fn along(&mut self, axis: usize, inverse: bool) {
        let length = self.shape[axis];
        let inner: usize = self.shape[axis + 1..].iter().product();
        let mut line = vec![Complex64::ZERO; length];
        for block in self.numbers.chunks_mut((length * inner).max(1)) {
            for offset in 0..inner {
                (0..length).for_each(|i| line[i] = block[i * inner + offset]);
                let out = transformed(&line, inverse);
                (0..length).for_each(|i| block[i * inner + offset] = out[i]);
            }
        }
    }
}

/// The sums over `x[j] e^(∓2πi jk/n)`; the inverse is divided by `n`.
fn transformed(x: &[Complex64], inverse: bool) -> Vec<Complex64> {
    let n = x.len();
    let sign = if inverse { 1.0 } else { -1.0 };
    let mut out = match n.is_power_of_two() {
        true => halved(x, sign),
        false if n == 0 => vec![],
        false => chirped(x, sign),
    };
    if inverse {
        out.iter_mut().for_each(|z| *z /= n as f64);
    }
    out
}

fn halved(x: &[Complex64], sign: f64) -> Vec<Complex64> {
    let n = x.len();
    if n == 1 {
        return x.to_vec();
    }
    let part = |start: usize| x.iter().skip(start).step_by(2).copied().collect::<Vec<_>>();
    let (even, odd) = (halved(&part(0), sign), halved(&part(1), sign));
    let mut out = vec![Complex64::ZERO; n];
    for k in 0..n / 2 {
        let turned = odd[k] * Complex64::cis(sign * 2.0 * PI * k as f64 / n as f64);
        out[k] = even[k] + turned;
        out[k + n / 2] = even[k] - turned;
    }
    out
}

/// `jk = (j² + k² - (k - j)²) / 2` makes the transform a convolution.
fn chirped(x: &[Complex64], sign: f64) -> Vec<Complex64> {
    let n = x.len();
    let size = (2 * n - 1).next_power_of_two();
    let chirp = |i: usize| Complex64::cis(sign * PI * ((i * i) % (2 * n)) as f64 / n as f64);
    let (mut a, mut b) = (vec![Complex64::ZERO; size], vec![Complex64::ZERO; size]);
    for (i, number) in x.iter().enumerate() {
        a[i] = number * chirp(i);
        b[i] = chirp(i).conj();
        b[(size - i) % size] = chirp(i).conj();
    }
    let (a, b) = (halved(&a, -1.0), halved(&b, -1.0));
    let product: Vec<Complex64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
    let sums = halved(&product, 1.0);
    (0..n).map(|k| sums[k] / size as f64 * chirp(k)).collect()
}

fn first_axis(shape: &[usize], axes: usize) -> Result<usize> {
    let few = || Error::usage(format!("the transform is over {axes} axes"));
    shape.len().checked_sub(axes).ok_or_else(few)
}

fn complex(cx: &mut Cx<'_>, axes: usize, inverse: bool) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let mut field = Field::of(&x)?;
    for axis in first_axis(x.shape(), axes)?..x.rank() {
        field.along(axis, inverse);
    }
    field.tensor(x.dtype())
}

/// The lengths of the axes, of which the last one is cut to the half that is not a mirror image.
fn of_real(cx: &mut Cx<'_>, axes: usize) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let lengths = cx.extents(1)?;
    let first = first_axis(x.shape(), axes)?;
    let mut field = Field::of(&x)?;
    for (axis, &length) in (first..x.rank()).zip(&lengths) {
        field = field.fitted(axis, length)?;
    }
    (first..x.rank()).for_each(|axis| field.along(axis, false));
    let last = x.rank() - 1;
    let half = field.shape[last] / 2 + 1;
    field.fitted(last, half)?.tensor(cx.attr("Tcomplex")?)
}

fn to_real(cx: &mut Cx<'_>, axes: usize) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let lengths = cx.extents(1)?;
    let first = first_axis(x.shape(), axes)?;
    let last = x.rank() - 1;
    let length = lengths.last().copied().unwrap_or(0);
    let mut field = Field::of(&x)?;
    for (axis, &length) in (first..last).zip(&lengths) {
        field = field.fitted(axis, length)?;
        field.along(axis, true);
    }
    field = field.fitted(last, length / 2 + 1)?.fitted(last, length)?;
    for line in field.numbers.chunks_mut(length.max(1)) {
        for i in length / 2 + 1..length {
            line[i] = line[length - i].conj();
        }
    }
    field.along(last, true);
    let numbers = field.numbers.iter().map(|z| z.re).collect();
    Tensor::from_floats(cx.attr("Treal")?, &field.shape, numbers)
}
