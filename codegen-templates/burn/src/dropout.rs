//! Dropout whose mode is an argument.

use burn::module::Module;
use burn::tensor::{Distribution, Tensor};

/// Inverted dropout: the identity in inference, random zeros and a scale of `1 / (1 - prob)` in training.
#[derive(Module, Debug)]
pub struct Dropout {
    /// The probability that an element becomes zero, in `[0, 1)`.
    pub prob: f64,
    /// Dimensions along which one draw is shared, as in spatial dropout.
    pub shared_dims: Vec<usize>,
}

impl Dropout {
    /// Dropout that draws each element by itself.
    pub fn new(prob: f64) -> Self {
        Self {
            prob,
            shared_dims: Vec::new(),
        }
    }

    /// Shares one draw along each of `dims`.
    pub fn with_shared_dims(mut self, dims: &[usize]) -> Self {
        self.shared_dims = dims.to_vec();
        self
    }

    /// Inference: returns `x` unchanged.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        x
    }

    /// Drops elements when `train`, else as [`Dropout::forward`].
    pub fn forward_t<const D: usize>(&self, x: Tensor<D>, train: bool) -> Tensor<D> {
        if !train || self.prob == 0.0 {
            return x;
        }
        let keep = 1.0 - self.prob;
        let mut shape = x.dims();
        for &dim in &self.shared_dims {
            shape[dim] = 1;
        }
        let options = (&x.device(), x.dtype());
        let mask = Tensor::random(shape, Distribution::Bernoulli(keep), options);
        x * (mask / keep)
    }
}
