//! A picture in Graphviz's language.

use std::fmt::Write;

use super::caption::caption;
use super::model::{Edge, Kind, Method, Picture};
use super::unfold::{Group, unfold};

/// The picture as a digraph, with a cluster for each unfolded module.
pub fn dot(picture: &Picture) -> String {
    let sheet = unfold(picture);
    let mut out = format!("digraph {} {{\n", quoted(&picture.name));
    out.push_str("  rankdir = TB;\n  node [shape = box, style = \"rounded,filled\", fillcolor = white, fontsize = 10];\n");
    out.push_str("  edge [fontsize = 9];\n");
    for (index, group) in sheet.panels.iter().enumerate() {
        let (module, method) = group.drawing(picture);
        let title = match module.methods.len() {
            1 if group.module > 0 => module.name.clone(),
            _ => format!("{}.{}", module.name, method.name),
        };
        cluster(&mut out, picture, group, &format!("p{index}"), &title, 1);
    }
    if sheet.left_out > 0 {
        let text = format!("{} more modules found no place", sheet.left_out);
        let _ = writeln!(
            out,
            "  left_out [shape = plaintext, label = {}];",
            quoted(&text)
        );
    }
    out.push_str("}\n");
    out
}

fn cluster(
    out: &mut String,
    picture: &Picture,
    group: &Group,
    id: &str,
    title: &str,
    depth: usize,
) {
    let indent = "  ".repeat(depth);
    let (module, method) = group.drawing(picture);
    let _ = writeln!(out, "{indent}subgraph cluster_{id} {{");
    let _ = writeln!(out, "{indent}  label = {};", quoted(title));
    for (index, node) in method.boxes.iter().enumerate() {
        let own = format!("{id}_{index}");
        let caption = caption(picture, module, node);
        match group.inside.get(&index) {
            Some(inside) => cluster(out, picture, inside, &own, &caption.title, depth + 1),
            None => {
                let mut lines = vec![caption.title];
                lines.extend(caption.lines);
                let label = quoted(&lines.join("\n"));
                let _ = writeln!(
                    out,
                    "{indent}  n{own} [label = {label}{}];",
                    look(node.kind)
                );
            }
        }
    }
    method
        .edges
        .iter()
        .for_each(|edge| draw_edge(out, picture, group, id, edge, &indent));
    let _ = writeln!(out, "{indent}}}");
}

fn draw_edge(
    out: &mut String,
    picture: &Picture,
    group: &Group,
    id: &str,
    edge: &Edge,
    indent: &str,
) {
    let method = group.drawing(picture).1;
    let from = end(picture, group, id, edge.from, Kind::Result, edge.result);
    let to = end(picture, group, id, edge.to, Kind::Argument, edge.operand);
    let ty = method.boxes[edge.from].types.get(edge.result);
    let label = ty.map_or_else(String::new, |ty| format!(" [label = {}]", quoted(ty)));
    let _ = writeln!(out, "{indent}  {from} -> {to}{label};");
}

/// The node at the end of an edge: of an unfolded module, its n-th argument or result.
fn end(
    picture: &Picture,
    group: &Group,
    id: &str,
    index: usize,
    kind: Kind,
    place: usize,
) -> String {
    let mut name = format!("n{id}_{index}");
    let Some(inside) = group.inside.get(&index) else {
        return name;
    };
    let inner: &Method = inside.drawing(picture).1;
    let of_kind = |(_, node): &(usize, &super::model::Node)| node.kind == kind;
    if let Some((port, _)) = inner.boxes.iter().enumerate().filter(of_kind).nth(place) {
        let _ = write!(name, "_{port}");
    }
    name
}

fn look(kind: Kind) -> &'static str {
    match kind {
        Kind::Argument | Kind::Result => ", fillcolor = \"#e4f3e8\"",
        Kind::Op => "",
        Kind::Unsupported => ", fillcolor = \"#fde4e2\", color = red, penwidth = 2",
        Kind::Layer => ", fillcolor = \"#fdf0dc\"",
        Kind::Module => ", fillcolor = \"#e3ecfd\", peripheries = 2",
        Kind::Weight => ", fillcolor = \"#f3e9fb\"",
    }
}

/// A quoted string: Graphviz knows no escapes in it but of the quote, of line ends and of the backslash.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
