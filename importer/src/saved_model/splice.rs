//! Changing single messages of a file, every other byte of which stays.

use super::table::Cursor;
use super::table_writer::write_varint;

const LENGTH_DELIMITED: u64 = 2;

/// A field of a message as it stands in the file.
pub(super) struct Field<'b> {
    pub(super) number: u32,
    /// The field with its tag.
    pub(super) raw: &'b [u8],
    /// The bytes of a message, text or packed list.
    pub(super) payload: Option<&'b [u8]>,
}

/// The fields of a message, in their order; `None` if it does not parse.
pub(super) fn fields(bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut cursor = Cursor(bytes);
    let mut fields = Vec::new();
    while !cursor.0.is_empty() {
        let rest = cursor.0;
        let tag = cursor.varint()?;
        let payload = match tag & 7 {
            0 => cursor.varint().map(|_| None)?,
            1 => cursor.take(8).map(|_| None)?,
            5 => cursor.take(4).map(|_| None)?,
            LENGTH_DELIMITED => {
                let length = usize::try_from(cursor.varint()?).ok()?;
                Some(cursor.take(length)?)
            }
            _ => return None,
        };
        fields.push(Field {
            number: u32::try_from(tag >> 3).ok()?,
            raw: &rest[..rest.len() - cursor.0.len()],
            payload,
        });
    }
    Some(fields)
}

/// Appends a field that holds a message.
pub(super) fn write_message(out: &mut Vec<u8>, number: u32, message: &[u8]) {
    write_varint(out, u64::from(number) << 3 | LENGTH_DELIMITED);
    write_varint(out, message.len() as u64);
    out.extend_from_slice(message);
}

/// Hears the index and the bytes of a message; gives new bytes, or leaves it.
pub(super) type Change<'a> = dyn FnMut(usize, &[u8]) -> Option<Vec<u8>> + 'a;

/// Changes the messages that a path of field numbers leads to. `None` if the bytes do not parse.
pub(super) fn edit(bytes: &[u8], path: &[u32], change: &mut Change<'_>) -> Option<Vec<u8>> {
    edit_level(bytes, path, &mut 0, change)
}

fn edit_level(
    bytes: &[u8],
    path: &[u32],
    count: &mut usize,
    change: &mut Change<'_>,
) -> Option<Vec<u8>> {
    let (&wanted, rest) = path.split_first()?;
    let mut out = Vec::with_capacity(bytes.len());
    for field in fields(bytes)? {
        let message = field.payload.filter(|_| field.number == wanted);
        let changed = match (message, rest.is_empty()) {
            (Some(message), false) => Some(edit_level(message, rest, count, change)?),
            (Some(message), true) => {
                *count += 1;
                change(*count - 1, message)
            }
            (None, _) => None,
        };
        match changed {
            Some(message) => write_message(&mut out, wanted, &message),
            None => out.extend_from_slice(field.raw),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_changes_and_the_rest_stays() {
        let bytes = [0x08, 7, 0x12, 4, 0x0a, 0, 0x0a, 0, 0x1d, 1, 2, 3, 4];
        let mut second = |index, _: &[u8]| (index == 1).then(|| vec![0x08, 1]);
        let edited = edit(&bytes, &[2, 1], &mut second).unwrap_or_default();
        assert_eq!(
            edited,
            [
                0x08, 7, 0x12, 6, 0x0a, 0, 0x0a, 2, 0x08, 1, 0x1d, 1, 2, 3, 4
            ]
        );
        assert_eq!(edit(&bytes[..6], &[2, 1], &mut second), None);
    }
}
