//! A TensorBundle: the checkpoint format that TensorFlow has written since 2016.
//!
//! `PREFIX.index` is a table from a tensor's key to its type, shape and place; `PREFIX.data-00000-of-00001` and so on
//! hold the bytes. Opening checks every entry against the files, so that reading cannot run outside them; the bytes'
//! checksums are verified when a tensor is read.

mod entry;
mod first_version;
mod ordered_code;
mod shard;
mod slice;
mod strings;
mod write;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{BundleHeaderProto, DataType, bundle_header_proto};

pub use self::entry::Entry;
use self::entry::{Pieces, Place, Stored};
use self::shard::Shard;
use self::slice::Region;
pub use self::slice::Slice;
use self::strings::ByteOrder;
pub(crate) use self::write::{Changes, Part};
use super::dtype::{element_size, scalar_size};
use super::file::{error_text, map};
use super::table::{Entries, read_table, unmask};
use super::tensor::{TensorData, TensorValue};
use crate::{Error, Result};

/// The version of the format that this code reads.
const VERSION: i32 = 1;

/// An open checkpoint.
#[derive(Debug)]
pub struct Bundle {
    prefix: PathBuf,
    entries: BTreeMap<String, Entry>,
    shards: BTreeMap<i32, Shard>,
    header: BundleHeaderProto,
}

/// `PREFIX.index`.
pub(super) fn index_path(prefix: &Path) -> PathBuf {
    with_suffix(prefix, ".index")
}

fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(suffix);
    PathBuf::from(name)
}

fn shard_path(prefix: &Path, shard: i32, count: i32) -> PathBuf {
    with_suffix(prefix, &format!(".data-{shard:05}-of-{count:05}"))
}

impl Bundle {
    /// Opens the checkpoint with that prefix, and checks its index. Checkpoints of TensorFlow's first format are read
    /// too; their values are held in memory.
    pub fn open(prefix: &Path) -> Result<Bundle> {
        let index = index_path(prefix);
        let older = match index.exists() {
            true => Vec::new(),
            false => first_version::files(prefix),
        };
        match older.is_empty() {
            true => Bundle::open_index(prefix, &index),
            false => first_version::open(prefix, &older),
        }
    }

    fn open_index(prefix: &Path, index: &Path) -> Result<Bundle> {
        let mapped = map(index)?;
        let read = || -> Result<_> {
            let mut table = read_table(&mapped)?;
            let header = header(&mut table)?;
            let (entries, pieces) = entry::parse(table, header.num_shards)?;
            Ok((header, entries, pieces))
        };
        let (header, entries, pieces) = read().map_err(|error| {
            error
                .in_file(index)
                .help("the checkpoint is corrupt, or written by a newer version of TensorFlow")
        })?;
        let shards = open_shards(prefix, &header, &entries, &pieces)?;
        let entries =
            entry::resolve(entries, &pieces, &shards).map_err(|error| error.in_file(index))?;
        Ok(Bundle {
            prefix: prefix.to_owned(),
            entries,
            shards,
            header,
        })
    }

    /// The path that the files' names begin with.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// All tensors, by key.
    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    /// The type and shape of one tensor.
    pub fn entry(&self, key: &str) -> Result<&Entry> {
        self.entries.get(key).ok_or_else(|| {
            Error::malformed(format!("Key {key} not found in checkpoint"))
                .in_file(&index_path(&self.prefix))
        })
    }

