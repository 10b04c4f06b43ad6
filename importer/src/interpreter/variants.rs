//! Variants moved about: ops that only move elements do the same to the numbers of variants.

use super::plan::Step;
use super::value::{Value, Variant, VariantTensor};
use super::{Machine, internal};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::lower::single;
use std::sync::Arc;

/// Ops whose outputs are elements of their operands.
const MOVES: &[&str] = &[
    "BroadcastTo",
    "Concat",
    "ConcatV2",
    "ExpandDims",
    "Gather",
    "GatherNd",
    "GatherV2",
    "Pack",
    "Reshape",
    "ReverseV2",
    "Select",
    "SelectV2",
    "Slice",
    "Split",
    "SplitV",
    "Squeeze",
    "StridedSlice",
    "Tile",
    "Transpose",
    "Unpack",
];

/// Ops that only look at shapes.
const SHAPES: &[&str] = &["Rank", "Shape", "ShapeN", "Size"];

impl Machine<'_> {
    /// The outputs of a node with variants among its operands.
    pub(super) fn moved(&mut self, step: &Step, inputs: &[Value]) -> Result<Vec<Value>> {
        let op = step.def.op.as_str();
        let (moves, looks) = (MOVES.contains(&op), SHAPES.contains(&op));
        if !moves && !looks {
            return Err(Error::unsupported(format!("{op} of variants")));
        }
        let mut pool: Vec<&Variant> = vec![];
        let mut operands = vec![];
        for input in inputs {
            operands.push(match input {
                Value::Variant(tensor) => {
                    let start = pool.len() as i64;
                    pool.extend(&tensor.items);
                    let numbers = (start..pool.len() as i64).collect();
                    Arc::new(Tensor::new(&tensor.shape, numbers)?)
                }
                Value::Tensor(_) | Value::Resource(_) | Value::Reference(_) => {
                    self.dereferenced(input)?
                }
            });
        }
        let outputs = single::evaluate(&step.def, &operands)?.into_iter();
        outputs
            .map(|output| match (output, moves) {
                (Some(numbers), true) => gathered(&numbers, &pool),
                (output, _) => Ok(Value::of_op(output)),
            })
            .collect()
    }
}

fn gathered(numbers: &Tensor, pool: &[&Variant]) -> Result<Value> {
    let numbers_of = numbers
        .as_integers()
        .ok_or_else(|| internal("a variant has no number"))?;
    let item = |number: &i64| {
        let item = usize::try_from(*number)
            .ok()
            .and_then(|number| pool.get(number));
        item.map(|item| Variant::clone(item))
            .ok_or_else(|| internal("a variant is lost"))
    };
    Ok(Value::Variant(Arc::new(VariantTensor {
        shape: numbers.shape().to_vec(),
        items: numbers_of.iter().map(item).collect::<Result<_>>()?,
    })))
}
