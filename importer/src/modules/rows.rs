//! Rows: modules of one type that are called one after the other become a `Vec`.

use super::body::{Held, Module, Source};
use super::paths::stem;
use super::types::Types;
use crate::plan::Action;
use std::collections::BTreeMap;

impl Types {
    /// Replaces calls of modules of one type in a row by one step over a `Vec`.
    pub(super) fn join_rows(&self, module: &mut Module) {
        while let Some((first, length)) = self.find_row(module) {
            join_row(module, first, length);
        }
    }

    /// Calls one after the other, each of which is the only reader of the one before: first step and number.
    fn find_row(&self, module: &Module) -> Option<(usize, usize)> {
        let [body] = module.methods.as_slice() else {
            return None;
        };
        let uses = body.uses();
        let callee = |step: usize| match body.steps.get(step)?.action {
            Action::Module { field, method } => match &module.fields[field] {
                (name, Held::Module) if body.steps[step].types.len() == 1 => {
                    Some((self.child(&module.path, name), method))
                }
                _ => None,
            },
            _ => None,
        };
        for first in 0..body.steps.len() {
            let Some(called) = callee(first) else {
                continue;
            };
            for input in 0..body.steps[first].args.len() {
                let mut length = 1;
                while callee(first + length) == Some(called) {
                    let previous = Source::Step {
                        step: first + length - 1,
                        result: 0,
                    };
                    let (args, before) =
                        (&body.steps[first + length].args, &body.steps[first].args);
                    let others =
                        (0..args.len()).all(|i| i == input || args.get(i) == before.get(i));
                    if args.get(input) != Some(&previous)
                        || uses.get(&previous) != Some(&1)
                        || !others
                    {
                        break;
                    }
                    length += 1;
                }
                let ranks = body.ty(body.steps[first].args[input]).rank()
                    == body.steps[first].types[0].rank();
                if length >= 2 && ranks {
                    return Some((first, length));
                }
            }
        }
        None
    }
}

/// Replaces `length` calls from step `first` by one over a field that holds all of their modules.
fn join_row(module: &mut Module, first: usize, length: usize) {
    let body = &mut module.methods[0];
    let calls = body.steps[first..first + length].iter();
    let fields: Vec<usize> = calls.filter_map(|step| step.action.field()).collect();
    let names: Vec<String> = fields
        .iter()
        .map(|&field| module.fields[field].0.clone())
        .collect();
    let row = row_name(&names);
    module.fields[fields[0]] = (row.clone(), Held::Modules(names));
    body.steps[first].types = body.steps[first + length - 1].types.clone();
    body.steps[first].label = row;
    if let Action::Module { field, method } = body.steps[first].action {
        body.steps[first].action = Action::Modules { field, method };
    }
    body.steps.drain(first + 1..first + length);
    let moved = |source: &mut Source| {
        if let Source::Step { step, .. } = source
            && *step > first
        {
            *step = if *step < first + length {
                first
            } else {
                *step - (length - 1)
            };
        }
    };
    body.steps
        .iter_mut()
        .flat_map(|step| &mut step.args)
        .for_each(moved);
    body.results.iter_mut().for_each(moved);
    remove_fields(module, &fields[1..]);
}

/// Removes fields that no step asks for any more.
pub(super) fn remove_fields(module: &mut Module, gone: &[usize]) {
    let place = |field: usize| field - gone.iter().filter(|&&g| g < field).count();
    for step in module
        .methods
        .iter_mut()
        .flat_map(|method| &mut method.steps)
    {
        step.renumber(&place);
    }
    remove(&mut module.fields, gone);
}

/// Removes the items at some places.
pub(super) fn remove<T>(items: &mut Vec<T>, gone: &[usize]) {
    let mut place = 0..;
    items.retain(|_| place.next().is_none_or(|place| !gone.contains(&place)));
}

/// The name of a row of modules: the plural of what most of their names have before the counter.
fn row_name(names: &[String]) -> String {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *stems.entry(stem(name)).or_insert(0) += 1;
    }
    let stem = stems
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(stem, _)| stem)
        .unwrap_or_default();
    if stem.is_empty() {
        "layers".to_owned()
    } else {
        format!("{stem}s")
    }
}
