//! Constants that stand where weights stand become variables, so that a frozen graph trains like any other.

use crate::Result;
use crate::eval::Tensor;
use crate::ir::{
    Binary, Graph, Node, NodeId, Op, Origin, Param, ParamId, ParamSource, Program, Stored, Value,
};
use crate::passes::rewrite::Rewriter;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a weight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Kernel,
    RecurrentKernel,
    Table,
    Bias,
    Scale,
    Offset,
    Mean,
    Variance,
}

impl Use {
    /// The last part of a variable's name, as Keras has it.
    fn word(self) -> &'static str {
        match self {
            Use::Kernel => "kernel",
            Use::RecurrentKernel => "recurrent_kernel",
            Use::Table => "embeddings",
            Use::Bias => "bias",
            Use::Scale => "gamma",
            Use::Offset => "beta",
            Use::Mean => "moving_mean",
            Use::Variance => "moving_variance",
        }
    }

    /// Moving statistics are no matter of gradients.
    fn is_trained(self) -> bool {
        !matches!(self, Use::Mean | Use::Variance)
    }
}

/// Moves every constant that stands where a weight stands into [`Program::params`].
pub(crate) fn thaw(program: &mut Program) -> Result<()> {
    let Program {
        params, functions, ..
    } = program;
    for function in functions {
        let weights = weights(&function.graph);
        function.graph = Rewriter::new(&function.graph).run(|rewriter, id, node| {
            let (Some(&of), Op::Constant(value)) = (weights.get(&id), &node.op) else {
                return Ok(None);
            };
            let param =
                known(params, value, &node.origin).unwrap_or_else(|| add(params, value, node, of));
            let ty = node.types[0].clone();
            Ok(Some(vec![rewriter.new.param(param, ty, &node.origin)]))
        })?;
    }
    Ok(())
}

/// The constants that are weights, and what for.
fn weights(graph: &Graph) -> BTreeMap<NodeId, Use> {
    let mut search = Search {
        graph,
        found: BTreeMap::new(),
        linear: BTreeSet::new(),
    };
    for (id, node) in graph.nodes() {
        search.visit(id, node);
    }
    search.found
}

struct Search<'a> {
    graph: &'a Graph,
    found: BTreeMap<NodeId, Use>,
    /// The nodes that give what a kernel gave, moved or shifted only.
    linear: BTreeSet<NodeId>,
}

