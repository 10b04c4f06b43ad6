//! Complex numbers, as a real and an imaginary tensor each; no complex type enters the IR.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Unary, Value};

/// Ops that make complex numbers of real ones.
pub const OPS: &[Lowering] = &[multi("Complex", |cx| {
    let (re, im) = cx.pair()?;
    let (wide_re, wide_im) = (spread(cx, re, im)?, spread(cx, im, re)?);
    Ok(vec![Lowered::Complex(wide_re, wide_im)])
})];

/// `x` in the shape that it has together with `other`.
fn spread(cx: &mut Cx<'_>, x: Value, other: Value) -> Result<Value> {
    if cx.ty(x).shape == cx.ty(other).shape {
        return Ok(x);
    }
    let zeros = cx.filled_like(other, 0.0)?;
    cx.combine(Binary::Add, x, zeros)
}

/// What ops mean when an operand is complex.
const COMPLEX_OPS: &[Lowering] = &[
    op("ComplexAbs", magnitude),
    op("Abs", magnitude),
    op("Angle", |cx| {
        let (re, im) = cx.complex(0)?;
        cx.combine(Binary::Atan2, im, re)
    }),
    op("Real", |cx| Ok(cx.complex(0)?.0)),
    op("Imag", |cx| Ok(cx.complex(0)?.1)),
    multi("Conj", |cx| {
        let (re, im) = cx.complex(0)?;
        let im = cx.apply(Unary::Neg, im)?;
        Ok(vec![Lowered::Complex(re, im)])
    }),
    multi("Mul", multiply),
    multi("RealDiv", divide),
    multi("Square", |cx| {
        let x = cx.complex(0)?;
        product(cx, x, x)
    }),
    multi("Exp", exponential),
    multi("Cast", cast),
    multi("FFT", |cx| super::fourier::fft(cx, &[1], false)),
    multi("IFFT", |cx| super::fourier::fft(cx, &[1], true)),
    multi("FFT2D", |cx| super::fourier::fft(cx, &[1, 2], false)),
    multi("IFFT2D", |cx| super::fourier::fft(cx, &[1, 2], true)),
    op("IRFFT", |cx| super::fourier::inverse_real(cx, 1)),
    op("IRFFT2D", |cx| super::fourier::inverse_real(cx, 2)),
];

/// Ops that do the same to the real and to the imaginary part.
const COMPONENTWISE: &[&str] = &[
    "Add",
    "AddV2",
    "AddN",
    "Sub",
    "Neg",
    "Sum",
    "Mean",
    "Reshape",
    "ExpandDims",
    "Squeeze",
    "Transpose",
    "Slice",
    "StridedSlice",
    "ConcatV2",
    "Pack",
    "Unpack",
    "Split",
    "SplitV",
    "GatherV2",
    "Tile",
    "ReverseV2",
    "Roll",
    "Pad",
    "Select",
    "SelectV2",
    "BroadcastTo",
    "StopGradient",
    "ZerosLike",
];

/// Whether the op is one of complex numbers only.
pub fn knows(op: &str) -> bool {
    COMPLEX_OPS.iter().any(|row| row.op == op)
}

/// Lowers a node with a complex operand.
///
/// # Errors
/// The op is not supported for complex numbers.
pub fn apply(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let name = cx.def.op.as_str();
    if matches!(
        name,
        "Identity" | "IdentityN" | "Switch" | "Merge" | "Snapshot"
    ) {
        return row(name)?.apply(cx);
    }
    if let Some(row) = COMPLEX_OPS.iter().find(|row| row.op == name) {
        return row.apply(cx);
    }
    if !COMPONENTWISE.contains(&name) {
        return Err(Error::unsupported(format!("{name} of complex numbers")));
    }
    let inputs = cx.inputs;
    let part = |pick: fn(Value, Value) -> Value| -> Vec<Lowered> {
        let component = |operand: &Lowered| match *operand {
            Lowered::Complex(re, im) => Lowered::Value(pick(re, im)),
            other => other,
        };
        inputs.iter().map(component).collect()
    };
    let (re, im) = (part(|re, _| re), part(|_, im| im));
    let real = row(name)?.apply(&mut cx.with_inputs(&re))?;
    let imaginary = row(name)?.apply(&mut cx.with_inputs(&im))?;
    let pair = |parts: (Lowered, Lowered)| match parts {
        (Lowered::Value(re), Lowered::Value(im)) => Lowered::Complex(re, im),
        (other, _) => other,
    };
    Ok(real.into_iter().zip(imaginary).map(pair).collect())
}

