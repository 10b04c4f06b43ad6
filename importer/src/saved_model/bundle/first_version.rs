//! Checkpoints of TensorFlow's first format, which exporters wrote until 2016.
//!
//! One table, in a file named as the prefix or in several, has everything: under the empty key the tensors' names, types
//! and slices, and under each slice's key its elements in a TensorProto's typed lists.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{
    BundleHeaderProto, DataType, SavedSlice, SavedSliceMeta, SavedTensorSliceMeta,
    SavedTensorSlices, TensorProto, VersionDef,
};

use super::super::dtype::{dtype_from_wire, element_size};
use super::super::file::{error_text, map};
use super::super::shape::full_shape;
use super::super::table::{is_table, mask, read_table};
use super::Bundle;
use super::entry::{Entry, MAX_SLICES, Place, Stored, check_cover, check_dtype};
use super::ordered_code::slice_key;
use super::shard::Shard;
use super::slice::{Region, Slice};
use super::strings::{self, ByteOrder};
use crate::{Error, Result};

/// The files of such a checkpoint: the prefix itself, or `PREFIX-00000-of-00002` and so on.
pub(super) fn files(prefix: &Path) -> Vec<PathBuf> {
    if prefix.is_file() {
        return vec![prefix.to_owned()];
    }
    let name = prefix
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut found: Vec<PathBuf> = fs::read_dir(prefix.parent().unwrap_or(Path::new(".")))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_shard(path, &name))
        .collect();
    found.sort();
    found
}

fn is_shard(path: &Path, name: &str) -> bool {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let numbers = file
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.split_once("-of-"));
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(index, count)| digits(index) && digits(count))
}

/// Reads all files into memory.
pub(super) fn open(prefix: &Path, files: &[PathBuf]) -> Result<Bundle> {
    let mut reader = Reader::default();
    for file in files {
        reader.read(file).map_err(|error| error.in_file(file))?;
    }
    let mut entries = BTreeMap::new();
    for (name, tensor) in reader.tensors {
        check_cover(&tensor.shape, &tensor.pieces)
            .map_err(|error| Error::malformed(format!("tensor {name}: {error}")).in_file(prefix))?;
        let entry = Entry {
            dtype: tensor.dtype,
            shape: tensor.shape,
            stored: Stored::Slices(tensor.pieces),
        };
        entries.insert(name, entry);
    }
    Ok(Bundle {
        prefix: prefix.to_owned(),
        entries,
        shards: BTreeMap::from([(0, Shard::Memory(reader.bytes))]),
        header: BundleHeaderProto {
            num_shards: 1,
            version: Some(VersionDef {
                producer: 1,
                ..VersionDef::default()
            }),
            ..BundleHeaderProto::default()
        },
    })
}

#[derive(Default)]
struct Reader {
    tensors: BTreeMap<String, Tensor>,
    bytes: Vec<u8>,
}

struct Tensor {
    dtype: DataType,
    shape: Vec<u64>,
    pieces: Vec<(Region, Place)>,
}

impl Reader {
    fn read(&mut self, file: &Path) -> Result<()> {
        let mapped = map(file)?;
        if !is_table(&mapped) {
            return Err(Error::malformed("not an sstable (bad magic number)"));
        }
        let mut values: BTreeMap<Vec<u8>, Vec<u8>> = read_table(&mapped)?.into_iter().collect();
        let header = values
            .remove(&[][..])
            .ok_or_else(|| Error::malformed("the checkpoint has no header entry"))?;
        let meta = decode(&header)?.meta.unwrap_or_default();
        check_version(&meta)?;
        for tensor in &meta.tensor {
            self.add(tensor, &values)
                .map_err(|error| Error::malformed(format!("tensor {}: {error}", tensor.name)))?;
        }
        Ok(())
    }

