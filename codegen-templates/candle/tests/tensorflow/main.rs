//! The support code against numbers that TensorFlow made (`tests/support_goldens.py`).

#![allow(missing_docs, reason = "test helpers")]

mod activations;
mod arrays;
mod convolutions;
mod functions;
mod mixed;
mod normalisations;
mod pools;
mod variables;

use candle_core::{DType, Device, Result, Tensor, Var, safetensors};
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::kernels::foreign;
use std::collections::BTreeMap;

/// One case: its tensors by name. Float inputs are variables, so that they get gradients.
pub struct Case {
    name: &'static str,
    tensors: BTreeMap<String, Tensor>,
}

impl Case {
    /// The tensors as they are stored, in a dtype.
    pub fn load(name: &'static str, dtype: DType) -> Result<Self> {
        Self::rounded(name, dtype, dtype)
    }

    /// The tensors rounded to one dtype, in another.
    pub fn rounded(name: &'static str, rounding: DType, dtype: DType) -> Result<Self> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens.safetensors");
        let prefix = format!("{name}/");
        let mut tensors = BTreeMap::new();
        let all: BTreeMap<_, _> = safetensors::load(path, &Device::Cpu)?.into_iter().collect();
        for (key, tensor) in all {
            if let Some(key) = key.strip_prefix(&prefix) {
                let float = tensor.dtype() == DType::F32;
                let tensor = if float {
                    Var::from_tensor(&tensor.to_dtype(rounding)?.to_dtype(dtype)?)?.into_inner()
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
        for (input, gradient) in self.gradients(y)? {
            let expected = self.get(&format!("d_{input}"));
            let name = format!("{}/d_{input}", self.name);
            close(&name, &gradient, expected, tolerance)?;
        }
        Ok(())
    }

    /// The gradients of the inputs for which the goldens have some, by name.
    fn gradients(&self, y: &Tensor) -> Result<BTreeMap<&str, Tensor>> {
        let Some(dy) = self.tensors.get("dy") else {
            return Ok(BTreeMap::new());
        };
        let grads = (y * dy.to_dtype(y.dtype())?)?.sum_all()?.backward()?;
        let inputs = self.tensors.keys().filter_map(|key| key.strip_prefix("d_"));
        let gradient = |input| {
            let gradient = grads.get(self.get(input)).cloned();
            Ok((
                input,
                gradient.map_or_else(|| self.get(input).zeros_like(), Ok)?,
            ))
        };
        inputs.map(gradient).collect()
    }
}

/// Runs a case on both paths, in all float dtypes.
pub fn check(name: &'static str, function: impl Fn(&Case) -> Result<Tensor>) -> Result<()> {
    check_single(name, &function)?;
    check_half(name, &function)
}

/// Runs a case on both paths in `f32` and `f64`: for what half precision overflows, or rounds across a kink.
pub fn check_single(name: &'static str, function: impl Fn(&Case) -> Result<Tensor>) -> Result<()> {
    let single = || check_in(name, &[DType::F32, DType::F64], &function);
    single()?;
    foreign(single)
}

/// Runs a case of a layer: in half precision, too, if the activation has no kink.
pub fn check_layer(
    name: &'static str,
    activation: Activation,
    layer: impl Fn(&Case) -> Result<Tensor>,
) -> Result<()> {
    match activation.limits() {
        Some((0.0, _)) => check_single(name, layer),
        _ => check(name, layer),
    }
}

/// Runs a case in some dtypes.
fn check_in(
    name: &'static str,
    dtypes: &[DType],
    function: &impl Fn(&Case) -> Result<Tensor>,
) -> Result<()> {
    for &dtype in dtypes {
        let case = Case::load(name, dtype)?;
        let y = function(&case)?;
        assert_eq!(y.dtype(), dtype, "{name}");
        case.compare(&y, 2e-5)?;
    }
    Ok(())
}

/// Runs a case in half precision on both paths; what is expected is the function of the rounded inputs in `f64`, so that
/// the tolerance is for the rounding of what lies between.
fn check_half(name: &'static str, function: &impl Fn(&Case) -> Result<Tensor>) -> Result<()> {
    for (dtype, tolerance) in [(DType::F16, 1.25e-2), (DType::BF16, 1e-1)] {
        let exact = Case::rounded(name, dtype, DType::F64)?;
        let expected = function(&exact)?;
        let half = || -> Result<()> {
            let case = Case::load(name, dtype)?;
            let y = function(&case)?;
            assert_eq!(y.dtype(), dtype, "{name}");
            let what = format!("{name} in {dtype:?}");
            close(&what, &y, &expected.to_dtype(dtype)?, tolerance)?;
            let gradients = case.gradients(&y)?;
            for (input, expected) in exact.gradients(&expected)? {
                let what = format!("{what}: d_{input}");
                close(
                    &what,
                    &gradients[input],
                    &expected.to_dtype(dtype)?,
                    tolerance,
                )?;
            }
            Ok(())
        };
        half()?;
        foreign(half)?;
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
