//! Picking and placing slices of tensors by index. Indices are of any integer dtype.

use super::kernels;
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
    let count = ids.dim(0)?;
    let ids = checked(ids, places)?;
    if count == 1 {
        return Ok(ids);
    }
    let starts = Tensor::arange(0i64, count as i64, ids.device())?.reshape((count, 1))?;
    // An index that stands for none is the greatest of all, and stays.
    let is_none = ids.ge(NOWHERE)?;
    let within = is_none.where_cond(&ids.zeros_like()?, &ids)?;
    let offset = within.broadcast_add(&(starts * places as f64)?)?;
    is_none.where_cond(&ids, &offset)
}

/// The index for which candle reads zeros and writes nothing.
const NOWHERE: i64 = i64::MAX;

/// The indices themselves if they are within `0..places`. On a device those that are not become `NOWHERE`, as TensorFlow
/// has it there, because the device would have to be waited for to tell.
fn checked(ids: &Tensor, places: usize) -> Result<Tensor> {
    if kernels::exist_for(ids.device()) {
        let values = ids.flatten_all()?.to_vec1::<i64>()?;
        if let Some(value) = values.iter().find(|&&id| !within(id, places)) {
            bail!("index {value} is not within 0..{places}");
        }
        return Ok(ids.clone());
    }
    let is_within = (ids.ge(0i64)? * ids.lt(places as i64)?)?;
    let nowhere = Tensor::full(NOWHERE, ids.shape(), ids.device())?;
    is_within.where_cond(ids, &nowhere)
}

fn within(id: i64, places: usize) -> bool {
    usize::try_from(id).is_ok_and(|id| id < places)
}

/// The places that the last axis of `indices` addresses, one number for each, in row-major order of `dims`.
fn linear(indices: &Tensor, dims: &[usize]) -> Result<Tensor> {
    let (depth, picked) = (indices.dim(D::Minus1)?, indices.rank() - 1);
    if depth > dims.len() {
        bail!("indices of {depth} axes into {dims:?}");
    }
    let count: usize = indices.dims()[..picked].iter().product();
    let indices = indices.to_dtype(DType::I64)?.reshape((count, depth))?;
    let mut places = Tensor::zeros(count, DType::I64, indices.device())?;
    let mut is_none = places.ne(0i64)?;
    for (axis, &dim) in dims.iter().enumerate().take(depth) {
        let ids = checked(&indices.narrow(1, axis, 1)?.squeeze(1)?, dim)?;
        let lost = ids.ge(NOWHERE)?;
        is_none = (is_none + &lost)?;
        let ids = lost.where_cond(&ids.zeros_like()?, &ids)?;
        places = ((places * dim as f64)? + ids)?;
    }
    let nowhere = Tensor::full(NOWHERE, count, indices.device())?;
    is_none.where_cond(&nowhere, &places)
}

/// Indices into an axis of this extent, of which negative ones count from its end.
pub fn from_end(indices: &Tensor, extent: usize) -> Result<Tensor> {
    let extent = Tensor::new(extent as i64, indices.device())?.to_dtype(indices.dtype())?;
    let wrapped = indices.broadcast_add(&extent)?;
    indices.lt(0i64)?.where_cond(&wrapped, indices)
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
    let ids = ids.reshape((count, picked[batch_dims..].iter().product::<usize>()))?;
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
    let updates = updates.reshape((ids.dim(0)?, width))?.contiguous()?;
    x.reshape((places, width))?
        .contiguous()?
        .index_add(&ids, &updates, 0)?
        .reshape(x.shape())
}

/// What [`scatter`] does with a slice and an update of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The update takes the place of what was there: of several the last one stays.
    Update,
    /// The greater of each two numbers stays; equal ones share the gradient.
    Max,
    /// The lesser of each two numbers stays; equal ones share the gradient.
    Min,
    /// The product; no gradient flows.
    Product,
}

/// `x`, with the slices that the last axis of `indices` addresses joined with `updates`, one after the other.
pub fn scatter(x: &Tensor, indices: &Tensor, updates: &Tensor, join: Join) -> Result<Tensor> {
    let depth = indices.dim(D::Minus1)?.min(x.rank());
    let (addressed, slice) = x.dims().split_at(depth);
    let (places, width) = (
        addressed.iter().product::<usize>(),
        slice.iter().product::<usize>(),
    );
    let ids = linear(indices, addressed)?.to_vec1::<i64>()?;
    let updates = updates.reshape((ids.len(), width))?.contiguous()?;
    let rows = x.reshape((places, width))?.contiguous()?;
    let y = match join {
        Join::Update => replaced(&rows, &ids, &updates)?,
        Join::Max | Join::Min if x.dtype().is_float() => extremes(&rows, &ids, &updates, join)?,
        Join::Max | Join::Min | Join::Product => joined(&rows, &ids, &updates, join)?,
    };
    y.reshape(x.shape())
}

/// As TensorFlow has it, every update of a row gets the row's gradient.
fn replaced(rows: &Tensor, ids: &[i64], updates: &Tensor) -> Result<Tensor> {
    let places = rows.dim(0)?;
    let (mut last, mut counts) = (vec![0u8; ids.len()], vec![0u8; places]);
    for (i, &id) in ids.iter().enumerate().rev() {
        let Some(count) = usize::try_from(id).ok().and_then(|id| counts.get_mut(id)) else {
            continue;
        };
        last[i] = u8::from(*count == 0);
        *count = 1;
    }
    let mask = |flags: Vec<u8>, like: &Tensor| {
        Tensor::from_vec(flags, (like.dim(0)?, 1), rows.device())?.broadcast_as(like.shape())
    };
    let has_rivals = last.contains(&0);
    let (touched, last) = (mask(counts, rows)?, mask(last, updates)?);
    let kept = touched.where_cond(&rows.zeros_like()?, rows)?;
    let updates = match has_rivals {
        true => last.where_cond(updates, &(updates - updates.detach())?)?,
        false => updates.clone(),
    };
    kept.index_add(&Tensor::new(ids, rows.device())?, &updates, 0)
}

