//! Rows of lookup tables, whose contents are operands.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference};
use super::{HostOp, tried};
use crate::error::Result;
use savedmodel_import_kernels::array::Result as Made;
use savedmodel_import_kernels::table;

/// Strings from their bytes and offsets.
pub static WORDS: HostOp = HostOp {
    path: "table::words",
    form: tried(),
    infer: |call| {
        let count = call.dims(1)?.first().cloned().unwrap_or(Dim::known(1));
        let words = Type::new(DType::String, vec![count - Dim::known(1)]);
        Ok(vec![words])
    },
    run: |x| Ok(vec![table::words(x.numbers(0)?, x.numbers(1)?)?.into()]),
};

/// Values by keys. Operands: the table's keys and values, the keys that are wanted, the value of all others.
pub static FIND: HostOp = HostOp {
    path: "table::find",
    form: tried(),
    infer: found,
    run: |x| {
        let found: Made<HostValue> = match (x.value(0)?, x.value(1)?) {
            (HostValue::Strings(keys), HostValue::Strings(values)) => {
                table::find(keys, values, x.strings(2)?, x.strings(3)?).map(HostValue::from)
            }
            (HostValue::Strings(keys), HostValue::Numbers(values)) => {
                table::find(keys, values, x.strings(2)?, x.numbers(3)?).map(HostValue::from)
            }
            (HostValue::Numbers(keys), HostValue::Strings(values)) => {
                table::find(keys, values, x.numbers(2)?, x.strings(3)?).map(HostValue::from)
            }
            (HostValue::Numbers(keys), HostValue::Numbers(values)) => {
                table::find(keys, values, x.numbers(2)?, x.numbers(3)?).map(HostValue::from)
            }
        };
        Ok(vec![found?])
    },
};

fn found(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    let row = call.dims(1)?.get(1..).unwrap_or_default();
    let dims = [call.dims(2)?, row].concat();
    Ok(vec![Type::new(call.ty(1)?.dtype, dims)])
}
