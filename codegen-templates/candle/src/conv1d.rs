//! One-dimensional convolution in TensorFlow's layouts: NWC tensors, kernels of `[width, input / groups, output]`.

use super::activation::Activation;
use super::batch_norm::BatchNorm;
use super::conv::{ConvConfig, conv2d_op, glorot_uniform};
use super::depthwise_conv::depthwise_conv2d_op;
use super::padding::Padding;
use candle_core::{Module, Result, Tensor};
use candle_nn::VarBuilder;

/// A convolution layer over one axis: weight `[width, input / groups, output]`, bias `[output]`.
#[derive(Clone, Debug)]
pub struct Conv1d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig<1>,
    activation: Activation,
}

impl Conv1d {
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: ConvConfig<1>) -> Self {
        Self {
            weight,
            bias,
            config,
            activation: Activation::Linear,
        }
    }

    /// Applies `activation` to the layer's output, in the same pass.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// For inference: this layer and the batch norm that follows it as one layer, and the identity in the norm's place.
    pub fn fold(&self, norm: &BatchNorm) -> Result<(Self, BatchNorm)> {
        let (weight, bias, activation) =
            norm.fold_into(&self.weight, self.bias.as_ref(), self.activation)?;
        Ok((
            Self {
                weight,
                bias: Some(bias),
                config: self.config,
                activation,
            },
            norm.identity(),
        ))
    }

    /// The layer's output.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        conv1d_op(
            x,
            &self.weight,
            self.bias.as_ref(),
            &self.config,
            self.activation,
        )
    }
}

impl Module for Conv1d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Conv1d::forward(self, x)
    }
}

/// A convolution layer with a bias, for a kernel of `width` places.
pub fn conv1d(
    input: usize,
    output: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<Conv1d> {
    let layer = conv1d_no_bias(input, output, width, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(Conv1d {
        bias: Some(bias),
        ..layer
    })
}

/// A convolution layer without a bias, for a kernel of `width` places.
pub fn conv1d_no_bias(
    input: usize,
    output: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<Conv1d> {
    let depth = input / config.groups.max(1);
    let weight = vb.get_with_hints(
        (width, depth, output),
        "weight",
        glorot_uniform(width * depth, width * output),
    )?;
    Ok(Conv1d::new(weight, None, config))
}

/// `activation(conv(x, weight) + bias)`: x `[batch, width, input]`, weight `[width, input / groups, output]`.
pub fn conv1d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<1>,
    activation: Activation,
) -> Result<Tensor> {
    let (x, config) = (x.unsqueeze(1)?, with_height(config));
    let (width, depth, outputs) = weight.dims3()?;
    // A group for each channel is a depthwise convolution, which has a kernel of its own.
    if depth == 1 && config.groups > 1 && outputs % config.groups == 0 {
        let weight = weight.reshape((1, width, config.groups, outputs / config.groups))?;
        return depthwise_conv2d_op(&x, &weight, bias, &config.groups(1), activation)?.squeeze(1);
    }
    conv2d_op(&x, &weight.unsqueeze(0)?, bias, &config, activation)?.squeeze(1)
}

/// The same convolution over two axes, the first of which has one place.
pub fn with_height(config: &ConvConfig<1>) -> ConvConfig<2> {
    let padding = match config.padding {
        Padding::Valid => Padding::Valid,
        Padding::Same => Padding::Same,
        Padding::Explicit([width]) => Padding::Explicit([[0, 0], width]),
    };
    ConvConfig {
        stride: [1, config.stride[0]],
        dilation: [1, config.dilation[0]],
        padding,
        groups: config.groups,
    }
}
