//! Regular expressions, in RE2's syntax.

use super::super::cx::{Cx, elements};
use super::strings::map;
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use regex::bytes::{Captures, Regex, RegexBuilder};

pub(super) const OPS: &[Row] = &[
    one("RegexReplace", |cx| {
        let (pattern, rewrite) = (cx.string(1)?, cx.string(2)?);
        replace(cx, &pattern, &rewrite)
    }),
    one("StaticRegexReplace", |cx| {
        let (pattern, rewrite): (String, String) = (cx.attr("pattern")?, cx.attr("rewrite")?);
        replace(cx, pattern.as_bytes(), rewrite.as_bytes())
    }),
    one("RegexFullMatch", |cx| {
        let pattern = cx.string(1)?;
        full_match(cx, &pattern)
    }),
    one("StaticRegexFullMatch", |cx| {
        let pattern: String = cx.attr("pattern")?;
        full_match(cx, pattern.as_bytes())
    }),
];

fn replace(cx: &mut Cx<'_>, pattern: &[u8], rewrite: &[u8]) -> Result<Tensor> {
    let regex = compile(pattern, false)?;
    let limit = match cx.attr("replace_global")? {
        true => 0,
        false => 1,
    };
    let expand = |found: &Captures<'_>| expanded(rewrite, found);
    map(cx, |string| {
        regex.replacen(string, limit, expand).into_owned()
    })
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

fn full_match(cx: &mut Cx<'_>, pattern: &[u8]) -> Result<Tensor> {
    let regex = compile(pattern, true)?;
    let x = cx.tensor(0)?;
    let flags = elements::<Vec<u8>>(&x)?
        .iter()
        .map(|string| regex.is_match(string));
    Tensor::new(x.shape(), flags.collect())
}

/// What a compiled pattern may take.
const SIZE_LIMIT: usize = 10 << 20;

fn compile(pattern: &[u8], whole: bool) -> Result<Regex> {
    let pattern = String::from_utf8_lossy(pattern);
    let mut translated = translated(&pattern);
    if whole {
        translated = format!(r"\A(?:{translated})\z");
    }
    let compiled = RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .build();
    compiled.map_err(|error| Error::usage(format!("the pattern `{pattern}`: {error}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_translated() {
        assert_eq!(translated(r"\d+[\w-][[]"), r"[0-9]+[0-9A-Za-z_-][\[]");
        assert_eq!(translated("[]a]"), r"[\]a]");
        assert_eq!(translated("[^[:space:]]"), "[^[:space:]]");
    }

    #[test]
    fn a_rewrite_names_groups_by_a_backslash() -> Result<()> {
        let regex = compile(b"(a)(b)", false)?;
        let found = regex
            .captures(b"ab")
            .ok_or_else(|| Error::malformed("no match"))?;
        assert_eq!(expanded(br"\2-\1\\", &found), br"b-a\");
        Ok(())
    }
}
