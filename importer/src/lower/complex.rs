//! Complex numbers, as a real and an imaginary tensor each; no complex type enters the IR.

use super::cx::{Cx, Lowered};
use super::{Lowering, fourier, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Fourier, ParamId, Unary, Value};

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
    multi("MatMul", products),
    multi("BatchMatMul", products),
    multi("BatchMatMulV2", products),
    multi("BatchMatMulV3", products),
    multi("Log", logarithm),
    multi("Sqrt", |cx| power(cx, 0.5)),
    multi("Rsqrt", |cx| power(cx, -0.5)),
    multi("Reciprocal", |cx| {
        let x = cx.complex(0)?;
        inverse(cx, x)
    }),
    multi("Inv", |cx| {
        let x = cx.complex(0)?;
        inverse(cx, x)
    }),
    multi("Pow", general_power),
    multi("Sin", |cx| turning(cx, Unary::Sin, Unary::Cos, 1.0)),
    multi("Cos", |cx| turning(cx, Unary::Cos, Unary::Sin, -1.0)),
    multi("Sinh", |cx| growing(cx, Unary::Sinh, Unary::Cosh)),
    multi("Cosh", |cx| growing(cx, Unary::Cosh, Unary::Sinh)),
    multi("Tanh", |cx| {
        let x = cx.complex(0)?;
        tangent(cx, x)
    }),
    multi("Sigmoid", sigmoid),
    op("Equal", |cx| {
        equal(cx, Comparison::Equal, Binary::LogicalAnd)
    }),
    op("NotEqual", |cx| {
        equal(cx, Comparison::NotEqual, Binary::LogicalOr)
    }),
    multi("OnesLike", |cx| {
        let (re, _) = cx.complex(0)?;
        let (one, zero) = (cx.filled_like(re, 1.0)?, cx.filled_like(re, 0.0)?);
        Ok(vec![Lowered::Complex(one, zero)])
    }),
    multi("AssignVariableOp", |cx| {
        let (variable, new) = (cx.variable(0)?, cx.complex(1)?);
        cx.assign_parts(variable, new)
    }),
    multi("AssignAddVariableOp", |cx| change(cx, Binary::Add)),
    multi("AssignSubVariableOp", |cx| change(cx, Binary::Sub)),
    op("IsNan", |cx| either(cx, Unary::IsNan)),
    op("IsInf", |cx| either(cx, Unary::IsInf)),
    multi("FFT", |cx| fourier::complex(cx, 1, Fourier::Forward)),
    multi("IFFT", |cx| fourier::complex(cx, 1, Fourier::Inverse)),
    multi("FFT2D", |cx| fourier::complex(cx, 2, Fourier::Forward)),
    multi("IFFT2D", |cx| fourier::complex(cx, 2, Fourier::Inverse)),
    multi("FFT3D", |cx| fourier::complex(cx, 3, Fourier::Forward)),
    multi("IFFT3D", |cx| fourier::complex(cx, 3, Fourier::Inverse)),
    op("IRFFT", |cx| fourier::to_real(cx, 1)),
    op("IRFFT2D", |cx| fourier::to_real(cx, 2)),
    op("IRFFT3D", |cx| fourier::to_real(cx, 3)),
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
    "AccumulateNV2",
    "BiasAdd",
    "Concat",
    "Cumsum",
    "Diag",
    "DiagPart",
    "EnsureShape",
    "Fill",
    "Gather",
    "GatherNd",
    "MatrixBandPart",
    "MatrixDiag",
    "MatrixDiagPart",
    "MatrixDiagPartV2",
    "MatrixDiagPartV3",
    "MatrixDiagV2",
    "MatrixDiagV3",
    "MatrixSetDiag",
    "MatrixSetDiagV2",
    "MatrixSetDiagV3",
    "MirrorPad",
    "PadV2",
    "PreventGradient",
    "Reverse",
    "ReverseSequence",
    "ScatterNd",
    "SegmentMean",
    "SegmentSum",
    "SegmentSumV2",
    "TensorScatterAdd",
    "TensorScatterSub",
    "TensorScatterUpdate",
    "UnsortedSegmentSum",
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

/// The variable that operand 0 names, plus or minus operand 1.
fn change(cx: &mut Cx<'_>, op: Binary) -> Result<Vec<Lowered>> {
    let variable = cx.variable(0)?;
    let old = cx.read_any(variable)?;
    let (Lowered::Complex(re, im), (x, y)) = (old, cx.complex(1)?) else {
        return Err(Error::malformed("a variable of reals becomes complex"));
    };
    let new = (cx.combine(op, re, x)?, cx.combine(op, im, y)?);
    cx.assign_parts(variable, new)
}

