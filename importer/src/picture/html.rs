//! A picture as one page for a browser, which needs nothing else.

use super::model::Picture;
use super::svg::escape;
use crate::{Error, Result};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const LAYOUT: &str = include_str!("layout.js");
const SCRIPT: &str = include_str!("page.js");

/// The page: the tree on the left, the dataflow on the right.
///
/// # Errors
/// None for pictures that can be written as JSON, which are all.
pub fn html(picture: &Picture) -> Result<String> {
    let data = serde_json::to_string(picture)
        .map_err(|error| Error::malformed(format!("the picture cannot be written: {error}")))?;
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        match name {
            "title" => page.push_str(&escape(&picture.name)),
            "style" => page.push_str(STYLE),
            "layout" => page.push_str(LAYOUT),
            "script" => page.push_str(SCRIPT),
            "data" => page.push_str(&inert(&data)),
            _ => {}
        }
        rest = after;
    }
    page.push_str(rest);
    Ok(page)
}

/// JSON that cannot end the script element around it: markup is spelt with escapes.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
