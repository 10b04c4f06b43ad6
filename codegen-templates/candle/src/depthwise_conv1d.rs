//! Depthwise convolution over one axis: NWC tensors, kernels of `[width, channels, multiplier]`.

use super::activation::Activation;
use super::batch_norm::BatchNorm;
use super::conv::{ConvConfig, glorot_uniform};
use super::conv1d::with_height;
use super::depthwise_conv::depthwise_conv2d_op;
use candle_core::{Module, Result, Tensor};
use candle_nn::VarBuilder;

/// A depthwise convolution layer over one axis: weight `[width, channels, multiplier]`, bias `[channels * multiplier]`.
#[derive(Clone, Debug)]
pub struct DepthwiseConv1d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig<1>,
    activation: Activation,
}

impl DepthwiseConv1d {
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
        let (width, channels, multiplier) = self.weight.dims3()?;
        let flat = self.weight.reshape((width, channels * multiplier))?;
        let (weight, bias, activation) =
            norm.fold_into(&flat, self.bias.as_ref(), self.activation)?;
        let weight = weight.reshape((width, channels, multiplier))?;
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
        depthwise_conv1d_op(
            x,
            &self.weight,
            self.bias.as_ref(),
            &self.config,
            self.activation,
        )
    }
}

impl Module for DepthwiseConv1d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        DepthwiseConv1d::forward(self, x)
    }
}

/// A depthwise convolution layer with a bias, for kernels of `width` places.
pub fn depthwise_conv1d(
    channels: usize,
    multiplier: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<DepthwiseConv1d> {
    let layer = depthwise_conv1d_no_bias(channels, multiplier, width, config, vb.clone())?;
    let bias = vb.get_with_hints(channels * multiplier, "bias", candle_nn::Init::Const(0.0))?;
    Ok(DepthwiseConv1d {
        bias: Some(bias),
        ..layer
    })
}

/// A depthwise convolution layer without a bias, for kernels of `width` places.
pub fn depthwise_conv1d_no_bias(
    channels: usize,
    multiplier: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<DepthwiseConv1d> {
    let init = glorot_uniform(width * channels, width * multiplier);
    Ok(DepthwiseConv1d::new(
        vb.get_with_hints((width, channels, multiplier), "weight", init)?,
        None,
        config,
    ))
}

/// `activation(conv(x, weight) + bias)`: x `[batch, width, channels]`, weight `[width, channels, multiplier]`.
pub fn depthwise_conv1d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<1>,
    activation: Activation,
) -> Result<Tensor> {
    let (x, weight) = (x.unsqueeze(1)?, weight.unsqueeze(0)?);
    depthwise_conv2d_op(&x, &weight, bias, &with_height(config), activation)?.squeeze(1)
}
