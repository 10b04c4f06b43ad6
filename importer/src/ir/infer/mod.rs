//! Types of results from an op and the types of its operands.
//!
//! Known extents must fit. Where a symbolic extent meets another one, they are taken to be equal, or one of them
//! to broadcast: what is known wins. Elementwise ops take operands of unknown rank.

mod elementwise;
mod indexing;
mod linear;
mod matrix;
mod recurrent;
mod reduction;
mod region;
mod shape;
mod window;

use super::dim::Dim;
use super::graph::Fresh;
use super::host::Inference;
use super::op::Op;
use super::ty::{DType, Shape, Type};
use crate::error::{Error, Result};

/// The types of an op's results.
///
/// # Errors
/// When the number, the element types or the shapes of the operands do not fit the op.
pub fn infer(op: &Op, inputs: &[&Type], fresh: &mut Fresh) -> Result<Vec<Type>> {
    let results = match op {
        Op::Host(host) => {
            let attributes = &host.attributes;
            (host.op.infer)(&mut Inference {
                inputs,
                attributes,
                fresh,
            })?
        }
        op => results(op, inputs, fresh)?,
    };
    for ty in &results {
        if let Some(extent) = ty
            .dims()
            .iter()
            .find(|dim| dim.as_known().is_some_and(|n| n < 0))
        {
            return Err(Error::malformed(format!(
                "the result would have the negative extent {extent}: {ty}"
            )));
        }
    }
    Ok(results)
}

fn results(op: &Op, inputs: &[&Type], fresh: &mut Fresh) -> Result<Vec<Type>> {
    let one = match op {
        Op::Input(_) | Op::Param(_) | Op::Host(_) => {
            return Err(Error::internal("the type of a source is not inferred"));
        }
        Op::Constant(value) => {
            let dims: Vec<Dim> = value.shape().iter().map(|&n| Dim::from(n)).collect();
            Type::new(value.dtype(), dims)
        }
        Op::Extents {
            dims,
            scalar,
            dtype,
        } => shape::extents(dims, *scalar, *dtype, inputs)?,
        Op::ReadExtents(symbols) => shape::read_extents(symbols.len(), inputs)?,
        Op::Unary(f) => elementwise::unary(*f, inputs)?,
        Op::Binary(f) => elementwise::binary(*f, inputs)?,
        Op::Compare(f) => elementwise::compare(*f, inputs)?,
        Op::Select => elementwise::select(inputs)?,
        Op::Clamp { .. } => elementwise::clamp(inputs)?,
        Op::Cast(dtype) => elementwise::cast(*dtype, inputs)?,
        Op::Dropout { .. } => elementwise::dropout(inputs)?,
        Op::If { branches } => return region::branches(branches, inputs, fresh),
        Op::Loop(looped) => return region::rounds(looped, inputs, fresh),
        Op::Reshape(dims) => shape::reshape(dims, inputs)?,
        Op::Transpose(permutation) => shape::transpose(permutation, inputs)?,
        Op::Broadcast(dims) => shape::broadcast_to(dims, inputs)?,
        Op::Slice(axes) => shape::slice(axes, inputs)?,
        Op::Concat { axis } => shape::concat(*axis, inputs)?,
        Op::Pad { widths, mode } => shape::pad(widths, *mode, inputs)?,
        Op::Reverse { axes } => shape::reverse(axes, inputs)?,
        Op::Tile(repeats) => shape::tile(repeats, inputs)?,
        Op::Gather { axis, batch_dims } => indexing::gather(*axis, *batch_dims, inputs)?,
        Op::GatherNd { batch_dims } => indexing::gather_nd(*batch_dims, inputs)?,
        Op::Scatter { join } => indexing::scatter(*join, inputs)?,
        Op::ScatterNd { shape } => indexing::scatter_nd(shape, inputs)?,
        Op::OneHot { depth, axis } => indexing::one_hot(depth, *axis, inputs)?,
        Op::TopK { k } => return indexing::top_k(k, inputs),
        Op::Range { length } => indexing::range(length, inputs)?,
        Op::Reduce { op, axes, keep } => reduction::reduce(*op, axes, *keep, inputs)?,
        Op::ArgReduce { op: _, axis, dtype } => reduction::arg_reduce(*axis, *dtype, inputs)?,
        Op::Cumulative { op, axis, .. } => reduction::cumulative(*op, *axis, inputs)?,
        Op::Softmax { axis } | Op::LogSoftmax { axis } => reduction::softmax(*axis, inputs)?,
        Op::MatMul {
            transpose_lhs,
            transpose_rhs,
        } => linear::matmul(*transpose_lhs, *transpose_rhs, inputs)?,
        Op::Linear(op) => return matrix::linear(*op, inputs),
        Op::Fourier(fourier) => return matrix::fourier(fourier, inputs),
        Op::Recurrent { recurrence, pass } => {
            return recurrent::recurrent(recurrence, pass, inputs);
        }
        Op::Special(_) => elementwise::special(inputs)?,
        Op::Bound { entry, .. } => indexing::bound(*entry, inputs)?,
        Op::Conv(conv) => window::conv(conv, inputs)?,
        Op::ConvTranspose { conv, output } => window::conv_transpose(conv, output, inputs)?,
        Op::Pool {
            op: _,
            window,
            strides,
            padding,
            channels,
        } => window::pool(window, strides, padding, *channels, inputs)?,
        Op::Resize {
            mode,
            size,
            channels,
        } => window::resize(*mode, size, *channels, inputs)?,
        Op::BatchNorm {
            epsilon: _,
            scale,
            offset,
            channels,
        } => linear::batch_norm(*scale, *offset, *channels, inputs)?,
        Op::LayerNorm {
            axes,
            epsilon: _,
            scale,
            offset,
        } => linear::layer_norm(*axes, *scale, *offset, inputs)?,
        Op::RotateHalf => shape::rotate_half(inputs)?,
        Op::FromEnd(_) => elementwise::indices(inputs)?,
        Op::Attention { scale: _, masking } => linear::attention(*masking, inputs)?,
        Op::RmsNorm { epsilon: _, scale } => linear::layer_norm(1, *scale, false, inputs)?,
    };
    Ok(vec![one])
}

