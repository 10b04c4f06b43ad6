//! The typed intermediate representation.
//!
//! A [`Program`] is what a model becomes: its variables, and the [`Graph`] of each exported function. No word of
//! TensorFlow or of a framework occurs here. Types, and the contents of shape tensors, are known at birth: the only
//! way to make a node infers them.

pub mod content;
mod dim;
mod graph;
pub mod host;
mod infer;
mod op;
pub mod recurrent;
mod region;
mod ty;
pub mod verify;

use std::collections::BTreeMap;

pub use content::Content;
pub use dim::{Atom, Dim, Symbol};
pub use graph::{Fresh, Graph, Node, NodeId, Origin, Value};
pub use host::{Attribute, Host, HostOp, HostValue, Inference, Operands};
pub use infer::infer;
pub use op::{
    Binary, Channels, Comparison, Conv, Extreme, Fourier, Grouping, Interpolation, Join, Linear,
    Masking, Op, PadMode, Padding, ParamId, Pooling, Reduction, ResizeMode, Sampling, SliceAxis,
    Special, Unary,
};
pub use recurrent::{Cell, Masked, Output, Pass, Recurrence, Squash};
pub use region::{Loop, Region, Rounds};
pub use ty::{DType, Shape, Type};

/// A variable of the model.
#[derive(Clone, Debug)]
pub struct Param {
    /// The name TensorFlow gives it, such as `conv2d/kernel`.
    pub name: String,
    /// Its attribute path in the object graph, if it has a readable one.
    pub object_path: Option<Vec<String>>,
    /// The type of its value; all extents known.
    pub ty: Type,
    /// Whether TensorFlow would train it.
    pub trainable: bool,
    /// Where its value is.
    pub source: ParamSource,
    /// How its elements are those of the model's variable.
    pub stored: Stored,
}

/// How the elements of a [`Param`] are those of the variable that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// They are the same.
    Plain,
    /// Along a further last axis lie the real and the imaginary part of each.
    Parts,
    /// They are strings, which other parameters hold; this one is never read.
    Words(Words),
}

/// Strings, as the parameters that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The bytes of all of them.
    pub bytes: ParamId,
    /// Where each begins and ends: one more than there are strings.
    pub offsets: ParamId,
}

/// Where the value of a [`Param`] is.
#[derive(Clone, Debug)]
pub enum ParamSource {
    /// In the checkpoint: the index among the SavedModel's variables.
    Variable(usize),
    /// In the graph: a constant too large to be spelt in code.
    Constant(std::sync::Arc<crate::eval::Tensor>),
    /// In the graph: a constant that a user wants trained, and the name of its node.
    Thawed {
        /// The constant.
        value: std::sync::Arc<crate::eval::Tensor>,
        /// The node that held it.
        node: std::sync::Arc<str>,
    },
}

/// A function of the model that generated code offers.
#[derive(Clone, Debug)]
pub struct Function {
    /// `signatures/KEY`, or the attribute path from the root.
    pub path: String,
    /// Which trace of a polymorphic function it is.
    pub trace: usize,
    /// The names of the arguments, in the order of [`Graph::inputs`].
    pub inputs: Vec<String>,
    /// The names of the results, in the order of [`Graph::outputs`].
    pub outputs: Vec<String>,
    /// The variables that it assigns. Their new values are the graph's outputs after the results.
    pub assigned: Vec<ParamId>,
    /// What it computes.
    pub graph: Graph,
}

/// A model: its variables and functions.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The variables, by [`ParamId`].
    pub params: Vec<Param>,
    /// The functions.
    pub functions: Vec<Function>,
    /// How batch norms average, by their moving means.
    pub moving_averages: BTreeMap<ParamId, MovingAverage>,
}

/// How a batch norm averages the statistics of batches in training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovingAverage {
    /// The weight of a new batch: 1 - the momentum of Keras.
    pub new_weight: f64,
    /// Whether the variance is averaged with Bessel's correction.
    pub unbiased: bool,
}

impl Default for MovingAverage {
    /// Keras' default: momentum 0.99, and the variance of the batch itself.
    fn default() -> Self {
        MovingAverage {
            new_weight: 0.01,
            unbiased: false,
        }
    }
}
