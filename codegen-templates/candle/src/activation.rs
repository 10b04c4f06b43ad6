//! Activation functions: as functions of a tensor, and as the last step of a layer's kernel.

use super::cpu;
use super::vector_math::{
    clamp, exp_minus_one, exp_value, normal_cdf, sigmoid_value, softplus_value, tanh_value,
};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Module, Result, Shape, Tensor};

/// A function that a layer applies to each of its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    #[default]
    Linear,
    Relu,
    Relu6,
    /// `x` for positive `x`, else `slope * x`.
    LeakyRelu(f32),
    /// `x` for positive `x`, else `alpha * (exp(x) - 1)`.
    Elu(f32),
    Selu,
    /// `x * Φ(x)`, by the error function.
    Gelu,
    /// The approximation of `Gelu` by `tanh`.
    GeluTanh,
    Silu,
    Sigmoid,
    Tanh,
    Softplus,
    Softsign,
    /// `relu6(x + 3) / 6`.
    HardSigmoid,
    /// `x * relu6(x + 3) / 6`.
    HardSilu,
    Mish,
    Exp,
}

const SELU_SCALE: f32 = 1.050_701;
const SELU_ALPHA: f32 = 1.673_263_2;
const GELU_TANH_SCALE: f32 = 0.797_884_6;
const GELU_TANH_CUBE: f32 = 0.044_715;

impl Activation {
    /// Applies the function to each element.
    pub fn forward(self, x: &Tensor) -> Result<Tensor> {
        if self == Activation::Linear {
            return Ok(x.clone());
        }
        if cpu::is_native(x) {
            x.contiguous()?.apply_op1(ActivationOp(self))
        } else {
            self.composed(x)
        }
    }

    /// Whether the slope at a point can be told from the function's value there.
    pub fn slope_from_output(self) -> bool {
        match self {
            Activation::LeakyRelu(slope) => slope > 0.0,
            other => {
                other.limits().is_some() || matches!(other, Activation::Sigmoid | Activation::Tanh)
            }
        }
    }

    /// The function as limits that its argument is held between, where it is that.
    pub fn limits(self) -> Option<(f32, f32)> {
        let high = if self == Activation::Relu6 {
            6.0
        } else {
            f32::INFINITY
        };
        let low = if self == Activation::Linear {
            f32::NEG_INFINITY
        } else {
            0.0
        };
        matches!(
            self,
            Activation::Linear | Activation::Relu | Activation::Relu6
        )
        .then_some((low, high))
    }

    /// The part that a kernel may fuse into its output, and the part that follows as an operation of its own: where
    /// gradients are wanted, the slope must follow from the output.
    pub fn split(self, tracked: bool) -> (Self, Self) {
        if tracked && !self.slope_from_output() {
            (Activation::Linear, self)
        } else {
            (self, Activation::Linear)
        }
    }

    /// `gradient * slope`, where a layer's fused activation gave `output`; needs `slope_from_output`.
    pub fn backward(self, output: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let gradient = gradient.contiguous()?;
        if self == Activation::Linear {
            return Ok(gradient);
        }
        let output = output.contiguous()?;
        let ((output, output_layout), (gradient, gradient_layout)) =
            (output.storage_and_layout(), gradient.storage_and_layout());
        let output = cpu::stored(&output, output_layout)?;
        let scaled = self.scaled_by_slope(output, output, cpu::stored(&gradient, gradient_layout)?);
        Tensor::from_vec(scaled, output_layout.shape(), &candle_core::Device::Cpu)
    }

