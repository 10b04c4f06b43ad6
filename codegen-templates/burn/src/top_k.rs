//! The largest elements of the last dimension.

use burn::tensor::kind::Ordered;
use burn::tensor::{Int, Tensor};

/// `TopKV2`: the `k` largest elements of the last dimension in descending order, and their positions; among
/// equals, the lower position comes first.
pub fn top_k<const D: usize, K: Ordered>(
    x: Tensor<D, K>,
    k: usize,
) -> (Tensor<D, K>, Tensor<D, Int>) {
    let positions = x.clone().argsort_descending(D - 1).narrow(D - 1, 0, k);
    (x.gather(D - 1, positions.clone()), positions)
}
