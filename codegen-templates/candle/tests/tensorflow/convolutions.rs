use crate::check;
use candle_core::Result;
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::conv::{ConvConfig, conv2d_op};
use savedmodel_import_candle_support::depthwise_conv::depthwise_conv2d_op;

fn conv(name: &'static str, config: ConvConfig<2>, activation: Activation) -> Result<()> {
    check(name, |case| {
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
    check(name, |case| {
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
    depthwise("depthwise_multiplier", same, Activation::Linear)
}
