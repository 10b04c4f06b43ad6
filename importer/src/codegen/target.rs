//! What a framework has to say about a [`Plan`](super::plan::Plan).

use super::plan::{Layer, Role};

/// A layer's weight in the file: the key under the layer's field, and the axes of the framework's tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What the weight is for.
    pub role: Role,
    /// The key, under the field's.
    pub key: &'static str,
    /// For each axis of the framework's tensor, the axes of the model's that it joins; none for a new axis of extent 1.
    pub axes: Vec<Vec<usize>>,
}

/// The weights that a layer owns, in the framework's names and layouts.
pub trait WeightLayout {
    /// One slot for each weight.
    fn slots(&self, layer: &Layer) -> Vec<Slot>;
}

impl Slot {
    /// A weight that keeps the model's layout of this rank.
    pub fn same(role: Role, key: &'static str, rank: usize) -> Self {
        Slot { role, key, axes: (0..rank).map(|axis| vec![axis]).collect() }
    }

    /// A weight whose axes are permuted.
    pub fn permuted(role: Role, key: &'static str, axes: &[usize]) -> Self {
        Slot { role, key, axes: axes.iter().map(|&axis| vec![axis]).collect() }
    }
}
