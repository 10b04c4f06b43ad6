//! Where things are: non-zero elements, distinct ones, sorted places, partitions.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("Where", non_zero),
    many("Unique", |cx| unique(cx, false)),
    many("UniqueV2", |cx| unique(cx, false)),
    many("UniqueWithCounts", |cx| unique(cx, true)),
    many("UniqueWithCountsV2", |cx| unique(cx, true)),
    many("ListDiff", list_difference),
    many("SetDiff1D", list_difference),
    many("DynamicPartition", partition),
    many("DynamicStitch", stitch),
    many("ParallelDynamicStitch", stitch),
    many("ConcatOffset", concat_offset),
    one("LowerBound", |cx| bound(cx, |value, x| value < x)),
    one("UpperBound", |cx| bound(cx, |value, x| value <= x)),
    one("HistogramFixedWidth", histogram),
    one("InTopK", in_top_k),
    one("InTopKV2", in_top_k),
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

/// Which elements are not zero, not false, or not empty.
fn truths(tensor: &Tensor) -> Result<Vec<bool>> {
    if let Some(flags) = tensor.elements::<bool>() {
        return Ok(flags.to_vec());
    }
    match tensor.elements::<Vec<u8>>() {
        Some(strings) => Ok(strings.iter().map(|s| !s.is_empty()).collect()),
        None => Ok(tensor.to_floats()?.iter().map(|&x| x != 0.0).collect()),
    }
}

fn non_zero(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let mut found = vec![];
    for (place, _) in truths(&x)?.iter().enumerate().filter(|(_, truth)| **truth) {
        found.extend(coordinates(place, x.shape()));
    }
    let rank = x.rank();
    let rows = match rank {
        0 => truths(&x)?.iter().filter(|truth| **truth).count(),
        rank => found.len() / rank,
    };
    Tensor::new(&[rows, rank], found)
}

/// The index on each axis of a flat place.
pub(super) fn coordinates(mut place: usize, shape: &[usize]) -> Vec<i64> {
    let mut found = vec![0; shape.len()];
    for (at, &extent) in found.iter_mut().zip(shape).rev() {
        *at = (place % extent.max(1)) as i64;
        place /= extent.max(1);
    }
    found
}

/// Each row as bytes that are equal when the rows are.
fn row_keys(tensor: &Tensor, rows: usize) -> Result<Vec<Vec<u8>>> {
    let size = tensor.len() / rows.max(1);
    if let Some(strings) = tensor.elements::<Vec<u8>>() {
        let key = |row: &[Vec<u8>]| {
            let parts = row.iter();
            parts
                .flat_map(|s| [(s.len() as u64).to_le_bytes().to_vec(), s.clone()].concat())
                .collect()
        };
        return Ok(strings.chunks(size.max(1)).map(key).collect());
    }
    let width = tensor.dtype().width().unwrap_or(1) * size;
    Ok(tensor
        .to_bytes()?
        .chunks(width.max(1))
        .map(<[u8]>::to_vec)
        .collect())
}

/// The distinct elements (or rows along an axis) in the order of their first occurrence, and which each element is.
fn unique(cx: &mut Cx<'_>, counts: bool) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    let axis = match cx.def().op.ends_with("V2") {
        true => cx.integers(1)?.first().copied(),
        false => None,
    };
    if axis.is_some_and(|axis| axis != 0) || (axis.is_none() && x.rank() > 1) {
        return Err(Error::unsupported(
            "distinct slices along an axis that is not the first",
        ));
    }
    let rows = x.shape().first().copied().unwrap_or(1);
    let keys = row_keys(&x, rows)?;
    let mut known: BTreeMap<&[u8], usize> = BTreeMap::new();
    let (mut firsts, mut which, mut sums) = (vec![], vec![], vec![]);
    for (number, key) in keys.iter().enumerate() {
        let id = *known.entry(key).or_insert_with(|| {
            firsts.push(number);
            sums.push(0i64);
            firsts.len() - 1
        });
        sums[id] += 1;
        which.push(id as i64);
    }
    let inner = x.shape().get(1..).unwrap_or_default();
    let shape: Vec<usize> = [firsts.len()].iter().chain(inner).copied().collect();
    let size = count(inner)?;
    let places: Vec<usize> = firsts
        .iter()
        .flat_map(|n| n * size..(n + 1) * size)
        .collect();
    let dtype: DType = cx.attr("out_idx")?;
    let mut outputs = vec![
        x.take(&shape, &places)?.into(),
        Tensor::from_integers(dtype, &[which.len()], which)?.into(),
    ];
    if counts {
        outputs.push(Tensor::from_integers(dtype, &[sums.len()], sums)?.into());
    }
    Ok(outputs)
}

/// The elements of the first operand that the second has not, and their places.
fn list_difference(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
    let unwanted: BTreeSet<Vec<u8>> = row_keys(&y, y.len())?.into_iter().collect();
    let keys = row_keys(&x, x.len())?;
    let kept = keys
        .iter()
        .enumerate()
        .filter(|(_, key)| !unwanted.contains(*key));
    let kept: Vec<usize> = kept.map(|(place, _)| place).collect();
    let places = kept.iter().map(|&place| place as i64).collect();
    Ok(vec![
        x.take(&[kept.len()], &kept)?.into(),
        Tensor::from_integers(cx.attr("out_idx")?, &[kept.len()], places)?.into(),
    ])
}

