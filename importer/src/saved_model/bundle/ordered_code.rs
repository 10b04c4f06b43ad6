//! The keys of stored slices, in OrderedCode: an encoding that sorts as its values do.
//!
//! A key is `num(0) str(name) num(rank)`, then for each dimension `snum(start) snum(length)`; a whole dimension has start
//! 0 and length -1.

use super::slice::Slice;

/// The key of a slice of the tensor `name`.
pub(super) fn slice_key(name: &[u8], slice: &Slice) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 8 + 4 * slice.extents.len());
    number(&mut key, 0);
    string(&mut key, name);
    number(&mut key, slice.extents.len() as u64);
    for extent in &slice.extents {
        let (start, length) = match extent {
            Some((start, length)) => (*start as i64, *length as i64),
            None => (0, -1),
        };
        signed(&mut key, start);
        signed(&mut key, length);
    }
    key
}

/// The name of the tensor whose slice has this key.
pub(super) fn tensor_name(key: &[u8]) -> Option<Vec<u8>> {
    let mut rest = key.strip_prefix(&[0])?.iter();
    let mut name = Vec::new();
    loop {
        match (*rest.next()?, rest.as_slice().first()) {
            (0x00, Some(0x01)) => return Some(name),
            (0x00, Some(0xff)) => name.push(0x00),
            (0xff, Some(0x00)) => name.push(0xff),
            (0x00 | 0xff, _) => return None,
            (byte, _) => {
                name.push(byte);
                continue;
            }
        }
        rest.next();
    }
}

fn number(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_be_bytes();
    let zeros = value.leading_zeros() as usize / 8;
    out.push((8 - zeros) as u8);
    out.extend_from_slice(&bytes[zeros..]);
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            0x00 => out.extend([0x00, 0xff]),
            0xff => out.extend([0xff, 0x00]),
            byte => out.push(byte),
        }
    }
    out.extend([0x00, 0x01]);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    let length = (1..10)
        .find(|n| {
            let limit = 1i128 << (7 * n - 1);
            (-limit..limit).contains(&i128::from(value))
        })
        .unwrap_or(10);
    let wide = i128::from(value).to_be_bytes();
    let mut bytes = wide[16 - length..].to_vec();
    let header = match length {
        10 => [0xff, 0xc0],
        9 => [0xff, 0x80],
        length => [(0xff00u16 >> length) as u8, 0],
    };
    bytes[0] ^= header[0];
    if length > 1 {
        bytes[1] ^= header[1];
    }
    out.extend_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        signed(&mut out, value);
        out
    }

    #[test]
    fn signed_numbers_are_as_tensorflow_writes_them() {
        assert_eq!(code(0), [0x80]);
        assert_eq!(code(3), [0x83]);
        assert_eq!(code(-1), [0x7f]);
        assert_eq!(code(500), [0xc1, 0xf4]);
        assert_eq!(code(i64::MAX).len(), 10);
    }

    #[test]
    fn a_slice_key_is_as_tensorflow_writes_it() {
        let slice = Slice {
            extents: vec![Some((0, 3)), Some((0, 2))],
        };
        let key = slice_key(b"a", &slice);
        assert_eq!(key, b"\x00a\x00\x01\x01\x02\x80\x83\x80\x82");
        assert_eq!(tensor_name(&key), Some(b"a".to_vec()));
        let whole = Slice {
            extents: vec![None],
        };
        assert_eq!(slice_key(b"a", &whole), b"\x00a\x00\x01\x01\x01\x80\x7f");
    }

    #[test]
    fn names_keep_their_odd_bytes() {
        let slice = Slice { extents: vec![] };
        let name = b"a\x00b\xffc";
        assert_eq!(tensor_name(&slice_key(name, &slice)), Some(name.to_vec()));
    }
}
