//! Convolutions, pools and normalisations.

use super::support::{Operand, Test, arg, b, check, i, ints, ints_arg, list, s};
use savedmodel_import_proto::attr_value::Value;

#[test]
fn a_convolution_is_one_node() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 2, 2, 1])), ("padding", s("SAME"))], &[arg(&[-1, 224, 224, 3]), arg(&[3, 3, 3, 8])]), @r"
    %0 = Input(0) [] : [F32[s0, 224, 224, 3]]
    %1 = Input(1) [] : [F32[3, 3, 3, 8]]
    %2 = Conv(Conv { strides: [2, 2], dilations: [1, 1], padding: Same, grouping: Groups(1), channels: Last }) [%0, %1] : [F32[s0, 112, 112, 8]]
    return [%2]
    ");
}

#[test]
fn channels_first_is_transposed() {
    insta::assert_snapshot!(check("MaxPool", &[("ksize", list(&[1, 1, 2, 2])), ("strides", list(&[1, 1, 2, 2])), ("padding", s("VALID")), ("data_format", s("NCHW"))], &[arg(&[-1, 3, 8, 8])]), @r"
    %0 = Input(0) [] : [F32[s0, 3, 8, 8]]
    %1 = Transpose([0, 2, 3, 1]) [%0] : [F32[s0, 8, 8, 3]]
    %2 = Pool { op: Max, window: [2, 2], strides: [2, 2], padding: Valid, channels: Last } [%1] : [F32[s0, 4, 4, 3]]
    %3 = Transpose([0, 3, 1, 2]) [%2] : [F32[s0, 3, 4, 4]]
    return [%3]
    ");
}

#[test]
fn the_kernel_tells_the_groups() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 1, 1, 1])), ("padding", s("VALID"))], &[arg(&[1, 8, 8, 6]), arg(&[1, 1, 2, 9])]), @r"
    %0 = Input(0) [] : [F32[1, 8, 8, 6]]
    %1 = Input(1) [] : [F32[1, 1, 2, 9]]
    %2 = Conv(Conv { strides: [1, 1], dilations: [1, 1], padding: Valid, grouping: Groups(3), channels: Last }) [%0, %1] : [F32[1, 8, 8, 9]]
    return [%2]
    ");
}

#[test]
fn explicit_padding_is_per_spatial_axis() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 1, 1, 1])), ("padding", s("EXPLICIT")), ("explicit_paddings", list(&[0, 0, 1, 2, 3, 4, 0, 0]))], &[arg(&[1, 8, 8, 2]), arg(&[3, 3, 2, 2])]), @r"
    %0 = Input(0) [] : [F32[1, 8, 8, 2]]
    %1 = Input(1) [] : [F32[3, 3, 2, 2]]
    %2 = Conv(Conv { strides: [1, 1], dilations: [1, 1], padding: Explicit([(1, 2), (3, 4)]), grouping: Groups(1), channels: Last }) [%0, %1] : [F32[1, 9, 13, 2]]
    return [%2]
    ");
}

#[test]
fn strides_over_the_batch_are_not_supported() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[2, 1, 1, 1])), ("padding", s("SAME"))], &[arg(&[1, 8, 8, 2]), arg(&[3, 3, 2, 2])]), @r"
    attribute `strides` is [2, 1, 1, 1], over batch or channels
      --> Conv2D `node`
    ");
}

