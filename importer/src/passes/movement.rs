//! Reshapes and transposes: joined, said in the cheaper form, and out of the way of others.

use super::rule::{Rule, Site, apply};
use crate::error::Result;
use crate::ir::{Channels, Dim, Graph, Interpolation, Op, ResizeMode, Sampling, Value};

/// Joins reshapes and transposes, makes reshapes of transposes that move no element, and finds repetition of pixels.
///
/// # Errors
/// None on a graph that verifies.
pub fn movement(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`movement`].
pub const RULES: &[Rule] = &[
    upsampling,
    joined_movement,
    unit_transpose,
    pad_of_reshaped,
    reversed_twice,
    reverse_after_transpose,
];

/// The rules that choose between two forms of equal length, after recognition.
pub const LATE_RULES: &[Rule] = &[reduced_shape];

/// Reshapes of reshapes, transposes of transposes, and reshapes of transposes that move nothing but axes of extent 1.
fn joined_movement(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Some(&inner) = site.inputs.first() else {
        return Ok(None);
    };
    let node = site.graph.producer(inner);
    let Some(&x) = node.inputs.first() else {
        return Ok(None);
    };
    let op = match (site.op, &node.op) {
        (Op::Reshape(dims), Op::Reshape(_)) => Op::Reshape(dims.clone()),
        (Op::Reshape(dims), Op::Transpose(p)) if moves_units(p, site.graph.ty(x).dims()) => {
            Op::Reshape(dims.clone())
        }
        (Op::Transpose(outer), Op::Transpose(p)) => {
            Op::Transpose(outer.iter().map(|&axis| p[axis]).collect())
        }
        (Op::Broadcast(dims), Op::Broadcast(_)) => Op::Broadcast(dims.clone()),
        _ => return Ok(None),
    };
    site.push(op, &[x]).map(Some)
}

/// Axes that are reversed twice are as they were.
fn reversed_twice(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Reverse { axes } = site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let (Op::Reverse { axes: before }, &[x]) = (&node.op, node.inputs.as_slice()) else {
        return Ok(None);
    };
    let once = |axes: &[usize], others: &[usize]| {
        let mut once = axes.to_vec();
        once.retain(|axis| !others.contains(axis));
        once
    };
    let mut axes = [once(axes, before), once(before, axes)].concat();
    axes.sort_unstable();
    match axes.is_empty() {
        true => Ok(Some(x)),
        false => site.push(Op::Reverse { axes }, &[x]).map(Some),
    }
}

/// A transpose goes before a reversal, where it may meet another one.
fn reverse_after_transpose(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Transpose(permutation) = site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let (Op::Reverse { axes }, &[x]) = (&node.op, node.inputs.as_slice()) else {
        return Ok(None);
    };
    if !site.is_only_user(0) {
        return Ok(None);
    }
    let places = (0..permutation.len()).filter(|&i| axes.contains(&permutation[i]));
    let axes = places.collect();
    let turned = site.transpose(x, permutation)?;
    site.push(Op::Reverse { axes }, &[turned]).map(Some)
}

/// Whether a permutation moves nothing but axes of extent 1.
pub fn moves_units(permutation: &[usize], dims: &[Dim]) -> bool {
    permutation
        .iter()
        .filter(|&&axis| !dims[axis].is(1))
        .is_sorted()
}

/// A transpose that moves nothing but axes of extent 1 is a reshape, if that needs no extents but one.
fn unit_transpose(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Transpose(permutation) = site.op else {
        return Ok(None);
    };
    let dims = site.dims(site.inputs[0]);
    let unknown = dims.iter().filter(|dim| dim.as_known().is_none()).count();
    match moves_units(permutation, &dims) && unknown < 2 {
        true => site.reshape(site.inputs[0], site.ty.dims()).map(Some),
        false => Ok(None),
    }
}

