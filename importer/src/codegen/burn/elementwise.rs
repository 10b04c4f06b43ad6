//! Elementwise ops in burn's words.

use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Op as Infix};
use super::op::{activation, support};
use super::{dtype, number, rank};
use crate::ir::{Binary, Comparison, DType, Unary};

pub fn unary(body: &mut Body, op: Unary, x: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let method = match op {
        Unary::Neg => return x.value(body).negated(),
        Unary::Rsqrt => {
            return x
                .value(body)
                .call_method("sqrt", [])
                .call_method("recip", []);
        }
        Unary::Relu if !float => return x.value(body).call_method("clamp_min", [Expr::int(0)]),
        Unary::LogicalNot => return x.value(body).call_method("bool_not", []),
        Unary::Relu => return activation(body, "relu", x, []),
        Unary::Sigmoid => return activation(body, "sigmoid", x, []),
        Unary::LogSigmoid => return activation(body, "log_sigmoid", x, []),
        Unary::Elu { alpha } => return activation(body, "elu", x, [Expr::f32(alpha as f32)]),
        Unary::Selu => return activation(body, "selu", x, []),
        Unary::Softplus => return activation(body, "softplus", x, [Expr::f64(1.0)]),
        Unary::Softsign => return activation(body, "softsign", x, []),
        Unary::LeakyRelu { alpha } => {
            return activation(body, "leaky_relu", x, [Expr::f32(alpha as f32)]);
        }
        Unary::Gelu { approximate: false } => return activation(body, "gelu", x, []),
        Unary::Gelu { approximate: true } => {
            return support(body, "math::gelu_approximate", &[x], []);
        }
        Unary::Silu => return activation(body, "silu", x, []),
        Unary::HardSigmoid => {
            let slope = Expr::f64(1.0) / Expr::f64(6.0);
            return activation(body, "hard_sigmoid", x, [slope, Expr::f64(0.5)]);
        }
        Unary::HardSwish => return activation(body, "hard_swish", x, []),
        Unary::Expm1 => return support(body, "math::expm1", &[x], []),
        Unary::Erfc => return support(body, "math::erfc", &[x], []),
        Unary::Lgamma => return support(body, "gamma::lgamma", &[x], []),
        Unary::Digamma => return support(body, "gamma::digamma", &[x], []),
        Unary::Floor | Unary::Ceil | Unary::Round if !float => return x.value(body),
        Unary::Abs => "abs",
        Unary::Sign => "sign",
        Unary::Square => "square",
        Unary::Sqrt => "sqrt",
        Unary::Reciprocal => "recip",
        Unary::Exp => "exp",
        Unary::Log => "log",
        Unary::Log1p => "log1p",
        Unary::Sin => "sin",
        Unary::Cos => "cos",
        Unary::Tan => "tan",
        Unary::Asin => "asin",
        Unary::Acos => "acos",
        Unary::Atan => "atan",
        Unary::Sinh => "sinh",
        Unary::Cosh => "cosh",
        Unary::Asinh => "asinh",
        Unary::Acosh => "acosh",
        Unary::Atanh => "atanh",
        Unary::Tanh => "tanh",
        Unary::Erf => "erf",
        Unary::Floor => "floor",
        Unary::Ceil => "ceil",
        Unary::Round => "round",
        Unary::BitwiseNot => "bitwise_not",
        Unary::IsNan => "is_nan",
        Unary::IsInf => "is_inf",
        Unary::IsFinite => "is_finite",
        Unary::StopGradient if !float => return x.value(body),
        Unary::StopGradient => "detach",
    };
    x.value(body).call_method(method, [])
}

