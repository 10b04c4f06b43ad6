//! Integers of a tensor as extents.

use burn::tensor::{Int, Tensor};

/// The elements of an integer tensor of `N` elements, as extents.
///
/// # Panics
/// When there are not `N` of them, or one is negative.
pub fn extents<const D: usize, const N: usize>(x: Tensor<D, Int>) -> [usize; N] {
    let elements: Vec<i64> = x.into_data().iter::<i64>().collect();
    assert!(
        elements.len() == N && elements.iter().all(|&extent| extent >= 0),
        "{elements:?} are not {N} extents"
    );
    std::array::from_fn(|i| elements[i] as usize)
}

/// The only element of an integer tensor, as an extent.
///
/// # Panics
/// When there are several, or it is negative.
pub fn extent<const D: usize>(x: Tensor<D, Int>) -> usize {
    let [extent] = extents(x);
    extent
}

/// Element `entry` of an integer list as a bound of a slice of a dimension with `extent` places: a negative one counts from
/// the end, and all are held between `least` and `extent + least`. What is given is the distance from `least`.
pub fn bound(list: Tensor<1, Int>, entry: usize, extent: usize, least: i64) -> Tensor<1, Int> {
    let extent = extent as i64;
    let bound = list.narrow(0, entry, 1);
    let negative = bound.clone().lower_scalar(0);
    let bound = bound.clone().mask_where(negative, bound + extent);
    (bound - least).clamp(0, extent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn extents_are_the_elements_in_order() {
        let x = Tensor::<2, Int>::from_data([[3, 5], [0, 7]], &Device::default());
        assert_eq!(extents(x), [3, 5, 0, 7]);
        let x = Tensor::<1, Int>::from_data([4], &Device::default());
        assert_eq!(extent(x), 4);
    }

    #[test]
    #[should_panic(expected = "are not 2 extents")]
    fn a_negative_extent_is_refused() {
        let x = Tensor::<1, Int>::from_data([3, -1], &Device::default());
        let _: [usize; 2] = extents(x);
    }
}
