//! What a model computes and its program asks: truth values and choices.

use burn::tensor::kind::Basic;
use burn::tensor::{Bool, Int, Tensor, TensorCreationOptions};

/// Whether a truth value of one element is true.
///
/// # Panics
/// When there are several elements.
pub fn is_true<const D: usize>(x: Tensor<D, Bool>) -> bool {
    let data = x.into_data();
    let elements: Vec<bool> = data.iter::<bool>().collect();
    assert!(elements.len() == 1, "{} truth values", elements.len());
    elements[0]
}

/// The only element of an integer tensor.
///
/// # Panics
/// When there are several.
pub fn choice<const D: usize>(x: Tensor<D, Int>) -> i64 {
    let data = x.into_data();
    let elements: Vec<i64> = data.iter::<i64>().collect();
    assert!(elements.len() == 1, "{} choices", elements.len());
    elements[0]
}

/// The rows as one tensor. Without rows it has no elements, and the extents of an item after its first.
pub fn stacked<const D: usize, const E: usize, K: Basic>(
    rows: Vec<Tensor<D, K>>,
    item: [usize; D],
    options: impl Into<TensorCreationOptions>,
) -> Tensor<E, K> {
    if rows.is_empty() {
        let mut shape = [0; E];
        shape[1..].copy_from_slice(&item);
        return Tensor::empty(shape, options);
    }
    Tensor::stack(rows, 0)
}

/// Tensors of one element as one vector.
pub fn joined<K: Basic>(
    rows: Vec<Tensor<1, K>>,
    options: impl Into<TensorCreationOptions>,
) -> Tensor<1, K> {
    match rows.is_empty() {
        true => Tensor::empty([0], options),
        false => Tensor::cat(rows, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn the_element_is_what_is_asked() {
        let device = Device::default();
        assert!(is_true(Tensor::<1, Bool>::from_data([true], &device)));
        assert_eq!(choice(Tensor::<1, Int>::from_data([-3i64], &device)), -3);
    }
}
