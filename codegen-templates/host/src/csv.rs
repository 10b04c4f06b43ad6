//! Records of text with commas.

use super::array::{Array, Error, Numbers, Result};
use super::string_tensor::StringTensor;

/// The fields of one column, as text; `None` where a field is empty.
fn column(
    lines: &StringTensor,
    place: i64,
    delimiter: &str,
    quotes: bool,
    missing: &str,
) -> Result<Vec<Option<Vec<u8>>>> {
    let delimiter = delimiter.bytes().next().unwrap_or(b',');
    let field = |line: &Vec<u8>| {
        let mut fields = fields(line, delimiter, quotes);
        let place = usize::try_from(place).ok().filter(|&i| i < fields.len());
        let place = place.ok_or_else(|| Error::new("a line has too few fields"))?;
        let field = fields.swap_remove(place);
        Ok((!field.is_empty() && field != missing.as_bytes()).then_some(field))
    };
    lines.data().iter().map(field).collect()
}

fn fields(line: &[u8], delimiter: u8, quotes: bool) -> Vec<Vec<u8>> {
    let (mut fields, mut field, mut quoted) = (vec![], vec![], false);
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quotes && quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(b'"');
            }
            b'"' if quotes => quoted = !quoted,
            byte if byte == delimiter && !quoted => fields.push(std::mem::take(&mut field)),
            byte => field.push(byte),
        }
    }
    fields.push(field);
    fields
}

/// A column of numbers; an empty field is the `default`, if there is one.
///
/// # Errors
/// A line is too short, a field is no number, or one without a default is empty.
pub fn numbers(
    lines: &StringTensor,
    default: &Array,
    place: i64,
    delimiter: &str,
    quotes: bool,
    missing: &str,
) -> Result<Array> {
    let is_whole = !default.is_float();
    let (whole, float) = (
        default.to_i64().first().copied(),
        default.to_f64().first().copied(),
    );
    let (mut integers, mut floats) = (vec![], vec![]);
    for field in column(lines, place, delimiter, quotes, missing)? {
        let text = field.map(|field| String::from_utf8_lossy(field.trim_ascii()).into_owned());
        let wrong = || {
            let field = text.as_deref().unwrap_or_default();
            Error::new(format!("Field {place} is no number: `{field}`"))
        };
        match is_whole {
            true => {
                let number = text.as_ref().map_or(whole, |text| text.parse().ok());
                integers.push(number.ok_or_else(wrong)?);
            }
            false => {
                let number = text.as_ref().map_or(float, |text| text.parse().ok());
                floats.push(number.ok_or_else(wrong)?);
            }
        }
    }
    let numbers = match is_whole {
        true => Numbers::I64(integers),
        false => Numbers::F64(floats),
    };
    Ok(Array::new(lines.shape(), numbers)?.to(default.element()))
}

/// A column of strings; an empty field is the `default`, if there is one.
///
/// # Errors
/// A line is too short, or a field without a default is empty.
pub fn words(
    lines: &StringTensor,
    default: &StringTensor,
    place: i64,
    delimiter: &str,
    quotes: bool,
    missing: &str,
) -> Result<StringTensor> {
    let own = default.data().first();
    let fields = column(lines, place, delimiter, quotes, missing)?.into_iter();
    let field = |field: Option<Vec<u8>>| {
        let field = field.or_else(|| own.cloned());
        field.ok_or_else(|| Error::new(format!("Field {place} is required but missing in record!")))
    };
    let data = fields.map(field).collect::<Result<_>>()?;
    Ok(StringTensor::of(lines.shape(), data))
}
