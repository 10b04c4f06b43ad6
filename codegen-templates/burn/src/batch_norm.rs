//! Batch normalisation whose mode is an argument.

use burn::module::{Initializer, Module, Param, RunningState};
use burn::tensor::module::batch_norm_train;
use burn::tensor::{Device, FloatDType, Tensor};

/// The sizes and constants of a [`BatchNorm`].
#[derive(Clone, Debug)]
pub struct BatchNormConfig {
    num_features: usize,
    epsilon: f64,
    momentum: f64,
    scale: bool,
    center: bool,
    unbiased: bool,
}

impl BatchNormConfig {
    /// Keras' defaults: `epsilon` 1e-3, `momentum` 0.01, scale and center, population variance.
    pub fn new(num_features: usize) -> Self {
        Self {
            num_features,
            epsilon: 1e-3,
            momentum: 0.01,
            scale: true,
            center: true,
            unbiased: false,
        }
    }

    /// The number added to the variance.
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// The weight of a new batch in the moving averages: 1 - the momentum of Keras.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Whether there is a `gamma`.
    pub fn with_scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    /// Whether there is a `beta`.
    pub fn with_center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Whether the moving variance takes Bessel's correction, as `FusedBatchNormV3` does.
    pub fn with_unbiased(mut self, unbiased: bool) -> Self {
        self.unbiased = unbiased;
        self
    }

    /// An identity normalisation: ones and zeros everywhere.
    pub fn init(&self, device: &Device) -> BatchNorm {
        let shape = [self.num_features];
        let (ones, zeros) = (Initializer::Ones, Initializer::Zeros);
        BatchNorm {
            gamma: self.scale.then(|| ones.init(shape, device)),
            beta: self.center.then(|| zeros.init(shape, device)),
            running_mean: RunningState::new(Tensor::zeros(shape, device)),
            running_var: RunningState::new(Tensor::ones(shape, device)),
            momentum: self.momentum,
            epsilon: self.epsilon,
            unbiased: self.unbiased,
        }
    }
}

/// Batch normalisation of `[batch, channels, ...]`.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// The scale `[channels]`.
    pub gamma: Option<Param<Tensor<1>>>,
    /// The offset `[channels]`.
    pub beta: Option<Param<Tensor<1>>>,
    /// The moving average of the mean `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// The moving average of the variance `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
    /// The weight of a new batch in the moving averages.
    pub momentum: f64,
    /// The number added to the variance.
    pub epsilon: f64,
    /// Whether the moving variance takes Bessel's correction.
    pub unbiased: bool,
}

impl BatchNorm {
    /// Inference: normalises with the moving statistics, and is differentiable.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (mean, variance) = (self.running_mean.value(), self.running_var.value());
        let gamma = self.gamma.as_ref().map(|gamma| gamma.val());
        let beta = self.beta.as_ref().map(|beta| beta.val());
        batch_norm(x, (mean, variance), gamma, beta, self.epsilon)
    }

    /// Normalises with the batch's statistics and moves the averages when `train`, else as [`BatchNorm::forward`]. So does
    /// one whose weights are frozen.
    pub fn forward_t<const D: usize>(&self, x: Tensor<D>, train: bool) -> Tensor<D> {
        if !train || self.is_frozen(&x) {
            return self.forward(x);
        }
        let channels = x.dims()[1];
        let count = (x.shape().num_elements() / channels) as f64;
        let gamma = match &self.gamma {
            Some(gamma) => gamma.val(),
            None => self.running_mean.value().ones_like(),
        };
        let beta = match &self.beta {
            Some(beta) => beta.val(),
            None => self.running_mean.value().zeros_like(),
        };
        let dtype = FloatDType::from(x.dtype());
        let x = x.cast(FloatDType::from(gamma.dtype()));
        let batch = batch_norm_train(x, gamma, beta, self.epsilon);
        let variance = match self.unbiased {
            true => batch.variance * (count / (count - 1.0).max(1.0)),
            false => batch.variance,
        };
        self.update(&self.running_mean, batch.mean);
        self.update(&self.running_var, variance);
        batch.output.cast(dtype)
    }

    /// Whether others learn, and none of its own weights does.
    fn is_frozen<const D: usize>(&self, x: &Tensor<D>) -> bool {
        let own = [&self.gamma, &self.beta];
        let mut own = own.into_iter().flatten().peekable();
        x.device().is_autodiff()
            && own.peek().is_some()
            && own.all(|weight| !weight.val().is_require_grad())
    }

    fn update(&self, state: &RunningState<Tensor<1>>, batch: Tensor<1>) {
        let kept = state.value_sync() * (1.0 - self.momentum);
        state.update((kept + batch.detach() * self.momentum).detach());
        // A pending update is invisible to `value` and to saving.
        state.value_sync();
    }
}

/// Normalises each channel of `[batch, channels, ...]` with the given `(mean, variance)`. The statistics may
/// have more precision than `x`.
pub fn batch_norm<const D: usize>(
    x: Tensor<D>,
    (mean, variance): (Tensor<1>, Tensor<1>),
    gamma: Option<Tensor<1>>,
    beta: Option<Tensor<1>>,
    epsilon: f64,
) -> Tensor<D> {
    let inverse = (variance + epsilon).sqrt().recip();
    let scale = match gamma {
        Some(gamma) => gamma * inverse,
        None => inverse,
    };
    let shift = -mean * scale.clone();
    let shift = match beta {
        Some(beta) => beta + shift,
        None => shift,
    };
    let dtype = FloatDType::from(x.dtype());
    x * per_channel(scale.cast(dtype)) + per_channel(shift.cast(dtype))
}

/// `[channels]` as `[1, channels, 1, ...]`.
fn per_channel<const D: usize>(values: Tensor<1>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[1] = values.dims()[0];
    values.reshape(shape)
}
