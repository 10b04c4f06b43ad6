//! How many rounds a loop has, where its condition counts them.

use super::cx::Lowered;
use super::region::Around;
use super::strided::not_negative;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, Dim, Graph, Op, Origin, Region, Rounds, Symbol, Value};
use savedmodel_import_proto::NodeDef;

/// What ends a loop. `condition` lowers the condition in a region of its own, which is given what the body is: the operands, the first of them carried.
///
/// # Errors
/// What lowering the condition gives, and a condition that is no scalar.
pub fn rounds(
    walk: &mut Walk<'_>,
    condition: impl FnOnce(&mut Walk<'_>, &mut Around) -> Result<Vec<Lowered>>,
    origin: &Origin,
    given_to_body: (&[Value], usize),
    round: Symbol,
) -> Result<Rounds> {
    let mut around = walk.begin();
    let goes_on = condition(walk, &mut around).and_then(|outputs| {
        let goes_on = outputs.first().copied();
        let goes_on = goes_on.ok_or_else(|| Error::malformed("a condition that gives nothing"))?;
        walk.truth(goes_on, origin)
    });
    let goes_on = match goes_on {
        Ok(goes_on) => goes_on,
        Err(error) => {
            walk.abandon(around);
            return Err(error);
        }
    };
    let (region, given) = walk.end(around, vec![goes_on]);
    if given != given_to_body.0 {
        return Err(Error::internal(
            "a condition that is not given what the body is",
        ));
    }
    let mut limits = vec![];
    match limit(
        walk,
        &region,
        goes_on,
        given_to_body,
        origin,
        round,
        &mut limits,
    )? {
        true => {
            let least = limits.into_iter().reduce(|a: Dim, b| a.smaller(&b));
            Ok(least.map_or(Rounds::While(region), |least| {
                Rounds::Counted(not_negative(&least))
            }))
        }
        false => Ok(Rounds::While(region)),
    }
}

/// Adds the numbers of rounds that a condition allows; whether it says nothing else.
fn limit(
    walk: &mut Walk<'_>,
    region: &Region,
    value: Value,
    operands: (&[Value], usize),
    origin: &Origin,
    round: Symbol,
    limits: &mut Vec<Dim>,
) -> Result<bool> {
    let graph = region.graph();
    let node = graph.producer(value);
    let (op, inputs) = (&node.op, node.inputs.as_slice());
    match (op, inputs) {
        (Op::Constant(truth), _) => {
            if truth.as_splat() == Some(0.0) {
                limits.push(Dim::known(0));
            }
            Ok(true)
        }
        (Op::Binary(Binary::LogicalAnd), &[a, b]) => {
            Ok(limit(walk, region, a, operands, origin, round, limits)?
                && limit(walk, region, b, operands, origin, round, limits)?)
        }
        (Op::Compare(comparison), &[a, b]) => {
            let (Some(a), Some(b)) = (
                integer(walk, graph, a, operands, origin)?,
                integer(walk, graph, b, operands, origin)?,
            ) else {
                return Ok(false);
            };
            let allowed = allowed(*comparison, &a, &b, round);
            let is_told = allowed.is_some();
            limits.extend(allowed);
            Ok(is_told)
        }
        _ => Ok(false),
    }
}

/// An integer scalar as an extent; one that the loop is given is read before it.
fn integer(
    walk: &mut Walk<'_>,
    graph: &Graph,
    value: Value,
    operands: (&[Value], usize),
    origin: &Origin,
) -> Result<Option<Dim>> {
    let ty = graph.ty(value);
    if ty.rank() != Some(0) || !ty.dtype.is_integer() {
        return Ok(None);
    }
    if let Some(content) = graph.content(value) {
        return Ok(content.dims.into_iter().next());
    }
    let Some(outer) = before_loop(walk, graph, value, operands, DEPTH)? else {
        return Ok(None);
    };
    let def = NodeDef::default();
    let mut cx = walk.context(&def, &[], origin);
    match cx.graph.content(outer) {
        Some(content) => Ok(content.dims.into_iter().next()),
        None => cx.read_extent(outer).map(Some),
    }
}

/// Longer chains of nodes stay in the condition.
const DEPTH: usize = 8;

/// The value as the graph around the loop has it, if it is the same in all rounds: made of what the loop is given, and does
/// not carry.
fn before_loop(
    walk: &mut Walk<'_>,
    graph: &Graph,
    value: Value,
    (operands, carried): (&[Value], usize),
    depth: usize,
) -> Result<Option<Value>> {
    let node = graph.producer(value);
    let is_known = |dims: Vec<&Dim>| dims.iter().all(|dim| dim.as_known().is_some());
    let is_plain = node.op.regions().is_empty() && node.types.len() == 1 && depth > 0;
    match &node.op {
        Op::Input(argument) if *argument >= carried => Ok(operands.get(*argument).copied()),
        Op::Constant(constant) => {
            let constant = walk.graph.shared_constant(constant.clone(), &node.origin);
            Ok(Some(constant))
        }
        op if !op.is_source() && is_plain && is_known(op.extents(&[])) => {
            let mut inputs = vec![];
            for &input in &node.inputs {
                match before_loop(walk, graph, input, (operands, carried), depth - 1)? {
                    Some(input) => inputs.push(input),
                    None => return Ok(None),
                }
            }
            let value = walk.graph.value(op.clone(), &inputs, &node.origin);
            value.map(Some)
        }
        _ => Ok(None),
    }
}

/// How many rounds `a ? b` holds, where one of the two grows or shrinks with the rounds.
fn allowed(comparison: Comparison, a: &Dim, b: &Dim, round: Symbol) -> Option<Dim> {
    let (low, high) = match comparison {
        Comparison::Less => (a.clone(), b.clone()),
        Comparison::LessEqual => (a.clone(), b.clone() + Dim::known(1)),
        Comparison::Greater => (b.clone(), a.clone()),
        Comparison::GreaterEqual => (b.clone(), a.clone() + Dim::known(1)),
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    // `low < high` as `0 < gap`, which shrinks by a known amount in each round.
    let gap = high - low;
    let at = |rounds: Dim| {
        gap.substitute(&|symbol| match symbol == round {
            true => rounds.clone(),
            false => Dim::symbol(symbol),
        })
    };
    let first = at(Dim::known(0));
    let shrinks = (first.clone() - at(Dim::known(1))).as_known()?;
    let is_steady =
        at(Dim::symbol(round)) == first.clone() - Dim::known(shrinks) * Dim::symbol(round);
    match shrinks > 0 && is_steady {
        true => first.div_ceil(shrinks),
        false => None,
    }
}
