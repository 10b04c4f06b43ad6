//! Activation functions, from their arithmetic.

use super::pattern::{binary, either, scaled, unary, with_number};
use super::rule::{Rule, Site, apply, close, number};
use crate::error::Result;
use crate::ir::{Binary, Comparison, Graph, Op, Reduction, Unary, Value};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

/// Recognises clamps, GELU, SiLU, hard sigmoid, hard swish, leaky ReLU, log-sigmoid, softmax and log-softmax.
///
/// # Errors
/// None on a graph that verifies.
pub fn activation(graph: &Graph) -> Result<Graph> {
    apply(graph, RULES)
}

/// The rules of [`activation`].
pub const RULES: &[Rule] = &[
    clamp,
    gelu,
    silu,
    hard_swish,
    hard_sigmoid,
    leaky_relu,
    log_sigmoid,
    softmax,
    log_softmax,
];

/// Gives `f(x)` if it has the type of the node.
fn replace(site: &mut Site<'_>, op: Op, x: Option<Value>) -> Result<Option<Value>> {
    match x.filter(|&x| site.graph.ty(x) == site.ty && site.ty.dtype.is_float()) {
        Some(x) => site.push(op, &[x]).map(Some),
        None => Ok(None),
    }
}

/// The operand of a bound, from below or above, and the bound.
fn bounds(graph: &Graph, op: &Op, inputs: &[Value]) -> Option<(Value, f64, f64)> {
    let bounded = |x: Value, y: Value| Some((x, number(graph, y)?));
    match (op, inputs) {
        (Op::Unary(Unary::Relu), &[x]) => Some((x, 0.0, f64::INFINITY)),
        (Op::Clamp { low, high }, &[x]) => Some((x, *low, *high)),
        (Op::Binary(Binary::Maximum), &[x, y]) => {
            either([x, y], bounded).map(|(x, low)| (x, low, f64::INFINITY))
        }
        (Op::Binary(Binary::Minimum), &[x, y]) => {
            either([x, y], bounded).map(|(x, high)| (x, f64::NEG_INFINITY, high))
        }
        _ => None,
    }
}

/// Bounds in any order are one clamp; a lower bound of zero alone is ReLU.
fn clamp(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Some((inner, low, high)) = bounds(site.graph, site.op, site.inputs) else {
        return Ok(None);
    };
    let node = site.graph.producer(inner);
    let (x, low, high) = match bounds(site.graph, &node.op, &node.inputs) {
        Some((x, l, h)) if l.max(low) <= h.min(high) => (x, l.max(low), h.min(high)),
        Some(_) | None => (inner, low, high),
    };
    let op = match (low, high) {
        (0.0, f64::INFINITY) => Op::Unary(Unary::Relu),
        (low, high) if low.is_finite() && high.is_finite() => Op::Clamp { low, high },
        _ => return Ok(None),
    };
    if op == *site.op && [x] == *site.inputs {
        return Ok(None);
    }
    replace(site, op, Some(x))
}

/// A product as its factors and a number.
fn factors(site: &Site<'_>) -> Option<(Vec<Value>, f64)> {
    let Op::Binary(f @ (Binary::Mul | Binary::Div)) = site.op else {
        return None;
    };
    let &[a, b] = site.inputs else { return None };
    let (mut factors, mut coefficient) = (vec![], 1.0);
    collect(site.graph, a, &mut factors, &mut coefficient);
    match f {
        Binary::Mul => collect(site.graph, b, &mut factors, &mut coefficient),
        _ => coefficient /= number(site.graph, b)?,
    }
    Some((factors, coefficient))
}

fn collect(graph: &Graph, value: Value, factors: &mut Vec<Value>, coefficient: &mut f64) {
    let (value, scale) = scaled(graph, value);
    *coefficient *= scale;
    match (number(graph, value), binary(graph, value, Binary::Mul)) {
        (Some(number), _) => *coefficient *= number,
        (None, Some([a, b])) if factors.len() < 4 => {
            collect(graph, a, factors, coefficient);
            collect(graph, b, factors, coefficient);
        }
        (None, _) => factors.push(value),
    }
}

