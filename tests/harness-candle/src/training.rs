//! Training of a generated candle module.

use candle_core::backprop::GradStore;
use candle_core::{Error, Result, Tensor, Var};
use candle_nn::Optimizer as _;
use savedmodel_import_tests_value::{Optimizer, Training, Values};

use crate::optimizers::{Adam, Momentum, ParamsAdam, ParamsMomentum};
use crate::{Args, Runner, Sink, ToValue, Wanted};

/// The losses of all steps as `losses`, and the variables after them.
pub(crate) fn run(runner: &mut Runner, index: usize, training: &Training) -> Result<Values> {
    let variables = (runner.trainable)(&runner.variables);
    let mut step_with = optimizer(training.recipe.optimizer, variables)?;
    let mut losses = Vec::new();
    for step in 0..training.recipe.steps {
        let args = Args::new(&runner.inputs, index, &runner.device);
        let args = args.starting_at(training.first(step));
        let mut sink = Sink::new(Wanted::Loss);
        sink.target = Some((
            training.recipe.loss,
            args.value(training.arguments)?.clone(),
        ));
        runner.subject.train(training.function, &args, &mut sink)?;
        let loss = sink.loss.ok_or(Error::Msg("no output is a float".into()))?;
        step_with(&loss.backward()?)?;
        losses.push(loss.detach());
    }
    let mut values = Values::from([("losses".to_owned(), Tensor::stack(&losses, 0)?.to_value()?)]);
    for name in &training.tensors {
        values.insert(name.clone(), runner.variable(name)?.to_value()?);
    }
    Ok(values)
}

type Step = Box<dyn FnMut(&GradStore) -> Result<()>>;

fn optimizer(of: Optimizer, variables: Vec<Var>) -> Result<Step> {
    let (lr, weight_decay) = match of {
        Optimizer::Sgd {
            learning_rate: lr,
            momentum,
        } => {
            let params = ParamsMomentum {
                lr,
                momentum,
                nesterov: false,
            };
            let mut sgd = Momentum::new(variables, params)?;
            return Ok(Box::new(move |gradients| sgd.step(gradients)));
        }
        Optimizer::Adam { learning_rate } => (learning_rate, 0.0),
        Optimizer::Adamw {
            learning_rate,
            weight_decay,
        } => (learning_rate, weight_decay),
    };
    let params = ParamsAdam {
        lr,
        weight_decay,
        ..ParamsAdam::default()
    };
    let mut adam = Adam::new(variables, params)?;
    Ok(Box::new(move |gradients| adam.step(gradients)))
}