    fn add(&mut self, meta: &SavedSliceMeta, values: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<()> {
        let dtype = dtype_from_wire(meta.r#type)?;
        check_dtype(dtype)?;
        let shape = full_shape(meta.shape.as_ref())?;
        for slice in &meta.slice {
            let slice = Slice::from_proto(slice)?;
            let region = slice
                .region(&shape)
                .ok_or_else(|| Error::malformed(format!("{slice:?} is not in {shape:?}")))?;
            let value = values
                .get(&slice_key(meta.name.as_bytes(), &slice))
                .ok_or_else(|| {
                    Error::malformed(format!("{slice:?} not found in the checkpoint"))
                })?;
            let stored = decode(value)?.data.unwrap_or_default();
            let place = self.store(dtype, &region, &stored)?;
            self.insert(&meta.name, dtype, &shape, (region, place))?;
        }
        Ok(())
    }

    fn store(&mut self, dtype: DataType, region: &Region, slice: &SavedSlice) -> Result<Place> {
        let empty = TensorProto::default();
        let values = slice.data.as_ref().unwrap_or(&empty);
        let (payload, crc) = match dtype {
            DataType::DtString => strings::write(&values.string_val, ByteOrder::Little),
            dtype => {
                let payload = numbers(dtype, values)?;
                let crc = crc32c::crc32c(&payload);
                (payload, crc)
            }
        };
        let elements = match element_size(dtype) {
            Some(width) => payload.len() / width,
            None => values.string_val.len(),
        };
        if elements as u64 != region.volume()? {
            let wanted = region.volume()?;
            return Err(Error::malformed(format!(
                "{elements} elements, expected {wanted}"
            )));
        }
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&payload);
        Ok(Place {
            shard: 0,
            offset,
            size: payload.len(),
            crc: mask(crc),
        })
    }

    fn insert(
        &mut self,
        name: &str,
        dtype: DataType,
        shape: &[u64],
        piece: (Region, Place),
    ) -> Result<()> {
        let tensor = self
            .tensors
            .entry(name.to_owned())
            .or_insert_with(|| Tensor {
                dtype,
                shape: shape.to_vec(),
                pieces: Vec::new(),
            });
        if tensor.dtype != dtype || tensor.shape != shape {
            return Err(Error::malformed(
                "its slices disagree about its type or shape",
            ));
        }
        if tensor.pieces.len() == MAX_SLICES {
            return Err(Error::malformed(format!("more than {MAX_SLICES} slices")));
        }
        let overlaps = |other: &(Region, Place)| other.0.intersect(&piece.0).is_some();
        match tensor.pieces.iter().any(overlaps) {
            true => Err(Error::malformed("Overlapping slices")),
            false => {
                tensor.pieces.push(piece);
                Ok(())
            }
        }
    }
}

fn decode(value: &[u8]) -> Result<SavedTensorSlices> {
    SavedTensorSlices::decode(value).map_err(|error| {
        Error::malformed(format!("an entry does not parse: {}", error_text(&error)))
    })
}

fn check_version(meta: &SavedTensorSliceMeta) -> Result<()> {
    match meta.versions.as_ref().map(|versions| versions.min_consumer) {
        Some(version) if version > 1 => Err(Error::malformed(format!(
            "Checkpoint min consumer version {version} above current version 1"
        ))),
        _ => Ok(()),
    }
}

/// Little-endian bytes of a typed list.
fn numbers(dtype: DataType, values: &TensorProto) -> Result<Vec<u8>> {
    use DataType::*;
    fn bytes<T: Copy, const N: usize>(values: &[T], write: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|&value| write(value)).collect()
    }
    Ok(match dtype {
        DtFloat => bytes(&values.float_val, f32::to_le_bytes),
        DtDouble => bytes(&values.double_val, f64::to_le_bytes),
        DtComplex64 => bytes(&values.scomplex_val, f32::to_le_bytes),
        DtComplex128 => bytes(&values.dcomplex_val, f64::to_le_bytes),
        DtInt64 => bytes(&values.int64_val, i64::to_le_bytes),
        DtUint64 => bytes(&values.uint64_val, u64::to_le_bytes),
        DtUint32 => bytes(&values.uint32_val, u32::to_le_bytes),
        DtBool => bytes(&values.bool_val, |value| [u8::from(value)]),
        DtHalf | DtBfloat16 => bytes(&values.half_val, |value| (value as u16).to_le_bytes()),
        DtInt32 | DtQint32 => bytes(&values.int_val, i32::to_le_bytes),
        DtInt16 | DtUint16 | DtQint16 | DtQuint16 => {
            bytes(&values.int_val, |value| (value as u16).to_le_bytes())
        }
        DtInt8 | DtUint8 | DtQint8 | DtQuint8 => bytes(&values.int_val, |value| [value as u8]),
        other => {
            return Err(Error::unsupported(format!(
                "checkpoints of the first format with {}",
                other.as_str_name()
            )));
        }
    })
}
