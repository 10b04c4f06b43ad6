//! Layers in burn's words: types, constructors and calls.

use super::super::config::own;
use super::super::operand::{Arg, Body};
use super::super::recurrent;
use super::super::rust::Expr;
use super::conv::{conv_config, conv_name, is_dilated, padding};
use super::movement::squeezed;
use super::spatial::{channels_first, spatial_extents};
use super::transposed::{is_usual, sized};
use super::{known_rank, shape, sizes};
use crate::error::{Error, Result};
use crate::plan::{Call, Layer, Setting, Struct};

/// A layer's type as the file names it.
pub fn ty(body: &mut Body, layer: &Layer) -> Result<String> {
    Ok(match layer {
        Layer::Linear { .. } => body.using("burn::nn::Linear"),
        Layer::Conv { .. } => conv_name(body, layer, "")?,
        Layer::ConvTranspose { strides, .. } => {
            let rank = spatial_rank(strides.len())?;
            body.support(&format!("conv_transpose::ConvTranspose{rank}d"))
        }
        Layer::BatchNorm { .. } => body.support("batch_norm::BatchNorm"),
        Layer::LayerNorm { scale: true, .. } => body.using("burn::nn::LayerNorm"),
        Layer::LayerNorm { scale: false, .. } => {
            return Err(Error::unsupported(
                "a layer normalisation layer without a scale",
            ));
        }
        Layer::RmsNorm { .. } => body.using("burn::nn::RmsNorm"),
        Layer::Embedding { .. } => body.using("burn::nn::Embedding"),
        Layer::Recurrent { recurrence, .. } => body.support(recurrent::ty(recurrence)),
        Layer::Dropout { .. } => body.support("dropout::Dropout"),
    })
}

pub fn spatial_rank(rank: usize) -> Result<usize> {
    match rank {
        1..=3 => Ok(rank),
        _ => Err(Error::unsupported(format!(
            "a convolution with {rank} spatial axes"
        ))),
    }
}

/// The expression that makes a layer with initial weights on `device`.
pub fn constructor(body: &mut Body, layer: &Layer) -> Result<Expr> {
    let structure = body.structure;
    let config = match layer {
        Layer::Linear {
            inputs,
            outputs,
            bias,
        } => {
            let config = body.using("burn::nn::LinearConfig");
            let config = Expr::call(
                format!("{config}::new"),
                [size(inputs, structure), size(outputs, structure)],
            );
            with_bias(config, *bias)
        }
        Layer::Conv { .. } => conv_config(body, layer, structure)?,
        Layer::ConvTranspose {
            inputs,
            outputs,
            kernel,
            strides,
            dilations,
            padding: around,
            bias,
            ..
        } => {
            let config = body.support(&format!(
                "conv_transpose::ConvTranspose{}dConfig",
                strides.len()
            ));
            let channels = Expr::array([size(inputs, structure), size(outputs, structure)]);
            let mut config = Expr::call(format!("{config}::new"), [channels, sizes(kernel)]);
            config = config.call_method("with_stride", [sizes(strides)]);
            if is_dilated(dilations) {
                config = config.call_method("with_dilation", [sizes(dilations)]);
            }
            with_bias(
                config.call_method("with_padding", [padding(body, around)]),
                *bias,
            )
        }
        Layer::BatchNorm {
            features,
            epsilon,
            momentum,
            unbiased,
            scale,
            offset,
            ..
        } => {
            let config = body.support("batch_norm::BatchNormConfig");
            let config = Expr::call(format!("{config}::new"), [size(features, structure)]);
            let config = batch_norm_config(config, *epsilon, *momentum, *scale, *offset);
            match unbiased {
                true => config.call_method("with_unbiased", [Expr::bool(true)]),
                false => config,
            }
        }
        Layer::LayerNorm {
            size: features,
            epsilon,
            offset,
            ..
        } => {
            let config = body.using("burn::nn::LayerNormConfig");
            let config = Expr::call(format!("{config}::new"), [size(features, structure)]);
            with_bias(
                config.call_method("with_epsilon", [Expr::f64(*epsilon)]),
                *offset,
            )
        }
        Layer::RmsNorm {
            size: features,
            epsilon,
        } => {
            let config = body.using("burn::nn::RmsNormConfig");
            let config = Expr::call(format!("{config}::new"), [size(features, structure)]);
            match *epsilon == 1e-5 {
                true => config,
                false => config.call_method("with_epsilon", [Expr::f64(*epsilon)]),
            }
        }
        Layer::Embedding { count, size: width } => {
            let config = body.using("burn::nn::EmbeddingConfig");
            Expr::call(
                format!("{config}::new"),
                [size(count, structure), size(width, structure)],
            )
        }
        Layer::Recurrent {
            recurrence,
            inputs,
            units,
        } => {
            let sizes = (size(inputs, structure), size(units, structure));
            recurrent::config(body, recurrence, sizes.0, sizes.1)
        }
        Layer::Dropout { rate } => {
            let ty = body.support("dropout::Dropout");
            let rate = match rate {
                Setting::Fixed(rate) => Expr::f64(rate.value()),
                Setting::Arg(arg) => own(structure, *arg),
            };
            return Ok(Expr::call(format!("{ty}::new"), [rate]));
        }
    };
    Ok(config.call_method("init", [Expr::path("device")]))
}

