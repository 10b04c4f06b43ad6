//! NumPy's archives of arrays.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use half::f16;
use savedmodel_import_tests_value::{Data, Value, Values};

use crate::{Context, Result};

/// Reads every array of an `.npz` file; `dtype` is NumPy's code, such as `<f4`.
pub fn read(path: &Path) -> Result<Values> {
    let mut archive = zip::ZipArchive::new(File::open(path).context(path)?).context(path)?;
    let mut values = Values::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).context(path)?;
        let name = entry.name().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).context(path)?;
        let value =
            array(&bytes).map_err(|why| format!("{} in {}: {why}", name, path.display()))?;
        values.insert(name, value);
    }
    Ok(values)
}

/// One `.npy` file.
fn array(bytes: &[u8]) -> Result<Value> {
    let (start, length) = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            (10, usize::from(u16::from_le_bytes([*a, *b])))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err("this is no NumPy array".into()),
    };
    let header = bytes
        .get(start..start + length)
        .ok_or("the header is cut off")?;
    let header = std::str::from_utf8(header)?;
    let dtype = between(header, "'descr': '", "'")
        .ok_or("there is no dtype")?
        .to_owned();
    let fortran = header.contains("'fortran_order': True");
    let dims = between(header, "'shape': (", ")").ok_or("there is no shape")?;
    let dims = dims.split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let shape: Vec<usize> = dims.map(str::parse).collect::<Result<_, _>>()?;
    if fortran && shape.iter().filter(|&&dim| dim > 1).count() > 1 {
        return Err("it is in Fortran order".into());
    }
    let data = elements(&dtype, &bytes[start + length..])?;
    Ok(Value { dtype, shape, data })
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}

fn elements(dtype: &str, bytes: &[u8]) -> Result<Data> {
    Ok(match dtype {
        "<f8" => Data::Float(each(bytes, f64::from_le_bytes)),
        "<f4" => Data::Float(each(bytes, |b| f32::from_le_bytes(b).into())),
        "<f2" => Data::Float(each(bytes, |b| f16::from_le_bytes(b).into())),
        "<i8" => Data::Int(each(bytes, i64::from_le_bytes)),
        "<i4" => Data::Int(each(bytes, |b| i32::from_le_bytes(b).into())),
        "<i2" => Data::Int(each(bytes, |b| i16::from_le_bytes(b).into())),
        "|i1" => Data::Int(each(bytes, |b| i8::from_le_bytes(b).into())),
        "<u8" => Data::Int(each(bytes, |b| u64::from_le_bytes(b) as i64)),
        "<u4" => Data::Int(each(bytes, |b| u32::from_le_bytes(b).into())),
        "<u2" => Data::Int(each(bytes, |b| u16::from_le_bytes(b).into())),
        "|u1" => Data::Int(each(bytes, |b| u8::from_le_bytes(b).into())),
        "|b1" => Data::Bool(each(bytes, |[b]: [u8; 1]| b != 0)),
        "<c8" => Data::Complex(complex(&each(bytes, |b| f32::from_le_bytes(b).into()))),
        "<c16" => Data::Complex(complex(&each(bytes, f64::from_le_bytes))),
        strings if strings.starts_with("|S") => Data::Bytes(fixed_strings(&strings[2..], bytes)?),
        other => return Err(format!("the dtype {other} is not known").into()),
    })
}

fn each<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|&chunk| read(chunk))
        .collect()
}

fn complex(parts: &[f64]) -> Vec<[f64; 2]> {
    parts.as_chunks().0.to_vec()
}

/// NumPy pads byte strings with zeros to the longest one.
fn fixed_strings(width: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let width: usize = width.parse()?;
    let trim = |chunk: &[u8]| {
        let end = chunk
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        chunk[..end].to_vec()
    };
    Ok(bytes.chunks(width.max(1)).map(trim).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn an_array_has_its_dtype_and_shape() {
        let bytes = npy(
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n",
            &[1, 0, 0, 0, 255, 255, 255, 255],
        );
        let value = array(&bytes).unwrap();
        assert_eq!(
            (&value.shape[..], value.data),
            (&[2][..], Data::Int(vec![1, -1]))
        );
    }

    #[test]
    fn strings_lose_their_padding() {
        let bytes = npy(
            "{'descr': '|S3', 'fortran_order': False, 'shape': (), }\n",
            b"a\0\0",
        );
        let value = array(&bytes).unwrap();
        assert_eq!(
            (value.shape.len(), value.data),
            (0, Data::Bytes(vec![b"a".to_vec()]))
        );
    }
}
