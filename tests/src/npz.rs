//! NumPy's archives of arrays, in the runner's form.

use std::collections::BTreeMap;
use std::path::Path;

use savedmodel_import::eval::Tensor;
use savedmodel_import_tests_value::Values;

use crate::{Result, evaluate};

/// Reads every array of an `.npz` file.
pub fn read(path: &Path) -> Result<Values> {
    let tensors = tensors(path)?;
    Ok(tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), evaluate::plain(tensor)))
        .collect())
}

/// Reads every array of an `.npz` file as tensors.
pub fn tensors(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    Ok(savedmodel_import::npz::read(path).map_err(|error| error.to_string())?)
}
