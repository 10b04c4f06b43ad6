//! Host ops: the evaluator's values as kernels have them, and back.

use super::data::Data;
use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::ir::{DType, Host, HostValue, Operands, Type};
use savedmodel_import_kernels::array::{Array, Numbers};
use savedmodel_import_kernels::string_tensor::StringTensor;

/// The results of a host op.
pub(super) fn call(host: &Host, operands: &[&Tensor], results: &[Type]) -> Result<Vec<Tensor>> {
    let values = operands.iter().map(|x| to_host(x));
    let values = values.collect::<Result<Vec<HostValue>>>()?;
    let operands = Operands {
        values: &values,
        attributes: &host.attributes,
    };
    let made = (host.op.run)(&operands)?;
    let typed = made.iter().zip(results);
    typed.map(|(value, ty)| of_host(value, ty.dtype)).collect()
}

/// A value as kernels have it; half precision becomes single.
fn to_host(x: &Tensor) -> Result<HostValue> {
    let numbers = match x.data() {
        Data::String(v) => {
            let strings = StringTensor::new(x.shape().to_vec(), v.clone());
            return strings.map(HostValue::Strings).map_err(Error::from);
        }
        Data::F16(v) => Numbers::F32(v.iter().map(|x| x.to_f32()).collect()),
        Data::BF16(v) => Numbers::F32(v.iter().map(|x| x.to_f32()).collect()),
        Data::F32(v) => Numbers::F32(v.clone()),
        Data::F64(v) => Numbers::F64(v.clone()),
        Data::I8(v) => Numbers::I8(v.clone()),
        Data::I16(v) => Numbers::I16(v.clone()),
        Data::I32(v) => Numbers::I32(v.clone()),
        Data::I64(v) => Numbers::I64(v.clone()),
        Data::U8(v) => Numbers::U8(v.clone()),
        Data::U16(v) => Numbers::U16(v.clone()),
        Data::U32(v) => Numbers::U32(v.clone()),
        Data::U64(v) => Numbers::U64(v.clone()),
        Data::Bool(v) => Numbers::Bool(v.clone()),
        Data::C64(_) | Data::C128(_) => {
            return Err(Error::unsupported("complex numbers are not supported here"));
        }
    };
    Array::new(x.shape(), numbers)
        .map(HostValue::Numbers)
        .map_err(Error::from)
}

fn of_host(value: &HostValue, dtype: DType) -> Result<Tensor> {
    let array = match value {
        HostValue::Strings(words) => return Tensor::new(words.shape(), words.data().to_vec()),
        HostValue::Numbers(array) => array,
    };
    let data = match array.numbers() {
        Numbers::F32(v) => Data::F32(v.clone()),
        Numbers::F64(v) => Data::F64(v.clone()),
        Numbers::I8(v) => Data::I8(v.clone()),
        Numbers::I16(v) => Data::I16(v.clone()),
        Numbers::I32(v) => Data::I32(v.clone()),
        Numbers::I64(v) => Data::I64(v.clone()),
        Numbers::U8(v) => Data::U8(v.clone()),
        Numbers::U16(v) => Data::U16(v.clone()),
        Numbers::U32(v) => Data::U32(v.clone()),
        Numbers::U64(v) => Data::U64(v.clone()),
        Numbers::Bool(v) => Data::Bool(v.clone()),
    };
    Tensor::from_data(array.shape(), data)?.cast(dtype)
}
