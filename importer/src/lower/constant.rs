//! Constants: TensorFlow's serialised tensors, and ops that make tensors from extents.

use super::attr;
use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::eval::{Element, Tensor};
use crate::ir::{Binary, DType, Dim, Op, Unary, Value};
use half::{bf16, f16};
use num_complex::{Complex32, Complex64};
use savedmodel_import_proto::{TensorProto, TensorShapeProto};

/// A tensor that repeats a few stored elements may have this many.
const REPEAT_LIMIT: usize = 1 << 26;

pub const OPS: &[Lowering] = &[
    multi("Const", constant),
    op("ZerosLike", |cx| like(cx, 0.0)),
    op("OnesLike", |cx| like(cx, 1.0)),
    op("Fill", fill),
    op("Empty", empty),
    op("BroadcastTo", broadcast_to),
    op("Range", range),
    op("LinSpace", lin_space),
];

fn constant(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let value = tensor(&cx.attr::<TensorProto>("value")?)?;
    if let Some((re, im)) = parts(&value)? {
        let (re, im) = (
            cx.graph.constant(re, cx.origin),
            cx.graph.constant(im, cx.origin),
        );
        return Ok(vec![Lowered::Complex(re, im)]);
    }
    let value = cx.graph.constant(value, cx.origin);
    Ok(vec![Lowered::Value(value)])
}

/// The real and the imaginary part of a complex tensor.
pub fn parts(value: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
    let shape = value.shape();
    if let Some(numbers) = value.elements::<Complex32>() {
        let re = Tensor::new(shape, numbers.iter().map(|number| number.re).collect())?;
        let im = Tensor::new(shape, numbers.iter().map(|number| number.im).collect())?;
        return Ok(Some((re, im)));
    }
    let Some(numbers) = value.elements::<Complex64>() else {
        return Ok(None);
    };
    let re = Tensor::new(shape, numbers.iter().map(|number| number.re).collect())?;
    let im = Tensor::new(shape, numbers.iter().map(|number| number.im).collect())?;
    Ok(Some((re, im)))
}

/// A serialised tensor's value. Stored elements may be fewer than the shape holds: the last one repeats.
///
/// # Errors
/// The shape is unknown or too large, or the elements do not fit it.
pub fn tensor(proto: &TensorProto) -> Result<Tensor> {
    let dtype = attr::dtype(proto.dtype).map_err(|flaw| flaw.of("value"))?;
    let shape = extents(proto.tensor_shape.as_ref())?;
    let overflow = || {
        Error::malformed(format!(
            "a constant of shape {shape:?} has too many elements"
        ))
    };
    let count = shape
        .iter()
        .try_fold(1, |n: usize, &d| n.checked_mul(d))
        .ok_or_else(overflow)?;
    if !proto.tensor_content.is_empty() {
        return Tensor::from_bytes(dtype, &shape, &proto.tensor_content);
    }
    let make = Repeat {
        shape: &shape,
        count,
    };
    match dtype {
        DType::F16 => make.tensor(half(proto).map(f16::from_bits), f16::ZERO),
        DType::BF16 => make.tensor(half(proto).map(bf16::from_bits), bf16::ZERO),
        DType::F32 => make.tensor(proto.float_val.iter().copied(), 0.0),
        DType::F64 => make.tensor(proto.double_val.iter().copied(), 0.0),
        DType::I8 => make.tensor(proto.int_val.iter().map(|&i| i as i8), 0),
        DType::I16 => make.tensor(proto.int_val.iter().map(|&i| i as i16), 0),
        DType::I32 => make.tensor(proto.int_val.iter().copied(), 0),
        DType::I64 => make.tensor(proto.int64_val.iter().copied(), 0),
        DType::U8 => make.tensor(proto.int_val.iter().map(|&i| i as u8), 0),
        DType::U16 => make.tensor(proto.int_val.iter().map(|&i| i as u16), 0),
        DType::U32 => make.tensor(proto.uint32_val.iter().copied(), 0),
        DType::U64 => make.tensor(proto.uint64_val.iter().copied(), 0),
        DType::Bool => make.tensor(proto.bool_val.iter().copied(), false),
        DType::C64 => {
            let pairs = proto
                .scomplex_val
                .chunks_exact(2)
                .map(|pair| Complex32::new(pair[0], pair[1]));
            make.tensor(pairs, Complex32::default())
        }
        DType::C128 => {
            let pairs = proto
                .dcomplex_val
                .chunks_exact(2)
                .map(|pair| Complex64::new(pair[0], pair[1]));
            make.tensor(pairs, Complex64::default())
        }
        DType::String => make.tensor(proto.string_val.iter().map(|bytes| bytes.to_vec()), vec![]),
    }
}

