//! Files that appear together or not at all.
//!
//! A directory beside the targets holds them until all are complete. Its owner locks a file in it, so that the next run can
//! tell the directories of runs that were killed from those that are at work.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// Tells the directories of one process apart.
static COUNT: AtomicUsize = AtomicUsize::new(0);

const PREFIX: &str = ".import-";
const LOCK: &str = "lock";

/// A directory beside the targets that files are written to until all are complete.
pub(crate) struct Staging {
    dir: PathBuf,
    out: PathBuf,
    made: Option<PathBuf>,
    files: Vec<(PathBuf, PathBuf)>,
    _lock: File,
}

impl Staging {
    /// For files that go to `out`, which is made if it is missing and taken away again if nothing is published.
    pub(crate) fn new(out: &Path) -> Result<Self> {
        let missing = out
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists())
            .last();
        let made = missing.map(Path::to_owned);
        remove_abandoned(out);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = out.join(format!("{PREFIX}{}-{count}", std::process::id()));
        let lock = fs::create_dir_all(&dir).and_then(|()| lock(&dir));
        Ok(Staging {
            _lock: lock.map_err(|e| Error::from(e).in_file(out))?,
            dir,
            out: out.to_owned(),
            made,
            files: Vec::new(),
        })
    }

    /// An empty directory that will be `name` in the target directory, where nothing but an empty directory may be.
    pub(crate) fn add_directory(&mut self, name: &str) -> Result<PathBuf> {
        let target = self.out.join(name);
        let is_empty = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut dir| dir.next().is_none());
        if target.exists() && !is_empty(&target) {
            let error = Error::usage("something is there already").in_file(&target);
            return Err(error.help("name a directory that does not exist"));
        }
        let path = self.dir.join(self.files.len().to_string());
        fs::create_dir(&path).map_err(|e| Error::from(e).in_file(&path))?;
        self.files.push((path.clone(), target));
        Ok(path)
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

/// Locks the directory. The lock has its name only once it is held.
fn lock(dir: &Path) -> std::io::Result<File> {
    let unnamed = dir.join("unlocked");
    let file = File::create(&unnamed)?;
    file.lock()?;
    fs::rename(unnamed, dir.join(LOCK))?;
    Ok(file)
}

/// Removes the staging directories in `out` whose owners are gone. One that cannot be removed is no reason to stop.
fn remove_abandoned(out: &Path) {
    for entry in fs::read_dir(out).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = File::open(entry.path().join(LOCK));
        if is_ours && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
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
    fn a_killed_run_is_cleaned_up_by_the_next_one() {
        let root = scratch("killed");
        let (killed, other) = (root.join(".import-1-0"), root.join(".import-2-0"));
        fs::create_dir_all(&killed).unwrap();
        fs::create_dir_all(&other).unwrap();
        fs::write(killed.join("0"), "half").unwrap();
        drop(lock(&killed).unwrap());
        let at_work = lock(&other).unwrap();
        drop(Staging::new(&root).unwrap());
        assert!(!killed.exists() && other.exists());
        drop(at_work);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_directory_is_published_whole() {
        let root = scratch("directory");
        let mut staging = Staging::new(&root).unwrap();
        let place = staging.add_directory("model").unwrap();
        fs::write(place.join("saved_model.pb"), "x").unwrap();
        assert!(!root.join("model").exists());
        staging.publish().unwrap();
        assert!(root.join("model/saved_model.pb").is_file());
        let taken = Staging::new(&root).unwrap().add_directory("model");
        assert!(
            taken
                .unwrap_err()
                .to_string()
                .starts_with("something is there already")
        );
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
