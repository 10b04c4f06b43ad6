//! A copy of a SavedModel with another checkpoint.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::SavedModel;
use super::bundle::Changes;
use super::file::io_error;
use super::slots::Slots;
use crate::{Error, Result};

/// What belongs to a SavedModel beside its variables. A fingerprint does not: it is that of one checkpoint.
const FILES: [&str; 3] = ["saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"];
const FOLDERS: [&str; 3] = ["assets", "assets.extra", "debug"];

impl SavedModel {
    /// Writes the model into the directory `out`, which exists and is empty, with `changes` to the checkpoint that it was
    /// loaded with, and without `slots`.
    pub(crate) fn write_copy(
        &self,
        out: &Path,
        changes: &Changes<'_>,
        slots: Option<&Slots>,
    ) -> Result<()> {
        for name in FILES {
            copy_if_there(&self.dir.join(name), &out.join(name))?;
        }
        if let Some(slots) = slots {
            let path = out.join("saved_model.pb");
            fs::write(&path, self.message_without(slots)?)
                .map_err(|e| Error::from(e).in_file(&path))?;
        }
        for name in FOLDERS {
            copy_folder(&self.dir.join(name), &out.join(name))?;
        }
        match self.bundle() {
            Some(bundle) => {
                let folder = out.join("variables");
                make(&folder)?;
                bundle.write(&folder.join("variables"), changes)
            }
            None => Ok(()),
        }
    }

    /// The variables that some function captures, by their indices.
    pub(crate) fn captured_variables(&self) -> BTreeSet<usize> {
        let functions = self.objects().into_iter().flat_map(|objects| {
            let bound = |f: &savedmodel_import_proto::SavedConcreteFunction| f.bound_inputs.clone();
            objects.concrete_functions().values().flat_map(bound)
        });
        let captured: BTreeSet<usize> = functions
            .filter_map(|id| usize::try_from(id).ok())
            .collect();
        let variables = self.variables().iter().enumerate();
        variables
            .filter(|(_, v)| v.object_id.is_none_or(|id| captured.contains(&id)))
            .map(|(index, _)| index)
            .collect()
    }
}

fn copy_if_there(from: &Path, to: &Path) -> Result<()> {
    match from.is_file() {
        true => fs::copy(from, to).map(drop).map_err(|e| io_error(from, &e)),
        false => Ok(()),
    }
}

/// Copies files and folders; links to files are followed, links to folders are not.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    make(to)?;
    for entry in fs::read_dir(from).map_err(|e| io_error(from, &e))? {
        let entry = entry.map_err(|e| io_error(from, &e))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|e| io_error(&path, &e))?;
        match kind.is_dir() {
            true => copy_folder(&path, &target)?,
            false if path.is_dir() => {
                let error = Error::unsupported("a link to a folder is not copied");
                return Err(error.in_file(&path));
            }
            false => copy_if_there(&path, &target)?,
        }
    }
    Ok(())
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| io_error(folder, &e))
}
