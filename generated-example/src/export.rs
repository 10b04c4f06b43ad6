//! The way back: a SavedModel with the tuned weights, for TensorFlow, Keras and TF Serving.

use std::path::Path;

use savedmodel_import::{Export, ExportReport};

use crate::Result;
use crate::classifier::Framework;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model");

/// The framework's manifest says which tensor of the weights is which of TensorFlow's variables.
pub fn export(framework: Framework, weights: &Path, out: &Path) -> Result<ExportReport> {
    let manifest = match framework {
        Framework::Candle => concat!(env!("OUT_DIR"), "/candle/digits.json"),
        Framework::Burn => concat!(env!("OUT_DIR"), "/burn/digits.json"),
    };
    let export = Export::new(MODEL).weights(weights).manifest(manifest);
    Ok(export.out(out).run()?)
}
