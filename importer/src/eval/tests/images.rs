//! Convolutions, pools and resizes.

use super::*;
use crate::ir::{Channels, Conv, Grouping, Interpolation, Padding, Pooling, ResizeMode, Sampling};

fn conv(strides: &[usize], padding: Padding, grouping: Grouping) -> Conv {
    let dilations = vec![1; strides.len()];
    Conv {
        strides: strides.to_vec(),
        dilations,
        padding,
        grouping,
        channels: Channels::Last,
    }
}

fn image() -> Tensor {
    sequence(&[1, 5, 4, 2])
}

#[test]
fn same_padding_puts_the_odd_element_last() {
    let op = Op::Conv(conv(&[2, 2], Padding::Same, Grouping::Groups(1)));
    check(
        &op,
        &[&image(), &sequence(&[3, 2, 2, 3])],
        &[1, 3, 2, 3],
        &[
            3.75, -8.5, -1.5, -6.0, 2.5, 0.0, 4.5, 5.25, 6.0, -0.25, 5.5, -5.25, 6.25, 5.75, -5.75,
            -5.0, -4.0, 5.25,
        ],
    );
}

#[test]
fn dilations_spread_the_taps() {
    let plain = conv(&[1, 1], Padding::Valid, Grouping::Groups(1));
    let op = Op::Conv(Conv {
        dilations: vec![2, 1],
        ..plain
    });
    check(
        &op,
        &[&image(), &sequence(&[2, 2, 2, 1])],
        &[1, 3, 3, 1],
        &[10.75, 6.75, -8.25, -2.5, 1.75, -7.75, 6.25, 2.25, -1.75],
    );
}

#[test]
fn explicit_padding_is_per_side() {
    let op = Op::Conv(conv(
        &[2, 1],
        Padding::Explicit(vec![(1, 0), (0, 2)]),
        Grouping::Groups(1),
    ));
    check(
        &op,
        &[&image(), &sequence(&[2, 2, 2, 1])],
        &[1, 3, 5, 1],
        &[
            -4.75, -3.25, 6.5, 1.0, 0.0, -3.0, 1.25, -8.25, -8.5, 0.0, 6.25, 2.25, -1.75, 2.75, 0.0,
        ],
    );
}

#[test]
fn groups_see_their_own_channels() {
    let op = Op::Conv(conv(&[2, 2], Padding::Valid, Grouping::Groups(2)));
    check(
        &op,
        &[&image(), &sequence(&[2, 2, 1, 4])],
        &[1, 2, 2, 4],
        &[
            9.25, -3.5, -3.0, -2.5, 0.25, -3.5, 3.25, -1.0, 6.25, -3.5, -11.0, -2.0, -11.0, 10.25,
            6.25, -0.5,
        ],
    );
}

#[test]
fn a_depthwise_convolution_has_filters_per_channel() {
    let op = Op::Conv(conv(&[2, 2], Padding::Same, Grouping::Depthwise));
    check(
        &op,
        &[&image(), &sequence(&[2, 2, 2, 2])],
        &[1, 3, 2, 4],
        &[
            9.25, -3.5, -3.0, -2.5, 0.25, -3.5, 3.25, -1.0, 6.25, -3.5, -11.0, -2.0, -11.0, 10.25,
            6.25, -0.5, 1.75, -2.0, 0.5, -6.25, -7.0, 4.75, 3.5, 1.25,
        ],
    );
}

#[test]
fn convolutions_have_any_number_of_spatial_axes() {
    let op = Op::Conv(conv(&[2], Padding::Same, Grouping::Groups(1)));
    check(
        &op,
        &[&sequence(&[1, 5, 2]), &sequence(&[3, 2, 2])],
        &[1, 3, 2],
        &[1.5, -4.0, -6.75, 7.5, -3.0, 5.0],
    );
    let op = Op::Conv(conv(&[1, 1, 1], Padding::Valid, Grouping::Groups(1)));
    check(
        &op,
        &[&sequence(&[1, 3, 3, 2, 1]), &sequence(&[2, 2, 2, 1, 1])],
        &[1, 2, 2, 1, 1],
        &[11.5, -3.5, 7.75, -1.75],
    );
}

