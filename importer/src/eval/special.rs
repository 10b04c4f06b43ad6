//! Elementwise functions of real and complex numbers.

use crate::error::{Error, Result};
use crate::ir::Unary;
use num_complex::Complex64;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, PI};

/// The function of one real number.
pub(super) fn real(f: Unary) -> Result<Box<dyn Fn(f64) -> f64>> {
    let plain: fn(f64) -> f64 = match f {
        Unary::LeakyRelu { alpha } => {
            return Ok(Box::new(move |x| if x > 0.0 { x } else { alpha * x }));
        }
        Unary::Elu { alpha } => {
            return Ok(Box::new(
                move |x| if x > 0.0 { x } else { alpha * x.exp_m1() },
            ));
        }
        Unary::Gelu { approximate: true } => gelu_tanh,
        Unary::Gelu { approximate: false } => |x| 0.5 * x * libm::erfc(-x * FRAC_1_SQRT_2),
        Unary::Neg => |x| -x,
        Unary::Abs => f64::abs,
        Unary::Sign => sign,
        Unary::Square => |x| x * x,
        Unary::Sqrt => f64::sqrt,
        Unary::Rsqrt => |x| 1.0 / x.sqrt(),
        Unary::Reciprocal => |x| 1.0 / x,
        Unary::Exp => f64::exp,
        Unary::Expm1 => f64::exp_m1,
        Unary::Log => f64::ln,
        Unary::Log1p => f64::ln_1p,
        Unary::Sin => f64::sin,
        Unary::Cos => f64::cos,
        Unary::Tan => f64::tan,
        Unary::Asin => f64::asin,
        Unary::Acos => f64::acos,
        Unary::Atan => f64::atan,
        Unary::Sinh => f64::sinh,
        Unary::Cosh => f64::cosh,
        Unary::Asinh => f64::asinh,
        Unary::Acosh => f64::acosh,
        Unary::Atanh => f64::atanh,
        Unary::Tanh => f64::tanh,
        Unary::Sigmoid => sigmoid,
        Unary::LogSigmoid => |x| -softplus(-x),
        Unary::Relu => |x| if x < 0.0 { 0.0 } else { x },
        Unary::Selu => selu,
        Unary::Softplus => softplus,
        Unary::Softsign => |x| x / (1.0 + x.abs()),
        Unary::Silu => |x| x * sigmoid(x),
        Unary::HardSigmoid => hard_sigmoid,
        Unary::HardSwish => |x| x * hard_sigmoid(x),
        Unary::Erf => libm::erf,
        Unary::Erfc => libm::erfc,
        Unary::Lgamma => libm::lgamma,
        Unary::Digamma => digamma,
        Unary::Floor => f64::floor,
        Unary::Ceil => f64::ceil,
        Unary::Round => f64::round_ties_even,
        Unary::StopGradient => |x| x,
        Unary::LogicalNot | Unary::BitwiseNot | Unary::IsNan | Unary::IsInf | Unary::IsFinite => {
            return Err(Error::malformed(format!(
                "{f:?} does not give a real number"
            )));
        }
    };
    Ok(Box::new(plain))
}

fn sign(x: f64) -> f64 {
    match x {
        x if x > 0.0 => 1.0,
        x if x < 0.0 => -1.0,
        x if x.is_nan() => x,
        _ => 0.0,
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else {
        x.max(0.0) + (-x.abs()).exp().ln_1p()
    }
}

fn hard_sigmoid(x: f64) -> f64 {
    (x + 3.0).clamp(0.0, 6.0) / 6.0
}

fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + (FRAC_2_PI.sqrt() * (x + 0.044715 * x * x * x)).tanh())
}

/// Constants of Klambauer et al., 2017.
fn selu(x: f64) -> f64 {
    const SCALE: f64 = 1.0507009873554805;
    const SCALED_ALPHA: f64 = 1.7580993408473766;
    if x < 0.0 {
        SCALED_ALPHA * x.exp_m1()
    } else {
        SCALE * x
    }
}

/// By reflection, recurrence and the asymptotic series; NaN at the poles.
fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        let pole = x == x.floor();
        return if pole {
            f64::NAN
        } else {
            digamma(1.0 - x) - PI / (PI * x).tan()
        };
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let coefficients = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32760.0,
    ];
    let series = coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, c| (sum + c) * square);
    sum + x.ln() - 0.5 / x - series
}

/// The function of one complex number.
pub(super) fn complex(f: Unary) -> Result<fn(Complex64) -> Complex64> {
    const ONE: Complex64 = Complex64::new(1.0, 0.0);
    Ok(match f {
        Unary::Neg => |x| -x,
        Unary::Abs => |x| x.norm().into(),
        Unary::Sign => |x| if x.norm() == 0.0 { x } else { x / x.norm() },
        Unary::Square => |x| x * x,
        Unary::Sqrt => Complex64::sqrt,
        Unary::Rsqrt => |x| x.sqrt().inv(),
        Unary::Reciprocal => |x| x.inv(),
        Unary::Exp => Complex64::exp,
        Unary::Expm1 => |x| x.exp() - ONE,
        Unary::Log => Complex64::ln,
        Unary::Log1p => |x| (x + ONE).ln(),
        Unary::Sin => Complex64::sin,
        Unary::Cos => Complex64::cos,
        Unary::Tan => Complex64::tan,
        Unary::Asin => Complex64::asin,
        Unary::Acos => Complex64::acos,
        Unary::Atan => Complex64::atan,
        Unary::Sinh => Complex64::sinh,
        Unary::Cosh => Complex64::cosh,
        Unary::Asinh => Complex64::asinh,
        Unary::Acosh => Complex64::acosh,
        Unary::Atanh => Complex64::atanh,
        Unary::Tanh => Complex64::tanh,
        Unary::Sigmoid => |x| (ONE + (-x).exp()).inv(),
        Unary::StopGradient => |x| x,
        Unary::LogSigmoid
        | Unary::Relu
        | Unary::Elu { .. }
        | Unary::Selu
        | Unary::Softplus
        | Unary::Softsign
        | Unary::LeakyRelu { .. }
        | Unary::Gelu { .. }
        | Unary::Silu
        | Unary::HardSigmoid
        | Unary::HardSwish
        | Unary::Erf
        | Unary::Erfc
        | Unary::Lgamma
        | Unary::Digamma
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::LogicalNot
        | Unary::BitwiseNot
        | Unary::IsNan
        | Unary::IsInf
        | Unary::IsFinite => {
            return Err(Error::unsupported(format!(
                "{f:?} does not take complex numbers"
            )));
        }
    })
}
