//! Runs a plan: node after node, or, where there are switches among the nodes, as values arrive.

use super::plan::{Kind, Plan, Step};
use super::value::Value;
use super::{Machine, internal};
use crate::error::{Error, Place, Result};
use crate::graph::body::Source;
use crate::lower::{attr, single};
use savedmodel_import_proto::TensorProto;
use std::sync::Arc;

/// What to do about a call that runs too many nodes.
const NO_END: &str =
    "a loop may have no end; `LoadOptions::step_limit` and `--max-steps` set the limit";

/// Calls may nest this deep.
const DEPTH_LIMIT: usize = 120;

impl Plan {
    /// Where a node is.
    pub(super) fn place(&self, node: usize) -> Place {
        let def = &self.steps[node].def;
        Place {
            function: (!self.name.is_empty()).then(|| self.name.to_string()),
            node: Some(def.name.clone()),
            op: Some(def.op.clone()),
            ..Place::default()
        }
    }
}

impl Machine<'_> {
    /// The results of a plan for its arguments.
    pub(super) fn run(&mut self, plan: &Plan, arguments: Vec<Value>) -> Result<Vec<Value>> {
        if arguments.len() != plan.arguments {
            let (name, wanted, given) = (&plan.name, plan.arguments, arguments.len());
            let message = format!("`{name}` takes {wanted} arguments and is given {given}");
            return Err(Error::malformed(message));
        }
        if self.state.depth >= DEPTH_LIMIT {
            let message = format!("calls nest deeper than {DEPTH_LIMIT}");
            return Err(Error::unsupported(message));
        }
        self.state.depth += 1;
        let results = match plan.has_switches {
            true => self.run_frames(plan, &arguments),
            false => self.run_in_order(plan, arguments),
        };
        self.state.depth -= 1;
        results
    }

    fn run_in_order(&mut self, plan: &Plan, arguments: Vec<Value>) -> Result<Vec<Value>> {
        let mut values = Values {
            arguments: arguments.into_iter().map(Some).collect(),
            argument_uses: plan.argument_uses.clone(),
            made: vec![vec![]; plan.steps.len()],
            uses: plan.uses.clone(),
        };
        for &node in &plan.order {
            let step = &plan.steps[node];
            let inputs = step.inputs.iter().map(|source| values.take(source));
            let outputs = inputs
                .collect::<Result<Vec<Value>>>()
                .and_then(|inputs| self.step(plan, step, inputs))
                .map_err(|error| self.placed(error, plan, node))?;
            values.made[node] = outputs.into_iter().map(Some).collect();
            values.forget_unread(node);
        }
        let results = plan.results.iter();
        results.map(|source| values.take(source)).collect()
    }

    /// The error at a node, with the line of Python that made it.
    pub(super) fn placed(&mut self, error: Error, plan: &Plan, node: usize) -> Error {
        let is_innermost = error.place().node.is_none();
        let own = match self.state.depth {
            1 => self.state.inputs,
            _ => plan.arguments,
        };
        let leads_there = plan.needs_arguments(node, own);
        self.state.is_to_blame = match is_innermost {
            true => leads_there && !error.is_of_model(),
            false => leads_there && self.state.is_to_blame,
        };
        match is_innermost {
            true => error.at(&self.place_with_line(plan, node)),
            false => error.at(&plan.place(node)),
        }
    }

    /// Where a node is, with the line of Python that made it.
    pub(super) fn place_with_line(&self, plan: &Plan, node: usize) -> Place {
        let mut place = plan.place(node);
        let (name, function) = (&plan.steps[node].def.name, place.function.as_deref());
        place.python = self.model.python_line(name, function);
        place
    }

    /// Runs a plan over the caller's values and what follows them; an op that refuses what came of those values is the
    /// caller's error.
    pub(super) fn run_for_caller(
        &mut self,
        plan: &Arc<Plan>,
        arguments: Vec<Value>,
        inputs: usize,
    ) -> Result<Vec<Value>> {
        if self.state.depth == 0 {
            self.check_plan(plan)?;
            self.state.inputs = inputs;
            self.state.is_to_blame = false;
        }
        let results = self.run(plan, arguments);
        if self.state.depth > 0 {
            return results;
        }
        results.map_err(|error| match self.state.has_met_unknown {
            true => self.missing_ops(plan),
            false if self.state.is_to_blame => error.into_usage(),
            false => error,
        })
    }

    /// The outputs of a node.
    pub(super) fn step(
        &mut self,
        plan: &Plan,
        step: &Step,
        inputs: Vec<Value>,
    ) -> Result<Vec<Value>> {
        self.state.steps += 1;
        if self.state.steps > self.state.step_limit {
            let message = format!("the call runs more than {} nodes", self.state.step_limit);
            return Err(Error::unsupported(message).help(NO_END));
        }
        match &step.kind {
            Kind::Constant(known) => constant(step, known),
            Kind::Nothing => Ok(vec![]),
            Kind::Forward => self.forward(step, &inputs),
            Kind::Control(structure) => self.control(structure, inputs),
            Kind::Call(function) => self.call(function, inputs),
            Kind::Kernel(kernel) => kernel.run(self.reborrow(), plan, step, inputs),
            Kind::Lowered => self.lowered(step, &inputs),
            Kind::Flow(_) => Err(internal("control flow outside of its frames")),
            Kind::Unknown => {
                self.state.has_met_unknown = true;
                let message = format!("the op {} is not supported", step.def.op);
                Err(Error::unsupported(message))
            }
        }
    }

    fn forward(&mut self, step: &Step, inputs: &[Value]) -> Result<Vec<Value>> {
        let missing = || Error::malformed("the node has no operand");
        let value = inputs.first().ok_or_else(missing)?;
        match value {
            Value::Reference(id) if !step.def.op.contains("Ref") => {
                Ok(vec![Value::Tensor(self.read(*id)?)])
            }
            Value::Reference(_) | Value::Tensor(_) | Value::Resource(_) | Value::Variant(_) => {
                Ok(vec![value.clone()])
            }
        }
    }

    fn lowered(&mut self, step: &Step, inputs: &[Value]) -> Result<Vec<Value>> {
        if inputs
            .iter()
            .any(|input| matches!(input, Value::Variant(_)))
        {
            return self.moved(step, inputs);
        }
        let mut operands = Vec::with_capacity(inputs.len());
        for (i, input) in inputs.iter().enumerate() {
            operands.push(match input {
                Value::Reference(id) => self.read(*id)?,
                Value::Tensor(_) | Value::Resource(_) | Value::Variant(_) => {
                    let what = |e: Error| Error::unsupported(format!("input {i}: {}", e.kind()));
                    input.tensor().map_err(what)?.clone()
                }
            });
        }
        let outputs = single::evaluate(&step.def, &operands)?;
        Ok(outputs.into_iter().map(Value::of_op).collect())
    }
}

