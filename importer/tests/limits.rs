//! What the command line does with models whose extents meet again and again stays small.
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;

/// Address space in KiB: an extent that doubled at each meeting took more within seconds.
const LIMIT: u32 = 1_500_000;

/// Runs `import` on a fixture of this name, in a folder of its own.
#[track_caller]
fn check(name: &str) {
    let root =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/interpreter/models");
    let (model, out) = (
        root.join(name),
        std::env::temp_dir().join(format!("limits-{name}-{}", std::process::id())),
    );
    let (model, folder, picture) = (
        model.display().to_string(),
        out.display().to_string(),
        out.join("m.svg").display().to_string(),
    );
    std::fs::create_dir_all(&out).expect("a folder");
    let convert = |framework| {
        [
            "convert",
            &model,
            "--framework",
            framework,
            "--out",
            &folder,
        ]
    };
    import(&["inspect", &model]);
    import(&convert("candle"));
    import(&convert("burn"));
    import(&["graph", &model, "--out", &picture]);
    std::fs::remove_dir_all(&out).expect("the folder can be removed");
}

#[track_caller]
fn import(arguments: &[&str]) {
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v \"$0\" && exec \"$@\"",
            &LIMIT.to_string(),
            env!("CARGO_BIN_EXE_import"),
        ])
        .args(arguments)
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{said}",
        output.status
    );
}

#[test]
fn a_gru_of_a_hundred_steps_takes_its_state_from_a_batch_of_its_own() {
    check("free_batches_gru");
}

#[test]
fn a_decoder_reads_a_memory_of_another_batch_at_every_step() {
    check("free_batches_decoder");
}

#[test]
fn two_batches_meet_in_every_residual_block() {
    check("free_batches_residuals");
}
