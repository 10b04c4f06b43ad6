//! Rows of boxes: every edge leads down, and few edges cross.
//!
//! The classic layered layout: edges that close a cycle count backwards, a box stands below all that it reads, a long
//! edge bends through each row on its way, and rows are sorted by the median of their neighbours.

use super::model::{Kind, Method, Slot};

/// Bends beyond this many are left out: the edge is drawn straight.
const MAX_BENDS: usize = 4_000;
/// How often rows are sorted.
const SWEEPS: usize = 8;

/// The rows of a drawing, from top to bottom.
pub fn rows(method: &Method) -> Vec<Vec<Slot>> {
    let count = method.boxes.len();
    let links = acyclic(method);
    let ranks = ranks(method, &links);
    let mut slots = Slots::new(count, &ranks);
    for (edge, &(from, to)) in links.iter().enumerate() {
        slots.link(edge, from, to, &ranks);
    }
    slots.sort();
    slots.finish(count)
}

/// The edges as pairs of boxes that form no cycle; what closes one is turned round.
fn acyclic(method: &Method) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut below: Vec<Vec<usize>> = vec![vec![]; method.boxes.len()];
    for (index, edge) in method.edges.iter().enumerate() {
        below[edge.from].push(index);
    }
    let mut marks = vec![Mark::New; method.boxes.len()];
    let mut turned = vec![false; method.edges.len()];
    for root in 0..method.boxes.len() {
        let mut stack = vec![(root, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if marks[node] != Mark::New {
                    continue;
                }
                marks[node] = Mark::Open;
            }
            let Some(&edge) = below[node].get(next) else {
                marks[node] = Mark::Done;
                continue;
            };
            stack.push((node, next + 1));
            let to = method.edges[edge].to;
            match marks[to] {
                Mark::New => stack.push((to, 0)),
                Mark::Open => turned[edge] = true,
                Mark::Done => {}
            }
        }
    }
    let ends = method.edges.iter().zip(turned);
    ends.map(|(edge, turned)| {
        if turned {
            (edge.to, edge.from)
        } else {
            (edge.from, edge.to)
        }
    })
    .collect()
}

/// The row of each box: below all that it reads; what reads nothing stands right above its first reader.
fn ranks(method: &Method, links: &[(usize, usize)]) -> Vec<usize> {
    let count = method.boxes.len();
    let mut below: Vec<Vec<usize>> = vec![vec![]; count];
    let mut waits = vec![0usize; count];
    for &(from, to) in links.iter().filter(|(from, to)| from != to) {
        below[from].push(to);
        waits[to] += 1;
    }
    let reads_nothing: Vec<bool> = waits.iter().map(|&waits| waits == 0).collect();
    let is_argument = |node: usize| method.boxes[node].kind == Kind::Argument;
    let mut ranks: Vec<usize> = (0..count)
        .map(|node| usize::from(!is_argument(node) && reads_nothing[node]))
        .collect();
    let mut ready: Vec<usize> = (0..count).filter(|&node| waits[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &to in &below[node] {
            ranks[to] = ranks[to].max(ranks[node] + 1);
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(to);
            }
        }
    }
    for node in (0..count).filter(|&node| reads_nothing[node] && !is_argument(node)) {
        if let Some(first) = below[node].iter().map(|&to| ranks[to]).min() {
            ranks[node] = first - 1;
        }
    }
    let last = ranks.iter().copied().max().unwrap_or(0);
    for (rank, node) in ranks.iter_mut().zip(&method.boxes) {
        if node.kind == Kind::Result {
            *rank = last;
        }
    }
    close_gaps(&mut ranks);
    ranks
}

/// Rows that nothing stands in vanish.
fn close_gaps(ranks: &mut [usize]) {
    let mut used: Vec<usize> = ranks.to_vec();
    used.sort_unstable();
    used.dedup();
    for rank in ranks {
        *rank = used.binary_search(rank).unwrap_or(0);
    }
}

/// Boxes and bends, by number; the boxes come first.
struct Slots {
    slots: Vec<Slot>,
    rows: Vec<Vec<usize>>,
    row_of: Vec<usize>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
}

impl Slots {
    fn new(count: usize, ranks: &[usize]) -> Self {
        let height = ranks.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![vec![]; height];
        for (node, &rank) in ranks.iter().enumerate() {
            rows[rank].push(node);
        }
        Slots {
            slots: (0..count).map(Slot::Box).collect(),
            rows,
            row_of: ranks.to_vec(),
            above: vec![vec![]; count],
            below: vec![vec![]; count],
        }
    }

    /// Leads an edge from row to row.
    fn link(&mut self, edge: usize, from: usize, to: usize, ranks: &[usize]) {
        let bends = ranks[to].saturating_sub(ranks[from] + 1);
        let mut previous = from;
        if self.slots.len() - ranks.len() + bends <= MAX_BENDS {
            for row in ranks[from] + 1..ranks[to] {
                let bend = self.slots.len();
                self.slots.push(Slot::Bend(edge));
                self.rows[row].push(bend);
                self.row_of.push(row);
                self.above.push(vec![]);
                self.below.push(vec![]);
                self.join(previous, bend);
                previous = bend;
            }
        }
        self.join(previous, to);
    }

