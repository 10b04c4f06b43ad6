//! Serialized `tf.train.SequenceExample`s: a context as in an Example, and lists of features.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::example::{chain, dense, missing, ragged, shapes, sparse, strings, types, values};
use super::lists::zeros;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_kernels::example_proto::{Example, Feature, feature_lists};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("ParseSequenceExampleV2", |cx| {
        let context_dense = cx.strings(3)?;
        let may_lack = cx.tensor(8)?;
        let flags = may_lack.elements::<bool>().unwrap_or_default();
        let lists_dense = cx.strings(6)?;
        let flag = |i: usize| flags.get(i).or(flags.first()).copied().unwrap_or(false);
        let request = Request {
            context_sparse: cx.strings(2)?,
            context_ragged: cx.strings(4)?,
            defaults: cx.tensors(9..9 + context_dense.len())?,
            context_dense,
            lists_sparse: cx.strings(5)?,
            lists_dense: lists_dense
                .into_iter()
                .enumerate()
                .map(|(i, key)| (key, flag(i)))
                .collect(),
            lists_ragged: cx.strings(7)?,
        };
        parse(cx, request)
    }),
    many("ParseSequenceExample", |cx| {
        let context_dense = strings(cx, "context_dense_keys")?;
        let optional = strings(cx, "feature_list_dense_missing_assumed_empty")?;
        let lists_dense = strings(cx, "feature_list_dense_keys")?.into_iter();
        let request = Request {
            context_sparse: strings(cx, "context_sparse_keys")?,
            context_ragged: vec![],
            defaults: cx.tensors(2..2 + context_dense.len())?,
            context_dense,
            lists_sparse: strings(cx, "feature_list_sparse_keys")?,
            lists_dense: lists_dense
                .map(|key| (key.clone(), optional.contains(&key)))
                .collect(),
            lists_ragged: vec![],
        };
        parse(cx, request)
    }),
    many("ParseSingleSequenceExample", single),
];

/// Which features are wanted, by form.
struct Request {
    context_sparse: Vec<Vec<u8>>,
    context_dense: Vec<Vec<u8>>,
    context_ragged: Vec<Vec<u8>>,
    /// What stands for a dense feature of the context that is missing.
    defaults: Vec<Arc<Tensor>>,
    lists_sparse: Vec<Vec<u8>>,
    /// With whether a list that is missing is an empty one.
    lists_dense: Vec<(Vec<u8>, bool)>,
    lists_ragged: Vec<Vec<u8>>,
}

/// Keys are operands, one each.
fn single(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let optional = cx.strings(1)?;
    let mut at = 2;
    let mut keys = |cx: &mut Cx<'_>, name: &str| -> Result<Vec<Vec<u8>>> {
        let count: usize = cx.attr(name)?;
        at += count;
        (at - count..at).map(|i| cx.string(i)).collect()
    };
    let context_sparse = keys(cx, "Ncontext_sparse")?;
    let context_dense = keys(cx, "Ncontext_dense")?;
    let lists_sparse = keys(cx, "Nfeature_list_sparse")?;
    let lists_dense = keys(cx, "Nfeature_list_dense")?.into_iter();
    let lists_dense = lists_dense
        .map(|key| (key.clone(), optional.contains(&key)))
        .collect();
    let request = Request {
        defaults: cx.tensors(at..at + context_dense.len())?,
        context_sparse,
        context_dense,
        context_ragged: vec![],
        lists_sparse,
        lists_dense,
        lists_ragged: vec![],
    };
    let lists = request.lists_dense.len();
    let mut outputs = parse(cx, request)?;
    // This op gives no lengths.
    outputs.truncate(outputs.len() - lists);
    Ok(outputs)
}

/// A list of features: each step as an example that has this feature alone.
type Steps = BTreeMap<Vec<u8>, Vec<Feature>>;

fn parse(cx: &mut Cx<'_>, request: Request) -> Result<Vec<Value>> {
    let batch = cx.tensor(0)?.rank() > 0;
    let serialized = cx.strings(0)?;
    let read = serialized.iter().map(|bytes| Ok(Example::parse(bytes)?));
    let contexts = read.collect::<Result<Vec<_>>>()?;
    let read = serialized.iter().map(|bytes| Ok(feature_lists(bytes)?));
    let lists = read.collect::<Result<Vec<_>>>()?;
    let mut outputs = context(cx, &request, &contexts, batch)?;
    let mut groups = vec![vec![]; 8];
    let sparse_types = types(cx, "feature_list_sparse_types")?;
    for (key, &dtype) in request.lists_sparse.iter().zip(&sparse_types) {
        push(&mut groups[..3], sparse_list(&lists, key, dtype, batch)?);
    }
    let dense_types = types(cx, "feature_list_dense_types")?;
    let dense_shapes = shapes(cx, "feature_list_dense_shapes")?;
    let pairs = dense_types.iter().zip(&dense_shapes);
    for ((key, may_lack), (&dtype, shape)) in request.lists_dense.iter().zip(pairs) {
        let made = dense_list(&lists, (key, *may_lack), dtype, shape, batch)?;
        push(&mut groups[3..5], made);
    }
    let ragged_types = types(cx, "feature_list_ragged_value_types")?;
    let split_types = types(cx, "feature_list_ragged_split_types")?;
    let pairs = ragged_types.iter().zip(&split_types);
    for (key, (&dtype, &split)) in request.lists_ragged.iter().zip(pairs) {
        push(&mut groups[5..], ragged_list(&lists, key, dtype, split)?);
    }
    outputs.extend(groups.concat());
    Ok(outputs)
}

