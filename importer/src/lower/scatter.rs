//! Writing by index, and sums over segments.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Join, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("ScatterNd", scatter_nd),
    op("TensorScatterAdd", |cx| tensor_scatter(cx, Binary::Add)),
    op("TensorScatterSub", |cx| tensor_scatter(cx, Binary::Sub)),
    op("TensorScatterUpdate", |cx| cx.map_scatter(Join::Update)),
    op("TensorScatterMax", |cx| cx.map_scatter(Join::Max)),
    op("TensorScatterMin", |cx| cx.map_scatter(Join::Min)),
    op("SegmentSum", |cx| segment(cx, Segments::Sum)),
    op("SegmentMean", |cx| segment(cx, Segments::Mean)),
    op("SegmentProd", |cx| segment(cx, Segments::Product)),
    op("SegmentMax", |cx| segment(cx, Segments::Max)),
    op("SegmentMin", |cx| segment(cx, Segments::Min)),
    op("SegmentSumV2", unsorted_segment_sum),
    op("SegmentProdV2", unsorted_segment_product),
    op("SegmentMaxV2", |cx| unsorted_extreme(cx, Join::Max)),
    op("SegmentMinV2", |cx| unsorted_extreme(cx, Join::Min)),
    op("UnsortedSegmentSum", unsorted_segment_sum),
    op("UnsortedSegmentMax", |cx| unsorted_extreme(cx, Join::Max)),
    op("UnsortedSegmentMin", |cx| unsorted_extreme(cx, Join::Min)),
    op("UnsortedSegmentProd", unsorted_segment_product),
    op("SparseSegmentSum", |cx| sparse_segment(cx, Divisor::One)),
    op("SparseSegmentMean", |cx| sparse_segment(cx, Divisor::Count)),
    op("SparseSegmentSqrtN", |cx| {
        sparse_segment(cx, Divisor::RootOfCount)
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

impl Cx<'_> {
    /// The first operand with updates at indices: operands 1 and 2 are the indices and the updates.
    fn map_scatter(&mut self, join: Join) -> Result<Value> {
        let (x, indices, updates) = (self.input(0)?, self.input(1)?, self.input(2)?);
        self.scatter(join, x, indices, updates)
    }

    /// `x` with the updates joined to what is at their indices, in order.
    pub fn scatter(
        &mut self,
        join: Join,
        x: Value,
        indices: Value,
        updates: Value,
    ) -> Result<Value> {
        self.push(Op::Scatter { join }, &[x, indices, updates])
    }
}

fn unsorted_segment_sum(cx: &mut Cx<'_>) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = cx.dim(2)?;
    sum_of_segments(cx, data, segments, count)
}

fn sum_of_segments(cx: &mut Cx<'_>, data: Value, segments: Value, count: Dim) -> Result<Value> {
    let zero = cx.scalar_like(data, 0.0)?;
    let rows = OwnRows::of(cx, data, segments, zero)?;
    let shape = rows.result(count);
    cx.push(Op::ScatterNd { shape }, &[rows.indices, rows.data])
}

/// Rows with the indices of their segments. Rows of a negative segment, which are nobody's, are replaced by what changes
/// no segment.
struct OwnRows {
    data: Value,
    indices: Value,
    /// The extents of one row.
    row: Vec<Dim>,
}

impl OwnRows {
    fn of(cx: &mut Cx<'_>, data: Value, segments: Value, neutral: Value) -> Result<Self> {
        let (dims, rank) = (cx.shape(data)?, cx.rank(segments)?);
        let row = dims
            .get(rank..)
            .ok_or_else(|| Error::malformed("the segments have more axes than the data"))?
            .to_vec();
        let are_known = cx
            .graph
            .as_constant(segments)
            .and_then(|ids| ids.as_integers());
        if are_known.is_some_and(|ids| ids.iter().all(|&id| id >= 0)) {
            let indices = cx.expand(segments, rank)?;
            return Ok(OwnRows { data, indices, row });
        }
        let zero = cx.scalar_like(segments, 0.0)?;
        let kept = cx.test(Comparison::GreaterEqual, segments, zero)?;
        let mut mask = cx.shape(segments)?;
        mask.extend(vec![Dim::known(1); row.len()]);
        let mask = cx.reshape(kept, mask)?;
        let data = cx.select(mask, data, neutral)?;
        let segments = cx.combine(Binary::Maximum, segments, zero)?;
        let indices = cx.expand(segments, rank)?;
        Ok(OwnRows { data, indices, row })
    }

    /// The extents of so many segments.
    fn result(&self, count: Dim) -> Vec<Dim> {
        std::iter::once(count)
            .chain(self.row.iter().cloned())
            .collect()
    }
}

/// What the sum of a segment is divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Divisor {
    One,
    Count,
    RootOfCount,
}