/// `0.5 x (1 + erf(x / √2))`, `0.5 x erfc(-x / √2)`, and `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
fn gelu(site: &mut Site<'_>) -> Result<Option<Value>> {
    let found = factors(site)
        .filter(|(_, half)| close(*half, 0.5))
        .and_then(|(factors, _)| {
            let &[a, b] = factors.as_slice() else {
                return None;
            };
            either([a, b], |x, gate| Some((x, gelu_gate(site.graph, x, gate)?)))
        });
    let Some((x, approximate)) = found else {
        return Ok(None);
    };
    replace(site, Op::Unary(Unary::Gelu { approximate }), Some(x))
}

/// Whether twice the gate of a GELU is the approximation by tanh; `None` if it is no such gate.
fn gelu_gate(graph: &Graph, x: Value, gate: Value) -> Option<bool> {
    if let Some(argument) = unary(graph, gate, Unary::Erfc) {
        return is_multiple(graph, argument, x, -FRAC_1_SQRT_2).then_some(false);
    }
    let (inner, one) = with_number(graph, gate, Binary::Add)?;
    if one != 1.0 {
        return None;
    }
    if let Some(argument) = unary(graph, inner, Unary::Erf) {
        return is_multiple(graph, argument, x, FRAC_1_SQRT_2).then_some(false);
    }
    let (sum, factor) = scaled(graph, unary(graph, inner, Unary::Tanh)?);
    let terms = binary(graph, sum, Binary::Add)?;
    let is_sum = either(terms, |first, cubic| {
        let (cube, coefficient) = scaled(graph, cubic);
        (first == x && close(coefficient, 0.044715) && is_cube(graph, cube, x)).then_some(())
    });
    (is_sum.is_some() && close(factor, FRAC_2_PI.sqrt())).then_some(true)
}

fn is_multiple(graph: &Graph, value: Value, x: Value, factor: f64) -> bool {
    let (of, by) = scaled(graph, value);
    let (x, own) = scaled(graph, x);
    of == x && close(by / own, factor)
}

fn is_cube(graph: &Graph, value: Value, x: Value) -> bool {
    let is_square = |v: Value| {
        unary(graph, v, Unary::Square) == Some(x) || binary(graph, v, Binary::Mul) == Some([x, x])
    };
    match binary(graph, value, Binary::Pow) {
        Some([base, exponent]) => base == x && number(graph, exponent) == Some(3.0),
        None => binary(graph, value, Binary::Mul).is_some_and(|operands| {
            either(operands, |a, b| (a == x && is_square(b)).then_some(())).is_some()
        }),
    }
}

/// `x * sigmoid(x)`.
fn silu(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(Binary::Mul), &[a, b]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let x = either([a, b], |x, gate| {
        (unary(site.graph, gate, Unary::Sigmoid)? == x).then_some(x)
    });
    replace(site, Op::Unary(Unary::Silu), x)
}

/// The operand of `clamp(x + 3, 0, 6)`.
fn relu6_of_shifted(graph: &Graph, value: Value) -> Option<Value> {
    let node = graph.producer(value);
    let Op::Clamp {
        low: 0.0,
        high: 6.0,
    } = node.op
    else {
        return None;
    };
    with_number(graph, node.inputs[0], Binary::Add)
        .and_then(|(x, three)| (three == 3.0).then_some(x))
}

/// `clamp(x + 3, 0, 6) / 6`, and `clamp(x / 6 + 0.5, 0, 1)`.
fn hard_sigmoid(site: &mut Site<'_>) -> Result<Option<Value>> {
    let x = match site.op {
        Op::Binary(_) => factors(site)
            .filter(|(_, sixth)| close(*sixth, 1.0 / 6.0))
            .and_then(|(factors, _)| {
                let &[clamp] = factors.as_slice() else {
                    return None;
                };
                relu6_of_shifted(site.graph, clamp)
            }),
        Op::Clamp {
            low: 0.0,
            high: 1.0,
        } => with_number(site.graph, site.inputs[0], Binary::Add)
            .filter(|(_, half)| close(*half, 0.5))
            .and_then(|(sum, _)| {
                let (x, sixth) = scaled(site.graph, sum);
                close(sixth, 1.0 / 6.0).then_some(x)
            }),
        _ => None,
    };
    replace(site, Op::Unary(Unary::HardSigmoid), x)
}