pub fn with_bias(config: Expr, bias: bool) -> Expr {
    if bias {
        config
    } else {
        config.call_method("with_bias", [Expr::bool(false)])
    }
}

fn batch_norm_config(config: Expr, epsilon: f64, momentum: f64, scale: bool, offset: bool) -> Expr {
    let mut config = config;
    if epsilon != 1e-3 {
        config = config.call_method("with_epsilon", [Expr::f64(epsilon)]);
    }
    if momentum != 0.01 {
        config = config.call_method("with_momentum", [Expr::f64(momentum)]);
    }
    if !scale {
        config = config.call_method("with_scale", [Expr::bool(false)]);
    }
    if !offset {
        config = config.call_method("with_center", [Expr::bool(false)]);
    }
    config
}

/// A size: a number, or the constructor's argument.
pub fn size(setting: &Setting<usize>, structure: &Struct) -> Expr {
    match setting {
        Setting::Fixed(size) => Expr::size(*size),
        Setting::Arg(arg) => own(structure, *arg),
    }
}

/// The call of a layer on an operand.
pub fn call(
    body: &mut Body,
    layer: &Layer,
    field: Expr,
    args: &[Arg],
    call: &Call,
) -> Result<Expr> {
    if let (Layer::Recurrent { recurrence, .. }, Call::Recurrent(pass)) = (layer, call) {
        let spelt = |arg: &Arg, body: &mut Body| arg.value(body);
        return recurrent::call(body, field, (recurrence.cell, pass), args, &spelt);
    }
    let missing = || Error::internal("a layer that is given nothing");
    let x = args.first().ok_or_else(missing)?;
    let value = x.value(body);
    let forward = |x: Expr| field.clone().call_method("forward", [x]);
    Ok(match layer {
        Layer::BatchNorm { channels, rank, .. } => channels_first(value, *rank, *channels, |x| {
            field
                .clone()
                .call_method("forward_t", [x, Expr::path("train")])
        }),
        Layer::Dropout { .. } => field.call_method("forward_t", [value, Expr::path("train")]),
        Layer::Conv {
            dilations,
            channels,
            ..
        } => channels_first(value, dilations.len() + 2, *channels, forward),
        Layer::ConvTranspose {
            strides, channels, ..
        } => {
            let rank = strides.len() + 2;
            let output = match call {
                Call::Sized(output) => Some(spatial_extents(output, strides.len(), *channels)),
                Call::Plain | Call::Recurrent(_) => None,
            };
            match output.filter(|output| !is_usual(layer, x, output)) {
                None => channels_first(value, rank, *channels, forward),
                Some(output) => {
                    let size = shape(body, output);
                    channels_first(value, rank, *channels, |x| {
                        sized(layer, field.clone(), x, size)
                    })
                }
            }
        }
        Layer::Embedding { .. } => {
            let table = || field.clone().field("weight").call_method("val", []);
            match (x.ty.rank(), known_rank(&x.ty)?) {
                (Some(0), _) => squeezed(
                    table().call_method("select", [Expr::int(0), value]),
                    2,
                    &[0],
                ),
                (_, 1) => table().call_method("select", [Expr::int(0), value]),
                (_, 2) => forward(value),
                (_, rank) => table().call_method(
                    format!("take::<{rank}, {}>", rank + 1),
                    [Expr::int(0), value],
                ),
            }
        }
        Layer::Linear { .. }
        | Layer::LayerNorm { .. }
        | Layer::RmsNorm { .. }
        | Layer::Recurrent { .. } => forward(value),
    })
}
