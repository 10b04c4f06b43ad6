//! Tensors to kernels that run on the host, and back.

use super::array::{Array, Element, Error, Numbers};
use super::string_tensor::StringTensor;
use candle_core::{DType, Device, Result, Tensor};

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        candle_core::Error::wrap(error)
    }
}

/// What a kernel can be given.
pub trait Host {
    /// The numbers on the host.
    fn host(&self) -> Result<Array>;
}

impl Host for Tensor {
    fn host(&self) -> Result<Array> {
        let flat = self.flatten_all()?;
        let numbers = match self.dtype() {
            DType::F64 => Numbers::F64(flat.to_vec1()?),
            DType::I64 => Numbers::I64(flat.to_vec1()?),
            DType::U32 => Numbers::U32(flat.to_vec1()?),
            DType::U8 => Numbers::U8(flat.to_vec1()?),
            dtype if dtype.is_int() => Numbers::I64(flat.to_dtype(DType::I64)?.to_vec1()?),
            _ => Numbers::F32(flat.to_dtype(DType::F32)?.to_vec1()?),
        };
        Ok(Array::new(self.dims(), numbers)?)
    }
}

/// What a kernel gives.
pub trait Native {
    /// What it is to the rest of the model.
    type Native;

    /// The same on a device; truth values are `U8`, integers `I64`.
    fn native(self, device: &Device) -> Result<Self::Native>;
}

impl Native for Array {
    type Native = Tensor;

    fn native(self, device: &Device) -> Result<Tensor> {
        let shape = self.shape().to_vec();
        match self.numbers() {
            Numbers::F32(v) => Tensor::from_slice(v, shape, device),
            Numbers::F64(v) => Tensor::from_slice(v, shape, device),
            Numbers::U8(v) => Tensor::from_slice(v, shape, device),
            Numbers::U32(v) => Tensor::from_slice(v, shape, device),
            Numbers::Bool(v) => {
                let bytes: Vec<u8> = v.iter().map(|&flag| flag.into()).collect();
                Tensor::from_slice(&bytes, shape, device)
            }
            _ => match self.to(Element::I64).numbers() {
                Numbers::I64(v) => Tensor::from_slice(v, shape, device),
                _ => candle_core::bail!("integers are not I64"),
            },
        }
    }
}

impl Native for StringTensor {
    type Native = StringTensor;

    fn native(self, _: &Device) -> Result<StringTensor> {
        Ok(self)
    }
}

impl<T: Native, const N: usize> Native for [T; N] {
    type Native = [T::Native; N];

    fn native(self, device: &Device) -> Result<Self::Native> {
        let all = self.into_iter().map(|part| part.native(device));
        let all = all.collect::<Result<Vec<_>>>()?;
        all.try_into()
            .map_err(|_| candle_core::Error::msg("a part is missing"))
    }
}

macro_rules! tuple {
    ($($name:ident)*) => {
        impl<$($name: Native),*> Native for ($($name,)*) {
            type Native = ($($name::Native,)*);

            #[allow(non_snake_case)]
            fn native(self, device: &Device) -> Result<Self::Native> {
                let ($($name,)*) = self;
                Ok(($($name.native(device)?,)*))
            }
        }
    };
}

tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_go_both_ways() -> Result<()> {
        let device = Device::Cpu;
        for tensor in [
            Tensor::new(&[[1f32, -2.5]], &device)?,
            Tensor::new(&[1f64, 2.0], &device)?,
            Tensor::new(3i64, &device)?,
            Tensor::zeros((0, 2), DType::I64, &device)?,
            Tensor::new(&[1u8, 0], &device)?,
        ] {
            let back = tensor.host()?.native(&device)?;
            assert_eq!((back.dims(), back.dtype()), (tensor.dims(), tensor.dtype()));
            assert_eq!(back.host()?, tensor.host()?);
        }
        let words = StringTensor::of(&[1], vec![b"a".to_vec()]);
        let flags = Array::new(&[2], Numbers::Bool(vec![true, false]))?;
        let (words, flags) = (words, flags).native(&device)?;
        assert_eq!(words.data(), [b"a"]);
        assert_eq!(flags.to_vec1::<u8>()?, [1, 0]);
        Ok(())
    }

    #[test]
    fn a_kernels_error_is_candles() {
        let fails = || -> Result<()> { Err(Error::new("no such thing"))? };
        assert!(fails().unwrap_err().to_string().contains("no such thing"));
    }
}
