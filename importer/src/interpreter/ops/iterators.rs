//! Iterators over finite datasets, and what takes a dataset apart.

use super::super::Machine;
use super::super::control::truth;
use super::super::cx::{Cx, count};
use super::super::state::Resource;
use super::super::value::{ResourceId, Value, Variant};
use super::datasets::{Elements, LIMIT, call, captured, dataset, elements, elements_of};
use super::lists::{rows, zeros};
use super::table::fill;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use savedmodel_import_proto::attr_value;

pub(super) const OPS: &[Row] = &[
    many("Iterator", named),
    many("IteratorV2", named),
    many("AnonymousIterator", |cx| Ok(vec![fresh(cx)])),
    many("AnonymousIteratorV2", |cx| {
        Ok(vec![fresh(cx), Value::variant(Variant::Empty)])
    }),
    many("AnonymousIteratorV3", |cx| Ok(vec![fresh(cx)])),
    many("OneShotIterator", one_shot),
    many("MakeIterator", |cx| {
        let all = elements(cx, 0)?;
        let id = cx.resource(1)?;
        *iterator(&mut cx.machine, id)? = Iterator::over(all);
        Ok(vec![])
    }),
    many("DeleteIterator", |_| Ok(vec![])),
    many("IteratorGetNext", |cx| {
        let end = || Error::usage("End of sequence");
        next(cx)?.ok_or_else(end)
    }),
    many("IteratorGetNextSync", |cx| {
        let end = || Error::usage("End of sequence");
        next(cx)?.ok_or_else(end)
    }),
    many("IteratorGetNextAsOptional", |cx| {
        let optional = Variant::Optional(next(cx)?);
        Ok(vec![Value::variant(optional)])
    }),
    many("DatasetToSingleElement", |cx| {
        let mut all = elements(cx, 0)?;
        match (all.pop(), all.is_empty()) {
            (Some(element), true) => Ok(element),
            (Some(_), false) => Err(Error::usage("Dataset had more than one element.")),
            (None, _) => Err(Error::usage("Dataset was empty.")),
        }
    }),
    many("TakeWhileDataset", take_while),
    many("UnbatchDataset", unbatch),
    many("PaddedBatchDataset", padded_batch),
    many("PaddedBatchDatasetV2", padded_batch),
    many("TextLineDataset", text_lines),
    many("InitializeTableFromDataset", table),
    many("FinalizeDataset", |cx| dataset(elements(cx, 0)?)),
    many("IgnoreErrorsDataset", |cx| dataset(elements(cx, 0)?)),
    many("AssertCardinalityDataset", |cx| dataset(elements(cx, 0)?)),
    many("AssertNextDataset", |cx| dataset(elements(cx, 0)?)),
];

/// A dataset's elements, and which of them is next.
#[derive(Debug, Default)]
pub(in crate::interpreter) struct Iterator {
    elements: Elements,
    next: usize,
}

impl Iterator {
    fn over(elements: Elements) -> Self {
        Iterator { elements, next: 0 }
    }
}

fn named(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let name = cx.shared_name();
    let empty = || Resource::Iterator(Iterator::default());
    let id = cx.machine.state.shared("iterator", &name, empty);
    Ok(vec![Value::Resource(id)])
}

fn fresh(cx: &mut Cx<'_>) -> Value {
    let empty = Resource::Iterator(Iterator::default());
    Value::Resource(cx.machine.state.add(empty))
}

/// An iterator that a function of the model gives the dataset of, when it is first met.
fn one_shot(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let name = cx.shared_name();
    let key = ("iterator", name.clone());
    if let Some(&id) = cx.machine.state.shared.get(&key) {
        return Ok(vec![Value::Resource(id)]);
    }
    let made = call(cx, "dataset_factory", vec![], &[])?;
    let made = made
        .first()
        .ok_or_else(|| Error::malformed("the factory gives no dataset"))?;
    let all = elements_of(made)?;
    let iterator = || Resource::Iterator(Iterator::over(all));
    let id = cx.machine.state.shared("iterator", &name, iterator);
    Ok(vec![Value::Resource(id)])
}

fn iterator<'m>(machine: &'m mut Machine<'_>, id: ResourceId) -> Result<&'m mut Iterator> {
    match machine.state.resource(id)? {
        Resource::Iterator(iterator) => Ok(iterator),
        Resource::Variable(_)
        | Resource::Table(_)
        | Resource::TensorArray(_)
        | Resource::Stack(_)
        | Resource::Token => Err(Error::unsupported(
            "an iterator over a dataset outside of the function is not supported",
        )),
    }
}

/// The next element; `None` at the end.
fn next(cx: &mut Cx<'_>) -> Result<Option<Vec<Value>>> {
    let id = cx.resource(0)?;
    let iterator = iterator(&mut cx.machine, id)?;
    let element = iterator.elements.get(iterator.next).cloned();
    iterator.next += usize::from(element.is_some());
    Ok(element)
}

