//! A picture as a standalone SVG.

use std::fmt::Write;

use super::block::{Block, Cluster, Placed, Rect};
use super::model::{Kind, Picture};
use super::place::panel;
use super::text;
use super::unfold::{Group, Sheet, unfold};
use crate::Result;
use crate::templates::Templates;
use serde::Serialize;

const STYLE: &str = include_str!("picture.css");
const MARGIN: f64 = 24.0;
const HEAD: f64 = 44.0;
const PANEL_HEAD: f64 = 34.0;

/// A panel on its place.
struct Panel {
    title: String,
    note: String,
    block: Block,
    x: f64,
    y: f64,
}

/// What the template of a drawing is given.
#[derive(Serialize)]
struct Drawing {
    title: String,
    style: &'static str,
    width: String,
    height: String,
    /// The head and the panels.
    body: String,
}

/// The picture as SVG.
///
/// # Errors
/// None: the built-in templates hold.
pub fn svg(picture: &Picture) -> Result<String> {
    let sheet = unfold(picture);
    let mut panels: Vec<Panel> = sheet
        .panels
        .iter()
        .map(|group| new_panel(picture, group))
        .collect();
    let (width, height) = arrange(&mut panels);
    let head = head(picture, &sheet);
    let width = width.max(head.chars().count() as f64 * 8.5 + 2.0 * MARGIN);
    let mut body = String::new();
    text_line(&mut body, "head", MARGIN, MARGIN + 10.0, &head);
    panels.iter().for_each(|panel| draw(&mut body, panel));
    let drawing = Drawing {
        title: escape(&picture.name),
        style: STYLE,
        width: number(width),
        height: number(height),
        body,
    };
    Templates::new(None)?.render("graph/picture.svg.tera", &drawing)
}

fn head(picture: &Picture, sheet: &Sheet) -> String {
    let mut parts = vec![picture.name.clone()];
    if !picture.tensorflow.is_empty() {
        parts.push(format!("TensorFlow {}", picture.tensorflow));
    }
    parts.push(format!(
        "{} parameters",
        text::thousands(picture.parameters())
    ));
    if sheet.left_out > 0 {
        parts.push(format!(
            "{} more modules found no place: write .html",
            sheet.left_out
        ));
    }
    let unsupported = picture.failures.len();
    if unsupported > 0 {
        let s = if unsupported == 1 { "" } else { "s" };
        parts.push(format!(
            "from TensorFlow's graph, for {unsupported} failure{s}"
        ));
    }
    parts.join(" · ")
}

fn new_panel(picture: &Picture, group: &Group) -> Panel {
    let (module, method) = group.drawing(picture);
    let is_root = group.module == 0;
    let title = match (is_root, module.methods.len()) {
        (true, _) => format!("{}.{}", module.name, method.name),
        (false, 1) => module.name.clone(),
        (false, _) => format!("{}.{}", module.name, method.name),
    };
    let note = match (is_root, module.instances.len()) {
        (true, _) => method.path.clone(),
        (false, 0 | 1) => module.note.clone(),
        (false, count) => format!("{count} of this type; shapes of `{}`", module.example),
    };
    Panel {
        title,
        note,
        block: panel(picture, group),
        x: 0.0,
        y: 0.0,
    }
}

impl Panel {
    fn size(&self) -> (f64, f64) {
        let title = self.title.chars().count() as f64 * 8.5;
        let note = self.note.chars().count() as f64 * 6.2;
        let (w, h) = self.block.size;
        (
            w.max(title).max(note.min(420.0)) + MARGIN,
            h + PANEL_HEAD + MARGIN,
        )
    }
}

/// Puts the panels side by side on shelves, about as wide as all of them are high. Gives the size of the page.
fn arrange(panels: &mut [Panel]) -> (f64, f64) {
    let area: f64 = panels.iter().map(Panel::size).map(|(w, h)| w * h).sum();
    let widest = panels
        .iter()
        .map(|panel| panel.size().0)
        .fold(0.0, f64::max);
    let limit = (area * 1.6).sqrt().max(widest).max(900.0);
    let (mut y, mut shelf, mut right) = (HEAD, 0.0_f64, 0.0_f64);
    // The column that panels are stacked in: its left side, its width, and how far down it is filled.
    let (mut x, mut column, mut filled) = (MARGIN, 0.0_f64, 0.0_f64);
    for panel in panels {
        let (w, h) = panel.size();
        let fits_below = column > 0.0 && filled + h <= shelf && x + w <= limit + MARGIN;
        if !fits_below {
            (x, column, filled) = (x + column, 0.0, 0.0);
            if x > MARGIN && x + w > limit + MARGIN {
                (x, y, shelf) = (MARGIN, y + shelf, 0.0);
            }
        }
        (panel.x, panel.y) = (x, y + filled);
        column = column.max(w + MARGIN);
        filled += h;
        right = right.max(x + w + MARGIN);
        shelf = shelf.max(filled);
    }
    (right, y + shelf + MARGIN)
}

