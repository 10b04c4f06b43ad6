//! Functions of one operand that candle lacks, or computes or differentiates differently from TensorFlow.

use super::activation;
use super::cpu::is_short;
use super::kernels;
use super::math_composed;
use candle_core::cpu::erf::{erf_f64, erfc_f64};
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// A function with its slope, in double precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Expm1,
    Log1p,
    Tan,
    Asin,
    Acos,
    Atan,
    Sinh,
    Cosh,
    Asinh,
    Acosh,
    Atanh,
    Erf,
    Erfc,
    Lgamma,
    Digamma,
    Abs,
    Sqrt,
    Rsqrt,
}

impl Function {
    fn value(self, x: f64) -> f64 {
        match self {
            Function::Expm1 => x.exp_m1(),
            Function::Log1p => x.ln_1p(),
            Function::Tan => x.tan(),
            Function::Asin => x.asin(),
            Function::Acos => x.acos(),
            Function::Atan => x.atan(),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Asinh => x.asinh(),
            Function::Acosh => x.acosh(),
            Function::Atanh => x.atanh(),
            Function::Erf => erf_f64(x),
            Function::Erfc => erfc_f64(x),
            Function::Lgamma => ln_gamma(x),
            Function::Digamma => psi(x),
            Function::Abs => x.abs(),
            Function::Sqrt => x.sqrt(),
            Function::Rsqrt => x.sqrt().recip(),
        }
    }

    /// The slope at `x`, where the value is `y`.
    fn slope(self, x: f64, y: f64) -> f64 {
        match self {
            Function::Expm1 => y + 1.0,
            Function::Log1p => 1.0 / (1.0 + x),
            Function::Tan => 1.0 + y * y,
            Function::Asin => 1.0 / (1.0 - x * x).sqrt(),
            Function::Acos => -1.0 / (1.0 - x * x).sqrt(),
            Function::Atan => 1.0 / (1.0 + x * x),
            Function::Sinh => x.cosh(),
            Function::Cosh => x.sinh(),
            Function::Asinh => 1.0 / y.cosh(),
            Function::Acosh => 1.0 / y.sinh(),
            Function::Atanh => 1.0 / (1.0 - x * x),
            Function::Erf => std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
            Function::Erfc => -std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp(),
            Function::Lgamma => psi(x),
            Function::Digamma => trigamma(x),
            Function::Abs => sign_of(x),
            Function::Sqrt => 0.5 / y,
            Function::Rsqrt => -0.5 * y / x,
        }
    }
}

fn sign_of(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        x
    } else {
        x.signum()
    }
}

