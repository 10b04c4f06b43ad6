//! Tensor arrays and stacks of TensorFlow 1, which live for one run.

use super::super::Machine;
use super::super::cx::{Cx, count};
use super::super::state::Resource;
use super::super::value::{ResourceId, Value};
use super::lists::{rows, zeros};
use super::numbers::{Join, Numbers};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_proto::TensorShapeProto;
use savedmodel_import_proto::attr_value;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("TensorArrayV3", make),
    many("TensorArrayGradV3", gradient),
    many("TensorArrayWriteV3", write),
    one("TensorArrayReadV3", |cx| {
        let index = cx.integer(1)?;
        array(cx)?.item(index).map(Arc::unwrap_or_clone)
    }),
    one("TensorArrayGatherV3", |cx| {
        let indices = cx.integers(1)?;
        gather(cx, &indices)
    }),
    many("TensorArrayScatterV3", scatter),
    many("TensorArrayConcatV3", concat),
    many("TensorArraySplitV3", split),
    one("TensorArraySizeV3", |cx| {
        Tensor::new(&[], vec![array(cx)?.items.len() as i32])
    }),
    many("TensorArrayCloseV3", |_| Ok(vec![])),
    many("StackV2", |cx| {
        let id = cx.machine.state.add_temporary(Resource::Stack(vec![]));
        Ok(vec![Value::Resource(id)])
    }),
    many("StackPushV2", |cx| {
        let value = cx.machine.plain(cx.value(1)?.clone())?;
        stack(cx)?.push(value.clone());
        Ok(vec![value])
    }),
    many("StackPopV2", |cx| {
        let top = stack(cx)?.pop();
        Ok(vec![top.ok_or_else(|| Error::usage("the stack is empty"))?])
    }),
    many("StackCloseV2", |_| Ok(vec![])),
];

/// An array may have this many items.
const LENGTH_LIMIT: i64 = 1 << 24;

/// An array of tensors.
#[derive(Debug)]
pub(in crate::interpreter) struct TensorArray {
    items: Vec<Option<Arc<Tensor>>>,
    dtype: DType,
    /// The shape of an item, where it is known.
    shape: Option<Vec<usize>>,
    grows: bool,
    /// Whether what is written is added to what is there: an array of gradients.
    sums: bool,
    /// The array of this one's gradients, by their source.
    gradients: Vec<(String, ResourceId)>,
}

impl TensorArray {
    fn item(&self, index: i64) -> Result<Arc<Tensor>> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|index| self.items.get(index));
        let count = self.items.len();
        let outside = || Error::usage(format!("an array of {count} items has no item {index}"));
        match found.ok_or_else(outside)? {
            Some(item) => Ok(item.clone()),
            None => Ok(Arc::new(zeros(self.dtype, &self.item_shape()?)?)),
        }
    }

    fn item_shape(&self) -> Result<Vec<usize>> {
        let written = || {
            self.items
                .iter()
                .flatten()
                .next()
                .map(|item| item.shape().to_vec())
        };
        let shape = self.shape.clone().or_else(written);
        shape.ok_or_else(|| Error::usage("an item that was not written is read"))
    }

    fn set(&mut self, index: i64, value: Arc<Tensor>) -> Result<()> {
        let count = self.items.len();
        let outside = || Error::usage(format!("an array of {count} items has no item {index}"));
        let at = usize::try_from(index).map_err(|_| outside())?;
        if at >= count && self.grows && index < LENGTH_LIMIT {
            self.items.resize(at + 1, None);
        }
        let place = self.items.get_mut(at).ok_or_else(outside)?;
        *place = Some(match (self.sums, place.take()) {
            (true, Some(old)) => {
                let mut sum = Numbers::of(&old)?;
                sum.join(
                    Join::Add,
                    &Numbers::of(&value)?,
                    (0..old.len()).map(|i| (i, i)),
                )?;
                Arc::new(sum.tensor(old.dtype(), old.shape())?)
            }
            (_, _) => value,
        });
        Ok(())
    }
}

impl Machine<'_> {
    fn array(&mut self, id: ResourceId) -> Result<&mut TensorArray> {
        match self.state.resource(id)? {
            Resource::TensorArray(array) => Ok(array),
            Resource::Variable(_)
            | Resource::Table(_)
            | Resource::Stack(_)
            | Resource::Iterator(_)
            | Resource::Token => Err(Error::malformed("the handle is not of a tensor array")),
        }
    }
}

fn array<'c>(cx: &'c mut Cx<'_>) -> Result<&'c mut TensorArray> {
    let id = cx.resource(0)?;
    cx.machine.array(id)
}

fn stack<'c>(cx: &'c mut Cx<'_>) -> Result<&'c mut Vec<Value>> {
    let id = cx.resource(0)?;
    match cx.machine.state.resource(id)? {
        Resource::Stack(items) => Ok(items),
        Resource::Variable(_)
        | Resource::Table(_)
        | Resource::TensorArray(_)
        | Resource::Iterator(_)
        | Resource::Token => Err(Error::malformed("the handle is not of a stack")),
    }
}

