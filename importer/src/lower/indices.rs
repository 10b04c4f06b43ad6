//! Ops that compute with indices, ranks and layouts.

use super::cx::{Cx, Lowered, normalize_axis};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("UnravelIndex", unravel_index),
    op("HistogramFixedWidth", histogram),
    op("InTopK", in_top_k),
    op("InTopKV2", in_top_k),
    op("NthElement", nth_element),
    op("Reverse", reverse),
    op("DataFormatDimMap", dim_map),
    op("DataFormatVecPermute", vec_permute),
    multi("ConcatOffset", concat_offset),
];

/// Where each operand begins in their concatenation along an axis. Operands: the axis, then the shapes.
fn concat_offset(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (axis, mut offset) = (cx.integer(0)?, Dim::known(0));
    let mut outputs = vec![];
    for i in 1..cx.arity() {
        let (shape, mut start) = (cx.input(i)?, vec![]);
        let dims = cx.dims(i)?;
        let at = normalize_axis(axis, dims.len())?;
        start.resize(dims.len(), Dim::known(0));
        start[at] = offset.clone();
        offset = offset + dims[at].clone();
        let dtype = cx.dtype(shape);
        outputs.push(Lowered::Value(cx.extents(start, false, dtype)?));
    }
    Ok(outputs)
}

/// `(index / stride) % extent` for each axis.
fn unravel_index(cx: &mut Cx<'_>) -> Result<Value> {
    let (indices, dims) = cx.pair()?;
    let strides = cx.push(
        Op::Cumulative {
            op: Reduction::Product,
            axis: 0,
            exclusive: true,
            reverse: true,
        },
        &[dims],
    )?;
    let column = |cx: &mut Cx<'_>, list: Value| match cx.rank(indices)? {
        0 => Ok(list),
        _ => cx.expand(list, 1),
    };
    let (strides, dims) = (column(cx, strides)?, column(cx, dims)?);
    let rows = cx.combine(Binary::FloorDiv, indices, strides)?;
    cx.combine(Binary::FloorMod, rows, dims)
}

/// How many numbers are in each of equal bins; those outside of the range are in the first and the last.
fn histogram(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, range) = cx.pair()?;
    let (count, dtype) = (cx.dim(2)?, cx.attr("dtype")?);
    let mut edge = |i: i64| cx.narrow(range, 0, Dim::known(i), Dim::known(1));
    let (low, high) = (edge(0)?, edge(1)?);
    let bins = cx.extents(vec![count.clone()], false, DType::I32)?;
    let bins = cx.cast(bins, cx.dtype(x))?;
    let width = cx.combine(Binary::Sub, high, low)?;
    let step = cx.combine(Binary::Div, width, bins)?;
    let size = super::emit::product(&cx.shape(x)?);
    let flat = cx.reshape(x, vec![size.clone()])?;
    let raised = cx.combine(Binary::Maximum, flat, low)?;
    let shifted = cx.combine(Binary::Sub, raised, low)?;
    let bin = cx.combine(Binary::Div, shifted, step)?;
    let last = cx.combine_scalar(Binary::Sub, bins, 1.0)?;
    let bin = cx.combine(Binary::Minimum, bin, last)?;
    let bin = cx.cast(bin, DType::I32)?;
    let bin = cx.expand(bin, 1)?;
    let one = cx.scalar(dtype, 1.0)?;
    let ones = cx.broadcast(one, vec![size])?;
    cx.push(Op::ScatterNd { shape: vec![count] }, &[bin, ones])
}

