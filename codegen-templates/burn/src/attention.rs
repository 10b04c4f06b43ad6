//! Scaled dot-product attention over the last two dimensions: `[…, length, size]`.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Tensor};

/// `softmax(scale * q kᵀ) v`.
pub fn attention<const D: usize>(
    q: Tensor<D>,
    k: Tensor<D>,
    v: Tensor<D>,
    scale: f64,
) -> Tensor<D> {
    softmax(scores(q, k, scale), D - 1).matmul(v)
}

/// `softmax(scale * q kᵀ + bias) v`.
pub fn biased_attention<const D: usize>(
    q: Tensor<D>,
    k: Tensor<D>,
    v: Tensor<D>,
    bias: Tensor<D>,
    scale: f64,
) -> Tensor<D> {
    softmax(scores(q, k, scale) + bias, D - 1).matmul(v)
}

/// The same over what the mask lets through; a row of which it lets nothing through gives zeros.
pub fn masked_attention<const D: usize>(
    q: Tensor<D>,
    k: Tensor<D>,
    v: Tensor<D>,
    mask: Tensor<D, Bool>,
    scale: f64,
) -> Tensor<D> {
    let scores = scores(q, k, scale);
    let masked = mask.bool_not().expand(scores.dims());
    let weights = softmax(scores.mask_fill(masked.clone(), -1e9), D - 1);
    weights.mask_fill(masked, 0.0).matmul(v)
}

/// The second half of the last dimension, negated, and then the first.
pub fn rotate_half<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let half = x.dims()[D - 1] / 2;
    let first = x.clone().narrow(D - 1, 0, half);
    Tensor::cat(vec![-x.narrow(D - 1, half, half), first], D - 1)
}

fn scores<const D: usize>(q: Tensor<D>, k: Tensor<D>, scale: f64) -> Tensor<D> {
    let turned = k.swap_dims(D - 2, D - 1);
    match scale == 1.0 {
        true => q.matmul(turned),
        false => (q * scale).matmul(turned),
    }
}
