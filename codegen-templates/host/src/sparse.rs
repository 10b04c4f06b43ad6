//! Sparse tensors: indices, values and a dense shape.

use super::array::{
    Array, Elements, Error, Numbers, Result, broadcast_places, coordinates, count, index,
};

/// The rows of indices; a list is of one axis.
fn rows(indices: &Array) -> Vec<Vec<i64>> {
    let width = match indices.shape() {
        [_, width] => *width,
        _ => 1,
    };
    indices
        .to_i64()
        .chunks(width.max(1))
        .map(<[i64]>::to_vec)
        .collect()
}

/// The flat place of an index.
fn place(at: &[i64], shape: &[usize]) -> Result<usize> {
    if at.len() != shape.len() {
        return Err(Error::new("an index does not have the rank of the shape"));
    }
    let mut place = 0;
    for (&i, &extent) in at.iter().zip(shape) {
        place = place * extent + index(i, extent)?;
    }
    Ok(place)
}

/// The dense tensor: `values` (one for all, or one each) at `indices`, and `default` elsewhere.
///
/// # Errors
/// An index is outside of the shape.
pub fn to_dense<T: Elements>(
    indices: &Array,
    values: &T,
    default: &T,
    shape: &[usize],
) -> Result<T> {
    let all = count(shape)?;
    let own = count(values.extents())?;
    let is_one_for_all = values.extents().is_empty();
    let mut from: Vec<usize> = broadcast_places(default.extents(), shape);
    from.iter_mut().for_each(|place| *place += own);
    debug_assert_eq!(from.len(), all);
    for (entry, at) in rows(indices).iter().enumerate() {
        from[place(at, shape)?] = if is_one_for_all { 0 } else { entry };
    }
    T::chain(&[values, default])?.take(shape, &from)
}

/// A sparse tensor whose empty rows have `default` at their beginning: indices, values, which rows were empty, and where
/// each entry went.
///
/// # Errors
/// An index is outside of the shape.
pub fn fill_empty_rows<T: Elements>(
    indices: &Array,
    values: &T,
    shape: &Array,
    default: &T,
) -> Result<(Array, T, Array, Array)> {
    let (old, extents) = (rows(indices), shape.to_i64());
    let count_of_rows = index(extents.first().copied().unwrap_or(0), usize::MAX)?;
    let mut by_row: Vec<Vec<usize>> = vec![vec![]; count(&[count_of_rows])?];
    for (entry, at) in old.iter().enumerate() {
        by_row[index(at[0], count_of_rows)?].push(entry);
    }
    let (mut new, mut places) = (vec![], vec![]);
    let mut moved = vec![0; old.len()];
    for (row, entries) in by_row.iter().enumerate() {
        for &entry in entries {
            moved[entry] = places.len() as i64;
            new.extend(&old[entry]);
            places.push(entry);
        }
        if entries.is_empty() {
            new.push(row as i64);
            new.extend(vec![0; extents.len().saturating_sub(1)]);
            places.push(old.len());
        }
    }
    let values = T::chain(&[values, default])?.take(&[places.len()], &places)?;
    let empty = by_row.iter().map(Vec::is_empty).collect();
    Ok((
        Array::integers(&[places.len(), extents.len()], new)?,
        values,
        Array::new(&[count_of_rows], Numbers::Bool(empty))?,
        Array::integers(&[moved.len()], moved)?,
    ))
}

/// Indices and shape of a sparse tensor under another shape, of which one extent may be -1.
///
/// # Errors
/// The shapes hold different numbers of elements.
pub fn reshape(indices: &Array, old: &Array, new: &Array) -> Result<(Array, Array)> {
    let extent = |&n: &i64| index(n, usize::MAX);
    let old = old
        .to_i64()
        .iter()
        .map(extent)
        .collect::<Result<Vec<_>>>()?;
    let mut new = new.to_i64();
    let total = old.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let total = total.ok_or_else(|| Error::new("a sparse tensor is too large"))?;
    let known: i64 = new.iter().filter(|&&n| n >= 0).product();
    for extent in new.iter_mut().filter(|n| **n < 0) {
        *extent = (total as i64).checked_div(known).unwrap_or(0);
    }
    let shape = new.iter().map(extent).collect::<Result<Vec<_>>>()?;
    if shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)) != Some(total) {
        return Err(Error::new(format!(
            "a sparse tensor of {old:?} cannot become {new:?}"
        )));
    }
    let mut moved = vec![];
    let rows = rows(indices);
    for at in &rows {
        let at = coordinates(place(at, &old)?, &shape);
        moved.extend(at.into_iter().map(|i| i as i64));
    }
    Ok((
        Array::integers(&[rows.len(), shape.len()], moved)?,
        Array::integers(&[new.len()], new)?,
    ))
}
