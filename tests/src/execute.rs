//! Running jobs on compiled modules, each in a process of its own with a limit on its time.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use savedmodel_import_tests_value::{self as value, Values};

use crate::plan::Plan;
use crate::{Context, Result};

/// How long all steps of a job may take together.
const LIMIT: Duration = Duration::from_secs(300);

/// What a step gave: values, or why there are none.
pub type Outcome = Result<Values, String>;

/// Runs `command`: whether it succeeded. One that runs into the limit is killed, and has failed.
pub fn run_with_limit(command: &mut Command, limit: Duration) -> io::Result<bool> {
    let mut child = command.spawn()?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        sleep(
            Duration::from_millis(2)
                .max(start.elapsed() / 50)
                .min(Duration::from_millis(50)),
        );
    }
}

/// Runs `plan` with the compiled `binary` in `dir`; an outcome for each step.
pub fn run(binary: &Path, plan: &Plan, weights: &Path, dir: &Path) -> Result<Vec<Outcome>> {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).context(dir)?;
    fs::write(dir.join("job.json"), serde_json::to_vec(&plan.job)?).context(dir)?;
    value::write(&dir.join("inputs.values"), &plan.inputs).context(dir)?;
    let log = dir.join("log");
    let mut command = Command::new(binary);
    command
        .arg(dir)
        .arg(weights)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).context(&log)?);
    let done = run_with_limit(&mut command, LIMIT)?;
    let log = fs::read_to_string(&log).unwrap_or_default();
    let outcomes = (0..plan.job.steps.len())
        .map(|i| outcome(dir, i, done, &log))
        .collect();
    fs::remove_dir_all(dir).context(dir)?;
    Ok(outcomes)
}

fn outcome(dir: &Path, step: usize, done: bool, log: &str) -> Outcome {
    if let Ok(values) = value::read(&dir.join(format!("{step}.values"))) {
        return Ok(values);
    }
    let error = fs::read_to_string(dir.join(format!("{step}.error")));
    Err(error.unwrap_or_else(|_| match (done, log.trim()) {
        (false, "") => "it was stopped: a crash, or too slow".into(),
        (_, words) => words.to_owned(),
    }))
}
