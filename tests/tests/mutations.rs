//! Small models with bytes changed at random: whatever they say, loading ends, and without a panic.
//!
//! The same changes are made on every run. `FUZZ_SECONDS=600` goes on for so long instead, `SEED` begins elsewhere, and
//! `CORPUS=DIR` takes the models of the corpus' folder `malformed` as well.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use savedmodel_import_tests::hostile::{Files, Place};

/// Larger files take long, and hold nothing that smaller ones do not.
const LARGEST: usize = 40_000;
const ROUNDS: usize = 6;

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn seeds() -> Vec<Files> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("fixtures/loader"), here.join("fixtures/models")];
    folders
        .extend(std::env::var_os("CORPUS").map(|corpus| PathBuf::from(corpus).join("malformed")));
    let mut seeds = Vec::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        dirs.sort();
        for dir in dirs {
            let nested = dir.join("model");
            let files = Files::read(if nested.is_dir() { &nested } else { &dir });
            if !files.model.is_empty() && files.join().len() <= LARGEST {
                seeds.push(files);
            }
        }
    }
    seeds
}

/// Changes some bytes: flips, interesting numbers, pieces cut out, repeated, or taken from another file.
fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    for _ in 0..rng.usize(1..5) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.usize(..bytes.len());
        let end = (at + rng.usize(1..64)).min(bytes.len());
        match rng.u8(..8) {
            0 => bytes[at] ^= 1 << rng.u8(..8),
            1 => bytes[at] = *rng.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap_or(&0),
            2 => bytes[at] = bytes[at].wrapping_add(1),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 if !other.is_empty() => {
                let from = rng.usize(..other.len());
                let to = (from + rng.usize(1..64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            6 => {
                let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
                let count = rng.usize(1..=huge.len());
                bytes.splice(
                    at..end.min(at + count),
                    huge[huge.len() - count..].iter().copied(),
                );
            }
            _ => bytes.truncate(at),
        }
    }
}

fn mutate(files: &Files, other: &Files, rng: &mut Rng) -> Files {
    let mut files = files.clone();
    match rng.u8(..6) {
        0..=2 => change(&mut files.model, &other.model, rng),
        3..=4 => change(&mut files.index, &other.index, rng),
        _ => change(&mut files.data, &other.data, rng),
    }
    files
}

fn run(name: &str, check: impl Fn(&Place, &Files)) {
    let place = Place::new(name).expect("there is room for a small model");
    let seeds = seeds();
    let mut rng = Rng::with_seed(variable("SEED").unwrap_or(1));
    let limit = variable("FUZZ_SECONDS").map(Duration::from_secs);
    let start = Instant::now();
    let mut count = 0usize;
    loop {
        for files in &seeds {
            let other = &seeds[rng.usize(..seeds.len())];
            check(&place, &mutate(files, other, &mut rng));
            count += 1;
        }
        match limit {
            Some(limit) if start.elapsed() >= limit => break,
            None if count >= ROUNDS * seeds.len() => break,
            Some(_) | None => {}
        }
    }
    println!("{name}: {count} models in {:?}", start.elapsed());
}

#[test]
fn no_protobuf_makes_loading_panic() {
    run("protobuf", |place, files| place.protobuf(&files.model));
}

#[test]
fn no_checkpoint_makes_reading_panic() {
    run("bundle", |place, files| place.bundle(files));
}

#[test]
fn no_model_makes_loading_panic() {
    run("whole", |place, files| place.whole(files));
}
