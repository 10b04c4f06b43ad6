//! What a conversion knows of training, and what it makes trainable.

use savedmodel_import::manifest::{LayerTraining, Manifest};
use savedmodel_import::training::Source;
use savedmodel_import::{Convert, Framework, Report};
use std::fs;
use std::path::PathBuf;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/fixtures/models/{name}"))
}

/// A folder of the test's own.
fn folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("training-{test}"));
    fs::create_dir_all(&path).unwrap();
    path
}

fn manifest(report: &Report) -> Manifest {
    Manifest::from_json(&fs::read_to_string(&report.manifest).unwrap()).unwrap()
}

/// The batch norms of a conversion, and its source.
fn norms(convert: Convert, test: &str) -> (Vec<LayerTraining>, String) {
    let report = convert.out_dir(folder(test)).run().unwrap();
    let source = fs::read_to_string(&report.source).unwrap();
    (manifest(&report).training, source)
}

#[test]
fn a_keras_file_tells_the_momentum_of_each_layer() {
    let config = folder("config").join("config.json");
    let layer = r#"{"class_name": "BatchNormalization", "config": {"name": "stem_bn", "momentum": 0.9, "moving_variance_initializer": "ones"}}"#;
    fs::write(&config, format!(r#"{{"config": {{"layers": [{layer}]}}}}"#)).unwrap();
    let convert = Convert::new(fixture("k3_convnet")).keras(config);
    let (norms, source) = norms(convert, "keras");
    assert_eq!(norms.len(), 1);
    assert_eq!(
        (norms[0].momentum, norms[0].source),
        (0.9, Source::KerasFile)
    );
    assert!(source.contains("momentum: 0.1"), "{source}");
}

#[test]
fn what_nobody_tells_is_the_default_unless_the_user_does() {
    let plain = Convert::new(fixture("k3_convnet"));
    let (known, source) = norms(plain, "default");
    assert_eq!(
        (known[0].momentum, known[0].source),
        (0.99, Source::Default)
    );
    assert!(source.contains("Keras' default"), "{source}");
    let asked = Convert::new(fixture("k3_convnet")).batch_norm_momentum(0.95);
    let (known, _) = norms(asked, "option");
    assert_eq!((known[0].momentum, known[0].source), (0.95, Source::Option));
}

#[test]
fn fused_batch_norms_of_legacy_keras_average_the_unbiased_variance() {
    for framework in [Framework::Candle, Framework::Burn] {
        let convert = Convert::new(fixture("tfk_convnet")).framework(framework);
        let (norms, source) = norms(convert, &format!("legacy-{framework}"));
        assert!(norms[0].unbiased_variance);
        assert_ne!(norms[0].source, Source::Default);
        assert!(source.contains("bessel: true") || source.contains("with_unbiased(true)"));
    }
}

#[test]
fn a_frozen_graph_trains_when_it_is_thawed() {
    let convert = || Convert::new(fixture("frozen_convnet")).out_dir(folder("frozen"));
    let frozen = convert().run().unwrap();
    assert_eq!(frozen.trainable_parameters, 0);
    assert!(frozen.to_string().contains("--thaw"));
    let thawed = convert().thaw(true).run().unwrap();
    assert_eq!(thawed.trainable_parameters, 72 + 4 + 4 + 4 + 12 + 3);
    let names: Vec<String> = manifest(&thawed)
        .variables
        .into_iter()
        .map(|v| v.name)
        .collect();
    for name in [
        "conv/kernel",
        "conv/bias",
        "norm/gamma",
        "dense/kernel",
        "dense/bias",
    ] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} in {names:?}"
        );
    }
}

#[test]
fn a_momentum_beyond_one_is_refused() {
    let convert = Convert::new(fixture("k3_convnet")).batch_norm_momentum(1.5);
    assert_eq!(convert.run().unwrap_err().exit_code(), 2);
}
