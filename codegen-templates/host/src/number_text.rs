//! Numbers as text and bytes, and back.

use super::array::{Array, Element, Error, Numbers, Result};
use super::string_tensor::StringTensor;

/// Numbers are not printed longer.
const MOST_DIGITS: usize = 4096;

/// How numbers are printed, in the words of C's `printf`.
struct Format<'a> {
    precision: Option<usize>,
    scientific: bool,
    shortest: bool,
    width: usize,
    fill: &'a str,
}

/// Each number as text: `%.{precision}f`, `%e` if `scientific`, `%g` if `shortest`; `fill` goes before the width.
///
/// # Errors
/// None for arrays that are whole.
pub fn as_string(
    x: &Array,
    precision: i64,
    scientific: bool,
    shortest: bool,
    width: i64,
    fill: &str,
) -> Result<StringTensor> {
    let format = Format {
        precision: usize::try_from(precision)
            .ok()
            .map(|digits| digits.min(MOST_DIGITS)),
        scientific,
        shortest,
        width: usize::try_from(width).unwrap_or(0).min(MOST_DIGITS),
        fill,
    };
    let texts: Vec<String> = match x.numbers() {
        // TensorFlow gives truth values no width.
        Numbers::Bool(flags) => flags.iter().map(ToString::to_string).collect(),
        Numbers::F32(_) | Numbers::F64(_) => {
            let numbers = x.to_f64();
            numbers
                .iter()
                .map(|&number| format.pad(format.float(number)))
                .collect()
        }
        Numbers::U64(numbers) => numbers
            .iter()
            .map(|number| format.pad(number.to_string()))
            .collect(),
        _ => x
            .to_i64()
            .iter()
            .map(|number| format.pad(number.to_string()))
            .collect(),
    };
    let texts = texts.into_iter().map(String::into_bytes).collect();
    Ok(StringTensor::of(x.shape(), texts))
}

/// Each string as a number.
///
/// # Errors
/// One is none.
pub fn to_number(words: &StringTensor, element: Element) -> Result<Array> {
    let wrong = |word: &[u8]| {
        let text = String::from_utf8_lossy(word);
        Error::new(format!(
            "StringToNumberOp could not correctly convert string: {text}"
        ))
    };
    let text = |word: &[u8]| String::from_utf8_lossy(word.trim_ascii()).into_owned();
    let words_of = words.data().iter();
    let numbers = match element {
        Element::F32 | Element::F64 => {
            let parse = |word: &Vec<u8>| text(word).parse::<f64>().map_err(|_| wrong(word));
            Numbers::F64(words_of.map(parse).collect::<Result<_>>()?)
        }
        _ => {
            let parse = |word: &Vec<u8>| text(word).parse::<i64>().map_err(|_| wrong(word));
            Numbers::I64(words_of.map(parse).collect::<Result<_>>()?)
        }
    };
    Ok(Array::new(words.shape(), numbers)?.to(element))
}

/// The bytes of strings of one length as numbers, along a new last axis.
///
/// # Errors
/// The strings differ in length, or hold no whole numbers.
pub fn decode_raw(words: &StringTensor, element: Element, little_endian: bool) -> Result<Array> {
    let width = match element {
        Element::I8 | Element::U8 | Element::Bool => 1,
        Element::I16 | Element::U16 => 2,
        Element::I32 | Element::U32 | Element::F32 => 4,
        Element::I64 | Element::U64 | Element::F64 => 8,
    };
    let length = words.data().first().map_or(0, Vec::len);
    if words.data().iter().any(|word| word.len() != length) || !length.is_multiple_of(width) {
        return Err(Error::new(
            "the strings are not equally long, or hold no whole numbers",
        ));
    }
    let mut bytes = words.data().concat();
    if !little_endian {
        bytes.chunks_mut(width).for_each(<[u8]>::reverse);
    }
    let shape: Vec<usize> = words
        .shape()
        .iter()
        .copied()
        .chain([length / width])
        .collect();
    Array::new(&shape, numbers(&bytes, element))
}

/// The same of strings that are cut or filled up with zeros to `length` bytes.
///
/// # Errors
/// So many bytes are no whole numbers.
pub fn decode_padded_raw(
    words: &StringTensor,
    length: usize,
    element: Element,
    little_endian: bool,
) -> Result<Array> {
    let padded = words.data().iter().map(|word| {
        let mut word = word.clone();
        word.resize(length, 0);
        word
    });
    let padded = StringTensor::of(words.shape(), padded.collect());
    decode_raw(&padded, element, little_endian)
}

