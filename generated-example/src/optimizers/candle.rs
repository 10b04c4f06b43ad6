//! Keras' optimizers for candle.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};
use candle_nn::Optimizer;

/// The numbers of [`Momentum`].
#[derive(Clone, Copy, Debug)]
pub struct ParamsMomentum {
    /// The learning rate.
    pub lr: f64,
    /// What is kept of the last step.
    pub momentum: f64,
    /// Whether the gradient counts where the momentum leads to.
    pub nesterov: bool,
}

/// Keras' `SGD(learning_rate, momentum, nesterov)`.
#[derive(Debug)]
pub struct Momentum {
    variables: Vec<(Var, Tensor)>,
    params: ParamsMomentum,
}

impl Optimizer for Momentum {
    type Config = ParamsMomentum;

    fn new(variables: Vec<Var>, params: ParamsMomentum) -> Result<Self> {
        let at_rest = |variable: Var| Ok((variable.clone(), variable.zeros_like()?));
        Ok(Momentum {
            variables: floats(variables).map(at_rest).collect::<Result<_>>()?,
            params,
        })
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        let ParamsMomentum {
            lr,
            momentum,
            nesterov,
        } = self.params;
        for (variable, velocity) in &mut self.variables {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            let push = (gradient * lr)?;
            *velocity = ((&*velocity * momentum)? - &push)?;
            let step = match nesterov {
                true => ((&*velocity * momentum)? - &push)?,
                false => velocity.clone(),
            };
            variable.set(&(variable.as_tensor() + step)?)?;
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.params.lr
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.params.lr = lr;
    }
}

/// The numbers of [`Adam`].
#[derive(Clone, Copy, Debug)]
pub struct ParamsAdam {
    /// The learning rate.
    pub lr: f64,
    /// What is kept of the mean gradient.
    pub beta1: f64,
    /// What is kept of the mean squared gradient.
    pub beta2: f64,
    /// Added to the root of the second moment, before it is corrected.
    pub eps: f64,
    /// What a weight loses in a step, as a multiple of the learning rate: Keras' `AdamW` has 0.004.
    pub weight_decay: f64,
}

impl Default for ParamsAdam {
    fn default() -> Self {
        ParamsAdam {
            lr: 0.001,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-7,
            weight_decay: 0.0,
        }
    }
}

/// Keras' `Adam`, and with a decay its `AdamW`.
#[derive(Debug)]
pub struct Adam {
    variables: Vec<Moments>,
    steps: i32,
    params: ParamsAdam,
}

#[derive(Debug)]
struct Moments {
    variable: Var,
    first: Tensor,
    second: Tensor,
}

impl Optimizer for Adam {
    type Config = ParamsAdam;

    fn new(variables: Vec<Var>, params: ParamsAdam) -> Result<Self> {
        let at_rest = |variable: Var| {
            Ok(Moments {
                first: variable.zeros_like()?,
                second: variable.zeros_like()?,
                variable,
            })
        };
        Ok(Adam {
            variables: floats(variables).map(at_rest).collect::<Result<_>>()?,
            steps: 0,
            params,
        })
    }

    fn step(&mut self, gradients: &GradStore) -> Result<()> {
        self.steps += 1;
        let p = self.params;
        // In single precision, as Keras has it: 1 - 0.999 is off by 1e-5 there.
        let correction = |beta: f64| f64::from(1.0 - (beta as f32).powi(self.steps));
        let corrected = p.lr * correction(p.beta2).sqrt() / correction(p.beta1);
        for Moments {
            variable,
            first,
            second,
        } in &mut self.variables
        {
            let Some(gradient) = gradients.get(variable) else {
                continue;
            };
            *first = (&*first + ((gradient - &*first)? * (1.0 - p.beta1))?)?;
            *second = (&*second + ((gradient.sqr()? - &*second)? * (1.0 - p.beta2))?)?;
            let step = ((&*first * corrected)? / (second.sqrt()? + p.eps)?)?;
            let kept = (variable.as_tensor() * (1.0 - p.lr * p.weight_decay))?;
            variable.set(&(kept - step)?)?;
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.params.lr
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.params.lr = lr;
    }
}

fn floats(variables: Vec<Var>) -> impl Iterator<Item = Var> {
    let variables = variables.into_iter();
    variables.filter(|variable| variable.dtype().is_float())
}
