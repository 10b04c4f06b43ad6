//! Where parentheses are needed.

use super::expr::{Expr, Kind};
use super::op::{Level, Op};

impl Expr {
    pub(super) fn in_parens(self) -> Self {
        Self::new(Kind::Paren(self))
    }

    /// The value inside parentheses, where it stands alone.
    pub(super) fn without_parens(self) -> Self {
        match *self.0 {
            Kind::Paren(inner) => inner,
            kind => Self::new(kind),
        }
    }

    pub(super) fn at_least(self, level: Level) -> Self {
        if self.level() < level || self.is_block_like() {
            self.in_parens()
        } else {
            self
        }
    }

    fn level(&self) -> Level {
        match &*self.0 {
            Kind::Closure(_) | Kind::Jump(..) | Kind::Assign(..) => Level::Open,
            Kind::Range(..) => Level::Range,
            Kind::Infix(op, ..) => op.level(),
            Kind::Cast(..) => Level::Cast,
            Kind::Prefix(..) => Level::Prefix,
            Kind::Path(_)
            | Kind::Literal(_)
            | Kind::Str(_)
            | Kind::Paren(_)
            | Kind::Method { .. } => Level::Postfix,
            Kind::Field(..) | Kind::Call(..) | Kind::Try(_) | Kind::Index(..) | Kind::Tuple(_) => {
                Level::Postfix
            }
            Kind::Array(_)
            | Kind::Repeat(..)
            | Kind::Struct(_)
            | Kind::Vec(_)
            | Kind::VecRepeat(..) => Level::Postfix,
            Kind::Macro(..) | Kind::If(_) | Kind::Match(..) | Kind::For(..) | Kind::While(..) => {
                Level::Postfix
            }
            Kind::Loop(_) | Kind::Block(_) => Level::Postfix,
        }
    }

    /// Ends in a block of its own, so that it is a statement without a semicolon.
    pub(super) fn is_block_like(&self) -> bool {
        matches!(
            *self.0,
            Kind::If(_)
                | Kind::Match(..)
                | Kind::For(..)
                | Kind::While(..)
                | Kind::Loop(_)
                | Kind::Block(_)
        )
    }

    pub(super) fn apart_from(self, op: Op) -> Self {
        match *self.0 {
            Kind::Infix(inner, ..) if inner != op && mixes_badly(inner, op) => self.in_parens(),
            _ => self,
        }
    }

    pub(super) fn ends_in_cast(&self) -> bool {
        match &*self.0 {
            Kind::Cast(..) => true,
            Kind::Infix(_, _, right) => right.ends_in_cast(),
            _ => false,
        }
    }

    /// A struct literal before a block would be read as the block.
    pub(super) fn without_open_struct(self) -> Self {
        if self.has_open_struct() {
            self.in_parens()
        } else {
            self
        }
    }

    /// The value inside the blocks around it that hold nothing else.
    pub(super) fn innermost(&self) -> &Self {
        match &*self.0 {
            Kind::Block(block) => block.sole_value().map_or(self, Self::innermost),
            _ => self,
        }
    }

    fn has_open_struct(&self) -> bool {
        match &*self.0 {
            Kind::Struct(_) => true,
            Kind::Method {
                receiver: inner, ..
            }
            | Kind::Field(inner, _)
            | Kind::Call(inner, _) => inner.has_open_struct(),
            Kind::Try(inner) | Kind::Prefix(_, inner) | Kind::Cast(inner, _) => {
                inner.has_open_struct()
            }
            Kind::Index(inner, _) => inner.has_open_struct(),
            Kind::Infix(_, left, right) => left.has_open_struct() || right.has_open_struct(),
            Kind::Range(start, _, end) => start.iter().chain(end).any(Expr::has_open_struct),
            Kind::Closure(closure) => closure.body.innermost().has_open_struct(),
            _ => false,
        }
    }
}

pub(super) fn next_level(level: Level) -> Level {
    match level {
        Level::Open => Level::Range,
        Level::Range => Level::Or,
        Level::Or => Level::And,
        Level::And => Level::Compare,
        Level::Compare => Level::BitOr,
        Level::BitOr => Level::BitXor,
        Level::BitXor => Level::BitAnd,
        Level::BitAnd => Level::Shift,
        Level::Shift => Level::Sum,
        Level::Sum => Level::Product,
        Level::Product => Level::Cast,
        Level::Cast => Level::Prefix,
        Level::Prefix | Level::Postfix => Level::Postfix,
    }
}

/// Operators on bits beside any other operator, comparisons and Boolean operators aside.
fn mixes_badly(inner: Op, outer: Op) -> bool {
    (inner.is_bitwise() || outer.is_bitwise()) && outer.level() > Level::Compare
}
