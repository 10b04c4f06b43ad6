//! `use` declarations: one per module, sorted, wrapped.

use super::arrange::{Arrangement, TrailingComma, all_fit, write};
use super::shape::{MAX_WIDTH, Shape, TAB, newline};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The declarations for these paths, each `a::b::Name`, perhaps with ` as Other`.
pub(super) fn uses(paths: &[String], indent: usize) -> String {
    let mut modules: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        let (module, name) = split(path);
        modules.entry(module).or_default().insert(name);
    }
    // `a::self` alone is `a`, and names without a module stand alone.
    let bare = modules.remove("").unwrap_or_default();
    let alone = bare.into_iter().map(|name| Tree::new("", vec![name]));
    let lists = modules.into_iter().map(|(module, names)| {
        match names.len() == 1 && names.contains("self") {
            true => Tree::new(split(module).0, vec![split(module).1]),
            false => Tree::new(module, names.into_iter().collect()),
        }
    });
    let mut trees: Vec<Tree<'_>> = alone.chain(lists).collect();
    trees.sort_by(Tree::compare);
    let lines: Vec<String> = trees.iter().map(|tree| tree.print(indent)).collect();
    lines.join(&newline(indent))
}

/// The module and the name, which may be renamed.
fn split(path: &str) -> (&str, &str) {
    let plain = path.split(" as ").next().unwrap_or(path);
    plain
        .rfind("::")
        .map_or(("", path), |end| (&path[..end], &path[end + 2..]))
}

struct Tree<'p> {
    module: &'p str,
    names: Vec<&'p str>,
}

impl<'p> Tree<'p> {
    fn new(module: &'p str, mut names: Vec<&'p str>) -> Self {
        names.sort_by(|a, b| compare_names(a, b));
        Self { module, names }
    }

    fn segments(&self) -> impl Iterator<Item = &'p str> {
        self.module
            .split("::")
            .filter(|segment| !segment.is_empty())
    }

    /// By the segments of the path; a list of names comes after any one name.
    fn compare(&self, other: &Self) -> Ordering {
        let length = |tree: &Self| tree.segments().count();
        for (a, b) in self.segments().zip(other.segments()) {
            let order = compare_names(a, b);
            if order != Ordering::Equal {
                return order;
            }
        }
        let shared = length(self).min(length(other));
        let (a, b) = (self.segments().nth(shared), other.segments().nth(shared));
        match (a, b) {
            (None, None) => self.compare_ends(other),
            (Some(a), None) => other.compare_end(a).reverse(),
            (None, Some(b)) => self.compare_end(b),
            (Some(_), Some(_)) => Ordering::Equal,
        }
    }

    fn compare_ends(&self, other: &Self) -> Ordering {
        match (self.names.as_slice(), other.names.as_slice()) {
            ([a], [b]) => compare_names(a, b),
            ([_], _) => Ordering::Less,
            (_, [_]) => Ordering::Greater,
            (a, b) => a.first().cmp(&b.first()),
        }
    }

    /// This declaration's end against a segment of a longer one.
    fn compare_end(&self, segment: &str) -> Ordering {
        match self.names.as_slice() {
            [name] => compare_names(name, segment).then(Ordering::Less),
            _ => Ordering::Greater,
        }
    }

    fn print(&self, indent: usize) -> String {
        let prefix = if self.module.is_empty() {
            String::new()
        } else {
            format!("{}::", self.module)
        };
        if let [name] = self.names.as_slice() {
            return format!("use {prefix}{name};");
        }
        let texts: Vec<String> = self.names.iter().map(|name| name.to_string()).collect();
        // rustfmt keeps two columns free after a list of uses.
        let around = indent + "use ;".len() + prefix.len() + "{}".len() + 2;
        let one_line = MAX_WIDTH.saturating_sub(around);
        let some: Vec<Option<String>> = texts.iter().cloned().map(Some).collect();
        if all_fit(&some, one_line) {
            return format!("use {prefix}{{{}}};", texts.join(", "));
        }
        let nested = Shape {
            width: MAX_WIDTH - indent - TAB - 1,
            ..Shape::at(indent + TAB, MAX_WIDTH)
        };
        let body = write(
            &texts,
            Arrangement::Packed,
            TrailingComma::WhenVertical,
            nested,
        );
        format!(
            "use {prefix}{{{}{body}{}}};",
            nested.newline(),
            newline(indent)
        )
    }
}

/// `self` first, then names in version order, then `*`.
fn compare_names(a: &str, b: &str) -> Ordering {
    let name = |path: &str| path.split(" as ").next().unwrap_or(path).to_string();
    let rank = |name: &str| match name {
        "self" => 0,
        "super" => 1,
        "crate" => 2,
        "*" => 4,
        _ => 3,
    };
    let (plain_a, plain_b) = (name(a), name(b));
    let order = rank(&plain_a)
        .cmp(&rank(&plain_b))
        .then_with(|| version_order(&plain_a, &plain_b));
    order
        .then_with(|| a.len().cmp(&b.len()))
        .then_with(|| a.cmp(b))
}

/// Runs of digits compare as numbers, `_` comes before any other character.
fn version_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (chunks(a), chunks(b));
    for (a, b) in a.iter().zip(&b) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ if *a == "_" || *b == "_" => (*b == "_").cmp(&(*a == "_")),
            _ => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    let zeros = |text: &str| text.len() - text.trim_start_matches('0').len();
    let by_zeros = a
        .iter()
        .zip(&b)
        .map(|(a, b)| zeros(b).cmp(&zeros(a)))
        .find(|order| order.is_ne());
    a.len()
        .cmp(&b.len())
        .then(by_zeros.unwrap_or(Ordering::Equal))
}

/// Single underscores, runs of digits, and what lies between.
fn chunks(name: &str) -> Vec<&str> {
    let (mut chunks, mut rest) = (Vec::new(), name);
    while let Some(first) = rest.chars().next() {
        let is_digit = |c: char| c.is_ascii_digit();
        let end = match first {
            '_' => Some(1),
            c if is_digit(c) => rest.find(|c| !is_digit(c)),
            _ => rest.find(|c| c == '_' || is_digit(c)),
        };
        let (chunk, tail) = rest.split_at(end.unwrap_or(rest.len()));
        chunks.push(chunk);
        rest = tail;
    }
    chunks
}
