//! Element-wise arithmetic as TensorFlow defines it, where burn has none or another definition.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Bool, Int, Tensor};
use std::f64::consts::{FRAC_2_SQRT_PI, SQRT_2};

/// `FloorDiv` of integers: the quotient rounded toward negative infinity.
pub fn floor_div<const D: usize>(x: Tensor<D, Int>, y: Tensor<D, Int>) -> Tensor<D, Int> {
    (x.clone() - x % y.clone()) / y
}

/// `TruncateMod` of integers: the remainder with the sign of `x`.
pub fn truncate_mod<const D: usize>(x: Tensor<D, Int>, y: Tensor<D, Int>) -> Tensor<D, Int> {
    let quotient = x.clone() / y.clone();
    x - quotient * y
}

/// `x / sqrt(mean(x²) + epsilon)` over the last dimension.
pub fn rms_norm<const D: usize>(x: Tensor<D>, epsilon: f64) -> Tensor<D> {
    let mean = x.clone().square().mean_dim(D - 1);
    x / (mean + epsilon).sqrt()
}

/// `Erfc`: `1 - erf(x)`, by Numerical Recipes' Chebyshev fit (relative error below 1.2e-7) for `x > 0.5`,
/// where the difference would lose its digits.
pub fn erfc<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const FIT: [f64; 10] = [
        -1.26551223,
        1.00002368,
        0.37409196,
        0.09678418,
        -0.18628806,
        0.27886807,
        -1.13520398,
        1.48851587,
        -0.82215223,
        0.17087277,
    ];
    let tail = x.clone().clamp_min(0.5);
    let t = (tail.clone() * 0.5 + 1.0).recip();
    let mut fit = t.zeros_like();
    for coefficient in FIT.into_iter().rev() {
        fit = fit * t.clone() + coefficient;
    }
    let tail = t * (fit - tail.square()).exp();
    let large = x.clone().greater_scalar(0.5);
    (-x.erf() + 1.0).mask_where(large, tail)
}

/// `Expm1`: `exp(x) - 1` without loss of digits near zero.
pub fn expm1<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let half = (x.clone().clamp(-0.5, 0.5) * 0.5).tanh();
    let near = half.clone() * 2.0 / (-half + 1.0);
    let small = x.clone().abs().lower_scalar(0.5);
    (x.exp() - 1.0).mask_where(small, near)
}

/// `Gelu` by its approximation: `x * (1 + tanh(u)) / 2`, where `u` is `sqrt(2 / pi) * (x + 0.044715 * x^3)`. That is
/// `x * sigmoid(2 * u)`, which takes neither a power nor a hyperbolic tangent.
pub fn gelu_approximate<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    const SLOPE: f64 = FRAC_2_SQRT_PI * SQRT_2;
    let square = x.clone() * x.clone();
    let twice = (square * (0.044715 * SLOPE) + SLOPE) * x.clone();
    x * sigmoid(twice)
}

/// `DivNoNan`: the quotient, and zero where `y` is zero.
pub fn div_no_nan<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    let zero = y.clone().equal_scalar(0.0);
    let quotient = x / y.mask_fill(zero.clone(), 1.0);
    let zero = spread(zero, quotient.dims());
    quotient.mask_fill(zero, 0.0)
}

/// `Xlogy` with `log` and `Xlog1py` with `log1p`: `x * log(y)`, and zero where `x` is zero.
pub fn xlogy<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    let zero = x.clone().equal_scalar(0.0);
    let shape = (x.clone() + y.clone()).dims();
    let zero = spread(zero, shape);
    let y = y.expand(shape).mask_fill(zero, 1.0);
    x * y.log()
}

fn spread<const D: usize>(mask: Tensor<D, Bool>, shape: [usize; D]) -> Tensor<D, Bool> {
    mask.expand(shape)
}

/// `Xdivy`: the quotient, and zero where `x` is zero.
pub fn xdivy<const D: usize>(x: Tensor<D>, y: Tensor<D>) -> Tensor<D> {
    let zero = x.clone().equal_scalar(0.0);
    let shape = (x.clone() + y.clone()).dims();
    let zero = spread(zero, shape);
    let y = y.expand(shape).mask_fill(zero.clone(), 1.0);
    (x / y).mask_fill(zero, 0.0)
}
