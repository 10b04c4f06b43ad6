//! Serialized `tf.train.Example`s.

use super::super::cx::{Cx, count};
use super::lists::zeros;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_kernels::example_proto::{Example, Feature};
use savedmodel_import_proto::attr_value;

pub(super) fn strings(cx: &Cx<'_>, name: &str) -> Result<Vec<Vec<u8>>> {
    match cx.stored(name) {
        Some(attr_value::Value::List(list)) => Ok(list.s.iter().map(|s| s.to_vec()).collect()),
        _ => Err(Error::malformed(format!(
            "attribute `{name}` is not a list of strings"
        ))),
    }
}

pub(super) fn shapes(cx: &Cx<'_>, name: &str) -> Result<Vec<Vec<i64>>> {
    match cx.stored(name) {
        Some(attr_value::Value::List(list)) => {
            let shapes = list.shape.iter();
            Ok(shapes
                .map(|shape| shape.dim.iter().map(|dim| dim.size).collect())
                .collect())
        }
        _ => Err(Error::malformed(format!(
            "attribute `{name}` is not a list of shapes"
        ))),
    }
}

/// Types of a list attribute that an op may lack.
pub(super) fn types(cx: &Cx<'_>, name: &str) -> Result<Vec<DType>> {
    match cx.stored(name) {
        Some(_) => cx.types(name),
        None => Ok(vec![]),
    }
}

/// The feature of an example as a tensor of rank 1; `None` if it has none.
pub(super) fn values(example: &Example, key: &[u8], dtype: DType) -> Result<Option<Tensor>> {
    let name = || String::from_utf8_lossy(key).into_owned();
    let tensor = match (example.feature(key), dtype) {
        (None | Some(Feature::Empty), _) => return Ok(None),
        (Some(Feature::Bytes(all)), DType::String) => Tensor::new(&[all.len()], all.clone())?,
        (Some(Feature::Floats(all)), DType::F32) => Tensor::new(&[all.len()], all.clone())?,
        (Some(Feature::Integers(all)), DType::I64) => Tensor::new(&[all.len()], all.clone())?,
        (Some(Feature::Bytes(_) | Feature::Floats(_) | Feature::Integers(_)), dtype) => {
            let message = format!(
                "Key: {}.  Data types don't match. Expected type: {dtype:?}",
                name()
            );
            return Err(Error::usage(message));
        }
    };
    Ok(Some(tensor))
}

pub(super) fn chain(parts: &[Tensor], dtype: DType) -> Result<Tensor> {
    match parts.is_empty() {
        true => zeros(dtype, &[0]),
        false => Tensor::chain(&parts.iter().collect::<Vec<_>>()),
    }
}

pub(super) fn sparse(
    examples: &[Example],
    key: &[u8],
    dtype: DType,
    batch: bool,
) -> Result<[Tensor; 3]> {
    let (mut indices, mut parts, mut longest) = (vec![], vec![], 0);
    for (row, example) in examples.iter().enumerate() {
        let Some(tensor) = values(example, key, dtype)? else {
            continue;
        };
        longest = longest.max(tensor.len());
        for column in 0..tensor.len() as i64 {
            indices.extend(batch.then_some(row as i64).into_iter().chain([column]));
        }
        parts.push(tensor);
    }
    let shape: Vec<i64> = batch
        .then_some(examples.len() as i64)
        .into_iter()
        .chain([longest as i64])
        .collect();
    let values = chain(&parts, dtype)?;
    Ok([
        Tensor::new(&[values.len(), shape.len()], indices)?,
        values,
        Tensor::new(&[shape.len()], shape)?,
    ])
}

pub(super) fn dense(
    examples: &[Example],
    key: &[u8],
    default: &Tensor,
    dtype: DType,
    shape: &[i64],
    batch: bool,
) -> Result<Tensor> {
    let is_variable = shape.first().is_some_and(|&first| first < 0);
    let fixed: Vec<usize> = shape
        .iter()
        .skip(usize::from(is_variable))
        .map(|&n| {
            usize::try_from(n).map_err(|_| Error::unsupported("a dense feature of unknown shape"))
        })
        .collect::<Result<_>>()?;
    let row = count(&fixed)?;
    let mut rows = vec![];
    for example in examples {
        let value = values(example, key, dtype)?;
        rows.push(match value {
            None if is_variable => zeros(dtype, &[0])?,
            None if default.is_empty() && row > 0 => return Err(missing(key)),
            None => default.reshaped(&[default.len()])?,
            Some(value) => value,
        });
    }
    let longest = match is_variable {
        true => rows.iter().map(Tensor::len).max().unwrap_or(0) / row.max(1),
        false => 1,
    };
    for value in &mut rows {
        if value.len() < longest * row && is_variable {
            let filler = vec![default; longest * row - value.len()];
            let parts: Vec<&Tensor> = [&*value].into_iter().chain(filler).collect();
            *value = Tensor::chain(&parts)?;
        }
        if value.len() != longest * row {
            let (name, given) = (String::from_utf8_lossy(key), value.len());
            let message = format!(
                "Key: {name}. Number of values {given} is not {}",
                longest * row
            );
            return Err(Error::usage(message));
        }
    }
    let outer = batch.then_some(examples.len()).into_iter();
    let length = is_variable.then_some(longest);
    let shape: Vec<usize> = outer.chain(length).chain(fixed).collect();
    chain(&rows, dtype)?.reshaped(&shape)
}

pub(super) fn missing(key: &[u8]) -> Error {
    let name = String::from_utf8_lossy(key);
    Error::usage(format!(
        "Feature: {name} (data type) is required but could not be found."
    ))
}

pub(super) fn ragged(examples: &[Example], key: &[u8], dtype: DType) -> Result<(Tensor, Vec<i64>)> {
    let (mut parts, mut ends) = (vec![], vec![0]);
    for example in examples {
        let value = values(example, key, dtype)?;
        let length = value.as_ref().map_or(0, Tensor::len) as i64;
        ends.push(ends[ends.len() - 1] + length);
        parts.extend(value);
    }
    Ok((chain(&parts, dtype)?, ends))
}
