//! Methods from outside: names, arguments, results and documentation.

use super::super::plan::{Entry, Method};
use super::super::rust::{Block, Expr, Function, Item};
use super::super::statement;
use super::super::{Alias, receiver};

/// `unread` are the arguments that the body does not ask for.
pub fn signature(method: &Method, name: &str, returns: &str, unread: &[&str]) -> Function {
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

pub fn returns(method: &Method, entry: Option<&Entry>) -> String {
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

/// The function with what its arguments are.
pub fn document(function: Function, method: &Method, entry: Option<&Entry>, train: bool) -> Item {
    let item = statement::document(function, method, entry, train);
    match method.params.len() + usize::from(train) > 6 {
        true => item.attribute("allow(clippy::too_many_arguments)"),
        false => item,
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
