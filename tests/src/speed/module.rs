//! Generated modules as contestants.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use savedmodel_import::Framework;
use savedmodel_import_tests_value::turns::Form;
use savedmodel_import_tests_value::{self as value, Step, Values, argument_key};

use super::contestant::Contestant;
use super::{Heat, Request};
use crate::convert::{self, Converted};
use crate::corpus::Subject;
use crate::plan::{Goal, Plan, plan, repeated};
use crate::scratch::{self, Built, Key, Layout};
use crate::{Context, Result, compare, npz};

/// A compiled module, and what to call it with.
pub(super) struct Module {
    framework: Framework,
    subject: String,
    binary: PathBuf,
    converted: Converted,
    /// The first call that TensorFlow's numbers are known of.
    plan: Plan,
}

/// Converts and compiles all `subjects`; what fails is said in `notes`.
pub(super) fn build(
    layout: &Layout,
    request: &Request,
    subjects: &[Subject],
    notes: &mut Vec<String>,
) -> Result<Vec<Module>> {
    let mut converted: BTreeMap<Key, Converted> = BTreeMap::new();
    for &framework in &request.frameworks {
        eprintln!("converting {} models for {framework}", subjects.len());
        let out = layout.scratch.join(framework.to_string());
        let results = convert::all(subjects, framework, None, &out);
        for (subject, result) in subjects.iter().zip(results) {
            match result {
                Ok(module) => drop(converted.insert((framework, subject.name.clone()), module)),
                Err(why) => notes.push(format!("{framework}, {}: {why}", subject.id)),
            }
        }
    }
    eprintln!("compiling {} modules with optimisations", converted.len());
    let built = scratch::build(layout, &converted)?;
    let mut modules = Vec::new();
    for (key, built) in built {
        let subject = subjects.iter().find(|subject| subject.name == key.1);
        match (built, converted.remove(&key).zip(subject)) {
            (Ok(built), Some((converted, subject))) => {
                modules.push(module(key.0, subject, converted, built)?);
            }
            (Err(why), _) => notes.push(format!("{}, {}: {why}", key.0, key.1)),
            (Ok(_), None) => {}
        }
    }
    Ok(modules)
}

fn module(
    framework: Framework,
    subject: &Subject,
    converted: Converted,
    built: Built,
) -> Result<Module> {
    let plan = plan(subject, &converted.manifest, &npz::read(&subject.golden)?);
    Ok(Module {
        framework,
        subject: subject.name.clone(),
        binary: built.binary,
        plan: first_call(plan).ok_or_else(|| format!("{}: nothing to call", subject.id))?,
        converted,
    })
}

/// The plan's first call alone.
fn first_call(plan: Plan) -> Option<Plan> {
    let calls = plan.expectations.iter().zip(&plan.job.steps);
    let index = calls.clone().position(|(expected, step)| {
        expected.goal == Goal::Match && matches!(step, Step::Call(_))
    })?;
    let (expectation, step) = calls
        .skip(index)
        .map(|(e, s)| (e.clone(), s.clone()))
        .next()?;
    let mut first = Plan {
        expectations: vec![expectation],
        inputs: Values::new(),
        ..plan
    };
    first.job.steps = vec![step];
    for argument in 0.. {
        match plan.inputs.get(&argument_key(index, argument)) {
            Some(value) => first
                .inputs
                .insert(argument_key(0, argument), value.clone()),
            None => break,
        };
    }
    Some(first)
}

impl Module {
    /// What the report calls a form of it.
    pub(super) fn name(&self, form: Form) -> String {
        match form {
            Form::Plain | Form::Train => self.framework.to_string(),
            Form::Fused => format!("{}, fused()", self.framework),
        }
    }

    /// Whether it is of the heat's model and has the form.
    pub(super) fn has(&self, heat: &Heat, form: Form) -> bool {
        let fused = self.converted.is_fusible();
        self.subject == heat.subject.name && (form != Form::Fused || fused)
    }

    /// Loads it in a process of its own. Its outputs must be TensorFlow's.
    pub(super) fn start(
        &self,
        layout: &Layout,
        request: &Request,
        subject: &Subject,
        form: Form,
    ) -> Result<Contestant> {
        let name = format!("{}-{}-{}", self.framework, self.subject, form.name());
        let dir = layout.scratch.join("jobs").join(name);
        let plan = match form {
            Form::Plain | Form::Fused => self.plan.clone(),
            Form::Train => training(&self.plan, request.batch),
        };
        write_job(&plan, &dir)?;
        let mut command = Command::new(&self.binary);
        command
            .arg(&dir)
            .arg(&self.converted.weights)
            .arg(form.name());
        let contestant = Contestant::start(&self.name(form), &mut command, &dir.join("log"))?;
        match form {
            Form::Plain | Form::Fused => self.check(subject, &dir)?,
            Form::Train => {}
        }
        Ok(contestant)
    }

    fn check(&self, subject: &Subject, dir: &Path) -> Result<()> {
        let values = value::read(&dir.join("0.values")).context(dir)?;
        let scalar_is_1d = self.framework == Framework::Burn;
        let wrong =
            |expectation| compare::check(expectation, &values, &subject.tolerance, scalar_is_1d);
        match self.plan.expectations.iter().find_map(wrong) {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }
}

fn write_job(plan: &Plan, dir: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).context(dir)?;
    fs::write(dir.join("job.json"), serde_json::to_vec(&plan.job)?).context(dir)?;
    value::write(&dir.join("inputs.values"), &plan.inputs).context(dir)
}

/// The gradient of the same call, on a batch that repeats its first example.
fn training(call: &Plan, batch: usize) -> Plan {
    let mut plan = call.clone();
    for value in plan.inputs.values_mut() {
        let present = value.shape.first().copied().unwrap_or(1).max(1);
        *value = repeated(value, batch.div_ceil(present));
    }
    for step in &mut plan.job.steps {
        if let Step::Call(function) = *step {
            *step = Step::Gradient {
                function,
                tensors: Vec::new(),
            };
        }
    }
    plan
}
