//! The elements of small integer tensors as extents, each on its own.
//!
//! A node's content is known as a whole or not at all, and only up to rank 1. Here paddings of rank 2 are read, and
//! shapes of which one extent depends on data.

use crate::ir::{Dim, Graph, Op, SliceAxis, Value};

/// Where an element of a result comes from.
type Locate<'a> = Box<dyn Fn(&[usize]) -> Option<usize> + 'a>;

/// Larger tensors are data.
const LIMIT: usize = 256;
/// How many producers are looked through.
const DEPTH: usize = 24;

/// The elements in row-major order, `None` for one that depends on data. `None` for a tensor that is not a small
/// integer tensor of known shape.
pub fn of(graph: &Graph, value: Value) -> Option<Vec<Option<Dim>>> {
    elements(graph, value, DEPTH)
}

fn elements(graph: &Graph, value: Value, depth: usize) -> Option<Vec<Option<Dim>>> {
    let ty = graph.ty(value);
    let shape = ty.shape.known()?;
    let count = count(&shape)?;
    if !ty.dtype.is_integer() || count > LIMIT {
        return None;
    }
    if let Some(content) = graph.content(value) {
        return Some(content.dims.into_iter().map(Some).collect());
    }
    let through = if depth == 0 {
        None
    } else {
        look_through(graph, value, &shape, depth - 1)
    };
    through
        .filter(|elements| elements.len() == count)
        .or_else(|| Some(vec![None; count]))
}

fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1, |count: usize, &extent| count.checked_mul(extent))
}

fn look_through(
    graph: &Graph,
    value: Value,
    shape: &[usize],
    depth: usize,
) -> Option<Vec<Option<Dim>>> {
    let node = graph.producer(value);
    if let Some(constant) = graph.as_constant(value) {
        return Some(
            constant
                .as_integers()?
                .into_iter()
                .map(|n| Some(Dim::known(n)))
                .collect(),
        );
    }
    let first = *node.inputs.first()?;
    let source = graph.ty(first).shape.known()?;
    if let Op::Concat { axis } = node.op {
        return concat(graph, &node.inputs, axis, shape, depth);
    }
    let from: Locate = match &node.op {
        Op::Reshape(_) | Op::Cast(_) => Box::new(|at| Some(flat(at, shape))),
        Op::Transpose(permutation) => Box::new(|at| {
            let mut there = vec![0; at.len()];
            permutation
                .iter()
                .zip(at)
                .for_each(|(&axis, &i)| there[axis] = i);
            Some(flat(&there, &source))
        }),
        Op::Slice(axes) => Box::new(|at| sliced(at, axes, &source)),
        _ => return None,
    };
    let known = elements(graph, first, depth)?;
    indices(shape)
        .map(|at| known.get(from(&at)?).cloned())
        .collect()
}

fn sliced(at: &[usize], axes: &[SliceAxis], source: &[usize]) -> Option<usize> {
    let there: Option<Vec<usize>> = at
        .iter()
        .zip(axes)
        .map(|(&i, axis)| Some(axis.start.as_usize()? + i * axis.step))
        .collect();
    Some(flat(&there?, source))
}

fn concat(
    graph: &Graph,
    parts: &[Value],
    axis: usize,
    shape: &[usize],
    depth: usize,
) -> Option<Vec<Option<Dim>>> {
    let mut pieces = Vec::new();
    for &part in parts {
        pieces.push((graph.ty(part).shape.known()?, elements(graph, part, depth)?));
    }
    let element = |mut at: Vec<usize>| {
        for (shape, elements) in &pieces {
            if at[axis] < shape[axis] {
                return elements.get(flat(&at, shape)).cloned();
            }
            at[axis] -= shape[axis];
        }
        None
    };
    indices(shape).map(element).collect()
}

/// The place of an index in row-major order.
fn flat(at: &[usize], shape: &[usize]) -> usize {
    at.iter()
        .zip(shape)
        .fold(0, |place, (&i, &extent)| place * extent + i)
}

/// Every index of a shape, in row-major order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<'_> {
    let total: usize = shape.iter().product();
    (0..total).map(move |mut place| {
        let mut at = vec![0; shape.len()];
        for (i, &extent) in at.iter_mut().zip(shape).rev() {
            *i = place % extent;
            place /= extent;
        }
        at
    })
}
