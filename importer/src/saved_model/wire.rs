//! Why bytes are no message: the place and the reason of the first flaw, for the user to read.

use savedmodel_import_proto::schema::{FieldType, MESSAGES, Message, message};

use super::table::Cursor;

/// The nesting that the reader of messages allows as well.
const MAX_DEPTH: usize = 100;

/// The first flaw of `bytes` as the message `name`; `None` if its structure is sound.
pub(super) fn flaw(bytes: &[u8], name: &str) -> Option<String> {
    let walk = Walk { size: bytes.len() };
    walk.message(bytes, message(name)?, 0).err()
}

struct Walk {
    size: usize,
}

impl Walk {
    fn message(&self, bytes: &[u8], schema: &Message, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("messages are nested deeper than {MAX_DEPTH}"));
        }
        let base = bytes.as_ptr() as usize;
        self.fields(bytes, schema, depth, base)
    }

    fn fields(
        &self,
        bytes: &[u8],
        schema: &Message,
        depth: usize,
        base: usize,
    ) -> Result<(), String> {
        let mut cursor = Cursor(bytes);
        while !cursor.0.is_empty() {
            let at = cursor.0.as_ptr() as usize - base;
            let place = |what: String| format!("{what}, at byte {at} of a {}", schema.name);
            let tag = cursor
                .varint()
                .ok_or_else(|| place("truncated message: bad tag".to_owned()))?;
            let number = u32::try_from(tag >> 3).unwrap_or(0);
            if number == 0 {
                return Err(place("bad tag".to_owned()));
            }
            let field = schema.fields.iter().find(|field| field.number == number);
            let value = self.value(&mut cursor, tag & 7).map_err(place)?;
            match (field.map(|field| field.kind), value) {
                (Some(FieldType::Message(index)), Some(inner)) => {
                    self.message(inner, &MESSAGES[index], depth + 1)?;
                }
                (Some(FieldType::String), Some(text)) if std::str::from_utf8(text).is_err() => {
                    return Err(place("a text that is not valid UTF-8".to_owned()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Skips a value; gives the bytes of one that says its length.
    fn value<'b>(&self, cursor: &mut Cursor<'b>, kind: u64) -> Result<Option<&'b [u8]>, String> {
        let truncated = || format!("truncated message: the file has {} bytes", self.size);
        match kind {
            0 => cursor.varint().map(|_| None).ok_or_else(truncated),
            1 => cursor.take(8).map(|_| None).ok_or_else(truncated),
            5 => cursor.take(4).map(|_| None).ok_or_else(truncated),
            2 => {
                let length = cursor.varint().ok_or_else(truncated)?;
                if i64::try_from(length).is_err() {
                    return Err(format!("length overflow: {length} bytes are claimed"));
                }
                let rest = cursor.0.len();
                let taken = usize::try_from(length).ok().and_then(|l| cursor.take(l));
                taken.map(Some).ok_or_else(|| {
                    format!("truncated message: length {length} exceeds the remaining {rest} bytes")
                })
            }
            other => Err(format!("bad tag: invalid wire type {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let flaw = flaw(bytes, "tensorflow.SavedModel").unwrap_or_default();
        assert!(flaw.starts_with(expected), "{flaw}");
    }

    #[test]
    fn a_flaw_is_said_with_its_place() {
        check(&[8, 1], "");
        check(
            &[8, 1, 18, 5, 0],
            "truncated message: length 5 exceeds the remaining 1 bytes, at byte 2",
        );
        check(&[0x0f], "bad tag: invalid wire type 7");
        check(
            &[18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            "length overflow",
        );
        check(
            &[18, 2, 0x22, 9],
            "truncated message: length 9 exceeds the remaining 0 bytes, at byte 0 of a tensorflow.MetaGraphDef",
        );
    }
}
