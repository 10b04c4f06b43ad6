//! What a model computes and its program asks: truth values and choices.

use candle_core::{DType, Result, Tensor};

/// Whether a truth value of one element is true.
///
/// # Errors
/// When there are several elements.
pub fn is_true(x: &Tensor) -> Result<bool> {
    Ok(choice(x)? != 0)
}

/// The only element of an integer tensor.
///
/// # Errors
/// When there are several.
pub fn choice(x: &Tensor) -> Result<i64> {
    x.to_dtype(DType::I64)?.reshape(())?.to_scalar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_truth_value_is_true_if_it_is_not_zero() -> Result<()> {
        assert!(is_true(&Tensor::new(1u8, &Device::Cpu)?)?);
        assert!(!is_true(&Tensor::new(&[0u8], &Device::Cpu)?)?);
        assert!(is_true(&Tensor::new(&[0u8, 1], &Device::Cpu)?).is_err());
        Ok(())
    }

    #[test]
    fn a_choice_is_the_element() -> Result<()> {
        assert_eq!(choice(&Tensor::new(-3i64, &Device::Cpu)?)?, -3);
        Ok(())
    }
}
