//! What a variable of a loop is, as far as lowering its body tells.

use super::super::cx::Lowered;
use super::super::region::Around;
use super::super::walk::Walk;
use crate::error::{Error, Result};
use crate::graph::flat::{FlatGraph, FlatKind};
use crate::ir::{DType, Dim, Type, Value};
/// What a variable of a loop is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Handed on unchanged.
    Same,
    /// An integer that grows by the same amount in each round.
    Counter { start: Dim, step: i64, dtype: DType },
    /// An integer that may turn out to be a counter.
    Candidate { start: Dim, dtype: DType },
    /// Tensors of these types, one or the two parts of a complex one.
    Carried(Vec<Type>),
    /// A list of which each round writes an item.
    Collected,
    /// A list as one tensor.
    Rows(Type),
}

/// Whether the body gives its argument as it is.
pub(super) fn hands_on(flat: &FlatGraph, variable: usize) -> bool {
    let Some(mut edge) = flat.outputs.get(variable).copied() else {
        return false;
    };
    loop {
        let node = &flat.nodes[edge.node];
        match &node.kind {
            FlatKind::Op(def) if matches!(def.op.as_str(), "Identity" | "RefIdentity") => {
                match node.inputs.first() {
                    Some(&input) => edge = input,
                    None => return false,
                }
            }
            _ => return flat.inputs.get(variable) == Some(&edge.node),
        }
    }
}

pub(super) fn first_kind(walk: &mut Walk<'_>, first: Lowered) -> Result<Kind> {
    Ok(match first {
        Lowered::Value(value) => {
            let ty = walk.graph.ty(value).clone();
            match walk.graph.content(value) {
                Some(content) if content.scalar && ty.dtype.is_integer() => Kind::Candidate {
                    start: content.dims.into_iter().next().unwrap_or(Dim::known(0)),
                    dtype: ty.dtype,
                },
                _ => Kind::Carried(vec![ty]),
            }
        }
        Lowered::Complex(re, im) => Kind::Carried(
            [re, im]
                .iter()
                .map(|&part| walk.graph.ty(part).clone())
                .collect(),
        ),
        Lowered::List(_) => Kind::Collected,
        Lowered::Variable(_) | Lowered::Resource(_) | Lowered::Asset(_) | Lowered::Opaque(_) => {
            return Err(Error::unsupported(
                "a loop that changes which variable or table it uses",
            ));
        }
        Lowered::Random(_) => return Err(Error::unsupported("random numbers that enter a loop")),
        Lowered::Dead => return Err(Error::malformed("a loop over what is not computed")),
    })
}

/// What an integer is whose value after the round is known as an extent over its value before.
pub(super) fn counted(
    walk: &mut Walk<'_>,
    before: Lowered,
    after: Lowered,
    start: &Dim,
    dtype: DType,
) -> Result<Kind> {
    let content = |walk: &Walk<'_>, lowered| match lowered {
        Lowered::Value(value) => walk.graph.content(value).filter(|content| content.scalar),
        _ => None,
    };
    let carried = Kind::Carried(vec![Type::new(dtype, vec![])]);
    let (Some(before), Some(after)) = (content(walk, before), content(walk, after)) else {
        return Ok(carried);
    };
    let step = after.dims[0].clone() - before.dims[0].clone();
    Ok(match step.as_known() {
        Some(step) => Kind::Counter {
            start: start.clone(),
            step,
            dtype,
        },
        None => carried,
    })
}

/// The types of a variable before the loop.
pub(super) fn firsts(around: &Around, first: Lowered) -> Vec<Type> {
    match first {
        Lowered::Value(value) => vec![around.ty(value).clone()],
        Lowered::Complex(re, im) => vec![around.ty(re).clone(), around.ty(im).clone()],
        _ => vec![],
    }
}

/// The least types that hold before and after a round: an extent that changes is a free one.
pub(super) fn widened(
    walk: &mut Walk<'_>,
    firsts: &[Type],
    types: &[Type],
    after: &[Value],
) -> Result<Vec<Type>> {
    if types.len() != after.len() || types.len() != firsts.len() {
        return Err(Error::unsupported(
            "a variable of a loop that is complex in some rounds only",
        ));
    }
    let mut widened = vec![];
    for ((first, before), &after) in firsts.iter().zip(types).zip(after) {
        let after = walk.graph.ty(after).clone();
        if after.rank() != before.rank() {
            return Err(Error::unsupported(format!(
                "a variable of a loop that is {before} before a round and {after} after it"
            )));
        }
        if after.dtype != before.dtype {
            return Err(Error::malformed(
                "a variable of a loop changes its element type",
            ));
        }
        if before.rank().is_none() {
            widened.push(before.clone());
            continue;
        }
        let mut dims = vec![];
        for ((first, a), b) in first.dims().iter().zip(before.dims()).zip(after.dims()) {
            let is_free = a != first;
            dims.push(match a == b || is_free {
                true => a.clone(),
                false => Dim::symbol(walk.graph.fresh_data_symbol()),
            });
        }
        widened.push(Type::new(before.dtype, dims));
    }
    Ok(widened)
}