fn row(name: &str) -> Result<&'static Lowering> {
    super::find(name).ok_or_else(|| Error::unsupported(format!("the op {name} is not supported")))
}

impl Cx<'_> {
    /// The real and the imaginary part of operand `i`.
    pub fn complex(&mut self, i: usize) -> Result<(Value, Value)> {
        match self.operand(i)? {
            Lowered::Complex(re, im) => Ok((re, im)),
            Lowered::Value(_)
            | Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::List(_)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => {
                let re = self.input(i)?;
                let im = self.filled_like(re, 0.0)?;
                Ok((re, im))
            }
        }
    }
}

/// `sqrt(re * re + im * im)`.
fn magnitude(cx: &mut Cx<'_>) -> Result<Value> {
    let (re, im) = cx.complex(0)?;
    let square = norm(cx, re, im)?;
    cx.apply(Unary::Sqrt, square)
}

fn norm(cx: &mut Cx<'_>, re: Value, im: Value) -> Result<Value> {
    let re = cx.apply(Unary::Square, re)?;
    let im = cx.apply(Unary::Square, im)?;
    cx.combine(Binary::Add, re, im)
}

fn multiply(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (x, y) = (cx.complex(0)?, cx.complex(1)?);
    product(cx, x, y)
}

fn product(cx: &mut Cx<'_>, x: (Value, Value), y: (Value, Value)) -> Result<Vec<Lowered>> {
    let (a, b) = (
        cx.combine(Binary::Mul, x.0, y.0)?,
        cx.combine(Binary::Mul, x.1, y.1)?,
    );
    let (c, d) = (
        cx.combine(Binary::Mul, x.0, y.1)?,
        cx.combine(Binary::Mul, x.1, y.0)?,
    );
    let (re, im) = (
        cx.combine(Binary::Sub, a, b)?,
        cx.combine(Binary::Add, c, d)?,
    );
    Ok(vec![Lowered::Complex(re, im)])
}

/// `x * conj(y) / |y|^2`.
fn divide(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (x, (re, im)) = (cx.complex(0)?, cx.complex(1)?);
    let conjugate = (re, cx.apply(Unary::Neg, im)?);
    let square = norm(cx, re, im)?;
    let quotient = product(cx, x, conjugate)?;
    let [Lowered::Complex(re, im)] = quotient.as_slice() else {
        return Ok(quotient);
    };
    let (re, im) = (
        cx.combine(Binary::Div, *re, square)?,
        cx.combine(Binary::Div, *im, square)?,
    );
    Ok(vec![Lowered::Complex(re, im)])
}

/// `exp(re) * (cos(im), sin(im))`.
fn exponential(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (re, im) = cx.complex(0)?;
    let radius = cx.apply(Unary::Exp, re)?;
    let (cosine, sine) = (cx.apply(Unary::Cos, im)?, cx.apply(Unary::Sin, im)?);
    let (re, im) = (
        cx.combine(Binary::Mul, radius, cosine)?,
        cx.combine(Binary::Mul, radius, sine)?,
    );
    Ok(vec![Lowered::Complex(re, im)])
}

/// The type of the parts of a complex type.
pub fn part_type(dtype: DType) -> Option<DType> {
    match dtype {
        DType::C64 => Some(DType::F32),
        DType::C128 => Some(DType::F64),
        DType::F16
        | DType::BF16
        | DType::F32
        | DType::F64
        | DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::U64
        | DType::Bool
        | DType::String => None,
    }
}

/// From or to complex numbers; a real number becomes one without an imaginary part.
pub fn cast(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let dtype: DType = cx.attr("DstT")?;
    match part_type(dtype) {
        Some(part) => {
            let (re, im) = cx.complex(0)?;
            let (re, im) = (cx.cast(re, part)?, cx.cast(im, part)?);
            Ok(vec![Lowered::Complex(re, im)])
        }
        None => {
            let (re, _) = cx.complex(0)?;
            Ok(vec![Lowered::Value(cx.cast(re, dtype)?)])
        }
    }
}
