//! Writing by index, and sums over segments.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("ScatterNd", scatter_nd),
    op("TensorScatterAdd", |cx| tensor_scatter(cx, Binary::Add)),
    op("TensorScatterSub", |cx| tensor_scatter(cx, Binary::Sub)),
    op("TensorScatterUpdate", tensor_scatter_update),
    op("UnsortedSegmentSum", unsorted_segment_sum),
    op("UnsortedSegmentMax", |cx| {
        unsorted_segment(cx, Reduction::Max)
    }),
    op("UnsortedSegmentMin", |cx| {
        unsorted_segment(cx, Reduction::Min)
    }),
    op("UnsortedSegmentProd", |cx| {
        unsorted_segment(cx, Reduction::Product)
    }),
    op("SparseSegmentSumWithNumSegments", |cx| {
        sparse_segment(cx, Divisor::One)
    }),
    op("SparseSegmentMeanWithNumSegments", |cx| {
        sparse_segment(cx, Divisor::Count)
    }),
    op("SparseSegmentSqrtNWithNumSegments", |cx| {
        sparse_segment(cx, Divisor::RootOfCount)
    }),
    op("DenseBincount", |cx| bincount(cx, 0, 1, 2)),
    op("Bincount", |cx| bincount(cx, 0, 1, 2)),
];

fn scatter_nd(cx: &mut Cx<'_>) -> Result<Value> {
    let (indices, updates) = cx.pair()?;
    let shape = cx.dims(2)?;
    cx.push(Op::ScatterNd { shape }, &[indices, updates])
}

fn tensor_scatter(cx: &mut Cx<'_>, op: Binary) -> Result<Value> {
    let (x, indices, updates) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    with_sums(cx, op, x, indices, updates)
}

/// `x` combined with the sums of the updates at each index.
pub fn with_sums(
    cx: &mut Cx<'_>,
    op: Binary,
    x: Value,
    indices: Value,
    updates: Value,
) -> Result<Value> {
    let shape = cx.shape(x)?;
    let sums = cx.push(Op::ScatterNd { shape }, &[indices, updates])?;
    cx.combine(op, x, sums)
}

fn tensor_scatter_update(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, indices, updates) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    scattered(cx, x, indices, updates)
}

/// `x` with the updates in place of what is at their indices. TensorFlow leaves open which of two updates of one element
/// wins; here no index may occur twice.
pub fn scattered(cx: &mut Cx<'_>, x: Value, indices: Value, updates: Value) -> Result<Value> {
    let shape = cx.shape(x)?;
    let dtype = cx.dtype(x);
    let updates = if dtype == DType::Bool {
        cx.cast(updates, DType::I32)?
    } else {
        updates
    };
    let written = cx.push(
        Op::ScatterNd {
            shape: shape.clone(),
        },
        &[indices, updates],
    )?;
    let written = cx.cast(written, dtype)?;
    let at = cx.shape(updates)?;
    let one = cx.scalar(DType::I32, 1.0)?;
    let ones = cx.broadcast(one, at)?;
    let marks = cx.push(Op::ScatterNd { shape }, &[indices, ones])?;
    let zero = cx.scalar(DType::I32, 0.0)?;
    let mask = cx.test(Comparison::Greater, marks, zero)?;
    cx.select(mask, written, x)
}

/// Rows of a negative segment are left out.
fn unsorted_segment_sum(cx: &mut Cx<'_>) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = cx.dim(2)?;
    let (data_dims, rank) = (cx.shape(data)?, cx.rank(segments)?);
    if rank > data_dims.len() {
        return Err(Error::malformed(
            "the segments have more axes than the data",
        ));
    }
    let zero = cx.scalar_like(segments, 0.0)?;
    let kept = cx.test(Comparison::GreaterEqual, segments, zero)?;
    let mut mask_dims = cx.shape(segments)?;
    mask_dims.extend(vec![Dim::known(1); data_dims.len() - rank]);
    let mask = cx.reshape(kept, mask_dims)?;
    let nothing = cx.scalar_like(data, 0.0)?;
    let data = cx.select(mask, data, nothing)?;
    let segments = cx.combine(Binary::Maximum, segments, zero)?;
    let indices = cx.expand(segments, rank)?;
    let mut shape = vec![count];
    shape.extend_from_slice(&data_dims[rank..]);
    cx.push(Op::ScatterNd { shape }, &[indices, data])
}

