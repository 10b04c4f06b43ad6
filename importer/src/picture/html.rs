//! A picture as one page for a browser, which needs nothing else.

use super::model::Picture;
use super::svg::escape;
use crate::templates::Templates;
use crate::{Error, Result};
use serde::Serialize;

const STYLE: &str = include_str!("page.css");
const LAYOUT: &str = include_str!("layout.js");
const SCRIPT: &str = include_str!("page.js");

/// What the template of the page is given.
#[derive(Serialize)]
struct Page {
    title: String,
    style: &'static str,
    layout: &'static str,
    script: &'static str,
    /// The picture as JSON, inert inside a script element.
    data: String,
}

/// The page: the tree on the left, the dataflow on the right.
///
/// # Errors
/// None for pictures that can be written as JSON, which are all.
pub fn html(picture: &Picture) -> Result<String> {
    let data = serde_json::to_string(picture)
        .map_err(|error| Error::malformed(format!("the picture cannot be written: {error}")))?;
    let page = Page {
        title: escape(&picture.name),
        style: STYLE,
        layout: LAYOUT,
        script: SCRIPT,
        data: inert(&data),
    };
    Templates::new(None)?.render("graph/page.html.tera", &page)
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