#[test]
fn a_transposed_convolution_is_the_gradient_of_one() {
    let same = conv(&[2, 2], Padding::Same, Grouping::Groups(1));
    let op = Op::ConvTranspose {
        conv: same,
        output: dims(&[1, 4, 4, 2]),
    };
    check(
        &op,
        &[&sequence(&[1, 2, 2, 3]), &sequence(&[3, 3, 2, 3])],
        &[1, 4, 4, 2],
        &[
            8.25, -4.25, -3.0, -1.75, -10.25, 4.0, 8.0, 7.25, -3.5, -2.25, 4.5, 5.75, 3.75, 4.25,
            -2.0, -2.75, -7.25, 5.0, 6.25, 2.0, -0.75, 8.75, 15.25, 7.0, -3.0, -3.0, -3.0, -3.0,
            -5.75, -5.0, -4.0, -3.25,
        ],
    );
    let depthwise = conv(&[1, 1], Padding::Valid, Grouping::Depthwise);
    let op = Op::ConvTranspose {
        conv: depthwise,
        output: dims(&[1, 3, 3, 2]),
    };
    check(
        &op,
        &[&sequence(&[1, 2, 2, 4]), &sequence(&[2, 2, 2, 2])],
        &[1, 3, 3, 2],
        &[
            7.25, 7.25, -5.5, -4.0, 2.5, 4.0, 13.0, -11.5, -13.5, -4.5, 4.0, 10.0, 6.25, 6.5, -7.0,
            -5.0, 2.0, 6.5,
        ],
    );
}

#[test]
fn channels_may_come_first() {
    let last = conv(&[2, 2], Padding::Same, Grouping::Depthwise);
    let kernel = sequence(&[2, 2, 2, 2]);
    let to_first = Op::Transpose(vec![0, 3, 1, 2]);
    let wanted = one(
        &to_first,
        &[&one(&Op::Conv(last.clone()), &[&image(), &kernel])],
    );
    let first = Op::Conv(Conv {
        channels: Channels::First,
        ..last
    });
    assert_eq!(
        one(&first, &[&one(&to_first, &[&image()]), &kernel]),
        wanted
    );
}

#[test]
fn an_average_leaves_padding_out() {
    let pool = |op, window: [usize; 2], strides: [usize; 2], padding| Op::Pool {
        op,
        window: window.to_vec(),
        strides: strides.to_vec(),
        padding,
        channels: Channels::Last,
    };
    check(
        &pool(Pooling::Average, [3, 2], [2, 2], Padding::Same),
        &[&image()],
        &[1, 3, 2, 2],
        &[
            -1.5, 0.625, 1.5, -0.5, -0.75, 0.0, 0.416667, 0.25, 0.0, -0.625, 0.25, 1.0,
        ],
    );
    check(
        &pool(Pooling::Max, [3, 2], [2, 2], Padding::Same),
        &[&image()],
        &[1, 3, 2, 2],
        &[-0.5, 2.5, 2.5, 0.5, 0.5, 2.5, 2.5, 1.5, 1.0, 2.5, 2.5, 2.0],
    );
    check(
        &pool(Pooling::Max, [2, 2], [1, 2], Padding::Valid),
        &[&image()],
        &[1, 4, 2, 2],
        &[
            -0.5, 2.5, 2.5, 0.5, 0.0, 2.0, 2.5, 1.0, 0.5, 2.5, 2.0, 1.5, 1.0, 2.5, 2.5, 2.0,
        ],
    );
}

fn resize(kind: Interpolation, sampling: Sampling, size: [i64; 2]) -> Op {
    let size = size.map(Dim::known);
    Op::Resize {
        mode: ResizeMode { kind, sampling },
        size,
        channels: Channels::Last,
    }
}

