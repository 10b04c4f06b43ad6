use super::source::{Kind, Source};
use super::{Roots, Support, files, library};
use crate::Framework;
use std::collections::BTreeSet;

fn candle(uses: &[&str], text: &str) -> Support {
    let uses: BTreeSet<String> = uses.iter().map(|path| format!("support::{path}")).collect();
    Support::new(Framework::Candle, Roots::of(&uses, [text]))
}

#[test]
fn nothing_is_carried_that_nothing_names() {
    assert_eq!(candle(&[], "x.forward(y)").module(), None);
}

#[test]
fn an_item_brings_what_it_names_and_no_more() {
    let module = candle(&["pad::pad"], "").module().expect("an item");
    assert!(module.contains("pub mod pad {"), "{module}");
    assert!(!module.contains("pub mod conv {"), "{module}");
}

#[test]
fn methods_that_nobody_calls_are_left_out() {
    let linear = |text: &str| candle(&["linear::linear"], text).module().expect("an item");
    assert!(!linear("").contains("fn with_activation"));
    assert!(linear("self.dense.with_activation(a)").contains("fn with_activation"));
}

#[test]
fn a_line_of_a_list_of_functions_stands_alone() {
    let module = candle(&["math::erf"], "").module().expect("an item");
    assert!(module.contains("    erf = Erf;"), "{module}");
    assert!(!module.contains("    tan = Tan;"), "{module}");
}

#[test]
fn a_shared_file_serves_all_that_it_is_written_for() {
    let first = candle(&["pad::pad"], "").file();
    let both = Roots::listed(&first).union(Roots::of(
        &BTreeSet::from(["support::softmax::softmax".to_owned()]),
        [],
    ));
    let both = Support::new(Framework::Candle, both).file();
    assert!(both.contains("pub mod pad {") && both.contains("pub mod softmax {"));
    let again = Support::new(Framework::Candle, Roots::listed(&both)).file();
    assert_eq!(again, both, "writing it again changes nothing");
}

/// Every line of code of every file is in one of its items.
#[test]
fn the_cut_loses_nothing() {
    for framework in [Framework::Candle, Framework::Burn] {
        for (source, file) in library(framework).iter().zip(files(framework)) {
            let items = source.items.iter();
            let texts = items.flat_map(|item| {
                let parts = item.parts.iter().map(|part| part.text);
                std::iter::once(item.text).chain(parts)
            });
            let kept: BTreeSet<&str> = texts.flat_map(str::lines).collect();
            let code = file.source.split("#[cfg(test)]\nmod").next();
            let lines = code.unwrap_or_default().lines();
            let mut in_use = false;
            for line in lines.filter(|line| !line.starts_with("//!") && *line != "}") {
                in_use |= line.starts_with("use ");
                let lost = !in_use && !line.is_empty() && !kept.contains(line);
                assert!(!lost, "{}: {line}", source.name);
                in_use &= !line.ends_with(';');
            }
        }
    }
}

#[test]
fn a_file_is_cut_where_its_items_end() {
    let source = Source::new(
        "f",
        "//! Doc.\n\nuse super::g::{self, H as I};\n\n/// A.\n#[derive(Debug)]\npub struct A;\n\nimpl A {\n    /// B.\n    pub fn b(&self) -> u8 {\n        self.c()\n    }\n\n    const fn c(&self) -> u8 {\n        3\n    }\n}\n\n#[cfg(test)]\nmod tests {}\n",
    );
    assert_eq!(source.docs, "//! Doc.");
    assert_eq!(source.imports, ["super::g::self", "super::g::H as I"]);
    let kinds: Vec<&Kind> = source.items.iter().map(|item| &item.kind).collect();
    assert_eq!(kinds, [&Kind::Named(vec!["A"]), &Kind::Methods("A")]);
    let parts: Vec<&str> = source.items[1].parts.iter().map(|part| part.name).collect();
    assert_eq!(parts, ["b", "c"]);
}
