//! TensorFlow's element types: names, sizes in a file.

use savedmodel_import_proto::DataType;

use crate::{Error, Result};

/// TensorFlow's name of a type, as `tf.DType.name` gives it: `float32`, `bool`, `float32_ref`.
pub fn dtype_name(dtype: DataType) -> String {
    let name = dtype.as_str_name().trim_start_matches("DT_");
    let (plain, suffix) = match name.strip_suffix("_REF") {
        Some(plain) => (plain, "_ref"),
        None => (name, ""),
    };
    let plain = match plain {
        "FLOAT" => "float32".to_owned(),
        "DOUBLE" => "float64".to_owned(),
        "HALF" => "float16".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    plain + suffix
}

/// The type of that name; the reverse of [`dtype_name`].
pub fn dtype_of_name(name: &str) -> Option<DataType> {
    (0..256)
        .filter_map(|number| DataType::try_from(number).ok())
        .find(|&dtype| dtype_name(dtype) == name)
}

/// The type with that number on the wire.
pub(crate) fn dtype_from_wire(number: i32) -> Result<DataType> {
    DataType::try_from(number).map_err(|_| Error::malformed(format!("unknown dtype {number}")))
}

/// Bytes per element in a checkpoint; `None` where elements have no fixed size.
pub fn element_size(dtype: DataType) -> Option<usize> {
    use DataType::*;
    match dtype {
        DtBool | DtInt8 | DtUint8 | DtQint8 | DtQuint8 => Some(1),
        DtInt4 | DtUint4 | DtInt2 | DtUint2 | DtFloat4E2m1fn => Some(1),
        DtFloat8E5m2 | DtFloat8E4m3fn | DtFloat8E4m3fnuz | DtFloat8E4m3b11fnuz
        | DtFloat8E5m2fnuz => Some(1),
        DtHalf | DtBfloat16 | DtInt16 | DtUint16 | DtQint16 | DtQuint16 => Some(2),
        DtFloat | DtInt32 | DtUint32 | DtQint32 => Some(4),
        DtDouble | DtInt64 | DtUint64 | DtComplex64 => Some(8),
        DtComplex128 => Some(16),
        _ => None,
    }
}

/// Bytes per number: a complex element is two numbers.
pub(super) fn scalar_size(dtype: DataType) -> usize {
    match dtype {
        DataType::DtComplex64 => 4,
        DataType::DtComplex128 => 8,
        other => element_size(other).unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_python() {
        assert_eq!(dtype_name(DataType::DtFloat), "float32");
        assert_eq!(dtype_name(DataType::DtBfloat16), "bfloat16");
        assert_eq!(dtype_name(DataType::DtFloatRef), "float32_ref");
        assert_eq!(dtype_name(DataType::DtFloat8E4m3fn), "float8_e4m3fn");
    }
}