/// Operands: data, the rows to take, the segment of each, and perhaps the number of segments.
fn sparse_segment(cx: &mut Cx<'_>, divisor: Divisor) -> Result<Value> {
    let (data, rows, segments) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let count = match cx.arity() {
        3 => segment_count(cx, segments)?,
        _ => cx.dim(3)?,
    };
    let taken = cx.push(
        Op::Gather {
            axis: 0,
            batch_dims: 0,
        },
        &[data, rows],
    )?;
    let sums = sum_of_segments(cx, taken, segments, count.clone())?;
    divided(cx, divisor, sums, segments, count)
}

/// The sums of segments divided by what their numbers of rows say; a segment without rows stays zero.
fn divided(
    cx: &mut Cx<'_>,
    divisor: Divisor,
    sums: Value,
    segments: Value,
    count: Dim,
) -> Result<Value> {
    if divisor == Divisor::One {
        return Ok(sums);
    }
    let counts = rows_of_segments(cx, segments, count, cx.dtype(sums))?;
    let one = cx.scalar_like(sums, 1.0)?;
    let mut counts = cx.combine(Binary::Maximum, counts, one)?;
    if divisor == Divisor::RootOfCount {
        counts = cx.apply(Unary::Sqrt, counts)?;
    }
    let counts = column(cx, counts, cx.rank(sums)?)?;
    cx.combine(Binary::Div, sums, counts)
}

/// How the rows of a segment are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segments {
    Sum,
    Mean,
    Product,
    Max,
    Min,
}

/// Sorted segments, as many as the last one says. One without rows gives 1 as a product, else 0.
fn segment(cx: &mut Cx<'_>, kind: Segments) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = segment_count(cx, segments)?;
    match kind {
        Segments::Sum => sum_of_segments(cx, data, segments, count),
        Segments::Product => product_of_segments(cx, data, segments, count),
        Segments::Mean => {
            let sums = sum_of_segments(cx, data, segments, count.clone())?;
            divided(cx, Divisor::Count, sums, segments, count)
        }
        Segments::Max => extreme_or_zero(cx, Join::Max, data, segments, count),
        Segments::Min => extreme_or_zero(cx, Join::Min, data, segments, count),
    }
}

/// One more than the largest segment.
fn segment_count(cx: &mut Cx<'_>, segments: Value) -> Result<Dim> {
    let known = cx
        .graph
        .as_constant(segments)
        .and_then(|ids| ids.as_integers());
    if let Some(ids) = known {
        let count = ids.into_iter().max().unwrap_or(-1).saturating_add(1);
        return Ok(Dim::known(count.max(0)));
    }
    let none = cx.integer_constant(cx.dtype(segments), &[-1], false)?;
    let ids = cx.concat(&[none, segments], 0)?;
    let last = cx.reduce(Reduction::Max, ids, vec![0], false)?;
    let count = cx.combine_scalar(Binary::Add, last, 1.0)?;
    cx.read_extent(count)
}