fn draw(out: &mut String, panel: &Panel) {
    let (x, y) = (number(panel.x), number(panel.y));
    let _ = writeln!(out, r#"<g class="panel" transform="translate({x} {y})">"#);
    text_line(out, "title", 0.0, 16.0, &panel.title);
    text_line(out, "note", 0.0, 29.0, &panel.note);
    let _ = writeln!(
        out,
        r#"<g transform="translate(0 {})">"#,
        number(PANEL_HEAD)
    );
    let (w, h) = panel.block.size;
    rect(
        out,
        "sheet",
        Rect {
            x: 0.0,
            y: 0.0,
            w,
            h,
        },
        8.0,
    );
    panel
        .block
        .clusters
        .iter()
        .for_each(|cluster| draw_cluster(out, cluster));
    panel
        .block
        .lines
        .iter()
        .for_each(|line| draw_line(out, line));
    panel
        .block
        .boxes
        .iter()
        .for_each(|placed| draw_box(out, placed));
    panel.block.clusters.iter().for_each(|cluster| {
        let Rect { x, y, .. } = cluster.rect;
        text_line(out, "cluster-title", x + 8.0, y + 15.0, &cluster.title);
    });
    out.push_str("</g>\n</g>\n");
}

fn draw_cluster(out: &mut String, cluster: &Cluster) {
    rect(
        out,
        &format!("cluster d{}", cluster.depth % 4),
        cluster.rect,
        7.0,
    );
}

/// A line that swings between points of different `x`.
fn draw_line(out: &mut String, points: &[(f64, f64)]) {
    let mut path = String::new();
    let mut last: Option<(f64, f64)> = None;
    for &(x, y) in points {
        let (tx, ty) = (number(x), number(y));
        match last {
            None => {
                let _ = write!(path, "M{tx} {ty}");
            }
            Some((px, _)) if (px - x).abs() < 0.5 => {
                let _ = write!(path, "L{tx} {ty}");
            }
            Some((px, py)) => {
                let middle = number((py + y) / 2.0);
                let _ = write!(path, "C{} {middle} {tx} {middle} {tx} {ty}", number(px));
            }
        }
        last = Some((x, y));
    }
    let _ = writeln!(
        out,
        r#"<path class="edge" d="{path}" marker-end="url(#arrow)"/>"#
    );
}

fn draw_box(out: &mut String, placed: &Placed) {
    let Rect { x, y, w, h } = placed.rect;
    let middle = x + w / 2.0;
    let optional = if placed.is_optional { " optional" } else { "" };
    let (class, tip) = (class(placed.kind), escape(&placed.caption.tip));
    let _ = writeln!(out, r#"<g class="{class}{optional}"><title>{tip}</title>"#);
    if placed.is_pill {
        rect(out, "pill", placed.rect, h / 2.0);
        if placed.kind == Kind::Argument {
            centred(out, "small", middle, y + 11.5, &placed.caption.title);
        }
    } else {
        if placed.is_row {
            let behind = Rect {
                x: x + 4.0,
                y: y + 4.0,
                w,
                h,
            };
            rect(out, "box behind", behind, 5.0);
        }
        rect(out, "box", placed.rect, 5.0);
        centred(out, "label", middle, y + 15.0, &placed.caption.title);
        for (i, line) in placed.caption.lines.iter().enumerate() {
            centred(out, "small", middle, y + 29.0 + 14.0 * i as f64, line);
        }
    }
    if !placed.caption.types.is_empty() {
        text_line(
            out,
            "type",
            middle + 5.0,
            y + h + 11.0,
            &placed.caption.types,
        );
    }
    out.push_str("</g>\n");
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Argument => "argument",
        Kind::Result => "result",
        Kind::Op => "op",
        Kind::Unsupported => "unsupported",
        Kind::Layer => "layer",
        Kind::Module => "module",
        Kind::Weight => "weight",
    }
}

fn rect(out: &mut String, class: &str, rect: Rect, radius: f64) {
    let Rect { x, y, w, h } = rect;
    let _ = writeln!(
        out,
        r#"<rect class="{class}" x="{}" y="{}" width="{}" height="{}" rx="{}"/>"#,
        number(x),
        number(y),
        number(w),
        number(h),
        number(radius)
    );
}

fn text_line(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let (x, y) = (number(x), number(y));
    let _ = writeln!(
        out,
        r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#,
        escape(text)
    );
}

fn centred(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let (x, y) = (number(x), number(y));
    let _ = writeln!(
        out,
        r#"<text class="{class}" text-anchor="middle" x="{x}" y="{y}">{}</text>"#,
        escape(text)
    );
}

/// With at most one decimal place.
fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // No `-0`.
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// Text for XML: markup escaped, characters that XML forbids replaced.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
