//! Shapes as data, and ops that only change the shape.

use super::cx::{Cx, Lowered, normalize_axis};
use super::emit::product;
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Dim, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("Shape", |cx| shape_of(cx, 0)),
    multi("ShapeN", shape_n),
    op("Size", size),
    op("Rank", rank),
    op("Reshape", reshape),
    op("ExpandDims", expand_dims),
    op("Squeeze", squeeze),
    op("Transpose", transpose),
    op("ConjugateTranspose", transpose),
    op("InvertPermutation", invert_permutation),
    op("BroadcastArgs", broadcast_args),
    multi("BroadcastGradientArgs", broadcast_gradient_args),
];

fn shape_of(cx: &mut Cx<'_>, i: usize) -> Result<Value> {
    let x = cx.input(i)?;
    let (dims, dtype) = (cx.shape(x)?, cx.attr("out_type")?);
    cx.extents(dims, false, dtype)
}

fn shape_n(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    (0..cx.arity())
        .map(|i| shape_of(cx, i).map(Lowered::Value))
        .collect()
}

fn size(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let (count, dtype) = (product(&cx.shape(x)?), cx.attr("out_type")?);
    cx.extents(vec![count], true, dtype)
}

fn rank(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = Dim::from(cx.rank(x)?);
    cx.extents(vec![rank], true, DType::I32)
}

/// One extent may be -1, or may depend on data: it follows from the number of elements.
fn reshape(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let wanted = cx.partial_dims(1)?;
    let wanted = match wanted.iter().filter(|dim| dim.is_none()).count() {
        0 => wanted,
        1 if !wanted.iter().flatten().any(|dim| dim.is(-1)) => wanted,
        _ => read_shape(cx, x)?.into_iter().map(Some).collect(),
    };
    let open = |dim: &Option<Dim>| dim.as_ref().is_none_or(|dim| dim.is(-1));
    let given = wanted.iter().filter(|dim| !open(dim)).flatten();
    let dims = match wanted.iter().filter(|dim| open(dim)).count() {
        0 => given.cloned().collect(),
        1 => {
            let (total, rest) = (product(&cx.shape(x)?), product(given));
            let solved = total
                .div_floor(&rest)
                .ok_or_else(|| Error::malformed("a reshape to no elements"))?;
            wanted
                .iter()
                .map(|dim| {
                    dim.clone()
                        .filter(|dim| !dim.is(-1))
                        .unwrap_or_else(|| solved.clone())
                })
                .collect()
        }
        _ => return Err(Error::malformed("a reshape to several extents of -1")),
    };
    cx.reshape(x, dims)
}

/// The shape in operand 1, which only the data tells; a -1 in it follows from the number of elements.
fn read_shape(cx: &mut Cx<'_>, x: Value) -> Result<Vec<Dim>> {
    let shape = cx.input(1)?;
    let dtype = cx.dtype(shape);
    let total = product(&cx.shape(x)?);
    let total = cx.extents(vec![total], false, dtype)?;
    let given = cx.reduce(Reduction::Product, shape, vec![0], true)?;
    let given = cx.apply(Unary::Abs, given)?;
    let given = cx.combine_scalar(Binary::Maximum, given, 1.0)?;
    let rest = cx.combine(Binary::FloorDiv, total, given)?;
    let shape = cx.unless_negative(shape, rest)?;
    cx.read_extents(shape)
}

fn expand_dims(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)? + 1;
    match cx.known_axis(1, rank)? {
        Some(axis) => cx.expand(x, axis),
        None => super::data_axis::expand(cx, x),
    }
}

fn squeeze(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let named: Vec<i64> = cx.attr("squeeze_dims")?;
    let axes = named
        .iter()
        .map(|&axis| normalize_axis(axis, dims.len()))
        .collect::<Result<Vec<_>>>()?;
    for &axis in &axes {
        if dims[axis].as_known().is_some_and(|extent| extent != 1) {
            return Err(Error::malformed(format!(
                "axis {axis} has extent {} and cannot be squeezed",
                dims[axis]
            )));
        }
    }
    let goes = |axis: usize| {
        if axes.is_empty() {
            dims[axis].is(1)
        } else {
            axes.contains(&axis)
        }
    };
    let kept = (0..dims.len())
        .filter(|&axis| !goes(axis))
        .map(|axis| dims[axis].clone())
        .collect();
    cx.reshape(x, kept)
}

fn transpose(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let permutation = cx
        .integers(1)?
        .iter()
        .map(|&axis| normalize_axis(axis, rank))
        .collect::<Result<Vec<_>>>()?;
    if permutation.len() != rank {
        return Err(Error::malformed(format!(
            "a permutation of {} axes for {rank}",
            permutation.len()
        )));
    }
    cx.transpose(x, permutation)
}

fn invert_permutation(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    if cx.graph.as_constant(x).is_none() && cx.graph.content(x).is_none() {
        let count = cx.shape(x)?.first().cloned();
        let count = count.ok_or_else(|| Error::malformed("a scalar is no permutation"))?;
        let places = cx.iota(count.clone(), cx.dtype(x))?;
        let indices = cx.expand(x, 1)?;
        return cx.push(Op::ScatterNd { shape: vec![count] }, &[indices, places]);
    }
    let permutation = cx.integers(0)?;
    let mut inverse = vec![0; permutation.len()];
    for (i, &axis) in permutation.iter().enumerate() {
        inverse[normalize_axis(axis, permutation.len())?] = i as i64;
    }
    cx.integer_constant(cx.dtype(x), &inverse, false)
}

/// The two shapes, aligned at their ends.
fn aligned(cx: &mut Cx<'_>) -> Result<Vec<(Dim, Dim)>> {
    let (a, b) = (cx.dims(0)?, cx.dims(1)?);
    let rank = a.len().max(b.len());
    let pad = |dims: Vec<Dim>| {
        let mut padded = vec![Dim::known(1); rank - dims.len()];
        padded.extend(dims);
        padded
    };
    Ok(pad(a).into_iter().zip(pad(b)).collect())
}

fn broadcast_args(cx: &mut Cx<'_>) -> Result<Value> {
    let pairs = aligned(cx)?;
    let dims = pairs
        .into_iter()
        .map(|(a, b)| if a.is(1) { b } else { a })
        .collect();
    let first = cx.input(0)?;
    cx.extents(dims, false, cx.dtype(first))
}

/// Which axes of a result's gradient are summed to give each operand's.
fn broadcast_gradient_args(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let pairs = aligned(cx)?;
    let first = cx.input(0)?;
    let dtype = cx.dtype(first);
    let spread = |own: fn(&(Dim, Dim)) -> &Dim| -> Vec<i64> {
        let axes = pairs.iter().enumerate().filter(|(_, pair)| own(pair).is(1));
        axes.map(|(axis, _)| axis as i64).collect()
    };
    let (a, b) = (spread(|pair| &pair.0), spread(|pair| &pair.1));
    let a = cx.integer_constant(dtype, &a, false)?;
    let b = cx.integer_constant(dtype, &b, false)?;
    Ok(vec![Lowered::Value(a), Lowered::Value(b)])
}
