//! Elementwise ops, casts, and what happens at the edges of number types.

#![allow(clippy::approx_constant, reason = "these are TensorFlow's digits")]

use super::*;
use crate::ir::{Binary, Comparison, Unary};
use num_complex::Complex32;

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

fn same_shape(op: &Op, operands: &[&Tensor], wanted: &[f64]) {
    check(op, operands, &[wanted.len()], wanted);
}

#[test]
fn activations_are_tensorflows() {
    let x = floats(&[-2.5, -0.5, 0.0, 0.75, 3.0]);
    let of = |f, shape: &[usize], wanted: &[f64]| check(&Op::Unary(f), &[&x], shape, wanted);
    of(
        Unary::Sigmoid,
        &[5],
        &[0.075858, 0.377541, 0.5, 0.679179, 0.952574],
    );
    of(
        Unary::Softplus,
        &[5],
        &[0.07889, 0.474077, 0.693147, 1.136871, 3.048587],
    );
    of(
        Unary::Softsign,
        &[5],
        &[-0.714286, -0.333333, 0.0, 0.428571, 0.75],
    );
    of(
        Unary::Elu { alpha: 1.0 },
        &[5],
        &[-0.917915, -0.393469, 0.0, 0.75, 3.0],
    );
    of(
        Unary::Selu,
        &[5],
        &[-1.613786, -0.691758, 0.0, 0.788026, 3.152103],
    );
    of(
        Unary::LeakyRelu { alpha: 0.3 },
        &[5],
        &[-0.75, -0.15, 0.0, 0.75, 3.0],
    );
    of(
        Unary::Gelu { approximate: true },
        &[5],
        &[-0.015084, -0.154286, 0.0, 0.579961, 2.996363],
    );
    of(
        Unary::Gelu { approximate: false },
        &[5],
        &[-0.015524, -0.154269, 0.0, 0.580029, 2.99595],
    );
    of(
        Unary::Silu,
        &[5],
        &[-0.189645, -0.18877, 0.0, 0.509384, 2.857722],
    );
    of(
        Unary::HardSigmoid,
        &[5],
        &[0.083333, 0.416667, 0.5, 0.625, 1.0],
    );
    of(
        Unary::HardSwish,
        &[5],
        &[-0.208333, -0.208333, 0.0, 0.46875, 3.0],
    );
    of(
        Unary::LogSigmoid,
        &[5],
        &[-2.57889, -0.974077, -0.693147, -0.386871, -0.048587],
    );
    of(
        Unary::Erf,
        &[5],
        &[-0.999593, -0.5205, 0.0, 0.711156, 0.999978],
    );
    of(
        Unary::Erfc,
        &[5],
        &[1.999593, 1.5205, 1.0, 0.288844, 2.2e-05],
    );
    of(
        Unary::Expm1,
        &[5],
        &[-0.917915, -0.393469, 0.0, 1.117, 19.085537],
    );
    of(
        Unary::Asinh,
        &[5],
        &[-1.647231, -0.481212, 0.0, 0.693147, 1.818447],
    );
    of(
        Unary::Tanh,
        &[5],
        &[-0.986614, -0.462117, 0.0, 0.635149, 0.995055],
    );
}

#[test]
fn gamma_functions_have_poles() {
    let x = floats(&[0.5, -0.5, 0.0, -1.0, 10.0, -2.5]);
    let infinity = f64::INFINITY;
    same_shape(
        &Op::Unary(Unary::Lgamma),
        &[&x],
        &[
            0.5723649,
            1.2655121,
            infinity,
            infinity,
            12.801827,
            -0.05624371,
        ],
    );
    let wanted = [
        -1.963_510_7,
        0.036489964,
        f64::NAN,
        f64::NAN,
        2.2517526,
        1.1031568,
    ];
    same_shape(&Op::Unary(Unary::Digamma), &[&x], &wanted);
}

#[test]
fn halves_round_to_even() {
    let x = floats(&[0.5, 1.5, 2.5, -0.5, -1.5, 3.3]);
    same_shape(
        &Op::Unary(Unary::Round),
        &[&x],
        &[0.0, 2.0, 2.0, 0.0, -2.0, 3.0],
    );
}

