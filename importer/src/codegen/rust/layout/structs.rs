//! Struct literals, and what struct patterns share with them.

use super::super::expr::{Expr, StructExpr};
use super::Layout;
use super::arrange::{Arrangement, TrailingComma, all_fit, write};
use super::shape::{Shape, TAB, is_one_line, newline};

/// The widest fields of a struct on one line.
const STRUCT_WIDTH: usize = 18;

/// The room between the braces, on one line and on lines of their own.
pub(super) fn struct_rooms(shape: Shape, path: &str, suffix: usize) -> (Option<usize>, Shape) {
    let room = shape.width.checked_sub(path.len() + 3 + suffix);
    (
        room.map(|room| room.min(STRUCT_WIDTH)),
        shape.indented(TAB).widened(),
    )
}

/// One line or one field per line, and the fields so arranged.
pub(super) fn struct_fields(
    texts: Vec<Option<String>>,
    trailing: TrailingComma,
    room: Option<usize>,
    nested: Shape,
) -> Option<String> {
    let one_line = room.is_some_and(|room| all_fit(&texts, room));
    let arrangement = if one_line {
        Arrangement::OneLine
    } else {
        Arrangement::OnePerLine
    };
    let texts: Vec<String> = texts.into_iter().collect::<Option<_>>()?;
    Some(write(&texts, arrangement, trailing, nested))
}

/// `path { fields }`
pub(super) fn in_struct_braces(
    path: &str,
    fields: &str,
    room: Option<usize>,
    shape: Shape,
    nested: Shape,
) -> String {
    if is_one_line(fields) && fields.len() <= room.unwrap_or(0) {
        format!("{path} {{ {fields} }}")
    } else {
        format!(
            "{path} {{{}{fields}{}}}",
            nested.newline(),
            newline(shape.indent)
        )
    }
}

impl Layout<'_> {
    pub fn struct_literal(self, literal: &StructExpr, shape: Shape) -> Option<String> {
        let StructExpr { path, fields, base } = literal;
        shape.less(path.len() + " {".len())?;
        if fields.is_empty() && base.is_none() {
            return Some(format!("{path} {{}}"));
        }
        let (room, nested) = struct_rooms(shape, path, 2);
        let field_room = nested.less(1)?;
        let mut texts: Vec<Option<String>> = fields
            .iter()
            .map(|(name, value)| self.struct_field(name, value.as_ref(), field_room))
            .collect();
        if let Some(base) = base {
            texts.push(
                self.expr(base, nested.after("..".len())?)
                    .map(|base| format!("..{base}")),
            );
        }
        let keep_open = base.is_some() || self.in_macro;
        let trailing = if keep_open {
            TrailingComma::Never
        } else {
            TrailingComma::WhenVertical
        };
        let fields = struct_fields(texts, trailing, room, nested)?;
        Some(in_struct_braces(path, &fields, room, shape, nested))
    }

    fn struct_field(self, name: &str, value: Option<&Expr>, shape: Shape) -> Option<String> {
        let Some(value) = value else {
            return Some(name.to_string());
        };
        if let Some(value) = self.expr(value, shape.after(name.len() + 2)?) {
            return Some(format!("{name}: {value}"));
        }
        let below = Shape::at(shape.indent + TAB, shape.max);
        Some(format!(
            "{name}:{}{}",
            below.newline(),
            self.expr(value, below)?
        ))
    }
}