    /// Reads a tensor, borrowing from the file where it can.
    pub fn read(&self, key: &str) -> Result<TensorValue<'_>> {
        let entry = self.entry(key)?;
        self.read_region(key, entry, Region::whole(&entry.shape))
    }

    /// Reads a part of a tensor.
    pub fn read_slice(&self, key: &str, slice: &Slice) -> Result<TensorValue<'_>> {
        let entry = self.entry(key)?;
        let region = slice.region(&entry.shape).ok_or_else(|| {
            Error::malformed(format!(
                "the slice {slice:?} is not in `{key}`, which is of shape {:?}",
                entry.shape
            ))
        })?;
        self.read_region(key, entry, region)
    }

    fn read_region(&self, key: &str, entry: &Entry, region: Region) -> Result<TensorValue<'_>> {
        let data = match &entry.stored {
            Stored::Whole(place) => {
                let stored = Region::whole(&entry.shape);
                self.read_pieces(entry, &[(stored, *place)], &region)
            }
            Stored::Slices(pieces) => self.read_pieces(entry, pieces, &region),
        };
        let data = data.map_err(|error| {
            let message = format!("tensor `{key}`: {error}");
            Error::malformed(message).in_file(&self.prefix)
        })?;
        Ok(TensorValue {
            dtype: entry.dtype,
            shape: region.size,
            data,
        })
    }

    fn read_pieces(
        &self,
        entry: &Entry,
        pieces: &[(Region, Place)],
        region: &Region,
    ) -> Result<TensorData<'_>> {
        if let Some((_, place)) = pieces.iter().find(|(stored, _)| stored == region) {
            return self.read_piece(entry.dtype, region, place);
        }
        match element_size(entry.dtype) {
            Some(width) => self.assemble_bytes(entry.dtype, width, pieces, region),
            None => self.assemble_strings(entry.dtype, pieces, region),
        }
    }

    fn read_piece(
        &self,
        dtype: DataType,
        region: &Region,
        place: &Place,
    ) -> Result<TensorData<'_>> {
        let payload = self.payload(place)?;
        match dtype {
            DataType::DtString => {
                strings::parse(payload, region.volume()?, place.crc, self.order())
                    .map(TensorData::Strings)
            }
            DataType::DtVariant => Err(Error::unsupported("variant tensors cannot be read")),
            dtype => {
                check_crc(payload, place.crc)?;
                Ok(TensorData::Bytes(self.little_endian(dtype, payload)))
            }
        }
    }

    /// Numbers that are neither are read as little, as TensorFlow does.
    fn order(&self) -> ByteOrder {
        match self.header.endianness() {
            bundle_header_proto::Endianness::Little => ByteOrder::Little,
            bundle_header_proto::Endianness::Big => ByteOrder::Big,
        }
    }

    fn payload(&self, place: &Place) -> Result<&[u8]> {
        self.shards
            .get(&place.shard)
            .and_then(|shard| shard.get(place.offset..place.offset.checked_add(place.size)?))
            .ok_or_else(|| Error::malformed(format!("shard {} is too short", place.shard)))
    }

    fn little_endian<'b>(&self, dtype: DataType, payload: &'b [u8]) -> Cow<'b, [u8]> {
        let width = scalar_size(dtype);
        if self.order() == ByteOrder::Little || width == 1 {
            return Cow::Borrowed(payload);
        }
        let mut swapped = payload.to_vec();
        swapped.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        Cow::Owned(swapped)
    }

    fn assemble_bytes(
        &self,
        dtype: DataType,
        width: usize,
        pieces: &[(Region, Place)],
        region: &Region,
    ) -> Result<TensorData<'_>> {
        let elements = usize::try_from(region.volume()?).unwrap_or(usize::MAX);
        let mut out = vec![0u8; elements.saturating_mul(width)];
        for (stored, place) in overlapping(pieces, region) {
            if let TensorData::Bytes(bytes) = self.read_piece(dtype, stored, place)? {
                Region::copy_shared(stored, region, |from, to, count| {
                    let source = &bytes[from * width..(from + count) * width];
                    out[to * width..(to + count) * width].copy_from_slice(source);
                });
            }
        }
        Ok(TensorData::Bytes(Cow::Owned(out)))
    }

    fn assemble_strings(
        &self,
        dtype: DataType,
        pieces: &[(Region, Place)],
        region: &Region,
    ) -> Result<TensorData<'_>> {
        let elements = usize::try_from(region.volume()?).unwrap_or(usize::MAX);
        let mut out = vec![Cow::Borrowed(&[][..]); elements];
        for (stored, place) in overlapping(pieces, region) {
            if let TensorData::Strings(strings) = self.read_piece(dtype, stored, place)? {
                Region::copy_shared(stored, region, |from, to, count| {
                    out[to..to + count].clone_from_slice(&strings[from..from + count]);
                });
            }
        }
        Ok(TensorData::Strings(out))
    }
}

fn overlapping<'p>(
    pieces: &'p [(Region, Place)],
    region: &'p Region,
) -> impl Iterator<Item = &'p (Region, Place)> {
    pieces
        .iter()
        .filter(move |(stored, _)| stored.intersect(region).is_some())
}

fn check_crc(payload: &[u8], masked: u32) -> Result<()> {
    let (stored, read) = (unmask(masked), crc32c::crc32c(payload));
    match stored == read {
        true => Ok(()),
        false => Err(Error::malformed(format!(
            "Checksum does not match: stored {stored} vs. calculated on the restored bytes {read}"
        ))),
    }
}

fn header(table: &mut Entries) -> Result<BundleHeaderProto> {
    if table.first().is_none_or(|(key, _)| !key.is_empty()) {
        return Err(Error::malformed("the checkpoint has no header entry"));
    }
    let (_, value) = table.remove(0);
    let header = BundleHeaderProto::decode(&value[..]).map_err(|error| {
        Error::malformed(format!("unable to parse header: {}", error_text(&error)))
    })?;
    if header.num_shards < 1 {
        let shards = header.num_shards;
        return Err(Error::malformed(format!(
            "num_shards must be >= 1, and is {shards}"
        )));
    }
    check_version(&header)?;
    Ok(header)
}

fn check_version(header: &BundleHeaderProto) -> Result<()> {
    let Some(version) = &header.version else {
        return Ok(());
    };
    if version.min_consumer > VERSION {
        return Err(Error::malformed(format!(
            "Checkpoint min consumer version {} above current version {VERSION}",
            version.min_consumer
        )));
    }
    match version.bad_consumers.contains(&VERSION) {
        true => Err(Error::malformed(format!(
            "Checkpoint disallows consumer version {VERSION}"
        ))),
        false => Ok(()),
    }
}

fn open_shards(
    prefix: &Path,
    header: &BundleHeaderProto,
    entries: &BTreeMap<String, entry::Unresolved>,
    pieces: &Pieces,
) -> Result<BTreeMap<i32, Shard>> {
    let mut shards = BTreeMap::new();
    let whole = entries.values().filter_map(|entry| entry.place);
    for place in whole.chain(pieces.values().map(|(_, place)| *place)) {
        if let std::collections::btree_map::Entry::Vacant(vacant) = shards.entry(place.shard) {
            let path = shard_path(prefix, place.shard, header.num_shards);
            vacant.insert(Shard::Mapped(map(&path)?));
        }
    }
    Ok(shards)
}

#[cfg(test)]
mod tests;
