//! The entries of a bundle's index, checked against the shards.

use std::collections::BTreeMap;

use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{BundleEntryProto, DataType};

use super::super::dtype::{dtype_from_wire, element_size};
use super::super::file::error_text;
use super::super::shape::{full_shape, volume};
use super::super::table::Entries;
use super::ordered_code::{slice_key, tensor_name};
use super::shard::Shard;
use super::slice::{Region, Slice};
use crate::{Error, Result};

/// The most parts that a tensor may be stored in.
pub(super) const MAX_SLICES: usize = 4096;

/// A tensor of a checkpoint.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The element type.
    pub dtype: DataType,
    /// The extents, outermost first.
    pub shape: Vec<u64>,
    pub(super) stored: Stored,
}

/// Where the elements are.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// In one run.
    Whole(Place),
    /// In parts, which cover the tensor and do not overlap.
    Slices(Vec<(Region, Place)>),
}

/// A run of bytes in a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) shard: i32,
    pub(super) offset: usize,
    pub(super) size: usize,
    /// Masked CRC-32C.
    pub(super) crc: u32,
}

/// An entry before its parts are found.
#[derive(Debug)]
pub(super) struct Unresolved {
    dtype: DataType,
    shape: Vec<u64>,
    slices: Vec<Slice>,
    /// `None` if the tensor is stored in parts.
    pub(super) place: Option<Place>,
}

/// The parts of tensors, by their encoded keys.
pub(super) type Pieces = BTreeMap<Vec<u8>, (DataType, Place)>;

/// Parses all entries but the header.
pub(super) fn parse(table: Entries, shards: i32) -> Result<(BTreeMap<String, Unresolved>, Pieces)> {
    let mut entries = BTreeMap::new();
    let mut pieces = Pieces::new();
    for (key, value) in table {
        let shown = match tensor_name(&key) {
            Some(name) => format!("a slice of {}", String::from_utf8_lossy(&name)),
            None => String::from_utf8_lossy(&key).into_owned(),
        };
        let entry = parse_entry(&value, shards)
            .map_err(|error| Error::malformed(format!("Entry for key {shown}: {error}")))?;
        match (key.first(), entry.place) {
            (Some(0), Some(place)) => drop(pieces.insert(key, (entry.dtype, place))),
            _ => drop(entries.insert(shown, entry)),
        }
    }
    Ok((entries, pieces))
}

fn parse_entry(value: &[u8], shards: i32) -> Result<Unresolved> {
    let proto = BundleEntryProto::decode(value)
        .map_err(|error| Error::malformed(format!("not parseable: {}", error_text(&error))))?;
    let dtype = dtype_from_wire(proto.dtype)?;
    check_dtype(dtype)?;
    let shape = full_shape(proto.shape.as_ref())?;
    let slices: Result<Vec<_>> = proto.slices.iter().map(Slice::from_proto).collect();
    let slices = slices?;
    let place = match slices.is_empty() {
        true => Some(place(&proto, dtype, &shape, shards)?),
        false => None,
    };
    Ok(Unresolved {
        dtype,
        shape,
        slices,
        place,
    })
}

pub(super) fn check_dtype(dtype: DataType) -> Result<()> {
    match dtype {
        DataType::DtString | DataType::DtVariant => Ok(()),
        dtype if element_size(dtype).is_some() => Ok(()),
        DataType::DtResource => Err(Error::malformed("resource tensors cannot be restored")),
        dtype => Err(Error::malformed(format!(
            "tensors of {} cannot be restored",
            dtype.as_str_name()
        ))),
    }
}

fn place(proto: &BundleEntryProto, dtype: DataType, shape: &[u64], shards: i32) -> Result<Place> {
    if !(0..shards).contains(&proto.shard_id) {
        let shard = proto.shard_id;
        return Err(Error::malformed(format!(
            "shard {shard} of {shards} does not exist"
        )));
    }
    let number = |what: &str, value: i64| {
        usize::try_from(value).map_err(|_| Error::malformed(format!("negative {what} {value}")))
    };
    let (offset, size) = (number("offset", proto.offset)?, number("size", proto.size)?);
    check_size(dtype, volume(shape)?, size)?;
    Ok(Place {
        shard: proto.shard_id,
        offset,
        size,
        crc: proto.crc32c,
    })
}

