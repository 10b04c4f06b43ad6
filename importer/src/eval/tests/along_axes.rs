//! Reductions, matrix products and normalisations.

use super::*;
use crate::ir::{Channels, Extreme, Reduction};

const NAN: f32 = f32::NAN;

fn reduce(op: Reduction, axes: &[usize]) -> Op {
    Op::Reduce {
        op,
        axes: axes.to_vec(),
        keep: false,
    }
}

#[test]
fn a_nan_is_the_extreme_of_a_reduction() {
    check(
        &reduce(Reduction::Max, &[0]),
        &[&floats(&[1.0, NAN, 2.0])],
        &[],
        &[f64::NAN],
    );
    check(
        &reduce(Reduction::Min, &[0]),
        &[&floats(&[1.0, NAN, 2.0])],
        &[],
        &[f64::NAN],
    );
}

#[test]
fn a_nan_has_no_extreme_index() {
    let index = |op| Op::ArgReduce {
        op,
        axis: 0,
        dtype: DType::I64,
    };
    check(
        &index(Extreme::Max),
        &[&floats(&[1.0, NAN, 3.0, 3.0])],
        &[],
        &[2.0],
    );
    check(
        &index(Extreme::Min),
        &[&floats(&[1.0, NAN, 3.0, 3.0])],
        &[],
        &[0.0],
    );
    check(
        &index(Extreme::Max),
        &[&floats(&[NAN, 1.0, 3.0])],
        &[],
        &[2.0],
    );
}

#[test]
fn integer_means_truncate_and_sums_wrap() {
    check(
        &reduce(Reduction::Mean, &[0]),
        &[&integers(&[3], &[1, 2, 4])],
        &[],
        &[2.0],
    );
    check(
        &reduce(Reduction::Mean, &[0]),
        &[&integers(&[3], &[-1, -2, -4])],
        &[],
        &[-2.0],
    );
    let bytes = Tensor::new(&[2], vec![200u8, 100]).unwrap();
    check(&reduce(Reduction::Sum, &[0]), &[&bytes], &[], &[44.0]);
    check(&reduce(Reduction::Mean, &[0]), &[&bytes], &[], &[150.0]);
    check(
        &reduce(Reduction::Product, &[0]),
        &[&integers(&[2], &[70000, 70000])],
        &[],
        &[605032704.0],
    );
}

#[test]
fn nothing_reduces_to_the_neutral_element() {
    let nothing = sequence(&[0]);
    check(
        &reduce(Reduction::Max, &[0]),
        &[&nothing],
        &[],
        &[f64::NEG_INFINITY],
    );
    check(
        &reduce(Reduction::Mean, &[0]),
        &[&nothing],
        &[],
        &[f64::NAN],
    );
    check(&reduce(Reduction::Product, &[0]), &[&nothing], &[], &[1.0]);
    check(
        &reduce(Reduction::Max, &[0]),
        &[&integers(&[0], &[])],
        &[],
        &[-2147483648.0],
    );
    check(
        &reduce(Reduction::Mean, &[0]),
        &[&integers(&[0], &[])],
        &[],
        &[0.0],
    );
}

#[test]
fn kept_axes_have_one_element() {
    let x = Tensor::new(&[2, 2, 2], (0..8).map(|i| i as f32).collect()).unwrap();
    let op = Op::Reduce {
        op: Reduction::Sum,
        axes: vec![0, 2],
        keep: true,
    };
    check(&op, &[&x], &[1, 2, 1], &[10.0, 18.0]);
    check(
        &reduce(Reduction::Sum, &[1]),
        &[&x],
        &[2, 2],
        &[2.0, 4.0, 10.0, 12.0],
    );
}

#[test]
fn a_running_sum_may_exclude_and_reverse() {
    let x = floats(&[1.0, 2.0, 3.0]);
    let sum = |exclusive, reverse| Op::Cumulative {
        op: Reduction::Sum,
        axis: 0,
        exclusive,
        reverse,
    };
    check(&sum(true, false), &[&x], &[3], &[0.0, 1.0, 3.0]);
    check(&sum(false, true), &[&x], &[3], &[6.0, 5.0, 3.0]);
    check(&sum(true, true), &[&x], &[3], &[5.0, 3.0, 0.0]);
    let product = Op::Cumulative {
        op: Reduction::Product,
        axis: 0,
        exclusive: true,
        reverse: true,
    };
    check(
        &product,
        &[&floats(&[2.0, 3.0, 4.0])],
        &[3],
        &[12.0, 4.0, 1.0],
    );
}

#[test]
fn softmax_runs_along_its_axis() {
    check(
        &Op::Softmax { axis: 0 },
        &[&sequence(&[2, 3])],
        &[2, 3],
        &[0.006693, 0.622459, 0.622459, 0.993307, 0.377541, 0.377541],
    );
    check(
        &Op::LogSoftmax { axis: 1 },
        &[&sequence(&[2, 3])],
        &[2, 3],
        &[
            -3.653178, -0.153178, -2.153178, -0.142932, -2.142932, -4.142932,
        ],
    );
}

#[test]
fn batches_of_matrices_broadcast() {
    let op = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: true,
    };
    check(
        &op,
        &[&sequence(&[2, 1, 2, 3]), &sequence(&[1, 2, 2, 3])],
        &[2, 2, 2, 2],
        &[
            8.25, -4.25, -4.25, 8.75, -3.0, -1.75, 8.0, 7.25, -3.0, 8.0, -1.75, 7.25, 8.0, 8.0,
            8.0, 8.75,
        ],
    );
}

#[test]
fn integer_products_wrap() {
    let op = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: false,
    };
    let (x, y) = (
        integers(&[1, 2], &[100000, 3]),
        integers(&[2, 1], &[100000, 4]),
    );
    check(&op, &[&x, &y], &[1, 1], &[1410065420.0]);
}

#[test]
fn normalisations_are_tensorflows() {
    let [scale, offset, mean, variance] =
        [[2.0, 0.5], [1.0, -1.0], [0.5, -0.5], [4.0, 0.25]].map(|v| floats(&v));
    let op = Op::BatchNorm {
        epsilon: 0.01,
        scale: true,
        offset: true,
        channels: Channels::Last,
    };
    check(
        &op,
        &[&sequence(&[1, 2, 2, 2]), &mean, &variance, &scale, &offset],
        &[1, 2, 2, 2],
        &[
            -1.996257, 0.470871, -0.498129, 1.941742, 1.0, -1.980581, 2.498128, -0.50971,
        ],
    );
    let op = Op::LayerNorm {
        axes: 1,
        epsilon: 1e-3,
        scale: true,
        offset: true,
    };
    check(
        &op,
        &[
            &sequence(&[2, 3]),
            &floats(&[1.0, 2.0, 3.0]),
            &floats(&[0.5, 0.0, -0.5]),
        ],
        &[2, 3],
        &[-0.662194, 2.556826, -0.848658, 1.724515, 0.0, -4.173546],
    );
}
