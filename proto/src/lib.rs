//! The protocol buffers of TensorFlow's SavedModel, as Rust types.
//!
//! `proto/` has our own trimmed text of the messages: names and field numbers are the wire format's. The Rust is written
//! from it by prost and checked in; `UPDATE=1 cargo test -p savedmodel-import-proto` writes it anew.
//! Maps are `BTreeMap`s, `bytes` fields are [`bytes::Bytes`] and share the buffer they were decoded from.

pub mod schema;

pub use bytes;
pub use prost;

#[allow(missing_docs, clippy::all)]
mod tensorflow {
    include!("tensorflow.rs");
}

pub use tensorflow::*;
