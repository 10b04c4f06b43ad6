//! Transposed convolution in TensorFlow's layouts: NHWC tensors, kernels of `[height, width, output, input]`.

use super::activation::Activation;
use super::composed;
use super::conv::{ConvConfig, glorot_uniform};
use super::conv_kernel::{self, ConvShape};
use super::conv1d::with_height;
use super::cpu;
use super::padding::Padding;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;

macro_rules! layer {
    ($(#[$doc:meta])* $layer:ident, $axes:literal, $size:ty, $op:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $layer {
            weight: Tensor,
            bias: Option<Tensor>,
            config: ConvConfig<$axes>,
            activation: Activation,
        }

        impl $layer {
            pub fn new(weight: Tensor, bias: Option<Tensor>, config: ConvConfig<$axes>) -> Self {
                Self { weight, bias, config,  activation: Activation::Linear }
            }

            /// Applies `activation` to the layer's output.
            pub fn with_activation(self, activation: Activation) -> Self {
                Self { activation, ..self }
            }

            pub fn weight(&self) -> &Tensor {
                &self.weight
            }

            /// The layer's output, of the size that follows from the padding.
            pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
                self.forward_to(x, None)
            }

            /// The layer's output, of a given size.
            pub fn forward_to(&self, x: &Tensor, size: Option<$size>) -> Result<Tensor> {
                $op(x, &self.weight, self.bias.as_ref(), &self.config, size, self.activation)
            }
        }

        impl Module for $layer {
            fn forward(&self, x: &Tensor) -> Result<Tensor> {
                $layer::forward(self, x)
            }
        }
    };
}

layer! {
    /// A transposed convolution layer: weight `[height, width, output, input]`, bias `[output]`.
    ConvTranspose2d, 2, [usize; 2], conv_transpose2d_op
}

layer! {
    /// A transposed convolution layer over one axis: weight `[width, output, input]`, bias `[output]`.
    ConvTranspose1d, 1, usize, conv_transpose1d_op
}

layer! {
    /// A transposed convolution layer over three axes: weight `[depth, height, width, output, input]`, bias `[output]`.
    ConvTranspose3d, 3, [usize; 3], conv_transpose3d_op
}

