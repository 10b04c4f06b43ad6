//! Generated candle modules, as a reader sees them: the model without its support code.

use savedmodel_import::{Convert, Framework};
use std::path::Path;

/// The module of a fixture, checked against the snapshot of the test's name.
macro_rules! check {
    ($snapshot:literal, $fixture:literal) => {
        insta::assert_snapshot!($snapshot, generated($fixture))
    };
}

fn generated(fixture: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(fixture);
    Convert::new(models.join(fixture))
        .framework(Framework::Candle)
        .name(fixture)
        .support("crate::support")
        .out_dir(&out)
        .run()
        .expect("a fixture converts");
    std::fs::read_to_string(out.join(format!("{fixture}.rs"))).expect("the module was written")
}

#[test]
fn a_dense_layer_applies_its_activation() {
    check!("a_dense_layer_applies_its_activation", "k3_mlp");
}

#[test]
fn blocks_that_differ_in_parts_are_one_type() {
    check!("blocks_that_differ_in_parts_are_one_type", "k3_mobilenet");
}

#[test]
fn signatures_are_methods_that_share_weights() {
    check!(
        "signatures_are_methods_that_share_weights",
        "multi_signature"
    );
}

#[test]
fn skip_connections_are_arguments_of_blocks() {
    check!("skip_connections_are_arguments_of_blocks", "k3_unet");
}
