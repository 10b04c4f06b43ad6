//! Rust source for a framework, from a module tree.

pub mod rust;
pub mod plan;
pub mod target;
