//! Writing a checkpoint anew with other values.
//!
//! Shards stay as they are, but for the payloads that change: what lies between payloads is kept, what is dropped leaves
//! no gap. A tensor keeps its type, its shape and the parts that it is stored in. Checkpoints of the first format become
//! bundles of one shard.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::tensor_shape_proto::Dim;
use savedmodel_import_proto::tensor_slice_proto::{Extent, extent::HasLength};
use savedmodel_import_proto::{BundleEntryProto, TensorShapeProto, TensorSliceProto};

use super::super::dtype::{element_size, scalar_size};
use super::super::table::mask;
use super::super::table_writer::write_table;
use super::entry::{Entry, Place, Stored};
use super::ordered_code::slice_key;
use super::slice::{Region, Slice};
use super::strings::{self, ByteOrder};
use super::{Bundle, index_path, shard_path};
use crate::{Error, Result};

/// What a new checkpoint has otherwise than the old one.
pub(crate) struct Changes<'a> {
    /// The new elements of a tensor; nothing for one that stays.
    pub(crate) values: &'a dyn Fn(&str) -> Result<Vec<Part<'a>>>,
    /// Strings that replace those of a tensor with as many.
    pub(crate) strings: BTreeMap<String, Vec<Vec<u8>>>,
    /// The keys of tensors that are left out.
    pub(crate) dropped: BTreeSet<String>,
}

/// New elements for a tensor, or for a slice of it.
pub(crate) struct Part<'a> {
    /// The slice; `None` for the whole tensor.
    pub(crate) slice: Option<Slice>,
    /// Little-endian elements, row-major.
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// A stored run of a tensor's elements.
struct Piece<'b> {
    key: &'b str,
    entry: &'b Entry,
    region: Region,
    place: Place,
}

impl Bundle {
    /// Writes the checkpoint with `changes` under another prefix, whose directory exists.
    pub(crate) fn write(&self, prefix: &Path, changes: &Changes<'_>) -> Result<()> {
        let mut table = BTreeMap::from([(Vec::new(), self.header.encode_to_vec())]);
        for (shard, pieces) in self.pieces_by_shard() {
            let path = shard_path(prefix, shard, self.header.num_shards);
            let places = self
                .write_shard(&path, shard, &pieces, changes)
                .map_err(|error| error.in_file(&path))?;
            for (piece, place) in pieces.iter().zip(places) {
                if let Some(place) = place {
                    let (key, value) = piece.row(&place)?;
                    table.insert(key, value.encode_to_vec());
                }
            }
        }
        for (key, entry) in &self.entries {
            let dropped = changes.dropped.contains(key);
            if let (false, Some(row)) = (dropped, sliced_row(entry)) {
                table.insert(key.clone().into_bytes(), row.encode_to_vec());
            }
        }
        let index = index_path(prefix);
        std::fs::write(&index, write_table(&table)).map_err(|e| Error::from(e).in_file(&index))
    }

    /// All stored runs in the order of their bytes.
    fn pieces_by_shard(&self) -> BTreeMap<i32, Vec<Piece<'_>>> {
        let mut shards: BTreeMap<i32, Vec<Piece<'_>>> = BTreeMap::new();
        for (key, entry) in &self.entries {
            let places = match &entry.stored {
                Stored::Whole(place) => vec![(Region::whole(&entry.shape), *place)],
                Stored::Slices(pieces) => pieces.clone(),
            };
            for (region, place) in places {
                let pieces = shards.entry(place.shard).or_default();
                pieces.push(Piece {
                    key,
                    entry,
                    region,
                    place,
                });
            }
        }
        for pieces in shards.values_mut() {
            pieces.sort_by_key(|piece| (piece.place.offset, piece.place.size));
        }
        shards
    }

    /// Writes a shard; gives the new place of each piece that is not dropped.
    fn write_shard(
        &self,
        path: &Path,
        shard: i32,
        pieces: &[Piece<'_>],
        changes: &Changes<'_>,
    ) -> Result<Vec<Option<Place>>> {
        let old = self.shards.get(&shard).map_or(&[][..], |shard| shard);
        let mut file = BufWriter::new(File::create(path)?);
        let mut places = Vec::with_capacity(pieces.len());
        let (mut read, mut written) = (0, 0);
        for piece in pieces {
            let Place { offset, size, .. } = piece.place;
            let gap = old.get(read..offset).ok_or_else(|| {
                let key = piece.key;
                Error::malformed(format!("tensor `{key}` overlaps another in the shard"))
            })?;
            file.write_all(gap)?;
            written += gap.len();
            read = offset + size;
            if changes.dropped.contains(piece.key) {
                places.push(None);
                continue;
            }
            let (payload, crc) = self.new_payload(piece, changes)?;
            file.write_all(&payload)?;
            places.push(Some(Place {
                shard,
                offset: written,
                size: payload.len(),
                crc,
            }));
            written += payload.len();
        }
        file.write_all(old.get(read..).unwrap_or_default())?;
        file.flush()?;
        Ok(places)
    }

    /// A piece's payload with the changes, and its masked checksum.
    fn new_payload<'b>(
        &'b self,
        piece: &Piece<'b>,
        changes: &Changes<'_>,
    ) -> Result<(Cow<'b, [u8]>, u32)> {
        if let Some(strings) = changes.strings.get(piece.key) {
            let (payload, crc) = strings::write(strings, self.order());
            return Ok((payload.into(), mask(crc)));
        }
        let old = self.payload(&piece.place)?;
        let parts = (changes.values)(piece.key)?;
        let Some(width) = element_size(piece.entry.dtype).filter(|_| !parts.is_empty()) else {
            return Ok((old.into(), piece.place.crc));
        };
        let mut payload = old.to_vec();
        for part in &parts {
            overwrite(&mut payload, piece, part, width, self.order())?;
        }
        match payload == old {
            true => Ok((old.into(), piece.place.crc)),
            false => {
                let crc = mask(crc32c::crc32c(&payload));
                Ok((payload.into(), crc))
            }
        }
    }
}

