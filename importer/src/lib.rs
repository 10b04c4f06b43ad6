//! Compiles TensorFlow SavedModels to native, trainable Rust modules for candle and burn.

mod codegen;
mod error;
pub mod eval;
pub mod graph;
pub mod ir;
pub mod saved_model;
pub mod weights;
mod staging;
mod report;
mod options;
pub mod manifest;

pub use options::{FloatType, Framework, InputSpec, Options};
pub use report::{Failure, Report, failures, render};
pub use error::{Error, ErrorKind, Place, Result};
