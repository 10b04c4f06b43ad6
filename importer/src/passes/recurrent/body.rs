//! What values in the body of a loop are, seen from the loop.

use super::super::rule::splat;
use crate::error::Result;
use crate::ir::{Dim, Graph, Loop, Node, Op, Rounds, Value};
use crate::passes::rewrite::Rewriter;

/// The body of a loop over the steps of a sequence.
pub struct Body<'a> {
    /// The graph around the loop.
    around: &'a Graph,
    /// The loop.
    pub node: &'a Node,
    /// The same.
    pub looped: &'a Loop,
    /// The body.
    pub graph: &'a Graph,
}

impl<'a> Body<'a> {
    /// The body of a loop that stands in `around`.
    pub fn of(around: &'a Graph, node: &'a Node, looped: &'a Loop) -> Self {
        Body {
            around,
            node,
            looped,
            graph: looped.body.graph(),
        }
    }

    /// The op that makes a value, and its operands.
    pub fn op(&self, value: Value) -> (&'a Op, &'a [Value]) {
        let node = self.graph.producer(value);
        (&node.op, &node.inputs)
    }

    /// Which argument of the body a value is.
    fn argument(&self, value: Value) -> Option<usize> {
        self.graph.inputs.iter().position(|&input| input == value)
    }

    /// What is carried, if a value is that before the round.
    pub fn carried(&self, value: Value) -> Option<usize> {
        self.argument(value)
            .filter(|&argument| argument < self.looped.carried)
    }

    /// What is carried, after the round.
    pub fn after(&self, carried: usize) -> Value {
        self.graph.outputs[carried]
    }

    /// The value around the loop that a value is in every round.
    fn given(&self, value: Value) -> Option<Value> {
        let argument = self.argument(value)?;
        (argument >= self.looped.carried).then(|| self.node.inputs[argument])
    }

    /// The sequence around the loop, its steps along the first axis, of which a value is the step of this round; there are as
    /// many rounds as steps.
    pub fn step(&self, value: Value) -> Option<Value> {
        let (Op::Reshape(dims), &[row]) = self.op(value) else {
            return None;
        };
        let (Op::Slice(axes), &[whole]) = self.op(row) else {
            return None;
        };
        let sequence = self.given(whole)?;
        let extents = self.graph.ty(whole).dims();
        let (first, rest) = axes.split_first()?;
        let is_row =
            first.start == Dim::symbol(self.looped.round) && first.length.is(1) && first.step == 1;
        let is_whole = rest
            .iter()
            .zip(&extents[1..])
            .all(|(axis, extent)| axis.is_whole(Some(extent)));
        let is_all = self.rounds() == extents.first();
        (is_row && is_whole && is_all && dims.as_slice() == &extents[1..]).then_some(sequence)
    }

    /// How many rounds there are, if that is known beforehand.
    pub fn rounds(&self) -> Option<&'a Dim> {
        match &self.looped.rounds {
            Rounds::Counted(rounds) => Some(rounds),
            Rounds::While(_) => None,
        }
    }

    /// Whether a value is the same in every round, and made of weights or of what is around alone.
    pub fn is_fixed(&self, value: Value) -> bool {
        let (op, inputs) = self.op(value);
        match op {
            Op::Input(_) => self.given(value).is_some(),
            Op::Param(_) | Op::Constant(_) => true,
            Op::Slice(axes) => {
                let known = axes
                    .iter()
                    .all(|axis| axis.start.as_known().and(axis.length.as_known()).is_some());
                known && inputs.iter().all(|&input| self.is_fixed(input))
            }
            Op::Reshape(dims) => {
                let known = dims.iter().all(|dim| dim.as_known().is_some());
                known && inputs.iter().all(|&input| self.is_fixed(input))
            }
            Op::Transpose(_) | Op::Cast(_) | Op::Concat { .. } => {
                inputs.iter().all(|&input| self.is_fixed(input))
            }
            _ => false,
        }
    }

    /// Makes a fixed value around the loop, in the graph that is written.
    pub fn lift(&self, rewriter: &mut Rewriter, value: Value) -> Result<Value> {
        if let Some(given) = self.given(value) {
            return Ok(rewriter.get(given));
        }
        let node = self.graph.producer(value);
        match &node.op {
            Op::Param(param) => Ok(rewriter
                .new
                .param(*param, node.types[0].clone(), &node.origin)),
            Op::Constant(constant) => {
                Ok(rewriter.new.shared_constant(constant.clone(), &node.origin))
            }
            op => {
                let inputs = node.inputs.iter();
                let inputs: Result<Vec<Value>> =
                    inputs.map(|&input| self.lift(rewriter, input)).collect();
                rewriter.push(op.clone(), &inputs?, &node.origin)
            }
        }
    }

    /// Whether every element of a value of the body is zero.
    pub fn is_zero(&self, value: Value) -> bool {
        match self.given(value) {
            Some(given) => splat(self.around, given) == Some(0.0),
            None => splat(self.graph, value) == Some(0.0),
        }
    }

    /// Whether what is carried is zero before the first round.
    pub fn starts_at_zero(&self, carried: usize) -> bool {
        splat(self.around, self.node.inputs[carried]) == Some(0.0)
    }

    /// The extents of a value.
    pub fn dims(&self, value: Value) -> &'a [Dim] {
        self.graph.ty(value).dims()
    }

    /// The extents of a value around the loop.
    pub fn dims_around(&self, value: Value) -> &'a [Dim] {
        self.around.ty(value).dims()
    }
}
