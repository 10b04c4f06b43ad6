//! Writing the index of a checkpoint: the sorted string table that [`super::table`] reads, laid out as TensorFlow's own
//! writer does it, so that the same entries give the same bytes.

use std::collections::BTreeMap;

use super::table::{FOOTER, MAGIC, mask};

/// Where TensorFlow ends a block.
const BLOCK_BYTES: usize = 256 << 10;
/// Every so many keys of a block one is whole.
const RESTART_INTERVAL: usize = 16;

/// The file of a table with these entries.
pub(super) fn write_table(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut index = Block::new(1);
    let mut block = Block::new(RESTART_INTERVAL);
    let mut keys = entries.iter().peekable();
    while let Some((key, value)) = keys.next() {
        block.add(key, value);
        let next = keys.peek().map(|(next, _)| &next[..]);
        if next.is_none() || block.size() >= BLOCK_BYTES {
            let full = std::mem::replace(&mut block, Block::new(RESTART_INTERVAL));
            let handle = append(&mut file, full);
            index.add(&separator(key, next), &handle);
        }
    }
    let meta = append(&mut file, Block::new(RESTART_INTERVAL));
    let index = append(&mut file, index);
    let mut footer = [meta, index].concat();
    footer.resize(FOOTER - MAGIC.to_le_bytes().len(), 0);
    file.extend_from_slice(&footer);
    file.extend_from_slice(&MAGIC.to_le_bytes());
    file
}

/// Writes a block with its type and checksum; gives its handle.
fn append(file: &mut Vec<u8>, block: Block) -> Vec<u8> {
    let contents = block.finish();
    let mut handle = Vec::new();
    write_varint(&mut handle, file.len() as u64);
    write_varint(&mut handle, contents.len() as u64);
    const PLAIN: u8 = 0;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&contents), &[PLAIN]);
    file.extend_from_slice(&contents);
    file.push(PLAIN);
    file.extend_from_slice(&mask(crc).to_le_bytes());
    handle
}

/// A short key that is not before `last` and, if there is a `next`, before it.
fn separator(last: &[u8], next: Option<&[u8]>) -> Vec<u8> {
    let shared = match next {
        Some(next) => shared_prefix(last, next),
        None => last.iter().take_while(|&&byte| byte == 0xff).count(),
    };
    let mut short = last.to_vec();
    match (last.get(shared), next.map(|next| next.get(shared))) {
        (Some(&byte), None) if byte < 0xff => {
            short.truncate(shared + 1);
            short[shared] += 1;
        }
        (Some(&byte), Some(Some(&limit))) if byte < 0xff && byte + 1 < limit => {
            short.truncate(shared + 1);
            short[shared] += 1;
        }
        _ => {}
    }
    short
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

struct Block {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    interval: usize,
    since_restart: usize,
    last: Vec<u8>,
}

impl Block {
    fn new(interval: usize) -> Self {
        Block {
            bytes: Vec::new(),
            restarts: vec![0],
            interval,
            since_restart: 0,
            last: Vec::new(),
        }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        let mut shared = shared_prefix(&self.last, key);
        if self.since_restart == self.interval {
            self.restarts.push(self.bytes.len() as u32);
            (shared, self.since_restart) = (0, 0);
        }
        for length in [shared, key.len() - shared, value.len()] {
            write_varint(&mut self.bytes, length as u64);
        }
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last = key.to_vec();
        self.since_restart += 1;
    }

    /// How long the block is once it is finished.
    fn size(&self) -> usize {
        self.bytes.len() + 4 * (self.restarts.len() + 1)
    }

    fn finish(mut self) -> Vec<u8> {
        let count = self.restarts.len() as u32;
        for number in self.restarts.into_iter().chain([count]) {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.bytes
    }
}

/// A LEB128 number.
pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::super::table::read_table;
    use super::*;

    #[test]
    fn many_blocks_are_read_back() -> crate::Result<()> {
        let entries: BTreeMap<Vec<u8>, Vec<u8>> = (0..4000u32)
            .map(|i| (format!("layer/{i:05}").into_bytes(), vec![i as u8; 300]))
            .collect();
        let file = write_table(&entries);
        assert!(file.len() > 4 * BLOCK_BYTES);
        let read: BTreeMap<_, _> = read_table(&file)?.into_iter().collect();
        assert_eq!(read, entries);
        Ok(())
    }

    #[test]
    fn an_empty_table_is_read_back() -> crate::Result<()> {
        assert!(read_table(&write_table(&BTreeMap::new()))?.is_empty());
        Ok(())
    }

    #[test]
    fn separators_are_short() {
        assert_eq!(separator(b"abcd", Some(b"abzz")), b"abd");
        assert_eq!(separator(b"abc", Some(b"abcd")), b"abc");
        assert_eq!(separator(b"abc", Some(b"abd")), b"abc");
        assert_eq!(separator(b"abc", None), b"b");
        assert_eq!(separator(b"\xff\xffa", None), b"\xff\xffb");
    }
}
