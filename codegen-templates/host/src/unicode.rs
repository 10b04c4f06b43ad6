//! Strings as code points, and from one encoding to another.

use super::array::{Array, Element, Error, Result};
use super::string_tensor::StringTensor;

/// How an encoding is written.
#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Utf8,
    Utf16,
    Utf32,
    Latin1,
    Ascii,
}

impl Encoding {
    fn read(name: &str) -> Result<Encoding> {
        match name.to_ascii_uppercase().replace('_', "-").as_str() {
            "UTF-8" | "UTF8" => Ok(Encoding::Utf8),
            "UTF-16-BE" | "UTF-16" | "UTF-16BE" => Ok(Encoding::Utf16),
            "UTF-32-BE" | "UTF-32" | "UTF-32BE" => Ok(Encoding::Utf32),
            "ISO-8859-1" | "LATIN1" | "LATIN-1" => Ok(Encoding::Latin1),
            "US-ASCII" | "ASCII" => Ok(Encoding::Ascii),
            other => Err(Error::new(format!("the encoding `{other}` is not known"))),
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
            Encoding::Latin1 | Encoding::Ascii => {
                bytes.push(u8::try_from(u32::from(char)).unwrap_or(0x1a));
            }
        }
    }

    /// The characters and where each begins; `None` is a malformed part.
    fn chars(self, bytes: &[u8]) -> Vec<(usize, Option<char>)> {
        let each = bytes.iter().copied().enumerate();
        match self {
            Encoding::Utf8 => utf8(bytes),
            Encoding::Utf16 => utf16(bytes),
            Encoding::Utf32 => {
                let units = bytes.as_chunks::<4>().0.iter().enumerate();
                units
                    .map(|(i, &unit)| (4 * i, char::from_u32(u32::from_be_bytes(unit))))
                    .collect()
            }
            Encoding::Latin1 => each.map(|(i, byte)| (i, Some(byte.into()))).collect(),
            Encoding::Ascii => {
                let char = |byte: u8| byte.is_ascii().then(|| char::from(byte));
                each.map(|(i, byte)| (i, char(byte))).collect()
            }
        }
    }
}

fn utf8(bytes: &[u8]) -> Vec<(usize, Option<char>)> {
    let (mut chars, mut start) = (vec![], 0);
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid().char_indices();
        chars.extend(valid.map(|(at, char)| (start + at, Some(char))));
        start += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            chars.push((start, None));
            start += chunk.invalid().len();
        }
    }
    chars
}

fn utf16(bytes: &[u8]) -> Vec<(usize, Option<char>)> {
    let units = bytes.as_chunks::<2>().0.iter();
    let units = units.map(|&unit| u16::from_be_bytes(unit));
    let mut at = 0;
    let place = |char: std::result::Result<char, _>| {
        let char: Option<char> = char.ok();
        let start = at;
        at += 2 * char.map_or(1, char::len_utf16);
        (start, char)
    };
    char::decode_utf16(units).map(place).collect()
}

/// What becomes of malformed parts and control characters.
struct Repair<'a> {
    policy: &'a str,
    replacement: char,
    replaces_control: bool,
}

impl<'a> Repair<'a> {
    fn new(policy: &'a str, replacement: i64, replaces_control: bool) -> Self {
        let replacement = u32::try_from(replacement).ok().and_then(char::from_u32);
        Repair {
            policy,
            replacement: replacement.unwrap_or(char::REPLACEMENT_CHARACTER),
            replaces_control,
        }
    }

    fn char(&self, char: Option<char>) -> Result<Option<char>> {
        match (char, self.policy) {
            (Some(char), _) if self.replaces_control && char <= '\u{1f}' => {
                Ok(Some(self.replacement))
            }
            (Some(char), _) => Ok(Some(char)),
            (None, "strict") => Err(Error::new("Invalid formatting on input string")),
            (None, "ignore") => Ok(None),
            (None, _) => Ok(Some(self.replacement)),
        }
    }
}

/// Where the code points of each string begin and end, the code points as `I32`, and the byte at which each begins. Malformed
/// parts are an error (`strict`), left out (`ignore`) or replaced.
///
/// # Errors
/// The encoding is not known, or a string is malformed.
pub fn decode(
    words: &StringTensor,
    encoding: &str,
    errors: &str,
    replacement: i64,
    replaces_control: bool,
    splits_element: Element,
) -> Result<(Array, Array, Array)> {
    let encoding = Encoding::read(encoding)?;
    let repair = Repair::new(errors, replacement, replaces_control);
    let (mut splits, mut codes, mut offsets) = (vec![0], vec![], vec![]);
    for word in words.data() {
        for (start, char) in encoding.chars(word) {
            if let Some(char) = repair.char(char)? {
                codes.push(i64::from(u32::from(char)));
                offsets.push(start as i64);
            }
        }
        splits.push(codes.len() as i64);
    }
    Ok((
        Array::integers(&[splits.len()], splits)?.to(splits_element),
        Array::integers(&[codes.len()], codes)?.to(Element::I32),
        Array::integers(&[offsets.len()], offsets)?,
    ))
}

/// Strings of code points; string `i` has those from `splits[i]` up to `splits[i + 1]`.
///
/// # Errors
/// The splits do not fit, or a code point is none.
pub fn encode(
    codes: &Array,
    splits: &Array,
    encoding: &str,
    errors: &str,
    replacement: i64,
) -> Result<StringTensor> {
    let encoding = Encoding::read(encoding)?;
    let repair = Repair::new(errors, replacement, false);
    let (codes, splits) = (codes.to_i64(), splits.to_i64());
    let mut words = vec![];
    for pair in splits.windows(2) {
        let bounds = usize::try_from(pair[0])
            .ok()
            .zip(usize::try_from(pair[1]).ok());
        let row = bounds.and_then(|(from, to)| codes.get(from..to));
        let mut word = vec![];
        for &code in row.ok_or_else(|| Error::new("row splits do not fit the code points"))? {
            let char = u32::try_from(code).ok().and_then(char::from_u32);
            if let Some(char) = repair.char(char)? {
                encoding.write(char, &mut word);
            }
        }
        words.push(word);
    }
    Ok(StringTensor::of(&[words.len()], words))
}

/// The strings in another encoding.
///
/// # Errors
/// An encoding is not known, or a string is malformed.
pub fn transcode(
    words: &StringTensor,
    from: &str,
    to: &str,
    errors: &str,
    replacement: i64,
    replaces_control: bool,
) -> Result<StringTensor> {
    let (from, to) = (Encoding::read(from)?, Encoding::read(to)?);
    let repair = Repair::new(errors, replacement, replaces_control);
    let mut written = vec![];
    for word in words.data() {
        let mut bytes = vec![];
        for (_, char) in from.chars(word) {
            if let Some(char) = repair.char(char)? {
                to.write(char, &mut bytes);
            }
        }
        written.push(bytes);
    }
    Ok(StringTensor::of(words.shape(), written))
}
