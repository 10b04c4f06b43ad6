//! Operations on sets of elements: dense rows, or the rows of sparse tensors. A result is sparse: indices, values, and shape.

use std::collections::BTreeMap;

use super::array::{Array, Elements, Error, Result, coordinates, count, index};
use super::string_tensor::StringTensor;

/// Elements with an order.
pub trait Ordered: Elements {
    /// Of each element bytes that compare as the elements do.
    fn ranks(&self) -> Vec<Vec<u8>>;
}

impl Ordered for Array {
    fn ranks(&self) -> Vec<Vec<u8>> {
        let rank = |x: i64| ((x as u64) ^ (1 << 63)).to_be_bytes().to_vec();
        self.to_i64().into_iter().map(rank).collect()
    }
}

impl Ordered for StringTensor {
    fn ranks(&self) -> Vec<Vec<u8>> {
        self.data().to_vec()
    }
}

/// Distinct elements by their rank, each with a place that it is at.
type Set = BTreeMap<Vec<u8>, usize>;

/// A sparse tensor.
pub type Sparse<T> = (Array, T, Array);

/// The sets of a dense tensor's last axis, by where they are, and the extents of the other axes.
fn dense_sets<T: Ordered>(x: &T) -> Result<(Vec<Set>, Vec<usize>)> {
    let missing = || Error::new("sets need an axis");
    let (&width, outer) = x.extents().split_last().ok_or_else(missing)?;
    let mut ranks = x.ranks().into_iter().zip(0..);
    let sets = (0..count(outer)?).map(|_| ranks.by_ref().take(width).collect());
    Ok((sets.collect(), outer.to_vec()))
}

/// The same of a sparse tensor.
fn sparse_sets<T: Ordered>(x: [&Array; 2], values: &T) -> Result<(Vec<Set>, Vec<usize>)> {
    let [indices, shape] = x;
    let extents: Vec<usize> = shape.to_i64().iter().map(|&n| n.max(0) as usize).collect();
    let missing = || Error::new("sets need an axis");
    let (_, outer) = extents.split_last().ok_or_else(missing)?;
    let mut sets = vec![Set::new(); count(outer)?];
    let rows = indices.to_i64();
    for (place, (row, rank)) in rows.chunks(extents.len()).zip(values.ranks()).enumerate() {
        let mut group = 0;
        for (&i, &extent) in row.iter().zip(outer) {
            group = group * extent + index(i, extent)?;
        }
        sets[group].insert(rank, place);
    }
    Ok((sets, outer.to_vec()))
}

/// The places that a set operation leaves: those of `b` come after the `start` of `a`.
fn chosen(operation: &str, a: &Set, b: &Set, start: usize) -> Result<Vec<usize>> {
    let without = |a: &Set, b: &Set, start: usize| {
        let kept = a.iter().filter(|(rank, _)| !b.contains_key(*rank));
        kept.map(|(_, place)| start + place).collect()
    };
    Ok(match operation {
        "a-b" => without(a, b, 0),
        "b-a" => without(b, a, start),
        "intersection" => {
            let kept = a.iter().filter(|(rank, _)| b.contains_key(*rank));
            kept.map(|(_, place)| *place).collect()
        }
        "union" => {
            let of_b = b.iter().map(|(rank, place)| (rank, start + place));
            let mut all: BTreeMap<&Vec<u8>, usize> = of_b.collect();
            all.extend(a.iter().map(|(rank, place)| (rank, *place)));
            all.into_values().collect()
        }
        other => return Err(Error::new(format!("there is no set operation `{other}`"))),
    })
}

fn combined<T: Ordered>(
    (of_a, outer): (Vec<Set>, Vec<usize>),
    (of_b, other): (Vec<Set>, Vec<usize>),
    [a, b]: [&T; 2],
    operation: &str,
) -> Result<Sparse<T>> {
    if outer != other {
        return Err(Error::new(format!("{outer:?} sets are no {other:?} sets")));
    }
    let (mut indices, mut places, mut largest) = (vec![], vec![], 0);
    let start = count(a.extents())?;
    for (group, (a, b)) in of_a.iter().zip(&of_b).enumerate() {
        let chosen = chosen(operation, a, b, start)?;
        largest = largest.max(chosen.len());
        let at = coordinates(group, &outer);
        for number in 0..chosen.len() {
            indices.extend(at.iter().map(|&i| i as i64).chain([number as i64]));
        }
        places.extend(chosen);
    }
    let values = T::chain(&[a, b])?.take(&[places.len()], &places)?;
    let shape = outer.iter().map(|&n| n as i64).chain([largest as i64]);
    let shape: Vec<i64> = shape.collect();
    let rank = shape.len();
    Ok((
        Array::integers(&[places.len(), rank], indices)?,
        values,
        Array::integers(&[rank], shape)?,
    ))
}

/// `operation` on the last axes of two tensors: `a-b`, `b-a`, `intersection` or `union`.
///
/// # Errors
/// The other axes differ.
pub fn of_dense<T: Ordered>(a: &T, b: &T, operation: &str) -> Result<Sparse<T>> {
    combined(dense_sets(a)?, dense_sets(b)?, [a, b], operation)
}

/// The same, where the second tensor is sparse.
///
/// # Errors
/// The other axes differ, or indices are outside.
pub fn of_dense_and_sparse<T: Ordered>(
    a: &T,
    indices: &Array,
    values: &T,
    shape: &Array,
    operation: &str,
) -> Result<Sparse<T>> {
    let b = sparse_sets([indices, shape], values)?;
    combined(dense_sets(a)?, b, [a, values], operation)
}

/// The same, where both are sparse.
///
/// # Errors
/// The other axes differ, or indices are outside.
pub fn of_sparse<T: Ordered>(
    indices: &Array,
    values: &T,
    shape: &Array,
    other_indices: &Array,
    other_values: &T,
    other_shape: &Array,
    operation: &str,
) -> Result<Sparse<T>> {
    let a = sparse_sets([indices, shape], values)?;
    let b = sparse_sets([other_indices, other_shape], other_values)?;
    combined(a, b, [values, other_values], operation)
}

/// How many distinct elements each set of a sparse tensor has, as `I32`.
///
/// # Errors
/// Indices are outside.
pub fn sizes<T: Ordered>(indices: &Array, values: &T, shape: &Array) -> Result<Array> {
    let (sets, outer) = sparse_sets([indices, shape], values)?;
    let sizes = sets.iter().map(|set| set.len() as i64).collect();
    Ok(Array::integers(&outer, sizes)?.to(super::array::Element::I32))
}