fn check_size(dtype: DataType, elements: u64, size: usize) -> Result<()> {
    let expected = match (dtype, element_size(dtype)) {
        (_, Some(width)) => elements.checked_mul(width as u64),
        // A string takes its length, and all of them one checksum.
        (DataType::DtString, None) if elements > 0 => match elements.checked_add(4) {
            Some(least) if least <= size as u64 => return Ok(()),
            least => least,
        },
        // No strings: nothing, or the checksum of no lengths.
        (DataType::DtString, None) if size == 4 => return Ok(()),
        (DataType::DtString, None) => Some(0),
        (_, None) => return Ok(()),
    };
    match expected == Some(size as u64) {
        true => Ok(()),
        false => Err(Error::malformed(format!(
            "Invalid size in bundle entry: stored size {size}; expected size {}",
            expected.map_or("beyond 2^64".to_owned(), |size| size.to_string())
        ))),
    }
}

/// Finds the parts of the tensors that are stored so, and checks that all bytes are in the shards.
pub(super) fn resolve(
    entries: BTreeMap<String, Unresolved>,
    pieces: &Pieces,
    shards: &BTreeMap<i32, Shard>,
) -> Result<BTreeMap<String, Entry>> {
    let mut resolved = BTreeMap::new();
    for (key, entry) in entries {
        let stored = match entry.place {
            Some(place) => check_place(&place, shards).map(|()| Stored::Whole(place)),
            None => find_slices(&key, &entry, pieces, shards).map(Stored::Slices),
        };
        let stored =
            stored.map_err(|error| Error::malformed(format!("Entry for key {key}: {error}")))?;
        let Unresolved { dtype, shape, .. } = entry;
        resolved.insert(
            key,
            Entry {
                dtype,
                shape,
                stored,
            },
        );
    }
    Ok(resolved)
}

fn check_place(place: &Place, shards: &BTreeMap<i32, Shard>) -> Result<()> {
    let length = shards.get(&place.shard).map_or(0, |shard| shard.len());
    match place.offset.checked_add(place.size) {
        Some(end) if end <= length => Ok(()),
        _ => Err(Error::malformed(format!(
            "{} bytes at offset {} are out of range: shard {} has {length} bytes",
            place.size, place.offset, place.shard
        ))),
    }
}

fn find_slices(
    key: &str,
    entry: &Unresolved,
    pieces: &Pieces,
    shards: &BTreeMap<i32, Shard>,
) -> Result<Vec<(Region, Place)>> {
    if entry.slices.len() > MAX_SLICES {
        let count = entry.slices.len();
        return Err(Error::unsupported(format!(
            "{count} slices; at most {MAX_SLICES} are read"
        )));
    }
    let mut found: Vec<(Region, Place)> = Vec::with_capacity(entry.slices.len());
    for slice in &entry.slices {
        let region = slice
            .region(&entry.shape)
            .ok_or_else(|| Error::malformed(format!("{slice:?} is not in {:?}", entry.shape)))?;
        let place = piece(key, entry.dtype, slice, pieces)?;
        check_size(entry.dtype, region.volume()?, place.size)?;
        check_place(&place, shards)?;
        if found
            .iter()
            .any(|(other, _)| other.intersect(&region).is_some())
        {
            return Err(Error::malformed(format!("Overlapping slices: {slice:?}")));
        }
        found.push((region, place));
    }
    check_cover(&entry.shape, &found)?;
    Ok(found)
}

fn piece(key: &str, dtype: DataType, slice: &Slice, pieces: &Pieces) -> Result<Place> {
    match pieces.get(&slice_key(key.as_bytes(), slice)) {
        Some((found, place)) if *found == dtype => Ok(*place),
        Some((found, _)) => Err(Error::malformed(format!(
            "{slice:?} is of {}, not {}",
            found.as_str_name(),
            dtype.as_str_name()
        ))),
        None => Err(Error::malformed(format!(
            "{slice:?} not found in the checkpoint"
        ))),
    }
}

/// Parts that lie inside and do not overlap cover the tensor if they have as many elements.
pub(super) fn check_cover(shape: &[u64], found: &[(Region, Place)]) -> Result<()> {
    let mut covered = 0u64;
    for (region, _) in found {
        covered = covered.saturating_add(region.volume()?);
    }
    match covered == volume(shape)? {
        true => Ok(()),
        false => Err(Error::malformed(
            "the slices do not cover the tensor: it does not have sufficient slices to restore",
        )),
    }
}