/// A transposed convolution layer with a bias, for a kernel of `[height, width]`.
pub fn conv_transpose2d(
    input: usize,
    output: usize,
    kernel: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<ConvTranspose2d> {
    let layer = conv_transpose2d_no_bias(input, output, kernel, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(ConvTranspose2d {
        bias: Some(bias),
        ..layer
    })
}

/// A transposed convolution layer without a bias, for a kernel of `[height, width]`.
pub fn conv_transpose2d_no_bias(
    input: usize,
    output: usize,
    [h, w]: [usize; 2],
    config: ConvConfig<2>,
    vb: VarBuilder,
) -> Result<ConvTranspose2d> {
    let init = glorot_uniform(h * w * output, h * w * input);
    Ok(ConvTranspose2d::new(
        vb.get_with_hints((h, w, output, input), "weight", init)?,
        None,
        config,
    ))
}

/// A transposed convolution layer over one axis with a bias, for a kernel of `width` places.
pub fn conv_transpose1d(
    input: usize,
    output: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<ConvTranspose1d> {
    let layer = conv_transpose1d_no_bias(input, output, width, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(ConvTranspose1d {
        bias: Some(bias),
        ..layer
    })
}

/// A transposed convolution layer over one axis without a bias, for a kernel of `width` places.
pub fn conv_transpose1d_no_bias(
    input: usize,
    output: usize,
    width: usize,
    config: ConvConfig<1>,
    vb: VarBuilder,
) -> Result<ConvTranspose1d> {
    let init = glorot_uniform(width * output, width * input);
    Ok(ConvTranspose1d::new(
        vb.get_with_hints((width, output, input), "weight", init)?,
        None,
        config,
    ))
}

/// A transposed convolution layer over three axes with a bias, for a kernel of `[depth, height, width]`.
pub fn conv_transpose3d(
    input: usize,
    output: usize,
    kernel: [usize; 3],
    config: ConvConfig<3>,
    vb: VarBuilder,
) -> Result<ConvTranspose3d> {
    let layer = conv_transpose3d_no_bias(input, output, kernel, config, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(ConvTranspose3d {
        bias: Some(bias),
        ..layer
    })
}

/// A transposed convolution layer over three axes without a bias, for a kernel of `[depth, height, width]`.
pub fn conv_transpose3d_no_bias(
    input: usize,
    output: usize,
    [d, h, w]: [usize; 3],
    config: ConvConfig<3>,
    vb: VarBuilder,
) -> Result<ConvTranspose3d> {
    let init = glorot_uniform(d * h * w * output, d * h * w * input);
    Ok(ConvTranspose3d::new(
        vb.get_with_hints((d, h, w, output, input), "weight", init)?,
        None,
        config,
    ))
}

/// A transposed convolution over three axes: x `[batch, depth, height, width, input]`, as the sum over the kernel's depth of
/// transposed convolutions of planes, each moved to where it goes.
pub fn conv_transpose3d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<3>,
    output_size: Option<[usize; 3]>,
    activation: Activation,
) -> Result<Tensor> {
    let (batch, depth, ..) = x.dims5()?;
    let (taps, _, _, output, _) = weight.dims5()?;
    let ([stride, planes @ ..], [dilation, plane_dilation @ ..]) = (config.stride, config.dilation);
    let padding = match config.padding {
        Padding::Valid => Padding::Valid,
        Padding::Same => Padding::Same,
        Padding::Explicit([_, height, width]) => Padding::Explicit([height, width]),
    };
    let plane = ConvConfig {
        stride: planes,
        dilation: plane_dilation,
        padding,
        groups: config.groups,
    };
    let along = match config.padding {
        Padding::Valid => Padding::Valid,
        Padding::Same => Padding::Same,
        Padding::Explicit([depth, ..]) => Padding::Explicit([depth, [0, 0]]),
    };
    let extent = taps.saturating_sub(1) * dilation + 1;
    let size = match output_size {
        Some([size, ..]) => size,
        None => default_size(along, 0, depth, extent, stride)?,
    };
    let window = config.padding.window(0, size, taps, stride, dilation)?;
    if window.output != depth {
        bail!("a transposed convolution cannot make {size} places of {depth} with stride {stride}");
    }
    let mut total: Option<Tensor> = None;
    for tap in 0..taps {
        let planes = conv_transpose2d_op(
            &x.flatten_to(1)?,
            &weight.get(tap)?,
            None,
            &plane,
            output_size.map(|[_, height, width]| [height, width]),
            Activation::Linear,
        )?;
        let (_, height, width, _) = planes.dims4()?;
        let planes = planes.reshape((batch, depth, height, width, output))?;
        let term = spread(&planes, stride, tap * dilation, window.before, size)?;
        total = Some(match total {
            Some(total) => (total + term)?,
            None => term,
        });
    }
    let Some(y) = total else {
        bail!("a convolution's kernel is empty")
    };
    let y = match bias {
        Some(bias) => y.broadcast_add(bias)?,
        None => y,
    };
    activation.forward(&y)
}

/// Planes `stride` apart from `start - before` on, among `size`.
fn spread(x: &Tensor, stride: usize, start: usize, before: usize, size: usize) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    dims[1] *= stride;
    let apart = x.unsqueeze(2)?.pad_with_zeros(2, 0, stride - 1)?;
    let apart = apart
        .reshape(dims)?
        .pad_with_zeros(1, start, before + size)?;
    apart.narrow(1, before, size)
}

/// A transposed convolution over one axis: x `[batch, width, input]`, weight `[width, output, input]`.
pub fn conv_transpose1d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<1>,
    output_size: Option<usize>,
    activation: Activation,
) -> Result<Tensor> {
    let (x, weight, size) = (
        x.unsqueeze(1)?,
        weight.unsqueeze(0)?,
        output_size.map(|width| [1, width]),
    );
    conv_transpose2d_op(&x, &weight, bias, &with_height(config), size, activation)?.squeeze(1)
}

/// The gradient of a convolution with its input, as a layer: x `[batch, height, width, input]`, weight
/// `[height, width, output, input]`. The output's size is `input * stride` for padding `Same`, and what the windows
/// reach for the others, unless it is given.
pub fn conv_transpose2d_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvConfig<2>,
    output_size: Option<[usize; 2]>,
    activation: Activation,
) -> Result<Tensor> {
    if cpu::is_half(x) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        let bias = bias.map(single).transpose()?;
        return conv_transpose2d_op(
            &single(x)?,
            &single(weight)?,
            bias.as_ref(),
            config,
            output_size,
            activation,
        )?
        .to_dtype(x.dtype());
    }
    let shape = transposed_shape(x, weight, config, output_size)?;
    let y = if cpu::is_native(x) {
        x.contiguous()?
            .apply_op2(&weight.contiguous()?, ConvTransposeOp(shape))?
    } else {
        composed::conv_transpose2d(&shape, x, weight)?
    };
    activation.forward(&composed::add_bias(&y, bias)?)
}

