//! Decompositions of matrices.

use super::tensor::Tensor;
use crate::error::{Error, Result};
use crate::ir::{Linear, Type};
use savedmodel_import_templates::matrix_kernel::Matrix;

/// The results for each matrix of the operands, whose leading axes broadcast.
pub(super) fn linear(op: Linear, operands: &[&Tensor], results: &[Type]) -> Result<Vec<Tensor>> {
    let x = operands
        .first()
        .ok_or_else(|| Error::malformed("linear algebra of nothing"))?;
    let batches: Vec<&[usize]> = operands
        .iter()
        .map(|x| {
            x.shape()
                .get(..x.rank().saturating_sub(2))
                .unwrap_or_default()
        })
        .collect();
    let batch = common(&batches)?;
    let mut spread = vec![];
    for operand in operands {
        let matrix = &operand.shape()[operand.rank().saturating_sub(2)..];
        let shape = [batch.as_slice(), matrix].concat();
        spread.push(matrices(&super::broadcast_to(&shape, operand)?)?);
    }
    let mut numbers = vec![vec![]; results.len()];
    for i in 0..batch.iter().product() {
        let operands: Vec<Matrix> = spread.iter().map(|all| all[i].clone()).collect();
        let made = op
            .of(&operands)
            .map_err(|reason| Error::usage(format!("{op:?} of {:?}: {reason}", x.shape())))?;
        for (numbers, result) in numbers.iter_mut().zip(made) {
            numbers.extend(result.numbers);
        }
    }
    let mut tensors = vec![];
    for (ty, numbers) in results.iter().zip(numbers) {
        let shape = ty.shape.known();
        let shape = shape.ok_or_else(|| Error::internal("a result of unknown shape"))?;
        tensors.push(Tensor::from_floats(ty.dtype, &shape, numbers)?);
    }
    Ok(tensors)
}

fn common(batches: &[&[usize]]) -> Result<Vec<usize>> {
    let rank = batches.iter().map(|batch| batch.len()).max().unwrap_or(0);
    let mut common = vec![1; rank];
    for batch in batches {
        for (own, &other) in common[rank - batch.len()..].iter_mut().zip(*batch) {
            match (*own, other) {
                (own, other) if own == other => {}
                (_, 1) => {}
                (1, other) => *own = other,
                (_, _) => return Err(Error::usage("the batches of matrices differ")),
            }
        }
    }
    Ok(common)
}

/// The matrices in the last two axes.
fn matrices(tensor: &Tensor) -> Result<Vec<Matrix>> {
    let [batch @ .., rows, columns] = tensor.shape() else {
        return Err(Error::usage("a matrix has two axes"));
    };
    let numbers = tensor.to_floats()?;
    let size = rows * columns;
    let matrix = |i: usize| Matrix {
        rows: *rows,
        columns: *columns,
        numbers: numbers[i * size..(i + 1) * size].to_vec(),
    };
    Ok((0..batch.iter().product::<usize>()).map(matrix).collect())
}
