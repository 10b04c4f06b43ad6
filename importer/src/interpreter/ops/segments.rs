//! Sums and other reductions over rows that belong together.

use super::super::cx::{Cx, count};
use super::numbers::{Join, Numbers, index};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    one("SegmentSum", |cx| segments(cx, How::Sum, false)),
    one("SegmentSumV2", |cx| segments(cx, How::Sum, false)),
    one("SegmentMean", |cx| segments(cx, How::Mean, false)),
    one("SegmentProd", |cx| segments(cx, How::Product, false)),
    one("SegmentProdV2", |cx| segments(cx, How::Product, false)),
    one("SegmentMax", |cx| segments(cx, How::Max, false)),
    one("SegmentMaxV2", |cx| segments(cx, How::Max, false)),
    one("SegmentMin", |cx| segments(cx, How::Min, false)),
    one("SegmentMinV2", |cx| segments(cx, How::Min, false)),
    one("SparseSegmentSum", |cx| segments(cx, How::Sum, true)),
    one("SparseSegmentMean", |cx| segments(cx, How::Mean, true)),
    one("SparseSegmentSqrtN", |cx| segments(cx, How::RootMean, true)),
];

#[derive(Clone, Copy, PartialEq)]
enum How {
    Sum,
    Mean,
    /// The sum over the root of the count.
    RootMean,
    Product,
    Max,
    Min,
}

/// Operands: data, then for a sparse op the rows to take, then the sorted numbers of the segments. The V2 ops also have
/// the count of segments.
fn segments(cx: &mut Cx<'_>, how: How, is_sparse: bool) -> Result<Tensor> {
    let data = cx.tensor(0)?;
    let (rows, row) = data
        .shape()
        .split_first()
        .map(|(&rows, row)| (rows, row.to_vec()))
        .ok_or_else(|| Error::usage("a scalar has no segments"))?;
    let numbers = cx.integers(if is_sparse { 2 } else { 1 })?;
    let taken: Vec<i64> = match is_sparse {
        true => cx.integers(1)?,
        false => (0..rows as i64).collect(),
    };
    if taken.len() != numbers.len() || numbers.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(Error::usage(
            "segment ids should be sorted, one for each row",
        ));
    }
    let segments = match cx.def().op.ends_with("V2") {
        true => cx.extents(2)?.first().copied().unwrap_or(0),
        false => numbers.last().map_or(0, |&last| last.max(-1) + 1) as usize,
    };
    let shape: Vec<usize> = [segments].iter().chain(&row).copied().collect();
    let size = count(&row)?;
    let mut places = vec![];
    for (&from, &to) in taken.iter().zip(&numbers) {
        let (from, to) = (index(from, rows)? * size, index(to, segments)? * size);
        places.extend((0..size).map(|i| (to + i, from + i)));
    }
    let values = Numbers::of(&data)?;
    let total = reduced(&values, how, count(&shape)?, &places)?;
    total.tensor(data.dtype(), &shape)
}

/// Segments without rows are 0.
fn reduced(values: &Numbers, how: How, count: usize, places: &[(usize, usize)]) -> Result<Numbers> {
    let (join, start) = match how {
        How::Sum | How::Mean | How::RootMean => (Join::Add, (0.0, 0)),
        How::Product => (Join::Mul, (1.0, 1)),
        How::Max => (Join::Max, (f64::NEG_INFINITY, i64::MIN)),
        How::Min => (Join::Min, (f64::INFINITY, i64::MAX)),
    };
    let mut total = values.filled(count, start.0, start.1);
    total.join(join, values, places.iter().copied())?;
    let mut members = vec![0usize; count];
    places.iter().for_each(|&(to, _)| members[to] += 1);
    let empty_is_zero = matches!(how, How::Max | How::Min);
    match &mut total {
        Numbers::Floats(total) => {
            for (total, &members) in total.iter_mut().zip(&members) {
                match (how, members) {
                    (_, 0) if empty_is_zero => *total = 0.0,
                    (How::Mean, members) => *total /= members.max(1) as f64,
                    (How::RootMean, members) => *total /= (members.max(1) as f64).sqrt(),
                    (How::Sum | How::Product | How::Max | How::Min, _) => {}
                }
            }
        }
        Numbers::Integers(total) => {
            for (total, &members) in total.iter_mut().zip(&members) {
                match (how, members) {
                    (_, 0) if empty_is_zero => *total = 0,
                    (How::Mean | How::RootMean, members) => *total /= members.max(1) as i64,
                    (How::Sum | How::Product | How::Max | How::Min, _) => {}
                }
            }
        }
    }
    Ok(total)
}