/// Puts what `part` and `piece` share into the piece's payload.
fn overwrite(
    payload: &mut [u8],
    piece: &Piece<'_>,
    part: &Part<'_>,
    width: usize,
    order: ByteOrder,
) -> Result<()> {
    let shape = &piece.entry.shape;
    let region = match &part.slice {
        Some(slice) => slice.region(shape),
        None => Some(Region::whole(shape)),
    };
    let misfit = || {
        let (key, have) = (piece.key, part.bytes.len());
        Error::internal(format!("{have} bytes for `{key}`, of shape {shape:?}"))
    };
    let region = region.ok_or_else(misfit)?;
    let mut bytes = Cow::Borrowed(&part.bytes[..]);
    if bytes.len() as u64 != region.volume()?.saturating_mul(width as u64) {
        return Err(misfit());
    }
    let scalar = scalar_size(piece.entry.dtype);
    if order == ByteOrder::Big && scalar > 1 {
        let swapped = bytes.to_mut();
        swapped.chunks_exact_mut(scalar).for_each(<[u8]>::reverse);
    }
    Region::copy_shared(&region, &piece.region, |from, to, count| {
        let source = &bytes[from * width..(from + count) * width];
        payload[to * width..(to + count) * width].copy_from_slice(source);
    });
    Ok(())
}

impl Piece<'_> {
    /// The row of the index that says where the piece is.
    fn row(&self, place: &Place) -> Result<(Vec<u8>, BundleEntryProto)> {
        if self.key.contains('\u{fffd}') {
            let key = self.key;
            return Err(Error::unsupported(format!(
                "the key `{key}` is no valid UTF-8"
            )));
        }
        let (key, shape) = match is_sliced(self.entry) {
            true => (
                slice_key(self.key.as_bytes(), &self.region.slice()),
                &self.region.size,
            ),
            false => (self.key.as_bytes().to_vec(), &self.entry.shape),
        };
        let number = |value: usize| {
            i64::try_from(value).map_err(|_| Error::unsupported("a shard is too large"))
        };
        let entry = BundleEntryProto {
            dtype: self.entry.dtype as i32,
            shape: Some(shape_proto(shape)),
            shard_id: place.shard,
            offset: number(place.offset)?,
            size: number(place.size)?,
            crc32c: place.crc,
            slices: Vec::new(),
        };
        Ok((key, entry))
    }
}

/// A tensor of the first format that is one slice is whole in a bundle.
fn is_sliced(entry: &Entry) -> bool {
    match &entry.stored {
        Stored::Whole(_) => false,
        Stored::Slices(pieces) => {
            !matches!(&pieces[..], [(region, _)] if *region == Region::whole(&entry.shape))
        }
    }
}

/// The row of a tensor that is stored in parts.
fn sliced_row(entry: &Entry) -> Option<BundleEntryProto> {
    let Stored::Slices(pieces) = &entry.stored else {
        return None;
    };
    is_sliced(entry).then(|| BundleEntryProto {
        dtype: entry.dtype as i32,
        shape: Some(shape_proto(&entry.shape)),
        slices: pieces.iter().map(|(region, _)| region.proto()).collect(),
        ..BundleEntryProto::default()
    })
}

