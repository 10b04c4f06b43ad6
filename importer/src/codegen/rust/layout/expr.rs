//! Expressions, one rule per kind.

use super::super::expr::{Expr, Kind};
use super::list::{Items, List};
use super::shape::{
    Shape, TAB, UNBOUNDED, first_line, if_fits, is_one_line, last_line, newline, width,
};
use super::{Layout, line};

impl Layout<'_> {
    /// An expression by itself; one that cannot keep to the page is let run over.
    pub fn at_any_width(self, expr: &Expr, indent: usize) -> String {
        let unbounded = Shape::at(indent, UNBOUNDED);
        self.expr(expr, line(indent))
            .or_else(|| self.expr(expr, unbounded))
            .unwrap_or_default()
    }

    pub fn expr(self, expr: &Expr, shape: Shape) -> Option<String> {
        match &*expr.0 {
            Kind::Str(text) => return Some(text.clone()),
            Kind::Path(text) | Kind::Literal(text) => {
                return (width(text) <= shape.width).then(|| text.clone());
            }
            _ => {}
        }
        let key = (
            &raw const *expr.0,
            shape,
            self.unbroken_chains,
            self.in_macro,
        );
        if let Some(known) = self.memory.borrow().get(&key) {
            return known.clone();
        }
        let text = self.compound(expr, shape);
        self.memory.borrow_mut().insert(key, text.clone());
        text
    }

    fn compound(self, expr: &Expr, shape: Shape) -> Option<String> {
        match &*expr.0 {
            Kind::Path(text) | Kind::Str(text) | Kind::Literal(text) => Some(text.clone()),
            Kind::Paren(inner) => self.paren(inner, shape),
            Kind::Method { .. } | Kind::Field(..) | Kind::Try(_) => self.chain(expr, shape),
            Kind::Call(callee, args) => {
                let callee = self.expr(callee, shape)?;
                self.arguments(&callee, args, shape)
            }
            Kind::Prefix(sign, inner) => self.prefixed(sign, inner, shape),
            Kind::Infix(..) => self.infix(expr, shape),
            Kind::Cast(value, ty) => self.cast(value, ty, shape),
            Kind::Assign(sign, target, value) => {
                let target = self.expr(target, shape.less(width(sign) + 1)?)?;
                self.right_side(&format!("{target} {sign}"), value, shape)
            }
            Kind::Array(items) => List::array(self, "", Items::Exprs(items)).print(shape),
            Kind::Repeat(item, count) => self.repeat(item, count, shape),
            Kind::Tuple(items) => List::tuple(self, Items::Exprs(items)).print(shape),
            Kind::Index(value, index) => self.index(value, index, shape),
            Kind::Range(start, dots, end) => self.range(start.as_ref(), dots, end.as_ref(), shape),
            Kind::Struct(literal) => self.struct_literal(literal, shape),
            Kind::Vec(items) => List::array(self, "vec!", Items::Exprs(items)).print(shape),
            Kind::VecRepeat(item, count) => self.vec_repeat(item, count, shape),
            Kind::Macro(name, args) => {
                let inside = Layout {
                    in_macro: true,
                    ..self
                };
                List::macro_call(inside, name, Items::Exprs(args)).print(shape)
            }
            Kind::Closure(closure) => self.closure(closure, shape),
            Kind::Match(value, arms) => self.match_(value, arms, shape),
            Kind::If(_) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) => {
                self.control(expr, true, shape)
            }
            Kind::Block(block) => self.block_value(block, shape),
            Kind::Jump(keyword, None) => Some(keyword.to_string()),
            Kind::Jump(keyword, Some(value)) => self.prefixed(&format!("{keyword} "), value, shape),
        }
    }

    pub fn arguments(self, callee: &str, args: &[Expr], shape: Shape) -> Option<String> {
        List::call(self, callee, Items::Exprs(args)).print(shape)
    }

    fn paren(self, inner: &Expr, shape: Shape) -> Option<String> {
        let inner = self.expr(inner, shape.after(1)?.less(1)?)?;
        Some(format!("({inner})"))
    }

    fn prefixed(self, sign: &str, inner: &Expr, shape: Shape) -> Option<String> {
        let inner = self.expr(inner, shape.after(width(sign))?)?;
        Some(format!("{sign}{inner}"))
    }

    fn index(self, value: &Expr, index: &Expr, shape: Shape) -> Option<String> {
        let value = self.expr(value, shape)?;
        let offset = width(last_line(&value)) + 1;
        let beside = if is_one_line(&value) {
            shape.after(offset).and_then(|s| s.less(1))
        } else {
            let page = Shape {
                width: shape.max,
                offset: 0,
                ..shape
            };
            page.after(offset)
                .and_then(|s| s.less(1 + shape.overhead()))
        };
        let beside = beside.and_then(|s| self.expr(index, s));
        if let Some(index) = beside.as_ref().filter(|index| is_one_line(index)) {
            return Some(format!("{value}[{index}]"));
        }
        let below = Shape::at(shape.indent + TAB, shape.max);
        let indent = newline(below.indent);
        let below = self.expr(index, below.after(1)?.less(1 + shape.overhead())?);
        match (beside, below) {
            (_, Some(index)) if is_one_line(&index) => Some(format!("{value}{indent}[{index}]")),
            (None, Some(index)) => Some(format!("{value}{indent}[{index}]")),
            (Some(index), _) => Some(format!("{value}[{index}]")),
            (None, None) => None,
        }
    }

    fn range(
        self,
        start: Option<&Expr>,
        dots: &str,
        end: Option<&Expr>,
        shape: Shape,
    ) -> Option<String> {
        match (start, end) {
            (Some(start), Some(end)) => self.pair(start, end, dots, shape),
            (None, Some(end)) => self.prefixed(dots, end, shape),
            (Some(start), None) => Some(self.expr(start, shape.less(width(dots))?)? + dots),
            (None, None) => Some(dots.to_string()),
        }
    }

    fn vec_repeat(self, item: &Expr, count: &Expr, shape: Shape) -> Option<String> {
        let inside = Layout {
            in_macro: true,
            ..self
        };
        let nested = shape.after("vec!".len())?.indented(TAB);
        let part = |part: &Expr| {
            inside
                .expr(part, nested)
                .or_else(|| inside.expr(part, nested.widened()))
        };
        let (item, count) = (part(item)?, part(count)?);
        let brackets = "vec![; ]".len();
        if is_one_line(&item)
            && is_one_line(&count)
            && item.len() + count.len() + brackets <= shape.width
        {
            return Some(format!("vec![{item}; {count}]"));
        }
        let (line, end) = (nested.newline(), shape.newline());
        Some(format!("vec![{line}{item};{line}{count}{end}]"))
    }

    fn cast(self, value: &Expr, ty: &str, shape: Shape) -> Option<String> {
        let room = Shape {
            width: shape.max.saturating_sub(shape.used()),
            ..shape
        };
        let value = self.expr(value, room)?;
        let column = width(last_line(&value)) + " as ".len();
        if shape.after(column).is_some() && column + width(ty) <= shape.width {
            return Some(format!("{value} as {ty}"));
        }
        let below = Shape::at(shape.indent + TAB, shape.max).less(shape.overhead())?;
        below.less("as ".len() + width(ty))?;
        Some(format!("{value}{}as {ty}", below.newline()))
    }

    fn repeat(self, item: &Expr, count: &Expr, shape: Shape) -> Option<String> {
        let room = Shape {
            width: shape.max.saturating_sub(shape.used() + "[;".len()),
            ..shape
        };
        let item = format!("[{}", self.expr(item, room)?);
        let beside = shape
            .after(width(last_line(&item)) + 2)
            .and_then(|s| s.less(1));
        if let Some(count) = beside.and_then(|s| self.expr(count, s)) {
            let text = format!("{item}; {count}]");
            let column = width(last_line(&item)) + 3 + width(first_line(&count));
            let may_break = width(&item) <= TAB || first_line(&count).ends_with('{');
            if (is_one_line(&count) || may_break) && column <= shape.width {
                return Some(text);
            }
        }
        let below = Shape::at(shape.indent + TAB, shape.max).less(shape.overhead())?;
        let count = self.expr(count, below)?;
        Some(format!("{item};{}{count}]", below.newline()))
    }

    /// The text, where it keeps to the shape.
    pub fn checked(self, text: String, shape: Shape) -> Option<String> {
        if_fits(text, shape)
    }
}
