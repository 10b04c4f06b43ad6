//! Every loader case of the repository's fixtures and of the corpus: what `tf.saved_model.load` does, this library does.
//!
//! `CORPUS=DIR` names the corpus, whose folder `loader` has more cases than the repository; `LOADER=a,b` keeps the names that
//! contain `a` or `b`; `UPDATE=1` raises the floor.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use savedmodel_import_tests::{Result, harness, ledger, loader};

fn main() -> ExitCode {
    harness::main("loader", run)
}

fn run() -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let filters = harness::list("LOADER");
    let mut folders = vec![("fixtures", here.join("fixtures/loader"))];
    if let Some(corpus) = env::var_os("CORPUS").map(PathBuf::from) {
        folders.push(("loader", corpus.join("loader")));
        folders.push(("loader", here.join("..").join(corpus).join("loader")));
    }
    let (mut seen, mut passed) = (BTreeSet::new(), BTreeSet::new());
    for (label, folder) in folders.iter().filter(|(_, folder)| folder.is_dir()) {
        for case in loader::find(folder, &filters)? {
            let id = format!("{label}/{}", case.name);
            if !seen.insert(id.clone()) {
                continue;
            }
            match loader::judge(&case) {
                None => {
                    passed.insert(id);
                }
                Some(problem) => println!("{id:44} {}", problem.replace('\n', "\n    ")),
            }
        }
    }
    for (name, reason) in loader::MEANINGLESS {
        println!("{name}: {reason}");
    }
    println!("\n{} of {} hold", passed.len(), seen.len());
    let update = env::var_os("UPDATE").is_some_and(|value| value == "1");
    let lost = ledger::check(&here.join("floor_loader.txt"), &seen, &passed, update)?;
    for name in &lost {
        println!("below the floor: {name}");
    }
    Ok(lost.is_empty())
}
