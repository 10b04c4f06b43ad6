//! Gradients of resizes: a resize is a product with a matrix along each of two axes, so its gradient is one with their
//! transposes.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Dim, Op, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("ResizeBilinearGrad", |cx| {
        let original = cx.input(1)?;
        let dtype = cx.dtype(original);
        let size = cx.shape(original)?.get(1..3).unwrap_or_default().to_vec();
        backward(cx, &size, dtype, Interpolated::Between)
    }),
    op("ResizeNearestNeighborGrad", |cx| {
        let size = cx.dims(1)?;
        let gradient = cx.input(0)?;
        let dtype = cx.dtype(gradient);
        backward(cx, &size, dtype, Interpolated::Nearest)
    }),
];

/// What a pixel of the result is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interpolated {
    Between,
    Nearest,
}

fn backward(cx: &mut Cx<'_>, size: &[Dim], dtype: DType, kind: Interpolated) -> Result<Value> {
    let gradient = cx.input(0)?;
    let dims = cx.shape(gradient)?;
    let ([height, width], [_, rows, columns, _]) = (size, dims.as_slice()) else {
        return Err(Error::malformed("images have four axes"));
    };
    let down = weights(cx, height, rows, kind)?;
    let across = weights(cx, width, columns, kind)?;
    let gradient = cx.cast(gradient, DType::F32)?;
    let gradient = cx.transpose(gradient, vec![0, 2, 3, 1])?;
    let product = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: false,
    };
    let gradient = cx.push(product.clone(), &[gradient, down])?;
    let gradient = cx.transpose(gradient, vec![0, 3, 2, 1])?;
    let gradient = cx.push(product, &[gradient, across])?;
    let gradient = cx.transpose(gradient, vec![0, 1, 3, 2])?;
    cx.cast(gradient, dtype)
}

/// How much of each of `inputs` pixels along an axis is in each of `outputs`: `[outputs, inputs]`.
fn weights(cx: &mut Cx<'_>, inputs: &Dim, outputs: &Dim, kind: Interpolated) -> Result<Value> {
    let source = sources(cx, inputs, outputs, kind)?;
    if kind == Interpolated::Nearest {
        let source = cx.cast(source, DType::I32)?;
        let (on, off) = (cx.scalar(DType::F32, 1.0)?, cx.scalar(DType::F32, 0.0)?);
        let mark = Op::OneHot {
            depth: inputs.clone(),
            axis: 1,
        };
        return cx.push(mark, &[source, on, off]);
    }
    let column = cx.expand(source, 1)?;
    let pixels = cx.iota(inputs.clone(), DType::F32)?;
    let distance = cx.combine(Binary::Sub, column, pixels)?;
    let distance = cx.apply(Unary::Abs, distance)?;
    let one = cx.scalar(DType::F32, 1.0)?;
    let near = cx.combine(Binary::Sub, one, distance)?;
    cx.apply(Unary::Relu, near)
}

/// Where in the input each pixel of the result lies, within the image.
fn sources(cx: &mut Cx<'_>, inputs: &Dim, outputs: &Dim, kind: Interpolated) -> Result<Value> {
    let (corners, half): (bool, bool) = (cx.attr("align_corners")?, cx.attr("half_pixel_centers")?);
    let corners = corners && !outputs.is(1);
    let less = Dim::known(if corners { 1 } else { 0 });
    let scale = scale(cx, inputs.clone() - less.clone(), outputs.clone() - less)?;
    let numbers = cx.iota(outputs.clone(), DType::F32)?;
    let at = match half {
        true => cx.combine_scalar(Binary::Add, numbers, 0.5)?,
        false => numbers,
    };
    let at = cx.combine(Binary::Mul, at, scale)?;
    let at = match (kind, corners, half) {
        (Interpolated::Nearest, true, _) => cx.combine_scalar(Binary::Add, at, 0.5)?,
        (Interpolated::Between, _, true) => cx.combine_scalar(Binary::Sub, at, 0.5)?,
        (Interpolated::Nearest | Interpolated::Between, _, _) => at,
    };
    let at = match kind {
        Interpolated::Nearest => cx.apply(Unary::Floor, at)?,
        Interpolated::Between => at,
    };
    let last = cx.number(inputs.clone() - Dim::known(1), DType::F32)?;
    let at = cx.combine(Binary::Minimum, at, last)?;
    cx.combine_scalar(Binary::Maximum, at, 0.0)
}

/// A quotient of extents, rounded once as TensorFlow does.
fn scale(cx: &mut Cx<'_>, inputs: Dim, outputs: Dim) -> Result<Value> {
    match (inputs.as_known(), outputs.as_known()) {
        (Some(inputs), Some(outputs)) if outputs > 0 => {
            cx.scalar(DType::F32, f64::from(inputs as f32 / outputs as f32))
        }
        (_, _) => {
            let inputs = cx.number(inputs, DType::F32)?;
            let outputs = cx.number(outputs, DType::F32)?;
            cx.combine(Binary::Div, inputs, outputs)
        }
    }
}