fn push<const N: usize>(groups: &mut [Vec<Value>], made: [Tensor; N]) {
    let pairs = groups.iter_mut().zip(made);
    pairs.for_each(|(group, tensor)| group.push(tensor.into()));
}

fn context(cx: &mut Cx<'_>, request: &Request, all: &[Example], batch: bool) -> Result<Vec<Value>> {
    let mut groups = vec![vec![]; 6];
    let sparse_types = types(cx, "context_sparse_types")?;
    for (key, &dtype) in request.context_sparse.iter().zip(&sparse_types) {
        push(&mut groups[..3], sparse(all, key, dtype, batch)?);
    }
    let (dense_types, dense_shapes) = (
        types(cx, "Tcontext_dense")?,
        shapes(cx, "context_dense_shapes")?,
    );
    let wanted = request.context_dense.iter().zip(&request.defaults);
    for ((key, default), (&dtype, shape)) in wanted.zip(dense_types.iter().zip(&dense_shapes)) {
        push(
            &mut groups[3..4],
            [dense(all, key, default, dtype, shape, batch)?],
        );
    }
    let ragged_types = types(cx, "context_ragged_value_types")?;
    let split_types = types(cx, "context_ragged_split_types")?;
    let pairs = ragged_types.iter().zip(&split_types);
    for (key, (&dtype, &split)) in request.context_ragged.iter().zip(pairs) {
        let (flat, ends) = ragged(all, key, dtype)?;
        let ends = Tensor::from_integers(split, &[ends.len()], ends)?;
        push(&mut groups[4..], [flat, ends]);
    }
    Ok(groups.concat())
}

/// The values of each step of an example's list; `None` where it has no such list.
fn steps(lists: &Steps, key: &[u8], dtype: DType) -> Result<Option<Vec<Tensor>>> {
    let Some(list) = lists.get(key) else {
        return Ok(None);
    };
    let read = |feature: &Feature| -> Result<Tensor> {
        let example = Example::of(key, feature.clone());
        Ok(match values(&example, key, dtype)? {
            Some(tensor) => tensor,
            None => zeros(dtype, &[0])?,
        })
    };
    list.iter().map(read).collect::<Result<Vec<_>>>().map(Some)
}

fn sparse_list(all: &[Steps], key: &[u8], dtype: DType, batch: bool) -> Result<[Tensor; 3]> {
    let (mut indices, mut parts) = (vec![], vec![]);
    let (mut longest, mut widest) = (0, 0);
    for (row, lists) in all.iter().enumerate() {
        let steps = steps(lists, key, dtype)?.unwrap_or_default();
        longest = longest.max(steps.len() as i64);
        for (time, step) in steps.into_iter().enumerate() {
            widest = widest.max(step.len() as i64);
            for column in 0..step.len() as i64 {
                indices.extend(batch.then_some(row as i64));
                indices.extend([time as i64, column]);
            }
            parts.push(step);
        }
    }
    let outer = batch.then_some(all.len() as i64);
    let shape: Vec<i64> = outer.into_iter().chain([longest, widest]).collect();
    let values = chain(&parts, dtype)?;
    Ok([
        Tensor::new(&[values.len(), shape.len()], indices)?,
        values,
        Tensor::new(&[shape.len()], shape)?,
    ])
}

/// Steps of one shape, filled up to the longest list; and how long each list is.
fn dense_list(
    all: &[Steps],
    (key, may_lack): (&[u8], bool),
    dtype: DType,
    shape: &[i64],
    batch: bool,
) -> Result<[Tensor; 2]> {
    let extent = |&n: &i64| {
        usize::try_from(n).map_err(|_| Error::unsupported("a dense feature of unknown shape"))
    };
    let row: Vec<usize> = shape.iter().map(extent).collect::<Result<_>>()?;
    let size = count(&row)?;
    let mut rows = vec![];
    for lists in all {
        match steps(lists, key, dtype)? {
            None if !may_lack => return Err(missing(key)),
            found => rows.push(found.unwrap_or_default()),
        }
    }
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    count(&[rows.len(), longest, size])?;
    let mut parts = vec![];
    for steps in &rows {
        for step in steps {
            if step.len() != size {
                let (name, given) = (String::from_utf8_lossy(key), step.len());
                return Err(Error::usage(format!(
                    "Feature list: {name}. Number of values {given} is not {size}"
                )));
            }
        }
        parts.extend(steps.iter().cloned());
        parts.push(zeros(dtype, &[count(&[longest - steps.len(), size])?])?);
    }
    let outer = batch.then_some(all.len());
    let full: Vec<usize> = outer.into_iter().chain([longest]).chain(row).collect();
    let lengths: Vec<i64> = rows.iter().map(|steps| steps.len() as i64).collect();
    let outer: Vec<usize> = outer.into_iter().collect();
    Ok([
        chain(&parts, dtype)?.reshaped(&full)?,
        Tensor::new(&outer, lengths)?,
    ])
}

/// The values of all steps, where each example's steps end, where each step's values end.
fn ragged_list(all: &[Steps], key: &[u8], dtype: DType, split: DType) -> Result<[Tensor; 3]> {
    let (mut parts, mut outer, mut inner) = (vec![], vec![0], vec![0]);
    for lists in all {
        for step in steps(lists, key, dtype)?.unwrap_or_default() {
            inner.push(inner[inner.len() - 1] + step.len() as i64);
            parts.push(step);
        }
        outer.push(parts.len() as i64);
    }
    Ok([
        chain(&parts, dtype)?,
        Tensor::from_integers(split, &[outer.len()], outer)?,
        Tensor::from_integers(split, &[inner.len()], inner)?,
    ])
}
