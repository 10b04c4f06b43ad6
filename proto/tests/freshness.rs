//! The checked-in Rust is what prost makes of `proto/`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

fn generate(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("proto/tensorflow"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let descriptors = protox::compile(&files, [root.join("proto")])?;
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    prost_build::Config::new()
        .btree_map(["."])
        .bytes(["."])
        .out_dir(&out)
        .compile_fds(descriptors)?;
    Ok(fs::read_to_string(out.join("tensorflow.rs"))?)
}

#[test]
fn the_generated_file_is_fresh() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked_in = root.join("src/tensorflow.rs");
    let fresh = generate(root)?;
    if fs::read_to_string(&checked_in)? == fresh {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&checked_in, fresh)?;
    }
    Err("src/tensorflow.rs was stale; UPDATE=1 rewrites it".into())
}
