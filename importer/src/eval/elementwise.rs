//! Elementwise ops.

use super::data::{Data, Wide};
use super::movement::{broadcast_places, broadcast_shape, broadcast_to};
use super::special;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Special, Unary};
use half::{bf16, f16};
use num_complex::Complex64;
use std::cmp::Ordering;

/// A special function of operands that broadcast.
pub(super) fn special(function: Special, operands: &[&Tensor]) -> Result<Tensor> {
    let shape = broadcast_shape(operands)?;
    let mut lists = vec![];
    for operand in operands {
        lists.push(broadcast_to(&shape, operand)?.to_floats()?);
    }
    let count = lists.first().map_or(0, Vec::len);
    let at = |i: usize| function.value(&lists.iter().map(|list| list[i]).collect::<Vec<_>>());
    let dtype = operands.first().map_or(DType::F32, |first| first.dtype());
    Tensor::from_floats(dtype, &shape, (0..count).map(at).collect())
}

pub(super) fn unary(f: Unary, x: &Tensor) -> Result<Tensor> {
    if let Some(holds) = predicate(f) {
        return Tensor::new(
            x.shape(),
            x.to_floats()?.into_iter().map(holds).collect::<Vec<bool>>(),
        );
    }
    if f == Unary::StopGradient {
        return Ok(x.clone());
    }
    if x.dtype() == DType::Bool {
        return of_truth(f, x);
    }
    let (wide, dtype) = match x.data().widen()? {
        Wide::Float(v) => {
            let function = special::real(f)?;
            (
                Wide::Float(v.into_iter().map(function).collect()),
                x.dtype(),
            )
        }
        Wide::Integer(v) => {
            let function = integer_unary(f)?;
            (
                Wide::Integer(v.into_iter().map(function).collect()),
                x.dtype(),
            )
        }
        Wide::Complex(v) => (
            Wide::Complex(v.into_iter().map(special::complex(f)?).collect()),
            complex_result(f, x),
        ),
    };
    Tensor::narrow(x.shape(), &wide, dtype)
}

/// The functions that give truth values for floats.
fn predicate(f: Unary) -> Option<fn(f64) -> bool> {
    if f == Unary::IsNan {
        Some(f64::is_nan)
    } else if f == Unary::IsInf {
        Some(f64::is_infinite)
    } else {
        (f == Unary::IsFinite).then_some(f64::is_finite as fn(f64) -> bool)
    }
}

fn of_truth(f: Unary, x: &Tensor) -> Result<Tensor> {
    match x.elements::<bool>() {
        Some(v) if f == Unary::LogicalNot => Tensor::new(x.shape(), v.iter().map(|x| !x).collect()),
        Some(_) | None => Err(Error::malformed(format!(
            "{f:?} does not take truth values"
        ))),
    }
}

/// The absolute value of a complex number is real.
fn complex_result(f: Unary, x: &Tensor) -> DType {
    match (f, x.dtype()) {
        (Unary::Abs, DType::C64) => DType::F32,
        (Unary::Abs, DType::C128) => DType::F64,
        (_, dtype) => dtype,
    }
}

fn integer_unary(f: Unary) -> Result<fn(i128) -> i128> {
    match f {
        Unary::Neg => Ok(|x| -x),
        Unary::Abs => Ok(i128::abs),
        Unary::Sign => Ok(i128::signum),
        Unary::Square => Ok(|x| x.wrapping_mul(x)),
        Unary::Reciprocal => Ok(|x| 1i128.checked_div(x).unwrap_or(0)),
        Unary::Relu => Ok(|x| x.max(0)),
        Unary::Floor | Unary::Ceil | Unary::Round => Ok(|x| x),
        Unary::BitwiseNot => Ok(|x| !x),
        Unary::StopGradient => Ok(|x| x),
        Unary::Sqrt
        | Unary::Rsqrt
        | Unary::Exp
        | Unary::Expm1
        | Unary::Log
        | Unary::Log1p
        | Unary::Sin
        | Unary::Cos
        | Unary::Tan
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::Tanh
        | Unary::Sigmoid
        | Unary::LogSigmoid
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
        | Unary::LogicalNot
        | Unary::IsNan
        | Unary::IsInf
        | Unary::IsFinite => Err(Error::malformed(format!("{f:?} does not take integers"))),
    }
}

