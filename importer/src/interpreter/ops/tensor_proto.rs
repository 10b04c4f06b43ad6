//! Tensors as bytes, and back.

use super::super::cx::Cx;
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{TensorProto, TensorShapeProto, tensor_shape_proto::Dim};

pub(super) const OPS: &[Row] = &[
    one("ParseTensor", parse_tensor),
    one("SerializeTensor", serialize_tensor),
];

fn parse_tensor(cx: &mut Cx<'_>) -> Result<Tensor> {
    let proto = TensorProto::decode(cx.string(0)?.as_slice())
        .map_err(|_| Error::usage("the string is not a serialized tensor"))?;
    let tensor = crate::lower::tensor(&proto)?;
    let wanted: DType = cx.attr("out_type")?;
    match tensor.dtype() == wanted {
        true => Ok(tensor),
        false => Err(Error::usage(format!(
            "the tensor is of {:?}, not {wanted:?}",
            tensor.dtype()
        ))),
    }
}

fn serialize_tensor(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let mut proto = TensorProto::default();
    if let Some(savedmodel_import_proto::attr_value::Value::Type(dtype)) = cx.stored("T") {
        proto.dtype = *dtype;
    }
    let dims = x.shape().iter().map(|&n| Dim {
        size: n as i64,
        ..Dim::default()
    });
    proto.tensor_shape = Some(TensorShapeProto {
        dim: dims.collect(),
        ..TensorShapeProto::default()
    });
    match x.elements::<Vec<u8>>() {
        Some(strings) => proto.string_val = strings.iter().map(|s| s.clone().into()).collect(),
        None => proto.tensor_content = x.to_bytes()?.into(),
    }
    Tensor::new(&[], vec![proto.encode_to_vec()])
}
