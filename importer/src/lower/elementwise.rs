//! Elementwise arithmetic, comparisons, activations and casts.

use super::attr::DataFormat;
use super::complex;
use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("Add", add),
    op("AddV2", add),
    op("Sub", |cx| cx.binary(Binary::Sub)),
    op("Mul", multiply),
    op("RealDiv", |cx| cx.binary(Binary::Div)),
    op("Div", |cx| cx.binary(Binary::Div)),
    op("TruncateDiv", |cx| cx.binary(Binary::Div)),
    op("FloorDiv", |cx| cx.binary(Binary::FloorDiv)),
    op("FloorMod", |cx| cx.binary(Binary::FloorMod)),
    op("Mod", |cx| cx.binary(Binary::TruncMod)),
    op("TruncateMod", |cx| cx.binary(Binary::TruncMod)),
    op("Pow", |cx| cx.binary(Binary::Pow)),
    op("Maximum", |cx| cx.binary(Binary::Maximum)),
    op("Minimum", minimum),
    op("Atan2", |cx| cx.binary(Binary::Atan2)),
    op("DivNoNan", |cx| cx.binary(Binary::DivNoNan)),
    op("Xlogy", |cx| cx.binary(Binary::Xlogy)),
    op("Xdivy", |cx| cx.binary(Binary::Xdivy)),
    op("Xlog1py", xlog1py),
    op("MulNoNan", mul_no_nan),
    op("LogicalAnd", |cx| cx.binary(Binary::LogicalAnd)),
    op("LogicalOr", |cx| cx.binary(Binary::LogicalOr)),
    op("SquaredDifference", squared_difference),
    op("AddN", add_n),
    op("AccumulateNV2", add_n),
    op("BiasAdd", bias_add),
    op("BiasAddV1", |cx| cx.binary(Binary::Add)),
    op("Equal", |cx| match cx.is_string(0) {
        true => cx.on_host(&host::EQUAL, vec![]),
        false => cx.compare(Comparison::Equal),
    }),
    op("NotEqual", |cx| match cx.is_string(0) {
        true => cx.on_host(&host::NOT_EQUAL, vec![]),
        false => cx.compare(Comparison::NotEqual),
    }),
    op("Less", |cx| cx.compare(Comparison::Less)),
    op("LessEqual", |cx| cx.compare(Comparison::LessEqual)),
    op("Greater", |cx| cx.compare(Comparison::Greater)),
    op("GreaterEqual", |cx| cx.compare(Comparison::GreaterEqual)),
    op("ApproximateEqual", approximate_equal),
    op("Neg", negate),
    op("Abs", |cx| cx.unary(Unary::Abs)),
    op("Sign", |cx| cx.unary(Unary::Sign)),
    op("Square", |cx| cx.unary(Unary::Square)),
    op("Sqrt", |cx| cx.unary(Unary::Sqrt)),
    op("Rsqrt", |cx| cx.unary(Unary::Rsqrt)),
    op("Reciprocal", |cx| cx.unary(Unary::Reciprocal)),
    op("Inv", |cx| cx.unary(Unary::Reciprocal)),
    op("Exp", |cx| cx.unary(Unary::Exp)),
    op("Expm1", |cx| cx.unary(Unary::Expm1)),
    op("Log", |cx| cx.unary(Unary::Log)),
    op("Log1p", |cx| cx.unary(Unary::Log1p)),
    op("Sin", |cx| cx.unary(Unary::Sin)),
    op("Cos", |cx| cx.unary(Unary::Cos)),
    op("Tan", |cx| cx.unary(Unary::Tan)),
    op("Asin", |cx| cx.unary(Unary::Asin)),
    op("Acos", |cx| cx.unary(Unary::Acos)),
    op("Atan", |cx| cx.unary(Unary::Atan)),
    op("Sinh", |cx| cx.unary(Unary::Sinh)),
    op("Cosh", |cx| cx.unary(Unary::Cosh)),
    op("Asinh", |cx| cx.unary(Unary::Asinh)),
    op("Acosh", |cx| cx.unary(Unary::Acosh)),
    op("Atanh", |cx| cx.unary(Unary::Atanh)),
    op("Tanh", |cx| cx.unary(Unary::Tanh)),
    op("Sigmoid", |cx| cx.unary(Unary::Sigmoid)),
    op("Relu", |cx| cx.unary(Unary::Relu)),
    op("Relu6", relu6),
    op("Elu", |cx| cx.unary(Unary::Elu { alpha: 1.0 })),
    op("Selu", |cx| cx.unary(Unary::Selu)),
    op("LeakyRelu", leaky_relu),
    op("Softplus", |cx| cx.unary(Unary::Softplus)),
    op("Softsign", |cx| cx.unary(Unary::Softsign)),
    op("Erf", |cx| cx.unary(Unary::Erf)),
    op("Erfc", |cx| cx.unary(Unary::Erfc)),
    op("Lgamma", |cx| cx.unary(Unary::Lgamma)),
    op("Digamma", |cx| cx.unary(Unary::Digamma)),
    op("Floor", |cx| cx.unary(Unary::Floor)),
    op("Ceil", |cx| cx.unary(Unary::Ceil)),
    op("Round", |cx| cx.unary(Unary::Round)),
    op("Rint", |cx| cx.unary(Unary::Round)),
    op("LogicalNot", |cx| cx.unary(Unary::LogicalNot)),
    op("IsNan", |cx| cx.unary(Unary::IsNan)),
    op("IsInf", |cx| cx.unary(Unary::IsInf)),
    op("IsFinite", |cx| cx.unary(Unary::IsFinite)),
    op("StopGradient", |cx| cx.unary(Unary::StopGradient)),
    op("ClipByValue", clip_by_value),
    op("Select", select),
    op("SelectV2", |cx| cx.map(Op::Select)),
    multi("Cast", cast),
    op("Conj", |cx| cx.input(0)),
    op("Real", |cx| cx.input(0)),
    op("Imag", |cx| {
        let x = cx.input(0)?;
        cx.filled_like(x, 0.0)
    }),
    op("ReluGrad", relu_grad),
    op("Relu6Grad", relu6_grad),
    op("TanhGrad", tanh_grad),
    op("SigmoidGrad", sigmoid_grad),
    op("SqrtGrad", sqrt_grad),
    op("RsqrtGrad", rsqrt_grad),
    op("EluGrad", elu_grad),
    op("SoftplusGrad", softplus_grad),
    op("InvGrad", reciprocal_grad),
    op("ReciprocalGrad", reciprocal_grad),
    multi("IdentityN", |cx| Ok(cx.operands().to_vec())),
];

