//! Statements of a method, and which of its arguments they read: the same in both frameworks.

use super::described;
use super::plan::{Action, Entry, Local, Method, Step};
use super::rust::{Expr, Function, Item, Pat, Stmt};
use std::collections::BTreeSet;

/// One statement: `let names = value; // note`.
pub struct Line {
    /// What it binds.
    pub names: Vec<String>,
    /// What it says.
    pub value: Expr,
    /// A comment behind it.
    pub note: Option<String>,
    /// Whether it reads an extent, and is left out where nothing asks for that.
    pub is_extent: bool,
}

impl Line {
    /// The statement of a step.
    pub fn of(step: &Step, value: Expr) -> Self {
        let names = step.results.iter().map(|local| local.name.clone());
        Line {
            names: names.collect(),
            value,
            note: step.note.clone(),
            is_extent: matches!(step.action, Action::Extent { .. }),
        }
    }

    /// `let device = value;`
    pub fn device(value: Expr) -> Self {
        Line {
            names: vec!["device".to_owned()],
            value,
            note: None,
            is_extent: false,
        }
    }
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

/// The arguments that no printed statement reads; `extents` are the named ones that are printed, `device` is the argument
/// that says where constants are made.
pub fn unread<'a>(
    method: &'a Method,
    extents: &BTreeSet<String>,
    device: Option<&str>,
) -> Vec<&'a str> {
    let is_printed = |step: &&Step| match step.action {
        Action::Extent { .. } => step
            .results
            .iter()
            .any(|result| extents.contains(&result.name)),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Parameter(_)
        | Action::LayerWeight { .. } => true,
    };
    let steps = method.body.iter().filter(is_printed);
    let read: BTreeSet<&str> = steps
        .flat_map(|step| &step.args)
        .chain(method.last_reads())
        .map(|operand| operand.name.as_str())
        .collect();
    let names = method.params.iter().map(|param| param.name.as_str());
    names
        .filter(|name| !read.contains(name) && device != Some(*name))
        .collect()
}

/// The function with what its arguments are.
pub fn document(function: Function, method: &Method, entry: Option<&Entry>, train: bool) -> Item {
    let mut item = Item::from(function);
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
