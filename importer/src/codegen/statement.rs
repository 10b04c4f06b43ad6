//! The statements of a method, one for each step that makes one.

use super::operand::{Arg, Body};
use super::plan::{Action, Method, Step};
use super::rust::{Expr, Pat, Stmt};
use super::switch::{self, switched};
use super::words::Words;
use crate::error::{Error, Result};
use crate::ir::{DType, Op, Origin};

/// One statement: `let names = value; // note`.
#[derive(Clone)]
pub struct Line {
    /// What it binds.
    pub names: Vec<String>,
    /// What it says.
    pub value: Expr,
    /// A comment behind it.
    pub note: Option<String>,
    /// The extent that it reads: it is left out where nothing asks for that.
    pub extent: Option<Extent>,
}

/// An axis of a local.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// The local.
    pub of: String,
    /// Its rank, if it is a tensor of known rank.
    pub rank: Option<usize>,
    /// The axis.
    pub axis: usize,
}

impl Line {
    /// The statement of a step.
    pub fn of(step: &Step, value: Expr) -> Self {
        let names = step.results.iter().map(|local| local.name.clone());
        Line {
            names: names.collect(),
            value,
            note: step.note.clone(),
            extent: extent(step),
        }
    }

    /// `let device = value;`
    pub fn device(value: Expr) -> Self {
        Line {
            names: vec!["device".to_owned()],
            value,
            note: None,
            extent: None,
        }
    }
}

fn extent(step: &Step) -> Option<Extent> {
    let Action::Extent { axis } = step.action else {
        return None;
    };
    let operand = step.args.first()?;
    let is_tensor = operand.ty.dtype != DType::String;
    Some(Extent {
        of: operand.name.clone(),
        rank: operand.ty.rank().filter(|_| is_tensor),
        axis,
    })
}

/// The lines, where several extents of one local are read together: `let [batch, length, _] = x.dims();`.
pub fn with_joined_extents(words: &impl Words, lines: Vec<Line>) -> Vec<Stmt> {
    let mut statements = vec![];
    let mut rest = lines.as_slice();
    while let [first, ..] = rest {
        let is_beside = |line: &&Line| {
            let of = |line: &Line| line.extent.as_ref().map(|extent| extent.of.clone());
            of(line).is_some() && of(line) == of(first)
        };
        let count = rest.iter().take_while(is_beside).count().max(1);
        let (run, after) = rest.split_at(count);
        match joined(words, run) {
            Some(joined) => statements.push(joined),
            None => statements.extend(run.iter().cloned().map(Stmt::from)),
        }
        rest = after;
    }
    statements
}

fn joined(words: &impl Words, run: &[Line]) -> Option<Stmt> {
    let first = run.first()?.extent.as_ref()?;
    let mut names = vec!["_"; first.rank?];
    for line in run {
        let axis = line.extent.as_ref()?.axis;
        *names.get_mut(axis)? = line.names.first()?;
    }
    words.extents(&first.of, &names)
}

impl From<Line> for Stmt {
    fn from(line: Line) -> Self {
        let pattern = match line.names.as_slice() {
            [one] => Pat::from(one.as_str()),
            several => Pat::tuple(several.iter().map(String::as_str)),
        };
        let statement = Stmt::bind(pattern, line.value);
        match line.note {
            Some(note) => statement.commented(note),
            None => statement,
        }
    }
}

/// The statements of a method's steps.
///
/// # Errors
/// Every step that the framework cannot do, at once.
pub fn statements(words: &impl Words, body: &mut Body) -> Result<Vec<Line>> {
    let (mut lines, mut errors, mut at) = (vec![], vec![], 0);
    while let Some(step) = body.method.body.get(at) {
        let (end, line) = match step.condition {
            Some(_) => {
                let end = switch::end(body.structure, body.method, at);
                (end, switched(words, at..end, body).map(Some))
            }
            None => match words.joined(at, body) {
                Some(line) => (at + 2, Ok(Some(line))),
                None => (at + 1, statement(words, step, body)),
            },
        };
        match line {
            Ok(line) => lines.extend(line),
            Err(error) => errors.push(error),
        }
        at = end;
    }
    match errors.is_empty() {
        true => Ok(lines),
        false => Err(Error::several(errors)),
    }
}

/// The statement of a step that happens; none where its result is spelt where it is read.
///
/// # Errors
/// When the framework cannot do the step.
pub fn statement<'a>(
    words: &impl Words,
    step: &'a Step,
    body: &mut Body<'a>,
) -> Result<Option<Line>> {
    if let [result] = step.results.as_slice()
        && is_silent(step, body.method)
        && bind(words, step, &result.name, body)
    {
        return Ok(None);
    }
    if step
        .args
        .iter()
        .any(|operand| body.is_closed(&operand.name))
    {
        return Err(Error::internal("a weight that this instance may lack"));
    }
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    for result in &step.results {
        body.bind(&step.action, &result.name, None);
    }
    let value = words.value(step, &args, body);
    let place = step.origins.first().map(Origin::place).unwrap_or_default();
    let value = value.map_err(|error| error.at(&place))?;
    Ok(Some(Line::of(step, value)))
}

/// Binds the result of a step that makes no statement; one of an optional field waits until that is open.
pub fn bind<'a>(words: &impl Words, step: &'a Step, name: &str, body: &mut Body<'a>) -> bool {
    match field_of(step).filter(|_| is_silent(step, body.method)) {
        Some(field) if !body.is_there(field) => body.wait(step, name),
        Some(field) => {
            let weight = words.weight(step, body);
            if !body.bind(&step.action, name, weight) {
                return false;
            }
            if body.structure.fields[field].present.is_some() {
                body.keep_waiting(step, name);
            }
        }
        None => return body.bind(&step.action, name, None),
    }
    true
}

/// The field whose contents a step uses.
pub fn field_of(step: &Step) -> Option<usize> {
    match &step.action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. }
        | Action::LayerWeight { field, .. }
        | Action::Parameter(field) => Some(*field),
        Action::Op(_) | Action::Constant(_) | Action::Extent { .. } => None,
    }
}

/// Whether a step's result is spelt where it is read. A parameter that the method assigns is read before that.
pub fn is_silent(step: &Step, method: &Method) -> bool {
    match &step.action {
        Action::Parameter(_) => !step.results.iter().any(|local| method.keeps(&local.name)),
        Action::LayerWeight { .. } | Action::Constant(_) | Action::Op(Op::Extents { .. }) => true,
        Action::Op(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. } => false,
    }
}
