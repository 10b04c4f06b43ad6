//! Tables that are filled from a text file among the assets.

use super::super::cx::Cx;
use super::super::value::Value;
use super::table::fill;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

/// What a column number means that is none.
const LINE_NUMBER: i64 = -1;
const WHOLE_LINE: i64 = -2;

pub(super) fn initialize(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let id = cx.resource(0)?;
    let name = cx.string(1)?;
    let bytes = cx.machine.asset_bytes(&name)?;
    let lines = lines(cx, &bytes)?;
    let delimiter: String = cx.attr("delimiter")?;
    let (key_column, value_column) = (cx.attr("key_index")?, cx.attr("value_index")?);
    let table = cx.machine.table(id)?;
    if table.is_filled() {
        return Ok(vec![]);
    }
    let (key_type, value_type) = (table.key_type, table.value_type);
    let first = cx.attr("offset").unwrap_or(0);
    let column = |column: i64, dtype: DType| parse(&lines, column, &delimiter, first, dtype);
    let keys = column(key_column, key_type)?;
    let values = column(value_column, value_type)?;
    fill(cx.machine.table(id)?, &keys, &values)
}

/// The lines, as many as the vocabulary has.
fn lines<'b>(cx: &Cx<'_>, bytes: &'b [u8]) -> Result<Vec<&'b [u8]>> {
    let size: i64 = cx.attr("vocab_size")?;
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return Err(Error::malformed("the vocabulary file is empty"));
    }
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
    if let Some(number) = lines.iter().position(|line| line.is_empty()) {
        return Err(Error::malformed(format!(
            "the vocabulary has an empty line, {number}"
        )));
    }
    match usize::try_from(size) {
        Ok(size) if size > lines.len() => Err(Error::malformed(format!(
            "the vocabulary has {} lines, and should have {size}",
            lines.len()
        ))),
        Ok(size) => Ok(lines.get(..size).unwrap_or_default().to_vec()),
        Err(_) => Ok(lines),
    }
}

/// A column of the lines; the first line has the number `first`.
fn parse(
    lines: &[&[u8]],
    column: i64,
    delimiter: &str,
    first: i64,
    dtype: DType,
) -> Result<Tensor> {
    if column == LINE_NUMBER {
        let number = |line| first.saturating_add(line);
        let numbers = (0..lines.len() as i64).map(number).collect();
        return Tensor::from_integers(dtype, &[lines.len()], numbers);
    }
    let mut words = Vec::with_capacity(lines.len());
    for line in lines {
        words.push(match column {
            WHOLE_LINE => line.to_vec(),
            column => part(line, column, delimiter.as_bytes())?,
        });
    }
    match dtype {
        DType::String => Tensor::new(&[words.len()], words),
        dtype => numbers(&words, dtype),
    }
}

fn part(line: &[u8], column: i64, delimiter: &[u8]) -> Result<Vec<u8>> {
    let separator = delimiter.first().copied().unwrap_or(b'\t');
    let mut parts = line.split(|&byte| byte == separator);
    let part = usize::try_from(column)
        .ok()
        .and_then(|column| parts.nth(column));
    let missing = || Error::malformed(format!("a line of the vocabulary has no column {column}"));
    part.map(<[u8]>::to_vec).ok_or_else(missing)
}

fn numbers(words: &[Vec<u8>], dtype: DType) -> Result<Tensor> {
    let text = |word: &Vec<u8>| String::from_utf8_lossy(word).trim().to_owned();
    let wrong = |word: &Vec<u8>| {
        Error::malformed(format!(
            "the vocabulary has `{}`, which is no number",
            text(word)
        ))
    };
    if dtype.is_integer() {
        let parse = |word| text(word).parse::<i64>().map_err(|_| wrong(word));
        let numbers = words.iter().map(parse).collect::<Result<_>>()?;
        return Tensor::from_integers(dtype, &[words.len()], numbers);
    }
    let parse = |word| text(word).parse::<f64>().map_err(|_| wrong(word));
    let numbers = words.iter().map(parse).collect::<Result<_>>()?;
    Tensor::from_floats(dtype, &[words.len()], numbers)
}
