//! The index of a checkpoint: a sorted string table in LevelDB's format.
//!
//! A file is blocks, then a footer of 48 bytes that says where the index block is; each entry of the index block says
//! where a data block is. Blocks end with a type byte (0 plain, 1 Snappy) and a masked CRC-32C. Keys are sorted bytewise
//! and stored as the length they share with the key before, and the rest.

use crate::{Error, Result};

pub(super) const FOOTER: usize = 48;
pub(super) const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const TRAILER: usize = 5;
/// Snappy's densest element makes 64 bytes of three.
const SNAPPY_RATIO: usize = 32;
const MAX_KEY: usize = 1 << 16;
/// How many times the size of its file a table may have when unpacked, beyond a fixed allowance.
const MAX_EXPANSION: usize = 256;
const EXPANSION_ALLOWANCE: usize = 16 << 20;

/// The entries of a table, in the order of their keys, which are distinct.
pub(super) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Reverses the masking of a stored checksum.
pub(super) fn unmask(masked: u32) -> u32 {
    masked.wrapping_sub(0xa282_ead8).rotate_left(15)
}

/// Masks a checksum as it is stored.
pub(super) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Whether `bytes` end as a table does.
pub(super) fn is_table(bytes: &[u8]) -> bool {
    bytes.len() >= FOOTER && bytes[bytes.len() - 8..] == MAGIC.to_le_bytes()
}

/// Reads all entries of a table.
pub(super) fn read_table(file: &[u8]) -> Result<Entries> {
    if file.len() < FOOTER {
        return Err(Error::malformed("file is too short to be an sstable"));
    }
    if !is_table(file) {
        return Err(Error::malformed("not an sstable (bad magic number)"));
    }
    let mut footer = Cursor(&file[file.len() - FOOTER..file.len() - 8]);
    let _metaindex = Handle::read(&mut footer)?;
    let index = Handle::read(&mut footer)?;
    let mut table = Table::new(file);
    let mut index_entries = Entries::new();
    table.read_block(index, &mut index_entries)?;
    let mut entries = Entries::new();
    for (_separator, handle) in &index_entries {
        table.read_block(Handle::read(&mut Cursor(handle))?, &mut entries)?;
    }
    check_order(&entries)?;
    Ok(entries)
}

fn check_order(entries: &Entries) -> Result<()> {
    match entries.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        None => Ok(()),
        Some(pair) => Err(Error::malformed(format!(
            "the keys of the table are not sorted: {:?} is followed by {:?}",
            String::from_utf8_lossy(&pair[0].0),
            String::from_utf8_lossy(&pair[1].0)
        ))),
    }
}

#[derive(Clone, Copy)]
struct Handle {
    offset: u64,
    size: u64,
}

impl Handle {
    fn read(cursor: &mut Cursor<'_>) -> Result<Handle> {
        let bad = || Error::malformed("bad block handle");
        let offset = cursor.varint().ok_or_else(bad)?;
        let size = cursor.varint().ok_or_else(bad)?;
        Ok(Handle { offset, size })
    }
}

struct Table<'a> {
    file: &'a [u8],
    /// Bytes that may still be unpacked.
    budget: usize,
}

impl<'a> Table<'a> {
    fn new(file: &'a [u8]) -> Self {
        let budget = file
            .len()
            .saturating_mul(MAX_EXPANSION)
            .saturating_add(EXPANSION_ALLOWANCE);
        Table { file, budget }
    }

    fn read_block(&mut self, handle: Handle, entries: &mut Entries) -> Result<()> {
        let (kind, stored) = self.stored_block(handle)?;
        match kind {
            0 => self.read_entries(stored, entries),
            1 => self.read_entries(&unpack(stored)?, entries),
            other => Err(Error::malformed(format!("bad block type {other}"))),
        }
    }

    fn stored_block(&self, handle: Handle) -> Result<(u8, &'a [u8])> {
        let truncated = || Error::malformed("truncated block read");
        let start = usize::try_from(handle.offset).map_err(|_| truncated())?;
        let size = usize::try_from(handle.size).map_err(|_| truncated())?;
        let end = start
            .checked_add(size)
            .and_then(|end| end.checked_add(TRAILER))
            .ok_or_else(truncated)?;
        let block = self.file.get(start..end).ok_or_else(truncated)?;
        let (checked, crc) = block.split_at(size + 1);
        let stored = u32::from_le_bytes([crc[0], crc[1], crc[2], crc[3]]);
        if crc32c::crc32c(checked) != unmask(stored) {
            return Err(Error::malformed("block checksum mismatch"));
        }
        Ok((checked[size], &checked[..size]))
    }

    fn read_entries(&mut self, block: &[u8], entries: &mut Entries) -> Result<()> {
        let mut cursor = Cursor(without_restarts(block)?);
        let mut key = Vec::new();
        while !cursor.0.is_empty() {
            let value = next_entry(&mut cursor, &mut key)
                .ok_or_else(|| Error::malformed("bad entry in block"))?;
            let size = key.len() + value.len() + size_of::<(Vec<u8>, Vec<u8>)>();
            self.budget = self
                .budget
                .checked_sub(size)
                .ok_or_else(|| Error::malformed("the table is too large for its file"))?;
            entries.push((key.clone(), value.to_vec()));
        }
        Ok(())
    }
}

