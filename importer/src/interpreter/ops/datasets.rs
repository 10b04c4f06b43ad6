//! Finite datasets, computed at once: what functions that capture one map, scan and reduce.

use super::super::control::truth;
use super::super::cx::Cx;
use super::super::value::{Value, Variant};
use super::lists::rows;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use savedmodel_import_proto::attr_value;

pub(super) const OPS: &[Row] = &[
    many("RangeDataset", range),
    many("TensorDataset", |cx| {
        let components = plain(cx, 0..cx.inputs.len())?;
        dataset(vec![components])
    }),
    many("TensorSliceDataset", slices),
    many("MapDataset", map),
    many("ParallelMapDataset", map),
    many("ParallelMapDatasetV2", map),
    many("FlatMapDataset", flat_map),
    many("InterleaveDataset", interleave),
    many("ParallelInterleaveDatasetV2", interleave),
    many("ParallelInterleaveDatasetV3", interleave),
    many("ParallelInterleaveDatasetV4", interleave),
    many("FilterDataset", filter),
    many("ScanDataset", |cx| scan(cx, true)),
    many("ReduceDataset", |cx| scan(cx, false)),
    many("TakeDataset", |cx| {
        let count = usize::try_from(cx.integer(1)?).unwrap_or(usize::MAX);
        dataset(elements(cx, 0)?.into_iter().take(count).collect())
    }),
    many("SkipDataset", |cx| {
        let count = usize::try_from(cx.integer(1)?).unwrap_or(usize::MAX);
        dataset(elements(cx, 0)?.into_iter().skip(count).collect())
    }),
    many("RepeatDataset", repeat),
    many("ConcatenateDataset", |cx| {
        let second = elements(cx, 1)?;
        dataset(elements(cx, 0)?.into_iter().chain(second).collect())
    }),
    many("ZipDataset", zip),
    many("BatchDataset", batch),
    many("BatchDatasetV2", batch),
    many("PrefetchDataset", same),
    many("CacheDataset", same),
    many("CacheDatasetV2", same),
    many("OptionsDataset", same),
    many("ModelDataset", same),
    many("RewriteDataset", same),
    many("OptimizeDataset", same),
    many("OptimizeDatasetV2", same),
    many("MaxIntraOpParallelismDataset", same),
    many("PrivateThreadPoolDataset", same),
    one("DatasetCardinality", |cx| {
        Tensor::new(&[], vec![elements(cx, 0)?.len() as i64])
    }),
];

/// A dataset may have this many elements.
pub(super) const LIMIT: usize = 1 << 20;

/// The components of each element.
pub(super) type Elements = Vec<Vec<Value>>;

pub(super) fn dataset(elements: Elements) -> Result<Vec<Value>> {
    match elements.len() <= LIMIT {
        true => Ok(vec![Value::variant(Variant::Dataset(elements))]),
        false => Err(Error::unsupported(format!(
            "a dataset of more than {LIMIT} elements"
        ))),
    }
}

pub(super) fn elements(cx: &Cx<'_>, i: usize) -> Result<Elements> {
    elements_of(cx.value(i)?)
}

/// The elements of the dataset that a value is.
pub(super) fn elements_of(value: &Value) -> Result<Elements> {
    let first = match value {
        Value::Variant(tensor) => tensor.items.first(),
        Value::Tensor(_) | Value::Resource(_) | Value::Reference(_) => None,
    };
    match first {
        Some(Variant::Dataset(elements)) => Ok(elements.clone()),
        Some(Variant::Empty | Variant::List { .. } | Variant::Ragged(_) | Variant::Optional(_))
        | None => Err(Error::malformed("the value is not a dataset")),
    }
}

fn same(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    dataset(elements(cx, 0)?)
}

/// Operands, of which references are read.
fn plain(cx: &mut Cx<'_>, range: std::ops::Range<usize>) -> Result<Vec<Value>> {
    range
        .map(|i| cx.machine.plain(cx.value(i)?.clone()))
        .collect()
}

fn range(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (start, stop, step) = (cx.integer(0)?, cx.integer(1)?, cx.integer(2)?);
    let dtype = cx
        .types("output_types")?
        .first()
        .copied()
        .unwrap_or(crate::ir::DType::I64);
    let mut numbers = vec![];
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        if numbers.len() > LIMIT {
            break;
        }
        numbers.push(vec![Tensor::from_integers(dtype, &[], vec![at])?.into()]);
        at = at.saturating_add(step);
    }
    dataset(numbers)
}

/// An element for each row of the operands.
fn slices(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let components = cx.tensors(0..cx.inputs.len())?;
    let mut all: Elements = vec![];
    for tensor in &components {
        let rows = rows(tensor)?;
        all.resize(rows.len().max(all.len()), vec![]);
        all.iter_mut()
            .zip(rows)
            .for_each(|(element, row)| element.push(row.into()));
    }
    dataset(all)
}

/// How many types a list attribute has.
fn arity(cx: &Cx<'_>, name: &str) -> usize {
    match cx.stored(name) {
        Some(attr_value::Value::List(list)) => list.r#type.len(),
        _ => 0,
    }
}

/// The function in an attribute, for these arguments and the operands that it captures.
pub(super) fn call(
    cx: &mut Cx<'_>,
    function: &str,
    arguments: Vec<Value>,
    captured: &[Value],
) -> Result<Vec<Value>> {
    let name = match cx.stored(function) {
        Some(attr_value::Value::Func(function)) => function.name.as_str(),
        _ => {
            return Err(Error::malformed(format!(
                "attribute `{function}` is not a function"
            )));
        }
    };
    cx.machine
        .call(name, [arguments.as_slice(), captured].concat())
}