/// The flow orders the ops on an array, and carries nothing.
fn flow() -> Result<Value> {
    Ok(Tensor::new(&[], vec![0f32])?.into())
}

/// The extents, if all are known.
fn known(shape: &TensorShapeProto) -> Option<Vec<usize>> {
    let dims = || shape.dim.iter().map(|dim| usize::try_from(dim.size).ok());
    (!shape.unknown_rank).then(|| dims().collect()).flatten()
}

fn make(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let size = cx.integer(0)?;
    if !(0..LENGTH_LIMIT).contains(&size) {
        return Err(Error::usage(format!("an array of {size} items")));
    }
    let shape = match cx.stored("element_shape") {
        Some(attr_value::Value::Shape(shape)) => known(shape),
        _ => None,
    };
    let made = TensorArray {
        items: vec![None; size as usize],
        dtype: cx.attr("dtype")?,
        shape,
        grows: cx.attr("dynamic_size")?,
        sums: false,
        gradients: vec![],
    };
    let id = cx.machine.state.add_temporary(Resource::TensorArray(made));
    Ok(vec![Value::Resource(id), flow()?])
}

fn gradient(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let source: String = cx.attr("source")?;
    let forward = array(cx)?;
    if let Some((_, id)) = forward.gradients.iter().find(|(known, _)| *known == source) {
        return Ok(vec![Value::Resource(*id), flow()?]);
    }
    let made = TensorArray {
        items: vec![None; forward.items.len()],
        dtype: forward.dtype,
        shape: forward.item_shape().ok(),
        grows: false,
        sums: true,
        gradients: vec![],
    };
    let id = cx.machine.state.add_temporary(Resource::TensorArray(made));
    array(cx)?.gradients.push((source, id));
    Ok(vec![Value::Resource(id), flow()?])
}

fn write(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (index, value) = (cx.integer(1)?, cx.tensor(2)?);
    array(cx)?.set(index, value)?;
    Ok(vec![flow()?])
}

fn gather(cx: &mut Cx<'_>, indices: &[i64]) -> Result<Tensor> {
    let asked = match cx.stored("element_shape") {
        Some(attr_value::Value::Shape(shape)) => known(shape),
        _ => None,
    };
    let array = array(cx)?;
    let items = indices
        .iter()
        .map(|&index| array.item(index))
        .collect::<Result<Vec<_>>>()?;
    let Some(first) = items.first() else {
        let shape = array.item_shape().ok().or(asked).unwrap_or_default();
        return zeros(array.dtype, &[&[0], shape.as_slice()].concat());
    };
    if items.iter().any(|item| item.shape() != first.shape()) {
        return Err(Error::usage("items of different shapes are gathered"));
    }
    let shape = [&[items.len()], first.shape()].concat();
    count(&shape)?;
    let items: Vec<&Tensor> = items.iter().map(Arc::as_ref).collect();
    Tensor::chain(&items)?.reshaped(&shape)
}

fn scatter(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (indices, value) = (cx.integers(1)?, cx.tensor(2)?);
    let array = array(cx)?;
    for (index, row) in indices.into_iter().zip(rows(&value)?) {
        array.set(index, Arc::new(row))?;
    }
    Ok(vec![flow()?])
}

fn concat(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let array = array(cx)?;
    let all = 0..array.items.len() as i64;
    let items = all
        .map(|index| array.item(index))
        .collect::<Result<Vec<_>>>()?;
    let lengths: Vec<i64> = items
        .iter()
        .map(|item| item.shape().first().map_or(0, |&n| n as i64))
        .collect();
    let row = items
        .first()
        .and_then(|item| item.shape().get(1..))
        .unwrap_or_default()
        .to_vec();
    let total = lengths.iter().sum::<i64>() as usize;
    let shape = [&[total], row.as_slice()].concat();
    let joined = match items.is_empty() {
        true => zeros(array.dtype, &shape)?,
        false => {
            let items: Vec<&Tensor> = items.iter().map(Arc::as_ref).collect();
            Tensor::chain(&items)?.reshaped(&shape)?
        }
    };
    Ok(vec![
        joined.into(),
        Tensor::new(&[lengths.len()], lengths)?.into(),
    ])
}

fn split(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (value, lengths) = (cx.tensor(1)?, cx.extents(2)?);
    let row = value.shape().get(1..).unwrap_or_default();
    let (size, mut start) = (count(row)?, 0);
    let array = array(cx)?;
    for (index, length) in lengths.into_iter().enumerate() {
        let places: Vec<usize> = (start * size..(start + length) * size).collect();
        let part = value.take(&[&[length], row].concat(), &places)?;
        array.set(index as i64, Arc::new(part))?;
        start += length;
    }
    Ok(vec![flow()?])
}
