//! Layers in burn's words: types, constructors and calls.

use super::super::operand::{Arg, Body};
use super::super::plan::{Arg as Given, Layer, Setting};
use super::super::rust::Expr;
use super::op::squeezed;
use super::spatial::{channels_first, spatial_extents};
use super::{known_rank, shape, sizes};
use crate::error::{Error, Result};
use crate::ir::{Dim, Grouping, Padding};

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
        Layer::Embedding { .. } => body.using("burn::nn::Embedding"),
        Layer::Dropout { .. } => body.support("dropout::Dropout"),
    })
}

fn spatial_rank(rank: usize) -> Result<usize> {
    match rank {
        1..=3 => Ok(rank),
        _ => Err(Error::unsupported(format!(
            "a convolution with {rank} spatial axes"
        ))),
    }
}

/// burn's own convolution, or the support code's where burn's cannot pad as TensorFlow does.
fn conv_name(body: &mut Body, layer: &Layer, suffix: &str) -> Result<String> {
    let rank = match layer {
        Layer::Conv { dilations, .. } => spatial_rank(dilations.len())?,
        _ => return Err(Error::malformed("internal: a layer that is no convolution")),
    };
    let name = format!("Conv{rank}d{suffix}");
    Ok(match is_ours(layer) {
        true => {
            body.using("support::conv");
            format!("conv::{name}")
        }
        false => body.using(&format!("burn::nn::conv::{name}")),
    })
}

/// Three-dimensional padding, and SAME padding with dilation and a stride, are beyond burn's layers.
fn is_ours(layer: &Layer) -> bool {
    match layer {
        Layer::Conv {
            dilations,
            padding,
            strides,
            ..
        } => {
            dilations.len() == 3
                || *padding == Padding::Same && is_dilated(dilations) && !has_unit_stride(strides)
        }
        _ => false,
    }
}

fn is_dilated(dilations: &[usize]) -> bool {
    dilations.iter().any(|&dilation| dilation != 1)
}

fn has_unit_stride(strides: &Setting<Vec<usize>>) -> bool {
    matches!(strides, Setting::Fixed(strides) if strides.iter().all(|&stride| stride == 1))
}

/// The expression that makes a layer with initial weights on `device`.
pub fn constructor(body: &mut Body, layer: &Layer) -> Result<Expr> {
    let args = body.structure.args.clone();
    let config = match layer {
        Layer::Linear {
            inputs,
            outputs,
            bias,
        } => {
            let config = body.using("burn::nn::LinearConfig");
            let config = Expr::call(
                format!("{config}::new"),
                [size(inputs, &args), size(outputs, &args)],
            );
            with_bias(config, *bias)
        }
        Layer::Conv { .. } => conv_config(body, layer, &args)?,
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
            let channels = Expr::array([size(inputs, &args), size(outputs, &args)]);
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
            scale,
            offset,
            ..
        } => {
            let config = body.support("batch_norm::BatchNormConfig");
            let config = Expr::call(format!("{config}::new"), [size(features, &args)]);
            batch_norm_config(config, *epsilon, *momentum, *scale, *offset)
        }
        Layer::LayerNorm {
            size: features,
            epsilon,
            offset,
            ..
        } => {
            let config = body.using("burn::nn::LayerNormConfig");
            let config = Expr::call(format!("{config}::new"), [size(features, &args)]);
            with_bias(
                config.call_method("with_epsilon", [Expr::f64(*epsilon)]),
                *offset,
            )
        }
        Layer::Embedding { count, size: width } => {
            let config = body.using("burn::nn::EmbeddingConfig");
            Expr::call(
                format!("{config}::new"),
                [size(count, &args), size(width, &args)],
            )
        }
        Layer::Dropout { rate } => {
            let ty = body.support("dropout::Dropout");
            return Ok(Expr::call(format!("{ty}::new"), [Expr::f64(*rate)]));
        }
    };
    Ok(config.call_method("init", [Expr::path("device")]))
}

