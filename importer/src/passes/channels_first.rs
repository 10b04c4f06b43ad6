//! The layout that some frameworks' layers want: `[batch, channels, spatial…]`.
//!
//! Windows, resizes and batch norms are computed with the channels first, and so is what stands between them. A value that is
//! computed so is also offered in its own layout, by a transpose after it, which goes if nobody takes the offer. So a
//! convolutional network is left with a transpose of its images, and one where it flattens.

use super::movement::moves_units;
use super::rewrite::Rewriter;
use super::{algebra, movement, regions, settle};
use crate::error::Result;
use crate::ir::{Channels, Dim, Graph, Node, Op, SliceAxis, Value};
use std::collections::HashMap;

/// Puts the channels of images first, inside of the graph: arguments and results keep their layout.
///
/// # Errors
/// None on a graph that verifies.
pub fn channels_first(graph: &Graph) -> Result<Graph> {
    let mut first = HashMap::new();
    let graph = Rewriter::new(graph).run(|rewriter, _, node| {
        let inputs = rewriter.get_all(&node.inputs);
        let mut layout = Layout {
            graph: &mut rewriter.new,
            first: &mut first,
            node,
            inputs,
        };
        Ok(layout.rewrite()?.map(|value| vec![value]))
    })?;
    let graph = settle(&graph, &[algebra::RULES, movement::RULES].concat())?;
    regions::within(&graph, &channels_first)
}

/// A node with its operands in the graph that is written.
struct Layout<'a> {
    graph: &'a mut Graph,
    /// Values by their twins with the channels last.
    first: &'a mut HashMap<Value, Value>,
    node: &'a Node,
    inputs: Vec<Value>,
}

/// The permutation that puts the last axis after the batch.
fn to_first(rank: usize) -> Vec<usize> {
    [0, rank - 1].into_iter().chain(1..rank - 1).collect()
}

/// The permutation that puts axis 1 to the end.
fn to_last(rank: usize) -> Vec<usize> {
    std::iter::once(0).chain(2..rank).chain([1]).collect()
}

/// Where an axis of `rank` axes is when the channels are first.
fn moved(axis: usize, rank: usize) -> usize {
    match axis {
        0 => 0,
        axis if axis + 1 == rank => 1,
        axis => axis + 1,
    }
}

fn permuted<T: Clone>(items: &[T]) -> Vec<T> {
    to_first(items.len())
        .into_iter()
        .map(|i| items[i].clone())
        .collect()
}

