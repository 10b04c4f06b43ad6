//! Files that appear together or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// Tells the directories of one process apart.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A directory beside the targets that files are written to until all are complete.
pub(crate) struct Staging {
    dir: PathBuf,
    out: PathBuf,
    made: Option<PathBuf>,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Staging {
    /// For files that go to `out`, which is made if it is missing and taken away again if nothing is published.
    pub(crate) fn new(out: &Path) -> Result<Self> {
        let missing = out
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists())
            .last();
        let made = missing.map(Path::to_owned);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = out.join(format!(".import-{}-{count}", std::process::id()));
        let staging = Staging {
            dir,
            out: out.to_owned(),
            made,
            files: Vec::new(),
        };
        fs::create_dir_all(&staging.dir).map_err(|e| Error::from(e).in_file(&staging.out))?;
        Ok(staging)
    }

    /// The place to write the file to that will be `name` in the target directory.
    pub(crate) fn add(&mut self, name: &str) -> Result<PathBuf> {
        self.add_target(self.out.join(name))
    }

    /// Writes a file that will be `name` in the target directory.
    pub(crate) fn write(&mut self, name: &str, text: &str) -> Result<()> {
        let path = self.add(name)?;
        fs::write(&path, text).map_err(|e| Error::from(e).in_file(&path))
    }

    /// Writes a file that will be `target`.
    pub(crate) fn write_elsewhere(&mut self, target: &Path, text: &str) -> Result<()> {
        let path = self.add_target(target.to_owned())?;
        fs::write(&path, text).map_err(|e| Error::from(e).in_file(&path))
    }

    fn add_target(&mut self, target: PathBuf) -> Result<PathBuf> {
        if target.is_dir() {
            return Err(
                Error::usage("a directory stands where a file is to be written").in_file(&target),
            );
        }
        let path = self.dir.join(self.files.len().to_string());
        self.files.push((path.clone(), target));
        Ok(path)
    }

    /// Moves every file to its place.
    pub(crate) fn publish(mut self) -> Result<()> {
        for (path, target) in std::mem::take(&mut self.files) {
            fs::rename(&path, &target).map_err(|e| Error::from(e).in_file(&target))?;
        }
        self.made = None;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A failure to clean up must not hide the failure that led here.
        let _ = fs::remove_dir_all(&self.dir);
        if let Some(made) = &self.made {
            let _ = fs::remove_dir_all(made);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("staging-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn published_files_are_all_that_is_left() {
        let root = scratch("publish");
        let mut staging = Staging::new(&root.join("a/b")).unwrap();
        staging.write("x.rs", "x").unwrap();
        staging.publish().unwrap();
        let names: Vec<_> = fs::read_dir(root.join("a/b"))
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        assert_eq!(names, ["x.rs"]);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let root = scratch("fail");
        let mut staging = Staging::new(&root.join("a/b")).unwrap();
        staging.write("x.rs", "x").unwrap();
        drop(staging);
        assert!(!root.exists());
    }
}
