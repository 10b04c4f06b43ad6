use crate::{check, check_single};
use candle_core::Result;
use savedmodel_import_candle_support::activation::{self, Activation};
use savedmodel_import_candle_support::kernels::foreign;

#[test]
fn activations_and_their_slopes_are_tensorflows() -> Result<()> {
    check("activation_relu", |case| activation::relu(case.get("x")))?;
    check("activation_relu6", |case| activation::relu6(case.get("x")))?;
    check("activation_selu", |case| activation::selu(case.get("x")))?;
    check("activation_elu", |case| activation::elu(case.get("x"), 0.7))?;
    check("activation_leaky_relu", |case| {
        activation::leaky_relu(case.get("x"), 0.3)
    })?;
    check("activation_gelu", |case| activation::gelu(case.get("x")))?;
    check("activation_gelu_tanh", |case| {
        activation::gelu_tanh(case.get("x"))
    })?;
    check("activation_silu", |case| activation::silu(case.get("x")))?;
    check("activation_sigmoid", |case| {
        activation::sigmoid(case.get("x"))
    })?;
    check("activation_tanh", |case| activation::tanh(case.get("x")))?;
    check("activation_softplus", |case| {
        activation::softplus(case.get("x"))
    })?;
    check("activation_softsign", |case| {
        activation::softsign(case.get("x"))
    })?;
    check("activation_hard_sigmoid", |case| {
        activation::hard_sigmoid(case.get("x"))
    })?;
    check("activation_hard_silu", |case| {
        activation::hard_silu(case.get("x"))
    })?;
    check("activation_mish", |case| activation::mish(case.get("x")))?;
    check_single("activation_exp", |case| {
        Activation::Exp.forward(case.get("x"))
    })
}

#[test]
fn the_slopes_of_sigmoid_and_silu_are_finite_where_their_exponential_is_not() -> Result<()> {
    check("activation_sigmoid_low", |case| {
        activation::sigmoid(case.get("x"))
    })?;
    check("activation_silu_low", |case| {
        activation::silu(case.get("x"))
    })
}

#[test]
fn a_nan_stays_a_nan() -> Result<()> {
    let x = candle_core::Tensor::new(&[f32::NAN, 1.0], &candle_core::Device::Cpu)?;
    for activation in [
        Activation::LeakyRelu(0.1),
        Activation::Softplus,
        Activation::HardSigmoid,
        Activation::Relu,
        Activation::Relu6,
        Activation::Gelu,
        Activation::Sigmoid,
        Activation::Exp,
    ] {
        let value = || activation.forward(&x)?.to_vec1::<f32>();
        assert!(value()?[0].is_nan(), "{activation:?}");
        assert!(foreign(value)?[0].is_nan(), "{activation:?}");
    }
    Ok(())
}