pub fn binary(body: &mut Body, op: Binary, x: &Arg, y: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let function = match op {
        Binary::Add => return arithmetic(body, Infix::Add, x, y),
        Binary::Sub => return arithmetic(body, Infix::Sub, x, y),
        Binary::Mul => return arithmetic(body, Infix::Mul, x, y),
        Binary::Div => return arithmetic(body, Infix::Div, x, y),
        Binary::FloorMod => return arithmetic(body, Infix::Rem, x, y),
        Binary::Pow => return pow(body, x, y),
        Binary::Maximum => return extreme(body, ["clamp_min", "max_pair"], x, y),
        Binary::Minimum => return extreme(body, ["clamp_max", "min_pair"], x, y),
        Binary::FloorDiv if float => {
            return arithmetic(body, Infix::Div, x, y).call_method("floor", []);
        }
        Binary::FloorDiv => "math::floor_div",
        Binary::TruncMod if float => return method(body, "fmod", x, y),
        Binary::TruncMod => "math::truncate_mod",
        Binary::DivNoNan => "math::div_no_nan",
        Binary::Xlogy => "math::xlogy",
        Binary::Xdivy => "math::xdivy",
        Binary::Atan2 => return method(body, "atan2", x, y),
        Binary::LogicalAnd => return method(body, "bool_and", x, y),
        Binary::LogicalOr => return method(body, "bool_or", x, y),
        Binary::BitwiseAnd => return method(body, "bitwise_and", x, y),
        Binary::BitwiseOr => return method(body, "bitwise_or", x, y),
        Binary::BitwiseXor => return method(body, "bitwise_xor", x, y),
        Binary::ShiftLeft => return method(body, "bitwise_left_shift", x, y),
        Binary::ShiftRight => return method(body, "bitwise_right_shift", x, y),
    };
    support(body, function, &[x, y], [])
}

/// `x.name(y)`.
fn method(body: &mut Body, name: &str, x: &Arg, y: &Arg) -> Expr {
    let [x, y] = pair(body, x, y);
    x.call_method(name, [y])
}

fn pair(body: &mut Body, x: &Arg, y: &Arg) -> [Expr; 2] {
    let common = super::common_rank(&[x, y]);
    [x.lifted(body, common), y.lifted(body, common)]
}

fn arithmetic(body: &mut Body, infix: Infix, x: &Arg, y: &Arg) -> Expr {
    if let Some(scalar) = scalar_beside(y, x) {
        let x = x.value(body);
        return x.infix(infix, number(scalar, y.ty.dtype));
    }
    let from_left = matches!(infix, Infix::Add | Infix::Mul | Infix::Sub)
        || x.ty.dtype.is_float() && infix == Infix::Div;
    if let Some(scalar) = scalar_beside(x, y).filter(|_| from_left) {
        let (y, scalar) = (y.value(body), number(scalar, x.ty.dtype));
        return match infix {
            Infix::Sub => y.negated() + scalar,
            Infix::Div if scalar.to_string() == "1.0" => y.call_method("recip", []),
            Infix::Div => y.call_method("recip", []) * scalar,
            infix => y.infix(infix, scalar),
        };
    }
    let [x, y] = pair(body, x, y);
    x.infix(infix, y)
}

/// The number that `constant` is, if it changes nothing but the elements of `other`.
fn scalar_beside(constant: &Arg, other: &Arg) -> Option<f64> {
    let number = constant.splat().filter(|number| number.is_finite())?;
    if other.splat().is_some() && constant.ty.rank() == other.ty.rank() {
        return None;
    }
    if constant.ty.rank() == Some(0) {
        return Some(number);
    }
    let offset = other.ty.rank()?.checked_sub(constant.ty.rank()?)?;
    let beside = &other.ty.dims()[offset..];
    let fits = constant
        .ty
        .dims()
        .iter()
        .zip(beside)
        .all(|(own, other)| own.is(1) || own == other);
    fits.then_some(number)
}

fn pow(body: &mut Body, x: &Arg, y: &Arg) -> Expr {
    let float = x.ty.dtype.is_float();
    let exponent = scalar_beside(y, x);
    match exponent {
        Some(2.0) => x.value(body).call_method("square", []),
        Some(0.5) if float => x.value(body).call_method("sqrt", []),
        Some(power) if power.fract() == 0.0 && power.abs() < 64.0 => x
            .value(body)
            .call_method("powi_scalar", [Expr::int(power as i64)]),
        Some(power) if float => x
            .value(body)
            .call_method("powf_scalar", [number(power, x.ty.dtype)]),
        Some(_) | None => method(body, if float { "powf" } else { "powi" }, x, y),
    }
}