impl Cx<'_> {
    /// A complex tensor from one whose last axis has the real and the imaginary part.
    ///
    /// # Errors
    /// It has no axis.
    pub fn of_parts(&mut self, both: Value) -> Result<Lowered> {
        let mut dims = self.shape(both)?;
        dims.pop();
        let last = dims.len();
        let mut part = |place: i64| {
            let part = self.narrow(both, last, Dim::known(place), Dim::known(1))?;
            self.reshape(part, dims.clone())
        };
        Ok(Lowered::Complex(part(0)?, part(1)?))
    }

    /// From here on the variable has this complex value.
    fn assign_parts(&mut self, variable: ParamId, (re, im): Pair) -> Result<Vec<Lowered>> {
        let last = self.rank(re)?;
        let parts = [self.expand(re, last)?, self.expand(im, last)?];
        let both = self.concat(&parts, last)?;
        self.assign(variable, both)?;
        Ok(vec![Lowered::Variable(variable)])
    }

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

fn product(cx: &mut Cx<'_>, x: Pair, y: Pair) -> Result<Vec<Lowered>> {
    product_of(cx, x, y).and_then(lowered)
}

fn product_of(cx: &mut Cx<'_>, x: Pair, y: Pair) -> Result<Pair> {
    let (a, b) = (
        cx.combine(Binary::Mul, x.0, y.0)?,
        cx.combine(Binary::Mul, x.1, y.1)?,
    );
    let (c, d) = (
        cx.combine(Binary::Mul, x.0, y.1)?,
        cx.combine(Binary::Mul, x.1, y.0)?,
    );
    Ok((
        cx.combine(Binary::Sub, a, b)?,
        cx.combine(Binary::Add, c, d)?,
    ))
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

type Pair = (Value, Value);

fn lowered((re, im): Pair) -> Result<Vec<Lowered>> {
    Ok(vec![Lowered::Complex(re, im)])
}

/// The product of two matrices, by that of their parts.
fn products(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let ((a, b), (c, d)) = (cx.complex(0)?, cx.complex(1)?);
    let name = cx.def.op.clone();
    let (first, second) = match name.as_str() {
        "MatMul" => ("", ""),
        _ => ("adj_x", "adj_y"),
    };
    let conjugated = |cx: &mut Cx<'_>, attr: &str, x: Value| match attr {
        "" => Ok(x),
        attr if cx.attr::<bool>(attr)? => cx.apply(Unary::Neg, x),
        _ => Ok(x),
    };
    let (b, d) = (conjugated(cx, first, b)?, conjugated(cx, second, d)?);
    let mut times = |x: Value, y: Value| -> Result<Value> {
        let operands = [Lowered::Value(x), Lowered::Value(y)];
        let made = row(&name)?.apply(&mut cx.with_inputs(&operands))?;
        match made.as_slice() {
            [Lowered::Value(value)] => Ok(*value),
            _ => Err(Error::internal("a product that is no tensor")),
        }
    };
    let (ac, bd, ad, bc) = (times(a, c)?, times(b, d)?, times(a, d)?, times(b, c)?);
    lowered((
        cx.combine(Binary::Sub, ac, bd)?,
        cx.combine(Binary::Add, ad, bc)?,
    ))
}

fn log_of(cx: &mut Cx<'_>, (re, im): Pair) -> Result<Pair> {
    let square = norm(cx, re, im)?;
    let log = cx.apply(Unary::Log, square)?;
    Ok((
        cx.combine_scalar(Binary::Mul, log, 0.5)?,
        cx.combine(Binary::Atan2, im, re)?,
    ))
}

fn logarithm(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.complex(0)?;
    log_of(cx, x).and_then(lowered)
}

/// `|x|^p (cos pφ, sin pφ)`, where `φ` is the angle of `x`.
fn power(cx: &mut Cx<'_>, p: f64) -> Result<Vec<Lowered>> {
    let (re, im) = cx.complex(0)?;
    let square = norm(cx, re, im)?;
    let radius = cx.combine_scalar(Binary::Pow, square, p / 2.0)?;
    let angle = cx.combine(Binary::Atan2, im, re)?;
    let angle = cx.combine_scalar(Binary::Mul, angle, p)?;
    on_circle(cx, radius, angle).and_then(lowered)
}

