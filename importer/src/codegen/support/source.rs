//! A file of support code, cut into its items.
//!
//! The files are ours and as rustfmt leaves them, so an item begins and ends at the first column, and a method of an
//! `impl` at the fourth.

use super::names::{Name, names, words};

/// A file of support code: a module of `mod support`.
#[derive(Debug)]
pub struct Source {
    /// The module's name.
    pub name: &'static str,
    /// Its `//!` documentation.
    pub docs: &'static str,
    /// What it takes from other modules and crates, a full path each: `super::cpu::Kernel`, `rayon::prelude::*`.
    pub imports: Vec<String>,
    /// Everything else, in order; tests are left out.
    pub items: Vec<Item>,
}

/// An item of a file.
#[derive(Debug)]
pub struct Item {
    /// Its text with the blank line, documentation and attributes before it; of an item with parts, up to the first.
    pub text: &'static str,
    /// The names in that text.
    pub names: Vec<Name<'static>>,
    /// What decides whether it is needed.
    pub kind: Kind,
    /// The methods of a trait.
    pub offers: Vec<&'static str>,
    /// What can be left out of it: the methods of an `impl`, the lines of a list of functions.
    pub parts: Vec<Part>,
}

/// What decides whether an item is needed.
#[derive(Debug, PartialEq)]
pub enum Kind {
    /// Somebody names it, or, of a list of definitions, one of these.
    Named(Vec<&'static str>),
    /// Everything of the support code that its header names is needed: an `impl` of a trait, or a macro that writes one.
    Implementation,
    /// The type is needed that it gives methods to.
    Methods(&'static str),
}

/// A part of an item.
#[derive(Debug)]
pub struct Part {
    /// Its text with documentation and attributes.
    pub text: &'static str,
    /// How others name it.
    pub name: &'static str,
    /// The names in its text.
    pub names: Vec<Name<'static>>,
}

impl Source {
    /// Cuts the file.
    pub fn new(name: &'static str, text: &'static str) -> Self {
        let (docs, rest) = text.split_at(docs_end(text));
        let (mut imports, mut items) = (vec![], vec![]);
        for chunk in chunks(rest, 0) {
            let code = code_of(chunk);
            match code.strip_prefix("use ") {
                Some(tree) => paths(&joined(tree), "", &mut imports),
                None if chunk.contains("#[cfg(test)]\n") => {}
                None => items.push(Item::new(chunk)),
            }
        }
        Self {
            name,
            docs: docs.trim_end(),
            imports,
            items,
        }
    }
}

impl Item {
    fn new(text: &'static str) -> Self {
        let kind = kind(text);
        let body = text.find("{\n").map(|brace| brace + 2);
        let (head, parts) = match (&kind, body) {
            (Kind::Methods(_), Some(body)) => (&text[..body], parts(&text[body..])),
            (Kind::Named(names), Some(body)) if names.is_empty() => {
                (&text[..body], parts(&text[body..]))
            }
            (Kind::Methods(_) | Kind::Named(_) | Kind::Implementation, _) => (text, vec![]),
        };
        Self {
            text: head,
            names: names(head),
            offers: offered(text),
            kind,
            parts,
        }
    }
}

/// The methods of a trait, and of nothing else.
fn offered(text: &'static str) -> Vec<&'static str> {
    let mut code = code_of(text).split_whitespace();
    if code.find(|word| !QUALIFIERS.contains(word)) != Some("trait") {
        return vec![];
    }
    let pairs = words(text).zip(words(text).skip(1));
    let functions = pairs.filter(|(keyword, _)| *keyword == "fn");
    functions.map(|(_, name)| name).collect()
}

/// Where the `//!` lines at the beginning end.
fn docs_end(text: &str) -> usize {
    let lines = text.split_inclusive('\n');
    lines
        .take_while(|line| line.starts_with("//!"))
        .map(str::len)
        .sum()
}

/// The pieces of a text that end with a line of `indent` columns: an item each, with the blank line, documentation and
/// attributes before it.
fn chunks(text: &'static str, indent: usize) -> Vec<&'static str> {
    let (mut chunks, mut begin, mut at) = (vec![], 0, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        let depth = line.len() - line.trim_start().len();
        let ends = line.trim_end().ends_with([';', '}']);
        if depth == indent && ends && !line.trim_start().starts_with("//") {
            chunks.push(&text[begin..at]);
            begin = at;
        }
    }
    chunks
}

/// The text after documentation, comments and attributes.
fn code_of(chunk: &str) -> &str {
    let mut rest = chunk.trim_start();
    loop {
        let end = match rest {
            _ if rest.starts_with("//") => rest.find('\n'),
            _ if rest.starts_with("#[") => rest.find("]\n").map(|end| end + 1),
            _ => None,
        };
        match end {
            Some(end) => rest = rest[end..].trim_start(),
            None => return rest,
        }
    }
}

/// On one line.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The paths of a `use` tree below a path.
fn paths(tree: &str, below: &str, into: &mut Vec<String>) {
    let tree = tree.trim().trim_end_matches([';', ',']);
    let Some((head, list)) = tree.split_once('{') else {
        into.push(format!("{below}{tree}"));
        return;
    };
    let below = format!("{below}{head}");
    let (mut depth, mut begin) = (0, 0);
    let list = list.trim_end_matches('}').trim();
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                paths(&list[begin..at], &below, into);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if !list[begin..].trim().is_empty() {
        paths(&list[begin..], &below, into);
    }
}

/// The words that may stand before the one that says what an item is.
const QUALIFIERS: [&str; 4] = ["pub", "pub(super)", "pub(crate)", "unsafe"];

fn kind(text: &'static str) -> Kind {
    let code = code_of(text);
    let mut code_words = code.split_whitespace();
    let first = code_words.find(|word| !QUALIFIERS.contains(word));
    match first.unwrap_or_default() {
        word if word.starts_with("impl") => implementation(code),
        "fn" | "struct" | "enum" | "trait" | "type" | "static" | "mod" | "macro_rules!" => {
            Kind::Named(defined(code_words.next()))
        }
        "const" => {
            let named = code_words.find(|word| *word != "fn");
            Kind::Named(defined(named))
        }
        word if word.ends_with('!') => Kind::Named(invoked(code)),
        _ => Kind::Implementation,
    }
}

/// The name at the beginning of a definition.
fn defined(text: Option<&'static str>) -> Vec<&'static str> {
    text.and_then(|text| words(text).next())
        .into_iter()
        .collect()
}

/// An `impl`: of a trait, or of methods.
fn implementation(code: &'static str) -> Kind {
    let header = code.split('{').next().unwrap_or_default();
    let after = without_generics(header.trim_start_matches("impl"));
    match header.contains(" for ") {
        true => Kind::Implementation,
        false => Kind::Methods(words(after).next().unwrap_or_default()),
    }
}

/// A text without the `<…>` at its beginning.
fn without_generics(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text[at..].trim_start_matches('>');
        }
    }
    text
}

/// What an invocation with braces defines: the first that it names, or nothing itself if it is a list of lines with a name
/// each.
fn invoked(code: &'static str) -> Vec<&'static str> {
    let listed = code.lines().skip(1).any(|line| line.ends_with(';'));
    match listed {
        true => vec![],
        false => words(code).skip(1).take(1).collect(),
    }
}

/// The methods or lines of an item's body.
fn parts(body: &'static str) -> Vec<Part> {
    let part = |text: &'static str| Part {
        text,
        name: part_name(text),
        names: names(text),
    };
    chunks(body, 4).into_iter().map(part).collect()
}

fn part_name(text: &'static str) -> &'static str {
    let mut words = words(code_of(text)).peekable();
    while words
        .next_if(|word| ["pub", "super", "crate", "unsafe", "const", "fn"].contains(word))
        .is_some()
    {}
    words.next().unwrap_or_default()
}
