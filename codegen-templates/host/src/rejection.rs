//! Random numbers by rejection: gamma (Marsaglia and Tsang, 2000) and Poisson (Knuth; Hörmann, 1993), in TensorFlow's order
//! of draws. Each result has 256 blocks of the generator for its own.

use super::array::{Array, Element, Error, Numbers, Result, count};
use super::philox::{Philox, double, normal_double};

const BLOCKS: u64 = 256;

/// Gamma numbers of scale 1, whose shape parameters are the last axes of `shape`.
///
/// # Errors
/// They are not, or the generator is none.
pub fn gamma(
    alpha: &Array,
    key: &Array,
    counter: &Array,
    shape: &[usize],
    element: Element,
) -> Result<Array> {
    drawn(gamma_number, alpha, (key, counter), shape, element)
}

/// Poisson numbers, whose rates are the last axes of `shape`.
///
/// # Errors
/// They are not, or the generator is none.
pub fn poisson(
    rate: &Array,
    key: &Array,
    counter: &Array,
    shape: &[usize],
    element: Element,
) -> Result<Array> {
    drawn(poisson_number, rate, (key, counter), shape, element)
}

fn drawn(
    number: fn(f64, &mut Draws) -> f64,
    parameters: &Array,
    (key, counter): (&Array, &Array),
    shape: &[usize],
    element: Element,
) -> Result<Array> {
    if !shape.ends_with(parameters.shape()) {
        return Err(Error::new(format!(
            "Shape passed in must end with broadcasted shape: {shape:?} does not end with {:?}",
            parameters.shape()
        )));
    }
    let (&[key], &[low, high]) = (&key.to_i64()[..], &counter.to_i64()[..]) else {
        return Err(Error::new(
            "a key of one and a counter of two words are needed",
        ));
    };
    let counter = u128::from(low as u64) | u128::from(high as u64) << 64;
    let (total, parameters) = (count(shape)?, parameters.to_f64());
    let rows = total / parameters.len().max(1);
    let mut numbers = vec![0.0; total];
    for (index, &parameter) in parameters.iter().enumerate() {
        for row in 0..rows {
            let mut own = Philox {
                key: key as u64,
                counter,
            };
            own.skip((index * rows + row) as u64 * BLOCKS);
            numbers[row * parameters.len() + index] = number(parameter, &mut Draws::new(own));
        }
    }
    Ok(Array::new(shape, Numbers::F64(numbers))?.to(element))
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
            let [a, b, c, d] = self.philox.draw();
            self.uniform = vec![double(a, b), double(c, d)];
        }
        self.uniform.pop().unwrap_or_default()
    }

    fn normal(&mut self) -> f64 {
        if self.normal.is_empty() {
            self.normal = normal_double(self.philox.draw()).to_vec();
        }
        self.normal.pop().unwrap_or_default()
    }
}

fn gamma_number(alpha: f64, draws: &mut Draws) -> f64 {
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

fn poisson_number(rate: f64, draws: &mut Draws) -> f64 {
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
        if s <= -rate + k * rate.ln() - log_factorial(k) {
            return k;
        }
    }
}

/// `ln(k!)`, from 16 on by Stirling's series.
fn log_factorial(k: f64) -> f64 {
    if k < 16.0 {
        return (2..=k as u32).map(|i| f64::from(i).ln()).sum();
    }
    let n = k + 1.0;
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    (n - 0.5) * n.ln() - n + (2.0 * std::f64::consts::PI).ln() / 2.0 + series
}
