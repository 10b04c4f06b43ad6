//! Modules that carry their own support code compile, and neither the compiler nor clippy finds anything in them: the
//! fewest fixtures that name among them every item that any fixture names.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use savedmodel_import_tests::convert::{self, Converted};
use savedmodel_import_tests::corpus::{self, Subject};
use savedmodel_import_tests::harness;
use savedmodel_import_tests::scratch::{self, Layout};
use savedmodel_import_tests::table::FRAMEWORKS;
use savedmodel_import_tests::{Context, Result};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == convert::CHILD)
    {
        return convert::child(&arguments[1..]).into();
    }
    harness::main("own_support", own_support)
}

fn own_support() -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layout = Layout {
        lint: true,
        called: false,
        ..Layout::of_test(here, "own_support")?
    };
    let folder = here.join("fixtures");
    let subjects = corpus::find(&folder, "fixtures", &[], &layout.scratch)?;
    let mut modules = BTreeMap::new();
    for framework in FRAMEWORKS {
        let out = layout.scratch.join(framework.to_string());
        let converted = convert::all(&subjects, framework, None, &out);
        let converted = subjects.iter().zip(converted);
        let converted: Vec<(&Subject, Converted)> = converted
            .filter_map(|(subject, converted)| Some((subject, converted.ok()?)))
            .collect();
        for (subject, converted) in cover(&converted)? {
            modules.insert((framework, subject.name.clone()), converted.clone());
        }
    }
    let names: Vec<String> = modules
        .keys()
        .map(|(f, name)| format!("{f} {name}"))
        .collect();
    println!("checking {} modules: {}", names.len(), names.join(", "));
    let words = scratch::check(&layout, &modules)?;
    words.iter().for_each(|words| println!("{words}"));
    let verdict = if words.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {verdict}. {} of {} found fault with",
        words.len(),
        names.len()
    );
    Ok(words.is_empty())
}

/// The modules that name what none before names, the most at a time.
fn cover<'m>(all: &'m [(&'m Subject, Converted)]) -> Result<Vec<(&'m Subject, &'m Converted)>> {
    let mut left = Vec::new();
    for (subject, converted) in all {
        left.push((*subject, converted, named(&converted.source)?));
    }
    let mut chosen = Vec::new();
    loop {
        left.sort_by_key(|(subject, _, names)| (names.len(), subject.name.clone()));
        let Some((subject, converted, names)) = left.pop().filter(|(.., names)| !names.is_empty())
        else {
            return Ok(chosen);
        };
        for (_, _, others) in &mut left {
            others.retain(|name| !names.contains(name));
        }
        chosen.push((subject, converted));
    }
}

/// What a source imports of its support code.
fn named(source: &Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(source).context(source)?;
    let mut found = BTreeSet::new();
    for declaration in text.split("\nuse support::").skip(1) {
        let declaration = declaration.split(';').next().unwrap_or_default();
        let (module, list) = declaration.split_once("::").unwrap_or((declaration, ""));
        let names = list.trim_matches(['{', '}']).split(',').map(str::trim);
        found.extend(names.map(|name| format!("{module}::{name}")));
    }
    Ok(found)
}