fn unpack(block: &[u8]) -> Result<Vec<u8>> {
    let corrupt = || Error::malformed("corrupted compressed block contents");
    let claimed = snap::raw::decompress_len(block).map_err(|_| corrupt())?;
    if claimed > block.len().saturating_mul(SNAPPY_RATIO) {
        return Err(corrupt());
    }
    snap::raw::Decoder::new()
        .decompress_vec(block)
        .map_err(|_| corrupt())
}

fn without_restarts(block: &[u8]) -> Result<&[u8]> {
    let bad = || Error::malformed("bad block contents: the restart array is larger than the block");
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(bad)?;
    let restarts = usize::try_from(u32::from_le_bytes(*count))
        .ok()
        .and_then(|count| count.checked_mul(4))
        .ok_or_else(bad)?;
    let end = rest.len().checked_sub(restarts).ok_or_else(bad)?;
    Ok(&rest[..end])
}

fn next_entry<'b>(cursor: &mut Cursor<'b>, key: &mut Vec<u8>) -> Option<&'b [u8]> {
    let shared = cursor.length()?;
    let fresh = cursor.length()?;
    let value = cursor.length()?;
    if shared > key.len() || shared.checked_add(fresh)? > MAX_KEY {
        return None;
    }
    let suffix = cursor.take(fresh)?;
    key.truncate(shared);
    key.extend_from_slice(suffix);
    cursor.take(value)
}

/// Reads from the front of some bytes.
pub(super) struct Cursor<'b>(pub(super) &'b [u8]);

impl<'b> Cursor<'b> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    /// A LEB128 number of at most ten bytes.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn length(&mut self) -> Option<usize> {
        let value = self.varint()?;
        u32::try_from(value).ok()?;
        usize::try_from(value).ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn varint(out: &mut Vec<u8>, mut value: usize) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    fn block(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut last: &[u8] = &[];
        for (key, value) in entries {
            let shared = last.iter().zip(*key).take_while(|(a, b)| a == b).count();
            varint(&mut out, shared);
            varint(&mut out, key.len() - shared);
            varint(&mut out, value.len());
            out.extend_from_slice(&key[shared..]);
            out.extend_from_slice(value);
            last = key;
        }
        out.extend_from_slice(&0u32.to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
        out
    }

    fn append(file: &mut Vec<u8>, contents: Vec<u8>, kind: u8) -> Vec<u8> {
        let mut handle = Vec::new();
        varint(&mut handle, file.len());
        varint(&mut handle, contents.len());
        let mut checked = contents;
        checked.push(kind);
        let crc = mask(crc32c::crc32c(&checked));
        file.extend_from_slice(&checked);
        file.extend_from_slice(&crc.to_le_bytes());
        handle
    }

    /// A table with one data block.
    pub(in crate::saved_model) fn table(entries: &[(&[u8], &[u8])], snappy: bool) -> Vec<u8> {
        let mut file = Vec::new();
        let contents = block(entries);
        let data = match snappy {
            true => {
                let packed = snap::raw::Encoder::new().compress_vec(&contents);
                append(&mut file, packed.unwrap_or_default(), 1)
            }
            false => append(&mut file, contents, 0),
        };
        let meta = append(&mut file, block(&[]), 0);
        let index = append(&mut file, block(&[(b"zz", &data)]), 0);
        let mut footer = [meta, index].concat();
        footer.resize(40, 0);
        file.extend_from_slice(&footer);
        file.extend_from_slice(&MAGIC.to_le_bytes());
        file
    }

    fn message(file: &[u8]) -> String {
        read_table(file)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_table_is_read_plain_and_compressed() -> Result<()> {
        let entries: [(&[u8], &[u8]); 3] = [(b"", b"h"), (b"alpha", b"1"), (b"alphabet", b"22")];
        for snappy in [false, true] {
            let read = read_table(&table(&entries, snappy))?;
            let read: Vec<_> = read.iter().map(|(k, v)| (&k[..], &v[..])).collect();
            assert_eq!(read, entries);
        }
        Ok(())
    }

    #[test]
    fn a_flipped_bit_is_a_checksum_mismatch() {
        let mut file = table(&[(b"a", b"1")], false);
        file[3] ^= 1;
        assert_eq!(message(&file), "block checksum mismatch");
    }

    #[test]
    fn unsorted_keys_are_an_error() {
        let file = table(&[(b"b", b"1"), (b"a", b"2")], false);
        assert!(message(&file).starts_with("the keys of the table are not sorted"));
    }

    #[test]
    fn every_prefix_of_a_table_is_an_error() {
        let file = table(&[(b"a", b"1")], false);
        for end in 0..file.len() {
            assert!(read_table(&file[..end]).is_err());
        }
    }

    #[test]
    fn unmasking_reverses_masking() {
        for crc in [0, 1, 0xdead_beef, u32::MAX] {
            assert_eq!(unmask(mask(crc)), crc);
        }
    }
}
