//! `if`, `for`, `while` and `loop`.

use super::super::expr::{Condition, Expr, If, Kind};
use super::super::pat::Pat;
use super::super::stmt::Block;
use super::Layout;
use super::shape::{Shape, TAB, ends_in_brackets, is_one_line, last_line, newline, width};

/// The widest `if … else …` on one line.
const IF_ELSE_WIDTH: usize = 50;

/// The head and the blocks of a control structure.
struct Control<'e> {
    keyword: &'static str,
    /// The pattern with the words before and behind it: `let … =`, or nothing and ` in`.
    pattern: Option<(&'static str, &'e Pat, &'static str)>,
    subject: Option<&'e Expr>,
    body: &'e Block,
    otherwise: Option<&'e Expr>,
    may_be_one_line: bool,
    is_else_if: bool,
}

impl<'e> Control<'e> {
    fn new(expr: &'e Expr, is_value: bool) -> Option<Self> {
        let plain = |keyword, body| Self {
            keyword,
            pattern: None,
            subject: None,
            body,
            otherwise: None,
            may_be_one_line: false,
            is_else_if: false,
        };
        Some(match &*expr.0 {
            Kind::If(branch) => Self::branch(branch, is_value, false),
            Kind::While(condition, body) => plain("while", body).asking(condition),
            Kind::For(pattern, values, body) => Self {
                pattern: Some(("", pattern, " in")),
                subject: Some(values),
                ..plain("for", body)
            },
            Kind::Loop(body) => plain("loop", body),
            _ => return None,
        })
    }

    fn branch(branch: &'e If, is_value: bool, is_else_if: bool) -> Self {
        let control = Self {
            keyword: "if",
            pattern: None,
            subject: None,
            body: &branch.then,
            otherwise: branch.otherwise.as_ref(),
            may_be_one_line: is_value,
            is_else_if,
        };
        control.asking(&branch.condition)
    }

    fn asking(self, condition: &'e Condition) -> Self {
        let pattern = condition
            .pattern
            .as_ref()
            .map(|pattern| ("let ", pattern, " ="));
        Self {
            pattern,
            subject: Some(&condition.value),
            ..self
        }
    }
}

/// The head of a control structure, or the whole of it when it stands on one line.
enum Head {
    Whole(String),
    Open { text: String, used: usize },
}

impl Layout<'_> {
    /// `is_value` where the structure is not a statement, so that it may stand on one line.
    pub fn control(self, expr: &Expr, is_value: bool, shape: Shape) -> Option<String> {
        self.structure(&Control::new(expr, is_value)?, shape)
    }

    /// What an expression asks before its block: for a `match` the value, otherwise the head.
    pub fn condition_of(self, expr: &Expr, shape: Shape) -> Option<String> {
        if let Kind::Match(value, _) = &*expr.0 {
            return self.expr(value, shape.after("match  {".len())?);
        }
        match self.structure_head(&Control::new(expr, true)?, shape)? {
            Head::Whole(text) | Head::Open { text, .. } => Some(text),
        }
    }

    fn structure(self, control: &Control<'_>, shape: Shape) -> Option<String> {
        let (head, used) = match self.structure_head(control, shape)? {
            Head::Whole(text) => return Some(text),
            Head::Open { text, used } => (text, used),
        };
        let branches = control.otherwise.is_some() || control.is_else_if;
        let is_tight = branches || shape.width.saturating_sub(used) < 2;
        let body = self.open_braces(control.body, shape.indent, is_tight);
        let mut text = head + &body;
        if let Some(otherwise) = control.otherwise {
            let room = Shape::at(shape.indent, shape.max);
            text += " else ";
            text += &match &*otherwise.0 {
                Kind::If(branch) => self.structure(&Control::branch(branch, false, true), room)?,
                Kind::Block(block) => self.open_braces(block, shape.indent, true),
                _ => self.braces_around(otherwise, shape.indent),
            };
        }
        Some(text)
    }

    fn structure_head(self, control: &Control<'_>, shape: Shape) -> Option<Head> {
        let page = Shape {
            width: shape.max.saturating_sub(shape.used()),
            ..shape
        };
        let page = if control.is_else_if {
            page.after("} else ".len())?
        } else {
            page
        };
        let keyword = control.keyword.len() + 1;
        let question = match control.subject {
            Some(subject) => self.question(control, subject, page, keyword)?,
            None => String::new(),
        };
        let budget = shape.max.saturating_sub(page.used() + keyword + " {".len());
        let is_broken = !is_one_line(&question) || question.len() > budget;
        let hangs = !ends_in_brackets(&question) || is_offset(&question, shape.used());
        if let Some(text) = self.one_line_if(control, &question, shape.width) {
            return Some(Head::Whole(text));
        }
        let brace = if is_broken && hangs {
            newline(shape.indent)
        } else {
            " ".into()
        };
        let used = match is_one_line(&question) {
            true => control.keyword.len() + question.len() + 2,
            false => width(last_line(&question)),
        };
        let space = if question.is_empty() || question.starts_with('\n') {
            ""
        } else {
            " "
        };
        Some(Head::Open {
            text: format!("{}{space}{question}{brace}", control.keyword),
            used,
        })
    }

    /// The text between the keyword and the brace.
    fn question(
        self,
        control: &Control<'_>,
        subject: &Expr,
        page: Shape,
        keyword: usize,
    ) -> Option<String> {
        let room = page.after(keyword)?;
        if let Some((before, pattern, behind)) = control.pattern {
            let pattern = self.pat(pattern, room.after(before.len())?.less(behind.len())?)?;
            return self.right_side(&format!("{before}{pattern}{behind}"), subject, room);
        }
        let text = self.expr(subject, room);
        if control.keyword == "if" || text.is_some() {
            return text;
        }
        let below = page.indented(TAB).widened();
        Some(below.newline() + &self.expr(subject, below)?)
    }

    fn one_line_if(self, control: &Control<'_>, question: &str, limit: usize) -> Option<String> {
        let Kind::Block(otherwise) = &*control.otherwise?.0 else {
            return None;
        };
        if !control.may_be_one_line || !is_one_line(question) {
            return None;
        }
        let (then, otherwise) = (control.body.sole_value()?, otherwise.sole_value()?);
        let room = limit.checked_sub(question.len() + "if  {  } else {  }".len())?;
        let unindented = |width| Shape {
            width,
            ..Shape::at(0, super::shape::MAX_WIDTH)
        };
        let then = self.expr(then, unindented(room))?;
        let otherwise = self.expr(otherwise, unindented(room.checked_sub(then.len())?))?;
        let text = format!("if {question} {{ {then} }} else {{ {otherwise} }}");
        (is_one_line(&text) && text.len() <= limit.min(IF_ELSE_WIDTH)).then_some(text)
    }
}

/// The last line is indented by more than `column`.
fn is_offset(text: &str, column: usize) -> bool {
    let last = last_line(text);
    last.len() - last.trim_start().len() > column
}
