//! Counts of values by row, sparse and ragged, sizes of sets, and records of text.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_proto::attr_value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const OPS: &[Row] = &[
    many("DenseCountSparseOutput", |cx| {
        let rows = dense_rows(cx, 0)?;
        let weights = cx.floats(1)?;
        sparse_counts(cx, rows, weights)
    }),
    many("SparseCountSparseOutput", |cx| {
        let rows = sparse_rows(cx)?;
        let weights = cx.floats(3)?;
        sparse_counts(cx, rows, weights)
    }),
    many("RaggedCountSparseOutput", |cx| {
        let rows = ragged_rows(cx)?;
        let weights = cx.floats(2)?;
        sparse_counts(cx, rows, weights)
    }),
    one("RaggedBincount", |cx| {
        let rows = ragged_rows(cx)?;
        let (size, weights) = (cx.integer(2)?, cx.floats(3)?);
        dense_counts(cx, rows, size, weights, 3)
    }),
    one("SparseBincount", |cx| {
        let rows = sparse_rows(cx)?;
        let (size, weights) = (cx.integer(3)?, cx.floats(4)?);
        dense_counts(cx, rows, size, weights, 4)
    }),
    one("SetSize", |cx| {
        let (indices, shape) = (cx.tensor(0)?, cx.extents(2)?);
        let values = cx.tensor(1)?;
        let rank = indices.shape().last().copied().unwrap_or(0).max(1);
        let outer = shape
            .get(..shape.len().saturating_sub(1))
            .unwrap_or_default()
            .to_vec();
        let mut sets: Vec<BTreeSet<Vec<u8>>> = vec![BTreeSet::new(); count(&outer)?];
        for (number, at) in cx.integers(0)?.chunks(rank).enumerate() {
            let mut group = 0;
            for (&i, &extent) in at.iter().zip(&outer) {
                group = group * extent + index(i, extent)?;
            }
            let value = values.take(&[1], &[number])?;
            let key = match value.elements::<Vec<u8>>() {
                Some(strings) => strings.concat(),
                None => value.to_bytes()?,
            };
            sets[group].insert(key);
        }
        Tensor::new(&outer, sets.iter().map(|set| set.len() as i32).collect())
    }),
    many("DecodeCSV", decode_csv),
];

/// Of each row the values with their places among all.
struct Rows {
    rows: Vec<Vec<(usize, i64)>>,
    is_vector: bool,
}

fn dense_rows(cx: &mut Cx<'_>, operand: usize) -> Result<Rows> {
    let x = cx.tensor(operand)?;
    let width = x.shape().last().copied().unwrap_or(1).max(1);
    let all: Vec<(usize, i64)> = cx.integers(operand)?.into_iter().enumerate().collect();
    Ok(Rows {
        rows: all.chunks(width).map(<[_]>::to_vec).collect(),
        is_vector: x.rank() == 1,
    })
}

/// Operands: indices, values, shape.
fn sparse_rows(cx: &mut Cx<'_>) -> Result<Rows> {
    let (indices, values, shape) = (cx.integers(0)?, cx.integers(1)?, cx.extents(2)?);
    let is_vector = shape.len() == 1;
    let rows = if is_vector {
        1
    } else {
        shape.first().copied().unwrap_or(0)
    };
    count(&[rows])?;
    let mut found = vec![vec![]; rows];
    for ((place, &value), at) in values
        .iter()
        .enumerate()
        .zip(indices.chunks(shape.len().max(1)))
    {
        let row = if is_vector { 0 } else { index(at[0], rows)? };
        found[row].push((place, value));
    }
    Ok(Rows {
        rows: found,
        is_vector,
    })
}

/// Operands: splits, values.
fn ragged_rows(cx: &mut Cx<'_>) -> Result<Rows> {
    let (splits, values) = (cx.extents(0)?, cx.integers(1)?);
    let mut rows = vec![];
    for pair in splits.windows(2) {
        let row = values.get(pair[0]..pair[1]);
        let row = row.ok_or_else(|| Error::usage("row splits do not fit the values"))?;
        rows.push(
            row.iter()
                .enumerate()
                .map(|(i, &value)| (pair[0] + i, value))
                .collect(),
        );
    }
    Ok(Rows {
        rows,
        is_vector: false,
    })
}

