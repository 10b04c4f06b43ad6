//! Constants: their value is there, of their dtype, and fills its shape.

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{DataType, NodeDef, TensorProto};

use crate::saved_model::{dtype_name, element_size, static_shape};
use crate::{Error, Result};

/// A constant that repeats one stored element may have this many.
const MAX_ELEMENTS: u64 = 1 << 31;

pub(super) fn check(node: &NodeDef) -> Result<()> {
    let attr = |name: &str| node.attr.get(name).and_then(|attr| attr.value.as_ref());
    let Some(Value::Tensor(tensor)) = attr("value") else {
        return Err(Error::malformed(format!(
            "Const {} has no value",
            node.name
        )));
    };
    let Some(Value::Type(declared)) = attr("dtype") else {
        return Err(Error::malformed(format!(
            "Const {} has no dtype",
            node.name
        )));
    };
    let dtype = known(*declared)?;
    let stored = known(tensor.dtype)?;
    if dtype != stored {
        return Err(Error::malformed(format!(
            "the dtype disagrees: the node says {}, its value {}",
            dtype_name(dtype),
            dtype_name(stored)
        )));
    }
    check_content(tensor, dtype)
}

fn known(wire: i32) -> Result<DataType> {
    DataType::try_from(wire).map_err(|_| Error::malformed(format!("unknown dtype {wire}")))
}

fn check_content(tensor: &TensorProto, dtype: DataType) -> Result<()> {
    let Some(proto) = &tensor.tensor_shape else {
        return Ok(());
    };
    if let Some(dim) = proto.dim.iter().find(|dim| dim.size < 0) {
        return Err(Error::malformed(format!(
            "a constant has the bad dimension {}",
            dim.size
        )));
    }
    let Some(shape) = static_shape(Some(proto))? else {
        return Ok(());
    };
    let dims = || shape.iter().map(|dim| dim.unwrap_or_default());
    let empty = dims().any(|dim| dim == 0);
    let elements = match empty {
        true => Some(0),
        false => dims().try_fold(1u64, u64::checked_mul),
    };
    let elements = elements
        .filter(|&elements| elements <= MAX_ELEMENTS)
        .ok_or_else(|| {
            let dims: Vec<String> = dims().map(|dim| dim.to_string()).collect();
            let power: f64 = dims_log2(&shape);
            Error::malformed(format!(
                "a constant of about 2^{power:.0} elements, of shape [{}], is too large",
                dims.join(", ")
            ))
        })?;
    check_bytes(tensor, dtype, elements)
}

fn dims_log2(shape: &[Option<u64>]) -> f64 {
    shape
        .iter()
        .map(|dim| (dim.unwrap_or_default() as f64).log2())
        .sum()
}

fn check_bytes(tensor: &TensorProto, dtype: DataType, elements: u64) -> Result<()> {
    let given = tensor.tensor_content.len() as u64;
    match element_size(dtype) {
        Some(size) if given > 0 && given != elements * size as u64 => {
            Err(Error::malformed(format!(
                "tensor_content has {given} bytes, expected {}",
                elements * size as u64
            )))
        }
        Some(_) | None => Ok(()),
    }
}
