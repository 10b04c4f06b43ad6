//! Inputs in half precision and weights in single precision, as Keras' mixed precision has them.

use crate::Case;
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::batch_norm::{BatchNormConfig, batch_norm};
use savedmodel_import_candle_support::conv::{ConvConfig, conv2d_op};
use savedmodel_import_candle_support::conv_transpose::conv_transpose2d_op;
use savedmodel_import_candle_support::depthwise_conv::depthwise_conv2d_op;
use savedmodel_import_candle_support::group_norm::group_norm_op;
use savedmodel_import_candle_support::kernels::foreign;
use savedmodel_import_candle_support::layer_norm::layer_norm_op;
use savedmodel_import_candle_support::linear::linear_op;
use std::collections::HashMap;

/// Runs a case on both paths, with `x` in half precision: the output is of its dtype.
fn mixed(name: &'static str, layer: impl Fn(&Case, &Tensor) -> Result<Tensor>) -> Result<()> {
    for (dtype, tolerance) in [(DType::F16, 1.25e-2), (DType::BF16, 1e-1)] {
        let run = || {
            let case = Case::load(name, DType::F32)?;
            let y = layer(&case, &case.get("x").to_dtype(dtype)?)?;
            assert_eq!(y.dtype(), dtype, "{name}");
            case.compare(&y, tolerance)
        };
        run()?;
        foreign(run)?;
    }
    Ok(())
}

#[test]
fn products_of_half_precision_take_weights_of_single_precision() -> Result<()> {
    let (same, linear) = (ConvConfig::same(), Activation::Linear);
    let conv = |config| {
        move |case: &Case, x: &Tensor| {
            conv2d_op(x, case.get("w"), Some(case.get("b")), &config, linear)
        }
    };
    mixed("conv_pointwise", conv(same))?;
    mixed("conv_same_even_stride", conv(same.stride([2, 2])))?;
    mixed("conv_grouped", conv(same.groups(2)))?;
    mixed("depthwise_same", |case, x| {
        let (weight, bias) = (case.get("w"), case.get("b"));
        depthwise_conv2d_op(x, weight, Some(bias), &same, Activation::Relu)
    })?;
    mixed("transpose_same", |case, x| {
        let config = same.stride([2, 2]);
        conv_transpose2d_op(x, case.get("w"), None, &config, None, linear)
    })?;
    mixed("linear", |case, x| {
        linear_op(x, case.get("w"), Some(case.get("b")), linear)
    })
}

#[test]
fn norms_of_half_precision_take_weights_of_single_precision() -> Result<()> {
    mixed("layer_norm", |case, x| {
        layer_norm_op(x, Some(case.get("weight")), Some(case.get("bias")), 1e-3)
    })?;
    mixed("group_norm", |case, x| {
        group_norm_op(x, 3, Some(case.get("weight")), Some(case.get("bias")), 1e-3)
    })?;
    mixed("batch_norm_train", |case, x| {
        let names = [
            ("weight", "weight"),
            ("bias", "bias"),
            ("running_mean", "mean"),
            ("running_var", "var"),
        ];
        let tensor = |(key, name): (&str, &str)| (key.to_owned(), case.get(name).clone());
        let tensors: HashMap<_, _> = names.into_iter().map(tensor).collect();
        let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let features = case.get("weight").elem_count();
        batch_norm(features, BatchNormConfig::default(), vb)?.forward_t(x, true)
    })
}
