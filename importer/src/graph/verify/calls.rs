//! Which functions a node names, and that calls come to an end.

use std::collections::HashMap;

use savedmodel_import_proto::NodeDef;
use savedmodel_import_proto::attr_value::Value;

use crate::saved_model::FunctionLibrary;
use crate::{Error, Result};

/// The functions that a node calls, by its op or by an attribute.
fn named(node: &NodeDef) -> impl Iterator<Item = &str> {
    let attributes = node.attr.values().flat_map(|attr| match &attr.value {
        Some(Value::Func(function)) => vec![function.name.as_str()],
        Some(Value::List(list)) => list.func.iter().map(|f| f.name.as_str()).collect(),
        _ => Vec::new(),
    });
    attributes.filter(|name| !name.is_empty())
}

/// An error for a function that the library does not have.
pub(super) fn check_node(node: &NodeDef, library: &FunctionLibrary) -> Result<()> {
    named(node).try_for_each(|name| library.find(name).map(drop))
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// An error if a function calls itself.
pub(super) fn check(library: &FunctionLibrary) -> Result<()> {
    let names: Vec<&str> = library.iter().map(|(name, _)| name).collect();
    let places: HashMap<&str, usize> = names.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    let callees: Vec<Vec<usize>> = library
        .iter()
        .map(|(_, function)| {
            let called = function
                .node_def
                .iter()
                .flat_map(|node| named(node).chain([node.op.as_str()]));
            called
                .filter_map(|name| places.get(name).copied())
                .collect()
        })
        .collect();
    let mut marks = vec![Mark::New; names.len()];
    for root in 0..names.len() {
        if let Some(cycle) = walk(root, &callees, &mut marks) {
            let through: Vec<&str> = cycle.iter().map(|&place| names[place]).collect();
            return Err(Error::malformed(format!(
                "There is a cyclic dependency between functions: {}",
                through.join(" -> ")
            )));
        }
    }
    Ok(())
}

/// The functions of a cycle that `root` leads to. Without recursion: functions may nest thousands deep.
fn walk(root: usize, callees: &[Vec<usize>], marks: &mut [Mark]) -> Option<Vec<usize>> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    if marks[root] == Mark::New {
        marks[root] = Mark::Open;
        open.push((root, 0));
    }
    while let Some((place, next)) = open.last_mut() {
        let Some(&callee) = callees[*place].get(*next) else {
            marks[*place] = Mark::Done;
            open.pop();
            continue;
        };
        *next += 1;
        match marks[callee] {
            Mark::Done => {}
            Mark::New => {
                marks[callee] = Mark::Open;
                open.push((callee, 0));
            }
            Mark::Open => {
                let path = open.iter().map(|(place, _)| *place);
                let cycle = path.skip_while(|&place| place != callee);
                return Some(cycle.chain([callee]).collect());
            }
        }
    }
    None
}
