//! The right side of `=`, `in` and the like: behind the sign, or below it.

use super::super::expr::Expr;
use super::Layout;
use super::shape::{
    Shape, TAB, first_line, fits, is_one_line, last_line, newline, newlines, width,
};

impl Layout<'_> {
    /// `left value`, where `left` is everything up to the sign.
    pub fn right_side(self, left: &str, value: &Expr, shape: Shape) -> Option<String> {
        let indentation = if is_one_line(left) { 0 } else { shape.indent };
        let column = width(last_line(left)).saturating_sub(indentation) + 1;
        let beside = shape.after(column).unwrap_or(Shape {
            width: 0,
            offset: shape.offset + column,
            ..shape
        });
        let text = self.expr(value, beside);
        if let Some(text) = text
            .as_ref()
            .filter(|text| is_one_line(text) && width(text) <= beside.width)
        {
            return Some(format!("{left} {text}"));
        }
        let below = Shape::at(shape.indent + TAB, shape.max).less(beside.overhead())?;
        match (text, self.expr(value, below)) {
            (Some(text), Some(lower)) if fits(&lower, below) && is_better_below(&text, &lower) => {
                Some(format!("{left}{}{lower}", newline(below.indent)))
            }
            (Some(text), _) => Some(format!("{left} {text}")),
            (None, Some(lower)) => Some(format!("{left}{}{lower}", newline(below.indent))),
            (None, None) => None,
        }
    }
}

pub(super) fn is_better_below(beside: &str, below: &str) -> bool {
    let opens = |text: &str, bracket: char| first_line(text).ends_with(bracket);
    is_one_line(below)
        || newlines(beside) > newlines(below) + 1
        || ['(', '{', '[']
            .iter()
            .any(|&bracket| opens(beside, bracket) && !opens(below, bracket))
}
