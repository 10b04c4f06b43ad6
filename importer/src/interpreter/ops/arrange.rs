//! Small ops on indices, strings and whole tensors.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::{Join, Numbers, index};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use savedmodel_import_kernels::hashes::fingerprint;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const OPS: &[Row] = &[
    one("ToBool", |cx| {
        let verdict = super::super::control::truth(&*cx.tensor(0)?)?;
        Tensor::new(&[], vec![verdict])
    }),
    one("InplaceUpdate", |cx| inplace(cx, Join::Update)),
    one("InplaceAdd", |cx| inplace(cx, Join::Add)),
    one("InplaceSub", |cx| inplace(cx, Join::Sub)),
    one("ParallelConcat", |cx| {
        let parts = cx.tensors(0..cx.inputs.len())?;
        let refs: Vec<&Tensor> = parts.iter().map(AsRef::as_ref).collect();
        let inner = refs
            .first()
            .and_then(|part| part.shape().get(1..))
            .unwrap_or_default();
        let shape: Vec<usize> = [refs.len()].iter().chain(inner).copied().collect();
        Tensor::chain(&refs)?.reshaped(&shape)
    }),
    many("RefSelect", |cx| {
        let at = index(cx.integer(0)?, cx.inputs.len().saturating_sub(1))?;
        Ok(vec![cx.value(1 + at)?.clone()])
    }),
    one("Timestamp", |_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Tensor::new(&[], vec![now.map_or(0.0, |now| now.as_secs_f64())])
    }),
    one("Fingerprint", hash_rows),
    one("EditDistance", edit_distance),
];

/// Operands: the tensor, rows, what joins each of them.
fn inplace(cx: &mut Cx<'_>, join: Join) -> Result<Tensor> {
    let (x, rows, other) = (cx.tensor(0)?, cx.integers(1)?, cx.tensor(2)?);
    let height = x.shape().first().copied().unwrap_or(0);
    let width = x.len() / height.max(1);
    let mut numbers = Numbers::of(&x)?;
    let mut places = vec![];
    for (from, row) in rows.iter().enumerate() {
        let to = index(row.rem_euclid(height.max(1) as i64), height)?;
        places.extend((0..width).map(|i| (to * width + i, from * width + i)));
    }
    numbers.join(join, &Numbers::of(&other)?, places.into_iter())?;
    numbers.tensor(x.dtype(), x.shape())
}

/// FarmHash's fingerprint of each row, as bytes from the lowest.
fn hash_rows(cx: &mut Cx<'_>) -> Result<Tensor> {
    if cx.string(1)? != b"farmhash64" {
        return Err(Error::unsupported(
            "a fingerprint by another method than farmhash64",
        ));
    }
    let x = cx.tensor(0)?;
    let Some(&rows) = x.shape().first() else {
        return Err(Error::usage("data must have a batch dimension"));
    };
    let hashes: Vec<u64> = match x.elements::<Vec<u8>>() {
        Some(strings) if strings.len() == rows => strings.iter().map(|s| fingerprint(s)).collect(),
        Some(strings) => {
            let row = (strings.len() / rows.max(1)).max(1);
            let hashes = |row: &[Vec<u8>]| -> Vec<u8> {
                row.iter()
                    .flat_map(|s| fingerprint(s).to_le_bytes())
                    .collect()
            };
            strings
                .chunks(row)
                .map(|row| fingerprint(&hashes(row)))
                .collect()
        }
        None => {
            let bytes = x.to_bytes()?;
            let row = (bytes.len() / rows.max(1)).max(1);
            bytes.chunks(row).map(fingerprint).collect()
        }
    };
    let bytes = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
    Tensor::new(&[hashes.len(), 8], bytes)
}

/// Levenshtein's distance between the sequences of two sparse tensors, along their last axis.
fn edit_distance(cx: &mut Cx<'_>) -> Result<Tensor> {
    let normalize: bool = cx.attr("normalize")?;
    let (left, right) = (sequences(cx, 0)?, sequences(cx, 3)?);
    let both = cx.extents(2)?.into_iter().zip(cx.extents(5)?);
    let mut shape: Vec<usize> = both.map(|(a, b)| a.max(b)).collect();
    shape.pop();
    let mut distances = vec![0.0f32; count(&shape)?];
    let empty = vec![];
    for (place, distance) in distances.iter_mut().enumerate() {
        let key = coordinates(place, &shape);
        let a = left.get(&key).unwrap_or(&empty);
        let b = right.get(&key).unwrap_or(&empty);
        *distance = match (normalize, b.is_empty()) {
            (true, true) if a.is_empty() => 0.0,
            (true, true) => f32::INFINITY,
            (true, false) => levenshtein(a, b) as f32 / b.len() as f32,
            (false, _) => levenshtein(a, b) as f32,
        };
    }
    Tensor::new(&shape, distances)
}

fn coordinates(place: usize, shape: &[usize]) -> Vec<i64> {
    let mut rest = place;
    let mut all: Vec<i64> = shape
        .iter()
        .rev()
        .map(|extent| {
            let own = rest % extent;
            rest /= extent;
            own as i64
        })
        .collect();
    all.reverse();
    all
}

type Sequences = std::collections::BTreeMap<Vec<i64>, Vec<Vec<u8>>>;

fn sequences(cx: &mut Cx<'_>, at: usize) -> Result<Sequences> {
    let (indices, values) = (cx.tensor(at)?, cx.tensor(at + 1)?);
    let rank = indices.shape().get(1).copied().unwrap_or(1).max(1);
    let items: Vec<Vec<u8>> = match values.elements::<Vec<u8>>() {
        Some(strings) => strings.to_vec(),
        None => {
            let width = values.dtype().width().unwrap_or(1).max(1);
            values
                .to_bytes()?
                .chunks(width)
                .map(<[u8]>::to_vec)
                .collect()
        }
    };
    let mut sequences = Sequences::new();
    for (row, item) in cx.integers(at)?.chunks(rank).zip(items) {
        sequences
            .entry(row[..rank - 1].to_vec())
            .or_default()
            .push(item);
    }
    Ok(sequences)
}

fn levenshtein(a: &[Vec<u8>], b: &[Vec<u8>]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// A row for what has no outputs here.
pub(super) fn nothing(_: &mut Cx<'_>) -> Result<Vec<Value>> {
    Ok(vec![])
}
