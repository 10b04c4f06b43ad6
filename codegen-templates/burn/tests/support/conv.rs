//! Convolutions, ours and burn's own where they are the same.

use crate::goldens::{Case, channels_first, channels_last, device};
use burn::module::{Param, ParamId};
use burn::nn;
use burn::tensor::Tensor;
use savedmodel_import_burn_support::conv::{Conv1dConfig, Conv2dConfig, Conv3dConfig};
use savedmodel_import_burn_support::conv_transpose::{
    ConvTranspose1dConfig, ConvTranspose2dConfig, ConvTranspose3dConfig,
};
use savedmodel_import_burn_support::padding::Padding;

/// `[..., in, out]` as `[out, in, ...]`, and `[..., out, in]` as `[in, out, ...]`.
fn kernel<const D: usize>(w: Tensor<D>) -> Param<Tensor<D>> {
    let w = w.movedim(D as i32 - 1, 0).movedim(D as i32 - 1, 1);
    Param::initialized(ParamId::new(), w)
}

fn conv2d(case: Case, size: usize, stride: usize, dilation: usize, padding: Padding<2>) {
    let (x, w) = (case.float::<4>("x"), case.float::<4>("w"));
    let config = Conv2dConfig::new([3, 4], [size; 2]).with_bias(false);
    let config = config.with_stride([stride; 2]).with_dilation([dilation; 2]);
    let mut conv = config.with_padding(padding).init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);
}

#[test]
fn two_dimensional_convolutions_pad_as_tensorflow_does() {
    conv2d(Case("conv2d_same_stride2"), 3, 2, 1, Padding::Same);
    conv2d(Case("conv2d_same_even"), 4, 1, 1, Padding::Same);
    conv2d(Case("conv2d_dilated"), 3, 1, 2, Padding::Same);
    conv2d(Case("conv2d_dilated_stride"), 3, 2, 2, Padding::Same);
    conv2d(
        Case("conv2d_explicit"),
        3,
        2,
        1,
        Padding::Explicit([(0, 1), (2, 1)]),
    );
}

fn burn_conv2d(case: Case, size: usize, stride: usize, padding: nn::PaddingConfig2d) {
    let (x, w) = (case.float::<4>("x"), case.float::<4>("w"));
    let config = nn::conv::Conv2dConfig::new([3, 4], [size; 2]).with_bias(false);
    let config = config.with_stride([stride; 2]).with_padding(padding);
    let mut conv = config.init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);
}

#[test]
fn burns_own_convolution_is_tensorflows_without_dilation() {
    burn_conv2d(Case("conv2d_same_stride2"), 3, 2, nn::PaddingConfig2d::Same);
    burn_conv2d(Case("conv2d_same_even"), 4, 1, nn::PaddingConfig2d::Same);
    let explicit = nn::PaddingConfig2d::Explicit(0, 2, 1, 1);
    burn_conv2d(Case("conv2d_explicit"), 3, 2, explicit);
}

#[test]
fn a_depthwise_convolution_is_a_grouped_one() {
    let case = Case("depthwise");
    let (x, w) = (case.float::<4>("x"), case.float::<4>("w"));
    let config = nn::conv::Conv2dConfig::new([3, 6], [3, 3]).with_groups(3);
    let config = config
        .with_stride([2, 2])
        .with_padding(nn::PaddingConfig2d::Same);
    let mut conv = config.with_bias(false).init(&device());
    let weight = w.clone().permute([2, 3, 0, 1]).reshape([6, 1, 3, 3]);
    conv.weight = Param::initialized(ParamId::new(), weight);
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);
}

#[test]
fn one_and_three_dimensional_convolutions_pad_as_tensorflow_does() {
    let case = Case("conv1d_dilated_stride");
    let (x, w) = (case.float::<3>("x"), case.float::<3>("w"));
    let config = Conv1dConfig::new([3, 5], [4])
        .with_dilation([3])
        .with_bias(false);
    let mut conv = config.with_padding(Padding::Same).init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);

    let case = Case("conv3d_same");
    let (x, w) = (case.float::<5>("x"), case.float::<5>("w"));
    let config = Conv3dConfig::new([2, 3], [3, 2, 2]).with_stride([2, 1, 2]);
    let mut conv = config
        .with_padding(Padding::Same)
        .with_bias(false)
        .init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);
}

fn transposed(
    name: &'static str,
    size: usize,
    stride: usize,
    padding: Padding<2>,
    to: Option<[usize; 2]>,
) {
    let case = Case(name);
    let (x, w) = (case.float::<4>("x"), case.float::<4>("w"));
    let config = ConvTranspose2dConfig::new([2, 3], [size; 2]).with_bias(false);
    let config = config.with_stride([stride; 2]).with_padding(padding);
    let config = match to {
        Some(output) => config.with_output_size(output),
        None => config,
    };
    let mut conv = config.init(&device());
    conv.weight = kernel(w.clone());
    let y = conv.forward(channels_first(x.clone()));
    case.check_all(channels_last(y), &[&("x", &x), &("w", &w)], 1e-5);
}

#[test]
fn transposed_convolutions_crop_as_tensorflow_does() {
    transposed("transposed_same_k3s2", 3, 2, Padding::Same, None);
    transposed(
        "transposed_same_k3s2_odd",
        3,
        2,
        Padding::Same,
        Some([7, 9]),
    );
    transposed("transposed_same_k4s2", 4, 2, Padding::Same, None);
    transposed("transposed_same_k2s3", 2, 3, Padding::Same, None);
    transposed("transposed_same_k5s1", 5, 1, Padding::Same, None);
    transposed("transposed_valid_k3s2", 3, 2, Padding::Valid, None);
    transposed(
        "transposed_valid_k3s2_longer",
        3,
        2,
        Padding::Valid,
        Some([10, 12]),
    );
    transposed("transposed_valid_k2s3", 2, 3, Padding::Valid, None);
}

#[test]
fn transposed_convolutions_work_in_one_and_three_dimensions() {
    let case = Case("transposed_1d");
    let (x, w) = (case.float::<3>("x"), case.float::<3>("w"));
    let config = ConvTranspose1dConfig::new([2, 3], [3]).with_stride([2]);
    let mut conv = config
        .with_padding(Padding::Same)
        .with_bias(false)
        .init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);

    let case = Case("transposed_3d");
    let (x, w) = (case.float::<5>("x"), case.float::<5>("w"));
    let config = ConvTranspose3dConfig::new([2, 3], [3; 3]).with_stride([2; 3]);
    let mut conv = config
        .with_padding(Padding::Same)
        .with_bias(false)
        .init(&device());
    conv.weight = kernel(w.clone());
    let y = channels_last(conv.forward(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x), &("w", &w)], 1e-5);
}
