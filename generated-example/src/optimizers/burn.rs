//! Keras' optimizers for burn.

use burn::optim::{AdamState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor};

/// Keras' `Adam`, and with a decay its `AdamW`. `ModuleOptimizer::from` makes an optimizer of a module of it.
#[derive(Clone, Copy, Debug)]
pub struct Adam {
    /// What is kept of the mean gradient.
    pub beta_1: f64,
    /// What is kept of the mean squared gradient.
    pub beta_2: f64,
    /// Added to the root of the second moment, before it is corrected.
    pub epsilon: f64,
    /// What a weight loses in a step, as a multiple of the learning rate: Keras' `AdamW` has 0.004.
    pub weight_decay: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Adam {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.0,
        }
    }
}

impl Optimizer for Adam {
    type State<const D: usize> = AdamState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamState<D>>,
    ) -> (Tensor<D>, Option<AdamState<D>>) {
        let at_rest =
            || AdaptiveMomentumState::new(0, gradient.zeros_like(), gradient.zeros_like());
        let mut state = state.map_or_else(at_rest, |state| state.momentum);
        state.time += 1;
        state.moment_1 = towards(state.moment_1, gradient.clone(), 1.0 - self.beta_1);
        state.moment_2 = towards(state.moment_2, gradient.square(), 1.0 - self.beta_2);
        // In single precision, as Keras has it: 1 - 0.999 is off by 1e-5 there.
        let correction = |beta: f64| f64::from(1.0 - (beta as f32).powi(state.time as i32));
        let rate_now = rate * correction(self.beta_2).sqrt() / correction(self.beta_1);
        let root = state.moment_2.clone().sqrt() + self.epsilon;
        let step = state.moment_1.clone() * rate_now / root;
        let kept = parameter * (1.0 - rate * self.weight_decay);
        (kept - step, Some(AdamState::new(state)))
    }

    fn to_device<const D: usize>(state: AdamState<D>, device: &Device) -> AdamState<D> {
        AdamState::new(state.momentum.to_device(device))
    }
}

fn towards<const D: usize>(mean: Tensor<D>, new: Tensor<D>, weight: f64) -> Tensor<D> {
    mean.clone() + (new - mean) * weight
}