pub(super) fn binary(f: Binary, [x, y]: [&Tensor; 2]) -> Result<Tensor> {
    let shape = broadcast_shape(&[x, y])?;
    let dtype = x.dtype();
    let (x, y) = (spread(x, &shape)?, spread(y, &shape)?);
    let wide = match (x, y) {
        (Wide::Float(a), Wide::Float(b)) => {
            let function = float_binary(f, dtype)?;
            Wide::Float(a.into_iter().zip(b).map(|(x, y)| function(x, y)).collect())
        }
        (Wide::Integer(a), Wide::Integer(b)) => {
            let function = integer_binary(f, dtype)?;
            Wide::Integer(
                a.into_iter()
                    .zip(b)
                    .map(|(x, y)| function(x, y))
                    .collect::<Result<_>>()?,
            )
        }
        (Wide::Complex(a), Wide::Complex(b)) => {
            let function = complex_binary(f)?;
            Wide::Complex(a.into_iter().zip(b).map(|(x, y)| function(x, y)).collect())
        }
        (Wide::Float(_) | Wide::Integer(_) | Wide::Complex(_), _) => {
            return Err(Error::malformed("the operands differ in element type"));
        }
    };
    Tensor::narrow(&shape, &wide, dtype)
}

fn spread(x: &Tensor, shape: &[usize]) -> Result<Wide> {
    match x.shape() == shape {
        true => x.data().widen(),
        false => broadcast_to(shape, x)?.data().widen(),
    }
}

/// The value of the element type that is nearest.
fn rounded(dtype: DType) -> fn(f64) -> f64 {
    match dtype {
        DType::F16 => |x| f16::from_f64(x).to_f64(),
        DType::BF16 => |x| bf16::from_f64(x).to_f64(),
        DType::F32 => |x| f64::from(x as f32),
        _ => |x| x,
    }
}

fn float_binary(f: Binary, dtype: DType) -> Result<Box<dyn Fn(f64, f64) -> f64>> {
    let plain: fn(f64, f64) -> f64 = match f {
        // The quotient is rounded before it is floored, as in arithmetic of the element type.
        Binary::FloorDiv => {
            let round = rounded(dtype);
            return Ok(Box::new(move |x, y| round(x / y).floor()));
        }
        Binary::Add => |x, y| x + y,
        Binary::Sub => |x, y| x - y,
        Binary::Mul => |x, y| x * y,
        Binary::Div => |x, y| x / y,
        Binary::FloorMod => |x, y| {
            let rest = x % y;
            if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
                rest + y
            } else {
                rest
            }
        },
        Binary::TruncMod => |x, y| x % y,
        Binary::Pow => f64::powf,
        Binary::Maximum => |x, y| if x.is_nan() || x > y { x } else { y },
        Binary::Minimum => |x, y| if x.is_nan() || x < y { x } else { y },
        Binary::Atan2 => f64::atan2,
        Binary::DivNoNan => |x, y| if y == 0.0 { 0.0 } else { x / y },
        Binary::Xlogy => |x, y| if x == 0.0 { 0.0 } else { x * y.ln() },
        Binary::Xdivy => |x, y| if x == 0.0 { 0.0 } else { x / y },
        Binary::LogicalAnd
        | Binary::LogicalOr
        | Binary::BitwiseAnd
        | Binary::BitwiseOr
        | Binary::BitwiseXor
        | Binary::ShiftLeft
        | Binary::ShiftRight => {
            return Err(Error::malformed(format!("{f:?} does not take floats")));
        }
    };
    Ok(Box::new(plain))
}

