//! Placeholders, assertions, and other ops around the numbers.

use super::super::cx::Cx;
use super::super::value::Value;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    many("Placeholder", unfed),
    many("PlaceholderV2", unfed),
    many("PlaceholderWithDefault", |cx| forward(cx, 1)),
    many("IdentityN", all),
    many("EnsureShape", ensure_shape),
    many("CheckNumerics", check_numerics),
    many("CheckNumericsV2", check_numerics),
    many("Assert", assert),
    many("Print", |cx| forward(cx, 1)),
    many("PrintV2", |_| Ok(vec![])),
    many("StringFormat", format),
    many("OptionalNone", |_| {
        Ok(vec![Value::variant(crate::interpreter::Variant::Optional(
            None,
        ))])
    }),
];

fn unfed(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let error = Error::usage(format!("the placeholder `{}` has to be fed", cx.def().name));
    Err(error)
}

fn all(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    forward(cx, cx.inputs.len())
}

fn forward(cx: &mut Cx<'_>, count: usize) -> Result<Vec<Value>> {
    let mut values = Vec::with_capacity(count);
    for i in 0..count {
        values.push(match cx.value(i)? {
            Value::Reference(_) => cx.tensor(i)?.into(),
            value => value.clone(),
        });
    }
    Ok(values)
}

fn ensure_shape(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    if let Some(savedmodel_import_proto::attr_value::Value::Shape(shape)) = cx.stored("shape")
        && !shape.unknown_rank
    {
        let fits = |(extent, dim): (&usize, &savedmodel_import_proto::tensor_shape_proto::Dim)| {
            dim.size < 0 || i64::try_from(*extent).is_ok_and(|extent| extent == dim.size)
        };
        if shape.dim.len() != x.rank() || !x.shape().iter().zip(&shape.dim).all(fits) {
            let wanted: Vec<i64> = shape.dim.iter().map(|dim| dim.size).collect();
            let message = format!(
                "the shape {:?} is not compatible with {wanted:?}",
                x.shape()
            );
            return Err(Error::usage(message));
        }
    }
    Ok(vec![x.into()])
}

fn check_numerics(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let x = cx.tensor(0)?;
    if x.to_floats()
        .is_ok_and(|numbers| numbers.iter().any(|n| !n.is_finite()))
    {
        let message: String = cx.attr("message")?;
        return Err(Error::usage(format!(
            "{message} : Tensor had NaN or Inf values"
        )));
    }
    Ok(vec![x.into()])
}

fn assert(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    if super::super::control::truth(&*cx.tensor(0)?)? {
        return Ok(vec![]);
    }
    let data = cx.tensors(1..cx.inputs.len())?;
    let shown: Vec<String> = data.iter().map(|tensor| text(tensor)).collect();
    Err(Error::usage(format!(
        "assertion failed: {}",
        shown.join(" ")
    )))
}

/// The first elements, as an assertion shows them.
fn text(tensor: &Tensor) -> String {
    match tensor.elements::<Vec<u8>>() {
        Some([one]) => String::from_utf8_lossy(one).into_owned(),
        Some(_) | None => format!("{tensor:?}"),
    }
}

/// The operands in place of the template's marks.
pub(super) fn format(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (template, mark): (String, String) = (cx.attr("template")?, cx.attr("placeholder")?);
    let mut rest = template.as_str();
    let mut formatted = String::new();
    for i in 0..cx.inputs.len() {
        let operand = text(&*cx.tensor(i)?);
        match rest.split_once(mark.as_str()) {
            Some((before, after)) => {
                formatted.push_str(before);
                formatted.push_str(&operand);
                rest = after;
            }
            None => break,
        }
    }
    formatted.push_str(rest);
    Ok(vec![Tensor::new(&[], vec![formatted.into_bytes()])?.into()])
}
