//! Converts, compiles and compares every model and op case of a folder, on both frameworks, and holds the floor.
//!
//! `CORPUS=DIR` names the folder, instead of the repository's own fixtures; `CONFORMANCE=a,b` keeps the names
//! that contain `a` or `b` (`=a` is that name alone); `FRAMEWORK=candle` runs one framework; `LINT=1` has clippy
//! read the modules as well; `UPDATE=1` raises the floor; `FOREIGN=1` has candle's modules run as on a device for which
//! the support code has no kernels. The whole report is in `target/conformance/NAME/report.txt`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use savedmodel_import::Framework;
use savedmodel_import_tests::harness::{self, is_set, list};
use savedmodel_import_tests::run::{Request, run};
use savedmodel_import_tests::scratch::Layout;
use savedmodel_import_tests::{Result, convert, floor, table};
use savedmodel_import_tests_value::FOREIGN;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == convert::CHILD)
    {
        return convert::child(&arguments[1..]).into();
    }
    harness::main("conformance", conformance)
}

fn conformance() -> Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (label, folder) = harness::corpus(here)?;
    let filters = list("CONFORMANCE");
    let layout = layout(here, label, filters.is_empty())?;
    let request = Request {
        folders: vec![(label.to_owned(), folder)],
        frameworks: frameworks()?,
        filters,
    };
    let rows = run(&layout, &request)?;
    let report = format!("{}\n{}", table::problems(&rows), table::text(&rows));
    let file = match is_set(FOREIGN) {
        true => "report-foreign.txt",
        false => "report.txt",
    };
    fs::write(layout.scratch.join(file), report)?;
    print!("{}", table::text(&rows));
    if !request.filters.is_empty() {
        print!("\n{}", table::problems(&rows));
    }
    println!("\nreport: {}", layout.scratch.join(file).display());
    judge(here, &rows, &request)
}

fn judge(here: &Path, rows: &[table::Row], request: &Request) -> Result<bool> {
    let unread: &[char] = if is_set("LINT") { &[] } else { &['l'] };
    let line = |row: &table::Row| row.line(&request.frameworks);
    let lines: Vec<floor::Line> = rows.iter().map(line).collect();
    let path = here.join("floor.txt");
    let update = is_set("UPDATE") && !is_set(FOREIGN);
    let short = floor::check(&path, HEADER, &lines, unread, update)?;
    for line in &short {
        println!("below the floor: {line}");
    }
    let verdict = if short.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed",
        rows.len() - short.len().min(rows.len()),
        short.len()
    );
    Ok(short.is_empty())
}

const HEADER: &str = "# What the conformance run must hold, for candle and for burn: c converted, f formatted,\n\
     # b built, w without warnings, l without lints (read where LINT=1), m matched, 2 at twice the batch, g gradients, t training.\n\
     # UPDATE=1 raises it; nothing lowers it.\n";

fn frameworks() -> Result<Vec<Framework>> {
    match env::var("FRAMEWORK") {
        Ok(name) => Ok(vec![name.parse()?]),
        Err(_) => Ok(table::FRAMEWORKS.to_vec()),
    }
}

/// A filtered run has directories of its own, so that the next whole one finds its build as it was.
fn layout(here: &Path, label: &str, whole: bool) -> Result<Layout> {
    let name = if whole { label } else { "picked" };
    Ok(Layout {
        lint: is_set("LINT"),
        ..Layout::of_test(here, name)?
    })
}
