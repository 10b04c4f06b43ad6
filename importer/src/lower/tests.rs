//! One node in, IR text out.

mod arrays;
mod control;
mod images;
mod nesting;
mod numbers;
mod products;
mod support;

use super::table;
use crate::graph::op_def::op_def;
use std::collections::BTreeSet;

#[test]
fn every_row_is_a_registered_op_and_the_only_one() {
    let mut seen = BTreeSet::new();
    for row in table() {
        assert!(
            op_def(row.op).is_some() || row.op.starts_with('_'),
            "{} is not registered",
            row.op
        );
        assert!(seen.insert(row.op), "{} has two rows", row.op);
    }
}