/// `x * hard_sigmoid(x)`, or its factors in another order.
fn hard_swish(site: &mut Site<'_>) -> Result<Option<Value>> {
    let x = factors(site).and_then(|(factors, coefficient)| {
        let &[a, b] = factors.as_slice() else {
            return None;
        };
        either([a, b], |x, gate| {
            let whole =
                coefficient == 1.0 && unary(site.graph, gate, Unary::HardSigmoid) == Some(x);
            let sixth =
                close(coefficient, 1.0 / 6.0) && relu6_of_shifted(site.graph, gate) == Some(x);
            (whole || sixth).then_some(x)
        })
    });
    replace(site, Op::Unary(Unary::HardSwish), x)
}

/// `max(x, a x)` for `0 < a < 1`, and `x > 0 ? x : a x`.
fn leaky_relu(site: &mut Site<'_>) -> Result<Option<Value>> {
    let graph = &*site.graph;
    let slope = |x: Value, y: Value| {
        let (of, alpha) = scaled(graph, y);
        (of == x && alpha > 0.0 && alpha < 1.0).then_some((x, alpha))
    };
    let found = match (site.op, site.inputs) {
        (Op::Binary(Binary::Maximum), &[a, b]) => either([a, b], slope),
        (Op::Select, &[condition, x, y]) if is_positive(graph, condition, x) => slope(x, y),
        _ => None,
    };
    let Some((x, alpha)) = found else {
        return Ok(None);
    };
    replace(site, Op::Unary(Unary::LeakyRelu { alpha }), Some(x))
}

fn is_positive(graph: &Graph, condition: Value, x: Value) -> bool {
    let node = graph.producer(condition);
    let is_comparison = matches!(
        node.op,
        Op::Compare(Comparison::Greater | Comparison::GreaterEqual)
    );
    is_comparison && node.inputs[0] == x && number(graph, node.inputs[1]) == Some(0.0)
}

/// `-softplus(-x)`.
fn log_sigmoid(site: &mut Site<'_>) -> Result<Option<Value>> {
    let Op::Unary(Unary::Neg) = site.op else {
        return Ok(None);
    };
    let x = unary(site.graph, site.inputs[0], Unary::Softplus)
        .and_then(|inner| unary(site.graph, inner, Unary::Neg));
    replace(site, Op::Unary(Unary::LogSigmoid), x)
}

/// `exp(x - max(x)) / sum(exp(x - max(x)))`.
fn softmax(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(Binary::Div), &[exp, sum]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let graph = &*site.graph;
    let found = reduced(graph, sum, Reduction::Sum)
        .filter(|(of, _)| *of == exp)
        .and_then(|(_, axis)| {
            let [x, largest] = binary(graph, unary(graph, exp, Unary::Exp)?, Binary::Sub)?;
            let largest = unary(graph, largest, Unary::StopGradient).unwrap_or(largest);
            (reduced(graph, largest, Reduction::Max)? == (x, axis)).then_some((x, axis))
        });
    let Some((x, axis)) = found else {
        return Ok(None);
    };
    replace(site, Op::Softmax { axis }, Some(x))
}

/// What is reduced along one axis that stays.
fn reduced(graph: &Graph, value: Value, reduction: Reduction) -> Option<(Value, usize)> {
    let node = graph.producer(value);
    match &node.op {
        Op::Reduce {
            op,
            axes,
            keep: true,
        } if *op == reduction && axes.len() == 1 => Some((node.inputs[0], axes[0])),
        _ => None,
    }
}

