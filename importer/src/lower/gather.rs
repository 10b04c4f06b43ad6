//! Reading by index.

use super::cx::{Cx, Lowered, normalize_axis};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    op("Gather", |cx| {
        cx.map(Op::Gather {
            axis: 0,
            batch_dims: 0,
        })
    }),
    op("GatherV2", gather),
    op("ResourceGather", resource_gather),
    op("GatherNd", |cx| cx.map(Op::GatherNd { batch_dims: 0 })),
    op("ResourceGatherNd", resource_gather_nd),
    op("OneHot", one_hot),
    multi("TopK", |cx| {
        let k = Dim::from(cx.attr::<usize>("k")?);
        let outputs = largest(cx, k)?;
        places_as(cx, outputs, DType::I32)
    }),
    multi("TopKV2", top_k),
    op("ReverseSequence", reverse_sequence),
    op("Bucketize", bucketize),
];

fn gather(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, indices) = cx.pair()?;
    let rank = cx.rank(x)?;
    let axis = cx.axis(2, rank)?;
    let batch_dims: i64 = cx.attr("batch_dims")?;
    let batch_dims = if batch_dims == 0 {
        0
    } else {
        normalize_axis(batch_dims, cx.rank(indices)? + 1)?
    };
    cx.push(Op::Gather { axis, batch_dims }, &[x, indices])
}

fn resource_gather(cx: &mut Cx<'_>) -> Result<Value> {
    let (variable, batch_dims) = (cx.variable(0)?, cx.attr("batch_dims")?);
    let (x, indices) = (cx.read(variable)?, cx.input(1)?);
    cx.push(
        Op::Gather {
            axis: batch_dims,
            batch_dims,
        },
        &[x, indices],
    )
}

fn resource_gather_nd(cx: &mut Cx<'_>) -> Result<Value> {
    let variable = cx.variable(0)?;
    let (x, indices) = (cx.read(variable)?, cx.input(1)?);
    cx.push(Op::GatherNd { batch_dims: 0 }, &[x, indices])
}

fn one_hot(cx: &mut Cx<'_>) -> Result<Value> {
    let (indices, depth) = (cx.input(0)?, cx.dim(1)?);
    let (on, off) = (cx.input(2)?, cx.input(3)?);
    let axis = normalize_axis(cx.attr("axis")?, cx.rank(indices)? + 1)?;
    cx.push(Op::OneHot { depth, axis }, &[indices, on, off])
}

fn top_k(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let k = cx.dim(1)?;
    let outputs = largest(cx, k)?;
    let dtype = cx.attr("index_type")?;
    places_as(cx, outputs, dtype)
}

fn places_as(cx: &mut Cx<'_>, outputs: Vec<Lowered>, dtype: DType) -> Result<Vec<Lowered>> {
    match outputs.as_slice() {
        &[values, Lowered::Value(places)] => {
            let places = cx.cast(places, dtype)?;
            Ok(vec![values, Lowered::Value(places)])
        }
        _ => Err(Error::internal("the largest elements without their places")),
    }
}

fn largest(cx: &mut Cx<'_>, k: Dim) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let node = cx.graph.push(Op::TopK { k }, &[x], cx.origin)?;
    Ok([0, 1]
        .map(|result| Lowered::Value(Value { node, result }))
        .to_vec())
}

/// The first `lengths[b]` elements of each row in reverse, the others as they are.
fn reverse_sequence(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, lengths) = cx.pair()?;
    let dims = cx.shape(x)?;
    let sequence = normalize_axis(cx.attr("seq_dim")?, dims.len())?;
    let batch = normalize_axis(cx.attr("batch_dim")?, dims.len())?;
    if sequence == batch {
        return Err(Error::malformed("the batch and the sequence are one axis"));
    }
    let mut permutation: Vec<usize> = (0..dims.len())
        .filter(|&axis| axis != batch && axis != sequence)
        .collect();
    permutation.splice(0..0, [batch, sequence]);
    let rows = cx.transpose(x, permutation.clone())?;
    let dtype = cx.dtype(lengths);
    let lengths = cx.expand(lengths, 1)?;
    let at = cx.iota(dims[sequence].clone(), dtype)?;
    let inside = cx.test(Comparison::Less, at, lengths)?;
    let last = cx.combine_scalar(Binary::Sub, lengths, 1.0)?;
    let mirrored = cx.combine(Binary::Sub, last, at)?;
    let indices = cx.select(inside, mirrored, at)?;
    let reversed = cx.push(
        Op::Gather {
            axis: 1,
            batch_dims: 1,
        },
        &[rows, indices],
    )?;
    cx.transpose(reversed, inverse(&permutation))
}

/// The permutation that undoes `permutation`.
pub fn inverse(permutation: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; permutation.len()];
    for (i, &axis) in permutation.iter().enumerate() {
        inverse[axis] = i;
    }
    inverse
}

/// How many boundaries each element has reached.
fn bucketize(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let boundaries: Vec<f64> = cx.attr("boundaries")?;
    let rank = cx.rank(x)?;
    let x = cx.cast(x, DType::F32)?;
    let boundaries = crate::eval::Tensor::from_floats(DType::F32, &[boundaries.len()], boundaries)?;
    let boundaries = cx.graph.constant(boundaries, cx.origin);
    let mut dims = cx.shape(x)?;
    dims.push(Dim::known(1));
    let x = cx.reshape(x, dims)?;
    let reached = cx.test(Comparison::GreaterEqual, x, boundaries)?;
    let reached = cx.cast(reached, DType::I32)?;
    cx.reduce(crate::ir::Reduction::Sum, reached, vec![rank], false)
}
