//! The support code against TensorFlow's numbers, which `tests/support_goldens_burn.py` writes.

mod arithmetic;
mod batch_norm;
mod conv;
mod goldens;
mod indices;
mod loading;
mod pool;
mod resize;
mod variables;
