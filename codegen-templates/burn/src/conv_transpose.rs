//! Transposed convolutions with the SAME and VALID padding of TensorFlow, whose crop may be asymmetric.

use super::padding::Padding;
use burn::module::{Initializer, Module, Param};
use burn::tensor::module::{conv_transpose1d, conv_transpose2d, conv_transpose3d};
use burn::tensor::ops::ConvTransposeOptions;
use burn::tensor::{Device, Tensor};

/// The geometry of a [`ConvTranspose`].
#[derive(Clone, Debug)]
pub struct ConvTransposeConfig<const D: usize, const N: usize> {
    channels: [usize; 2],
    kernel_size: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
    groups: usize,
    padding: Padding<N>,
    output: Option<[usize; N]>,
    bias: bool,
}

/// A transposed convolution of rank `D`: `N` spatial dimensions, the batch and the channels.
#[derive(Module, Debug)]
pub struct ConvTranspose<const D: usize, const N: usize> {
    /// The kernel `[in, out / groups, ...]`.
    pub weight: Param<Tensor<D>>,
    /// The bias `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Stride, padding and the rest.
    #[module(skip)]
    pub config: ConvTransposeConfig<D, N>,
}

/// A transposed convolution of `[batch, channels, length]`.
pub type ConvTranspose1d = ConvTranspose<3, 1>;
/// A transposed convolution of `[batch, channels, height, width]`.
pub type ConvTranspose2d = ConvTranspose<4, 2>;
/// A transposed convolution of `[batch, channels, depth, height, width]`.
pub type ConvTranspose3d = ConvTranspose<5, 3>;
/// The geometry of a [`ConvTranspose1d`].
pub type ConvTranspose1dConfig = ConvTransposeConfig<3, 1>;
/// The geometry of a [`ConvTranspose2d`].
pub type ConvTranspose2dConfig = ConvTransposeConfig<4, 2>;
/// The geometry of a [`ConvTranspose3d`].
pub type ConvTranspose3dConfig = ConvTransposeConfig<5, 3>;

impl<const D: usize, const N: usize> ConvTransposeConfig<D, N> {
    /// A dense convolution of `[in, out]` channels with stride 1, VALID padding and a bias.
    pub fn new(channels: [usize; 2], kernel_size: [usize; N]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1; N],
            dilation: [1; N],
            groups: 1,
            padding: Padding::Valid,
            output: None,
            bias: true,
        }
    }

    /// The step of the window on the output in each dimension.
    pub fn with_stride(mut self, stride: [usize; N]) -> Self {
        self.stride = stride;
        self
    }

    /// The distance of the kernel's elements in each dimension.
    pub fn with_dilation(mut self, dilation: [usize; N]) -> Self {
        self.dilation = dilation;
        self
    }

    /// The number of channel groups that do not mix.
    pub fn with_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// The padding of the convolution that this one transposes.
    pub fn with_padding(mut self, padding: Padding<N>) -> Self {
        self.padding = padding;
        self
    }

    /// The spatial size of the output, where it is not the usual one of the padding.
    pub fn with_output_size(mut self, output: [usize; N]) -> Self {
        self.output = Some(output);
        self
    }

    /// Whether there is a bias.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// A layer with Glorot's uniform weights and a bias of zero.
    pub fn init(&self, device: &Device) -> ConvTranspose<D, N> {
        let [channels_in, channels_out] = self.channels;
        let mut shape = [channels_in; D];
        shape[1] = channels_out / self.groups;
        shape[2..].copy_from_slice(&self.kernel_size);
        let area: usize = self.kernel_size.iter().product();
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let fans = (Some(channels_in * area), Some(shape[1] * area));
        ConvTranspose {
            weight: glorot.init_with(shape, fans.0, fans.1, device),
            bias: self
                .bias
                .then(|| Initializer::Zeros.init([channels_out], device)),
            config: self.clone(),
        }
    }

    /// The output's size for `x`, and the elements at `(begin, end)` by which the full output exceeds it.
    fn extent(&self, x: &Tensor<D>) -> ([usize; N], [(usize, isize); N]) {
        let dims = x.dims();
        let size = core::array::from_fn(|i| dims[i + 2]);
        let (kernel, stride, dilation) = (self.kernel_size, self.stride, self.dilation);
        let output = self
            .output
            .unwrap_or_else(|| self.padding.transposed_size(size, kernel, stride, dilation));
        let excess = self
            .padding
            .transposed_excess(size, kernel, stride, dilation, output);
        (output, excess)
    }

    /// The options that cut as much as is cut at both ends alike, and add what is missing.
    fn options(&self, excess: [(usize, isize); N]) -> ConvTransposeOptions<N> {
        ConvTransposeOptions::new(
            self.stride,
            excess.map(common),
            excess.map(|(_, end)| (-end).max(0) as usize),
            self.dilation,
            self.groups,
        )
    }
}

/// The excess that both ends have.
fn common((begin, end): (usize, isize)) -> usize {
    begin.min(end.max(0) as usize)
}

/// Cuts the rest of `excess` off `y`.
fn crop<const D: usize, const N: usize>(
    y: Tensor<D>,
    excess: [(usize, isize); N],
    output: [usize; N],
) -> Tensor<D> {
    let mut y = y;
    for i in 0..N {
        if y.dims()[i + 2] != output[i] {
            y = y.narrow(i + 2, excess[i].0 - common(excess[i]), output[i]);
        }
    }
    y
}

impl ConvTransposeConfig<3, 1> {
    /// Convolves `[batch, channels, length]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<3>, weight: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
        let (output, excess) = self.extent(&x);
        let y = conv_transpose1d(x, weight, bias, self.options(excess));
        crop(y, excess, output)
    }
}

impl ConvTranspose<3, 1> {
    /// Convolves `[batch, channels, length]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}

impl ConvTransposeConfig<4, 2> {
    /// Convolves `[batch, channels, height, width]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let (output, excess) = self.extent(&x);
        let y = conv_transpose2d(x, weight, bias, self.options(excess));
        crop(y, excess, output)
    }
}

impl ConvTranspose<4, 2> {
    /// Convolves `[batch, channels, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}

impl ConvTransposeConfig<5, 3> {
    /// Convolves `[batch, channels, depth, height, width]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
        let (output, excess) = self.extent(&x);
        let y = conv_transpose3d(x, weight, bias, self.options(excess));
        crop(y, excess, output)
    }
}

impl ConvTranspose<5, 3> {
    /// Convolves `[batch, channels, depth, height, width]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}