fn take_while(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let captured = captured(cx, 1)?;
    let mut kept = vec![];
    for element in elements(cx, 0)? {
        let verdict = call(cx, "predicate", element.clone(), &captured)?;
        let verdict = verdict.first();
        let verdict = verdict.ok_or_else(|| Error::malformed("a predicate without a result"))?;
        if !truth(verdict.tensor()?)? {
            break;
        }
        kept.push(element);
    }
    dataset(kept)
}

/// An element for each row of each element.
fn unbatch(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let mut single: Elements = vec![];
    for element in elements(cx, 0)? {
        let components = element.iter().map(|part| rows(part.tensor()?));
        let components = components.collect::<Result<Vec<_>>>()?;
        let length = components.iter().map(Vec::len).min().unwrap_or(0);
        for row in 0..length {
            let parts = components.iter().map(|rows| rows[row].clone().into());
            single.push(parts.collect());
        }
        if single.len() > LIMIT {
            break;
        }
    }
    dataset(single)
}

/// Operands: the dataset, the size, a shape and a filler per component, and whether an incomplete batch is dropped.
fn padded_batch(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let size = usize::try_from(cx.integer(1)?).unwrap_or(0).max(1);
    let width = match cx.stored("Toutput_types") {
        Some(attr_value::Value::List(list)) => list.r#type.len(),
        _ => 0,
    };
    let drops = cx.inputs.len() > 2 + 2 * width && truth(&*cx.tensor(2 + 2 * width)?)?;
    let mut batches = vec![];
    for members in elements(cx, 0)?.chunks(size) {
        if drops && members.len() < size {
            break;
        }
        let mut components = vec![];
        for component in 0..width {
            let parts = members.iter().filter_map(|element| element.get(component));
            let parts = parts.map(Value::tensor).collect::<Result<Vec<_>>>()?;
            let wanted = cx.integers(2 + component)?;
            let filler = cx.tensor(2 + width + component)?;
            components.push(padded(&parts, &wanted, &filler)?.into());
        }
        batches.push(components);
    }
    dataset(batches)
}

/// Tensors of one rank, filled up to the same extents; where none is given, to the largest.
fn padded(parts: &[&std::sync::Arc<Tensor>], wanted: &[i64], filler: &Tensor) -> Result<Tensor> {
    let mut extents = vec![];
    for (axis, &extent) in wanted.iter().enumerate() {
        let given = parts
            .iter()
            .map(|part| part.shape().get(axis).copied().unwrap_or(0));
        let largest = given.max().unwrap_or(0);
        extents.push(match usize::try_from(extent) {
            Ok(extent) if extent < largest => {
                return Err(Error::usage(format!(
                    "Attempted to pad to a smaller size than the input element: {largest} to {extent}"
                )));
            }
            Ok(extent) => extent,
            Err(_) => largest,
        });
    }
    let total = count(&extents)?;
    count(&[parts.len(), total])?;
    let mut filled = vec![];
    for part in parts {
        if part.rank() != extents.len() {
            return Err(Error::usage("elements of a padded batch differ in rank"));
        }
        let both = Tensor::chain(&[part, filler])?;
        let places: Vec<usize> = (0..total)
            .map(|at| place(at, &extents, part.shape()))
            .collect();
        filled.push(both.take(&extents, &places)?);
    }
    let shape: Vec<usize> = [filled.len()].into_iter().chain(extents).collect();
    match filled.is_empty() {
        true => zeros(filler.dtype(), &shape),
        false => Tensor::chain(&filled.iter().collect::<Vec<_>>())?.reshaped(&shape),
    }
}

/// Where the element at a place of the larger shape is in the smaller one; its length for a place outside.
fn place(at: usize, large: &[usize], small: &[usize]) -> usize {
    let (mut rest, mut place, mut stride) = (at, 0, 1);
    let mut is_outside = false;
    for (&large, &small) in large.iter().zip(small).rev() {
        let coordinate = rest % large.max(1);
        rest /= large.max(1);
        is_outside |= coordinate >= small;
        place += coordinate * stride;
        stride *= small;
    }
    if is_outside { stride } else { place }
}

/// The lines of assets.
fn text_lines(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    if !cx.string(1)?.is_empty() {
        return Err(Error::unsupported("lines of a compressed file"));
    }
    let mut lines: Elements = vec![];
    for name in cx.strings(0)? {
        let bytes = cx.machine.asset_bytes(&name)?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            lines.push(vec![Tensor::new(&[], vec![line])?.into()]);
        }
    }
    dataset(lines)
}

/// Fills a table from a dataset of pairs.
fn table(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let id = cx.resource(0)?;
    let (mut keys, mut values) = (vec![], vec![]);
    for element in elements(cx, 1)? {
        let [key, value] = element.as_slice() else {
            return Err(Error::usage("a table is filled from pairs"));
        };
        keys.push(key.tensor()?.clone());
        values.push(value.tensor()?.clone());
    }
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let chain = |parts: &[std::sync::Arc<Tensor>]| {
        Tensor::chain(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    };
    let (keys, values) = (chain(&keys)?, chain(&values)?);
    fill(cx.machine.table(id)?, &keys, &values)
}