fn sparse_counts(cx: &mut Cx<'_>, rows: Rows, weights: Vec<f64>) -> Result<Vec<Value>> {
    let (least, most): (i64, i64) = (cx.attr("minlength")?, cx.attr("maxlength")?);
    let binary: bool = cx.attr("binary_output")?;
    let dtype: DType = cx.attr("output_type")?;
    let mut largest = -1;
    let (mut indices, mut counts) = (vec![], vec![]);
    for (number, row) in rows.rows.iter().enumerate() {
        let mut found: BTreeMap<i64, f64> = BTreeMap::new();
        for &(place, value) in row.iter().filter(|(_, value)| most < 0 || *value < most) {
            let weight = weights.get(place).copied().unwrap_or(1.0);
            let sum = found.entry(value).or_default();
            *sum = if binary { 1.0 } else { *sum + weight };
            largest = largest.max(value);
        }
        for (value, sum) in found {
            indices.extend(
                (!rows.is_vector)
                    .then_some(number as i64)
                    .into_iter()
                    .chain([value]),
            );
            counts.push(sum);
        }
    }
    let length = if most >= 0 {
        most
    } else {
        (largest + 1).max(least)
    };
    let shape: Vec<i64> = (!rows.is_vector)
        .then_some(rows.rows.len() as i64)
        .into_iter()
        .chain([length])
        .collect();
    Ok(vec![
        Tensor::new(&[counts.len(), shape.len()], indices)?.into(),
        Tensor::from_floats(dtype, &[counts.len()], counts)?.into(),
        Tensor::new(&[shape.len()], shape)?.into(),
    ])
}

fn dense_counts(
    cx: &mut Cx<'_>,
    rows: Rows,
    size: i64,
    weights: Vec<f64>,
    weight: usize,
) -> Result<Tensor> {
    let binary: bool = cx.attr("binary_output")?;
    let dtype = cx.tensor(weight)?.dtype();
    let size = usize::try_from(size).map_err(|_| Error::usage("a negative number of bins"))?;
    let mut counts = vec![0.0; count(&[rows.rows.len(), size])?];
    for (number, row) in rows.rows.iter().enumerate() {
        for &(place, value) in row {
            if let Some(bin) = usize::try_from(value).ok().filter(|&bin| bin < size) {
                let sum = &mut counts[number * size + bin];
                *sum = if binary {
                    1.0
                } else {
                    *sum + weights.get(place).copied().unwrap_or(1.0)
                };
            }
        }
    }
    let shape: Vec<usize> = (!rows.is_vector)
        .then_some(rows.rows.len())
        .into_iter()
        .chain([size])
        .collect();
    Tensor::from_floats(dtype, &shape, counts)
}

/// Operands: lines, then a default for each column; an empty default means that the column must not be.
fn decode_csv(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let lines = cx.tensor(0)?;
    let delimiter = cx
        .attr::<String>("field_delim")?
        .bytes()
        .next()
        .unwrap_or(b',');
    let (quotes, missing): (bool, String) = (cx.attr("use_quote_delim")?, cx.attr("na_value")?);
    let selected: Vec<usize> = cx.attr("select_cols")?;
    let types = match cx.stored("OUT_TYPE") {
        Some(attr_value::Value::List(_)) => cx.types("OUT_TYPE")?,
        _ => vec![],
    };
    let mut columns: Vec<Vec<Vec<u8>>> = vec![vec![]; types.len()];
    for line in cx.strings(0)? {
        let fields = fields(&line, delimiter, quotes);
        for (column, values) in columns.iter_mut().enumerate() {
            let place = selected.get(column).copied().unwrap_or(column);
            let field = fields.get(place).cloned();
            let field = field.ok_or_else(|| Error::usage("a line has too few fields"))?;
            values.push(if field == missing.as_bytes() {
                vec![]
            } else {
                field
            });
        }
    }
    let mut outputs = vec![];
    for (column, (values, dtype)) in columns.into_iter().zip(types).enumerate() {
        let default = cx.tensor(1 + column)?;
        outputs.push(parsed(values, dtype, &default, lines.shape())?.into());
    }
    Ok(outputs)
}

fn fields(line: &[u8], delimiter: u8, quotes: bool) -> Vec<Vec<u8>> {
    let (mut fields, mut field, mut quoted) = (vec![], vec![], false);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quotes && quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(b'"');
            }
            b'"' if quotes => quoted = !quoted,
            byte if byte == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            byte => field.push(byte),
        }
    }
    fields.push(field);
    fields
}

fn parsed(values: Vec<Vec<u8>>, dtype: DType, default: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if dtype == DType::String {
        let own = default
            .elements::<Vec<u8>>()
            .and_then(<[_]>::first)
            .cloned();
        let fill = |value: Vec<u8>| match (value.is_empty(), &own) {
            (true, Some(default)) => default.clone(),
            (_, _) => value,
        };
        return Tensor::new(shape, values.into_iter().map(fill).collect());
    }
    let own = default.to_floats()?.first().copied();
    let mut numbers = vec![];
    for value in values {
        let text = String::from_utf8_lossy(value.trim_ascii()).into_owned();
        let number = match text.is_empty() {
            true => own,
            false => text.parse::<f64>().ok(),
        };
        numbers
            .push(number.ok_or_else(|| Error::usage(format!("the field `{text}` is no number")))?);
    }
    Tensor::from_floats(dtype, shape, numbers)
}
