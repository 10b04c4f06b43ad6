//! Reductions, softmax, running sums and losses.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::Result;
use crate::ir::{Binary, DType, Dim, Extreme, Op, Reduction, Unary, Value};

pub const OPS: &[Lowering] = &[
    op("Sum", |cx| cx.reduction(Reduction::Sum)),
    op("Mean", |cx| cx.reduction(Reduction::Mean)),
    op("Prod", |cx| cx.reduction(Reduction::Product)),
    op("Max", |cx| cx.reduction(Reduction::Max)),
    op("Min", |cx| cx.reduction(Reduction::Min)),
    op("All", |cx| cx.reduction(Reduction::All)),
    op("Any", |cx| cx.reduction(Reduction::Any)),
    op("EuclideanNorm", euclidean_norm),
    op("L2Loss", l2_loss),
    op("BiasAddGrad", bias_add_grad),
    op("ArgMax", |cx| arg_reduce(cx, Extreme::Max)),
    op("ArgMin", |cx| arg_reduce(cx, Extreme::Min)),
    op("Cumsum", |cx| cumulative(cx, Reduction::Sum)),
    op("Cumprod", |cx| cumulative(cx, Reduction::Product)),
    op("Softmax", |cx| over_last(cx, |axis| Op::Softmax { axis })),
    op("LogSoftmax", |cx| {
        over_last(cx, |axis| Op::LogSoftmax { axis })
    }),
    multi("SoftmaxCrossEntropyWithLogits", |cx| {
        cross_entropy(cx, false)
    }),
    multi("SparseSoftmaxCrossEntropyWithLogits", |cx| {
        cross_entropy(cx, true)
    }),
];

impl Cx<'_> {
    fn reduction(&mut self, op: Reduction) -> Result<Value> {
        let x = self.input(0)?;
        let rank = self.rank(x)?;
        let keep = self.attr("keep_dims")?;
        let axes = self.input(1)?;
        if self.graph.as_constant(axes).is_none() && self.ty(axes).shape.dims().is_some_and(is_one)
        {
            return super::data_axis::reduce(self, op, x, keep);
        }
        let axes = self.axes(1, rank)?;
        self.reduce(op, x, axes, keep)
    }
}

/// Whether a tensor of these extents has one element.
fn is_one(dims: &[Dim]) -> bool {
    dims.iter().all(|dim| dim.is(1))
}

fn euclidean_norm(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let (axes, keep) = (cx.axes(1, rank)?, cx.attr("keep_dims")?);
    let square = cx.apply(Unary::Square, x)?;
    let sum = cx.reduce(Reduction::Sum, square, axes, keep)?;
    cx.apply(Unary::Sqrt, sum)
}

/// `sum(x * x) / 2`.
fn l2_loss(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let axes = (0..cx.rank(x)?).collect();
    let square = cx.apply(Unary::Square, x)?;
    let sum = cx.reduce(Reduction::Sum, square, axes, false)?;
    cx.combine_scalar(Binary::Mul, sum, 0.5)
}

fn bias_add_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let channel = match cx.attr("data_format")? {
        super::attr::DataFormat::ChannelsLast => rank.saturating_sub(1),
        super::attr::DataFormat::ChannelsFirst => 1,
    };
    let axes = (0..rank).filter(|&axis| axis != channel).collect();
    cx.reduce(Reduction::Sum, x, axes, false)
}

fn arg_reduce(cx: &mut Cx<'_>, op: Extreme) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let (axis, dtype) = (cx.axis(1, rank)?, cx.attr("output_type")?);
    cx.push(Op::ArgReduce { op, axis, dtype }, &[x])
}

fn cumulative(cx: &mut Cx<'_>, op: Reduction) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let (axis, exclusive, reverse) = (
        cx.axis(1, rank)?,
        cx.attr("exclusive")?,
        cx.attr("reverse")?,
    );
    cx.push(
        Op::Cumulative {
            op,
            axis,
            exclusive,
            reverse,
        },
        &[x],
    )
}

fn over_last(cx: &mut Cx<'_>, make: fn(usize) -> Op) -> Result<Value> {
    let x = cx.input(0)?;
    let axis = super::cx::normalize_axis(-1, cx.rank(x)?)?;
    cx.push(make(axis), &[x])
}

/// The loss of each row, and its gradient.
fn cross_entropy(cx: &mut Cx<'_>, sparse: bool) -> Result<Vec<Lowered>> {
    let (logits, labels) = cx.pair()?;
    let labels = if sparse {
        one_hot_like(cx, labels, logits)?
    } else {
        labels
    };
    let log_probabilities = cx.push(Op::LogSoftmax { axis: 1 }, &[logits])?;
    let products = cx.combine(Binary::Mul, labels, log_probabilities)?;
    let sum = cx.reduce(Reduction::Sum, products, vec![1], false)?;
    let loss = cx.apply(Unary::Neg, sum)?;
    let probabilities = cx.push(Op::Softmax { axis: 1 }, &[logits])?;
    let gradient = cx.combine(Binary::Sub, probabilities, labels)?;
    Ok(vec![Lowered::Value(loss), Lowered::Value(gradient)])
}

fn one_hot_like(cx: &mut Cx<'_>, labels: Value, logits: Value) -> Result<Value> {
    let dtype: DType = cx.dtype(logits);
    let classes = cx.shape(logits)?.pop().unwrap_or(crate::ir::Dim::known(1));
    let (on, off) = (cx.scalar(dtype, 1.0)?, cx.scalar(dtype, 0.0)?);
    cx.push(
        Op::OneHot {
            depth: classes,
            axis: 1,
        },
        &[labels, on, off],
    )
}
