//! Depthwise convolution in TensorFlow's layouts: NHWC tensors, kernels of `[height, width, channels, multiplier]`.

use super::activation::Activation;
use super::batch_norm::BatchNorm;
use super::composed;
use super::conv::{ConvConfig, glorot_uniform};
use super::cpu;
use super::depthwise_kernel::{self, DepthwiseShape};
use candle_core::{CpuStorage, CustomOp3, D, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;

/// A depthwise convolution layer: weight `[height, width, channels, multiplier]`, bias `[channels * multiplier]`.
#[derive(Clone, Debug)]
pub struct DepthwiseConv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig<2>,
    activation: Activation,
}

impl DepthwiseConv2d {
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: ConvConfig<2>) -> Self {
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
        let (height, width, channels, multiplier) = self.weight.dims4()?;
        let flat = self
            .weight
            .reshape((height, width, channels * multiplier))?;
        let (weight, bias, activation) =
            norm.fold_into(&flat, self.bias.as_ref(), self.activation)?;
        let weight = weight.reshape((height, width, channels, multiplier))?;
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
        depthwise_conv2d_op(
            x,
            &self.weight,
            self.bias.as_ref(),
            &self.config,
            self.activation,
        )
    }
}

impl Module for DepthwiseConv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        DepthwiseConv2d::forward(self, x)
    }
}

/// A depthwise convolution layer with a bias, for kernels of `[height, width]`.
pub fn depthwise_conv2d(
    channels: usize,
    multiplier: usize,
    kernel: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<DepthwiseConv2d> {
    let layer = depthwise_conv2d_no_bias(channels, multiplier, kernel, config, vb.clone())?;
    let bias = vb.get_with_hints(channels * multiplier, "bias", candle_nn::Init::Const(0.0))?;
    Ok(DepthwiseConv2d {
        bias: Some(bias),
        ..layer
    })
}

/// A depthwise convolution layer without a bias, for kernels of `[height, width]`.
pub fn depthwise_conv2d_no_bias(
    channels: usize,
    multiplier: usize,
    [h, w]: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<DepthwiseConv2d> {
    let init = glorot_uniform(h * w * channels, h * w * multiplier);
    let weight = vb.get_with_hints((h, w, channels, multiplier), "weight", init)?;
    Ok(DepthwiseConv2d::new(weight, None, config))
}

/// `activation(conv(x, weight) + bias)`: x `[batch, height, width, channels]`, weight `[height, width, channels, multiplier]`.
pub fn depthwise_conv2d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<2>,
    activation: Activation,
) -> Result<Tensor> {
    let (_, _, _, inputs) = x.dims4()?;
    let (height, width, channels, multiplier) = weight.dims4()?;
    if inputs != channels || config.groups != 1 || channels * multiplier == 0 {
        bail!(
            "a depthwise convolution of {:?} with a kernel of {:?}: the channels do not agree",
            x.dims(),
            weight.dims()
        );
    }
    if cpu::is_half(x) {
        let single = |t: &Tensor| t.to_dtype(candle_core::DType::F32);
        let y = depthwise_conv2d_op(
            &single(x)?,
            &single(weight)?,
            bias.map(single).transpose()?.as_ref(),
            config,
            activation,
        )?;
        return y.to_dtype(x.dtype());
    }
    // Several kernels for a channel are one each for copies of the channel.
    let x = if multiplier == 1 {
        x.clone()
    } else {
        let (batch, rows, cols, _) = x.dims4()?;
        x.unsqueeze(D::Minus1)?
            .broadcast_as((batch, rows, cols, channels, multiplier))?
            .flatten_from(3)?
    };
    plain(
        &x,
        &weight.reshape((height, width, channels * multiplier))?,
        bias,
        config,
        activation,
    )
}

/// One kernel for each channel: weight `[height, width, channels]`.
fn plain(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<2>,
    activation: Activation,
) -> Result<Tensor> {
    let (batch, height, width, channels) = x.dims4()?;
    let (kernel_height, kernel_width, _) = weight.dims3()?;
    let rows = config.padding.window(
        0,
        height,
        kernel_height,
        config.stride[0],
        config.dilation[0],
    )?;
    let cols =
        config
            .padding
            .window(1, width, kernel_width, config.stride[1], config.dilation[1])?;
    if !cpu::is_native(x) {
        let y = composed::depthwise(&[rows, cols], x, &weight.unsqueeze(D::Minus1)?)?;
        return activation.forward(&composed::add_bias(&y, bias)?);
    }
    let tracked = x.track_op() || weight.track_op() || bias.is_some_and(Tensor::track_op);
    let (fused, rest) = activation.split(tracked);
    let op = DepthwiseOp {
        shape: DepthwiseShape {
            batch,
            rows,
            cols,
            channels,
        },
        activation: fused,
    };
    let bias = match bias {
        Some(bias) => bias.contiguous()?,
        None => Tensor::zeros(channels, x.dtype(), x.device())?,
    };
    let y = x
        .contiguous()?
        .apply_op3(&weight.contiguous()?, &bias, op)?;
    rest.forward(&y)
}

struct DepthwiseOp {
    shape: DepthwiseShape,
    activation: Activation,
}

impl CustomOp3 for DepthwiseOp {
    fn name(&self) -> &'static str {
        "depthwise-conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w, b) = (
            cpu::values(x, xl)?,
            cpu::values(w, wl)?,
            cpu::values(b, bl)?,
        );
        if b.len() != self.shape.channels {
            bail!(
                "a depthwise convolution with {} outputs has a bias of another length",
                self.shape.channels
            );
        }
        let y = depthwise_kernel::forward(&self.shape, x, w, b, self.activation);
        cpu::output(y, self.shape.output_dims().as_slice())
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = self.activation.backward(y, gradient)?;
        let ((xs, xl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            w.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, ws, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ws, wl)?,
            cpu::stored(&gs, gl)?,
        );
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        let dx = x
            .track_op()
            .then(|| tensor(depthwise_kernel::backward_input(&self.shape, gs, ws), x))
            .transpose()?;
        let dw = w
            .track_op()
            .then(|| tensor(depthwise_kernel::backward_kernel(&self.shape, xs, gs), w))
            .transpose()?;
        let db = b
            .track_op()
            .then(|| tensor(cpu::column_sums(gs, self.shape.channels), b))
            .transpose()?;
        Ok((dx, dw, db))
    }
}