fn half(proto: &TensorProto) -> impl Iterator<Item = u16> {
    proto.half_val.iter().map(|&bits| bits as u16)
}

fn extents(shape: Option<&TensorShapeProto>) -> Result<Vec<usize>> {
    let unknown = || Error::malformed("the shape of a constant is not known");
    let Some(shape) = shape else {
        return Ok(vec![]);
    };
    if shape.unknown_rank {
        return Err(unknown());
    }
    shape
        .dim
        .iter()
        .map(|dim| usize::try_from(dim.size).map_err(|_| unknown()))
        .collect()
}

struct Repeat<'a> {
    shape: &'a [usize],
    count: usize,
}

impl Repeat<'_> {
    fn tensor<T: Element>(&self, stored: impl Iterator<Item = T>, zero: T) -> Result<Tensor> {
        let mut elements: Vec<T> = stored.collect();
        let given = elements.len();
        if given > self.count {
            let message = format!(
                "a constant of shape {:?} is given {given} elements",
                self.shape
            );
            return Err(Error::malformed(message));
        }
        if self.count - given > REPEAT_LIMIT {
            return Err(too_large(self.count));
        }
        let last = elements.last().cloned().unwrap_or(zero);
        elements.resize(self.count, last);
        Tensor::new(self.shape, elements)
    }
}

fn too_large(count: usize) -> Error {
    Error::unsupported(format!(
        "a constant of {count} equal elements is larger than {REPEAT_LIMIT}"
    ))
}

/// A tensor of equal elements. TensorFlow's zero of strings is the empty one.
///
/// # Errors
/// It is too large, or the element type has no such number.
pub fn splat(dtype: DType, shape: &[usize], number: f64) -> Result<Tensor> {
    let count = shape
        .iter()
        .try_fold(1, |n: usize, &d| n.checked_mul(d))
        .unwrap_or(usize::MAX);
    if count > REPEAT_LIMIT {
        return Err(too_large(count));
    }
    match dtype {
        DType::String if number == 0.0 => Tensor::new(shape, vec![Vec::<u8>::new(); count]),
        _ => Tensor::from_floats(dtype, shape, vec![number; count]),
    }
}

fn like(cx: &mut Cx<'_>, number: f64) -> Result<Value> {
    let x = cx.input(0)?;
    if cx.ty(x).rank().is_some() {
        return cx.filled_like(x, number);
    }
    let zero = cx.scalar_like(x, 0.0)?;
    let zeros = cx.combine(Binary::Mul, x, zero)?;
    cx.combine_scalar(Binary::Add, zeros, number)
}

fn fill(cx: &mut Cx<'_>) -> Result<Value> {
    let (dims, value) = (cx.dims(0)?, cx.input(1)?);
    cx.broadcast(value, dims)
}

/// Uninitialised memory is as good as zeros.
fn empty(cx: &mut Cx<'_>) -> Result<Value> {
    let (dims, dtype) = (cx.dims(0)?, cx.attr("dtype")?);
    let zero = cx.scalar(dtype, 0.0)?;
    cx.broadcast(zero, dims)
}

fn broadcast_to(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, dims) = (cx.input(0)?, cx.dims(1)?);
    cx.broadcast(x, dims)
}

