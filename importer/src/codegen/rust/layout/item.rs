//! Items: structs, functions, `impl` blocks and whole files.

use super::super::expr::Expr;
use super::super::item::{File, Function, Item, ItemKind, Member};
use super::arrange::TrailingComma;
use super::block::comment_lines;
use super::list::{Items, List};
use super::shape::{MAX_WIDTH, Shape, TAB, UNBOUNDED, newline};
use super::uses::uses;
use super::{line, with_layout};

/// The widest arguments of an attribute on one line.
const ATTRIBUTE_WIDTH: usize = 70;

/// A file ends in a line break.
pub(super) fn file(file: &File) -> String {
    let docs = documentation("//!", &file.docs, 0);
    let attributes: Vec<String> = file
        .attributes
        .iter()
        .map(|text| attribute("#!", text, 0))
        .collect();
    let head = [docs, attributes.join("\n")];
    let parts = head.into_iter().filter(|part| !part.is_empty());
    let parts: Vec<String> = parts
        .chain((!file.items.is_empty()).then(|| items(&file.items, 0)))
        .collect();
    parts.join("\n\n") + "\n"
}

/// Items with a blank line between them; constants and comments stay close to what follows.
fn items(items: &[Item], indent: usize) -> String {
    let mut text = String::new();
    for (position, current) in items.iter().enumerate() {
        if position > 0 {
            text += if stays_close(&items[position - 1], current) {
                ""
            } else {
                "\n"
            };
            text += &newline(indent);
        }
        text += &item(current, indent);
    }
    text
}

fn stays_close(previous: &Item, current: &Item) -> bool {
    let is_plain_constant =
        |item: &Item| matches!(item.kind, ItemKind::Const { .. }) && item.docs.is_empty();
    matches!(previous.kind, ItemKind::Comment(_))
        || (is_plain_constant(previous) && is_plain_constant(current))
}

pub(super) fn item(item: &Item, indent: usize) -> String {
    let text = match &item.kind {
        ItemKind::Uses(paths) => uses(paths, indent),
        ItemKind::Struct { header, fields } => members(header, fields, indent),
        ItemKind::Enum { header, variants } => members(header, variants, indent),
        ItemKind::Braced {
            header,
            items: inner,
        } if inner.is_empty() => format!("{header} {{}}"),
        ItemKind::Braced {
            header,
            items: inner,
        } => {
            let inside = items(inner, indent + TAB);
            format!(
                "{header} {{{}{inside}{}}}",
                newline(indent + TAB),
                newline(indent)
            )
        }
        ItemKind::Fn(inner) => function(inner, indent),
        ItemKind::Const { header, value } => constant(header, value, indent),
        ItemKind::Comment(text) => comment_lines("//", text, indent),
        ItemKind::Verbatim(text) => text.trim_end().to_string(),
    };
    under(&item.docs, &item.attributes, text, indent)
}

/// The text under its documentation and attributes.
fn under(docs: &[String], attributes: &[String], text: String, indent: usize) -> String {
    let docs = (!docs.is_empty()).then(|| documentation("///", docs, indent));
    let attributes = attributes.iter().map(|text| attribute("#", text, indent));
    docs.into_iter()
        .chain(attributes)
        .chain([text])
        .collect::<Vec<_>>()
        .join(&newline(indent))
}

pub(super) fn documentation(sign: &str, docs: &[String], indent: usize) -> String {
    let lines = docs.iter().map(|line| match line.is_empty() {
        true => sign.to_string(),
        false => comment_lines(sign, line, indent),
    });
    lines.collect::<Vec<_>>().join(&newline(indent))
}

/// `#[text]`, its arguments one per line where they are many.
pub(super) fn attribute(sign: &str, text: &str, indent: usize) -> String {
    let Some((path, arguments)) = text
        .split_once('(')
        .and_then(|(path, rest)| Some((path, rest.strip_suffix(')')?)))
    else {
        return format!("{sign}[{text}]");
    };
    let arguments: Vec<String> = arguments.split(", ").map(str::to_string).collect();
    let text = if path == "derive" {
        derive(sign, &arguments, indent)
    } else {
        allow(sign, path, &arguments, indent)
    };
    text.unwrap_or_else(|| format!("{sign}[{path}({})]", arguments.join(", ")))
}

/// Arguments in a row behind the path, in a row below it, or one per line.
fn derive(sign: &str, names: &[String], indent: usize) -> Option<String> {
    let open = format!("{sign}[derive(");
    let beside = line(indent)
        .after(open.len() + ")]".len())?
        .less("()]".len())?;
    let row = names.join(", ");
    // Measured with the comma that only a row of its own has.
    if row.len() < beside.width {
        return Some(format!("{open}{row})]"));
    }
    let (inner, end) = (newline(indent + TAB), newline(indent));
    let separator = if row.len() + indent + TAB <= MAX_WIDTH {
        ", ".to_string()
    } else {
        format!(",{inner}")
    };
    Some(format!("{open}{inner}{},{end})]", names.join(&separator)))
}

fn allow(sign: &str, path: &str, arguments: &[String], indent: usize) -> Option<String> {
    let room = line(indent).after(sign.len() + 1)?.less(1)?;
    let text = with_layout(|layout| {
        let list = List::call(layout, path, Items::Texts(arguments));
        List {
            trailing: TrailingComma::Never,
            item_width: ATTRIBUTE_WIDTH,
            ..list
        }
        .print(room)
    })?;
    Some(format!("{sign}[{text}]"))
}

fn members(header: &str, members: &[Member], indent: usize) -> String {
    if members.is_empty() {
        return format!("{header} {{}}");
    }
    let inner = indent + TAB;
    let lines = members.iter().map(|member| {
        newline(inner)
            + &under(
                &member.docs,
                &member.attributes,
                format!("{},", member.text),
                inner,
            )
    });
    format!(
        "{header} {{{}{}}}",
        lines.collect::<String>(),
        newline(indent)
    )
}

fn constant(header: &str, value: &Expr, indent: usize) -> String {
    let print = |room: Shape| {
        with_layout(|layout| layout.right_side(&format!("{header} ="), value, room.less(1)?))
    };
    let text = print(line(indent)).or_else(|| print(Shape::at(indent, UNBOUNDED)));
    text.unwrap_or_default() + ";"
}

fn function(function: &Function, indent: usize) -> String {
    let signature = signature(function, indent);
    let is_tight = indent + signature.len() + " {}".len() > MAX_WIDTH;
    let body = with_layout(|layout| layout.open_braces(&function.body, indent, is_tight));
    format!("{signature} {body}")
}

fn signature(function: &Function, indent: usize) -> String {
    let Function {
        header,
        params,
        output,
        ..
    } = function;
    let output = output
        .as_ref()
        .map(|ty| format!(" -> {ty}"))
        .unwrap_or_default();
    let one_line = format!("{header}({}){output}", params.join(", "));
    if params.is_empty() || indent + one_line.len() + " {".len() <= MAX_WIDTH {
        return one_line;
    }
    let line = newline(indent + TAB);
    format!(
        "{header}({line}{},{}){output}",
        params.join(&format!(",{line}")),
        newline(indent)
    )
}
