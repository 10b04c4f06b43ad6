//! The support code that generated candle models carry, compiled and tested as it is copied: each file becomes a module of
//! `mod support`, and names the others as `super::NAME`. Only `kernels` is another one here: a switch for tests.

#![allow(
    missing_docs,
    reason = "layers and functions that are named as in TensorFlow's and candle's own documentation"
)]

pub mod activation;
pub mod add;
pub mod attention;
pub mod batch_norm;
pub mod batch_norm_kernel;
pub mod batch_norm_op;
pub mod binary;
pub mod binary_composed;
pub mod composed;
pub mod conv;
pub mod conv1d;
pub mod conv3d;
pub mod conv_kernel;
pub mod conv_transpose;
pub mod cpu;
pub mod cumulative;
pub mod depthwise_conv;
pub mod depthwise_kernel;
pub mod extents;
pub mod flow;
pub mod fourier;
pub mod gather;
pub mod group_norm;
pub mod host;
#[path = "../switch/kernels.rs"]
pub mod kernels;
#[path = "kernels.rs"]
mod kernels_as_copied;
pub mod layer_norm;
pub mod linalg;
pub mod linear;
pub mod lstm_op;
pub mod math;
pub mod math_composed;
pub mod matmul;
#[path = "../../shared/matrix_kernel.rs"]
pub mod matrix_kernel;
pub mod pad;
pub mod padding;
pub mod pool;
pub mod recurrent;
pub mod reduce;
pub mod resize;
pub mod rms_norm;
pub mod softmax;
pub mod special;
#[path = "../../shared/special_kernel.rs"]
pub mod special_kernel;
pub mod string_tensor;
pub mod vars;
pub mod vector_math;
pub mod weights;
pub mod with_slope;

// The kernels, as they are copied beside the others.
#[path = "../../host/src/array.rs"]
pub mod array;
#[path = "../../host/src/boxes.rs"]
pub mod boxes;
#[path = "../../host/src/csv.rs"]
pub mod csv;
#[path = "../../host/src/ctc.rs"]
pub mod ctc;
#[path = "../../host/src/example.rs"]
pub mod example;
#[path = "../../host/src/example_proto.rs"]
pub mod example_proto;
#[path = "../../host/src/hashes.rs"]
pub mod hashes;
#[path = "../../host/src/moves.rs"]
pub mod moves;
#[path = "../../host/src/number_text.rs"]
pub mod number_text;
#[path = "../../host/src/philox.rs"]
pub mod philox;
#[path = "../../host/src/ragged.rs"]
pub mod ragged;
#[path = "../../host/src/random.rs"]
pub mod random;
#[path = "../../host/src/regexes.rs"]
pub mod regexes;
#[path = "../../host/src/rejection.rs"]
pub mod rejection;
#[path = "../../host/src/search.rs"]
pub mod search;
#[path = "../../host/src/sets.rs"]
pub mod sets;
#[path = "../../host/src/sparse.rs"]
pub mod sparse;
#[path = "../../host/src/split.rs"]
pub mod split;
#[path = "../../host/src/strings.rs"]
pub mod strings;
#[path = "../../host/src/table.rs"]
pub mod table;
#[path = "../../host/src/unicode.rs"]
pub mod unicode;