    #[inline(always)]
    fn value<const FMA: bool>(self, x: f32) -> f32 {
        match self {
            Activation::Linear => x,
            Activation::Relu => clamp(x, 0.0, f32::INFINITY),
            Activation::Relu6 => clamp(x, 0.0, 6.0),
            Activation::LeakyRelu(slope) => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Activation::Elu(alpha) => {
                if x > 0.0 {
                    x
                } else {
                    alpha * exp_minus_one::<FMA>(x)
                }
            }
            Activation::Selu => {
                SELU_SCALE
                    * if x > 0.0 {
                        x
                    } else {
                        SELU_ALPHA * exp_minus_one::<FMA>(x)
                    }
            }
            Activation::Gelu => x * normal_cdf::<FMA>(x),
            Activation::GeluTanh => 0.5 * x * (1.0 + tanh_value::<FMA>(gelu_tanh_argument(x))),
            Activation::Silu => x * sigmoid_value::<FMA>(x),
            Activation::Sigmoid => sigmoid_value::<FMA>(x),
            Activation::Tanh => tanh_value::<FMA>(x),
            Activation::Softplus => softplus_value(x),
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::HardSigmoid => clamp(x + 3.0, 0.0, 6.0) / 6.0,
            Activation::HardSilu => x * (clamp(x + 3.0, 0.0, 6.0) / 6.0),
            Activation::Mish => x * tanh_value::<FMA>(softplus_value(x)),
            Activation::Exp => exp_value::<FMA>(x),
        }
    }

