//! Patterns.

use super::super::pat::{Pat, PatKind};
use super::Layout;
use super::arrange::TrailingComma;
use super::list::{Items, List};
use super::shape::{Shape, is_one_line, width};
use super::structs::{in_struct_braces, struct_fields, struct_rooms};

/// The widest alternative of a pattern whose alternatives share lines.
const SHORT_PATTERN: usize = 20;

impl Layout<'_> {
    pub fn pat(self, pat: &Pat, shape: Shape) -> Option<String> {
        match &pat.0 {
            PatKind::Text(text) if !text.contains("::") => Some(text.clone()),
            PatKind::Text(path) => (width(path) <= shape.width).then(|| path.clone()),
            PatKind::Ref(inner) => Some(format!("&{}", self.pat(inner, shape.after(1)?)?)),
            PatKind::Tuple(items) if items.is_empty() => Some("()".into()),
            PatKind::Variant(path, items) if items.is_empty() => Some(format!("{path}()")),
            PatKind::Tuple(items) => self.tuple_pattern("", items, shape),
            PatKind::Variant(path, items) => self.tuple_pattern(path, items, shape),
            PatKind::Slice(items) => {
                let trailing = TrailingComma::WhenVertical;
                List {
                    trailing,
                    ..List::array(self, "", Items::Pats(items))
                }
                .print(shape)
            }
            PatKind::Struct { path, fields, rest } => {
                self.struct_pattern(path, fields, *rest, shape)
            }
            PatKind::Or(items) => self.alternatives(items, shape),
        }
    }

    fn tuple_pattern(self, path: &str, items: &[Pat], shape: Shape) -> Option<String> {
        shape.less(path.len())?;
        let lone = path.is_empty() && items.len() == 1 && items[0] != Pat::from("..");
        let trailing = if lone {
            TrailingComma::Always
        } else {
            TrailingComma::WhenVertical
        };
        List {
            trailing,
            item_width: shape.max,
            ..List::call(self, path, Items::Pats(items))
        }
        .print(shape)
    }

    fn struct_pattern(
        self,
        path: &str,
        fields: &[(String, Option<Pat>)],
        rest: bool,
        shape: Shape,
    ) -> Option<String> {
        shape.less(path.len() + " {".len())?;
        if fields.is_empty() {
            return Some(format!("{path} {{{}}}", if rest { " .. " } else { "" }));
        }
        let dots = if rest { ", ..".len() } else { 0 };
        let (room, nested) = struct_rooms(shape, path, dots + 2);
        let texts = fields.iter().map(|(name, pat)| match pat {
            None => Some(name.clone()),
            Some(pat) => Some(format!("{name}: {}", self.pat(pat, nested)?)),
        });
        let mut text = struct_fields(texts.collect(), TrailingComma::WhenVertical, room, nested)?;
        if rest {
            let one_line = is_one_line(&text) && text.len() <= room.unwrap_or(0);
            let separator = if one_line {
                ", ".to_string()
            } else {
                nested.newline()
            };
            text = text + &separator + "..";
        }
        Some(in_struct_braces(path, &text, room, shape, nested))
    }

    fn alternatives(self, items: &[Pat], shape: Shape) -> Option<String> {
        let texts: Vec<String> = items
            .iter()
            .map(|item| self.pat(item, shape))
            .collect::<Option<_>>()?;
        let short = items
            .iter()
            .zip(&texts)
            .all(|(item, text)| text.len() <= SHORT_PATTERN && is_short(item));
        let total: usize = texts
            .iter()
            .map(|text| width(text) + 3)
            .sum::<usize>()
            .saturating_sub(3);
        let separator = if short {
            return Some(packed_alternatives(&texts, shape));
        } else if total <= shape.width && texts.iter().all(|text| is_one_line(text)) {
            " | ".to_string()
        } else {
            format!("{}| ", shape.newline())
        };
        Some(texts.join(&separator))
    }
}

/// As many alternatives to a line as fit.
fn packed_alternatives(texts: &[String], shape: Shape) -> String {
    let (mut body, mut column) = (String::new(), 0);
    for (position, text) in texts.iter().enumerate() {
        let sign = if position == 0 { "" } else { "| " };
        let taken = width(text) + if position == 0 { 0 } else { " |".len() };
        if column > 0 && column + 1 + taken > shape.width {
            body += &shape.newline();
            column = 0;
        } else if column > 0 {
            body.push(' ');
            column += 1;
        }
        column += taken;
        body += sign;
        body += text;
    }
    body
}

fn is_short(pat: &Pat) -> bool {
    match &pat.0 {
        PatKind::Text(text) => !text.contains("::") && !text.contains(".."),
        PatKind::Ref(inner) => is_short(inner),
        PatKind::Tuple(items) => items.len() <= 1,
        PatKind::Variant(path, items) => !path.contains("::") && items.len() <= 1,
        PatKind::Slice(_) | PatKind::Struct { .. } => false,
        PatKind::Or(items) => items.iter().all(is_short),
    }
}
