//! Timing by turns: a process holds a loaded model and, each time that it is told to, runs it for a while.
//!
//! It says `ready`; then each line that it reads is a number of milliseconds, and each line that it answers is the
//! wall times of the runs that it made, in milliseconds. So several processes can take turns on a noisy machine.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::str::FromStr;
use std::time::{Duration, Instant};

/// What a process says when its model is loaded.
pub const READY: &str = "ready";

/// What of a module is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A call, for inference.
    Plain,
    /// The same call of the module's fused form.
    Fused,
    /// A training step: forward, backward, and a step of gradient descent.
    Train,
}

impl Form {
    /// The name by which a process is asked for it.
    pub fn name(self) -> &'static str {
        match self {
            Form::Plain => "plain",
            Form::Fused => "fused",
            Form::Train => "train",
        }
    }
}

impl FromStr for Form {
    type Err = io::Error;

    fn from_str(name: &str) -> io::Result<Form> {
        [Form::Plain, Form::Fused, Form::Train]
            .into_iter()
            .find(|form| form.name() == name)
            .ok_or_else(|| io::Error::other(format!("`{name}` is not plain, fused or train")))
    }
}

/// Answers turns until the input ends. A turn begins with a run that is not counted, and has one at least that is.
pub fn serve(mut run: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let turn = Duration::from_millis(line?.trim().parse()?);
        run()?;
        let words: Vec<String> = timed(turn, &mut run)?
            .iter()
            .map(|time| format!("{:.4}", time.as_secs_f64() * 1e3))
            .collect();
        writeln!(out, "{}", words.join(" "))?;
        out.flush()?;
    }
    Ok(())
}

fn timed(
    turn: Duration,
    run: &mut impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = Vec::new();
    let start = Instant::now();
    loop {
        let begin = Instant::now();
        run()?;
        times.push(begin.elapsed());
        if start.elapsed() >= turn {
            return Ok(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_one_run_at_least() {
        let mut runs = 0;
        let mut run = || {
            runs += 1;
            Ok(())
        };
        assert_eq!(timed(Duration::ZERO, &mut run).unwrap().len(), 1);
        assert_eq!(runs, 1);
    }
}
