//! The vocabulary of the IR.
//!
//! Operands are a list on the node, attributes sit in the variant. Images are channels last
//! (`[batch, height, width, channels]`) unless the layout pass said [`Channels::First`], convolution kernels are `[spatial…, inputs / groups, outputs]`.
//! Binary ops broadcast as NumPy does. Integer division and overflow are TensorFlow's.

use super::dim::{Dim, Symbol};
use super::host::Host;
use super::recurrent::{Pass, Recurrence};
use super::region::{Loop, Region, Rounds};
use super::ty::DType;
use crate::eval::Tensor;
use std::sync::Arc;

pub use savedmodel_import_templates::matrix_kernel::Linear;
pub use savedmodel_import_templates::special_kernel::Special;

/// A variable of the model, by its place in [`super::Program::params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub u32);

/// An operation. The comment of each says what its operands and results are.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    missing_docs,
    reason = "the comment of each variant says what its fields are"
)]
pub enum Op {
    /// The function's n-th argument. No operands.
    Input(usize),
    /// The value of a variable. No operands.
    Param(ParamId),
    /// A value known at import. No operands.
    Constant(Arc<Tensor>),
    /// Extents as an integer tensor: rank 1, or rank 0 for a `scalar`. No operands.
    Extents {
        dims: Vec<Dim>,
        scalar: bool,
        dtype: DType,
    },
    /// The operand itself, an integer tensor of rank 0 or 1 whose elements are extents of other ops: each is a free
    /// dimension from here on.
    ReadExtents(Vec<Symbol>),

    /// `f(x)`.
    Unary(Unary),
    /// `f(x, y)`, broadcasting.
    Binary(Binary),
    /// `x < y` and its kin, broadcasting; gives `Bool`.
    Compare(Comparison),
    /// `condition ? x : y`, broadcasting.
    Select,
    /// `min(max(x, low), high)`.
    Clamp { low: f64, high: f64 },
    /// Conversion of the element type, as TensorFlow's `Cast`: floats truncate towards zero.
    Cast(DType),

    /// The same elements in row-major order under another shape.
    Reshape(Vec<Dim>),
    /// Axis `i` of the result is axis `permutation[i]` of the operand.
    Transpose(Vec<usize>),
    /// Repeats axes of extent 1 and new leading axes.
    Broadcast(Vec<Dim>),
    /// `x[start..end; step]` per axis. Steps are positive; reverse first for negative ones.
    Slice(Vec<SliceAxis>),
    /// Joins the operands along an axis.
    Concat { axis: usize },
    /// Adds elements before and after each axis. Operands: `x`, and a scalar for [`PadMode::Constant`].
    Pad {
        widths: Vec<(Dim, Dim)>,
        mode: PadMode,
    },
    /// Reverses the order along axes.
    Reverse { axes: Vec<usize> },
    /// Repeats the whole tensor along each axis.
    Tile(Vec<Dim>),

    /// `x[..., indices, ...]`: operands `x`, `indices`; the first `batch_dims` axes are common to both.
    Gather { axis: usize, batch_dims: usize },
    /// Operands `x`, `indices` `[..., depth]`; the last axis of `indices` addresses axes of `x`.
    GatherNd { batch_dims: usize },
    /// Operands `indices` `[..., depth]`, `updates`; sums updates into zeros of `shape`.
    ScatterNd { shape: Vec<Dim> },
    /// Operands `x`, `indices` `[..., depth]`, `updates`; the slices of `x` at the indices, joined with the updates in order.
    Scatter { join: Join },
    /// Operands `indices`, `on` and `off` scalars; a new axis of extent `depth` at `axis`.
    OneHot { depth: Dim, axis: usize },
    /// The `k` largest along the last axis: values, and indices as `I32`. Ties: lower index first.
    TopK { k: Dim },
    /// `start + step * i` for `i` in `0..length`. Operands `start`, `step` scalars.
    Range { length: Dim },

    /// Reduces axes (sorted); `keep` leaves them with extent 1.
    Reduce {
        op: Reduction,
        axes: Vec<usize>,
        keep: bool,
    },
    /// Index of the first extreme element along an axis.
    ArgReduce {
        op: Extreme,
        axis: usize,
        dtype: DType,
    },
    /// Running sum or product along an axis.
    Cumulative {
        op: Reduction,
        axis: usize,
        exclusive: bool,
        reverse: bool,
    },
    /// `exp(x) / sum(exp(x))` along an axis.
    Softmax { axis: usize },
    /// `log(softmax(x))` along an axis.
    LogSoftmax { axis: usize },

