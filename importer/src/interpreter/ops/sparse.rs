//! Sparse tensors: indices, values and a dense shape.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::lists::zeros;
use super::numbers::{Join, Numbers, index};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("SparseReorder", reorder),
    many("SparseSlice", slice),
    many("SparseConcat", concat),
    many("SparseAdd", add),
    one("SparseTensorDenseMatMul", matmul),
    one("SparseReduceSum", |cx| reduce(cx, Join::Add)),
    one("SparseReduceMax", |cx| reduce(cx, Join::Max)),
];

/// A sparse tensor.
pub(super) struct Sparse {
    pub(super) indices: Vec<Vec<i64>>,
    pub(super) values: Arc<Tensor>,
    pub(super) shape: Vec<i64>,
}

/// The operands `i` (indices), `i + 1` (values) and `i + 2` (shape).
pub(super) fn sparse(cx: &mut Cx<'_>, i: usize, value: usize, shape: usize) -> Result<Sparse> {
    let tensor = cx.tensor(i)?;
    let rank = tensor.shape().last().copied().unwrap_or(1).max(1);
    let flat = cx.integers(i)?;
    let indices = match tensor.rank() {
        2 => flat.chunks(rank).map(<[i64]>::to_vec).collect(),
        _ => flat.into_iter().map(|i| vec![i]).collect(),
    };
    Ok(Sparse {
        indices,
        values: cx.tensor(value)?,
        shape: cx.integers(shape)?,
    })
}

impl Sparse {
    /// The flat place of an index.
    pub(super) fn place(&self, index_of: &[i64]) -> Result<usize> {
        if index_of.len() != self.shape.len() {
            return Err(Error::usage("an index does not have the rank of the shape"));
        }
        let mut place = 0usize;
        for (&i, &extent) in index_of.iter().zip(&self.shape) {
            let extent = usize::try_from(extent).unwrap_or(0);
            place = place.checked_mul(extent).ok_or_else(too_large)? + index(i, extent)?;
        }
        Ok(place)
    }

    pub(super) fn outputs(&self) -> Result<Vec<Value>> {
        Ok(vec![
            self.indices_tensor()?.into(),
            self.values.clone().into(),
            Tensor::new(&[self.shape.len()], self.shape.clone())?.into(),
        ])
    }

    fn indices_tensor(&self) -> Result<Tensor> {
        Tensor::new(
            &[self.indices.len(), self.shape.len()],
            self.indices.concat(),
        )
    }

    pub(super) fn extents(&self) -> Vec<usize> {
        self.shape
            .iter()
            .map(|&n| usize::try_from(n).unwrap_or(0))
            .collect()
    }

    /// The entries in this order.
    fn ordered(mut self, order: &[usize]) -> Result<Sparse> {
        self.values = Arc::new(self.values.take(&[order.len()], order)?);
        self.indices = order.iter().map(|&i| self.indices[i].clone()).collect();
        Ok(self)
    }
}

fn too_large() -> Error {
    Error::unsupported("a sparse tensor is too large")
}

fn reorder(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let sparse = sparse(cx, 0, 1, 2)?;
    let mut order: Vec<usize> = (0..sparse.indices.len()).collect();
    order.sort_by(|&a, &b| sparse.indices[a].cmp(&sparse.indices[b]));
    let mut outputs = sparse.ordered(&order)?.outputs()?;
    outputs.truncate(2);
    Ok(outputs)
}

/// Operands: the tensor, then start and size.
fn slice(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let old = sparse(cx, 0, 1, 2)?;
    let (start, size) = (cx.integers(3)?, cx.integers(4)?);
    let within = |index_of: &[i64]| {
        index_of
            .iter()
            .zip(start.iter().zip(&size))
            .all(|(&i, (&from, &n))| i >= from && i - from < n)
    };
    let kept = old
        .indices
        .iter()
        .enumerate()
        .filter(|(_, index_of)| within(index_of));
    let kept: Vec<usize> = kept.map(|(entry, _)| entry).collect();
    let mut new = old.ordered(&kept)?;
    for index_of in &mut new.indices {
        index_of
            .iter_mut()
            .zip(&start)
            .for_each(|(i, from)| *i -= from);
    }
    for (extent, (&from, &n)) in new.shape.iter_mut().zip(start.iter().zip(&size)) {
        *extent = n.min(*extent - from).max(0);
    }
    new.outputs()
}