/// `log|Γ(x)|`, by Lanczos' approximation, and by reflection for negative numbers.
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
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin().abs()).ln()
            - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let series = TERMS
        .iter()
        .enumerate()
        .fold(0.999_999_999_999_809_9, |sum, (i, term)| {
            sum + term / (x + i as f64 + 1.0)
        });
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// The slope of `log|Γ|`: recurrence up to where the asymptotic series is exact.
fn psi(x: f64) -> f64 {
    if x <= 0.0 && x == x.floor() {
        return f64::NAN;
    }
    if x < 0.0 {
        return psi(1.0 - x) - std::f64::consts::PI / (std::f64::consts::PI * x).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    sum + x.ln()
        - 0.5 / x
        - z * (1.0 / 12.0 - z * (1.0 / 120.0 - z * (1.0 / 252.0 - z * (1.0 / 240.0 - z / 132.0))))
}

/// The slope of `psi`.
fn trigamma(x: f64) -> f64 {
    if x < 0.0 {
        let s = (std::f64::consts::PI * x).sin();
        return std::f64::consts::PI * std::f64::consts::PI / (s * s) - trigamma(1.0 - x);
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < 10.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let z = 1.0 / (x * x);
    sum + 1.0 / x + z / 2.0 + z / x * (1.0 / 6.0 - z * (1.0 / 30.0 - z * (1.0 / 42.0 - z / 30.0)))
}

/// Runs `f` on the CPU, in single precision for half precision, and brings the result back.
pub fn on_cpu(x: &Tensor, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let single = if matches!(x.dtype(), DType::F16 | DType::BF16) {
        DType::F32
    } else {
        x.dtype()
    };
    let y = f(&x.to_device(&Device::Cpu)?.to_dtype(single)?.contiguous()?)?;
    y.to_dtype(if y.dtype() == single {
        x.dtype()
    } else {
        y.dtype()
    })?
    .to_device(x.device())
}

fn apply(x: &Tensor, function: Function) -> Result<Tensor> {
    let composed: fn(&Tensor) -> Result<Tensor> = match function {
        _ if kernels::exist_for(x.device()) => {
            return on_cpu(x, |x| x.apply_op1(FunctionOp(function)));
        }
        Function::Expm1 => math_composed::expm1,
        Function::Log1p => math_composed::log1p,
        Function::Tan => math_composed::tan,
        Function::Asin => math_composed::asin,
        Function::Acos => math_composed::acos,
        Function::Atan => math_composed::atan,
        Function::Sinh => math_composed::sinh,
        Function::Cosh => math_composed::cosh,
        Function::Asinh => math_composed::asinh,
        Function::Acosh => math_composed::acosh,
        Function::Atanh => math_composed::atanh,
        Function::Abs => math_composed::abs,
        Function::Erf => Tensor::erf,
        Function::Sqrt => Tensor::sqrt,
        Function::Rsqrt => |x| x.sqrt()?.recip(),
        Function::Erfc | Function::Lgamma | Function::Digamma => {
            return on_cpu(x, |x| x.apply_op1(FunctionOp(function)));
        }
    };
    if is_short(x.dtype()) {
        return composed(&x.to_dtype(DType::F32)?)?.to_dtype(x.dtype());
    }
    composed(x)
}

/// Maps a slice in parallel, if it is worth waking other threads for.
fn mapped<T: Sync, U: Send>(x: &[T], f: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    if x.len() < 4096 {
        x.iter().map(f).collect()
    } else {
        x.par_iter().map(f).collect()
    }
}

struct FunctionOp(Function);

impl CustomOp1 for FunctionOp {
    fn name(&self) -> &'static str {
        "function"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("{:?} needs a contiguous tensor", self.0)
        };
        let y = match x {
            CpuStorage::F32(x) => CpuStorage::F32(mapped(&x[start..end], |&x| {
                self.0.value(f64::from(x)) as f32
            })),
            CpuStorage::F64(x) => CpuStorage::F64(mapped(&x[start..end], |&x| self.0.value(x))),
            _ => bail!("{:?} needs f32 or f64", self.0),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let list = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let slopes: Vec<f64> = list(x)?
            .into_par_iter()
            .zip(list(y)?)
            .map(|(x, y)| self.0.slope(x, y))
            .collect();
        let slopes = Tensor::from_vec(slopes, x.shape(), &Device::Cpu)?.to_dtype(x.dtype())?;
        (gradient * slopes).map(Some)
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $function:ident;)*) => {
        $($(#[$doc])* pub fn $name(x: &Tensor) -> Result<Tensor> { apply(x, Function::$function) })*
    };
}

functions! {
    /// `exp(x) - 1`, exact near 0.
    expm1 = Expm1;
    /// `log(1 + x)`, exact near 0.
    log1p = Log1p;
    tan = Tan;
    asin = Asin;
    acos = Acos;
    atan = Atan;
    sinh = Sinh;
    cosh = Cosh;
    asinh = Asinh;
    acosh = Acosh;
    atanh = Atanh;
    erf = Erf;
    /// `1 - erf(x)`, exact for large `x`.
    erfc = Erfc;
    /// `log|Γ(x)|`.
    lgamma = Lgamma;
    /// The slope of `lgamma`.
    digamma = Digamma;
}

/// `log(sigmoid(x))`.
pub fn log_sigmoid(x: &Tensor) -> Result<Tensor> {
    activation::softplus(&x.neg()?)?.neg()
}

/// `1 / sqrt(x)`.
pub fn rsqrt(x: &Tensor) -> Result<Tensor> {
    apply(x, Function::Rsqrt)
}

/// The square root, whose slope at 0 is infinite.
pub fn sqrt(x: &Tensor) -> Result<Tensor> {
    apply(x, Function::Sqrt)
}

/// A function of integers: by a loop on the CPU, where it wraps around, or by candle's operations on a device.
fn of_integers(
    x: &Tensor,
    integer: fn(i64) -> i64,
    composed: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    if !kernels::exist_for(x.device()) {
        return composed(x);
    }
    let values = x.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>()?;
    let values: Vec<i64> = values.into_iter().map(integer).collect();
    Tensor::from_vec(values, x.shape(), x.device())?.to_dtype(x.dtype())
}

/// `-x`.
pub fn neg(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        return x.neg();
    }
    of_integers(x, i64::wrapping_neg, |x| x.zeros_like()? - x)
}

/// The absolute value, with slope 0 at 0.
pub fn abs(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        return apply(x, Function::Abs);
    }
    of_integers(x, i64::wrapping_abs, |x| {
        let zero = x.zeros_like()?;
        x.lt(&zero)?.where_cond(&(&zero - x)?, x)
    })
}