fn numbers(bytes: &[u8], element: Element) -> Numbers {
    fn read<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
        bytes.as_chunks().0.iter().map(|&chunk| of(chunk)).collect()
    }
    match element {
        Element::F32 => Numbers::F32(read(bytes, f32::from_le_bytes)),
        Element::F64 => Numbers::F64(read(bytes, f64::from_le_bytes)),
        Element::I8 => Numbers::I8(read(bytes, i8::from_le_bytes)),
        Element::I16 => Numbers::I16(read(bytes, i16::from_le_bytes)),
        Element::I32 => Numbers::I32(read(bytes, i32::from_le_bytes)),
        Element::I64 => Numbers::I64(read(bytes, i64::from_le_bytes)),
        Element::U8 => Numbers::U8(bytes.to_vec()),
        Element::U16 => Numbers::U16(read(bytes, u16::from_le_bytes)),
        Element::U32 => Numbers::U32(read(bytes, u32::from_le_bytes)),
        Element::U64 => Numbers::U64(read(bytes, u64::from_le_bytes)),
        Element::Bool => Numbers::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
    }
}

impl Format<'_> {
    fn float(&self, number: f64) -> String {
        if !number.is_finite() {
            let sign = if number.is_sign_negative() && !number.is_nan() {
                "-"
            } else {
                ""
            };
            return format!("{sign}{}", if number.is_nan() { "nan" } else { "inf" });
        }
        let precision = self.precision.unwrap_or(6);
        match (self.scientific, self.shortest) {
            (true, _) => exponential(number, precision),
            (false, true) => general(number, precision),
            (false, false) => format!("{number:.precision$}"),
        }
    }

    /// Fills to the width: with zeros after the sign, or with spaces on either side.
    fn pad(&self, text: String) -> String {
        let signed = match (self.fill, text.starts_with('-')) {
            ("+", false) => format!("+{text}"),
            (" ", false) => format!(" {text}"),
            (_, _) => text,
        };
        let width = self.width;
        match self.fill {
            "0" if signed.ends_with(|last: char| last.is_ascii_digit()) => {
                let (sign, digits) = match signed.strip_prefix('-') {
                    Some(digits) => ("-", digits),
                    None => ("", signed.as_str()),
                };
                format!(
                    "{sign}{digits:0>fill$}",
                    fill = width.saturating_sub(sign.len())
                )
            }
            "-" => format!("{signed:<width$}"),
            _ => format!("{signed:>width$}"),
        }
    }
}

/// `%e`: the exponent has a sign and two digits.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `%g`: as many significant digits, without zeros at the end.
fn general(number: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let rounded = format!("{number:.*e}", precision - 1);
    let exponent = rounded
        .split_once('e')
        .and_then(|(_, e)| e.parse::<i32>().ok())
        .unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        let text = exponential(number, precision - 1);
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "+00"));
        return format!("{}e{exponent}", trim(digits));
    }
    let places = (precision as i32 - 1 - exponent).max(0) as usize;
    trim(&format!("{number:.places$}"))
}

/// Base 64 in the alphabet that is safe in URLs, filled with `=` if `pad`.
pub fn encode_base64(words: &StringTensor, pad: bool) -> StringTensor {
    let encoded = words.data().iter().map(|word| encoded(word, pad)).collect();
    StringTensor::of(words.shape(), encoded)
}

/// What base 64 stands for, in the alphabet that is safe in URLs.
///
/// # Errors
/// A string has another character.
pub fn decode_base64(words: &StringTensor) -> Result<StringTensor> {
    let decoded = words.data().iter().map(|word| decoded(word));
    Ok(StringTensor::of(
        words.shape(),
        decoded.collect::<Result<_>>()?,
    ))
}

/// The alphabet that is safe in names of files.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encoded(bytes: &[u8], pads: bool) -> Vec<u8> {
    let mut text = vec![];
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, i| {
            word << 8 | u32::from(chunk.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            match i <= chunk.len() {
                true => text.push(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]),
                false if pads => text.push(b'='),
                false => {}
            }
        }
    }
    text
}

fn decoded(text: &[u8]) -> Result<Vec<u8>> {
    let (mut bytes, mut word, mut bits) = (vec![], 0u32, 0);
    for byte in text.iter().take_while(|&&byte| byte != b'=') {
        let digit = ALPHABET.iter().position(|known| known == byte);
        let digit = digit.ok_or_else(|| Error::new("Invalid character found in base64."))?;
        word = word << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    Ok(bytes)
}
