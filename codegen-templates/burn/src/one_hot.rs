//! One-hot encoding.

use burn::tensor::kind::Numeric;
use burn::tensor::{Bool, Int, Tensor, TensorCreationOptions};

/// `OneHot`: whether each position along the new dimension `axis` of size `depth` is the index; an index out of
/// bounds is nowhere. `DO` is `D + 1`.
pub fn one_hot<const D: usize, const DO: usize>(
    indices: Tensor<D, Int>,
    depth: usize,
    axis: usize,
) -> Tensor<DO, Bool> {
    let options = TensorCreationOptions::new(indices.device()).with_dtype(indices.dtype());
    let mut shape = [1; DO];
    shape[axis] = depth;
    let classes = Tensor::<1, Int>::arange(0..depth as i64, options).reshape(shape);
    let indices: Tensor<DO, Int> = indices.unsqueeze_dim(axis);
    let mut full = indices.dims();
    full[axis] = depth;
    indices.expand(full).equal(classes.expand(full))
}

/// `mask` as a number: `on` where it is true, `off` elsewhere.
pub fn choose<const D: usize, K: Numeric>(
    mask: Tensor<D, Bool>,
    on: Tensor<1, K>,
    off: Tensor<1, K>,
) -> Tensor<D, K> {
    let shape = mask.dims();
    let off = off.reshape([1; D]).expand(shape);
    off.mask_where(mask, on.reshape([1; D]).expand(shape))
}
