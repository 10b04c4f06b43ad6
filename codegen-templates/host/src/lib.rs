//! Kernels that run on the host: strings, and what depends on data in a way that a framework's tensors cannot follow.
//!
//! They are plain functions over shapes and slices. The importer calls them to evaluate a model, and generated modules carry
//! the same files: each becomes a module of `mod support` and names the others as `super::NAME`. The type of
//! strings is the one exception: every framework's support code has a `string_tensor` of its own, with what kernels need.

pub mod array;
pub mod boxes;
pub mod csv;
pub mod ctc;
pub mod example;
pub mod example_proto;
pub mod hashes;
pub mod moves;
pub mod number_text;
pub mod philox;
pub mod ragged;
pub mod random;
pub mod regexes;
pub mod rejection;
pub mod search;
pub mod sets;
pub mod sparse;
pub mod split;
pub mod string_tensor;
pub mod strings;
pub mod table;
pub mod unicode;
