//! Cumulative sums and products with TensorFlow's `exclusive` and `reverse`.

use burn::tensor::Tensor;
use burn::tensor::kind::Numeric;

/// `Cumsum`: the sums of the elements before each position of `dim`, and itself unless `exclusive`.
pub fn cumsum<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    dim: usize,
    exclusive: bool,
    reverse: bool,
) -> Tensor<D, K> {
    let neutral = |x: &Tensor<D, K>| x.zeros_like();
    scan(x, dim, exclusive, reverse, neutral, |x| x.cumsum(dim))
}

/// `Cumprod`: the products of the elements before each position of `dim`, and itself unless `exclusive`.
pub fn cumprod<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    dim: usize,
    exclusive: bool,
    reverse: bool,
) -> Tensor<D, K> {
    let neutral = |x: &Tensor<D, K>| x.ones_like();
    scan(x, dim, exclusive, reverse, neutral, |x| x.cumprod(dim))
}

fn scan<const D: usize, K: Numeric>(
    x: Tensor<D, K>,
    dim: usize,
    exclusive: bool,
    reverse: bool,
    neutral: impl Fn(&Tensor<D, K>) -> Tensor<D, K>,
    inclusive: impl Fn(Tensor<D, K>) -> Tensor<D, K>,
) -> Tensor<D, K> {
    let size = x.dims()[dim];
    if size == 0 {
        return x;
    }
    let mut x = if reverse { x.flip([dim]) } else { x };
    if exclusive {
        let first = neutral(&x.clone().narrow(dim, 0, 1));
        x = match size {
            1 => first,
            size => Tensor::cat(vec![first, x.narrow(dim, 0, size - 1)], dim),
        };
    }
    let x = inclusive(x);
    if reverse { x.flip([dim]) } else { x }
}
