//! Parts of the main graph.

use super::Machine;
use super::plan::Plan;
use super::state::GraphKey;
use super::value::Value;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::graph::body::Body;
use crate::saved_model::Asset;
use std::sync::Arc;

impl Machine<'_> {
    /// The values of `fetches` when `feeds` are given.
    pub(super) fn fetch(
        &mut self,
        feeds: &[(&str, Value)],
        fetches: &[&str],
        targets: &[&str],
    ) -> Result<Vec<Value>> {
        self.initialise()?;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (fed, values): (Vec<&str>, Vec<Value>) = feeds.iter().cloned().unzip();
        let inputs = values.len();
        run(
            self,
            (names(&fed), names(fetches), names(targets)),
            values,
            inputs,
        )
    }

    /// Runs what initialises a TF1 model, once.
    pub(super) fn initialise(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.state.is_initialised, true) {
            return Ok(());
        }
        let operations = match self.model.init_op() {
            Some(operation) => vec![operation.to_owned()],
            None => self.model.initializers().to_vec(),
        };
        if operations.is_empty() {
            return Ok(());
        }
        let mut feeds = vec![];
        let mut paths = vec![];
        for (index, asset) in self.model.assets().iter().enumerate() {
            if !asset.tensor.is_empty() && !feeds.contains(&asset.tensor) {
                feeds.push(asset.tensor.clone());
                paths.push(self.asset(index)?);
            }
        }
        let done = run(self, (feeds, vec![], operations), paths, 0);
        self.state.is_initialised = done.is_ok();
        done.map(|_| ())
    }

    /// The content of the asset whose path a graph names. No other file is read.
    pub(super) fn asset_bytes(&self, path: &[u8]) -> Result<Vec<u8>> {
        let names = |asset: &&Asset| asset.path.to_string_lossy().as_bytes() == path;
        let asset = self.model.assets().iter().find(names).ok_or_else(|| {
            let path = String::from_utf8_lossy(path);
            Error::usage(format!("`{path}` is not among the model's assets"))
        })?;
        asset.read()
    }

    /// The path of an asset, as a string.
    pub(super) fn asset(&self, index: usize) -> Result<Value> {
        let missing = || Error::malformed(format!("the model has no asset {index}"));
        let asset = self.model.assets().get(index).ok_or_else(missing)?;
        let path = asset.path.to_string_lossy().into_owned().into_bytes();
        Ok(Tensor::new(&[], vec![path])?.into())
    }
}

/// Runs a part of the main graph; the first `own` values are the caller's.
pub(super) fn run(
    machine: &mut Machine<'_>,
    key: GraphKey,
    inputs: Vec<Value>,
    own: usize,
) -> Result<Vec<Value>> {
    let plan = match machine.state.graphs.get(&key) {
        Some(plan) => plan.clone(),
        None => {
            let plan = Arc::new(prepare(machine, &key)?);
            machine.state.graphs.insert(key, plan.clone());
            plan
        }
    };
    let results = machine.run_for_caller(&plan, inputs, own)?;
    let read = |value: Value| match value {
        Value::Reference(id) => machine.read(id).map(Value::Tensor),
        Value::Tensor(_) | Value::Resource(_) | Value::Variant(_) => Ok(value),
    };
    results.into_iter().map(read).collect()
}

fn prepare(machine: &Machine<'_>, (feeds, fetches, targets): &GraphKey) -> Result<Plan> {
    let nodes = &machine.model.main_graph().node;
    let body = Body::of_graph(nodes, feeds, fetches)?;
    let mut roots = vec![];
    for target in targets {
        let name = target.trim_start_matches('^');
        let name = name.split(':').next().unwrap_or(name);
        let found = nodes.iter().position(|node| node.name == name);
        roots.push(
            found.ok_or_else(|| {
                Error::usage(format!("there is no operation `{name}` in the graph"))
            })?,
        );
    }
    Plan::new(machine, body, &roots)
}