/// The operands after the first `from` that the function captures.
pub(super) fn captured(cx: &mut Cx<'_>, from: usize) -> Result<Vec<Value>> {
    let count = arity(cx, "Targuments");
    plain(cx, from..from + count)
}

fn map(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let captured = captured(cx, 1)?;
    let mut mapped = vec![];
    for element in elements(cx, 0)? {
        mapped.push(call(cx, "f", element, &captured)?);
    }
    dataset(mapped)
}

fn flat_map(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let captured = captured(cx, 1)?;
    let mut joined = vec![];
    for element in elements(cx, 0)? {
        let inner = call(cx, "f", element, &captured)?;
        let missing = || Error::malformed("the function gives no dataset");
        joined.extend(elements_of(inner.first().ok_or_else(missing)?)?);
        if joined.len() > LIMIT {
            break;
        }
    }
    dataset(joined)
}

/// Operands after what the function captures: how many datasets take turns, and how long a turn is.
fn interleave(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let captured = captured(cx, 1)?;
    let at = 1 + captured.len();
    let positive = |n: i64| usize::try_from(n).ok().filter(|&n| n > 0);
    let wrong = || Error::usage("an interleaved dataset needs a cycle and a block");
    let width = positive(cx.integer(at)?).ok_or_else(wrong)?;
    let block = positive(cx.integer(at + 1)?).ok_or_else(wrong)?;
    let mut waiting = elements(cx, 0)?.into_iter();
    let mut cycle: Vec<Option<std::vec::IntoIter<Vec<Value>>>> = vec![];
    cycle.resize_with(width.min(LIMIT), || None);
    let mut joined = vec![];
    loop {
        let mut is_done = true;
        for slot in &mut cycle {
            if slot.is_none()
                && let Some(element) = waiting.next()
            {
                let inner = call(cx, "f", element, &captured)?;
                let missing = || Error::malformed("the function gives no dataset");
                *slot = Some(elements_of(inner.first().ok_or_else(missing)?)?.into_iter());
            }
            if let Some(inner) = slot {
                is_done = false;
                let before = joined.len();
                joined.extend(inner.take(block));
                if joined.len() - before < block {
                    *slot = None;
                }
            }
        }
        if is_done || joined.len() > LIMIT {
            return dataset(joined);
        }
    }
}

fn filter(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let captured = captured(cx, 1)?;
    let mut kept = vec![];
    for element in elements(cx, 0)? {
        let verdict = call(cx, "predicate", element.clone(), &captured)?;
        let verdict = verdict
            .first()
            .ok_or_else(|| Error::malformed("a predicate without a result"))?;
        if truth(verdict.tensor()?)? {
            kept.push(element);
        }
    }
    dataset(kept)
}

/// Operands: the dataset, the first state, what the function captures. The function takes the state and an element; it
/// gives the next state, and for a scan an element too.
fn scan(cx: &mut Cx<'_>, gives_elements: bool) -> Result<Vec<Value>> {
    let width = arity(cx, "Tstate");
    let mut state = plain(cx, 1..1 + width)?;
    let captured = captured(cx, 1 + width)?;
    let mut made = vec![];
    for element in elements(cx, 0)? {
        let mut outputs = call(cx, "f", [state.as_slice(), &element].concat(), &captured)?;
        if outputs.len() < width {
            return Err(Error::malformed("the function gives less than its state"));
        }
        made.push(outputs.split_off(width));
        state = outputs;
    }
    match gives_elements {
        true => dataset(made),
        false => Ok(state),
    }
}

fn repeat(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let elements = elements(cx, 0)?;
    let times = usize::try_from(cx.integer(1)?)
        .map_err(|_| Error::unsupported("a dataset that repeats without an end"))?;
    if elements.len().saturating_mul(times) > LIMIT {
        return dataset(vec![vec![]; LIMIT + 1]);
    }
    dataset((0..times).flat_map(|_| elements.iter().cloned()).collect())
}

fn zip(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let mut joined = elements(cx, 0)?;
    for i in 1..cx.inputs.len() {
        let other = elements(cx, i)?;
        joined.truncate(other.len());
        joined
            .iter_mut()
            .zip(other)
            .for_each(|(element, other)| element.extend(other));
    }
    dataset(joined)
}

fn batch(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let size = usize::try_from(cx.integer(1)?).unwrap_or(0).max(1);
    let drops = cx.inputs.len() > 2 && truth(&*cx.tensor(2)?)?;
    let mut batches = vec![];
    for members in elements(cx, 0)?.chunks(size) {
        if drops && members.len() < size {
            break;
        }
        let mut components = vec![];
        for i in 0..members.first().map_or(0, Vec::len) {
            let parts = members.iter().filter_map(|element| element.get(i));
            let parts = parts
                .map(|part| part.tensor().cloned())
                .collect::<Result<Vec<_>>>()?;
            let refs: Vec<&Tensor> = parts.iter().map(AsRef::as_ref).collect();
            let inner = refs
                .first()
                .map(|part| part.shape().to_vec())
                .unwrap_or_default();
            let shape: Vec<usize> = [refs.len()].into_iter().chain(inner).collect();
            components.push(Tensor::chain(&refs)?.reshaped(&shape)?.into());
        }
        batches.push(components);
    }
    dataset(batches)
}
