//! What outlives a call.

use super::internal;
use super::plan::Plan;
use super::value::{ResourceId, Value};
use crate::error::Result;
use crate::eval::Tensor;
use crate::saved_model::Running;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

/// How many nodes one call may run.
const STEP_LIMIT: u64 = 5_000_000;

/// The state of a model: variables, tables, counters, and what was prepared to run it.
#[derive(Debug)]
pub struct State {
    /// Everything that handles refer to.
    resources: Vec<Resource>,
    /// Those that end with the call, and those that have ended.
    temporary: Vec<ResourceId>,
    free: Vec<ResourceId>,
    /// The resource of each variable of the model that was used.
    pub(super) variables: BTreeMap<usize, ResourceId>,
    /// The handle of each resource object that was made.
    pub(super) objects: BTreeMap<usize, Value>,
    /// Resources by kind and shared name.
    pub(super) shared: BTreeMap<(&'static str, String), ResourceId>,
    /// The functions that were called.
    pub(super) plans: BTreeMap<String, Arc<Plan>>,
    /// The parts of the main graph that were run.
    pub(super) graphs: BTreeMap<GraphKey, Arc<Plan>>,
    /// How often each random op without a seed of its own has run, by function and node.
    pub(super) draws: BTreeMap<(Arc<str>, String), u64>,
    /// What random ops without a seed of their own follow from.
    pub(super) seed: u64,
    /// Whether objects that restore themselves have done so.
    pub(super) is_restored: bool,
    /// Whether the initialisation of a TF1 model has run, or is running.
    pub(super) is_initialised: bool,
    /// What running a function comes to.
    pub(super) surveys: BTreeMap<String, super::survey::Survey>,
    /// How many of the first arguments of a call are the caller's own.
    pub(super) inputs: usize,
    /// Whether an op was met that nothing runs.
    pub(super) has_met_unknown: bool,
    /// Whether the caller's arguments led to the error.
    pub(super) is_to_blame: bool,
    pub(super) step_limit: u64,
    pub(super) steps: u64,
    pub(super) depth: usize,
}

/// Feeds, fetches and targets.
pub(super) type GraphKey = (Vec<String>, Vec<String>, Vec<String>);

/// What a handle refers to.
#[derive(Debug)]
pub(super) enum Resource {
    Variable(VariableState),
    Table(super::ops::table::Table),
    TensorArray(super::ops::tensor_array::TensorArray),
    Stack(Vec<Value>),
    Iterator(super::ops::iterators::Iterator),
    /// Something that only exists: a mutex, a writer of summaries.
    Token,
}

/// A variable.
#[derive(Debug)]
pub(super) struct VariableState {
    /// The index among the model's variables, where it is one.
    pub(super) index: Option<usize>,
    /// The value, where it was read or assigned.
    pub(super) value: Option<Arc<Tensor>>,
}

impl Default for State {
    fn default() -> Self {
        State {
            resources: vec![],
            temporary: vec![],
            free: vec![],
            variables: BTreeMap::new(),
            objects: BTreeMap::new(),
            shared: BTreeMap::new(),
            plans: BTreeMap::new(),
            graphs: BTreeMap::new(),
            draws: BTreeMap::new(),
            seed: 0,
            is_restored: false,
            is_initialised: false,
            surveys: BTreeMap::new(),
            inputs: 0,
            has_met_unknown: false,
            is_to_blame: false,
            step_limit: STEP_LIMIT,
            steps: 0,
            depth: 0,
        }
    }
}

impl State {
    /// The state of a model that was just loaded.
    pub(super) fn new(running: Running) -> State {
        State {
            step_limit: running.step_limit.unwrap_or(STEP_LIMIT),
            seed: running.seed.unwrap_or_else(fresh_seed),
            ..State::default()
        }
    }

    /// A call begins.
    pub(super) fn begin(&mut self) {
        self.steps = 0;
        self.depth = 0;
        self.inputs = 0;
        self.is_to_blame = false;
        self.has_met_unknown = false;
        for id in std::mem::take(&mut self.temporary) {
            if let Some(resource) = self.resources.get_mut(id.0) {
                *resource = Resource::Token;
                self.free.push(id);
            }
        }
    }

    /// A resource that nobody has after the call.
    pub(super) fn add_temporary(&mut self, resource: Resource) -> ResourceId {
        let id = match self.free.pop() {
            Some(id) => id,
            None => self.add(Resource::Token),
        };
        if let Some(place) = self.resources.get_mut(id.0) {
            *place = resource;
        }
        self.temporary.push(id);
        id
    }

    pub(super) fn add(&mut self, resource: Resource) -> ResourceId {
        self.resources.push(resource);
        ResourceId(self.resources.len() - 1)
    }

    pub(super) fn resource(&mut self, id: ResourceId) -> Result<&mut Resource> {
        let found = self.resources.get_mut(id.0);
        found.ok_or_else(|| internal("a handle of another state"))
    }

    /// What a handle refers to, if it is still there.
    pub(super) fn peek(&self, id: ResourceId) -> Option<&Resource> {
        self.resources.get(id.0)
    }

    /// The value that the model's variable of this index has been given or read.
    pub(crate) fn assigned(&self, index: usize) -> Option<Arc<Tensor>> {
        match self.peek(*self.variables.get(&index)?)? {
            Resource::Variable(variable) => variable.value.clone(),
            Resource::Table(_)
            | Resource::TensorArray(_)
            | Resource::Stack(_)
            | Resource::Iterator(_)
            | Resource::Token => None,
        }
    }

    /// The resource of this kind and name, made if there is none yet.
    pub(super) fn shared(
        &mut self,
        kind: &'static str,
        name: &str,
        make: impl FnOnce() -> Resource,
    ) -> ResourceId {
        let key = (kind, name.to_owned());
        if let Some(&id) = self.shared.get(&key) {
            return id;
        }
        let id = self.add(make());
        self.shared.insert(key, id);
        id
    }
}

/// Bits that differ from run to run.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
