//! Adding and taking elements along axes.

use candle_core::{Result, Tensor, bail};

/// What padding puts outside.
#[derive(Clone, Debug)]
pub enum PadMode<'a> {
    /// A scalar.
    Constant(&'a Tensor),
    /// A mirror image without the border element.
    Reflect,
    /// A mirror image with the border element.
    Symmetric,
}

/// Adds `(before, after)` elements for each axis.
pub fn pad(x: &Tensor, widths: &[(usize, usize)], mode: PadMode) -> Result<Tensor> {
    if widths.len() != x.rank() {
        bail!("padding of {} axes for {:?}", widths.len(), x.dims());
    }
    let mut x = x.clone();
    for (axis, &(before, after)) in widths.iter().enumerate() {
        if (before, after) != (0, 0) {
            x = match mode {
                PadMode::Constant(value) => constant(&x, axis, before, after, value)?,
                PadMode::Reflect => mirror(&x, axis, before, after, 1)?,
                PadMode::Symmetric => mirror(&x, axis, before, after, 0)?,
            };
        }
    }
    Ok(x)
}

fn constant(
    x: &Tensor,
    axis: usize,
    before: usize,
    after: usize,
    value: &Tensor,
) -> Result<Tensor> {
    let side = |count: usize| {
        let mut dims = x.dims().to_vec();
        dims[axis] = count;
        value
            .to_dtype(x.dtype())?
            .reshape(())?
            .broadcast_as(dims)?
            .contiguous()
    };
    let parts = [
        (before > 0).then(|| side(before)).transpose()?,
        Some(x.clone()),
        (after > 0).then(|| side(after)).transpose()?,
    ];
    Tensor::cat(&parts.into_iter().flatten().collect::<Vec<_>>(), axis)
}

/// `skip` elements at each border are not repeated.
fn mirror(x: &Tensor, axis: usize, before: usize, after: usize, skip: usize) -> Result<Tensor> {
    let count = x.dim(axis)?;
    if before.max(after) + skip > count {
        bail!(
            "a mirror image of {} elements of the {count} on axis {axis}",
            before.max(after)
        );
    }
    let ids = (skip..skip + before)
        .rev()
        .chain(0..count)
        .chain((count - skip - after..count - skip).rev());
    let ids: Vec<u32> = ids.map(|i| i as u32).collect();
    x.contiguous()?
        .index_select(&Tensor::new(ids, x.device())?, axis)
}

/// `length` elements of an axis, from `start` on, `step` apart.
pub fn slice(x: &Tensor, axis: usize, start: usize, length: usize, step: usize) -> Result<Tensor> {
    if step <= 1 || length < 2 {
        return x.narrow(axis, start, length);
    }
    let ids: Vec<u32> = (0..length).map(|i| (start + i * step) as u32).collect();
    x.contiguous()?
        .index_select(&Tensor::new(ids, x.device())?, axis)
}

/// The elements in reverse order along axes.
pub fn reverse(x: &Tensor, axes: &[usize]) -> Result<Tensor> {
    x.contiguous()?.flip(axes)
}