/// What the sum of a segment is divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Divisor {
    One,
    Count,
    RootOfCount,
}

/// Operands: data, the rows to take, the segment of each, the number of segments.
fn sparse_segment(cx: &mut Cx<'_>, divisor: Divisor) -> Result<Value> {
    let (data, rows, segments) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let count = cx.dim(3)?;
    let rank = cx.rank(data)?;
    let taken = cx.push(
        Op::Gather {
            axis: 0,
            batch_dims: 0,
        },
        &[data, rows],
    )?;
    let indices = cx.expand(segments, 1)?;
    let mut shape = cx.shape(data)?;
    *shape
        .first_mut()
        .ok_or_else(|| Error::malformed("the data of segments is a scalar"))? = count.clone();
    let sums = cx.push(Op::ScatterNd { shape }, &[indices, taken])?;
    if divisor == Divisor::One {
        return Ok(sums);
    }
    let one = cx.scalar_like(data, 1.0)?;
    let given = cx.shape(segments)?;
    let ones = cx.broadcast(one, given)?;
    let counts = cx.push(
        Op::ScatterNd {
            shape: vec![count.clone()],
        },
        &[indices, ones],
    )?;
    let mut counts = cx.combine(Binary::Maximum, counts, one)?;
    if divisor == Divisor::RootOfCount {
        counts = cx.apply(Unary::Sqrt, counts)?;
    }
    let mut column = vec![count];
    column.extend(vec![Dim::known(1); rank.saturating_sub(1)]);
    let counts = cx.reshape(counts, column)?;
    cx.combine(Binary::Div, sums, counts)
}

/// Each segment reduces the rows that are its own, with every other row replaced by the neutral element.
fn unsorted_segment(cx: &mut Cx<'_>, op: Reduction) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = cx.dim(2)?;
    let (dims, rank) = (cx.shape(data)?, cx.rank(segments)?);
    let dtype = cx.dtype(segments);
    let mut row = vec![count];
    row.extend(vec![Dim::known(1); dims.len()]);
    let numbers = cx.iota(row[0].clone(), dtype)?;
    let numbers = cx.reshape(numbers, row)?;
    let mut wide = cx.shape(segments)?;
    wide.extend(vec![Dim::known(1); dims.len().saturating_sub(rank)]);
    let segments = cx.reshape(segments, wide)?;
    let own = cx.test(Comparison::Equal, segments, numbers)?;
    let neutral = neutral(op, cx.dtype(data))?;
    let neutral = cx.scalar_like(data, neutral)?;
    let rows = cx.select(own, data, neutral)?;
    cx.reduce(op, rows, (1..=rank).collect(), false)
}

/// What TensorFlow gives for an empty segment.
fn neutral(op: Reduction, dtype: DType) -> Result<f64> {
    let (low, high) = match dtype {
        DType::F64 => (f64::MIN, f64::MAX),
        DType::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        other => return Err(Error::unsupported(format!("segments of {other:?}"))),
    };
    match op {
        Reduction::Max => Ok(low),
        Reduction::Min => Ok(high),
        Reduction::Product => Ok(1.0),
        Reduction::Sum | Reduction::Mean | Reduction::All | Reduction::Any => Ok(0.0),
    }
}

/// How often each of `0..size` occurs in each row, weighted where there are weights.
fn bincount(cx: &mut Cx<'_>, values: usize, size: usize, weights: usize) -> Result<Value> {
    let (x, size, weights) = (cx.input(values)?, cx.dim(size)?, cx.input(weights)?);
    let dtype = cx.dtype(weights);
    let (on, off) = (cx.scalar(dtype, 1.0)?, cx.scalar(dtype, 0.0)?);
    let rank = cx.rank(x)?;
    let mut marks = cx.push(
        Op::OneHot {
            depth: size,
            axis: rank,
        },
        &[x, on, off],
    )?;
    let axis = rank
        .checked_sub(1)
        .ok_or_else(|| Error::malformed("a scalar cannot be counted"))?;
    if cx.attr_if_any::<bool>("binary_output")? == Some(true) {
        return cx.reduce(Reduction::Max, marks, vec![axis], false);
    }
    if !cx.shape(weights)?.iter().any(|dim| dim.is(0)) {
        let weights = cx.expand(weights, rank)?;
        marks = cx.combine(Binary::Mul, marks, weights)?;
    }
    cx.reduce(Reduction::Sum, marks, vec![axis], false)
}
