//! Which of its arguments a method does not read.

use crate::plan::{Action, Method, Step};
use std::collections::BTreeSet;

/// The arguments that no printed statement reads; `extents` are the named ones that are printed, `device` is the argument
/// that says where constants are made.
pub fn unread<'a>(
    method: &'a Method,
    extents: &BTreeSet<String>,
    device: Option<&str>,
) -> Vec<&'a str> {
    let is_printed = |step: &&Step| match step.action {
        Action::Extent { .. } | Action::Elements => step
            .results
            .iter()
            .any(|result| extents.contains(&result.name)),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Flow(_) => true,
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
