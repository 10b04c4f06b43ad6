//! Control flow of TensorFlow 1: nodes run as their operands arrive, and a branch that is not taken is dead.
//!
//! An Enter sends its operand into a frame, a NextIteration into the frame's next round, an Exit out of it. A merge runs
//! at the first live operand; any other node is dead if an operand is. A frame goes into its next round when nothing is
//! left to do in this one, so there is one round at a time; a dead Exit counts only when the frame has ended.

use super::plan::{Flow, Kind, Plan};
use super::value::Value;
use super::{Machine, control, internal};
use crate::error::{Error, Result};
use crate::graph::body::Source;
use crate::lower::attr;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The frame outside of all loops.
const ROOT: usize = 0;

/// Who reads a node.
#[derive(Clone, Debug, Default)]
struct Readers {
    /// The output, the reader, and which of its operands that is.
    data: Vec<(usize, usize, usize)>,
    control: Vec<usize>,
}

/// One round of a loop.
#[derive(Default)]
struct Frame {
    parent: usize,
    depth: usize,
    /// How many Enters have run, and how many there are.
    entered: usize,
    enters: usize,
    nodes: HashMap<usize, Arrivals>,
    /// What Enters send into every round.
    invariants: Vec<(usize, Option<Value>)>,
    /// What goes into the next round.
    next: Vec<(usize, Value)>,
    dead_exits: Vec<usize>,
}

/// What has arrived at a node in this round.
#[derive(Default)]
struct Arrivals {
    inputs: Vec<Option<Value>>,
    waiting: usize,
    /// For a merge: how many operands are dead. For others: whether one is.
    dead: usize,
    /// For a merge: the first live operand.
    live: Option<usize>,
    done: bool,
}

struct Run<'p> {
    plan: &'p Plan,
    readers: Vec<Readers>,
    frames: BTreeMap<usize, Frame>,
    /// Frames by the one around them and their name.
    names: BTreeMap<(usize, String), usize>,
    made: usize,
    ready: VecDeque<(usize, usize)>,
    results: HashMap<(usize, usize), Value>,
}

