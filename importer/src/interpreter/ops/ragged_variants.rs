//! Ragged tensors as variants: what a map over one passes around.

use super::super::cx::{Cx, count};
use super::super::value::{Value, Variant, VariantTensor};
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    many("RaggedTensorToVariant", to_variant),
    many("RaggedTensorFromVariant", from_variant),
];

/// One variant of all parts, or one for each row.
fn to_variant(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let levels = cx.inputs.len().saturating_sub(1);
    let parts = cx.tensors(0..cx.inputs.len())?;
    let values = parts
        .last()
        .ok_or_else(|| Error::malformed("nothing to store"))?;
    if !cx.attr::<bool>("batched_input")? {
        return Ok(vec![Value::variant(Variant::Ragged(parts))]);
    }
    if levels == 0 {
        let rows = super::lists::rows(values)?;
        let items: Vec<Variant> = rows
            .into_iter()
            .map(|row| Variant::Ragged(vec![Arc::new(row)]))
            .collect();
        return Ok(vec![Value::Variant(Arc::new(VariantTensor {
            shape: vec![items.len()],
            items,
        }))]);
    }
    let splits = (0..levels)
        .map(|i| cx.integers(i))
        .collect::<Result<Vec<_>>>()?;
    let rows = splits[0].len().saturating_sub(1);
    let items = (0..rows).map(|row| row_of(&splits, &parts, values, row));
    let items = items.collect::<Result<Vec<Variant>>>()?;
    Ok(vec![Value::Variant(Arc::new(VariantTensor {
        shape: vec![rows],
        items,
    }))])
}

fn row_of(
    splits: &[Vec<i64>],
    parts: &[Arc<Tensor>],
    values: &Tensor,
    row: usize,
) -> Result<Variant> {
    let wrong = || Error::usage("row splits do not fit");
    let (mut from, mut to) = (splits[0][row] as usize, splits[0][row + 1] as usize);
    let mut row_parts = vec![];
    for (splits, part) in splits.iter().zip(parts).skip(1) {
        let ends = splits.get(from..=to).ok_or_else(wrong)?;
        let shifted = ends.iter().map(|end| end - ends[0]).collect();
        (from, to) = (ends[0] as usize, ends[ends.len() - 1] as usize);
        row_parts.push(Arc::new(Tensor::from_integers(
            part.dtype(),
            &[ends.len()],
            shifted,
        )?));
    }
    let inner = values.shape().get(1..).unwrap_or_default();
    let size = count(inner)?;
    let places: Vec<usize> = (from * size..to * size).collect();
    let shape: Vec<usize> = [to.checked_sub(from).ok_or_else(wrong)?]
        .iter()
        .chain(inner)
        .copied()
        .collect();
    row_parts.push(Arc::new(values.take(&shape, &places)?));
    Ok(Variant::Ragged(row_parts))
}

/// The ragged tensor whose rows the variants are.
fn from_variant(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let Value::Variant(tensor) = cx.value(0)? else {
        return Err(Error::malformed("the operand is not a variant"));
    };
    let levels: usize = cx.attr("output_ragged_rank")?;
    let splits_type: DType = cx.attr("Tsplits")?;
    let rows: Vec<&Vec<Arc<Tensor>>> = tensor
        .items
        .iter()
        .map(|item| match item {
            Variant::Ragged(parts) => Ok(parts),
            Variant::Empty | Variant::List { .. } | Variant::Optional(_) | Variant::Dataset(_) => {
                Err(Error::malformed("the variant is not ragged"))
            }
        })
        .collect::<Result<_>>()?;
    if tensor.shape.is_empty() {
        let parts = rows
            .first()
            .map(|parts| parts.iter().cloned().map(Value::Tensor).collect());
        return parts.ok_or_else(|| Error::malformed("an empty variant"));
    }
    let values: Vec<&Tensor> = rows
        .iter()
        .filter_map(|parts| parts.last())
        .map(Arc::as_ref)
        .collect();
    let inner = values
        .first()
        .and_then(|v| v.shape().get(1..))
        .unwrap_or_default()
        .to_vec();
    let total = values
        .iter()
        .map(|v| v.shape().first().copied().unwrap_or(1))
        .sum::<usize>();
    let mut outputs = vec![];
    if tensor.shape.len() > 1 {
        let inner: i64 = tensor.shape[1..].iter().product::<usize>() as i64;
        let ends: Vec<i64> = (0..=tensor.shape[0] as i64)
            .map(|row| row * inner)
            .collect();
        outputs.push(Tensor::from_integers(splits_type, &[ends.len()], ends)?.into());
    }
    let below = rows
        .first()
        .map_or(0, |parts| parts.len().saturating_sub(1));
    for level in 0..=below {
        if outputs.len() == levels {
            break;
        }
        let mut ends = vec![0i64];
        for parts in &rows {
            let last = ends[ends.len() - 1];
            match level.checked_sub(1).and_then(|level| parts.get(level)) {
                None => {
                    let part = parts.first().map_or(0, |part| match below {
                        0 => part.shape().first().copied().unwrap_or(1),
                        _ => part.len().saturating_sub(1),
                    });
                    ends.push(last + part as i64);
                }
                Some(part) => {
                    let own = part.as_integers().unwrap_or_default();
                    ends.extend(own.iter().skip(1).map(|end| last + end));
                }
            }
        }
        outputs.push(Tensor::from_integers(splits_type, &[ends.len()], ends)?.into());
    }
    let joined = match values.is_empty() {
        true => super::lists::zeros(cx.attr("Tvalues")?, &[0])?,
        false => {
            let shape: Vec<usize> = [total].iter().chain(&inner).copied().collect();
            Tensor::chain(&values)?.reshaped(&shape)?
        }
    };
    outputs.push(joined.into());
    Ok(outputs)
}