fn with_bias(config: Expr, bias: bool) -> Expr {
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

fn conv_config(body: &mut Body, layer: &Layer, args: &[Given]) -> Result<Expr> {
    let Layer::Conv {
        inputs,
        outputs,
        kernel,
        strides,
        dilations,
        padding: around,
        grouping,
        bias,
        ..
    } = layer
    else {
        return Err(Error::malformed("internal: a layer that is no convolution"));
    };
    let (ours, rank) = (is_ours(layer), dilations.len());
    let one = rank == 1 && !ours;
    let name = conv_name(body, layer, "Config")?;
    let (inputs, outputs) = (size(inputs, args), size(outputs, args));
    let mut config = match grouping {
        Grouping::Groups(_) => (inputs.clone(), outputs),
        Grouping::Depthwise => (inputs.clone(), product(inputs.clone(), outputs)),
    };
    let mut made = match one {
        true => Expr::call(
            format!("{name}::new"),
            [config.0, config.1, list(kernel, args, one)],
        ),
        false => {
            config = (config.0, config.1);
            Expr::call(
                format!("{name}::new"),
                [Expr::array([config.0, config.1]), list(kernel, args, one)],
            )
        }
    };
    if !has_unit_stride(strides) {
        made = made.call_method("with_stride", [list(strides, args, one)]);
    }
    if is_dilated(dilations) {
        made = made.call_method(
            "with_dilation",
            [list(&Setting::Fixed(dilations.clone()), args, one)],
        );
    }
    match grouping {
        Grouping::Depthwise => made = made.call_method("with_groups", [inputs]),
        Grouping::Groups(1) => {}
        Grouping::Groups(groups) => made = made.call_method("with_groups", [Expr::size(*groups)]),
    }
    made = match (around, ours) {
        (Padding::Valid, _) => made,
        (around, true) => made.call_method("with_padding", [padding(body, around)]),
        (around, false) => {
            let around = resolved(around, kernel, dilations)?;
            made.call_method("with_padding", [explicit(body, &around, rank)])
        }
    };
    Ok(with_bias(made, *bias))
}

/// SAME padding with dilation and stride 1 in numbers, as burn's own does not see the dilation.
fn resolved(
    around: &Padding,
    kernel: &Setting<Vec<usize>>,
    dilations: &[usize],
) -> Result<Padding> {
    match (around, kernel) {
        (Padding::Same, Setting::Fixed(kernel)) if is_dilated(dilations) => {
            let totals = kernel
                .iter()
                .zip(dilations)
                .map(|(kernel, dilation)| kernel.saturating_sub(1) * dilation);
            Ok(Padding::Explicit(
                totals.map(|total| (total / 2, total - total / 2)).collect(),
            ))
        }
        (Padding::Same, Setting::Arg(_)) if is_dilated(dilations) => Err(Error::unsupported(
            "dilated convolutions that differ in their kernel's size",
        )),
        _ => Ok(around.clone()),
    }
}

fn product(a: Expr, b: Expr) -> Expr {
    match (
        a.to_string().parse::<usize>(),
        b.to_string().parse::<usize>(),
    ) {
        (Ok(a), Ok(b)) => Expr::size(a * b),
        (_, Ok(1)) => a,
        (_, _) => a * b,
    }
}

/// A size: a number, or the constructor's argument.
pub fn size(setting: &Setting<usize>, args: &[Given]) -> Expr {
    match setting {
        Setting::Fixed(size) => Expr::size(*size),
        Setting::Arg(arg) => Expr::path(args[*arg].name.as_str()),
    }
}

/// A list; `one` where a number is wanted for a list of one.
fn list(setting: &Setting<Vec<usize>>, args: &[Given], one: bool) -> Expr {
    match (setting, one) {
        (Setting::Fixed(list), true) => Expr::size(list.first().copied().unwrap_or(1)),
        (Setting::Fixed(list), false) => sizes(list),
        (Setting::Arg(arg), true) => Expr::path(args[*arg].name.as_str()).index(Expr::int(0)),
        (Setting::Arg(arg), false) => Expr::path(args[*arg].name.as_str()),
    }
}

/// The support code's `Padding::Same`.
pub fn padding(body: &mut Body, padding: &Padding) -> Expr {
    let ty = body.support("padding::Padding");
    match padding {
        Padding::Same => Expr::path(format!("{ty}::Same")),
        Padding::Valid => Expr::path(format!("{ty}::Valid")),
        Padding::Explicit(widths) => {
            let pairs = widths
                .iter()
                .map(|&(low, high)| Expr::tuple([Expr::size(low), Expr::size(high)]));
            Expr::call(
                format!("{ty}::Explicit"),
                [Expr::array(pairs.collect::<Vec<_>>())],
            )
        }
    }
}

/// burn's own `PaddingConfig2d::Explicit(top, left, bottom, right)`.
pub fn explicit(body: &mut Body, padding: &Padding, rank: usize) -> Expr {
    let ty = body.using(&format!("burn::nn::PaddingConfig{rank}d"));
    match padding {
        Padding::Same => Expr::path(format!("{ty}::Same")),
        Padding::Valid => Expr::path(format!("{ty}::Valid")),
        Padding::Explicit(widths) => {
            let low = widths.iter().map(|(low, _)| Expr::size(*low));
            let high = widths.iter().map(|(_, high)| Expr::size(*high));
            Expr::call(format!("{ty}::Explicit"), low.chain(high))
        }
    }
}

/// The call of a layer on an operand.
pub fn call(
    body: &mut Body,
    layer: &Layer,
    field: Expr,
    x: &Arg,
    output: Option<&[Dim]>,
) -> Result<Expr> {
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
            let output = output.map(|output| spatial_extents(output, strides.len(), *channels));
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
        Layer::Linear { .. } | Layer::LayerNorm { .. } => forward(value),
    })
}

