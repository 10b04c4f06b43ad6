//! Values that may be missing.

use super::super::value::{Value, Variant};
use super::{Row, many, one};
use crate::error::Error;
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    many("OptionalFromValue", |cx| {
        let all = cx.inputs.to_vec();
        Ok(vec![Value::variant(Variant::Optional(Some(all)))])
    }),
    many("OptionalGetValue", |cx| match cx.variant(0)? {
        Variant::Optional(Some(values)) => Ok(values.clone()),
        Variant::Optional(None)
        | Variant::Empty
        | Variant::List { .. }
        | Variant::Ragged(_)
        | Variant::Dataset(_) => Err(Error::usage("the given optional does not have a value")),
    }),
    one("OptionalHasValue", |cx| {
        let has = matches!(cx.variant(0)?, Variant::Optional(Some(_)));
        Tensor::new(&[], vec![has])
    }),
];
