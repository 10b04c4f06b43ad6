//! Writes the seeds: corpus/TARGET/NAME for each SavedModel under the given folders, the repository's fixtures if there
//! are none.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use savedmodel_import_tests::hostile::Files;

const LARGEST: usize = 100_000;

fn main() -> io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(here.join("../tests/fixtures"));
    }
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        let files = Files::read(&folder);
        let whole = files.join();
        if !files.model.is_empty() && whole.len() <= LARGEST {
            let name = format!("{count:04}");
            let bundle = Files {
                model: Vec::new(),
                ..files.clone()
            };
            write(here, "protobuf", &name, &files.model)?;
            write(here, "bundle", &name, &bundle.join())?;
            write(here, "whole", &name, &whole)?;
            count += 1;
        }
    }
    println!("{count} seeds");
    Ok(())
}

fn write(here: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let dir = here.join("corpus").join(target);
    fs::create_dir_all(&dir)?;
    fs::write(dir.join(name), bytes)
}