/// The geometry of the convolution whose input's gradient this is: its input is the result, and its output is `x`.
fn transposed_shape(
    x: &Tensor,
    weight: &Tensor,
    config: &ConvConfig<2>,
    output_size: Option<[usize; 2]>,
) -> Result<ConvShape> {
    let (batch, height, width, input) = x.dims4()?;
    let (kernel_height, kernel_width, output, depth) = weight.dims4()?;
    if depth != input || config.groups != 1 || input * output == 0 {
        bail!(
            "a transposed convolution of {:?} with a kernel of {:?}: the channels do not agree",
            x.dims(),
            weight.dims()
        );
    }
    let window = |axis: usize, places: usize, kernel: usize| {
        let (stride, dilation) = (config.stride[axis], config.dilation[axis]);
        let size = match output_size {
            Some(size) => size[axis],
            None => default_size(
                config.padding,
                axis,
                places,
                kernel.saturating_sub(1) * dilation + 1,
                stride,
            )?,
        };
        let window = config
            .padding
            .window(axis, size, kernel, stride, dilation)?;
        if window.output != places {
            bail!(
                "a transposed convolution cannot make {size} places of {places} with stride {stride} on spatial axis {axis}"
            );
        }
        Ok(window)
    };
    Ok(ConvShape {
        batch,
        rows: window(0, height, kernel_height)?,
        cols: window(1, width, kernel_width)?,
        input: output,
        output: input,
        groups: 1,
    })
}

fn default_size(
    padding: Padding<2>,
    axis: usize,
    places: usize,
    extent: usize,
    stride: usize,
) -> Result<usize> {
    let reach = places.saturating_sub(1) * stride + extent;
    match padding {
        Padding::Same => Ok(places * stride),
        Padding::Valid => Ok(places * stride + extent.saturating_sub(stride)),
        Padding::Explicit(sides) => match reach.checked_sub(sides[axis][0] + sides[axis][1]) {
            Some(size) => Ok(size),
            None => bail!(
                "a transposed convolution's padding {:?} exceeds its {reach} places",
                sides[axis]
            ),
        },
    }
}

struct ConvTransposeOp(ConvShape);

impl CustomOp2 for ConvTransposeOp {
    fn name(&self) -> &'static str {
        "conv-transpose2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = conv_kernel::backward_input(&self.0, cpu::values(x, xl)?, cpu::values(w, wl)?);
        cpu::output(y, self.0.input_dims().as_slice())
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
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
        let forward = || conv_kernel::forward(&self.0, gs, ws, None, Activation::Linear);
        let dx = x.track_op().then(|| tensor(forward(), x)).transpose()?;
        let dw = w
            .track_op()
            .then(|| tensor(conv_kernel::backward_kernel(&self.0, gs, xs), w))
            .transpose()?;
        Ok((dx, dw))
    }
}