/// `exp(y log(x))`; a power of zero is zero, but for the exponent zero.
fn general_power(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (x, y) = (cx.complex(0)?, cx.complex(1)?);
    let log = log_of(cx, x)?;
    let exponent = product_of(cx, log, y)?;
    let radius = cx.apply(Unary::Exp, exponent.0)?;
    let (re, im) = on_circle(cx, radius, exponent.1)?;
    let size = norm(cx, x.0, x.1)?;
    let zero = cx.scalar_like(size, 0.0)?;
    let of_zero = cx.test(Comparison::Equal, size, zero)?;
    let exponent = norm(cx, y.0, y.1)?;
    let by_zero = cx.test(Comparison::Equal, exponent, zero)?;
    let one = cx.scalar_like(size, 1.0)?;
    let at_zero = cx.select(by_zero, one, zero)?;
    lowered((
        cx.select(of_zero, at_zero, re)?,
        cx.select(of_zero, zero, im)?,
    ))
}

fn on_circle(cx: &mut Cx<'_>, radius: Value, angle: Value) -> Result<Pair> {
    let (cosine, sine) = (cx.apply(Unary::Cos, angle)?, cx.apply(Unary::Sin, angle)?);
    Ok((
        cx.combine(Binary::Mul, radius, cosine)?,
        cx.combine(Binary::Mul, radius, sine)?,
    ))
}

/// `conj(x) / |x|^2`.
fn inverse(cx: &mut Cx<'_>, (re, im): Pair) -> Result<Vec<Lowered>> {
    let square = norm(cx, re, im)?;
    let im = cx.apply(Unary::Neg, im)?;
    lowered((
        cx.combine(Binary::Div, re, square)?,
        cx.combine(Binary::Div, im, square)?,
    ))
}

/// `sin(a) cosh(b) + i cos(a) sinh(b)`, and the cosine with the signs of its own.
fn turning(cx: &mut Cx<'_>, own: Unary, other: Unary, sign: f64) -> Result<Vec<Lowered>> {
    let (a, b) = cx.complex(0)?;
    let (own, other) = (cx.apply(own, a)?, cx.apply(other, a)?);
    let (even, odd) = (cx.apply(Unary::Cosh, b)?, cx.apply(Unary::Sinh, b)?);
    let (re, im) = (
        cx.combine(Binary::Mul, own, even)?,
        cx.combine(Binary::Mul, other, odd)?,
    );
    lowered((re, cx.combine_scalar(Binary::Mul, im, sign)?))
}

/// `sinh(a) cos(b) + i cosh(a) sin(b)`, and the hyperbolic cosine likewise.
fn growing(cx: &mut Cx<'_>, own: Unary, other: Unary) -> Result<Vec<Lowered>> {
    let (a, b) = cx.complex(0)?;
    let (own, other) = (cx.apply(own, a)?, cx.apply(other, a)?);
    let (cosine, sine) = (cx.apply(Unary::Cos, b)?, cx.apply(Unary::Sin, b)?);
    lowered((
        cx.combine(Binary::Mul, own, cosine)?,
        cx.combine(Binary::Mul, other, sine)?,
    ))
}

/// `(sinh 2a + i sin 2b) / (cosh 2a + cos 2b)`.
fn tangent(cx: &mut Cx<'_>, (a, b): Pair) -> Result<Vec<Lowered>> {
    let (a, b) = (
        cx.combine_scalar(Binary::Mul, a, 2.0)?,
        cx.combine_scalar(Binary::Mul, b, 2.0)?,
    );
    let (even, cosine) = (cx.apply(Unary::Cosh, a)?, cx.apply(Unary::Cos, b)?);
    let below = cx.combine(Binary::Add, even, cosine)?;
    let (odd, sine) = (cx.apply(Unary::Sinh, a)?, cx.apply(Unary::Sin, b)?);
    lowered((
        cx.combine(Binary::Div, odd, below)?,
        cx.combine(Binary::Div, sine, below)?,
    ))
}

/// `1 / (1 + exp(-x))`.
fn sigmoid(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (re, im) = cx.complex(0)?;
    let (re, im) = (cx.apply(Unary::Neg, re)?, cx.apply(Unary::Neg, im)?);
    let radius = cx.apply(Unary::Exp, re)?;
    let (re, im) = on_circle(cx, radius, im)?;
    let re = cx.combine_scalar(Binary::Add, re, 1.0)?;
    inverse(cx, (re, im))
}

/// Whether both parts are equal, or either differs.
fn equal(cx: &mut Cx<'_>, test: Comparison, join: Binary) -> Result<Value> {
    let (x, y) = (cx.complex(0)?, cx.complex(1)?);
    let (re, im) = (cx.test(test, x.0, y.0)?, cx.test(test, x.1, y.1)?);
    cx.combine(join, re, im)
}

fn either(cx: &mut Cx<'_>, test: Unary) -> Result<Value> {
    let (re, im) = cx.complex(0)?;
    let (re, im) = (cx.apply(test, re)?, cx.apply(test, im)?);
    cx.combine(Binary::LogicalOr, re, im)
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
