//! Structured control flow: loops and branches.
//!
//! A branch whose predicate is known is taken, and a loop of few rounds is unrolled; others become regions of the IR.

use super::branch;
use super::cx::Lowered;
use super::looped::{self, Looped};
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::Origin;
use savedmodel_import_proto::{AttrValue, NodeDef, attr_value};

/// An unrolled loop may bring a function to this many nodes.
const NODE_LIMIT: usize = 40_000;
/// A loop of so many rounds reads better unrolled.
const FEW_ROUNDS: i64 = 3;
/// A loop may have this many rounds.
const ROUND_LIMIT: usize = 1 << 16;

/// Whether the op runs other functions.
pub fn is_structured(op: &str) -> bool {
    matches!(
        op,
        "While" | "StatelessWhile" | "If" | "StatelessIf" | "Case" | "StatelessCase"
    )
}

/// The functions that a node of control flow runs.
pub fn callees(def: &NodeDef) -> Vec<&str> {
    let mut names = Vec::new();
    for attr in ["cond", "body", "then_branch", "else_branch", "branches"] {
        match def.attr.get(attr) {
            Some(AttrValue {
                value: Some(attr_value::Value::Func(function)),
            }) => names.push(function.name.as_str()),
            Some(AttrValue {
                value: Some(attr_value::Value::List(list)),
            }) => {
                names.extend(list.func.iter().map(|function| function.name.as_str()));
            }
            Some(_) | None => {}
        }
    }
    names
}

/// The outputs of a node of control flow, or `None` after a failure that is recorded.
pub fn lower(
    walk: &mut Walk<'_>,
    def: &NodeDef,
    inputs: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let callees = callees(def);
    match (def.op.as_str(), callees.as_slice()) {
        ("While" | "StatelessWhile", [condition, body]) => {
            repeat(walk, condition, body, inputs, origin)
        }
        ("If" | "StatelessIf", [yes, no]) => choose(walk, &[*no, *yes], false, inputs, origin),
        ("Case" | "StatelessCase", branches) => choose(walk, branches, true, inputs, origin),
        (op, _) => walk.fail(
            Error::malformed(format!("{op} does not name its functions")),
            origin,
        ),
    }
}

/// A loop is a region, unless it has very few rounds whose number is known.
fn repeat(
    walk: &mut Walk<'_>,
    condition: &str,
    body: &str,
    inputs: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let looped = Looped {
        functions: [condition, body],
        first: inputs,
        origin,
    };
    let drafted = looped::draft(walk, &looped);
    let is_short = |rounds: i64| rounds <= FEW_ROUNDS;
    match drafted {
        Ok(draft) if !draft.known_rounds().is_some_and(is_short) => {
            let written = draft.write(walk, &looped);
            written.or_else(|error| unroll(walk, &looped).map_err(|_| error))
        }
        Ok(_) => unroll(walk, &looped),
        Err(error) => unroll(walk, &looped).map_err(|_| error),
    }
    .map_or_else(|error| walk.fail(error, origin), Some)
}

/// The loop round by round, where the condition is the same for every input.
fn unroll(walk: &mut Walk<'_>, looped: &Looped<'_>) -> Result<Vec<Lowered>> {
    let [condition, body] = looped.functions;
    let mut state = looped.first.to_vec();
    for _ in 0..ROUND_LIMIT {
        let goes_on = walk.called(condition, &state, looped.origin)?;
        let known = match goes_on.as_slice() {
            [Lowered::Value(value)] => walk.graph.as_splat(*value),
            _ => None,
        };
        match known {
            Some(0.0) => return Ok(state),
            Some(_) if walk.graph.len() < NODE_LIMIT => {
                state = walk.called(body, &state, looped.origin)?;
            }
            Some(_) => break,
            None => {
                let message = "a loop whose number of rounds depends on the inputs";
                return Err(Error::unsupported(message));
            }
        }
    }
    let message = format!("the loop is too long: unrolled it has more than {NODE_LIMIT} nodes");
    Err(Error::unsupported(message))
}

/// The first operand chooses among `branches`; the others are their arguments.
fn choose(
    walk: &mut Walk<'_>,
    branches: &[&str],
    is_case: bool,
    inputs: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let Some((chooser, arguments)) = inputs.split_first() else {
        return walk.fail(Error::malformed("a branch without a predicate"), origin);
    };
    let &Lowered::Value(chooser) = chooser else {
        return walk.fail(
            Error::unsupported("the predicate of a branch is not a tensor"),
            origin,
        );
    };
    if let Some(number) = walk.graph.as_splat(chooser) {
        let last = branches.len().saturating_sub(1);
        let chosen = match is_case {
            true => usize::try_from(number as i64).unwrap_or(last).min(last),
            false => usize::from(number != 0.0),
        };
        return walk.call(branches.get(chosen)?, arguments, origin);
    }
    branch::choose(walk, branches, (chooser, is_case), arguments, origin)
}
