//! How a pass rewrites a graph: nodes are visited in order and copied into a new graph, or replaced on the way.

use crate::error::Result;
use crate::ir::{Graph, Node, NodeId, Op, Origin, Value};

/// A graph on its way into another.
pub struct Rewriter<'a> {
    /// The graph that is read.
    pub old: &'a Graph,
    /// The graph that is written.
    pub new: Graph,
    /// Where each result of each old node has gone.
    map: Vec<Vec<Value>>,
}

impl<'a> Rewriter<'a> {
    /// Starts with an empty graph.
    pub fn new(old: &'a Graph) -> Self {
        let mut new = Graph::default();
        new.adopt_symbols(old);
        Rewriter {
            old,
            new,
            map: Vec::with_capacity(old.len()),
        }
    }

    /// Where an old value has gone.
    pub fn get(&self, value: Value) -> Value {
        self.map[value.node.0 as usize][value.result as usize]
    }

    /// Where old values have gone.
    pub fn get_all(&self, values: &[Value]) -> Vec<Value> {
        values.iter().map(|&value| self.get(value)).collect()
    }

    /// Appends a node of one result to the new graph.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub fn push(&mut self, op: Op, inputs: &[Value], origin: &Origin) -> Result<Value> {
        self.new.value(op, inputs, origin)
    }

    /// Copies a node with its operands mapped.
    ///
    /// # Errors
    /// When the new operands do not fit the op.
    pub fn copy(&mut self, node: &Node) -> Result<Vec<Value>> {
        let inputs = self.get_all(&node.inputs);
        self.copy_with(node, node.op.clone(), &inputs)
    }

    fn copy_with(&mut self, node: &Node, op: Op, inputs: &[Value]) -> Result<Vec<Value>> {
        let ty = || node.types[0].clone();
        let first = match op {
            Op::Input(_) => self.new.input(ty(), &node.origin),
            Op::Param(param) => self.new.param(param, ty(), &node.origin),
            Op::Constant(value) => self.new.shared_constant(value, &node.origin),
            Op::Extents {
                dims,
                scalar,
                dtype,
            } => self.new.extents(dims, scalar, dtype, &node.origin),
            op => Value {
                node: self.new.push_as(op, inputs, node)?,
                result: 0,
            },
        };
        Ok((0..node.types.len() as u32)
            .map(|result| Value { result, ..first })
            .collect())
    }

    /// Visits every node: `replace` gives the new results of a node, or `None` to have it copied.
    ///
    /// # Errors
    /// What `replace` and copying give.
    pub fn run(
        mut self,
        mut replace: impl FnMut(&mut Self, NodeId, &Node) -> Result<Option<Vec<Value>>>,
    ) -> Result<Graph> {
        let old = self.old;
        for (id, node) in old.nodes() {
            let results = match replace(&mut self, id, node)? {
                Some(results) => results,
                None => self.copy(node)?,
            };
            self.map.push(results);
        }
        self.new.outputs = self.get_all(&old.outputs);
        Ok(self.new)
    }
}
