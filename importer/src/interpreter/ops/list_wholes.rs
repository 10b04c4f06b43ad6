//! Lists of tensors as wholes: stacked, joined, split, added.

use super::super::cx::{Cx, ELEMENT_LIMIT, count};
use super::super::value::{Value, Variant, VariantTensor};
use super::lists::{List, item, list, new_list, rows, shape_operand, unset, zeros};
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{Binary, DType};
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("TensorListStack", stack),
    many("TensorListGather", gather),
    many("TensorListConcatV2", concat),
    many("TensorListConcat", concat),
    many("TensorListSplit", split),
    many("ZerosLike", zeros_like),
    many("AddN", add),
];

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
        return match x.dtype() {
            DType::String => Ok(vec![zeros(DType::String, x.shape())?.into()]),
            _ => cx.lowered(&[x]),
        };
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
        Variant::Ragged(_) | Variant::Optional(_) | Variant::Dataset(_) => variant.clone(),
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
