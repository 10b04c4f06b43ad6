//! Layers in candle's words: types, constructors and calls.

use super::super::config::own;
use super::super::operand::{Arg, Body};
use super::super::recurrent;
use super::super::rust::Expr;
use super::op::sizes;
use super::spatial::{inner, output_size};
use crate::error::{Error, Result};
use crate::ir::{Dim, Grouping, Padding};
use crate::plan::{Call, Layer, Number, Setting, Struct};

/// A layer's type, and the path that names it.
pub fn ty(layer: &Layer) -> Result<String> {
    let path = match layer {
        Layer::Linear { .. } => "support::linear::Linear",
        Layer::Conv {
            grouping,
            dilations,
            ..
        } => match (grouping, dilations.len()) {
            (_, 1) => "support::conv1d::Conv1d",
            (Grouping::Depthwise, 2) => "support::depthwise_conv::DepthwiseConv2d",
            (Grouping::Groups(_) | Grouping::ByKernel, 2) => "support::conv::Conv2d",
            (Grouping::Groups(_) | Grouping::ByKernel, 3) => "support::conv3d::Conv3d",
            (Grouping::Depthwise | Grouping::Groups(_) | Grouping::ByKernel, rank) => {
                return Err(Error::unsupported(format!(
                    "a convolution over {rank} axes in groups"
                )));
            }
        },
        Layer::ConvTranspose { strides, .. } => match strides.len() {
            1 => "support::conv_transpose::ConvTranspose1d",
            2 => "support::conv_transpose::ConvTranspose2d",
            3 => "support::conv_transpose::ConvTranspose3d",
            rank => {
                return Err(Error::unsupported(format!(
                    "a transposed convolution with {rank} spatial axes"
                )));
            }
        },
        Layer::BatchNorm { .. } => "support::batch_norm::BatchNorm",
        Layer::LayerNorm { .. } => "support::layer_norm::LayerNorm",
        Layer::RmsNorm { .. } => "support::rms_norm::RmsNorm",
        Layer::Embedding { .. } => "candle_nn::Embedding",
        Layer::Recurrent { recurrence, .. } => {
            return Ok(format!("support::{}", recurrent::ty(recurrence)));
        }
        Layer::Dropout { .. } => "candle_nn::Dropout",
    };
    Ok(path.to_owned())
}

