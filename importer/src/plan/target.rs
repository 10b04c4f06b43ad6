//! What a framework has to say about a [`Plan`](super::Plan).

use super::{Layer, Role};
use crate::error::Result;
use crate::ir::{Grouping, Recurrence};
use crate::weights::Layout;

/// Type names that generated code uses for other things, in either framework: a model has the same names in both.
pub const TYPES: [&str; 74] = [
    "Tensor",
    "Device",
    "Result",
    "Module",
    "Linear",
    "Embedding",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "DepthwiseConv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "BatchNorm",
    "BatchNormConfig",
    "LayerNorm",
    "LayerNormConfig",
    "RmsNorm",
    "RmsNormConfig",
    "Dropout",
    "Lstm",
    "Gru",
    "SimpleRnn",
    "RecurrentConfig",
    "Squash",
    "Activation",
    "Padding",
    "ConvConfig",
    "Param",
    "Config",
    "Vec",
    "Option",
    "Some",
    "None",
    "Ok",
    "Err",
    "Self",
    "String",
    "Box",
    "Var",
    "VarMap",
    "VarBuilder",
    "DType",
    "Shape",
    "Int",
    "Bool",
    "Float",
    "StringTensor",
    "Path",
    "Slice",
    "Initializer",
    "ParamId",
    "ModuleSnapshot",
    "SafetensorsStore",
    "SafetensorsStoreError",
    "FloatDType",
    "IntDType",
    "IndexingUpdateOp",
    "PadMode",
    "Sampling",
    "LinearConfig",
    "EmbeddingConfig",
    "Conv1dConfig",
    "Conv2dConfig",
    "ConvTranspose1dConfig",
    "ConvTranspose2dConfig",
    "ConvTranspose3d",
    "ConvTranspose3dConfig",
    "MaxPool1dConfig",
    "MaxPool2dConfig",
    "AvgPool1dConfig",
    "AvgPool2dConfig",
    "PaddingConfig1d",
    "PaddingConfig2d",
];

/// Names of methods that generated structs have anyway, in either framework.
pub const METHODS: [&str; 13] = [
    "new",
    "load",
    "embedded",
    "fused",
    "trainable",
    "train",
    "valid",
    "map",
    "visit",
    "clone",
    "fmt",
    "freeze",
    "to_device",
];

/// Names of fields that would be taken for methods or arguments, in either framework.
pub const FIELDS: [&str; 12] = [
    "self",
    "forward",
    "forward_t",
    "new",
    "load",
    "fused",
    "train",
    "valid",
    "map",
    "visit",
    "device",
    "vb",
];

/// A layer's weight in the file: the key under the layer's field, and the axes of the framework's tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What the weight is for.
    pub role: Role,
    /// The key, under the field's.
    pub key: &'static str,
    /// For each axis of the framework's tensor, the axes of the model's that it joins; none for a new axis of extent 1.
    pub axes: Vec<Vec<usize>>,
}

/// The weights that a layer owns, in the framework's names and layouts.
pub trait WeightLayout {
    /// One slot for each weight.
    fn slots(&self, layer: &Layer) -> Vec<Slot>;

    /// The layout of a parameter of this rank that belongs to no layer.
    ///
    /// # Errors
    /// Never for the layouts there are.
    fn parameter(&self, rank: usize) -> Result<Layout> {
        Ok(Layout::identity(rank))
    }
}

impl Slot {
    /// A weight that keeps the model's layout of this rank.
    pub fn same(role: Role, key: &'static str, rank: usize) -> Self {
        Slot {
            role,
            key,
            axes: (0..rank).map(|axis| vec![axis]).collect(),
        }
    }

    /// A weight whose axes are permuted.
    pub fn permuted(role: Role, key: &'static str, axes: &[usize]) -> Self {
        Slot {
            role,
            key,
            axes: axes.iter().map(|&axis| vec![axis]).collect(),
        }
    }
}

/// candle: matrices `[out, in]`; convolution kernels stay as TensorFlow has them, which the support code's kernels want.
pub struct Candle;

/// burn: matrices `[in, out]`; convolution kernels `[out, in, spatial…]`.
pub struct Burn;

