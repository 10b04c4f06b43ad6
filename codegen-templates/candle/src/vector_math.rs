//! Elementary functions of `f32` without branches or calls, so that loops over them become vector instructions.

use super::cpu::fma;

/// `x` held between two limits; NaN stays NaN.
#[inline(always)]
pub fn clamp(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

/// `exp(x)`, by a polynomial after the power of two is split off; results below the normal range are 0.
#[inline(always)]
pub fn exp_value<const FMA: bool>(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // adding 1.5 * 2^23 leaves the nearest integer in the low bits
    let x = clamp(x, -87.3, 89.0);
    let shifted = fma::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<FMA>(n, 2.121_944_4e-4, fma::<FMA>(n, -0.693_359_4, x));
    let p = fma::<FMA>(1.987_569_1e-4, r, 1.398_2e-3);
    let p = fma::<FMA>(p, r, 8.333_452e-3);
    let p = fma::<FMA>(p, r, 4.166_579_6e-2);
    let p = fma::<FMA>(p, r, 1.666_666_5e-1);
    let p = fma::<FMA>(p, r, 0.5);
    let p = fma::<FMA>(p * r, r, r) + 1.0;
    2.0 * p * f32::from_bits(shifted.to_bits().wrapping_add(126) << 23)
}

#[inline(always)]
pub fn sigmoid_value<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp_value::<FMA>(-x))
}

/// `tanh(x)`: a polynomial near 0, where `1 - 2 / (exp(2x) + 1)` would cancel.
#[inline(always)]
pub fn tanh_value<const FMA: bool>(x: f32) -> f32 {
    let z = x * x;
    let p = fma::<FMA>(-5.704_988_7e-3, z, 2.063_909e-2);
    let p = fma::<FMA>(p, z, -5.373_971_6e-2);
    let p = fma::<FMA>(p, z, 1.333_144_2e-1);
    let p = fma::<FMA>(p, z, -0.333_332_8);
    let near = fma::<FMA>(p * z, x, x);
    let far = 1.0 - 2.0 / (exp_value::<FMA>(2.0 * x) + 1.0);
    if x.abs() < 0.625 { near } else { far }
}

/// `exp(x) - 1`, without cancellation near 0.
#[inline(always)]
pub fn exp_minus_one<const FMA: bool>(x: f32) -> f32 {
    if x < -80.0 {
        -1.0
    } else {
        tanh_value::<FMA>(0.5 * x) * (exp_value::<FMA>(x) + 1.0)
    }
}

#[inline(always)]
pub fn softplus_value(x: f32) -> f32 {
    clamp(x, 0.0, f32::INFINITY) + (-x.abs()).exp().ln_1p()
}

/// The error function, by a ratio of polynomials that is exact to a few units in the last place.
#[inline(always)]
pub fn erf_value<const FMA: bool>(x: f32) -> f32 {
    let x = clamp(x, -3.925, 3.925);
    let z = x * x;
    let p = fma::<FMA>(-2.726_142_3e-10, z, 2.770_681_4e-8);
    let p = fma::<FMA>(p, z, -2.101_024e-6);
    let p = fma::<FMA>(p, z, -5.692_506_4e-5);
    let p = fma::<FMA>(p, z, -7.349_906e-4);
    let p = fma::<FMA>(p, z, -2.954_6e-3);
    let p = fma::<FMA>(p, z, -1.609_603_3e-2);
    let q = fma::<FMA>(-1.456_607_2e-5, z, -2.133_740_5e-4);
    let q = fma::<FMA>(q, z, -1.682_827e-3);
    let q = fma::<FMA>(q, z, -7.373_329e-3);
    let q = fma::<FMA>(q, z, -1.426_473_9e-2);
    x * p / q
}

#[inline(always)]
pub fn normal_cdf<const FMA: bool>(x: f32) -> f32 {
    0.5 + 0.5 * erf_value::<FMA>(x * std::f32::consts::FRAC_1_SQRT_2)
}

/// The sum of `f` over a row, by sixteen partial sums.
#[inline(always)]
pub fn row_sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let chunks = row.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(|&x| f(x)).sum();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += f(x);
        }
    }
    rest + lanes.iter().sum::<f32>()
}

/// The sum of `f` over pairs of values of two rows, by sixteen partial sums.
#[inline(always)]
pub fn row_sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f32 = rest.map(|(&a, &b)| f(a, b)).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += f(a, b);
        }
    }
    rest + lanes.iter().sum::<f32>()
}

/// The greatest value of a row; NaN values do not count.
#[inline(always)]
pub fn row_max(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let chunks = row.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |max, &x| if x > max { x } else { max })
}
