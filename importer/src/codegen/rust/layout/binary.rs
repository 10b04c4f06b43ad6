//! Infix operators: a run of one operator is one list.

use super::super::expr::{Expr, Kind};
use super::super::op::Op;
use super::Layout;
use super::shape::{Shape, TAB, first_line, is_one_line, last_line, width};

impl Layout<'_> {
    pub fn infix(self, expr: &Expr, shape: Shape) -> Option<String> {
        let Kind::Infix(op, left, right) = &*expr.0 else {
            return None;
        };
        let operands = run_of(expr, *op);
        self.run_on_one_line(&operands, *op, shape)
            .or_else(|| self.run_on_lines(&operands, *op, shape))
            .or_else(|| self.pair(left, right, &format!(" {} ", op.symbol()), shape))
    }

    /// The last operand may go on over further lines.
    fn run_on_one_line(self, operands: &[&Expr], op: Op, shape: Shape) -> Option<String> {
        let (last, front) = operands.split_last()?;
        let mut text = String::new();
        for (position, operand) in front.iter().enumerate() {
            let operand = self.operand(operand, op, position, shape)?;
            if !is_one_line(&operand) || text.len() > shape.width {
                return None;
            }
            text += &format!("{operand} {} ", op.symbol());
        }
        let prefix = text.len();
        let last = self.expr(last, shape.after(prefix)?)?;
        text += &last;
        let breaks_badly = !(is_one_line(&text) || last.starts_with('{'))
            && (last.starts_with('(') || prefix > TAB);
        if width(first_line(&text)) > shape.width || breaks_badly {
            return None;
        }
        self.checked(text, shape)
    }

    fn run_on_lines(self, operands: &[&Expr], op: Op, shape: Shape) -> Option<String> {
        let nested = shape.indented(TAB).widened().less(shape.overhead())?;
        let symbol = op.symbol();
        let mut text = self.operand(operands.first()?, op, 0, shape)?;
        for (position, operand) in operands.iter().enumerate().skip(1) {
            let column =
                width(last_line(&text)) + if is_one_line(&text) { shape.used() } else { 0 };
            let beside = (column <= nested.used())
                .then(|| shape.after(symbol.len() + 2 + width(last_line(&text).trim())))
                .flatten()
                .and_then(|room| self.expr(operand, room));
            text += &match beside {
                Some(operand) => format!(" {symbol} {operand}"),
                None => format!(
                    "{}{symbol} {}",
                    nested.newline(),
                    self.operand(operand, op, position, shape)?
                ),
            };
        }
        Some(text)
    }

    /// An operand at the place it has when every operand has its own line.
    fn operand(self, operand: &Expr, op: Op, position: usize, shape: Shape) -> Option<String> {
        if position == 0 {
            return self.expr(operand, shape);
        }
        let nested = shape.indented(TAB).widened().less(shape.overhead())?;
        self.expr(operand, nested.after(op.symbol().len() + 1)?)
    }

    /// Two operands, the second on the same line or below.
    pub fn pair(self, left: &Expr, right: &Expr, infix: &str, shape: Shape) -> Option<String> {
        let left = self.expr(
            left,
            Shape {
                width: shape.max.saturating_sub(shape.used()),
                ..shape
            },
        )?;
        let column = width(last_line(&left)) + infix.len();
        if let Some(right) = shape.after(column).and_then(|room| self.expr(right, room)) {
            let may_break = left.len() <= TAB || first_line(&right).ends_with('{');
            if (is_one_line(&right) || may_break)
                && column + width(first_line(&right)) <= shape.width
            {
                return Some(format!("{left}{infix}{right}"));
            }
        }
        let below = Shape::at(shape.indent + TAB, shape.max).less(shape.overhead())?;
        let infix = infix.trim_start();
        let right = self.expr(right, below.after(infix.len())?)?;
        Some(format!("{left}{}{infix}{right}", below.newline()))
    }
}

/// The operands of a run of one operator, left to right.
fn run_of(expr: &Expr, op: Op) -> Vec<&Expr> {
    let (mut operands, mut rest) = (Vec::new(), expr);
    while let Kind::Infix(inner, left, right) = &*rest.0
        && *inner == op
    {
        operands.push(right);
        rest = left;
    }
    operands.push(rest);
    operands.reverse();
    operands
}
