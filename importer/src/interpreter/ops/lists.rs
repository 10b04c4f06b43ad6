//! Lists of tensors: what loops of TensorFlow 2 read and write.

use super::super::cx::{Cx, ELEMENT_LIMIT, count};
use super::super::value::{Value, Variant, VariantTensor};
use super::{Row, many, one, owned};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{Binary, DType};
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
    many("TensorListStack", stack),
    many("TensorListGather", gather),
    one("TensorListLength", |cx| {
        Tensor::new(&[], vec![list(cx.variant(0)?)?.items.len() as i32])
    }),
    one("TensorListElementShape", element_shape),
    many("TensorListScatterV2", scatter),
    many("TensorListScatter", scatter),
    many("TensorListScatterIntoExistingList", scatter_into),
    many("TensorListConcatLists", concat_lists),
    many("TensorListConcatV2", concat),
    many("TensorListConcat", concat),
    many("TensorListSplit", split),
    many("ZerosLike", zeros_like),
    many("AddN", add),
];

/// A list may have this many items.
const LENGTH_LIMIT: usize = 1 << 24;

struct List<'v> {
    dtype: DType,
    shape: &'v Option<Vec<i64>>,
    items: &'v [Option<Value>],
}

fn list(variant: &Variant) -> Result<List<'_>> {
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
        Variant::Empty | Variant::Ragged(_) | Variant::Optional(_) => {
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
fn shape_operand(cx: &mut Cx<'_>, i: usize) -> Result<Option<Vec<i64>>> {
    let tensor = cx.tensor(i)?;
    match tensor.rank() {
        0 => Ok(None),
        _ => cx.integers(i).map(Some),
    }
}

fn new_list(cx: &mut Cx<'_>, shape: usize, items: Vec<Option<Value>>) -> Result<Vec<Value>> {
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
        Some(Variant::Empty | Variant::Ragged(_) | Variant::Optional(_)) | None => {
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
fn unset(list: &List<'_>, asked: Option<Vec<i64>>) -> Result<Value> {
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

fn item(list: &List<'_>, index: i64, asked: Option<Vec<i64>>) -> Result<Value> {
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

fn stack(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let asked = shape_operand(cx, 1)?;
    let list = list(cx.variant(0)?)?;
    let all: Vec<i64> = (0..list.items.len() as i64).collect();
    stacked(&list, &all, asked)
}

fn gather(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (indices, asked) = (cx.integers(1)?, shape_operand(cx, 2)?);
    stacked(&list(cx.variant(0)?)?, &indices, asked)
}

fn stacked(list: &List<'_>, indices: &[i64], asked: Option<Vec<i64>>) -> Result<Vec<Value>> {
    match list.items.iter().flatten().next() {
        Some(Value::Variant(_)) => stacked_variants(list, indices),
        Some(Value::Tensor(_) | Value::Resource(_) | Value::Reference(_)) | None => {
            Ok(vec![stacked_tensors(list, indices, asked)?.into()])
        }
    }
}

fn stacked_variants(list: &List<'_>, indices: &[i64]) -> Result<Vec<Value>> {
    let (mut shape, mut items) = (vec![], vec![]);
    for &index in indices {
        if let Value::Variant(tensor) = item(list, index, Some(vec![]))? {
            shape.clone_from(&tensor.shape);
            items.extend(tensor.items.iter().cloned());
        }
    }
    shape.insert(0, indices.len());
    Ok(vec![Value::Variant(Arc::new(VariantTensor {
        shape,
        items,
    }))])
}

fn stacked_tensors(list: &List<'_>, indices: &[i64], asked: Option<Vec<i64>>) -> Result<Tensor> {
    let mut items = Vec::with_capacity(indices.len());
    for &index in indices {
        items.push(item(list, index, asked.clone())?.tensor()?.clone());
    }
    let Some(first) = items.first() else {
        let shape = unset(list, asked)?;
        let shape: Vec<usize> = [0].iter().chain(shape.tensor()?.shape()).copied().collect();
        return zeros(list.dtype, &shape);
    };
    if let Some(odd) = items.iter().find(|item| item.shape() != first.shape()) {
        let (one, other) = (first.shape(), odd.shape());
        return Err(Error::usage(format!(
            "items of the shapes {one:?} and {other:?} are stacked"
        )));
    }
    let shape: Vec<usize> = [items.len()].iter().chain(first.shape()).copied().collect();
    if count(&shape)? > ELEMENT_LIMIT {
        return Err(Error::unsupported("a stack of a list is too large"));
    }
    let items: Vec<&Tensor> = items.iter().map(Arc::as_ref).collect();
    Tensor::chain(&items)?.reshaped(&shape)
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

/// Joins the items along their first axis; also gives their lengths.
fn concat(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let list = list(cx.variant(0)?)?;
    let mut items = vec![];
    for index in 0..list.items.len() as i64 {
        items.push(item(&list, index, None)?.tensor()?.clone());
    }
    let lengths: Vec<i64> = items
        .iter()
        .map(|item| item.shape().first().map_or(0, |&n| n as i64))
        .collect();
    let total = lengths.iter().sum::<i64>();
    let row: Vec<usize> = match (items.first(), list.shape) {
        (Some(first), _) => first.shape().iter().skip(1).copied().collect(),
        (None, Some(shape)) => shape.iter().skip(1).map(|&n| n.max(0) as usize).collect(),
        (None, None) => vec![],
    };
    let shape: Vec<usize> = [total as usize].iter().chain(&row).copied().collect();
    let items: Vec<&Tensor> = items.iter().map(Arc::as_ref).collect();
    let joined = match items.is_empty() {
        true => zeros(list.dtype, &shape)?,
        false => Tensor::chain(&items)?.reshaped(&shape)?,
    };
    Ok(vec![
        joined.into(),
        Tensor::new(&[lengths.len()], lengths)?.into(),
    ])
}

fn split(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (tensor, lengths) = (cx.tensor(0)?, cx.extents(2)?);
    let rows = rows(&tensor)?;
    let row = tensor.shape().get(1..).unwrap_or_default().to_vec();
    let mut rest = rows.as_slice();
    let mut items = vec![];
    for length in lengths {
        let short = || Error::usage("the lengths are more than the tensor has rows");
        let (part, others) = rest.split_at_checked(length).ok_or_else(short)?;
        rest = others;
        let shape: Vec<usize> = [length].iter().chain(&row).copied().collect();
        let part: Vec<&Tensor> = part.iter().collect();
        let item = match part.is_empty() {
            true => zeros(tensor.dtype(), &shape)?,
            false => Tensor::chain(&part)?.reshaped(&shape)?,
        };
        items.push(Some(item.into()));
    }
    new_list(cx, 1, items)
}

/// Zeros; a list has as many items, none of them set.
fn zeros_like(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let Value::Variant(tensor) = cx.value(0)? else {
        let x = cx.tensor(0)?;
        return cx.lowered(&[x]);
    };
    let unset = |variant: &Variant| match variant {
        Variant::List {
            dtype,
            shape,
            items,
        } => Variant::List {
            dtype: *dtype,
            shape: shape.clone().or_else(|| shape_of(items)),
            items: vec![None; items.len()],
        },
        Variant::Empty => Variant::Empty,
        Variant::Ragged(_) | Variant::Optional(_) => variant.clone(),
    };
    Ok(vec![Value::Variant(Arc::new(VariantTensor {
        shape: tensor.shape.clone(),
        items: tensor.items.iter().map(unset).collect(),
    }))])
}

/// The shape of the items that are set.
fn shape_of(items: &[Option<Value>]) -> Option<Vec<i64>> {
    let item = items.iter().flatten().next()?.tensor().ok()?;
    Some(item.shape().iter().map(|&n| n as i64).collect())
}

/// A sum; lists are added item by item, and an item that is not set is zero.
fn add(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    if !matches!(cx.value(0)?, Value::Variant(_)) {
        let operands = cx.tensors(0..cx.inputs.len())?;
        return cx.lowered(&operands);
    }
    let first = list(cx.variant(0)?)?;
    let mut sums = first.items.to_vec();
    for i in 1..cx.inputs.len() {
        let other = list(cx.variant(i)?)?;
        if other.items.len() != sums.len() {
            return Err(Error::usage("lists of different lengths are added"));
        }
        for (sum, item) in sums.iter_mut().zip(other.items) {
            *sum = match (sum.take(), item) {
                (Some(sum), Some(item)) => {
                    let total =
                        super::variables::binary(Binary::Add, sum.tensor()?, item.tensor()?);
                    Some(total?.into())
                }
                (sum, item) => sum.or_else(|| item.clone()),
            };
        }
    }
    Ok(vec![Value::variant(Variant::List {
        dtype: first.dtype,
        shape: first.shape.clone(),
        items: sums,
    })])
}
