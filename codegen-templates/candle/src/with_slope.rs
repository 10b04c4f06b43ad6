//! Values with slopes that are given: where differentiating step by step what made them would be inexact, or NaN.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp2, Layout, MetalStorage, Result, Shape, Storage, Tensor, bail,
};

/// `value`, a function of `x`. `slope` is that function's, as a function of `x` and the value.
pub fn of_one(
    x: &Tensor,
    value: &Tensor,
    slope: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    with_gradient(x, value, move |x, value, gradient| {
        gradient * slope(x, value)?
    })
}

/// `value`, a function of `x`, whose gradient is the given function of `x`, the value and the value's gradient.
pub fn with_gradient(
    x: &Tensor,
    value: &Tensor,
    gradient: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
) -> Result<Tensor> {
    with_gradients(x, &x.detach(), value, move |[x, _, value], dz| {
        Ok((gradient(x, value, dz)?, None))
    })
}

/// `value`, a function of `x` and `y`, which have its shape. `slopes` are that function's, as functions of `x`, `y` and the
/// value.
pub fn of_two(
    x: &Tensor,
    y: &Tensor,
    value: &Tensor,
    slopes: impl Fn(&Tensor, &Tensor, &Tensor) -> Result<[Tensor; 2]> + Send + Sync + 'static,
) -> Result<Tensor> {
    with_gradients(x, y, value, move |[x, y, value], dz| {
        let [along_x, along_y] = slopes(x, y, value)?;
        Ok(((dz * along_x)?, Some((dz * along_y)?)))
    })
}

/// The gradients of two operands; none where the second is not tracked.
type Gradients = (Tensor, Option<Tensor>);

fn with_gradients(
    x: &Tensor,
    y: &Tensor,
    value: &Tensor,
    gradients: impl Fn([&Tensor; 3], &Tensor) -> Result<Gradients> + Send + Sync + 'static,
) -> Result<Tensor> {
    let value = value.detach();
    if !x.track_op() && !y.track_op() {
        return Ok(value);
    }
    let value = value.contiguous()?;
    x.apply_op2(y, WithGradients { value, gradients })
}

struct WithGradients<F> {
    value: Tensor,
    gradients: F,
}

/// The forward pass on one kind of device, where the value lies.
macro_rules! forward {
    ($name:ident, $storage:ident, $variant:ident) => {
        fn $name(
            &self,
            _: &$storage,
            _: &Layout,
            _: &$storage,
            _: &Layout,
        ) -> Result<($storage, Shape)> {
            let (storage, layout) = self.value.storage_and_layout();
            match &*storage {
                Storage::$variant(storage) => {
                    Ok((storage.try_clone(layout)?, layout.shape().clone()))
                }
                _ => bail!("a value and its operands lie on different devices"),
            }
        }
    };
}

impl<F: Fn([&Tensor; 3], &Tensor) -> Result<Gradients>> CustomOp2 for WithGradients<F> {
    fn name(&self) -> &'static str {
        "with-gradients"
    }

    forward!(cpu_fwd, CpuStorage, Cpu);
    forward!(cuda_fwd, CudaStorage, Cuda);
    forward!(metal_fwd, MetalStorage, Metal);

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        value: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let operands = [&x.detach(), &y.detach(), &value.detach()];
        let (dx, dy) = (self.gradients)(operands, gradient)?;
        Ok((Some(dx), dy))
    }
}
