//! Ops with their symbolic extents replaced.

use crate::error::Result;
use crate::ir::{Dim, Fourier, Op, SliceAxis};

/// The op with every extent replaced.
pub(super) fn bind(op: &Op, replace: &impl Fn(&Dim) -> Result<Dim>) -> Result<Op> {
    let all = |dims: &[Dim]| dims.iter().map(replace).collect::<Result<Vec<Dim>>>();
    Ok(match op {
        Op::Extents {
            dims,
            scalar,
            dtype,
        } => Op::Extents {
            dims: all(dims)?,
            scalar: *scalar,
            dtype: *dtype,
        },
        Op::Reshape(dims) => Op::Reshape(all(dims)?),
        Op::Broadcast(dims) => Op::Broadcast(all(dims)?),
        Op::Tile(repeats) => Op::Tile(all(repeats)?),
        Op::ScatterNd { shape } => Op::ScatterNd { shape: all(shape)? },
        Op::OneHot { depth, axis } => Op::OneHot {
            depth: replace(depth)?,
            axis: *axis,
        },
        Op::TopK { k } => Op::TopK { k: replace(k)? },
        Op::Fourier(Fourier::ToReal(length)) => Op::Fourier(Fourier::ToReal(replace(length)?)),
        Op::Bound {
            entry,
            extent,
            least,
        } => Op::Bound {
            entry: *entry,
            extent: replace(extent)?,
            least: *least,
        },
        Op::Range { length } => Op::Range {
            length: replace(length)?,
        },
        Op::Slice(axes) => {
            let axis = |axis: &SliceAxis| -> Result<SliceAxis> {
                Ok(SliceAxis {
                    start: replace(&axis.start)?,
                    length: replace(&axis.length)?,
                    step: axis.step,
                })
            };
            Op::Slice(axes.iter().map(axis).collect::<Result<_>>()?)
        }
        Op::Pad { widths, mode } => {
            let width =
                |(a, b): &(Dim, Dim)| -> Result<(Dim, Dim)> { Ok((replace(a)?, replace(b)?)) };
            Op::Pad {
                widths: widths.iter().map(width).collect::<Result<_>>()?,
                mode: *mode,
            }
        }
        Op::ConvTranspose { conv, output } => Op::ConvTranspose {
            conv: conv.clone(),
            output: all(output)?,
        },
        Op::Resize {
            mode,
            size: [height, width],
            channels,
        } => Op::Resize {
            mode: *mode,
            size: [replace(height)?, replace(width)?],
            channels: *channels,
        },
        Op::Host(host) => Op::Host(host.with_extents(replace)?),
        Op::Input(_)
        | Op::Param(_)
        | Op::Constant(_)
        | Op::ReadExtents(_)
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Clamp { .. }
        | Op::Cast(_)
        | Op::Transpose(_)
        | Op::Concat { .. }
        | Op::Reverse { .. }
        | Op::Gather { .. }
        | Op::GatherNd { .. }
        | Op::Scatter { .. }
        | Op::Reduce { .. }
        | Op::ArgReduce { .. }
        | Op::Cumulative { .. }
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::MatMul { .. }
        | Op::Linear(_)
        | Op::Fourier(Fourier::Forward | Fourier::Inverse | Fourier::OfReal)
        | Op::Special(_)
        | Op::Conv(_)
        | Op::Pool { .. }
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::Recurrent { .. }
        | Op::RmsNorm { .. }
        | Op::FromEnd(_)
        | Op::RotateHalf
        | Op::Attention { .. }
        | Op::Dropout { .. }
        | Op::If { .. }
        | Op::Loop(_) => op.clone(),
    })
}
