//! What can be called, and with what.

use std::collections::BTreeMap;

use savedmodel_import_proto::DataType;

use super::shape::StaticShape;
use super::structure::PythonValue;

/// A signature, or one trace of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedFunction {
    /// `signatures/KEY`, or the attribute names from the root joined by `/`; the root's own call is `__call__`.
    pub path: String,
    /// Other paths to the same function.
    pub aliases: Vec<String>,
    /// Which trace of the function, in stored order.
    pub trace: usize,
    /// The tensors it takes, structured arguments flattened in TensorFlow's order.
    pub inputs: Vec<Argument>,
    /// The tensors it returns, in TensorFlow's order.
    pub outputs: Vec<Output>,
    /// The arguments that are no tensors, which the trace was made for.
    pub python_arguments: BTreeMap<String, PythonValue>,
    /// What computes it.
    pub body: FunctionBody,
}

/// A tensor that a function takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The signature's key, or the parameter with the way to the tensor inside it: `x`, `batch.0`.
    pub name: String,
    /// TensorFlow's own name: the FunctionDef's argument, or in a TF1 model the signature's key.
    pub argument: String,
    /// The element type.
    pub dtype: DataType,
    /// The static shape.
    pub shape: StaticShape,
}

/// A tensor that a function returns.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The signature's key, or the way to the tensor in the result: `loss`, `pair.left`; a result without names
    /// is `output_0` and so on.
    pub name: String,
    /// The element type.
    pub dtype: DataType,
    /// The static shape.
    pub shape: StaticShape,
}

/// What computes a function.
#[derive(Clone, Debug, PartialEq)]
pub enum FunctionBody {
    /// A function of the library; its last arguments are the captures.
    Concrete {
        /// The FunctionDef's name.
        function: String,
        /// What the arguments after the inputs stand for, in their order.
        captures: Vec<Capture>,
    },
    /// A part of the main graph.
    Graph {
        /// The tensors that the inputs replace: `x:0`.
        feeds: Vec<String>,
        /// The tensors that are the outputs.
        fetches: Vec<String>,
        /// Operations to run for their effects.
        targets: Vec<String>,
    },
}

/// What an argument beyond a function's inputs stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// The resource of a variable: an index into `SavedModel::variables`.
    Variable(usize),
    /// The value of a Const node of the main graph.
    Constant(String),
    /// The path of an asset: an index into `SavedModel::assets`.
    Asset(usize),
    /// The handle of a resource: an id in the object graph.
    Resource(usize),
    /// A tensor inside another function.
    Tensor {
        /// The FunctionDef's name.
        function: String,
        /// The tensor's name there.
        tensor: String,
    },
}
