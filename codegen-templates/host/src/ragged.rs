//! Ragged tensors: rows of different lengths, as flat values and how they are divided.

use super::array::{
    Array, Element, Elements, Error, Numbers, Result, broadcast_places, count, index,
};

/// How a level of a ragged tensor is divided into rows.
enum Partition {
    FirstDimension(usize),
    RowIds(Vec<i64>),
    Splits(Vec<i64>),
}

impl Partition {
    fn of(kind: &str, numbers: &Array) -> Result<Self> {
        match kind {
            "FIRST_DIM_SIZE" => Ok(Partition::FirstDimension(index(
                numbers.scalar_i64()?,
                usize::MAX,
            )?)),
            "VALUE_ROWIDS" => Ok(Partition::RowIds(numbers.to_i64())),
            "ROW_SPLITS" => Ok(Partition::Splits(numbers.to_i64())),
            other => Err(Error::new(format!(
                "the row partition `{other}` is not known"
            ))),
        }
    }

    /// The lengths of the rows, of which there are `parents`.
    fn lengths(&self, parents: usize) -> Result<Vec<usize>> {
        let mut lengths = vec![0; count(&[parents])?];
        match self {
            Partition::FirstDimension(size) => lengths = vec![*size],
            Partition::RowIds(ids) => {
                for &id in ids {
                    lengths[index(id, parents)?] += 1;
                }
            }
            Partition::Splits(splits) => {
                let length = |pair: &[i64]| pair[1].saturating_sub(pair[0]).max(0) as usize;
                lengths = splits.windows(2).map(length).collect();
            }
        }
        Ok(lengths)
    }
}

/// The lengths of the rows of every level, outermost first.
fn levels(partitions: &[Partition]) -> Result<Vec<Vec<usize>>> {
    let mut levels: Vec<Vec<usize>> = vec![];
    for partition in partitions {
        let rows = match (partition, levels.last()) {
            (Partition::FirstDimension(size), None) => {
                levels.push(vec![*size]);
                continue;
            }
            (_, Some(above)) => above.iter().sum(),
            (Partition::Splits(splits), None) => splits.len().saturating_sub(1),
            (Partition::RowIds(ids), None) => ids.last().map_or(0, |&last| last + 1) as usize,
        };
        if levels.is_empty() {
            levels.push(vec![rows]);
        }
        levels.push(partition.lengths(rows)?);
    }
    Ok(levels)
}

/// The dense tensor of a ragged one: `default` where there is no value. `partitions` divide the flat values, in the way that
/// `kinds` says of each; a negative extent of `shape` is as large as the longest row needs.
///
/// # Errors
/// The partitions do not fit the values.
pub fn to_tensor<T: Elements>(
    values: &T,
    default: &T,
    partitions: &[&Array],
    kinds: &[&str],
    shape: &[i64],
) -> Result<T> {
    let partitions = kinds.iter().zip(partitions);
    let partitions = partitions.map(|(kind, numbers)| Partition::of(kind, numbers));
    let levels = levels(&partitions.collect::<Result<Vec<_>>>()?)?;
    let inner = values.extents().get(1..).unwrap_or_default();
    let longest = |lengths: &Vec<usize>| lengths.iter().copied().max().unwrap_or(0);
    let mut dense: Vec<usize> = levels.iter().map(longest).collect();
    dense.extend(inner);
    if shape.len() == dense.len() {
        for (extent, &wanted) in dense.iter_mut().zip(shape) {
            *extent = usize::try_from(wanted).unwrap_or(*extent);
        }
    }
    let outer = &dense[..levels.len()];
    let mut places = vec![None; count(outer)?];
    let mut flat = Flat {
        starts: levels.iter().map(|lengths| starts(lengths)).collect(),
        levels: &levels,
        shape: outer,
        places: &mut places,
    };
    flat.fill(0, 0, Some(0));
    assemble(values, default, &places, &dense, levels.len())
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

fn assemble<T: Elements>(
    values: &T,
    default: &T,
    places: &[Option<usize>],
    dense: &[usize],
    ragged: usize,
) -> Result<T> {
    let inner = &dense[ragged..];
    let (size, own) = (count(inner)?, count(values.extents())?);
    count(dense)?;
    let default_places = broadcast_places(default.extents(), inner);
    let mut from = vec![];
    for place in places {
        match place {
            Some(row) => from.extend(row * size..(row + 1) * size),
            None => from.extend(default_places.iter().map(|place| own + place)),
        }
    }
    T::chain(&[values, default])?.take(dense, &from)
}

/// A range for each row: where the rows begin and end, and their values. A bound of one element is that of all rows.
///
/// # Errors
/// A step is zero, or the bounds differ in length.
pub fn range(
    starts: &Array,
    limits: &Array,
    steps: &Array,
    splits: Element,
) -> Result<(Array, Array)> {
    let bounds = [starts, limits, steps];
    let rows = bounds
        .iter()
        .find(|x| !x.shape().is_empty())
        .map_or(1, |x| x.len());
    let numbers = bounds.map(Array::to_f64);
    let at = |bound: usize, row: usize| {
        let all = &numbers[bound];
        let number = all.get(if all.len() == 1 { 0 } else { row }).copied();
        number.ok_or_else(|| Error::new("the bounds differ in length"))
    };
    let (mut ends, mut values) = (vec![0], vec![]);
    for row in 0..rows {
        let (start, limit, step) = (at(0, row)?, at(1, row)?, at(2, row)?);
        if step == 0.0 {
            return Err(Error::new("Requires delta != 0"));
        }
        let length = ((limit - start) / step).ceil().max(0.0);
        let length = count(&[length as usize])?;
        values.extend((0..length).map(|i| start + i as f64 * step));
        ends.push(values.len() as i64);
    }
    Ok((
        Array::integers(&[ends.len()], ends)?.to(splits),
        Array::new(&[values.len()], Numbers::F64(values))?.to(starts.element()),
    ))
}

/// Rows of a ragged tensor: where they begin and end, and their values.
///
/// # Errors
/// There is no such row.
pub fn gather<T: Elements>(splits: &Array, values: &T, rows: &Array) -> Result<(Array, T)> {
    let ends = splits.to_i64();
    let inner = values.extents().get(1..).unwrap_or_default();
    let (size, all) = (
        count(inner)?,
        values.extents().first().copied().unwrap_or(0),
    );
    let (mut new, mut places) = (vec![0], vec![]);
    let mut length = 0;
    for row in rows.to_i64() {
        let row = index(row, ends.len().saturating_sub(1))?;
        for place in ends[row]..ends[row + 1] {
            let place = index(place, all)?;
            places.extend(place * size..(place + 1) * size);
            length += 1;
        }
        new.push(length as i64);
    }
    let shape: Vec<usize> = [length].iter().chain(inner).copied().collect();
    Ok((
        Array::integers(&[new.len()], new)?.to(splits.element()),
        values.take(&shape, &places)?,
    ))
}
