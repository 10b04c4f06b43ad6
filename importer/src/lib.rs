//! Compiles TensorFlow SavedModels to native, trainable Rust modules for candle and burn.

#[cfg(feature = "npz")]
pub mod arrays;
mod codegen;
mod convert;
mod error;
pub mod eval;
pub mod graph;
pub mod inspect;
pub mod interpreter;
pub mod ir;
pub mod live;
pub mod lower;
pub mod manifest;
mod modules;
#[cfg(feature = "npz")]
pub mod npz;
mod options;
pub mod passes;
mod pipeline;
mod report;
pub mod saved_model;
mod staging;
pub mod weights;

pub use convert::{Convert, Progress};
pub use error::{Error, ErrorKind, Place, Result};
pub use live::{Arguments, Function, Names, Nest, Object, Variable};
pub use options::{FloatType, Framework, InputSpec, Options};
pub use report::{Failure, Report, failures, render};
pub use saved_model::{LoadOptions, SavedModel};
