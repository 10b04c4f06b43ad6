//! Functions of one operand by candle's own operations, for devices that have no kernels here.

use super::with_slope::of_one;
use candle_core::{Result, Tensor};

/// -1, 0 or 1; no gradient flows.
pub fn sign(x: &Tensor) -> Result<Tensor> {
    let (x, zero) = (x.detach(), x.zeros_like()?);
    let sign = (x.gt(&zero)?.to_dtype(x.dtype())? - x.lt(&zero)?.to_dtype(x.dtype())?)?;
    x.ne(&x)?.where_cond(&x, &sign)
}

/// The absolute value, with slope 0 at 0.
pub fn abs(x: &Tensor) -> Result<Tensor> {
    x * sign(x)?
}

fn expm1_value(x: &Tensor) -> Result<Tensor> {
    (x * 0.5)?.tanh()? * (x.exp()? + 1.0)?
}

/// `exp(x) - 1`, without cancellation near 0.
pub fn expm1(x: &Tensor) -> Result<Tensor> {
    of_one(x, &expm1_value(&x.detach())?, |_, y| y + 1.0)
}

/// The rounding of `1 + x` is undone by the ratio of `x` to what was added.
fn log1p_value(x: &Tensor) -> Result<Tensor> {
    let sum = (x + 1.0)?;
    let ratio = (x / (&sum - 1.0)?)?;
    let is_itself = (sum.eq(1.0)? + x.eq(f64::INFINITY)?)?;
    is_itself.where_cond(x, &(sum.log()? * ratio)?)
}

/// `log(1 + x)`, exact near 0.
pub fn log1p(x: &Tensor) -> Result<Tensor> {
    of_one(x, &log1p_value(&x.detach())?, |x, _| (x + 1.0)?.recip())
}

pub fn tan(x: &Tensor) -> Result<Tensor> {
    let value = x.detach();
    of_one(x, &(value.sin()? / value.cos()?)?, |_, y| y.sqr()? + 1.0)
}

pub fn asin(x: &Tensor) -> Result<Tensor> {
    let value = x.detach();
    of_one(x, &angle(&value, &other_side(&value)?)?, |x, _| {
        other_side(x)?.recip()
    })
}

pub fn acos(x: &Tensor) -> Result<Tensor> {
    let value = x.detach();
    of_one(x, &angle(&other_side(&value)?, &value)?, |x, _| {
        other_side(x)?.recip()?.neg()
    })
}

pub fn atan(x: &Tensor) -> Result<Tensor> {
    let value = angle(&x.detach(), &x.ones_like()?)?;
    of_one(x, &value, |x, _| (x.sqr()? + 1.0)?.recip())
}

/// `sqrt(1 - x²)`.
fn other_side(x: &Tensor) -> Result<Tensor> {
    ((1.0 - x)? * (x + 1.0)?)?.sqrt()
}

/// The angle of the point `(x, y)`: a polynomial for the first octant, an error of less than 1e-3, and what the tangent of
/// that says is missing.
pub fn angle(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    let (a, b) = (abs(y)?, abs(x)?);
    let is_steep = a.gt(&b)?;
    let (low, high) = (is_steep.where_cond(&b, &a)?, is_steep.where_cond(&a, &b)?);
    let ratio = (&low / &high)?;
    let ratio = low.eq(&high)?.where_cond(&ratio.ones_like()?, &ratio)?;
    let ratio = high.eq(0.0)?.where_cond(&ratio.zeros_like()?, &ratio)?;
    let square = ratio.sqr()?;
    let series = (((&square * 0.079_331)? - 0.288_679)? * &square)?;
    let near = ((series + 0.995_354)? * &ratio)?;
    let tangent = (near.sin()? / near.cos()?)?;
    let rest = ((&ratio - &tangent)? / ((&ratio * &tangent)? + 1.0)?)?;
    let rest = (&rest - ((rest.sqr()? * &rest)? / 3.0)?)?;
    let octant = (near + rest)?;
    let mirrored = ((&octant * -1.0)? + std::f64::consts::FRAC_PI_2)?;
    let quadrant = is_steep.where_cond(&mirrored, &octant)?;
    let mirrored = ((&quadrant * -1.0)? + std::f64::consts::PI)?;
    let half = x.lt(0.0)?.where_cond(&mirrored, &quadrant)?;
    y.lt(0.0)?.where_cond(&half.neg()?, &half)
}

pub fn sinh(x: &Tensor) -> Result<Tensor> {
    let value = x.detach();
    let value = ((expm1_value(&value)? - expm1_value(&value.neg()?)?)? * 0.5)?;
    of_one(x, &value, |x, _| cosh(x))
}

pub fn cosh(x: &Tensor) -> Result<Tensor> {
    let value = x.detach();
    let value = ((value.exp()? + value.neg()?.exp()?)? * 0.5)?;
    of_one(x, &value, |x, _| sinh(x))
}

pub fn asinh(x: &Tensor) -> Result<Tensor> {
    let size = abs(&x.detach())?;
    let square = size.sqr()?;
    let grown = (&square / ((&square + 1.0)?.sqrt()? + 1.0)?)?;
    let near = log1p_value(&(&size + grown)?)?;
    // Here the square would overflow.
    let far = (size.log()? + std::f64::consts::LN_2)?;
    let value = (size.gt(1e10)?.where_cond(&far, &near)? * sign(x)?)?;
    of_one(x, &value, |x, _| (x.sqr()? + 1.0)?.sqrt()?.recip())
}

pub fn acosh(x: &Tensor) -> Result<Tensor> {
    let above = (x.detach() - 1.0)?;
    let root = (above.sqrt()? * (&above + 2.0)?.sqrt()?)?;
    of_one(x, &log1p_value(&(above + root)?)?, |x, _| {
        ((x - 1.0)?.sqrt()? * (x + 1.0)?.sqrt()?)?.recip()
    })
}

pub fn atanh(x: &Tensor) -> Result<Tensor> {
    let size = abs(&x.detach())?;
    let ratio = ((&size * 2.0)? / ((&size * -1.0)? + 1.0)?)?;
    let value = ((log1p_value(&ratio)? * 0.5)? * sign(x)?)?;
    of_one(x, &value, |x, _| ((x.sqr()? * -1.0)? + 1.0)?.recip())
}
