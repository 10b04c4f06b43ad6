//! Picking and placing slices of tensors by index. Indices are of any integer dtype.

use candle_core::{D, DType, Result, Tensor, bail};

/// `x[…, indices, …]` along an axis; the first `batch_dims` axes are common to both.
pub fn gather(x: &Tensor, indices: &Tensor, axis: usize, batch_dims: usize) -> Result<Tensor> {
    if axis >= x.rank() || batch_dims > axis || batch_dims > indices.rank() {
        bail!(
            "a gather along axis {axis} of {:?} by {:?} with {batch_dims} batch axes",
            x.dims(),
            indices.dims()
        );
    }
    let (batch, picked) = indices.dims().split_at(batch_dims);
    let dims = [&x.dims()[..axis], picked, &x.dims()[axis + 1..]].concat();
    let count = batch.iter().product::<usize>();
    let before: usize = x.dims()[batch_dims..axis].iter().product();
    let (places, after) = (
        x.dims()[axis],
        x.dims()[axis + 1..].iter().product::<usize>(),
    );
    let ids = indices
        .to_dtype(DType::I64)?
        .reshape((count, picked.iter().product::<usize>()))?;
    let ids = offset_rows(&ids, places)?;
    let lines = x
        .reshape((count, before, places, after))?
        .transpose(1, 2)?
        .contiguous()?;
    let rows = lines
        .reshape((count * places, before * after))?
        .index_select(&ids.flatten_all()?, 0)?;
    rows.reshape((count, ids.dim(1)?, before, after))?
        .transpose(1, 2)?
        .reshape(dims)
}

/// Indices into rows of `places` as indices into all rows one after the other, checked.
fn offset_rows(ids: &Tensor, places: usize) -> Result<Tensor> {
    let (count, width) = ids.dims2()?;
    let mut values = ids.flatten_all()?.to_vec1::<i64>()?;
    for (i, value) in values.iter_mut().enumerate() {
        if !usize::try_from(*value).is_ok_and(|value| value < places) {
            bail!("index {value} is not within 0..{places}");
        }
        *value += (i / width * places) as i64;
    }
    Tensor::from_vec(values, (count, width), ids.device())
}

/// The places that the last axis of `indices` addresses, one number for each, in row-major order of `dims`.
fn linear(indices: &Tensor, dims: &[usize]) -> Result<Vec<i64>> {
    let depth = indices.dim(D::Minus1)?;
    if depth > dims.len() {
        bail!("indices of {depth} axes into {dims:?}");
    }
    let values = indices
        .to_dtype(DType::I64)?
        .flatten_all()?
        .to_vec1::<i64>()?;
    let count = indices
        .elem_count()
        .checked_div(depth)
        .unwrap_or_else(|| indices.dims()[..indices.rank() - 1].iter().product());
    (0..count)
        .map(|i| {
            values[i * depth..(i + 1) * depth]
                .iter()
                .zip(dims)
                .try_fold(0, |place, (&index, &dim)| {
                    if !usize::try_from(index).is_ok_and(|index| index < dim) {
                        bail!("index {index} is not within 0..{dim}");
                    }
                    Ok(place * dim as i64 + index)
                })
        })
        .collect()
}

/// The slices of `x` that the last axis of `indices` addresses; the first `batch_dims` axes are common to both.
pub fn gather_nd(x: &Tensor, indices: &Tensor, batch_dims: usize) -> Result<Tensor> {
    let depth = indices.dim(D::Minus1)?;
    if batch_dims >= indices.rank() || batch_dims + depth > x.rank() {
        bail!(
            "a gather of {:?} by {:?} with {batch_dims} batch axes",
            x.dims(),
            indices.dims()
        );
    }
    let (addressed, slice) = x.dims()[batch_dims..].split_at(depth);
    let picked = &indices.dims()[..indices.rank() - 1];
    let count = x.dims()[..batch_dims].iter().product::<usize>();
    let (places, width) = (
        addressed.iter().product::<usize>(),
        slice.iter().product::<usize>(),
    );
    let ids = linear(indices, addressed)?;
    let ids = Tensor::from_vec(
        ids,
        (count, picked[batch_dims..].iter().product::<usize>()),
        x.device(),
    )?;
    let rows = x
        .reshape((count * places, width))?
        .index_select(&offset_rows(&ids, places)?.flatten_all()?, 0)?;
    rows.reshape([picked, slice].concat())
}

/// Zeros of `shape`, with `updates` added to the slices that the last axis of `indices` addresses.
pub fn scatter_nd(indices: &Tensor, updates: &Tensor, shape: &[usize]) -> Result<Tensor> {
    tensor_scatter_add(
        &Tensor::zeros(shape, updates.dtype(), updates.device())?,
        indices,
        updates,
    )
}

/// `x`, with `updates` added to the slices that the last axis of `indices` addresses.
pub fn tensor_scatter_add(x: &Tensor, indices: &Tensor, updates: &Tensor) -> Result<Tensor> {
    let depth = indices.dim(D::Minus1)?.min(x.rank());
    let (addressed, slice) = x.dims().split_at(depth);
    let (places, width) = (
        addressed.iter().product::<usize>(),
        slice.iter().product::<usize>(),
    );
    let ids = linear(indices, addressed)?;
    let updates = updates.reshape((ids.len(), width))?.contiguous()?;
    let ids = Tensor::from_vec(ids, updates.dim(0)?, x.device())?;
    x.reshape((places, width))?
        .contiguous()?
        .index_add(&ids, &updates, 0)?
        .reshape(x.shape())
}

/// A new axis of `depth` places at `axis`: `on` where the index is, `off` elsewhere. `on` and `off` are scalars.
pub fn one_hot(
    indices: &Tensor,
    depth: usize,
    on: &Tensor,
    off: &Tensor,
    axis: usize,
) -> Result<Tensor> {
    let places = Tensor::arange(0, depth as i64, indices.device())?;
    let mut dims = vec![1; indices.rank() + 1];
    dims[axis] = depth;
    let hot = indices
        .to_dtype(DType::I64)?
        .unsqueeze(axis)?
        .broadcast_eq(&places.reshape(dims)?)?;
    hot.where_cond(
        &on.broadcast_as(hot.shape())?,
        &off.broadcast_as(hot.shape())?,
    )
}

/// The `k` greatest elements of the last axis in descending order, and their indices as `I64`; of equals, the first.
pub fn top_k(x: &Tensor, k: usize) -> Result<(Tensor, Tensor)> {
    let width = x.dim(D::Minus1)?;
    if k > width {
        bail!("the {k} greatest of {width} elements");
    }
    let values = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    // Adding 0 makes -0 equal to it in the total order.
    let values: Vec<f64> = values.into_iter().map(|value| value + 0.0).collect();
    let mut ids = Vec::with_capacity(values.len() / width.max(1) * k);
    for row in values.chunks_exact(width.max(1)) {
        let mut order: Vec<i64> = (0..width as i64).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        ids.extend_from_slice(&order[..k]);
    }
    let mut dims = x.dims().to_vec();
    dims[x.rank() - 1] = k;
    let ids = Tensor::from_vec(ids, dims, x.device())?;
    Ok((x.contiguous()?.gather(&ids, D::Minus1)?, ids))
}