    fn join(&mut self, from: usize, to: usize) {
        if from != to {
            self.below[from].push(to);
            self.above[to].push(from);
        }
    }

    /// Sorts every row by its neighbours, downwards and upwards in turn; the best order stays.
    fn sort(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let down = sweep % 2 == 0;
            let order: Vec<usize> = match down {
                true => (1..self.rows.len()).collect(),
                false => (0..self.rows.len().saturating_sub(1)).rev().collect(),
            };
            order.into_iter().for_each(|row| self.sort_row(row, down));
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn positions(&self) -> Vec<usize> {
        let mut position = vec![0; self.slots.len()];
        for row in &self.rows {
            row.iter()
                .enumerate()
                .for_each(|(place, &slot)| position[slot] = place);
        }
        position
    }

    fn sort_row(&mut self, row: usize, down: bool) {
        let next = if down {
            row.checked_sub(1)
        } else {
            Some(row + 1)
        };
        let Some(next) = next.and_then(|next| self.rows.get(next)) else {
            return;
        };
        let place: std::collections::HashMap<usize, usize> = next
            .iter()
            .enumerate()
            .map(|(place, &slot)| (slot, place))
            .collect();
        let neighbours = if down { &self.above } else { &self.below };
        let weight = |(own, &slot): (usize, &usize)| {
            let near = neighbours[slot].iter().filter_map(|near| place.get(near));
            let (sum, count) = near.fold((0, 0), |(sum, count), place| (sum + place, count + 1));
            match count {
                0 => own as f64,
                count => sum as f64 / f64::from(count),
            }
        };
        let weights: Vec<f64> = self.rows[row].iter().enumerate().map(weight).collect();
        let mut order: Vec<(f64, usize)> = weights
            .into_iter()
            .zip(self.rows[row].iter().copied())
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rows[row] = order.into_iter().map(|(_, slot)| slot).collect();
    }

    /// How many pairs of edges between neighbouring rows cross.
    fn crossings(&self) -> usize {
        let position = self.positions();
        let of_row = |row: &Vec<usize>| {
            let mut ends = vec![];
            for &slot in row {
                let next = self.row_of[slot] + 1;
                let mut below: Vec<usize> = self.below[slot]
                    .iter()
                    .filter(|&&to| self.row_of[to] == next)
                    .map(|&to| position[to])
                    .collect();
                below.sort_unstable();
                ends.extend(below);
            }
            inversions(&mut ends)
        };
        self.rows.iter().map(of_row).sum()
    }

    fn finish(self, count: usize) -> Vec<Vec<Slot>> {
        debug_assert!(self.slots.len() >= count);
        let row = |row: &Vec<usize>| row.iter().map(|&slot| self.slots[slot]).collect();
        self.rows.iter().map(row).collect()
    }
}

/// How many pairs are in the wrong order, by a merge sort.
fn inversions(values: &mut [usize]) -> usize {
    let middle = values.len() / 2;
    if middle == 0 {
        return 0;
    }
    let (left, right) = values.split_at_mut(middle);
    let mut count = inversions(left) + inversions(right);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() || j < right.len() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            merged.push(left[i]);
            i += 1;
        } else {
            merged.push(right[j]);
            count += left.len() - i;
            j += 1;
        }
    }
    values.copy_from_slice(&merged);
    count
}

#[cfg(test)]
mod tests {
    use super::super::model::{Edge, Node};
    use super::*;

    fn method(count: usize, edges: &[(usize, usize)]) -> Method {
        let edge = |&(from, to): &(usize, usize)| Edge {
            from,
            to,
            ..Edge::default()
        };
        Method {
            boxes: vec![Node::default(); count],
            edges: edges.iter().map(edge).collect(),
            ..Method::default()
        }
    }

    #[test]
    fn a_skip_bends_through_the_row_between() {
        let rows = rows(&method(3, &[(0, 1), (1, 2), (0, 2)]));
        assert_eq!(rows[0], [Slot::Box(0)]);
        assert_eq!(rows[1], [Slot::Box(1), Slot::Bend(2)]);
        assert_eq!(rows[2], [Slot::Box(2)]);
    }

    #[test]
    fn crossed_edges_are_uncrossed() {
        let rows = rows(&method(4, &[(0, 3), (1, 2)]));
        assert_eq!(rows[1], [Slot::Box(3), Slot::Box(2)]);
    }

    #[test]
    fn a_cycle_has_rows_all_the_same() {
        let rows = rows(&method(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]));
        assert_eq!(
            rows.iter()
                .flatten()
                .filter(|s| matches!(s, Slot::Box(_)))
                .count(),
            3
        );
    }
}
