//! Fourier transforms of any length.

use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::ir::{Fourier, Type};
use num_complex::Complex64;
use rustfft::FftPlanner;

/// The transform over the last axis.
pub(super) fn fourier(
    fourier: &Fourier,
    operands: &[&Tensor],
    results: &[Type],
) -> Result<Vec<Tensor>> {
    let (re, im) = match operands {
        [re] => (re.to_floats()?, vec![0.0; re.len()]),
        [re, im] => (re.to_floats()?, im.to_floats()?),
        _ => return Err(Error::malformed("a transform of one or two operands")),
    };
    let n = operands[0].shape().last().copied().unwrap_or(0);
    let pairs = re.into_iter().zip(im);
    let numbers: Vec<Complex64> = pairs.map(|(re, im)| Complex64::new(re, im)).collect();
    let lines = numbers.chunks(n.max(1));
    let lines: Vec<Vec<Complex64>> = match fourier {
        Fourier::Forward => lines
            .map(|line| transformed(line.to_vec(), false))
            .collect(),
        Fourier::Inverse => lines.map(|line| transformed(line.to_vec(), true)).collect(),
        Fourier::OfReal => {
            let half = |line: &[Complex64]| transformed(line.to_vec(), false)[..n / 2 + 1].to_vec();
            lines.map(half).collect()
        }
        Fourier::ToReal(length) => {
            let length = super::extent(length)?;
            lines
                .map(|half| transformed(mirrored(half, length), true))
                .collect()
        }
    };
    let part = |(i, ty): (usize, &Type)| {
        let pick = |z: &Complex64| if i == 0 { z.re } else { z.im };
        let shape = ty.shape.known();
        let shape = shape.ok_or_else(|| Error::internal("a result of unknown shape"))?;
        Tensor::from_floats(ty.dtype, &shape, lines.iter().flatten().map(pick).collect())
    };
    results.iter().enumerate().map(part).collect()
}

/// The sums over `x[j] e^(∓2πi jk/n)`; the inverse is divided by `n`.
fn transformed(mut line: Vec<Complex64>, inverse: bool) -> Vec<Complex64> {
    let n = line.len();
    let mut planner = FftPlanner::new();
    if inverse {
        planner.plan_fft_inverse(n).process(&mut line);
        line.iter_mut().for_each(|z| *z /= n as f64);
    } else {
        planner.plan_fft_forward(n).process(&mut line);
    }
    line
}

/// A whole transform of which this is the first half.
fn mirrored(half: &[Complex64], length: usize) -> Vec<Complex64> {
    let at = |i: usize| half.get(i).copied().unwrap_or_default();
    (0..length)
        .map(|i| {
            if i <= length / 2 {
                at(i)
            } else {
                at(length - i).conj()
            }
        })
        .collect()
}