/// Operands: all indices, all values, all shapes.
fn concat(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let parts = cx.inputs.len() / 3;
    let axis: i64 = cx.attr("concat_dim")?;
    let (mut indices, mut values, mut shape, mut offset) = (vec![], vec![], vec![], 0);
    for part in 0..parts {
        let one = sparse(cx, part, parts + part, 2 * parts + part)?;
        let rank = one.shape.len();
        let at = index(if axis < 0 { axis + rank as i64 } else { axis }, rank)?;
        for mut index_of in one.indices {
            index_of[at] += offset;
            indices.push(index_of);
        }
        offset += one.shape[at];
        shape = one.shape;
        shape[at] = offset;
        values.push(one.values);
    }
    let values: Vec<&Tensor> = values.iter().map(Arc::as_ref).collect();
    let mut order: Vec<usize> = (0..indices.len()).collect();
    order.sort_by(|&a, &b| indices[a].cmp(&indices[b]));
    let joined = Sparse {
        values: Arc::new(Tensor::chain(&values)?),
        indices,
        shape,
    };
    joined.ordered(&order)?.outputs()
}

/// Operands: two tensors, and the size below which a sum is left out.
fn add(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (a, b) = (sparse(cx, 0, 1, 2)?, sparse(cx, 3, 4, 5)?);
    let least = cx.float(6)?;
    let dtype = a.values.dtype();
    let mut sums: BTreeMap<Vec<i64>, f64> = BTreeMap::new();
    for one in [&a, &b] {
        for (at, value) in one.indices.iter().zip(one.values.to_floats()?) {
            *sums.entry(at.clone()).or_default() += value;
        }
    }
    sums.retain(|_, sum| sum.abs() >= least);
    let (indices, values): (Vec<Vec<i64>>, Vec<f64>) = sums.into_iter().unzip();
    let sum = Sparse {
        values: Arc::new(Tensor::from_floats(dtype, &[values.len()], values)?),
        indices,
        shape: a.shape,
    };
    sum.outputs()
}

/// Operands: the sparse matrix, then a dense one.
fn matmul(cx: &mut Cx<'_>) -> Result<Tensor> {
    let a = sparse(cx, 0, 1, 2)?;
    let b = cx.tensor(3)?;
    let (flip_a, flip_b): (bool, bool) = (cx.attr("adjoint_a")?, cx.attr("adjoint_b")?);
    let extents = a.extents();
    let &[rows_b, columns_b] = b.shape() else {
        return Err(Error::usage("two matrices are multiplied"));
    };
    let columns = if flip_b { rows_b } else { columns_b };
    let rows = extents.get(usize::from(flip_a)).copied().unwrap_or(0);
    let (of_a, of_b) = (a.values.to_floats()?, b.to_floats()?);
    let mut product = vec![0.0; count(&[rows, columns])?];
    for (index_of, value) in a.indices.iter().zip(of_a) {
        let [mut row, mut inner] = index_of[..] else {
            return Err(Error::usage("two matrices are multiplied"));
        };
        if flip_a {
            (row, inner) = (inner, row);
        }
        let (row, inner) = (
            index(row, rows)?,
            index(inner, if flip_b { columns_b } else { rows_b })?,
        );
        for column in 0..columns {
            let place = if flip_b {
                column * columns_b + inner
            } else {
                inner * columns_b + column
            };
            product[row * columns + column] += value * of_b[place];
        }
    }
    Tensor::from_floats(b.dtype(), &[rows, columns], product)
}

/// The dense sums or maxima over axes of a sparse tensor.
fn reduce(cx: &mut Cx<'_>, join: Join) -> Result<Tensor> {
    let sparse = sparse(cx, 0, 1, 2)?;
    let keep: bool = cx.attr("keep_dims")?;
    let rank = sparse.shape.len();
    let mut axes = vec![];
    for axis in cx.integers(3)? {
        axes.push(index(
            if axis < 0 { axis + rank as i64 } else { axis },
            rank,
        )?);
    }
    let all = axes.is_empty();
    let kept: Vec<usize> = (0..rank)
        .filter(|axis| !all && !axes.contains(axis))
        .collect();
    let extents = sparse.extents();
    let shape: Vec<usize> = kept.iter().map(|&axis| extents[axis]).collect();
    let mut places = vec![];
    let mut touched = std::collections::BTreeSet::new();
    let mut firsts = vec![];
    for (entry, index_of) in sparse.indices.iter().enumerate() {
        let mut place = 0;
        for &axis in &kept {
            place = place * extents[axis] + index(index_of[axis], extents[axis])?;
        }
        match touched.insert(place) {
            true => firsts.push((place, entry)),
            false => places.push((place, entry)),
        }
    }
    let dense = zeros(sparse.values.dtype(), &shape)?;
    let values = Numbers::of(&sparse.values)?;
    let mut total = Numbers::of(&dense)?;
    total.join(Join::Update, &values, firsts.into_iter())?;
    total.join(join, &values, places.into_iter())?;
    let full: Vec<usize> = (0..rank)
        .map(|axis| {
            if kept.contains(&axis) {
                extents[axis]
            } else {
                1
            }
        })
        .collect();
    total.tensor(dense.dtype(), if keep { &full } else { &shape })
}
