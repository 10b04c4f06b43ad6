//! A generated burn module that is timed.

use std::path::Path;

use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::Gradients;
use savedmodel_import_tests_value::turns::{self, Form};
use savedmodel_import_tests_value::{self as value, Step};

use crate::{Args, Entry, Result, Runner, Sink, Wanted, open, read_job};

/// Small enough that any number of steps leaves finite weights.
const LEARNING_RATE: f64 = 1e-6;

/// Runs the job's first step over and over. The outputs of the first run go into the job's directory.
pub(crate) fn serve(entries: &[Entry], dir: &Path, weights: &Path, form: &str) -> Result<()> {
    let (entry, job) = read_job(entries, dir)?;
    let runner = open(entry, &job, dir, weights)?;
    let function = match job.steps.first() {
        Some(Step::Call(function) | Step::Gradient { function, .. }) => *function,
        Some(Step::Variables(_) | Step::Train(_)) | None => return Err("there is no call".into()),
    };
    match form.parse()? {
        Form::Plain => inference(runner, function, dir),
        Form::Fused => Err("a burn module has no fused form".into()),
        Form::Train => training(runner, function),
    }
}

fn inference(mut runner: Runner, function: usize, dir: &Path) -> Result<()> {
    let outputs = runner.call(0, function)?.values;
    value::write(&dir.join("0.values"), &outputs)?;
    let args = Args::new(&runner.inputs, 0, &runner.device);
    let subject = &mut runner.subject;
    turns::serve(|| subject.call(function, &args, &mut Sink::new(Wanted::Nothing)))
}

fn training(mut runner: Runner, function: usize) -> Result<()> {
    let args = Args::new(&runner.inputs, 0, &runner.device);
    let subject = &mut runner.subject;
    let mut optimizer = SgdConfig::new().init();
    turns::serve(|| {
        let mut sink = Sink::new(Wanted::Loss);
        subject.train(function, &args, &mut sink)?;
        let loss = sink.loss.ok_or("no output is a float")?;
        subject.descend(&mut optimizer, loss.backward(), LEARNING_RATE)
    })
}

/// The module after a step of the optimizer.
pub fn descended<M: Module>(
    module: &M,
    optimizer: &mut ModuleOptimizer,
    gradients: Gradients,
    rate: f64,
) -> M {
    let gradients = GradientsParams::from_grads(gradients, module);
    optimizer.step(rate, module.clone(), gradients)
}
