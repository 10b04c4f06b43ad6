//! Methods in burn's words: statement by statement.

use super::super::field_of_key;
use super::super::operand::{Arg, Body, Place};
use super::super::plan::{
    Action, Entry, Field, FieldKind, Layer, Local, Method, Plan, Step, Struct,
};
use super::super::rust::{Arm, Block, Expr, Item, Pat, Stmt};
use super::signature::{self, Form, document};
use super::weight::layer_weight;
use super::{layer, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Type};
use std::collections::BTreeSet;

/// A statement `let names = value;`.
struct Line {
    names: Vec<String>,
    value: Expr,
    note: Option<String>,
    /// Whether it reads an extent of a value.
    is_extent: bool,
}

impl From<Line> for Stmt {
    fn from(line: Line) -> Stmt {
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

/// A method; with its form for training where there is one.
pub fn method(
    plan: &Plan,
    structure: &Struct,
    method: &Method,
    entry: Option<&Entry>,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Item>> {
    let mut body = Body::new(structure, method, uses);
    let mut lines = lines(plan, &mut body)?;
    let assignments = assignments(method, &mut body);
    let result = result(method, entry, &mut body);
    let read = body.read.take();
    lines.retain(|line| !line.is_extent || line.names.iter().any(|name| read.contains(name)));
    if body.needs_device {
        let value = device(method, structure, &mut body);
        lines.insert(
            0,
            Line {
                names: vec!["device".to_owned()],
                value,
                note: None,
                is_extent: false,
            },
        );
    }
    let block = finish(lines, assignments, result);
    let returns = signature::returns(method, entry, &mut body)?;
    let unread = signature::unread(method, &read, body.needs_device);
    let form = |name: &str, train: bool, unread: &[&str]| {
        Form::new(method, name, train, returns.clone(), unread)
    };
    if !method.has_mode {
        let plain = form(&method.name, false, &unread).function(&mut body, block);
        return Ok(vec![document(plain, method, entry, false)]);
    }
    let name = format!("{}_t", method.name);
    let args = method
        .params
        .iter()
        .map(|param| Expr::path(param.name.as_str()))
        .chain([Expr::bool(false)]);
    let delegate = Expr::path("self").call_method(&name, args.collect::<Vec<_>>());
    let plain = form(&method.name, false, &[]).function(&mut body, Block::from(delegate));
    let train = form(&name, true, &unread).function(&mut body, block);
    Ok(vec![
        document(plain, method, entry, false),
        document(train, method, entry, true),
    ])
}

/// The statements of a method's steps.
///
/// # Errors
/// Every step that burn cannot do, at once.
fn lines(plan: &Plan, body: &mut Body) -> Result<Vec<Line>> {
    let (mut lines, mut errors) = (vec![], vec![]);
    for step in &body.method.body {
        match line(plan, step, body) {
            Ok(line) => lines.extend(line),
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(lines),
        false => Err(Error::several(errors)),
    }
}

/// Where constants of a method are made: beside its first argument, else beside the weights.
fn device(method: &Method, structure: &Struct, body: &mut Body) -> Expr {
    let of = |value: Expr| value.call_method("device", []);
    let field = |field: &Field| Expr::path("self").field(field.name.as_str());
    if let Some(param) = method
        .params
        .iter()
        .find(|param| param.ty.dtype != DType::String)
    {
        return of(Expr::path(param.name.as_str()));
    }
    let own = structure
        .fields
        .iter()
        .filter(|field| field.present.is_none())
        .find_map(|owner| match &owner.kind {
            FieldKind::Parameter { .. } => Some(field(owner).call_method("val", [])),
            FieldKind::Layer(
                Layer::Linear { .. } | Layer::Conv { .. } | Layer::Embedding { .. },
            ) => Some(field(owner).field("weight").call_method("val", [])),
            FieldKind::Layer(_)
            | FieldKind::Module { .. }
            | FieldKind::Modules { .. }
            | FieldKind::Flag(_) => None,
        });
    match own {
        Some(tensor) => of(tensor),
        None => {
            body.using("burn::tensor::Device");
            Expr::call("Device::default", [])
        }
    }
}

enum Tail {
    /// A local that is the whole result.
    Local(String),
    /// Anything else.
    Value(Expr),
    /// No result.
    Nothing,
}

/// `assign(&mut self.count, count);`
fn assignments(method: &Method, body: &mut Body) -> Vec<Stmt> {
    let mut statements = vec![];
    for (i, assignment) in method.assignments.iter().enumerate() {
        let assign = body.using("support::vars::assign");
        let later = method.assignments[i + 1..].iter().map(|later| &later.value);
        let is_again = later
            .chain(&method.results)
            .any(|later| later.name == assignment.value.name);
        let arg = body.arg(&assignment.value);
        let last = arg.last && !is_again;
        let value = Arg { last, ..arg }.value(body);
        let field = field_of_key(&assignment.key).by_mut();
        statements.push(Expr::call(assign, [field, value]).stmt());
    }
    statements
}

/// The block of lines; a last `let x = e; x` is `e` itself.
fn finish(mut lines: Vec<Line>, assignments: Vec<Stmt>, result: Tail) -> Block {
    let tail = match result {
        Tail::Nothing => None,
        Tail::Value(value) => Some(value),
        Tail::Local(name) if !assignments.is_empty() => Some(Expr::path(name.as_str())),
        Tail::Local(name) => Some(match lines.pop() {
            Some(last) if last.names == [name.as_str()] => last.value,
            last => {
                lines.extend(last);
                Expr::path(name.as_str())
            }
        }),
    };
    let block = Block::new(lines.into_iter().map(Stmt::from).chain(assignments));
    match tail {
        Some(tail) => block.tail(tail),
        None => block,
    }
}

fn result(method: &Method, entry: Option<&Entry>, body: &mut Body) -> Tail {
    let mut values = vec![];
    for (i, operand) in method.results.iter().enumerate() {
        let is_again = method.results[i + 1..]
            .iter()
            .any(|later| later.name == operand.name);
        let arg = Arg {
            last: !is_again,
            ..body.arg(operand)
        };
        values.push(match &arg.place {
            Place::Local { name, .. } if method.results.len() == 1 => {
                return Tail::Local(name.clone());
            }
            Place::Local { .. } | Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => {
                arg.value(body)
            }
        });
    }
    if let Some(name) = entry.and_then(|entry| entry.output_struct.clone()) {
        let names = entry
            .iter()
            .flat_map(|entry| &entry.outputs)
            .map(|output| output.name.clone());
        return Tail::Value(Expr::struct_lit(
            name,
            names.zip(values).collect::<Vec<_>>(),
        ));
    }
    match values.len() {
        0 => Tail::Nothing,
        1 => Tail::Value(values.remove(0)),
        _ => Tail::Value(Expr::tuple(values)),
    }
}

fn line(plan: &Plan, step: &Step, body: &mut Body) -> Result<Option<Line>> {
    let structure = body.structure;
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    let method = body.method;
    let spell = |_: &Action| bound(plan, structure, method, step);
    for (i, result) in step.results.iter().enumerate() {
        let is_bound = body.bind(&step.action, &result.name, spell);
        if is_bound && i == 0 {
            return Ok(None);
        }
    }
    let value = value(plan, step, &args, body)?;
    let value = match &step.condition {
        None => value,
        Some(condition) => {
            let field = &structure.fields[condition.field];
            let pass = args
                .get(condition.pass)
                .ok_or_else(|| Error::malformed("internal: a condition without an else"))?;
            let pass = pass.value(body);
            let own = Expr::path("self").field(field.name.as_str());
            match (field.present, uses(&step.action, condition.field)) {
                (Some(_), true) => Expr::match_(
                    own.by_ref(),
                    [
                        Arm::new(Pat::variant("Some", [field.name.as_str()]), value),
                        Arm::new("None", pass),
                    ],
                ),
                (Some(_), false) => {
                    let is_there = own.call_method("is_some", []);
                    Expr::if_else(is_there, Block::from(value), Block::from(pass))
                }
                (None, _) => Expr::if_else(own, Block::from(value), Block::from(pass)),
            }
        }
    };
    let names = step
        .results
        .iter()
        .map(|local| local.name.clone())
        .collect();
    Ok(Some(Line {
        names,
        value,
        note: step.note.clone(),
        is_extent: matches!(step.action, Action::Extent { .. }),
    }))
}

/// Whether a step runs what is in a field.
fn uses(action: &Action, index: usize) -> bool {
    match action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. }
        | Action::LayerWeight { field, .. }
        | Action::Parameter(field) => *field == index,
        Action::Op(_) | Action::Constant(_) | Action::Extent { .. } => false,
    }
}

/// A weight that is spelt where it is read.
fn bound(plan: &Plan, structure: &Struct, method: &Method, step: &Step) -> Option<Expr> {
    let is_kept = |local: &Local| method.keeps(&local.name);
    match &step.action {
        Action::Parameter(_) if step.results.iter().any(is_kept) => None,
        Action::Parameter(field) => {
            let field = Expr::path("self").field(structure.fields[*field].name.as_str());
            Some(field.call_method("val", []))
        }
        Action::LayerWeight { field, role } => layer_weight(
            plan,
            &structure.fields[*field],
            *role,
            &step.results.first()?.ty,
        ),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. } => None,
    }
}

fn value(plan: &Plan, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
    let structure = body.structure;
    let malformed = || Error::malformed("internal: a step that does not fit its field");
    let first = args.first().ok_or_else(malformed);
    let own = |index: usize| {
        let field = &structure.fields[index];
        match step
            .condition
            .as_ref()
            .filter(|condition| condition.field == index && field.present.is_some())
        {
            Some(_) => Expr::path(field.name.as_str()),
            None => Expr::path("self").field(field.name.as_str()),
        }
    };
    match &step.action {
        Action::Op(op) => {
            let types: Vec<Type> = step
                .results
                .iter()
                .map(|result| result.ty.clone())
                .collect();
            op::op(body, op, args, &types)
        }
        Action::Layer { field, output } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            layer::call(body, layer, own(*field), first?, output.as_deref())
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let method = &plan.structs[*ty].methods[*method];
            let operands: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            Ok(call(own(*field), method, operands))
        }
        Action::Modules { field, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let method = &plan.structs[*ty].methods[*method];
            let others = args[1..].iter().map(|arg| arg.kept().value(body));
            let operands: Vec<Expr> = std::iter::once(Expr::path("x")).chain(others).collect();
            let step = Expr::closure(
                [Pat::from("x"), Pat::from("block")],
                call(Expr::path("block"), method, operands),
            );
            let first = first?.value(body);
            Ok(own(*field)
                .call_method("iter", [])
                .call_method("fold", [first, step]))
        }
        Action::Extent { axis } => Ok(first?
            .place_of(body)
            .call_method("dims", [])
            .index(Expr::size(*axis))),
        Action::Parameter(field) => Ok(own(*field).call_method("val", [])),
        Action::Constant(_) | Action::LayerWeight { .. } => {
            Err(Error::malformed("internal: a step without a statement"))
        }
    }
}

/// `receiver.forward(operands…)`, in the form for training where there is one.
fn call(receiver: Expr, method: &Method, mut operands: Vec<Expr>) -> Expr {
    if !method.has_mode {
        return receiver.call_method(&method.name, operands);
    }
    operands.push(Expr::path("train"));
    receiver.call_method(format!("{}_t", method.name), operands)
}
