//! Special functions of real numbers with their slopes, in double precision.

use std::f64::consts::{FRAC_PI_2, PI};

/// A function of one to three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// The quantile of the normal distribution.
    Ndtri,
    /// The modified Bessel function of order 0.
    BesselI0,
    /// The modified Bessel function of order 1.
    BesselI1,
    /// `exp(-|x|)` times the modified Bessel function of order 0.
    BesselI0e,
    /// `exp(-|x|)` times the modified Bessel function of order 1.
    BesselI1e,
    /// The regularised lower incomplete gamma function of `a` and `x`.
    Igamma,
    /// The regularised upper incomplete gamma function of `a` and `x`.
    Igammac,
    /// Hurwitz's zeta function of `s` and `q`.
    Zeta,
    /// The derivative of order `n` of the digamma function at `x`.
    Polygamma,
    /// The regularised incomplete beta function of `a`, `b` and `x`.
    Betainc,
}

impl Special {
    /// The function's value; NaN where it has none.
    pub fn value(self, x: &[f64]) -> f64 {
        match (self, x) {
            (Special::Ndtri, &[p]) => ndtri(p),
            (Special::BesselI0, &[x]) => bessel(0, x) * x.abs().exp(),
            (Special::BesselI1, &[x]) => bessel(1, x) * x.abs().exp(),
            (Special::BesselI0e, &[x]) => bessel(0, x),
            (Special::BesselI1e, &[x]) => bessel(1, x),
            (Special::Igamma, &[a, x]) => lower_gamma(a, x),
            (Special::Igammac, &[a, x]) => upper_gamma(a, x),
            (Special::Zeta, &[s, q]) => zeta(s, q),
            (Special::Polygamma, &[n, x]) => polygamma(n, x),
            (Special::Betainc, &[a, b, x]) => beta(a, b, x),
            (_, _) => f64::NAN,
        }
    }

    /// The slope along one of the operands; 0 along those that TensorFlow does not differentiate by.
    pub fn slope(self, operand: usize, x: &[f64]) -> f64 {
        match (self, operand, x) {
            (Special::Ndtri, 0, &[p]) => (2.0 * PI).sqrt() * (ndtri(p).powi(2) / 2.0).exp(),
            (Special::BesselI0, 0, &[x]) => bessel(1, x) * x.abs().exp(),
            (Special::BesselI1, 0, &[x]) => slope_of_first(x) * x.abs().exp(),
            (Special::BesselI0e, 0, &[x]) => bessel(1, x) - sign(x) * bessel(0, x),
            (Special::BesselI1e, 0, &[x]) => slope_of_first(x) - sign(x) * bessel(1, x),
            (Special::Igamma, 0, &[a, x]) => slope_of_shape(a, x),
            (Special::Igammac, 0, &[a, x]) => -slope_of_shape(a, x),
            (Special::Igamma, 1, &[a, x]) => gamma_density(a, x),
            (Special::Igammac, 1, &[a, x]) => -gamma_density(a, x),
            (Special::Zeta, 1, &[s, q]) => -s * zeta(s + 1.0, q),
            (Special::Polygamma, 1, &[n, x]) => polygamma(n + 1.0, x),
            (Special::Betainc, 2, &[a, b, x]) => beta_density(a, b, x),
            (_, _, _) => 0.0,
        }
    }
}

/// Terms after which a series has converged or never will.
const TERMS: usize = 500;

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

/// By Cephes' rational approximations: one around the middle, one for the tails.
fn ndtri(p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 || p.is_nan() {
        return match p {
            0.0 => f64::NEG_INFINITY,
            1.0 => f64::INFINITY,
            _ => f64::NAN,
        };
    }
    let is_high = p > 1.0 - (-2.0f64).exp();
    let tail = if is_high { 1.0 - p } else { p };
    if tail > (-2.0f64).exp() {
        return middle(tail - 0.5);
    }
    let x = (-2.0 * tail.ln()).sqrt();
    let quantile = x - x.ln() / x - tail_correction(1.0 / x, x < 8.0);
    if is_high { quantile } else { -quantile }
}

