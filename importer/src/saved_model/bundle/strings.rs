//! String tensors: the lengths as varints, a checksum of the lengths, then the bytes of all strings.

use std::borrow::Cow;

use super::super::table::{Cursor, mask, unmask};
use super::super::table_writer::write_varint;
use crate::{Error, Result};

/// The byte order of the numbers in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    fn bytes(self, value: u32) -> [u8; 4] {
        match self {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    fn long_bytes(self, value: u64) -> [u8; 8] {
        match self {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// The strings of a payload. `crc` is the entry's masked checksum.
pub(super) fn parse(
    payload: &[u8],
    count: u64,
    crc: u32,
    order: ByteOrder,
) -> Result<Vec<Cow<'_, [u8]>>> {
    let mut cursor = Cursor(payload);
    let lengths = lengths(&mut cursor, count)
        .ok_or_else(|| Error::malformed("the lengths of the strings do not parse"))?;
    let mut running = lengths_crc(&lengths, order);
    if !payload.is_empty() {
        running = check_lengths(&mut cursor, running, order)?;
    }
    let total = lengths
        .iter()
        .try_fold(0u64, |sum, &length| sum.checked_add(length));
    if total != Some(cursor.0.len() as u64) {
        return Err(Error::malformed(
            "the strings are not as long as the entry says",
        ));
    }
    running = crc32c::crc32c_append(running, cursor.0);
    if running != unmask(crc) {
        let stored = unmask(crc);
        return Err(Error::malformed(format!(
            "Checksum does not match: stored {stored} vs. calculated on the restored bytes {running}"
        )));
    }
    let strings: Option<Vec<_>> = lengths
        .iter()
        .map(|&length| {
            cursor
                .take(usize::try_from(length).ok()?)
                .map(Cow::Borrowed)
        })
        .collect();
    strings.ok_or_else(|| Error::malformed("the strings end early"))
}

/// The payload of some strings and its unmasked checksum, as TensorFlow writes them.
pub(super) fn write(strings: &[impl AsRef<[u8]>], order: ByteOrder) -> (Vec<u8>, u32) {
    let lengths: Vec<u64> = strings.iter().map(|s| s.as_ref().len() as u64).collect();
    let mut payload = Vec::new();
    for &length in &lengths {
        write_varint(&mut payload, length);
    }
    let crc = lengths_crc(&lengths, order);
    let stored = order.bytes(mask(crc));
    let mut crc = crc32c::crc32c_append(crc, &stored);
    payload.extend_from_slice(&stored);
    for string in strings {
        crc = crc32c::crc32c_append(crc, string.as_ref());
        payload.extend_from_slice(string.as_ref());
    }
    (payload, crc)
}

fn lengths(cursor: &mut Cursor<'_>, count: u64) -> Option<Vec<u64>> {
    let count = usize::try_from(count).ok()?;
    if count > cursor.0.len() {
        return None;
    }
    (0..count).map(|_| cursor.varint()).collect()
}

/// The checksum runs over each length as a fixed integer: 32 bits, or 64 for one that needs them.
fn lengths_crc(lengths: &[u64], order: ByteOrder) -> u32 {
    lengths
        .iter()
        .fold(0, |crc, &length| match u32::try_from(length) {
            Ok(short) => crc32c::crc32c_append(crc, &order.bytes(short)),
            Err(_) => crc32c::crc32c_append(crc, &order.long_bytes(length)),
        })
}

fn check_lengths(cursor: &mut Cursor<'_>, running: u32, order: ByteOrder) -> Result<u32> {
    let stored = cursor
        .take(4)
        .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())
        .ok_or_else(|| Error::malformed("the checksum of the lengths is missing"))?;
    if unmask(order.number(stored)) != running {
        return Err(Error::malformed("The length checksum does not match"));
    }
    Ok(crc32c::crc32c_append(running, &stored))
}