impl Search<'_> {
    fn visit(&mut self, id: NodeId, node: &Node) {
        match &node.op {
            Op::Conv(_) | Op::ConvTranspose { .. } => {
                self.weight(node.inputs[1], Use::Kernel);
                self.linear.insert(id);
            }
            Op::MatMul { .. } => {
                self.weight(node.inputs[0], Use::Kernel);
                self.weight(node.inputs[1], Use::Kernel);
                self.linear.insert(id);
            }
            Op::Gather { axis: 0, .. } => self.weight(node.inputs[0], Use::Table),
            Op::BatchNorm { scale, offset, .. } => {
                let uses = [(Use::Mean, true), (Use::Variance, true)];
                let own = [(Use::Scale, *scale), (Use::Offset, *offset)];
                self.weights_of(&node.inputs[1..], uses.into_iter().chain(own));
                self.linear.insert(id);
            }
            Op::LayerNorm { scale, offset, .. } => {
                let own = [(Use::Scale, *scale), (Use::Offset, *offset)];
                self.weights_of(&node.inputs[1..], own.into_iter());
            }
            Op::Recurrent { recurrence, .. } => {
                let own = [(Use::Kernel, true), (Use::RecurrentKernel, true)];
                let own = own.into_iter().chain([(Use::Bias, recurrence.bias)]);
                self.weights_of(&node.inputs[1..], own);
            }
            Op::RmsNorm { scale: true, .. } => self.weight(node.inputs[1], Use::Scale),
            Op::Binary(Binary::Add | Binary::Sub) => self.channelwise(id, node, Use::Bias),
            Op::Binary(Binary::Mul) => self.channelwise(id, node, Use::Scale),
            Op::Reshape(_) | Op::Transpose(_) if self.linear.contains(&node.inputs[0].node) => {
                self.linear.insert(id);
            }
            _ => {}
        }
    }

    fn weights_of(&mut self, inputs: &[Value], uses: impl Iterator<Item = (Use, bool)>) {
        let uses = uses.filter(|(_, present)| *present);
        for (&input, (of, _)) in inputs.iter().zip(uses) {
            self.weight(input, of);
        }
    }

    /// A vector of channels that is combined with what a kernel gave.
    fn channelwise(&mut self, id: NodeId, node: &Node, of: Use) {
        for (input, other) in [(0, 1), (1, 0)] {
            let (x, vector) = (node.inputs[input], node.inputs[other]);
            let channels = self
                .graph
                .ty(x)
                .dims()
                .last()
                .and_then(|dim| dim.as_usize());
            let length = self.graph.as_constant(vector).map(|value| value.len());
            if self.linear.contains(&x.node) && length.is_some() && length == channels {
                self.weight(vector, of);
                self.linear.insert(id);
            }
        }
    }

    /// Notes the constant behind a value, if there is one of more than a number.
    fn weight(&mut self, value: Value, of: Use) {
        let node = self.graph.node(value.node);
        match &node.op {
            Op::Constant(tensor) if tensor.dtype().is_float() && tensor.rank() > 0 => {
                self.found.entry(value.node).or_insert(of);
            }
            Op::Reshape(_) | Op::Transpose(_) | Op::Cast(_) | Op::Broadcast(_) => {
                self.weight(node.inputs[0], of);
            }
            _ => {}
        }
    }
}

/// The variable that this constant became in another function.
fn known(params: &[Param], value: &Arc<Tensor>, origin: &Origin) -> Option<ParamId> {
    let same = |param: &Param| match &param.source {
        ParamSource::Thawed { value: other, node } => *node == origin.node && other == value,
        ParamSource::Variable(_) | ParamSource::Constant(_) => false,
    };
    let index = params.iter().position(same)?;
    Some(ParamId(u32::try_from(index).ok()?))
}

fn add(params: &mut Vec<Param>, value: &Arc<Tensor>, node: &Node, of: Use) -> ParamId {
    params.push(Param {
        name: name(&node.origin.node, of),
        object_path: None,
        ty: node.types[0].clone(),
        trainable: of.is_trained(),
        source: ParamSource::Thawed {
            value: value.clone(),
            node: node.origin.node.clone(),
        },
        stored: Stored::Plain,
    });
    ParamId((params.len() - 1) as u32)
}

/// The name of a variable for the constant `node`: its own, or where it is called after the op that reads it, what it is
/// for in the op's scope.
fn name(node: &str, of: Use) -> String {
    const READS: &[&str] = &["resource", "read", "ReadVariableOp", "Const"];
    let mut parts: Vec<&str> = node.split('/').collect();
    let mut is_read = false;
    while parts.len() > 1 && parts.last().is_some_and(|last| is_numbered(last, READS)) {
        parts.pop();
        is_read = true;
    }
    if is_read && parts.len() > 1 {
        parts.pop();
        parts.push(of.word());
    }
    parts.join("/")
}

/// Whether `part` is one of `words`, or one with a counter.
fn is_numbered(part: &str, words: &[&str]) -> bool {
    words.iter().any(|word| {
        let rest = part.strip_prefix(word);
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('_')
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_called_as_its_node_or_by_what_it_is_for() {
        assert_eq!(name("conv1/weights", Use::Kernel), "conv1/weights");
        assert_eq!(
            name("net/dense/MatMul/ReadVariableOp/resource", Use::Kernel),
            "net/dense/kernel"
        );
        assert_eq!(name("Const_3", Use::Mean), "Const_3");
        assert_eq!(
            name("net/bn/FusedBatchNormV3/ReadVariableOp_1", Use::Offset),
            "net/bn/beta"
        );
    }
}
