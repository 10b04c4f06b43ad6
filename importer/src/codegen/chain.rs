//! Statements that a person would write as one: a value that is read once, by the statement after it, and that has no
//! name of its own, is put where it is read.

use super::operand::{Arg, Place};
use super::rust::{Expr, Seat, Spliced};
use super::statement::{Form, Line};
use super::words::Words;
use crate::plan::ident::is_noun;

/// At most this many calls stand in one chain.
const MAX_LINKS: usize = 7;
/// A chain may be this long: it is broken before its calls.
const MAX_CHAIN: usize = 180;
/// An expression with operators, or with a call in a call, stands on one line.
const MAX_LINE: usize = 76;
/// What stands beside an operator or in a call is shorter yet.
const MAX_INNER: usize = 56;

/// The lines, chained; `ends` are read behind them.
pub fn chained(words: &impl Words, lines: Vec<Line>, ends: &[Arg]) -> Vec<Line> {
    let is_read_once: Vec<bool> = (0..lines.len())
        .map(|at| is_read_once(&lines, at, ends))
        .collect();
    let mut chained: Vec<(Line, bool)> = vec![];
    let count = lines.len();
    for (at, (mut line, is_once)) in lines.into_iter().zip(is_read_once).enumerate() {
        let is_end = at + 1 == count && matches!(ends, [end] if line.makes(end));
        while let Some((last, true)) = chained.last()
            && let Some(joined) = joined(words, last, &line, is_end)
        {
            chained.pop();
            line = joined;
        }
        chained.push((line, is_once));
    }
    chained.into_iter().map(|(line, _)| line).collect()
}

/// Whether nothing but the next line reads what a line makes, and that once.
fn is_read_once(lines: &[Line], at: usize, ends: &[Arg]) -> bool {
    let line = &lines[at];
    let [name] = line.names.as_slice() else {
        return false;
    };
    let is_plain = line.extent.is_none() && line.before.is_empty() && line.form == Form::Tuple;
    let Some((next, later)) = lines[at + 1..].split_first() else {
        return false;
    };
    if !is_plain || !next.before.is_empty() || next.value.reads(name) != 1 {
        return false;
    }
    let mut binds_anew = next.names.contains(name);
    for line in later {
        let is_read =
            line.before.iter().any(|statement| statement.reads(name)) || line.value.reads(name) > 0;
        if !binds_anew && is_read {
            return false;
        }
        binds_anew |= line.names.contains(name);
    }
    binds_anew || !ends.iter().any(|end| is_local(end, name))
}

fn is_local(end: &Arg, name: &str) -> bool {
    matches!(&end.place, Place::Local { name: local, .. } if local == name)
}

/// Both lines as one, if a person would write them so.
fn joined(words: &impl Words, line: &Line, next: &Line, is_end: bool) -> Option<Line> {
    let [name] = line.names.as_slice() else {
        return None;
    };
    let is_one = is_end || next.names == line.names;
    if line.value.has_block() || !is_one && !is_unnamed(name) {
        return None;
    }
    let spliced = next.value.splice(name, &line.value)?;
    if words.moves() && reads_what_is_gone(&line.value, &spliced.before) {
        return None;
    }
    if !line.value.is_name() && !is_readable(&line.value, &next.value, &spliced) {
        return None;
    }
    let value = spliced.expr;
    let note = next.note.clone().or_else(|| line.note.clone());
    Some(Line {
        value,
        note,
        ..next.clone()
    })
}

/// Whether a name says no more than the expression does.
fn is_unnamed(name: &str) -> bool {
    matches!(name, "x" | "h") || is_noun(name)
}

/// Whether the value reads what an expression before it has moved.
fn reads_what_is_gone(value: &Expr, before: &[&Expr]) -> bool {
    let read = value.names(false);
    let mut moved = before.iter().flat_map(|expr| expr.names(true));
    moved.any(|name| name != "self" && read.contains(name))
}

fn is_readable(value: &Expr, next: &Expr, spliced: &Spliced) -> bool {
    let length = |expr: &Expr| expr.to_string().chars().count();
    let fits = || {
        let text = spliced.expr.to_string();
        !text.contains('\n') && text.chars().count() <= MAX_LINE && length(value) <= MAX_INNER
    };
    match spliced.seat {
        Seat::Root => {
            spliced.expr.links() <= MAX_LINKS
                && (fits() || is_broken(value, &spliced.expr) && length(&spliced.expr) <= MAX_CHAIN)
        }
        Seat::Operand => fits(),
        Seat::Function => fits() && !value.has_nested_call(),
        // A layer on a layer is two statements to everybody.
        Seat::Method => {
            fits() && !value.has_nested_call() && !(value.is_of_self() && next.is_of_self())
        }
    }
}

/// Whether a chain is long enough to stand with one call on a line.
fn is_broken(value: &Expr, chain: &Expr) -> bool {
    value.is_chain() && chain.links() >= 4
}