    /// The slope at `x`, where the function's value is `y`.
    #[inline(always)]
    fn slope<const FMA: bool>(self, x: f32, y: f32) -> f32 {
        match self {
            Activation::Linear => 1.0,
            Activation::Relu => f32::from(y > 0.0),
            Activation::Relu6 => f32::from(y > 0.0 && y < 6.0),
            Activation::LeakyRelu(slope) => {
                if x > 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Activation::Elu(alpha) => {
                if x > 0.0 {
                    1.0
                } else {
                    y + alpha
                }
            }
            Activation::Selu => {
                if x >= 0.0 {
                    SELU_SCALE
                } else {
                    y + SELU_SCALE * SELU_ALPHA
                }
            }
            Activation::Gelu => {
                normal_cdf::<FMA>(x) + x * 0.398_942_3 * exp_value::<FMA>(-0.5 * x * x)
            }
            Activation::GeluTanh => gelu_tanh_slope::<FMA>(x),
            Activation::Silu => {
                let s = sigmoid_value::<FMA>(x);
                s + y * (1.0 - s)
            }
            Activation::Sigmoid => y * (1.0 - y),
            Activation::Tanh => 1.0 - y * y,
            Activation::Softplus => sigmoid_value::<FMA>(x),
            Activation::Softsign => 1.0 / ((1.0 + x.abs()) * (1.0 + x.abs())),
            Activation::HardSigmoid => f32::from(x > -3.0 && x < 3.0) / 6.0,
            Activation::HardSilu => {
                clamp(x + 3.0, 0.0, 6.0) / 6.0 + x * f32::from(x > -3.0 && x < 3.0) / 6.0
            }
            Activation::Mish => {
                let t = tanh_value::<FMA>(softplus_value(x));
                t + x * sigmoid_value::<FMA>(x) * (1.0 - t * t)
            }
            Activation::Exp => y,
        }
    }

    /// Whether a device's functions of half precision are as exact as its results.
    fn is_exact_in_half(self) -> bool {
        match self {
            Activation::Linear
            | Activation::Relu
            | Activation::Relu6
            | Activation::LeakyRelu(_)
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Exp => true,
            Activation::Elu(_)
            | Activation::Selu
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Silu
            | Activation::Softplus
            | Activation::Softsign
            | Activation::HardSigmoid
            | Activation::HardSilu
            | Activation::Mish => false,
        }
    }

    /// The function by candle's own operations, for other dtypes and devices.
    fn composed(self, x: &Tensor) -> Result<Tensor> {
        if cpu::is_short(x.dtype()) && !self.is_exact_in_half() {
            return self.composed(&x.to_dtype(DType::F32)?)?.to_dtype(x.dtype());
        }
        match self {
            Activation::Linear => Ok(x.clone()),
            // A NaN is neither more nor less than 0, and stays.
            Activation::Relu => x.le(0.0)?.where_cond(&x.zeros_like()?, x),
            Activation::Relu6 => relu6_composed(x),
            Activation::LeakyRelu(slope) => where_positive(x, x, &(x * f64::from(slope))?),
            Activation::Elu(alpha) => {
                let below = where_positive(x, &x.zeros_like()?, x)?;
                where_positive(x, x, &((below.exp()? - 1.0)? * f64::from(alpha))?)
            }
            Activation::Selu => {
                let below = where_positive(x, &x.zeros_like()?, x)?;
                let below = ((below.exp()? - 1.0)? * f64::from(SELU_ALPHA))?;
                x.lt(0.0)?.where_cond(&below, x)? * f64::from(SELU_SCALE)
            }
            Activation::Gelu => (x * ((x / std::f64::consts::SQRT_2)?.erf()? + 1.0)?)? * 0.5,
            Activation::GeluTanh => {
                let cube = (x.sqr()? * x)?;
                let argument = ((x + cube * f64::from(GELU_TANH_CUBE))?
                    * (2.0 / std::f64::consts::PI).sqrt())?;
                (x * (argument.tanh()? + 1.0)?)? * 0.5
            }
            Activation::Silu => x * Activation::Sigmoid.composed(x)?,
            // Differentiated step by step, it would be infinity times 0 where `exp(-x)` overflows.
            Activation::Sigmoid => candle_nn::ops::sigmoid(x),
            Activation::Tanh => x.tanh(),
            Activation::Softplus => {
                let size = where_positive(x, x, &x.neg()?)?;
                Activation::Relu.composed(x)? + (size.neg()?.exp()? + 1.0)?.log()?
            }
            Activation::Softsign => x / (x.abs()? + 1.0)?,
            Activation::HardSigmoid => relu6_composed(&(x + 3.0)?)? / 6.0,
            Activation::HardSilu => x * Activation::HardSigmoid.composed(x)?,
            Activation::Mish => x * Activation::Softplus.composed(x)?.tanh()?,
            Activation::Exp => x.exp(),
        }
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Activation::forward(*self, x)
    }
}

/// `relu6` with slope 0 at both limits, where candle's own `clamp` has a half.
fn relu6_composed(x: &Tensor) -> Result<Tensor> {
    let below = x.ge(6.0)?.where_cond(&(x.zeros_like()? + 6.0)?, x)?;
    Activation::Relu.composed(&below)
}

fn where_positive(x: &Tensor, positive: &Tensor, other: &Tensor) -> Result<Tensor> {
    x.gt(0.0)?.where_cond(positive, other)
}

#[inline(always)]
fn gelu_tanh_argument(x: f32) -> f32 {
    GELU_TANH_SCALE * (x + GELU_TANH_CUBE * x * x * x)
}

#[inline(always)]
fn gelu_tanh_slope<const FMA: bool>(x: f32) -> f32 {
    let t = tanh_value::<FMA>(gelu_tanh_argument(x));
    0.5 * (1.0 + t)
        + 0.5 * x * (1.0 - t * t) * GELU_TANH_SCALE * (1.0 + 3.0 * GELU_TANH_CUBE * x * x)
}

/// Runs an expression with the activation known to the compiler, so that the loops in it are specialised.
macro_rules! specialise {
    ($activation:expr, $a:ident => $body:expr) => {
        specialise!(@each $activation, $a, $body, [Linear Relu Relu6 Selu Gelu GeluTanh Silu Sigmoid Tanh Softplus Softsign HardSigmoid HardSilu Mish Exp])
    };
    (@each $activation:expr, $a:ident, $body:expr, [$($name:ident)*]) => {
        match $activation {
            $(Activation::$name => { let $a = Activation::$name; $body })*
            Activation::LeakyRelu(slope) => { let $a = Activation::LeakyRelu(slope); $body }
            Activation::Elu(alpha) => { let $a = Activation::Elu(alpha); $body }
        }
    };
}

struct Map<'a>(Activation, &'a [f32], &'a mut [f32]);

impl cpu::Kernel for Map<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        specialise!(self.0, a => for (y, &x) in self.2.iter_mut().zip(self.1) { *y = a.value::<FMA>(x) });
    }
}

struct Slope<'a>(Activation, &'a [f32], &'a [f32], &'a [f32], &'a mut [f32]);