    /// Matrix product over the last two axes, leading axes broadcast; a rank-2 right operand serves any left rank.
    MatMul {
        transpose_lhs: bool,
        transpose_rhs: bool,
    },
    /// A decomposition or solution of matrices, the last two axes of the operands. [`Linear`] says what results are.
    Linear(Linear),
    /// A discrete Fourier transform over the last axis. Complex numbers are two tensors, real and imaginary.
    Fourier(Fourier),
    /// A special function; operands broadcast.
    Special(Special),
    /// Element `entry` of an integer list as a bound of a slice of an axis of this extent: a negative one counts from the
    /// end, and is clamped to `least..=extent + least`. The result, of one element, is its distance from `least`.
    Bound {
        entry: usize,
        extent: Dim,
        least: i64,
    },
    /// Convolution (cross-correlation). Operands `x`, `kernel`.
    Conv(Conv),
    /// Gradient of a convolution with respect to its input. Operands `x`, `kernel` `[spatial…, outputs, inputs]`.
    ConvTranspose { conv: Conv, output: Vec<Dim> },
    /// Windowed maximum or average over the spatial axes; an average leaves padding out.
    Pool {
        op: Pooling,
        window: Vec<usize>,
        strides: Vec<usize>,
        padding: Padding,
        channels: Channels,
    },
    /// Interpolation of the two spatial axes to `size`.
    Resize {
        mode: ResizeMode,
        size: [Dim; 2],
        channels: Channels,
    },

    /// `(x - mean) / sqrt(variance + epsilon) * scale + offset` per channel, with given statistics.
    /// Operands: `x`, `mean`, `variance`, then `scale` and `offset` where present.
    BatchNorm {
        epsilon: f64,
        scale: bool,
        offset: bool,
        channels: Channels,
    },
    /// Normalises over the last `axes` axes. Operands: `x`, then `scale` and `offset` where present.
    LayerNorm {
        axes: usize,
        epsilon: f64,
        scale: bool,
        offset: bool,
    },
    /// A recurrent layer over a whole sequence. Operands: the sequence, the kernel, the recurrent kernel, the bias if there is
    /// one, then what the call is given: see [`Operands`](super::recurrent::Operands). Results: the output that the call gives,
    /// then the states if it gives them.
    Recurrent { recurrence: Recurrence, pass: Pass },
    /// `x / sqrt(mean(x²) + epsilon)` over the last axis. Operands: `x`, then `scale` where present.
    RmsNorm { epsilon: f64, scale: bool },
    /// Indices into an axis of this extent, of which negative ones count from its end.
    FromEnd(usize),
    /// The second half of the last axis, negated, and then the first: what a rotary embedding turns by the sine.
    RotateHalf,
    /// `softmax(scale * q kᵀ) v` over the last two axes, leading axes broadcast. Operands: `q`, `k`, `v`, then what
    /// the masking asks for.
    Attention { scale: f64, masking: Masking },
    /// A kernel on the host: what has no natural form on a device, such as strings, or has extents that only the data tells.
    Host(Host),
    /// A dropout layer that the exported function runs in inference mode: the identity; `rate` if known.
    Dropout { rate: Option<f64> },

    /// One of several branches. Operands: what chooses, a scalar, then what the branches are given. `Bool` chooses the
    /// second if true; an integer its own place, or the last where there is none.
    If { branches: Vec<Region> },
    /// Rounds of a body: see [`Loop`].
    Loop(Loop),
}

/// What [`Op::Attention`] does to its scores before the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Masking {
    /// Nothing.
    None,
    /// The operand is added to them: a bias.
    Added,
    /// Only those take part for which the operand, a truth value, is true. A row of which none takes part gives zeros.
    Kept,
}

