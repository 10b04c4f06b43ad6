//! Ops with kernels of their own: what has state, what the IR has no words for, what is only a matter of data.
//!
//! To add one, write a row into its family's `OPS`.

mod arrange;
mod audio;
mod bits;
mod cells;
mod counts;
mod datasets;
mod example;
mod feeds;
mod files;
mod image;
pub(super) mod iterators;
mod list_wholes;
mod lists;
mod numbers;
mod optionals;
#[cfg(feature = "images")]
mod pictures;
mod ragged;
mod ragged_variants;
mod random;
mod ref_variables;
mod scatter;
mod sequence_example;
mod sparse;
mod sparse_more;
mod summaries;
pub(super) mod table;
mod table_file;
pub(super) mod tensor_array;
mod tensor_proto;
mod training;
mod variables;

mod writers;

use super::cx::{Cx, Kernel};
use super::value::Value;
use crate::error::Result;
use crate::eval::Tensor;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// How one op is computed.
pub(super) struct Row {
    op: &'static str,
    pub(super) kernel: Kernel,
}

/// A row for an op of one tensor.
const fn one(op: &'static str, kernel: fn(&mut Cx<'_>) -> Result<Tensor>) -> Row {
    Row {
        op,
        kernel: Kernel::One(kernel),
    }
}

/// A row for an op of several outputs, of none, or of one that is not a tensor.
const fn many(op: &'static str, kernel: fn(&mut Cx<'_>) -> Result<Vec<Value>>) -> Row {
    Row {
        op,
        kernel: Kernel::Many(kernel),
    }
}

/// A row for an op that changes its operands in place where nobody else has them.
const fn owned(op: &'static str, kernel: fn(&mut Cx<'_>, Vec<Value>) -> Result<Vec<Value>>) -> Row {
    Row {
        op,
        kernel: Kernel::Owned(kernel),
    }
}

const FAMILIES: &[&[Row]] = &[
    arrange::OPS,
    audio::OPS,
    cells::OPS,
    counts::OPS,
    datasets::OPS,
    feeds::OPS,
    image::OPS,
    iterators::OPS,
    list_wholes::OPS,
    lists::OPS,
    bits::OPS,
    optionals::OPS,
    summaries::OPS,
    tensor_proto::OPS,
    #[cfg(feature = "images")]
    pictures::OPS,
    ragged::OPS,
    ragged_variants::OPS,
    random::OPS,
    ref_variables::OPS,
    scatter::OPS,
    sequence_example::OPS,
    sparse::OPS,
    sparse_more::OPS,
    files::OPS,
    table::OPS,
    tensor_array::OPS,
    training::OPS,
    variables::OPS,
    writers::OPS,
];

/// The ops that have a row.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().copied().flatten().map(|row| row.op)
}

/// The row of an op.
pub(super) fn find(op: &str) -> Option<&'static Row> {
    static INDEX: OnceLock<BTreeMap<&str, &Row>> = OnceLock::new();
    INDEX
        .get_or_init(|| {
            FAMILIES
                .iter()
                .copied()
                .flatten()
                .map(|row| (row.op, row))
                .collect()
        })
        .get(op)
        .copied()
}
