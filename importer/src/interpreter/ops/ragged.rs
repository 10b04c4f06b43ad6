//! Ragged tensors: rows of different lengths, as splits and flat values.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::{Tensor, broadcast_to};
use savedmodel_import_proto::attr_value;

pub(super) const OPS: &[Row] = &[
    one("RaggedTensorToTensor", to_tensor),
    many("RaggedRange", range),
    many("RaggedGather", gather),
    many("RaggedTensorToSparse", to_sparse),
];

/// A row is not longer.
const ROW_LIMIT: i64 = 1 << 27;

/// How a level of a ragged tensor is divided into rows.
enum Partition {
    FirstDimension(usize),
    RowIds(Vec<i64>),
    Splits(Vec<i64>),
}

impl Partition {
    /// The lengths of the rows, of which there are `parents`.
    fn lengths(&self, parents: usize) -> Result<Vec<usize>> {
        let mut lengths = vec![0; parents];
        match self {
            Partition::FirstDimension(size) => lengths = vec![*size],
            Partition::RowIds(ids) => {
                for &id in ids {
                    lengths[index(id, parents)?] += 1;
                }
            }
            Partition::Splits(splits) => {
                lengths = splits
                    .windows(2)
                    .map(|pair| pair[1].saturating_sub(pair[0]).max(0) as usize)
                    .collect();
            }
        }
        Ok(lengths)
    }
}

fn partitions(cx: &mut Cx<'_>, first: usize) -> Result<Vec<Partition>> {
    let names: Vec<String> = match cx.stored("row_partition_types") {
        Some(attr_value::Value::List(list)) => list
            .s
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
        _ => {
            return Err(Error::malformed(
                "attribute `row_partition_types` is missing",
            ));
        }
    };
    let mut found = vec![];
    for (i, name) in names.iter().enumerate() {
        found.push(match name.as_str() {
            "FIRST_DIM_SIZE" => {
                let size = cx.extents(first + i)?.first().copied().unwrap_or(0);
                Partition::FirstDimension(size)
            }
            "VALUE_ROWIDS" => Partition::RowIds(cx.integers(first + i)?),
            "ROW_SPLITS" => Partition::Splits(cx.integers(first + i)?),
            other => return Err(Error::unsupported(format!("the row partition `{other}`"))),
        });
    }
    Ok(found)
}

/// Operands: the shape, of which -1 is free, the flat values, the default, and the partitions.
fn to_tensor(cx: &mut Cx<'_>) -> Result<Tensor> {
    let shape = cx.integers(0)?;
    let (values, default) = (cx.tensor(1)?, cx.tensor(2)?);
    let partitions = partitions(cx, 3)?;
    let mut levels: Vec<Vec<usize>> = vec![];
    for partition in &partitions {
        let lengths = match (partition, levels.last()) {
            (Partition::FirstDimension(size), None) => {
                levels.push(vec![*size]);
                continue;
            }
            (Partition::Splits(splits), None) => {
                levels.push(vec![splits.len().saturating_sub(1)]);
                partition.lengths(0)?
            }
            (Partition::RowIds(ids), None) => {
                let rows = ids.last().map_or(0, |&last| last + 1) as usize;
                levels.push(vec![rows]);
                partition.lengths(rows)?
            }
            (_, Some(above)) => partition.lengths(above.iter().sum())?,
        };
        levels.push(lengths);
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let mut dense: Vec<usize> = levels
        .iter()
        .map(|lengths| lengths.iter().copied().max().unwrap_or(0))
        .collect();
    dense.extend(inner);
    if shape.len() == dense.len() {
        for (extent, &wanted) in dense.iter_mut().zip(&shape) {
            *extent = usize::try_from(wanted).unwrap_or(*extent);
        }
    }
    let outer = dense.get(..levels.len()).unwrap_or_default().to_vec();
    let mut places = vec![None; count(&outer)?];
    let mut flat = Flat {
        levels: &levels,
        starts: levels.iter().map(|lengths| starts(lengths)).collect(),
        shape: &outer,
        places: &mut places,
    };
    flat.fill(0, 0, Some(0));
    assemble(&values, &default, &places, &dense, levels.len())
}

fn starts(lengths: &[usize]) -> Vec<usize> {
    let add = |sum: &mut usize, &length: &usize| {
        let start = *sum;
        *sum += length;
        Some(start)
    };
    lengths.iter().scan(0, add).collect()
}

struct Flat<'a> {
    levels: &'a [Vec<usize>],
    starts: Vec<Vec<usize>>,
    shape: &'a [usize],
    /// The row of the flat values at each place.
    places: &'a mut [Option<usize>],
}

impl Flat<'_> {
    /// Fills the places below one row of a level.
    fn fill(&mut self, level: usize, place: usize, row: Option<usize>) {
        let Some((&extent, row)) = self.shape.get(level).zip(row) else {
            if let Some(slot) = self.places.get_mut(place) {
                *slot = row;
            }
            return;
        };
        let at = |of: &[Vec<usize>]| of[level].get(row).copied().unwrap_or(0);
        let (length, start) = (at(self.levels), at(&self.starts));
        for i in 0..extent.min(length) {
            self.fill(level + 1, place * extent + i, Some(start + i));
        }
    }
}

