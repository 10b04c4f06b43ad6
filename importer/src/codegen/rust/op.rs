//! The infix operators of Rust and how tightly they bind.

/// An infix operator that takes two values and gives one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `&`
    BitAnd,
    /// `^`
    BitXor,
    /// `|`
    BitOr,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// Binding strength, as the Rust reference orders it; a later level binds tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Closures, `return`, assignment: never an operand without parentheses.
    Open,
    Range,
    Or,
    And,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Sum,
    Product,
    Cast,
    Prefix,
    Postfix,
}

impl Op {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Shl => "<<",
            Self::Shr => ">>",
            Self::BitAnd => "&",
            Self::BitXor => "^",
            Self::BitOr => "|",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Gt => ">",
            Self::Le => "<=",
            Self::Ge => ">=",
            Self::And => "&&",
            Self::Or => "||",
        }
    }

    pub(super) fn level(self) -> Level {
        match self {
            Self::Mul | Self::Div | Self::Rem => Level::Product,
            Self::Add | Self::Sub => Level::Sum,
            Self::Shl | Self::Shr => Level::Shift,
            Self::BitAnd => Level::BitAnd,
            Self::BitXor => Level::BitXor,
            Self::BitOr => Level::BitOr,
            Self::Eq | Self::Ne | Self::Lt | Self::Gt | Self::Le | Self::Ge => Level::Compare,
            Self::And => Level::And,
            Self::Or => Level::Or,
        }
    }

    /// Operators on bits, whose mixture with others reads badly (and which clippy wants in parentheses).
    pub(super) fn is_bitwise(self) -> bool {
        matches!(
            self.level(),
            Level::Shift | Level::BitAnd | Level::BitXor | Level::BitOr
        )
    }

    /// `<` and `<<` after a cast would open generic arguments.
    pub(super) fn opens_with_angle(self) -> bool {
        self.symbol().starts_with('<')
    }
}
