//! The support code against numbers that TensorFlow made (`tests/support_goldens.py`).

#![allow(missing_docs, reason = "test helpers")]

mod activations;
mod arrays;
mod convolutions;
mod functions;
mod normalisations;
mod pools;
mod variables;

use candle_core::{DType, Device, Result, Tensor, Var, safetensors};
use std::collections::BTreeMap;

/// One case: its tensors by name. Float inputs are variables, so that they get gradients.
pub struct Case {
    name: &'static str,
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    pub fn load(name: &'static str, dtype: DType) -> Result<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens.safetensors");
        let prefix = format!("{name}/");
        let mut tensors = BTreeMap::new();
        let all: BTreeMap<_, _> = safetensors::load(path, &Device::Cpu)?.into_iter().collect();
        for (key, tensor) in all {
            if let Some(key) = key.strip_prefix(&prefix) {
                let float = tensor.dtype() == DType::F32;
                let tensor = if float {
                    Var::from_tensor(&tensor.to_dtype(dtype)?)?.into_inner()
                } else {
                    tensor
                };
                tensors.insert(key.to_owned(), tensor);
            }
        }
        Ok(Self { name, tensors })
    }

    pub fn get(&self, key: &str) -> &Tensor {
        self.tensors
            .get(key)
            .unwrap_or_else(|| panic!("the goldens have no {}/{key}", self.name))
    }

    /// Compares an output, and the gradients that it sends back to the inputs, with TensorFlow's.
    pub fn compare(&self, y: &Tensor, tolerance: f64) -> Result<()> {
        close(&format!("{}/y", self.name), y, self.get("y"), tolerance)?;
        let Some(dy) = self.tensors.get("dy") else {
            return Ok(());
        };
        let grads = (y * dy.to_dtype(y.dtype())?)?.sum_all()?.backward()?;
        let mut inputs: Vec<&str> = self
            .tensors
            .keys()
            .filter_map(|key| key.strip_prefix("d_"))
            .collect();
        inputs.sort_unstable();
        for input in inputs {
            let expected = self.get(&format!("d_{input}"));
            match grads.get(self.get(input)) {
                Some(gradient) => close(
                    &format!("{}/d_{input}", self.name),
                    gradient,
                    expected,
                    tolerance,
                )?,
                None => close(
                    &format!("{}/d_{input}", self.name),
                    &expected.zeros_like()?,
                    expected,
                    tolerance,
                )?,
            }
        }
        Ok(())
    }
}

/// Runs a case in `f32`, where the CPU kernels work, and in `f64`, which is composed of candle's operations.
pub fn check(name: &'static str, function: impl Fn(&Case) -> Result<Tensor>) -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let case = Case::load(name, dtype)?;
        let y = function(&case)?;
        assert_eq!(y.dtype(), dtype, "{name}");
        case.compare(&y, 2e-5)?;
    }
    Ok(())
}

/// Asserts that two tensors agree to `tolerance`, relative to the larger of 1 and the expected value.
pub fn close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f64) -> Result<()> {
    assert_eq!(got.dims(), expected.dims(), "{what}: the shape");
    let list = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let worst =
        list(got)?
            .into_iter()
            .zip(list(expected)?)
            .enumerate()
            .map(|(i, (got, expected))| {
                let error = if got == expected {
                    0.0
                } else {
                    (got - expected).abs() / expected.abs().max(1.0)
                };
                (
                    if error.is_nan() { f64::INFINITY } else { error },
                    i,
                    got,
                    expected,
                )
            });
    if let Some((error, i, got, expected)) = worst.max_by(|a, b| a.0.total_cmp(&b.0)) {
        assert!(
            error <= tolerance,
            "{what}: element {i} is {got}, TensorFlow has {expected} (error {error:.2e}, tolerance {tolerance:.0e})"
        );
    }
    Ok(())
}