#[test]
fn inference_takes_the_given_statistics() {
    insta::assert_snapshot!(first("FusedBatchNormV3", &[("is_training", b(false))], &[arg(&[-1, 8, 8, 2]), arg(&[2]), arg(&[2]), arg(&[2]), arg(&[2])]), @r"
    %0 = Input(0) [] : [F32[s0, 8, 8, 2]]
    %1 = Input(1) [] : [F32[2]]
    %2 = Input(2) [] : [F32[2]]
    %3 = Input(3) [] : [F32[2]]
    %4 = Input(4) [] : [F32[2]]
    %5 = BatchNorm { epsilon: 0.0001, scale: true, offset: true, channels: Last } [%0, %3, %4, %1, %2] : [F32[s0, 8, 8, 2]]
    return [%5]
    ");
}

#[test]
fn a_batch_norm_trains_unless_it_says_otherwise() {
    insta::assert_snapshot!(first("FusedBatchNormV3", &[], &[arg(&[2, 8, 8, 2]), arg(&[2]), arg(&[2]), arg(&[0]), arg(&[0])]), @r"
    %0 = Input(0) [] : [F32[2, 8, 8, 2]]
    %1 = Input(1) [] : [F32[2]]
    %2 = Input(2) [] : [F32[2]]
    %5 = Reduce { op: Mean, axes: [0, 1, 2], keep: true } [%0] : [F32[1, 1, 1, 2]]
    %6 = Binary(Sub) [%0, %5] : [F32[2, 8, 8, 2]]
    %7 = Unary(Square) [%6] : [F32[2, 8, 8, 2]]
    %8 = Reduce { op: Mean, axes: [0, 1, 2], keep: true } [%7] : [F32[1, 1, 1, 2]]
    %9 = Constant(F32[] {0.0001}) [] : [F32[]]
    %10 = Binary(Add) [%8, %9] : [F32[1, 1, 1, 2]]
    %11 = Unary(Rsqrt) [%10] : [F32[1, 1, 1, 2]]
    %12 = Binary(Mul) [%6, %11] : [F32[2, 8, 8, 2]]
    %13 = Binary(Mul) [%12, %1] : [F32[2, 8, 8, 2]]
    %14 = Binary(Add) [%13, %2] : [F32[2, 8, 8, 2]]
    return [%14]
    ");
}

#[test]
fn a_resize_to_known_size_is_one_node() {
    insta::assert_snapshot!(check("ResizeBilinear", &[("half_pixel_centers", b(true))], &[arg(&[-1, 8, 8, 2]), ints(&[16, 16])]), @r"
    %0 = Input(0) [] : [F32[s0, 8, 8, 2]]
    %2 = Resize { mode: ResizeMode { kind: Bilinear, sampling: HalfPixel }, size: [16, 16], channels: Last } [%0] : [F32[s0, 16, 16, 2]]
    return [%2]
    ");
}

#[test]
fn a_convolution_between_batch_moves_is_dilated() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[-1, 8, 8, 2]));
    let kernel = test.operand(&arg(&[3, 3, 2, 2]));
    let blocks = test.operand(&ints(&[2, 2]));
    let widths = test.operand(&Operand::Ints(&[2, 2], &[2, 2, 2, 2]));
    let none = test.operand(&Operand::Ints(&[2, 2], &[0, 0, 0, 0]));
    let spread = test.node("SpaceToBatchND", &[], vec![x, blocks, widths])[0];
    let y = test.node(
        "Conv2D",
        &[("strides", list(&[1, 1, 1, 1])), ("padding", s("VALID"))],
        vec![spread, kernel],
    )[0];
    test.node("BatchToSpaceND", &[], vec![y, blocks, none]);
    insta::assert_snapshot!(test.text(), @r#"
    %0 = Input(0) [] : [F32[s0, 8, 8, 2]]
    %1 = Input(1) [] : [F32[3, 3, 2, 2]]
    %11 = Conv(Conv { strides: [1, 1], dilations: [2, 2], padding: Explicit([(2, 2), (2, 2)]), grouping: Groups(1), channels: Last }) [%0, %1] : [F32[s0, 8, 8, 2]]
    return [%11]
    "#);
}

#[test]
fn space_to_depth_moves_blocks() {
    insta::assert_snapshot!(check("SpaceToDepth", &[("block_size", i(2))], &[arg(&[-1, 8, 8, 2])]), @r"
    %0 = Input(0) [] : [F32[s0, 8, 8, 2]]
    %1 = Reshape([s0, 4, 2, 4, 2, 2]) [%0] : [F32[s0, 4, 2, 4, 2, 2]]
    %2 = Transpose([0, 1, 3, 2, 4, 5]) [%1] : [F32[s0, 4, 4, 2, 2, 2]]
    %3 = Reshape([s0, 4, 4, 8]) [%2] : [F32[s0, 4, 4, 8]]
    return [%3]
    ");
}

#[test]
fn what_is_no_image_has_no_transposed_convolution() {
    let attrs = [("strides", list(&[1, 2, 2, 1])), ("padding", s("VALID"))];
    let operands = [ints_arg(&[4]), arg(&[3, 3, 2, 3]), arg(&[])];
    insta::assert_snapshot!(check("Conv2DBackpropInput", &attrs, &operands), @r"
    the operand is not an image
      --> Conv2DBackpropInput `node`
    ");
}

#[test]
fn an_extent_of_data_is_read_where_nothing_else_tells_it() {
    let attrs = [("strides", list(&[1, 2, 2, 1])), ("padding", s("SAME"))];
    let operands = [ints_arg(&[4]), arg(&[3, 3, 2, 3]), arg(&[-1, 4, 4, 3])];
    insta::assert_snapshot!(check("Conv2DBackpropInput", &attrs, &operands), @r"
    %0 = Input(0) [] : [I32[4]]
    %1 = Input(1) [] : [F32[3, 3, 2, 3]]
    %2 = Input(2) [] : [F32[s0, 4, 4, 3]]
    %3 = ReadExtents([d1, d2, d3, d4]) [%0] : [I32[4]]
    %4 = ConvTranspose { conv: Conv { strides: [2, 2], dilations: [1, 1], padding: Same, grouping: Groups(1), channels: Last }, output: [s0, d2, d3, 2] } [%2, %1] : [F32[s0, d2, d3, 2]]
    return [%4]
    ");
}

/// The first result of a node of several.
fn first(op: &str, attrs: &[(&str, Value)], operands: &[Operand]) -> String {
    let mut test = Test::default();
    let inputs = operands
        .iter()
        .map(|operand| test.operand(operand))
        .collect();
    test.node(op, attrs, inputs);
    test.first_result().text()
}
