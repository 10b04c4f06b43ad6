//! Every broken and hostile model of a folder: a clear error or a load, in seconds, in bounded memory, never a panic.
//!
//! `CORPUS=DIR` names the corpus, whose folder `malformed` has the cases; without it the test says that it was skipped.
//! `MALFORMED=a,b` keeps the names that contain `a` or `b`; `UPDATE=1` raises the floor.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use savedmodel_import_tests::{Result, harness, ledger, malformed};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == malformed::CHILD)
    {
        return malformed::child(&arguments[1..]).into();
    }
    harness::main("malformed", run)
}

fn run() -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(corpus) = env::var_os("CORPUS").map(PathBuf::from) else {
        println!("skipped: CORPUS names no folder");
        return Ok(true);
    };
    let folder = [corpus.clone(), here.join("..").join(&corpus)]
        .into_iter()
        .map(|folder| folder.join("malformed"))
        .find(|folder| folder.is_dir());
    let Some(folder) = folder else {
        println!(
            "skipped: there is no folder `malformed` in {}",
            corpus.display()
        );
        return Ok(true);
    };
    let filters = harness::list("MALFORMED");
    let scratch = env::temp_dir().join(format!("malformed-{}", std::process::id()));
    let verdicts: Vec<malformed::Verdict> = malformed::find(&folder, &filters)?
        .iter()
        .map(|case| malformed::judge(case, &scratch))
        .collect::<Result<_>>()?;
    fs::remove_dir_all(&scratch)?;
    report(&verdicts, &here.join("floor_malformed.txt"))
}

fn report(verdicts: &[malformed::Verdict], floor: &Path) -> Result<bool> {
    for verdict in verdicts {
        let saw: String = verdict.saw.chars().take(150).collect();
        println!("{:36} {saw}", verdict.name);
        if let Some(problem) = &verdict.problem {
            println!("{:36} ^ PROBLEM: {problem}", "");
        }
    }
    let name = |verdict: &malformed::Verdict| verdict.name.clone();
    let seen: BTreeSet<String> = verdicts.iter().map(name).collect();
    let held = verdicts.iter().filter(|verdict| verdict.problem.is_none());
    let passed: BTreeSet<String> = held.map(name).collect();
    println!("\n{} of {} are as they should be", passed.len(), seen.len());
    let update = env::var_os("UPDATE").is_some_and(|value| value == "1");
    let lost = ledger::check(floor, &seen, &passed, update)?;
    for name in &lost {
        println!("below the floor: {name}");
    }
    Ok(lost.is_empty())
}
