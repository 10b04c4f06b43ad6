//! Strings: cases, lengths, parts, joins, comparisons.

use super::super::cx::{Cx, count, elements};
use super::super::value::Value;
use super::numbers::index;
use super::search::coordinates;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::{Tensor, broadcast_shape, broadcast_to};
use crate::ir::DType;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("StringLower", |cx| {
        cased(cx, str::to_lowercase, <[u8]>::to_ascii_lowercase)
    }),
    one("StringUpper", |cx| {
        cased(cx, str::to_uppercase, <[u8]>::to_ascii_uppercase)
    }),
    one("StringStrip", |cx| map(cx, |s| s.trim_ascii().to_vec())),
    one("StringLength", length),
    one("StringJoin", join),
    one("ReduceJoin", reduce_join),
    one("UnsortedSegmentJoin", segment_join),
    one("Substr", substring),
    many("Equal", |cx| equal(cx, true)),
    many("NotEqual", |cx| equal(cx, false)),
    many("Add", add),
    many("AddV2", add),
    one("ReadFile", read_file),
];

/// Each string changed.
pub(super) fn map(cx: &mut Cx<'_>, change: impl Fn(&[u8]) -> Vec<u8>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let changed = elements::<Vec<u8>>(&x)?.iter().map(|s| change(s)).collect();
    Tensor::new(x.shape(), changed)
}

/// Upper or lower case: of ASCII letters, or of all if the encoding is given.
fn cased(
    cx: &mut Cx<'_>,
    unicode: fn(&str) -> String,
    ascii: fn(&[u8]) -> Vec<u8>,
) -> Result<Tensor> {
    let encoding: String = cx.attr("encoding")?;
    map(cx, |s| match encoding.is_empty() {
        true => ascii(s),
        false => unicode(&String::from_utf8_lossy(s)).into_bytes(),
    })
}

/// The places where characters of UTF-8 begin; malformed bytes belong to the character before.
fn starts(string: &[u8]) -> Vec<usize> {
    let begins = |&(_, byte): &(usize, &u8)| byte & 0xC0 != 0x80;
    string
        .iter()
        .enumerate()
        .filter(begins)
        .map(|(place, _)| place)
        .collect()
}

fn counts_characters(cx: &Cx<'_>) -> Result<bool> {
    match cx.attr::<String>("unit")?.as_str() {
        "BYTE" => Ok(false),
        "UTF8_CHAR" => Ok(true),
        other => Err(Error::unsupported(format!("the unit `{other}` of strings"))),
    }
}

fn length(cx: &mut Cx<'_>) -> Result<Tensor> {
    let characters = counts_characters(cx)?;
    let x = cx.tensor(0)?;
    let length = |s: &Vec<u8>| match characters {
        true => starts(s).len() as i32,
        false => s.len() as i32,
    };
    Tensor::new(
        x.shape(),
        elements::<Vec<u8>>(&x)?.iter().map(length).collect(),
    )
}

/// Element-wise joins; a scalar is joined to every element.
fn join(cx: &mut Cx<'_>) -> Result<Tensor> {
    let separator: String = cx.attr("separator")?;
    let operands = cx.tensors(0..cx.inputs.len())?;
    let refs: Vec<&Tensor> = operands.iter().map(Arc::as_ref).collect();
    let shape = broadcast_shape(&refs)?;
    let parts = refs
        .iter()
        .map(|x| broadcast_to(&shape, x))
        .collect::<Result<Vec<Tensor>>>()?;
    let strings = parts
        .iter()
        .map(elements::<Vec<u8>>)
        .collect::<Result<Vec<_>>>()?;
    let joined = |i: usize| {
        let parts: Vec<&[u8]> = strings.iter().map(|all| all[i].as_slice()).collect();
        parts.join(separator.as_bytes())
    };
    Tensor::new(&shape, (0..count(&shape)?).map(joined).collect())
}

/// Joins over axes; the first axis that is named changes fastest, and no axis means all, the last one fastest.
fn reduce_join(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (separator, keep): (String, bool) = (cx.attr("separator")?, cx.attr("keep_dims")?);
    let x = cx.tensor(0)?;
    let strings = elements::<Vec<u8>>(&x)?;
    let rank = x.rank();
    let from_front = |axis: i64| index(if axis < 0 { axis + rank as i64 } else { axis }, rank);
    let mut axes = cx
        .integers(1)?
        .into_iter()
        .map(from_front)
        .collect::<Result<Vec<usize>>>()?;
    if axes.is_empty() {
        axes = (0..rank).rev().collect();
    }
    let extent = |axis: usize| x.shape()[axis];
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let inner: Vec<usize> = axes.iter().rev().map(|&axis| extent(axis)).collect();
    let outer: Vec<usize> = kept.iter().map(|&axis| extent(axis)).collect();
    let mut joined = Vec::with_capacity(count(&outer)?);
    for group in 0..count(&outer)? {
        let mut at = vec![0; rank];
        kept.iter()
            .zip(coordinates(group, &outer))
            .for_each(|(&axis, i)| at[axis] = i as usize);
        let mut parts: Vec<&[u8]> = vec![];
        for member in 0..count(&inner)? {
            let places = coordinates(member, &inner);
            axes.iter()
                .rev()
                .zip(places)
                .for_each(|(&axis, i)| at[axis] = i as usize);
            let place = at
                .iter()
                .zip(x.shape())
                .fold(0, |sum, (i, extent)| sum * extent + i);
            parts.push(&strings[place]);
        }
        joined.push(parts.join(separator.as_bytes()));
    }
    let shape: Vec<usize> = match keep {
        true => (0..rank)
            .map(|axis| {
                if axes.contains(&axis) {
                    1
                } else {
                    extent(axis)
                }
            })
            .collect(),
        false => outer,
    };
    Tensor::new(&shape, joined)
}

