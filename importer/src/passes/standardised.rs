//! The arithmetic that batch norm and layer norm share: `(x - mean) / sqrt(variance + epsilon) * scale + offset`, in
//! the spellings that frameworks give it.

use super::pattern::{binary, either, orders, unary, with_number};
use super::rule::{Site, number};
use crate::ir::{Binary, Graph, Op, Unary, Value};

/// What is normalised, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Standardised {
    /// What is normalised.
    pub x: Value,
    /// What is subtracted.
    pub mean: Value,
    /// The square of what it is divided by, without the epsilon.
    pub variance: Value,
    /// What keeps the divisor from zero.
    pub epsilon: f64,
    /// What the result is multiplied by.
    pub scale: Option<Value>,
    /// What is added then.
    pub offset: Option<Value>,
}

/// One over the standard deviation, perhaps times a scale.
#[derive(Clone, Copy)]
struct Inverse {
    variance: Value,
    epsilon: f64,
    scale: Option<Value>,
}

/// Reads a node as the end of a normalisation.
pub fn standardised(site: &Site<'_>) -> Option<Standardised> {
    let (graph, Op::Binary(f), &[a, b]) = (&*site.graph, site.op, site.inputs) else {
        return None;
    };
    match f {
        Binary::Add => either([a, b], |product, shift| shifted(graph, product, shift)),
        Binary::Sub => difference(graph, a, b),
        Binary::Mul => either([a, b], |centred, factor| {
            let [x, mean] = binary(graph, centred, Binary::Sub)?;
            Some(inverse(graph, factor)?.with(x, mean, None))
        }),
        Binary::Div => {
            let [x, mean] = binary(graph, a, Binary::Sub)?;
            let (variance, epsilon) = deviation(graph, b)?;
            Some(
                Inverse {
                    variance,
                    epsilon,
                    scale: None,
                }
                .with(x, mean, None),
            )
        }
        _ => None,
    }
}

impl Inverse {
    fn with(self, x: Value, mean: Value, offset: Option<Value>) -> Standardised {
        let Inverse {
            variance,
            epsilon,
            scale,
        } = self;
        Standardised {
            x,
            mean,
            variance,
            epsilon,
            scale,
            offset,
        }
    }
}

/// `x * inverse + (offset - mean * inverse)`.
fn shifted(graph: &Graph, product: Value, shift: Value) -> Option<Standardised> {
    either(binary(graph, product, Binary::Mul)?, |x, factor| {
        let inverse = inverse(graph, factor)?;
        let (mean, offset) = offset_and_mean(graph, shift, factor)?;
        Some(inverse.with(x, mean, offset))
    })
}

/// `x * inverse - mean * inverse`.
fn difference(graph: &Graph, product: Value, shift: Value) -> Option<Standardised> {
    either(binary(graph, product, Binary::Mul)?, |x, factor| {
        let mean = times(graph, shift, factor)?;
        Some(inverse(graph, factor)?.with(x, mean, None))
    })
}

fn offset_and_mean(graph: &Graph, shift: Value, factor: Value) -> Option<(Value, Option<Value>)> {
    if let Some(mean) = negated_mean(graph, shift, factor) {
        return Some((mean, None));
    }
    if let Some([offset, product]) = binary(graph, shift, Binary::Sub) {
        return Some((times(graph, product, factor)?, Some(offset)));
    }
    let terms = binary(graph, shift, Binary::Add)?;
    either(terms, |term, offset| {
        Some((negated_mean(graph, term, factor)?, Some(offset)))
    })
}

/// The mean of `-mean * factor`.
fn negated_mean(graph: &Graph, value: Value, factor: Value) -> Option<Value> {
    match unary(graph, value, Unary::Neg) {
        Some(product) => times(graph, product, factor),
        None => times(graph, value, factor).and_then(|negated| unary(graph, negated, Unary::Neg)),
    }
}

/// What the value is `factor` times.
fn times(graph: &Graph, value: Value, factor: Value) -> Option<Value> {
    let product = binary(graph, value, Binary::Mul)?;
    orders(product)
        .into_iter()
        .find_map(|[x, y]| (y == factor).then_some(x))
}

fn inverse(graph: &Graph, value: Value) -> Option<Inverse> {
    if let Some((variance, epsilon)) = reciprocal_deviation(graph, value) {
        return Some(Inverse {
            variance,
            epsilon,
            scale: None,
        });
    }
    if let Some([scale, divisor]) = binary(graph, value, Binary::Div) {
        let (variance, epsilon) = deviation(graph, divisor)?;
        let scale = (number(graph, scale) != Some(1.0)).then_some(scale);
        return Some(Inverse {
            variance,
            epsilon,
            scale,
        });
    }
    either(binary(graph, value, Binary::Mul)?, |inner, scale| {
        let (variance, epsilon) = reciprocal_deviation(graph, inner)?;
        Some(Inverse {
            variance,
            epsilon,
            scale: Some(scale),
        })
    })
}

fn reciprocal_deviation(graph: &Graph, value: Value) -> Option<(Value, f64)> {
    if let Some(sum) = unary(graph, value, Unary::Rsqrt) {
        return with_number(graph, sum, Binary::Add);
    }
    if let Some(root) = unary(graph, value, Unary::Reciprocal) {
        return deviation(graph, root);
    }
    power(graph, value, -0.5)
}

/// The variance and the epsilon under a square root.
fn deviation(graph: &Graph, value: Value) -> Option<(Value, f64)> {
    match unary(graph, value, Unary::Sqrt) {
        Some(sum) => with_number(graph, sum, Binary::Add),
        None => power(graph, value, 0.5),
    }
}

fn power(graph: &Graph, value: Value, exponent: f64) -> Option<(Value, f64)> {
    let [sum, power] = binary(graph, value, Binary::Pow)?;
    (number(graph, power) == Some(exponent)).then(|| with_number(graph, sum, Binary::Add))?
}
