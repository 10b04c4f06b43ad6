//! What kinds of expressions allow which layouts.

use super::super::expr::{Expr, Kind};
use super::super::pat::{Pat, PatKind};

/// As the last of `count` items, may begin on the line of the brackets and end further down.
pub(super) fn may_overflow(expr: &Expr, count: usize) -> bool {
    match &*expr.0 {
        Kind::Block(_) | Kind::Closure(_) => true,
        Kind::Match(..) | Kind::If(_) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) => {
            count == 1
        }
        Kind::Array(_) | Kind::Struct(_) | Kind::Vec(_) | Kind::VecRepeat(..) | Kind::Macro(..) => {
            count == 1
        }
        Kind::Call(..) | Kind::Method { .. } | Kind::Tuple(_) => count == 1,
        Kind::Prefix(_, inner) | Kind::Try(inner) | Kind::Cast(inner, _) => {
            may_overflow(inner, count)
        }
        Kind::Path(_)
        | Kind::Literal(_)
        | Kind::Str(_)
        | Kind::Paren(_)
        | Kind::Field(..)
        | Kind::Infix(..) => false,
        Kind::Assign(..)
        | Kind::Repeat(..)
        | Kind::Index(..)
        | Kind::Range(..)
        | Kind::Jump(..) => false,
    }
}

/// [`may_overflow`] for patterns.
pub(super) fn pattern_may_overflow(pat: &Pat, count: usize) -> bool {
    match &pat.0 {
        PatKind::Tuple(_) | PatKind::Struct { .. } | PatKind::Variant(..) => count == 1,
        PatKind::Ref(inner) => pattern_may_overflow(inner, count),
        PatKind::Text(_) | PatKind::Slice(_) | PatKind::Or(_) => false,
    }
}

/// A call, with what may stand before or behind it.
pub(super) fn is_nested_call(expr: &Expr) -> bool {
    match &*expr.0 {
        Kind::Call(..) | Kind::Macro(..) | Kind::Vec(_) | Kind::VecRepeat(..) => true,
        Kind::Prefix(_, inner) | Kind::Try(inner) | Kind::Cast(inner, _) => is_nested_call(inner),
        _ => false,
    }
}

/// A method call, with what may stand before or behind it.
pub(super) fn is_method_call(expr: &Expr) -> bool {
    match &*expr.0 {
        Kind::Method { .. } => true,
        Kind::Prefix(_, inner) | Kind::Try(inner) | Kind::Cast(inner, _) => is_method_call(inner),
        _ => false,
    }
}

/// Literals and single names, with what may stand before or behind them.
pub(super) fn is_simple(expr: &Expr) -> bool {
    match &*expr.0 {
        Kind::Literal(_) | Kind::Str(_) => true,
        Kind::Path(path) => !path.contains("::"),
        Kind::Prefix(_, inner)
        | Kind::Try(inner)
        | Kind::Cast(inner, _)
        | Kind::Field(inner, _) => is_simple(inner),
        Kind::Index(a, b) | Kind::Repeat(a, b) => is_simple(a) && is_simple(b),
        _ => false,
    }
}

/// The expression, printed as this text of several lines, ends in a line of closing brackets.
pub(super) fn ends_as_block(expr: &Expr, text: &str) -> bool {
    match &*expr.0 {
        Kind::Macro(..)
        | Kind::Vec(_)
        | Kind::VecRepeat(..)
        | Kind::Call(..)
        | Kind::Method { .. } => true,
        Kind::Array(_) | Kind::Struct(_) | Kind::If(_) | Kind::Match(..) | Kind::For(..) => true,
        Kind::While(..) | Kind::Loop(_) | Kind::Block(_) => true,
        Kind::Paren(inner) | Kind::Infix(_, _, inner) | Kind::Index(_, inner) => {
            ends_as_block(inner, text)
        }
        Kind::Prefix(sign, inner) => !sign.starts_with('&') && ends_as_block(inner, text),
        Kind::Try(inner) => ends_as_block(inner, text),
        // A body that goes over several lines stands in a block.
        Kind::Closure(_) => text.trim_end_matches(')').ends_with('}'),
        Kind::Path(_) | Kind::Literal(_) | Kind::Str(_) | Kind::Field(..) | Kind::Cast(..) => false,
        Kind::Assign(..) | Kind::Repeat(..) | Kind::Tuple(_) | Kind::Range(..) | Kind::Jump(..) => {
            false
        }
    }
}