fn constant(step: &Step, known: &std::sync::OnceLock<Value>) -> Result<Vec<Value>> {
    if let Some(value) = known.get() {
        return Ok(vec![value.clone()]);
    }
    let proto: TensorProto = attr::read(&step.def, "value")?;
    let value = Value::from(crate::lower::tensor(&proto)?);
    Ok(vec![known.get_or_init(|| value).clone()])
}

/// The values that are still to be read.
struct Values {
    arguments: Vec<Option<Value>>,
    argument_uses: Vec<u32>,
    made: Vec<Vec<Option<Value>>>,
    uses: Vec<Vec<u32>>,
}

impl Values {
    /// A value; the last reader takes it away, so that a list that nobody else reads is changed in place.
    fn take(&mut self, source: &Source) -> Result<Value> {
        let (value, uses) = match *source {
            Source::Argument(i) => (self.arguments.get_mut(i), self.argument_uses.get_mut(i)),
            Source::Node { node, output } => (
                self.made[node].get_mut(output),
                self.uses[node].get_mut(output),
            ),
        };
        let missing = || Error::malformed("an operand is an output that its node does not have");
        let (value, uses) = value.zip(uses).ok_or_else(missing)?;
        *uses = uses.saturating_sub(1);
        let value = if *uses == 0 {
            value.take()
        } else {
            value.clone()
        };
        value.ok_or_else(missing)
    }

    fn forget_unread(&mut self, node: usize) {
        for (value, uses) in self.made[node].iter_mut().zip(&self.uses[node]) {
            if *uses == 0 {
                *value = None;
            }
        }
    }
}
