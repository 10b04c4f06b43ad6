//! Three-dimensional convolution in TensorFlow's layouts: NDHWC tensors, kernels of
//! `[depth, height, width, input / groups, output]`.

use super::activation::Activation;
use super::composed;
use super::conv::{ConvConfig, conv2d_op, glorot_uniform};
use super::padding::Padding;
use candle_core::{Module, Result, Tensor, bail};
use candle_nn::VarBuilder;

/// A convolution layer over three axes: weight `[depth, height, width, input / groups, output]`, bias `[output]`.
#[derive(Clone, Debug)]
pub struct Conv3d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig<3>,
    activation: Activation,
}

impl Conv3d {
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: ConvConfig<3>) -> Self {
        Self {
            weight,
            bias,
            config,
            activation: Activation::Linear,
        }
    }

    /// Applies `activation` to the layer's output.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// The layer's output.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        conv3d_op(
            x,
            &self.weight,
            self.bias.as_ref(),
            &self.config,
            self.activation,
        )
    }
}

impl Module for Conv3d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Conv3d::forward(self, x)
    }
}

/// A convolution layer with a bias, for a kernel of `[depth, height, width]`.
pub fn conv3d(
    input: usize,
    output: usize,
    kernel: [usize; 3],
    config: ConvConfig<3>,
    vb: VarBuilder,
) -> Result<Conv3d> {
    let layer = conv3d_no_bias(input, output, kernel, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(Conv3d {
        bias: Some(bias),
        ..layer
    })
}

/// A convolution layer without a bias, for a kernel of `[depth, height, width]`.
pub fn conv3d_no_bias(
    input: usize,
    output: usize,
    [d, h, w]: [usize; 3],
    config: ConvConfig<3>,
    vb: VarBuilder,
) -> Result<Conv3d> {
    let channels = input / config.groups.max(1);
    let init = glorot_uniform(d * h * w * channels, d * h * w * output);
    Ok(Conv3d::new(
        vb.get_with_hints((d, h, w, channels, output), "weight", init)?,
        None,
        config,
    ))
}

/// `activation(conv(x, weight) + bias)`: x `[batch, depth, height, width, input]`, as the sum over the kernel's depth of
/// convolutions of planes.
pub fn conv3d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<3>,
    activation: Activation,
) -> Result<Tensor> {
    let (batch, input_depth, ..) = x.dims5()?;
    let padding = match config.padding {
        Padding::Valid => Padding::Valid,
        Padding::Same => Padding::Same,
        Padding::Explicit([_, height, width]) => Padding::Explicit([height, width]),
    };
    let ([stride, planes @ ..], [dilation, plane_dilation @ ..]) = (config.stride, config.dilation);
    let plane = ConvConfig {
        stride: planes,
        dilation: plane_dilation,
        padding,
        groups: config.groups,
    };
    let depth = config
        .padding
        .window(0, input_depth, weight.dim(0)?, stride, dilation)?;
    let mut total: Option<Tensor> = None;
    for (tap, x) in composed::taps(&[depth], x, 0.0)?.iter().enumerate() {
        let term = conv2d_op(
            &x.flatten_to(1)?,
            &weight.get(tap)?,
            None,
            &plane,
            Activation::Linear,
        )?;
        total = Some(match total {
            Some(total) => (total + term)?,
            None => term,
        });
    }
    let Some(total) = total else {
        bail!("a convolution's kernel is empty")
    };
    let (_, height, width, output) = total.dims4()?;
    let y = total.reshape((batch, depth.output, height, width, output))?;
    activation.forward(&composed::add_bias(&y, bias)?)
}
