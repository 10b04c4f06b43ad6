//! Functions of two operands of one shape by candle's own operations, for devices that have no kernels here.

use super::binary::Function;
use super::math_composed::angle;
use super::with_slope::of_two;
use candle_core::{DType, Result, Tensor, bail};

/// A function of floats, with its gradients.
pub(super) fn floats(x: &Tensor, y: &Tensor, function: Function) -> Result<Tensor> {
    match function {
        Function::Div => x / y,
        Function::FloorDiv => quotient(x, y, Tensor::floor),
        Function::FloorMod => rest(x, y, Tensor::floor),
        Function::TruncMod => rest(x, y, truncate),
        Function::Pow => pow(x, y),
        // A NaN is its own.
        Function::Maximum => (x.ge(y)? + x.ne(x)?)?.where_cond(x, y),
        Function::Minimum => (x.le(y)? + x.ne(x)?)?.where_cond(x, y),
        Function::Atan2 => atan2(x, y),
        Function::DivNoNan => guarded(y, &(x / other_than_zero(y, y)?)?),
        Function::Xlogy => guarded(x, &(x * other_than_zero(x, y)?.log()?)?),
        Function::Xdivy => guarded(x, &(x / other_than_zero(x, y)?)?),
        Function::And
        | Function::Or
        | Function::Xor
        | Function::ShiftLeft
        | Function::ShiftRight => bail!("{function:?} needs integers"),
    }
}

type OfIntegers = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// The function of integers, if candle's operations can say it. A division by zero is not noticed, as on TensorFlow's
/// devices.
pub(super) fn integers(function: Function) -> Option<OfIntegers> {
    Some(match function {
        Function::Div => |x, y| x / y,
        Function::FloorDiv => floor_div,
        Function::FloorMod => |x, y| x - (floor_div(x, y)? * y)?,
        Function::TruncMod => |x, y| x - ((x / y)? * y)?,
        Function::Maximum => |x, y| x.ge(y)?.where_cond(x, y),
        Function::Minimum => |x, y| x.le(y)?.where_cond(x, y),
        Function::DivNoNan => |x, y| guarded(y, &(x / other_than_zero(y, y)?)?),
        Function::Pow
        | Function::Atan2
        | Function::Xlogy
        | Function::Xdivy
        | Function::And
        | Function::Or
        | Function::Xor
        | Function::ShiftLeft
        | Function::ShiftRight => return None,
    })
}

/// `value`, and 0 where `x` is 0.
fn guarded(x: &Tensor, value: &Tensor) -> Result<Tensor> {
    let zero = x.zeros_like()?;
    x.eq(&zero)?.where_cond(&zero, value)
}

/// `y`, and 1 where `x` is 0, so that neither the value nor the slope of what is guarded is NaN.
fn other_than_zero(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    x.eq(&x.zeros_like()?)?.where_cond(&y.ones_like()?, y)
}

fn floor_div(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (quotient, zero) = ((x / y)?, x.zeros_like()?);
    let rest = (x - (&quotient * y)?)?;
    let is_below = (rest.ne(&zero)? * x.lt(&zero)?.ne(&y.lt(&zero)?)?)?;
    quotient - is_below.to_dtype(x.dtype())?
}

fn truncate(x: &Tensor) -> Result<Tensor> {
    x.lt(0.0)?.where_cond(&x.ceil()?, &x.floor()?)
}

/// `x / y`, rounded: in double precision, so that it is right beside whole numbers, too. No gradient flows.
fn quotient(x: &Tensor, y: &Tensor, round: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let double = |t: &Tensor| t.detach().to_dtype(DType::F64);
    round(&(double(x)? / double(y)?)?)?.to_dtype(x.dtype())
}

/// What a rounded quotient leaves of `x`.
fn rest(x: &Tensor, y: &Tensor, round: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let double = |t: &Tensor| t.to_dtype(DType::F64);
    let quotient = double(&quotient(x, y, round)?)?;
    (double(x)? - (quotient * double(y)?)?)?.to_dtype(x.dtype())
}

/// By exponential and logarithm of the size; the sign is that of `x` where `y` is odd.
fn pow_value(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let one = x.ones_like()?;
    let size = (y * x.abs()?.log()?)?.exp()?;
    let size = x.abs()?.eq(1.0)?.where_cond(&one, &size)?;
    let half = (y * 0.5)?;
    let is_odd = half.floor()?.ne(&half)?;
    let signed = is_odd.where_cond(&size.neg()?, &size)?;
    let is_whole = y.floor()?.eq(y)?;
    let negative = is_whole.where_cond(&signed, &(x.zeros_like()? * f64::NAN)?)?;
    let value = x.lt(0.0)?.where_cond(&negative, &size)?;
    y.eq(0.0)?.where_cond(&one, &value)
}

fn pow(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let value = pow_value(&x.detach(), &y.detach())?;
    of_two(x, y, &value, |x, y, value| {
        let dx = guarded(y, &(y * pow_value(x, &(y - 1.0)?)?)?)?;
        let log = x.gt(0.0)?.where_cond(&x.log()?, &x.zeros_like()?)?;
        Ok([dx, (value * log)?])
    })
}

/// TensorFlow's first operand is the ordinate.
fn atan2(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    let value = angle(&y.detach(), &x.detach())?;
    of_two(y, x, &value, |y, x, _| {
        let square = (x.sqr()? + y.sqr()?)?;
        Ok([(x / &square)?, (y.neg()? / square)?])
    })
}
