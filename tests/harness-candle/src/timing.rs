//! A generated candle module that is timed.

use std::error::Error as StdError;
use std::path::Path;

use candle_core::{Error, Result};
use candle_nn::{Optimizer, SGD};
use savedmodel_import_tests_value::turns::{self, Form};
use savedmodel_import_tests_value::{self as value, Step};

use crate::{Args, Entry, Runner, Sink, Wanted, open, read_job};

/// Small enough that any number of steps leaves finite weights.
const LEARNING_RATE: f64 = 1e-6;

/// Runs the job's first step over and over. The outputs of the first run go into the job's directory.
pub(crate) fn serve(entries: &[Entry], dir: &Path, weights: &Path, form: &str) -> Result<()> {
    let (entry, job) = read_job(entries, dir)?;
    let mut runner = open(entry, &job, dir, weights)?;
    let function = match job.steps.first() {
        Some(Step::Call(function) | Step::Gradient { function, .. }) => *function,
        Some(Step::Variables(_) | Step::Train(_)) | None => {
            return Err(Error::Msg("there is no call".into()));
        }
    };
    match form.parse().map_err(Error::wrap)? {
        Form::Plain => inference(runner, function, dir),
        Form::Fused => {
            runner.subject = runner.subject.fused()?;
            inference(runner, function, dir)
        }
        Form::Train => training(runner, entry, function),
    }
}

fn inference(mut runner: Runner, function: usize, dir: &Path) -> Result<()> {
    let outputs = runner.call(0, function)?.values;
    value::write(&dir.join("0.values"), &outputs)?;
    let args = Args::new(&runner.inputs, 0, &runner.device);
    let subject = &mut runner.subject;
    let run = || {
        let mut sink = Sink::new(Wanted::Nothing);
        Ok(subject.call(function, &args, &mut sink)?)
    };
    turns::serve(run).map_err(words)
}

fn training(mut runner: Runner, entry: &Entry, function: usize) -> Result<()> {
    let mut optimizer = SGD::new((entry.trainable)(&runner.variables), LEARNING_RATE)?;
    let args = Args::new(&runner.inputs, 0, &runner.device);
    let subject = &mut runner.subject;
    let run = || {
        let mut sink = Sink::new(Wanted::Loss);
        subject.train(function, &args, &mut sink)?;
        Ok(optimizer.backward_step(&sink.loss.ok_or("no output is a float")?)?)
    };
    turns::serve(run).map_err(words)
}

fn words(error: Box<dyn StdError>) -> Error {
    Error::Msg(error.to_string())
}