/// -1, 0 or 1; no gradient flows.
pub fn sign(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        return math_composed::sign(x);
    }
    of_integers(x, i64::signum, math_composed::sign)
}

/// `x * x`.
pub fn square(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        return x.sqr();
    }
    of_integers(x, |x| x.wrapping_mul(x), |x| x * x)
}

/// Every bit inverted, of an integer tensor.
pub fn bitwise_not(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        bail!("bitwise_not needs integers, not {:?}", x.dtype());
    }
    // All bits are those of -1, which is the greatest number of an unsigned type.
    of_integers(
        x,
        |x| !x,
        |x| Tensor::full(-1i64, x.shape(), x.device())?.to_dtype(x.dtype())? - x,
    )
}

/// To the nearest integer, halves to the even one; no gradient flows.
pub fn round(x: &Tensor) -> Result<Tensor> {
    if !x.dtype().is_float() {
        return Ok(x.clone());
    }
    let x = x.detach();
    let is_half = (&x - x.floor()?)?.eq(0.5)?;
    let even = ((&x * 0.5)?.round()? * 2.0)?;
    is_half.where_cond(&even, &x.round()?)
}

/// Rounds towards negative infinity; no gradient flows.
pub fn floor(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        x.detach().floor()
    } else {
        Ok(x.clone())
    }
}

/// Rounds towards positive infinity; no gradient flows.
pub fn ceil(x: &Tensor) -> Result<Tensor> {
    if x.dtype().is_float() {
        x.detach().ceil()
    } else {
        Ok(x.clone())
    }
}

/// Whether elements are NaN, as `U8`.
pub fn is_nan(x: &Tensor) -> Result<Tensor> {
    x.ne(x)
}

/// Whether elements are infinite, as `U8`.
pub fn is_inf(x: &Tensor) -> Result<Tensor> {
    x.detach().abs()?.eq(f64::INFINITY)
}

/// Whether elements are neither infinite nor NaN, as `U8`.
pub fn is_finite(x: &Tensor) -> Result<Tensor> {
    x.detach().abs()?.lt(f64::INFINITY)
}

/// The logical negation of a `U8` tensor of truth values.
pub fn logical_not(x: &Tensor) -> Result<Tensor> {
    x.eq(0u8)
}

/// `x` held between two limits; the gradient flows where `low <= x <= high`.
pub fn clamp(x: &Tensor, low: f64, high: f64) -> Result<Tensor> {
    let limit = |value: f64| Tensor::full(value, x.shape(), x.device())?.to_dtype(x.dtype());
    let (low, high) = (limit(low)?, limit(high)?);
    let raised = x.lt(&low)?.where_cond(&low, x)?;
    x.gt(&high)?.where_cond(&high, &raised)
}

/// Conversion of the element type: floats are truncated towards zero, and anything but 0 is true for `bool`, which is `U8`.
pub fn cast(x: &Tensor, dtype: DType) -> Result<Tensor> {
    if x.dtype() == dtype {
        return Ok(x.clone());
    }
    // CUDA has no conversions between half precision and integers of 64 bits.
    let is_far = |half: DType, integer: DType| is_short(half) && integer == DType::I64;
    if is_far(x.dtype(), dtype) || is_far(dtype, x.dtype()) {
        return x.to_dtype(DType::F32)?.to_dtype(dtype);
    }
    x.to_dtype(dtype)
}

/// Whether elements are not 0, as `U8`.
pub fn to_bool(x: &Tensor) -> Result<Tensor> {
    x.ne(&x.zeros_like()?)
}
