//! Lists in a loop: which ones a loop collects item by item, and which it carries as one tensor.

use super::super::cx::Lowered;
use super::super::list::{Contents, List, Round, Written};
use super::super::region::Around;
use super::super::walk::Walk;
use super::Looped;
use super::kind::Kind;
use crate::error::{Error, Result};
use crate::ir::{Dim, Symbol};
use savedmodel_import_proto::NodeDef;
/// A list as what a round may write one item of.
pub(super) fn collecting(
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
pub(super) fn collects(walk: &Walk<'_>, variable: usize, output: Lowered) -> Option<Written> {
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
    pub(super) fn misuse(&mut self, variable: usize, written: &Written) {
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
pub(super) fn misused(
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

/// Whether the items that rounds write are the rows of what is collected: one after the other from the first or from the
/// last one of a list that nothing was written to, or at its end.
pub(super) fn in_order(written: &Written, list: &List, round: Symbol) -> bool {
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
