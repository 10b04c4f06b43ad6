//! `match`: an arm's body stays behind the arrow, or stands in a block.

use super::super::expr::{Arm, Expr, Kind};
use super::Layout;
use super::rhs::is_better_below;
use super::shape::{
    Shape, TAB, ends_in_brackets, first_line, is_one_line, last_line, newline, width,
};

/// An arm up to the arrow, and how its body may be laid out.
struct ArmHead<'e> {
    text: String,
    body: &'e Expr,
    /// The body may begin behind the arrow and go on over further lines.
    extends: bool,
}

impl Layout<'_> {
    pub fn match_(self, value: &Expr, arms: &[Arm], shape: Shape) -> Option<String> {
        let page = Shape {
            width: shape.max.saturating_sub(shape.used()),
            ..shape
        }
        .after("match ".len())?;
        let value = self.expr(value, page)?;
        if arms.is_empty() {
            return Some(format!("match {value} {{}}"));
        }
        let hangs = !is_one_line(&value) || value.len() + 2 > page.width;
        let brace = if hangs && !ends_in_brackets(&value) {
            newline(shape.indent)
        } else {
            " ".into()
        };
        let nested = shape.indented(TAB).widened();
        let arms: Vec<String> = arms
            .iter()
            .map(|arm| self.arm(arm, nested))
            .collect::<Option<_>>()?;
        let (line, end) = (nested.newline(), newline(shape.indent));
        Some(format!(
            "match {value}{brace}{{{line}{}{end}}}",
            arms.join(&line)
        ))
    }

    fn arm(self, arm: &Arm, shape: Shape) -> Option<String> {
        let pattern = self.pat(&arm.pattern, shape.less(" => {".len())?)?;
        let pattern_width = width(last_line(&pattern).trim());
        let guard = match &arm.guard {
            Some(guard) => self.guard(
                guard,
                shape,
                pattern_width,
                !is_one_line(&pattern) && pattern_width > TAB,
            )?,
            None => String::new(),
        };
        let (text, guard_breaks) = (pattern + &guard, !is_one_line(&guard));
        let (extends, body) = self.flat_body(&arm.body, behind(&text, shape));
        let forbids_same_line = guard_breaks && !is_empty_block(body);
        self.arm_body(
            &ArmHead {
                text,
                body,
                extends,
            },
            shape,
            forbids_same_line,
        )
    }

    fn guard(
        self,
        guard: &Expr,
        shape: Shape,
        pattern_width: usize,
        is_tall: bool,
    ) -> Option<String> {
        let beside = shape
            .after(pattern_width + " if ".len())
            .and_then(|s| s.less(" => {".len()));
        if let Some(text) = beside
            .filter(|_| !is_tall)
            .and_then(|room| self.expr(guard, room))
            && (is_one_line(&text) || pattern_width <= TAB)
        {
            return Some(format!(" if {text}"));
        }
        let below = Shape::at(shape.indent + TAB, shape.max)
            .after("if ".len())?
            .less(" => {".len())?;
        Some(format!(
            "{}if {}",
            below.newline(),
            self.expr(guard, below)?
        ))
    }

    /// The body without a block around it that holds nothing but its value.
    fn flat_body(self, body: &Expr, room: Option<Shape>) -> (bool, &Expr) {
        let value = match &*body.0 {
            Kind::Block(block) => block
                .sole_value()
                .filter(|value| !matches!(*value.0, Kind::Macro(..) | Kind::Vec(_))),
            _ => None,
        };
        let Some(value) = value else {
            return (may_extend(body), body);
        };
        if matches!(*value.0, Kind::Block(_)) {
            return self.flat_body(value, None);
        }
        let condition = room.and_then(|room| self.condition_of(value, room));
        match condition.is_some_and(|text| !is_one_line(&text)) {
            true => (false, body),
            false => (may_extend(value), value),
        }
    }

    fn arm_body(self, head: &ArmHead<'_>, shape: Shape, forbids_same_line: bool) -> Option<String> {
        let ArmHead {
            text,
            body,
            extends,
        } = head;
        let is_block = matches!(*body.0, Kind::Block(_));
        let comma = if is_block { "" } else { "," };
        let room = behind(text, shape).and_then(|room| room.less(comma.len()));
        let beside = room
            .filter(|_| !forbids_same_line)
            .and_then(|room| self.statement_value(body, room));
        let same_line = |value: &str| format!("{text} => {value}{comma}");
        let budget = room.map_or(0, |room| room.width);
        if let Some(value) = &beside
            && (is_block || (is_one_line(value) && width(value) <= budget))
        {
            return Some(same_line(value));
        }
        let indent = if is_block && !is_empty_block(body) {
            shape.indent
        } else {
            shape.indent + TAB
        };
        let below = self.statement_value(body, Shape::at(indent, shape.max));
        let next_line = |value: &str| self.arm_block(head, value, indent, shape, forbids_same_line);
        match (&beside, &below) {
            (Some(value), Some(lower)) if is_better_below(value, lower) => Some(next_line(lower)),
            (Some(value), _) if *extends && width(first_line(value)) <= budget => {
                Some(same_line(value))
            }
            (Some(value), Some(lower)) if !is_one_line(value) => Some(next_line(lower)),
            (Some(value), _) => Some(same_line(value)),
            (None, Some(lower)) => Some(next_line(lower)),
            (None, None) => None,
        }
    }

    fn arm_block(
        self,
        head: &ArmHead<'_>,
        value: &str,
        indent: usize,
        shape: Shape,
        on_next_line: bool,
    ) -> String {
        let (text, line, end) = (&head.text, newline(indent), newline(shape.indent));
        if matches!(*head.body.0, Kind::Block(_)) {
            return format!("{text} =>{line}{value}");
        }
        let semicolon = if matches!(*head.body.0, Kind::Jump(..)) {
            ";"
        } else {
            ""
        };
        let open = if on_next_line {
            end.clone()
        } else {
            " ".into()
        };
        format!("{text} =>{open}{{{line}{value}{semicolon}{end}}}")
    }

    /// An arm's body is laid out as a statement: a block opens, an `if` never stands on one line.
    fn statement_value(self, body: &Expr, room: Shape) -> Option<String> {
        match &*body.0 {
            Kind::Block(block) => Some(self.open_braces(block, room.indent, room.width < 2)),
            Kind::If(_) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) => {
                self.control(body, false, room)
            }
            Kind::Jump(..) => self.expr(body, room.less(1)?),
            _ => self.expr(body, room),
        }
    }
}