type IntegerBinary = Box<dyn Fn(i128, i128) -> Result<i128>>;

/// Truth values are 0 and 1.
fn integer_binary(f: Binary, dtype: DType) -> Result<IntegerBinary> {
    let zero = || Error::malformed("an integer is divided by zero");
    let bits = dtype.width().map_or(64, |width| 8 * width as i128);
    let shift = move |y: i128| y.clamp(0, bits - 1) as u32;
    Ok(match f {
        Binary::Add => Box::new(|x, y| Ok(x + y)),
        Binary::Sub => Box::new(|x, y| Ok(x - y)),
        Binary::Mul => Box::new(|x, y| Ok(x.wrapping_mul(y))),
        Binary::Div => Box::new(move |x, y| x.checked_div(y).ok_or_else(zero)),
        Binary::TruncMod => Box::new(move |x, y| x.checked_rem(y).ok_or_else(zero)),
        Binary::FloorDiv => Box::new(move |x, y| {
            floor_division(x, y)
                .map(|(quotient, _)| quotient)
                .ok_or_else(zero)
        }),
        Binary::FloorMod => {
            Box::new(move |x, y| floor_division(x, y).map(|(_, rest)| rest).ok_or_else(zero))
        }
        Binary::Pow => Box::new(power),
        Binary::Maximum => Box::new(|x, y| Ok(x.max(y))),
        Binary::Minimum => Box::new(|x, y| Ok(x.min(y))),
        Binary::LogicalAnd | Binary::BitwiseAnd => Box::new(|x, y| Ok(x & y)),
        Binary::LogicalOr | Binary::BitwiseOr => Box::new(|x, y| Ok(x | y)),
        Binary::BitwiseXor => Box::new(|x, y| Ok(x ^ y)),
        Binary::ShiftLeft => Box::new(move |x, y| Ok(x << shift(y))),
        Binary::ShiftRight => Box::new(move |x, y| Ok(x >> shift(y))),
        Binary::Atan2 | Binary::DivNoNan | Binary::Xlogy | Binary::Xdivy => {
            return Err(Error::malformed(format!("{f:?} does not take integers")));
        }
    })
}

/// The quotient towards negative infinity, and the rest with the divisor's sign.
fn floor_division(x: i128, y: i128) -> Option<(i128, i128)> {
    let (quotient, rest) = (x.checked_div(y)?, x.checked_rem(y)?);
    let between = rest != 0 && (rest < 0) != (y < 0);
    Some(if between {
        (quotient - 1, rest + y)
    } else {
        (quotient, rest)
    })
}

fn power(x: i128, y: i128) -> Result<i128> {
    let exponent = u32::try_from(y)
        .map_err(|_| Error::malformed(format!("an integer is raised to the power {y}")))?;
    Ok(x.wrapping_pow(exponent))
}

fn complex_binary(f: Binary) -> Result<fn(Complex64, Complex64) -> Complex64> {
    match f {
        Binary::Add => Ok(|x, y| x + y),
        Binary::Sub => Ok(|x, y| x - y),
        Binary::Mul => Ok(|x, y| x * y),
        Binary::Div => Ok(|x, y| x / y),
        Binary::Pow => Ok(|x, y| x.powc(y)),
        Binary::DivNoNan => Ok(|x, y| if y == Complex64::ZERO { y } else { x / y }),
        Binary::Xlogy => Ok(|x, y| if x == Complex64::ZERO { x } else { x * y.ln() }),
        Binary::Xdivy => Ok(|x, y| if x == Complex64::ZERO { x } else { x / y }),
        Binary::FloorDiv
        | Binary::FloorMod
        | Binary::TruncMod
        | Binary::Maximum
        | Binary::Minimum
        | Binary::Atan2
        | Binary::LogicalAnd
        | Binary::LogicalOr
        | Binary::BitwiseAnd
        | Binary::BitwiseOr
        | Binary::BitwiseXor
        | Binary::ShiftLeft
        | Binary::ShiftRight => Err(Error::malformed(format!(
            "{f:?} does not take complex numbers"
        ))),
    }
}

