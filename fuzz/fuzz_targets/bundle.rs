//! A checkpoint's index and shard.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use savedmodel_import_tests::hostile::{Files, Place};

static PLACE: LazyLock<Place> =
    LazyLock::new(|| Place::new("bundle").expect("there is room for a small model"));

fuzz_target!(|bytes: &[u8]| {
    let place: &Place = &PLACE;
    place.bundle(&Files::split(bytes));
});
