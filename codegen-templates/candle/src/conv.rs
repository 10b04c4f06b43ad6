//! Two-dimensional convolution in TensorFlow's layouts: NHWC tensors and HWIO kernels.

use super::activation::Activation;
use super::batch_norm::BatchNorm;
use super::composed;
use super::conv_kernel::{self, ConvShape};
use super::cpu;
use super::padding::Padding;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;

/// How a convolution slides over `N` spatial axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvConfig<const N: usize> {
    pub stride: [usize; N],
    pub dilation: [usize; N],
    pub padding: Padding<N>,
    pub groups: usize,
}

impl<const N: usize> ConvConfig<N> {
    fn with_padding(padding: Padding<N>) -> Self {
        Self {
            stride: [1; N],
            dilation: [1; N],
            padding,
            groups: 1,
        }
    }

    /// No padding.
    pub fn valid() -> Self {
        Self::with_padding(Padding::Valid)
    }

    /// Padding such that the output has `ceil(input / stride)` places.
    pub fn same() -> Self {
        Self::with_padding(Padding::Same)
    }

    /// `[before, after]` places of padding for each axis.
    pub fn explicit(padding: [[usize; 2]; N]) -> Self {
        Self::with_padding(Padding::Explicit(padding))
    }

    pub fn stride(self, stride: [usize; N]) -> Self {
        Self { stride, ..self }
    }

    pub fn dilation(self, dilation: [usize; N]) -> Self {
        Self { dilation, ..self }
    }

    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

impl<const N: usize> Default for ConvConfig<N> {
    fn default() -> Self {
        Self::valid()
    }
}

/// A convolution layer: weight `[height, width, input / groups, output]`, bias `[output]`.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: ConvConfig<2>,
    activation: Activation,
}

impl Conv2d {
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

    pub fn config(&self) -> &ConvConfig<2> {
        &self.config
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
        conv2d_op(
            x,
            &self.weight,
            self.bias.as_ref(),
            &self.config,
            self.activation,
        )
    }
}

impl Module for Conv2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Conv2d::forward(self, x)
    }
}

/// A convolution layer with a bias, for a kernel of `[height, width]`.
pub fn conv2d(
    input: usize,
    output: usize,
    kernel: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<Conv2d> {
    let layer = conv2d_no_bias(input, output, kernel, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(Conv2d {
        bias: Some(bias),
        ..layer
    })
}

/// A convolution layer without a bias, for a kernel of `[height, width]`.
pub fn conv2d_no_bias(
    input: usize,
    output: usize,
    [h, w]: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<Conv2d> {
    let depth = input / config.groups.max(1);
    let weight = vb.get_with_hints(
        (h, w, depth, output),
        "weight",
        glorot_uniform(h * w * depth, h * w * output),
    )?;
    Ok(Conv2d::new(weight, None, config))
}

/// Keras' default initialiser of kernels.
pub fn glorot_uniform(fan_in: usize, fan_out: usize) -> candle_nn::Init {
    let up = (6.0 / (fan_in + fan_out) as f64).sqrt();
    candle_nn::Init::Uniform { lo: -up, up }
}

/// `activation(conv(x, weight) + bias)`: x `[batch, height, width, input]`, weight `[height, width, input / groups, output]`.
pub fn conv2d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<2>,
    activation: Activation,
) -> Result<Tensor> {
    if cpu::is_half(x) {
        let single = |t: &Tensor| t.to_dtype(candle_core::DType::F32);
        let y = conv2d_op(
            &single(x)?,
            &single(weight)?,
            bias.map(single).transpose()?.as_ref(),
            config,
            activation,
        )?;
        return y.to_dtype(x.dtype());
    }
    let shape = conv_shape(x, weight, config)?;
    if !cpu::is_native(x) {
        return activation.forward(&composed::conv2d(&shape, x, weight, bias)?);
    }
    let tracked = x.track_op() || weight.track_op() || bias.is_some_and(Tensor::track_op);
    let (fused, rest) = activation.split(tracked);
    let (x, weight, op) = (
        x.contiguous()?,
        weight.contiguous()?,
        ConvOp {
            shape,
            activation: fused,
        },
    );
    let y = match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op)?,
        None => x.apply_op2(&weight, op)?,
    };
    rest.forward(&y)
}

/// The geometry of a convolution of `x`, checked against the weight.
pub fn conv_shape(x: &Tensor, weight: &Tensor, config: &ConvConfig<2>) -> Result<ConvShape> {
    let (batch, height, width, input) = x.dims4()?;
    let (kernel_height, kernel_width, depth, output) = weight.dims4()?;
    let groups = config.groups;
    if groups == 0 || input == 0 || output == 0 || depth * groups != input || output % groups != 0 {
        bail!(
            "a convolution of {:?} in {groups} groups with a kernel of {:?}: the channels do not agree",
            x.dims(),
            weight.dims()
        );
    }
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
    Ok(ConvShape {
        batch,
        rows,
        cols,
        input,
        output,
        groups,
    })
}

struct ConvOp {
    shape: ConvShape,
    activation: Activation,
}

impl ConvOp {
    fn forward(
        &self,
        x: &[f32],
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(CpuStorage, Shape)> {
        if bias.is_some_and(|bias| bias.len() != self.shape.output) {
            bail!(
                "a convolution with {} outputs has a bias of another length",
                self.shape.output
            );
        }
        cpu::output(
            conv_kernel::forward(&self.shape, x, weight, bias, self.activation),
            self.shape.output_dims().as_slice(),
        )
    }

    fn backward(
        &self,
        [x, weight]: [&Tensor; 2],
        bias: Option<&Tensor>,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<Gradients> {
        let gradient = self.activation.backward(y, gradient)?;
        let ((xs, xl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            weight.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, ws, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ws, wl)?,
            cpu::stored(&gs, gl)?,
        );
        let tensor = |values, dims: &[usize]| Tensor::from_vec(values, dims, x.device());
        let dx = x
            .track_op()
            .then(|| tensor(conv_kernel::backward_input(&self.shape, gs, ws), x.dims()))
            .transpose()?;
        let dw = weight
            .track_op()
            .then(|| {
                tensor(
                    conv_kernel::backward_kernel(&self.shape, xs, gs),
                    weight.dims(),
                )
            })
            .transpose()?;
        let db = bias
            .is_some_and(Tensor::track_op)
            .then(|| {
                tensor(
                    cpu::column_sums(gs, self.shape.output),
                    &[self.shape.output],
                )
            })
            .transpose()?;
        Ok((dx, dw, db))
    }
}

type Gradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

impl CustomOp2 for ConvOp {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(cpu::values(x, xl)?, cpu::values(w, wl)?, None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw, _) = self.backward([x, w], None, y, gradient)?;
        Ok((dx, dw))
    }
}

impl CustomOp3 for ConvOp {
    fn name(&self) -> &'static str {
        "conv2d"
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
        self.forward(
            cpu::values(x, xl)?,
            cpu::values(w, wl)?,
            Some(cpu::values(b, bl)?),
        )
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<Gradients> {
        self.backward([x, w], Some(b), y, gradient)
    }
}
