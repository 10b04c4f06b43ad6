//! Where a SavedModel's variables are.

use std::path::Path;

use super::bundle::{Bundle, Entry, Slice, index_path};
use super::tensor::TensorValue;
use crate::{Error, Result};

/// A checkpoint of either version.
#[derive(Debug)]
pub(super) enum Checkpoint {
    V2(Bundle),
}

impl Checkpoint {
    /// Opens the checkpoint with that prefix.
    pub(super) fn open(prefix: &Path) -> Result<Checkpoint> {
        if !index_path(prefix).exists() && prefix.is_file() {
            return Err(
                Error::unsupported("the checkpoint is of the first version").in_file(prefix)
            );
        }
        Bundle::open(prefix).map(Checkpoint::V2)
    }

    pub(super) fn entry(&self, key: &str) -> Result<&Entry> {
        match self {
            Checkpoint::V2(bundle) => bundle.entry(key),
        }
    }

    pub(super) fn read(&self, key: &str, slice: Option<&Slice>) -> Result<TensorValue<'_>> {
        match (self, slice) {
            (Checkpoint::V2(bundle), None) => bundle.read(key),
            (Checkpoint::V2(bundle), Some(slice)) => bundle.read_slice(key, slice),
        }
    }

    /// The bundle, if it is one.
    pub(super) fn bundle(&self) -> Option<&Bundle> {
        match self {
            Checkpoint::V2(bundle) => Some(bundle),
        }
    }
}
