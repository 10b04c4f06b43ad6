//! A model that came to burn through ONNX, as a contestant: `onnx-burn MODEL FOLDER`.

use std::env;
use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use savedmodel_import_tests::corpus::{self, Case, CaseKind, Subject};
use savedmodel_import_tests::{Result, npz};
use savedmodel_import_tests_value::{Value, Values, turns};

/// Runs a model; gives its outputs if they are wanted.
pub type Call = Box<dyn FnMut(bool) -> Vec<Vec<f64>>>;

/// The golden inputs, in the order of their labels, which is the ONNX model's.
pub struct Args(Vec<Value>);

#[allow(dead_code, reason = "the compiled models choose")]
impl Args {
    fn floats<const D: usize>(&self, index: usize, device: &Device) -> Result<Tensor<D>> {
        let value = &self.0[index];
        let floats = value.data.to_floats().ok_or("it is no float")?;
        let floats: Vec<f32> = floats.into_iter().map(|v| v as f32).collect();
        Ok(Tensor::from_data(
            TensorData::new(floats, value.shape.clone()),
            device,
        ))
    }

    fn ints<const D: usize>(&self, index: usize, device: &Device) -> Result<Tensor<D, Int>> {
        let value = &self.0[index];
        let ints = value.data.to_ints().ok_or("it is no integer")?;
        Ok(Tensor::from_data(
            TensorData::new(ints, value.shape.clone()),
            device,
        ))
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let floats = tensor.into_data().try_to_vec::<f32>().unwrap_or_default();
    floats.into_iter().map(f64::from).collect()
}

mod models {
    use super::{Args, Call, Device, Result, values};
    include!(concat!(env!("OUT_DIR"), "/models.rs"));
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, folder] = &arguments[..] else {
        return Err("usage: MODEL FOLDER".into());
    };
    let subjects = corpus::find(
        Path::new(folder),
        "models",
        &[format!("={name}")],
        &env::temp_dir(),
    )?;
    let subject = subjects.first().ok_or("there is no such model")?;
    let golden = npz::read(&subject.golden)?;
    let signature = |case: &&Case| case.kind == CaseKind::Signature;
    let case = subject
        .cases
        .iter()
        .find(signature)
        .ok_or("there is no call")?;
    let mut inputs = case.inputs.clone();
    inputs.sort();
    let inputs = inputs.iter().map(|(_, key, _)| golden.get(key).cloned());
    let args = Args(inputs.collect::<Option<_>>().ok_or("an input is missing")?);
    let mut call = models::open(name, &args, &Device::flex())?;
    check(subject, case, &golden, &call(true))?;
    turns::serve(|| {
        call(false);
        Ok(())
    })
    .map_err(|error| error.to_string().into())
}

/// Outputs come in the order of their labels, too.
fn check(subject: &Subject, case: &Case, golden: &Values, got: &[Vec<f64>]) -> Result<()> {
    let mut outputs = case.outputs.clone();
    outputs.sort();
    for ((label, key, _), got) in outputs.iter().zip(got) {
        let want = golden.get(key).and_then(|value| value.data.to_floats());
        let want = want.ok_or("an output is missing")?;
        let square = want.iter().map(|v| v * v).sum::<f64>() / want.len().max(1) as f64;
        let allowed = |v: f64| 1e-6 + subject.tolerance.relative * (v.abs() + square.sqrt());
        let close = |(got, want): (&f64, &f64)| (got - want).abs() <= allowed(*want);
        if got.len() != want.len() || !got.iter().zip(&want).all(close) {
            return Err(format!("{label} is not TensorFlow's").into());
        }
    }
    Ok(())
}
