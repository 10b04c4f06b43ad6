//! The words of text format.

use std::fmt;

/// A word: a name or number, a quoted string with its escapes, or a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Symbol(char),
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Quoted(_) => f.write_str("a string"),
            Token::Symbol(symbol) => write!(f, "`{symbol}`"),
        }
    }
}

/// Reads tokens from the front of a text.
pub(super) struct Tokens<'t> {
    text: &'t str,
    rest: &'t str,
}

type Parsed<T> = std::result::Result<T, String>;

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Tokens { text, rest: text }
    }

    /// Line and column, from one, of what was read last.
    pub(super) fn position(&self) -> (usize, usize) {
        let read = &self.text[..self.text.len() - self.rest.len()];
        let line = read.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = read
            .rsplit('\n')
            .next()
            .map_or(0, |last| last.chars().count());
        (line, column.max(1))
    }

    pub(super) fn next(&mut self) -> Parsed<Option<Token<'t>>> {
        self.skip_space();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '"' | '\'' => Token::Quoted(self.quoted(first)?),
            first if is_word(first) => Token::Word(self.word()),
            symbol => {
                self.rest = &self.rest[symbol.len_utf8()..];
                Token::Symbol(symbol)
            }
        };
        Ok(Some(token))
    }

    /// Takes that symbol if it is next.
    pub(super) fn take_symbol(&mut self, symbol: char) -> Parsed<bool> {
        self.skip_space();
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Takes a quoted string if one is next.
    pub(super) fn take_quoted(&mut self) -> Parsed<Option<&'t str>> {
        self.skip_space();
        match self.rest.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote).map(Some),
            _ => Ok(None),
        }
    }

    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    /// A name or a number; a number's exponent may have a sign.
    fn word(&mut self) -> &'t str {
        let start = self.rest;
        let number = start.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let mut length = self.take_while(is_word).len();
        let exponent = start[..length].ends_with(['e', 'E']) && !start.starts_with("0x");
        if number && exponent && self.rest.starts_with(['-', '+']) {
            self.rest = &self.rest[1..];
            length += 1 + self.take_while(is_word).len();
        }
        &start[..length]
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn quoted(&mut self, quote: char) -> Parsed<&'t str> {
        let inside = &self.rest[1..];
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => break,
                c if c == quote => {
                    self.rest = &inside[at + 1..];
                    return Ok(&inside[..at]);
                }
                _ => {}
            }
        }
        Err("a string is not closed".to_owned())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}