impl Layout<'_> {
    /// The node with the channels first, as a value with the channels last.
    fn rewrite(&mut self) -> Result<Option<Value>> {
        if self.node.types.len() != 1 || self.node.op.is_source() {
            return Ok(None);
        }
        if let Some(op) = self.of_image() {
            return self.image(op).map(Some);
        }
        let rank = self.node.types[0].rank().unwrap_or(0);
        if !self.inputs.iter().any(|v| self.first.contains_key(v)) {
            return Ok(None);
        }
        match &self.node.op {
            Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Clamp { .. }
            | Op::Cast(_)
            | Op::Dropout { .. } => self.elementwise(rank),
            Op::Concat { .. } => self.concat(rank),
            Op::Reduce {
                axes, keep: false, ..
            } => self.reduction(axes.clone()),
            Op::ArgReduce { axis, .. } => self.reduction(vec![*axis]),
            Op::Transpose(permutation) => self.transpose(permutation.clone()),
            op => match self.along_axes(op) {
                Some(op) => self.same_rank(op),
                None => Ok(None),
            },
        }
    }

    /// The op with the channels first, if it is one that chooses.
    fn of_image(&self) -> Option<Op> {
        let rank = self.node.types[0].rank().filter(|&rank| rank > 2)?;
        let mut op = self.node.op.clone();
        let channels = match &mut op {
            Op::Conv(conv) => &mut conv.channels,
            Op::ConvTranspose { conv, output } => {
                if conv.channels == Channels::Last && output.len() == rank {
                    *output = permuted(output);
                }
                &mut conv.channels
            }
            Op::Pool { channels, .. }
            | Op::Resize { channels, .. }
            | Op::BatchNorm { channels, .. } => channels,
            _ => return None,
        };
        (std::mem::replace(channels, Channels::First) == Channels::Last).then_some(op)
    }

    fn image(&mut self, op: Op) -> Result<Value> {
        let mut inputs = self.inputs.clone();
        inputs[0] = self.first_of(inputs[0])?;
        let y = self.push(op, &inputs)?;
        self.offer(y)
    }

    fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        self.graph.value(op, inputs, &self.node.origin)
    }

    fn dims(&self, value: Value) -> Vec<Dim> {
        self.graph.ty(value).dims().to_vec()
    }

    /// Remembers a value with the channels first, and gives its twin.
    fn offer(&mut self, first: Value) -> Result<Value> {
        let dims = self.dims(first);
        let permutation = to_last(dims.len());
        let last = match moves_units(&permutation, &dims) {
            true => Op::Reshape(permutation.iter().map(|&axis| dims[axis].clone()).collect()),
            false => Op::Transpose(permutation),
        };
        let last = self.push(last, &[first])?;
        self.first.insert(last, first);
        Ok(last)
    }

    /// A value of rank 3 or more with the channels first.
    fn first_of(&mut self, last: Value) -> Result<Value> {
        if let Some(&first) = self.first.get(&last) {
            return Ok(first);
        }
        let dims = self.dims(last);
        let first = match moves_units(&to_first(dims.len()), &dims) {
            true => self.push(Op::Reshape(permuted(&dims)), &[last])?,
            false => self.transposed(last, &to_first(dims.len()))?,
        };
        self.first.insert(last, first);
        Ok(first)
    }

    /// The value with its axes permuted; a transpose that it comes from is joined.
    fn transposed(&mut self, x: Value, permutation: &[usize]) -> Result<Value> {
        let node = self.graph.producer(x);
        let (x, permutation) = match &node.op {
            Op::Transpose(inner) => (
                node.inputs[0],
                permutation.iter().map(|&axis| inner[axis]).collect(),
            ),
            _ => (x, permutation.to_vec()),
        };
        match permutation.is_sorted() {
            true => Ok(x),
            false => self.push(Op::Transpose(permutation), &[x]),
        }
    }

    fn elementwise(&mut self, rank: usize) -> Result<Option<Value>> {
        let is_image =
            |v: &Value| self.first.contains_key(v) && self.graph.ty(*v).rank() == Some(rank);
        let ranked = self
            .inputs
            .iter()
            .all(|&v| self.graph.ty(v).rank().is_some());
        if !ranked || !self.inputs.iter().any(is_image) {
            return Ok(None);
        }
        let inputs: Vec<Value> = self
            .inputs
            .clone()
            .into_iter()
            .map(|v| self.aligned(v, rank))
            .collect::<Result<_>>()?;
        let y = self.push(self.node.op.clone(), &inputs)?;
        self.offer(y).map(Some)
    }

    /// An operand that broadcasts against images of `rank` axes with the channels first.
    fn aligned(&mut self, value: Value, rank: usize) -> Result<Value> {
        let dims = self.dims(value);
        if dims.iter().all(|dim| dim.is(1)) {
            return Ok(value);
        }
        match dims.len() {
            n if n == rank => self.first_of(value),
            1 => {
                let vector = [dims, vec![Dim::known(1); rank - 2]].concat();
                self.push(Op::Reshape(vector), &[value])
            }
            n => {
                let full = [vec![Dim::known(1); rank - n], dims].concat();
                let full = self.push(Op::Reshape(full), &[value])?;
                self.first_of(full)
            }
        }
    }

    fn concat(&mut self, rank: usize) -> Result<Option<Value>> {
        let Op::Concat { axis } = self.node.op else {
            return Ok(None);
        };
        let inputs: Vec<Value> = self
            .inputs
            .clone()
            .into_iter()
            .map(|v| self.first_of(v))
            .collect::<Result<_>>()?;
        let y = self.push(
            Op::Concat {
                axis: moved(axis, rank),
            },
            &inputs,
        )?;
        self.offer(y).map(Some)
    }

    /// Drops axes of an image. What is left is in order, unless spatial axes are left before the channels.
    fn reduction(&mut self, axes: Vec<usize>) -> Result<Option<Value>> {
        let Some(&x) = self.first.get(&self.inputs[0]) else {
            return Ok(None);
        };
        let rank = self.dims(x).len();
        let mut mapped: Vec<usize> = axes.iter().map(|&axis| moved(axis, rank)).collect();
        mapped.sort_unstable();
        let op = match &self.node.op {
            Op::Reduce { op, .. } => Op::Reduce {
                op: *op,
                axes: mapped,
                keep: false,
            },
            Op::ArgReduce { op, dtype, .. } => Op::ArgReduce {
                op: *op,
                axis: mapped[0],
                dtype: *dtype,
            },
            _ => return Ok(None),
        };
        let y = self.push(op, &[x])?;
        let left: Vec<usize> = to_first(rank)
            .into_iter()
            .filter(|axis| !axes.contains(axis))
            .collect();
        if left.is_sorted() {
            return Ok(Some(y));
        }
        if left[0] == 0 {
            return self.offer(y).map(Some);
        }
        let mut back: Vec<usize> = (0..left.len()).collect();
        back.sort_by_key(|&i| left[i]);
        self.transposed(y, &back).map(Some)
    }

    fn transpose(&mut self, permutation: Vec<usize>) -> Result<Option<Value>> {
        let Some(&x) = self.first.get(&self.inputs[0]) else {
            return Ok(None);
        };
        let rank = permutation.len();
        let joined: Vec<usize> = permutation.iter().map(|&axis| moved(axis, rank)).collect();
        self.transposed(x, &joined).map(Some)
    }

    fn same_rank(&mut self, op: Op) -> Result<Option<Value>> {
        let Some(&x) = self.first.get(&self.inputs[0]) else {
            return Ok(None);
        };
        let mut inputs = self.inputs.clone();
        inputs[0] = x;
        let y = self.push(op, &inputs)?;
        self.offer(y).map(Some)
    }

    /// An op on axes of its first operand, whose result has the same axes, with the channels first.
    fn along_axes(&self, op: &Op) -> Option<Op> {
        let rank = self.graph.ty(self.inputs[0]).rank()?;
        let sorted = |axes: &[usize]| {
            let mut axes: Vec<usize> = axes.iter().map(|&axis| moved(axis, rank)).collect();
            axes.sort_unstable();
            axes
        };
        match op {
            Op::Broadcast(dims) if dims.len() == rank => Some(Op::Broadcast(permuted(dims))),
            Op::Tile(repeats) => Some(Op::Tile(permuted(repeats))),
            Op::Slice(axes) => Some(Op::Slice(permuted::<SliceAxis>(axes))),
            Op::Pad { widths, mode } => Some(Op::Pad {
                widths: permuted(widths),
                mode: *mode,
            }),
            Op::Reverse { axes } => Some(Op::Reverse { axes: sorted(axes) }),
            Op::Reduce {
                op,
                axes,
                keep: true,
            } => Some(Op::Reduce {
                op: *op,
                axes: sorted(axes),
                keep: true,
            }),
            Op::Softmax { axis } => Some(Op::Softmax {
                axis: moved(*axis, rank),
            }),
            Op::LogSoftmax { axis } => Some(Op::LogSoftmax {
                axis: moved(*axis, rank),
            }),
            Op::Cumulative {
                op,
                axis,
                exclusive,
                reverse,
            } => Some(Op::Cumulative {
                op: *op,
                axis: moved(*axis, rank),
                exclusive: *exclusive,
                reverse: *reverse,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Binary, Conv, Grouping, Padding, Pooling, Reduction, Unary};
    use crate::passes::testing::Build;

    fn conv(b: &mut Build, x: Value, kernel: &[i64]) -> Value {
        let kernel = b.param(kernel);
        let conv = Conv {
            strides: vec![1, 1],
            dilations: vec![1, 1],
            padding: Padding::Same,
            grouping: Grouping::Groups(1),
            channels: Channels::Last,
        };
        b.op(Op::Conv(conv), &[x, kernel])
    }

    fn pool(b: &mut Build, x: Value) -> Value {
        let (window, strides) = (vec![2, 2], vec![2, 2]);
        b.op(
            Op::Pool {
                op: Pooling::Max,
                window,
                strides,
                padding: Padding::Valid,
                channels: Channels::Last,
            },
            &[x],
        )
    }

    const CONV: &str = "Conv(Conv { strides: [1, 1], dilations: [1, 1], padding: Same, grouping: Groups(1), channels: First })";

    #[test]
    fn a_convolutional_network_is_transposed_twice() {
        let mut b = Build::default();
        let x = b.input(&[0, 4, 4, 3]);
        let (bias, slope) = (b.param(&[5]), b.param(&[1, 1, 5]));
        let y = conv(&mut b, x, &[3, 3, 3, 5]);
        let y = b.op(Op::Binary(Binary::Add), &[y, bias]);
        let y = b.op(Op::Unary(Unary::Relu), &[y]);
        let y = b.op(Op::Binary(Binary::Mul), &[y, slope]);
        let y = pool(&mut b, y);
        let y = b.reshape(y, &[0, 20]);
        let expected = format!(
            "Transpose([0, 3, 1, 2]) [s0, 3, 4, 4]
            {CONV} [s0, 5, 4, 4]
            Reshape([5, 1, 1]) [5, 1, 1]
            Binary(Add) [s0, 5, 4, 4]
            Unary(Relu) [s0, 5, 4, 4]
            Reshape([1, 5, 1, 1]) [1, 5, 1, 1]
            Binary(Mul) [s0, 5, 4, 4]
            Pool {{ op: Max, window: [2, 2], strides: [2, 2], padding: Valid, channels: First }} [s0, 5, 2, 2]
            Transpose([0, 2, 3, 1]) [s0, 2, 2, 5]
            Reshape([s0, 20]) [s0, 20]"
        );
        b.check(&[y], channels_first, &expected);
    }

    #[test]
    fn a_mean_over_space_needs_no_transpose() {
        let mut b = Build::default();
        let x = b.input(&[0, 4, 4, 3]);
        let y = conv(&mut b, x, &[3, 3, 3, 5]);
        let z = conv(&mut b, y, &[1, 1, 5, 5]);
        let y = b.op(Op::Concat { axis: 3 }, &[y, z]);
        let y = b.op(
            Op::Reduce {
                op: Reduction::Mean,
                axes: vec![1, 2],
                keep: false,
            },
            &[y],
        );
        let expected = format!(
            "Transpose([0, 3, 1, 2]) [s0, 3, 4, 4]
            {CONV} [s0, 5, 4, 4]
            {CONV} [s0, 5, 4, 4]
            Concat {{ axis: 1 }} [s0, 10, 4, 4]
            Reduce {{ op: Mean, axes: [2, 3], keep: false }} [s0, 10]"
        );
        b.check(&[y], channels_first, &expected);
    }

    #[test]
    fn a_transpose_of_the_model_cancels() {
        let mut b = Build::default();
        let x = b.input(&[0, 3, 4, 4]);
        let y = b.op(Op::Transpose(vec![0, 2, 3, 1]), &[x]);
        let y = conv(&mut b, y, &[3, 3, 3, 5]);
        let y = b.op(Op::Transpose(vec![0, 3, 1, 2]), &[y]);
        b.check(&[y], channels_first, &format!("{CONV} [s0, 5, 4, 4]"));
    }

    #[test]
    fn gates_of_channels_are_reshaped_into_place() {
        let mut b = Build::default();
        let x = b.input(&[0, 4, 4, 3]);
        let y = conv(&mut b, x, &[3, 3, 3, 5]);
        let gate = b.op(
            Op::Reduce {
                op: Reduction::Mean,
                axes: vec![1, 2],
                keep: false,
            },
            &[y],
        );
        let gate = b.op(Op::Unary(Unary::Sigmoid), &[gate]);
        let gate = b.reshape(gate, &[0, 1, 1, 5]);
        let y = b.op(Op::Binary(Binary::Mul), &[y, gate]);
        let y = b.op(
            Op::Reduce {
                op: Reduction::Max,
                axes: vec![1, 2],
                keep: false,
            },
            &[y],
        );
        let expected = format!(
            "Transpose([0, 3, 1, 2]) [s0, 3, 4, 4]
            {CONV} [s0, 5, 4, 4]
            Reduce {{ op: Mean, axes: [2, 3], keep: false }} [s0, 5]
            Unary(Sigmoid) [s0, 5]
            Reshape([s0, 5, 1, 1]) [s0, 5, 1, 1]
            Binary(Mul) [s0, 5, 4, 4]
            Reduce {{ op: Max, axes: [2, 3], keep: false }} [s0, 5]"
        );
        b.check(&[y], channels_first, &expected);
    }
}
