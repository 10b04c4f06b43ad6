//! From TensorFlow's ops to the IR: one table row per op, one file per family.
//!
//! After this stage no TensorFlow word survives but in `Origin`s. Everything that a function needs and the IR
//! cannot say is found in one walk and reported together.
//!
//! To support an op, add a row to its family's `OPS`. A row reads operands and attributes through [`Cx`] and gives
//! the op's outputs.

pub(crate) mod attr;
mod backward;
mod bits;
mod boxes;
mod branch;
mod check;
mod colour;
mod complex;
mod constant;
mod control;
mod conv;
mod cx;
mod data_axis;
mod diagonal;
mod drawn;
mod einsum;
mod elements;
mod elementwise;
mod emit;
mod examples;
mod fourier;
mod free_diagonal;
mod gather;
mod image;
mod indices;
mod linalg;
mod list;
mod lists;
mod looped;
mod matmul;
mod norm;
mod optimizers;
mod pool;
mod quantize;
mod random;
mod reduce;
mod region;
mod resize_backward;
mod same;
mod sampling;
mod scatter;
mod search;
mod shape;
pub mod single;
mod slicing;
mod space;
mod sparse;
mod special;
mod state;
mod strided;
mod strings;
pub(crate) mod tables;
mod tensor_arrays;
mod trips;
mod unicode;
mod variables;
mod walk;
mod window_backward;
mod windows;

pub use constant::tensor;
pub use cx::{Cx, Lowered};
pub use walk::{LoweredFunction, lower, unsupported};

use crate::error::Result;
use crate::ir::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The element type of a dtype.
///
/// # Errors
/// The IR has no such type.
pub fn element_type(dtype: savedmodel_import_proto::DataType) -> Result<crate::ir::DType> {
    attr::dtype(dtype as i32)
        .map_err(|_| crate::Error::unsupported(format!("the dtype {}", dtype.as_str_name())))
}

/// How one TensorFlow op becomes IR.
pub struct Lowering {
    /// The op's name in TensorFlow's registry.
    pub op: &'static str,
    rule: Rule,
}

enum Rule {
    One(fn(&mut Cx<'_>) -> Result<Value>),
    Many(fn(&mut Cx<'_>) -> Result<Vec<Lowered>>),
}

/// A row for an op of one output.
const fn op(op: &'static str, rule: fn(&mut Cx<'_>) -> Result<Value>) -> Lowering {
    Lowering {
        op,
        rule: Rule::One(rule),
    }
}

/// A row for an op of several outputs, of none, or of one that is not a tensor.
const fn multi(op: &'static str, rule: fn(&mut Cx<'_>) -> Result<Vec<Lowered>>) -> Lowering {
    Lowering {
        op,
        rule: Rule::Many(rule),
    }
}

impl Lowering {
    /// Makes the IR of one node.
    ///
    /// # Errors
    /// What the IR cannot say, or an operand or attribute that is broken.
    fn apply(&self, cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
        match self.rule {
            Rule::One(rule) => rule(cx).map(|value| vec![Lowered::Value(value)]),
            Rule::Many(rule) => rule(cx),
        }
    }
}

const FAMILIES: &[&[Lowering]] = &[
    backward::OPS,
    bits::OPS,
    boxes::OPS,
    colour::OPS,
    complex::OPS,
    constant::OPS,
    conv::OPS,
    diagonal::OPS,
    drawn::OPS,
    einsum::OPS,
    elementwise::OPS,
    examples::OPS,
    fourier::OPS,
    gather::OPS,
    image::OPS,
    indices::OPS,
    linalg::OPS,
    lists::OPS,
    tensor_arrays::OPS,
    matmul::OPS,
    optimizers::OPS,
    norm::OPS,
    pool::OPS,
    quantize::OPS,
    reduce::OPS,
    sampling::OPS,
    resize_backward::OPS,
    scatter::OPS,
    search::OPS,
    shape::OPS,
    slicing::OPS,
    space::OPS,
    sparse::OPS,
    special::OPS,
    state::OPS,
    strided::OPS,
    strings::OPS,
    tables::OPS,
    unicode::OPS,
    variables::OPS,
    window_backward::OPS,
    windows::OPS,
];

/// All rows.
pub fn table() -> impl Iterator<Item = &'static Lowering> {
    FAMILIES.iter().copied().flatten()
}

/// The row of an op.
pub fn find(op: &str) -> Option<&'static Lowering> {
    static INDEX: OnceLock<BTreeMap<&str, &Lowering>> = OnceLock::new();
    INDEX
        .get_or_init(|| table().map(|row| (row.op, row)).collect())
        .get(op)
        .copied()
}

/// Whether the op can be lowered, its attributes permitting.
pub fn knows(op: &str) -> bool {
    find(op).is_some() || complex::knows(op) || control::is_structured(op)
}

#[cfg(test)]
mod tests;