fn partition(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (data, chosen) = (cx.tensor(0)?, cx.tensor(1)?);
    let partitions: usize = cx.attr("num_partitions")?;
    let numbers = cx.integers(1)?;
    let inner = data.shape().get(chosen.rank()..).unwrap_or_default();
    let size = count(inner)?;
    if data.len() != numbers.len() * size {
        return Err(Error::usage("partitions do not fit the data"));
    }
    let mut places = vec![vec![]; partitions.min(1 << 20)];
    for (row, &number) in numbers.iter().enumerate() {
        places[index(number, partitions)?].extend(row * size..(row + 1) * size);
    }
    let part = |places: Vec<usize>| -> Result<Value> {
        let rows = places.len() / size.max(1);
        let shape: Vec<usize> = [rows].iter().chain(inner).copied().collect();
        Ok(data.take(&shape, &places)?.into())
    };
    places.into_iter().map(part).collect()
}

/// Rows of several tensors at the places that as many index tensors name; later ones win.
fn stitch(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let parts = cx.inputs.len() / 2;
    let (indices, data) = (cx.tensors(0..parts)?, cx.tensors(parts..2 * parts)?);
    let first = indices.first().zip(data.first());
    let (first_index, first) = first.ok_or_else(|| Error::malformed("nothing to stitch"))?;
    let inner = first
        .shape()
        .get(first_index.rank()..)
        .unwrap_or_default()
        .to_vec();
    let size = count(&inner)?;
    let mut found: BTreeMap<i64, usize> = BTreeMap::new();
    let mut start = 0;
    for (i, tensor) in data.iter().enumerate() {
        for (row, number) in cx.integers(i)?.into_iter().enumerate() {
            found.insert(number, start + row * size);
        }
        start += tensor.len();
    }
    let rows = found.last_key_value().map_or(0, |(&last, _)| last + 1);
    let rows = usize::try_from(rows).unwrap_or(0);
    let shape: Vec<usize> = [rows].iter().chain(&inner).copied().collect();
    let zeros = super::lists::zeros(first.dtype(), &[size.max(1)])?;
    count(&shape)?;
    let mut all: Vec<&Tensor> = data.iter().map(Arc::as_ref).collect();
    all.push(&zeros);
    let place = |row: i64| found.get(&row).copied().unwrap_or(start);
    let starts = (0..rows as i64).map(place);
    let places: Vec<usize> = starts.flat_map(|at| at..at + size).collect();
    Ok(vec![Tensor::chain(&all)?.take(&shape, &places)?.into()])
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

/// For each value the number of elements of its sorted row that come before it.
fn bound(cx: &mut Cx<'_>, before: fn(f64, f64) -> bool) -> Result<Tensor> {
    let (rows, values) = (cx.tensor(0)?, cx.tensor(1)?);
    let (sorted, wanted) = (rows.to_floats()?, values.to_floats()?);
    let width = rows.shape().last().copied().unwrap_or(0);
    let each = values.shape().last().copied().unwrap_or(0).max(1);
    let place = |(i, &x): (usize, &f64)| {
        let row = i / each * width;
        let row = sorted.get(row..row + width).unwrap_or_default();
        row.partition_point(|&value| before(value, x)) as i64
    };
    let found = wanted.iter().enumerate().map(place).collect();
    Tensor::from_integers(cx.attr("out_type")?, values.shape(), found)
}

fn histogram(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (values, range, bins) = (cx.floats(0)?, cx.floats(1)?, cx.integer(2)?);
    let (low, high) = match range.as_slice() {
        [low, high] if low < high => (*low, *high),
        _ => return Err(Error::usage("a range of two increasing numbers is needed")),
    };
    let count = usize::try_from(bins).ok().filter(|&n| n > 0 && n < 1 << 24);
    let count = count.ok_or_else(|| Error::usage(format!("{bins} bins")))?;
    let step = (high - low) / count as f64;
    let mut counts = vec![0i64; count];
    for value in values {
        let bin = ((value - low) / step)
            .floor()
            .clamp(0.0, (count - 1) as f64);
        counts[bin as usize] += 1;
    }
    Tensor::from_integers(cx.attr("dtype")?, &[count], counts)
}

/// Whether each row's target is among the `k` largest predictions; ties count.
fn in_top_k(cx: &mut Cx<'_>) -> Result<Tensor> {
    let predictions = cx.floats(0)?;
    let classes = cx.tensor(0)?.shape().last().copied().unwrap_or(0);
    let targets = cx.integers(1)?;
    let k = match cx.def().op.ends_with("V2") {
        true => cx.integer(2)?,
        false => cx.attr("k")?,
    };
    let hit = |(row, &target): (usize, &i64)| {
        let scores = predictions
            .get(row * classes..(row + 1) * classes)
            .unwrap_or_default();
        let score = usize::try_from(target)
            .ok()
            .and_then(|target| scores.get(target));
        score.is_some_and(|score| {
            let larger = scores.iter().filter(|other| *other > score).count() as i64;
            score.is_finite() && larger < k
        })
    };
    let hits = targets.iter().enumerate().map(hit).collect();
    Tensor::new(&[targets.len()], hits)
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
