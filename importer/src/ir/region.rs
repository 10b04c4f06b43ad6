//! Branches and loops: ops whose bodies are graphs of their own.
//!
//! A region is given values by its node's operands, and reads variables and makes constants for itself. The extents that its
//! ops are spelt with may be those of the graph around it, and its own: symbols that it numbers after the ones around it.

use super::dim::{Dim, Symbol};
use super::graph::Graph;
use super::ty::Type;
use std::sync::Arc;

/// A branch, or the body or the condition of a loop.
#[derive(Clone, Debug)]
pub struct Region {
    graph: Arc<Graph>,
    /// Symbols from this number on are the region's own.
    first_own: u32,
}

/// Rounds of a body. Operands: the first values of what is carried from round to round, then what the body reads besides.
///
/// The body takes all of them, and gives the next values of what is carried, then what is collected: each round's value of
/// it is a row of the result. The results of the loop are what is carried at its end, what was collected, and how many
/// rounds there were, as an `I64` scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// What ends it.
    pub rounds: Rounds,
    /// In the body and the condition: how many rounds came before.
    pub round: Symbol,
    /// How many values are carried.
    pub carried: usize,
    /// What happens in a round.
    pub body: Region,
}

/// What ends a loop.
#[derive(Clone, Debug, PartialEq)]
pub enum Rounds {
    /// There are as many rounds as this extent, which is not negative.
    Counted(Dim),
    /// A round happens if this gives true for what the body would be given: a `Bool` scalar.
    While(Region),
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.graph, &other.graph) || self.graph.computes_the_same(&other.graph)
    }
}

impl Region {
    /// A region inside of a graph that had `around` symbols before it.
    pub fn new(graph: Graph, around: u32) -> Self {
        Region {
            graph: Arc::new(graph),
            first_own: around,
        }
    }

    /// The same region with its graph in another form.
    pub fn with_graph(&self, graph: Graph) -> Self {
        Region {
            graph: Arc::new(graph),
            first_own: self.first_own,
        }
    }

    /// What it computes.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The types of its arguments.
    pub fn takes(&self) -> impl Iterator<Item = &Type> {
        self.graph.inputs.iter().map(|&input| self.graph.ty(input))
    }

    /// The types of its results.
    pub fn gives(&self) -> impl Iterator<Item = &Type> {
        self.graph
            .outputs
            .iter()
            .map(|&output| self.graph.ty(output))
    }

    /// Whether an extent means the same outside of the region.
    pub fn is_outer(&self, dim: &Dim) -> bool {
        let mut is_outer = true;
        dim.visit_symbols(&mut |symbol| is_outer &= symbol.number() < self.first_own);
        is_outer
    }

    /// The extents that its ops are spelt with, those of regions inside of it included.
    pub(super) fn extents(&self) -> Vec<&Dim> {
        let graph = self.graph();
        let mut extents = vec![];
        for (_, node) in graph.nodes() {
            let operand = node.inputs.first().map(|&value| graph.ty(value).dims());
            extents.extend(node.op.extents(operand.unwrap_or_default()));
        }
        extents
    }
}

impl Loop {
    /// Its regions: the condition, if it has one, and the body.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        let condition = match &self.rounds {
            Rounds::While(condition) => Some(condition),
            Rounds::Counted(_) => None,
        };
        condition.into_iter().chain([&self.body])
    }

    /// How many values are collected.
    pub fn collected(&self) -> usize {
        self.body.graph().outputs.len().saturating_sub(self.carried)
    }
}
