//! Convolutions, pools and normalisations.

use super::support::{Operand, Test, arg, b, check, i, ints, list, s};
use savedmodel_import_proto::attr_value::Value;

#[test]
fn a_convolution_is_one_node() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 2, 2, 1])), ("padding", s("SAME"))], &[arg(&[-1, 224, 224, 3]), arg(&[3, 3, 3, 8])]), @"");
}

#[test]
fn channels_first_is_transposed() {
    insta::assert_snapshot!(check("MaxPool", &[("ksize", list(&[1, 1, 2, 2])), ("strides", list(&[1, 1, 2, 2])), ("padding", s("VALID")), ("data_format", s("NCHW"))], &[arg(&[-1, 3, 8, 8])]), @"");
}

#[test]
fn the_kernel_tells_the_groups() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 1, 1, 1])), ("padding", s("VALID"))], &[arg(&[1, 8, 8, 6]), arg(&[1, 1, 2, 9])]), @"");
}

#[test]
fn explicit_padding_is_per_spatial_axis() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[1, 1, 1, 1])), ("padding", s("EXPLICIT")), ("explicit_paddings", list(&[0, 0, 1, 2, 3, 4, 0, 0]))], &[arg(&[1, 8, 8, 2]), arg(&[3, 3, 2, 2])]), @"");
}

#[test]
fn strides_over_the_batch_are_not_supported() {
    insta::assert_snapshot!(check("Conv2D", &[("strides", list(&[2, 1, 1, 1])), ("padding", s("SAME"))], &[arg(&[1, 8, 8, 2]), arg(&[3, 3, 2, 2])]), @"");
}

#[test]
fn inference_takes_the_given_statistics() {
    insta::assert_snapshot!(first("FusedBatchNormV3", &[("is_training", b(false))], &[arg(&[-1, 8, 8, 2]), arg(&[2]), arg(&[2]), arg(&[2]), arg(&[2])]), @"");
}

#[test]
fn a_batch_norm_trains_unless_it_says_otherwise() {
    insta::assert_snapshot!(first("FusedBatchNormV3", &[], &[arg(&[2, 8, 8, 2]), arg(&[2]), arg(&[2]), arg(&[0]), arg(&[0])]), @"");
}

#[test]
fn a_resize_to_known_size_is_one_node() {
    insta::assert_snapshot!(check("ResizeBilinear", &[("half_pixel_centers", b(true))], &[arg(&[-1, 8, 8, 2]), ints(&[16, 16])]), @"");
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
    insta::assert_snapshot!(check("SpaceToDepth", &[("block_size", i(2))], &[arg(&[-1, 8, 8, 2])]), @"");
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