fn assemble(
    values: &Tensor,
    default: &Tensor,
    places: &[Option<usize>],
    dense: &[usize],
    ragged: usize,
) -> Result<Tensor> {
    let inner = dense.get(ragged..).unwrap_or_default();
    let size = count(inner)?;
    count(dense)?;
    let default = broadcast_to(inner, default)?;
    let all = Tensor::chain(&[values, &default])?;
    let start = |place: &Option<usize>| place.map_or(values.len(), |row| row * size);
    let places: Vec<usize> = places
        .iter()
        .flat_map(|p| start(p)..start(p) + size)
        .collect();
    all.take(dense, &places)
}

/// A range for each row.
fn range(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let bounds = cx.tensors(0..3)?;
    let dtype = bounds[0].dtype();
    let numbers = bounds
        .iter()
        .map(|x| x.to_floats())
        .collect::<Result<Vec<_>>>()?;
    let rows = bounds
        .iter()
        .map(|x| x.shape().first().copied().unwrap_or(1))
        .max()
        .unwrap_or(1);
    let rows = match bounds.iter().find(|x| x.rank() > 0) {
        Some(vector) => vector.len(),
        None => rows,
    };
    let at = |x: &[f64], row: usize| x.get(if x.len() == 1 { 0 } else { row }).copied();
    let (mut splits, mut values) = (vec![0i64], vec![]);
    for row in 0..rows {
        let bound = |i: usize| {
            at(&numbers[i], row).ok_or_else(|| Error::usage("the bounds differ in length"))
        };
        let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
        if step == 0.0 {
            return Err(Error::usage("Requires delta != 0"));
        }
        let length = ((limit - start) / step).ceil().max(0.0);
        if length > 1e8 {
            return Err(Error::unsupported("a range is too long"));
        }
        values.extend((0..length as usize).map(|i| start + i as f64 * step));
        splits.push(values.len() as i64);
    }
    let splits = Tensor::from_integers(cx.attr("Tsplits")?, &[splits.len()], splits)?;
    let values = match dtype.is_integer() {
        true => {
            let integers = values.iter().map(|&x| x as i64).collect();
            Tensor::from_integers(dtype, &[values.len()], integers)?
        }
        false => Tensor::from_floats(dtype, &[values.len()], values)?,
    };
    Ok(vec![splits.into(), values.into()])
}

/// Rows of a ragged tensor: operands are its splits, its flat values, and the numbers of the rows.
fn gather(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let levels: usize = cx.attr("PARAMS_RAGGED_RANK")?;
    let mut splits = vec![];
    for i in 0..levels {
        splits.push(cx.integers(i)?);
    }
    let dtype = cx.tensor(0)?.dtype();
    let (values, indices) = (cx.tensor(levels)?, cx.tensor(levels + 1)?);
    let numbers = cx.integers(levels + 1)?;
    let mut outputs = vec![];
    if indices.rank() > 1 {
        let inner: i64 = indices.shape()[1..].iter().product::<usize>() as i64;
        let rows = (0..=indices.shape()[0] as i64)
            .map(|row| row * inner)
            .collect::<Vec<_>>();
        outputs.push(Tensor::from_integers(dtype, &[rows.len()], rows)?.into());
    }
    let mut rows: Vec<i64> = numbers;
    for splits in &splits {
        let (mut ends, mut below) = (vec![0i64], vec![]);
        for &row in &rows {
            let row = index(row, splits.len().saturating_sub(1))?;
            let (start, end) = (splits[row], splits[row + 1]);
            if end.saturating_sub(start) > ROW_LIMIT {
                return Err(Error::usage("row splits do not fit the values"));
            }
            below.extend(start..end);
            ends.push(below.len() as i64);
        }
        outputs.push(Tensor::from_integers(dtype, &[ends.len()], ends)?.into());
        rows = below;
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let (size, count_of_rows) = (count(inner)?, values.shape().first().copied().unwrap_or(0));
    let mut places = vec![];
    for &row in &rows {
        let row = index(row, count_of_rows)?;
        places.extend(row * size..(row + 1) * size);
    }
    let shape: Vec<usize> = [rows.len()].iter().chain(inner).copied().collect();
    outputs.push(values.take(&shape, &places)?.into());
    Ok(outputs)
}

/// Operands: splits, then flat values.
fn to_sparse(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let levels = cx.inputs.len().saturating_sub(1);
    let values = cx.tensor(levels)?;
    let mut indices: Vec<Vec<i64>> = vec![];
    let mut shape = vec![];
    for level in 0..levels {
        let splits = cx.integers(level)?;
        if level == 0 {
            let rows = splits.len().saturating_sub(1) as i64;
            indices = (0..rows).map(|row| vec![row]).collect();
            shape.push(rows);
        }
        let mut below = vec![];
        for (row, pair) in indices.iter().zip(splits.windows(2)) {
            below.extend(
                (0..pair[1].saturating_sub(pair[0]).min(ROW_LIMIT))
                    .map(|i| [row.as_slice(), &[i]].concat()),
            );
        }
        shape.push(
            splits
                .windows(2)
                .map(|pair| pair[1].saturating_sub(pair[0]))
                .max()
                .unwrap_or(0),
        );
        indices = below;
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let size = count(inner)?;
    shape.extend(inner.iter().map(|&n| n as i64));
    let mut all = vec![];
    for row in &indices {
        for place in 0..size {
            all.extend(row);
            all.extend(super::search::coordinates(place, inner));
        }
    }
    Ok(vec![
        Tensor::new(&[values.len(), shape.len()], all)?.into(),
        values.reshaped(&[values.len()])?.into(),
        Tensor::new(&[shape.len()], shape)?.into(),
    ])
}
