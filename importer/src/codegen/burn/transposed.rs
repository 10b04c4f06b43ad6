//! Transposed convolutions, whose result may have another size than their padding says.

use super::super::operand::Arg;
use super::super::rust::Expr;
use super::spatial::spatial_extents;
use crate::ir::{Dim, Padding};
use crate::plan::Layer;

/// The call of a transposed convolution that gives another size than its padding says.
pub fn sized(layer: &Layer, field: Expr, x: Expr, size: Expr) -> Expr {
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
pub fn is_usual(layer: &Layer, x: &Arg, output: &[Dim]) -> bool {
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