/// Elementwise functions of one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in mathematics")]
pub enum Unary {
    Neg,
    Abs,
    Sign,
    Square,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sin,
    Cos,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Tanh,
    Sigmoid,
    /// `log(sigmoid(x))`.
    LogSigmoid,
    Relu,
    /// `x` if positive, else `alpha * (exp(x) - 1)`.
    Elu {
        alpha: f64,
    },
    Selu,
    Softplus,
    Softsign,
    LeakyRelu {
        alpha: f64,
    },
    /// `x * Φ(x)`, by the tanh approximation or by erf.
    Gelu {
        approximate: bool,
    },
    /// `x * sigmoid(x)`.
    Silu,
    /// `clamp(x + 3, 0, 6) / 6`.
    HardSigmoid,
    /// `x * hard_sigmoid(x)`.
    HardSwish,
    Erf,
    Erfc,
    Lgamma,
    Digamma,
    Floor,
    Ceil,
    /// To the nearest integer, halves to even.
    Round,
    LogicalNot,
    BitwiseNot,
    IsNan,
    IsInf,
    IsFinite,
    /// The identity, through which no gradient flows.
    StopGradient,
}

/// Elementwise functions of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    /// Floats divide; integers truncate towards zero.
    Div,
    /// Rounds towards negative infinity.
    FloorDiv,
    /// Takes the sign of the divisor.
    FloorMod,
    /// Takes the sign of the dividend.
    TruncMod,
    Pow,
    Maximum,
    Minimum,
    Atan2,
    /// `0` where the divisor is zero.
    DivNoNan,
    /// `0` where `x` is zero, else `x * log(y)`.
    Xlogy,
    /// `0` where `x` is zero, else `x / y`.
    Xdivy,
    LogicalAnd,
    LogicalOr,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    ShiftLeft,
    ShiftRight,
}

/// Elementwise comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Ways to reduce an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Mean,
    Product,
    Max,
    Min,
    /// Logical and of `Bool`.
    All,
    /// Logical or of `Bool`.
    Any,
}

/// Which element an index is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Extreme {
    Max,
    Min,
}

/// What [`Op::Fourier`] transforms. Inverses divide by the extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fourier {
    /// Complex numbers.
    Forward,
    /// Back.
    Inverse,
    /// Real numbers to the first half of their transform, whose other half is a mirror image.
    OfReal,
    /// Such a half to so many real numbers.
    ToReal(Dim),
}

/// How [`Op::Scatter`] joins what is there with an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    /// The update alone: of several at one place the last one stays.
    Update,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// The product.
    Product,
}

/// Ways to pool a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Pooling {
    Max,
    Average,
}

/// One axis of a [`Op::Slice`]: `length` elements from `start`, each `step` apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SliceAxis {
    /// The first element's index, not negative.
    pub start: Dim,
    /// How many elements are taken.
    pub length: Dim,
    /// The distance between two, at least 1.
    pub step: usize,
}

/// What [`Op::Pad`] puts outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PadMode {
    /// The second operand.
    Constant,
    /// A mirror image without the border element.
    Reflect,
    /// A mirror image with the border element.
    Symmetric,
}

/// Padding of the spatial axes of a window op.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Outputs are `ceil(input / stride)`; the odd element of padding goes to the end.
    Same,
    /// None.
    Valid,
    /// Elements before and after, per spatial axis.
    Explicit(Vec<(usize, usize)>),
}

/// The attributes of a convolution, per spatial axis where they are lists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Distance between two windows.
    pub strides: Vec<usize>,
    /// Distance between two taps.
    pub dilations: Vec<usize>,
    /// What is outside.
    pub padding: Padding,
    /// How channels are tied.
    pub grouping: Grouping,
    /// Where the channels of the operand and the result are.
    pub channels: Channels,
}

/// The axis of the channels of an image: after the spatial axes, as lowering makes all of them, or before.
///
/// Only the layout pass makes [`Channels::First`], for a framework whose layers want it. Kernels do not change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channels {
    /// `[batch, spatial…, channels]`.
    #[default]
    Last,
    /// `[batch, channels, spatial…]`.
    First,
}

/// How input and output channels of a convolution are tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// `groups` blocks of channels; kernel `[spatial…, inputs / groups, outputs]`. 1 is the plain convolution.
    Groups(usize),
    /// As many groups as the operand has times the kernel's input channels, which only the caller knows.
    ByKernel,
    /// Each input channel has its own filters; kernel `[spatial…, inputs, multiplier]`.
    Depthwise,
}

/// How [`Op::Resize`] samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResizeMode {
    /// The interpolation.
    pub kind: Interpolation,
    /// Where output pixels fall.
    pub sampling: Sampling,
}

