//! Small ops on indices, diagonals, bits and strings.

use super::super::cx::{Cx, count, elements};
use super::super::value::Value;
use super::lists::zeros;
use super::numbers::{Join, Numbers, index};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_kernels::hashes::fingerprint;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const OPS: &[Row] = &[
    one("DataFormatDimMap", axis_map),
    one("DataFormatVecPermute", permute),
    one("UnravelIndex", unravel),
    one("NthElement", nth),
    one("Diag", diagonal),
    one("DiagPart", diagonal_part),
    one("Reverse", reverse),
    one("ToBool", |cx| {
        let verdict = super::super::control::truth(&*cx.tensor(0)?)?;
        Tensor::new(&[], vec![verdict])
    }),
    one("PopulationCount", ones),
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
    one("DecodePaddedRaw", padded_raw),
    one("Angle", |cx| complex(cx, |[re, im]| im.atan2(re))),
    one("ComplexAbs", |cx| complex(cx, |[re, im]| re.hypot(im))),
    one("EditDistance", edit_distance),
];

/// The letters of a format and where each of the source's is in the destination.
fn formats(cx: &Cx<'_>) -> Result<(String, String)> {
    Ok((cx.attr("src_format")?, cx.attr("dst_format")?))
}

fn position(letter: char, format: &str) -> Result<usize> {
    let found = format.chars().position(|other| other == letter);
    found.ok_or_else(|| Error::malformed(format!("the format {format} has no {letter}")))
}

fn axis_map(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (from, to) = formats(cx)?;
    let axes = cx.tensor(0)?;
    let letters: Vec<char> = from.chars().collect();
    let map = |axis: &i64| {
        let axis = if *axis < 0 {
            axis + letters.len() as i64
        } else {
            *axis
        };
        Ok(position(letters[index(axis, letters.len())?], &to)? as i64)
    };
    let mapped = cx.integers(0)?.iter().map(map).collect::<Result<_>>()?;
    Tensor::from_integers(axes.dtype(), axes.shape(), mapped)
}

/// A vector, or rows of pairs, in the order of another format. One of the spatial axes alone leaves out batch and channels.
fn permute(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (mut from, mut to) = formats(cx)?;
    let x = cx.tensor(0)?;
    let rows = x.shape().first().copied().unwrap_or(0);
    if rows + 2 == from.len() {
        from.retain(|letter| !matches!(letter, 'N' | 'C'));
        to.retain(|letter| !matches!(letter, 'N' | 'C'));
    }
    if rows != from.len() || rows != to.len() {
        return Err(Error::usage(format!(
            "{rows} numbers do not fit the format {from}"
        )));
    }
    let row = x.len() / rows.max(1);
    let mut places = vec![];
    for letter in to.chars() {
        let start = position(letter, &from)? * row;
        places.extend(start..start + row);
    }
    x.take(x.shape(), &places)
}

fn unravel(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (indices, dims) = (cx.tensor(0)?, cx.extents(1)?);
    let total = count(&dims)?;
    let flat = cx.integers(0)?;
    let mut coordinates = vec![0; dims.len() * flat.len()];
    for (column, &place) in flat.iter().enumerate() {
        let mut rest = index(place, total)?;
        for (axis, extent) in dims.iter().enumerate().rev() {
            coordinates[axis * flat.len() + column] = (rest % extent) as i64;
            rest /= extent;
        }
    }
    let shape: Vec<usize> = [dims.len()]
        .iter()
        .chain(indices.shape())
        .copied()
        .collect();
    Tensor::from_integers(indices.dtype(), &shape, coordinates)
}