impl Machine<'_> {
    /// Runs a plan that has switches.
    pub(super) fn run_frames(&mut self, plan: &Plan, arguments: &[Value]) -> Result<Vec<Value>> {
        let mut run = Run::new(plan);
        run.start(arguments);
        loop {
            while let Some((frame, node)) = run.ready.pop_front() {
                run.node(self, frame, node)
                    .map_err(|error| self.placed(error, plan, node))?;
            }
            if !run.advance() && !run.end_a_frame() {
                break;
            }
        }
        let result = |source: &Source| match *source {
            Source::Argument(i) => arguments
                .get(i)
                .cloned()
                .ok_or_else(|| internal("an argument")),
            Source::Node { node, output } => {
                let value = run.results.get(&(node, output)).cloned();
                value.ok_or_else(|| {
                    Error::usage("the result is from a branch that is not taken")
                        .at(&plan.place(node))
                })
            }
        };
        plan.results.iter().map(result).collect()
    }
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan) -> Self {
        let mut readers = vec![Readers::default(); plan.steps.len()];
        for &node in &plan.order {
            let step = &plan.steps[node];
            for (i, source) in step.inputs.iter().enumerate() {
                if let Source::Node { node: from, output } = *source {
                    readers[from].data.push((output, node, i));
                }
            }
            for &from in &step.controls {
                readers[from].control.push(node);
            }
        }
        Run {
            plan,
            readers,
            frames: BTreeMap::from([(ROOT, Frame::default())]),
            names: BTreeMap::new(),
            made: 1,
            ready: VecDeque::new(),
            results: HashMap::new(),
        }
    }

    fn start(&mut self, arguments: &[Value]) {
        let plan = self.plan;
        for &node in &plan.order {
            let step = &plan.steps[node];
            if step.inputs.is_empty() && step.controls.is_empty() {
                self.ready.push_back((ROOT, node));
            }
            for (i, source) in step.inputs.iter().enumerate() {
                if let Source::Argument(argument) = source {
                    let value = arguments.get(*argument).cloned();
                    self.deliver(ROOT, node, Some(i), value, false);
                }
            }
        }
    }

    fn flow(&self, node: usize) -> Option<Flow> {
        match self.plan.steps[node].kind {
            Kind::Flow(flow) => Some(flow),
            Kind::Constant(_)
            | Kind::Forward
            | Kind::Nothing
            | Kind::Control(_)
            | Kind::Call(_)
            | Kind::Kernel(_)
            | Kind::Lowered
            | Kind::Unknown => None,
        }
    }

    /// A value, or a dead one, arrives at operand `input` of a node, or by a control edge.
    fn deliver(
        &mut self,
        frame: usize,
        node: usize,
        input: Option<usize>,
        value: Option<Value>,
        is_enter: bool,
    ) {
        let step = &self.plan.steps[node];
        let is_merge = self.flow(node) == Some(Flow::Merge);
        let ignores_death = step.def.op == "ControlTrigger";
        let Some(found) = self.frames.get_mut(&frame) else {
            return;
        };
        let arrivals = found.nodes.entry(node).or_insert_with(|| Arrivals {
            inputs: vec![None; step.inputs.len()],
            waiting: match is_merge {
                true => step.controls.len(),
                false => step.inputs.len() + step.controls.len(),
            },
            ..Arrivals::default()
        });
        if arrivals.done {
            return;
        }
        let is_dead = value.is_none();
        if !is_merge {
            arrivals.waiting = arrivals.waiting.saturating_sub(1);
            arrivals.dead += usize::from(is_dead && !ignores_death);
            if let Some(slot) = input.and_then(|input| arrivals.inputs.get_mut(input)) {
                *slot = value;
            }
            arrivals.done = arrivals.waiting == 0;
        } else {
            match (input, value) {
                (None, _) => arrivals.waiting = arrivals.waiting.saturating_sub(1),
                (Some(_), None) if is_enter => arrivals.dead = step.inputs.len(),
                (Some(_), None) => arrivals.dead += 1,
                (Some(input), Some(value)) => {
                    if arrivals.live.is_none() {
                        arrivals.live = Some(input);
                        arrivals.inputs[input] = Some(value);
                    }
                }
            }
            let decided = arrivals.live.is_some() || arrivals.dead >= step.inputs.len();
            arrivals.done = arrivals.waiting == 0 && decided;
        }
        if arrivals.done {
            self.ready.push_back((frame, node));
        }
    }

    /// Runs one node and sends its outputs on; `None` is a dead output.
    fn node(&mut self, machine: &mut Machine<'_>, frame: usize, node: usize) -> Result<()> {
        let arrived = self
            .frames
            .get_mut(&frame)
            .and_then(|f| f.nodes.get_mut(&node));
        let (inputs, dead, live) = match arrived {
            Some(arrived) => (
                std::mem::take(&mut arrived.inputs),
                arrived.dead > 0,
                arrived.live,
            ),
            None => (vec![], false, None),
        };
        let plan = self.plan;
        let step = &plan.steps[node];
        let (outputs, is_dead) = match self.flow(node) {
            Some(Flow::Merge) => (merge(inputs, live)?, live.is_none()),
            _ if dead => (vec![None; step.outputs.max(1)], true),
            Some(Flow::Switch) => (switch(machine, inputs)?, false),
            Some(Flow::Enter | Flow::Exit | Flow::NextIteration) => (inputs, false),
            None => {
                let inputs: Option<Vec<Value>> = inputs.into_iter().collect();
                let inputs = inputs.ok_or_else(|| internal("an operand has not arrived"))?;
                let outputs = machine.step(plan, step, inputs)?;
                (outputs.into_iter().map(Some).collect(), false)
            }
        };
        self.send(frame, node, outputs, is_dead)
    }

    fn send(
        &mut self,
        frame: usize,
        node: usize,
        outputs: Vec<Option<Value>>,
        is_dead: bool,
    ) -> Result<()> {
        match self.flow(node) {
            Some(Flow::Enter) => self.enter(frame, node, outputs.into_iter().next().flatten()),
            Some(Flow::Exit) => {
                let missing = || Error::malformed("an Exit outside of a loop");
                let parent = match frame {
                    ROOT => return Err(missing()),
                    frame => self.frames.get(&frame).ok_or_else(missing)?.parent,
                };
                match is_dead {
                    true => self.dead_exit(frame, node),
                    false => self.spread(parent, node, outputs, false, false),
                }
                Ok(())
            }
            Some(Flow::NextIteration) => {
                let value = outputs.into_iter().next().flatten();
                if let (Some(value), Some(frame)) = (value, self.frames.get_mut(&frame)) {
                    frame.next.push((node, value));
                }
                Ok(())
            }
            Some(Flow::Switch | Flow::Merge) | None => {
                self.spread(frame, node, outputs, is_dead, false);
                Ok(())
            }
        }
    }

    fn dead_exit(&mut self, frame: usize, node: usize) {
        if let Some(frame) = self.frames.get_mut(&frame) {
            frame.dead_exits.push(node);
        }
    }

    /// Sends outputs to their readers in a frame.
    fn spread(
        &mut self,
        frame: usize,
        node: usize,
        outputs: Vec<Option<Value>>,
        is_dead: bool,
        is_enter: bool,
    ) {
        let readers = std::mem::take(&mut self.readers[node]);
        for &(output, reader, input) in &readers.data {
            let value = outputs.get(output).cloned().flatten();
            self.deliver(frame, reader, Some(input), value, is_enter);
        }
        for &reader in &readers.control {
            let sign = (!is_dead).then(|| Value::variant(super::Variant::Empty));
            self.deliver(frame, reader, None, sign, is_enter);
        }
        self.readers[node] = readers;
        if frame == ROOT {
            for (output, value) in outputs.into_iter().enumerate() {
                let wanted = Source::Node { node, output };
                if let (Some(value), true) = (value, self.plan.results.contains(&wanted)) {
                    self.results.insert((node, output), value);
                }
            }
        }
    }

    fn enter(&mut self, parent: usize, node: usize, value: Option<Value>) -> Result<()> {
        let def = &self.plan.steps[node].def;
        let name: String = attr::read(def, "frame_name")?;
        let is_constant: bool = attr::read(def, "is_constant")?;
        let frame = self.frame(parent, name);
        if let Some(frame) = self.frames.get_mut(&frame) {
            frame.entered += 1;
            if is_constant {
                frame.invariants.push((node, value.clone()));
            }
        }
        let is_dead = value.is_none();
        self.spread(frame, node, vec![value], is_dead, true);
        Ok(())
    }

    /// The frame of this name around which `parent` is.
    fn frame(&mut self, parent: usize, name: String) -> usize {
        let key = (parent, name);
        if let Some(&id) = self.names.get(&key) {
            return id;
        }
        let is_enter = |&&node: &&usize| {
            self.flow(node) == Some(Flow::Enter)
                && attr::read::<String>(&self.plan.steps[node].def, "frame_name")
                    .is_ok_and(|name| name == key.1)
        };
        let enters = self.plan.order.iter().filter(is_enter).count();
        let id = self.made;
        self.made += 1;
        let depth = self.frames.get(&parent).map_or(0, |frame| frame.depth) + 1;
        let frame = Frame {
            parent,
            depth,
            enters,
            ..Frame::default()
        };
        self.frames.insert(id, frame);
        self.names.insert(key, id);
        id
    }

    /// Takes the innermost frame that has a next round into it.
    fn advance(&mut self) -> bool {
        let complete =
            |(_, frame): &(&usize, &Frame)| !frame.next.is_empty() && frame.entered >= frame.enters;
        let frames = self.frames.iter().filter(complete);
        let Some(id) = frames
            .max_by_key(|(_, frame)| frame.depth)
            .map(|(&id, _)| id)
        else {
            return false;
        };
        self.forget_inner(id);
        let Some(frame) = self.frames.get_mut(&id) else {
            return false;
        };
        frame.nodes.clear();
        frame.dead_exits.clear();
        let next = std::mem::take(&mut frame.next);
        for (node, value) in frame.invariants.clone() {
            let is_dead = value.is_none();
            self.spread(id, node, vec![value], is_dead, true);
        }
        for (node, value) in next {
            self.spread(id, node, vec![Some(value)], false, false);
        }
        true
    }

    /// The frames of an earlier round.
    fn forget_inner(&mut self, id: usize) {
        let inner = self.frames.iter().filter(|(_, frame)| frame.parent == id);
        let inner: Vec<usize> = inner
            .map(|(&id, _)| id)
            .filter(|&inner| inner != ROOT)
            .collect();
        for inner in inner {
            self.forget_inner(inner);
            self.frames.remove(&inner);
            self.names.retain(|_, frame| *frame != inner);
        }
    }

    /// Ends the innermost frame all of whose Exits are dead: they are dead outside of it, too.
    fn end_a_frame(&mut self) -> bool {
        let dead = self
            .frames
            .iter()
            .filter(|(_, frame)| !frame.dead_exits.is_empty());
        let Some((&id, _)) = dead.max_by_key(|(_, frame)| frame.depth) else {
            return false;
        };
        let Some(frame) = self.frames.get_mut(&id) else {
            return false;
        };
        let (parent, exits) = (frame.parent, std::mem::take(&mut frame.dead_exits));
        for node in exits {
            self.spread(parent, node, vec![None], true, false);
        }
        true
    }
}

/// The first live operand and its index.
fn merge(mut inputs: Vec<Option<Value>>, live: Option<usize>) -> Result<Vec<Option<Value>>> {
    let Some(live) = live else {
        return Ok(vec![None, None]);
    };
    let index = crate::eval::Tensor::new(&[], vec![live as i32])?;
    let value = inputs.get_mut(live).and_then(Option::take);
    Ok(vec![value, Some(index.into())])
}

/// The operand at the output that the predicate chooses.
fn switch(machine: &mut Machine<'_>, inputs: Vec<Option<Value>>) -> Result<Vec<Option<Value>>> {
    let mut inputs = inputs.into_iter();
    let (Some(Some(data)), Some(Some(predicate))) = (inputs.next(), inputs.next()) else {
        return Err(Error::malformed("a switch without data or predicate"));
    };
    let predicate = machine.dereferenced(&predicate)?;
    Ok(match control::truth(&predicate)? {
        true => vec![None, Some(data)],
        false => vec![Some(data), None],
    })
}
