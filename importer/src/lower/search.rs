//! Searches, whose results have extents that only the data tells.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute, HostOp};
use crate::ir::{Dim, Value};
use std::collections::BTreeMap;

pub const OPS: &[Lowering] = &[
    op("Where", |cx| cx.on_host(&host::NON_ZERO, vec![])),
    multi("Unique", |cx| unique(cx, &host::UNIQUE)),
    multi("UniqueV2", |cx| unique(cx, &host::UNIQUE)),
    multi("UniqueWithCounts", |cx| {
        unique(cx, &host::UNIQUE_WITH_COUNTS)
    }),
    multi("UniqueWithCountsV2", |cx| {
        unique(cx, &host::UNIQUE_WITH_COUNTS)
    }),
    multi("ListDiff", list_difference),
    multi("DynamicPartition", partition),
    op("LowerBound", |cx| {
        let places = cx.element("out_type")?;
        cx.on_host(&host::LOWER_BOUND, vec![places])
    }),
    op("UpperBound", |cx| {
        let places = cx.element("out_type")?;
        cx.on_host(&host::UPPER_BOUND, vec![places])
    }),
    op("DynamicStitch", stitch),
    op("ParallelDynamicStitch", stitch),
];

fn unique(cx: &mut Cx<'_>, op: &'static HostOp) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let axis = match cx.arity() {
        1 => None,
        _ => cx.integers(1)?.first().copied(),
    };
    let rank = cx.rank(x)?;
    if rank == 0 || axis.is_some_and(|axis| axis != 0) || (axis.is_none() && rank > 1) {
        return Err(Error::unsupported(
            "distinct slices along an axis that is not the first",
        ));
    }
    let indices = cx.element("out_idx")?;
    cx.host_values(op, vec![indices], &[x])
}

fn list_difference(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (indices, inputs) = (cx.element("out_idx")?, cx.all_inputs()?);
    cx.host_values(&host::LIST_DIFFERENCE, vec![indices], &inputs)
}

fn partition(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let parts: usize = cx.attr("num_partitions")?;
    if parts > PARTS_LIMIT {
        return Err(Error::unsupported(format!(
            "a partition into {parts} parts"
        )));
    }
    let inputs = cx.all_inputs()?;
    let parts = Attribute::Extent(Dim::from(parts));
    cx.host_values(&host::PARTITION, vec![parts], &inputs)
}

/// A partition has at most as many parts.
const PARTS_LIMIT: usize = 1 << 12;

/// More rows than this are no shape.
const STITCH_LIMIT: usize = 64;

/// Operands: as many lists of places as tensors, whose rows go there. A few rows with known places are joined, so that the
/// shape which a gradient of a reduction stitches is known.
fn stitch(cx: &mut Cx<'_>) -> Result<Value> {
    match joined_rows(cx)? {
        Some(rows) => cx.concat(&rows, 0),
        None => cx.on_host(&host::STITCH, vec![]),
    }
}

/// The rows in their order, where all places are known and taken; of two rows for a place the later one.
fn joined_rows(cx: &mut Cx<'_>) -> Result<Option<Vec<Value>>> {
    let lists = cx.arity() / 2;
    let mut places = BTreeMap::new();
    for list in 0..lists {
        let Ok(known) = cx.partial_dims(list) else {
            return Ok(None);
        };
        let known: Option<Vec<i64>> = known.iter().map(|dim| dim.as_ref()?.as_known()).collect();
        let Some(known) = known.filter(|known| known.len() <= STITCH_LIMIT) else {
            return Ok(None);
        };
        for (row, place) in known.into_iter().enumerate() {
            places.insert(place, (list, row));
        }
    }
    if places.is_empty()
        || places
            .keys()
            .zip(0..)
            .any(|(&place, wanted)| place != wanted)
    {
        return Ok(None);
    }
    let mut rows = vec![];
    for (list, row) in places.into_values() {
        let (numbers, data) = (cx.input(list)?, cx.input(lists + list)?);
        let mut dims = cx.shape(data)?;
        let count = super::emit::product(&cx.shape(numbers)?);
        let inner = cx.rank(numbers)?.min(dims.len());
        dims.splice(..inner, [count]);
        let data = cx.reshape(data, dims)?;
        rows.push(cx.narrow(data, 0, Dim::from(row), Dim::known(1))?);
    }
    Ok(Some(rows))
}