#[test]
fn a_nan_passes_extremes_and_clamps() {
    let (x, y) = (floats(&[NAN, 1.0, NAN, 2.0]), floats(&[1.0, NAN, NAN, 3.0]));
    let nan = f64::NAN;
    same_shape(
        &Op::Binary(Binary::Maximum),
        &[&x, &y],
        &[nan, nan, nan, 3.0],
    );
    same_shape(
        &Op::Binary(Binary::Minimum),
        &[&x, &y],
        &[nan, nan, nan, 2.0],
    );
    same_shape(
        &Op::Clamp {
            low: 0.0,
            high: 1.0,
        },
        &[&x],
        &[nan, 1.0, nan, 1.0],
    );
    same_shape(&Op::Unary(Unary::Relu), &[&x], &[nan, 1.0, nan, 2.0]);
    same_shape(
        &Op::Unary(Unary::Sign),
        &[&floats(&[NAN, 0.0, -2.0])],
        &[nan, 0.0, -1.0],
    );
}

#[test]
fn a_floor_modulus_has_the_divisors_sign() {
    let op = Op::Binary(Binary::FloorMod);
    same_shape(
        &op,
        &[
            &integers(&[5], &[-7, 7, -7, 7, 0]),
            &integers(&[5], &[3, -3, -3, 3, 3]),
        ],
        &[2.0, -2.0, -1.0, 1.0, 0.0],
    );
    let (x, y) = (
        floats(&[-7.5, 7.5, -7.5, 7.5, 5.0, INF, 1.0, -1.0]),
        floats(&[3.0, -3.0, -3.0, 3.0, INF, 3.0, 0.0, INF]),
    );
    same_shape(
        &op,
        &[&x, &y],
        &[1.5, -1.5, -1.5, 1.5, 5.0, f64::NAN, f64::NAN, f64::INFINITY],
    );
    let op = Op::Binary(Binary::TruncMod);
    same_shape(
        &op,
        &[&integers(&[2], &[-7, 7]), &integers(&[2], &[3, -3])],
        &[-1.0, 1.0],
    );
}

#[test]
fn quotients_round_down_or_towards_zero() {
    let (x, y) = (
        integers(&[4], &[-7, 7, -7, 7]),
        integers(&[4], &[3, -3, -3, 3]),
    );
    same_shape(
        &Op::Binary(Binary::FloorDiv),
        &[&x, &y],
        &[-3.0, -3.0, 2.0, 2.0],
    );
    same_shape(&Op::Binary(Binary::Div), &[&x, &y], &[-2.0, -2.0, 2.0, 2.0]);
    same_shape(
        &Op::Binary(Binary::FloorDiv),
        &[&floats(&[0.6, -7.5, 1.0]), &floats(&[0.2, 3.0, INF])],
        &[3.0, -3.0, 0.0],
    );
    same_shape(
        &Op::Binary(Binary::Div),
        &[&integers(&[1], &[-2147483648]), &integers(&[1], &[-1])],
        &[-2147483648.0],
    );
}

#[test]
fn integers_are_not_divided_by_zero() {
    let error = eval(
        &Op::Binary(Binary::FloorDiv),
        &[&integers(&[], &[1]), &integers(&[], &[0])],
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("an integer is divided by zero"),
        "{error}"
    );
}

#[test]
fn powers_wrap_and_roots_of_negatives_are_nan() {
    let (x, y) = (
        integers(&[4], &[2, -2, 0, 3]),
        integers(&[4], &[3, 3, 0, 40]),
    );
    same_shape(
        &Op::Binary(Binary::Pow),
        &[&x, &y],
        &[8.0, -8.0, 1.0, 689956897.0],
    );
    let (x, y) = (floats(&[-2.0, -2.0, 0.0]), floats(&[3.0, 0.5, -1.0]));
    same_shape(
        &Op::Binary(Binary::Pow),
        &[&x, &y],
        &[-8.0, f64::NAN, f64::INFINITY],
    );
}

