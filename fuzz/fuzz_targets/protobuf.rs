//! The bytes of saved_model.pb.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use savedmodel_import_tests::hostile::Place;

static PLACE: LazyLock<Place> =
    LazyLock::new(|| Place::new("protobuf").expect("there is room for a small model"));

fuzz_target!(|bytes: &[u8]| {
    let place: &Place = &PLACE;
    place.protobuf(bytes);
});
