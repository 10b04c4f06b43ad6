//! How to load a SavedModel.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SavedModel;
use crate::Result;

/// What `SavedModel::load` does, with choices.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    pub(super) tags: Option<Vec<String>>,
    pub(super) allow_partial_checkpoint: bool,
    pub(super) skip_checkpoint: bool,
    pub(super) wait: Option<Duration>,
    pub(super) checkpoint: Option<PathBuf>,
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

    /// Loads the SavedModel in `dir`.
    pub fn load(&self, dir: impl AsRef<Path>) -> Result<SavedModel> {
        SavedModel::load_with(dir.as_ref(), self)
    }
}