/// A sum; strings are joined.
fn add(cx: &mut Cx<'_>) -> Result<Value> {
    match cx.is_string(0) {
        true => cx.on_host(&host::JOIN, vec![Attribute::Text(String::new())]),
        false => cx.binary(Binary::Add),
    }
}

impl Cx<'_> {
    /// `op` on all operands, in order.
    pub fn map(&mut self, op: Op) -> Result<Value> {
        let inputs = self.all_inputs()?;
        self.push(op, &inputs)
    }

    /// `op` on the only operand.
    pub fn unary(&mut self, op: Unary) -> Result<Value> {
        let x = self.input(0)?;
        self.apply(op, x)
    }

    /// `op` on the first two operands.
    pub fn binary(&mut self, op: Binary) -> Result<Value> {
        let (x, y) = self.pair()?;
        self.combine(op, x, y)
    }

    /// The first two operands.
    pub fn pair(&mut self) -> Result<(Value, Value)> {
        Ok((self.input(0)?, self.input(1)?))
    }

    /// A comparison; one of extents is decided now where the answer is the same for every input.
    fn compare(&mut self, op: Comparison) -> Result<Value> {
        let (x, y) = self.pair()?;
        match self.decide(op, x, y) {
            Some(answer) => self.scalar(DType::Bool, f64::from(answer)),
            None => self.test(op, x, y),
        }
    }

    fn decide(&self, op: Comparison, x: Value, y: Value) -> Option<bool> {
        let (x, y) = (self.graph.content(x)?, self.graph.content(y)?);
        if !x.scalar || !y.scalar {
            return None;
        }
        let difference = (x.dims.first()?.clone() - y.dims.first()?.clone()).as_known()?;
        Some(match op {
            Comparison::Equal => difference == 0,
            Comparison::NotEqual => difference != 0,
            Comparison::Less => difference < 0,
            Comparison::LessEqual => difference <= 0,
            Comparison::Greater => difference > 0,
            Comparison::GreaterEqual => difference >= 0,
        })
    }
}

