//! Tensor arrays of TensorFlow 1: lists whose contents go with the flow; the handle says nothing.

use super::cx::{Cx, Lowered};
use super::list::{Contents, Item};
use super::lists::{concat, count, gather, get_item, length, of_rows, set_item, stack, unset};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    multi("TensorArrayV3", make),
    multi("TensorArrayWriteV3", |cx| set_item(cx, 3)),
    op("TensorArrayReadV3", |cx| get_item(cx, 2, usize::MAX)),
    multi("TensorArrayScatterV3", scatter),
    op("TensorArrayGatherV3", gathered),
    op("TensorArraySizeV3", |cx| length(cx, 1)),
    multi("TensorArrayConcatV3", |cx| concat(cx, 1)),
    multi("TensorArrayCloseV3", |_| Ok(vec![])),
];

fn make(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (size, dtype) = (cx.dim(0)?, cx.attr("dtype")?);
    let list = unset(cx, size, dtype, None);
    let handle = Lowered::Opaque("the handle of a tensor array");
    Ok([vec![handle], list].concat())
}

/// The rows of operand 2 at the indices of operand 1.
fn scatter(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (value, list) = (cx.input(2)?, cx.list(3)?);
    let rows = cx.shape(value)?.first().cloned();
    let rows = rows.ok_or_else(|| Error::malformed("a scatter of a scalar"))?;
    let written = count(cx, &list)?;
    if counts_to(cx, 1, &rows)? && (list.is_unset() && (written == rows || written.is(0))) {
        return of_rows(cx, value);
    }
    let Contents::Items(items) = &list.contents else {
        return Err(Error::unsupported(
            "a scatter into a tensor array in another order",
        ));
    };
    let mut items = items.clone();
    for (row, index) in cx.integers(1)?.into_iter().enumerate() {
        let place = usize::try_from(index)
            .ok()
            .and_then(|index| items.get_mut(index));
        let missing = || Error::malformed(format!("the tensor array has no element {index}"));
        *place.ok_or_else(missing)? = Item::Row(value, row);
    }
    Ok(cx.with_contents(&list, Contents::Items(items)))
}

fn gathered(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.readable(2)?;
    let all = count(cx, &list)?;
    match counts_to(cx, 1, &all)? {
        true => stack(cx, 2, usize::MAX),
        false => gather(cx, 2, usize::MAX),
    }
}

/// Whether an operand is `0, 1, …` up to an extent.
fn counts_to(cx: &mut Cx<'_>, operand: usize, extent: &Dim) -> Result<bool> {
    if let (Ok(indices), Some(extent)) = (cx.integers(operand), extent.as_known()) {
        return Ok(indices.into_iter().eq(0..extent));
    }
    let value = cx.input(operand)?;
    let node = cx.graph.producer(value);
    let is = |value: Value, number: f64| cx.graph.as_splat(value) == Some(number);
    Ok(match (&node.op, node.inputs.as_slice()) {
        (Op::Range { length }, &[start, step]) => {
            length == extent && is(start, 0.0) && is(step, 1.0)
        }
        _ => false,
    })
}
