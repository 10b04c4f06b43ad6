//! How to load a SavedModel.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SavedModel;
use crate::{Error, Result};

/// What `SavedModel::load` does, with choices.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    pub(super) tags: Option<Vec<String>>,
    pub(super) allow_partial_checkpoint: bool,
    pub(super) skip_checkpoint: bool,
    pub(super) wait: Option<Duration>,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) function_aliases: bool,
    pub(super) only: Option<Vec<String>>,
    pub(super) is_tolerant: bool,
    pub(super) running: Running,
}

/// How functions of the model run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    /// How many nodes one call may run.
    pub(crate) step_limit: Option<u64>,
    /// What random numbers without a seed of their own follow from.
    pub(crate) seed: Option<u64>,
}

/// What becomes of the devices and copies of variables. Values are the same under each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VariablePolicy {
    /// Devices are forgotten.
    #[default]
    None,
    /// Devices are kept.
    SaveVariableDevices,
    /// The copies of distributed variables are kept apart.
    ExpandDistributedVariables,
}

impl std::str::FromStr for VariablePolicy {
    type Err = Error;

    /// Reads a policy's name, in upper or lower case.
    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "" | "none" => Ok(VariablePolicy::None),
            "save_variable_devices" => Ok(VariablePolicy::SaveVariableDevices),
            "expand_distributed_variables" => Ok(VariablePolicy::ExpandDistributedVariables),
            _ => Err(Error::usage(format!("`{name}` is not a variable policy"))
                .help("they are none, save_variable_devices and expand_distributed_variables")),
        }
    }
}

impl LoadOptions {
    /// The defaults: the only MetaGraph, and a checkpoint that holds every variable.
    pub fn new() -> Self {
        LoadOptions::default()
    }

    /// Takes the MetaGraph whose set of tags is exactly this one.
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Accepts variables that the checkpoint does not have; reading them is an error.
    pub fn allow_partial_checkpoint(mut self, allow: bool) -> Self {
        self.allow_partial_checkpoint = allow;
        self
    }

    /// Leaves the checkpoint alone; reading a variable is an error.
    pub fn skip_checkpoint(mut self, skip: bool) -> Self {
        self.skip_checkpoint = skip;
        self
    }

    /// Waits so long for `saved_model.pb` to appear, which producers write after the checkpoint and the assets.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Reads the variables from the checkpoint with this prefix instead of `variables/variables`.
    pub fn checkpoint(mut self, prefix: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(prefix.into());
        self
    }

    /// The device to read files on. All of them are this machine's, so that nothing depends on it.
    pub fn io_device(self, _device: impl Into<String>) -> Self {
        self
    }

    /// What becomes of the devices and copies of variables; every variable is one value on this machine in any case.
    pub fn variable_policy(self, _policy: VariablePolicy) -> Self {
        self
    }

    /// Gives the root the attribute `function_aliases`: functions by the aliases that they were saved under.
    pub fn function_aliases(mut self, load: bool) -> Self {
        self.function_aliases = load;
        self
    }

    /// Loads only the objects at these paths, such as `root.encoder.kernel`, with all that hangs on them.
    pub fn only<T: Into<String>>(mut self, paths: impl IntoIterator<Item = T>) -> Self {
        self.only = Some(paths.into_iter().map(Into::into).collect());
        self
    }

    /// Lets one call run this many nodes, rounds of loops counted each: protection from loops without an end. Five million
    /// where nothing is said.
    pub fn step_limit(mut self, nodes: u64) -> Self {
        self.running.step_limit = Some(nodes);
        self
    }

    /// Makes random ops that were saved without a seed give the same numbers whenever the model is loaded. Without this
    /// they differ each time, as in TensorFlow.
    pub fn seed(mut self, seed: u64) -> Self {
        self.running.seed = Some(seed);
        self
    }

    /// Notes what is missing, files and inputs of signatures, instead of refusing the model: it is to be looked at, not run.
    pub(crate) fn tolerant(mut self) -> Self {
        self.is_tolerant = true;
        self
    }

    /// Loads the SavedModel in `dir`.
    pub fn load(&self, dir: impl AsRef<Path>) -> Result<SavedModel> {
        SavedModel::load_with(dir.as_ref(), self)
    }
}
