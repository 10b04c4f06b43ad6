//! A process that holds one model and takes turns.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use savedmodel_import_tests_value::turns::READY;

use crate::{Context, Result};

/// One that runs, and its times so far.
pub(super) struct Contestant {
    /// What the report calls it.
    pub(super) name: String,
    /// Wall milliseconds of each run.
    pub(super) times: Vec<f64>,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts a process and waits until its model is loaded; what it complains of goes to `log`.
    pub(super) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Contestant> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log).context(log)?)
            .spawn()?;
        let (orders, answers) = match (child.stdin.take(), child.stdout.take()) {
            (Some(orders), Some(answers)) => (orders, BufReader::new(answers)),
            (_, _) => return Err("the process has no pipes".into()),
        };
        let mut contestant = Contestant {
            name: name.to_owned(),
            times: Vec::new(),
            child,
            orders,
            answers,
        };
        match contestant.line()?.as_str() {
            READY => Ok(contestant),
            line => Err(format!("{line}{}", last_lines(log)).into()),
        }
    }

    /// Lets it run for a while.
    pub(super) fn turn(&mut self, turn: Duration) -> Result<()> {
        writeln!(self.orders, "{}", turn.as_millis())?;
        self.orders.flush()?;
        let line = self.line()?;
        let times: Vec<f64> = line
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        match times.is_empty() {
            true => Err(format!("{} stopped", self.name).into()),
            false => {
                self.times.extend(times);
                Ok(())
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}
