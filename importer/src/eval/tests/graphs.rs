//! Whole graphs, and tensors as such.

use super::*;
use crate::error::Error;
use crate::eval::run;
use crate::ir::{Binary, Origin, ParamId, Reduction, Unary};
use std::sync::Arc;

/// `sum(x * weight)` over the last axis, flattened by the extents of `x`.
fn scored() -> Graph {
    let (mut graph, origin) = (Graph::default(), Origin::default());
    let rows = Dim::symbol(graph.fresh_symbol());
    let x = graph.input(
        Type::new(DType::F32, [rows.clone(), Dim::known(2)]),
        &origin,
    );
    let weight = graph.param(ParamId(0), Type::new(DType::F32, dims(&[2])), &origin);
    let product = graph
        .value(Op::Binary(Binary::Mul), &[x, weight], &origin)
        .unwrap();
    let flat = graph
        .value(Op::Reshape(vec![rows * Dim::known(2)]), &[product], &origin)
        .unwrap();
    let sum = Op::Reduce {
        op: Reduction::Sum,
        axes: vec![0],
        keep: false,
    };
    let sum = graph.value(sum, &[flat], &origin).unwrap();
    graph.outputs = vec![sum, flat];
    graph
}

fn run_scored(x: Tensor) -> Result<Vec<Tensor>> {
    run(&scored(), &|_| Ok(Arc::new(floats(&[10.0, 1.0]))), &[x])
}

#[test]
fn free_dimensions_come_from_the_arguments() {
    for rows in [1, 3] {
        let results = run_scored(Tensor::new(&[rows, 2], vec![1.0f32; 2 * rows]).unwrap()).unwrap();
        assert_eq!(results[0].as_splat(), Some(11.0 * rows as f64));
        assert_eq!(results[1].shape(), [2 * rows]);
    }
}

#[test]
fn arguments_must_fit() {
    let error = run_scored(sequence(&[3, 4])).unwrap_err().to_string();
    assert!(
        error.contains("argument 0: float32[3, 4] is not float32[s0, 2]"),
        "{error}"
    );
}

#[test]
fn small_constants_fold_at_birth() {
    let (mut graph, origin) = (Graph::default(), Origin::default());
    let x = graph.constant(floats(&[1.0, 4.0]), &origin);
    let root = graph.value(Op::Unary(Unary::Sqrt), &[x], &origin).unwrap();
    assert_eq!(
        graph.as_constant(root).unwrap().as_ref(),
        &floats(&[1.0, 2.0])
    );
}

#[test]
fn equal_tensors_have_equal_bits() {
    assert_eq!(floats(&[f32::NAN]), floats(&[f32::NAN]));
    assert_ne!(floats(&[0.0]), floats(&[-0.0]));
    assert_ne!(floats(&[1.0]), scalar(1.0));
}

#[test]
fn bytes_are_little_endian() {
    let x = Tensor::from_bytes(DType::I32, &[2], &[1, 0, 0, 0, 255, 255, 255, 255]).unwrap();
    assert_eq!(x.as_integers().unwrap(), [1, -1]);
    assert_eq!(x.to_bytes().unwrap(), [1, 0, 0, 0, 255, 255, 255, 255]);
    assert!(Tensor::from_bytes(DType::I32, &[2], &[0; 7]).is_err());
}

#[test]
fn a_splat_has_one_number() {
    assert_eq!(floats(&[2.0, 2.0]).as_splat(), Some(2.0));
    assert_eq!(floats(&[2.0, 3.0]).as_splat(), None);
    assert_eq!(floats(&[]).as_splat(), None);
    assert_eq!(Tensor::new(&[1], vec![true]).unwrap().as_splat(), Some(1.0));
    assert_eq!(scalar(1.0).as_integers(), None);
}

#[test]
fn debug_text_is_brief() {
    assert_eq!(format!("{:?}", floats(&[1.0, 0.5])), "F32[2] {1.0, 0.5}");
    assert_eq!(
        format!("{:?}", sequence(&[3, 3])),
        "F32[3, 3] {-2.5, 1.0, -1.0, 2.5, 0.5, -1.5, 2.0, 0.0, …}"
    );
}

#[test]
fn an_extent_that_has_grown_long_is_read_off_its_tensor() -> Result<()> {
    let mut graph = Graph::default();
    let origin = Origin::default();
    let [a, b] = [(); 2].map(|()| Dim::symbol(graph.fresh_symbol()));
    graph.input(Type::new(DType::F32, vec![a.clone(), b.clone()]), &origin);
    let quotient = |n: i64| (a.clone() * Dim::known(n)).div_floor(&b);
    let length = (1..60)
        .filter_map(quotient)
        .fold(Dim::known(0), |sum, dim| sum + dim);
    let [start, step] =
        [0.0, 1.0].map(|n| graph.constant(Tensor::scalar(n, DType::I64).unwrap(), &origin));
    let range = graph.value(Op::Range { length }, &[start, step], &origin)?;
    let short = graph.ty(range).dims()[0].clone();
    assert!(
        short.as_symbol().is_some_and(|symbol| symbol.least() == 0),
        "{short}"
    );
    let extents = graph.extents(vec![short], true, DType::I64, &origin);
    graph.outputs = vec![extents];
    let graph = crate::passes::cleanup::sweep(&graph)?;
    let inputs = [Tensor::new(&[3, 2], vec![0f32; 6])?];
    let values = run(&graph, &|_| Err(Error::usage("no variables")), &inputs)?;
    let want: i64 = (1..60).map(|n| 3 * n / 2).sum();
    assert_eq!(values[0].as_integers(), Some(vec![want]));
    Ok(())
}
