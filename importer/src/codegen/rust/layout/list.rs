//! Lists in brackets: arguments, arrays, tuples. The last item may overflow: `f(a, |x| {` … `})`.

use super::super::expr::{Expr, Kind};
use super::super::pat::Pat;
use super::Layout;
use super::arrange::{Arrangement, TrailingComma, all_fit, nested, write};
use super::nature::{
    is_method_call, is_nested_call, is_simple, may_overflow, pattern_may_overflow,
};
use super::shape::{Shape, TAB, first_line, is_one_line, last_line, newline, newlines, width};

/// The widest list of arguments, or of an array's items, on one line.
const LIST_WIDTH: usize = 60;
/// The widest item of a list that is packed, several items to a line.
const SHORT_ITEM: usize = 10;

#[derive(Clone, Copy)]
pub(super) enum Items<'e> {
    Exprs(&'e [Expr]),
    Pats(&'e [Pat]),
    Texts(&'e [String]),
}

pub(super) struct List<'m, 'e> {
    pub layout: Layout<'m>,
    pub name: &'e str,
    pub items: Items<'e>,
    pub brackets: [&'static str; 2],
    pub item_width: usize,
    pub trailing: TrailingComma,
}

impl<'m, 'e> List<'m, 'e> {
    pub fn call(layout: Layout<'m>, name: &'e str, items: Items<'e>) -> Self {
        let trailing = if layout.in_macro {
            TrailingComma::Never
        } else {
            TrailingComma::WhenVertical
        };
        Self {
            layout,
            name,
            items,
            brackets: ["(", ")"],
            item_width: LIST_WIDTH,
            trailing,
        }
    }

    pub fn macro_call(layout: Layout<'m>, name: &'e str, items: Items<'e>) -> Self {
        Self {
            trailing: TrailingComma::Never,
            ..Self::call(layout, name, items)
        }
    }

    pub fn array(layout: Layout<'m>, name: &'e str, items: Items<'e>) -> Self {
        Self {
            brackets: ["[", "]"],
            ..Self::call(layout, name, items)
        }
    }

    pub fn tuple(layout: Layout<'m>, items: Items<'e>) -> Self {
        let list = Self::call(layout, "", items);
        if list.len() == 1 {
            Self {
                trailing: TrailingComma::Always,
                ..list
            }
        } else {
            list
        }
    }

    fn len(&self) -> usize {
        match self.items {
            Items::Exprs(items) => items.len(),
            Items::Pats(items) => items.len(),
            Items::Texts(items) => items.len(),
        }
    }

    fn item(&self, position: usize, shape: Shape) -> Option<String> {
        match self.items {
            Items::Exprs(items) => self.layout.expr(&items[position], shape),
            Items::Pats(items) => self.layout.pat(&items[position], shape),
            Items::Texts(items) => Some(items[position].clone()),
        }
    }

    pub fn print(&self, shape: Shape) -> Option<String> {
        let nested = nested(shape);
        let mut texts: Vec<Option<String>> = (0..self.len())
            .map(|position| self.item(position, nested))
            .collect();
        let arrangement = self.arrange(&mut texts, shape);
        let texts: Vec<String> = texts.into_iter().collect::<Option<_>>()?;
        let body = write(&texts, arrangement, self.trailing, nested);
        let name_width = width(last_line(self.name));
        let room = shape.width.saturating_sub(name_width);
        let first = if body.is_empty() {
            2
        } else {
            width(first_line(&body)) + 1
        };
        let [open, close] = self.brackets;
        let (name, end) = (self.name, newline(shape.indent));
        Some(if arrangement == Arrangement::OneLine && first <= room {
            format!("{name}{open}{body}{close}")
        } else if body.is_empty() {
            format!("{name}{open}{end}{close}")
        } else {
            format!("{name}{open}{}{body}{end}{close}", nested.newline())
        })
    }

    /// Columns between the brackets when all is on one line.
    fn one_line_width(&self, shape: Shape) -> usize {
        let name = match self.name.rfind('\n') {
            Some(end) => self.name.len().saturating_sub(end + 1 + shape.used()),
            None => self.name.len(),
        };
        shape.width.saturating_sub(name + 2)
    }

    fn arrange(&self, texts: &mut [Option<String>], shape: Shape) -> Arrangement {
        let Some(last) = texts.len().checked_sub(1) else {
            return Arrangement::OneLine;
        };
        let overflowing = self.overflowing(texts, shape);
        if let Some(text) = &overflowing {
            texts[last] = Some(first_line(text).to_string());
        }
        let one_line_width = self.one_line_width(shape);
        let fits = all_fit(texts, one_line_width.min(self.item_width));
        match overflowing {
            Some(text) if fits => {
                texts[last] = Some(self.unless_it_fits_below(text, shape));
                Arrangement::OneLine
            }
            _ => {
                texts[last] = self.item(last, nested(shape));
                self.without_overflow(texts, one_line_width, nested(shape))
            }
        }
    }

    /// The last item beginning on the line of the brackets, if it may do so.
    fn overflowing(&self, texts: &[Option<String>], shape: Shape) -> Option<String> {
        let count = texts.len();
        let snug = count == 1 && matches!(self.items, Items::Exprs(_)) && self.name.len() < TAB;
        let may_overflow = match self.items {
            Items::Exprs(items) => snug || may_overflow(items.last()?, count),
            Items::Pats(items) => {
                self.brackets[0] == "(" && pattern_may_overflow(items.last()?, count)
            }
            Items::Texts(_) => count == 1,
        };
        if !may_overflow {
            return None;
        }
        let one_line = shape
            .after(width(last_line(self.name)) + 1)
            .and_then(|s| s.less(1));
        let one_line = one_line.unwrap_or(Shape { width: 0, ..shape });
        let room = if count == 1 && !self.holds_nested_call() {
            one_line
        } else {
            let before = texts[..count - 1]
                .iter()
                .map(|text| 2 + text.as_ref().map_or(0, String::len))
                .sum();
            Shape {
                width: one_line.width.min(self.item_width),
                ..one_line
            }
            .after(before)?
        };
        match self.items {
            Items::Exprs(items) => self.overflowing_expr(items, snug, room),
            Items::Pats(_) | Items::Texts(_) => self.item(count - 1, room),
        }
    }

    fn overflowing_expr(&self, items: &[Expr], snug: bool, room: Shape) -> Option<String> {
        let last = items.last()?;
        let unbroken_chains = self.layout.unbroken_chains || (!snug && is_method_call(last));
        let layout = Layout {
            unbroken_chains,
            ..self.layout
        };
        match &*last.0 {
            _ if self.name.ends_with('!') => layout.expr(last, room),
            Kind::Closure(closure) => {
                let closures = items
                    .iter()
                    .filter(|item| matches!(*item.0, Kind::Closure(_)))
                    .count();
                if closures > 1 {
                    None
                } else {
                    layout.last_closure(last, closure, room)
                }
            }
            Kind::If(_) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) | Kind::Match(..) => {
                let broken = layout
                    .condition_of(last, room)
                    .is_some_and(|text| !is_one_line(&text));
                if broken {
                    None
                } else {
                    layout.expr(last, room)
                }
            }
            _ => layout.expr(last, room),
        }
    }

    /// An overflow of a single line break is not worth it where the item fits on a line of its own.
    fn unless_it_fits_below(&self, overflowing: String, shape: Shape) -> String {
        if self.len() > 1 || newlines(&overflowing) != 1 {
            return overflowing;
        }
        self.item(0, nested(shape))
            .filter(|text| is_one_line(text))
            .unwrap_or(overflowing)
    }

    fn without_overflow(
        &self,
        texts: &[Option<String>],
        one_line_width: usize,
        nested: Shape,
    ) -> Arrangement {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        if let [only] = texts
            && one_line_width != 0
            && is_one_line(&text(only))
            && width(&text(only)) <= one_line_width
        {
            return Arrangement::OneLine;
        }
        if all_fit(texts, one_line_width.min(self.item_width)) {
            return Arrangement::OneLine;
        }
        if let Some(before) = self.format_string() {
            let fit = |texts: &[Option<String>]| all_fit(texts, nested.width);
            let simple = texts.len() > before && self.all_simple_but(before);
            let in_rows = simple && fit(&texts[..before]) && fit(&texts[before + 1..]);
            return if in_rows {
                Arrangement::Format(before)
            } else {
                Arrangement::OnePerLine
            };
        }
        let short = texts.iter().all(|item| text(item).len() <= SHORT_ITEM);
        if short && self.all_simple_but(usize::MAX) {
            Arrangement::Packed
        } else {
            Arrangement::OnePerLine
        }
    }

    fn all_simple_but(&self, position: usize) -> bool {
        match self.items {
            Items::Exprs(items) => items
                .iter()
                .enumerate()
                .all(|(at, item)| at == position || is_simple(item)),
            Items::Pats(_) => false,
            Items::Texts(items) => items.iter().all(|item| !item.contains(['(', '='])),
        }
    }

    fn holds_nested_call(&self) -> bool {
        matches!(self.items, Items::Exprs([only]) if is_nested_call(only))
    }

    /// Where the format string is, among the arguments of a macro that takes one.
    fn format_string(&self) -> Option<usize> {
        match self.name {
            "eprint!" | "eprintln!" | "format!" | "format_args!" | "print!" | "println!"
            | "panic!" => Some(0),
            "unreachable!" | "debug!" | "error!" | "info!" | "warn!" | "trace!" => Some(0),
            "assert!" | "debug_assert!" | "write!" | "writeln!" => Some(1),
            "assert_eq!" | "assert_ne!" | "debug_assert_eq!" | "debug_assert_ne!" => Some(2),
            _ => None,
        }
    }
}
