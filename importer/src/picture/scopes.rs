//! Name scopes as modules.

use std::collections::BTreeMap;

use super::group::{Grouped, group};
use super::model::{Instance, Kind, Method, Module, Node, Picture};

/// A drawing whose boxes are still to be put into their scopes.
struct Open {
    module: usize,
    method: usize,
    scopes: Vec<Vec<String>>,
    depth: usize,
}

/// Makes a module of each name scope, from the outermost inwards.
pub fn find(picture: &mut Picture, method: usize, scopes: Vec<Vec<String>>) {
    let mut stack = vec![Open {
        module: 0,
        method,
        scopes,
        depth: 0,
    }];
    while let Some(open) = stack.pop() {
        split(picture, open, &mut stack);
    }
}

fn split(picture: &mut Picture, mut open: Open, stack: &mut Vec<Open>) {
    let method = &picture.modules[open.module].methods[open.method];
    let mut names = scope_names(&open);
    while names.len() == 1 && names.values().all(|count| *count == inside(method)) {
        open.depth += 1;
        names = scope_names(&open);
    }
    names.retain(|_, count| *count > 1);
    if names.is_empty() {
        return;
    }
    let index: BTreeMap<&String, usize> = names.keys().zip(0..).collect();
    let group_of = |scopes: &Vec<String>| {
        let name = scopes.get(open.depth)?;
        index.get(name).copied()
    };
    let of: Vec<Option<usize>> = open.scopes.iter().map(group_of).collect();
    let Grouped {
        mut outer,
        boxes,
        inner,
    } = group(method, &of, names.len());
    for (name, (place, (inside, was))) in names.keys().zip(boxes.into_iter().zip(inner)) {
        let module = picture.modules.len();
        outer.boxes[place].label.clone_from(name);
        outer.boxes[place].calls = Some((module, 0));
        let path = picture.modules[open.module].instances.first();
        let path = path.map_or_else(|| name.clone(), |around| scope_path(&around.path, name));
        picture.modules.push(scope(name, path, inside));
        let scopes = was.into_iter().map(|was| {
            let was = was.and_then(|was| open.scopes.get(was));
            was.cloned().unwrap_or_default()
        });
        stack.push(Open {
            module,
            method: 0,
            scopes: scopes.collect(),
            depth: open.depth + 1,
        });
    }
    picture.modules[open.module].methods[open.method] = outer;
}

fn scope(name: &str, path: String, inside: Method) -> Module {
    Module {
        name: name.to_owned(),
        note: format!("Name scope `{path}`."),
        is_scope: true,
        instances: vec![Instance {
            path,
            settings: vec![],
        }],
        methods: vec![inside],
        ..Module::default()
    }
}

fn scope_path(around: &str, name: &str) -> String {
    match around {
        "" => name.to_owned(),
        around => format!("{around}/{name}"),
    }
}

/// The scopes at this depth, and how many boxes are in each.
fn scope_names(open: &Open) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    let here = open
        .scopes
        .iter()
        .filter_map(|scopes| scopes.get(open.depth));
    here.for_each(|name| *names.entry(name.clone()).or_insert(0) += 1);
    names
}

fn inside(method: &Method) -> usize {
    let is_inside = |node: &&Node| !matches!(node.kind, Kind::Argument | Kind::Result);
    method.boxes.iter().filter(is_inside).count()
}
