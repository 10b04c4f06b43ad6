//! Windows over sequences: a spatial axis of extent 1, put in because the op exists for images only, goes again.

use super::rule::{Rule, Site, apply};
use crate::error::Result;
use crate::ir::{Channels, Conv, Dim, Graph, Op, Padding, Value};

/// Convolutions and pools over an axis of extent 1 that a reshape has put in lose the axis.
///
/// # Errors
/// None on a graph that verifies.
pub fn unit_axes(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`unit_axes`].
pub const RULES: &[Rule] = &[sequence];

fn sequence(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Some((op, axis)) = narrowed(site) else {
        return Ok(None);
    };
    let without = |dims: &[Dim], axis: usize| [&dims[..axis], &dims[axis + 1..]].concat();
    let dims = without(&site.dims(site.inputs[0]), axis + 1);
    let mut inputs = vec![site.reshape(site.inputs[0], &dims)?];
    if let Some(&kernel) = site.inputs.get(1) {
        let dims = without(&site.dims(kernel), axis);
        inputs.push(site.reshape(kernel, &dims)?);
    }
    let y = site.push(op, &inputs)?;
    site.push(Op::Reshape(site.ty.dims().to_vec()), &[y])
        .map(Some)
}

/// The op without one of two spatial axes, and which.
fn narrowed(site: &Site<'_>) -> Option<(Op, usize)> {
    let dims = site.graph.ty(site.inputs[0]).dims();
    if dims.len() != 4 || !matches!(site.graph.producer(site.inputs[0]).op, Op::Reshape(_)) {
        return None;
    }
    // An image of one pixel, as squeeze and excitation makes it, is no sequence.
    if dims[1].is(1) && dims[2].is(1) {
        return None;
    }
    let kernel = || site.graph.ty(site.inputs[1]).dims();
    let is_unit = |axis: usize, window: bool| {
        dims[axis + 1].is(1) && site.ty.dims()[axis + 1].is(1) && window
    };
    match site.op {
        Op::Conv(conv) => {
            let axis = (0..2).find(|&axis| is_unit(axis, kernel()[axis].is(1)))?;
            Some((Op::Conv(conv_without(conv, axis)?), axis))
        }
        Op::ConvTranspose { conv, output } => {
            let axis = (0..2).find(|&axis| is_unit(axis, kernel()[axis].is(1)))?;
            let mut output = output.clone();
            output.remove(axis + 1);
            Some((
                Op::ConvTranspose {
                    conv: conv_without(conv, axis)?,
                    output,
                },
                axis,
            ))
        }
        Op::Pool {
            op,
            window,
            strides,
            padding,
            channels: Channels::Last,
        } => {
            let axis = (0..2).find(|&axis| is_unit(axis, window[axis] == 1))?;
            let (mut window, mut strides) = (window.clone(), strides.clone());
            window.remove(axis);
            strides.remove(axis);
            let padding = padding_without(padding, axis)?;
            Some((
                Op::Pool {
                    op: *op,
                    window,
                    strides,
                    padding,
                    channels: Channels::Last,
                },
                axis,
            ))
        }
        _ => None,
    }
}

fn conv_without(conv: &Conv, axis: usize) -> Option<Conv> {
    let mut conv = conv.clone();
    conv.strides.remove(axis);
    conv.dilations.remove(axis);
    conv.padding = padding_without(&conv.padding, axis)?;
    (conv.channels == Channels::Last).then_some(conv)
}

fn padding_without(padding: &Padding, axis: usize) -> Option<Padding> {
    match padding {
        Padding::Same | Padding::Valid => Some(padding.clone()),
        Padding::Explicit(widths) => {
            let mut widths = widths.clone();
            (widths.remove(axis) == (0, 0)).then_some(Padding::Explicit(widths))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Binary, Grouping, Reduction};
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    #[test]
    fn a_convolution_of_a_sequence_has_one_axis() {
        let mut b = Build::default();
        let x = b.input(&[0, 10, 3]);
        let (kernel, bias) = (b.param(&[4, 3, 6]), b.param(&[6]));
        let (image, kernel) = (
            b.reshape(x, &[0, 1, 10, 3]),
            b.reshape(kernel, &[1, 4, 3, 6]),
        );
        let conv = Conv {
            strides: vec![1, 2],
            dilations: vec![1, 1],
            padding: Padding::Same,
            grouping: Grouping::Groups(1),
            channels: Channels::Last,
        };
        let y = b.op(Op::Conv(conv), &[image, kernel]);
        let y = b.reshape(y, &[0, 5, 6]);
        let y = b.op(Op::Binary(Binary::Add), &[y, bias]);
        let expected = "
            Conv(Conv { strides: [2], dilations: [1], padding: Same, grouping: Groups(1), channels: Last }) [s0, 5, 6]
            Binary(Add) [s0, 5, 6]";
        b.check(&[y], optimise, expected);
    }

    #[test]
    fn a_mean_over_an_image_keeps_its_axes_for_a_convolution() {
        let mut b = Build::default();
        let x = b.input(&[0, 5, 5, 3]);
        let kernel = b.param(&[1, 1, 3, 2]);
        let mean = Op::Reduce {
            op: Reduction::Mean,
            axes: vec![1, 2],
            keep: false,
        };
        let y = b.op(mean, &[x]);
        let y = b.reshape(y, &[0, 1, 1, 3]);
        let conv = Conv {
            strides: vec![1, 1],
            dilations: vec![1, 1],
            padding: Padding::Valid,
            grouping: Grouping::Groups(1),
            channels: Channels::Last,
        };
        let y = b.op(Op::Conv(conv), &[y, kernel]);
        let expected = "
            Reduce { op: Mean, axes: [1, 2], keep: true } [s0, 1, 1, 3]
            Conv(Conv { strides: [1, 1], dilations: [1, 1], padding: Valid, grouping: Groups(1), channels: Last }) [s0, 1, 1, 2]";
        b.check(&[y], optimise, expected);
    }
}
