//! Compiles TensorFlow SavedModels to native, trainable Rust modules for candle and burn.
//!
//! It also loads a SavedModel as `tf.saved_model.load` does, and runs its functions without generating any code:
//!
//! ```
//! # fn main() -> savedmodel_import::Result<()> {
//! # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/loader");
//! # let dir = folder.join("docstring/model");
//! use savedmodel_import::SavedModel;
//! use savedmodel_import::eval::Tensor;
//!
//! let model = SavedModel::load(dir)?;
//! assert_eq!(model.variable("v")?.value()?.elements(), Some(&[3f32][..]));
//!
//! let x = Tensor::new(&[], vec![2f32])?;
//! assert_eq!(model.function("f")?.call(&x)?.elements::<f32>()?, [6.0]);
//!
//! let outputs = model.signature("serving_default")?.call([("x", &x)])?;
//! assert_eq!(outputs.get("output_0")?.elements::<f32>()?, [6.0]);
//! # Ok(())
//! # }
//! ```
//!
//! The flat graph of a TF1 model is cut where tensors are fed and fetched:
//!
//! ```
//! # fn main() -> savedmodel_import::Result<()> {
//! # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/loader");
//! # let dir = folder.join("prune/model");
//! use savedmodel_import::{LoadOptions, SavedModel};
//! use savedmodel_import::eval::Tensor;
//!
//! let model = LoadOptions::new().tags(["serve"]).load(dir)?;
//! let pruned = model.prune("x:0", "out:0")?;
//! let y = pruned.call(Tensor::new(&[], vec![3f32])?)?;
//! assert_eq!(y.elements::<f32>()?, [6.0]);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "npz")]
pub mod arrays;
mod codegen;
mod convert;
mod error;
pub mod eval;
mod export;
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
pub mod picture;
mod pipeline;
mod plan;
mod report;
pub mod saved_model;
mod staging;
mod templates;
pub mod training;
pub mod weights;

pub use convert::{Convert, Progress};
pub use error::{Error, ErrorKind, Place, Result};
pub use export::{Export, ExportReport};
pub use live::{Arguments, Function, Names, Nest, Object, Variable};
pub use options::{FloatType, Framework, InputSpec, Options, SupportCode};
pub use report::{Failure, Report, failures, render};
pub use saved_model::{LoadOptions, SavedModel};
pub use templates::write_templates;
