//! `keras_metadata.pb`, in which legacy Keras keeps the configuration of layers beside the graph.

use std::path::Path;

use savedmodel_import_proto::prost::Message;

use super::file::decode_file;
use crate::Result;

/// The file, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct SavedMetadata {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<SavedObject>,
}

#[derive(Clone, PartialEq, Message)]
struct SavedObject {
    #[prost(string, tag = "4")]
    identifier: String,
    /// JSON.
    #[prost(string, tag = "5")]
    metadata: String,
}

/// The JSON text about each Keras object of the SavedModel in `dir`; nothing where Keras did not save it.
///
/// # Errors
/// The file is there and cannot be parsed.
pub(super) fn read(dir: &Path) -> Result<Vec<String>> {
    let path = dir.join("keras_metadata.pb");
    if !path.is_file() {
        return Ok(vec![]);
    }
    let file: SavedMetadata = decode_file(&path)?;
    Ok(file.nodes.into_iter().map(|node| node.metadata).collect())
}
