//! Elementwise, shapes, slices and indices.

use super::support::{Operand, Test, arg, b, check, i, int, ints, ints_arg, s, tensor, ty};
use savedmodel_import_proto::DataType;

#[test]
fn relu6_is_one_clamp() {
    insta::assert_snapshot!(check("Relu6", &[], &[arg(&[-1, 3])]), @r"
    %0 = Input(0) [] : [F32[s0, 3]]
    %1 = Clamp { low: 0.0, high: 6.0 } [%0] : [F32[s0, 3]]
    return [%1]
    ");
}

#[test]
fn a_bias_of_channels_first_gets_axes_for_the_image() {
    insta::assert_snapshot!(check("BiasAdd", &[("data_format", s("NCHW"))], &[arg(&[-1, 3, 8, 8]), arg(&[3])]), @r"
    %0 = Input(0) [] : [F32[s0, 3, 8, 8]]
    %1 = Input(1) [] : [F32[3]]
    %2 = Reshape([3, 1, 1]) [%1] : [F32[3, 1, 1]]
    %3 = Binary(Add) [%0, %2] : [F32[s0, 3, 8, 8]]
    return [%3]
    ");
}

#[test]
fn an_unknown_word_lists_the_known_ones() {
    insta::assert_snapshot!(check("BiasAdd", &[("data_format", s("NHCW"))], &[arg(&[2, 3]), arg(&[3])]), @r"
    attribute `data_format` is `NHCW`; known are NHWC, NCHW, NDHWC, NCDHW, NWC, NCW
      --> BiasAdd `node`
    ");
}

#[test]
fn an_op_without_a_row_is_unsupported() {
    insta::assert_snapshot!(check("NextAfter", &[], &[arg(&[2, 2])]), @r"
    the op NextAfter is not supported
      --> NextAfter `node`
    ");
}

#[test]
fn one_extent_of_a_reshape_follows_from_the_others() {
    insta::assert_snapshot!(check("Reshape", &[], &[arg(&[-1, 7, 7, 64]), ints(&[-1, 3136])]), @r"
    %0 = Input(0) [] : [F32[s0, 7, 7, 64]]
    %2 = Reshape([s0, 3136]) [%0] : [F32[s0, 3136]]
    return [%2]
    ");
}

#[test]
fn a_reshape_to_the_same_type_is_nothing() {
    insta::assert_snapshot!(check("Reshape", &[], &[arg(&[2, 3]), ints(&[-1, 3])]), @r"
    %0 = Input(0) [] : [F32[2, 3]]
    return [%0]
    ");
}

#[test]
fn the_shape_of_an_argument_is_extents() {
    insta::assert_snapshot!(check("Shape", &[], &[arg(&[-1, 3])]), @r"
    %1 = Extents { dims: [s0, 3], scalar: false, dtype: I32 } [] : [I32[2]]
    return [%1]
    ");
}

#[test]
fn a_known_shape_is_a_constant() {
    insta::assert_snapshot!(check("Shape", &[], &[arg(&[2, 3])]), @r"
    %1 = Constant(I32[2] {2, 3}) [] : [I32[2]]
    return [%1]
    ");
}

#[test]
fn a_squeeze_without_axes_takes_all_ones() {
    insta::assert_snapshot!(check("Squeeze", &[], &[arg(&[1, -1, 1, 5])]), @r"
    %0 = Input(0) [] : [F32[1, s0, 1, 5]]
    %1 = Reshape([s0, 5]) [%0] : [F32[s0, 5]]
    return [%1]
    ");
}

#[test]
fn a_transpose_that_does_nothing_is_nothing() {
    insta::assert_snapshot!(check("Transpose", &[], &[arg(&[2, 3]), ints(&[0, 1])]), @r"
    %0 = Input(0) [] : [F32[2, 3]]
    return [%0]
    ");
}

#[test]
fn a_mask_frees_a_bound() {
    insta::assert_snapshot!(check("StridedSlice", &[("begin_mask", i(1)), ("end_mask", i(1))], &[arg(&[-1, 10]), ints(&[0, 2]), ints(&[0, -3]), ints(&[1, 2])]), @r"
    %0 = Input(0) [] : [F32[s0, 10]]
    %4 = Slice([SliceAxis { start: 0, length: s0, step: 1 }, SliceAxis { start: 2, length: 3, step: 2 }]) [%0] : [F32[s0, 3]]
    return [%4]
    ");
}

#[test]
fn a_negative_stride_reverses_first() {
    insta::assert_snapshot!(check("StridedSlice", &[("begin_mask", i(1)), ("end_mask", i(1))], &[arg(&[10]), ints(&[0]), ints(&[0]), ints(&[-2])]), @r"
    %0 = Input(0) [] : [F32[10]]
    %4 = Reverse { axes: [0] } [%0] : [F32[10]]
    %5 = Slice([SliceAxis { start: 0, length: 5, step: 2 }]) [%4] : [F32[5]]
    return [%5]
    ");
}

#[test]
fn an_ellipsis_a_new_axis_and_an_index() {
    insta::assert_snapshot!(check("StridedSlice", &[("ellipsis_mask", i(1)), ("new_axis_mask", i(2)), ("shrink_axis_mask", i(4))], &[arg(&[-1, 8, 4]), ints(&[0, 0, -1]), ints(&[0, 0, 0]), ints(&[1, 1, 1])]), @r"
    %0 = Input(0) [] : [F32[s0, 8, 4]]
    %4 = Slice([SliceAxis { start: 0, length: s0, step: 1 }, SliceAxis { start: 0, length: 8, step: 1 }, SliceAxis { start: 3, length: 1, step: 1 }]) [%0] : [F32[s0, 8, 1]]
    return [%4]
    ");
}

#[test]
fn an_end_beyond_a_free_axis_is_clamped() {
    insta::assert_snapshot!(check("StridedSlice", &[], &[arg(&[-1]), ints(&[0]), ints(&[3]), ints(&[1])]), @r"
    %0 = Input(0) [] : [F32[s0]]
    %4 = Slice([SliceAxis { start: 0, length: min(3, s0), step: 1 }]) [%0] : [F32[min(3, s0)]]
    return [%4]
    ");
}

#[test]
fn a_split_is_slices() {
    insta::assert_snapshot!(check("Split", &[("num_split", i(2))], &[int(1), arg(&[-1, 6])]), @r"
    %0 = Input(0) [] : [F32[s0, 6]]
    %2 = Slice([SliceAxis { start: 0, length: s0, step: 1 }, SliceAxis { start: 0, length: 3, step: 1 }]) [%0] : [F32[s0, 3]]
    %3 = Slice([SliceAxis { start: 0, length: s0, step: 1 }, SliceAxis { start: 3, length: 3, step: 1 }]) [%0] : [F32[s0, 3]]
    return [%2, %3]
    ");
}

#[test]
fn the_last_part_of_a_split_takes_the_rest() {
    insta::assert_snapshot!(check("SplitV", &[("num_split", i(2))], &[arg(&[6]), ints(&[2, -1]), int(0)]), @r"
    %0 = Input(0) [] : [F32[6]]
    %3 = Slice([SliceAxis { start: 0, length: 2, step: 1 }]) [%0] : [F32[2]]
    %4 = Slice([SliceAxis { start: 2, length: 4, step: 1 }]) [%0] : [F32[4]]
    return [%3, %4]
    ");
}

#[test]
fn a_stack_is_a_concatenation() {
    insta::assert_snapshot!(check("Pack", &[("axis", i(-1)), ("N", i(2))], &[arg(&[-1]), arg(&[-1])]), @r"
    %0 = Input(0) [] : [F32[s0]]
    %1 = Input(1) [] : [F32[s0]]
    %2 = Reshape([s0, 1]) [%0] : [F32[s0, 1]]
    %3 = Reshape([s0, 1]) [%1] : [F32[s0, 1]]
    %4 = Concat { axis: 1 } [%2, %3] : [F32[s0, 2]]
    return [%4]
    ");
}

#[test]
fn no_padding_is_nothing() {
    insta::assert_snapshot!(check("Pad", &[], &[arg(&[2]), Operand::Ints(&[1, 2], &[0, 0])]), @r"
    %0 = Input(0) [] : [F32[2]]
    return [%0]
    ");
}

#[test]
fn a_gather_reads_the_variable() {
    insta::assert_snapshot!(check("ResourceGather", &[], &[Operand::Variable, ints_arg(&[-1])]), @r"
    %0 = Input(0) [] : [I32[s0]]
    %1 = Param(ParamId(0)) [] : [F32[10, 4]]
    %2 = Gather { axis: 0, batch_dims: 0 } [%1, %0] : [F32[s0, 4]]
    return [%2]
    ");
}

#[test]
fn an_assigned_value_is_a_further_result() {
    insta::assert_snapshot!(check("AssignAddVariableOp", &[], &[Operand::Variable, arg(&[10, 4])]), @r"
    %0 = Input(0) [] : [F32[10, 4]]
    %1 = Param(ParamId(0)) [] : [F32[10, 4]]
    %2 = Binary(Add) [%1, %0] : [F32[10, 4]]
    return [%2]
    ");
    let scattered = check(
        "ResourceScatterAdd",
        &[],
        &[Operand::Variable, ints_arg(&[3]), arg(&[3, 4])],
    );
    insta::assert_snapshot!(scattered, @r"
    %0 = Input(0) [] : [I32[3]]
    %1 = Input(1) [] : [F32[3, 4]]
    %2 = Reshape([3, 1]) [%0] : [I32[3, 1]]
    %3 = Param(ParamId(0)) [] : [F32[10, 4]]
    %4 = ScatterNd { shape: [10, 4] } [%2, %1] : [F32[10, 4]]
    %5 = Binary(Add) [%3, %4] : [F32[10, 4]]
    return [%5]
    ");
}

#[test]
fn a_variable_keeps_its_shape() {
    insta::assert_snapshot!(check("AssignVariableOp", &[], &[Operand::Variable, arg(&[10, 5])]), @r"
    `v` of type float32[10, 4] is assigned a value of type float32[10, 5]
      --> AssignVariableOp `node`
      help: a variable of a generated module keeps its shape; `import run` has no such limit
    ");
}

#[test]
fn an_empty_list_of_axes_reduces_nothing() {
    insta::assert_snapshot!(check("Mean", &[], &[arg(&[2, 3]), ints(&[])]), @r"
    %0 = Input(0) [] : [F32[2, 3]]
    return [%0]
    ");
}

#[test]
fn axes_count_from_the_end() {
    insta::assert_snapshot!(check("Sum", &[("keep_dims", b(true))], &[arg(&[-1, 3]), int(-1)]), @r"
    %0 = Input(0) [] : [F32[s0, 3]]
    %2 = Reduce { op: Sum, axes: [1], keep: true } [%0] : [F32[s0, 1]]
    return [%2]
    ");
}

#[test]
fn a_fill_is_a_broadcast() {
    insta::assert_snapshot!(check("Fill", &[], &[ints(&[2, 2]), Operand::Float(1.5)]), @r"
    %2 = Constant(F32[2, 2] {1.5, 1.5, 1.5, 1.5}) [] : [F32[2, 2]]
    return [%2]
    ");
}

#[test]
fn a_range_of_constants_is_a_constant() {
    insta::assert_snapshot!(check("Range", &[], &[int(0), int(6), int(2)]), @r"
    %3 = Constant(I32[3] {0, 2, 4}) [] : [I32[3]]
    return [%3]
    ");
}

#[test]
fn a_cast_to_the_same_type_is_nothing() {
    insta::assert_snapshot!(check("Cast", &[("DstT", ty(DataType::DtFloat))], &[arg(&[2])]), @r"
    %0 = Input(0) [] : [F32[2]]
    return [%0]
    ");
}

#[test]
fn the_condition_of_the_first_select_chooses_rows() {
    insta::assert_snapshot!(check("Select", &[], &[Operand::Arg(crate::ir::DType::Bool, &[-1]), arg(&[-1, 3]), arg(&[-1, 3])]), @r"
    %0 = Input(0) [] : [Bool[s0]]
    %1 = Input(1) [] : [F32[s0, 3]]
    %2 = Input(2) [] : [F32[s0, 3]]
    %3 = Reshape([s0, 1]) [%0] : [Bool[s0, 1]]
    %4 = Select [%3, %1, %2] : [F32[s0, 3]]
    return [%4]
    ");
}

#[test]
fn a_constant_repeats_its_last_element() {
    let mut test = Test::default();
    let mut proto = tensor(DataType::DtFloat, &[3]);
    proto.float_val = vec![1.0, 2.0];
    test.constant(proto);
    insta::assert_snapshot!(test.text(), @r"
    %0 = Constant(F32[3] {1.0, 2.0, 2.0}) [] : [F32[3]]
    return [%0]
    ");
}

#[test]
fn a_constant_larger_than_memory_is_an_error() {
    let mut test = Test::default();
    test.constant(tensor(DataType::DtFloat, &[1 << 30, 1 << 30]));
    insta::assert_snapshot!(test.text(), @r"
    a constant of 1152921504606846976 equal elements is larger than 67108864
      --> Const `node`
    ");
}

#[test]
fn the_size_of_constants_is_checked_before_they_are_made() {
    let mut test = Test::default();
    test.constant(tensor(DataType::DtFloat, &[1 << 40]));
    insta::assert_snapshot!(test.text(), @r"
    a constant of 1099511627776 equal elements is larger than 67108864
      --> Const `node`
    ");
}

#[test]
fn extents_that_meet_are_one() {
    insta::assert_snapshot!(check("AddV2", &[], &[arg(&[-1, 3]), arg(&[-1, 3])]), @r#"
    %0 = Input(0) [] : [F32[s0, 3]]
    %1 = Input(1) [] : [F32[s0, 3]]
    %2 = Binary(Add) [%0, %1] : [F32[s0, 3]]
    return [%2]
    "#);
}