/// Interpolation of a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Interpolation {
    Nearest,
    Bilinear,
    Bicubic,
}

/// The source coordinate of output pixel `i` under the scale `s = input / output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// `i * s`.
    Legacy,
    /// `(i + 0.5) * s - 0.5` (for nearest, `floor((i + 0.5) * s)`).
    HalfPixel,
    /// `i * (input - 1) / (output - 1)`.
    AlignCorners,
}

impl SliceAxis {
    /// Whether the slice takes a whole axis of this extent.
    pub fn is_whole(&self, extent: Option<&Dim>) -> bool {
        self.start.is(0) && self.step == 1 && Some(&self.length) == extent
    }
}

impl Op {
    /// Whether the op is a source: it has no operands.
    pub fn is_source(&self) -> bool {
        matches!(
            self,
            Op::Input(_) | Op::Param(_) | Op::Constant(_) | Op::Extents { .. }
        )
    }

    /// The extents among the attributes that a program has to compute, for a first operand of these extents: a slice of
    /// a whole axis needs none.
    pub fn extents(&self, operand: &[Dim]) -> Vec<&Dim> {
        match self {
            Op::Extents { dims, .. } | Op::Reshape(dims) | Op::Broadcast(dims) | Op::Tile(dims) => {
                dims.iter().collect()
            }
            Op::ScatterNd { shape } => shape.iter().collect(),
            Op::Slice(axes) => {
                let partial = axes
                    .iter()
                    .enumerate()
                    .filter(|(i, axis)| !axis.is_whole(operand.get(*i)));
                partial
                    .flat_map(|(_, axis)| [&axis.start, &axis.length])
                    .collect()
            }
            Op::Pad { widths, .. } => widths.iter().flat_map(|(low, high)| [low, high]).collect(),
            Op::OneHot { depth, .. } => vec![depth],
            Op::TopK { k } => vec![k],
            Op::Fourier(Fourier::ToReal(length)) => vec![length],
            Op::Bound { extent, .. } => vec![extent],
            Op::Range { length } => vec![length],
            Op::ConvTranspose { output, .. } => output.iter().collect(),
            Op::Resize { size, .. } => size.iter().collect(),
            Op::Host(host) => host.extents(),
            Op::If { branches } => branches.iter().flat_map(Region::extents).collect(),
            Op::Loop(looped) => {
                let rounds = match &looped.rounds {
                    Rounds::Counted(rounds) => Some(rounds),
                    Rounds::While(_) => None,
                };
                let regions = looped.regions().flat_map(Region::extents);
                rounds.into_iter().chain(regions).collect()
            }
            Op::Input(_)
            | Op::Param(_)
            | Op::Constant(_)
            | Op::ReadExtents(_)
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Compare(_)
            | Op::Select
            | Op::Clamp { .. }
            | Op::Cast(_)
            | Op::Transpose(_)
            | Op::Concat { .. }
            | Op::Reverse { .. }
            | Op::Gather { .. }
            | Op::GatherNd { .. }
            | Op::Scatter { .. }
            | Op::Reduce { .. }
            | Op::ArgReduce { .. }
            | Op::Cumulative { .. }
            | Op::Softmax { .. }
            | Op::LogSoftmax { .. }
            | Op::MatMul { .. }
            | Op::Linear(_)
            | Op::Fourier(Fourier::Forward | Fourier::Inverse | Fourier::OfReal)
            | Op::Special(_)
            | Op::Conv(_)
            | Op::Pool { .. }
            | Op::BatchNorm { .. }
            | Op::LayerNorm { .. }
            | Op::Recurrent { .. }
            | Op::RmsNorm { .. }
            | Op::FromEnd(_)
            | Op::RotateHalf
            | Op::Attention { .. }
            | Op::Dropout { .. } => vec![],
        }
    }

    /// The graphs that it runs: branches, or the condition and the body of a loop.
    pub fn regions(&self) -> Vec<&Region> {
        match self {
            Op::If { branches } => branches.iter().collect(),
            Op::Loop(looped) => looped.regions().collect(),
            _ => vec![],
        }
    }

    /// A constant of the evaluator's value.
    pub fn constant(value: Tensor) -> Self {
        Op::Constant(Arc::new(value))
    }
}
