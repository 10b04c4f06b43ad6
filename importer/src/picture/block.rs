//! Boxes and clusters: their sizes, and what is inside what.

use super::caption::Caption;
use super::model::{Kind, Node};

const CHAR: f64 = 6.3;
const LINE: f64 = 14.0;
const PADDING: f64 = 8.0;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub x: f64,
    /// The upper edge.
    pub y: f64,
    /// The width.
    pub w: f64,
    /// The height.
    pub h: f64,
}

/// A box with its texts.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it is.
    pub rect: Rect,
    /// Its kind.
    pub kind: Kind,
    /// Its texts.
    pub caption: Caption,
    /// Whether it is a value at the border of a cluster.
    pub is_pill: bool,
    /// Whether it stands for several modules in a row.
    pub is_row: bool,
    /// Whether only some instances of its module have it.
    pub is_optional: bool,
}

/// An unfolded module.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Where it is.
    pub rect: Rect,
    /// Its title.
    pub title: String,
    /// How deep it is in others.
    pub depth: usize,
}

/// A drawing with coordinates.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Its size; its upper left corner is the origin.
    pub size: (f64, f64),
    /// The boxes.
    pub boxes: Vec<Placed>,
    /// The clusters, outer ones first.
    pub clusters: Vec<Cluster>,
    /// The edges: the points of a path. Between two points of different `x` it swings.
    pub lines: Vec<Vec<(f64, f64)>>,
    /// Where the n-th argument is entered.
    pub inputs: Vec<(f64, f64)>,
    /// Where the n-th result is left.
    pub outputs: Vec<(f64, f64)>,
}

/// A box of a drawing: its own, or an unfolded module.
pub struct Part {
    pub caption: Caption,
    pub kind: Kind,
    pub is_row: bool,
    pub is_optional: bool,
    pub is_pill: bool,
    pub width: f64,
    pub height: f64,
    pub inside: Option<Block>,
}

impl Part {
    /// A box with its texts, or with the drawing inside it.
    pub fn new(node: &Node, mut caption: Caption, inside: Option<Block>, depth: usize) -> Self {
        let is_pill = depth > 0 && matches!(node.kind, Kind::Argument | Kind::Result);
        if is_pill {
            caption.lines.clear();
            caption.types.clear();
        }
        if node.kind == Kind::Result {
            caption
                .lines
                .extend((!caption.types.is_empty()).then(|| caption.types.clone()));
            caption.types.clear();
        }
        let longest = caption
            .lines
            .iter()
            .map(|line| width(line))
            .fold(width(&caption.title) * 1.12, f64::max);
        let mut size = (
            longest + 2.0 * PADDING,
            LINE * (1 + caption.lines.len()) as f64 + PADDING,
        );
        if is_pill {
            size = match node.kind {
                Kind::Result => (8.0, 8.0),
                _ => (width(&caption.title) + 12.0, 16.0),
            };
        }
        if let Some(inside) = &inside {
            size = inside.size;
        }
        Part {
            kind: node.kind,
            is_row: node.count.is_some(),
            is_optional: node.optional,
            is_pill,
            width: size.0,
            height: size.1,
            caption,
            inside,
        }
    }

    /// The room it needs, with the types of its results below it, to the right of the edge.
    pub fn room(&self) -> (f64, f64) {
        match self.caption.types.as_str() {
            "" => (self.width, self.height),
            types => {
                let right = width(types) * 0.9 + 6.0;
                (self.width.max(2.0 * right), self.height + LINE)
            }
        }
    }
}

fn width(text: &str) -> f64 {
    text.chars().count() as f64 * CHAR
}

impl Block {
    /// Takes in the inside of an unfolded module.
    pub fn adopt(&mut self, inside: Block, placed: &Placed, depth: usize) {
        let (dx, dy) = (placed.rect.x, placed.rect.y);
        let mut title = placed.caption.title.clone();
        if let Some(line) = placed.caption.lines.first() {
            title = format!("{title} · {line}");
        }
        // The title must not be wider than the cluster.
        let room = ((placed.rect.w - 12.0) / CHAR).max(4.0) as usize;
        if title.chars().count() > room {
            title = title
                .chars()
                .take(room.saturating_sub(1))
                .chain(['…'])
                .collect();
        }
        self.clusters.push(Cluster {
            rect: placed.rect,
            title,
            depth: depth + 1,
        });
        let moved = |rect: Rect| Rect {
            x: rect.x + dx,
            y: rect.y + dy,
            ..rect
        };
        self.clusters
            .extend(inside.clusters.into_iter().map(|cluster| Cluster {
                rect: moved(cluster.rect),
                ..cluster
            }));
        self.boxes
            .extend(inside.boxes.into_iter().map(|placed| Placed {
                rect: moved(placed.rect),
                ..placed
            }));
        let lines = inside.lines.into_iter();
        self.lines
            .extend(lines.map(|line| line.into_iter().map(|(x, y)| (x + dx, y + dy)).collect()));
    }
}
