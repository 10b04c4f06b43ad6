//! Variables, and branches with a known predicate.

use super::support::{Operand, Test, arg, check, i};

#[test]
fn a_variable_is_read_once() {
    let mut test = Test::default();
    let v = test.operand(&Operand::Variable);
    let a = test.node("ReadVariableOp", &[], vec![v])[0];
    let c = test.node("ReadVariableOp", &[], vec![v])[0];
    test.node("AddV2", &[], vec![a, c]);
    insta::assert_snapshot!(test.text(), @r"
    %0 = Param(ParamId(0)) [] : [F32[10, 4]]
    %1 = Binary(Add) [%0, %0] : [F32[10, 4]]
    return [%1]
    ");
}

#[test]
fn a_branch_that_is_not_taken_leaves_nothing() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[2]));
    let p = test.operand(&Operand::Bool(false));
    let out = test.node("Switch", &[], vec![x, p]);
    let taken = test.node("Relu", &[], vec![out[0]])[0];
    let other = test.node("Exp", &[], vec![out[1]])[0];
    test.node("Merge", &[("N", i(2))], vec![taken, other]);
    insta::assert_snapshot!(test.first_result().text(), @r"
    %0 = Input(0) [] : [F32[2]]
    %2 = Unary(Relu) [%0] : [F32[2]]
    return [%2]
    ");
}

#[test]
fn a_predicate_that_depends_on_inputs_is_unsupported() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[2]));
    let p = test.operand(&Operand::Arg(crate::ir::DType::Bool, &[]));
    test.node("Switch", &[], vec![x, p]);
    insta::assert_snapshot!(test.text(), @r"
    control flow whose predicate depends on the inputs
      --> Switch `node`
    ");
}

#[test]
fn a_placeholder_with_default_has_its_default() {
    insta::assert_snapshot!(check("PlaceholderWithDefault", &[], &[Operand::Bool(false)]), @r"
    %0 = Constant(Bool[] {false}) [] : [Bool[]]
    return [%0]
    ");
}

#[test]
fn all_unsupported_ops_are_reported_together() {
    let mut test = Test::default();
    let x = test.operand(&arg(&[2, 2]));
    let a = test.node("NextAfter", &[], vec![x])[0];
    let c = test.node("Fingerprint", &[], vec![x])[0];
    test.node("AddV2", &[], vec![a, c]);
    insta::assert_snapshot!(test.text(), @r"
    the op NextAfter is not supported
      --> NextAfter `node`
    the op Fingerprint is not supported
      --> Fingerprint `node`
    ");
}
