//! Runs every model and op case of a folder with the interpreter, compares with TensorFlow, and holds the floor.
//!
//! `CORPUS=DIR` names the folder, instead of the repository's own fixtures; `CONFORMANCE=a,b` keeps the names that
//! contain `a` or `b` (`=a` is that name alone); `UPDATE=1` raises the floor; `SLOW=1` prints how long each took.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;
use std::process::ExitCode;

use savedmodel_import_tests::evaluate::{self, Outcome};
use savedmodel_import_tests::harness::{self, is_set, list};
use savedmodel_import_tests::{Result, corpus, floor};

fn main() -> ExitCode {
    harness::main("evaluator", evaluator)
}

fn evaluator() -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (label, folder) = harness::corpus(here)?;
    let exe = env::current_exe()?;
    let target = exe
        .ancestors()
        .nth(3)
        .ok_or("the build directory is not where cargo puts it")?;
    let scratch = target.join("evaluator");
    let mut subjects = corpus::find(&folder, label, &list("CONFORMANCE"), &scratch)?;
    let own = folder.join("interpreter");
    subjects.extend(corpus::find(
        &own,
        "interpreter",
        &list("CONFORMANCE"),
        &scratch,
    )?);
    subjects.sort_by(|a, b| a.id.cmp(&b.id));
    let outcomes = evaluate::all(&subjects);
    report(&outcomes);
    if !list("CONFORMANCE").is_empty() {
        return Ok(true);
    }
    let lines: Vec<floor::Line> = outcomes.iter().map(line).collect();
    let path = here.join("evaluator_floor.txt");
    let short = floor::check(&path, HEADER, &lines, &[], is_set("UPDATE"))?;
    for line in &short {
        println!("below the floor: {line}");
    }
    let verdict = if short.is_empty() { "ok" } else { "FAILED" };
    let held = outcomes.len() - short.len().min(outcomes.len());
    println!(
        "\ntest result: {verdict}. {held} passed; {} failed",
        short.len()
    );
    Ok(short.is_empty())
}

const HEADER: &str = "# What the interpreter computes as TensorFlow does: m matched.\n\
     # UPDATE=1 raises it; nothing lowers it.\n";

fn line(outcome: &Outcome) -> floor::Line {
    floor::Line {
        id: outcome.id.clone(),
        columns: vec![(
            "the interpreter".into(),
            Some(String::from(if outcome.holds() { "m" } else { "" })),
        )],
    }
}

fn report(outcomes: &[Outcome]) {
    for outcome in outcomes {
        for problem in &outcome.problems {
            println!("{}: {}", outcome.id, problem.replace('\n', "\n    "));
        }
        if is_set("SLOW") {
            println!("{} took {:.2?}", outcome.id, outcome.time);
        }
    }
    sums("family", outcomes, |outcome| vec![&outcome.family]);
    sums("op", outcomes, |outcome| outcome.ops.iter().collect());
    let held = outcomes.iter().filter(|outcome| outcome.holds()).count();
    println!("\n{:<34} {held:>5} of {}", "all", outcomes.len());
}

fn sums<'o>(title: &str, outcomes: &'o [Outcome], keys: impl Fn(&'o Outcome) -> Vec<&'o String>) {
    let mut groups: BTreeMap<&String, (usize, usize)> = BTreeMap::new();
    for outcome in outcomes {
        for key in keys(outcome).into_iter().collect::<BTreeSet<_>>() {
            let group = groups.entry(key).or_default();
            group.0 += usize::from(outcome.holds());
            group.1 += 1;
        }
    }
    println!("\n{title}");
    for (key, (held, all)) in groups.iter().filter(|(_, (held, all))| held < all) {
        println!("{key:<34} {held:>5} of {all}");
    }
}
