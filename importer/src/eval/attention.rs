//! Attention.

use super::{Tensor, elementwise, linear, movement, reduction};
use crate::error::{Error, Result};
use crate::ir::Masking;

/// What takes part of a row that is masked, before the softmax.
const MASKED: f64 = -1e9;

pub(super) fn attention(scale: f64, masking: Masking, operands: &[&Tensor]) -> Result<Tensor> {
    let [q, k, v, masks @ ..] = operands else {
        return Err(Error::malformed(
            "an attention takes three operands or four",
        ));
    };
    let scores = linear::matmul(false, true, [q, k])?;
    let scaled = scores.to_floats()?.into_iter().map(|score| score * scale);
    let scores = Tensor::from_floats(q.dtype(), scores.shape(), scaled.collect())?;
    let last = scores.rank().saturating_sub(1);
    let number = |number: f64| Tensor::from_floats(q.dtype(), &[], vec![number]);
    let weights = match (masking, masks) {
        (Masking::Added, [bias]) => {
            let bias = movement::broadcast_to(scores.shape(), bias)?.to_floats()?;
            let sums = scores.to_floats()?.into_iter().zip(bias);
            let sums = sums.map(|(score, bias)| score + bias).collect();
            let sums = Tensor::from_floats(q.dtype(), scores.shape(), sums)?;
            reduction::softmax(last, false, &sums)?
        }
        (Masking::Kept, [mask]) => {
            let kept = elementwise::select([mask, &scores, &number(MASKED)?])?;
            let weights = reduction::softmax(last, false, &kept)?;
            elementwise::select([mask, &weights, &number(0.0)?])?
        }
        (Masking::None, _) | (Masking::Added | Masking::Kept, _) => {
            reduction::softmax(last, false, &scores)?
        }
    };
    linear::matmul(false, false, [&weights, v])
}
