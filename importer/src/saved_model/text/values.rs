//! The values of text format, and how they are on the wire.

use savedmodel_import_proto::schema::{ENUMS, FieldType};

type Parsed<T> = std::result::Result<T, String>;

/// A value as it is on the wire.
#[derive(Debug, PartialEq)]
pub(super) enum Wire {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Vec<u8>),
}

impl Wire {
    pub(super) fn write(self, field: u32, out: &mut Vec<u8>) {
        let tag = u64::from(field) << 3;
        match self {
            Wire::Varint(value) => {
                varint(tag, out);
                varint(value, out);
            }
            Wire::Fixed64(value) => {
                varint(tag | 1, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Wire::Bytes(bytes) => {
                varint(tag | 2, out);
                varint(bytes.len() as u64, out);
                out.extend_from_slice(&bytes);
            }
            Wire::Fixed32(value) => {
                varint(tag | 5, out);
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A value that is one word, maybe after a minus sign.
pub(super) fn scalar(kind: FieldType, word: &str, negative: bool) -> Parsed<Wire> {
    match kind {
        FieldType::Integer => integer(word, negative).map(|value| Wire::Varint(value as u64)),
        FieldType::Signed => {
            let value = integer(word, negative)? as i64;
            Ok(Wire::Varint(((value << 1) ^ (value >> 63)) as u64))
        }
        FieldType::Fixed32 => u32::try_from(integer(word, negative)?)
            .map(Wire::Fixed32)
            .map_err(|_| format!("`{word}` is too large")),
        FieldType::Fixed64 => integer(word, negative).map(|value| Wire::Fixed64(value as u64)),
        FieldType::Float => {
            let value = float(word, negative)? as f32;
            Ok(Wire::Fixed32(value.to_bits()))
        }
        FieldType::Double => float(word, negative).map(|value| Wire::Fixed64(value.to_bits())),
        FieldType::Bool => match word {
            "true" | "True" | "t" | "1" => Ok(Wire::Varint(1)),
            "false" | "False" | "f" | "0" => Ok(Wire::Varint(0)),
            word => Err(format!("`{word}` is not a bool")),
        },
        FieldType::Enum(index) => enumerator(index, word, negative),
        FieldType::String | FieldType::Bytes | FieldType::Message(_) => {
            Err(format!("`{word}` is not quoted"))
        }
    }
}

fn enumerator(index: usize, word: &str, negative: bool) -> Parsed<Wire> {
    let known = ENUMS[index].values.iter().find(|(name, _)| *name == word);
    match known {
        Some((_, number)) => Ok(Wire::Varint(i64::from(*number) as u64)),
        None => integer(word, negative)
            .map(|value| Wire::Varint(value as u64))
            .map_err(|_| format!("`{word}` is not a value of {}", ENUMS[index].name)),
    }
}

fn integer(word: &str, negative: bool) -> Parsed<i128> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let value = match hex {
        Some(digits) => u64::from_str_radix(digits, 16),
        None if word.len() > 1 && word.starts_with('0') => u64::from_str_radix(word, 8),
        None => word.parse(),
    };
    let value = i128::from(value.map_err(|_| format!("`{word}` is not an integer"))?);
    match negative {
        false => Ok(value),
        true if value <= 1 << 63 => Ok(-value),
        true => Err(format!("`-{word}` is too small")),
    }
}

fn float(word: &str, negative: bool) -> Parsed<f64> {
    let lower = word.to_ascii_lowercase();
    let value = match lower.as_str() {
        "inf" | "infinity" => Ok(f64::INFINITY),
        "nan" => Ok(f64::NAN),
        number => number.strip_suffix('f').unwrap_or(number).parse(),
    };
    let value = value.map_err(|_| format!("`{word}` is not a number"))?;
    Ok(if negative { -value } else { value })
}

/// The bytes of a quoted string.
pub(super) fn unescape(raw: &str) -> Parsed<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'\\' => rest = escape(rest, &mut out)?,
            byte => out.push(byte),
        }
    }
    Ok(out)
}

/// One escape, after its backslash; what follows it.
fn escape<'r>(rest: &'r [u8], out: &mut Vec<u8>) -> Parsed<&'r [u8]> {
    let (&kind, tail) = rest.split_first().ok_or("a backslash ends the string")?;
    let plain = match kind {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'\\' | b'\'' | b'"' | b'?' => kind,
        b'x' | b'X' => return numeric(tail, 16, 2, out),
        b'0'..=b'7' => return numeric(rest, 8, 3, out),
        b'u' => return unicode(tail, 4, out),
        b'U' => return unicode(tail, 8, out),
        other => return Err(format!("an unknown escape `\\{}`", char::from(other))),
    };
    out.push(plain);
    Ok(tail)
}

fn digits(rest: &[u8], radix: u32, most: usize) -> (u32, &[u8]) {
    let count = rest
        .iter()
        .take(most)
        .take_while(|&&byte| char::from(byte).is_digit(radix))
        .count();
    let (number, tail) = rest.split_at(count);
    let value = number
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(radix))
        .fold(0u32, |value, digit| {
            value.wrapping_mul(radix).wrapping_add(digit)
        });
    (value, tail)
}

fn numeric<'r>(rest: &'r [u8], radix: u32, most: usize, out: &mut Vec<u8>) -> Parsed<&'r [u8]> {
    let (value, tail) = digits(rest, radix, most);
    if tail.len() == rest.len() {
        return Err("an escape without digits".to_owned());
    }
    out.push(u8::try_from(value).map_err(|_| "an escape beyond a byte".to_owned())?);
    Ok(tail)
}

fn unicode<'r>(rest: &'r [u8], count: usize, out: &mut Vec<u8>) -> Parsed<&'r [u8]> {
    let (value, tail) = digits(rest, 16, count);
    let character = char::from_u32(value).filter(|_| rest.len() - tail.len() == count);
    let character = character.ok_or("an escape that is no character")?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(tail)
}
