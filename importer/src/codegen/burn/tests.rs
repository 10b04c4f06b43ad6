use super::super::operand::{Arg, Body, Place};
use super::op::op;
use crate::eval::Tensor;
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Type, Unary};
use crate::plan::Struct;
use std::collections::BTreeSet;
use std::sync::Arc;

fn ty(dtype: DType, shape: &[i64]) -> Type {
    let dims: Vec<Dim> = shape.iter().map(|&size| Dim::known(size)).collect();
    Type::new(dtype, dims)
}

fn local(name: &str, shape: &[i64]) -> Arg {
    let place = Place::Local {
        name: name.to_owned(),
        borrowed: false,
    };
    Arg {
        place,
        ty: ty(DType::F32, shape),
        last: true,
    }
}

fn constant(value: f64) -> Arg {
    let value = Tensor::scalar(value, DType::F32).expect("a number");
    Arg {
        place: Place::Literal(Arc::new(value)),
        ty: ty(DType::F32, &[]),
        last: true,
    }
}

#[track_caller]
fn check(action: Op, args: &[Arg], result: &[i64], expect: &str) {
    let structure = Struct {
        name: String::new(),
        docs: vec![],
        example: String::new(),
        args: vec![],
        config: None,
        fields: vec![],
        methods: vec![],
    };
    let method = crate::codegen::structure::no_method();
    let mut uses = BTreeSet::new();
    let mut body = Body::new(&structure, &method, &mut uses);
    let value =
        op(&mut body, &action, args, &[ty(DType::F32, result)]).expect("an op that burn has");
    assert_eq!(value.to_string(), expect);
}

#[test]
fn relu6_is_two_bounds() {
    let clamp = Op::Clamp {
        low: 0.0,
        high: 6.0,
    };
    check(clamp, &[local("x", &[2, 3])], &[2, 3], "x.clamp(0.0, 6.0)");
}

#[test]
fn what_a_mask_hides_is_filled() {
    let mut mask = local("mask", &[2, 1]);
    mask.ty = ty(DType::Bool, &[2, 1]);
    let (x, low) = (local("x", &[2, 3]), constant(-1e9));
    check(
        Op::Select,
        &[mask.clone(), low.clone(), x.clone()],
        &[2, 3],
        "x.mask_fill(mask, -1000000000.0)",
    );
    check(
        Op::Select,
        &[mask, x, low],
        &[2, 3],
        "x.mask_fill(mask.bool_not(), -1000000000.0)",
    );
}

#[test]
fn the_operand_of_lower_rank_is_lifted() {
    let args = [local("x", &[4, 2, 3]), local("bias", &[3])];
    check(
        Op::Binary(Binary::Add),
        &args,
        &[4, 2, 3],
        "x + bias.unsqueeze::<3>()",
    );
}

#[test]
fn a_value_that_is_read_again_is_cloned() {
    let x = Arg {
        last: false,
        ..local("x", &[2])
    };
    check(Op::Unary(Unary::Tanh), &[x], &[2], "x.clone().tanh()");
}

#[test]
fn numbers_are_scalar_operands() {
    let x = || local("x", &[2, 3]);
    check(
        Op::Binary(Binary::Mul),
        &[x(), constant(0.5)],
        &[2, 3],
        "x * 0.5",
    );
    check(
        Op::Binary(Binary::Sub),
        &[constant(1.0), x()],
        &[2, 3],
        "-x + 1.0",
    );
    check(
        Op::Binary(Binary::Div),
        &[constant(1.0), x()],
        &[2, 3],
        "x.recip()",
    );
    check(
        Op::Compare(Comparison::Less),
        &[constant(1.0), x()],
        &[2, 3],
        "x.greater_scalar(1.0)",
    );
}

#[test]
fn reductions_squeeze_their_axes_out() {
    let reduce = |keep| Op::Reduce {
        op: Reduction::Mean,
        axes: vec![1, 2],
        keep,
    };
    let x = || local("x", &[8, 4, 4, 3]);
    check(reduce(true), &[x()], &[8, 1, 1, 3], "x.mean_dims(&[1, 2])");
    check(
        reduce(false),
        &[x()],
        &[8, 3],
        "x.mean_dims(&[1, 2]).squeeze_dims::<2>(&[1, 2])",
    );
}

#[test]
fn a_reduction_of_all_axes_gives_one_element() {
    let reduce = Op::Reduce {
        op: Reduction::Sum,
        axes: vec![0, 1],
        keep: false,
    };
    check(reduce, &[local("x", &[2, 3])], &[], "x.sum()");
}

#[test]
fn a_reshape_that_adds_one_axis_says_where() {
    let reshape = |to: &[i64]| Op::Reshape(to.iter().map(|&size| Dim::known(size)).collect());
    check(
        reshape(&[2, 1, 3]),
        &[local("x", &[2, 3])],
        &[2, 1, 3],
        "x.unsqueeze_dim::<3>(1)",
    );
    check(
        reshape(&[1, 8, 1, 1]),
        &[local("x", &[1, 1, 8])],
        &[1, 8, 1, 1],
        "x.reshape([1, 8, 1, 1])",
    );
}

#[test]
fn a_matrix_beside_many_axes_is_a_linear_map() {
    let args = [local("x", &[4, 2, 3]), local("w", &[5, 3])];
    let product = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: true,
    };
    check(product, &args, &[4, 2, 5], "linear(x, w.transpose(), None)");
}

#[test]
fn the_value_elsewhere_outlives_its_reading() {
    let x = || Arg {
        last: false,
        ..local("x", &[2])
    };
    let args = [local("mask", &[2]), x(), local("x", &[2])];
    check(
        Op::Select,
        &args,
        &[2],
        "x.clone().mask_where(mask, x.clone())",
    );
}
