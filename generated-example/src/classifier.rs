//! What the programs need of a classifier, whatever the framework.

use std::path::Path;

use clap::ValueEnum;

use crate::burn_classifier::BurnClassifier;
use crate::candle_classifier::CandleClassifier;
use crate::{Error, Examples, Result};

/// The framework that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    /// candle.
    Candle,
    /// burn.
    Burn,
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU: features `candle-cuda` and `burn-cuda`.
    Cuda,
    /// A GPU through Vulkan, Metal or DirectX: feature `burn-wgpu`.
    Wgpu,
}

/// The part of the model that learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The dense layers; convolutions and batch norms keep their weights and statistics.
    Head,
    /// Every layer, in training mode: batch statistics and dropout.
    Everything,
}

/// A digit classifier with an optimizer.
pub trait Classifier {
    /// Ten logits for each image, in inference mode.
    fn logits(&self, images: &Examples) -> Result<Vec<f32>>;

    /// Chooses what learns from now on, and how fast.
    fn learn(&mut self, part: Part, learning_rate: f64) -> Result<()>;

    /// One optimizer step; returns the mean cross entropy before it.
    fn step(&mut self, batch: &Examples) -> Result<f32>;

    /// Writes the weights as safetensors.
    fn save(&self, path: &Path) -> Result<()>;
}

/// What the paths of the backbone's weights contain.
pub const BACKBONE: [&str; 2] = ["conv_", "bn_"];

/// The classifier with the weights in `path`, or with TensorFlow's.
pub fn load(
    framework: Framework,
    device: DeviceKind,
    path: Option<&Path>,
) -> Result<Box<dyn Classifier>> {
    Ok(match framework {
        Framework::Candle => Box::new(CandleClassifier::load(device, path)?),
        Framework::Burn => Box::new(BurnClassifier::load(device, path)?),
    })
}

/// What is wrong where the program has no code for a device.
pub(crate) fn missing_feature(feature: &str) -> Error {
    let how = format!("cargo run --release --features {feature} --bin …");
    format!("this program was built without the feature `{feature}`: run it by `{how}`").into()
}

/// The part of the examples that the classifier knows.
pub fn accuracy(classifier: &dyn Classifier, examples: &Examples) -> Result<f64> {
    let logits = classifier.logits(examples)?;
    let right = logits.chunks(10).zip(&examples.labels);
    let right = right
        .filter(|(logits, label)| best(logits) == **label)
        .count();
    Ok(right as f64 / examples.len() as f64)
}

/// The digit with the largest logit.
pub fn best(logits: &[f32]) -> i64 {
    let order = |a: &(i64, &f32), b: &(i64, &f32)| a.1.total_cmp(b.1);
    (0..)
        .zip(logits)
        .max_by(order)
        .map_or(0, |(digit, _)| digit)
}
