//! Which unknown extents of the arguments are one: those that meet in an op that wants equal extents.
//!
//! TensorFlow writes `None` for each of them. Two that meet elementwise might also be 1 and n, and broadcast; what
//! models mean is the same batch or the same sequence.
//!
//! An argument whose very rank is unknown has the one that an op wants of it.

use crate::ir::{Dim, Graph, Op, Symbol, Value};
use std::collections::BTreeMap;

/// The unknown extents of a function's arguments, numbered in order, in classes of equal ones.
#[derive(Debug, Default)]
pub struct Same {
    /// For each extent one of its class, itself for the representative.
    parent: Vec<usize>,
    /// The symbols of this round, by representative.
    symbols: Vec<Option<Symbol>>,
    next: usize,
    /// The ranks that ops want of arguments, by their number.
    ranks: BTreeMap<usize, usize>,
}

impl Same {
    /// Starts a round: extents are numbered from the first again.
    pub fn restart(&mut self) {
        self.next = 0;
        self.symbols = vec![None; self.parent.len()];
    }

    /// The symbol of the next unknown extent.
    pub fn symbol(&mut self, graph: &mut Graph) -> Symbol {
        if self.next == self.parent.len() {
            self.parent.push(self.next);
            self.symbols.push(None);
        }
        let root = self.root(self.next);
        self.next += 1;
        *self.symbols[root].get_or_insert_with(|| graph.fresh_symbol())
    }

    fn root(&self, mut extent: usize) -> usize {
        while self.parent[extent] != extent {
            extent = self.parent[extent];
        }
        extent
    }

    /// The rank of an argument, where the model leaves it open and an op wants one.
    pub fn rank(&self, argument: usize) -> Option<usize> {
        self.ranks.get(&argument).copied()
    }

    /// Joins the classes that meet in `graph`, and keeps what ranks ops want of its inputs; whether anything is new.
    pub fn learn(&mut self, graph: &Graph, ranks: &BTreeMap<Value, usize>) -> bool {
        let mut learned = false;
        for (argument, value) in graph.inputs.iter().enumerate() {
            if let Some(&rank) = ranks.get(value) {
                learned |= self.ranks.insert(argument, rank) != Some(rank);
            }
        }
        for (a, b) in meetings(graph) {
            let find =
                |symbol: Symbol| self.symbols.iter().position(|&known| known == Some(symbol));
            if let (Some(a), Some(b)) = (find(a), find(b)) {
                let (a, b) = (self.root(a), self.root(b));
                self.parent[a.max(b)] = a.min(b);
                learned |= a != b;
            }
        }
        learned
    }
}

/// The pairs of different symbols that an op takes to be equal.
fn meetings(graph: &Graph) -> Vec<(Symbol, Symbol)> {
    let mut pairs = Vec::new();
    for (_, node) in graph.nodes() {
        for region in node.op.regions() {
            pairs.extend(meetings(region.graph()));
        }
        let types: Vec<&[Dim]> = node
            .inputs
            .iter()
            .map(|&value| graph.ty(value).dims())
            .collect();
        if matches!(node.op, Op::Binary(_) | Op::Compare(_) | Op::Select) {
            for (i, a) in types.iter().enumerate() {
                types[..i]
                    .iter()
                    .for_each(|b| pair_up(a.iter().rev(), b.iter().rev(), &mut pairs));
            }
        } else if let (
            Op::MatMul {
                transpose_lhs,
                transpose_rhs,
            },
            [a, b],
        ) = (&node.op, types.as_slice())
        {
            if let ([.., a1, a0], [.., b1, b0]) = (a, b) {
                let (inner, other) = (
                    if *transpose_lhs { a1 } else { a0 },
                    if *transpose_rhs { b0 } else { b1 },
                );
                pair_up([inner].into_iter(), [other].into_iter(), &mut pairs);
            }
            pair_up(a.iter().rev().skip(2), b.iter().rev().skip(2), &mut pairs);
        } else if let (Op::Concat { axis }, [first, others @ ..]) = (&node.op, types.as_slice()) {
            for other in others.iter().filter(|other| other.len() == first.len()) {
                pair_up(first[..*axis].iter(), other[..*axis].iter(), &mut pairs);
                pair_up(
                    first[axis + 1..].iter(),
                    other[axis + 1..].iter(),
                    &mut pairs,
                );
            }
        }
    }
    pairs
}

fn pair_up<'a>(
    a: impl Iterator<Item = &'a Dim>,
    b: impl Iterator<Item = &'a Dim>,
    pairs: &mut Vec<(Symbol, Symbol)>,
) {
    let symbols = a
        .zip(b)
        .filter_map(|(a, b)| a.as_symbol().zip(b.as_symbol()));
    pairs.extend(symbols.filter(|(a, b)| a != b));
}
