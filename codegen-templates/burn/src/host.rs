//! Tensors to kernels that run on the host, and back.

use super::array::{Array, Error, Numbers};
use super::string_tensor::StringTensor;
use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};

/// What a kernel can be given.
pub trait Host {
    /// The numbers on the host.
    fn host(&self) -> Array;
}

/// The result of a kernel.
///
/// # Panics
/// If it failed.
pub fn done<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

impl<const D: usize> Host for Tensor<D> {
    fn host(&self) -> Array {
        let data = self.to_data();
        let numbers = match data.dtype() {
            DType::F64 => Numbers::F64(data.iter::<f64>().collect()),
            _ => Numbers::F32(data.iter::<f32>().collect()),
        };
        done(Array::new(&self.dims(), numbers))
    }
}

impl<const D: usize> Host for Tensor<D, Int> {
    fn host(&self) -> Array {
        let data = self.to_data();
        let numbers = match data.dtype() {
            DType::I32 => Numbers::I32(data.iter::<i32>().collect()),
            DType::I16 => Numbers::I16(data.iter::<i16>().collect()),
            DType::I8 => Numbers::I8(data.iter::<i8>().collect()),
            DType::U8 => Numbers::U8(data.iter::<u8>().collect()),
            DType::U16 => Numbers::U16(data.iter::<u16>().collect()),
            DType::U32 => Numbers::U32(data.iter::<u32>().collect()),
            DType::U64 => Numbers::U64(data.iter::<u64>().collect()),
            _ => Numbers::I64(data.iter::<i64>().collect()),
        };
        done(Array::new(&self.dims(), numbers))
    }
}

impl<const D: usize> Host for Tensor<D, Bool> {
    fn host(&self) -> Array {
        let flags = self.to_data().iter::<bool>().collect();
        done(Array::new(&self.dims(), Numbers::Bool(flags)))
    }
}

/// What a kernel's result is to the rest of the model.
pub trait Of<T> {
    /// The same on a device.
    fn of(value: T, device: &Device) -> Self;
}

/// The result of a kernel, on its way to a device.
pub trait Native: Sized {
    /// What the kernel gives.
    type Given;

    /// The same on a device.
    ///
    /// # Panics
    /// If the kernel failed.
    fn native<N: Of<Self::Given>>(self, device: &Device) -> N;
}

impl<T> Native for Result<T, Error> {
    type Given = T;

    fn native<N: Of<T>>(self, device: &Device) -> N {
        N::of(done(self), device)
    }
}

impl Native for Array {
    type Given = Array;

    fn native<N: Of<Array>>(self, device: &Device) -> N {
        N::of(self, device)
    }
}

impl<A, B> Native for (A, B) {
    type Given = (A, B);

    fn native<N: Of<(A, B)>>(self, device: &Device) -> N {
        N::of(self, device)
    }
}

/// The shape; a scalar has one axis.
fn shape(array: &Array) -> Vec<usize> {
    match array.shape() {
        [] => vec![1],
        shape => shape.to_vec(),
    }
}

impl<const D: usize> Of<Array> for Tensor<D> {
    fn of(array: Array, device: &Device) -> Self {
        let shape = shape(&array);
        match array.numbers() {
            Numbers::F64(v) => {
                Tensor::from_data(TensorData::new(v.clone(), shape), (device, DType::F64))
            }
            Numbers::F32(v) => Tensor::from_data(TensorData::new(v.clone(), shape), device),
            _ => Tensor::from_data(TensorData::new(array.to_f64(), shape), device),
        }
    }
}

impl<const D: usize> Of<Array> for Tensor<D, Int> {
    fn of(array: Array, device: &Device) -> Self {
        let dtype = match array.numbers() {
            Numbers::I8(_) => DType::I8,
            Numbers::I16(_) => DType::I16,
            Numbers::I32(_) => DType::I32,
            Numbers::U8(_) => DType::U8,
            Numbers::U16(_) => DType::U16,
            Numbers::U32(_) => DType::U32,
            Numbers::U64(_) => DType::U64,
            _ => DType::I64,
        };
        let data = match array.numbers() {
            Numbers::U64(v) => TensorData::new(v.clone(), shape(&array)),
            _ => TensorData::new(array.to_i64(), shape(&array)),
        };
        Tensor::from_data(data, (device, dtype))
    }
}

impl<const D: usize> Of<Array> for Tensor<D, Bool> {
    fn of(array: Array, device: &Device) -> Self {
        Tensor::from_data(TensorData::new(array.truths(), shape(&array)), device)
    }
}

impl Of<StringTensor> for StringTensor {
    fn of(value: StringTensor, _: &Device) -> Self {
        value
    }
}

impl<T, N: Of<T>, const P: usize> Of<[T; P]> for [N; P] {
    fn of(value: [T; P], device: &Device) -> Self {
        value.map(|part| N::of(part, device))
    }
}

macro_rules! tuple {
    ($($from:ident $to:ident)*) => {
        impl<$($from, $to: Of<$from>),*> Of<($($from,)*)> for ($($to,)*) {
            #[allow(non_snake_case)]
            fn of(($($from,)*): ($($from,)*), device: &Device) -> Self {
                ($($to::of($from, device),)*)
            }
        }
    };
}

tuple!(A X B Y);
tuple!(A X B Y C Z);
tuple!(A X B Y C Z D W);
tuple!(A X B Y C Z D W E V);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_go_both_ways() {
        let device = Device::default();
        let x = Tensor::<2>::from_data([[1.0, -2.5]], &device);
        let back: Tensor<2> = x.host().native(&device);
        assert_eq!(back.host(), x.host());
        let x = Tensor::<1, Int>::from_data([1, 2], (&device, DType::I32));
        let back: Tensor<1, Int> = x.host().native(&device);
        assert_eq!((back.host(), back.dtype()), (x.host(), DType::I32));
        let words = StringTensor::of(&[1], vec![b"a".to_vec()]);
        let flags = done(Array::new(&[], Numbers::Bool(vec![true])));
        let given = Ok((words.clone(), flags));
        let (same, flags) = given.native::<(StringTensor, Tensor<1, Bool>)>(&device);
        assert_eq!((same, flags.dims()), (words, [1]));
    }

    #[test]
    #[should_panic(expected = "no such thing")]
    fn a_kernels_error_is_a_panic() {
        done::<()>(Err(Error::new("no such thing")));
    }
}
