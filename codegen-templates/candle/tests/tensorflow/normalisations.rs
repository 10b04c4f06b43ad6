use crate::{Case, check, close};
use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use savedmodel_import_candle_support::activation::Activation;
use savedmodel_import_candle_support::batch_norm::{BatchNorm, BatchNormConfig, batch_norm};
use savedmodel_import_candle_support::batch_norm_op::{batch_norm_op, normalise_by};
use savedmodel_import_candle_support::group_norm::group_norm_op;
use savedmodel_import_candle_support::layer_norm::{layer_norm_op, rms_norm_op};
use savedmodel_import_candle_support::softmax::{log_softmax, logsumexp, softmax};
use std::collections::HashMap;

/// A layer whose tensors are those of a case, shared with it.
fn layer(case: &Case, config: BatchNormConfig, statistics: [&str; 2]) -> Result<BatchNorm> {
    let names = [
        ("weight", "weight"),
        ("bias", "bias"),
        ("running_mean", statistics[0]),
        ("running_var", statistics[1]),
    ];
    let tensors: HashMap<_, _> = names
        .iter()
        .map(|(key, name)| ((*key).to_owned(), case.get(name).clone()))
        .collect();
    let dtype = case.get("x").dtype();
    batch_norm(
        case.get("weight").elem_count(),
        config,
        VarBuilder::from_tensors(tensors, dtype, &Device::Cpu),
    )
}

#[test]
fn batch_norm_in_inference_is_tensorflows() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let case = Case::load("batch_norm", dtype)?;
        let y = layer(&case, BatchNormConfig::default(), ["mean", "var"])?
            .with_activation(Activation::Relu)
            .forward(case.get("x"))?;
        close("batch_norm/y", &y, case.get("y"), 2e-5)?;
        let grads = (&y * case.get("dy"))?.sum_all()?.backward()?;
        for input in ["x", "weight", "bias"] {
            let gradient = grads.get(case.get(input)).expect("a gradient");
            close(
                &format!("batch_norm/d_{input}"),
                gradient,
                case.get(&format!("d_{input}")),
                2e-5,
            )?;
        }
    }
    Ok(())
}

#[test]
fn a_norm_by_given_statistics_is_tensorflows() -> Result<()> {
    check("batch_norm", |case| {
        let get = |key| case.get(key);
        let y = normalise_by(
            get("x"),
            get("mean"),
            get("var"),
            Some(get("weight")),
            Some(get("bias")),
            1e-3,
        )?;
        Activation::Relu.forward(&y)
    })
}

#[test]
fn batch_norm_in_training_is_tensorflows() -> Result<()> {
    for (name, activation) in [
        ("batch_norm_train", Activation::Linear),
        ("batch_norm_train_relu", Activation::Relu),
    ] {
        check(name, |case| {
            let features = case.get("weight").elem_count();
            let statistics = Case::load("batch_norm_train", case.get("x").dtype())?;
            let tensors = HashMap::from([
                ("weight".to_owned(), case.get("weight").clone()),
                ("bias".to_owned(), case.get("bias").clone()),
                ("running_mean".to_owned(), statistics.get("mean").clone()),
                ("running_var".to_owned(), statistics.get("var").clone()),
            ]);
            let vb = VarBuilder::from_tensors(tensors, case.get("x").dtype(), &Device::Cpu);
            batch_norm(features, BatchNormConfig::default(), vb)?
                .with_activation(activation)
                .forward_t(case.get("x"), true)
        })?;
    }
    Ok(())
}

#[test]
fn moving_statistics_follow_keras_and_the_fused_operation() -> Result<()> {
    for dtype in [DType::F32, DType::F64] {
        let case = Case::load("batch_norm_train", dtype)?;
        let config = BatchNormConfig {
            momentum: 0.1,
            bessel: true,
            ..Default::default()
        };
        let fused = layer(&case, config, ["mean", "var"])?;
        fused.forward_t(case.get("x"), true)?;
        close(
            "fused mean",
            fused.running_mean(),
            case.get("fused_mean"),
            1e-5,
        )?;
        close(
            "fused variance",
            fused.running_var(),
            case.get("fused_var"),
            1e-5,
        )?;
        let features = case.get("weight").elem_count();
        let vb = VarBuilder::from_varmap(&candle_nn::VarMap::new(), dtype, &Device::Cpu);
        let keras = batch_norm(
            features,
            BatchNormConfig {
                bessel: false,
                ..config
            },
            vb,
        )?;
        keras.forward_t(case.get("x"), true)?;
        close(
            "keras mean",
            keras.running_mean(),
            case.get("moving_mean"),
            1e-5,
        )?;
        close(
            "keras variance",
            keras.running_var(),
            case.get("moving_var"),
            1e-5,
        )?;
    }
    Ok(())
}

#[test]
fn a_batch_norm_op_needs_one_factor_for_each_channel() -> Result<()> {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?;
    let scale = Tensor::zeros(4, DType::F32, &Device::Cpu)?;
    assert!(batch_norm_op(&x, &scale, &scale, Activation::Linear).is_err());
    Ok(())
}

#[test]
fn layer_norms_and_their_gradients_are_tensorflows() -> Result<()> {
    check("layer_norm", |case| {
        let (weight, bias) = (case.get("weight"), case.get("bias"));
        layer_norm_op(case.get("x"), Some(weight), Some(bias), 1e-3)
    })?;
    check("layer_norm_plain", |case| {
        layer_norm_op(case.get("x"), None, None, 1e-3)
    })?;
    check("layer_norm_bias", |case| {
        layer_norm_op(case.get("x"), None, Some(case.get("bias")), 1e-3)
    })?;
    check("rms_norm", |case| {
        rms_norm_op(case.get("x"), Some(case.get("weight")), 1e-6)
    })?;
    check("group_norm", |case| {
        let (weight, bias) = (case.get("weight"), case.get("bias"));
        group_norm_op(case.get("x"), 3, Some(weight), Some(bias), 1e-3)
    })
}

#[test]
fn softmax_and_its_gradient_are_tensorflows() -> Result<()> {
    check("softmax", |case| softmax(case.get("x"), D::Minus1))?;
    check("softmax_axis1", |case| softmax(case.get("x"), 1))?;
    check("log_softmax", |case| log_softmax(case.get("x"), D::Minus1))?;
    check("log_softmax_axis1", |case| log_softmax(case.get("x"), 1))?;
    check("logsumexp", |case| logsumexp(case.get("x"), D::Minus1))
}