/// `min(n, max(n, x))` is `n`: so Keras bounds the number of bins from both sides.
fn minimum(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, y) = cx.pair()?;
    for (bound, other) in [(x, y), (y, x)] {
        let node = cx.graph.producer(other);
        if let (Op::Binary(Binary::Maximum), Some(content)) = (&node.op, cx.graph.content(bound))
            && node
                .inputs
                .iter()
                .any(|&operand| cx.graph.content(operand).as_ref() == Some(&content))
        {
            return Ok(bound);
        }
    }
    cx.combine(Binary::Minimum, x, y)
}

/// A product with ones of the same shape, such as the mask of a dropout that drops nothing, is the other factor.
fn multiply(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, y) = cx.pair()?;
    for (factor, ones) in [(x, y), (y, x)] {
        let source = match &cx.graph.producer(ones).op {
            Op::Broadcast(_) => cx.graph.producer(ones).inputs[0],
            _ => ones,
        };
        if cx.graph.as_splat(source) == Some(1.0) && cx.ty(ones) == cx.ty(factor) {
            return Ok(factor);
        }
    }
    cx.combine(Binary::Mul, x, y)
}

/// Of extents a difference, which stays an extent.
fn negate(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    if cx.graph.content(x).is_none() {
        return cx.apply(Unary::Neg, x);
    }
    let zero = cx.scalar_like(x, 0.0)?;
    cx.combine(Binary::Sub, zero, x)
}

fn xlog1py(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, y) = cx.pair()?;
    let shifted = cx.combine_scalar(Binary::Add, y, 1.0)?;
    cx.combine(Binary::Xlogy, x, shifted)
}

/// `0` where `y` is zero, even if `x` is not finite.
fn mul_no_nan(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, y) = cx.pair()?;
    let zero = cx.scalar_like(y, 0.0)?;
    let is_zero = cx.test(Comparison::Equal, y, zero)?;
    let product = cx.combine(Binary::Mul, x, y)?;
    cx.select(is_zero, zero, product)
}

fn squared_difference(cx: &mut Cx<'_>) -> Result<Value> {
    let difference = cx.binary(Binary::Sub)?;
    cx.apply(Unary::Square, difference)
}

fn add_n(cx: &mut Cx<'_>) -> Result<Value> {
    let inputs = cx.all_inputs()?;
    let Some((&first, rest)) = inputs.split_first() else {
        return Err(Error::malformed("a sum of nothing"));
    };
    rest.iter()
        .try_fold(first, |sum, &x| cx.combine(Binary::Add, sum, x))
}

fn bias_add(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, bias) = cx.pair()?;
    match cx.attr("data_format")? {
        DataFormat::ChannelsLast => cx.combine(Binary::Add, x, bias),
        DataFormat::ChannelsFirst => {
            let mut dims = cx.shape(bias)?;
            let spatial = cx.rank(x)?.saturating_sub(2);
            dims.extend(vec![Dim::known(1); spatial]);
            let bias = cx.reshape(bias, dims)?;
            cx.combine(Binary::Add, x, bias)
        }
    }
}

fn approximate_equal(cx: &mut Cx<'_>) -> Result<Value> {
    let difference = cx.binary(Binary::Sub)?;
    let distance = cx.apply(Unary::Abs, difference)?;
    let tolerance = cx.attr("tolerance")?;
    let tolerance = cx.scalar_like(distance, tolerance)?;
    cx.test(Comparison::Less, distance, tolerance)
}

fn relu6(cx: &mut Cx<'_>) -> Result<Value> {
    cx.map(Op::Clamp {
        low: 0.0,
        high: 6.0,
    })
}

fn leaky_relu(cx: &mut Cx<'_>) -> Result<Value> {
    let alpha = cx.attr("alpha")?;
    cx.unary(Unary::LeakyRelu { alpha })
}

fn clip_by_value(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, low, high) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    if let (Some(low), Some(high)) = (cx.graph.as_splat(low), cx.graph.as_splat(high)) {
        return cx.push(Op::Clamp { low, high }, &[x]);
    }
    let capped = cx.combine(Binary::Minimum, x, high)?;
    cx.combine(Binary::Maximum, capped, low)
}

