//! Loops as regions of the IR.
//!
//! The body is lowered as often as it takes to know what each of the loop's variables is: one that it hands on unchanged,
//! a counter, a list that each round writes one item of, or a value that is carried from round to round, with the least
//! type that holds before and after a round.

mod kind;
mod lists;
mod write;

use super::cx::Lowered;
use super::list::{List, Written};
use super::region::Around;
use super::trips;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::{Dim, Origin, ParamId, Region, Rounds, Symbol, Type, Value};
use kind::{Kind, counted, first_kind, firsts, hands_on, widened};
use lists::{collecting, collects, in_order, misused};
use savedmodel_import_proto::NodeDef;
use std::collections::{BTreeMap, BTreeSet};

/// The body is lowered at most this often.
const ATTEMPTS: usize = 24;

/// A loop that can be made: its regions, and what becomes of its variables.
pub struct Draft {
    kinds: Vec<Kind>,
    assigned: Vec<ParamId>,
    rounds: Rounds,
    round: Symbol,
    body: Region,
    operands: Vec<Value>,
    /// Of each list that is collected, where the rounds write.
    written: Vec<Written>,
}

/// A loop and what it is given.
pub struct Looped<'a> {
    /// The functions of its condition and its body.
    pub functions: [&'a str; 2],
    /// The first values of its variables.
    pub first: &'a [Lowered],
    /// Where it stands.
    pub origin: &'a Origin,
}

/// Drafts a loop.
///
/// # Errors
/// What keeps it from being a region.
pub fn draft(walk: &mut Walk<'_>, looped: &Looped<'_>) -> Result<Draft> {
    let flat = walk.flat(looped.functions[1])?;
    let mut kinds = vec![];
    for (i, &first) in looped.first.iter().enumerate() {
        kinds.push(match hands_on(&flat, i) {
            true => Kind::Same,
            false => first_kind(walk, first)?,
        });
    }
    let mut assigned: Vec<ParamId> = vec![];
    for _ in 0..ATTEMPTS {
        let round = walk.graph.fresh_data_symbol();
        match attempt(walk, looped, &kinds, &assigned, round)? {
            Attempt::Again(better, more) if (&better, &more) != (&kinds, &assigned) => {
                (kinds, assigned) = (better, more);
            }
            Attempt::Again(..) => {
                return Err(Error::internal("a loop whose variables change kind"));
            }
            Attempt::Done(draft) => return Ok(*draft),
        }
    }
    Err(Error::unsupported(
        "a loop whose variables change their shapes in every round",
    ))
}

enum Attempt {
    /// Lower it again: with these kinds, and with these variables of the model carried.
    Again(Vec<Kind>, Vec<ParamId>),
    Done(Box<Draft>),
}

fn attempt(
    walk: &mut Walk<'_>,
    looped: &Looped<'_>,
    kinds: &[Kind],
    assigned: &[ParamId],
    round: Symbol,
) -> Result<Attempt> {
    let before = &Before::of(walk, looped, kinds, assigned, round)?;
    let mut around = walk.begin();
    let body = lower_body(walk, &mut around, looped, kinds, before);
    let (outputs, kinds_after, more) = match body {
        Ok(body) => body,
        Err(error) => {
            let lists = walk.abandon(around);
            return match misused(walk, looped, &lists, kinds)? {
                Some(kinds) => Ok(Attempt::Again(kinds, assigned.to_vec())),
                None => Err(error),
            };
        }
    };
    let is_misused = walk.lists.iter().any(List::is_misused);
    if kinds_after != kinds || more != assigned || is_misused {
        let lists = walk.abandon(around);
        let kinds = misused(walk, looped, &lists, &kinds_after)?.unwrap_or(kinds_after);
        return Ok(Attempt::Again(kinds, more));
    }
    let written = outputs.written;
    let carried = outputs.values.len() - written.len();
    let (body, operands) = walk.end(around, outputs.values);
    let rounds = trips::rounds(
        walk,
        |walk, around| {
            let inner = arguments(walk, around, looped, kinds, before)?;
            walk.called(looped.functions[0], &inner, looped.origin)
        },
        looped.origin,
        (&operands, carried),
        round,
    )?;
    Ok(Attempt::Done(Box::new(Draft {
        kinds: kinds.to_vec(),
        assigned: assigned.to_vec(),
        rounds,
        round,
        body,
        operands,
        written,
    })))
}

/// What the graph around a loop has for it.
struct Before {
    /// The number of the round.
    round: Symbol,
    /// Lists as tensors, by the variable of the loop.
    rows: BTreeMap<usize, Value>,
    /// The variables of the model that the loop assigns, and their values before it.
    assigned: Vec<ParamId>,
    values: Vec<Value>,
}

impl Before {
    fn of(
        walk: &mut Walk<'_>,
        looped: &Looped<'_>,
        kinds: &[Kind],
        assigned: &[ParamId],
        round: Symbol,
    ) -> Result<Self> {
        let def = NodeDef::default();
        let mut rows = BTreeMap::new();
        for (i, (kind, &first)) in kinds.iter().zip(looped.first).enumerate() {
            if let (Kind::Rows(ty), Lowered::List(list)) = (kind, first) {
                let list = walk.list(list)?;
                let item = ty.dims().get(1..).unwrap_or_default();
                let mut cx = walk.context(&def, &[], looped.origin);
                rows.insert(i, cx.rows(&list, Some(item))?);
            }
        }
        let mut values = vec![];
        for &param in assigned {
            values.push(walk.context(&def, &[], looped.origin).read(param)?);
        }
        Ok(Before {
            round,
            rows,
            assigned: assigned.to_vec(),
            values,
        })
    }
}