/// The room behind the arrow.
fn behind(text: &str, shape: Shape) -> Option<Shape> {
    let column = match text.rfind('\n') {
        Some(end) => text.len().saturating_sub(end + 1 + shape.used()),
        None => text.len(),
    };
    shape.after(column + " => ".len())
}

fn is_empty_block(body: &Expr) -> bool {
    matches!(&*body.0, Kind::Block(block) if block.is_empty())
}

/// A body that may begin behind the arrow and end further down.
fn may_extend(body: &Expr) -> bool {
    match &*body.0 {
        Kind::Loop(_) | Kind::Match(..) | Kind::Block(_) | Kind::Closure(_) | Kind::Array(_) => {
            true
        }
        Kind::Call(..)
        | Kind::Method { .. }
        | Kind::Macro(..)
        | Kind::Vec(_)
        | Kind::VecRepeat(..) => true,
        Kind::Struct(_) | Kind::Tuple(_) => true,
        Kind::Prefix(_, inner)
        | Kind::Try(inner)
        | Kind::Index(inner, _)
        | Kind::Cast(inner, _) => may_extend(inner),
        Kind::If(_)
        | Kind::For(..)
        | Kind::While(..)
        | Kind::Path(_)
        | Kind::Literal(_)
        | Kind::Str(_) => false,
        Kind::Paren(_)
        | Kind::Field(..)
        | Kind::Infix(..)
        | Kind::Assign(..)
        | Kind::Repeat(..) => false,
        Kind::Range(..) | Kind::Jump(..) => false,
    }
}