/// The condition of the first `Select` is a scalar, has the operands' shape, or chooses whole rows.
fn select(cx: &mut Cx<'_>) -> Result<Value> {
    let (condition, x, y) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (Some(1), Some(rank)) = (cx.ty(condition).rank(), cx.ty(x).rank()) else {
        return cx.select(condition, x, y);
    };
    let mut dims = cx.shape(condition)?;
    dims.extend(vec![Dim::known(1); rank.saturating_sub(1)]);
    let condition = cx.reshape(condition, dims)?;
    cx.select(condition, x, y)
}

fn cast(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let dtype = cx.attr("DstT")?;
    if complex::part_type(dtype).is_some() {
        return complex::cast(cx);
    }
    let x = cx.input(0)?;
    Ok(vec![Lowered::Value(cx.cast(x, dtype)?)])
}

/// `gradient` where `gate` lets it through, else zero.
fn gated(cx: &mut Cx<'_>, gradient: Value, gate: Value) -> Result<Value> {
    let zero = cx.scalar_like(gradient, 0.0)?;
    cx.select(gate, gradient, zero)
}

fn relu_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (gradient, features) = cx.pair()?;
    let zero = cx.scalar_like(features, 0.0)?;
    let gate = cx.test(Comparison::Greater, features, zero)?;
    gated(cx, gradient, gate)
}

fn relu6_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (gradient, features) = cx.pair()?;
    let (zero, six) = (
        cx.scalar_like(features, 0.0)?,
        cx.scalar_like(features, 6.0)?,
    );
    let above = cx.test(Comparison::Greater, features, zero)?;
    let below = cx.test(Comparison::Less, features, six)?;
    let gate = cx.combine(Binary::LogicalAnd, above, below)?;
    gated(cx, gradient, gate)
}

/// `dy * (1 - y * y)`.
fn tanh_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (y, dy) = cx.pair()?;
    let square = cx.apply(Unary::Square, y)?;
    let one = cx.scalar_like(y, 1.0)?;
    let slope = cx.combine(Binary::Sub, one, square)?;
    cx.combine(Binary::Mul, dy, slope)
}

/// `dy * y * (1 - y)`.
fn sigmoid_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (y, dy) = cx.pair()?;
    let one = cx.scalar_like(y, 1.0)?;
    let rest = cx.combine(Binary::Sub, one, y)?;
    let slope = cx.combine(Binary::Mul, y, rest)?;
    cx.combine(Binary::Mul, dy, slope)
}

/// `dy / (2 * y)`.
fn sqrt_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (y, dy) = cx.pair()?;
    let half = cx.combine_scalar(Binary::Mul, dy, 0.5)?;
    cx.combine(Binary::Div, half, y)
}

/// `dy * -0.5 * y^3`.
fn rsqrt_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (y, dy) = cx.pair()?;
    let square = cx.apply(Unary::Square, y)?;
    let cube = cx.combine(Binary::Mul, square, y)?;
    let slope = cx.combine_scalar(Binary::Mul, cube, -0.5)?;
    cx.combine(Binary::Mul, dy, slope)
}

/// `dy` where the result is positive, else `dy * (y + 1)`.
fn elu_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, y) = cx.pair()?;
    let zero = cx.scalar_like(y, 0.0)?;
    let gate = cx.test(Comparison::Less, y, zero)?;
    let slope = cx.combine_scalar(Binary::Add, y, 1.0)?;
    let scaled = cx.combine(Binary::Mul, dy, slope)?;
    cx.select(gate, scaled, dy)
}

/// `dy * sigmoid(x)`.
fn softplus_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (dy, x) = cx.pair()?;
    let slope = cx.apply(Unary::Sigmoid, x)?;
    cx.combine(Binary::Mul, dy, slope)
}

/// `-dy * y * y`.
fn reciprocal_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let (y, dy) = cx.pair()?;
    let square = cx.apply(Unary::Square, y)?;
    let slope = cx.apply(Unary::Neg, square)?;
    cx.combine(Binary::Mul, dy, slope)
}

impl Cx<'_> {
    /// What all operands became.
    pub fn operands(&self) -> &[Lowered] {
        self.inputs
    }
}