/// The expression that makes a layer from the weights under `vb`: a `Result`.
pub fn constructor(body: &mut Body, layer: &Layer, vb: Expr) -> Result<Expr> {
    let structure = body.structure;
    Ok(match layer {
        Layer::Linear {
            inputs,
            outputs,
            bias,
        } => {
            let function = body.support(if *bias {
                "linear::linear"
            } else {
                "linear::linear_no_bias"
            });
            Expr::call(
                function,
                [size(inputs, structure), size(outputs, structure), vb],
            )
        }
        Layer::Conv { .. } => convolution(body, layer, structure, vb),
        Layer::ConvTranspose {
            inputs,
            outputs,
            kernel,
            strides,
            dilations,
            padding,
            bias,
            ..
        } => {
            let rank = strides.len();
            let function = body.support(&format!(
                "conv_transpose::conv_transpose{rank}d{}",
                if *bias { "" } else { "_no_bias" }
            ));
            let config = config(body, strides, dilations, padding, Grouping::Groups(1));
            let kernel = if let [one] = kernel.as_slice() {
                Expr::size(*one)
            } else {
                sizes(kernel)
            };
            Expr::call(
                function,
                [
                    size(inputs, structure),
                    size(outputs, structure),
                    kernel,
                    config,
                    vb,
                ],
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
            let function = body.support("batch_norm::batch_norm");
            let settings = changed([
                ("eps", (*epsilon != 1e-3).then(|| Expr::f64(*epsilon))),
                (
                    "momentum",
                    (*momentum != 0.01).then(|| Expr::f64(*momentum)),
                ),
                ("scale", (!scale).then(|| Expr::bool(false))),
                ("center", (!offset).then(|| Expr::bool(false))),
                ("bessel", unbiased.then(|| Expr::bool(true))),
            ]);
            let config = norm_config(body, "batch_norm::BatchNormConfig", settings, *epsilon);
            Expr::call(function, [size(features, structure), config, vb])
        }
        Layer::LayerNorm {
            size: features,
            epsilon,
            scale,
            offset,
        } => {
            let function = body.support("layer_norm::layer_norm");
            let settings = changed([
                ("eps", (*epsilon != 1e-3).then(|| Expr::f64(*epsilon))),
                ("scale", (!scale).then(|| Expr::bool(false))),
                ("center", (!offset).then(|| Expr::bool(false))),
            ]);
            let config = norm_config(body, "layer_norm::LayerNormConfig", settings, *epsilon);
            Expr::call(function, [size(features, structure), config, vb])
        }
        Layer::RmsNorm {
            size: features,
            epsilon,
        } => {
            let function = body.support("rms_norm::rms_norm");
            let size = size(features, structure);
            Expr::call(function, [size, Expr::f64(*epsilon), vb])
        }
        Layer::Embedding { count, size: width } => {
            let function = body.using("candle_nn::embedding");
            Expr::call(
                function,
                [size(count, structure), size(width, structure), vb],
            )
        }
        Layer::Recurrent {
            recurrence,
            inputs,
            units,
        } => {
            let sizes = (size(inputs, structure), size(units, structure));
            recurrent::config(body, recurrence, sizes.0, sizes.1).call_method("init", [vb])
        }
        Layer::Dropout { rate } => Expr::call("Ok", [dropout(body, rate)]),
    })
}

/// `conv2d(3, 16, [3, 3], ConvConfig::same(), vb)`.
fn convolution(body: &mut Body, layer: &Layer, structure: &Struct, vb: Expr) -> Expr {
    let Layer::Conv {
        inputs,
        outputs,
        kernel,
        strides,
        dilations,
        padding,
        grouping,
        bias,
        ..
    } = layer
    else {
        return vb;
    };
    let rank = dilations.len();
    let module = match (grouping, rank) {
        (_, 1) => "conv1d::conv1d",
        (Grouping::Depthwise, _) => "depthwise_conv::depthwise_conv2d",
        (Grouping::Groups(_) | Grouping::ByKernel, 2) => "conv::conv2d",
        (Grouping::Groups(_) | Grouping::ByKernel, _) => "conv3d::conv3d",
    };
    let function = body.support(&format!("{module}{}", if *bias { "" } else { "_no_bias" }));
    let mut config = layer_config(body, strides, dilations, padding, *grouping, structure);
    let mut outputs = size(outputs, structure);
    if rank == 1 && *grouping == Grouping::Depthwise {
        config = config.call_method("groups", [size(inputs, structure)]);
        outputs = match (inputs, outputs.to_string().as_str()) {
            (inputs, "1") => size(inputs, structure),
            (inputs, _) => size(inputs, structure) * outputs,
        };
    }
    let kernel = match (rank, kernel) {
        (1, Setting::Fixed(kernel)) => Expr::size(kernel[0]),
        (1, Setting::Arg(_)) => list(kernel, structure).index(Expr::int(0)),
        (_, kernel) => list(kernel, structure),
    };
    Expr::call(
        function,
        [size(inputs, structure), outputs, kernel, config, vb],
    )
}

fn changed<const N: usize>(
    settings: [(&'static str, Option<Expr>); N],
) -> Vec<(&'static str, Expr)> {
    settings
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// What a norm is told: the number alone where no more is said, and what the constructor has bound if it has.
fn norm_config(
    body: &mut Body,
    path: &str,
    settings: Vec<(&'static str, Expr)>,
    epsilon: f64,
) -> Expr {
    if settings.iter().all(|(name, _)| *name == "eps") {
        return Expr::f64(epsilon);
    }
    let config = body.support(path);
    let default = Expr::call("Default::default", []);
    let config = Expr::struct_update(&config, settings, default);
    body.shared(config)
}

/// `Dropout::new(0.1)`
pub fn dropout(body: &mut Body, rate: &Setting<Number>) -> Expr {
    let ty = body.using("candle_nn::Dropout");
    let rate = match rate {
        Setting::Fixed(rate) => Expr::f32(rate.value() as f32),
        Setting::Arg(arg) => own(body.structure, *arg).cast("f32"),
    };
    Expr::call(format!("{ty}::new"), [rate])
}

/// A size: a number, or the constructor's argument.
pub fn size(setting: &Setting<usize>, structure: &Struct) -> Expr {
    match setting {
        Setting::Fixed(size) => Expr::size(*size),
        Setting::Arg(arg) => own(structure, *arg),
    }
}

fn list(setting: &Setting<Vec<usize>>, structure: &Struct) -> Expr {
    match setting {
        Setting::Fixed(list) => sizes(list),
        Setting::Arg(arg) => own(structure, *arg),
    }
}

fn layer_config(
    body: &mut Body,
    strides: &Setting<Vec<usize>>,
    dilations: &[usize],
    padding: &Padding,
    grouping: Grouping,
    structure: &Struct,
) -> Expr {
    match strides {
        Setting::Fixed(strides) => config(body, strides, dilations, padding, grouping),
        Setting::Arg(_) => {
            let base = config(
                body,
                &vec![1; dilations.len()],
                dilations,
                padding,
                grouping,
            );
            base.call_method("stride", [list(strides, structure)])
        }
    }
}

/// `ConvConfig::same().stride([2, 2])`.
pub fn config(
    body: &mut Body,
    strides: &[usize],
    dilations: &[usize],
    padding: &Padding,
    grouping: Grouping,
) -> Expr {
    let config = body.support("conv::ConvConfig");
    let mut expr = match padding {
        Padding::Same => Expr::call(format!("{config}::same"), []),
        Padding::Valid => Expr::call(format!("{config}::valid"), []),
        Padding::Explicit(widths) => Expr::call(format!("{config}::explicit"), [pairs(widths)]),
    };
    if strides.iter().any(|&stride| stride != 1) {
        expr = expr.call_method("stride", [sizes(strides)]);
    }
    if dilations.iter().any(|&dilation| dilation != 1) {
        expr = expr.call_method("dilation", [sizes(dilations)]);
    }
    match grouping {
        Grouping::Groups(groups) if groups != 1 => expr.call_method("groups", [Expr::size(groups)]),
        Grouping::Groups(_) | Grouping::ByKernel | Grouping::Depthwise => expr,
    }
}

/// `Padding::Same`.
pub fn padding(body: &mut Body, padding: &Padding) -> Expr {
    let ty = body.support("padding::Padding");
    match padding {
        Padding::Same => Expr::path(format!("{ty}::Same")),
        Padding::Valid => Expr::path(format!("{ty}::Valid")),
        Padding::Explicit(widths) => Expr::call(format!("{ty}::Explicit"), [pairs(widths)]),
    }
}

fn pairs(widths: &[(usize, usize)]) -> Expr {
    Expr::array(widths.iter().map(|&(low, high)| sizes(&[low, high])))
}

/// The call of a layer.
pub fn call(
    body: &mut Body,
    layer: &Layer,
    field: Expr,
    args: &[Arg],
    call: &Call,
) -> Result<Expr> {
    if let (Layer::Recurrent { recurrence, .. }, Call::Recurrent(pass)) = (layer, call) {
        let spelt = |arg: &Arg, body: &mut Body| arg.reference(body);
        let call = recurrent::call(body, field, (recurrence.cell, pass), args, &spelt)?;
        return Ok(call.tried());
    }
    let missing = || Error::internal("a layer that is given nothing");
    let x = args.first().ok_or_else(missing)?;
    let operand = x.reference(body);
    Ok(match layer {
        Layer::BatchNorm { .. } => field
            .call_method("forward_t", [operand, Expr::path("train")])
            .tried(),
        Layer::Dropout { .. } => field
            .call_method("forward", [operand, Expr::path("train")])
            .tried(),
        Layer::Embedding { .. } => {
            body.using("candle_nn::Module");
            field.call_method("forward", [operand]).tried()
        }
        Layer::ConvTranspose {
            kernel,
            strides,
            padding,
            ..
        } => match call {
            Call::Sized(output) if !is_default(x.ty.dims(), output, (kernel, strides, padding)) => {
                let size = output_size(body, output, strides.len());
                field.call_method("forward_to", [operand, size]).tried()
            }
            Call::Sized(_) | Call::Plain | Call::Recurrent(_) => {
                field.call_method("forward", [operand]).tried()
            }
        },
        Layer::Linear { .. }
        | Layer::Conv { .. }
        | Layer::LayerNorm { .. }
        | Layer::RmsNorm { .. }
        | Layer::Recurrent { .. } => field.call_method("forward", [operand]).tried(),
    })
}

/// Whether a transposed convolution gives what Keras makes of its input's extents where nothing else is asked for.
fn is_default(
    input: &[Dim],
    output: &[Dim],
    (kernel, strides, padding): (&[usize], &[usize], &Padding),
) -> bool {
    let known = |size: usize| Dim::known(size as i64);
    let axes = strides.len();
    let grown = inner(input, axes)
        .iter()
        .zip(kernel.iter().zip(strides))
        .map(|(extent, (&kernel, &stride))| match padding {
            Padding::Same => Some(extent.clone() * known(stride)),
            Padding::Valid => {
                Some(extent.clone() * known(stride) + known(kernel.max(stride) - stride))
            }
            Padding::Explicit(_) => None,
        });
    let output = inner(output, axes).iter().cloned().map(Some);
    input.len() == axes + 2 && grown.eq(output)
}
