//! The ops of lists of tensors.

use super::cx::{Cx, Lowered};
use super::list::{Contents, Item, List, Written, no_rows};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Op, Value};
pub const OPS: &[Lowering] = &[
    multi("TensorListReserve", reserve),
    multi("EmptyTensorList", empty),
    multi("TensorListFromTensor", from_tensor),
    multi("TensorListSetItem", |cx| set_item(cx, 0)),
    multi("TensorListPushBack", push_back),
    multi("TensorListPopBack", pop_back),
    multi("TensorListResize", resize),
    op("TensorListGetItem", |cx| get_item(cx, 0, 2)),
    op("TensorListStack", |cx| stack(cx, 0, 1)),
    op("TensorListGather", |cx| gather(cx, 0, 2)),
    op("TensorListLength", |cx| length(cx, 0)),
    multi("TensorListConcat", |cx| concat(cx, 0)),
    multi("TensorListConcatV2", |cx| concat(cx, 0)),
];

/// Longer lists are not kept item by item.
const LENGTH_LIMIT: usize = 1 << 16;

/// The shape that a list's maker says its items have, if it is known.
fn told_shape(cx: &mut Cx<'_>) -> Option<Vec<Dim>> {
    let dims = cx.partial_dims(0).ok()?;
    let dims: Option<Vec<Dim>> = dims.into_iter().collect();
    let rank = cx.input(0).ok().and_then(|shape| cx.rank(shape).ok());
    dims.filter(|dims| rank == Some(1) && dims.iter().all(|dim| !dim.is(-1)))
}

fn reserve(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (length, dtype) = (cx.dim(1)?, cx.attr("element_dtype")?);
    let shape = told_shape(cx);
    Ok(unset(cx, length, dtype, shape))
}

/// A list to which nothing was written.
pub(super) fn unset(
    cx: &mut Cx<'_>,
    length: Dim,
    dtype: DType,
    shape: Option<Vec<Dim>>,
) -> Vec<Lowered> {
    let known = length.as_known().map(|length| length.max(0));
    let short = known.and_then(|known| usize::try_from(known).ok());
    let contents = match short.filter(|&short| short <= LENGTH_LIMIT) {
        Some(length) => Contents::Items(vec![Item::Unset; length]),
        None => Contents::Unset(length),
    };
    cx.add_list(List {
        contents,
        dtype,
        shape,
    })
}

fn empty(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let dtype = cx.attr("element_dtype")?;
    let shape = told_shape(cx);
    Ok(cx.add_list(List {
        contents: Contents::Items(vec![]),
        dtype,
        shape,
    }))
}

fn from_tensor(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let tensor = cx.input(0)?;
    of_rows(cx, tensor)
}

/// The list of the rows of a tensor.
pub(super) fn of_rows(cx: &mut Cx<'_>, tensor: Value) -> Result<Vec<Lowered>> {
    let dims = cx.shape(tensor)?;
    let (rows, item) = dims.split_first().ok_or_else(no_rows)?;
    let known = rows.as_usize().filter(|&rows| rows <= LENGTH_LIMIT);
    let contents = match known {
        Some(rows) => Contents::Items((0..rows).map(|row| Item::Row(tensor, row)).collect()),
        None => Contents::Rows(tensor),
    };
    let (dtype, shape) = (cx.dtype(tensor), Some(item.to_vec()));
    Ok(cx.add_list(List {
        contents,
        dtype,
        shape,
    }))
}

