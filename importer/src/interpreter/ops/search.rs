//! Where things are: non-zero elements, distinct ones, sorted places, partitions.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("ConcatOffset", concat_offset),
    many("DenseToDenseSetOperation", dense_sets),
    many("TopK", |cx| {
        let k = Arc::new(Tensor::new(&[], vec![cx.attr::<i64>("k")? as i32])?);
        let x = cx.tensor(0)?;
        let def = savedmodel_import_proto::NodeDef {
            op: "TopKV2".to_owned(),
            ..cx.def().clone()
        };
        let outputs = crate::lower::single::evaluate(&def, &[x, k])?;
        Ok(outputs.into_iter().map(Value::of_op).collect())
    }),
];

/// The index on each axis of a flat place.
pub(super) fn coordinates(mut place: usize, shape: &[usize]) -> Vec<i64> {
    let mut found = vec![0; shape.len()];
    for (at, &extent) in found.iter_mut().zip(shape).rev() {
        *at = (place % extent.max(1)) as i64;
        place /= extent.max(1);
    }
    found
}

/// Where each operand begins in their concatenation along an axis.
fn concat_offset(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let axis = cx.integer(0)?;
    let mut offset = 0;
    let mut outputs = vec![];
    for i in 1..cx.inputs.len() {
        let dtype = cx.tensor(i)?.dtype();
        let shape = cx.integers(i)?;
        let at = index(
            if axis < 0 {
                axis + shape.len() as i64
            } else {
                axis
            },
            shape.len(),
        )?;
        let mut start = vec![0; shape.len()];
        start[at] = offset;
        offset += shape[at];
        outputs.push(Tensor::from_integers(dtype, &[start.len()], start)?.into());
    }
    Ok(outputs)
}

/// Sets in the last axis: a sparse tensor of the sorted results.
fn dense_sets(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (a, b) = (cx.tensor(0)?, cx.tensor(1)?);
    let operation: String = cx.attr("set_operation")?;
    let (outer, width) = match a.shape().split_last() {
        Some((&width, outer)) => (outer.to_vec(), width),
        None => return Err(Error::usage("sets need an axis")),
    };
    let other = b.shape().last().copied().unwrap_or(0);
    let groups = count(&outer)?;
    let (mut indices, mut places, mut largest) = (vec![], vec![], 0);
    for group in 0..groups {
        let of_a = ordered(&a, group * width..(group + 1) * width)?;
        let of_b = ordered(&b, group * other..(group + 1) * other)?;
        let chosen = chosen(&operation, of_a, of_b, a.len())?;
        largest = largest.max(chosen.len());
        for (number, place) in chosen.into_iter().enumerate() {
            indices.extend(coordinates(group, &outer));
            indices.push(number as i64);
            places.push(place);
        }
    }
    let values = Tensor::chain(&[&*a, &*b])?.take(&[places.len()], &places)?;
    let shape: Vec<i64> = outer
        .iter()
        .map(|&n| n as i64)
        .chain([largest as i64])
        .collect();
    Ok(vec![
        Tensor::new(&[places.len(), outer.len() + 1], indices)?.into(),
        values.into(),
        Tensor::new(&[shape.len()], shape)?.into(),
    ])
}

/// The distinct elements of a range, in order, with a place of each.
fn ordered(tensor: &Tensor, range: std::ops::Range<usize>) -> Result<BTreeMap<Vec<u8>, usize>> {
    let order = |place: usize| -> Option<Vec<u8>> {
        if let Some(strings) = tensor.elements::<Vec<u8>>() {
            return strings.get(place).cloned();
        }
        let number = tensor
            .take(&[1], &[place])
            .ok()?
            .as_integers()?
            .first()
            .copied()?;
        Some(((number as u64) ^ (1 << 63)).to_be_bytes().to_vec())
    };
    let unsorted = || Error::unsupported("sets of elements that are neither integers nor strings");
    range
        .map(|place| Ok((order(place).ok_or_else(unsorted)?, place)))
        .collect()
}

fn chosen(
    operation: &str,
    a: BTreeMap<Vec<u8>, usize>,
    b: BTreeMap<Vec<u8>, usize>,
    start: usize,
) -> Result<Vec<usize>> {
    let without = |a: &BTreeMap<Vec<u8>, usize>, b: &BTreeMap<Vec<u8>, usize>, common: bool| {
        let kept = a.iter().filter(|(key, _)| b.contains_key(*key) == common);
        kept.map(|(_, place)| *place).collect::<Vec<usize>>()
    };
    Ok(match operation {
        "a-b" => without(&a, &b, false),
        "b-a" => without(&b, &a, false)
            .into_iter()
            .map(|place| start + place)
            .collect(),
        "intersection" => without(&a, &b, true),
        "union" => {
            let mut all: BTreeMap<Vec<u8>, usize> = b
                .into_iter()
                .map(|(key, place)| (key, start + place))
                .collect();
            all.extend(a);
            all.into_values().collect()
        }
        other => return Err(Error::unsupported(format!("the set operation `{other}`"))),
    })
}
