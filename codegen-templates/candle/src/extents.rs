//! Integers of a tensor as extents.

use candle_core::{DType, Error, Result, Tensor};

/// The elements of an integer tensor of `N` elements, as extents.
///
/// # Errors
/// When there are not `N` of them, or one is negative.
pub fn extents<const N: usize>(x: &Tensor) -> Result<[usize; N]> {
    let elements = x.flatten_all()?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let extents: Vec<usize> = elements
        .iter()
        .map(|&extent| usize::try_from(extent))
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::msg(format!("{elements:?} has a negative extent")))?;
    extents
        .try_into()
        .map_err(|_| Error::msg(format!("{elements:?} are not {N} extents")))
}

/// The only element of an integer tensor, as an extent.
///
/// # Errors
/// When there are several, or it is negative.
pub fn extent(x: &Tensor) -> Result<usize> {
    let [extent] = extents(x)?;
    Ok(extent)
}

/// Element `entry` of an integer list as a bound of a slice of an axis with `extent` places: a negative one counts from the
/// end, and all are held between `least` and `extent + least`. What is given is the distance from `least`.
pub fn bound(list: &Tensor, entry: usize, extent: usize, least: i64) -> Result<Tensor> {
    let bound = list.get(entry)?.to_dtype(DType::I64)?.to_scalar::<i64>()?;
    let extent = extent as i64;
    let bound = if bound < 0 {
        bound.saturating_add(extent)
    } else {
        bound
    };
    Tensor::new(bound.saturating_sub(least).clamp(0, extent), list.device())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn extents_are_the_elements_in_order() -> Result<()> {
        let x = Tensor::new(&[[3i64, 5], [0, 7]], &Device::Cpu)?;
        assert_eq!(extents::<4>(&x)?, [3, 5, 0, 7]);
        assert_eq!(extent(&Tensor::new(4u32, &Device::Cpu)?)?, 4);
        Ok(())
    }

    #[test]
    fn a_negative_extent_is_an_error() -> Result<()> {
        let x = Tensor::new(&[3i64, -1], &Device::Cpu)?;
        let message = extents::<2>(&x).unwrap_err().to_string();
        assert!(message.contains("negative"), "{message}");
        Ok(())
    }
}