fn middle(y: f64) -> f64 {
    const P: [f64; 5] = [
        -5.996_335_010_141_079e1,
        9.800_107_541_859_997e1,
        -5.667_628_574_690_703e1,
        1.393_126_093_872_795_6e1,
        -1.239_165_838_673_812_5,
    ];
    const Q: [f64; 9] = [
        1.0,
        1.954_488_583_381_417_7,
        4.676_279_128_988_815,
        8.636_024_213_908_905e1,
        -2.254_626_878_541_193e2,
        2.002_602_123_800_606_6e2,
        -8.203_722_561_683_334e1,
        1.590_562_251_262_116_8e1,
        -1.183_316_211_213_3,
    ];
    let square = y * y;
    let x = y + y * (square * polynomial(square, &P) / polynomial(square, &Q));
    x * (2.0 * PI).sqrt()
}

fn tail_correction(z: f64, is_near: bool) -> f64 {
    const NEAR_P: [f64; 9] = [
        4.055_448_923_059_624_5,
        3.152_510_945_998_938_8e1,
        5.716_281_922_464_213e1,
        4.408_050_738_932_008e1,
        1.468_495_619_288_580_2e1,
        2.186_633_068_507_902_5,
        -1.402_560_791_713_545e-1,
        -3.504_246_268_278_482e-2,
        -8.574_567_851_546_854e-4,
    ];
    const NEAR_Q: [f64; 9] = [
        1.0,
        1.577_998_832_564_667_5e1,
        4.539_076_351_288_792e1,
        4.131_720_382_546_72e1,
        1.504_253_856_929_075e1,
        2.504_649_462_083_094,
        -1.421_829_228_547_877_8e-1,
        -3.808_064_076_915_783e-2,
        -9.332_594_808_954_574e-4,
    ];
    const FAR_P: [f64; 9] = [
        3.237_748_917_769_460_4,
        6.915_228_890_689_842,
        3.938_810_252_924_744_4,
        1.333_034_608_158_075_4,
        2.014_853_895_491_790_8e-1,
        1.237_166_348_178_200_3e-2,
        3.015_815_535_082_354_3e-4,
        2.658_069_746_867_375_6e-6,
        6.239_745_391_849_832e-9,
    ];
    const FAR_Q: [f64; 9] = [
        1.0,
        6.024_270_393_647_42,
        3.679_835_638_561_608_6,
        1.377_020_994_890_813_3,
        2.162_369_935_944_966_3e-1,
        1.342_040_060_885_431_8e-2,
        3.280_144_646_821_277_4e-4,
        2.892_478_647_453_807e-6,
        6.790_194_080_099_813e-9,
    ];
    match is_near {
        true => z * polynomial(z, &NEAR_P) / polynomial(z, &NEAR_Q),
        false => z * polynomial(z, &FAR_P) / polynomial(z, &FAR_Q),
    }
}

