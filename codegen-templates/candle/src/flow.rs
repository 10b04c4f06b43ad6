//! What a model computes and its program asks: truth values and choices.

use candle_core::{DType, Device, Result, Tensor};

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

/// The rows as one tensor. Without rows it has no elements, and the extents of an item after its first.
///
/// # Errors
/// When rows differ in shape.
pub fn stacked(rows: &[Tensor], item: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
    match rows.is_empty() {
        true => Tensor::zeros([&[0], item].concat(), dtype, device),
        false => Tensor::stack(rows, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rows_are_a_tensor_without_elements() -> Result<()> {
        let none = stacked(&[], &[2, 3], DType::F32, &Device::Cpu)?;
        assert_eq!(none.dims(), [0, 2, 3]);
        Ok(())
    }

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
