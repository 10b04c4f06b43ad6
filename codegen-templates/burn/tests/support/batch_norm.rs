//! Batch normalisation and dropout in both modes.

use crate::goldens::{Case, Leaf, channels_first, channels_last, device};
use burn::module::{Module, Param, ParamId, RunningState};
use burn::tensor::{DType, Tensor};
use savedmodel_import_burn_support::batch_norm::{BatchNorm, BatchNormConfig};
use savedmodel_import_burn_support::dropout::Dropout;

fn layer(case: &Case) -> BatchNorm {
    let affine = case.has("before_gamma");
    let config = BatchNormConfig::new(3).with_momentum(0.1);
    let mut norm = config
        .with_scale(affine)
        .with_center(affine)
        .init(&device());
    let param = |name| Param::initialized(ParamId::new(), case.float::<1>(name));
    let state = |name| RunningState::new(case.float::<1>(name).detach());
    norm.gamma = affine.then(|| param("before_gamma"));
    norm.beta = affine.then(|| param("before_beta"));
    norm.running_mean = state("before_moving_mean");
    norm.running_var = state("before_moving_variance");
    norm
}

fn check(case: &'static str, train: bool) {
    let case = Case(case);
    let norm = layer(&case);
    let x = case.float::<4>("x");
    let y = channels_last(norm.forward_t(channels_first(x.clone()), train));
    let affine = norm.gamma.as_ref().zip(norm.beta.as_ref());
    let affine = affine.map(|(gamma, beta)| (gamma.val(), beta.val()));
    let input = ("x", &x);
    match &affine {
        Some((gamma, beta)) => {
            let leaves: [&dyn Leaf; 3] = [&input, &("gamma", gamma), &("beta", beta)];
            case.check_all(y, &leaves, 1e-5);
        }
        None => case.check_all(y, &[&input], 1e-5),
    }
    case.check("after_moving_mean", norm.running_mean.value(), 1e-6);
    case.check("after_moving_variance", norm.running_var.value(), 1e-6);
}

#[test]
fn inference_uses_the_moving_statistics_and_is_differentiable() {
    check("batch_norm_inference", false);
    check("batch_norm_bare_inference", false);
}

#[test]
fn training_uses_the_batch_and_moves_the_statistics() {
    check("batch_norm_train", true);
    check("batch_norm_bare_train", true);
}

#[test]
fn fused_training_corrects_the_moving_variance() {
    let case = Case("batch_norm_fused");
    let config = BatchNormConfig::new(3)
        .with_momentum(0.25)
        .with_unbiased(true);
    let mut norm = config.init(&device());
    norm.gamma = Some(Param::initialized(ParamId::new(), case.float("gamma")));
    norm.beta = Some(Param::initialized(ParamId::new(), case.float("beta")));
    norm.running_mean = RunningState::new(case.float::<1>("mean").detach());
    norm.running_var = RunningState::new(case.float::<1>("variance").detach());
    let y = norm.forward_t(channels_first(case.float::<4>("x")), true);
    case.check("out", channels_last(y), 1e-5);
    case.check("new_mean", norm.running_mean.value(), 1e-6);
    case.check("new_variance", norm.running_var.value(), 1e-6);
}

#[test]
fn rank_two_inputs_are_normalised_by_column() {
    let norm = BatchNormConfig::new(2).with_epsilon(0.0).init(&device());
    let x = Tensor::<2>::from_data([[1.0, 10.0], [3.0, 30.0]], &device());
    let y = norm
        .forward_t(x, true)
        .try_into_vec_as::<f32>()
        .expect("floats");
    assert_eq!(y, [-1.0, -1.0, 1.0, 1.0]);
}

#[test]
fn the_module_has_the_parameters_of_its_options() {
    let norm = BatchNormConfig::new(4).with_scale(false).init(&device());
    assert!(norm.gamma.is_none() && norm.beta.is_some());
    assert_eq!(norm.num_params(), 12);
}

#[test]
fn dropout_is_the_identity_in_inference_and_scales_in_training() {
    let dropout = Dropout::new(0.5);
    let x = Tensor::<2>::ones([64, 64], &device());
    let same = dropout.forward_t(x.clone(), false);
    assert_eq!(same.to_data(), x.to_data());
    let y = dropout
        .forward_t(x, true)
        .try_into_vec_as::<f32>()
        .expect("floats");
    assert!(y.iter().all(|&v| v == 0.0 || v == 2.0));
    let kept = y.iter().filter(|&&v| v != 0.0).count();
    assert!((1800..2300).contains(&kept), "{kept} of 4096 are kept");
}

#[test]
fn spatial_dropout_drops_whole_channels() {
    let dropout = Dropout::new(0.5).with_shared_dims(&[2]);
    let x = Tensor::<3>::ones([8, 8, 5], &device());
    let y = dropout
        .forward_t(x, true)
        .try_into_vec_as::<f32>()
        .expect("floats");
    assert!(
        y.chunks(5)
            .all(|channel| channel.iter().all(|v| *v == channel[0]))
    );
}

#[test]
fn half_precision_inputs_keep_their_dtype() {
    let norm = BatchNormConfig::new(2).with_epsilon(0.0).init(&device());
    let x = Tensor::<2>::from_data([[1.0, 10.0], [3.0, 30.0]], (&device(), DType::F16));
    for train in [false, true] {
        let y = norm.forward_t(x.clone(), train);
        assert_eq!(y.dtype(), DType::F16);
    }
    let dropped = Dropout::new(0.5).forward_t(x, true);
    assert_eq!(dropped.dtype(), DType::F16);
}

#[test]
fn a_frozen_batch_norm_keeps_its_statistics() {
    let case = Case("batch_norm_inference");
    let norm = layer(&case).freeze();
    let x = channels_first(case.float::<4>("x"));
    let y = norm.forward_t(x.clone(), true).into_data();
    y.assert_eq(&norm.forward(x).into_data(), true);
    case.check("after_moving_mean", norm.running_mean.value(), 1e-6);
}
