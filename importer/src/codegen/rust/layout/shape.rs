//! The room a piece of code has, and measures of printed text.

/// Columns of a line.
pub(super) const MAX_WIDTH: usize = 100;
/// Wide enough that nothing is too long, for code that cannot keep to the page.
pub(super) const UNBOUNDED: usize = usize::MAX / 4;
/// Columns of one step of indentation.
pub(super) const TAB: usize = 4;

/// The room for a piece of code: it starts `offset` columns behind the indentation, and its first and
/// last line have `width` columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub width: usize,
    pub indent: usize,
    pub offset: usize,
    /// Columns of a line.
    pub max: usize,
}

impl Shape {
    /// A whole line at this indentation.
    pub fn at(indent: usize, max: usize) -> Self {
        Self {
            width: max.saturating_sub(indent),
            indent,
            offset: 0,
            max,
        }
    }

    /// Columns taken on the first line.
    pub fn used(self) -> usize {
        self.indent + self.offset
    }

    /// Columns that the surroundings need at the end of the line.
    pub fn overhead(self) -> usize {
        self.max.saturating_sub(self.used() + self.width)
    }

    /// Without the last `n` columns.
    pub fn less(self, n: usize) -> Option<Self> {
        Some(Self {
            width: self.width.checked_sub(n)?,
            ..self
        })
    }

    /// Behind `n` columns of text.
    pub fn after(self, n: usize) -> Option<Self> {
        Some(Self {
            offset: self.offset + n,
            ..self.less(n)?
        })
    }

    /// At the start of a line, indented by `n` more columns, of the same width.
    pub fn indented(self, n: usize) -> Self {
        Self {
            indent: self.indent + n,
            offset: 0,
            ..self
        }
    }

    /// With the room up to the end of the line.
    pub fn widened(self) -> Self {
        Self {
            width: self.max.saturating_sub(self.indent),
            ..self
        }
    }

    /// A line break and the indentation.
    pub fn newline(self) -> String {
        newline(self.indent)
    }
}

/// A line break and an indentation.
pub(super) fn newline(indent: usize) -> String {
    format!("\n{}", " ".repeat(indent))
}

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

pub(super) fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

pub(super) fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or(text)
}

pub(super) fn is_one_line(text: &str) -> bool {
    !text.contains('\n')
}

pub(super) fn line_count(text: &str) -> usize {
    text.lines().count()
}

pub(super) fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

/// The last line is nothing but closing brackets, so that code may go on behind it.
pub(super) fn ends_in_brackets(text: &str) -> bool {
    last_line(text)
        .chars()
        .all(|c| matches!(c, '(' | ')' | ']' | '}' | '?' | '>') || c.is_whitespace())
}

/// Whether the text keeps to its room: the first line to the width, the last to where the shape ends,
/// those between to the page.
pub(super) fn fits(text: &str, shape: Shape) -> bool {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let (Some(first), Some(last)) = (code.first(), code.last()) else {
        return true;
    };
    let single = code.len() == 1;
    width(first) <= shape.width
        && (single || code[1..].iter().all(|line| width(line) <= shape.max))
        && (single || width(last) <= shape.used() + shape.width)
}

pub(super) fn if_fits(text: String, shape: Shape) -> Option<String> {
    fits(&text, shape).then_some(text)
}