fn range(cx: &mut Cx<'_>) -> Result<Value> {
    let (start, step) = (cx.input(0)?, cx.input(2)?);
    let bounds = (0..3)
        .map(|i| cx.input(i).map(|bound| whole_number(cx, bound)))
        .collect::<Result<Option<Vec<_>>>>()?;
    let is_known = (0..3).all(|i| cx.constant_input(i).is_ok());
    let length = match bounds.as_deref() {
        Some([start, limit, step]) if step.as_known().is_some() => {
            range_length(start, limit, step)?
        }
        Some(_) | None if is_known && cx.dtype(start).is_float() => float_range_length(cx)?,
        Some(_) | None => read_range_length(cx)?,
    };
    cx.push(Op::Range { length }, &[start, step])
}

/// The integer that a scalar is for every input, as an extent, whatever its element type.
fn whole_number(cx: &Cx<'_>, scalar: Value) -> Option<Dim> {
    if let Some(number) = cx.graph.as_splat(scalar) {
        return (number.fract() == 0.0 && number.abs() < 1e15).then(|| Dim::known(number as i64));
    }
    let source = match &cx.graph.producer(scalar).op {
        Op::Cast(_) => *cx.graph.producer(scalar).inputs.first()?,
        _ => scalar,
    };
    cx.graph.content(source)?.dims.pop()
}

fn range_length(start: &Dim, limit: &Dim, step: &Dim) -> Result<Dim> {
    let step = step.as_known().unwrap_or(0);
    let span = if step < 0 {
        start.clone() - limit.clone()
    } else {
        limit.clone() - start.clone()
    };
    let zero = || Error::malformed("the step of a range is zero");
    let steps = if step == 0 {
        None
    } else {
        span.div_ceil(step.saturating_abs())
    };
    Ok(super::strided::not_negative(&steps.ok_or_else(zero)?))
}

/// `max(ceil((limit - start) / step), 0)`, which only the data tells.
fn read_range_length(cx: &mut Cx<'_>) -> Result<Dim> {
    let (start, limit, step) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let span = cx.combine(Binary::Sub, limit, start)?;
    let steps = match cx.dtype(start).is_float() {
        true => {
            let steps = cx.combine(Binary::Div, span, step)?;
            let steps = cx.apply(Unary::Ceil, steps)?;
            cx.cast(steps, DType::I64)?
        }
        false => {
            // Rounded up: the negative of the negative span rounded down.
            let back = cx.apply(Unary::Neg, span)?;
            let back = cx.combine(Binary::FloorDiv, back, step)?;
            cx.apply(Unary::Neg, back)?
        }
    };
    let steps = cx.combine_scalar(Binary::Maximum, steps, 0.0)?;
    cx.read_extent(steps)
}

fn float_range_length(cx: &mut Cx<'_>) -> Result<Dim> {
    let mut bounds = [0.0; 3];
    for (i, bound) in bounds.iter_mut().enumerate() {
        let scalar = cx.constant_input(i)?.as_splat();
        *bound = scalar.ok_or_else(|| Error::malformed("the bounds of a range are scalars"))?;
    }
    let [start, limit, step] = bounds;
    let steps = ((limit - start) / step).ceil().max(0.0);
    match steps.is_finite() && steps <= REPEAT_LIMIT as f64 {
        true => Ok(Dim::known(steps as i64)),
        false => Err(Error::malformed("the range has no end")),
    }
}

/// `start + i * (stop - start) / (n - 1)`.
fn lin_space(cx: &mut Cx<'_>) -> Result<Value> {
    let (start, stop) = cx.pair()?;
    let count = cx.dim(2)?;
    let dtype = cx.dtype(start);
    let intervals = cx.extents(
        vec![(count.clone() - Dim::known(1)).larger(&Dim::known(1))],
        true,
        DType::I64,
    )?;
    let intervals = cx.cast(intervals, dtype)?;
    let span = cx.combine(Binary::Sub, stop, start)?;
    let step = cx.combine(Binary::Div, span, intervals)?;
    cx.push(Op::Range { length: count }, &[start, step])
}
