//! Lists of tensors: what loops of TensorFlow 2 read and write.

use super::super::cx::{Cx, count};
use super::super::value::{Value, Variant, VariantTensor};
use super::{Row, many, one, owned};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("TensorListReserve", |cx| {
        let length = length(cx.integer(1)?)?;
        new_list(cx, 0, vec![None; length])
    }),
    many("EmptyTensorList", |cx| new_list(cx, 0, vec![])),
    many("TensorListFromTensor", from_tensor),
    owned("TensorListSetItem", set_item),
    owned("TensorListPushBack", push_back),
    owned("TensorListPopBack", pop_back),
    owned("TensorListResize", resize),
    many("TensorListGetItem", get_item),
    one("TensorListLength", |cx| {
        Tensor::new(&[], vec![list(cx.variant(0)?)?.items.len() as i32])
    }),
    one("TensorListElementShape", element_shape),
    many("TensorListScatterV2", scatter),
    many("TensorListScatter", scatter),
    many("TensorListScatterIntoExistingList", scatter_into),
    many("TensorListConcatLists", concat_lists),
];

/// A list may have this many items.
const LENGTH_LIMIT: usize = 1 << 24;

pub(super) struct List<'v> {
    pub(super) dtype: DType,
    pub(super) shape: &'v Option<Vec<i64>>,
    pub(super) items: &'v [Option<Value>],
}

pub(super) fn list(variant: &Variant) -> Result<List<'_>> {
    match variant {
        Variant::List {
            dtype,
            shape,
            items,
        } => Ok(List {
            dtype: *dtype,
            shape,
            items,
        }),
        Variant::Empty | Variant::Ragged(_) | Variant::Optional(_) | Variant::Dataset(_) => {
            Err(Error::malformed("the operand is not a list of tensors"))
        }
    }
}

fn length(length: i64) -> Result<usize> {
    usize::try_from(length)
        .ok()
        .filter(|&length| length <= LENGTH_LIMIT)
        .ok_or_else(|| Error::usage(format!("a list of {length} items")))
}

/// The element shape that an operand says; `None` for an unknown rank.
pub(super) fn shape_operand(cx: &mut Cx<'_>, i: usize) -> Result<Option<Vec<i64>>> {
    let tensor = cx.tensor(i)?;
    match tensor.rank() {
        0 => Ok(None),
        _ => cx.integers(i).map(Some),
    }
}

pub(super) fn new_list(
    cx: &mut Cx<'_>,
    shape: usize,
    items: Vec<Option<Value>>,
) -> Result<Vec<Value>> {
    let shape = shape_operand(cx, shape)?;
    let dtype = element_type(cx)?;
    Ok(vec![Value::variant(Variant::List {
        dtype,
        shape,
        items,
    })])
}

/// The element type; of lists of lists it does not matter.
fn element_type(cx: &Cx<'_>) -> Result<DType> {
    match cx.stored("element_dtype") {
        Some(savedmodel_import_proto::attr_value::Value::Type(code))
            if *code == savedmodel_import_proto::DataType::DtVariant as i32 =>
        {
            Ok(DType::F32)
        }
        _ => cx.attr("element_dtype"),
    }
}

/// The rows of a tensor.
pub(super) fn rows(tensor: &Tensor) -> Result<Vec<Tensor>> {
    let Some((&length, row)) = tensor.shape().split_first() else {
        return Err(Error::malformed("a tensor of rank 0 has no rows"));
    };
    let size = count(row)?;
    let part = |i: usize| {
        let places: Vec<usize> = (i * size..(i + 1) * size).collect();
        tensor.take(row, &places)
    };
    (0..length).map(part).collect()
}

fn from_tensor(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    if let Value::Variant(tensor) = cx.value(0)? {
        let items = tensor.items.iter().cloned();
        let items = items.map(|item| Some(Value::variant(item))).collect();
        return new_list(cx, 1, items);
    }
    let tensor = cx.tensor(0)?;
    let items = rows(&tensor)?.into_iter().map(|row| Some(row.into()));
    let items = items.collect();
    let shape = shape_operand(cx, 1)?;
    Ok(vec![Value::variant(Variant::List {
        dtype: tensor.dtype(),
        shape,
        items,
    })])
}

