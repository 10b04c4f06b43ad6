//! Loops as regions of the IR.
//!
//! The body is lowered as often as it takes to know what each of the loop's variables is: one that it hands on unchanged,
//! a counter, a list that each round writes one item of, or a value that is carried from round to round, with the least
//! type that holds before and after a round.

use super::cx::Lowered;
use super::lists::{Contents, List, Round, Written};
use super::region::Around;
use super::strided::not_negative;
use super::trips;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::graph::flat::{FlatGraph, FlatKind};
use crate::ir::{DType, Dim, Loop, Op, Origin, ParamId, Region, Rounds, Symbol, Type, Value};
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

/// What a variable of a loop is.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
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

/// Whether the body gives its argument as it is.
fn hands_on(flat: &FlatGraph, variable: usize) -> bool {
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

fn first_kind(walk: &mut Walk<'_>, first: Lowered) -> Result<Kind> {
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

/// A list as what a round may write one item of.
fn collecting(
    walk: &mut Walk<'_>,
    around: &Around,
    first: Lowered,
    variable: usize,
) -> Result<Lowered> {
    let Lowered::List(list) = first else {
        return Err(Error::internal("only lists are collected"));
    };
    let list = around.list(list)?;
    walk.lists.push(List {
        contents: Contents::Round(Round {
            variable,
            written: None,
            item: None,
            misused: false,
        }),
        ..list
    });
    Ok(Lowered::List(walk.lists.len() - 1))
}

/// What a round wrote to the list that it was given for a variable, if it did nothing else with it.
fn collects(walk: &Walk<'_>, variable: usize, output: Lowered) -> Option<Written> {
    let Lowered::List(list) = output else {
        return None;
    };
    match &walk.lists.get(list)?.contents {
        Contents::Round(round) if round.variable == variable && !round.misused => {
            round.written.clone()
        }
        Contents::Round(_) | Contents::Items(_) | Contents::Unset(_) | Contents::Rows(_) => None,
    }
}

impl Walk<'_> {
    /// Notes that a list cannot be collected.
    fn misuse(&mut self, variable: usize, written: &Written) {
        let ty = self.graph.ty(written.value);
        let (dtype, item) = (ty.dtype, ty.shape.dims().map(<[Dim]>::to_vec));
        let round = Round {
            variable,
            written: Some(written.clone()),
            item,
            misused: true,
        };
        self.lists.push(List {
            contents: Contents::Round(round),
            dtype,
            shape: None,
        });
    }
}

/// The kinds, with lists that a round reads, or writes otherwise than one item by one, as tensors that are carried; `None`
/// if there are none.
fn misused(
    walk: &mut Walk<'_>,
    looped: &Looped<'_>,
    lists: &[List],
    kinds: &[Kind],
) -> Result<Option<Vec<Kind>>> {
    let mut better = kinds.to_vec();
    for (variable, kind) in better.iter_mut().enumerate() {
        if *kind != Kind::Collected {
            continue;
        }
        let of_it = |list: &List| match &list.contents {
            Contents::Round(round) if round.variable == variable => Some(round.clone()),
            _ => None,
        };
        let rounds: Vec<Round> = lists.iter().filter_map(of_it).collect();
        let is_fine = rounds.iter().all(|round| !round.misused)
            && rounds.iter().any(|round| round.written.is_some());
        if is_fine {
            continue;
        }
        let Lowered::List(list) = looped.first[variable] else {
            continue;
        };
        let list = walk.list(list)?;
        let item = rounds.iter().find_map(|round| round.item.clone());
        let def = NodeDef::default();
        let mut cx = walk.context(&def, &[], looped.origin);
        let rows = cx.rows(&list, item.as_deref())?;
        *kind = Kind::Rows(cx.ty(rows).clone());
    }
    Ok((better != kinds).then_some(better))
}

/// What an integer is whose value after the round is known as an extent over its value before.
fn counted(
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
fn firsts(around: &Around, first: Lowered) -> Vec<Type> {
    match first {
        Lowered::Value(value) => vec![around.ty(value).clone()],
        Lowered::Complex(re, im) => vec![around.ty(re).clone(), around.ty(im).clone()],
        _ => vec![],
    }
}

/// The least types that hold before and after a round: an extent that changes is a free one.
fn widened(
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

impl Draft {
    /// The number of rounds, if it is the same for every input.
    pub fn known_rounds(&self) -> Option<i64> {
        match &self.rounds {
            Rounds::Counted(rounds) => rounds.as_known(),
            Rounds::While(_) => None,
        }
    }

    /// Writes the loop; its variables after it.
    ///
    /// # Errors
    /// A list that is collected in an order that has no words.
    pub fn write(self, walk: &mut Walk<'_>, looped: &Looped<'_>) -> Result<Vec<Lowered>> {
        let collected = self.written.len();
        let carried = self.body.graph().outputs.len() - collected;
        let op = Op::Loop(Loop {
            rounds: self.rounds.clone(),
            round: self.round,
            carried,
            body: self.body.clone(),
        });
        let node = walk.graph.push(op, &self.operands, looped.origin)?;
        let result = |i: usize| Value {
            node,
            result: i as u32,
        };
        let mut carried_values = (0..carried).map(result);
        let mut missing = || {
            carried_values
                .next()
                .ok_or_else(|| Error::internal("a loop gives too little"))
        };
        let mut results = vec![];
        let mut rows = (carried..carried + collected)
            .map(result)
            .zip(&self.written);
        for (kind, &first) in self.kinds.iter().zip(looped.first) {
            results.push(match kind {
                Kind::Same => first,
                Kind::Candidate { .. } => {
                    return Err(Error::internal("a counter was not found out"));
                }
                Kind::Counter { start, step, dtype } => {
                    let rounds = self.count(walk, result(carried + collected), looped.origin)?;
                    let at = start.clone() + Dim::known(*step) * rounds;
                    Lowered::Value(walk.graph.extents(vec![at], true, *dtype, looped.origin))
                }
                Kind::Carried(types) if types.len() == 2 => {
                    Lowered::Complex(missing()?, missing()?)
                }
                Kind::Carried(_) => Lowered::Value(missing()?),
                Kind::Rows(_) => {
                    let rows = missing()?;
                    walk.rows_list(rows)
                }
                Kind::Collected => {
                    let (rows, written) = rows
                        .next()
                        .ok_or_else(|| Error::internal("a loop collects too little"))?;
                    let list = self.list(walk, first, rows, written, looped.origin)?;
                    walk.rows_list(list)
                }
            });
        }
        for &param in &self.assigned {
            walk.variables.values.insert(param, missing()?);
            walk.variables.assigned.insert(param);
        }
        Ok(results)
    }

    /// The number of rounds as an extent.
    fn count(&self, walk: &mut Walk<'_>, count: Value, origin: &Origin) -> Result<Dim> {
        match &self.rounds {
            Rounds::Counted(rounds) => Ok(rounds.clone()),
            Rounds::While(_) => {
                let def = NodeDef::default();
                walk.context(&def, &[], origin).read_extent(count)
            }
        }
    }

    /// The tensor whose rows are the items of a list after the loop.
    fn list(
        &self,
        walk: &mut Walk<'_>,
        first: Lowered,
        rows: Value,
        written: &Written,
        origin: &Origin,
    ) -> Result<Value> {
        let Lowered::List(list) = first else {
            return Err(Error::internal("only lists are collected"));
        };
        let list = walk.list(list)?;
        if !in_order(written, &list, self.round) {
            return Err(Error::internal("a list that is collected out of order"));
        }
        let collected = walk.graph.ty(rows).dims().first().cloned();
        let count = collected.ok_or_else(|| Error::internal("rows have an axis"))?;
        let def = NodeDef::default();
        let mut cx = walk.context(&def, &[], origin);
        let length = list.length().unwrap_or(Dim::known(0));
        let is_forward = written.place == Some(Dim::symbol(self.round));
        match &written.place {
            None if length.is(0) => Ok(rows),
            None => {
                let item = cx.shape(rows)?[1..].to_vec();
                let before = cx.rows(&list, Some(&item))?;
                cx.concat(&[before, rows], 0)
            }
            Some(_) if is_forward => {
                let rest = not_negative(&(length - count));
                cx.pad_rows(rows, [Dim::known(0), rest])
            }
            Some(_) => {
                let rows = cx.push(Op::Reverse { axes: vec![0] }, &[rows])?;
                let rest = not_negative(&(length - count));
                cx.pad_rows(rows, [rest, Dim::known(0)])
            }
        }
    }
}

/// Whether the items that rounds write are the rows of what is collected: one after the other from the first or from the
/// last one of a list that nothing was written to, or at its end.
fn in_order(written: &Written, list: &List, round: Symbol) -> bool {
    let round = Dim::symbol(round);
    let from_last = |length: Dim| length - Dim::known(1) - round.clone();
    match &written.place {
        None => true,
        Some(place) => {
            let is_one = *place == round || list.length().map(from_last).as_ref() == Some(place);
            is_one && list.is_unset()
        }
    }
}
