//! Strings as code points.

use super::super::cx::{Cx, elements};
use super::super::value::Value;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    many("UnicodeDecode", |cx| decode(cx, false)),
    many("UnicodeDecodeWithOffsets", |cx| decode(cx, true)),
    one("UnicodeEncode", encode),
    one("UnicodeTranscode", transcode),
];

/// How an encoding is written.
#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Utf16,
    Utf32,
}

impl Encoding {
    fn read(name: &str) -> Result<Encoding> {
        match name.to_ascii_uppercase().replace('_', "-").as_str() {
            "UTF-8" | "UTF8" => Ok(Encoding::Utf8),
            "UTF-16-BE" | "UTF-16" => Ok(Encoding::Utf16),
            "UTF-32-BE" | "UTF-32" => Ok(Encoding::Utf32),
            other => Err(Error::unsupported(format!("the encoding `{other}`"))),
        }
    }

    fn write(self, char: char, bytes: &mut Vec<u8>) {
        match self {
            Encoding::Utf8 => bytes.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Encoding::Utf16 => {
                let units = char.encode_utf16(&mut [0; 2]).to_vec();
                bytes.extend(units.into_iter().flat_map(u16::to_be_bytes));
            }
            Encoding::Utf32 => bytes.extend(u32::from(char).to_be_bytes()),
        }
    }

    /// The characters and where each begins; `None` is a malformed part.
    fn chars(self, bytes: &[u8]) -> Vec<(usize, Option<char>)> {
        match self {
            Encoding::Utf8 => utf8(bytes),
            Encoding::Utf16 => {
                let units = bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|&unit| u16::from_be_bytes(unit));
                let mut at = 0;
                let place = |char: Result<char, _>| {
                    let char: Option<char> = char.ok();
                    let start = at;
                    at += 2 * char.map_or(1, char::len_utf16);
                    (start, char)
                };
                char::decode_utf16(units).map(place).collect()
            }
            Encoding::Utf32 => {
                let units = bytes.as_chunks::<4>().0.iter().enumerate();
                units
                    .map(|(i, &unit)| (4 * i, char::from_u32(u32::from_be_bytes(unit))))
                    .collect()
            }
        }
    }
}

fn utf8(bytes: &[u8]) -> Vec<(usize, Option<char>)> {
    let (mut chars, mut start) = (vec![], 0);
    for chunk in bytes.utf8_chunks() {
        chars.extend(
            chunk
                .valid()
                .char_indices()
                .map(|(at, char)| (start + at, Some(char))),
        );
        start += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            chars.push((start, None));
            start += chunk.invalid().len();
        }
    }
    chars
}

/// What becomes of malformed parts and control characters.
struct Repair {
    policy: String,
    replacement: char,
    replaces_control: bool,
}

impl Repair {
    fn of(cx: &Cx<'_>) -> Result<Repair> {
        let code: i64 = cx.attr("replacement_char")?;
        let replacement = u32::try_from(code).ok().and_then(char::from_u32);
        Ok(Repair {
            policy: cx.attr("errors")?,
            replacement: replacement.unwrap_or(char::REPLACEMENT_CHARACTER),
            replaces_control: cx.attr("replace_control_characters").unwrap_or(false),
        })
    }

    fn char(&self, char: Option<char>) -> Result<Option<char>> {
        match (char, self.policy.as_str()) {
            (Some(char), _) if self.replaces_control && char <= '\u{1f}' => {
                Ok(Some(self.replacement))
            }
            (Some(char), _) => Ok(Some(char)),
            (None, "strict") => Err(Error::usage("Invalid formatting on input string")),
            (None, "ignore") => Ok(None),
            (None, _) => Ok(Some(self.replacement)),
        }
    }
}

/// Row splits and code points, and where each begins.
fn decode(cx: &mut Cx<'_>, wants_offsets: bool) -> Result<Vec<Value>> {
    let encoding = Encoding::read(&cx.attr::<String>("input_encoding")?)?;
    let repair = Repair::of(cx)?;
    let x = cx.tensor(0)?;
    let (mut splits, mut codes, mut offsets) = (vec![0i64], vec![], vec![]);
    for string in elements::<Vec<u8>>(&x)? {
        for (start, char) in encoding.chars(string) {
            if let Some(char) = repair.char(char)? {
                codes.push(u32::from(char) as i32);
                offsets.push(start as i64);
            }
        }
        splits.push(codes.len() as i64);
    }
    let dtype: DType = cx.attr("Tsplits")?;
    let mut outputs = vec![
        Tensor::from_integers(dtype, &[splits.len()], splits)?.into(),
        Tensor::new(&[codes.len()], codes)?.into(),
    ];
    if wants_offsets {
        outputs.push(Tensor::new(&[offsets.len()], offsets)?.into());
    }
    Ok(outputs)
}

/// Operands: code points, row splits.
fn encode(cx: &mut Cx<'_>) -> Result<Tensor> {
    let encoding = Encoding::read(&cx.attr::<String>("output_encoding")?)?;
    let repair = Repair::of(cx)?;
    let (codes, splits) = (cx.integers(0)?, cx.extents(1)?);
    let mut strings = vec![];
    for pair in splits.windows(2) {
        let row = codes.get(pair[0]..pair[1]);
        let mut string = vec![];
        for &code in row.ok_or_else(|| Error::usage("row splits do not fit the code points"))? {
            let char = u32::try_from(code).ok().and_then(char::from_u32);
            if let Some(char) = repair.char(char)? {
                encoding.write(char, &mut string);
            }
        }
        strings.push(string);
    }
    Tensor::new(&[strings.len()], strings)
}

fn transcode(cx: &mut Cx<'_>) -> Result<Tensor> {
    let from = Encoding::read(&cx.attr::<String>("input_encoding")?)?;
    let to = Encoding::read(&cx.attr::<String>("output_encoding")?)?;
    let repair = Repair::of(cx)?;
    let x = cx.tensor(0)?;
    let mut strings = vec![];
    for string in elements::<Vec<u8>>(&x)? {
        let mut written = vec![];
        for (_, char) in from.chars(string) {
            if let Some(char) = repair.char(char)? {
                to.write(char, &mut written);
            }
        }
        strings.push(written);
    }
    Tensor::new(x.shape(), strings)
}
