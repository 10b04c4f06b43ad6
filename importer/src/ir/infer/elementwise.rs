//! Elementwise ops.

use super::super::op::{Binary, Comparison, Unary};
use super::super::ty::{DType, Type};
use super::{boolean, broadcast, expect, floating, integer, numeric, operands, real, same_dtype};
use crate::error::{Error, Result};

/// Operands of one floating point type, which broadcast.
pub(super) fn special(inputs: &[&Type]) -> Result<Type> {
    let (first, others) = inputs
        .split_first()
        .ok_or_else(|| Error::malformed("a function of nothing"))?;
    super::real(first)?;
    let mut result = (*first).clone();
    for other in others {
        result = Type {
            dtype: super::same_dtype(&result, other)?,
            shape: broadcast(&result, other)?,
        };
    }
    Ok(result)
}

pub(super) fn unary(f: Unary, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let dtype = match f {
        Unary::StopGradient => x.dtype,
        Unary::Neg
        | Unary::Square
        | Unary::Sign
        | Unary::Reciprocal
        | Unary::Relu
        | Unary::Round => numeric(x)?,
        Unary::Abs => match numeric(x)? {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            dtype => dtype,
        },
        Unary::LogicalNot => boolean(x)?,
        Unary::BitwiseNot => integer(x)?,
        Unary::IsNan | Unary::IsInf | Unary::IsFinite => real(x).map(|_| DType::Bool)?,
        Unary::Sqrt | Unary::Rsqrt | Unary::Exp | Unary::Expm1 | Unary::Log | Unary::Log1p => {
            floating(x)?
        }
        Unary::Sin | Unary::Cos | Unary::Tan | Unary::Asin | Unary::Acos | Unary::Atan => {
            floating(x)?
        }
        Unary::Sinh | Unary::Cosh | Unary::Tanh | Unary::Asinh | Unary::Acosh | Unary::Atanh => {
            floating(x)?
        }
        Unary::Sigmoid => floating(x)?,
        Unary::LogSigmoid | Unary::Elu { .. } | Unary::Selu | Unary::Softplus | Unary::Softsign => {
            real(x)?
        }
        Unary::LeakyRelu { .. }
        | Unary::Gelu { .. }
        | Unary::Silu
        | Unary::HardSigmoid
        | Unary::HardSwish => real(x)?,
        Unary::Erf | Unary::Erfc | Unary::Lgamma | Unary::Digamma | Unary::Floor | Unary::Ceil => {
            real(x)?
        }
    };
    Ok(Type {
        dtype,
        shape: x.shape.clone(),
    })
}

pub(super) fn binary(f: Binary, inputs: &[&Type]) -> Result<Type> {
    let [x, y] = operands(inputs)?;
    let dtype = same_dtype(x, y)?;
    match f {
        Binary::LogicalAnd | Binary::LogicalOr => boolean(x)?,
        Binary::BitwiseAnd
        | Binary::BitwiseOr
        | Binary::BitwiseXor
        | Binary::ShiftLeft
        | Binary::ShiftRight => integer(x)?,
        Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::FloorDiv | Binary::Pow => {
            numeric(x)?
        }
        Binary::FloorMod | Binary::TruncMod | Binary::Maximum | Binary::Minimum => numeric(x)?,
        Binary::DivNoNan | Binary::Xlogy | Binary::Xdivy => floating(x)?,
        Binary::Atan2 => real(x)?,
    };
    Ok(Type {
        dtype,
        shape: broadcast(x, y)?,
    })
}

pub(super) fn compare(f: Comparison, inputs: &[&Type]) -> Result<Type> {
    let [x, y] = operands(inputs)?;
    let dtype = same_dtype(x, y)?;
    let ordered = !matches!(
        dtype,
        DType::Bool | DType::String | DType::C64 | DType::C128
    );
    let equality = matches!(f, Comparison::Equal | Comparison::NotEqual);
    expect(ordered || equality, || {
        format!("the operands {x} and {y} have no order")
    })?;
    Ok(Type {
        dtype: DType::Bool,
        shape: broadcast(x, y)?,
    })
}

pub(super) fn select(inputs: &[&Type]) -> Result<Type> {
    let [condition, x, y] = operands(inputs)?;
    boolean(condition)?;
    let dtype = same_dtype(x, y)?;
    let chosen = Type {
        dtype,
        shape: broadcast(x, y)?,
    };
    Ok(Type {
        dtype,
        shape: broadcast(condition, &chosen)?,
    })
}

pub(super) fn clamp(inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let holds = x.dtype.is_float() || x.dtype.is_integer();
    expect(holds, || {
        format!("the operand is {x} and must hold real numbers")
    })?;
    Ok(x.clone())
}

pub(super) fn cast(dtype: DType, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let holds = x.dtype == dtype || (x.dtype != DType::String && dtype != DType::String);
    expect(holds, || format!("{x} cannot become {dtype}"))?;
    Ok(Type {
        dtype,
        shape: x.shape.clone(),
    })
}

/// Indices from others.
pub(super) fn indices(inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    expect(x.dtype.is_integer(), || format!("{x} holds no indices"))?;
    Ok(x.clone())
}

pub(super) fn dropout(inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    Ok(x.clone())
}
