//! Between candle's tensors and values that no framework owns.

use candle_core::{DType, Device, Error, Result, Tensor};
use candle_nn::loss::{cross_entropy, mse};
use half::{bf16, f16};
use savedmodel_import_tests_value::{Data, Loss, Value};

use crate::StringTensor;

/// An output of a generated method.
pub trait ToValue {
    /// The output as a value; its `dtype` is the framework's.
    fn to_value(&self) -> Result<Value>;
    /// The mean of the squares, of a float output.
    fn mean_square(&self) -> Result<Option<Tensor>>;
    /// The loss of a float output against a target.
    fn loss(&self, _loss: Loss, _target: &Value) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

impl ToValue for Tensor {
    fn to_value(&self) -> Result<Value> {
        let flat = self.flatten_all()?;
        let data = match self.dtype() {
            DType::F64 | DType::F32 | DType::F16 | DType::BF16 => {
                Data::Float(flat.to_dtype(DType::F64)?.to_vec1()?)
            }
            DType::I64 => Data::Int(flat.to_vec1()?),
            DType::I32 => Data::Int(flat.to_vec1::<i32>()?.into_iter().map(i64::from).collect()),
            DType::I16 => Data::Int(flat.to_vec1::<i16>()?.into_iter().map(i64::from).collect()),
            DType::U32 => Data::Int(flat.to_vec1::<u32>()?.into_iter().map(i64::from).collect()),
            DType::U8 => Data::Int(flat.to_vec1::<u8>()?.into_iter().map(i64::from).collect()),
            other => return Err(Error::Msg(format!("an output of type {other:?}"))),
        };
        Ok(Value {
            dtype: format!("{:?}", self.dtype()),
            shape: self.dims().to_vec(),
            data,
        })
    }

    fn mean_square(&self) -> Result<Option<Tensor>> {
        match self.dtype().is_float() {
            true => self.sqr()?.mean_all()?.to_dtype(DType::F64).map(Some),
            false => Ok(None),
        }
    }

    fn loss(&self, loss: Loss, target: &Value) -> Result<Option<Tensor>> {
        let value = match loss {
            Loss::MeanSquaredError => mse(self, &tensor(target, "F32", self.device())?)?,
            Loss::CrossEntropy => cross_entropy(self, &tensor(target, "I64", self.device())?)?,
        };
        Ok(Some(value))
    }
}

impl ToValue for StringTensor {
    fn to_value(&self) -> Result<Value> {
        Ok(Value {
            dtype: "String".into(),
            shape: self.shape().to_vec(),
            data: Data::Bytes(self.data().to_vec()),
        })
    }

    fn mean_square(&self) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

pub(crate) fn tensor(value: &Value, native: &str, device: &Device) -> Result<Tensor> {
    let misfit = || Error::Msg(format!("a value of type {} is no {native}", value.dtype));
    let shape = &value.shape[..];
    let floats = || value.data.to_floats().ok_or_else(misfit);
    let ints = || value.data.to_ints().ok_or_else(misfit);
    match native {
        "F64" => Tensor::from_vec(floats()?, shape, device),
        "F32" => Tensor::from_vec(narrow(floats()?, |v| v as f32), shape, device),
        "F16" => Tensor::from_vec(narrow(floats()?, f16::from_f64), shape, device),
        "BF16" => Tensor::from_vec(narrow(floats()?, bf16::from_f64), shape, device),
        "I64" => Tensor::from_vec(ints()?, shape, device),
        "I32" => Tensor::from_vec(narrow(ints()?, |v| v as i32), shape, device),
        "I16" => Tensor::from_vec(narrow(ints()?, |v| v as i16), shape, device),
        "U32" => Tensor::from_vec(narrow(ints()?, |v| v as u32), shape, device),
        "U8" | "Bool" => Tensor::from_vec(narrow(ints()?, |v| v as u8), shape, device),
        _ => Err(misfit()),
    }
}

fn narrow<T, U>(values: Vec<T>, cast: fn(T) -> U) -> Vec<U> {
    values.into_iter().map(cast).collect()
}

pub(crate) fn strings(value: &Value) -> Result<StringTensor> {
    match &value.data {
        Data::Bytes(data) => StringTensor::new(value.shape.clone(), data.clone()),
        Data::Float(_) | Data::Int(_) | Data::Bool(_) | Data::Complex(_) => Err(Error::Msg(
            format!("a value of type {} is no string", value.dtype),
        )),
    }
}

pub(crate) fn part(value: &Value, part: usize) -> Result<Value> {
    let Data::Complex(pairs) = &value.data else {
        return Err(Error::Msg(format!(
            "a value of type {} is not complex",
            value.dtype
        )));
    };
    Ok(Value {
        dtype: value.dtype.clone(),
        shape: value.shape.clone(),
        data: Data::Float(pairs.iter().map(|pair| pair[part]).collect()),
    })
}

pub(crate) fn complex(re: Value, im: Value) -> Result<Value> {
    match (re.data.to_floats(), im.data.to_floats()) {
        (Some(a), Some(b)) if re.shape == im.shape => Ok(Value {
            data: Data::Complex(a.into_iter().zip(b).map(|(a, b)| [a, b]).collect()),
            ..re
        }),
        (_, _) => Err(Error::Msg(
            "the halves of a complex output differ in shape or kind".into(),
        )),
    }
}
