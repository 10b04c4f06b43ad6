//! The names in a text of Rust.

/// A name as it stands in code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name<'t> {
    /// `name`, alone or at the beginning of a path.
    Plain(&'t str),
    /// `of::name`.
    Of(&'t str, &'t str),
    /// `.name`, or `>::name`, of a type that the text does not tell.
    Member(&'t str),
}

impl<'t> Name<'t> {
    /// The name itself.
    pub fn text(&self) -> &'t str {
        match self {
            Self::Plain(name) | Self::Of(_, name) | Self::Member(name) => name,
        }
    }
}

/// The names in a text, each once, sorted; comments and strings have none.
pub fn names(text: &str) -> Vec<Name<'_>> {
    let mut found = vec![];
    let mut last: Option<(usize, &str)> = None;
    for (at, word) in spans(text) {
        let before = text[..at].trim_end();
        let name = match before.strip_suffix("::") {
            Some(of) => match last {
                Some((end, word_before)) if of.len() == end => Name::Of(word_before, word),
                Some(_) | None => Name::Member(word),
            },
            None if before.ends_with('.') && !before.ends_with("..") => Name::Member(word),
            None => Name::Plain(word),
        };
        found.push(name);
        last = Some((at + word.len(), word));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The identifiers and keywords in a text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    spans(text).map(|(_, word)| word)
}

fn spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &text[at..];
            let c = rest.chars().next()?;
            let end = match c {
                '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                '"' => string_end(rest),
                '\'' => character_end(rest),
                _ if is_letter(c) => {
                    let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
                    at += end;
                    match c.is_ascii_digit() {
                        true => continue,
                        false => return Some((at - end, &text[at - end..at])),
                    }
                }
                _ => c.len_utf8(),
            };
            at += end;
        }
    })
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the string literal at the beginning. What it names in braces is a name by the code around.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of the character at the beginning, or of the quote of a lifetime.
fn character_end(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next(), chars.next()) {
        (Some((_, '\\')), _, _) => text[2..].find('\'').map_or(1, |end| end + 3),
        (_, Some((at, '\'')), _) => at + 1,
        _ => 1,
    }
}
