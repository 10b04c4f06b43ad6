//! Compiles TensorFlow SavedModels to native, trainable Rust modules for candle and burn.

mod codegen;
mod convert;
mod error;
pub mod eval;
pub mod graph;
pub mod inspect;
pub mod ir;
pub mod lower;
pub mod saved_model;
pub mod weights;
mod staging;
mod report;
mod options;
mod pipeline;
pub mod manifest;
mod modules;
pub mod passes;

pub use convert::{Convert, Progress};
pub use options::{FloatType, Framework, InputSpec, Options};
pub use report::{Failure, Report, failures, render};
pub use error::{Error, ErrorKind, Place, Result};
