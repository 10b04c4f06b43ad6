//! The expressions generated code is made of.

use super::op::Op;
use super::pat::Pat;
use super::stmt::Block;

/// A Rust expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(pub(super) Box<Kind>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Path(String),
    /// A number, a character, a Boolean or a byte string: text that cannot be broken.
    Literal(String),
    /// A string literal with its quotes; it may be as long as it likes.
    Str(String),
    Paren(Expr),
    Method {
        receiver: Expr,
        name: String,
        args: Vec<Expr>,
    },
    Field(Expr, String),
    Call(Expr, Vec<Expr>),
    Try(Expr),
    /// `&`, `&mut `, `*`, `-` or `!`.
    Prefix(&'static str, Expr),
    Infix(Op, Expr, Expr),
    Cast(Expr, String),
    /// `=` or `+=` and its kin.
    Assign(String, Expr, Expr),
    Array(Vec<Expr>),
    Repeat(Expr, Expr),
    Tuple(Vec<Expr>),
    Index(Expr, Expr),
    Range(Option<Expr>, &'static str, Option<Expr>),
    Struct(StructExpr),
    Vec(Vec<Expr>),
    VecRepeat(Expr, Expr),
    Macro(String, Vec<Expr>),
    Closure(Closure),
    If(If),
    Match(Expr, Vec<Arm>),
    For(Pat, Expr, Block),
    While(Condition, Block),
    Loop(Block),
    Block(Block),
    /// `return`, `break` or `continue`.
    Jump(&'static str, Option<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct StructExpr {
    pub path: String,
    /// A field without a value is named as its value is.
    pub fields: Vec<(String, Option<Expr>)>,
    pub base: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Closure {
    pub moves: bool,
    pub params: Vec<Pat>,
    pub body: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct If {
    pub condition: Condition,
    pub then: Block,
    /// A block or another `if`.
    pub otherwise: Option<Expr>,
}

/// What an `if` or a `while` asks: a Boolean, or whether a value has a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(super) pattern: Option<Pat>,
    pub(super) value: Expr,
}

/// One arm of a `match`.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    pub(super) pattern: Pat,
    pub(super) guard: Option<Expr>,
    pub(super) body: Expr,
}

/// What an expression holds.
impl Expr {
    /// A comment stands somewhere inside.
    pub(super) fn has_comment(&self) -> bool {
        let block = |block: &Block| block.has_comment();
        match &*self.0 {
            Kind::Closure(closure) => closure.body.has_comment(),
            Kind::If(branch) => {
                branch.condition.value.has_comment()
                    || branch.then.has_comment()
                    || branch.otherwise.as_ref().is_some_and(Expr::has_comment)
            }
            Kind::Match(value, arms) => {
                value.has_comment() || arms.iter().any(|arm| arm.body.has_comment())
            }
            Kind::For(_, values, body) => values.has_comment() || block(body),
            Kind::While(condition, body) => condition.value.has_comment() || block(body),
            Kind::Loop(body) | Kind::Block(body) => block(body),
            _ => self.parts().into_iter().any(Expr::has_comment),
        }
    }

    /// The operands of an expression without blocks of its own.
    pub(super) fn parts(&self) -> Vec<&Expr> {
        match &*self.0 {
            Kind::Paren(inner) | Kind::Field(inner, _) | Kind::Try(inner) => vec![inner],
            Kind::Prefix(_, inner) | Kind::Cast(inner, _) => vec![inner],
            Kind::Method {
                receiver: first,
                args,
                ..
            }
            | Kind::Call(first, args) => std::iter::once(first).chain(args).collect(),
            Kind::Infix(_, a, b) | Kind::Assign(_, a, b) | Kind::Index(a, b) => vec![a, b],
            Kind::Repeat(a, b) | Kind::VecRepeat(a, b) => vec![a, b],
            Kind::Array(items) | Kind::Tuple(items) | Kind::Vec(items) | Kind::Macro(_, items) => {
                items.iter().collect()
            }
            Kind::Range(start, _, end) => start.iter().chain(end).collect(),
            Kind::Struct(lit) => lit
                .fields
                .iter()
                .filter_map(|(_, value)| value.as_ref())
                .chain(&lit.base)
                .collect(),
            Kind::Jump(_, value) => value.iter().collect(),
            Kind::Path(_) | Kind::Literal(_) | Kind::Str(_) | Kind::Closure(_) | Kind::If(_) => {
                Vec::new()
            }
            Kind::Match(..) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) | Kind::Block(_) => {
                Vec::new()
            }
        }
    }
}
