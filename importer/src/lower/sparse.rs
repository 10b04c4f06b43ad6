//! Sparse and ragged tensors.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute, Host, HostOp};
use crate::ir::{Op, Value};

pub const OPS: &[Lowering] = &[
    op("SparseToDense", to_dense),
    multi("SparseFillEmptyRows", |cx| {
        let inputs = cx.all_inputs()?;
        cx.host_values(&host::FILL_EMPTY_ROWS, vec![], &inputs)
    }),
    multi("SparseReshape", |cx| {
        let inputs = cx.all_inputs()?;
        cx.host_values(&host::RESHAPE_SPARSE, vec![], &inputs)
    }),
    multi("DenseToDenseSetOperation", |cx| {
        set_operation(cx, &host::OF_DENSE)
    }),
    multi("DenseToSparseSetOperation", |cx| {
        set_operation(cx, &host::OF_DENSE_AND_SPARSE)
    }),
    multi("SparseToSparseSetOperation", |cx| {
        set_operation(cx, &host::OF_SPARSE)
    }),
    op("SetSize", |cx| cx.on_host(&host::SET_SIZES, vec![])),
    op("RaggedTensorToTensor", ragged_to_tensor),
    multi("RaggedRange", |cx| {
        let (splits, inputs) = (cx.element("Tsplits")?, cx.all_inputs()?);
        cx.host_values(&host::RAGGED_RANGE, vec![splits], &inputs)
    }),
    multi("RaggedGather", ragged_gather),
    multi("CTCGreedyDecoder", |cx| {
        let blank = cx.attr_if_any("blank_index")?.unwrap_or(-1);
        let attributes = vec![cx.flag("merge_repeated")?, Attribute::Integer(blank)];
        let inputs = cx.all_inputs()?;
        cx.host_values(&host::CTC_GREEDY, attributes, &inputs)
    }),
];

fn set_operation(cx: &mut Cx<'_>, op: &'static HostOp) -> Result<Vec<Lowered>> {
    let (operation, inputs) = (cx.text("set_operation")?, cx.all_inputs()?);
    cx.host_values(op, vec![operation], &inputs)
}

/// Operands: indices, shape, values, default.
fn to_dense(cx: &mut Cx<'_>) -> Result<Value> {
    let attributes = vec![Attribute::Extents(cx.dims(1)?)];
    let inputs = [cx.input(0)?, cx.input(2)?, cx.input(3)?];
    let op = &host::TO_DENSE;
    cx.push(Op::Host(Host { op, attributes }), &inputs)
}

/// Operands: the shape, of which -1 is free, the flat values, the default, and the partitions.
fn ragged_to_tensor(cx: &mut Cx<'_>) -> Result<Value> {
    let kinds: Vec<String> = cx.attr("row_partition_types")?;
    let known = ["FIRST_DIM_SIZE", "VALUE_ROWIDS", "ROW_SPLITS"];
    if let Some(other) = kinds.iter().find(|kind| !known.contains(&kind.as_str())) {
        return Err(Error::unsupported(format!("the row partition `{other}`")));
    }
    let shape = Attribute::Integers(cx.integers(0)?);
    let inputs = cx.all_inputs()?;
    let attributes = vec![Attribute::Texts(kinds), shape];
    let op = &host::RAGGED_TO_TENSOR;
    cx.push(Op::Host(Host { op, attributes }), &inputs[1..])
}

/// Operands: splits of each level, flat values, numbers of rows.
fn ragged_gather(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let levels: usize = cx.attr("PARAMS_RAGGED_RANK")?;
    let inputs = cx.all_inputs()?;
    match inputs.as_slice() {
        &[_, _, rows] if levels == 1 && cx.rank(rows)? == 1 => {
            cx.host_values(&host::RAGGED_GATHER, vec![], &inputs)
        }
        _ => Err(Error::unsupported(
            "rows of a ragged tensor of several levels",
        )),
    }
}
