//! Random numbers by rejection: gamma (Marsaglia and Tsang, 2000) and Poisson (Knuth; Hörmann, 1993), in TensorFlow's order
//! of draws. Each result has 256 blocks of the generator for its own.

use super::super::cx::{Cx, count};
use super::philox::{self, Philox};
use super::random::{generator, reserve, seeds};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    one("RandomGamma", |cx| stateful(cx, gamma)),
    one("RandomPoisson", |cx| stateful(cx, poisson)),
    one("RandomPoissonV2", |cx| stateful(cx, poisson)),
    one("StatelessRandomGammaV2", |cx| {
        let philox = Philox::of_stateless(seeds(cx, 1)?);
        stateless(cx, gamma, philox, 2)
    }),
    one("StatelessRandomGammaV3", |cx| {
        let philox = generator(cx)?;
        stateless(cx, gamma, philox, 4)
    }),
    one("StatelessRandomPoisson", |cx| {
        let philox = Philox::of_stateless(seeds(cx, 1)?);
        stateless(cx, poisson, philox, 2)
    }),
];

const BLOCKS: u64 = 256;

/// A number with this parameter.
type Sampler = fn(f64, &mut Draws) -> f64;

fn stateful(cx: &mut Cx<'_>, sampler: Sampler) -> Result<Tensor> {
    let (leading, parameters) = (cx.extents(0)?, cx.tensor(1)?);
    let shape: Vec<usize> = leading.iter().chain(parameters.shape()).copied().collect();
    let philox = reserve(cx, (count(&shape)? as u64).wrapping_mul(BLOCKS))?;
    draw(cx, sampler, philox, &shape, 1)
}

/// The shape ends with that of the parameters.
fn stateless(cx: &mut Cx<'_>, sampler: Sampler, philox: Philox, at: usize) -> Result<Tensor> {
    let shape = cx.extents(0)?;
    if !shape.ends_with(cx.tensor(at)?.shape()) {
        return Err(Error::usage(format!(
            "Shape passed in must end with broadcasted shape: {shape:?} does not end with {:?}",
            cx.tensor(at)?.shape()
        )));
    }
    draw(cx, sampler, philox, &shape, at)
}

fn draw(
    cx: &mut Cx<'_>,
    sampler: Sampler,
    philox: Philox,
    shape: &[usize],
    at: usize,
) -> Result<Tensor> {
    let parameters = cx.floats(at)?;
    let total = count(shape)?;
    let rows = total / parameters.len().max(1);
    let mut numbers = vec![0.0; total];
    for (index, &parameter) in parameters.iter().enumerate() {
        for row in 0..rows {
            let mut own = philox;
            own.skip((index * rows + row) as u64 * BLOCKS);
            numbers[row * parameters.len() + index] = sampler(parameter, &mut Draws::new(own));
        }
    }
    let dtype = match cx.stored("dtype") {
        Some(_) if cx.stored("R").is_some() || cx.stored("Rtype").is_some() => cx.attr("dtype")?,
        _ => cx.tensor(at)?.dtype(),
    };
    of_dtype(dtype, shape, numbers)
}

fn of_dtype(dtype: DType, shape: &[usize], numbers: Vec<f64>) -> Result<Tensor> {
    match dtype.is_integer() {
        true => Tensor::from_integers(dtype, shape, numbers.iter().map(|&x| x as i64).collect()),
        false => Tensor::from_floats(dtype, shape, numbers),
    }
}

/// Uniform and normal numbers, taken in pairs of one block, the second one first.
struct Draws {
    philox: Philox,
    uniform: Vec<f64>,
    normal: Vec<f64>,
}

impl Draws {
    fn new(philox: Philox) -> Self {
        Draws {
            philox,
            uniform: vec![],
            normal: vec![],
        }
    }

    fn uniform(&mut self) -> f64 {
        if self.uniform.is_empty() {
            let [a, b, c, d] = self.philox.next();
            self.uniform = vec![philox::double(a, b), philox::double(c, d)];
        }
        self.uniform.pop().unwrap_or_default()
    }

    fn normal(&mut self) -> f64 {
        if self.normal.is_empty() {
            self.normal = philox::normal_double(self.philox.next()).to_vec();
        }
        self.normal.pop().unwrap_or_default()
    }
}

fn gamma(alpha: f64, draws: &mut Draws) -> f64 {
    if alpha == 1.0 {
        return -(-draws.uniform()).ln_1p();
    }
    let d = alpha + if alpha < 1.0 { 2.0 / 3.0 } else { -1.0 / 3.0 };
    let c = 1.0 / 3.0 / d.sqrt();
    // A parameter that is no number would never be accepted.
    if !d.is_finite() || d <= 0.0 {
        return f64::NAN;
    }
    loop {
        let x = draws.normal();
        let v = 1.0 + c * x;
        if v <= 0.0 {
            continue;
        }
        let v = v * v * v;
        let u = draws.uniform();
        let is_surely_in = u < 1.0 - 0.0331 * (x * x) * (x * x);
        if is_surely_in || u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
            let scale = match alpha < 1.0 {
                true => draws.uniform().powf(1.0 / alpha),
                false => 1.0,
            };
            return d * v * scale;
        }
    }
}

fn poisson(rate: f64, draws: &mut Draws) -> f64 {
    if rate.is_nan() || rate < 0.0 {
        return f64::NAN;
    }
    if rate.is_infinite() {
        return rate;
    }
    if rate >= 10.0 {
        return poisson_by_rejection(rate, draws);
    }
    let (mut product, mut events) = (1.0, 0.0);
    loop {
        product *= draws.uniform();
        if product <= (-rate).exp() {
            return events;
        }
        events += 1.0;
    }
}

fn poisson_by_rejection(rate: f64, draws: &mut Draws) -> f64 {
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    loop {
        let u = draws.uniform() - 0.5;
        let v = draws.uniform();
        let shifted = 0.5 - u.abs();
        let k = ((2.0 * a / shifted + b) * u + rate + 0.43).floor();
        if shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b - 2.0) {
            return k;
        }
        if k < 0.0 || (shifted < 0.013 && v > shifted) {
            continue;
        }
        let s = (v * inverse_alpha / (a / (shifted * shifted) + b)).ln();
        if s <= -rate + k * rate.ln() - libm::lgamma(k + 1.0) {
            return k;
        }
    }
}
