//! Modules before they share types: fields, and methods as steps over numbered values.

use super::paths::Path;
use crate::ir::{Origin, ParamId, Type};
use crate::plan::{Action, Condition};
use std::collections::{BTreeMap, HashMap};

/// A module of the model, at one path.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Its path.
    pub path: Path,
    /// Its fields, by name, in the order of first use.
    pub fields: Vec<(String, Held)>,
    /// Its methods.
    pub methods: Vec<Body>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A layer, by its index in [`Items::layers`].
    Layer(usize),
    /// The module of this name below.
    Module,
    /// The modules of these names below, called one after the other.
    Modules(Vec<String>),
    /// A variable that no layer owns.
    Param(ParamId),
    /// A switch: the step that asks for it happens only where it is on.
    Flag(bool),
}

/// A method: steps over values.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The types of the arguments.
    pub inputs: Vec<Type>,
    /// The names of the arguments, where the caller gives them one.
    pub input_names: Vec<Option<String>>,
    /// The steps, each after what it reads.
    pub steps: Vec<Step>,
    /// The results.
    pub results: Vec<Source>,
}

/// One step of a method.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does; its fields are indices into [`Module::fields`].
    pub action: Action,
    /// The blocks that it runs, if it is a branch or a loop.
    pub blocks: Vec<Body>,
    /// What it reads.
    pub args: Vec<Source>,
    /// The types of its results.
    pub types: Vec<Type>,
    /// A name for its result: of the layer, the module or the scope.
    pub label: String,
    /// If it happens only where a field says so.
    pub condition: Option<Condition>,
    /// The nodes of the model that it comes from.
    pub origins: Vec<Origin>,
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An argument.
    Input(usize),
    /// A result of a step.
    Step {
        /// The step.
        step: usize,
        /// Which of its results.
        result: usize,
    },
}

impl Step {
    /// Puts other fields in place of those that it uses.
    pub fn renumber(&mut self, place: &dyn Fn(usize) -> usize) {
        self.action.renumber(place);
        let inner = self.blocks.iter_mut().flat_map(|block| &mut block.steps);
        inner.for_each(|step| step.renumber(place));
        if let Some(condition) = &mut self.condition {
            condition.field = place(condition.field);
        }
    }
}

/// The drafts of all modules, by path; the root has the functions as methods, in order.
pub type Modules = BTreeMap<Path, Module>;

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl Body {
    /// Whether both do the same with the same fields.
    pub fn is_same(&self, other: &Body) -> bool {
        let same = |(a, b): (&Step, &Step)| {
            a.action == b.action && a.blocks == b.blocks && a.args == b.args && a.types == b.types
        };
        self.inputs == other.inputs
            && self.results == other.results
            && self.steps.len() == other.steps.len()
            && self.steps.iter().zip(&other.steps).all(same)
    }

    /// The type of a source.
    pub fn ty(&self, source: Source) -> &Type {
        match source {
            Source::Input(i) => &self.inputs[i],
            Source::Step { step, result } => &self.steps[step].types[result],
        }
    }

    /// How often each result of each step is read.
    pub fn uses(&self) -> HashMap<Source, usize> {
        let mut uses = HashMap::new();
        for source in self
            .steps
            .iter()
            .flat_map(|step| &step.args)
            .chain(&self.results)
        {
            *uses.entry(*source).or_insert(0) += 1;
        }
        uses
    }
}
