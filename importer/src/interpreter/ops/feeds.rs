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

/// A tensor as TensorFlow prints it: at most three elements at either end of an axis.
fn text(tensor: &Tensor) -> String {
    let elements: Vec<String> = match tensor.elements::<Vec<u8>>() {
        Some([one]) if tensor.rank() == 0 => vec![String::from_utf8_lossy(one).into_owned()],
        Some(all) => all
            .iter()
            .map(|s| format!("\"{}\"", String::from_utf8_lossy(s)))
            .collect(),
        None => numbers(tensor),
    };
    nested(&elements, tensor.shape())
}

fn numbers(tensor: &Tensor) -> Vec<String> {
    if let Some(flags) = tensor.elements::<bool>() {
        return flags
            .iter()
            .map(|&flag| u8::from(flag).to_string())
            .collect();
    }
    match tensor.as_integers() {
        Some(integers) => integers.iter().map(i64::to_string).collect(),
        None => tensor
            .to_floats()
            .unwrap_or_default()
            .iter()
            .map(f64::to_string)
            .collect(),
    }
}

/// The longest that an axis is printed in full, on either side of the dots.
const SHOWN: usize = 3;

fn nested(elements: &[String], shape: &[usize]) -> String {
    let Some((&extent, inner)) = shape.split_first() else {
        return elements.first().cloned().unwrap_or_default();
    };
    let size = elements.len() / extent.max(1);
    let mut parts = vec![];
    for i in 0..extent {
        match extent > 2 * SHOWN && (SHOWN..extent - SHOWN).contains(&i) {
            true if i == SHOWN => parts.push("...".to_owned()),
            true => {}
            false => parts.push(nested(&elements[i * size..(i + 1) * size], inner)),
        }
    }
    let separator = if inner.is_empty() { " " } else { "\n " };
    format!("[{}]", parts.join(separator))
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
