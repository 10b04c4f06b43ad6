//! Looking at what a value is made of.

use super::rule::number;
use crate::ir::{Binary, Graph, Op, Unary, Value};

/// The operand of a unary op, if the value is made by that one.
pub fn unary(graph: &Graph, value: Value, f: Unary) -> Option<Value> {
    let node = graph.producer(value);
    (node.op == Op::Unary(f)).then(|| node.inputs[0])
}

/// The operands of a binary op, if the value is made by that one.
pub fn binary(graph: &Graph, value: Value, f: Binary) -> Option<[Value; 2]> {
    let node = graph.producer(value);
    (node.op == Op::Binary(f)).then(|| [node.inputs[0], node.inputs[1]])
}

/// Both orders of two operands.
pub fn orders([a, b]: [Value; 2]) -> [[Value; 2]; 2] {
    [[a, b], [b, a]]
}

/// The first of both orders of the operands of a commutative op that `f` accepts.
pub fn either<T>(operands: [Value; 2], f: impl Fn(Value, Value) -> Option<T>) -> Option<T> {
    orders(operands).into_iter().find_map(|[a, b]| f(a, b))
}

/// An operand and a number that a commutative op joins.
pub fn with_number(graph: &Graph, value: Value, f: Binary) -> Option<(Value, f64)> {
    either(binary(graph, value, f)?, |x, y| {
        Some((x, number(graph, y)?))
    })
}

/// The value as `x * number`: a product or a quotient with a number, or a negation.
pub fn scaled(graph: &Graph, value: Value) -> (Value, f64) {
    if let Some((x, factor)) = with_number(graph, value, Binary::Mul) {
        let (x, inner) = scaled(graph, x);
        return (x, factor * inner);
    }
    if let Some([x, y]) = binary(graph, value, Binary::Div)
        && let Some(divisor) = number(graph, y)
    {
        let (x, inner) = scaled(graph, x);
        return (x, inner / divisor);
    }
    match unary(graph, value, Unary::Neg) {
        Some(x) => {
            let (x, inner) = scaled(graph, x);
            (x, -inner)
        }
        None => (value, 1.0),
    }
}

/// Whether the value is a variable or a constant, perhaps under another shape or element type.
pub fn is_weight(graph: &Graph, value: Value) -> bool {
    let node = graph.producer(value);
    match &node.op {
        Op::Param(_) | Op::Constant(_) => true,
        Op::Reshape(_) | Op::Transpose(_) | Op::Cast(_) => is_weight(graph, node.inputs[0]),
        _ => false,
    }
}
