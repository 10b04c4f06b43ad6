//! Structured control flow: loops of a known number of rounds, and branches.
//!
//! A loop whose condition is the same for every input is unrolled. A branch whose predicate is known is taken; of the
//! others both sides are computed, and the predicate selects the results.

use super::cx::Lowered;
use super::variables::Variables;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::{Comparison, DType, Op, Origin, ParamId, Value};
use savedmodel_import_proto::{AttrValue, NodeDef, attr_value};

/// An unrolled loop may bring a function to this many nodes.
const NODE_LIMIT: usize = 40_000;
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
            unroll(walk, condition, body, inputs, origin)
        }
        ("If" | "StatelessIf", [yes, no]) => branch(walk, &[*no, *yes], false, inputs, origin),
        ("Case" | "StatelessCase", branches) => branch(walk, branches, true, inputs, origin),
        (op, _) => walk.fail(
            Error::malformed(format!("{op} does not name its functions")),
            origin,
        ),
    }
}

fn unroll(
    walk: &mut Walk<'_>,
    condition: &str,
    body: &str,
    inputs: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let mut state = inputs.to_vec();
    for _ in 0..ROUND_LIMIT {
        let goes_on = walk.call(condition, &state, origin)?;
        let known = match goes_on.as_slice() {
            [Lowered::Value(value)] => walk.graph.as_splat(*value),
            _ => None,
        };
        match known {
            Some(0.0) => return Some(state),
            Some(_) if walk.graph.len() < NODE_LIMIT => state = walk.call(body, &state, origin)?,
            Some(_) => break,
            None => {
                let error =
                    Error::unsupported("a loop whose number of rounds depends on the inputs");
                return walk.fail(error, origin);
            }
        }
    }
    let message = format!("the loop is too long: unrolled it has more than {NODE_LIMIT} nodes");
    walk.fail(Error::unsupported(message), origin)
}

/// The first operand chooses among `branches`; the others are their arguments.
fn branch(
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
    let before = walk.variables.clone();
    let mut results = walk.call(branches.last()?, arguments, origin)?;
    for (index, name) in branches.iter().enumerate().rev().skip(1) {
        let after = std::mem::replace(&mut walk.variables, before.clone());
        let other = walk.call(name, arguments, origin)?;
        let selected =
            select_all(walk, chooser, index, &other, &results, origin).and_then(|results| {
                select_state(walk, chooser, index, after, origin).map(|()| results)
            });
        results = selected.map_or_else(|error| walk.fail(error, origin), Some)?;
    }
    Some(results)
}

/// Merges what two branches assigned: the variables as the walk has them if `chooser == index`, else as in `no`.
fn select_state(
    walk: &mut Walk<'_>,
    chooser: Value,
    index: usize,
    no: Variables,
    origin: &Origin,
) -> Result<()> {
    let yes = walk.variables.clone();
    let assigned: Vec<ParamId> = yes.assigned.union(&no.assigned).copied().collect();
    for param in assigned {
        let of = |walk: &mut Walk<'_>, side: &Variables| match side.values.get(&param) {
            Some(&value) => Ok(value),
            None => walk.context(&NodeDef::default(), &[], origin).read(param),
        };
        let sides = [of(walk, &yes)?, of(walk, &no)?].map(Lowered::Value);
        let selected = select_all(walk, chooser, index, &sides[..1], &sides[1..], origin)?;
        if let [Lowered::Value(value)] = selected.as_slice() {
            walk.variables.values.insert(param, *value);
            walk.variables.assigned.insert(param);
        }
    }
    Ok(())
}

/// `chooser == index ? yes : no`, result by result.
fn select_all(
    walk: &mut Walk<'_>,
    chooser: Value,
    index: usize,
    yes: &[Lowered],
    no: &[Lowered],
    origin: &Origin,
) -> Result<Vec<Lowered>> {
    let graph = &mut walk.graph;
    let (condition, yes, no) = match graph.ty(chooser).dtype {
        DType::Bool => (chooser, no, yes),
        dtype => {
            let index = graph.constant(crate::eval::Tensor::scalar(index as f64, dtype)?, origin);
            (
                graph.value(Op::Compare(Comparison::Equal), &[chooser, index], origin)?,
                yes,
                no,
            )
        }
    };
    let mut results = Vec::with_capacity(yes.len());
    for (yes, no) in yes.iter().zip(no) {
        results.push(match (yes, no) {
            (yes, no) if yes == no => *yes,
            (Lowered::Value(yes), Lowered::Value(no)) => {
                if graph.ty(*yes).rank() != graph.ty(*no).rank() {
                    return Err(Error::unsupported("branches whose results differ in shape"));
                }
                Lowered::Value(graph.value(Op::Select, &[condition, *yes, *no], origin)?)
            }
            (_, _) => {
                return Err(Error::unsupported(
                    "branches on data whose results are not tensors",
                ));
            }
        });
    }
    Ok(results)
}
