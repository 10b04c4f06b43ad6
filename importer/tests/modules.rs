//! Generated modules, as a reader sees them: the model without its support code.

use savedmodel_import::{Convert, Framework};
use std::path::Path;

/// The modules of a fixture, checked against the snapshots of the test's name.
macro_rules! check {
    ($snapshot:literal, $fixture:literal) => {
        for framework in [Framework::Candle, Framework::Burn] {
            let name = format!("{}_{framework:?}", $snapshot).to_lowercase();
            insta::assert_snapshot!(name, generated($fixture, framework));
        }
    };
}

fn generated(fixture: &str, framework: Framework) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{fixture}_{framework:?}"));
    Convert::new(models.join(fixture))
        .framework(framework)
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

#[test]
fn a_transformer_is_a_row_of_blocks() {
    check!("a_transformer_is_a_row_of_blocks", "k3_transformer");
}