/// Changes the items of the list that the first operand is, in place where nobody else has it.
fn with_items(
    operand: Value,
    change: impl FnOnce(&mut Vec<Option<Value>>) -> Result<()>,
) -> Result<Value> {
    let wrong = || Error::malformed("the operand is not a list of tensors");
    let Value::Variant(mut tensor) = operand else {
        return Err(wrong());
    };
    match Arc::make_mut(&mut tensor).items.first_mut() {
        Some(Variant::List { items, .. }) => change(items)?,
        Some(Variant::Empty | Variant::Ragged(_) | Variant::Optional(_) | Variant::Dataset(_))
        | None => {
            return Err(wrong());
        }
    }
    Ok(Value::Variant(tensor))
}

fn take<const N: usize>(inputs: Vec<Value>) -> Result<[Value; N]> {
    let given = inputs.len();
    let wrong = |_| Error::malformed(format!("the node has {given} operands"));
    inputs.try_into().map_err(wrong)
}

fn one_integer(value: &Value) -> Result<i64> {
    let integers = value.tensor()?.as_integers();
    let one = integers.and_then(|all| all.first().copied());
    one.ok_or_else(|| Error::malformed("an index should be an integer"))
}

fn set_item(cx: &mut Cx<'_>, inputs: Vec<Value>) -> Result<Vec<Value>> {
    let [list, index, item] = take(inputs)?;
    let grows: bool = cx.attr("resize_if_index_out_of_bounds")?;
    let index = length(one_integer(&index)?)?;
    let item = cx.machine.plain(item)?;
    let changed = with_items(list, |items| {
        if grows && index >= items.len() {
            items.resize(index + 1, None);
        }
        let count = items.len();
        let place = items.get_mut(index);
        let outside = || Error::usage(format!("a list of {count} items has no item {index}"));
        *place.ok_or_else(outside)? = Some(item);
        Ok(())
    });
    Ok(vec![changed?])
}

fn push_back(cx: &mut Cx<'_>, inputs: Vec<Value>) -> Result<Vec<Value>> {
    let [list, item] = take(inputs)?;
    let item = cx.machine.plain(item)?;
    let push = |items: &mut Vec<Option<Value>>| {
        length(items.len() as i64 + 1)?;
        items.push(Some(item));
        Ok(())
    };
    Ok(vec![with_items(list, push)?])
}

fn pop_back(_: &mut Cx<'_>, inputs: Vec<Value>) -> Result<Vec<Value>> {
    let [operand, shape] = take(inputs)?;
    let variant = match &operand {
        Value::Variant(tensor) => tensor.items.first().cloned(),
        Value::Tensor(_) | Value::Resource(_) | Value::Reference(_) => None,
    };
    let variant = variant.ok_or_else(|| Error::malformed("the operand is not a list"))?;
    let known = list(&variant)?;
    let empty = || Error::usage("an item is taken from an empty list");
    let last = known.items.last().ok_or_else(empty)?;
    let asked = match shape.tensor()? {
        tensor if tensor.rank() == 0 => None,
        tensor => tensor.as_integers(),
    };
    let item = match last {
        Some(item) => item.clone(),
        None => unset(&known, asked)?,
    };
    drop(variant);
    let rest = with_items(operand, |items| {
        items.pop();
        Ok(())
    });
    Ok(vec![rest?, item])
}

fn resize(_: &mut Cx<'_>, inputs: Vec<Value>) -> Result<Vec<Value>> {
    let [list, size] = take(inputs)?;
    let size = length(one_integer(&size)?)?;
    let resized = with_items(list, |items| {
        items.resize(size, None);
        Ok(())
    });
    Ok(vec![resized?])
}

