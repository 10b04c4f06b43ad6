//! How fast generated modules are: converted, compiled with optimisations, compared with TensorFlow's numbers, and
//! only then timed. Contestants take turns, so that a noisy machine is equally noisy for all of them.

mod contestant;
mod module;
mod report;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use savedmodel_import::Framework;
use savedmodel_import_tests_value::turns::Form;
use serde::Deserialize;

use crate::corpus::{self, Subject};
use crate::scratch::Layout;
use crate::{Context, Result};
use contestant::Contestant;
use module::Module;
pub use report::{Report, Row};

/// What is timed, and for how long.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder of models with golden numbers.
    pub folder: PathBuf,
    /// Parts of their names.
    pub filters: Vec<String>,
    /// The frameworks.
    pub frameworks: Vec<Framework>,
    /// Parts of the names of the models whose training step is timed.
    pub train: Vec<String>,
    /// The batch of a training step.
    pub batch: usize,
    /// How often each contestant has its turn.
    pub rounds: usize,
    /// How long a turn is.
    pub turn: Duration,
    /// A file of [`Program`]s that are timed beside the modules.
    pub others: Option<PathBuf>,
}

/// Another program that takes turns as [`savedmodel_import_tests_value::turns`] says.
#[derive(Clone, Debug, Deserialize)]
pub struct Program {
    /// What the report calls it.
    pub name: String,
    /// The model that it runs.
    pub model: String,
    /// Whether it makes training steps.
    #[serde(default)]
    pub train: bool,
    /// The program and its arguments.
    pub command: Vec<String>,
}

/// A column of the report: one model, for inference or in training.
struct Heat<'a> {
    subject: &'a Subject,
    model: &'a str,
    train: bool,
}

impl Heat<'_> {
    fn label(&self, request: &Request) -> String {
        match self.train {
            true => format!("{}, training step of {}", self.model, request.batch),
            false => self.model.to_owned(),
        }
    }

    fn forms(&self) -> &'static [Form] {
        match self.train {
            true => &[Form::Train],
            false => &[Form::Plain, Form::Fused],
        }
    }
}

fn heats<'a>(subjects: &'a [Subject], request: &Request) -> Vec<Heat<'a>> {
    let heat = |train| {
        move |subject: &'a Subject| Heat {
            subject,
            model: subject.id.rsplit('/').next().unwrap_or_default(),
            train,
        }
    };
    let trained = |heat: &Heat| request.train.iter().any(|part| heat.model.contains(part));
    let training = subjects.iter().map(heat(true)).filter(trained);
    subjects.iter().map(heat(false)).chain(training).collect()
}

/// Times everything that is asked for.
pub fn run(layout: &Layout, request: &Request) -> Result<Report> {
    let subjects = corpus::find(&request.folder, "models", &request.filters, &layout.scratch)?;
    if subjects.is_empty() {
        return Err(format!("{}: there is no such model", request.folder.display()).into());
    }
    let others = programs(request)?;
    let heats = heats(&subjects, request);
    let columns = heats.iter().map(|heat| heat.label(request)).collect();
    let mut report = Report::new(columns);
    let modules = module::build(layout, request, &subjects, &mut report.notes)?;
    for (column, heat) in heats.iter().enumerate() {
        eprintln!("timing {}", report.columns[column]);
        let mut contestants = Vec::new();
        for (name, started) in starters(layout, request, &others, &modules, heat) {
            match started() {
                Ok(contestant) => contestants.push(contestant),
                Err(why) => report.note(&name, column, &why.to_string()),
            }
        }
        race(request, &mut contestants)?;
        for contestant in contestants {
            report.put(column, &contestant.name, &contestant.times);
        }
    }
    Ok(report)
}

/// Rounds of turns.
fn race(request: &Request, contestants: &mut [Contestant]) -> Result<()> {
    for _ in 0..request.rounds {
        for contestant in &mut *contestants {
            contestant.turn(request.turn)?;
            // Thread pools spin for a while after their last task.
            sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

type Start<'a> = Box<dyn FnOnce() -> Result<Contestant> + 'a>;

/// Everyone who can run this heat: a name, and how to start.
fn starters<'a>(
    layout: &'a Layout,
    request: &'a Request,
    programs: &'a [Program],
    modules: &'a [Module],
    heat: &'a Heat,
) -> Vec<(String, Start<'a>)> {
    let mut all: Vec<(String, Start)> = Vec::new();
    for program in programs {
        if program.model == heat.model && program.train == heat.train {
            all.push((program.name.clone(), Box::new(|| program.start(layout))));
        }
    }
    for module in modules {
        for &form in heat.forms() {
            if module.has(heat, form) {
                let start = move || module.start(layout, request, heat.subject, form);
                all.push((module.name(form), Box::new(start)));
            }
        }
    }
    all
}

impl Program {
    fn start(&self, layout: &Layout) -> Result<Contestant> {
        let [program, arguments @ ..] = &self.command[..] else {
            return Err("there is no command".into());
        };
        let file = format!("{} {}.log", self.name, self.model).replace(['/', ' '], "-");
        let mut command = Command::new(program);
        command.args(arguments);
        Contestant::start(&self.name, &mut command, &layout.scratch.join(file))
    }
}

fn programs(request: &Request) -> Result<Vec<Program>> {
    match &request.others {
        Some(path) => serde_json::from_slice(&fs::read(path).context(path)?).context(path),
        None => Ok(Vec::new()),
    }
}
