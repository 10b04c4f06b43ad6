//! The evaluator against numbers of TensorFlow 2.21.

mod along_axes;
mod arithmetic;
mod graphs;
mod images;
mod moves;

use super::{Tensor, evaluate};
use crate::error::Result;
use crate::ir::{DType, Dim, Fresh, Graph, Op, Type, infer};

/// Floats between -2.5 and 2.5 that no two neighbours share.
fn sequence(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let values = (0..count)
        .map(|i| ((i * 7 % 11) as f32 - 5.0) / 2.0)
        .collect();
    Tensor::new(shape, values).unwrap()
}

fn floats(values: &[f32]) -> Tensor {
    Tensor::new(&[values.len()], values.to_vec()).unwrap()
}

fn integers(shape: &[usize], values: &[i64]) -> Tensor {
    Tensor::from_integers(DType::I32, shape, values.to_vec()).unwrap()
}

fn scalar(value: f64) -> Tensor {
    Tensor::scalar(value, DType::F32).unwrap()
}

fn dims(extents: &[i64]) -> Vec<Dim> {
    extents.iter().map(|&n| Dim::known(n)).collect()
}

fn type_of(x: &Tensor) -> Type {
    Type::new(
        x.dtype(),
        x.shape().iter().map(|&n| Dim::from(n)).collect::<Vec<_>>(),
    )
}

/// What the op gives, which must be of the types that inference says.
fn eval(op: &Op, operands: &[&Tensor]) -> Result<Vec<Tensor>> {
    let types: Vec<Type> = operands.iter().map(|x| type_of(x)).collect();
    let types: Vec<&Type> = types.iter().collect();
    let wanted = infer(op, &types, &mut Fresh::after(&Graph::default()))?;
    let results = evaluate(op, operands, &wanted)?;
    assert_eq!(
        results.iter().map(type_of).collect::<Vec<_>>(),
        wanted,
        "types of {op:?}"
    );
    Ok(results)
}

fn one(op: &Op, operands: &[&Tensor]) -> Tensor {
    let mut results = eval(op, operands).unwrap();
    assert_eq!(results.len(), 1);
    results.remove(0)
}

/// The op gives the shape and, within 1e-5, the numbers.
#[track_caller]
fn check(op: &Op, operands: &[&Tensor], shape: &[usize], wanted: &[f64]) {
    let result = one(op, operands);
    assert_eq!(result.shape(), shape, "{op:?}");
    let given = result
        .as_floats()
        .or_else(|| Some(result.as_integers()?.iter().map(|&n| n as f64).collect()));
    for (i, (x, y)) in given.unwrap().iter().zip(wanted).enumerate() {
        let equal = x == y || (x - y).abs() <= 1e-5 * (1.0 + y.abs()) || (x.is_nan() && y.is_nan());
        assert!(equal, "{op:?}: element {i} is {x}, not {y}");
    }
}
