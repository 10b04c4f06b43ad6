//! Special functions.

use super::cx::{Cx, normalize_axis};
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Special, Unary, Value};
use std::f64::consts::FRAC_1_SQRT_2;

pub const OPS: &[Lowering] = &[
    op("Ndtri", |cx| cx.map(Op::Special(Special::Ndtri))),
    op("Erfinv", inverse_error),
    op("BesselI0", |cx| cx.map(Op::Special(Special::BesselI0))),
    op("BesselI1", |cx| cx.map(Op::Special(Special::BesselI1))),
    op("BesselI0e", |cx| cx.map(Op::Special(Special::BesselI0e))),
    op("BesselI1e", |cx| cx.map(Op::Special(Special::BesselI1e))),
    op("Igamma", |cx| cx.map(Op::Special(Special::Igamma))),
    op("Igammac", |cx| cx.map(Op::Special(Special::Igammac))),
    op("Zeta", |cx| cx.map(Op::Special(Special::Zeta))),
    op("Polygamma", |cx| cx.map(Op::Special(Special::Polygamma))),
    op("Betainc", |cx| cx.map(Op::Special(Special::Betainc))),
    op("CumulativeLogsumexp", cumulative_logsumexp),
    op("PopulationCount", population_count),
];

/// As TensorFlow has it, with its loss of digits near one: `ndtri((x + 1) / 2) / sqrt(2)`.
fn inverse_error(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let shifted = cx.combine_scalar(Binary::Add, x, 1.0)?;
    let half = cx.combine_scalar(Binary::Mul, shifted, 0.5)?;
    let quantile = cx.push(Op::Special(Special::Ndtri), &[half])?;
    cx.combine_scalar(Binary::Mul, quantile, FRAC_1_SQRT_2)
}

/// For each element the sum over those before it along the axis, as a reduction of a square of all pairs.
fn cumulative_logsumexp(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let axis = normalize_axis(cx.integer(1)?, dims.len())?;
    let (exclusive, reverse): (bool, bool) = (cx.attr("exclusive")?, cx.attr("reverse")?);
    let n = dims[axis].clone();
    let to = cx.iota(n.clone(), DType::I32)?;
    let to = cx.expand(to, 1)?;
    let from = cx.iota(n.clone(), DType::I32)?;
    let test = match (exclusive, reverse) {
        (false, false) => Comparison::LessEqual,
        (true, false) => Comparison::Less,
        (false, true) => Comparison::GreaterEqual,
        (true, true) => Comparison::Greater,
    };
    let counts = cx.test(test, from, to)?;
    let mut square = vec![n.clone(), n];
    square.extend(vec![Dim::known(1); dims.len() - axis - 1]);
    let counts = cx.reshape(counts, square)?;
    let nothing = cx.scalar_like(x, f64::NEG_INFINITY)?;
    let lowest = match cx.dtype(x) {
        DType::F64 => f64::MIN,
        DType::F16 => f64::from(half::f16::MIN),
        DType::BF16 => f64::from(half::bf16::MIN),
        _ => f64::from(f32::MIN),
    };
    let lowest = cx.scalar_like(x, lowest)?;
    let row = cx.expand(x, axis)?;
    let terms = cx.select(counts, row, nothing)?;
    let most = cx.reduce(Reduction::Max, terms, vec![axis + 1], true)?;
    let most = cx.combine(Binary::Maximum, most, lowest)?;
    let most = cx.apply(Unary::StopGradient, most)?;
    let terms = cx.combine(Binary::Sub, terms, most)?;
    let terms = cx.apply(Unary::Exp, terms)?;
    let sum = cx.reduce(Reduction::Sum, terms, vec![axis + 1], false)?;
    let log = cx.apply(Unary::Log, sum)?;
    let most = cx.reshape(most, dims)?;
    cx.combine(Binary::Add, log, most)
}

/// The bits along an axis of their own, added up.
fn population_count(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let width = match cx.dtype(x) {
        DType::I8 | DType::U8 => 8,
        DType::I16 | DType::U16 => 16,
        DType::I32 | DType::U32 => 32,
        DType::I64 => 64,
        other => return Err(Error::unsupported(format!("the bits of {other:?}"))),
    };
    let rank = cx.rank(x)?;
    let x = cx.cast(x, DType::I64)?;
    let x = cx.expand(x, rank)?;
    let places: Vec<i64> = (0..width).collect();
    let places = cx.integer_constant(DType::I64, &places, false)?;
    let shifted = cx.combine(Binary::ShiftRight, x, places)?;
    let one = cx.integer_constant(DType::I64, &[1], true)?;
    let bits = cx.combine(Binary::BitwiseAnd, shifted, one)?;
    let count = cx.reduce(Reduction::Sum, bits, vec![rank], false)?;
    cx.cast(count, DType::U8)
}
