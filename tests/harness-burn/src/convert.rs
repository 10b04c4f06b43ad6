//! Between burn's tensors and values that no framework owns.

use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::tensor::{Bool, DType, Device, FloatDType, Int, IntDType, Tensor, TensorData};
use savedmodel_import_tests_value::{Data, Loss, Value};

use crate::{Result, StringTensor};

/// An output of a generated method.
pub trait ToValue {
    /// The output as a value; its `dtype` is the framework's.
    fn to_value(&self) -> Result<Value>;
    /// The mean of the squares, of a float output.
    fn mean_square(&self) -> Option<Tensor<1>>;
    /// The loss of a float output against a target.
    fn loss(&self, _loss: Loss, _target: &Value) -> Result<Option<Tensor<1>>> {
        Ok(None)
    }
}

impl<const D: usize> ToValue for Tensor<D> {
    fn to_value(&self) -> Result<Value> {
        let data = self.clone().cast(FloatDType::F64).into_data();
        let floats = data
            .try_into_vec_as::<f64>()
            .map_err(|e| format!("{e:?}"))?;
        Ok(value(self.dtype(), self.dims(), Data::Float(floats)))
    }

    fn mean_square(&self) -> Option<Tensor<1>> {
        Some(self.clone().square().mean().cast(FloatDType::F64))
    }

    fn loss(&self, loss: Loss, target: &Value) -> Result<Option<Tensor<1>>> {
        let device = self.device();
        Ok(Some(match loss {
            Loss::MeanSquaredError => {
                let target = float::<D>(target, "F32", &device)?;
                MseLoss::new().forward(self.clone(), target, Reduction::Mean)
            }
            Loss::CrossEntropy => {
                let classes = self.dims().last().copied().unwrap_or(1);
                let logits = self.clone().reshape([-1, classes as i32]);
                let labels = int::<1>(target, "I64", &device)?;
                let loss = CrossEntropyLossConfig::new().init(&device);
                loss.forward(logits, labels)
            }
        }))
    }
}

impl<const D: usize> ToValue for Tensor<D, Int> {
    fn to_value(&self) -> Result<Value> {
        let data = self.clone().cast(IntDType::I64).into_data();
        let ints = data
            .try_into_vec_as::<i64>()
            .map_err(|e| format!("{e:?}"))?;
        Ok(value(self.dtype(), self.dims(), Data::Int(ints)))
    }

    fn mean_square(&self) -> Option<Tensor<1>> {
        None
    }
}

impl<const D: usize> ToValue for Tensor<D, Bool> {
    fn to_value(&self) -> Result<Value> {
        let data = self.clone().int().into_data();
        let ints = data
            .try_into_vec_as::<i64>()
            .map_err(|e| format!("{e:?}"))?;
        let data = Data::Bool(ints.into_iter().map(|v| v != 0).collect());
        Ok(Value {
            dtype: "Bool".into(),
            shape: self.dims().to_vec(),
            data,
        })
    }

    fn mean_square(&self) -> Option<Tensor<1>> {
        None
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

    fn mean_square(&self) -> Option<Tensor<1>> {
        None
    }
}

fn value<const D: usize>(dtype: DType, dims: [usize; D], data: Data) -> Value {
    Value {
        dtype: format!("{dtype:?}"),
        shape: dims.to_vec(),
        data,
    }
}

pub(crate) fn float<const D: usize>(
    value: &Value,
    native: &str,
    device: &Device,
) -> Result<Tensor<D>> {
    let dtype = match native {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        _ => return Err(misfit(value, native)),
    };
    let floats = value
        .data
        .to_floats()
        .ok_or_else(|| misfit(value, native))?;
    Ok(Tensor::from_data(
        TensorData::new(floats, dims::<D>(value)?),
        (device, dtype),
    ))
}

pub(crate) fn int<const D: usize>(
    value: &Value,
    native: &str,
    device: &Device,
) -> Result<Tensor<D, Int>> {
    let dtype = match native {
        "I64" => DType::I64,
        "I32" => DType::I32,
        "I16" => DType::I16,
        "I8" => DType::I8,
        "U64" => DType::U64,
        "U32" => DType::U32,
        "U16" => DType::U16,
        "U8" => DType::U8,
        _ => return Err(misfit(value, native)),
    };
    let ints = value.data.to_ints().ok_or_else(|| misfit(value, native))?;
    Ok(Tensor::from_data(
        TensorData::new(ints, dims::<D>(value)?),
        (device, dtype),
    ))
}

pub(crate) fn bool<const D: usize>(value: &Value, device: &Device) -> Result<Tensor<D, Bool>> {
    let ints = value.data.to_ints().ok_or_else(|| misfit(value, "Bool"))?;
    let bools: Vec<bool> = ints.into_iter().map(|v| v != 0).collect();
    Ok(Tensor::from_data(
        TensorData::new(bools, dims::<D>(value)?),
        device,
    ))
}

/// The shape as burn has it: a scalar is `[1]`.
fn dims<const D: usize>(value: &Value) -> Result<[usize; D]> {
    let shape = match &value.shape[..] {
        [] => &[1],
        shape => shape,
    };
    shape
        .try_into()
        .map_err(|_| format!("the method takes rank {D}, the value has shape {shape:?}").into())
}

fn misfit(value: &Value, native: &str) -> Box<dyn std::error::Error> {
    format!("a value of type {} is no {native}", value.dtype).into()
}

pub(crate) fn strings(value: &Value) -> Result<StringTensor> {
    match &value.data {
        Data::Bytes(data) => Ok(StringTensor::new(value.shape.clone(), data.clone())),
        Data::Float(_) | Data::Int(_) | Data::Bool(_) | Data::Complex(_) => {
            Err(misfit(value, "String"))
        }
    }
}

pub(crate) fn part(value: &Value, part: usize) -> Result<Value> {
    let Data::Complex(pairs) = &value.data else {
        return Err(misfit(value, "complex number"));
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
        (_, _) => Err("the halves of a complex output differ in shape or kind".into()),
    }
}