/// The extreme of each segment, and zero for one without rows.
fn extreme_or_zero(
    cx: &mut Cx<'_>,
    join: Join,
    data: Value,
    segments: Value,
    count: Dim,
) -> Result<Value> {
    let extremes = extreme_of_segments(cx, join, data, segments, count.clone())?;
    let counts = rows_of_segments(cx, segments, count, DType::I32)?;
    let counts = column(cx, counts, cx.rank(data)?)?;
    let zero = cx.scalar(DType::I32, 0.0)?;
    let has_rows = cx.test(Comparison::Greater, counts, zero)?;
    let nothing = cx.scalar_like(data, 0.0)?;
    cx.select(has_rows, extremes, nothing)
}

/// How many rows each segment has.
fn rows_of_segments(cx: &mut Cx<'_>, segments: Value, count: Dim, dtype: DType) -> Result<Value> {
    let one = cx.scalar(dtype, 1.0)?;
    let given = cx.shape(segments)?;
    let ones = cx.broadcast(one, given)?;
    sum_of_segments(cx, ones, segments, count)
}

/// A list as a column of a tensor of `rank` axes.
fn column(cx: &mut Cx<'_>, list: Value, rank: usize) -> Result<Value> {
    let mut dims = cx.shape(list)?;
    dims.extend(vec![Dim::known(1); rank.saturating_sub(1)]);
    cx.reshape(list, dims)
}

fn unsorted_extreme(cx: &mut Cx<'_>, join: Join) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = cx.dim(2)?;
    extreme_of_segments(cx, join, data, segments, count)
}

/// The extreme of each segment; for one without rows, the number that every other exceeds.
fn extreme_of_segments(
    cx: &mut Cx<'_>,
    join: Join,
    data: Value,
    segments: Value,
    count: Dim,
) -> Result<Value> {
    let neutral = neutral(cx, join, cx.dtype(data))?;
    let rows = OwnRows::of(cx, data, segments, neutral)?;
    let shape = rows.result(count);
    let neutrals = cx.broadcast(neutral, shape)?;
    cx.scatter(join, neutrals, rows.indices, rows.data)
}

fn unsorted_segment_product(cx: &mut Cx<'_>) -> Result<Value> {
    let (data, segments) = cx.pair()?;
    let count = cx.dim(2)?;
    product_of_segments(cx, data, segments, count)
}

/// Each segment multiplies the rows that are its own, with every other row replaced by one.
fn product_of_segments(cx: &mut Cx<'_>, data: Value, segments: Value, count: Dim) -> Result<Value> {
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
    let one = cx.scalar_like(data, 1.0)?;
    let rows = cx.select(own, data, one)?;
    cx.reduce(Reduction::Product, rows, (1..=rank).collect(), false)
}

/// What TensorFlow gives for an empty segment.
fn neutral(cx: &mut Cx<'_>, join: Join, dtype: DType) -> Result<Value> {
    let highest = match dtype {
        DType::F64 => f64::MAX,
        DType::F32 => f64::from(f32::MAX),
        DType::F16 => f64::from(half::f16::MAX),
        DType::BF16 => f64::from(half::bf16::MAX),
        integer => {
            let (low, high) = integer_limits(integer)?;
            let limit = if join == Join::Max { low } else { high };
            return cx.integer_constant(integer, &[limit], true);
        }
    };
    cx.scalar(dtype, if join == Join::Max { -highest } else { highest })
}

fn integer_limits(dtype: DType) -> Result<(i64, i64)> {
    Ok(match dtype {
        DType::I8 => (i8::MIN.into(), i8::MAX.into()),
        DType::I16 => (i16::MIN.into(), i16::MAX.into()),
        DType::I32 => (i32::MIN.into(), i32::MAX.into()),
        DType::I64 => (i64::MIN, i64::MAX),
        DType::U8 => (0, u8::MAX.into()),
        DType::U16 => (0, u16::MAX.into()),
        DType::U32 => (0, u32::MAX.into()),
        other => return Err(Error::unsupported(format!("segments of {other:?}"))),
    })
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
