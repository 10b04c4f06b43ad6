//! Matrix products and Einsum.

use super::support::{arg, b, check, s};

#[test]
fn a_product_keeps_its_transposes() {
    insta::assert_snapshot!(check("MatMul", &[("transpose_b", b(true))], &[arg(&[-1, 3]), arg(&[5, 3])]), @r"
    %0 = Input(0) [] : [F32[s0, 3]]
    %1 = Input(1) [] : [F32[5, 3]]
    %2 = MatMul { transpose_lhs: false, transpose_rhs: true } [%0, %1] : [F32[s0, 5]]
    return [%2]
    ");
}

#[test]
fn a_dense_layer_over_rows_is_one_product() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("abc,cd->abd"))], &[arg(&[-1, 7, 3]), arg(&[3, 5])]), @r"
    %0 = Input(0) [] : [F32[s0, 7, 3]]
    %1 = Input(1) [] : [F32[3, 5]]
    %2 = MatMul { transpose_lhs: false, transpose_rhs: false } [%0, %1] : [F32[s0, 7, 5]]
    return [%2]
    ");
}

#[test]
fn several_outputs_of_a_dense_layer_are_flattened() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("abc,cde->abde"))], &[arg(&[-1, 7, 6]), arg(&[6, 2, 3])]), @r"
    %0 = Input(0) [] : [F32[s0, 7, 6]]
    %1 = Input(1) [] : [F32[6, 2, 3]]
    %2 = Reshape([6, 6]) [%1] : [F32[6, 6]]
    %3 = MatMul { transpose_lhs: false, transpose_rhs: false } [%0, %2] : [F32[s0, 7, 6]]
    %4 = Reshape([s0, 7, 2, 3]) [%3] : [F32[s0, 7, 2, 3]]
    return [%4]
    ");
}

#[test]
fn several_inputs_of_a_dense_layer_are_flattened() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("abcd,cde->abe"))], &[arg(&[-1, 7, 2, 3]), arg(&[2, 3, 6])]), @r"
    %0 = Input(0) [] : [F32[s0, 7, 2, 3]]
    %1 = Input(1) [] : [F32[2, 3, 6]]
    %2 = Reshape([s0, 7, 6]) [%0] : [F32[s0, 7, 6]]
    %3 = Reshape([6, 6]) [%1] : [F32[6, 6]]
    %4 = MatMul { transpose_lhs: false, transpose_rhs: false } [%2, %3] : [F32[s0, 7, 6]]
    return [%4]
    ");
}

#[test]
fn attention_scores_are_a_batched_product() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("aecd,abcd->acbe"))], &[arg(&[-1, 5, 2, 3]), arg(&[-1, 4, 2, 3])]), @r"
    %0 = Input(0) [] : [F32[s0, 5, 2, 3]]
    %1 = Input(1) [] : [F32[s0, 4, 2, 3]]
    %2 = Transpose([0, 2, 1, 3]) [%1] : [F32[s0, 2, 4, 3]]
    %3 = Transpose([0, 2, 1, 3]) [%0] : [F32[s0, 2, 5, 3]]
    %4 = MatMul { transpose_lhs: false, transpose_rhs: true } [%2, %3] : [F32[s0, 2, 4, 5]]
    return [%4]
    ");
}

#[test]
fn attention_values_are_a_batched_product() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("acbe,aecd->abcd"))], &[arg(&[-1, 2, 4, 5]), arg(&[-1, 5, 2, 3])]), @r"
    %0 = Input(0) [] : [F32[s0, 2, 4, 5]]
    %1 = Input(1) [] : [F32[s0, 5, 2, 3]]
    %2 = Transpose([0, 2, 1, 3]) [%1] : [F32[s0, 2, 5, 3]]
    %3 = MatMul { transpose_lhs: false, transpose_rhs: false } [%0, %2] : [F32[s0, 2, 4, 3]]
    %4 = Transpose([0, 2, 1, 3]) [%3] : [F32[s0, 4, 2, 3]]
    return [%4]
    ");
}

#[test]
fn an_ellipsis_stands_for_leading_axes() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("...x,xy->...y"))], &[arg(&[-1, 4, 3]), arg(&[3, 5])]), @r"
    %0 = Input(0) [] : [F32[s0, 4, 3]]
    %1 = Input(1) [] : [F32[3, 5]]
    %2 = MatMul { transpose_lhs: false, transpose_rhs: false } [%0, %1] : [F32[s0, 4, 5]]
    return [%2]
    ");
}

#[test]
fn nothing_to_sum_is_a_product_by_broadcasting() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("ab,b->ab"))], &[arg(&[-1, 3]), arg(&[3])]), @r"
    %0 = Input(0) [] : [F32[s0, 3]]
    %1 = Input(1) [] : [F32[3]]
    %2 = Binary(Mul) [%0, %1] : [F32[s0, 3]]
    return [%2]
    ");
}

#[test]
fn an_equation_of_one_operand_sums_and_transposes() {
    insta::assert_snapshot!(check("Einsum", &[("equation", s("abc->ca"))], &[arg(&[2, 3, 4])]), @r"
    %0 = Input(0) [] : [F32[2, 3, 4]]
    %1 = Reduce { op: Sum, axes: [1], keep: false } [%0] : [F32[2, 4]]
    %2 = Transpose([1, 0]) [%1] : [F32[4, 2]]
    return [%2]
    ");
}

#[test]
fn a_diagonal_is_a_sum_over_one_axis_of_what_lies_on_it() {
    let lines = check("Einsum", &[("equation", s("ii->i"))], &[arg(&[3, 3])]);
    for part in ["Binary(Mul)", "Reduce { op: Sum, axes: [1]"] {
        assert!(lines.contains(part), "{lines}");
    }
}
