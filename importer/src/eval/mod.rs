//! The reference evaluator: every IR op on the CPU, with TensorFlow's semantics. It folds constants, and runs models
//! without any framework.
//!
//! It is written to be right and short. Numbers are computed in the widest form of their kind and rounded once
//! per op; ops that move elements are tables of where each element comes from; matrix products and convolutions
//! alone run in single precision, in parallel.

mod attention;
mod bind;
mod data;
mod elementwise;
mod fourier;
mod geometry;
mod host;
mod indexing;
mod linear;
mod matrix;
mod movement;
mod recurrent;
mod reduction;
mod regions;
mod resize;
mod run;
mod special;
mod tensor;
mod window;

#[cfg(test)]
mod tests;

pub use data::{Data, Element};
pub(crate) use movement::broadcast_to;
pub use run::run;
pub(crate) use run::run_shared;
pub use tensor::Tensor;

use crate::error::{Error, Result};
use crate::ir::{DType, Op, Type};

/// The results of an op.
///
/// `results` are the types that inference gives. Extents in the op must be known.
///
/// # Errors
/// For arguments and variables, which have no value here, for extents that are not known, for operands that the op
/// does not take, and where TensorFlow fails too: a zero divisor of integers, an index out of range.
pub fn evaluate(op: &Op, operands: &[&Tensor], results: &[Type]) -> Result<Vec<Tensor>> {
    let dtype = results.first().map_or(DType::F32, |ty| ty.dtype);
    let one = match op {
        Op::Input(_) | Op::Param(_) => {
            return Err(Error::internal("an argument has no value here"));
        }
        Op::If { .. } | Op::Loop(_) => {
            return Err(Error::internal("a region runs with its graph alone"));
        }
        Op::Constant(value) => Tensor::clone(value),
        Op::Extents {
            dims,
            scalar,
            dtype,
        } => movement::extents(dims, *scalar, *dtype)?,
        Op::ReadExtents(_) => only(operands)?.clone(),
        Op::Unary(f) => elementwise::unary(*f, only(operands)?)?,
        Op::Binary(f) => elementwise::binary(*f, of(operands)?)?,
        Op::Compare(f) => elementwise::compare(*f, of(operands)?)?,
        Op::Select => elementwise::select(of(operands)?)?,
        Op::Clamp { low, high } => elementwise::clamp(*low, *high, only(operands)?)?,
        Op::Cast(dtype) => only(operands)?.cast(*dtype)?,
        Op::Dropout { .. } => only(operands)?.clone(),
        Op::Reshape(dims) => only(operands)?.reshaped(&known(dims)?)?,
        Op::Transpose(permutation) => movement::transpose(permutation, only(operands)?)?,
        Op::Broadcast(dims) => movement::broadcast_to(&known(dims)?, only(operands)?)?,
        Op::Slice(axes) => movement::slice(axes, only(operands)?)?,
        Op::Concat { axis } => movement::concat(*axis, operands)?,
        Op::Pad { widths, mode } => movement::pad(widths, *mode, operands)?,
        Op::Reverse { axes } => movement::reverse(axes, only(operands)?)?,
        Op::Tile(repeats) => movement::tile(&known(repeats)?, only(operands)?)?,
        Op::Gather { axis, batch_dims } => indexing::gather(*axis, *batch_dims, of(operands)?)?,
        Op::GatherNd { batch_dims } => indexing::gather_nd(*batch_dims, of(operands)?)?,
        Op::ScatterNd { shape } => indexing::scatter_nd(&known(shape)?, of(operands)?)?,
        Op::Scatter { join } => indexing::scatter(*join, of(operands)?)?,
        Op::OneHot { depth, axis } => indexing::one_hot(extent(depth)?, *axis, of(operands)?)?,
        Op::Host(host) => return host::call(host, operands, results),
        Op::TopK { k } => return indexing::top_k(extent(k)?, only(operands)?),
        Op::Range { length } => indexing::range(extent(length)?, of(operands)?)?,
        Op::Reduce { op, axes, keep } => reduction::reduce(*op, axes, *keep, only(operands)?)?,
        Op::ArgReduce { op, axis, dtype } => {
            reduction::arg_reduce(*op, *axis, *dtype, only(operands)?)?
        }
        Op::Cumulative {
            op,
            axis,
            exclusive,
            reverse,
        } => reduction::cumulative(*op, *axis, *exclusive, *reverse, only(operands)?)?,
        Op::Softmax { axis } => reduction::softmax(*axis, false, only(operands)?)?,
        Op::LogSoftmax { axis } => reduction::softmax(*axis, true, only(operands)?)?,
        Op::MatMul {
            transpose_lhs,
            transpose_rhs,
        } => linear::matmul(*transpose_lhs, *transpose_rhs, of(operands)?)?,
        Op::Linear(op) => return matrix::linear(*op, operands, results),
        Op::Fourier(fourier) => return fourier::fourier(fourier, operands, results),
        Op::Recurrent { recurrence, pass } => {
            return recurrent::recurrent(recurrence, pass, operands);
        }
        Op::Special(function) => elementwise::special(*function, operands)?,
        Op::Bound {
            entry,
            extent: axis,
            least,
        } => indexing::bound(*entry, extent(axis)?, *least, only(operands)?)?,
        Op::Conv(conv) => window::conv(conv, of(operands)?)?,
        Op::ConvTranspose { conv, output } => {
            window::conv_transpose(conv, &known(output)?, of(operands)?)?
        }
        Op::Pool {
            op,
            window,
            strides,
            padding,
            channels,
        } => window::pool(*op, window, strides, padding, *channels, only(operands)?)?,
        Op::Resize {
            mode,
            size: [height, width],
            channels,
        } => resize::resize(
            *mode,
            [extent(height)?, extent(width)?],
            *channels,
            dtype,
            only(operands)?,
        )?,
        Op::BatchNorm {
            epsilon,
            scale,
            offset,
            channels,
        } => linear::batch_norm(*epsilon, *scale, *offset, *channels, operands)?,
        Op::LayerNorm {
            axes,
            epsilon,
            scale,
            offset,
        } => linear::layer_norm(*axes, *epsilon, *scale, *offset, operands)?,
        Op::RotateHalf => movement::rotate_half(only(operands)?)?,
        Op::FromEnd(extent) => elementwise::from_end(*extent, only(operands)?)?,
        Op::Attention { scale, masking } => attention::attention(*scale, *masking, operands)?,
        Op::RmsNorm { epsilon, scale } => linear::rms_norm(*epsilon, *scale, operands)?,
    };
    Ok(vec![one])
}

/// Exactly `N` operands.
fn of<'a, const N: usize>(operands: &[&'a Tensor]) -> Result<[&'a Tensor; N]> {
    let count = operands.len();
    operands
        .try_into()
        .map_err(|_| Error::malformed(format!("takes {N} operands and has {count}")))
}

/// The only operand.
fn only<'a>(operands: &[&'a Tensor]) -> Result<&'a Tensor> {
    of(operands).map(|[x]| x)
}

/// An extent that must be known.
fn extent(dim: &crate::ir::Dim) -> Result<usize> {
    dim.as_usize().ok_or_else(|| {
        Error::unsupported(format!(
            "the extent {dim} is not known before the model runs"
        ))
    })
}

/// Extents that must be known.
fn known(dims: &[crate::ir::Dim]) -> Result<Vec<usize>> {
    dims.iter().map(extent).collect()
}
