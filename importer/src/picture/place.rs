//! Coordinates: every box inside its cluster, no two boxes of one drawing over each other.
//!
//! A drawing is laid out from the inside out. Rows stand below each other; within a row, each box strives towards what
//! it is joined with, as far as the order and the widths of the row permit (isotonic regression).

use super::caption::{Caption, caption};
use super::model::{Edge, Kind, Method, Node, Picture, Slot};
use super::unfold::Group;

const CHAR: f64 = 6.3;
const LINE: f64 = 14.0;
const PADDING: f64 = 8.0;
const ROW_GAP: f64 = 26.0;
const GAP: f64 = 22.0;
const TITLE: f64 = 22.0;
const MARGIN: f64 = 12.0;
const SWEEPS: usize = 10;

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
    inputs: Vec<(f64, f64)>,
    /// Where the n-th result is left.
    outputs: Vec<(f64, f64)>,
}

/// Lays out a panel.
pub fn panel(picture: &Picture, group: &Group) -> Block {
    block(picture, group, 0)
}

/// One slot of a row, with its size.
#[derive(Clone)]
struct Cell {
    slot: Slot,
    width: f64,
    height: f64,
    /// The centre.
    x: f64,
}

fn block(picture: &Picture, group: &Group, depth: usize) -> Block {
    let (module, method) = group.drawing(picture);
    let mut parts: Vec<Part> = vec![];
    for (index, node) in method.boxes.iter().enumerate() {
        let inside = group
            .inside
            .get(&index)
            .map(|inside| block(picture, inside, depth + 1));
        parts.push(Part::new(
            node,
            caption(picture, module, node),
            inside,
            depth,
        ));
    }
    let mut layout = Layout::new(method, parts);
    layout.settle();
    layout.finish(method, depth)
}

/// A box of a drawing: its own, or an unfolded module.
struct Part {
    caption: Caption,
    kind: Kind,
    is_row: bool,
    is_pill: bool,
    width: f64,
    height: f64,
    inside: Option<Block>,
}