/// A pad after a reshape that only puts in and takes out axes of extent 1 can come before it, where a convolution may
/// take it in.
fn pad_of_reshaped(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Pad { widths, mode } = site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let Op::Reshape(dims) = &node.op else {
        return Ok(None);
    };
    let (x, from) = (node.inputs[0], site.dims(node.inputs[0]));
    let nothing = (Dim::known(0), Dim::known(0));
    let (mut padded, mut kept) = (vec![], vec![]);
    for (dim, width) in dims.iter().zip(widths) {
        match dim.is(1) {
            true if *width != nothing => return Ok(None),
            true => {}
            false => {
                padded.push(width.clone());
                kept.push(dim.clone());
            }
        }
    }
    if from.iter().filter(|dim| !dim.is(1)).ne(&kept) {
        return Ok(None);
    }
    let mut padded = padded.into_iter();
    let widths = from.iter().map(|dim| {
        if dim.is(1) {
            nothing.clone()
        } else {
            padded.next().unwrap_or(nothing.clone())
        }
    });
    let op = Op::Pad {
        widths: widths.collect(),
        mode: *mode,
    };
    let inputs = [&[x], &site.inputs[1..]].concat();
    let y = site.push(op, &inputs)?;
    site.reshape(y, site.ty.dims()).map(Some)
}

/// One axis of an image repeated in place: `reshape(tile(reshape(x)))`. Gives `x`, the axis and the factor.
fn repeated(site: &Site<'_>, tile: Value) -> Option<(Value, usize, Dim)> {
    let node = site.graph.producer(tile);
    let Op::Tile(repeats) = &node.op else {
        return None;
    };
    let at = repeats
        .iter()
        .position(|n| !n.is(1))
        .filter(|&at| repeats[at + 1..].iter().all(|n| n.is(1)))?;
    let split = site.graph.producer(node.inputs[0]);
    let Op::Reshape(dims) = &split.op else {
        return None;
    };
    let mut joined = dims.clone();
    let fits = at > 0
        && joined.remove(at).is(1)
        && site.graph.ty(split.inputs[0]).shape.rank() == Some(joined.len());
    fits.then(|| (split.inputs[0], at - 1, repeats[at].clone()))
}

/// Rows and columns repeated, one after the other, are an upsampling to the nearest pixel.
fn upsampling(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Reshape(size), Some(&tile)) = (site.op, site.inputs.first()) else {
        return Ok(None);
    };
    let Some((columns, x, factors)) = upsampled(site, tile) else {
        return Ok(None);
    };
    let dims = site.dims(x);
    let [batch, height, width, channels] = dims.as_slice() else {
        return Ok(None);
    };
    let grown = [
        batch.clone(),
        height.clone() * factors[0].clone(),
        width.clone() * factors[1].clone(),
        channels.clone(),
    ];
    let rows = [
        grown[0].clone(),
        grown[1].clone(),
        width.clone(),
        Dim::known(1),
        channels.clone(),
    ];
    if *size != grown || site.dims(columns) != rows {
        return Ok(None);
    }
    let mode = ResizeMode {
        kind: Interpolation::Nearest,
        sampling: Sampling::HalfPixel,
    };
    let [_, height, width, _] = grown;
    site.push(
        Op::Resize {
            mode,
            size: [height, width],
            channels: Channels::Last,
        },
        &[x],
    )
    .map(Some)
}

