//! Steps that only some instances of a type have.
//!
//! Steps in a row that happen in the same instances are one `if let` or `match`: it opens the optional fields that they
//! use, so that none of them has to ask again. What is left out passes an operand on.

use super::chain::chained;
use super::operand::Body;
use super::rust::{Arm, Block, Condition as Test, Expr, Pat, Stmt};
use super::statement::{Line, bind, is_silent, statement};
use super::words::Words;
use crate::error::{Error, Result};
use crate::plan::{Condition, Field, FieldKind, Method, Operand, Step, Struct};
use std::ops::Range;

/// The argument that says whether an instance has a field.
pub fn of_field(field: &Field) -> Option<usize> {
    match field.kind {
        FieldKind::Flag(arg) => Some(arg),
        FieldKind::Layer(_)
        | FieldKind::Module { .. }
        | FieldKind::Modules { .. }
        | FieldKind::Parameter { .. } => field.present,
    }
}

/// Whether both steps happen in the same instances.
pub fn is_same(fields: &[Field], step: &Step, next: &Step) -> bool {
    let switch = |condition: &Condition| of_field(&fields[condition.field]);
    match (&step.condition, &next.condition) {
        (None, None) => true,
        (Some(a), Some(b)) => switch(a).is_some() && switch(a) == switch(b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// The end of the steps from `at` on that are one statement: they happen in the same instances, and only the last one's
/// result is read by others.
pub fn end(structure: &Struct, method: &Method, at: usize) -> usize {
    let first = &method.body[at];
    let mut ends = vec![at + 1];
    for (i, step) in method.body.iter().enumerate().skip(at + 1) {
        match &step.condition {
            Some(_) if is_same(&structure.fields, first, step) => ends.push(i + 1),
            None if is_silent(step, method) => {}
            Some(_) | None => break,
        }
    }
    let fits = |end: &usize| (at..end - 1).all(|step| dies(method, step, *end));
    ends.into_iter().rev().find(fits).unwrap_or(at + 1)
}

/// Whether nothing from `end` on reads what a conditional step makes.
fn dies(method: &Method, at: usize, end: usize) -> bool {
    let step = &method.body[at];
    let [result] = step.results.as_slice() else {
        return step.condition.is_none();
    };
    let is_last = |operand: &Operand| operand.name == result.name && operand.last;
    let reads = |step: &Step| step.args.iter().any(is_last);
    step.condition.is_none() || method.body[at + 1..end].iter().any(reads)
}

/// The statement of steps that happen in the same instances.
///
/// # Errors
/// Every step that the framework cannot do, at once.
pub fn switched(words: &impl Words, range: Range<usize>, body: &mut Body) -> Result<Line> {
    let method = body.method;
    let steps = &method.body[range];
    let internal = || Error::internal("a condition without a step");
    let last = steps.last().ok_or_else(internal)?;
    let condition = last.condition.as_ref().ok_or_else(internal)?;
    let passed = body.arg(&passed(steps).ok_or_else(internal)?);
    let passed = words.owned(&passed, body);
    let opened = open(words, steps, body);
    let test = test(condition, &opened, body);
    let block = block(words, steps, body);
    body.close();
    Ok(Line::of(last, conditional(test, &opened, block?, passed)))
}

/// The operand that stands for the result of the steps where they are left out.
fn passed(steps: &[Step]) -> Option<Operand> {
    let mut at = steps.len().checked_sub(1)?;
    loop {
        let pass = steps[at].condition.as_ref()?.pass;
        let operand = steps[at].args.get(pass)?;
        let makes = |step: &Step| step.results.iter().any(|local| local.name == operand.name);
        match steps[..at].iter().rposition(makes) {
            Some(maker) => at = maker,
            None => {
                let mut operands = steps.iter().flat_map(|step| &step.args);
                let last = operands.any(|other| other.name == operand.name && other.last);
                return Some(Operand {
                    last,
                    ..operand.clone()
                });
            }
        }
    }
}

/// An optional field, and the local that it is where it is there.
struct Opened {
    index: usize,
    field: Expr,
    local: String,
}

/// Opens the optional fields that steps use, and binds the weights of them that were read before.
fn open<'a>(words: &impl Words, steps: &'a [Step], body: &mut Body<'a>) -> Vec<Opened> {
    let names = steps.iter().flat_map(|step| &step.args);
    let before: Vec<(&str, &Step)> = names
        .filter_map(|operand| Some((operand.name.as_str(), body.waits(&operand.name)?)))
        .collect();
    let users = before.iter().map(|(_, step)| *step).chain(steps);
    let fields: Vec<usize> = users.filter_map(|step| step.action.field()).collect();
    let mut opened: Vec<Opened> = vec![];
    for index in fields {
        let is_open = opened.iter().any(|opened| opened.index == index);
        if body.structure.fields[index].present.is_some() && !is_open {
            let local = local(&body.structure.fields[index].name, steps);
            let field = body.own(index).by_ref();
            body.open(index, &local);
            opened.push(Opened {
                index,
                field,
                local,
            });
        }
    }
    for (name, step) in before {
        bind(words, step, name, body);
    }
    opened
}

/// The name of a field as a local, unless steps call a value so.
fn local(field: &str, steps: &[Step]) -> String {
    let mut operands = steps.iter().flat_map(|step| &step.args);
    let mut results = steps.iter().flat_map(|step| &step.results);
    let is_taken =
        operands.any(|other| other.name == field) || results.any(|other| other.name == field);
    match is_taken {
        true => format!("{field}_layer"),
        false => field.to_owned(),
    }
}

/// What is asked beside the opened fields: the switch, unless one of them tells as much.
fn test(condition: &Condition, opened: &[Opened], body: &Body) -> Option<Expr> {
    let fields = &body.structure.fields;
    let switch = &fields[condition.field];
    let told = |opened: &Opened| of_field(&fields[opened.index]) == of_field(switch);
    let own = Expr::path("self").field(switch.name.as_str());
    match (opened.iter().any(told), switch.present) {
        (true, _) => None,
        (false, Some(_)) => Some(own.call_method("is_some", [])),
        (false, None) => Some(own),
    }
}

/// The steps as they are where they happen.
fn block<'a>(words: &impl Words, steps: &'a [Step], body: &mut Body<'a>) -> Result<Block> {
    let (mut lines, mut errors) = (vec![], vec![]);
    for step in steps {
        match statement(words, step, body) {
            Ok(line) => lines.extend(line),
            Err(error) => errors.push(error),
        }
    }
    let mut lines = chained(words, lines, &[]);
    match lines.pop() {
        Some(last) if errors.is_empty() => {
            Ok(Block::new(lines.into_iter().map(Stmt::from)).tail(last.value))
        }
        Some(_) | None => Err(Error::several(errors)),
    }
}

/// `match &self.expand { Some(expand) => …, None => … }`, or an `if` where more is asked.
fn conditional(test: Option<Expr>, opened: &[Opened], then: Block, passed: Expr) -> Expr {
    let some = |opened: &Opened| Pat::variant("Some", [opened.local.as_str()]);
    match (test, opened) {
        (None, [one]) => Expr::match_(
            one.field.clone(),
            [
                Arm::new(some(one), Expr::block(then)),
                Arm::new("None", passed),
            ],
        ),
        (Some(test), []) => Expr::if_else(test, then, Block::from(passed)),
        (test, opened) => {
            let patterns = test.iter().map(|_| Pat::from("true"));
            let pattern = Pat::tuple(patterns.chain(opened.iter().map(some)));
            let fields = opened.iter().map(|opened| opened.field.clone());
            let value = Expr::tuple(test.into_iter().chain(fields));
            Expr::if_else(Test::matches(pattern, value), then, Block::from(passed))
        }
    }
}