/// A maximum or minimum, by a bound where one operand is a number.
fn extreme(body: &mut Body, [bound, general]: [&str; 2], x: &Arg, y: &Arg) -> Expr {
    for (constant, other) in [(y, x), (x, y)] {
        if let Some(scalar) = scalar_beside(constant, other) {
            return other
                .value(body)
                .call_method(bound, [number(scalar, other.ty.dtype)]);
        }
    }
    method(body, general, x, y)
}

pub fn compare(body: &mut Body, op: Comparison, x: &Arg, y: &Arg) -> Expr {
    let (name, mirrored) = match op {
        Comparison::Equal => ("equal", "equal"),
        Comparison::NotEqual => ("not_equal", "not_equal"),
        Comparison::Less => ("lower", "greater"),
        Comparison::LessEqual => ("lower_equal", "greater_equal"),
        Comparison::Greater => ("greater", "lower"),
        Comparison::GreaterEqual => ("greater_equal", "lower_equal"),
    };
    for (constant, other, name) in [(y, x, name), (x, y, mirrored)] {
        if let Some(scalar) = scalar_beside(constant, other) {
            return other.value(body).call_method(
                format!("{name}_scalar"),
                [number(scalar, constant.ty.dtype)],
            );
        }
    }
    method(body, name, x, y)
}

/// `y.mask_where(condition, x)`: `y` is read first, so a local that is several of the operands must outlive that.
pub fn select(body: &mut Body, condition: &Arg, x: &Arg, y: &Arg) -> Expr {
    let is_bool = y.ty.dtype == DType::Bool;
    for (constant, kept, is_filled) in [(x, y, true), (y, x, false)] {
        let fits = masks(condition, kept) && !is_bool;
        if let Some(number) = scalar_beside(constant, kept).filter(|_| fits) {
            let number = self::number(number, kept.ty.dtype);
            let [kept, mask] = [kept, condition].map(|arg| arg.lifted(body, rank(&kept.ty)));
            let mask = match is_filled {
                true => mask,
                false => mask.call_method("bool_not", []),
            };
            return kept.call_method("mask_fill", [mask, number]);
        }
    }
    let common = super::common_rank(&[condition, x, y]);
    let y = if y.is_same_local(x) || y.is_same_local(condition) {
        y.kept()
    } else {
        y.clone()
    };
    let [y, condition, x] = [&y, condition, x].map(|arg| arg.lifted(body, common));
    y.call_method("mask_where", [condition, x])
}

/// Whether a condition broadcasts to a value of known rank as it is.
fn masks(condition: &Arg, value: &Arg) -> bool {
    let (condition, value) = (&condition.ty, &value.ty);
    let (Some(own), Some(rank)) = (condition.rank(), value.rank()) else {
        return false;
    };
    let behind = value.dims().iter().rev();
    let mut pairs = condition.dims().iter().rev().zip(behind);
    own <= rank && pairs.all(|(own, other)| own.is(1) || own == other)
}

pub fn clamp(body: &mut Body, x: &Arg, low: f64, high: f64) -> Expr {
    let mut value = x.value(body);
    if low != f64::NEG_INFINITY && high != f64::INFINITY {
        let bounds = [low, high].map(|bound| number(bound, x.ty.dtype));
        return value.call_method("clamp", bounds);
    }
    if low != f64::NEG_INFINITY {
        value = value.call_method("clamp_min", [number(low, x.ty.dtype)]);
    }
    if high != f64::INFINITY {
        value = value.call_method("clamp_max", [number(high, x.ty.dtype)]);
    }
    value
}

/// A conversion of the element type.
pub fn cast(body: &mut Body, x: &Arg, to: DType) -> Expr {
    let value = x.value(body);
    if to == x.ty.dtype {
        value
    } else {
        converted(body, value, to)
    }
}

/// `value` in another element type.
pub fn converted(body: &mut Body, value: Expr, to: DType) -> Expr {
    if to == DType::Bool {
        return value.call_method("bool", []);
    }
    let family = if to.is_float() {
        "FloatDType"
    } else {
        "IntDType"
    };
    body.using(&format!("burn::tensor::{family}"));
    let element = dtype(to).replace("DType", family);
    value.call_method("cast", [Expr::path(element)])
}