impl cpu::Kernel for Slope<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let pairs = self.1.iter().zip(self.2).zip(self.3);
        specialise!(self.0, a => for (d, ((&x, &y), &g)) in self.4.iter_mut().zip(pairs) { *d = g * a.slope::<FMA>(x, y) });
    }
}

struct Epilogue<'a>(Activation, &'a mut [f32], Option<&'a [f32]>, usize);

impl cpu::Kernel for Epilogue<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Epilogue(activation, values, bias, width) = self;
        let (low, high) = activation
            .limits()
            .unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        match bias {
            Some(bias) => {
                for row in values.chunks_exact_mut(width) {
                    for (value, bias) in row.iter_mut().zip(bias) {
                        *value = clamp(*value + *bias, low, high);
                    }
                }
            }
            None => values
                .iter_mut()
                .for_each(|value| *value = clamp(*value, low, high)),
        }
        if activation.limits().is_none() {
            specialise!(activation, a => for value in values.iter_mut() { *value = a.value::<FMA>(*value) });
        }
    }
}

impl Activation {
    /// `activation(values + bias)` in place, for rows of `width` values.
    pub fn finish(self, values: &mut [f32], bias: Option<&[f32]>, width: usize) {
        if self != Activation::Linear || bias.is_some() {
            cpu::dispatch(Epilogue(self, values, bias, width));
        }
    }

    fn mapped(self, x: &[f32]) -> Vec<f32> {
        cpu::fill(
            x.len(),
            cpu::CHUNK,
            || (),
            |(), i, y| {
                let start = i * cpu::CHUNK;
                cpu::dispatch(Map(self, &x[start..start + y.len()], y));
            },
        )
    }

    fn scaled_by_slope(self, x: &[f32], y: &[f32], gradient: &[f32]) -> Vec<f32> {
        cpu::fill(
            x.len(),
            cpu::CHUNK,
            || (),
            |(), i, d| {
                let part = i * cpu::CHUNK..i * cpu::CHUNK + d.len();
                cpu::dispatch(Slope(
                    self,
                    &x[part.clone()],
                    &y[part.clone()],
                    &gradient[part],
                    d,
                ));
            },
        )
    }
}

struct ActivationOp(Activation);

impl CustomOp1 for ActivationOp {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        cpu::output(self.0.mapped(cpu::values(x, layout)?), layout.shape())
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (x, y, gradient) = (x.contiguous()?, y.contiguous()?, gradient.contiguous()?);
        let ((xs, xl), (ys, yl), (gs, gl)) = (
            x.storage_and_layout(),
            y.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let scaled = self.0.scaled_by_slope(
            cpu::stored(&xs, xl)?,
            cpu::stored(&ys, yl)?,
            cpu::stored(&gs, gl)?,
        );
        Tensor::from_vec(scaled, x.shape(), x.device()).map(Some)
    }
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $activation:ident;)*) => {
        $($(#[$doc])* pub fn $name(x: &Tensor) -> Result<Tensor> { Activation::$activation.forward(x) })*
    };
}

functions! {
    /// `max(x, 0)`, with slope 0 at 0.
    relu = Relu;
    /// `min(max(x, 0), 6)`.
    relu6 = Relu6;
    selu = Selu;
    /// `x * Φ(x)`, by the error function.
    gelu = Gelu;
    /// The approximation of `gelu` by `tanh`.
    gelu_tanh = GeluTanh;
    silu = Silu;
    sigmoid = Sigmoid;
    tanh = Tanh;
    softplus = Softplus;
    softsign = Softsign;
    /// `relu6(x + 3) / 6`.
    hard_sigmoid = HardSigmoid;
    /// `x * relu6(x + 3) / 6`.
    hard_silu = HardSilu;
    mish = Mish;
    exp = Exp;
}

/// `x` for positive `x`, else `slope * x`.
pub fn leaky_relu(x: &Tensor, slope: f32) -> Result<Tensor> {
    Activation::LeakyRelu(slope).forward(x)
}

/// `x` for positive `x`, else `alpha * (exp(x) - 1)`.
pub fn elu(x: &Tensor, alpha: f32) -> Result<Tensor> {
    Activation::Elu(alpha).forward(x)
}