/// Exactly `N` operands.
fn operands<'a, const N: usize>(inputs: &[&'a Type]) -> Result<[&'a Type; N]> {
    let count = inputs.len();
    inputs
        .try_into()
        .map_err(|_| Error::malformed(format!("takes {N} operands and has {count}")))
}

/// The extents of an operand that must have a known rank.
pub(super) fn ranked<'a>(name: &str, ty: &'a Type) -> Result<&'a [Dim]> {
    ty.shape.dims().ok_or_else(|| {
        Error::unsupported(format!(
            "{name} is {ty}: its rank is known to the caller only, and the result depends on it"
        ))
        .help("give the argument a shape, with --input NAME=DTYPE[d0,d1,…]")
    })
}

/// The extents of an operand that must have rank `rank`.
fn of_rank<'a>(name: &str, ty: &'a Type, rank: usize) -> Result<&'a [Dim]> {
    let dims = ranked(name, ty)?;
    expect(dims.len() == rank, || {
        format!("{name} is {ty} and must have rank {rank}")
    })?;
    Ok(dims)
}

/// A condition on the operands.
fn expect(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::malformed(message()))
    }
}

/// An axis that exists.
fn check_axis(axis: usize, ty: &Type) -> Result<()> {
    let rank = ranked("the operand", ty)?.len();
    expect(axis < rank, || {
        format!("axis {axis} of {ty} does not exist")
    })
}

/// Both operands' element type, which must be one.
fn same_dtype(x: &Type, y: &Type) -> Result<DType> {
    expect(x.dtype == y.dtype, || {
        format!("the operands {x} and {y} differ in element type")
    })?;
    Ok(x.dtype)
}

/// An element type of numbers.
fn numeric(ty: &Type) -> Result<DType> {
    let other = matches!(ty.dtype, DType::Bool | DType::String);
    expect(!other, || {
        format!("the operand is {ty} and must hold numbers")
    })?;
    Ok(ty.dtype)
}

/// An element type of real or complex floating point numbers.
fn floating(ty: &Type) -> Result<DType> {
    let holds = ty.dtype.is_float() || matches!(ty.dtype, DType::C64 | DType::C128);
    expect(holds, || {
        format!("the operand is {ty} and must hold floating point numbers")
    })?;
    Ok(ty.dtype)
}

/// A real floating point element type.
fn real(ty: &Type) -> Result<DType> {
    expect(ty.dtype.is_float(), || {
        format!("the operand is {ty} and must hold real floating point numbers")
    })?;
    Ok(ty.dtype)
}

/// An integer element type.
fn integer(ty: &Type) -> Result<DType> {
    expect(ty.dtype.is_integer(), || {
        format!("the operand is {ty} and must hold integers")
    })?;
    Ok(ty.dtype)
}

/// `Bool`.
fn boolean(ty: &Type) -> Result<DType> {
    expect(ty.dtype == DType::Bool, || {
        format!("the operand is {ty} and must be Bool")
    })?;
    Ok(ty.dtype)
}

/// Two extents that must be one: the known one, if there is one.
fn unify(a: &Dim, b: &Dim) -> Result<Dim> {
    match (a.as_known(), b.as_known()) {
        (Some(x), Some(y)) if x != y => Err(Error::malformed(format!(
            "the extents {x} and {y} must be equal"
        ))),
        (Some(_), _) => Ok(a.clone()),
        (None, _) => Ok(if b.as_known().is_some() {
            b.clone()
        } else {
            a.clone()
        }),
    }
}

/// One extent of two that broadcast against each other.
fn broadcast_dim(a: &Dim, b: &Dim) -> Result<Dim> {
    match (a.as_known(), b.as_known()) {
        _ if a == b => Ok(a.clone()),
        (Some(1), _) => Ok(b.clone()),
        (_, Some(1)) => Ok(a.clone()),
        (Some(x), Some(y)) => Err(Error::malformed(format!(
            "the extents {x} and {y} do not broadcast"
        ))),
        (Some(_), None) => Ok(a.clone()),
        (None, Some(_)) => Ok(b.clone()),
        (None, None) => Ok(a.larger(b)),
    }
}

/// The extents of two lists that broadcast against each other, aligned at the end.
fn broadcast_dims(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>> {
    let one = Dim::known(1);
    let rank = a.len().max(b.len());
    let at = |dims: &[Dim], i: usize| {
        (i + dims.len())
            .checked_sub(rank)
            .map_or(one.clone(), |i| dims[i].clone())
    };
    (0..rank)
        .map(|i| broadcast_dim(&at(a, i), &at(b, i)))
        .collect()
}

/// The shape of an elementwise result.
pub(super) fn broadcast(x: &Type, y: &Type) -> Result<Shape> {
    match (&x.shape, &y.shape) {
        (Shape::Ranked(a), Shape::Ranked(b)) => broadcast_dims(a, b)
            .map(Shape::Ranked)
            .map_err(|e| Error::malformed(format!("the operands {x} and {y} do not fit: {e}"))),
        (Shape::Unranked, _) | (_, Shape::Unranked) => Ok(Shape::Unranked),
    }
}
