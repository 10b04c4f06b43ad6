//! The conformance runner: every model and op case of a folder is converted, compiled and compared with
//! TensorFlow's numbers, for both frameworks.
//!
//! A run is a pipeline over [`corpus::Subject`]s: [`convert`] makes a module of each in a process of its own,
//! [`scratch`] compiles them, a few hundred to a crate, leaving out those that do not compile, [`execute`] runs
//! [`plan`]'s jobs and [`compare`] judges the outputs, [`table`] prints, and [`floor`] compares with what held
//! before. [`speed`] times models instead of comparing them.

pub mod adapter;
mod cargo;
pub mod compare;
pub mod convert;
pub mod corpus;
pub mod evaluate;
pub mod execute;
pub mod floor;
pub mod harness;
pub mod hostile;
pub mod ledger;
pub mod loader;
pub mod malformed;
pub mod npz;
pub mod pins;
pub mod plan;
pub mod run;
pub mod scratch;
pub mod speed;
pub mod table;

use std::error::Error;
use std::fmt::Display;
use std::path::Path;

/// A failure of the runner itself, in words.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Says which file a failure is about.
pub trait Context<T> {
    /// Puts the file's path before the failure.
    fn context(self, path: &Path) -> Result<T>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, path: &Path) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", path.display()).into())
    }
}
