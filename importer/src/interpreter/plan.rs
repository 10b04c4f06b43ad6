//! Functions and parts of the main graph, prepared to run.

use super::cx::Kernel;
use super::value::Value;
use super::{Machine, control, ops};
use crate::error::{Error, Result};
use crate::graph::body::{Body, Source};
use crate::graph::op_def::op_def;
use crate::lower::{attr, single};
use savedmodel_import_proto::NodeDef;
use std::sync::{Arc, OnceLock};

/// A body whose nodes know what runs them.
#[derive(Debug)]
pub(super) struct Plan {
    /// The function's name; empty for the main graph.
    pub(super) name: Arc<str>,
    pub(super) arguments: usize,
    pub(super) steps: Vec<Step>,
    /// The nodes that have to run, each after what it needs; those of loops in no special order.
    pub(super) order: Vec<usize>,
    pub(super) results: Vec<Source>,
    /// How often each output of each node is read.
    pub(super) uses: Vec<Vec<u32>>,
    /// How often each argument is read.
    pub(super) argument_uses: Vec<u32>,
    /// Whether there is control flow of TensorFlow 1: switches, merges and loops among the nodes themselves.
    pub(super) has_switches: bool,
    /// Whether it was found that it may run.
    pub(super) is_checked: OnceLock<()>,
}

/// A node with its operands.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) def: Arc<NodeDef>,
    pub(super) inputs: Vec<Source>,
    pub(super) controls: Vec<usize>,
    pub(super) kind: Kind,
    /// How many outputs there are.
    pub(super) outputs: usize,
}

/// What runs a node.
#[derive(Debug)]
pub(super) enum Kind {
    /// A constant, parsed when it is first needed.
    Constant(OnceLock<Value>),
    /// The first operand, unless it is a reference that has to be read.
    Forward,
    /// Nothing to do.
    Nothing,
    /// Structured control flow.
    Control(control::Structure),
    /// A call of the library function.
    Call(String),
    /// Control flow of TensorFlow 1.
    Flow(Flow),
    /// A kernel of the interpreter.
    Kernel(Kernel),
    /// Lowered over its operands.
    Lowered,
    /// Nothing runs this op.
    Unknown,
}

/// The primitives of control flow in TensorFlow 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Switch,
    Merge,
    Enter,
    Exit,
    NextIteration,
}

impl Plan {
    /// Prepares a body; `targets` are nodes to run for their effects.
    pub(super) fn new(machine: &Machine<'_>, body: Body, targets: &[usize]) -> Result<Plan> {
        let count = body.nodes.len();
        let (controls, mut roots) = body.controls_and_roots();
        roots.extend(targets);
        let mut steps = Vec::with_capacity(count);
        for ((def, inputs), controls) in body.nodes.iter().zip(&body.inputs).zip(controls) {
            let controls = controls
                .iter()
                .copied()
                .filter(|&node| !body.nodes[node].op.starts_with("Placeholder"))
                .collect();
            steps.push(Step {
                def: def.clone(),
                inputs: inputs.clone(),
                controls,
                kind: kind(machine, def),
                outputs: output_count(machine, def),
            });
        }
        let mut plan = Plan {
            name: body.name.clone(),
            arguments: body.arguments,
            steps,
            order: vec![],
            results: body.results.clone(),
            uses: vec![],
            argument_uses: vec![0; body.arguments],
            has_switches: false,
            is_checked: OnceLock::new(),
        };
        plan.order = plan.live(&roots)?;
        let is_flow = |&node: &usize| matches!(plan.steps[node].kind, Kind::Flow(_));
        plan.has_switches = plan.order.iter().any(is_flow);
        plan.count_uses();
        Ok(plan)
    }

    /// What the results and the roots need, each node after its operands.
    fn live(&self, roots: &[usize]) -> Result<Vec<usize>> {
        let results = self.results.iter().filter_map(node_of);
        let mut order = Order {
            plan: self,
            marks: vec![Mark::New; self.steps.len()],
            order: vec![],
            later: vec![],
        };
        for root in roots.iter().copied().chain(results) {
            order.visit(root)?;
        }
        while let Some(node) = order.later.pop() {
            order.visit(node)?;
        }
        Ok(order.order)
    }

