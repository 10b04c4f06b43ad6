//! Numbers in one of two wide forms, for kernels that go element by element.

use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

/// The elements of a tensor of numbers.
pub(super) enum Numbers {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
}

/// How a number joins another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    Update,
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

impl Numbers {
    pub(super) fn of(tensor: &Tensor) -> Result<Numbers> {
        match tensor.as_integers() {
            Some(integers) => Ok(Numbers::Integers(integers)),
            None => Ok(Numbers::Floats(tensor.to_floats()?)),
        }
    }

    pub(super) fn tensor(self, dtype: DType, shape: &[usize]) -> Result<Tensor> {
        match self {
            Numbers::Floats(numbers) => Tensor::from_floats(dtype, shape, numbers),
            Numbers::Integers(numbers) => Tensor::from_integers(dtype, shape, numbers),
        }
    }

    /// Joins elements of `other` to elements of this: `(here, there)`.
    pub(super) fn join(
        &mut self,
        join: Join,
        other: &Numbers,
        places: impl Iterator<Item = (usize, usize)>,
    ) -> Result<()> {
        let outside = || Error::usage("an index is out of range");
        match (self, other) {
            (Numbers::Floats(here), Numbers::Floats(there)) => {
                for (to, from) in places {
                    let value = *there.get(from).ok_or_else(outside)?;
                    let place = here.get_mut(to).ok_or_else(outside)?;
                    *place = join.floats(*place, value);
                }
            }
            (Numbers::Integers(here), Numbers::Integers(there)) => {
                for (to, from) in places {
                    let value = *there.get(from).ok_or_else(outside)?;
                    let place = here.get_mut(to).ok_or_else(outside)?;
                    *place = join.integers(*place, value)?;
                }
            }
            (Numbers::Floats(_), Numbers::Integers(_))
            | (Numbers::Integers(_), Numbers::Floats(_)) => {
                return Err(Error::usage("integers and floats are mixed"));
            }
        }
        Ok(())
    }
}

impl Join {
    fn floats(self, a: f64, b: f64) -> f64 {
        match self {
            Join::Update => b,
            Join::Add => a + b,
            Join::Sub => a - b,
            Join::Mul => a * b,
            Join::Div => a / b,
            Join::Min => a.min(b),
            Join::Max => a.max(b),
        }
    }

    fn integers(self, a: i64, b: i64) -> Result<i64> {
        Ok(match self {
            Join::Update => b,
            Join::Add => a.wrapping_add(b),
            Join::Sub => a.wrapping_sub(b),
            Join::Mul => a.wrapping_mul(b),
            Join::Div => {
                let quotient = a.checked_div(b);
                quotient.ok_or_else(|| Error::usage("integer division by zero"))?
            }
            Join::Min => a.min(b),
            Join::Max => a.max(b),
        })
    }
}

/// An index that has to be below `count`.
pub(super) fn index(value: i64, count: usize) -> Result<usize> {
    let index = usize::try_from(value).ok().filter(|&index| index < count);
    index.ok_or_else(|| Error::usage(format!("the index {value} is out of range for {count}")))
}

/// The index on each axis of a flat place.
pub(super) fn coordinates(mut place: usize, shape: &[usize]) -> Vec<i64> {
    let mut found = vec![0; shape.len()];
    for (at, &extent) in found.iter_mut().zip(shape).rev() {
        *at = (place % extent.max(1)) as i64;
        place /= extent.max(1);
    }
    found
}
