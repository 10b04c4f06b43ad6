//! The statements of a method, one for each step that makes one.

use super::flow;
use super::operand::{Arg, Body, Place};
use super::rust::{Expr, Pat, Stmt};
use super::switch::{self, switched};
use super::words::Words;
use crate::error::{Error, Result};
use crate::ir::{DType, Op};
use crate::plan::{Action, Method, Step};

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
    /// How several values are given.
    pub form: Form,
    /// Statements that stand before it; of a loop they are all that there is.
    pub before: Vec<Stmt>,
}

/// How a value has several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One value, or a tuple of several.
    Tuple,
    /// An array.
    Array,
    /// A pair: one value, and an array of the others.
    OneAndArray,
}

/// Where a statement reads an extent.
#[derive(Clone, Debug, PartialEq)]
pub enum Extent {
    /// An axis of a local.
    Axis {
        /// The local.
        of: String,
        /// Its rank, if it is a tensor of known rank.
        rank: Option<usize>,
        /// The axis.
        axis: usize,
    },
    /// The elements of a tensor, each an extent.
    Elements,
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
            form: form(step),
            before: vec![],
        }
    }

    /// The axis that it reads: local, rank if that is known, and axis.
    fn axis(&self) -> Option<(&str, Option<usize>, usize)> {
        match self.extent.as_ref()? {
            Extent::Axis { of, rank, axis } => Some((of, *rank, *axis)),
            Extent::Elements => None,
        }
    }

    /// `let device = value;`
    pub fn device(value: Expr) -> Self {
        Line {
            names: vec!["device".to_owned()],
            value,
            note: None,
            extent: None,
            form: Form::Tuple,
            before: vec![],
        }
    }

    /// Whether it makes just this value: at the end of a block it is the value itself.
    pub fn makes(&self, value: &Arg) -> bool {
        let Place::Local { name, .. } = &value.place else {
            return false;
        };
        let is_plain = self.extent.is_none() && self.before.is_empty() && self.form == Form::Tuple;
        is_plain && self.names == [name.as_str()]
    }

    /// No statement.
    pub fn nothing() -> Self {
        Line {
            names: vec![],
            value: Expr::unit(),
            note: None,
            extent: None,
            form: Form::Tuple,
            before: vec![],
        }
    }

    /// Its statements.
    fn statements(mut self) -> Vec<Stmt> {
        let mut statements = std::mem::take(&mut self.before);
        if !self.names.is_empty() {
            statements.push(Stmt::from(self));
        }
        statements
    }
}

fn form(step: &Step) -> Form {
    if let Action::Op(Op::Host(host)) = &step.action {
        return match host.op.form.gives_list {
            true => Form::Array,
            false => Form::Tuple,
        };
    }
    match step.action.pass() {
        Some(pass) if pass.state => match pass.output {
            Some(_) => Form::OneAndArray,
            None => Form::Array,
        },
        Some(_) | None => Form::Tuple,
    }
}

fn extent(step: &Step) -> Option<Extent> {
    let axis = match step.action {
        Action::Extent { axis } => axis,
        Action::Elements => return Some(Extent::Elements),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Flow(_) => return None,
    };
    let operand = step.args.first()?;
    let is_tensor = operand.ty.dtype != DType::String;
    Some(Extent::Axis {
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
            line.axis().is_some()
                && line.axis().map(|axis| axis.0) == first.axis().map(|axis| axis.0)
        };
        let count = rest.iter().take_while(is_beside).count().max(1);
        let (run, after) = rest.split_at(count);
        match joined(words, run) {
            Some(joined) => statements.push(joined),
            None => statements.extend(run.iter().cloned().flat_map(Line::statements)),
        }
        rest = after;
    }
    statements
}

fn joined(words: &impl Words, run: &[Line]) -> Option<Stmt> {
    let (of, rank, _) = run.first()?.axis()?;
    let mut names = vec!["_"; rank?];
    for line in run {
        let (_, _, axis) = line.axis()?;
        *names.get_mut(axis)? = line.names.first()?;
    }
    words.extents(of, &names)
}

impl From<Line> for Stmt {
    fn from(line: Line) -> Self {
        let pattern = match line.names.as_slice() {
            several if line.form == Form::Array => Pat::slice(several.iter().map(String::as_str)),
            [one, others @ ..] if line.form == Form::OneAndArray => {
                let others = Pat::slice(others.iter().map(String::as_str));
                Pat::tuple([Pat::from(one.as_str()), others])
            }
            [one] => Pat::from(one.as_str()),
            several if line.extent.is_some() => Pat::slice(several.iter().map(String::as_str)),
            several => Pat::tuple(several.iter().map(String::as_str)),
        };
        let statement = Stmt::bind(pattern, line.value);
        match line.note {
            Some(note) => statement.commented(note),
            None => statement,
        }
    }
}

/// Values as tensors of their own; one that is given twice is moved only the second time.
pub fn owned(words: &impl Words, values: &[Arg], body: &mut Body) -> Vec<Expr> {
    let name = |arg: &Arg| match &arg.place {
        Place::Local { name, .. } => Some(name.clone()),
        Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => None,
    };
    let mut made = vec![];
    for (i, value) in values.iter().enumerate() {
        let mut arg = value.clone();
        let mut later = values[i + 1..].iter();
        arg.last &= later.all(|later| name(later).is_none() || name(later) != name(value));
        made.push(words.owned(&arg, body));
    }
    made
}

/// The support function that reads so many extents.
pub fn elements(count: usize) -> &'static str {
    match count {
        1 => "extents::extent",
        _ => "extents::extents",
    }
}

/// The statements of a method's steps.
///
/// # Errors
/// Every step that the framework cannot do, at once.
pub fn statements(words: &impl Words, body: &mut Body) -> Result<Vec<Line>> {
    let (mut lines, mut errors, mut at) = (vec![], vec![], 0);
    while let Some(step) = body.steps.get(at) {
        let (end, line) = match step.condition {
            Some(_) => {
                let end = switch::end(body.structure, body.method, at);
                (end, switched(words, at..end, body).map(Some))
            }
            None => match (&step.action, words.joined(at, body)) {
                (_, Some(line)) => (at + 2, Ok(Some(line))),
                (Action::Flow(kind), None) => {
                    (at + 1, flow::flow(words, step, kind, body).map(Some))
                }
                (_, None) => (at + 1, statement(words, step, body)),
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
    if matches!(step.action, Action::Elements) && step.results.iter().all(|local| local.name == "_")
    {
        return Ok(None);
    }
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
        let missing = Error::internal("a weight that this instance may lack");
        return Err(missing.at(&step.place()));
    }
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    for result in &step.results {
        body.bind(&step.action, &result.name, None);
    }
    let value = words.value(step, &args, body);
    let value = value.map_err(|error| error.at(&step.place()))?;
    Ok(Some(Line::of(step, value)))
}

/// Binds the result of a step that makes no statement; one of an optional field waits until that is open.
pub fn bind<'a>(words: &impl Words, step: &'a Step, name: &str, body: &mut Body<'a>) -> bool {
    match step.action.field().filter(|_| is_silent(step, body.method)) {
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

/// Whether a step's result is spelt where it is read. A parameter that the method assigns is read before that.
pub fn is_silent(step: &Step, method: &Method) -> bool {
    match &step.action {
        Action::Parameter(_) => !step.results.iter().any(|local| method.keeps(&local.name)),
        Action::LayerWeight { .. } | Action::Constant(_) | Action::Op(Op::Extents { .. }) => true,
        Action::Op(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. }
        | Action::Elements
        | Action::Flow(_) => false,
    }
}
