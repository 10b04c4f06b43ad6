//! The logarithm of the gamma function and its derivative.

use burn::tensor::Tensor;
use core::f64::consts::PI;

/// `Lgamma`: `log(|gamma(x)|)`, by Stirling's series after a shift to `x + 8`, mirrored below one half.
pub fn lgamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let low = x.clone().lower_scalar(0.5);
    let mirrored = x.clone().mask_where(low.clone(), -x.clone() + 1.0);
    let mut product = mirrored.clone();
    for i in 1..SHIFT {
        product = product * (mirrored.clone() + i as f64);
    }
    let z = mirrored + SHIFT as f64;
    let inverse = z.clone().recip();
    let series = inverse.clone() * (-inverse.square() / 360.0 + 1.0 / 12.0);
    let half_log = 0.5 * (2.0 * PI).ln();
    let value = (z.clone() - 0.5) * z.clone().log() - z + half_log + series - product.log();
    let safe = x.mask_fill(low.clone().bool_not(), 0.5);
    let reflected = -(safe * PI).sin().abs().log() + PI.ln() - value.clone();
    value.mask_where(low, reflected)
}

/// `Digamma`: the derivative of `lgamma`, by its asymptotic series after a shift to `x + 8`, mirrored below one half.
pub fn digamma<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let low = x.clone().lower_scalar(0.5);
    let mirrored = x.clone().mask_where(low.clone(), -x.clone() + 1.0);
    let mut sum = mirrored.clone().recip();
    for i in 1..SHIFT {
        sum = sum + (mirrored.clone() + i as f64).recip();
    }
    let z = mirrored + SHIFT as f64;
    let square = z.clone().square().recip();
    let tail = -square.clone() / 252.0 + 1.0 / 120.0;
    let series = square.clone() * (-square * tail + 1.0 / 12.0);
    let value = z.clone().log() - z.recip() * 0.5 - series - sum;
    let safe = x.mask_fill(low.clone().bool_not(), 0.5);
    let reflected = value.clone() - (safe * PI).tan().recip() * PI;
    value.mask_where(low, reflected)
}

/// How far the argument is moved to where the series converge.
const SHIFT: usize = 8;
