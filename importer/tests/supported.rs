//! `SUPPORTED.md` lists what the tables list. `UPDATE=1` rewrites it.

use savedmodel_import::lower;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

fn text() -> String {
    let mut initials: BTreeMap<char, Vec<&str>> = BTreeMap::new();
    for row in lower::table() {
        initials
            .entry(row.op.chars().next().unwrap_or('?'))
            .or_default()
            .push(row.op);
    }
    let count: usize = initials.values().map(Vec::len).sum();
    let mut text = format!(
        "# Supported TensorFlow ops\n\nWritten by a test from the tables in `importer/src/lower/`: {count} ops. A row lowers \
         the op's inference form;\nan attribute value or a shape that it cannot take is an error that says so. \
         `import inspect MODEL` lists what one\nmodel needs beyond these.\n"
    );
    for (initial, mut ops) in initials {
        ops.sort_unstable();
        let list: Vec<String> = ops.iter().map(|op| format!("`{op}`")).collect();
        write!(text, "\n**{initial}** {}\n", list.join(", ")).unwrap();
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
