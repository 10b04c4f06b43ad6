//! Paths in the module tree: of variables, from their names or the object graph; of nodes, from their scopes.

use crate::ir::{Param, ParamId};
use std::collections::{BTreeMap, BTreeSet};

/// A place in the module tree: names from the root down.
pub type Path = Vec<String>;

/// The path of each variable, unique among them.
pub fn of_params(params: &[Param], used: &BTreeSet<ParamId>) -> BTreeMap<ParamId, Path> {
    let readable = used
        .iter()
        .all(|id| object_path(&params[id.0 as usize]).is_some());
    let mut taken: BTreeSet<Path> = BTreeSet::new();
    let mut paths = BTreeMap::new();
    for &id in used {
        let param = &params[id.0 as usize];
        let named = || {
            param
                .name
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut path: Path = match object_path(param) {
            Some(path) if readable => path.to_vec(),
            _ => named(),
        };
        if path.is_empty() {
            path.push("variable".to_owned());
        }
        let base = path.last().cloned().unwrap_or_default();
        let mut number = 1;
        while !taken.insert(path.clone()) {
            number += 1;
            path.pop();
            path.push(format!("{base}_{number}"));
        }
        paths.insert(id, path);
    }
    without_common_root(paths)
}

/// Without the name of the one module that all variables are in: that is the model itself.
fn without_common_root(mut paths: BTreeMap<ParamId, Path>) -> BTreeMap<ParamId, Path> {
    let Some(root) = paths.values().next().and_then(|path| path.first().cloned()) else {
        return paths;
    };
    let below = |path: &Path| path.first() == Some(&root) && path.len() > 2;
    while paths.values().all(below) {
        paths.values_mut().for_each(|path| drop(path.remove(0)));
    }
    paths
}

/// The attribute path, if a person chose its names: not a list of all variables, not a private attribute of Keras.
fn object_path(param: &Param) -> Option<&[String]> {
    let path = param
        .object_path
        .as_deref()
        .filter(|path| !path.is_empty())?;
    let lists = [
        "variables",
        "trainable_variables",
        "non_trainable_variables",
        "keras_api",
    ];
    let private = path.iter().any(|part| {
        part.starts_with('_')
            || part.starts_with("layer_with_weights")
            || part.starts_with("layer-")
            || lists.contains(&part.as_str())
    });
    (!private).then_some(path)
}

/// Which module each scope of a function's nodes belongs to.
///
/// The scopes of Keras 3 carry a number on every level and the model's own name in front; those of other producers do
/// not. What a scope means is therefore learnt from the layers, whose variables have clean names.
#[derive(Debug, Default)]
pub struct Scopes {
    known: BTreeMap<Vec<String>, Path>,
    /// Whether scopes carry the number of the trace.
    numbered: bool,
}

impl Scopes {
    /// Learns from a layer at `scope` whose variables are under `path`.
    pub fn learn(&mut self, scope: &[String], path: &[String]) {
        let Some((start, numbered)) = align(scope, path) else {
            return;
        };
        self.numbered |= numbered;
        for depth in 0..=path.len() {
            self.known
                .entry(scope[..start + depth].to_vec())
                .or_insert_with(|| path[..depth].to_vec());
        }
    }

    /// The module around a node, and the name that its scope gives it there, if any.
    pub fn place(&self, scope: &[String]) -> (Path, Option<String>) {
        for depth in (0..=scope.len()).rev() {
            if let Some(path) = self.known.get(&scope[..depth]) {
                return (path.clone(), scope.get(depth).map(|name| self.clean(name)));
            }
        }
        (vec![], scope.last().map(|name| self.clean(name)))
    }

    fn clean(&self, name: &str) -> String {
        match name.rsplit_once('_') {
            Some((stem, number)) if self.numbered && is_number(number) => stem.to_owned(),
            _ => name.to_owned(),
        }
    }
}

/// Whether the scope of a layer carries the numbers of a trace, which its path has not.
pub fn is_numbered(scope: &[String], path: &[String]) -> bool {
    align(scope, path).is_some_and(|(_, numbered)| numbered)
}

/// What a scope below the model's says of a layer: without the parts that only name an op, and without the numbers of a
/// trace if scopes have them.
pub fn of_scope(scope: &[String], numbered: bool) -> Path {
    let is_op =
        |part: &&String| part.starts_with(|c: char| c.is_ascii_uppercase()) || *part == "einsum";
    let ops = scope.iter().rev().take_while(is_op).count();
    let scopes = Scopes {
        numbered,
        ..Scopes::default()
    };
    let parts = scope[..scope.len() - ops].iter();
    parts.map(|part| scopes.clean(part)).collect()
}

/// Takes counters off the last names: they count in the whole model, and say nothing in a module that has one of the kind.
pub fn without_own_counters(paths: &mut BTreeMap<usize, Path>) {
    let mut alike: BTreeMap<Path, usize> = BTreeMap::new();
    for path in paths.values_mut() {
        let Some(last) = path.last_mut() else {
            continue;
        };
        let bare = match last.rsplit_once('_') {
            Some((bare, number)) if is_number(number) => bare.to_owned(),
            _ => last.clone(),
        };
        *last = bare.clone();
        let count = alike.entry(path.clone()).or_insert(0);
        *count += 1;
        if let (true, Some(last)) = (*count > 1, path.last_mut()) {
            *last = format!("{bare}_{count}");
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Where `path` starts within `scope`, and whether its names carry a number there. The last such place wins.
fn align(scope: &[String], path: &[String]) -> Option<(usize, bool)> {
    if path.is_empty() || scope.len() < path.len() {
        return None;
    }
    (0..=scope.len() - path.len()).rev().find_map(|start| {
        let pairs = || scope[start..].iter().zip(path);
        if pairs().all(|(scope, name)| scope == name) {
            return Some((start, false));
        }
        let numbered = |scope: &str, name: &str| {
            scope == name
                || scope
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .is_some_and(is_number)
        };
        pairs()
            .all(|(scope, name)| numbered(scope, name))
            .then_some((start, true))
    })
}

/// The group that a flat name belongs to, and its name there: `block_3_expand` is `expand` of `block_3`.
///
/// The group is the shortest prefix of words that ends in a word with a number. A group of digits only is none.
pub fn split_counter(name: &str) -> Option<(String, String)> {
    let words: Vec<&str> = name.split('_').collect();
    for end in 1..words.len() {
        let has_counter = words[end - 1].bytes().any(|b| b.is_ascii_digit());
        // `conv1d_7` is the seventh of its kind, and no part of a `conv1d`.
        let is_named = words[end..].iter().any(|word| !is_number(word));
        if has_counter && is_named {
            let group = words[..end].join("_");
            let only_digits = group.bytes().all(|b| b.is_ascii_digit() || b == b'_');
            return (!only_digits).then(|| (group, words[end..].join("_")));
        }
    }
    None
}

/// A name without its counter, and without the letter that a counter may have: `block` of `block_3` and `block5a`.
pub fn stem(name: &str) -> String {
    let name = split_counter(&format!("{name}_x")).map_or(name.to_owned(), |(group, _)| group);
    let lettered = name
        .strip_suffix(|c: char| c.is_ascii_lowercase())
        .filter(|rest| rest.ends_with(|c: char| c.is_ascii_digit()));
    lettered
        .unwrap_or(&name)
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
        .to_owned()
}

/// A name without its counters, wherever they are: `conv_block` of `conv3_block2_1`.
pub fn without_counters(name: &str) -> String {
    let words = name.split('_').map(|word| match is_version(word) {
        true => word.to_owned(),
        false => stem(word),
    });
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// `v2` counts nothing.
fn is_version(word: &str) -> bool {
    word.strip_prefix(['v', 'V']).is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn a_scope_is_learnt_from_the_variables_below_it() {
        let mut scopes = Scopes::default();
        scopes.learn(
            &path("bert_1/layer_0_1/query_1/einsum"),
            &path("layer_0/query"),
        );
        assert_eq!(
            scopes.place(&path("bert_1/layer_0_1/softmax_1")),
            (path("layer_0"), Some("softmax".into()))
        );
        assert_eq!(
            scopes.place(&path("bert_1/add_1")),
            (vec![], Some("add".into()))
        );
    }

    #[test]
    fn a_counter_ends_the_name_of_a_block() {
        assert_eq!(
            split_counter("block_3_expand_BN"),
            Some(("block_3".into(), "expand_BN".into()))
        );
        assert_eq!(
            split_counter("conv3_block2_1_conv"),
            Some(("conv3".into(), "block2_1_conv".into()))
        );
        assert_eq!(split_counter("1_conv"), None);
        assert_eq!(split_counter("dense_1"), None);
        assert_eq!(split_counter("conv1d_10"), None);
    }

    #[test]
    fn counters_are_left_out_wherever_they_are() {
        assert_eq!(without_counters("conv3_block2_1"), "conv_block");
        assert_eq!(
            without_counters("group_0_inner_layer_0"),
            "group_inner_layer"
        );
        assert_eq!(without_counters("mobilenet_v2"), "mobilenet_v2");
    }

    #[test]
    fn a_stem_has_no_counter() {
        assert_eq!(stem("block_3"), "block");
        assert_eq!(stem("block5a"), "block");
        assert_eq!(stem("conv3_block2_1"), "conv");
        assert_eq!(stem("encoder"), "encoder");
    }
}
