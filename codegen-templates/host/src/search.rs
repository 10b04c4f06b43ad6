//! Where things are: non-zero elements, distinct ones, partitions.

use std::collections::{HashMap, HashSet};

use super::array::{Array, Element, Elements, Error, Result, coordinates, count, index};

/// The coordinates of the elements that are not zero, not false, or not empty: a row for each.
///
/// # Errors
/// They are too many.
pub fn non_zero(x: &impl Elements) -> Result<Array> {
    let flags = x.flags();
    let places = flags.iter().enumerate().filter(|(_, flag)| **flag);
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    let found = places
        .iter()
        .flat_map(|&place| coordinates(place, x.extents()));
    let found = found.map(|i| i as i64).collect();
    Array::integers(&[places.len(), x.extents().len()], found)
}

/// The distinct elements (or rows, along the first axis) in the order of their first occurrence, and which of them each is.
///
/// # Errors
/// They are too many.
pub fn unique<T: Elements>(x: &T, indices: Element) -> Result<(T, Array)> {
    let (values, which, _) = unique_with_counts(x, indices)?;
    Ok((values, which))
}

/// [`unique`], and how often each of them occurs.
///
/// # Errors
/// They are too many.
pub fn unique_with_counts<T: Elements>(x: &T, indices: Element) -> Result<(T, Array, Array)> {
    let inner = x.extents().get(1..).unwrap_or_default();
    let size = count(inner)?;
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let (mut firsts, mut which, mut sums) = (vec![], vec![], vec![]);
    for (number, key) in x.keys(size).into_iter().enumerate() {
        let id = *known.entry(key).or_insert_with(|| {
            firsts.push(number);
            sums.push(0);
            firsts.len() - 1
        });
        sums[id] += 1;
        which.push(id as i64);
    }
    let shape: Vec<usize> = [firsts.len()].iter().chain(inner).copied().collect();
    let values = x.take(&shape, &rows(&firsts, size))?;
    let which = Array::integers(&[which.len()], which)?.to(indices);
    let sums = Array::integers(&[sums.len()], sums)?.to(indices);
    Ok((values, which, sums))
}

/// The flat places of rows of `size` elements.
fn rows(numbers: &[usize], size: usize) -> Vec<usize> {
    numbers
        .iter()
        .flat_map(|n| n * size..(n + 1) * size)
        .collect()
}

/// The elements of a list that another has not, and their places.
///
/// # Errors
/// They are too many.
pub fn list_difference<T: Elements>(x: &T, y: &T, indices: Element) -> Result<(T, Array)> {
    let unwanted: HashSet<Vec<u8>> = y.keys(1).into_iter().collect();
    let keys = x.keys(1);
    let kept: Vec<usize> = (0..keys.len())
        .filter(|&place| !unwanted.contains(&keys[place]))
        .collect();
    let places = kept.iter().map(|&place| place as i64).collect();
    Ok((
        x.take(&[kept.len()], &kept)?,
        Array::integers(&[kept.len()], places)?.to(indices),
    ))
}

/// The rows of `data` that `partitions` sends to each of `N` parts, in their order.
///
/// # Errors
/// A part does not exist, or there is not one for each row.
pub fn partition<T: Elements, const N: usize>(data: &T, partitions: &Array) -> Result<[T; N]> {
    let parts = partition_into(data, partitions, N)?;
    parts
        .try_into()
        .map_err(|_| Error::new("a part is missing"))
}

/// [`partition`] into a number of parts that is not known when the program is compiled.
///
/// # Errors
/// A part does not exist, or there is not one for each row.
pub fn partition_into<T: Elements>(data: &T, partitions: &Array, parts: usize) -> Result<Vec<T>> {
    let inner = data
        .extents()
        .get(partitions.shape().len()..)
        .unwrap_or_default();
    let size = count(inner)?;
    let mut chosen = vec![vec![]; parts];
    for (row, number) in partitions.to_i64().into_iter().enumerate() {
        chosen[index(number, parts)?].push(row);
    }
    let part = |numbers: Vec<usize>| {
        let shape: Vec<usize> = [numbers.len()].iter().chain(inner).copied().collect();
        data.take(&shape, &rows(&numbers, size))
    };
    chosen.into_iter().map(part).collect()
}

/// Rows of several tensors at the places that as many tensors of indices name; of equal places the last one wins, and
/// places that nobody names are zero.
///
/// # Errors
/// Indices and rows do not fit each other.
pub fn stitch<T: Elements>(indices: &[&Array], data: &[&T]) -> Result<T> {
    let first = indices.first().zip(data.first());
    let (first_index, first) = first.ok_or_else(|| Error::new("there is nothing to stitch"))?;
    let inner = first
        .extents()
        .get(first_index.shape().len()..)
        .unwrap_or_default();
    let size = count(inner)?;
    let mut found: HashMap<usize, usize> = HashMap::new();
    let (mut start, mut length) = (0, 0);
    for (indices, rows) in indices.iter().zip(data) {
        for (row, number) in indices.to_i64().into_iter().enumerate() {
            let number = index(number, usize::MAX)?;
            found.insert(number, start + row * size);
            length = length.max(number + 1);
        }
        start += count(rows.extents())?;
    }
    let shape: Vec<usize> = [length].iter().chain(inner).copied().collect();
    let zeros = first.zeros(&[size])?;
    let places = (0..length).map(|row| found.get(&row).copied().unwrap_or(start));
    let places: Vec<usize> = places.flat_map(|at| at..at + size).collect();
    count(&shape)?;
    let all: Vec<&T> = data.iter().copied().chain([&zeros]).collect();
    T::chain(&all)?.take(&shape, &places)
}

/// For each value the first place in its sorted row where it can stand before its equals.
///
/// # Errors
/// None for rows and values of as many rows.
pub fn lower_bound(sorted: &Array, values: &Array, places: Element) -> Result<Array> {
    bound(sorted, values, places, |element, value| element < value)
}

/// For each value the last place in its sorted row where it can stand behind its equals.
///
/// # Errors
/// None for rows and values of as many rows.
pub fn upper_bound(sorted: &Array, values: &Array, places: Element) -> Result<Array> {
    bound(sorted, values, places, |element, value| element <= value)
}

fn bound(
    sorted: &Array,
    values: &Array,
    places: Element,
    before: fn(f64, f64) -> bool,
) -> Result<Array> {
    let (rows, wanted) = (sorted.to_f64(), values.to_f64());
    let width = sorted.shape().last().copied().unwrap_or(0);
    let each = values.shape().last().copied().unwrap_or(0).max(1);
    let place = |(i, &value): (usize, &f64)| {
        let start = i / each * width;
        let row = rows.get(start..start + width).unwrap_or_default();
        row.partition_point(|&element| before(element, value)) as i64
    };
    let found = wanted.iter().enumerate().map(place).collect();
    Ok(Array::integers(values.shape(), found)?.to(places))
}