#[test]
fn nearest_pixels_follow_the_sampling() {
    let image = sequence(&[1, 3, 2, 1]);
    let op = |sampling, size| resize(Interpolation::Nearest, sampling, size);
    check(
        &op(Sampling::Legacy, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -2.5, 1.0, -2.5, -2.5, 1.0, -1.0, -1.0, 2.5, -1.0, -1.0, 2.5, 0.5, 0.5, -1.5,
        ],
    );
    check(
        &op(Sampling::Legacy, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, -1.0],
    );
    check(
        &op(Sampling::HalfPixel, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, 1.0, 1.0, -2.5, 1.0, 1.0, -1.0, 2.5, 2.5, 0.5, -1.5, -1.5, 0.5, -1.5, -1.5,
        ],
    );
    check(
        &op(Sampling::HalfPixel, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[1.0, -1.5],
    );
    check(
        &op(Sampling::AlignCorners, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, 1.0, 1.0, -1.0, 2.5, 2.5, -1.0, 2.5, 2.5, 0.5, -1.5, -1.5, 0.5, -1.5, -1.5,
        ],
    );
    check(
        &op(Sampling::AlignCorners, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, 0.5],
    );
}

#[test]
fn bilinear_weights_follow_the_sampling() {
    let image = sequence(&[1, 3, 2, 1]);
    let op = |sampling, size| resize(Interpolation::Bilinear, sampling, size);
    check(
        &op(Sampling::Legacy, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -0.166667, 1.0, -1.6, 0.733334, 1.9, -0.7, 0.9, 1.7, 0.2, -0.4, -0.7, 0.5,
            -0.833333, -1.5,
        ],
    );
    check(
        &op(Sampling::Legacy, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, -0.25],
    );
    check(
        &op(Sampling::HalfPixel, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -0.75, 1.0, -1.9, -0.15, 1.6, -1.0, 0.75, 2.5, -0.1, -0.0, 0.099999, 0.5, -0.5,
            -1.5,
        ],
    );
    check(
        &op(Sampling::HalfPixel, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-0.375, -0.1875],
    );
    check(
        &op(Sampling::AlignCorners, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -0.75, 1.0, -1.75, 0.0, 1.75, -1.0, 0.75, 2.5, -0.25, 0.125, 0.5, 0.5, -0.5, -1.5,
        ],
    );
    check(
        &op(Sampling::AlignCorners, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, 0.5],
    );
}

#[test]
fn bicubic_weights_follow_the_sampling() {
    let image = sequence(&[1, 3, 2, 1]);
    let op = |sampling, size| resize(Interpolation::Bicubic, sampling, size);
    check(
        &op(Sampling::Legacy, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -0.100618, 1.388889, -1.744598, 1.061861, 2.804075, -0.59164, 1.143413, 2.220511,
            0.271771, -0.434974, -0.873713, 0.661947, -1.116205, -2.220059,
        ],
    );
    check(
        &op(Sampling::Legacy, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, -0.109375],
    );
    check(
        &op(Sampling::HalfPixel, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.843899, -0.863288, 1.117322, -2.287314, -0.167158, 1.952998, -1.230611, 0.75,
            2.730611, 0.044963, 0.006251, -0.03246, 0.772436, -0.594407, -1.961249,
        ],
    );
    check(
        &op(Sampling::HalfPixel, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-0.437956, -0.229927],
    );
    check(
        &op(Sampling::AlignCorners, [5, 3]),
        &[&image],
        &[1, 5, 3, 1],
        &[
            -2.5, -0.75, 1.0, -1.890625, 0.117188, 2.125, -1.0, 0.75, 2.5, -0.109375, 0.265625,
            0.640625, 0.5, -0.5, -1.5,
        ],
    );
    check(
        &op(Sampling::AlignCorners, [2, 1]),
        &[&image],
        &[1, 2, 1, 1],
        &[-2.5, 0.5],
    );
}
