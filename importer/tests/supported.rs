//! `SUPPORTED.md` lists what the tables list. `UPDATE=1` rewrites it.

use savedmodel_import::{interpreter, lower};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

fn text() -> String {
    let compiled: BTreeSet<&str> = lower::table().map(|row| row.op).collect();
    let run: BTreeSet<&str> = interpreter::supported_ops()
        .filter(|op| !compiled.contains(op))
        .collect();
    let (compiled_count, run_count) = (compiled.len(), run.len());
    format!(
        "# Supported TensorFlow ops\n\n\
         Written by a test from the tables in `importer/src/lower/` and `importer/src/interpreter/ops/`.\n\n\
         ## In generated code\n\n\
         {compiled_count} ops. A row lowers the op as inference has it; an attribute value or a shape that it cannot take is an error\n\
         that says so, and a framework may lack what the IR can say. `import inspect MODEL` lists what one model needs beyond\n\
         these. Beside the tables: function calls, variables, `If`, `Case` and `While`.\n\
         {}\n\
         ## With `import run` and `SavedModel::call` alone\n\n\
         {run_count} ops more, and all control flow of TensorFlow 1 and 2.\n\
         {}",
        by_initial(&compiled),
        by_initial(&run)
    )
}

fn by_initial(ops: &BTreeSet<&str>) -> String {
    let mut initials: BTreeMap<char, Vec<String>> = BTreeMap::new();
    for op in ops {
        let initial = op.trim_start_matches('_').chars().next().unwrap_or('?');
        initials.entry(initial).or_default().push(format!("`{op}`"));
    }
    let mut text = String::new();
    for (initial, ops) in initials {
        writeln!(text, "\n**{initial}** {}", ops.join(", ")).unwrap();
    }
    text
}

#[test]
fn supported_md_lists_every_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SUPPORTED.md");
    let text = text();
    let stale = std::fs::read_to_string(&path).unwrap_or_default() != text;
    if stale && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    assert!(
        !stale,
        "SUPPORTED.md is stale: run UPDATE=1 cargo test and commit it"
    );
}
