//! Strings taken apart: splits, n-grams.

use super::array::{Array, Error, Result};
use super::string_tensor::StringTensor;

/// The parts of each string of a list as a sparse matrix: indices, values and shape. Without a separator, runs of white space
/// split. `limit` splits at most, if it is not negative.
///
/// # Errors
/// The parts are too many.
pub fn split(
    words: &StringTensor,
    separator: &str,
    limit: i64,
) -> Result<(Array, StringTensor, Array)> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    sparse(words, |word| match separator.is_empty() {
        true => at_spaces(word, limit),
        false => at_word(word, separator.as_bytes(), limit),
    })
}

/// [`split`] at each byte of `delimiters`, or after every byte without any.
///
/// # Errors
/// The parts are too many.
pub fn split_at_any(
    words: &StringTensor,
    delimiters: &str,
    skip_empty: bool,
) -> Result<(Array, StringTensor, Array)> {
    sparse(words, |word| {
        at_any(word, delimiters.as_bytes(), skip_empty)
    })
}

fn sparse(
    words: &StringTensor,
    parts: impl Fn(&[u8]) -> Vec<Vec<u8>>,
) -> Result<(Array, StringTensor, Array)> {
    let (mut indices, mut values, mut longest) = (vec![], vec![], 0);
    for (row, word) in words.data().iter().enumerate() {
        let found = parts(word);
        longest = longest.max(found.len());
        for (column, part) in found.into_iter().enumerate() {
            indices.extend([row as i64, column as i64]);
            values.push(part);
        }
    }
    let shape = vec![words.data().len() as i64, longest as i64];
    let count = values.len();
    Ok((
        Array::integers(&[count, 2], indices)?,
        StringTensor::of(&[count], values),
        Array::integers(&[2], shape)?,
    ))
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

/// The n-grams of each row of a ragged tensor of strings, and where the rows of n-grams begin and end: of each of `widths`,
/// joined by `separator`, over rows that have `padding` (or, if negative, as many as fit) copies of `pads` before and after
/// them; `keep_short` gives a row that has no n-grams as one.
///
/// # Errors
/// `splits` are not of the words.
pub fn n_grams(
    words: &StringTensor,
    splits: &Array,
    separator: &str,
    widths: &[i64],
    pads: &[&str],
    padding: i64,
    keep_short: bool,
) -> Result<(StringTensor, Array)> {
    let grams = Grams {
        separator: separator.as_bytes(),
        left: pads.first().unwrap_or(&"").as_bytes(),
        right: pads.get(1).unwrap_or(&"").as_bytes(),
        padding,
    };
    let (mut all, mut ends) = (vec![], vec![0i64]);
    for pair in splits.to_i64().windows(2) {
        let bounds = usize::try_from(pair[0])
            .ok()
            .zip(usize::try_from(pair[1]).ok());
        let row = bounds.and_then(|(from, to)| words.data().get(from..to));
        let row = row.ok_or_else(|| Error::new("row splits do not fit the data"))?;
        let before = all.len();
        for &width in widths {
            grams.add(row, usize::try_from(width).unwrap_or(0), &mut all);
        }
        if keep_short && all.len() == before && !row.is_empty() {
            all.push(row.join(grams.separator));
        }
        ends.push(all.len() as i64);
    }
    let splits = Array::integers(&[ends.len()], ends)?.to(splits.element());
    Ok((StringTensor::of(&[all.len()], all), splits))
}

struct Grams<'a> {
    separator: &'a [u8],
    left: &'a [u8],
    right: &'a [u8],
    padding: i64,
}

impl Grams<'_> {
    fn add(&self, row: &[Vec<u8>], width: usize, all: &mut Vec<Vec<u8>>) {
        let most = width.saturating_sub(1);
        let padding = usize::try_from(self.padding).map_or(most, |padding| padding.min(most));
        let pads = |pad: &[u8]| vec![pad.to_vec(); if pad.is_empty() { 0 } else { padding }];
        let padded = [pads(self.left), row.to_vec(), pads(self.right)].concat();
        let grams = padded.windows(width.max(1));
        all.extend(grams.map(|gram| gram.join(self.separator)));
    }
}
