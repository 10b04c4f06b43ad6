//! Elementwise ops in candle's words.

use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Op as Infix};
use super::op::{method, support};
use super::{dtype, typed_number};
use crate::ir::{Binary, Comparison, DType, Unary};

pub(super) fn unary(body: &mut Body, op: Unary, x: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let function = match op {
        Unary::Exp => return method(body, x, "exp"),
        Unary::Log => return method(body, x, "log"),
        Unary::Sin => return method(body, x, "sin"),
        Unary::Cos => return method(body, x, "cos"),
        Unary::Tanh => return method(body, x, "tanh"),
        Unary::Reciprocal => return method(body, x, "recip"),
        Unary::Relu => "activation::relu",
        Unary::Neg if float => return method(body, x, "neg"),
        Unary::Abs if float => return method(body, x, "abs"),
        Unary::Square if float => return method(body, x, "sqr"),
        Unary::StopGradient => return x.receiver(body).call_method("detach", []),
        Unary::LeakyRelu { alpha } => {
            return support(
                body,
                "activation::leaky_relu",
                std::slice::from_ref(x),
                [Expr::f32(alpha as f32)],
            );
        }
        Unary::Elu { alpha } => {
            return support(
                body,
                "activation::elu",
                std::slice::from_ref(x),
                [Expr::f32(alpha as f32)],
            );
        }
        Unary::Neg => "math::neg",
        Unary::Abs => "math::abs",
        Unary::Square => "math::square",
        Unary::Sign => "math::sign",
        Unary::Sqrt => "math::sqrt",
        Unary::Rsqrt => "math::rsqrt",
        Unary::Expm1 => "math::expm1",
        Unary::Log1p => "math::log1p",
        Unary::Tan => "math::tan",
        Unary::Asin => "math::asin",
        Unary::Acos => "math::acos",
        Unary::Atan => "math::atan",
        Unary::Sinh => "math::sinh",
        Unary::Cosh => "math::cosh",
        Unary::Asinh => "math::asinh",
        Unary::Acosh => "math::acosh",
        Unary::Atanh => "math::atanh",
        Unary::Sigmoid => "activation::sigmoid",
        Unary::LogSigmoid => "math::log_sigmoid",
        Unary::Selu => "activation::selu",
        Unary::Softplus => "activation::softplus",
        Unary::Softsign => "activation::softsign",
        Unary::Gelu { approximate: false } => "activation::gelu",
        Unary::Gelu { approximate: true } => "activation::gelu_tanh",
        Unary::Silu => "activation::silu",
        Unary::HardSigmoid => "activation::hard_sigmoid",
        Unary::HardSwish => "activation::hard_silu",
        Unary::Erf => "math::erf",
        Unary::Erfc => "math::erfc",
        Unary::Lgamma => "math::lgamma",
        Unary::Digamma => "math::digamma",
        Unary::Floor => "math::floor",
        Unary::Ceil => "math::ceil",
        Unary::Round => "math::round",
        Unary::LogicalNot => "math::logical_not",
        Unary::BitwiseNot => "math::bitwise_not",
        Unary::IsNan => "math::is_nan",
        Unary::IsInf => "math::is_inf",
        Unary::IsFinite => "math::is_finite",
    };
    support(body, function, std::slice::from_ref(x), [])
}

pub(super) fn binary(body: &mut Body, op: Binary, x: &Arg, y: &Arg) -> Expr {
    let (infix, broadcast) = match op {
        Binary::Add => (Infix::Add, "broadcast_add"),
        Binary::Sub => (Infix::Sub, "broadcast_sub"),
        Binary::Mul => (Infix::Mul, "broadcast_mul"),
        Binary::Div if x.ty.dtype.is_float() => (Infix::Div, "broadcast_div"),
        Binary::Pow => return pow(body, x, y),
        Binary::Div => return support(body, "binary::div", &pair(x, y), []),
        Binary::FloorDiv => return support(body, "binary::floor_div", &pair(x, y), []),
        Binary::FloorMod => return support(body, "binary::floor_mod", &pair(x, y), []),
        Binary::TruncMod => return support(body, "binary::trunc_mod", &pair(x, y), []),
        Binary::Maximum => return support(body, "binary::maximum", &pair(x, y), []),
        Binary::Minimum => return support(body, "binary::minimum", &pair(x, y), []),
        Binary::Atan2 => return support(body, "binary::atan2", &pair(x, y), []),
        Binary::DivNoNan => return support(body, "binary::div_no_nan", &pair(x, y), []),
        Binary::Xlogy => return support(body, "binary::xlogy", &pair(x, y), []),
        Binary::Xdivy => return support(body, "binary::xdivy", &pair(x, y), []),
        Binary::LogicalAnd => return support(body, "binary::logical_and", &pair(x, y), []),
        Binary::LogicalOr => return support(body, "binary::logical_or", &pair(x, y), []),
        Binary::BitwiseAnd => return support(body, "binary::bitwise_and", &pair(x, y), []),
        Binary::BitwiseOr => return support(body, "binary::bitwise_or", &pair(x, y), []),
        Binary::BitwiseXor => return support(body, "binary::bitwise_xor", &pair(x, y), []),
        Binary::ShiftLeft => return support(body, "binary::shift_left", &pair(x, y), []),
        Binary::ShiftRight => return support(body, "binary::shift_right", &pair(x, y), []),
    };
    let float = x.ty.dtype.is_float();
    if let Some(number) = scalar_beside(y, x).filter(|_| float) {
        return x
            .reference(body)
            .infix(infix, number_of(number, y.ty.dtype))
            .tried();
    }
    if let Some(number) = scalar_beside(x, y).filter(|_| float) {
        return number_of(number, x.ty.dtype)
            .infix(infix, y.reference(body))
            .tried();
    }
    // `x - x` looks like a slip to a reader, and to clippy.
    let is_twice = x.reference(body) == y.reference(body);
    match same_shape(x, y) && !is_twice {
        true => x.reference(body).infix(infix, y.reference(body)).tried(),
        false => x
            .receiver(body)
            .call_method(broadcast, [y.reference(body)])
            .tried(),
    }
}

