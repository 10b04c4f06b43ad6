//! Convolutions as burn's layers, or the support code's where burn's cannot pad as TensorFlow does.

use super::super::config::own;
use super::super::operand::Body;
use super::super::rust::Expr;
use super::layer::{size, spatial_rank, with_bias};
use super::sizes;
use crate::error::{Error, Result};
use crate::ir::{Grouping, Padding};
use crate::plan::{Layer, Setting, Struct};

/// burn's own convolution, or the support code's where burn's cannot pad as TensorFlow does.
pub fn conv_name(body: &mut Body, layer: &Layer, suffix: &str) -> Result<String> {
    let rank = match layer {
        Layer::Conv { dilations, .. } => spatial_rank(dilations.len())?,
        _ => return Err(Error::internal("a layer that is no convolution")),
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

pub fn is_dilated(dilations: &[usize]) -> bool {
    dilations.iter().any(|&dilation| dilation != 1)
}

fn has_unit_stride(strides: &Setting<Vec<usize>>) -> bool {
    matches!(strides, Setting::Fixed(strides) if strides.iter().all(|&stride| stride == 1))
}

pub fn conv_config(body: &mut Body, layer: &Layer, structure: &Struct) -> Result<Expr> {
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
        return Err(Error::internal("a layer that is no convolution"));
    };
    let (ours, rank) = (is_ours(layer), dilations.len());
    let one = rank == 1 && !ours;
    let name = conv_name(body, layer, "Config")?;
    let (inputs, outputs) = (size(inputs, structure), size(outputs, structure));
    let mut config = match grouping {
        Grouping::Groups(_) | Grouping::ByKernel => (inputs.clone(), outputs),
        Grouping::Depthwise => (inputs.clone(), product(inputs.clone(), outputs)),
    };
    let mut made = match one {
        true => Expr::call(
            format!("{name}::new"),
            [config.0, config.1, list(kernel, structure, one)],
        ),
        false => {
            config = (config.0, config.1);
            Expr::call(
                format!("{name}::new"),
                [
                    Expr::array([config.0, config.1]),
                    list(kernel, structure, one),
                ],
            )
        }
    };
    if !has_unit_stride(strides) {
        made = made.call_method("with_stride", [list(strides, structure, one)]);
    }
    if is_dilated(dilations) {
        made = made.call_method(
            "with_dilation",
            [list(&Setting::Fixed(dilations.clone()), structure, one)],
        );
    }
    match grouping {
        Grouping::Depthwise => made = made.call_method("with_groups", [inputs]),
        Grouping::Groups(1) | Grouping::ByKernel => {}
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

/// A list; `one` where a number is wanted for a list of one.
fn list(setting: &Setting<Vec<usize>>, structure: &Struct, one: bool) -> Expr {
    match (setting, one) {
        (Setting::Fixed(list), true) => Expr::size(list.first().copied().unwrap_or(1)),
        (Setting::Fixed(list), false) => sizes(list),
        (Setting::Arg(arg), true) => own(structure, *arg).index(Expr::int(0)),
        (Setting::Arg(arg), false) => own(structure, *arg),
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
