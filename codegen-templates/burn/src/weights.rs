//! Weights that are as the model wants them, or a list of all that is wrong with them.

use burn::store::{ModuleSnapshot, SafetensorsStore, SafetensorsStoreError};

/// The model with exactly the tensors of the store. Floats may be of another width than the model's.
///
/// # Errors
/// When tensors are missing, not the model's, or of another shape or kind: all of them at once.
pub fn filled<M: ModuleSnapshot>(
    mut model: M,
    store: SafetensorsStore,
) -> Result<M, SafetensorsStoreError> {
    let result = model.load_from(&mut store.allow_partial(true).validate(false))?;
    let missing = result.missing.iter();
    let mut differences: Vec<String> = missing
        .map(|(name, _)| format!("`{name}` is missing"))
        .collect();
    differences.extend(result.errors.iter().map(ToString::to_string));
    let unknown = result.unused.iter();
    differences.extend(unknown.map(|name| format!("the model has no `{name}`")));
    match differences.is_empty() {
        true => Ok(model),
        false => Err(SafetensorsStoreError::ValidationFailed(format!(
            "the weights are not this model's:\n  {}",
            differences.join("\n  ")
        ))),
    }
}
