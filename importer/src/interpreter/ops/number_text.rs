//! Numbers as text and bytes, and back.

use super::super::cx::{Cx, elements};
use super::strings::map;
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{TensorProto, TensorShapeProto, tensor_shape_proto::Dim};

pub(super) const OPS: &[Row] = &[
    one("AsString", as_string),
    one("StringToNumber", to_number),
    one("DecodeRaw", decode_raw),
    one("ParseTensor", parse_tensor),
    one("SerializeTensor", serialize_tensor),
    one("EncodeBase64", |cx| {
        let pads: bool = cx.attr("pad")?;
        map(cx, |bytes| encode_base64(bytes, pads))
    }),
    one("DecodeBase64", |cx| {
        let x = cx.tensor(0)?;
        let decoded = elements::<Vec<u8>>(&x)?
            .iter()
            .map(|text| decode_base64(text));
        Tensor::new(x.shape(), decoded.collect::<Result<_>>()?)
    }),
];

/// Numbers are not printed longer.
const MOST_DIGITS: usize = 4096;

/// How numbers are printed, in the words of C's `printf`.
struct Format {
    precision: Option<usize>,
    scientific: bool,
    shortest: bool,
    width: usize,
    fill: String,
}

fn as_string(cx: &mut Cx<'_>) -> Result<Tensor> {
    let format = Format {
        precision: usize::try_from(cx.attr::<i64>("precision")?)
            .ok()
            .map(|digits| digits.min(MOST_DIGITS)),
        scientific: cx.attr("scientific")?,
        shortest: cx.attr("shortest")?,
        width: usize::try_from(cx.attr::<i64>("width")?)
            .unwrap_or(0)
            .min(MOST_DIGITS),
        fill: cx.attr("fill")?,
    };
    let x = cx.tensor(0)?;
    let texts: Vec<String> = match x.dtype() {
        DType::String => return Ok(Tensor::clone(&x)),
        DType::Bool => elements::<bool>(&x)?
            .iter()
            .map(|flag| format.pad(flag.to_string()))
            .collect(),
        dtype if dtype.is_integer() => {
            let integers = x
                .as_integers()
                .ok_or_else(|| Error::unsupported("large integers"))?;
            integers
                .iter()
                .map(|number| format.pad(number.to_string()))
                .collect()
        }
        _ => x
            .to_floats()?
            .iter()
            .map(|&number| format.pad(format.float(number)))
            .collect(),
    };
    Tensor::new(
        x.shape(),
        texts.into_iter().map(String::into_bytes).collect(),
    )
}

impl Format {
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
        let signed = match (self.fill.as_str(), text.starts_with('-')) {
            ("+", false) => format!("+{text}"),
            (" ", false) => format!(" {text}"),
            (_, _) => text,
        };
        let width = self.width;
        match self.fill.as_str() {
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

fn to_number(cx: &mut Cx<'_>) -> Result<Tensor> {
    let dtype: DType = cx.attr("out_type")?;
    let x = cx.tensor(0)?;
    let strings = elements::<Vec<u8>>(&x)?;
    let wrong = |string: &[u8]| {
        let text = String::from_utf8_lossy(string);
        Error::usage(format!(
            "StringToNumberOp could not correctly convert string: {text}"
        ))
    };
    let text = |string: &Vec<u8>| String::from_utf8_lossy(string.trim_ascii()).into_owned();
    if dtype.is_integer() {
        let parse = |string: &Vec<u8>| text(string).parse::<i64>().map_err(|_| wrong(string));
        let numbers = strings.iter().map(parse).collect::<Result<_>>()?;
        return Tensor::from_integers(dtype, x.shape(), numbers);
    }
    let parse = |string: &Vec<u8>| text(string).parse::<f64>().map_err(|_| wrong(string));
    let numbers = strings.iter().map(parse).collect::<Result<_>>()?;
    Tensor::from_floats(dtype, x.shape(), numbers)
}

/// The bytes of strings of one length as numbers.
fn decode_raw(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (dtype, little): (DType, bool) = (cx.attr("out_type")?, cx.attr("little_endian")?);
    let width = dtype
        .width()
        .ok_or_else(|| Error::usage("strings are no numbers"))?;
    let x = cx.tensor(0)?;
    let strings = elements::<Vec<u8>>(&x)?;
    let length = strings.first().map_or(0, Vec::len);
    if strings.iter().any(|s| s.len() != length) || !length.is_multiple_of(width) {
        return Err(Error::usage(
            "the strings are not equally long, or hold no whole numbers",
        ));
    }
    let mut bytes = strings.concat();
    if !little {
        bytes.chunks_mut(width).for_each(<[u8]>::reverse);
    }
    let shape: Vec<usize> = x.shape().iter().copied().chain([length / width]).collect();
    Tensor::from_bytes(dtype, &shape, &bytes)
}

fn parse_tensor(cx: &mut Cx<'_>) -> Result<Tensor> {
    let proto = TensorProto::decode(cx.string(0)?.as_slice())
        .map_err(|_| Error::usage("the string is not a serialized tensor"))?;
    let tensor = crate::lower::tensor(&proto)?;
    let wanted: DType = cx.attr("out_type")?;
    match tensor.dtype() == wanted {
        true => Ok(tensor),
        false => Err(Error::usage(format!(
            "the tensor is of {:?}, not {wanted:?}",
            tensor.dtype()
        ))),
    }
}

fn serialize_tensor(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let mut proto = TensorProto::default();
    if let Some(savedmodel_import_proto::attr_value::Value::Type(dtype)) = cx.stored("T") {
        proto.dtype = *dtype;
    }
    let dims = x.shape().iter().map(|&n| Dim {
        size: n as i64,
        ..Dim::default()
    });
    proto.tensor_shape = Some(TensorShapeProto {
        dim: dims.collect(),
        ..TensorShapeProto::default()
    });
    match x.elements::<Vec<u8>>() {
        Some(strings) => proto.string_val = strings.iter().map(|s| s.clone().into()).collect(),
        None => proto.tensor_content = x.to_bytes()?.into(),
    }
    Tensor::new(&[], vec![proto.encode_to_vec()])
}

/// The alphabet that is safe in names of files.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode_base64(bytes: &[u8], pads: bool) -> Vec<u8> {
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

fn decode_base64(text: &[u8]) -> Result<Vec<u8>> {
    let (mut bytes, mut word, mut bits) = (vec![], 0u32, 0);
    for byte in text.iter().take_while(|&&byte| byte != b'=') {
        let digit = ALPHABET.iter().position(|known| known == byte);
        let digit = digit.ok_or_else(|| Error::usage("Invalid character found in base64."))?;
        word = word << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_in_c() {
        assert_eq!(general(0.1, 6), "0.1");
        assert_eq!(general(1e10, 6), "1e+10");
        assert_eq!(general(123456.0, 6), "123456");
        assert_eq!(general(1e-5, 6), "1e-05");
        assert_eq!(exponential(1234.5, 2), "1.23e+03");
    }

    #[test]
    fn base64_goes_both_ways() -> Result<()> {
        for text in [&b""[..], b"a", b"ab", b"abc", b"\xff\xfe\xfd\xfc"] {
            assert_eq!(decode_base64(&encode_base64(text, true))?, text);
            assert_eq!(decode_base64(&encode_base64(text, false))?, text);
        }
        Ok(())
    }
}
