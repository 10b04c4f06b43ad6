//! Blocks between the spatial axes and the batch or the channels.

use super::cx::Cx;
use super::strided::not_negative;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Conv, Dim, Op, Padding, Value};

pub const OPS: &[Lowering] = &[
    op("SpaceToDepth", space_to_depth),
    op("DepthToSpace", depth_to_space),
    op("SpaceToBatchND", space_to_batch),
    op("BatchToSpaceND", batch_to_space),
    op("SpaceToBatch", space_to_batch_2d),
    op("BatchToSpace", batch_to_space_2d),
];

fn divided(dim: &Dim, by: &Dim) -> Result<Dim> {
    dim.div_floor(by)
        .ok_or_else(|| Error::malformed("the block size is zero"))
}

/// The four extents of an image, channels last.
fn image(cx: &Cx<'_>, x: Value) -> Result<[Dim; 4]> {
    <[Dim; 4]>::try_from(cx.shape(x)?).map_err(|_| Error::malformed("an image has four axes"))
}

fn space_to_depth(cx: &mut Cx<'_>) -> Result<Value> {
    let block = Dim::from(cx.attr::<usize>("block_size")?);
    let x = cx.input(0)?;
    let x = cx.to_channels_last(x)?;
    let [n, h, w, c] = image(cx, x)?;
    let (h, w) = (divided(&h, &block)?, divided(&w, &block)?);
    let split = vec![
        n.clone(),
        h.clone(),
        block.clone(),
        w.clone(),
        block.clone(),
        c.clone(),
    ];
    let blocks = cx.reshape(x, split)?;
    let blocks = cx.transpose(blocks, vec![0, 1, 3, 2, 4, 5])?;
    let y = cx.reshape(blocks, vec![n, h, w, block.clone() * block * c])?;
    cx.from_channels_last(y)
}

fn depth_to_space(cx: &mut Cx<'_>) -> Result<Value> {
    let block = Dim::from(cx.attr::<usize>("block_size")?);
    let x = cx.input(0)?;
    let x = cx.to_channels_last(x)?;
    let [n, h, w, c] = image(cx, x)?;
    let c = divided(&c, &(block.clone() * block.clone()))?;
    let split = vec![
        n.clone(),
        h.clone(),
        w.clone(),
        block.clone(),
        block.clone(),
        c.clone(),
    ];
    let blocks = cx.reshape(x, split)?;
    let blocks = cx.transpose(blocks, vec![0, 1, 3, 2, 4, 5])?;
    let y = cx.reshape(blocks, vec![n, h * block.clone(), w * block, c])?;
    cx.from_channels_last(y)
}

/// Sizes of blocks, and paddings or crops, per axis.
type Blocks = (Vec<Dim>, Vec<(Dim, Dim)>);

/// Block sizes in operand 1, and the `[axes, 2]` paddings or crops in operand 2.
fn blocks(cx: &mut Cx<'_>) -> Result<Blocks> {
    let blocks = cx.dims(1)?;
    let pairs: Vec<(Dim, Dim)> = cx
        .dims(2)?
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    match pairs.len() == blocks.len() {
        true => Ok((blocks, pairs)),
        false => Err(Error::malformed(
            "block sizes and paddings differ in number",
        )),
    }
}

fn space_to_batch(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, (blocks, paddings)) = (cx.input(0)?, blocks(cx)?);
    into_batch(cx, x, &blocks, paddings)
}

fn into_batch(
    cx: &mut Cx<'_>,
    x: Value,
    blocks: &[Dim],
    paddings: Vec<(Dim, Dim)>,
) -> Result<Value> {
    let rank = cx.rank(x)?;
    let m = blocks.len();
    if rank <= m {
        return Err(Error::malformed(format!("{m} block sizes for {rank} axes")));
    }
    let mut widths = vec![(Dim::known(0), Dim::known(0)); rank];
    widths[1..=m].clone_from_slice(&paddings);
    let zero = cx.scalar_like(x, 0.0)?;
    let padded = cx.pad(x, widths, zero)?;
    let dims = cx.shape(padded)?;
    let mut split = vec![dims[0].clone()];
    let mut result = vec![
        blocks
            .iter()
            .fold(dims[0].clone(), |n, block| n * block.clone()),
    ];
    for (dim, block) in dims[1..=m].iter().zip(blocks) {
        let rest = divided(dim, block)?;
        split.extend([rest.clone(), block.clone()]);
        result.push(rest);
    }
    split.extend_from_slice(&dims[m + 1..]);
    result.extend_from_slice(&dims[m + 1..]);
    let mut permutation: Vec<usize> = (0..m).map(|i| 2 * i + 2).collect();
    permutation.push(0);
    permutation.extend((0..m).map(|i| 2 * i + 1));
    permutation.extend(2 * m + 1..split.len());
    let tiles = cx.reshape(padded, split)?;
    let tiles = cx.transpose(tiles, permutation)?;
    let batches = cx.reshape(tiles, result)?;
    let blocks = blocks.to_vec();
    cx.spreads.insert(
        batches,
        Spread {
            x,
            blocks,
            paddings,
        },
    );
    Ok(batches)
}

