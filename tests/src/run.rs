//! A whole run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use savedmodel_import::Framework;

use crate::convert::{self, Converted};
use crate::corpus::{self, Subject};
use crate::plan::plan;
use crate::scratch::{self, Built, Key, Layout};
use crate::table::{FRAMEWORKS, Row, Score};
use crate::{Result, compare, execute, npz};

/// Where a run looks, and for what.
#[derive(Clone, Debug)]
pub struct Request {
    /// Labelled folders.
    pub folders: Vec<(String, PathBuf)>,
    /// Parts of names; none for all.
    pub filters: Vec<String>,
    /// The frameworks; the others' columns stay empty.
    pub frameworks: Vec<Framework>,
}

/// Runs everything that is asked for; a row for each subject, in order of their ids.
pub fn run(layout: &Layout, request: &Request) -> Result<Vec<Row>> {
    let mut subjects = Vec::new();
    for (label, folder) in &request.folders {
        subjects.extend(corpus::find(
            folder,
            label,
            &request.filters,
            &layout.scratch,
        )?);
    }
    subjects.sort_by(|a, b| a.id.cmp(&b.id));
    let mut rows: Vec<Row> = subjects.iter().map(row).collect();
    let mut modules = BTreeMap::new();
    for (i, framework) in FRAMEWORKS
        .into_iter()
        .enumerate()
        .filter(|(_, f)| request.frameworks.contains(f))
    {
        eprintln!("converting {} models for {framework}", subjects.len());
        let out = layout.scratch.join(framework.to_string());
        let support = Some(convert::SHARED_SUPPORT);
        for ((subject, row), result) in subjects
            .iter()
            .zip(&mut rows)
            .zip(convert::all(&subjects, framework, support, &out))
        {
            match result {
                Ok(converted) => {
                    row.scores[i].converted = true;
                    row.scores[i].formatted = converted.formatted;
                    modules.insert((framework, subject.name.clone()), converted);
                }
                Err(error) => row.scores[i].problems.push(error.to_string()),
            }
        }
    }
    if !modules.is_empty() {
        execute_all(layout, &subjects, &modules, &mut rows)?;
    }
    Ok(rows)
}

fn execute_all(
    layout: &Layout,
    subjects: &[Subject],
    modules: &BTreeMap<Key, Converted>,
    rows: &mut [Row],
) -> Result<()> {
    eprintln!("compiling {} modules", modules.len());
    let built = scratch::build(layout, modules)?;
    eprintln!(
        "comparing {} modules",
        built.values().filter(|built| built.is_ok()).count()
    );
    let jobs = layout.scratch.join("jobs");
    subjects
        .par_iter()
        .zip(rows)
        .try_for_each(|(subject, row)| {
            for (framework, score) in FRAMEWORKS.into_iter().zip(&mut row.scores) {
                let key = (framework, subject.name.clone());
                match (modules.get(&key), built.get(&key)) {
                    (Some(converted), Some(Ok(built))) => {
                        judge(subject, converted, built, &jobs, score)?
                    }
                    (_, Some(Err(words))) => score.problems.push(words.clone()),
                    (_, None) | (None, _) => {}
                }
            }
            Ok(())
        })
}

fn row(subject: &Subject) -> Row {
    Row {
        id: subject.id.clone(),
        family: subject.family.clone(),
        ops: subject.ops.clone(),
        scores: Default::default(),
    }
}

fn judge(
    subject: &Subject,
    converted: &Converted,
    built: &Built,
    jobs: &Path,
    score: &mut Score,
) -> Result<()> {
    score.compiled = true;
    score.clean = built.warnings.is_empty();
    score.lint_free = built.lints.as_ref().is_some_and(Vec::is_empty);
    score.problems.extend(
        built
            .warnings
            .iter()
            .chain(built.lints.iter().flatten())
            .cloned(),
    );
    let plan = plan(subject, &converted.manifest, &npz::read(&subject.golden)?);
    for (goal, why) in &plan.unplanned {
        score.add(*goal, "not run", Some(why.clone()));
    }
    let outcomes = execute::run(
        &built.binary,
        &plan,
        &converted.weights,
        &jobs.join(&subject.name),
    )?;
    let scalar_is_1d = converted.manifest.framework == Framework::Burn;
    for (expectation, outcome) in plan.expectations.iter().zip(outcomes) {
        let problem = match outcome {
            Ok(values) => compare::check(expectation, &values, &subject.tolerance, scalar_is_1d),
            Err(words) => Some(words),
        };
        score.add(expectation.goal, &expectation.label, problem);
    }
    Ok(())
}
