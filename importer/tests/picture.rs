//! The picture in the README is what `import graph` draws. `UPDATE=1` rewrites it.

use std::path::Path;

use savedmodel_import::SavedModel;
use savedmodel_import::picture::{Format, draw};

#[test]
fn the_picture_in_the_readme_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join("docs/picture.svg");
    let model = SavedModel::load(root.join("tests/fixtures/models/k3_mobilenet")).expect("a model");
    let picture = draw(&model, &[], &[]).expect("a picture");
    let svg = picture.render(Format::Svg).expect("SVG");
    let stale = std::fs::read_to_string(&file).ok().as_deref() != Some(svg.as_str());
    if stale && std::env::var_os("UPDATE").is_some() {
        picture.write(&file).expect("the picture can be written");
        return;
    }
    assert!(
        !stale,
        "docs/picture.svg is stale: run UPDATE=1 cargo test and commit it"
    );
}