impl Part {
    fn new(node: &Node, mut caption: Caption, inside: Option<Block>, depth: usize) -> Self {
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
            .fold(width(&caption.title) * 1.06, f64::max);
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
            is_pill,
            width: size.0,
            height: size.1,
            caption,
            inside,
        }
    }

    /// The room it needs, with the types of its results below it, to the right of the edge.
    fn room(&self) -> (f64, f64) {
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

/// Two cells of neighbouring rows that an edge joins, with the places of its ends beside their centres.
struct Link {
    upper: (usize, usize),
    lower: (usize, usize),
    /// How far to the right the lower end is, seen from the upper one, when both centres are equal.
    shift: f64,
}

struct Layout {
    parts: Vec<Part>,
    rows: Vec<Vec<Cell>>,
    tops: Vec<f64>,
    heights: Vec<f64>,
    links: Vec<Link>,
    /// For each row, the links that end in it, and those that begin in it.
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// The row and place of each box.
    place: Vec<(usize, usize)>,
    /// The places of the bends of each edge, from top to bottom.
    bends: Vec<Vec<(usize, usize)>>,
    /// How many edges end at each box.
    fan_in: Vec<usize>,
}

impl Layout {
    fn new(method: &Method, parts: Vec<Part>) -> Self {
        let mut place = vec![(0, 0); parts.len()];
        let mut bends = vec![vec![]; method.edges.len()];
        let mut rows = vec![];
        for (r, row) in method.rows.iter().enumerate() {
            let mut cells = vec![];
            for (c, &slot) in row.iter().enumerate() {
                let (width, height) = match slot {
                    Slot::Box(index) => {
                        place[index] = (r, c);
                        parts[index].room()
                    }
                    Slot::Bend(edge) => {
                        bends[edge].push((r, c));
                        (4.0, 0.0)
                    }
                };
                cells.push(Cell {
                    slot,
                    width,
                    height,
                    x: 0.0,
                });
            }
            rows.push(cells);
        }
        let mut fan_in = vec![0; parts.len()];
        method
            .edges
            .iter()
            .for_each(|edge| fan_in[edge.to] = fan_in[edge.to].max(edge.operand + 1));
        let mut layout = Layout {
            above: vec![vec![]; rows.len()],
            below: vec![vec![]; rows.len()],
            tops: vec![],
            heights: rows
                .iter()
                .map(|row| row.iter().map(|c| c.height).fold(0.0, f64::max))
                .collect(),
            parts,
            rows,
            links: vec![],
            place,
            bends,
            fan_in,
        };
        method
            .edges
            .iter()
            .enumerate()
            .for_each(|(index, edge)| layout.link(index, edge));
        layout
    }

    /// The ends of an edge, as distances from the centres of its boxes: below the one, above the other.
    fn ends(&self, edge: &Edge) -> (f64, f64) {
        let from = &self.parts[edge.from];
        let out = match &from.inside {
            Some(inside) => inside
                .outputs
                .get(edge.result)
                .map_or(0.0, |port| port.0 - inside.size.0 / 2.0),
            None => 0.0,
        };
        let to = &self.parts[edge.to];
        let into = match &to.inside {
            Some(inside) => inside
                .inputs
                .get(edge.operand)
                .map_or(0.0, |port| port.0 - inside.size.0 / 2.0),
            None => {
                let count = self.fan_in[edge.to] as f64;
                let step = (to.width / (count + 1.0)).min(16.0);
                (edge.operand as f64 - (count - 1.0) / 2.0) * step
            }
        };
        (out, into)
    }

    fn link(&mut self, index: usize, edge: &Edge) {
        let (out, into) = self.ends(edge);
        let mut way = vec![(self.place[edge.from], out)];
        way.extend(self.bends[index].iter().map(|&bend| (bend, 0.0)));
        way.push((self.place[edge.to], into));
        for pair in way.windows(2) {
            let (mut upper, mut lower) = (pair[0], pair[1]);
            if upper.0.0 > lower.0.0 {
                std::mem::swap(&mut upper, &mut lower);
            }
            let link = Link {
                upper: upper.0,
                lower: lower.0,
                shift: upper.1 - lower.1,
            };
            if link.upper.0 != link.lower.0 {
                self.above[link.lower.0].push(self.links.len());
                self.below[link.upper.0].push(self.links.len());
                self.links.push(link);
            }
        }
    }

    /// Moves the boxes of every row towards what they are joined with.
    fn settle(&mut self) {
        for row in 0..self.rows.len() {
            let wish = vec![(0.0, 1.0); self.rows[row].len()];
            self.arrange(row, &wish);
        }
        for sweep in 0..SWEEPS {
            let order: Vec<usize> = match sweep % 2 == 0 {
                true => (0..self.rows.len()).collect(),
                false => (0..self.rows.len()).rev().collect(),
            };
            for row in order {
                let wish = self.wishes(row, sweep % 2 == 0, sweep + 2 >= SWEEPS);
                self.arrange(row, &wish);
            }
        }
    }

    /// Where each cell of a row would like to be, and how much.
    fn wishes(&self, row: usize, down: bool, both: bool) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.rows[row].len()];
        let mut add = |cell: usize, x: f64, weight: f64| {
            sums[cell].0 += x * weight;
            sums[cell].1 += weight;
        };
        let bend = |(r, c): (usize, usize)| matches!(self.rows[r][c].slot, Slot::Bend(_));
        let weight = |link: &Link| match (bend(link.upper), bend(link.lower)) {
            (true, true) => 8.0,
            (true, false) | (false, true) => 2.0,
            (false, false) => 1.0,
        };
        if down || both {
            for link in self.above[row].iter().map(|&link| &self.links[link]) {
                let x = self.rows[link.upper.0][link.upper.1].x + link.shift;
                add(link.lower.1, x, weight(link));
            }
        }
        if !down || both {
            for link in self.below[row].iter().map(|&link| &self.links[link]) {
                let x = self.rows[link.lower.0][link.lower.1].x - link.shift;
                add(link.upper.1, x, weight(link));
            }
        }
        let cells = self.rows[row].iter().zip(sums);
        cells
            .map(|(cell, (sum, weight))| match weight > 0.0 {
                true => (sum / weight, weight),
                false => (cell.x, 0.1),
            })
            .collect()
    }

    /// The closest places to the wishes that keep order and distance.
    fn arrange(&mut self, row: usize, wishes: &[(f64, f64)]) {
        let cells = &mut self.rows[row];
        let mut offsets = vec![];
        let mut x = 0.0;
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                let gap = match (cells[i - 1].slot, cell.slot) {
                    (Slot::Bend(_), Slot::Bend(_)) => GAP / 2.0,
                    (Slot::Box(_), _) | (_, Slot::Box(_)) => GAP,
                };
                x += (cells[i - 1].width + cell.width) / 2.0 + gap;
            }
            offsets.push(x);
        }
        // Runs of cells that touch: the sum of their wishes and weights, and how many they are.
        let mut runs: Vec<(f64, f64, usize)> = vec![];
        for (wish, offset) in wishes.iter().zip(&offsets) {
            let mut run = ((wish.0 - offset) * wish.1, wish.1, 1);
            while let Some(last) = runs.last()
                && last.0 / last.1 > run.0 / run.1
            {
                run = (run.0 + last.0, run.1 + last.1, run.2 + last.2);
                runs.pop();
            }
            runs.push(run);
        }
        let starts = runs
            .iter()
            .flat_map(|run| std::iter::repeat_n(run.0 / run.1, run.2));
        for ((cell, start), offset) in cells.iter_mut().zip(starts).zip(offsets) {
            cell.x = start + offset;
        }
    }

    /// Brings everything to its final place.
    fn finish(mut self, method: &Method, depth: usize) -> Block {
        let left = self
            .cells()
            .map(|cell| cell.x - cell.width / 2.0)
            .fold(f64::INFINITY, f64::min);
        let left = if left.is_finite() { left } else { 0.0 };
        let shift = MARGIN - left;
        self.rows
            .iter_mut()
            .flatten()
            .for_each(|cell| cell.x += shift);
        let right = self
            .cells()
            .map(|cell| cell.x + cell.width / 2.0)
            .fold(0.0, f64::max);
        let mut y = if depth == 0 {
            MARGIN
        } else {
            TITLE + MARGIN / 2.0
        };
        for height in &self.heights {
            self.tops.push(y);
            y += height + ROW_GAP;
        }
        let mut block = Block {
            size: (right + MARGIN, y - ROW_GAP + MARGIN),
            ..Block::default()
        };
        for edge in 0..method.edges.len() {
            let line = self.line(method, edge);
            block.lines.push(line);
        }
        for index in 0..self.parts.len() {
            self.put(index, depth, &mut block);
        }
        block
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flatten()
    }

    /// Puts a box, or an unfolded module, into the block.
    fn put(&mut self, index: usize, depth: usize, block: &mut Block) {
        let (row, cell) = self.place[index];
        let part = &mut self.parts[index];
        let rect = Rect {
            x: self.rows[row][cell].x - part.width / 2.0,
            y: self.tops[row],
            w: part.width,
            h: part.height,
        };
        let middle = rect.x + rect.w / 2.0;
        match part.kind {
            Kind::Argument => block.inputs.push((middle, rect.y)),
            Kind::Result => block.outputs.push((middle, rect.y + rect.h)),
            Kind::Op | Kind::Unsupported | Kind::Layer | Kind::Module | Kind::Weight => {}
        }
        let placed = Placed {
            rect,
            kind: part.kind,
            caption: part.caption.clone(),
            is_pill: part.is_pill,
            is_row: part.is_row,
        };
        match part.inside.take() {
            Some(inside) => block.adopt(inside, &placed, depth),
            None => block.boxes.push(placed),
        }
    }

    /// The points of an edge, from the lower side of a box to the upper side of another.
    fn line(&self, method: &Method, index: usize) -> Vec<(f64, f64)> {
        let edge = &method.edges[index];
        let (out, into) = self.ends(edge);
        let (from, to) = (self.place[edge.from], self.place[edge.to]);
        let source = &self.parts[edge.from];
        let x = self.rows[from.0][from.1].x + out;
        let bottom = self.tops[from.0] + source.height;
        let start = source
            .inside
            .as_ref()
            .and_then(|b| b.outputs.get(edge.result));
        let mut points = vec![(x, start.map_or(bottom, |port| self.tops[from.0] + port.1))];
        points.push((x, self.tops[from.0] + self.heights[from.0]));
        for &(row, cell) in &self.bends[index] {
            let x = self.rows[row][cell].x;
            points.push((x, self.tops[row]));
            points.push((x, self.tops[row] + self.heights[row]));
        }
        let x = self.rows[to.0][to.1].x + into;
        points.push((x, self.tops[to.0]));
        let inside = self.parts[edge.to].inside.as_ref();
        if let Some(port) = inside.and_then(|inside| inside.inputs.get(edge.operand)) {
            points.push((x, self.tops[to.0] + port.1));
        }
        points
    }
}

impl Block {
    /// Takes in the inside of an unfolded module.
    fn adopt(&mut self, inside: Block, placed: &Placed, depth: usize) {
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
