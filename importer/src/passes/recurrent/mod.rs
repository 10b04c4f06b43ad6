//! Recognises recurrent layers: loops over the steps of a sequence whose body is a known cell, and nothing else.

mod body;
mod cell;
mod gate;

use super::rewrite::Rewriter;
use crate::error::Result;
use crate::ir::{
    DType, Dim, Graph, Masked, Node, NodeId, Op, Output, Pass, Recurrence, Type, Value,
};
use body::Body;
use cell::Step;

/// Makes layers of loops, where every result of the loop is one of the layer's.
///
/// # Errors
/// None on a graph that verifies.
pub fn recurrent(graph: &Graph) -> Result<Graph> {
    let uses = graph.use_counts();
    Rewriter::new(graph).run(|rewriter, id, node| {
        let Op::Loop(looped) = &node.op else {
            return Ok(None);
        };
        let body = Body::of(graph, node, looped);
        let used: Vec<bool> = uses[id.0 as usize].iter().map(|&count| count > 0).collect();
        let found = cell::find(&body).and_then(|step| Found::of(&body, step, &used));
        match found {
            Some(found) => found.build(rewriter).map(Some),
            None => Ok(None),
        }
    })
}

/// What a result of the loop is of the layer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The outputs, one after the other along the first axis.
    Sequence,
    /// The last one.
    Last,
    /// The last one under a first axis of extent 1.
    LastAsRow,
    /// A state.
    State(usize),
    /// The number of the rounds.
    Count,
    /// Nobody reads it.
    Unused,
}

/// A layer in the place of a loop.
struct Found<'a> {
    body: &'a Body<'a>,
    step: Step,
    parts: Vec<Part>,
    masked: Option<Masked>,
    starts: bool,
}

impl<'a> Found<'a> {
    fn of(body: &'a Body<'a>, step: Step, used: &[bool]) -> Option<Self> {
        let mut found = Found {
            starts: !step.states.iter().all(|&state| body.starts_at_zero(state)),
            parts: vec![],
            masked: step.mask.map(|_| Masked::Held),
            body,
            step,
        };
        let mut kinds = vec![];
        for (result, &used) in used.iter().enumerate() {
            let (part, kind) = match used {
                true => found.part(result)?,
                false => (Part::Unused, None),
            };
            found.parts.push(part);
            kinds.extend(kind);
        }
        if let Some(first) = kinds.first() {
            kinds.iter().all(|kind| kind == first).then_some(())?;
            found.masked = Some(*first);
        }
        (found.has_sizes() && found.pass().is_some()).then_some(found)
    }

    /// Whether the weights, the sequence and the mask have the extents of a layer's.
    fn has_sizes(&self) -> bool {
        let (body, step) = (self.body, &self.step);
        let known = |dims: &[Dim]| dims.iter().map(Dim::as_usize).collect::<Option<Vec<_>>>();
        let state = body.dims(body.graph.inputs[step.states[0]]);
        let Some(units) = state.last().and_then(Dim::as_usize) else {
            return false;
        };
        let width = units * step.cell.gates();
        let kernel = known(body.dims(step.kernel));
        let recurrent = known(body.dims(step.recurrent_kernel));
        let biases = step.biases.iter().map(|&bias| known(body.dims(bias)));
        let has_mask = match step.mask {
            Some(mask) => self.mask_around(mask).is_some(),
            None => true,
        };
        has_mask
            && matches!(kernel.as_deref(), Some(&[_, columns]) if columns == width)
            && recurrent == Some(vec![units, width])
            && biases.into_iter().all(|bias| bias == Some(vec![width]))
            && body.dims_around(step.sequence).len() == 3
    }

    /// The masks of all steps around the loop, `[time, batch, 1]`.
    fn mask_around(&self, mask: Value) -> Option<Value> {
        let all = self.body.step(mask)?;
        let dims = self.body.dims_around(all);
        (dims.len() == 3 && dims[2].is(1)).then_some(all)
    }

    /// What a result of the loop is, and what it has for steps that the mask leaves out.
    fn part(&self, result: usize) -> Option<(Part, Option<Masked>)> {
        let (body, step) = (self.body, &self.step);
        if result == body.graph.outputs.len() {
            return Some((Part::Count, None));
        }
        if let Some(state) = step.states.iter().position(|&state| state == result) {
            return Some((Part::State(state), None));
        }
        let value = body.graph.outputs[result];
        if result >= body.looped.carried {
            return self.output(value).map(|kind| (Part::Sequence, kind));
        }
        if !body.starts_at_zero(result) {
            return None;
        }
        match body.op(value) {
            (Op::Reshape(dims), &[of])
                if dims.len() == 3 && dims[0].is(1) && &dims[1..] == body.dims(of) =>
            {
                self.output(of).map(|kind| (Part::LastAsRow, kind))
            }
            _ => self.output(value).map(|kind| (Part::Last, kind)),
        }
    }