/// The list, operand `of`, with item 2 at index 1.
pub(super) fn set_item(cx: &mut Cx<'_>, of: usize) -> Result<Vec<Lowered>> {
    let (list, value) = (cx.list(of)?, cx.input(2)?);
    let contents = match &list.contents {
        Contents::Items(items)
            if cx
                .index_extent(1)?
                .is_some_and(|at| at.as_known().is_some()) =>
        {
            let mut items = items.clone();
            if cx.attr_if_any("resize_if_index_out_of_bounds")? == Some(true) {
                let needed = usize::try_from(cx.integer(1)?).unwrap_or(0);
                let needed = needed.saturating_add(1).min(LENGTH_LIMIT);
                items.resize(items.len().max(needed), Item::Unset);
            }
            let place = cx.known_index(1, items.len())?;
            items[place] = Item::Value(value);
            Contents::Items(items)
        }
        Contents::Round(round) => {
            let place = cx.index_extent(1)?;
            let written = place.map(|place| Written {
                place: Some(place),
                value,
            });
            return Ok(cx.written(&list, round, written, value));
        }
        Contents::Items(_) | Contents::Unset(_) | Contents::Rows(_) => {
            let item = cx.shape(value)?;
            let rows = cx.rows(&list, Some(&item))?;
            let rows = cx.grown(rows, 1)?;
            Contents::Rows(cx.with_row(rows, 1, value)?)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

fn push_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (list, value) = (cx.list(0)?, cx.input(1)?);
    let contents = match &list.contents {
        Contents::Items(items) => {
            let mut items = items.clone();
            items.push(Item::Value(value));
            Contents::Items(items)
        }
        Contents::Round(round) => {
            let written = Written { place: None, value };
            return Ok(cx.written(&list, round, Some(written), value));
        }
        Contents::Unset(_) | Contents::Rows(_) => {
            let item = cx.shape(value)?;
            let rows = cx.rows(&list, Some(&item))?;
            let row = cx.expand(value, 0)?;
            Contents::Rows(cx.concat(&[rows, row], 0)?)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

fn pop_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let list = cx.readable(0)?;
    let (value, contents) = match &list.contents {
        Contents::Items(items) => {
            let last = items.len().checked_sub(1);
            let last = last.ok_or_else(|| Error::malformed("the last of an empty list"))?;
            let value = cx.item(&list, items, last, 1)?;
            (value, Contents::Items(items[..last].to_vec()))
        }
        Contents::Rows(_) | Contents::Unset(_) | Contents::Round(_) => {
            let rows = cx.rows(&list, None)?;
            let count = cx.shape(rows)?.first().ok_or_else(no_rows)?.clone();
            let last = count - Dim::known(1);
            let value = cx.row(rows, last.clone())?;
            (
                value,
                Contents::Rows(cx.narrow(rows, 0, Dim::known(0), last)?),
            )
        }
    };
    let mut outputs = cx.with_contents(&list, contents);
    outputs.push(Lowered::Value(value));
    Ok(outputs)
}

fn resize(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (list, length) = (cx.readable(0)?, cx.dim(1)?);
    let contents = match (&list.contents, length.as_usize()) {
        (Contents::Items(items), Some(length)) if length <= LENGTH_LIMIT => {
            let mut items = items.clone();
            items.resize(length, Item::Unset);
            Contents::Items(items)
        }
        (_, _) => {
            let rows = cx.rows(&list, None)?;
            let dims = cx.shape(rows)?;
            let count = dims.first().ok_or_else(no_rows)?.clone();
            if count != length {
                return Err(Error::unsupported(format!(
                    "a list of {count} tensors becomes one of {length}"
                )));
            }
            Contents::Rows(rows)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

/// The item at index 1 of the list, operand `of`; `shape` is the operand that holds the shape of the items.
pub(super) fn get_item(cx: &mut Cx<'_>, of: usize, shape: usize) -> Result<Value> {
    let list = cx.readable(of)?;
    let index = cx.index_extent(1)?;
    match (&list.contents, index) {
        (Contents::Items(items), Some(index)) if index.as_known().is_some() => {
            let place = cx.known_index(1, items.len())?;
            cx.item(&list, items, place, shape)
        }
        (_, Some(index)) => {
            let rows = cx.rows(&list, None)?;
            cx.row(rows, index)
        }
        (_, None) => {
            let (rows, index) = (cx.rows(&list, None)?, cx.input(1)?);
            let whole = Op::Gather {
                axis: 0,
                batch_dims: 0,
            };
            cx.push(whole, &[rows, index])
        }
    }
}

/// All items of the list, operand `of`, as one tensor.
pub(super) fn stack(cx: &mut Cx<'_>, of: usize, shape: usize) -> Result<Value> {
    let list = cx.readable(of)?;
    match &list.contents {
        Contents::Items(items) => {
            let places: Vec<usize> = (0..items.len()).collect();
            cx.stacked(&list, items, &places, shape)
        }
        Contents::Rows(_) | Contents::Unset(_) | Contents::Round(_) => cx.rows(&list, None),
    }
}

/// The items of the list, operand `of`, at the indices of operand 1.
pub(super) fn gather(cx: &mut Cx<'_>, of: usize, shape: usize) -> Result<Value> {
    let list = cx.readable(of)?;
    if let (Contents::Items(items), Ok(indices)) = (&list.contents, cx.integers(1)) {
        let mut places = vec![];
        for index in indices {
            let place = usize::try_from(index).ok();
            let place = place.filter(|&place| place < items.len());
            let missing = || Error::malformed(format!("the list has no element {index}"));
            places.push(place.ok_or_else(missing)?);
        }
        return cx.stacked(&list, items, &places, shape);
    }
    let (rows, indices) = (cx.rows(&list, None)?, cx.input(1)?);
    let whole = Op::Gather {
        axis: 0,
        batch_dims: 0,
    };
    cx.push(whole, &[rows, indices])
}

/// How many items the list, operand `of`, has.
pub(super) fn length(cx: &mut Cx<'_>, of: usize) -> Result<Value> {
    let list = cx.readable(of)?;
    let length = count(cx, &list)?;
    cx.extents(vec![length], true, DType::I32)
}

/// How many items a list has.
pub(super) fn count(cx: &Cx<'_>, list: &List) -> Result<Dim> {
    Ok(match &list.contents {
        Contents::Items(items) => Dim::from(items.len()),
        Contents::Unset(length) => length.clone(),
        Contents::Rows(tensor) => cx.shape(*tensor)?.first().ok_or_else(no_rows)?.clone(),
        Contents::Round(_) => return Err(Error::internal("the list of a round has no length")),
    })
}

/// The items of the list, operand `of`, one after the other along their first axis, and how much of that each has.
pub(super) fn concat(cx: &mut Cx<'_>, of: usize) -> Result<Vec<Lowered>> {
    let list = cx.readable(of)?;
    if let Contents::Items(items) = &list.contents {
        let (mut parts, mut lengths) = (vec![], vec![]);
        for place in 0..items.len() {
            let item = cx.item(&list, items, place, 1)?;
            let length = cx.shape(item)?.first().ok_or_else(no_rows)?.clone();
            parts.push(item);
            lengths.push(length);
        }
        if !parts.is_empty() {
            let lengths = cx.extents(lengths, false, DType::I64)?;
            return Ok(vec![
                Lowered::Value(cx.concat(&parts, 0)?),
                Lowered::Value(lengths),
            ]);
        }
    }
    let rows = cx.rows(&list, None)?;
    let dims = cx.shape(rows)?;
    let [count, length, rest @ ..] = dims.as_slice() else {
        return Err(no_rows());
    };
    let joined = [vec![count.clone() * length.clone()], rest.to_vec()].concat();
    let whole = cx.reshape(rows, joined)?;
    let lengths = cx.extents(vec![length.clone()], true, DType::I64)?;
    let lengths = cx.broadcast(lengths, vec![count.clone()])?;
    Ok(vec![Lowered::Value(whole), Lowered::Value(lengths)])
}
