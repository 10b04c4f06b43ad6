//! Closures: the body stays on the line, or stands in a block.

use super::super::expr::{Closure, Expr, Kind};
use super::Layout;
use super::arrange::all_fit;
use super::shape::{Shape, is_one_line, last_line, line_count, newline, width};

/// The tallest block that is tried once more on one line.
const SMALL_BLOCK: usize = 7;

impl Layout<'_> {
    pub fn closure(self, closure: &Closure, shape: Shape) -> Option<String> {
        let head = self.closure_head(closure, shape)?;
        let room = shape.after(width(last_line(&head)) + 1)?;
        let Kind::Block(block) = &*closure.body.0 else {
            let text = self.closure_value(&closure.body, &head, room);
            return text.or_else(|| Some(self.closure_block(&closure.body, &head, room)));
        };
        if block.is_empty() {
            return Some(format!("{head} {{}}"));
        }
        let inner = if is_one_line(&head) {
            closure.body.innermost()
        } else {
            &closure.body
        };
        let value = if wants_block(inner) {
            Some(self.closure_block(inner, &head, shape))
        } else {
            self.closure_value(inner, &head, room)
        };
        value.or_else(|| Some(format!("{head} {}", self.block_value(block, room)?)))
    }

    fn closure_head(self, closure: &Closure, shape: Shape) -> Option<String> {
        let moves = if closure.moves { "move " } else { "" };
        let inner = shape.after(moves.len())?.less("|| {".len())?;
        let room = inner.after(1)?;
        let params: Vec<Option<String>> = closure
            .params
            .iter()
            .map(|param| self.pat(param, room))
            .collect();
        let one_line = all_fit(&params, inner.width.saturating_sub(1));
        let params: Vec<String> = params.into_iter().collect::<Option<_>>()?;
        room.less(usize::from(one_line))?;
        let separator = if one_line {
            ", ".to_string()
        } else {
            format!(",{}", newline(room.used()))
        };
        Some(format!("{moves}|{}|", params.join(&separator)))
    }

    fn closure_value(self, body: &Expr, head: &str, room: Shape) -> Option<String> {
        let text = self.expr(body, room)?;
        (is_one_line(&text) || may_break(body)).then(|| format!("{head} {text}"))
    }

    fn closure_block(self, body: &Expr, head: &str, shape: Shape) -> String {
        format!("{head} {}", self.braces_around(body, shape.indent))
    }

    /// The last argument of a call, beginning on the line of the call.
    pub fn last_closure(self, whole: &Expr, closure: &Closure, shape: Shape) -> Option<String> {
        let body = match &*closure.body.0 {
            Kind::Block(block) => block.sole_value().unwrap_or(&closure.body),
            _ => &closure.body,
        };
        let head = self
            .closure_head(closure, shape)
            .filter(|head| is_one_line(head))?;
        let room = shape.after(width(&head) + 1)?;
        if wants_block(body) {
            let text = self.closure_block(body, &head, room);
            if line_count(&text) > SMALL_BLOCK {
                return Some(text);
            }
            let on_one_line = self
                .closure_value(body, &head, shape)
                .filter(|text| is_one_line(text));
            return Some(on_one_line.unwrap_or(text));
        }
        let condition = self.condition_of(body, room);
        if condition.is_some_and(|text| !is_one_line(&text) || text.len() > room.width) {
            return Some(self.closure_block(body, &head, room));
        }
        self.expr(whole, shape)
    }
}

fn wants_block(body: &Expr) -> bool {
    match &*body.0 {
        Kind::If(_) | Kind::While(..) | Kind::For(..) | Kind::Loop(_) => true,
        Kind::Prefix(_, inner) | Kind::Try(inner) | Kind::Cast(inner, _) => wants_block(inner),
        _ => false,
    }
}

/// A body that goes over several lines without a block of the closure's own.
fn may_break(body: &Expr) -> bool {
    match &*body.0 {
        Kind::Match(..) | Kind::Block(_) | Kind::Loop(_) | Kind::Struct(_) => true,
        Kind::Prefix(_, inner) | Kind::Try(inner) | Kind::Cast(inner, _) => may_break(inner),
        _ => false,
    }
}
