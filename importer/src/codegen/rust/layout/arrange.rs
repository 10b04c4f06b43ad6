//! Items in a row, one per line, or packed.

use super::shape::{Shape, TAB, is_one_line, width};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum TrailingComma {
    WhenVertical,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arrangement {
    OneLine,
    OnePerLine,
    Packed,
    /// The leading arguments on one line, the format string on the next, then its arguments.
    Format(usize),
}

/// The room of an item on a line of its own.
pub(super) fn nested(shape: Shape) -> Shape {
    let room = shape.indented(TAB).widened();
    Shape {
        width: room.width.saturating_sub(1),
        ..room
    }
}

/// Everything on one line keeps to the width.
pub(super) fn all_fit(texts: &[Option<String>], limit: usize) -> bool {
    let total: usize = texts.iter().flatten().map(|text| width(text)).sum();
    let separators = 2 * texts.len().saturating_sub(1);
    total + separators <= limit && texts.iter().flatten().all(|text| is_one_line(text))
}

pub(super) fn write(
    texts: &[String],
    arrangement: Arrangement,
    trailing: TrailingComma,
    nested: Shape,
) -> String {
    let line = nested.newline();
    match arrangement {
        Arrangement::OneLine if trailing == TrailingComma::Always => texts.join(", ") + ",",
        Arrangement::OneLine => texts.join(", "),
        Arrangement::OnePerLine => {
            let end = if trailing == TrailingComma::Never {
                ""
            } else {
                ","
            };
            texts.join(&format!(",{line}")) + end
        }
        Arrangement::Packed => packed(texts, trailing != TrailingComma::Never, nested),
        Arrangement::Format(before) => {
            let (front, back) = texts.split_at(before);
            let (string, values) = back.split_at(1);
            let rows = [front.join(", "), string.join(""), values.join(", ")];
            rows.into_iter()
                .filter(|row| !row.is_empty())
                .collect::<Vec<_>>()
                .join(&format!(",{line}"))
        }
    }
}

/// As many items to a line as fit.
fn packed(texts: &[String], trailing_comma: bool, nested: Shape) -> String {
    let (mut body, mut column, mut wrapped) = (String::new(), 0, false);
    for (position, text) in texts.iter().enumerate() {
        let is_last = position + 1 == texts.len();
        let taken = width(text) + usize::from(!is_last || wrapped);
        if column > 0 && column + 1 + taken > nested.width {
            body += &nested.newline();
            (column, wrapped) = (0, true);
        } else if column > 0 {
            body.push(' ');
            column += 1;
        }
        column += taken;
        body += text;
        if !is_last || trailing_comma {
            body.push(',');
        }
    }
    body
}