/// What is tiled along the columns, the image that it comes from, and the factors of rows and columns.
fn upsampled(site: &Site<'_>, tile: Value) -> Option<(Value, Value, [Dim; 2])> {
    let node = site.graph.producer(tile);
    let Op::Tile(repeats) = &node.op else {
        return None;
    };
    let [_, _, _, by, _] = repeats.as_slice() else {
        return None;
    };
    let columns = node.inputs[0];
    let split = site.graph.producer(columns);
    let Op::Reshape(_) = &split.op else {
        return None;
    };
    let (x, axis, rows) = repeated(site, split.inputs[0])?;
    let only_columns = repeats.iter().enumerate().all(|(i, n)| i == 3 || n.is(1));
    let dims = site.graph.ty(x).dims();
    let before = site
        .graph
        .producer(site.graph.producer(split.inputs[0]).inputs[0]);
    let in_place = match &before.op {
        Op::Reshape(to) => dims.len() == 4 && to[..2] == dims[..2] && to[3..] == dims[2..],
        _ => false,
    };
    (axis == 1 && only_columns && in_place).then(|| (columns, x, [rows, by.clone()]))
}

/// A reshape that only drops or restores the axes of a reduction is the reduction's own choice.
fn reduced_shape(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Reshape(dims) = site.op else {
        return Ok(None);
    };
    let node = site.graph.producer(site.inputs[0]);
    let Op::Reduce { op, axes, keep } = node.op.clone() else {
        return Ok(None);
    };
    let x = node.inputs[0];
    let given = site.dims(x);
    let wanted: Vec<Dim> = match keep {
        true => (0..given.len())
            .filter(|i| !axes.contains(i))
            .map(|i| given[i].clone())
            .collect(),
        false => (0..given.len())
            .map(|i| {
                if axes.contains(&i) {
                    Dim::known(1)
                } else {
                    given[i].clone()
                }
            })
            .collect(),
    };
    match wanted == *dims && site.is_only_user(0) {
        true => site
            .push(
                Op::Reduce {
                    op,
                    axes,
                    keep: !keep,
                },
                &[x],
            )
            .map(Some),
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{PadMode, Unary};
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    #[test]
    fn inverse_transposes_cancel() {
        let mut b = Build::default();
        let x = b.input(&[0, 4, 5]);
        let y = b.op(Op::Transpose(vec![1, 2, 0]), &[x]);
        let y = b.op(Op::Transpose(vec![2, 0, 1]), &[y]);
        let y = b.op(Op::Unary(Unary::Exp), &[y]);
        b.check(&[y], optimise, "Unary(Exp) [s0, 4, 5]");
    }

    #[test]
    fn a_pad_leaves_axes_of_extent_1_alone() {
        let mut b = Build::default();
        let x = b.input(&[0, 6, 1]);
        let zero = b.number(0.0);
        let y = b.op(Op::Transpose(vec![0, 2, 1]), &[x]);
        let (none, two) = (
            (Dim::known(0), Dim::known(0)),
            (Dim::known(2), Dim::known(2)),
        );
        let y = b.op(
            Op::Pad {
                widths: vec![none.clone(), none, two],
                mode: PadMode::Constant,
            },
            &[y, zero],
        );
        let y = b.reshape(y, &[0, 10, 1]);
        b.check(
            &[y],
            optimise,
            "Pad { widths: [(0, 0), (2, 2), (0, 0)], mode: Constant } [s0, 10, 1]",
        );
    }

    #[test]
    fn repeated_rows_and_columns_are_a_resize() {
        let mut b = Build::default();
        let x = b.input(&[0, 3, 4, 5]);
        let tile = |axis: usize, n: i64| {
            Op::Tile(
                (0..5)
                    .map(|i| Dim::known(if i == axis { n } else { 1 }))
                    .collect(),
            )
        };
        let y = b.reshape(x, &[0, 3, 1, 4, 5]);
        let y = b.op(tile(2, 2), &[y]);
        let y = b.reshape(y, &[0, 6, 4, 1, 5]);
        let y = b.op(tile(3, 3), &[y]);
        let y = b.reshape(y, &[0, 6, 12, 5]);
        let mode = "ResizeMode { kind: Nearest, sampling: HalfPixel }";
        b.check(
            &[y],
            optimise,
            &format!("Resize {{ mode: {mode}, size: [6, 12], channels: Last }} [s0, 6, 12, 5]"),
        );
    }
}
