//! From TensorFlow's functions to one flat graph each.

pub mod body;
pub mod flat;
pub mod op_def;
pub mod verify;
