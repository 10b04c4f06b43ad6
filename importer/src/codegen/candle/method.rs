//! Methods in candle's words.

use super::super::field_of_key;
use super::super::operand::{Body, Place};
use super::super::plan::{Entry, FieldKind, Layer, Method, Operand, Plan, Struct};
use super::super::rust::{Block, Expr, Item, Stmt};
use super::super::statement::{Line, unread};
use super::absorb::after_sum;
use super::signature::{document, returns, signature};
use super::step::{statement, sum};
use super::structure::Printer;
use crate::error::{Error, Result};

/// A method; with its form for training where there is one.
///
/// # Errors
/// Every step that candle cannot do, at once.
pub fn method(
    printer: &mut Printer,
    structure: &Struct,
    method: &Method,
    entry: Option<&Entry>,
) -> Result<Vec<Item>> {
    let plan = printer.plan;
    printer.uses.insert("candle_core::Tensor".to_owned());
    let mut body = Body::new(structure, method, &mut printer.uses);
    let mut lines = lines(plan, &mut body)?;
    let assignments = assignments(method, &mut body);
    let result = result(method, entry, &mut body);
    let read = body.read.take();
    lines.retain(|line| !line.is_extent || read.contains(&line.names[0]));
    let needs_device = body.needs_device;
    if needs_device {
        lines.insert(0, device(structure, method));
    }
    let block = finish(lines, assignments, result);
    let beside = method.params.first().filter(|_| needs_device);
    let unread = unread(method, &read, beside.map(|param| param.name.as_str()));
    let returns = returns(method, entry);
    Ok(match method.has_mode {
        false => vec![document(
            signature(method, &method.name, &returns, &unread).body(block),
            method,
            entry,
            false,
        )],
        true => {
            let name = format!("{}_t", method.name);
            let args = method
                .params
                .iter()
                .map(|param| Expr::path(param.name.as_str()))
                .chain([Expr::bool(false)]);
            let delegate =
                Block::from(Expr::path("self").call_method(&name, args.collect::<Vec<_>>()));
            let train = signature(method, &name, &returns, &unread)
                .param("train", "bool")
                .body(block);
            vec![
                document(
                    signature(method, &method.name, &returns, &[]).body(delegate),
                    method,
                    entry,
                    false,
                ),
                document(train, method, entry, true),
            ]
        }
    })
}

/// The statements of a method's steps.
fn lines(plan: &Plan, body: &mut Body) -> Result<Vec<Line>> {
    let (mut lines, mut errors) = (vec![], vec![]);
    let (method, mut at) = (body.method, 0);
    while let Some(step) = method.body.get(at) {
        let activation = after_sum(method, at);
        at += 1 + usize::from(activation.is_some());
        let line = match activation {
            Some(activation) => Ok(Some(sum(step, &method.body[at - 1], activation, body))),
            None => statement(plan, step, body),
        };
        match line {
            Ok(line) => lines.extend(line),
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(lines),
        false => Err(Error::several(errors)),
    }
}

/// `let device = x.device();`
fn device(structure: &Struct, method: &Method) -> Line {
    let value = match method.params.first() {
        Some(param) => Expr::path(param.name.as_str()).call_method("device", []),
        None => field_device(structure),
    };
    Line::device(value)
}

/// Where the weights are, for a method without arguments.
fn field_device(structure: &Struct) -> Expr {
    let tensor = structure
        .fields
        .iter()
        .filter(|field| field.present.is_none())
        .find_map(|field| {
            let own = Expr::path("self").field(field.name.as_str());
            match &field.kind {
                FieldKind::Parameter { .. } => Some(own),
                FieldKind::Layer(Layer::Linear { .. } | Layer::Conv { .. }) => {
                    Some(own.call_method("weight", []))
                }
                FieldKind::Layer(_)
                | FieldKind::Module { .. }
                | FieldKind::Modules { .. }
                | FieldKind::Flag(_) => None,
            }
        });
    match tensor {
        Some(tensor) => tensor.call_method("device", []),
        None => Expr::path("candle_core::Device::Cpu").by_ref(),
    }
}

/// `assign(&mut self.count, &count)?;`
fn assignments(method: &Method, body: &mut Body) -> Vec<Stmt> {
    let mut statements = vec![];
    for assignment in &method.assignments {
        let assign = body.support("vars::assign");
        let value = body.arg(&assignment.value).reference(body);
        let field = field_of_key(&assignment.key).by_mut();
        statements.push(Expr::call(assign, [field, value]).tried().stmt());
    }
    statements
}

/// The block of statements; a last `let x = e?; Ok(x)` is `e` itself.
fn finish(mut lines: Vec<Line>, assignments: Vec<Stmt>, result: Tail) -> Block {
    let tail = match result {
        Tail::Local(name) if !assignments.is_empty() => {
            Expr::call("Ok", [Expr::path(name.as_str())])
        }
        Tail::Local(name) => match lines.pop() {
            Some(last) if last.names == [name.as_str()] => match last.value.untried() {
                Ok(inner) => inner,
                Err(value) => Expr::call("Ok", [value]),
            },
            last => {
                lines.extend(last);
                Expr::call("Ok", [Expr::path(name.as_str())])
            }
        },
        Tail::Value(value) => match value.untried() {
            Ok(inner) => inner,
            Err(value) => Expr::call("Ok", [value]),
        },
    };
    Block::new(lines.into_iter().map(Stmt::from).chain(assignments)).tail(tail)
}

enum Tail {
    /// A local that is the whole result.
    Local(String),
    /// Anything else.
    Value(Expr),
}

fn result(method: &Method, entry: Option<&Entry>, body: &mut Body) -> Tail {
    if let (Some(entry), true) = (entry, method.results.len() > 1) {
        let names = entry.outputs.iter().map(|output| output.name.clone());
        let fields: Vec<_> = names.zip(owned(&method.results, body)).collect();
        let name = entry.output_struct.clone().unwrap_or_default();
        return Tail::Value(Expr::struct_lit(name, fields));
    }
    match method.results.as_slice() {
        [] => Tail::Value(Expr::unit()),
        [one] => match body.arg(one).place {
            Place::Local {
                name,
                borrowed: false,
            } => Tail::Local(name),
            Place::Local { .. } | Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => {
                Tail::Value(body.arg(one).owned(body))
            }
        },
        several => Tail::Value(Expr::tuple(owned(several, body))),
    }
}

/// The results; one that is given twice is moved only the second time.
fn owned(results: &[Operand], body: &mut Body) -> Vec<Expr> {
    let mut values = vec![];
    for (i, result) in results.iter().enumerate() {
        let mut arg = body.arg(result);
        arg.last &= results[i + 1..]
            .iter()
            .all(|later| later.name != result.name);
        values.push(arg.owned(body));
    }
    values
}