/// `e^-|x|` times the modified Bessel function of order 0 or 1: by its series, or for large numbers asymptotically.
fn bessel(order: u8, x: f64) -> f64 {
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
        return sign * sum / (2.0 * PI * size).sqrt();
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

/// `e^-|x|` times the slope of the modified Bessel function of order 1.
fn slope_of_first(x: f64) -> f64 {
    match x == 0.0 {
        true => 0.5,
        false => bessel(0, x) - bessel(1, x) / x,
    }
}

/// `log|Γ(x)|`, by Lanczos' approximation, and by reflection for small numbers.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin().abs()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let terms = TERMS.iter().enumerate();
    let series = terms.fold(0.999_999_999_999_809_9, |sum, (i, term)| {
        sum + term / (x + i as f64 + 1.0)
    });
    let t = x + 7.5;
    0.5 * (4.0 * FRAC_PI_2).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// `x^a e^-x / Γ(a)`.
fn gamma_scale(a: f64, x: f64) -> f64 {
    (a * x.ln() - x - ln_gamma(a)).exp()
}

fn gamma_density(a: f64, x: f64) -> f64 {
    ((a - 1.0) * x.ln() - x - ln_gamma(a)).exp()
}

fn lower_gamma(a: f64, x: f64) -> f64 {
    if x < 0.0 || a <= 0.0 || x.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    match x < a + 1.0 {
        true => gamma_series(a, x),
        false => 1.0 - gamma_fraction(a, x),
    }
}

fn upper_gamma(a: f64, x: f64) -> f64 {
    if x < 0.0 || a <= 0.0 || x.is_nan() || a.is_nan() {
        return f64::NAN;
    }
    match x < a + 1.0 {
        true => 1.0 - gamma_series(a, x),
        false => gamma_fraction(a, x),
    }
}

fn gamma_series(a: f64, x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for n in 1..TERMS {
        term *= x / (a + n as f64);
        sum += term;
    }
    sum * gamma_scale(a, x)
}

fn gamma_fraction(a: f64, x: f64) -> f64 {
    if x == f64::INFINITY {
        return 0.0;
    }
    let mut fraction = 0.0;
    for n in (1..TERMS).rev() {
        let n = n as f64;
        fraction = n * (n - a) / (x + 2.0 * n + 1.0 - a - fraction);
    }
    gamma_scale(a, x) / (x + 1.0 - a - fraction)
}

/// The slope of the lower incomplete gamma function along its first operand, by a difference of the fourth order.
fn slope_of_shape(a: f64, x: f64) -> f64 {
    let step = 1e-3 * a.min(1.0);
    let at = |k: f64| lower_gamma(a + k * step, x);
    (at(-2.0) - 8.0 * at(-1.0) + 8.0 * at(1.0) - at(2.0)) / (12.0 * step)
}

/// By the formula of Euler and Maclaurin.
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
    if s <= 1.0 || (q <= 0.0 && (q == q.floor() || s != s.floor())) {
        let is_pole = s == 1.0 || (s > 1.0 && q <= 0.0 && q == q.floor());
        return if is_pole { f64::INFINITY } else { f64::NAN };
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
    sign * ln_gamma(n + 1.0).exp() * zeta(n + 1.0, x)
}

fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        return match x == x.floor() {
            true => f64::NAN,
            false => digamma(1.0 - x) - PI / (PI * x).tan(),
        };
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        square * (1.0 / 12.0 - square * (1.0 / 120.0 - square * (1.0 / 252.0 - square / 240.0)));
    sum + x.ln() - 0.5 / x - series
}

/// `log(1 / B(a, b))`.
fn ln_beta_scale(a: f64, b: f64) -> f64 {
    ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)
}

fn beta_density(a: f64, b: f64, x: f64) -> f64 {
    (ln_beta_scale(a, b) + (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p()).exp()
}

/// By its continued fraction.
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
    let scale = (ln_beta_scale(a, b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of TensorFlow 2.21 in double precision, to 1e-10.
    #[test]
    fn values_are_those_of_tensorflow() {
        let cases: [(Special, &[f64], f64); 5] = [
            (Special::Ndtri, &[0.975], 1.959_963_984_540_054),
            (Special::Ndtri, &[1e-6], -4.753_424_308_822_899),
            (Special::Igamma, &[2.0, 1.5], 0.442_174_599_628_925_4),
            (Special::Zeta, &[2.0, 1.0], 1.644_934_066_848_226_4),
            (Special::Betainc, &[2.0, 3.0, 0.4], 0.524_8),
        ];
        for (function, x, wanted) in cases {
            let value = function.value(x);
            assert!((value - wanted).abs() < 1e-10, "{function:?} {x:?} {value}");
        }
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let cases: [(Special, &[f64], usize); 6] = [
            (Special::Ndtri, &[0.3], 0),
            (Special::BesselI1e, &[1.5], 0),
            (Special::Igamma, &[2.0, 1.5], 0),
            (Special::Igammac, &[2.0, 1.5], 1),
            (Special::Polygamma, &[1.0, 2.5], 1),
            (Special::Betainc, &[2.0, 3.0, 0.4], 2),
        ];
        for (function, x, operand) in cases {
            let at = |step: f64| {
                let mut x = x.to_vec();
                x[operand] += step;
                function.value(&x)
            };
            let wanted = (at(1e-5) - at(-1e-5)) / 2e-5;
            let slope = function.slope(operand, x);
            assert!(
                (slope - wanted).abs() < 1e-6,
                "{function:?} {slope} {wanted}"
            );
        }
    }
}
