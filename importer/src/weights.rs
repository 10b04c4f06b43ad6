//! Writing a module's weights to a safetensors file, a few tensors at a time.
//!
//! The file's header comes first, from the specifications alone. The tensors follow in groups that fit a fixed
//! budget: one group is converted in parallel while the one before it is written, so that memory stays at a
//! small multiple of the largest tensor. The same specifications and bytes give the same file.

pub(crate) mod cast;
mod layout;
mod permute;
mod restore;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
pub use safetensors::Dtype;
use serde::Serialize;

pub use layout::Layout;
pub(crate) use restore::restoration;

use crate::{Error, Place, Result};

/// Converted bytes that are held at once; a single tensor may be larger.
const GROUP_BYTES: usize = 16 << 20;

/// A tensor to write: where its values come from and what is done to them.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightSpec {
    /// The key in the safetensors file.
    pub key: String,
    /// Where the values are.
    pub source: Source,
    /// The element type of the source.
    pub from: Dtype,
    /// The shape of the source.
    pub shape: Vec<usize>,
    /// From the source's axes to the module's.
    pub layout: Layout,
    /// The element type that is written.
    pub to: Dtype,
}

/// Where a tensor's values are, as little-endian bytes in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The variable of this index in the model.
    Variable(usize),
    /// In the graph itself.
    Bytes(Arc<[u8]>),
}

/// Reads the bytes of a variable.
pub type Read<'a, 'm> = &'a (dyn Fn(usize) -> Result<Cow<'m, [u8]>> + Sync);

impl WeightSpec {
    /// The shape that is written.
    pub fn native_shape(&self) -> Result<Vec<usize>> {
        self.layout
            .output_shape(&self.shape)
            .map_err(|e| self.place(e))
    }

    fn written_bytes(&self) -> Result<usize> {
        self.shape
            .iter()
            .try_fold(self.to.bitsize() / 8, |bytes, &dim| bytes.checked_mul(dim))
            .ok_or_else(|| {
                self.place(Error::malformed(format!(
                    "shape {:?} is too large",
                    self.shape
                )))
            })
    }

    fn place(&self, error: Error) -> Error {
        error.at(&Place {
            object: Some(self.key.clone()),
            ..Place::default()
        })
    }

    fn convert<'a>(&'a self, read: Read<'_, 'a>) -> Result<Cow<'a, [u8]>> {
        let mut bytes = match &self.source {
            Source::Variable(index) => read(*index)?,
            Source::Bytes(bytes) => Cow::Borrowed(&bytes[..]),
        };
        if !cast::same_bytes(self.from, self.to) {
            bytes = cast::cast(&bytes, self.from, self.to)?.into();
        }
        if !self.layout.is_identity() {
            let element = self.to.bitsize() / 8;
            bytes = self.layout.apply(&self.shape, &bytes, element)?.into();
        }
        let (have, want) = (bytes.len(), self.written_bytes()?);
        match have == want {
            true => Ok(bytes),
            false => Err(Error::malformed(format!(
                "the values take {have} bytes; shape {:?} needs {want}",
                self.shape
            ))),
        }
    }
}

/// Writes `specs` to a new file at `path` and returns its size. `read` gives the variables' bytes, `progress`
/// hears of bytes as they are written.
pub fn write<'m>(
    path: &Path,
    specs: &'m [WeightSpec],
    read: Read<'_, 'm>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<u64> {
    let sorted = in_file_order(specs);
    let header = header(&sorted)?;
    let mut file = BufWriter::with_capacity(
        1 << 16,
        File::create(path).map_err(|e| Error::from(e).in_file(path))?,
    );
    let mut put = |bytes: &[u8]| -> Result<u64> {
        file.write_all(bytes)
            .map_err(|e| Error::from(e).in_file(path))?;
        progress(bytes.len() as u64);
        Ok(bytes.len() as u64)
    };
    let mut total = put(&header)?;
    let mut ready: Vec<Cow<'m, [u8]>> = Vec::new();
    for group in groups(&sorted)?.into_iter().chain([&[][..]]) {
        let (written, next) = rayon::join(
            || ready.iter().map(|bytes| put(bytes)).sum::<Result<u64>>(),
            || convert_all(group, read),
        );
        total += written?;
        ready = next?;
    }
    file.flush().map_err(|e| Error::from(e).in_file(path))?;
    Ok(total)
}