fn shape_proto(shape: &[u64]) -> TensorShapeProto {
    let dim = |&size: &u64| Dim {
        size: size as i64,
        ..Dim::default()
    };
    TensorShapeProto {
        dim: shape.iter().map(dim).collect(),
        unknown_rank: false,
    }
}

impl Region {
    fn slice(&self) -> Slice {
        let extents = self.start.iter().zip(&self.size);
        Slice {
            extents: extents.map(|(&start, &size)| Some((start, size))).collect(),
        }
    }

    fn proto(&self) -> TensorSliceProto {
        let extents = self.start.iter().zip(&self.size);
        let extent = extents.map(|(&start, &size)| Extent {
            start: start as i64,
            has_length: Some(HasLength::Length(size as i64)),
        });
        TensorSliceProto {
            extent: extent.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn checkpoint(path: &str) -> Result<Bundle> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        Bundle::open(&fixtures.join(path).join("variables/variables"))
    }

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("bundle-{name}-{}", std::process::id()))
    }

    fn unchanged() -> Changes<'static> {
        Changes {
            values: &|_| Ok(Vec::new()),
            strings: BTreeMap::new(),
            dropped: BTreeSet::new(),
        }
    }

    /// Writes with changes, and opens what was written.
    fn rewritten(name: &str, bundle: &Bundle, changes: &Changes<'_>) -> Result<Bundle> {
        let dir = scratch(name);
        std::fs::create_dir_all(&dir)?;
        bundle.write(&dir.join("variables"), changes)?;
        let opened = Bundle::open(&dir.join("variables"));
        std::fs::remove_dir_all(&dir)?;
        opened
    }

    /// The prefixes of all checkpoints below a folder.
    fn checkpoints(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found = Vec::new();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() {
                found.extend(checkpoints(&path));
            } else if path.extension().is_some_and(|ext| ext == "index") {
                found.push(path.with_extension(""));
            }
        }
        found
    }

    #[test]
    fn without_changes_every_file_is_what_it_was() -> Result<()> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
        let mut prefixes = checkpoints(&fixtures);
        if let Some(corpus) = std::env::var_os("CORPUS") {
            prefixes.extend(checkpoints(&Path::new(&corpus).join("models")));
        }
        assert!(prefixes.len() > 20);
        for prefix in prefixes {
            let bundle = Bundle::open(&prefix)?;
            let dir = scratch("same");
            std::fs::create_dir_all(&dir)?;
            bundle.write(&dir.join("variables"), &unchanged())?;
            for entry in std::fs::read_dir(&dir)? {
                let path = entry?.path();
                // The index of a sliced tensor spells out what TensorFlow may leave out.
                let sliced = bundle.entries().values().any(is_sliced);
                if sliced && path.extension().is_some_and(|ext| ext == "index") {
                    continue;
                }
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let stem = prefix.file_name().unwrap_or_default().to_string_lossy();
                let name = name.replacen("variables", &stem, 1);
                let old = prefix.with_file_name(name);
                assert!(std::fs::read(&path)? == std::fs::read(&old)?, "{old:?}");
            }
            std::fs::remove_dir_all(&dir)?;
        }
        Ok(())
    }

    #[test]
    fn a_checkpoint_of_the_first_format_becomes_a_bundle() -> Result<()> {
        let old = checkpoint("loader/flat_first_format/model")?;
        let new = rewritten("first", &old, &unchanged())?;
        assert_eq!(
            old.entries().keys().collect::<Vec<_>>(),
            new.entries().keys().collect::<Vec<_>>()
        );
        for key in old.entries().keys() {
            assert_eq!(old.read(key)?, new.read(key)?, "{key}");
        }
        Ok(())
    }

    #[test]
    fn a_dropped_tensor_leaves_no_gap() -> Result<()> {
        let old = checkpoint("models/k3_mlp")?;
        let is_value = |key: &&String| key.ends_with("VARIABLE_VALUE");
        let key = old.entries().keys().find(is_value).cloned();
        let key = key.unwrap_or_default();
        let changes = Changes {
            dropped: BTreeSet::from([key.clone()]),
            ..unchanged()
        };
        let new = rewritten("dropped", &old, &changes)?;
        assert!(!new.entries().contains_key(&key));
        let length = |bundle: &Bundle| bundle.shards.values().map(|s| s.len()).sum::<usize>();
        let size = old.read(&key)?.bytes().map_or(0, <[u8]>::len);
        assert_eq!(length(&new), length(&old) - size);
        for key in new.entries().keys() {
            assert_eq!(old.read(key)?, new.read(key)?, "{key}");
        }
        Ok(())
    }
}