impl WeightLayout for Candle {
    fn slots(&self, layer: &Layer) -> Vec<Slot> {
        match layer {
            Layer::Linear { bias, .. } => {
                with_bias(Slot::permuted(Role::Kernel, "weight", &[1, 0]), *bias)
            }
            Layer::Conv {
                dilations,
                grouping: Grouping::Depthwise,
                bias,
                ..
            } if dilations.len() == 1 => {
                let axes = vec![vec![0], vec![], vec![1, 2]];
                with_bias(
                    Slot {
                        role: Role::Kernel,
                        key: "weight",
                        axes,
                    },
                    *bias,
                )
            }
            Layer::Conv {
                dilations, bias, ..
            } => with_bias(
                Slot::same(Role::Kernel, "weight", dilations.len() + 2),
                *bias,
            ),
            Layer::ConvTranspose { kernel, bias, .. } => {
                with_bias(Slot::same(Role::Kernel, "weight", kernel.len() + 2), *bias)
            }
            Layer::BatchNorm { scale, offset, .. } => {
                norm(["weight", "bias"], *scale, *offset, true)
            }
            Layer::LayerNorm { scale, offset, .. } => {
                norm(["weight", "bias"], *scale, *offset, false)
            }
            Layer::RmsNorm { .. } => vec![Slot::same(Role::Scale, "weight", 1)],
            Layer::Embedding { .. } => vec![Slot::same(Role::Kernel, "weight", 2)],
            Layer::Recurrent { recurrence, .. } => {
                let two = recurrence.cell.has_two_biases();
                let bias = if two {
                    vec![vec![0], vec![1]]
                } else {
                    vec![vec![0]]
                };
                recurrent(recurrence, bias)
            }
            Layer::Dropout { .. } => vec![],
        }
    }
}

impl WeightLayout for Burn {
    /// burn has no rank 0.
    fn parameter(&self, rank: usize) -> Result<Layout> {
        match rank {
            0 => Layout::parse("->1"),
            rank => Ok(Layout::identity(rank)),
        }
    }

    fn slots(&self, layer: &Layer) -> Vec<Slot> {
        match layer {
            Layer::Linear { bias, .. } => with_bias(Slot::same(Role::Kernel, "weight", 2), *bias),
            Layer::Conv {
                dilations,
                grouping,
                bias,
                ..
            } => {
                let n = dilations.len();
                let channels = match grouping {
                    Grouping::Groups(_) | Grouping::ByKernel => [vec![n + 1], vec![n]],
                    Grouping::Depthwise => [vec![n, n + 1], vec![]],
                };
                with_bias(first(Role::Kernel, channels, n), *bias)
            }
            Layer::ConvTranspose { kernel, bias, .. } => {
                let n = kernel.len();
                with_bias(first(Role::Kernel, [vec![n + 1], vec![n]], n), *bias)
            }
            Layer::BatchNorm { scale, offset, .. } => {
                norm(["gamma", "beta"], *scale, *offset, true)
            }
            Layer::LayerNorm { scale, offset, .. } => {
                norm(["gamma", "beta"], *scale, *offset, false)
            }
            Layer::RmsNorm { .. } => vec![Slot::same(Role::Scale, "gamma", 1)],
            Layer::Embedding { .. } => vec![Slot::same(Role::Kernel, "weight", 2)],
            Layer::Recurrent { recurrence, .. } => {
                let two = recurrence.cell.has_two_biases();
                let first = if two { vec![0] } else { vec![] };
                recurrent(recurrence, vec![first, vec![usize::from(two)]])
            }
            Layer::Dropout { .. } => vec![],
        }
    }
}

fn with_bias(kernel: Slot, bias: bool) -> Vec<Slot> {
    let bias = bias.then(|| Slot::same(Role::Bias, "bias", 1));
    std::iter::once(kernel).chain(bias).collect()
}

/// The weights of a recurrent layer, as the model has them; the bias with these axes.
fn recurrent(recurrence: &Recurrence, bias: Vec<Vec<usize>>) -> Vec<Slot> {
    let slots = [
        Slot::same(Role::Kernel, "kernel", 2),
        Slot::same(Role::RecurrentKernel, "recurrent_kernel", 2),
    ];
    let bias = Slot {
        role: Role::Bias,
        key: "bias",
        axes: bias,
    };
    let bias = recurrence.bias.then_some(bias);
    slots.into_iter().chain(bias).collect()
}

/// A kernel with its channel axes before the `spatial` ones.
fn first(role: Role, channels: [Vec<usize>; 2], spatial: usize) -> Slot {
    let axes = channels
        .into_iter()
        .chain((0..spatial).map(|axis| vec![axis]))
        .collect();
    Slot {
        role,
        key: "weight",
        axes,
    }
}

fn norm(keys: [&'static str; 2], scale: bool, offset: bool, statistics: bool) -> Vec<Slot> {
    let slots = [
        (scale, Role::Scale, keys[0]),
        (offset, Role::Offset, keys[1]),
        (statistics, Role::Mean, "running_mean"),
        (statistics, Role::Variance, "running_var"),
    ];
    slots
        .into_iter()
        .filter(|(present, ..)| *present)
        .map(|(_, role, key)| Slot::same(role, key, 1))
        .collect()
}