#[test]
fn zero_times_anything_is_zero_where_the_op_says_so() {
    same_shape(
        &Op::Binary(Binary::Xlogy),
        &[&floats(&[0.0, 0.0, 2.0]), &floats(&[0.0, NAN, 3.0])],
        &[0.0, 0.0, 2.1972246],
    );
    same_shape(
        &Op::Binary(Binary::Xdivy),
        &[&floats(&[0.0, 0.0, 2.0]), &floats(&[0.0, NAN, 4.0])],
        &[0.0, 0.0, 0.5],
    );
    same_shape(
        &Op::Binary(Binary::DivNoNan),
        &[&floats(&[1.0, 2.0, NAN]), &floats(&[0.0, 4.0, 0.0])],
        &[0.0, 0.5, 0.0],
    );
}

#[test]
fn shifts_stop_at_the_width() {
    let shift = |f, x: &[i64], y: &[i64], wanted: &[f64]| {
        same_shape(
            &Op::Binary(f),
            &[&integers(&[x.len()], x), &integers(&[y.len()], y)],
            wanted,
        );
    };
    shift(
        Binary::ShiftLeft,
        &[1, 1, -1],
        &[31, 32, -1],
        &[-2147483648.0, -2147483648.0, -1.0],
    );
    shift(
        Binary::ShiftRight,
        &[-8, -8, 8],
        &[1, 33, -1],
        &[-4.0, -1.0, 8.0],
    );
}

#[test]
fn casts_truncate_and_wrap_through_a_register() {
    let x = floats(&[300.7, -300.7, -1.5, 1e20, NAN, 200.0]);
    let cast = |dtype, wanted: &[f64]| same_shape(&Op::Cast(dtype), &[&x], wanted);
    cast(DType::I8, &[44.0, -44.0, -1.0, 0.0, 0.0, -56.0]);
    cast(DType::U8, &[44.0, 212.0, 255.0, 0.0, 0.0, 200.0]);
    let lowest = -2147483648.0;
    cast(DType::I32, &[300.0, -300.0, -1.0, lowest, lowest, 200.0]);
    let lowest = -9223372036854775808.0;
    cast(DType::I64, &[300.0, -300.0, -1.0, lowest, lowest, 200.0]);
    let truth = one(&Op::Cast(DType::Bool), &[&floats(&[0.0, -0.5, NAN])]);
    assert_eq!(truth.elements::<bool>().unwrap(), [false, true, true]);
}

#[test]
fn only_inequality_holds_for_nan() {
    let x = floats(&[NAN, 1.0]);
    let holds = |f| {
        one(&Op::Compare(f), &[&x, &x])
            .elements::<bool>()
            .unwrap()
            .to_vec()
    };
    assert_eq!(holds(Comparison::Equal), [false, true]);
    assert_eq!(holds(Comparison::NotEqual), [true, false]);
    assert_eq!(holds(Comparison::GreaterEqual), [false, true]);
    assert_eq!(holds(Comparison::Less), [false, false]);
}

#[test]
fn a_choice_broadcasts_all_three() {
    let condition = Tensor::new(&[2, 1], vec![true, false]).unwrap();
    check(
        &Op::Select,
        &[&condition, &floats(&[1.0, 2.0]), &scalar(9.0)],
        &[2, 2],
        &[1.0, 2.0, 9.0, 9.0],
    );
}

#[test]
fn complex_numbers_are_pairs() {
    let x = Tensor::new(
        &[2],
        vec![Complex32::new(1.0, 2.0), Complex32::new(-0.5, 0.25)],
    )
    .unwrap();
    check(&Op::Unary(Unary::Abs), &[&x], &[2], &[2.236068, 0.559017]);
    let near = |op: &Op, operands: &[&Tensor], wanted: [(f32, f32); 2]| {
        let result = one(op, operands);
        for (x, (re, im)) in result.elements::<Complex32>().unwrap().iter().zip(wanted) {
            assert!(
                (x - Complex32::new(re, im)).norm() < 1e-5,
                "{op:?} gives {x}"
            );
        }
    };
    near(
        &Op::Unary(Unary::Exp),
        &[&x],
        [(-1.1312044, 2.4717267), (0.5876751, 0.15005809)],
    );
    near(
        &Op::Unary(Unary::Rsqrt),
        &[&x],
        [(0.56886446, -0.35157758), (0.30729008, -1.3017017)],
    );
    let y = one(&Op::Reverse { axes: vec![0] }, &[&x]);
    near(
        &Op::Binary(Binary::Div),
        &[&x, &y],
        [(0.0, -4.0), (0.0, 0.25)],
    );
}
