//! Opening files: memory-mapped, with errors that name them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use memmap2::Mmap;
use savedmodel_import_proto as proto;
use savedmodel_import_proto::prost::Message;

use super::{text, wire};
use crate::{Error, ErrorKind, Result};

const POLL: Duration = Duration::from_millis(100);

/// An error of the file system that names the file.
pub(super) fn io_error(path: &Path, error: &io::Error) -> Error {
    let name = path.file_name().map_or_else(
        || path.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    );
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    };
    let message = io::Error::new(error.kind(), format!("{name}: {why}"));
    Error::new(ErrorKind::Io(message)).in_file(path)
}

/// Maps a whole file.
pub(crate) fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(|error| io_error(path, &error))?;
    let metadata = file.metadata().map_err(|error| io_error(path, &error))?;
    if metadata.is_dir() {
        return Err(io_error(path, &io::ErrorKind::IsADirectory.into()));
    }
    // SAFETY: the mapping is read-only. A writer that shortens the file meanwhile ends the process, as it does for every
    // program that maps files; TensorFlow writes new files and renames them.
    #[allow(
        unsafe_code,
        reason = "weights are streamed from the page cache, not copied"
    )]
    let mapped = unsafe { Mmap::map(&file) };
    mapped.map_err(|error| io_error(path, &error))
}

/// Decodes one message that is a whole file.
pub(super) fn decode_file<M: Message + Default>(path: &Path) -> Result<M> {
    let bytes = proto::bytes::Bytes::from_owner(map(path)?);
    M::decode(bytes).map_err(|error| unreadable(&error_text(&error)).in_file(path))
}

fn unreadable(why: &str) -> Error {
    Error::malformed(format!("cannot parse the file: {why}"))
}

fn decode_saved_model(path: &Path) -> Result<proto::SavedModel> {
    let bytes = proto::bytes::Bytes::from_owner(map(path)?);
    proto::SavedModel::decode(bytes.clone()).map_err(|error| {
        let flaw = wire::flaw(&bytes, "tensorflow.SavedModel");
        unreadable(&flaw.unwrap_or_else(|| error_text(&error))).in_file(path)
    })
}

/// What prost says, without its own prefix.
pub(super) fn error_text(error: &proto::prost::DecodeError) -> String {
    let text = error.to_string();
    let prefix = "failed to decode Protobuf message: ";
    text.strip_prefix(prefix).unwrap_or(&text).to_owned()
}

/// Reads the SavedModel message of `dir`, and waits up to `wait` for it to appear.
pub(super) fn read_saved_model(dir: &Path, wait: Option<Duration>) -> Result<proto::SavedModel> {
    let binary = dir.join("saved_model.pb");
    let written = dir.join("saved_model.pbtxt");
    wait_for(&[&binary, &written], wait);
    if binary.exists() {
        return decode_saved_model(&binary);
    }
    if written.exists() {
        return read_text(&written).map_err(|error| error.in_file(&written));
    }
    let error = absent(dir, &binary);
    Err(match wait {
        Some(wait) if !wait.is_zero() => error.help(format!(
            "it was waited for {} s; producers write saved_model.pb last",
            wait.as_secs_f64()
        )),
        Some(_) | None => error,
    })
}

fn read_text(path: &Path) -> Result<proto::SavedModel> {
    let binary = text::to_binary(&map(path)?)?;
    proto::SavedModel::decode(proto::bytes::Bytes::from(binary))
        .map_err(|error| unreadable(&error_text(&error)))
}

fn wait_for(candidates: &[&PathBuf], wait: Option<Duration>) {
    let Some(wait) = wait else { return };
    let start = Instant::now();
    while !candidates.iter().any(|path| path.exists()) && start.elapsed() < wait {
        std::thread::sleep(POLL.min(wait));
    }
}

fn absent(dir: &Path, binary: &Path) -> Error {
    if !dir.exists() {
        let message = io::Error::new(
            io::ErrorKind::NotFound,
            "the SavedModel's directory does not exist",
        );
        return Error::new(ErrorKind::Io(message)).in_file(dir);
    }
    if dir.is_file() {
        return Error::malformed("a SavedModel is a directory, and this is a file")
            .in_file(dir)
            .help("name the directory that holds saved_model.pb");
    }
    if dir.join("saved_model.cpb").exists() {
        return Error::unsupported("saved_model.cpb is in the chunked image format")
            .in_file(dir)
            .help("save the model without experimental_image_format");
    }
    Error::malformed("not a SavedModel: neither saved_model.pb nor saved_model.pbtxt exists")
        .in_file(binary.parent().unwrap_or(dir))
}
