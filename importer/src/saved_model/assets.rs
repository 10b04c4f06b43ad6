//! Asset files: names that stay inside `assets/`, files that exist.

use std::path::{Component, Path, PathBuf};

use savedmodel_import_proto::collection_def::Kind;
use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{AssetFileDef, MetaGraphDef, tensor_info};

use super::file::{error_text, io_error};
use crate::{Error, Result};

/// A file that belongs to the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The name under `assets/`.
    pub filename: String,
    /// The file.
    pub path: PathBuf,
    /// The tensor of the main graph that takes the path.
    pub tensor: String,
}

impl Asset {
    /// The file's content.
    pub fn read(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).map_err(|error| io_error(&self.path, &error))
    }
}

/// The assets of a MetaGraph; TF1 exporters put them into a collection.
pub(super) fn assets(dir: &Path, graph: &MetaGraphDef) -> Result<Vec<Asset>> {
    let collected;
    let files = match graph.asset_file_def.is_empty() {
        false => &graph.asset_file_def,
        true => {
            collected = from_collection(graph)?;
            &collected
        }
    };
    files.iter().map(|file| asset(dir, file)).collect()
}

fn asset(dir: &Path, file: &AssetFileDef) -> Result<Asset> {
    check_name(&file.filename)?;
    let tensor = file
        .tensor_info
        .as_ref()
        .and_then(|info| info.encoding.as_ref());
    Ok(Asset {
        filename: file.filename.clone(),
        path: dir.join("assets").join(&file.filename),
        tensor: match tensor {
            Some(tensor_info::Encoding::Name(name)) => name.clone(),
            _ => String::new(),
        },
    })
}

fn check_name(name: &str) -> Result<()> {
    let inside = Path::new(name)
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    let foreign = name.contains(['\\', '\0']) || name.as_bytes().get(1) == Some(&b':');
    match inside && !foreign && !name.is_empty() {
        true => Ok(()),
        false => Err(Error::malformed(format!(
            "asset name escapes the assets directory: `{}`",
            name.escape_debug()
        ))),
    }
}

/// An error unless the file is there.
pub(super) fn check_file(asset: &Asset) -> Result<()> {
    let shown = Path::new("assets").join(&asset.filename);
    let metadata = std::fs::metadata(&asset.path).map_err(|error| {
        let help = format!("the model names {}", shown.display());
        io_error(&asset.path, &error).help(help)
    })?;
    if metadata.is_dir() {
        let error = std::io::ErrorKind::IsADirectory.into();
        return Err(io_error(&asset.path, &error));
    }
    Ok(())
}

fn from_collection(graph: &MetaGraphDef) -> Result<Vec<AssetFileDef>> {
    let collection = graph.collection_def.get("saved_model_assets");
    let Some(Kind::AnyList(list)) = collection.and_then(|collection| collection.kind.as_ref())
    else {
        return Ok(Vec::new());
    };
    let parse = |any: &savedmodel_import_proto::Any| {
        if !any.type_url.ends_with("tensorflow.AssetFileDef") {
            return Err(Error::malformed(format!(
                "collection `saved_model_assets`: expected tensorflow.AssetFileDef, found `{}`",
                any.type_url.escape_debug()
            )));
        }
        AssetFileDef::decode(any.value.clone()).map_err(|error| {
            Error::malformed(format!(
                "an AssetFileDef does not parse: {}",
                error_text(&error)
            ))
        })
    };
    list.value.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asset_names_stay_inside() {
        for name in ["vocab.txt", "sub/vocab.txt"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "..",
            "../x",
            "a/../../x",
            "/etc/passwd",
            r"..\x",
            "C:/x",
            "C:x",
            "a\0b",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
