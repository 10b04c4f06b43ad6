//! Rows of strings as code points.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::{HostOp, tried};
use savedmodel_import_kernels::unicode;

/// Row splits, code points, and where each begins. Attributes: the encoding, what becomes of malformed parts, the replacement,
/// whether it replaces control characters, the type of the splits.
pub static DECODE: HostOp = HostOp {
    path: "unicode::decode",
    form: tried(),
    infer: |call| {
        let strings = call.strings(0)?.shape.dims();
        let strings = strings.map_or(Dim::known(1), |dims| {
            dims.iter()
                .fold(Dim::known(1), |product, dim| product * dim.clone())
        });
        let count = call.extent_of_data();
        Ok(vec![
            Type::new(call.element(4)?, vec![strings + Dim::known(1)]),
            Type::new(DType::I32, vec![count.clone()]),
            Type::new(DType::I64, vec![count]),
        ])
    },
    run: |x| {
        let (encoding, errors) = (x.text(0)?, x.text(1)?);
        let (replacement, control) = (x.integer(2)?, x.flag(3)?);
        let words = x.strings(0)?;
        let made = unicode::decode(words, encoding, errors, replacement, control, x.element(4)?)?;
        Ok(vec![made.0.into(), made.1.into(), made.2.into()])
    },
};

/// Strings of code points. Operands: code points, row splits. Attributes: the encoding, what becomes of malformed parts, the
/// replacement.
pub static ENCODE: HostOp = HostOp {
    path: "unicode::encode",
    form: tried(),
    infer: |call| {
        let splits = call.dims(1)?.first().cloned().unwrap_or(Dim::known(1));
        Ok(vec![Type::new(DType::String, vec![splits - Dim::known(1)])])
    },
    run: |x| {
        let (encoding, errors, replacement) = (x.text(0)?, x.text(1)?, x.integer(2)?);
        let (codes, splits) = (x.numbers(0)?, x.numbers(1)?);
        Ok(vec![
            unicode::encode(codes, splits, encoding, errors, replacement)?.into(),
        ])
    },
};

/// Strings in another encoding. Attributes: from which, to which, what becomes of malformed parts, the replacement, whether it
/// replaces control characters.
pub static TRANSCODE: HostOp = HostOp {
    path: "unicode::transcode",
    form: tried(),
    infer: |call| Ok(vec![call.strings(0)?.clone()]),
    run: |x| {
        let (from, to, errors) = (x.text(0)?, x.text(1)?, x.text(2)?);
        let (replacement, control) = (x.integer(3)?, x.flag(4)?);
        Ok(vec![
            unicode::transcode(x.strings(0)?, from, to, errors, replacement, control)?.into(),
        ])
    },
};