/// Whether fewer than `k` predictions are above that of the target; not where one is no number.
fn in_top_k(cx: &mut Cx<'_>) -> Result<Value> {
    let (predictions, targets) = cx.pair()?;
    let classes = cx.shape(predictions)?.pop();
    let classes = classes.ok_or_else(|| Error::malformed("a scalar has no classes"))?;
    let (on, off) = (cx.scalar(DType::Bool, 1.0)?, cx.scalar(DType::Bool, 0.0)?);
    let hot = Op::OneHot {
        depth: classes,
        axis: 1,
    };
    let hot = cx.push(hot, &[targets, on, off])?;
    let zero = cx.scalar_like(predictions, 0.0)?;
    let own = cx.select(hot, predictions, zero)?;
    let own = cx.reduce(Reduction::Sum, own, vec![1], true)?;
    let above = cx.test(Comparison::Greater, predictions, own)?;
    let above = cx.cast(above, DType::I32)?;
    let above = cx.reduce(Reduction::Sum, above, vec![1], false)?;
    let k = match cx.arity() {
        2 => {
            let k = cx.attr("k")?;
            cx.integer_constant(DType::I32, &[k], true)?
        }
        _ => {
            let k = cx.input(2)?;
            cx.cast(k, DType::I32)?
        }
    };
    let is_high = cx.test(Comparison::Less, above, k)?;
    let finite = cx.apply(Unary::IsFinite, predictions)?;
    let finite = cx.reduce(Reduction::All, finite, vec![1], false)?;
    let exists = cx.reduce(Reduction::Any, hot, vec![1], false)?;
    let valid = cx.combine(Binary::LogicalAnd, finite, exists)?;
    cx.combine(Binary::LogicalAnd, is_high, valid)
}

/// The element that sorting the last axis would bring to place `n`.
fn nth_element(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, n) = (cx.input(0)?, cx.dim(1)?);
    let reverse: bool = cx.attr("reverse")?;
    let axis = cx.rank(x)?.saturating_sub(1);
    let turned = |cx: &mut Cx<'_>, x: Value| match reverse {
        true => Ok(x),
        false => cx.apply(Unary::Neg, x),
    };
    let x = turned(cx, x)?;
    let k = n.clone() + Dim::known(1);
    let largest = cx.push_first(Op::TopK { k }, x)?;
    let nth = cx.narrow(largest, axis, n, Dim::known(1))?;
    let nth = turned(cx, nth)?;
    let mut dims = cx.shape(nth)?;
    dims.pop();
    cx.reshape(nth, dims)
}

impl Cx<'_> {
    /// The first result of an op of several.
    fn push_first(&mut self, op: Op, x: Value) -> Result<Value> {
        let node = self.graph.push(op, &[x], self.origin)?;
        Ok(Value { node, result: 0 })
    }
}

/// Operand 1 has a flag for each axis.
fn reverse(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let flags = cx.constant_input(1)?;
    let flags = flags.to_floats()?;
    let axes: Vec<usize> = (0..flags.len())
        .filter(|&axis| flags[axis] != 0.0)
        .collect();
    match axes.is_empty() {
        true => Ok(x),
        false => cx.push(Op::Reverse { axes }, &[x]),
    }
}

/// For each letter of one layout its place in the other.
fn places(cx: &Cx<'_>, of: &str, within: &str) -> Result<Vec<i64>> {
    let (of, within): (String, String) = (cx.attr(of)?, cx.attr(within)?);
    let place = |letter: char| {
        let place = within.chars().position(|other| other == letter);
        place.map(|place| place as i64)
    };
    let places: Option<Vec<i64>> = of.chars().map(place).collect();
    places.ok_or_else(|| Error::malformed(format!("the layouts `{of}` and `{within}` differ")))
}

fn dim_map(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let places = places(cx, "src_format", "dst_format")?;
    let map = cx.integer_constant(cx.dtype(x), &places, false)?;
    let from_front = cx.combine_scalar(Binary::FloorMod, x, places.len() as f64)?;
    cx.taken(map, from_front)
}

/// Lists of two leave out batch and channels.
fn vec_permute(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let mut places = places(cx, "dst_format", "src_format")?;
    let count = cx.shape(x)?.first().and_then(Dim::as_usize);
    if count.is_some_and(|count| count + 2 == places.len()) {
        let destination: String = cx.attr("dst_format")?;
        let spatial = destination.chars().zip(&places);
        let mut kept: Vec<i64> = spatial
            .filter(|(letter, _)| !matches!(letter, 'N' | 'C'))
            .map(|(_, &place)| place)
            .collect();
        let mut sorted = kept.clone();
        sorted.sort_unstable();
        kept.iter_mut().for_each(|place| {
            *place = sorted.iter().position(|other| other == place).unwrap_or(0) as i64;
        });
        places = kept;
    }
    let places = cx.integer_constant(DType::I32, &places, false)?;
    cx.taken(x, places)
}

impl Cx<'_> {
    /// The rows of `x` at `indices`.
    fn taken(&mut self, x: Value, indices: Value) -> Result<Value> {
        let gather = Op::Gather {
            axis: 0,
            batch_dims: 0,
        };
        self.push(gather, &[x, indices])
    }
}
