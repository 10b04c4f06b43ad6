//! Convolutions whose padding burn's own layers cannot express: three-dimensional SAME, dilated SAME with a
//! stride, and asymmetric explicit padding in three dimensions.

use super::padding::Padding;
use burn::module::{Initializer, Module, Param};
use burn::tensor::module::{conv1d, conv2d, conv3d};
use burn::tensor::ops::{ConvOptions, PadMode};
use burn::tensor::{Device, Tensor};

/// The geometry of a [`Conv`].
#[derive(Clone, Debug)]
pub struct ConvConfig<const D: usize, const N: usize> {
    channels: [usize; 2],
    kernel_size: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
    groups: usize,
    padding: Padding<N>,
    bias: bool,
}

/// A convolution of rank `D`: `N` spatial dimensions, the batch and the channels.
#[derive(Module, Debug)]
pub struct Conv<const D: usize, const N: usize> {
    /// The kernel `[out, in / groups, ...]`.
    pub weight: Param<Tensor<D>>,
    /// The bias `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    /// Stride, padding and the rest.
    #[module(skip)]
    pub config: ConvConfig<D, N>,
}

/// A convolution of `[batch, channels, length]`.
pub type Conv1d = Conv<3, 1>;
/// A convolution of `[batch, channels, height, width]`.
pub type Conv2d = Conv<4, 2>;
/// A convolution of `[batch, channels, depth, height, width]`.
pub type Conv3d = Conv<5, 3>;
/// The geometry of a [`Conv1d`].
pub type Conv1dConfig = ConvConfig<3, 1>;
/// The geometry of a [`Conv2d`].
pub type Conv2dConfig = ConvConfig<4, 2>;
/// The geometry of a [`Conv3d`].
pub type Conv3dConfig = ConvConfig<5, 3>;

impl<const D: usize, const N: usize> ConvConfig<D, N> {
    /// A dense convolution of `[in, out]` channels with stride 1, VALID padding and a bias.
    pub fn new(channels: [usize; 2], kernel_size: [usize; N]) -> Self {
        Self {
            channels,
            kernel_size,
            stride: [1; N],
            dilation: [1; N],
            groups: 1,
            padding: Padding::Valid,
            bias: true,
        }
    }

    /// The step of the window in each dimension.
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

    /// The padding of the input.
    pub fn with_padding(mut self, padding: Padding<N>) -> Self {
        self.padding = padding;
        self
    }

    /// Whether there is a bias.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// A layer with Glorot's uniform weights and a bias of zero.
    pub fn init(&self, device: &Device) -> Conv<D, N> {
        let [channels_in, channels_out] = self.channels;
        let mut shape = [channels_out; D];
        shape[1] = channels_in / self.groups;
        shape[2..].copy_from_slice(&self.kernel_size);
        let area: usize = self.kernel_size.iter().product();
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let fans = (Some(shape[1] * area), Some(channels_out * area));
        Conv {
            weight: glorot.init_with(shape, fans.0, fans.1, device),
            bias: self
                .bias
                .then(|| Initializer::Zeros.init([channels_out], device)),
            config: self.clone(),
        }
    }

    fn options(&self, x: &Tensor<D>) -> ConvOptions<N> {
        let size = x.dims();
        let pairs = self.padding.pairs(
            core::array::from_fn(|i| size[i + 2]),
            self.kernel_size,
            self.stride,
            self.dilation,
        );
        ConvOptions::new_with_padding(self.stride, pairs, self.dilation, self.groups)
    }
}

impl ConvConfig<3, 1> {
    /// Convolves `[batch, channels, length]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<3>, weight: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
        let options = self.options(&x);
        conv1d(x, weight, bias, options)
    }
}

impl Conv<3, 1> {
    /// Convolves `[batch, channels, length]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}

impl ConvConfig<4, 2> {
    /// Convolves `[batch, channels, height, width]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let options = self.options(&x);
        conv2d(x, weight, bias, options)
    }
}

impl Conv<4, 2> {
    /// Convolves `[batch, channels, height, width]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}

impl ConvConfig<5, 3> {
    /// Convolves `[batch, channels, depth, height, width]` with a given kernel and bias.
    pub fn apply(&self, x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>) -> Tensor<5> {
        let mut options = self.options(&x);
        if !options.is_asymmetric() {
            return conv3d(x, weight, bias, options);
        }
        // burn's own three-dimensional convolution takes no asymmetric padding.
        let x = x.pad(options.padding, PadMode::Constant(0.0));
        options.padding = [(0, 0); 3];
        conv3d(x, weight, bias, options)
    }
}

impl Conv<5, 3> {
    /// Convolves `[batch, channels, depth, height, width]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config.apply(x, self.weight.val(), bias)
    }
}
