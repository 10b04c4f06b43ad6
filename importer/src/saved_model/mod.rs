//! Reading a SavedModel: the protobuf, the object graph, the checkpoint, the assets.
//!
//! This is the only code that opens a model's files. After it, one MetaGraph is chosen, and every variable has an element
//! type, a shape, and a checked place in the checkpoint. Nothing that the files say is believed before it is checked: lengths
//! before allocation, ids before use, names before they become paths.

mod assets;
mod bundle;
mod copy;
mod debug_info;
mod dtype;
mod exported;
pub(crate) mod file;
mod functions;
mod library;
mod model;
mod objects;
mod options;
mod partial;
mod shape;
mod slots;
mod splice;
mod structure;
mod table;
mod table_writer;
mod tags;
mod tensor;
mod text;
mod tf1;
mod variables;
mod wire;

pub use self::assets::Asset;
pub use self::bundle::{Bundle, Entry, Slice};
pub(crate) use self::bundle::{Changes, Part};
pub(crate) use self::dtype::dtype_from_wire;
pub use self::dtype::{dtype_name, dtype_of_name, element_size};
pub use self::exported::{Argument, Capture, ExportedFunction, FunctionBody, Output};
pub(crate) use self::functions::has_structure;
pub use self::library::FunctionLibrary;
pub use self::model::SavedModel;
pub use self::objects::ObjectGraph;
pub(crate) use self::options::Running;
pub use self::options::{LoadOptions, VariablePolicy};
pub use self::shape::{StaticShape, static_shape};
pub use self::structure::PythonValue;
pub(crate) use self::structure::{CompositeState, component_count};
pub use self::tensor::{TensorData, TensorValue};
pub use self::variables::{Aggregation, Synchronization, Variable};

pub use savedmodel_import_proto::DataType;

#[cfg(test)]
mod walk_tests;
