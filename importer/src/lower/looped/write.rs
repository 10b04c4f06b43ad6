//! A loop that can be made is written, and its variables after it.

use super::super::cx::Lowered;
use super::super::list::Written;
use super::super::strided::not_negative;
use super::super::walk::Walk;
use super::kind::Kind;
use super::lists::in_order;
use super::{Draft, Looped};
use crate::error::{Error, Result};
use crate::ir::{Dim, Loop, Op, Origin, Rounds, Value};
use savedmodel_import_proto::NodeDef;
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
