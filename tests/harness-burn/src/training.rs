//! Training of a generated burn module.

use burn::optim::momentum::MomentumConfig;
use burn::optim::{ModuleOptimizer, SgdConfig};
use savedmodel_import_tests_value::{Data, Optimizer, Training, Value, Values};

use crate::optimizers::Adam;
use crate::{Args, Result, Runner, Sink, Wanted, chosen};

/// The losses of all steps as `losses`, and the variables after them.
pub(crate) fn run(runner: &mut Runner, index: usize, training: &Training) -> Result<Values> {
    let (mut optimizer, rate) = optimizer(training.recipe.optimizer);
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
        let loss = sink.loss.ok_or("no output is a float")?;
        losses.push(loss.clone().into_scalar::<f32>().into());
        runner
            .subject
            .descend(&mut optimizer, loss.backward(), rate)?;
    }
    let mut values = chosen(runner.subject.variables()?, &training.tensors);
    let losses = Value {
        dtype: "F32".into(),
        shape: vec![losses.len()],
        data: Data::Float(losses),
    };
    values.insert("losses".into(), losses);
    Ok(values)
}

fn optimizer(of: Optimizer) -> (ModuleOptimizer, f64) {
    match of {
        Optimizer::Sgd {
            learning_rate,
            momentum,
        } => {
            let momentum = MomentumConfig::new()
                .with_momentum(momentum)
                .with_dampening(0.0);
            let sgd = SgdConfig::new().with_momentum(Some(momentum));
            (sgd.init(), learning_rate)
        }
        Optimizer::Adam { learning_rate } => (Adam::default().into(), learning_rate),
        Optimizer::Adamw {
            learning_rate,
            weight_decay,
        } => {
            let adam = Adam {
                weight_decay,
                ..Adam::default()
            };
            (adam.into(), learning_rate)
        }
    }
}
