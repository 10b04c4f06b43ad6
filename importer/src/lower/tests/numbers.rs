//! Complex, random and listed numbers.

use super::support::{Operand, Test, arg, check, int, ints, ty};
use savedmodel_import_proto::DataType;

#[test]
fn the_magnitude_of_a_transform_is_that_of_its_parts() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[-1, 4]));
    let n = test.operand(&ints(&[4]));
    let spectrum = test.node("RFFT", &[], vec![x, n])[0];
    test.node("ComplexAbs", &[], vec![spectrum]);
    insta::assert_snapshot!(test.text(), @r#"
    %0 = Input(0) [] : [F32[s0, 4]]
    %2 = Fourier(OfReal) [%0] : [F32[s0, 3], F32[s0, 3]]
    %3 = Unary(Square) [%2] : [F32[s0, 3]]
    %4 = Unary(Square) [%2.1] : [F32[s0, 3]]
    %5 = Binary(Add) [%3, %4] : [F32[s0, 3]]
    %6 = Unary(Sqrt) [%5] : [F32[s0, 3]]
    return [%6]
    "#);
}

#[test]
fn a_complex_result_is_its_two_parts() {
    insta::assert_snapshot!(check("RFFT", &[], &[arg(&[-1, 4]), ints(&[4])]), @r#"
    %0 = Input(0) [] : [F32[s0, 4]]
    %2 = Fourier(OfReal) [%0] : [F32[s0, 3], F32[s0, 3]]
    return [%2, %2.1]
    "#);
}

#[test]
fn a_random_result_is_drawn() {
    insta::assert_snapshot!(check("RandomUniform", &[("dtype", ty(DataType::DtFloat))], &[ints(&[2])]), @r#"
    %1 = Host(Host(random::next, Text("node"), Integer(0), Integer(0), Extent(512))) [] : [U64[1], U64[2]]
    %2 = Host(Host(random::uniform, Extents([2]), Element(F32))) [%1, %1.1] : [F32[2]]
    return [%2]
    "#);
}

#[test]
fn a_dropout_that_keeps_everything_is_nothing() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[2]));
    let shape = test.operand(&ints(&[2]));
    let keep = test.operand(&Operand::Float(1.0));
    let random = test.node(
        "RandomUniform",
        &[("dtype", ty(DataType::DtFloat))],
        vec![shape],
    )[0];
    let sum = test.node("Add", &[], vec![random, keep])[0];
    let mask = test.node("Floor", &[], vec![sum])[0];
    test.node("Mul", &[], vec![x, mask]);
    insta::assert_snapshot!(test.text(), @r#"
    %0 = Input(0) [] : [F32[2]]
    return [%0]
    "#);
}

#[test]
fn a_list_of_all_rows_is_the_tensor() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[3, 2]));
    let shape = test.operand(&ints(&[2]));
    let list = test.node("TensorListFromTensor", &[], vec![x, shape])[0];
    test.node(
        "TensorListStack",
        &[("element_dtype", ty(DataType::DtFloat))],
        vec![list, shape],
    );
    insta::assert_snapshot!(test.text(), @r#"
    %0 = Input(0) [] : [F32[3, 2]]
    return [%0]
    "#);
}

#[test]
fn an_element_that_was_not_written_is_zeros() {
    let mut test = Test::default();
    let shape = test.operand(&ints(&[2]));
    let length = test.operand(&int(3));
    let list = test.node(
        "TensorListReserve",
        &[("element_dtype", ty(DataType::DtFloat))],
        vec![shape, length],
    )[0];
    let index = test.operand(&int(1));
    test.node(
        "TensorListGetItem",
        &[("element_dtype", ty(DataType::DtFloat))],
        vec![list, index, shape],
    );
    insta::assert_snapshot!(test.text(), @r#"
    %4 = Constant(F32[2] {0.0, 0.0}) [] : [F32[2]]
    return [%4]
    "#);
}

#[test]
fn a_list_of_unknown_length_is_the_rows_of_its_tensor() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[-1, 2]));
    let shape = test.operand(&ints(&[2]));
    let list = test.node("TensorListFromTensor", &[], vec![x, shape])[0];
    let index = test.operand(&int(1));
    test.node(
        "TensorListGetItem",
        &[("element_dtype", ty(DataType::DtFloat))],
        vec![list, index, shape],
    );
    insta::assert_snapshot!(test.text(), @r#"
    %0 = Input(0) [] : [F32[s0, 2]]
    %3 = Slice([SliceAxis { start: 1, length: 1, step: 1 }, SliceAxis { start: 0, length: 2, step: 1 }]) [%0] : [F32[1, 2]]
    %4 = Reshape([2]) [%3] : [F32[2]]
    return [%4]
    "#);
}
