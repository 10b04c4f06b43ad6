//! Blocks and the statements in them.

use super::super::expr::{Expr, Kind};
use super::super::literal::comment;
use super::super::pat::Pat;
use super::super::stmt::{Block, Stmt, StmtKind};
use super::shape::{
    MAX_WIDTH, Shape, TAB, UNBOUNDED, is_one_line, last_line, line_count, newline, width,
};
use super::{Layout, line};

impl Layout<'_> {
    /// A block as a value: on one line where it holds nothing but a short value.
    pub fn block_value(self, block: &Block, shape: Shape) -> Option<String> {
        if block.is_empty() && shape.width >= 2 {
            return Some("{}".into());
        }
        let text = self.braces(block, shape.indent);
        if line_count(&text) > 3 {
            return Some(text);
        }
        let value = block.sole_value().and_then(|value| self.expr(value, shape));
        let one_line = value.map(|value| format!("{{ {value} }}"));
        Some(
            one_line
                .filter(|text| is_one_line(text) && text.len() <= shape.width)
                .unwrap_or(text),
        )
    }

    /// A block over several lines; an empty one too where there is no room for two braces.
    pub fn open_braces(self, block: &Block, indent: usize, is_tight: bool) -> String {
        if block.is_empty() && is_tight {
            return format!("{{{}}}", newline(indent));
        }
        self.braces(block, indent)
    }

    /// A block over several lines, unless it is empty.
    pub fn braces(self, block: &Block, indent: usize) -> String {
        if block.is_empty() {
            return "{}".into();
        }
        let inside = Layout {
            unbroken_chains: false,
            ..self
        };
        let body = inside.statements(&block.0, indent + TAB);
        format!("{{{}{body}{}}}", newline(indent + TAB), newline(indent))
    }

    /// A block that holds nothing but this value.
    pub fn braces_around(self, value: &Expr, indent: usize) -> String {
        let inside = Layout {
            unbroken_chains: false,
            ..self
        };
        let body = inside.at_any_width(value, indent + TAB);
        format!("{{{}{body}{}}}", newline(indent + TAB), newline(indent))
    }

    /// Statements on lines of their own, with blank lines only between statements.
    pub fn statements(self, statements: &[Stmt], indent: usize) -> String {
        let mut text = String::new();
        let mut gap = "";
        for (position, statement) in statements.iter().enumerate() {
            if statement.kind == StmtKind::Blank {
                gap = "\n";
                continue;
            }
            if !text.is_empty() {
                text = text + gap + &newline(indent);
            }
            gap = "";
            text += &self.commented(
                statement,
                indent,
                Position::before(&statements[position + 1..]),
            );
        }
        text
    }

    fn commented(self, statement: &Stmt, indent: usize, position: Position) -> String {
        let text = self.statement(statement, indent, position != Position::Inside);
        let Some(note) = statement.comment.as_deref().map(comment) else {
            return text;
        };
        let column = width(last_line(&text)) + if is_one_line(&text) { indent } else { 0 };
        let fits = column + " // ".len() + width(&note) <= MAX_WIDTH;
        if fits && position != Position::BeforeClosingComment {
            return format!("{text} // {note}");
        }
        let above = comment_lines("//", &note, indent);
        format!("{above}{}{text}", newline(indent))
    }

    fn statement(self, statement: &Stmt, indent: usize, is_last: bool) -> String {
        let laid_out = self.within(statement, line(indent), is_last);
        let unbounded = Shape::at(indent, UNBOUNDED);
        laid_out
            .or_else(|| self.within(statement, unbounded, is_last))
            .unwrap_or_default()
    }

    fn within(self, statement: &Stmt, shape: Shape, is_last: bool) -> Option<String> {
        match &statement.kind {
            StmtKind::Let { pattern, ty, value } => {
                self.binding(pattern, ty.as_deref(), value.as_ref(), shape)
            }
            StmtKind::Semi(expr) => {
                // rustfmt reserves the semicolon of a `return` twice.
                let reserved = if matches!(*expr.0, Kind::Jump(..)) {
                    2
                } else {
                    1
                };
                Some(self.expr(expr, shape.less(reserved)?)? + ";")
            }
            StmtKind::Bare(expr) => match &*expr.0 {
                Kind::If(_) | Kind::For(..) | Kind::While(..) | Kind::Loop(_) => {
                    self.control(expr, is_last, shape)
                }
                Kind::Block(block) if !is_last => Some(self.braces(block, shape.indent)),
                _ => self.expr(expr, shape),
            },
            StmtKind::Comment(text) => Some(comment_lines("//", text, shape.indent)),
            StmtKind::Blank => Some(String::new()),
        }
    }

    fn binding(
        self,
        pattern: &Pat,
        ty: Option<&str>,
        value: Option<&Expr>,
        shape: Shape,
    ) -> Option<String> {
        let pattern = self.pat(pattern, shape.after("let ".len())?.less(1)?)?;
        let ty = ty.map(|ty| format!(": {ty}")).unwrap_or_default();
        let Some(value) = value else {
            return Some(format!("let {pattern}{ty};"));
        };
        let left = format!("let {pattern}{ty} =");
        Some(self.right_side(&left, value, shape.less(1)?)? + ";")
    }
}

/// Where a statement stands in its block.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Inside,
    /// Only comments follow. A comment behind the statement would run into them.
    BeforeClosingComment,
    Last,
}

impl Position {
    fn before(rest: &[Stmt]) -> Self {
        let mut following = rest
            .iter()
            .filter(|statement| statement.kind != StmtKind::Blank);
        let Some(next) = following.next() else {
            return Self::Last;
        };
        let is_comment = |statement: &Stmt| matches!(statement.kind, StmtKind::Comment(_));
        if is_comment(next) && following.all(is_comment) {
            Self::BeforeClosingComment
        } else {
            Self::Inside
        }
    }
}

/// A comment on lines of its own, wrapped to the page: `//`, `///` or `//!` before each.
pub(super) fn comment_lines(sign: &str, text: &str, indent: usize) -> String {
    let room = MAX_WIDTH.saturating_sub(indent + sign.len() + 1);
    let mut lines = Vec::new();
    for line in text.lines().map(comment) {
        lines.extend(wrapped(&line, room));
    }
    let lines = lines
        .iter()
        .map(|line| format!("{sign} {line}").trim_end().to_string());
    lines.collect::<Vec<_>>().join(&newline(indent))
}

/// The words of a line on as many lines as they need, of an item of a list with its later lines below its words. A line
/// that fits is left as it is.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let below = if text.starts_with("- ") { "  " } else { "" };
    if width(text) <= room {
        return vec![text.to_string()];
    }
    for word in text.split_whitespace() {
        let current = lines.last().map_or(0, |line| width(line));
        match lines.last_mut() {
            Some(line) if current == 0 || current + 1 + width(word) <= room => {
                if current > 0 {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(format!("{below}{word}")),
        }
    }
    lines
}