fn nth(cx: &mut Cx<'_>) -> Result<Tensor> {
    let reverse: bool = cx.attr("reverse")?;
    let x = cx.tensor(0)?;
    let Some((&width, outer)) = x.shape().split_last() else {
        return Err(Error::usage("input must be >= 1-D"));
    };
    let n = index(cx.integer(1)?, width)?;
    let n = if reverse { width - 1 - n } else { n };
    let numbers = x.to_floats()?;
    let mut places = vec![];
    for row in 0..numbers.len() / width.max(1) {
        let mut order: Vec<usize> = (row * width..(row + 1) * width).collect();
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        places.push(order[n]);
    }
    x.take(outer, &places)
}

fn diagonal(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let shape = x.shape().repeat(2);
    let total = count(&shape)?;
    let both = Tensor::chain(&[&x, &zeros(x.dtype(), &[1])?])?;
    let mut places = vec![x.len(); total];
    (0..x.len()).for_each(|i| places[i * x.len() + i] = i);
    both.take(&shape, &places)
}

fn diagonal_part(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (first, second) = x.shape().split_at(x.rank() / 2);
    if first != second || first.is_empty() {
        return Err(Error::usage(format!(
            "a tensor of shape {:?} has no diagonal",
            x.shape()
        )));
    }
    let size = count(first)?;
    let places: Vec<usize> = (0..size).map(|i| i * size + i).collect();
    x.take(first, &places)
}

fn reverse(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (x, flags) = (cx.tensor(0)?, cx.tensor(1)?);
    let flags = elements::<bool>(&flags)?;
    if flags.len() != x.rank() {
        return Err(Error::usage("'dims' needs a flag for each axis"));
    }
    let place = |at: usize| {
        let (mut rest, mut place, mut stride) = (at, 0, 1);
        for (&extent, &flips) in x.shape().iter().zip(flags).rev() {
            let own = rest % extent;
            rest /= extent;
            place += if flips { extent - 1 - own } else { own } * stride;
            stride *= extent;
        }
        place
    };
    let places: Vec<usize> = (0..x.len()).map(place).collect();
    x.take(x.shape(), &places)
}

fn ones(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let width = x.dtype().width().unwrap_or(1).max(1);
    let bytes = x.to_bytes()?;
    let ones = bytes
        .chunks(width)
        .map(|item| item.iter().map(|b| b.count_ones() as u8).sum());
    Tensor::new(x.shape(), ones.collect::<Vec<u8>>())
}

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

fn padded_raw(cx: &mut Cx<'_>) -> Result<Tensor> {
    let dtype: DType = cx.attr("out_type")?;
    let little: bool = cx.attr("little_endian")?;
    let (strings, length) = (cx.tensor(0)?, cx.integer(1)?);
    let width = dtype.width().unwrap_or(1);
    let length = usize::try_from(length)
        .ok()
        .filter(|n| *n > 0 && n % width == 0);
    let length = length.ok_or_else(|| {
        Error::usage(format!(
            "fixed_length must be a positive multiple of {width}"
        ))
    })?;
    let shape: Vec<usize> = strings
        .shape()
        .iter()
        .copied()
        .chain([length / width])
        .collect();
    let mut bytes = Vec::with_capacity(count(&shape)?.saturating_mul(width));
    for string in elements::<Vec<u8>>(&strings)? {
        let mut own = string.clone();
        own.resize(length, 0);
        if !little {
            own.chunks_mut(width).for_each(<[u8]>::reverse);
        }
        bytes.extend(own);
    }
    Tensor::from_bytes(dtype, &shape, &bytes)
}

fn complex(cx: &mut Cx<'_>, of: fn([f64; 2]) -> f64) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (parts, dtype): (Vec<[f64; 2]>, DType) = match x.dtype() {
        DType::C128 => {
            let all = elements::<num_complex::Complex64>(&x)?;
            (all.iter().map(|z| [z.re, z.im]).collect(), DType::F64)
        }
        _ => {
            let all = elements::<num_complex::Complex32>(&x)?;
            (
                all.iter().map(|z| [z.re.into(), z.im.into()]).collect(),
                DType::F32,
            )
        }
    };
    Tensor::from_floats(dtype, x.shape(), parts.into_iter().map(of).collect())
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
