use crate::{Case, check, check_layer, close};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{VarBuilder, VarMap};
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::batch_norm::{BatchNormConfig, batch_norm};
use savedmodel_import_candle_support::conv::{ConvConfig, conv2d_no_bias, conv2d_op};
use savedmodel_import_candle_support::conv_transpose::{conv_transpose1d_op, conv_transpose2d_op};
use savedmodel_import_candle_support::conv1d::conv1d_op;
use savedmodel_import_candle_support::conv3d::conv3d_op;
use savedmodel_import_candle_support::depthwise_conv::depthwise_conv2d_op;

fn conv(name: &'static str, config: ConvConfig<2>, activation: Activation) -> Result<()> {
    check_layer(name, activation, |case| {
        conv2d_op(
            case.get("x"),
            case.get("w"),
            Some(case.get("b")),
            &config,
            activation,
        )
    })
}

fn depthwise(name: &'static str, config: ConvConfig<2>, activation: Activation) -> Result<()> {
    check_layer(name, activation, |case| {
        depthwise_conv2d_op(
            case.get("x"),
            case.get("w"),
            Some(case.get("b")),
            &config,
            activation,
        )
    })
}

#[test]
fn convolutions_and_their_gradients_are_tensorflows() -> Result<()> {
    let same = ConvConfig::same();
    conv("conv_same", same, Activation::Linear)?;
    conv(
        "conv_same_even_stride",
        same.stride([2, 2]),
        Activation::Linear,
    )?;
    conv(
        "conv_valid_wide",
        ConvConfig::valid().stride([2, 3]),
        Activation::Linear,
    )?;
    conv("conv_dilated", same.dilation([2, 1]), Activation::Linear)?;
    conv(
        "conv_explicit",
        ConvConfig::explicit([[1, 2], [0, 3]]).stride([2, 2]),
        Activation::Linear,
    )?;
    conv("conv_grouped", same.groups(2), Activation::Linear)?;
    conv("conv_pointwise", same, Activation::Linear)?;
    conv(
        "conv_pointwise_stride",
        same.stride([2, 2]),
        Activation::Linear,
    )
}

#[test]
fn a_fused_activation_is_that_of_tensorflow_and_so_is_its_gradient() -> Result<()> {
    conv("conv_relu6", ConvConfig::same(), Activation::Relu6)?;
    conv("conv_gelu", ConvConfig::same(), Activation::Gelu)?;
    conv("conv_silu", ConvConfig::same(), Activation::Silu)
}

#[test]
fn depthwise_convolutions_and_their_gradients_are_tensorflows() -> Result<()> {
    let same = ConvConfig::same();
    depthwise("depthwise_same", same, Activation::Relu)?;
    depthwise("depthwise_stride", same.stride([2, 2]), Activation::Relu6)?;
    depthwise("depthwise_valid", ConvConfig::valid(), Activation::Silu)?;
    depthwise(
        "depthwise_dilated",
        same.dilation([2, 2]),
        Activation::Linear,
    )?;
    depthwise("depthwise_multiplier", same, Activation::Linear)?;
    let config = ConvConfig::same().stride([2]).groups(5);
    check("depthwise1d", |case| {
        let weight = case.get("w").reshape((3, 1, 10))?;
        conv1d_op(
            case.get("x"),
            &weight,
            Some(case.get("b")),
            &config,
            Activation::Linear,
        )
    })
}

fn transpose(name: &'static str, config: ConvConfig<2>, size: Option<[usize; 2]>) -> Result<()> {
    check(name, |case| {
        let (x, w) = (case.get("x"), case.get("w"));
        conv_transpose2d_op(x, w, None, &config, size, Activation::Linear)
    })
}

#[test]
fn transposed_convolutions_and_their_gradients_are_tensorflows() -> Result<()> {
    let strided = ConvConfig::same().stride([2, 2]);
    transpose("transpose_same", strided, None)?;
    transpose("transpose_same_odd", strided, Some([7, 5]))?;
    transpose("transpose_valid", ConvConfig::valid().stride([2, 2]), None)
}

#[test]
fn a_transposed_convolution_has_strides_of_its_own_for_height_and_width() -> Result<()> {
    let wide = ConvConfig::valid().stride([1, 3]);
    transpose("transpose_wide", wide, None)
}

#[test]
fn convolutions_over_one_and_three_axes_are_tensorflows() -> Result<()> {
    let conv1d = |name, config: ConvConfig<1>| {
        check(name, |case| {
            conv1d_op(
                case.get("x"),
                case.get("w"),
                None,
                &config,
                Activation::Linear,
            )
        })
    };
    conv1d("conv1d_same", ConvConfig::same().stride([2]))?;
    conv1d("conv1d_dilated", ConvConfig::valid().dilation([3]))?;
    let same = ConvConfig::same().stride([3]);
    check("transpose1d_same", |case| {
        let (x, w) = (case.get("x"), case.get("w"));
        conv_transpose1d_op(x, w, None, &same, None, Activation::Linear)
    })?;
    let conv3d = |name, config: ConvConfig<3>| {
        check(name, |case| {
            conv3d_op(
                case.get("x"),
                case.get("w"),
                None,
                &config,
                Activation::Linear,
            )
        })
    };
    conv3d("conv3d_same", ConvConfig::same().stride([2, 1, 2]))?;
    conv3d("conv3d_valid", ConvConfig::valid())
}

#[test]
fn half_precision_is_computed_in_single_precision() -> Result<()> {
    let case = Case::load("conv_same", DType::BF16)?;
    let (x, w, b) = (case.get("x"), case.get("w"), case.get("b"));
    let y = conv2d_op(x, w, Some(b), &ConvConfig::same(), Activation::Linear)?;
    assert_eq!(y.dtype(), DType::BF16);
    case.compare(&y, 0.1)
}

#[test]
fn a_convolution_with_its_batch_norm_folded_in_gives_the_same() -> Result<()> {
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
    let conv = conv2d_no_bias(3, 4, [3, 3], ConvConfig::same(), vb.pp("conv"))?;
    let config = BatchNormConfig {
        momentum: 0.5,
        ..Default::default()
    };
    let norm = batch_norm(4, config, vb.pp("norm"))?.with_activation(Activation::Relu6);
    let x = Tensor::randn(1f32, 2.0, (2, 5, 5, 3), &Device::Cpu)?;
    norm.forward_t(&conv.forward(&x)?, true)?;
    let expected = norm.forward(&conv.forward(&x)?)?;
    let (conv, norm) = conv.fold(&norm)?;
    close(
        "folded",
        &norm.forward(&conv.forward(&x)?)?,
        &expected,
        1e-5,
    )
}