    /// Whether a value is the output of the step, and what it is where the mask leaves the step out.
    fn output(&self, value: Value) -> Option<Option<Masked>> {
        let (body, step) = (self.body, &self.step);
        let Some(mask) = step.mask else {
            return (value == step.next[0]).then_some(None);
        };
        let (Op::Select, &[chooser, new, old]) = body.op(value) else {
            return None;
        };
        if chooser != mask || new != step.next[0] {
            return None;
        }
        if body.is_zero(old) {
            return Some(Some(Masked::Zeros));
        }
        let before = body.carried(old)?;
        let is_held = body.after(before) == value && body.starts_at_zero(before);
        is_held.then_some(Some(Masked::Held))
    }

    /// Whether the output of the last step is the first state after the steps.
    fn last_is_state(&self) -> bool {
        let body = self.body;
        let has_steps = body.rounds().and_then(Dim::as_known).is_some_and(|n| n > 0);
        match self.masked {
            None => has_steps || body.starts_at_zero(self.step.states[0]),
            Some(Masked::Held) => body.starts_at_zero(self.step.states[0]),
            Some(Masked::Zeros) => false,
        }
    }

    /// How the layer is called; `None` if no call gives all that is read.
    fn pass(&self) -> Option<Pass> {
        let reads = |part: Part| self.parts.contains(&part);
        let last = reads(Part::Last) || reads(Part::LastAsRow);
        let (h, c) = (reads(Part::State(0)), reads(Part::State(1)));
        let same = self.last_is_state();
        let (output, state) = match (reads(Part::Sequence), last && !same) {
            (true, true) => return None,
            (true, false) => (Some(Output::Sequence), h || c || last),
            (false, true) => (Some(Output::Last), h || c),
            (false, false) if c || (h && !same) => (None, true),
            (false, false) => (Some(Output::Last), false),
        };
        Some(Pass {
            mask: self.masked,
            starts: self.starts,
            output,
            state,
        })
    }

    /// Makes the layer, and gives its results in the places of the loop's.
    fn build(&self, rewriter: &mut Rewriter) -> Result<Vec<Value>> {
        let Some(pass) = self.pass() else {
            return Ok(vec![]);
        };
        let (sequence, mask, backward) = self.sequence(rewriter)?;
        let recurrence = Recurrence {
            cell: self.step.cell,
            activation: self.step.activation,
            recurrent_activation: self.step.recurrent_activation,
            bias: !self.step.biases.is_empty(),
            backward,
        };
        let mut inputs = vec![sequence];
        inputs.push(self.body.lift(rewriter, self.step.kernel)?);
        inputs.push(self.body.lift(rewriter, self.step.recurrent_kernel)?);
        inputs.extend(self.bias(rewriter)?);
        inputs.extend(mask);
        if self.starts {
            let first = |&state: &usize| rewriter.get(self.body.node.inputs[state]);
            inputs.extend(self.step.states.iter().map(first));
        }
        let op = Op::Recurrent {
            recurrence,
            pass: pass.clone(),
        };
        let node = self.body.node;
        let id = rewriter.new.push(op, &inputs, &node.origin)?;
        let types = self.types(node, &pass, &rewriter.new.node(id).types.clone());
        rewriter.new.keep_types(id, types);
        self.results(rewriter, id, &pass, backward)
    }

    /// The types of the layer's results: those of the loop's, which other nodes are spelt with.
    fn types(&self, node: &Node, pass: &Pass, inferred: &[Type]) -> Vec<Type> {
        let old = |part: Part| {
            let place = self.parts.iter().position(|&other| other == part)?;
            node.types.get(place)
        };
        let mut parts: Vec<Part> = match pass.output {
            Some(Output::Sequence) => vec![Part::Sequence],
            Some(Output::Last) => vec![Part::Last],
            None => vec![],
        };
        parts.extend((0..inferred.len() - parts.len()).map(Part::State));
        let types = parts.iter().zip(inferred).map(|(&part, inferred)| {
            let known = old(part);
            match (part, known.map(|ty| (ty.dtype, ty.dims()))) {
                (Part::Sequence, Some((dtype, [time, batch, units]))) => {
                    Type::new(dtype, vec![batch.clone(), time.clone(), units.clone()])
                }
                (_, Some((dtype, dims))) => Type::new(dtype, dims.to_vec()),
                (_, None) => inferred.clone(),
            }
        });
        types.collect()
    }

