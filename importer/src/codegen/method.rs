//! Methods: their forms, their arguments, and what stands around their statements.

use super::chain::chained;
use super::operand::{Arg, Body};
use super::rust::{Block, Expr, Function, Item, Stmt};
use super::statement::{Line, owned, statements, with_joined_extents};
use super::unread::unread;
use super::words::Words;
use super::{Alias, Results, field_of_key, receiver};
use crate::error::Result;
use crate::ir::{DType, Type};
use crate::plan::{Entry, Local, Method, Struct};
use std::collections::BTreeSet;

/// A method; with its form for training where there is one.
///
/// # Errors
/// Every step that the framework cannot do, at once.
pub fn method(
    words: &impl Words,
    structure: &Struct,
    method: &Method,
    entry: Option<&Entry>,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Item>> {
    let mut body = Body::new(structure, method, uses);
    let mut lines = statements(words, &mut body)?;
    let in_steps = std::mem::take(&mut body.needs_device);
    let assignments = assignments(words, &mut body);
    let ends: Vec<Arg> = method.last_reads().map(|end| body.arg(end)).collect();
    lines = chained(words, lines, &ends);
    let tail = tail(words, &mut lines, &assignments, entry, &mut body);
    body.keeps_device = body.needs_device && !assignments.is_empty();
    body.needs_device |= in_steps;
    body.check_extents()?;
    let read = body.read.take();
    let is_read = |line: &Line| line.names.iter().any(|name| read.contains(name));
    lines.retain(|line| line.extent.is_none() || is_read(line));
    let beside = tensor_param(method).filter(|_| body.needs_device);
    if body.needs_device {
        let value = match beside {
            Some(param) => Expr::path(param.name.as_str()).call_method("device", []),
            None => words.weights_device(&mut body),
        };
        lines.insert(0, Line::device(value));
    }
    let unread = unread(method, &read, beside.map(|param| param.name.as_str()));
    let lines = with_joined_extents(words, lines);
    let block = Block::new(lines.into_iter().chain(assignments));
    let block = match tail {
        Some(tail) => block.ending(tail),
        None => block,
    };
    forms(words, method, entry, block, &unread, &mut body)
}

/// The method in its one form or its two.
fn forms(
    words: &impl Words,
    method: &Method,
    entry: Option<&Entry>,
    block: Block,
    unread: &[&str],
    body: &mut Body,
) -> Result<Vec<Item>> {
    let signature = Signature::of(words, method, struct_of(entry), body)?;
    let params = |unread: &[&str]| {
        let named = |param: &Local| match unread.contains(&param.name.as_str()) {
            true => format!("_{}", param.name),
            false => param.name.clone(),
        };
        method.params.iter().map(named).collect::<Vec<_>>()
    };
    let name = method.name.as_str();
    if !method.has_mode {
        let plain = signature.function(name, &params(unread), false).body(block);
        return Ok(vec![document(words, plain, method, entry, false)]);
    }
    let train = format!("{name}_t");
    let all = params(&[]);
    let args = all.iter().map(|name| Expr::path(name.as_str()));
    let args = args.chain([Expr::bool(false)]).collect::<Vec<_>>();
    let delegate = Expr::path("self").call_method(&train, args);
    let plain = signature
        .function(name, &all, false)
        .body(Block::from(delegate));
    let train = signature
        .function(&train, &params(unread), true)
        .body(block);
    Ok(vec![
        document(words, plain, method, entry, false),
        document(words, train, method, entry, true),
    ])
}

/// A method that gives the results of another other names, and its form for training.
///
/// # Errors
/// As for the other.
pub fn alias(words: &impl Words, alias: &Alias, uses: &mut BTreeSet<String>) -> Result<Vec<Item>> {
    let plan = words.plan();
    let (structure, entry) = (&plan.structs[0], &plan.entries[alias.entry]);
    let method = &structure.methods[alias.entry];
    let mut body = Body::new(structure, method, uses);
    let returned = Some(alias.results.name.clone());
    let signature = Signature::of(words, method, returned, &mut body)?;
    let call = |train: bool| {
        let form = if train { "_t" } else { "" };
        let args = alias.params.iter().map(|name| Expr::path(name.as_str()));
        let args = args.chain(train.then(|| Expr::path("train")));
        let of = format!("{}{form}", method.name);
        let delegate = Expr::path("self").call_method(&of, args.collect::<Vec<_>>());
        let function = signature.function(&format!("{}{form}", alias.name), &alias.params, train);
        Item::from(function.body(renamed(words, entry, &alias.results, delegate)))
            .doc(format!("What `{of}` gives, under other names."))
    };
    let train = method.has_mode.then(|| call(true));
    Ok(std::iter::once(call(false)).chain(train).collect())
}

/// The struct that a method gives.
fn struct_of(entry: Option<&Entry>) -> Option<String> {
    entry.and_then(|entry| entry.output_struct.clone())
}

/// `let output = self.forward(x)?;`, and its fields under other names.
fn renamed(words: &impl Words, entry: &Entry, results: &Results, call: Expr) -> Block {
    let output = Stmt::bind("output", words.called(call));
    let field = |(name, from): &(String, usize)| {
        let own = &entry.outputs[*from].name;
        (name.clone(), Expr::path("output").field(own.as_str()))
    };
    let fields: Vec<_> = results.fields.iter().map(field).collect();
    let value = words.tail(Some(Expr::struct_lit(&results.name, fields)));
    let block = Block::new([output]);
    match value {
        Some(value) => block.tail(value),
        None => block,
    }
}

/// The types of a method's arguments and results.
struct Signature {
    generics: &'static str,
    params: Vec<String>,
    returns: Option<String>,
    mutates: bool,
}

impl Signature {
    fn of(
        words: &impl Words,
        method: &Method,
        returned: Option<String>,
        body: &mut Body,
    ) -> Result<Self> {
        let generics = words.generics(method)?;
        let mut ty = |ty: &Type| words.result_type(ty, body);
        let result = match returned {
            Some(name) => Some(name),
            None => match method.results.as_slice() {
                [] => None,
                [one] => Some(ty(&one.ty)),
                several => {
                    let types: Vec<String> = several.iter().map(|one| ty(&one.ty)).collect();
                    Some(format!("({})", types.join(", ")))
                }
            },
        };
        let params = method.params.iter();
        Ok(Signature {
            generics,
            params: params
                .map(|param| words.argument_type(&param.ty, body))
                .collect(),
            returns: words.returned(result),
            mutates: method.mutates(),
        })
    }

    fn function(&self, name: &str, params: &[String], train: bool) -> Function {
        let mut function =
            Function::public(format!("{name}{}", self.generics)).receiver(receiver(self.mutates));
        for (name, ty) in params.iter().zip(&self.params) {
            function = function.param(name, ty);
        }
        if train {
            function = function.param("train", "bool");
        }
        match &self.returns {
            Some(returns) => function.returns(returns.as_str()),
            None => function,
        }
    }
}

/// The first argument that is a tensor.
fn tensor_param(method: &Method) -> Option<&Local> {
    let mut params = method.params.iter();
    params.find(|param| param.ty.dtype != DType::String)
}

/// The function with what its arguments are.
fn document(
    words: &impl Words,
    function: Function,
    method: &Method,
    entry: Option<&Entry>,
    train: bool,
) -> Item {
    let mut item = Item::from(function);
    if method.params.len() + usize::from(train) > 6 {
        item = item.attribute("allow(clippy::too_many_arguments)");
    }
    if train {
        return item
            .doc("With batch statistics, moving averages that learn and live dropout if `train`.");
    }
    let Some(entry) = entry else {
        return method
            .shapes
            .iter()
            .fold(item, |item, shapes| item.doc(native(words, shapes)));
    };
    if !entry.aliases.is_empty() {
        item = item.doc(format!("Also called `{}`.\n\n", entry.aliases.join("`, `")));
    }
    for alias in &entry.aliases {
        item = item.attribute(format!("doc(alias = \"{alias}\")"));
    }
    for Local { name, ty } in &method.params {
        item = item.doc(format!(
            "- `{name}`: {}",
            method.axes.described(ty, words.dtype(ty.dtype))
        ));
    }
    if let [output] = entry.outputs.as_slice() {
        item = item.doc(format!(
            "- returns {}",
            method
                .axes
                .described(&output.ty, words.dtype(output.ty.dtype))
        ));
    }
    match method.assigned() {
        Some(assigned) => item.doc(assigned),
        None => item,
    }
}

/// Shapes with the framework's names for element types before them.
fn native(words: &impl Words, shapes: &str) -> String {
    let of_reader = [DType::Bool, DType::I32, DType::I8, DType::I16, DType::U16];
    let name = |text: String, dtype: DType| {
        let own = words.dtype(dtype);
        text.replace(&format!("{dtype:?} ["), &format!("{own} ["))
    };
    of_reader.into_iter().fold(shapes.to_owned(), name)
}

/// What the method does to the model at its end.
fn assignments(words: &impl Words, body: &mut Body) -> Vec<Stmt> {
    let method = body.method;
    let mut statements = vec![];
    for (i, assignment) in method.assignments.iter().enumerate() {
        let later = method.assignments[i + 1..].iter().map(|later| &later.value);
        let is_again = later
            .chain(&method.results)
            .any(|later| later.name == assignment.value.name);
        let mut value = body.arg(&assignment.value);
        value.last &= !is_again;
        let field = field_of_key(&assignment.key).by_mut();
        statements.push(words.assign(field, &value, body));
    }
    statements
}

/// The end of the method; a last `let x = e; x` is `e` itself.
fn tail(
    words: &impl Words,
    lines: &mut Vec<Line>,
    assignments: &[Stmt],
    entry: Option<&Entry>,
    body: &mut Body,
) -> Option<Expr> {
    let results = body.method.results.iter();
    let results: Vec<Arg> = results.map(|result| body.arg(result)).collect();
    if let [one] = results.as_slice()
        && assignments.is_empty()
        && let Some(last) = lines.pop_if(|line| line.makes(one))
    {
        return words.tail(Some(last.value));
    }
    let mut values = owned(words, &results, body);
    let result = match (struct_of(entry), values.len()) {
        (Some(name), _) => {
            let outputs = entry.iter().flat_map(|entry| &entry.outputs);
            let names = outputs.map(|output| output.name.clone());
            Some(Expr::struct_lit(
                name,
                names.zip(values).collect::<Vec<_>>(),
            ))
        }
        (None, 0 | 1) => values.pop(),
        (None, _) => Some(Expr::tuple(values)),
    };
    words.tail(result)
}
