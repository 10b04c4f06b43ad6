//! Weights that are as the model wants them, or a list of all that is wrong with them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Error, Result, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// Makes a model of exactly these tensors. Floats may be of another width than the model's.
///
/// # Errors
/// When tensors are missing, not the model's, or of another shape or kind: all of them at once.
pub fn checked<M>(
    tensors: HashMap<String, Tensor>,
    dtype: DType,
    device: &Device,
    make: impl FnOnce(VarBuilder<'static>) -> Result<M>,
) -> Result<M> {
    let check = Arc::new(Check {
        tensors,
        asked: Mutex::default(),
    });
    let backend = Box::new(Checked(check.clone()));
    let model = make(VarBuilder::from_backend(backend, dtype, device.clone()));
    let differences = check.differences();
    match differences.is_empty() {
        true => model,
        false => Err(Error::Msg(format!(
            "the weights are not this model's:\n  {}",
            differences.join("\n  ")
        ))),
    }
}

struct Checked(Arc<Check>);

struct Check {
    tensors: HashMap<String, Tensor>,
    asked: Mutex<Asked>,
}

/// What a model has asked for, and what of it was wrong.
#[derive(Default)]
struct Asked {
    names: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Check {
    fn differences(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut differences = std::mem::take(&mut asked.wrong);
        let unknown = self
            .tensors
            .keys()
            .filter(|name| !asked.names.contains(*name));
        let unknown: BTreeSet<&String> = unknown.collect();
        differences.extend(
            unknown
                .iter()
                .map(|name| format!("the model has no `{name}`")),
        );
        differences
    }

    /// A tensor that fits; else what is wrong is noted.
    fn find(&self, name: &str, shape: Option<&Shape>, dtype: DType) -> Option<&Tensor> {
        let found = self.tensors.get(name);
        let wrong = match found {
            None => Some(format!("`{name}` is missing")),
            Some(tensor) => difference(tensor, shape, dtype).map(|why| format!("`{name}` {why}")),
        };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.names.insert(name.to_owned());
        match wrong {
            None => found,
            Some(wrong) => {
                asked.wrong.push(wrong);
                None
            }
        }
    }
}

fn difference(tensor: &Tensor, shape: Option<&Shape>, dtype: DType) -> Option<String> {
    let found = tensor.shape();
    match shape {
        Some(shape) if shape != found => Some(format!("has the shape {found:?} and not {shape:?}")),
        _ if tensor.dtype().is_float() != dtype.is_float() => {
            Some(format!("holds {:?} and not {dtype:?}", tensor.dtype()))
        }
        _ => None,
    }
}

impl SimpleBackend for Checked {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        match self.0.find(name, Some(&shape), dtype) {
            Some(tensor) => tensor.to_device(device)?.to_dtype(dtype),
            // So that the rest of the model is looked at as well.
            None => Tensor::zeros(shape, dtype, device),
        }
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        match self.0.find(name, None, dtype) {
            Some(tensor) => tensor.to_device(device)?.to_dtype(dtype),
            None => Tensor::zeros((), dtype, device),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.tensors.contains_key(name)
    }
}
