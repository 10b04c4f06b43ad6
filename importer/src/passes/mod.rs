//! Passes over the IR. Each takes a graph that verifies and gives one that verifies; each is idempotent and, unless its
//! name says otherwise, keeps what training needs: every variable and every gradient.

pub mod activation;
pub mod algebra;
mod attention;
pub mod batch_norm;
pub mod channels_first;
pub mod cleanup;
pub mod dense;
mod indices;
pub mod layer_norm;
pub mod movement;
mod padding;
mod pattern;
pub mod recurrent;
pub mod regions;
pub mod rewrite;
mod rms_norm;
mod rotary;
mod rule;
mod standardised;
#[cfg(test)]
mod testing;
pub mod unit_axes;

pub use channels_first::channels_first;

use crate::error::Result;
use crate::ir::{Graph, verify};
use rule::Rule;

/// Rounds of rules after which a graph is left as it is.
const ROUNDS: usize = 12;

/// The normal form that modules are found in.
///
/// # Errors
/// None on a graph that verifies.
pub fn optimise(graph: &Graph) -> Result<Graph> {
    let recognisers = [
        algebra::RULES,
        movement::RULES,
        batch_norm::RULES,
        layer_norm::RULES,
        rms_norm::RULES,
        activation::RULES,
        indices::RULES,
        attention::RULES,
        rotary::RULES,
        dense::RULES,
        unit_axes::RULES,
        padding::RULES,
    ]
    .concat();
    let late = [recognisers.as_slice(), movement::LATE_RULES].concat();
    let graph = settle(&settle(graph, &recognisers)?, &late)?;
    if !regions::has_regions(&graph) {
        return Ok(graph);
    }
    let graph = settle(&regions::within(&graph, &optimise)?, &late)?;
    let layers = recurrent::recurrent(&graph)?;
    match layers.computes_the_same(&graph) {
        true => Ok(graph),
        false => settle(&layers, &late),
    }
}

/// Applies rules until they have nothing more to say.
fn settle(graph: &Graph, rules: &[Rule]) -> Result<Graph> {
    let mut graph = cleanup::cleanup(graph)?;
    for _ in 0..ROUNDS {
        let next = regions::trim(&cleanup::cleanup(&rule::apply(&graph, rules)?)?)?;
        if cfg!(debug_assertions) {
            verify::verify(&next)?;
        }
        if next.computes_the_same(&graph) {
            break;
        }
        graph = next;
    }
    Ok(graph)
}
