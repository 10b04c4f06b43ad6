//! The support code of generated burn modules, compiled and tested as it is copied.

pub mod batch_norm;
pub mod conv;
pub mod conv_transpose;
pub mod dropout;
pub mod extents;
pub mod gamma;
pub mod gather;
pub mod math;
pub mod one_hot;
pub mod pad;
pub mod padding;
pub mod pool;
pub mod resize;
pub mod scan;
pub mod string_tensor;
pub mod top_k;
pub mod vars;