    /// Whether a node needs one of the first `arguments` arguments.
    pub(super) fn needs_arguments(&self, node: usize, arguments: usize) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            for source in &self.steps[node].inputs {
                match *source {
                    Source::Argument(i) if i < arguments => return true,
                    Source::Argument(_) => {}
                    Source::Node { node, .. } => open.push(node),
                }
            }
        }
        false
    }

    fn count_uses(&mut self) {
        let mut uses: Vec<Vec<u32>> = self
            .steps
            .iter()
            .map(|step| vec![0; step.outputs])
            .collect();
        let operands = self.order.iter().flat_map(|&node| &self.steps[node].inputs);
        for source in operands.chain(&self.results) {
            let count = match *source {
                Source::Node { node, output } => uses[node].get_mut(output),
                Source::Argument(i) => self.argument_uses.get_mut(i),
            };
            if let Some(count) = count {
                *count += 1;
            }
        }
        self.uses = uses;
    }

    /// The node's operands and what has to run before it.
    fn before(&self, node: usize) -> impl DoubleEndedIterator<Item = usize> {
        let step = &self.steps[node];
        let operands = step.inputs.iter().filter_map(node_of);
        operands.chain(step.controls.iter().copied())
    }
}

fn node_of(source: &Source) -> Option<usize> {
    match source {
        Source::Node { node, .. } => Some(*node),
        Source::Argument(_) => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Depth-first order without recursion: a chain may be long.
struct Order<'a> {
    plan: &'a Plan,
    marks: Vec<Mark>,
    order: Vec<usize>,
    /// What closes loops.
    later: Vec<usize>,
}

impl Order<'_> {
    fn visit(&mut self, root: usize) -> Result<()> {
        let mut stack = vec![(root, false)];
        while let Some((node, finished)) = stack.pop() {
            match (self.marks[node], finished) {
                (_, true) => {
                    self.marks[node] = Mark::Done;
                    self.order.push(node);
                }
                (Mark::Done, false) => {}
                (Mark::Open, false) => return self.cycle(node),
                (Mark::New, false) => {
                    self.marks[node] = Mark::Open;
                    stack.push((node, true));
                    let before: Vec<usize> = self.plan.before(node).rev().collect();
                    for before in before {
                        match self.closes_a_loop(node, before) {
                            true => self.later.push(before),
                            false if self.marks[before] == Mark::Done => {}
                            false => stack.push((before, false)),
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A loop of TensorFlow 1 closes at the edge from its NextIteration to its Merge.
    fn closes_a_loop(&self, node: usize, before: usize) -> bool {
        let is = |node: usize, flow| matches!(self.plan.steps[node].kind, Kind::Flow(known) if known == flow);
        is(node, Flow::Merge) && is(before, Flow::NextIteration)
    }

    fn cycle<T>(&self, node: usize) -> Result<T> {
        let error = Error::malformed("the nodes form a cycle");
        Err(error.at(&self.plan.place(node)))
    }
}

/// What runs a node of this op.
fn kind(machine: &Machine<'_>, def: &NodeDef) -> Kind {
    match def.op.as_str() {
        "Const" => Kind::Constant(OnceLock::new()),
        "NoOp" | "ControlTrigger" => Kind::Nothing,
        "Switch" | "RefSwitch" => Kind::Flow(Flow::Switch),
        "Merge" | "RefMerge" => Kind::Flow(Flow::Merge),
        "Enter" | "RefEnter" => Kind::Flow(Flow::Enter),
        "Exit" | "RefExit" => Kind::Flow(Flow::Exit),
        "NextIteration" | "RefNextIteration" => Kind::Flow(Flow::NextIteration),
        "Identity"
        | "RefIdentity"
        | "Snapshot"
        | "StopGradient"
        | "PreventGradient"
        | "LoopCond"
        | "DeepCopy"
        | "GuaranteeConst"
        | "Copy"
        | "CopyHost"
        | "DebugIdentity"
        | "DebugIdentityV2"
        | "DebugIdentityV3"
        | "XlaSharding"
        | "TPUReplicatedInput"
        | "DebugGradientIdentity"
        | "DebugGradientRefIdentity" => Kind::Forward,
        op => match (control::structure(def), ops::find(op)) {
            (Some(structure), _) => Kind::Control(structure),
            (None, Some(row)) => Kind::Kernel(row.kernel),
            (None, None) if machine.model.library().get(op).is_some() => Kind::Call(op.to_owned()),
            (None, None) if single::knows(op) => Kind::Lowered,
            (None, None) => Kind::Unknown,
        },
    }
}

fn output_count(machine: &Machine<'_>, def: &NodeDef) -> usize {
    if let Some(op) = op_def(&def.op) {
        let types = op.output_types(|name| attr::stored(def, name));
        return types.map_or(0, |types| types.len());
    }
    let function = machine.model.library().get(&def.op);
    let signature = function.and_then(|function| function.signature.as_ref());
    signature.map_or(1, |signature| signature.output_arg.len())
}