/// Wide elements first, so that every tensor is aligned; then by key.
fn in_file_order(specs: &[WeightSpec]) -> Vec<&WeightSpec> {
    let mut sorted: Vec<&WeightSpec> = specs.iter().collect();
    sorted.sort_by(|a, b| (b.to.bitsize(), &a.key).cmp(&(a.to.bitsize(), &b.key)));
    sorted
}

fn convert_all<'m>(group: &[&'m WeightSpec], read: Read<'_, 'm>) -> Result<Vec<Cow<'m, [u8]>>> {
    let convert = |spec: &&'m WeightSpec| spec.convert(read).map_err(|e| spec.place(e));
    group.par_iter().map(convert).collect()
}

/// Runs of tensors that fit the budget together.
fn groups<'s, 'm>(specs: &'s [&'m WeightSpec]) -> Result<Vec<&'s [&'m WeightSpec]>> {
    let mut groups = Vec::new();
    let (mut start, mut bytes) = (0, 0usize);
    for (i, spec) in specs.iter().enumerate() {
        let size = spec.written_bytes()?;
        if i > start && bytes.saturating_add(size) > GROUP_BYTES {
            groups.push(&specs[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes = bytes.saturating_add(size);
    }
    groups.push(&specs[start..]);
    Ok(groups)
}

#[derive(Serialize)]
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// The length and the JSON of the header, padded so that the data is aligned to eight bytes.
fn header(specs: &[&WeightSpec]) -> Result<Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut offset = 0usize;
    for spec in specs {
        let end = offset.saturating_add(spec.written_bytes()?);
        let entry = Entry {
            dtype: spec.to,
            shape: spec.native_shape()?,
            data_offsets: (offset, end),
        };
        if entries.insert(&spec.key, entry).is_some() {
            return Err(Error::malformed(format!(
                "two weights are called `{}`",
                spec.key
            )));
        }
        offset = end;
    }
    let mut json = serde_json::to_vec(&entries)
        .map_err(|e| Error::malformed(format!("the weights' header cannot be written: {e}")))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    fn spec(key: &str, layout: &str, shape: &[usize], to: Dtype) -> WeightSpec {
        WeightSpec {
            key: key.into(),
            source: Source::Variable(0),
            from: Dtype::F32,
            shape: shape.to_vec(),
            layout: Layout::parse(layout).unwrap(),
            to,
        }
    }

    fn written(name: &str, specs: &[WeightSpec]) -> Result<Vec<u8>> {
        let values = [1f32, 2., 3., 4., 5., 6.].map(f32::to_le_bytes).concat();
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let size = write(
            &path,
            specs,
            &|_| Ok(Cow::Borrowed(&values[..]).into_owned().into()),
            &|_| {},
        )?;
        let bytes = std::fs::read(&path)?;
        std::fs::remove_file(&path)?;
        assert_eq!(bytes.len() as u64, size);
        Ok(bytes)
    }

    #[test]
    fn safetensors_reads_what_is_written() {
        let specs = [
            spec("b.half", "io->io", &[2, 3], Dtype::F16),
            spec("a.weight", "io->oi", &[2, 3], Dtype::F32),
        ];
        let bytes = written("weights-roundtrip", &specs).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let weight = file.tensor("a.weight").unwrap();
        assert_eq!(weight.shape(), [3, 2]);
        assert_eq!(
            weight.data(),
            [1f32, 4., 2., 5., 3., 6.].map(f32::to_le_bytes).concat()
        );
        assert_eq!(file.tensor("b.half").unwrap().dtype(), Dtype::F16);
        assert_eq!(bytes, written("weights-again", &specs).unwrap());
    }

    #[test]
    fn a_module_without_weights_has_a_file_all_the_same() {
        let bytes = written("weights-none", &[]).unwrap();
        assert!(SafeTensors::deserialize(&bytes).unwrap().is_empty());
    }

    #[test]
    fn too_few_values_name_the_tensor() {
        let error =
            written("weights-short", &[spec("x", "io->io", &[2, 4], Dtype::F32)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the values take 24 bytes; shape [2, 4] needs 32\n  layer x"
        );
    }
}