fn pair(x: &Arg, y: &Arg) -> [Arg; 2] {
    [x.clone(), y.clone()]
}

/// The number that `constant` is, if it changes nothing but the elements of `other`.
fn scalar_beside(constant: &Arg, other: &Arg) -> Option<f64> {
    let fits = match (constant.ty.rank(), other.ty.rank()) {
        (Some(a), Some(b)) => a <= b,
        (Some(a), None) => a == 0,
        (None, _) => false,
    };
    constant
        .scalar()
        .filter(|number| fits && number.is_finite())
}

/// A number that candle takes as `f64`, in as few digits as its element type needs.
fn number_of(number: f64, dtype: DType) -> Expr {
    match dtype {
        DType::F64 => Expr::f64(number),
        _ => constant(number, "f64")
            .unwrap_or_else(|| Expr::f64(format!("{}", number as f32).parse().unwrap_or(number))),
    }
}

/// The name of a well-known number in single precision.
pub(super) fn constant(number: f64, module: &str) -> Option<Expr> {
    use std::f64::consts as c;
    const NAMES: [(f64, &str); 11] = [
        (c::PI, "PI"),
        (c::TAU, "TAU"),
        (c::E, "E"),
        (c::LN_2, "LN_2"),
        (c::LN_10, "LN_10"),
        (c::LOG2_E, "LOG2_E"),
        (c::LOG10_E, "LOG10_E"),
        (c::SQRT_2, "SQRT_2"),
        (c::FRAC_1_SQRT_2, "FRAC_1_SQRT_2"),
        (c::FRAC_PI_2, "FRAC_PI_2"),
        (c::FRAC_2_SQRT_PI, "FRAC_2_SQRT_PI"),
    ];
    let same = |known: &f64| *known as f32 == number.abs() as f32;
    let (_, name) = NAMES.iter().find(|(known, _)| same(known))?;
    let path = Expr::path(format!("std::{module}::consts::{name}"));
    Some(if number < 0.0 { -path } else { path })
}

fn same_shape(x: &Arg, y: &Arg) -> bool {
    x.ty.rank().is_some() && x.ty.shape == y.ty.shape
}

fn pow(body: &mut Body, x: &Arg, y: &Arg) -> Expr {
    match scalar_beside(y, x).filter(|_| x.ty.dtype.is_float()) {
        Some(2.0) => method(body, x, "sqr"),
        _ => support(body, "binary::pow", &pair(x, y), []),
    }
}

pub(super) fn compare(body: &mut Body, op: Comparison, x: &Arg, y: &Arg) -> Expr {
    let (method, broadcast) = match op {
        Comparison::Equal => ("eq", "broadcast_eq"),
        Comparison::NotEqual => ("ne", "broadcast_ne"),
        Comparison::Less => ("lt", "broadcast_lt"),
        Comparison::LessEqual => ("le", "broadcast_le"),
        Comparison::Greater => ("gt", "broadcast_gt"),
        Comparison::GreaterEqual => ("ge", "broadcast_ge"),
    };
    if let Some(number) = scalar_beside(y, x) {
        return x
            .receiver(body)
            .call_method(method, [typed_number(number, y.ty.dtype)])
            .tried();
    }
    match same_shape(x, y) {
        true => x
            .receiver(body)
            .call_method(method, [y.reference(body)])
            .tried(),
        false => x
            .receiver(body)
            .call_method(broadcast, [y.reference(body)])
            .tried(),
    }
}

pub(super) fn clamp(body: &mut Body, x: &Arg, low: f64, high: f64) -> Expr {
    match (low, high) {
        (0.0, 6.0) if x.ty.dtype.is_float() => {
            support(body, "activation::relu6", std::slice::from_ref(x), [])
        }
        _ => support(
            body,
            "math::clamp",
            std::slice::from_ref(x),
            [Expr::f64(low), Expr::f64(high)],
        ),
    }
}

pub(super) fn cast(body: &mut Body, x: &Arg, to: DType) -> Expr {
    if dtype(to) == dtype(x.ty.dtype) && to != DType::Bool {
        return x.owned(body);
    }
    if to == DType::Bool {
        return support(body, "math::to_bool", std::slice::from_ref(x), []);
    }
    body.using("candle_core::DType");
    // CUDA has no conversion of 64-bit integers to half precision.
    let is_half = matches!(to, DType::F16 | DType::BF16);
    let plain = x.ty.dtype == DType::Bool || to.is_float() && (x.ty.dtype.is_float() || !is_half);
    match plain {
        true => x
            .receiver(body)
            .call_method("to_dtype", [Expr::path(dtype(to))])
            .tried(),
        false => support(
            body,
            "math::cast",
            std::slice::from_ref(x),
            [Expr::path(dtype(to))],
        ),
    }
}
