//! Regular expressions, in RE2's syntax.

use super::array::{Array, Error, Numbers, Result};
use super::string_tensor::StringTensor;
use regex::bytes::{Captures, Regex, RegexBuilder};

/// Each match replaced, or the first of each string if not `all`; `\1` in `rewrite` stands for the first group, `\0` for
/// the whole match.
///
/// # Errors
/// The pattern is none.
pub fn replace(
    words: &StringTensor,
    pattern: &str,
    rewrite: &str,
    all: bool,
) -> Result<StringTensor> {
    let regex = compile(pattern, false)?;
    let limit = if all { 0 } else { 1 };
    let expand = |found: &Captures<'_>| expanded(rewrite.as_bytes(), found);
    let replaced = words.data().iter();
    let replaced = replaced.map(|word| regex.replacen(word, limit, expand).into_owned());
    Ok(StringTensor::of(words.shape(), replaced.collect()))
}

/// Which strings match as a whole.
///
/// # Errors
/// The pattern is none.
pub fn full_match(words: &StringTensor, pattern: &str) -> Result<Array> {
    let regex = compile(pattern, true)?;
    let flags = words.data().iter().map(|word| regex.is_match(word));
    Array::new(words.shape(), Numbers::Bool(flags.collect()))
}

/// `\1` stands for the first group, `\0` for the whole match.
fn expanded(rewrite: &[u8], found: &Captures<'_>) -> Vec<u8> {
    let mut text = vec![];
    let mut rest = rewrite.iter();
    while let Some(&byte) = rest.next() {
        match (byte, rest.as_slice().first()) {
            (b'\\', Some(digit)) if digit.is_ascii_digit() => {
                let group = found.get(usize::from(digit - b'0'));
                text.extend(group.map_or(&[][..], |group| group.as_bytes()));
                rest.next();
            }
            (b'\\', Some(&next)) => {
                text.push(next);
                rest.next();
            }
            (byte, _) => text.push(byte),
        }
    }
    text
}

/// What a compiled pattern may take.
const SIZE_LIMIT: usize = 10 << 20;

fn compile(pattern: &str, whole: bool) -> Result<Regex> {
    let mut translated = translated(pattern);
    if whole {
        translated = format!(r"\A(?:{translated})\z");
    }
    let compiled = RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .build();
    compiled.map_err(|error| Error::new(format!("the pattern `{pattern}`: {error}")))
}

/// RE2's classes are of ASCII, and a bracket inside of a class is itself.
fn translated(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(char) = chars.next() {
        let starts = std::mem::replace(&mut class_start, false);
        match char {
            '\\' => escape(chars.next(), in_class, &mut text),
            '[' if !in_class => {
                (in_class, class_start) = (true, true);
                text.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    text.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => {
                text.push('[');
                for char in chars.by_ref() {
                    text.push(char);
                    if char == ']' {
                        break;
                    }
                }
            }
            ']' if in_class && starts => text.push_str(r"\]"),
            ']' => {
                in_class = false;
                text.push(']');
            }
            '[' | '&' | '~' if in_class => text.extend(['\\', char]),
            char => text.push(char),
        }
    }
    text
}

fn escape(escaped: Option<char>, in_class: bool, text: &mut String) {
    let class = |inside: &str| match in_class {
        true => inside.to_owned(),
        false => format!("[{inside}]"),
    };
    match escaped {
        Some('d') => text.push_str(&class("0-9")),
        Some('w') => text.push_str(&class("0-9A-Za-z_")),
        Some('s') => text.push_str(&class(r"\t\n\f\r ")),
        Some('D') => text.push_str("[^0-9]"),
        Some('W') => text.push_str("[^0-9A-Za-z_]"),
        Some('S') => text.push_str(r"[^\t\n\f\r ]"),
        Some('b') => text.push_str(r"(?-u:\b)"),
        Some('B') => text.push_str(r"(?-u:\B)"),
        Some(char @ ('<' | '>')) => text.push(char),
        Some(char) => text.extend(['\\', char]),
        None => text.push_str(r"\\"),
    }
}
