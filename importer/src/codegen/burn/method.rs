//! Methods in burn's words.

use super::super::field_of_key;
use super::super::operand::{Arg, Body, Place};
use super::super::plan::{Entry, Field, FieldKind, Layer, Local, Method, Plan, Struct};
use super::super::rust::{Block, Expr, Item, Stmt};
use super::super::statement::{Line, document, unread};
use super::signature::{self, Form};
use super::step::line;
use crate::error::{Error, Result};
use crate::ir::DType;
use std::collections::BTreeSet;

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
        lines.insert(0, Line::device(value));
    }
    let block = finish(lines, assignments, result);
    let returns = signature::returns(method, entry, &mut body)?;
    let beside = tensor_param(method).filter(|_| body.needs_device);
    let unread = unread(method, &read, beside.map(|param| param.name.as_str()));
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
    if let Some(param) = tensor_param(method) {
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

/// The first argument that is a tensor.
fn tensor_param(method: &Method) -> Option<&Local> {
    let mut params = method.params.iter();
    params.find(|param| param.ty.dtype != DType::String)
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
