//! Functions of two operands, which broadcast, that candle lacks or computes or differentiates differently from TensorFlow.

use super::binary_composed::{self, floats};
use super::cpu::is_short;
use super::kernels;
use candle_core::{CpuStorage, CustomOp2, DType, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Div,
    FloorDiv,
    FloorMod,
    TruncMod,
    Pow,
    Maximum,
    Minimum,
    Atan2,
    DivNoNan,
    Xlogy,
    Xdivy,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

impl Function {
    fn value(self, x: f64, y: f64) -> f64 {
        match self {
            Function::Div => x / y,
            Function::FloorDiv => (x / y).floor(),
            Function::FloorMod => {
                let rest = x % y;
                if rest != 0.0 && (rest < 0.0) != (y < 0.0) {
                    rest + y
                } else {
                    rest
                }
            }
            Function::TruncMod => x % y,
            Function::Pow => x.powf(y),
            Function::Maximum => {
                if x >= y || x.is_nan() {
                    x
                } else {
                    y
                }
            }
            Function::Minimum => {
                if x <= y || x.is_nan() {
                    x
                } else {
                    y
                }
            }
            Function::Atan2 => x.atan2(y),
            Function::DivNoNan => {
                if y == 0.0 {
                    0.0
                } else {
                    x / y
                }
            }
            Function::Xlogy => {
                if x == 0.0 {
                    0.0
                } else {
                    x * y.ln()
                }
            }
            Function::Xdivy => {
                if x == 0.0 {
                    0.0
                } else {
                    x / y
                }
            }
            Function::And
            | Function::Or
            | Function::Xor
            | Function::ShiftLeft
            | Function::ShiftRight => f64::NAN,
        }
    }

    /// The slopes along `x` and `y`, where the value is `z`.
    fn slopes(self, x: f64, y: f64, z: f64) -> (f64, f64) {
        match self {
            Function::Div => (1.0 / y, -x / (y * y)),
            Function::FloorMod => (1.0, -(x / y).floor()),
            Function::TruncMod => (1.0, -(x / y).trunc()),
            Function::Pow => {
                let log = if x > 0.0 { x.ln() } else { 0.0 };
                (if y == 0.0 { 0.0 } else { y * x.powf(y - 1.0) }, z * log)
            }
            Function::Maximum => {
                if x >= y {
                    (1.0, 0.0)
                } else {
                    (0.0, 1.0)
                }
            }
            Function::Minimum => {
                if x <= y {
                    (1.0, 0.0)
                } else {
                    (0.0, 1.0)
                }
            }
            Function::Atan2 => (y / (x * x + y * y), -x / (x * x + y * y)),
            Function::DivNoNan => {
                if y == 0.0 {
                    (0.0, 0.0)
                } else {
                    (1.0 / y, -x / (y * y))
                }
            }
            Function::Xlogy => {
                if x == 0.0 {
                    (0.0, 0.0)
                } else {
                    (y.ln(), x / y)
                }
            }
            Function::Xdivy => {
                if x == 0.0 {
                    (0.0, 0.0)
                } else {
                    (1.0 / y, -x / (y * y))
                }
            }
            Function::FloorDiv
            | Function::And
            | Function::Or
            | Function::Xor
            | Function::ShiftLeft
            | Function::ShiftRight => (0.0, 0.0),
        }
    }

    /// The function of integers; `None` for a division by zero, or where it is not defined.
    fn integer(self, x: i64, y: i64) -> Option<i64> {
        Some(match self {
            Function::Div => x.checked_div(y)?,
            Function::FloorDiv => {
                let quotient = x.checked_div(y)?;
                if x.wrapping_rem(y) != 0 && (x < 0) != (y < 0) {
                    quotient - 1
                } else {
                    quotient
                }
            }
            Function::FloorMod => {
                let rest = x.checked_rem(y)?;
                if rest != 0 && (rest < 0) != (y < 0) {
                    rest + y
                } else {
                    rest
                }
            }
            Function::TruncMod => x.checked_rem(y)?,
            Function::Pow => u32::try_from(y).ok().map(|y| x.wrapping_pow(y))?,
            Function::Maximum => x.max(y),
            Function::Minimum => x.min(y),
            Function::And => x & y,
            Function::Or => x | y,
            Function::Xor => x ^ y,
            Function::ShiftLeft => u32::try_from(y)
                .ok()
                .and_then(|y| x.checked_shl(y))
                .unwrap_or(0),
            Function::ShiftRight => u32::try_from(y)
                .ok()
                .and_then(|y| x.checked_shr(y))
                .unwrap_or(0),
            Function::DivNoNan if y == 0 => 0,
            Function::DivNoNan => x.checked_div(y)?,
            Function::Atan2 | Function::Xlogy | Function::Xdivy => return None,
        })
    }
}

/// Both operands, repeated to the shape that they broadcast to.
pub fn broadcast(x: &Tensor, y: &Tensor) -> Result<(Tensor, Tensor)> {
    let shape = x
        .shape()
        .broadcast_shape_binary_op(y.shape(), "broadcast")?;
    Ok((x.broadcast_as(&shape)?, y.broadcast_as(&shape)?))
}

fn apply(x: &Tensor, y: &Tensor, function: Function) -> Result<Tensor> {
    let (device, dtype) = (x.device(), x.dtype());
    if y.dtype() != dtype {
        bail!("{function:?} of {dtype:?} and {:?}", y.dtype());
    }
    let (x, y) = broadcast(x, y)?;
    if !dtype.is_float() {
        return match binary_composed::integers(function) {
            Some(composed) if !kernels::exist_for(device) => composed(&x, &y),
            _ => integers(&x, &y, function),
        };
    }
    if !kernels::exist_for(device) && is_short(dtype) {
        return floats(&x.to_dtype(DType::F32)?, &y.to_dtype(DType::F32)?, function)?
            .to_dtype(dtype);
    }
    if !kernels::exist_for(device) {
        return floats(&x, &y, function);
    }
    let wide = if dtype == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    let prepare = |t: &Tensor| t.to_device(&Device::Cpu)?.to_dtype(wide)?.contiguous();
    prepare(&x)?
        .apply_op2(&prepare(&y)?, FunctionOp(function))?
        .to_dtype(dtype)?
        .to_device(device)
}

fn integers(x: &Tensor, y: &Tensor, function: Function) -> Result<Tensor> {
    let list = |t: &Tensor| t.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>();
    let values = list(x)?
        .into_iter()
        .zip(list(y)?)
        .map(|(x, y)| match function.integer(x, y) {
            Some(value) => Ok(value),
            None => bail!("{function:?} of {x} and {y}"),
        });
    Tensor::from_vec(values.collect::<Result<Vec<i64>>>()?, x.shape(), x.device())?
        .to_dtype(x.dtype())
}

struct FunctionOp(Function);

impl CustomOp2 for FunctionOp {
    fn name(&self) -> &'static str {
        "binary-function"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        y: &CpuStorage,
        yl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (Some((x0, x1)), Some((y0, y1))) = (xl.contiguous_offsets(), yl.contiguous_offsets())
        else {
            bail!("{:?} needs contiguous tensors", self.0)
        };
        let z = match (x, y) {
            (CpuStorage::F32(x), CpuStorage::F32(y)) => {
                let pairs = x[x0..x1].par_iter().zip(&y[y0..y1]);
                CpuStorage::F32(
                    pairs
                        .map(|(&x, &y)| self.0.value(f64::from(x), f64::from(y)) as f32)
                        .collect(),
                )
            }
            (CpuStorage::F64(x), CpuStorage::F64(y)) => CpuStorage::F64(
                x[x0..x1]
                    .par_iter()
                    .zip(&y[y0..y1])
                    .map(|(&x, &y)| self.0.value(x, y))
                    .collect(),
            ),
            _ => bail!("{:?} needs f32 or f64", self.0),
        };
        Ok((z, xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        z: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let list = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let operands = list(x)?.into_par_iter().zip(list(y)?).zip(list(z)?);
        let (dx, dy): (Vec<f64>, Vec<f64>) =
            operands.map(|((x, y), z)| self.0.slopes(x, y, z)).unzip();
        let scaled = |slopes| {
            gradient * Tensor::from_vec(slopes, x.shape(), &Device::Cpu)?.to_dtype(x.dtype())?
        };
        Ok((Some(scaled(dx)?), Some(scaled(dy)?)))
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)*) => {
        $($(#[$doc])* pub fn $name(x: &Tensor, y: &Tensor) -> Result<Tensor> { apply(x, y, Function::$function) })*
    };
}

functions! {
    /// `x / y`; integers are truncated towards zero.
    div = Div;
    /// `x / y`, rounded towards negative infinity.
    floor_div = FloorDiv;
    /// The rest of `floor_div`, which has the sign of `y`.
    floor_mod = FloorMod;
    /// The rest of a truncating division, which has the sign of `x`.
    trunc_mod = TruncMod;
    pow = Pow;
    /// The greater of the two; of equals, `x` gets the gradient.
    maximum = Maximum;
    /// The lesser of the two; of equals, `x` gets the gradient.
    minimum = Minimum;
    /// The angle of the point `(y, x)`: TensorFlow's first operand is the ordinate.
    atan2 = Atan2;
    /// `x / y`, and 0 where `y` is 0.
    div_no_nan = DivNoNan;
    /// `x * log(y)`, and 0 where `x` is 0.
    xlogy = Xlogy;
    /// `x / y`, and 0 where `x` is 0.
    xdivy = Xdivy;
    bitwise_and = And;
    bitwise_or = Or;
    bitwise_xor = Xor;
    shift_left = ShiftLeft;
    shift_right = ShiftRight;
}

/// Whether both are true, of `U8` truth values.
pub fn logical_and(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (x, y) = broadcast(x, y)?;
    x.ne(0u8)? * y.ne(0u8)?
}

/// Whether either is true, of `U8` truth values.
pub fn logical_or(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (x, y) = broadcast(x, y)?;
    (x.ne(0u8)? + y.ne(0u8)?)?.ne(0u8)
}

/// `condition ? x : y`, where all three broadcast; the condition is `U8`.
pub fn select(condition: &Tensor, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (x, y) = broadcast(x, y)?;
    let (condition, x) = broadcast(condition, &x)?;
    condition.where_cond(&x, &y.broadcast_as(x.shape())?)
}

/// `start + step * i` for `i` in `0..length`, in the type of the scalars.
pub fn range(start: &Tensor, step: &Tensor, length: usize) -> Result<Tensor> {
    let steps = Tensor::arange(0u32, length as u32, start.device())?.to_dtype(start.dtype())?;
    steps.broadcast_mul(step)?.broadcast_add(start)
}
