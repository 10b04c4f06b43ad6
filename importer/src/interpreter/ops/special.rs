//! Special functions, and sums of exponentials along an axis.

use super::super::cx::{Cx, count};
use super::numbers::index;
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::{Tensor, broadcast_shape, broadcast_to};
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("Igamma", |cx| broadcast(cx, |[a, x]| lower_gamma(a, x))),
    one("Igammac", |cx| {
        broadcast(cx, |[a, x]| 1.0 - lower_gamma(a, x))
    }),
    one("Zeta", |cx| broadcast(cx, |[s, q]| zeta(s, q))),
    one("Polygamma", |cx| broadcast(cx, |[n, x]| polygamma(n, x))),
    one("Betainc", |cx| broadcast(cx, |[a, b, x]| beta(a, b, x))),
    one("BesselI0", |cx| {
        broadcast(cx, |[x]| bessel(0, x) * x.abs().exp())
    }),
    one("BesselI1", |cx| {
        broadcast(cx, |[x]| bessel(1, x) * x.abs().exp())
    }),
    one("BesselI0e", |cx| broadcast(cx, |[x]| bessel(0, x))),
    one("BesselI1e", |cx| broadcast(cx, |[x]| bessel(1, x))),
    one("CumulativeLogsumexp", cumulative),
];

/// A function of `N` operands, element by element.
fn broadcast<const N: usize>(cx: &mut Cx<'_>, of: impl Fn([f64; N]) -> f64) -> Result<Tensor> {
    let operands = cx.tensors(0..N)?;
    let refs: Vec<&Tensor> = operands.iter().map(Arc::as_ref).collect();
    let shape = broadcast_shape(&refs)?;
    let mut numbers = vec![];
    for operand in &refs {
        numbers.push(broadcast_to(&shape, operand)?.to_floats()?);
    }
    let at = |i: usize| of(std::array::from_fn(|operand| numbers[operand][i]));
    let dtype = refs
        .first()
        .map_or(crate::ir::DType::F32, |first| first.dtype());
    Tensor::from_floats(dtype, &shape, (0..count(&shape)?).map(at).collect())
}

/// Terms after which a series has converged or never will.
const TERMS: usize = 500;

/// The regularised lower incomplete gamma function: by its series, or by the continued fraction of the rest.
fn lower_gamma(a: f64, x: f64) -> f64 {
    if x < 0.0 || a <= 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return 0.0;
    }
    let scale = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS {
            term *= x / (a + n as f64);
            sum += term;
        }
        return sum * scale;
    }
    let mut fraction = 0.0;
    for n in (1..TERMS).rev() {
        let n = n as f64;
        fraction = n * (n - a) / (x + 2.0 * n + 1.0 - a - fraction);
    }
    1.0 - scale / (x + 1.0 - a - fraction)
}

/// Hurwitz's zeta function, by the formula of Euler and Maclaurin.
fn zeta(s: f64, q: f64) -> f64 {
    const BERNOULLI: [f64; 8] = [
        1.0 / 6.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        5.0 / 66.0,
        -691.0 / 2730.0,
        7.0 / 6.0,
        -3617.0 / 510.0,
    ];
    const HEAD: usize = 12;
    if s <= 1.0 {
        return if s == 1.0 { f64::INFINITY } else { f64::NAN };
    }
    let head: f64 = (0..HEAD).map(|n| (q + n as f64).powf(-s)).sum();
    let at = q + HEAD as f64;
    let mut sum = head + at.powf(1.0 - s) / (s - 1.0) + 0.5 * at.powf(-s);
    let mut factor = s * at.powf(-s - 1.0);
    let mut factorial = 2.0;
    for (k, bernoulli) in BERNOULLI.iter().enumerate() {
        sum += bernoulli / factorial * factor;
        let k = 2.0 * k as f64;
        factor *= (s + k + 1.0) * (s + k + 2.0) / (at * at);
        factorial *= (k + 3.0) * (k + 4.0);
    }
    sum
}

fn polygamma(n: f64, x: f64) -> f64 {
    if n == 0.0 {
        return digamma(x);
    }
    let sign = if n.rem_euclid(2.0) == 1.0 { 1.0 } else { -1.0 };
    sign * libm::tgamma(n + 1.0) * zeta(n + 1.0, x)
}

fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square / 240.0)));
    sum + x.ln() - 0.5 / x - series
}

/// The regularised incomplete beta function, by its continued fraction.
fn beta(a: f64, b: f64, x: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) || a <= 0.0 || b <= 0.0 {
        return f64::NAN;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    if x == 0.0 {
        return 0.0;
    }
    let scale = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    let scale = (scale + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let mut fraction = 1.0;
    for m in (1..TERMS).rev() {
        let half = (m / 2) as f64;
        let step = match m % 2 {
            0 => half * (b - half) * x / ((a + 2.0 * half - 1.0) * (a + 2.0 * half)),
            _ => -(a + half) * (a + b + half) * x / ((a + 2.0 * half) * (a + 2.0 * half + 1.0)),
        };
        fraction = 1.0 + step / fraction;
    }
    scale / fraction
}

/// `e^-|x|` times the modified Bessel function of order 0 or 1: by its series, or for large numbers asymptotically.
fn bessel(order: i32, x: f64) -> f64 {
    let size = x.abs();
    let sign = if order == 1 && x < 0.0 { -1.0 } else { 1.0 };
    let n = f64::from(order);
    if size > 30.0 {
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 1..12 {
            let k = f64::from(k);
            term *= -(4.0 * n * n - (2.0 * k - 1.0).powi(2)) / (k * 8.0 * size);
            sum += term;
        }
        return sign * sum / (2.0 * std::f64::consts::PI * size).sqrt();
    }
    let quarter = size * size / 4.0;
    let mut term = if order == 1 { size / 2.0 } else { 1.0 };
    let mut sum = term;
    for k in 1..TERMS {
        let k = k as f64;
        term *= quarter / (k * (k + n));
        sum += term;
    }
    sign * sum * (-size).exp()
}

/// `log(exp(x0) + exp(x1) + …)` along an axis.
fn cumulative(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let (exclusive, reverse): (bool, bool) = (cx.attr("exclusive")?, cx.attr("reverse")?);
    let axis = cx.integer(1)?;
    let rank = x.rank();
    let axis = index(if axis < 0 { axis + rank as i64 } else { axis }, rank)?;
    let length = x
        .shape()
        .get(axis)
        .copied()
        .ok_or_else(|| Error::usage("there is no such axis"))?;
    let inner = count(x.shape().get(axis + 1..).unwrap_or_default())?;
    let mut numbers = x.to_floats()?;
    for block in numbers.chunks_mut((length * inner).max(1)) {
        for offset in 0..inner {
            let mut total = f64::NEG_INFINITY;
            for i in 0..length {
                let i = if reverse { length - 1 - i } else { i };
                let place = &mut block[i * inner + offset];
                let with = add(total, *place);
                *place = if exclusive { total } else { with };
                total = with;
            }
        }
    }
    Tensor::from_floats(x.dtype(), x.shape(), numbers)
}

/// `log(exp(a) + exp(b))`.
fn add(a: f64, b: f64) -> f64 {
    let (large, small) = (a.max(b), a.min(b));
    match small == f64::NEG_INFINITY {
        true => large,
        false => large + (small - large).exp().ln_1p(),
    }
}
