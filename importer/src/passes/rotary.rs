//! Rotary embedding: the halves of the last axis, the second of them negated.

use super::pattern::unary;
use super::rule::{Rule, Site};
use crate::error::Result;
use crate::ir::{Dim, Graph, Op, Unary, Value};

/// Recognises [`Op::RotateHalf`].
pub const RULES: &[Rule] = &[rotate_half];

/// `[-x2, x1]`, joined over the last axis, or over a new one that a reshape takes away.
fn rotate_half(site: &mut Site<'_>) -> Result<Option<Value>> {
    let graph = &*site.graph;
    let parts = match (site.op, site.inputs) {
        (Op::Concat { .. }, &[a, b]) => Some((site.op.clone(), a, b)),
        (Op::Reshape(_), &[joined]) => match graph.producer(joined) {
            node if matches!(node.op, Op::Concat { .. }) && node.inputs.len() == 2 => {
                Some((node.op.clone(), node.inputs[0], node.inputs[1]))
            }
            _ => None,
        },
        _ => None,
    };
    let Some((Op::Concat { axis }, negated, first)) = parts else {
        return Ok(None);
    };
    let second = unary(graph, through_reshape(graph, negated), Unary::Neg);
    let halves = second.and_then(|second| {
        let second = half(graph, through_reshape(graph, second))?;
        let first = half(graph, through_reshape(graph, first))?;
        (second.0 == first.0 && !first.1 && second.1).then_some(first.0)
    });
    match halves {
        Some(x) if site.graph.ty(x) == site.ty && joins(site.graph.ty(first).dims(), axis) => {
            site.push(Op::RotateHalf, &[x]).map(Some)
        }
        Some(_) | None => Ok(None),
    }
}

/// Whether parts of this shape follow each other in memory, but for the axes before the last one or two.
fn joins(part: &[Dim], axis: usize) -> bool {
    let rank = part.len();
    axis + 1 == rank || axis + 2 == rank && part[axis].is(1)
}

fn through_reshape(graph: &Graph, value: Value) -> Value {
    let node = graph.producer(value);
    match node.op {
        Op::Reshape(_) => node.inputs[0],
        _ => value,
    }
}

/// What a value is a half of, along the last axis, and whether it is the second.
fn half(graph: &Graph, value: Value) -> Option<(Value, bool)> {
    let node = graph.producer(value);
    let Op::Slice(axes) = &node.op else {
        return None;
    };
    let x = node.inputs[0];
    let (last, others) = axes.split_last()?;
    let (size, others_of) = graph.ty(x).dims().split_last()?;
    let size = size.as_known().filter(|size| size % 2 == 0)?;
    let is_whole = |(part, dim): (&crate::ir::SliceAxis, &Dim)| part.is_whole(Some(dim));
    let is_half = last.length.is(size / 2) && last.step == 1;
    let fits = is_half && others.iter().zip(others_of).all(is_whole);
    match (fits, last.start.as_known()) {
        (true, Some(0)) => Some((x, false)),
        (true, Some(start)) if start == size / 2 => Some((x, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::SliceAxis;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    fn half_of(b: &mut Build, x: Value, start: i64) -> Value {
        let whole = |length: Dim| SliceAxis {
            start: Dim::known(0),
            length,
            step: 1,
        };
        let last = SliceAxis {
            start: Dim::known(start),
            length: Dim::known(4),
            step: 1,
        };
        let axes = vec![whole(Dim::known(2)), whole(Dim::known(6)), last];
        b.op(Op::Slice(axes), &[x])
    }

    #[test]
    fn halves_that_change_places_are_one_rotation() {
        let mut b = Build::default();
        let x = b.input(&[2, 6, 8]);
        let (first, second) = (half_of(&mut b, x, 0), half_of(&mut b, x, 4));
        let negated = b.op(Op::Unary(Unary::Neg), &[second]);
        let y = b.op(Op::Concat { axis: 2 }, &[negated, first]);
        b.check(&[y], optimise, "RotateHalf [2, 6, 8]");
    }

    #[test]
    fn halves_that_are_stacked_are_one_rotation() {
        let mut b = Build::default();
        let x = b.input(&[2, 6, 8]);
        let (first, second) = (half_of(&mut b, x, 0), half_of(&mut b, x, 4));
        let negated = b.op(Op::Unary(Unary::Neg), &[second]);
        let negated = b.reshape(negated, &[2, 6, 1, 4]);
        let first = b.reshape(first, &[2, 6, 1, 4]);
        let y = b.op(Op::Concat { axis: 2 }, &[negated, first]);
        let y = b.reshape(y, &[2, 6, 8]);
        b.check(&[y], optimise, "RotateHalf [2, 6, 8]");
    }
}
