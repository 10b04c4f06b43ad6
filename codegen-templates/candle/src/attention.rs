//! Scaled dot-product attention over the last two axes: `[…, length, size]`.

use super::binary::select;
use super::matmul::matmul;
use super::softmax::softmax;
use candle_core::{D, Result, Tensor};

/// `softmax(scale * q kᵀ) v`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, scale: f64) -> Result<Tensor> {
    matmul(&softmax(&scores(q, k, scale)?, D::Minus1)?, v)
}

/// `softmax(scale * q kᵀ + bias) v`.
pub fn biased_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    bias: &Tensor,
    scale: f64,
) -> Result<Tensor> {
    let scores = scores(q, k, scale)?.broadcast_add(bias)?;
    matmul(&softmax(&scores, D::Minus1)?, v)
}

/// The same over what the mask, of `U8`, lets through; a row of which it lets nothing through gives zeros.
pub fn masked_attention(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    mask: &Tensor,
    scale: f64,
) -> Result<Tensor> {
    let number = |number: f32| Tensor::new(number, q.device())?.to_dtype(q.dtype());
    let scores = select(mask, &scores(q, k, scale)?, &number(-1e9)?)?;
    let weights = softmax(&scores, D::Minus1)?;
    matmul(&select(mask, &weights, &number(0.0)?)?, v)
}

/// The second half of the last axis, negated, and then the first.
pub fn rotate_half(x: &Tensor) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    let (first, second) = (
        x.narrow(D::Minus1, 0, half)?,
        x.narrow(D::Minus1, half, half)?,
    );
    Tensor::cat(&[&second.neg()?, &first], D::Minus1)
}

fn scores(q: &Tensor, k: &Tensor, scale: f64) -> Result<Tensor> {
    let turned = k.t()?;
    match scale == 1.0 {
        true => matmul(q, &turned),
        false => matmul(&(q * scale)?, &turned),
    }
}