fn batch_to_space(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, (blocks, crops)) = (cx.input(0)?, blocks(cx)?);
    out_of_batch(cx, x, &blocks, &crops)
}

fn out_of_batch(cx: &mut Cx<'_>, x: Value, blocks: &[Dim], crops: &[(Dim, Dim)]) -> Result<Value> {
    if let Some(dilated) = dilated(cx, x, blocks, crops)? {
        return Ok(dilated);
    }
    let dims = cx.shape(x)?;
    let m = blocks.len();
    if dims.len() <= m {
        return Err(Error::malformed(format!(
            "{m} block sizes for {} axes",
            dims.len()
        )));
    }
    let batch = divided(&dims[0], &super::emit::product(blocks))?;
    let mut split = blocks.to_vec();
    split.push(batch.clone());
    split.extend_from_slice(&dims[1..]);
    let mut permutation = vec![m];
    permutation.extend((0..m).flat_map(|i| [m + 1 + i, i]));
    permutation.extend(2 * m + 1..split.len());
    let tiles = cx.reshape(x, split)?;
    let tiles = cx.transpose(tiles, permutation)?;
    let mut joined = vec![batch];
    joined.extend(
        dims[1..=m]
            .iter()
            .zip(blocks)
            .map(|(dim, block)| dim.clone() * block.clone()),
    );
    joined.extend_from_slice(&dims[m + 1..]);
    let whole = cx.reshape(tiles, joined.clone())?;
    let mut axes = super::emit::whole_axes(&joined);
    for (axis, (start, end)) in axes[1..=m].iter_mut().zip(crops) {
        axis.start = start.clone();
        axis.length = not_negative(&(axis.length.clone() - start.clone() - end.clone()));
    }
    cx.slice(whole, axes)
}

/// What was spread over the batch, and how.
pub struct Spread {
    x: Value,
    blocks: Vec<Dim>,
    paddings: Vec<(Dim, Dim)>,
}

/// A convolution between the two moves is one with dilations: TensorFlow's way of writing it.
fn dilated(
    cx: &mut Cx<'_>,
    y: Value,
    blocks: &[Dim],
    crops: &[(Dim, Dim)],
) -> Result<Option<Value>> {
    let through_reshape = |value: Value| {
        let node = cx.graph.producer(value);
        let is_reshape = matches!(node.op, Op::Reshape(_));
        if is_reshape { node.inputs[0] } else { value }
    };
    let made = cx.graph.producer(through_reshape(y));
    let (Op::Conv(conv), &[image, kernel]) = (&made.op, made.inputs.as_slice()) else {
        return Ok(None);
    };
    let direct = cx.spreads.get(&image);
    let spread = direct.or_else(|| cx.spreads.get(&through_reshape(image)));
    let Some(spread) = spread.filter(|spread| spread.blocks == blocks) else {
        return Ok(None);
    };
    let Some((extra, conv)) = with_dilations(conv, spread, crops) else {
        return Ok(None);
    };
    let mut x = spread.x;
    if extra == 1 {
        x = cx.expand(x, 1)?;
    }
    let y = cx.push(Op::Conv(conv), &[x, kernel])?;
    let mut dims = cx.shape(y)?;
    dims.drain(1..1 + extra);
    cx.reshape(y, dims).map(Some)
}

/// The convolution over what was not spread yet. One over a single axis has an axis of extent 1 before it.
fn with_dilations(conv: &Conv, spread: &Spread, crops: &[(Dim, Dim)]) -> Option<(usize, Conv)> {
    let extra = conv.strides.len().checked_sub(spread.blocks.len())?;
    let ones = conv.strides.iter().chain(&conv.dilations).all(|&n| n == 1);
    if conv.padding != Padding::Valid || !ones || extra > 1 {
        return None;
    }
    let mut widths = vec![(0, 0); extra];
    let mut dilations = vec![1; extra];
    for ((block, (before, after)), (start, end)) in
        spread.blocks.iter().zip(&spread.paddings).zip(crops)
    {
        let after = after.clone() - end.clone();
        dilations.push(block.as_usize().filter(|_| start.is(0))?);
        widths.push((before.as_usize()?, after.as_usize()?));
    }
    let none = widths.iter().all(|&width| width == (0, 0));
    let padding = if none {
        Padding::Valid
    } else {
        Padding::Explicit(widths)
    };
    Some((
        extra,
        Conv {
            dilations,
            padding,
            ..conv.clone()
        },
    ))
}

/// One block size for both spatial axes, and the pairs of operand 1.
fn square(cx: &mut Cx<'_>) -> Result<Blocks> {
    let block = Dim::from(cx.attr::<usize>("block_size")?);
    let pairs: Vec<(Dim, Dim)> = cx
        .dims(1)?
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    match pairs.len() {
        2 => Ok((vec![block.clone(), block], pairs)),
        other => Err(Error::malformed(format!(
            "{other} paddings for two spatial axes"
        ))),
    }
}

fn space_to_batch_2d(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, (blocks, paddings)) = (cx.input(0)?, square(cx)?);
    into_batch(cx, x, &blocks, paddings)
}

fn batch_to_space_2d(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, (blocks, crops)) = (cx.input(0)?, square(cx)?);
    out_of_batch(cx, x, &blocks, &crops)
}
