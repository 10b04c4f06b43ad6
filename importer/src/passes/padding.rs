//! Padding of windows in one form: a pad of zeros belongs to the convolution after it, and is called `Same` where it is
//! what `Same` gives.

use super::rule::{Rule, Site, splat};
use crate::error::Result;
use crate::ir::{Conv, Op, PadMode, Padding, Value};

/// The rules.
pub const RULES: &[Rule] = &[pad_of_convolution, named_padding];

/// `conv(pad(x))` with zeros around the spatial axes is a convolution with explicit padding.
fn pad_of_convolution(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Conv(conv) = site.op else {
        return Ok(None);
    };
    let pad = site.graph.producer(site.inputs[0]);
    let (
        Op::Pad {
            widths,
            mode: PadMode::Constant,
        },
        &[x, zero],
    ) = (&pad.op, pad.inputs.as_slice())
    else {
        return Ok(None);
    };
    let before: Vec<(usize, usize)> = match &conv.padding {
        Padding::Valid => vec![(0, 0); conv.strides.len()],
        Padding::Explicit(widths) => widths.clone(),
        Padding::Same => return Ok(None),
    };
    let known: Option<Vec<(usize, usize)>> = widths
        .iter()
        .map(|(low, high)| Some((low.as_usize()?, high.as_usize()?)))
        .collect();
    let (Some(known), Some(0.0)) = (known, splat(site.graph, zero)) else {
        return Ok(None);
    };
    let [batch, spatial @ .., channels] = known.as_slice() else {
        return Ok(None);
    };
    if (*batch, *channels) != ((0, 0), (0, 0)) || spatial.len() != before.len() {
        return Ok(None);
    }
    let around = spatial
        .iter()
        .zip(&before)
        .map(|(a, b)| (a.0 + b.0, a.1 + b.1))
        .collect();
    let conv = Conv {
        padding: Padding::Explicit(around),
        ..conv.clone()
    };
    let kernel = site.inputs[1];
    site.push(Op::Conv(conv), &[x, kernel]).map(Some)
}

/// Explicit padding that is none, or what `Same` gives for these extents, has that name.
fn named_padding(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Conv(conv) = site.op else {
        return Ok(None);
    };
    let Padding::Explicit(widths) = &conv.padding else {
        return Ok(None);
    };
    let name = match widths.iter().all(|&width| width == (0, 0)) {
        true => Padding::Valid,
        false if is_same(site, conv, widths) => Padding::Same,
        false => return Ok(None),
    };
    let conv = Conv {
        padding: name,
        ..conv.clone()
    };
    let inputs = site.inputs.to_vec();
    site.push(Op::Conv(conv), &inputs).map(Some)
}

fn is_same(site: &Site<'_>, conv: &Conv, widths: &[(usize, usize)]) -> bool {
    let (x, kernel) = (site.dims(site.inputs[0]), site.dims(site.inputs[1]));
    let axes = widths.iter().enumerate().zip(x.iter().skip(1).zip(&kernel));
    axes.into_iter().all(|((i, &width), (extent, taps))| {
        let same = extent.as_usize().zip(taps.as_usize());
        same.map(|(extent, taps)| same_width(extent, taps, conv.strides[i], conv.dilations[i]))
            == Some(width)
    })
}

/// TensorFlow's `SAME`: outputs are `ceil(extent / stride)`, and the odd element of padding goes to the end.
fn same_width(extent: usize, taps: usize, stride: usize, dilation: usize) -> (usize, usize) {
    let reach = (taps.max(1) - 1) * dilation + 1;
    let covered = (extent.div_ceil(stride).max(1) - 1) * stride + reach;
    let total = covered.saturating_sub(extent);
    (total / 2, total - total / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Tensor;
    use crate::ir::{Channels, DType, Dim, Graph, Grouping, Origin, Type};

    fn padded(size: usize) -> Graph {
        let origin = Origin::default();
        let mut graph = Graph::default();
        let x = graph.input(
            Type::new(DType::F32, [1, size, size, 2].map(Dim::from)),
            &origin,
        );
        let zero = graph.constant(Tensor::scalar(0.0, DType::F32).unwrap(), &origin);
        let kernel = graph.input(Type::new(DType::F32, [3, 3, 2, 4].map(Dim::from)), &origin);
        let widths = [(0, 0), (0, 1), (0, 1), (0, 0)]
            .map(|(a, b): (usize, usize)| (Dim::from(a), Dim::from(b)));
        let op = Op::Pad {
            widths: widths.to_vec(),
            mode: PadMode::Constant,
        };
        let padded = graph.value(op, &[x, zero], &origin).unwrap();
        let conv = Conv {
            strides: vec![2, 2],
            dilations: vec![1, 1],
            padding: Padding::Valid,
            grouping: Grouping::Groups(1),
            channels: Channels::Last,
        };
        let y = graph
            .value(Op::Conv(conv), &[padded, kernel], &origin)
            .unwrap();
        graph.outputs = vec![y];
        graph
    }

    fn padding(graph: &Graph) -> Padding {
        let graph = super::super::optimise(graph).unwrap();
        match &graph.producer(graph.outputs[0]).op {
            Op::Conv(conv) => conv.padding.clone(),
            op => panic!("{op:?}"),
        }
    }

    #[test]
    fn a_pad_before_a_strided_convolution_is_same_on_even_extents() {
        assert_eq!(padding(&padded(96)), Padding::Same);
        assert_eq!(
            padding(&padded(95)),
            Padding::Explicit(vec![(0, 1), (0, 1)])
        );
    }
}