/// The numbers joined one after the other, without a gradient.
fn joined(rows: &Tensor, ids: &[i64], updates: &Tensor, join: Join) -> Result<Tensor> {
    let wide = if rows.dtype().is_float() {
        DType::F64
    } else {
        DType::I64
    };
    let list = |x: &Tensor| x.detach().to_dtype(wide)?.flatten_all();
    let (y, new, width) = (list(rows)?, list(updates)?, rows.dim(1)?);
    let y = match wide {
        DType::F64 => {
            let y = folded(
                y.to_vec1::<f64>()?,
                ids,
                &new.to_vec1::<f64>()?,
                width,
                join,
            );
            Tensor::from_vec(y, rows.shape(), rows.device())?
        }
        _ => {
            let y = folded(
                y.to_vec1::<i64>()?,
                ids,
                &new.to_vec1::<i64>()?,
                width,
                join,
            );
            Tensor::from_vec(y, rows.shape(), rows.device())?
        }
    };
    y.to_dtype(rows.dtype())
}

fn folded<T: Copy + PartialOrd + std::ops::Mul<Output = T>>(
    mut y: Vec<T>,
    ids: &[i64],
    updates: &[T],
    width: usize,
    join: Join,
) -> Vec<T> {
    let rows = y.len().checked_div(width).unwrap_or(0);
    for (i, &update) in updates.iter().enumerate() {
        let row = usize::try_from(ids[i / width]).ok();
        let Some(row) = row.filter(|&row| row < rows) else {
            continue;
        };
        let old = &mut y[row * width + i % width];
        *old = match join {
            Join::Update => update,
            Join::Max if update > *old => update,
            Join::Min if update < *old => update,
            Join::Max | Join::Min => *old,
            Join::Product => *old * update,
        };
    }
    y
}

/// The mean of those that are the extreme of their place: the extreme itself, and equal shares of its gradient.
fn extremes(rows: &Tensor, ids: &[i64], updates: &Tensor, join: Join) -> Result<Tensor> {
    let extreme = joined(rows, ids, updates, join)?;
    let ids = Tensor::new(ids, rows.device())?;
    let (ours, theirs) = (
        rows.eq(&extreme)?,
        updates.eq(&extreme.index_select(&ids, 0)?)?,
    );
    let count = ours
        .to_dtype(rows.dtype())?
        .index_add(&ids, &theirs.to_dtype(rows.dtype())?, 0)?;
    let sum = ours.where_cond(rows, &rows.zeros_like()?)?.index_add(
        &ids,
        &theirs.where_cond(updates, &updates.zeros_like()?)?,
        0,
    )?;
    sum / count
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
    let mut dims = x.dims().to_vec();
    dims[x.rank() - 1] = k;
    let ids = if kernels::exist_for(x.device()) {
        Tensor::from_vec(sorted(x, k)?, dims, x.device())?
    } else {
        ranked(&x.detach(), k)?.reshape(dims)?
    };
    Ok((x.contiguous()?.gather(&ids, D::Minus1)?, ids))
}

/// The indices of the `k` greatest elements of each row.
fn sorted(x: &Tensor, k: usize) -> Result<Vec<i64>> {
    let width = x.dim(D::Minus1)?;
    let values = x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    // Adding 0 makes -0 equal to it in the total order.
    let values: Vec<f64> = values.into_iter().map(|value| value + 0.0).collect();
    let mut ids = Vec::with_capacity(values.len() / width.max(1) * k);
    for row in values.chunks_exact(width.max(1)) {
        let mut order: Vec<i64> = (0..width as i64).collect();
        order.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]));
        ids.extend_from_slice(&order[..k]);
    }
    Ok(ids)
}

/// Elements that are compared at a time.
const COMPARED: usize = 1 << 24;

/// The indices of the `k` greatest elements of each row, by how many elements come before each.
fn ranked(x: &Tensor, k: usize) -> Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    let x = x.reshape(((), width))?;
    let rows = x.dim(0)?;
    // A NaN comes first.
    let x = if x.dtype().is_float() {
        x.ne(&x)?
            .where_cond(&(x.zeros_like()? + f64::INFINITY)?, &x)?
    } else {
        x
    };
    let places = Tensor::arange(0u32, width as u32, x.device())?;
    let mut ranks = Tensor::zeros((rows, width), DType::U32, x.device())?;
    let step = (COMPARED / (rows * width).max(1)).max(1);
    for start in (0..width).step_by(step) {
        let count = step.min(width - start);
        let others = x.narrow(1, start, count)?.unsqueeze(1)?;
        let each = x.unsqueeze(2)?;
        let earlier = places.narrow(0, start, count)?.reshape((1, 1, count))?;
        let is_earlier = earlier.broadcast_lt(&places.reshape((1, width, 1))?)?;
        let is_equal = others.broadcast_eq(&each)?.broadcast_mul(&is_earlier)?;
        let precedes = (others.broadcast_gt(&each)? + is_equal)?;
        ranks = (ranks + precedes.to_dtype(DType::U32)?.sum(2)?)?;
    }
    let places = places
        .to_dtype(DType::I64)?
        .broadcast_as((rows, width))?
        .contiguous()?;
    places
        .zeros_like()?
        .scatter(&ranks, &places, 1)?
        .narrow(1, 0, k)?
        .contiguous()
}
