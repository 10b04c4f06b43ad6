//! Gates: functions of a sum of products with parts of kernels, and of parts of biases.

use super::body::Body;
use crate::ir::{Binary, Op, Squash, Unary, Value};
use crate::passes::pattern::{orders, with_number};
use crate::passes::rule::close;

/// A part of a weight: the columns from one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The weight, in the body.
    pub of: Value,
    /// The first column.
    pub first: usize,
}

/// A sum of products and biases.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Factors on the left, and the columns that they are multiplied with.
    pub products: Vec<(Value, Columns)>,
    /// Biases.
    pub biases: Vec<Columns>,
}

/// A function of a sum.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The function.
    pub squash: Squash,
    /// What it is applied to.
    pub sum: Sum,
}

impl Gate {
    /// A value as a gate of so many units.
    pub fn of(body: &Body<'_>, value: Value, units: usize) -> Option<Self> {
        body.dims(value)
            .last()
            .filter(|last| last.as_usize() == Some(units))?;
        let (squash, inner) = squashed(body, value);
        let sum = Sum::of(body, inner)?;
        Some(Gate { squash, sum })
    }
}

impl Sum {
    /// A value as a sum.
    pub fn of(body: &Body<'_>, value: Value) -> Option<Self> {
        let mut sum = Sum::default();
        sum.add(body, value, 0)?;
        Some(sum)
    }

    /// Adds the columns of a value from `first` on.
    fn add(&mut self, body: &Body<'_>, value: Value, first: usize) -> Option<()> {
        let (op, inputs) = body.op(value);
        match (op, inputs) {
            (Op::Slice(_), _) if !body.is_fixed(value) => {
                let (of, start) = sliced(body, value)?;
                self.add(body, of, first + start)
            }
            (Op::Binary(Binary::Add), &[a, b]) => {
                let width = |value: Value| body.dims(value).last();
                if width(a) != width(value) || width(b) != width(value) {
                    return None;
                }
                self.add(body, a, first)?;
                self.add(body, b, first)
            }
            (
                Op::MatMul {
                    transpose_lhs: false,
                    transpose_rhs: false,
                },
                &[factor, weight],
            ) if body.is_fixed(weight) => {
                self.products.push((factor, columns(body, weight, first)));
                Some(())
            }
            _ if body.is_fixed(value) => {
                self.biases.push(columns(body, value, first));
                Some(())
            }
            _ => None,
        }
    }

    /// The product whose left factor is the step of a sequence: the sequence, and the columns.
    pub fn of_step(&self, body: &Body<'_>) -> Option<(Value, Columns)> {
        let mut steps = self
            .products
            .iter()
            .filter_map(|(factor, columns)| Some((body.step(*factor)?, *columns)));
        steps.next().filter(|_| steps.next().is_none())
    }

    /// The columns that a factor is multiplied with.
    pub fn of_factor(&self, factor: Value) -> Option<Columns> {
        let mut products = self.products.iter().filter(|(of, _)| *of == factor);
        let (_, columns) = products.next()?;
        products.next().is_none().then_some(*columns)
    }
}

/// The weight that a fixed value is columns of.
fn columns(body: &Body<'_>, mut value: Value, mut first: usize) -> Columns {
    while let Some((of, start)) = sliced(body, value) {
        value = of;
        first += start;
    }
    Columns { of: value, first }
}

/// What a value is a slice of, along its last axis alone, and where it begins.
fn sliced(body: &Body<'_>, value: Value) -> Option<(Value, usize)> {
    let (Op::Slice(axes), &[of]) = body.op(value) else {
        return None;
    };
    let (last, others) = axes.split_last()?;
    let dims = body.dims(of);
    let is_whole = others
        .iter()
        .zip(dims)
        .all(|(axis, extent)| axis.is_whole(Some(extent)));
    (is_whole && last.step == 1).then_some((of, last.start.as_usize()?))
}

/// The function that makes a value, and of what.
pub fn squashed(body: &Body<'_>, value: Value) -> (Squash, Value) {
    let (op, inputs) = body.op(value);
    let squash = match op {
        Op::Unary(unary) => named(*unary),
        Op::Clamp {
            low: 0.0,
            high: 1.0,
        } => {
            return match fifth(body, inputs[0]) {
                Some(x) => (Squash::OldHardSigmoid, x),
                None => (Squash::Linear, value),
            };
        }
        _ => None,
    };
    match squash {
        Some(squash) => (squash, inputs[0]),
        None => (Squash::Linear, value),
    }
}

fn named(unary: Unary) -> Option<Squash> {
    Some(match unary {
        Unary::Tanh => Squash::Tanh,
        Unary::Sigmoid => Squash::Sigmoid,
        Unary::Relu => Squash::Relu,
        Unary::HardSigmoid => Squash::HardSigmoid,
        Unary::Elu { alpha: 1.0 } => Squash::Elu,
        Unary::Selu => Squash::Selu,
        Unary::Softplus => Squash::Softplus,
        Unary::Softsign => Squash::Softsign,
        Unary::Silu => Squash::Silu,
        _ => return None,
    })
}

/// `x` of `x / 5 + 0.5`.
fn fifth(body: &Body<'_>, value: Value) -> Option<Value> {
    let (scaled, half) = with_number(body.graph, value, Binary::Add)?;
    let (x, fifth) = with_number(body.graph, scaled, Binary::Mul)?;
    (close(half, 0.5) && close(fifth, 0.2)).then_some(x)
}

/// Both factors of a product, or terms of a sum, in both orders.
pub fn both_orders(body: &Body<'_>, value: Value, f: Binary) -> Vec<[Value; 2]> {
    match body.op(value) {
        (Op::Binary(other), &[a, b]) if *other == f => orders([a, b]).to_vec(),
        _ => vec![],
    }
}
