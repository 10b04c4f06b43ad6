//! A whole run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use savedmodel_import::Framework;

use crate::convert::{self, Converted};
use crate::corpus::{self, Subject};
use crate::plan::plan;
use crate::scratch::{self, Built, Layout};
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
    let mut rows: Vec<Row> = subjects.iter().map(row).collect();
    for (i, framework) in FRAMEWORKS.into_iter().enumerate() {
        if request.frameworks.contains(&framework) {
            for (row, score) in rows.iter_mut().zip(scores(layout, framework, &subjects)?) {
                row.scores[i] = score;
            }
        }
    }
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(rows)
}

fn row(subject: &Subject) -> Row {
    Row {
        id: subject.id.clone(),
        family: subject.family.clone(),
        ops: subject.ops.clone(),
        scores: Default::default(),
    }
}

fn scores(layout: &Layout, framework: Framework, subjects: &[Subject]) -> Result<Vec<Score>> {
    let root = layout.scratch.join(framework.to_string());
    eprintln!("{framework}: converting {} models", subjects.len());
    let mut scores: Vec<Score> = vec![Score::default(); subjects.len()];
    let mut modules: BTreeMap<String, Converted> = BTreeMap::new();
    for ((subject, score), result) in subjects.iter().zip(&mut scores).zip(convert::all(
        subjects,
        framework,
        &root.join("modules"),
    )) {
        match result {
            Ok(converted) => {
                score.converted = true;
                modules.insert(subject.name.clone(), converted);
            }
            Err(error) => score.problems.push(error.to_string()),
        }
    }
    if modules.is_empty() {
        return Ok(scores);
    }
    eprintln!("{framework}: compiling {} modules", modules.len());
    let built = scratch::build(layout, framework, &modules)?;
    eprintln!(
        "{framework}: comparing {} modules",
        built.values().filter(|built| built.is_ok()).count()
    );
    subjects
        .par_iter()
        .zip(&mut scores)
        .try_for_each(|(subject, score)| {
            match (modules.get(&subject.name), built.get(&subject.name)) {
                (Some(converted), Some(Ok(built))) => {
                    judge(subject, converted, built, &root.join("jobs"), score)
                }
                (_, Some(Err(words))) => {
                    score.problems.push(words.clone());
                    Ok(())
                }
                (_, None) | (None, _) => Ok(()),
            }
        })?;
    Ok(scores)
}

fn judge(
    subject: &Subject,
    converted: &Converted,
    built: &Built,
    jobs: &Path,
    score: &mut Score,
) -> Result<()> {
    score.compiled = true;
    score.warnings = built.warnings;
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
