//! Sums of tensors with an activation, as residual connections have them.

use super::activation::Activation;
use super::cpu::{self, Kernel};
use super::vector_math::clamp;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// `activation(x + y)`, of tensors of one shape.
pub fn add(x: &Tensor, y: &Tensor, activation: Activation) -> Result<Tensor> {
    if x.dims() != y.dims() {
        bail!("a sum of {:?} and {:?}", x.dims(), y.dims());
    }
    if !cpu::is_native(x) || !cpu::is_native(y) {
        return activation.forward(&(x + y)?);
    }
    let (fused, rest) = activation.split(x.track_op() || y.track_op());
    rest.forward(&x.contiguous()?.apply_op2(&y.contiguous()?, AddOp(fused))?)
}

struct Add<'a>([&'a [f32]; 2], (f32, f32), &'a mut [f32]);

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Add([x, y], (low, high), z) = self;
        for ((z, x), y) in z.iter_mut().zip(x).zip(y) {
            *z = clamp(x + y, low, high);
        }
    }
}

struct AddOp(Activation);

impl CustomOp2 for AddOp {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        y: &CpuStorage,
        yl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, y) = (cpu::values(x, xl)?, cpu::values(y, yl)?);
        let limits = self
            .0
            .limits()
            .unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        let z = cpu::fill(
            x.len(),
            cpu::CHUNK,
            || (),
            |(), i, z| {
                let part = i * cpu::CHUNK..i * cpu::CHUNK + z.len();
                cpu::dispatch(Add([&x[part.clone()], &y[part]], limits, z));
                if self.0.limits().is_none() {
                    self.0.finish(z, None, 1);
                }
            },
        );
        cpu::output(z, xl.shape())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        z: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = self.0.backward(z, gradient)?;
        Ok((Some(gradient.clone()), Some(gradient)))
    }
}
