//! Methods and their statements in candle's words.

use super::super::operand::{Arg, Body, Place};
use super::super::plan::{
    Action, Entry, Field, FieldKind, Layer, Local, Method, Operand, Plan, Step, Struct,
};
use super::super::rust::{Arm, Block, Expr, Function, Item, Pat, Stmt};
use super::super::{Alias, described, field_of_key, receiver};
use super::absorb::{Activation, after_sum};
use super::structure::Printer;
use super::weight::layer_weight;
use super::{layer, op};
use crate::error::{Error, Result};
use std::collections::BTreeSet;

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
    let params = method.params.iter().enumerate();
    let unread =
        params.filter(|(i, param)| !(reads(method, &param.name, &read) || needs_device && *i == 0));
    let unread: Vec<&str> = unread.map(|(_, param)| param.name.as_str()).collect();
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

/// `unread` are the arguments that the body does not ask for.
fn signature(method: &Method, name: &str, returns: &str, unread: &[&str]) -> Function {
    let function = Function::public(name)
        .receiver(receiver(method.mutates()))
        .returns(returns);
    method.params.iter().fold(function, |function, param| {
        match unread.contains(&param.name.as_str()) {
            true => function.param(&format!("_{}", param.name), "&Tensor"),
            false => function.param(&param.name, "&Tensor"),
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

fn returns(method: &Method, entry: Option<&Entry>) -> String {
    match (
        entry.and_then(|entry| entry.output_struct.clone()),
        method.results.len(),
    ) {
        (Some(name), _) => format!("Result<{name}>"),
        (None, 0) => "Result<()>".to_owned(),
        (None, 1) => "Result<Tensor>".to_owned(),
        (None, n) => format!("Result<({})>", vec!["Tensor"; n].join(", ")),
    }
}

/// Whether a printed statement or result reads an argument; `extents` are the named ones that are printed.
fn reads(method: &Method, name: &str, extents: &BTreeSet<String>) -> bool {
    let printed = |step: &&Step| match step.action {
        Action::Extent { .. } => extents.contains(&step.results[0].name),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Parameter(_)
        | Action::LayerWeight { .. } => true,
    };
    let steps = method.body.iter().filter(printed);
    let mut operands = steps.flat_map(|step| &step.args).chain(method.last_reads());
    operands.any(|operand| operand.name == name)
}

/// `let device = x.device();`
fn device(structure: &Struct, method: &Method) -> Line {
    let value = match method.params.first() {
        Some(param) => Expr::path(param.name.as_str()).call_method("device", []),
        None => field_device(structure),
    };
    Line {
        names: vec!["device".to_owned()],
        value,
        note: None,
        is_extent: false,
    }
}

fn document(function: Function, method: &Method, entry: Option<&Entry>, train: bool) -> Item {
    let mut item = Item::from(function);
    if method.params.len() + usize::from(train) > 6 {
        item = item.attribute("allow(clippy::too_many_arguments)");
    }
    if train {
        return item
            .doc("With batch statistics, moving averages that learn and live dropout if `train`.");
    }
    let Some(entry) = entry else { return item };
    for Local { name, ty } in &method.params {
        item = item.doc(format!("- `{name}`: {}", described(ty)));
    }
    if let [output] = entry.outputs.as_slice() {
        item = item.doc(format!("- returns {}", described(&output.ty)));
    }
    match method.assigned() {
        Some(assigned) => item.doc(assigned),
        None => item,
    }
}

/// A method that only calls another.
pub fn alias(alias: &Alias) -> Vec<Item> {
    let call = |train: bool| {
        let form = if train { "_t" } else { "" };
        let args = alias.params.iter().map(|name| Expr::path(name.as_str()));
        let args = args
            .chain(train.then(|| Expr::path("train")))
            .collect::<Vec<_>>();
        let delegate = Expr::path("self").call_method(format!("{}{form}", alias.of), args);
        let returns = alias.output_struct.as_deref().unwrap_or("Tensor");
        let function = Function::public(format!("{}{form}", alias.name))
            .receiver(receiver(alias.mutates))
            .returns(format!("Result<{returns}>"));
        let function = alias
            .params
            .iter()
            .fold(function, |function, name| function.param(name, "&Tensor"));
        let function = if train {
            function.param("train", "bool")
        } else {
            function
        };
        Item::from(function.body(Block::from(delegate)))
            .doc(format!("The same as `{}{form}`.", alias.of))
    };
    let train = alias.has_mode.then(|| call(true));
    std::iter::once(call(false)).chain(train).collect()
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

/// One statement: `let names = value; // note`.
struct Line {
    names: Vec<String>,
    value: Expr,
    note: Option<String>,
    /// Whether it reads an extent of an argument.
    is_extent: bool,
}

impl From<Line> for Stmt {
    fn from(line: Line) -> Self {
        let pattern = match line.names.as_slice() {
            [one] => Pat::from(one.as_str()),
            several => Pat::tuple(several.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        let statement = Stmt::bind(pattern, line.value);
        match line.note {
            Some(note) => statement.commented(note),
            None => statement,
        }
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

/// The statement of a step; none where its result is spelt where it is read.
fn statement(plan: &Plan, step: &Step, body: &mut Body) -> Result<Option<Line>> {
    let structure = body.structure;
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    let is_kept = step
        .results
        .iter()
        .any(|local| body.method.keeps(&local.name));
    let spell = |action: &Action| match action {
        Action::Parameter(_) if is_kept => None,
        Action::Parameter(field) => Some(parameter(&structure.fields[*field])),
        Action::LayerWeight { field, role } => {
            layer_weight(plan, &structure.fields[*field], *role, &step.results[0].ty)
        }
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. } => None,
    };
    if let [only] = step.results.as_slice()
        && body.bind(&step.action, &only.name, spell)
    {
        return Ok(None);
    }
    for result in step.results.iter().skip(1) {
        body.bind(&step.action, &result.name, |_| None);
    }
    let value = match &step.condition {
        None => value(plan, step, &args, None, body)?,
        Some(condition) => conditional(plan, step, &args, (condition.field, condition.pass), body)?,
    };
    let names = step
        .results
        .iter()
        .map(|local| local.name.clone())
        .collect();
    let is_extent = matches!(step.action, Action::Extent { .. });
    Ok(Some(Line {
        names,
        value,
        note: step.note.clone(),
        is_extent,
    }))
}

/// `add(&x, &y, Activation::Relu)?`: a sum, and the step after it.
fn sum(step: &Step, next: &Step, activation: Activation, body: &mut Body) -> Line {
    let operands: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    for step in [step, next] {
        for result in &step.results {
            body.bind(&step.action, &result.name, |_| None);
        }
    }
    let (function, ty) = (
        body.support("add::add"),
        body.support("activation::Activation"),
    );
    let operands = operands
        .iter()
        .map(|arg| arg.reference(body))
        .collect::<Vec<_>>();
    let value = Expr::call(
        function,
        operands.into_iter().chain([activation.spelt(&ty)]),
    )
    .tried();
    let names = next
        .results
        .iter()
        .map(|local| local.name.clone())
        .collect();
    Line {
        names,
        value,
        note: step.note.clone().or_else(|| next.note.clone()),
        is_extent: false,
    }
}

/// What a step makes; `field` is the name of its layer or module, if that is a local.
fn value(
    plan: &Plan,
    step: &Step,
    args: &[Arg],
    field: Option<&str>,
    body: &mut Body,
) -> Result<Expr> {
    let structure = body.structure;
    let own = |index: usize| match field {
        Some(name) => Expr::path(name),
        None => Expr::path("self").field(structure.fields[index].name.as_str()),
    };
    Ok(match &step.action {
        Action::Op(op) => op::op(body, op, args)?,
        Action::Layer { field, output } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(Error::malformed("internal: a call of what is no layer"));
            };
            layer::call(body, layer, own(*field), &args[0], output.as_deref())
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::malformed("internal: a call of what is no module"));
            };
            let operands = args.iter().map(|arg| arg.reference(body)).collect();
            called(own(*field), &plan.structs[*ty].methods[*method], operands)
        }
        Action::Modules { field, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::malformed(
                    "internal: a call of what is no row of modules",
                ));
            };
            row(own(*field), &plan.structs[*ty].methods[*method], args, body)
        }
        Action::Extent { axis } => args[0]
            .receiver(body)
            .call_method("dim", [Expr::size(*axis)])
            .tried(),
        Action::LayerWeight { field, .. } => {
            let name = &structure.fields[*field].name;
            let what = format!("a weight of the layer `{name}` outside the layer");
            return Err(Error::unsupported(what));
        }
        Action::Parameter(field) => parameter(&structure.fields[*field]).call_method("clone", []),
        Action::Constant(_) => {
            return Err(Error::malformed("internal: a step without a statement"));
        }
    })
}

fn called(receiver: Expr, method: &Method, mut operands: Vec<Expr>) -> Expr {
    if method.has_mode {
        operands.push(Expr::path("train"));
    }
    let name = if method.has_mode {
        format!("{}_t", method.name)
    } else {
        method.name.clone()
    };
    receiver.call_method(&name, operands).tried()
}

/// `self.blocks.iter().try_fold(x, |x, block| block.forward(&x))?`
fn row(blocks: Expr, method: &Method, args: &[Arg], body: &mut Body) -> Expr {
    let [value, block] =
        [["x", "h", "value"], ["block", "layer", "module"]].map(|names| unlike(args, names));
    let first = args[0].owned(body);
    let mut operands = vec![Expr::path(value).by_ref()];
    operands.extend(args[1..].iter().map(|arg| arg.reference(body)));
    let call = called(Expr::path(block), method, operands);
    let call = call
        .untried()
        .unwrap_or_else(|value| Expr::call("Ok", [value]));
    let step = Expr::closure([Pat::from(value), Pat::from(block)], call);
    blocks
        .call_method("iter", [])
        .call_method("try_fold", [first, step])
        .tried()
}

/// The first of the names that no operand but the first has.
fn unlike(args: &[Arg], names: [&'static str; 3]) -> &'static str {
    let taken = |name: &str| {
        args[1..]
            .iter()
            .any(|arg| matches!(&arg.place, Place::Local { name: other, .. } if other == name))
    };
    names
        .into_iter()
        .find(|name| !taken(name))
        .unwrap_or(names[2])
}

/// The step where the instance has it, else what passes through: `condition` is its field and that operand.
fn conditional(
    plan: &Plan,
    step: &Step,
    args: &[Arg],
    condition: (usize, usize),
    body: &mut Body,
) -> Result<Expr> {
    let field = &body.structure.fields[condition.0];
    let switch = Expr::path("self").field(field.name.as_str());
    let uses_field = match step.action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. } => field == condition.0,
        Action::Op(_)
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Constant(_)
        | Action::Extent { .. } => false,
    };
    let name = match args
        .iter()
        .any(|arg| matches!(&arg.place, Place::Local { name, .. } if *name == field.name))
    {
        true => format!("{}_layer", field.name),
        false => field.name.clone(),
    };
    let bound = (field.present.is_some() && uses_field).then_some(name.as_str());
    let present = field.present.is_some();
    let value = value(plan, step, args, bound, body)?;
    let pass = args[condition.1].owned(body);
    Ok(match (bound, present) {
        (Some(name), _) => Expr::match_(
            switch.by_ref(),
            [
                Arm::new(Pat::variant("Some", [name]), value),
                Arm::new("None", pass),
            ],
        ),
        (None, true) => Expr::if_else(
            switch.call_method("is_some", []),
            Block::from(value),
            Block::from(pass),
        ),
        (None, false) => Expr::if_else(switch, Block::from(value), Block::from(pass)),
    })
}

/// A parameter's tensor.
fn parameter(field: &Field) -> Expr {
    let own = Expr::path("self").field(field.name.as_str());
    match field.present {
        None => own,
        Some(_) => own
            .call_method("as_ref", [])
            .call_method("expect", [Expr::str("the instance has this weight")]),
    }
}
