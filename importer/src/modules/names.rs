//! Names of types and fields, and what their documentation says.

use super::paths::without_counters;
use super::types::{ModuleType, Types};
use crate::plan::ident::{Namer, camel};
use crate::plan::target::{FIELDS, TYPES};
use std::collections::BTreeMap;

/// The names of all types, given in the order in which they are printed.
pub fn type_names(types: &Types, order: &[usize], model: &str) -> Vec<String> {
    let stems: Vec<String> = types.types.iter().map(stem_of).collect();
    let mut namer = Namer::with_taken(TYPES);
    let mut names = vec![String::new(); types.types.len()];
    for &ty in order {
        let alike: Vec<usize> = order
            .iter()
            .copied()
            .filter(|&other| stems[other] == stems[ty] && !is_root(&types.types[other]))
            .collect();
        let wanted = match is_root(&types.types[ty]) {
            true => vec![camel(model)],
            false => wanted(types, ty, &alike, &stems[ty]),
        };
        let free = wanted.iter().find(|name| !namer.is_taken(name));
        names[ty] = namer.camel(free.unwrap_or(&camel(&stems[ty])));
    }
    names
}

fn is_root(ty: &ModuleType) -> bool {
    ty.instances[0].path.is_empty()
}

/// What a type may be called, the best first; `alike` are the types whose modules are called so.
fn wanted(types: &Types, ty: usize, alike: &[usize], stem: &str) -> Vec<String> {
    let own = &types.types[ty];
    let instances = |ty: usize| types.types[ty].instances.len();
    let main = alike.iter().copied().rev().max_by_key(|&ty| instances(ty));
    let main = main.filter(|&main| instances(main) > 1 || alike.len() == 1);
    let mut wanted = vec![];
    match main {
        Some(main) if main == ty => wanted.push(camel(stem)),
        Some(_) | None if own.instances.len() == 1 => wanted.extend(own_names(types, ty, alike)),
        Some(main) => wanted.extend(difference(own, &types.types[main], stem)),
        None => {}
    }
    wanted.push(format!("{}Layer", camel(stem)));
    wanted
}

/// The names of the only module of a type: its own, or with that of the module around it.
fn own_names(types: &Types, ty: usize, alike: &[usize]) -> Vec<String> {
    let path = &types.types[ty].instances[0].path;
    let is_same = |other: &&usize| {
        let mut others = types.types[**other].instances.iter();
        **other != ty && others.any(|other| other.path.last() == path.last())
    };
    let from = match alike.iter().find(is_same) {
        Some(_) => path.len().saturating_sub(2),
        None => path.len().saturating_sub(1),
    };
    vec![camel(&path[from..].join("_"))]
}

/// `BlockWithDrop`, `BlockWithoutExpand`: by a field that only one of the types has.
fn difference(own: &ModuleType, main: &ModuleType, stem: &str) -> Option<String> {
    let has = |ty: &ModuleType, name: &str| ty.module.fields.iter().any(|(other, _)| other == name);
    let only = |a: &ModuleType, b: &ModuleType| {
        let mut names = a.module.fields.iter().map(|(name, _)| name.clone());
        names.find(|name| !name.is_empty() && !has(b, name))
    };
    let (with, without) = (only(own, main), only(main, own));
    let with = with.map(|name| format!("{stem}_with_{name}"));
    let without = without.map(|name| format!("{stem}_without_{name}"));
    with.or(without).map(|name| camel(&name))
}

/// The name that most instances suggest, without counters.
fn stem_of(ty: &ModuleType) -> String {
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for instance in &ty.instances {
        let last = instance.path.last().map_or("", String::as_str);
        *votes.entry(without_counters(last)).or_insert(0) += 1;
    }
    let most = votes.into_iter().max_by_key(|(_, count)| *count);
    match most {
        Some((stem, _)) if !stem.is_empty() => stem,
        Some(_) | None => "block".to_owned(),
    }
}

pub fn field_names(ty: &ModuleType) -> Vec<String> {
    let mut namer = Namer::with_taken(FIELDS);
    ty.module
        .fields
        .iter()
        .map(|(name, _)| namer.snake(&digits_last(name)))
        .collect()
}

/// `1_conv` is `conv1` to Rust.
fn digits_last(name: &str) -> String {
    match name.split_once('_') {
        Some((digits, rest))
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            format!("{rest}{digits}")
        }
        _ => name.to_owned(),
    }
}

pub fn docs(ty: &ModuleType, root: bool, name: &str) -> Vec<String> {
    let paths: Vec<String> = ty
        .instances
        .iter()
        .map(|instance| format!("`{}`", instance.path.join("/")))
        .collect();
    match (root, paths.as_slice()) {
        (true, _) => vec![format!("The model `{name}`.")],
        (false, [path]) => vec![format!("Layer {path}.")],
        (false, [first, .., last]) => {
            vec![format!("Layers {first} to {last}, {} in all.", paths.len())]
        }
        (false, []) => vec![],
    }
}
