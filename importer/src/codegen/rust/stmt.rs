//! Statements and blocks.

use super::expr::{Expr, Kind};
use super::pat::Pat;

/// A statement, a comment or a blank line in a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    pub(super) kind: StmtKind,
    /// Follows the statement on its line, or stands above it where it does not fit.
    pub(super) comment: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum StmtKind {
    Let {
        pattern: Pat,
        ty: Option<String>,
        value: Option<Expr>,
    },
    /// Ends in a semicolon.
    Semi(Expr),
    /// Ends in a block of its own, or is the value of the block it closes.
    Bare(Expr),
    Comment(String),
    Blank,
}

impl From<StmtKind> for Stmt {
    fn from(kind: StmtKind) -> Self {
        Self {
            kind,
            comment: None,
        }
    }
}

impl From<Expr> for Stmt {
    fn from(expr: Expr) -> Self {
        if expr.is_block_like() {
            StmtKind::Bare(expr).into()
        } else {
            StmtKind::Semi(expr).into()
        }
    }
}

impl Stmt {
    /// `let pattern = value;`
    pub fn bind(pattern: impl Into<Pat>, value: Expr) -> Self {
        StmtKind::Let {
            pattern: pattern.into(),
            ty: None,
            value: Some(value),
        }
        .into()
    }

    /// `let pattern;`, assigned later.
    pub fn declare(pattern: impl Into<Pat>) -> Self {
        StmtKind::Let {
            pattern: pattern.into(),
            ty: None,
            value: None,
        }
        .into()
    }

    /// Gives a `let` its type.
    pub fn typed(mut self, annotation: impl Into<String>) -> Self {
        if let StmtKind::Let { ty, .. } = &mut self.kind {
            *ty = Some(annotation.into());
        }
        self
    }

    /// The value of the block that this statement closes: an expression without a semicolon.
    pub fn tail(value: Expr) -> Self {
        match *value.0 {
            Kind::Jump(..) => StmtKind::Semi(value).into(),
            _ => StmtKind::Bare(value).into(),
        }
    }

    /// `// text` on lines of its own.
    pub fn comment(text: impl Into<String>) -> Self {
        StmtKind::Comment(text.into()).into()
    }

    /// A blank line; at either end of a block, or next to another, it vanishes.
    pub fn blank() -> Self {
        StmtKind::Blank.into()
    }

    /// Adds `// text` behind the statement, or above it where the line would grow too long.
    pub fn commented(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into()).filter(|text: &String| !text.trim().is_empty());
        self
    }

    fn has_comment(&self) -> bool {
        self.comment.is_some() || matches!(self.kind, StmtKind::Comment(_))
    }

    pub(super) fn expr(&self) -> Option<&Expr> {
        match &self.kind {
            StmtKind::Let { value, .. } => value.as_ref(),
            StmtKind::Semi(expr) | StmtKind::Bare(expr) => Some(expr),
            StmtKind::Comment(_) | StmtKind::Blank => None,
        }
    }
}

/// The statements between two braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block(pub(super) Vec<Stmt>);

impl Block {
    /// A block of these statements.
    pub fn new(statements: impl IntoIterator<Item = Stmt>) -> Self {
        Self(statements.into_iter().collect())
    }

    /// Adds a statement.
    pub fn push(&mut self, statement: impl Into<Stmt>) {
        self.0.push(statement.into());
    }

    /// Closes the block with its value.
    pub fn tail(mut self, value: Expr) -> Self {
        self.0.push(Stmt::tail(value));
        self
    }

    /// Closes the block with its value; where that is what the last statement binds, with what it binds.
    pub fn ending(mut self, value: Expr) -> Self {
        let name = Pat::from(value.to_string());
        let bound = self.0.pop_if(|last| match &last.kind {
            StmtKind::Let {
                pattern,
                ty: None,
                value: Some(_),
            } => *pattern == name && last.comment.is_none(),
            StmtKind::Let { .. }
            | StmtKind::Semi(_)
            | StmtKind::Bare(_)
            | StmtKind::Comment(_)
            | StmtKind::Blank => false,
        });
        match bound.map(|bound| bound.kind) {
            Some(StmtKind::Let {
                value: Some(bound), ..
            }) => self.tail(bound),
            Some(_) | None => self.tail(value),
        }
    }

    /// The statements without blank lines.
    fn solid(&self) -> impl Iterator<Item = &Stmt> {
        self.0
            .iter()
            .filter(|statement| statement.kind != StmtKind::Blank)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.solid().next().is_none()
    }

    /// The only expression, where the block is nothing but its value.
    pub(super) fn sole_value(&self) -> Option<&Expr> {
        let mut statements = self.solid();
        match (statements.next(), statements.next()) {
            (
                Some(Stmt {
                    kind: StmtKind::Bare(expr),
                    comment: None,
                }),
                None,
            ) if !expr.has_comment() => Some(expr),
            _ => None,
        }
    }

    pub(super) fn has_comment(&self) -> bool {
        self.0.iter().any(|statement| {
            statement.has_comment() || statement.expr().is_some_and(Expr::has_comment)
        })
    }

    pub(super) fn into_else(self) -> Expr {
        match self.sole_value() {
            Some(Expr(kind)) if matches!(**kind, Kind::If(_)) => Expr(kind.clone()),
            _ => Expr::block(self),
        }
    }
}

impl From<Vec<Stmt>> for Block {
    fn from(statements: Vec<Stmt>) -> Self {
        Self(statements)
    }
}

impl<const N: usize> From<[Stmt; N]> for Block {
    fn from(statements: [Stmt; N]) -> Self {
        Self::new(statements)
    }
}

impl From<Expr> for Block {
    fn from(value: Expr) -> Self {
        match *value.0 {
            Kind::Block(block) => block,
            _ => Self::default().tail(value),
        }
    }
}

impl FromIterator<Stmt> for Block {
    fn from_iter<I: IntoIterator<Item = Stmt>>(statements: I) -> Self {
        Self::new(statements)
    }
}

impl Extend<Stmt> for Block {
    fn extend<I: IntoIterator<Item = Stmt>>(&mut self, statements: I) {
        self.0.extend(statements);
    }
}