fn segment_join(cx: &mut Cx<'_>) -> Result<Tensor> {
    let separator: String = cx.attr("separator")?;
    let (strings, ids) = (cx.strings(0)?, cx.integers(1)?);
    let segments = count(&cx.extents(2)?)?;
    let mut parts: Vec<Vec<&[u8]>> = vec![vec![]; segments];
    for (string, &id) in strings.iter().zip(&ids) {
        parts[index(id, segments)?].push(string);
    }
    let joined = parts
        .iter()
        .map(|parts| parts.join(separator.as_bytes()))
        .collect();
    Tensor::new(&[segments], joined)
}

fn substring(cx: &mut Cx<'_>) -> Result<Tensor> {
    let characters = counts_characters(cx)?;
    let operands = cx.tensors(0..3)?;
    let refs: Vec<&Tensor> = operands.iter().map(Arc::as_ref).collect();
    let shape = broadcast_shape(&refs)?;
    let strings = broadcast_to(&shape, refs[0])?;
    let wrong = || Error::malformed("positions should be integers");
    let integers = |x: &Tensor| broadcast_to(&shape, x)?.as_integers().ok_or_else(wrong);
    let (positions, lengths) = (integers(refs[1])?, integers(refs[2])?);
    let mut parts = vec![];
    for ((string, &start), &length) in elements::<Vec<u8>>(&strings)?
        .iter()
        .zip(&positions)
        .zip(&lengths)
    {
        parts.push(part(string, start, length, characters)?.to_vec());
    }
    Tensor::new(&shape, parts)
}

fn part(string: &[u8], start: i64, length: i64, characters: bool) -> Result<&[u8]> {
    let mut bounds: Vec<usize> = match characters {
        true => starts(string),
        false => (0..string.len()).collect(),
    };
    let units = bounds.len();
    bounds.push(string.len());
    let from = if start < 0 {
        start + units as i64
    } else {
        start
    };
    let from = usize::try_from(from).ok().filter(|&from| from <= units);
    let from = from.ok_or_else(|| Error::usage(format!("pos {start} out of range for string")))?;
    let to = from
        .saturating_add(usize::try_from(length).unwrap_or(0))
        .min(units);
    Ok(&string[bounds[from]..bounds[to]])
}

/// Whether elements are equal; numbers are left to the evaluator.
fn equal(cx: &mut Cx<'_>, wanted: bool) -> Result<Vec<Value>> {
    let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
    if x.dtype() != DType::String || y.dtype() != DType::String {
        return cx.lowered(&[x, y]);
    }
    let shape = broadcast_shape(&[&x, &y])?;
    let (x, y) = (broadcast_to(&shape, &x)?, broadcast_to(&shape, &y)?);
    let pairs = elements::<Vec<u8>>(&x)?
        .iter()
        .zip(elements::<Vec<u8>>(&y)?);
    let flags = pairs.map(|(x, y)| (x == y) == wanted).collect();
    Ok(vec![Tensor::new(&shape, flags)?.into()])
}

/// Strings are joined; numbers are left to the evaluator.
fn add(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (x, y) = (cx.tensor(0)?, cx.tensor(1)?);
    if x.dtype() != DType::String {
        return cx.lowered(&[x, y]);
    }
    let shape = broadcast_shape(&[&x, &y])?;
    let (x, y) = (broadcast_to(&shape, &x)?, broadcast_to(&shape, &y)?);
    let pairs = elements::<Vec<u8>>(&x)?
        .iter()
        .zip(elements::<Vec<u8>>(&y)?);
    let joined = pairs.map(|(x, y)| [x.as_slice(), y].concat()).collect();
    Ok(vec![Tensor::new(&shape, joined)?.into()])
}

/// Only assets are read.
fn read_file(cx: &mut Cx<'_>) -> Result<Tensor> {
    let path = cx.string(0)?;
    Tensor::new(&[], vec![cx.machine.asset_bytes(&path)?])
}