pub(super) fn compare(f: Comparison, [x, y]: [&Tensor; 2]) -> Result<Tensor> {
    let shape = broadcast_shape(&[x, y])?;
    let (x, y) = (broadcast_to(&shape, x)?, broadcast_to(&shape, y)?);
    let orders: Vec<Option<Ordering>> = match (x.data(), y.data()) {
        (Data::String(a), Data::String(b)) => {
            a.iter().zip(b).map(|(x, y)| Some(x.cmp(y))).collect()
        }
        (a, b) => match (a.widen()?, b.widen()?) {
            (Wide::Float(a), Wide::Float(b)) => {
                a.iter().zip(&b).map(|(x, y)| x.partial_cmp(y)).collect()
            }
            (Wide::Integer(a), Wide::Integer(b)) => {
                a.iter().zip(&b).map(|(x, y)| Some(x.cmp(y))).collect()
            }
            (Wide::Complex(a), Wide::Complex(b)) => a
                .iter()
                .zip(&b)
                .map(|(x, y)| (x == y).then_some(Ordering::Equal))
                .collect(),
            (Wide::Float(_) | Wide::Integer(_) | Wide::Complex(_), _) => {
                return Err(Error::malformed("the operands differ in element type"));
            }
        },
    };
    Tensor::new(
        &shape,
        orders
            .into_iter()
            .map(|order| holds(f, order))
            .collect::<Vec<bool>>(),
    )
}

/// Nothing but `!=` holds between what has no order.
fn holds(f: Comparison, order: Option<Ordering>) -> bool {
    match f {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterEqual => order.is_some_and(Ordering::is_ge),
    }
}

/// Negative indices counted from the end of an axis.
pub(super) fn from_end(extent: usize, x: &Tensor) -> Result<Tensor> {
    let indices = x.as_integers();
    let mut indices = indices.ok_or_else(|| Error::malformed("indices must be integers"))?;
    for index in indices.iter_mut().filter(|index| **index < 0) {
        *index += extent as i64;
    }
    Tensor::from_integers(x.dtype(), x.shape(), indices)
}

pub(super) fn select([condition, x, y]: [&Tensor; 3]) -> Result<Tensor> {
    let shape = broadcast_shape(&[condition, x, y])?;
    let condition = broadcast_to(&shape, condition)?;
    let condition = condition
        .elements::<bool>()
        .ok_or_else(|| Error::malformed("the condition must be Bool"))?;
    let places = [
        broadcast_places(x.shape(), &shape)?,
        broadcast_places(y.shape(), &shape)?,
    ];
    let chosen = condition.iter().zip(&places[0]).zip(&places[1]);
    let chosen: Vec<usize> = chosen
        .map(|((&yes, &a), &b)| if yes { a } else { x.len() + b })
        .collect();
    Tensor::chain(&[x, y])?.take(&shape, &chosen)
}

/// NaN stays NaN.
pub(super) fn clamp(low: f64, high: f64, x: &Tensor) -> Result<Tensor> {
    let wide = match x.data().widen()? {
        Wide::Float(v) => {
            let (low, high) = (rounded(x.dtype())(low), rounded(x.dtype())(high));
            let clamp = |x: f64| if x > high { high } else { x };
            Wide::Float(
                v.into_iter()
                    .map(|x| clamp(if x < low { low } else { x }))
                    .collect(),
            )
        }
        Wide::Integer(v) => {
            let (low, high) = (low as i128, high as i128);
            Wide::Integer(v.into_iter().map(|x| x.max(low).min(high)).collect())
        }
        Wide::Complex(_) => return Err(Error::malformed("complex numbers have no order")),
    };
    Tensor::narrow(x.shape(), &wide, x.dtype())
}
