//! Strings taken apart: splits, n-grams.

use super::super::cx::{Cx, elements};
use super::super::value::Value;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    many("StringSplit", |cx| {
        let delimiters = cx.string(1)?;
        let skips: bool = cx.attr("skip_empty")?;
        split(cx, |string| at_any(string, &delimiters, skips))
    }),
    many("StringSplitV2", |cx| {
        let separator = cx.string(1)?;
        let limit: i64 = cx.attr("maxsplit")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        split(cx, |string| match separator.is_empty() {
            true => at_spaces(string, limit),
            false => at_word(string, &separator, limit),
        })
    }),
    many("StringNGrams", n_grams),
];

/// The parts of each string as a sparse matrix.
fn split(cx: &mut Cx<'_>, parts: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    let strings = elements::<Vec<u8>>(&x)?;
    let (mut indices, mut values, mut longest) = (vec![], vec![], 0);
    for (row, string) in strings.iter().enumerate() {
        let found = parts(string);
        longest = longest.max(found.len());
        for (column, part) in found.into_iter().enumerate() {
            indices.extend([row as i64, column as i64]);
            values.push(part);
        }
    }
    let shape = vec![strings.len() as i64, longest as i64];
    Ok(vec![
        Tensor::new(&[values.len(), 2], indices)?.into(),
        Tensor::new(&[values.len()], values)?.into(),
        Tensor::new(&[2], shape)?.into(),
    ])
}

/// Each delimiter byte splits; without any, every byte is a part.
fn at_any(string: &[u8], delimiters: &[u8], skips_empty: bool) -> Vec<Vec<u8>> {
    if delimiters.is_empty() {
        return string.iter().map(|&byte| vec![byte]).collect();
    }
    let parts = string.split(|byte| delimiters.contains(byte));
    parts
        .filter(|part| !skips_empty || !part.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

fn at_spaces(string: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut parts = vec![];
    let mut rest = string.trim_ascii_start();
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(rest.to_vec());
            break;
        }
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        parts.push(rest[..end].to_vec());
        rest = rest[end..].trim_ascii_start();
    }
    parts
}

fn at_word(string: &[u8], separator: &[u8], limit: usize) -> Vec<Vec<u8>> {
    let mut parts = vec![];
    let mut rest = string;
    while parts.len() < limit {
        let found = rest
            .windows(separator.len())
            .position(|window| window == separator);
        let Some(end) = found else { break };
        parts.push(rest[..end].to_vec());
        rest = &rest[end + separator.len()..];
    }
    parts.push(rest.to_vec());
    parts
}

/// The n-grams of each row of a ragged tensor of strings.
fn n_grams(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let grams = Grams {
        separator: cx.attr::<String>("separator")?.into_bytes(),
        left: cx.attr::<String>("left_pad")?.into_bytes(),
        right: cx.attr::<String>("right_pad")?.into_bytes(),
        padding: cx.attr("pad_width")?,
        keeps_short: cx.attr("preserve_short_sequences")?,
    };
    let widths: Vec<usize> = cx.attr("ngram_widths")?;
    let (data, splits) = (cx.strings(0)?, cx.extents(1)?);
    let (mut all, mut ends) = (vec![], vec![0i64]);
    for pair in splits.windows(2) {
        let row = data.get(pair[0]..pair[1]);
        let row = row.ok_or_else(|| Error::usage("row splits do not fit the data"))?;
        for &width in &widths {
            grams.add(row, width, &mut all);
        }
        if grams.keeps_short && all.len() as i64 == ends[ends.len() - 1] && !row.is_empty() {
            all.push(row.join(grams.separator.as_slice()));
        }
        ends.push(all.len() as i64);
    }
    let dtype: DType = cx.attr("Tsplits")?;
    Ok(vec![
        Tensor::new(&[all.len()], all)?.into(),
        Tensor::from_integers(dtype, &[ends.len()], ends)?.into(),
    ])
}

struct Grams {
    separator: Vec<u8>,
    left: Vec<u8>,
    right: Vec<u8>,
    padding: i64,
    keeps_short: bool,
}

impl Grams {
    fn add(&self, row: &[Vec<u8>], width: usize, all: &mut Vec<Vec<u8>>) {
        let most = width.saturating_sub(1);
        let padding = usize::try_from(self.padding).map_or(most, |padding| padding.min(most));
        let pads = |pad: &[u8]| vec![pad.to_vec(); if pad.is_empty() { 0 } else { padding }];
        let padded = [pads(&self.left), row.to_vec(), pads(&self.right)].concat();
        let grams = padded.windows(width.max(1));
        all.extend(grams.map(|gram| gram.join(self.separator.as_slice())));
    }
}