    /// The sequence and the mask, batch first, and whether the loop goes through them backwards.
    fn sequence(&self, rewriter: &mut Rewriter) -> Result<(Value, Option<Value>, bool)> {
        let origin = &self.body.node.origin;
        let mut sequence = rewriter.get(self.step.sequence);
        let mask = self.step.mask.and_then(|mask| self.mask_around(mask));
        let mut mask = mask.map(|mask| rewriter.get(mask));
        let backward = match (reversed(&rewriter.new, sequence), mask) {
            (Some(of), None) => {
                sequence = of;
                true
            }
            (Some(of), Some(reversed_mask)) => match reversed(&rewriter.new, reversed_mask) {
                Some(of_mask) => {
                    (sequence, mask) = (of, Some(of_mask));
                    true
                }
                None => false,
            },
            (None, _) => false,
        };
        let turn = Op::Transpose(vec![1, 0, 2]);
        let sequence = rewriter.push(turn.clone(), &[sequence], origin)?;
        let Some(mask) = mask else {
            return Ok((sequence, None, backward));
        };
        let mask = rewriter.push(turn, &[mask], origin)?;
        let dims = rewriter.new.ty(mask).dims()[..2].to_vec();
        let mask = rewriter.push(Op::Reshape(dims), &[mask], origin)?;
        Ok((sequence, Some(mask), backward))
    }

    /// The bias, with two rows if there are two.
    fn bias(&self, rewriter: &mut Rewriter) -> Result<Option<Value>> {
        let mut biases = vec![];
        for &bias in &self.step.biases {
            biases.push(self.body.lift(rewriter, bias)?);
        }
        let &[first, second] = biases.as_slice() else {
            return Ok(biases.pop());
        };
        if let (Some(both), Some(same)) = (
            row_of(&rewriter.new, first, 0),
            row_of(&rewriter.new, second, 1),
        ) && is_same(&rewriter.new, both, same)
        {
            return Ok(Some(both));
        }
        let origin = &self.body.node.origin;
        let width = rewriter.new.ty(first).dims().to_vec();
        let row = Op::Reshape([vec![Dim::known(1)], width].concat());
        let first = rewriter.push(row.clone(), &[first], origin)?;
        let second = rewriter.push(row, &[second], origin)?;
        let both = rewriter.push(Op::Concat { axis: 0 }, &[first, second], origin)?;
        Ok(Some(both))
    }

    fn results(
        &self,
        rewriter: &mut Rewriter,
        layer: NodeId,
        pass: &Pass,
        backward: bool,
    ) -> Result<Vec<Value>> {
        let origin = &self.body.node.origin;
        let outputs = u32::from(pass.output.is_some());
        let value = |result: u32| Value {
            node: layer,
            result,
        };
        let state = |state: usize| match pass.state {
            true => value(outputs + state as u32),
            false => value(0),
        };
        let last = match pass.output {
            Some(Output::Last) => value(0),
            Some(Output::Sequence) | None => state(0),
        };
        let mut results = vec![];
        for &part in &self.parts {
            results.push(match part {
                Part::Sequence => {
                    let turn = Op::Transpose(vec![1, 0, 2]);
                    let steps = rewriter.push(turn, &[value(0)], origin)?;
                    match backward {
                        true => rewriter.push(Op::Reverse { axes: vec![0] }, &[steps], origin)?,
                        false => steps,
                    }
                }
                Part::Last => last,
                Part::LastAsRow => {
                    let dims = rewriter.new.ty(last).dims();
                    let row = Op::Reshape([&[Dim::known(1)], dims].concat());
                    rewriter.push(row, &[last], origin)?
                }
                Part::State(place) => state(place),
                Part::Count => {
                    let rounds = self.body.rounds().into_iter().cloned().collect();
                    rewriter.new.extents(rounds, true, DType::I64, origin)
                }
                Part::Unused => value(0),
            });
        }
        Ok(results)
    }
}

/// What a value is the reverse of, along its first axis.
fn reversed(graph: &Graph, value: Value) -> Option<Value> {
    let node = graph.producer(value);
    match &node.op {
        Op::Reverse { axes } if axes.as_slice() == [0] => node.inputs.first().copied(),
        _ => None,
    }
}

/// The matrix of two rows of which a vector is this one.
fn row_of(graph: &Graph, vector: Value, row: i64) -> Option<Value> {
    let node = graph.producer(vector);
    let (Op::Reshape(_), &[slice]) = (&node.op, node.inputs.as_slice()) else {
        return None;
    };
    let node = graph.producer(slice);
    let (Op::Slice(axes), &[both]) = (&node.op, node.inputs.as_slice()) else {
        return None;
    };
    let dims = graph.ty(both).dims();
    let ([first, columns], [rows, width]) = (axes.as_slice(), dims) else {
        return None;
    };
    let is_it = first.start.is(row) && first.length.is(1) && columns.is_whole(Some(width));
    (is_it && rows.is(2)).then_some(both)
}

/// Whether two values are one, or one variable.
fn is_same(graph: &Graph, a: Value, b: Value) -> bool {
    let param = |value: Value| match graph.producer(value).op {
        Op::Param(param) => Some(param),
        _ => None,
    };
    a == b || (param(a).is_some() && param(a) == param(b))
}
