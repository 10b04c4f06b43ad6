//! What is written on a box.

use super::model::{Kind, Module, Node, Picture, Weight};
use super::text;

/// Longer texts are cut.
const MAX_CHARS: usize = 44;

/// The texts of a box.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caption {
    /// Its title.
    pub title: String,
    /// What stands below the title.
    pub lines: Vec<String>,
    /// The types of its results.
    pub types: String,
    /// All that is known, for whoever points at it.
    pub tip: String,
}

/// The texts of a box of `module`.
pub fn caption(picture: &Picture, module: &Module, node: &Node) -> Caption {
    let mut lines = vec![];
    match node.kind {
        Kind::Module => lines.push(called(picture, node)),
        Kind::Argument
        | Kind::Result
        | Kind::Op
        | Kind::Unsupported
        | Kind::Layer
        | Kind::Weight => {}
    }
    lines.push(node.detail.clone());
    let weights = weights(picture, module, node);
    lines.push(weight_line(module, node, &weights));
    lines.retain(|line| !line.is_empty());
    let types = node.types.join(" · ");
    let title = match node.optional {
        true => format!("{}?", node.label),
        false => node.label.clone(),
    };
    Caption {
        tip: tip(&title, &lines, node, &weights),
        title: short(&title),
        lines: lines.iter().map(|line| short(line)).collect(),
        types: short(&types),
    }
}

/// The weights behind a box: of the first instance of its module.
pub fn weights<'p>(picture: &'p Picture, module: &Module, node: &Node) -> Vec<&'p Weight> {
    let own = node
        .weights
        .iter()
        .filter_map(|&weight| picture.weights.get(weight));
    let of_field = match &node.field {
        Some(field) if !module.is_scope => module.example_weights(picture, field),
        Some(_) | None => &[],
    };
    own.chain(of_field).collect()
}

fn called(picture: &Picture, node: &Node) -> String {
    let name = node
        .calls
        .and_then(|(module, _)| picture.modules.get(module));
    let name = name
        .filter(|module| !module.is_scope)
        .map_or("", |module| &module.name);
    match node.count {
        Some(count) => format!("{count} × {name}"),
        None => name.to_owned(),
    }
}

fn weight_line(module: &Module, node: &Node, weights: &[&Weight]) -> String {
    if weights.is_empty() {
        return String::new();
    }
    let total: u64 = weights
        .iter()
        .fold(0, |sum, w| sum.saturating_add(w.parameters));
    let total = format!("{} parameters", text::thousands(total));
    match (node.kind, module.instances.len() > 1) {
        (Kind::Module, false) => total,
        (Kind::Module, true) => String::new(),
        (_, true) => {
            let names = weights.iter().map(|weight| last_part(&weight.key));
            names.collect::<Vec<_>>().join(", ")
        }
        (Kind::Weight, false) => weights
            .iter()
            .map(|w| text::shape(&w.shape))
            .collect::<Vec<_>>()
            .join(" + "),
        (_, false) => {
            let shapes: Vec<String> = weights
                .iter()
                .take(2)
                .map(|w| text::shape(&w.shape))
                .collect();
            format!("{} · {total}", shapes.join(" + "))
        }
    }
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

fn tip(title: &str, lines: &[String], node: &Node, weights: &[&Weight]) -> String {
    let mut all = vec![title.to_owned()];
    all.extend(lines.iter().cloned());
    if !node.types.is_empty() {
        all.push(format!("→ {}", node.types.join(", ")));
    }
    let shown = if node.kind == Kind::Module {
        0
    } else {
        weights.len()
    };
    all.extend(weights.iter().take(shown).map(|weight| {
        let trained = if weight.trainable {
            ""
        } else {
            ", not trainable"
        };
        format!(
            "{}: {} {}{trained}",
            weight.name,
            weight.dtype,
            text::shape(&weight.shape)
        )
    }));
    all.extend(node.nodes.iter().cloned());
    all.join("\n")
}

/// A text that fits on a box.
pub fn short(text: &str) -> String {
    match text.chars().count() > MAX_CHARS {
        true => text.chars().take(MAX_CHARS - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
