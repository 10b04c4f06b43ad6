//! How closures and control flow are built.

use super::expr::{Arm, Closure, Condition, Expr, If, Kind};
use super::op::Level;
use super::pat::Pat;
use super::stmt::{Block, Stmt};

impl Arm {
    /// `pattern => body`; a body of several statements is [`Expr::block`].
    pub fn new(pattern: impl Into<Pat>, body: Expr) -> Self {
        let body = match *body.0 {
            Kind::If(_) | Kind::For(..) | Kind::While(..) => {
                Expr::block(Block::default().tail(body))
            }
            _ => body,
        };
        Self {
            pattern: pattern.into(),
            guard: None,
            body,
        }
    }

    /// `pattern if guard => body`
    pub fn when(mut self, guard: Expr) -> Self {
        self.guard = Some(guard);
        self
    }
}

impl From<Expr> for Condition {
    fn from(value: Expr) -> Self {
        Self {
            pattern: None,
            value: value.without_open_struct(),
        }
    }
}

impl Condition {
    /// `let pattern = value`
    pub fn matches(pattern: impl Into<Pat>, value: Expr) -> Self {
        let value = value.without_open_struct().at_least(Level::Compare);
        Self {
            pattern: Some(pattern.into()),
            value,
        }
    }
}

/// Closures and control flow.
impl Expr {
    /// `|params| body`
    pub fn closure<P: Into<Pat>>(params: impl IntoIterator<Item = P>, body: Expr) -> Self {
        Self::any_closure(false, params.into_iter().map(Into::into).collect(), body)
    }

    /// `move |params| body`
    pub fn move_closure<P: Into<Pat>>(params: impl IntoIterator<Item = P>, body: Expr) -> Self {
        Self::any_closure(true, params.into_iter().map(Into::into).collect(), body)
    }

    fn any_closure(moves: bool, params: Vec<Pat>, body: Expr) -> Self {
        Self::new(Kind::Closure(Closure {
            moves,
            params,
            body,
        }))
    }

    /// `if condition { then }`
    pub fn if_(condition: impl Into<Condition>, then: impl Into<Block>) -> Self {
        Self::any_if(condition.into(), then.into(), None)
    }

    /// `if condition { then } else { otherwise }`; an `otherwise` that is only an `if` becomes `else if`.
    pub fn if_else(
        condition: impl Into<Condition>,
        then: impl Into<Block>,
        otherwise: impl Into<Block>,
    ) -> Self {
        Self::any_if(
            condition.into(),
            then.into(),
            Some(otherwise.into().into_else()),
        )
    }

    fn any_if(condition: Condition, then: Block, otherwise: Option<Expr>) -> Self {
        Self::new(Kind::If(If {
            condition,
            then,
            otherwise,
        }))
    }

    /// `match value { arms }`
    pub fn match_(value: Expr, arms: impl IntoIterator<Item = Arm>) -> Self {
        Self::new(Kind::Match(
            value.without_open_struct(),
            arms.into_iter().collect(),
        ))
    }

    /// `for pattern in values { body }`
    pub fn for_(pattern: impl Into<Pat>, values: Expr, body: impl Into<Block>) -> Self {
        Self::new(Kind::For(
            pattern.into(),
            values.without_open_struct(),
            body.into(),
        ))
    }

    /// `while condition { body }`
    pub fn while_(condition: impl Into<Condition>, body: impl Into<Block>) -> Self {
        Self::new(Kind::While(condition.into(), body.into()))
    }

    /// `loop { body }`
    pub fn loop_(body: impl Into<Block>) -> Self {
        Self::new(Kind::Loop(body.into()))
    }

    /// `{ body }`
    pub fn block(body: impl Into<Block>) -> Self {
        Self::new(Kind::Block(body.into()))
    }

    /// `return value`
    pub fn return_(value: Option<Expr>) -> Self {
        Self::new(Kind::Jump("return", value))
    }

    /// `break value`
    pub fn break_(value: Option<Expr>) -> Self {
        Self::new(Kind::Jump("break", value))
    }

    /// `continue`
    pub fn continue_() -> Self {
        Self::new(Kind::Jump("continue", None))
    }

    /// As a statement: with a semicolon, unless it ends in a block of its own (`if`, `for`, `match` …).
    pub fn stmt(self) -> Stmt {
        Stmt::from(self)
    }
}