/// `x - log(sum(exp(x)))` after the largest element was subtracted.
fn log_softmax(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Binary(Binary::Sub), &[shifted, log]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    let graph = &*site.graph;
    let found = unary(graph, log, Unary::Log).and_then(|sum| {
        let (exp, axis) = reduced(graph, sum, Reduction::Sum)?;
        (unary(graph, exp, Unary::Exp)? == shifted).then_some(())?;
        let [x, largest] = binary(graph, shifted, Binary::Sub)?;
        let largest = unary(graph, largest, Unary::StopGradient).unwrap_or(largest);
        (reduced(graph, largest, Reduction::Max)? == (x, axis)).then_some((x, axis))
    });
    let Some((x, axis)) = found else {
        return Ok(None);
    };
    replace(site, Op::LogSoftmax { axis }, Some(x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    fn check(make: impl Fn(&mut Build, Value) -> Value, expected: &str) {
        let mut b = Build::default();
        let x = b.input(&[0, 9]);
        let half = b.number(0.5);
        let centred = b.op(Op::Binary(Binary::Sub), &[x, half]);
        let y = make(&mut b, centred);
        b.check(
            &[y],
            optimise,
            &format!("Binary(Sub) [s0, 9]\n{expected} [s0, 9]"),
        );
    }

    fn with(b: &mut Build, f: Binary, number: f64, x: Value) -> Value {
        let number = b.number(number);
        b.op(Op::Binary(f), &[number, x])
    }

    #[test]
    fn gelu_by_erfc_is_exact() {
        let make = |b: &mut Build, x| {
            let negated = b.op(Op::Unary(Unary::Neg), &[x]);
            let argument = with(b, Binary::Mul, FRAC_1_SQRT_2, negated);
            let gate = b.op(Op::Unary(Unary::Erfc), &[argument]);
            let half = with(b, Binary::Mul, 0.5, x);
            b.op(Op::Binary(Binary::Mul), &[half, gate])
        };
        check(make, "Unary(Gelu { approximate: false })");
    }

    #[test]
    fn gelu_by_tanh_is_approximate() {
        let make = |b: &mut Build, x| {
            let three = b.number(3.0);
            let cube = b.op(Op::Binary(Binary::Pow), &[x, three]);
            let cubic = with(b, Binary::Mul, 0.044715, cube);
            let sum = b.op(Op::Binary(Binary::Add), &[x, cubic]);
            let argument = with(b, Binary::Mul, 0.797_884_6, sum);
            let tanh = b.op(Op::Unary(Unary::Tanh), &[argument]);
            let gate = with(b, Binary::Add, 1.0, tanh);
            let half = with(b, Binary::Mul, 0.5, x);
            b.op(Op::Binary(Binary::Mul), &[half, gate])
        };
        check(make, "Unary(Gelu { approximate: true })");
    }

    #[test]
    fn silu_is_x_times_its_sigmoid() {
        let make = |b: &mut Build, x| {
            let same = with(b, Binary::Mul, 1.0, x);
            let gate = b.op(Op::Unary(Unary::Sigmoid), &[same]);
            b.op(Op::Binary(Binary::Mul), &[x, gate])
        };
        check(make, "Unary(Silu)");
    }

    #[test]
    fn hard_swish_is_x_times_a_shifted_relu6() {
        let make = |b: &mut Build, x| {
            let shifted = with(b, Binary::Add, 3.0, x);
            let relu6 = b.op(
                Op::Clamp {
                    low: 0.0,
                    high: 6.0,
                },
                &[shifted],
            );
            let gate = with(b, Binary::Mul, 1.0 / 6.0, relu6);
            b.op(Op::Binary(Binary::Mul), &[x, gate])
        };
        check(make, "Unary(HardSwish)");
    }

    #[test]
    fn bounds_are_one_clamp() {
        let make = |b: &mut Build, x| {
            let above = with(b, Binary::Minimum, 6.0, x);
            with(b, Binary::Maximum, -1.0, above)
        };
        check(make, "Clamp { low: -1.0, high: 6.0 }");
    }

    #[test]
    fn the_larger_of_x_and_a_part_of_x_is_leaky_relu() {
        let make = |b: &mut Build, x| {
            let part = with(b, Binary::Mul, 0.2, x);
            b.op(Op::Binary(Binary::Maximum), &[part, x])
        };
        check(make, "Unary(LeakyRelu { alpha: 0.2 })");
    }

    #[test]
    fn exponentials_over_their_sum_are_softmax() {
        let make = |b: &mut Build, x| {
            let reduce = |op| Op::Reduce {
                op,
                axes: vec![1],
                keep: true,
            };
            let largest = b.op(reduce(Reduction::Max), &[x]);
            let shifted = b.op(Op::Binary(Binary::Sub), &[x, largest]);
            let exp = b.op(Op::Unary(Unary::Exp), &[shifted]);
            let sum = b.op(reduce(Reduction::Sum), &[exp]);
            b.op(Op::Binary(Binary::Div), &[exp, sum])
        };
        check(make, "Softmax { axis: 1 }");
    }
}