/// The call of a transposed convolution that gives another size than its padding says.
fn sized(layer: &Layer, field: Expr, x: Expr, size: Expr) -> Expr {
    let config = field.clone().field("config").call_method("clone", []);
    let weight = field.clone().field("weight").call_method("val", []);
    let bias = match layer {
        Layer::ConvTranspose { bias: true, .. } => {
            let value = Expr::closure(["bias"], Expr::path("bias").call_method("val", []));
            field
                .field("bias")
                .call_method("as_ref", [])
                .call_method("map", [value])
        }
        _ => Expr::path("None"),
    };
    config
        .call_method("with_output_size", [size])
        .call_method("apply", [x, weight, bias])
}

/// Whether a transposed convolution gives the size that its padding says by itself.
fn is_usual(layer: &Layer, x: &Arg, output: &[Dim]) -> bool {
    let Layer::ConvTranspose {
        kernel,
        strides,
        dilations,
        padding,
        channels,
        ..
    } = layer
    else {
        return false;
    };
    let size = spatial_extents(x.ty.dims(), strides.len(), *channels);
    if size.len() != strides.len() || output.len() != strides.len() {
        return false;
    }
    let known = |value: usize| Dim::known(value as i64);
    output.iter().enumerate().all(|(i, output)| {
        let window = (kernel[i].max(1) - 1) * dilations[i] + 1;
        let usual = match padding {
            Padding::Same => size[i].clone() * known(strides[i]),
            Padding::Valid => {
                (size[i].clone() - known(1)) * known(strides[i]) + known(window.max(strides[i]))
            }
            Padding::Explicit(widths) => {
                (size[i].clone() - known(1)) * known(strides[i]) + known(window)
                    - known(widths[i].0 + widths[i].1)
            }
        };
        usual == *output
    })
}