/// What a body gives: what it carries, then what it collects.
struct Outputs {
    values: Vec<Value>,
    written: Vec<Written>,
}

type Body = (Outputs, Vec<Kind>, Vec<ParamId>);

fn lower_body(
    walk: &mut Walk<'_>,
    around: &mut Around,
    looped: &Looped<'_>,
    kinds: &[Kind],
    before: &Before,
) -> Result<Body> {
    let inner = arguments(walk, around, looped, kinds, before)?;
    let outputs = walk.called(looped.functions[1], &inner, looped.origin)?;
    let more: BTreeSet<ParamId> = walk
        .variables
        .assigned
        .iter()
        .chain(&before.assigned)
        .copied()
        .collect();
    let mut results = Outputs {
        values: vec![],
        written: vec![],
    };
    let mut after = vec![];
    let mut collected = vec![];
    let settled = !kinds
        .iter()
        .any(|kind| matches!(kind, Kind::Candidate { .. }));
    for (i, (kind, &output)) in kinds.iter().zip(&outputs).enumerate() {
        match kind {
            Kind::Same => after.push(Kind::Same),
            Kind::Counter { .. } => after.push(kind.clone()),
            Kind::Candidate { start, dtype } => {
                after.push(counted(walk, inner[i], output, start, *dtype)?);
            }
            Kind::Carried(types) => {
                let values = walk.leave(output, looped.origin)?.values();
                let firsts = firsts(around, looped.first[i]);
                after.push(Kind::Carried(widened(walk, &firsts, types, &values)?));
                results.values.extend(values);
            }
            Kind::Rows(ty) => {
                let values = walk.leave(output, looped.origin)?.values();
                let firsts: Vec<Type> = before
                    .rows
                    .get(&i)
                    .map(|&v| around.ty(v).clone())
                    .into_iter()
                    .collect();
                let types = widened(walk, &firsts, std::slice::from_ref(ty), &values)?;
                after.extend(types.into_iter().map(Kind::Rows));
                results.values.extend(values);
            }
            Kind::Collected => match collects(walk, i, output) {
                Some(written)
                    if settled
                        && !in_order(&written, &around.list_of(looped.first[i])?, before.round) =>
                {
                    walk.misuse(i, &written);
                    after.push(Kind::Collected);
                }
                Some(written) => {
                    collected.push(written.value);
                    results.written.push(written);
                    after.push(Kind::Collected);
                }
                None => after.push(Kind::Collected),
            },
        }
    }
    let def = NodeDef::default();
    for &param in &before.assigned {
        let value = walk.context(&def, &[], looped.origin).read(param)?;
        results.values.push(value);
    }
    results.values.extend(collected);
    Ok((results, after, more.into_iter().collect()))
}

/// The arguments of the body or of the condition: what is carried first, then what they are given besides.
fn arguments(
    walk: &mut Walk<'_>,
    around: &mut Around,
    looped: &Looped<'_>,
    kinds: &[Kind],
    before: &Before,
) -> Result<Vec<Lowered>> {
    let origin = looped.origin;
    let mut inner: Vec<Option<Lowered>> = vec![None; kinds.len()];
    for (i, (kind, &first)) in kinds.iter().zip(looped.first).enumerate() {
        inner[i] = match (kind, first) {
            (Kind::Carried(types), Lowered::Value(value)) => {
                let ty = types.first().cloned();
                let ty = ty.ok_or_else(|| Error::internal("a variable without a type"))?;
                Some(Lowered::Value(walk.argument(around, value, ty, origin)))
            }
            (Kind::Carried(types), Lowered::Complex(re, im)) => {
                let [re_ty, im_ty] = types.as_slice() else {
                    return Err(Error::internal("a complex variable has two parts"));
                };
                let re = walk.argument(around, re, re_ty.clone(), origin);
                let im = walk.argument(around, im, im_ty.clone(), origin);
                Some(Lowered::Complex(re, im))
            }
            (Kind::Rows(ty), Lowered::List(_)) => {
                let rows = before.rows.get(&i).copied();
                let rows = rows.ok_or_else(|| Error::internal("a list without rows"))?;
                let rows = walk.argument(around, rows, ty.clone(), origin);
                Some(walk.rows_list(rows))
            }
            (_, _) => None,
        };
    }
    for (&param, &value) in before.assigned.iter().zip(&before.values) {
        let ty = around.ty(value).clone();
        let inner = walk.argument(around, value, ty, origin);
        walk.variables.values.insert(param, inner);
    }
    for (i, (kind, &first)) in kinds.iter().zip(looped.first).enumerate() {
        match kind {
            Kind::Same => inner[i] = Some(walk.enter(around, first, origin)?),
            Kind::Counter { start, step, dtype } => {
                let at = start.clone() + Dim::known(*step) * Dim::symbol(before.round);
                let value = walk.graph.extents(vec![at], true, *dtype, origin);
                inner[i] = Some(Lowered::Value(value));
            }
            Kind::Candidate { dtype, .. } => {
                let at = Dim::symbol(walk.graph.fresh_data_symbol());
                let value = walk.graph.extents(vec![at], true, *dtype, origin);
                inner[i] = Some(Lowered::Value(value));
            }
            Kind::Collected => inner[i] = Some(collecting(walk, around, first, i)?),
            Kind::Carried(_) | Kind::Rows(_) => {}
        }
    }
    walk.enter_variables(around, &before.assigned, origin);
    let inner: Option<Vec<Lowered>> = inner.into_iter().collect();
    inner.ok_or_else(|| Error::internal("a variable of a loop without a value"))
}