/// What an item that was never set reads as: zeros, of a shape that the list, the reader or other items know.
pub(super) fn unset(list: &List<'_>, asked: Option<Vec<i64>>) -> Result<Value> {
    let known = |shape: &[i64]| -> Option<Vec<usize>> {
        shape.iter().map(|&n| usize::try_from(n).ok()).collect()
    };
    let declared = list.shape.as_ref().and_then(|shape| known(shape));
    let asked = asked.and_then(|shape| known(&shape));
    let others = || {
        let item = list.items.iter().flatten().next()?;
        item.tensor().ok().map(|tensor| tensor.shape().to_vec())
    };
    let shape = declared.or(asked).or_else(others).ok_or_else(|| {
        Error::usage("an item of a list that was not set is read, and its shape is not known")
    })?;
    Ok(zeros(list.dtype, &shape)?.into())
}

/// Zeros, or empty strings.
pub(super) fn zeros(dtype: DType, shape: &[usize]) -> Result<Tensor> {
    let count = count(shape)?;
    match dtype.width() {
        None => Tensor::new(shape, vec![Vec::<u8>::new(); count]),
        Some(width) => Tensor::from_bytes(dtype, shape, &vec![0; count * width]),
    }
}

fn get_item(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let asked = shape_operand(cx, 2)?;
    let index = cx.integer(1)?;
    let list = list(cx.variant(0)?)?;
    Ok(vec![item(&list, index, asked)?])
}

pub(super) fn item(list: &List<'_>, index: i64, asked: Option<Vec<i64>>) -> Result<Value> {
    let found = usize::try_from(index).ok().and_then(|i| list.items.get(i));
    let outside = || {
        let count = list.items.len();
        Error::usage(format!("a list of {count} items has no item {index}"))
    };
    match found.ok_or_else(outside)? {
        Some(item) => Ok(item.clone()),
        None => unset(list, asked),
    }
}

fn element_shape(cx: &mut Cx<'_>) -> Result<Tensor> {
    let dtype: DType = cx.attr("shape_type")?;
    match list(cx.variant(0)?)?.shape {
        Some(shape) => Tensor::from_integers(dtype, &[shape.len()], shape.clone()),
        None => Tensor::from_integers(dtype, &[], vec![-1]),
    }
}

fn scatter(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (tensor, indices) = (cx.tensor(0)?, cx.integers(1)?);
    let least = match cx.inputs.len() {
        4 => cx.integer(3)?,
        _ => -1,
    };
    let largest = indices.iter().copied().max().unwrap_or(-1);
    let mut items = vec![None; length((largest + 1).max(least).max(0))?];
    for (index, row) in indices.into_iter().zip(rows(&tensor)?) {
        items[length(index)?] = Some(row.into());
    }
    new_list(cx, 2, items)
}

fn scatter_into(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (tensor, indices) = (cx.tensor(1)?, cx.integers(2)?);
    let rows = rows(&tensor)?;
    let changed = with_items(cx.value(0)?.clone(), |items| {
        for (index, row) in indices.into_iter().zip(rows) {
            let index = length(index)?;
            if index >= items.len() {
                items.resize(index + 1, None);
            }
            items[index] = Some(row.into());
        }
        Ok(())
    });
    Ok(vec![changed?])
}

fn concat_lists(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (Value::Variant(first), Value::Variant(second)) = (cx.value(0)?, cx.value(1)?) else {
        return Err(Error::malformed("the operands are not lists of tensors"));
    };
    let mut items = Vec::with_capacity(first.items.len());
    for (first, second) in first.items.iter().zip(&second.items) {
        let (first, second) = (list(first)?, list(second)?);
        items.push(Variant::List {
            dtype: first.dtype,
            shape: first.shape.clone(),
            items: [first.items, second.items].concat(),
        });
    }
    Ok(vec![Value::Variant(Arc::new(VariantTensor {
        shape: first.shape.clone(),
        items,
    }))])
}
