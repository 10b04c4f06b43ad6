//! Searches, whose results have extents that only the data tells.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::Dim;
use crate::ir::host::{self, Attribute, HostOp};

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
    op("DynamicStitch", |cx| cx.on_host(&host::STITCH, vec![])),
    op("ParallelDynamicStitch", |cx| {
        cx.on_host(&host::STITCH, vec![])
    }),
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
