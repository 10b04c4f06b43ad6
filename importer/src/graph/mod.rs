//! From TensorFlow's functions to one flat graph each.

pub mod body;
pub mod custom_gradient;
pub mod flat;
pub(crate) mod main_graph;
pub mod op_def;
pub mod raise;
pub mod verify;
