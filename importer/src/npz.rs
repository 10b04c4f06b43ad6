//! NumPy's archives of arrays.
//!
//! Strings are `S` arrays, which lose zeros at their ends; `U` arrays are read as UTF-8. NumPy has no bfloat16: its
//! bits are written as `uint16`.

use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// An array may take this many bytes.
const BYTE_LIMIT: u64 = 1 << 34;

/// Reads every array of an `.npz` file, by name.
///
/// # Errors
/// The file cannot be read, or is no archive of arrays in C order of known types.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let read = || -> Result<BTreeMap<String, Tensor>> {
        let mut archive = zip::ZipArchive::new(File::open(path)?).map_err(damaged)?;
        let mut tensors = BTreeMap::new();
        for i in 0..archive.len() {
            let entry = archive.by_index(i).map_err(damaged)?;
            let name = entry.name().trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            entry.take(BYTE_LIMIT).read_to_end(&mut bytes)?;
            let tensor = array(&bytes)
                .map_err(|why| Error::malformed(format!("the array `{name}`: {}", why.kind())))?;
            tensors.insert(name, tensor);
        }
        Ok(tensors)
    };
    read().map_err(|error| error.in_file(path))
}

fn damaged(error: zip::result::ZipError) -> Error {
    Error::malformed(error.to_string())
}

/// Writes arrays as an `.npz` file.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let write = || -> Result<()> {
        let mut archive = zip::ZipWriter::new(File::create(path)?);
        let options = zip::write::FileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .large_file(true);
        for (name, tensor) in tensors {
            archive
                .start_file(format!("{name}.npy"), options)
                .map_err(damaged)?;
            archive.write_all(&npy(tensor)?)?;
        }
        archive.finish().map_err(damaged)?;
        Ok(())
    };
    write().map_err(|error| error.in_file(path))
}

/// One `.npy` file.
fn array(bytes: &[u8]) -> Result<Tensor> {
    let (start, length) = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => {
            (10, usize::from(u16::from_le_bytes([*a, *b])))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d, ..] => {
            (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => return Err(Error::malformed("is no NumPy array")),
    };
    let cut = || Error::malformed("is cut off");
    let header = bytes.get(start..start + length).ok_or_else(cut)?;
    let header = String::from_utf8_lossy(header);
    let dtype = between(&header, "'descr': '", "'")
        .ok_or_else(|| Error::unsupported("has no plain dtype; objects are not read"))?;
    let dims =
        between(&header, "'shape': (", ")").ok_or_else(|| Error::malformed("has no shape"))?;
    let dims = dims.split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let shape = dims
        .map(|dim| dim.parse().map_err(|_| Error::malformed("has no shape")))
        .collect::<Result<Vec<usize>>>()?;
    if header.contains("'fortran_order': True") && shape.iter().filter(|&&dim| dim > 1).count() > 1
    {
        return Err(Error::unsupported("is in Fortran order"));
    }
    elements(dtype, &shape, bytes.get(start + length..).ok_or_else(cut)?)
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}

/// NumPy's codes of the types that are equal in a tensor.
const CODES: &[(&str, DType)] = &[
    ("<f8", DType::F64),
    ("<f4", DType::F32),
    ("<f2", DType::F16),
    ("<i8", DType::I64),
    ("<i4", DType::I32),
    ("<i2", DType::I16),
    ("|i1", DType::I8),
    ("<u8", DType::U64),
    ("<u4", DType::U32),
    ("<u2", DType::U16),
    ("|u1", DType::U8),
    ("|b1", DType::Bool),
    ("<c8", DType::C64),
    ("<c16", DType::C128),
];

fn elements(code: &str, shape: &[usize], bytes: &[u8]) -> Result<Tensor> {
    if let Some((_, dtype)) = CODES.iter().find(|(known, _)| *known == code) {
        return Tensor::from_bytes(*dtype, shape, bytes);
    }
    let width = |text: &str| text.parse::<usize>().ok().filter(|&width| width < 1 << 30);
    if let Some(width) = code.strip_prefix("|S").and_then(width) {
        return strings(shape, bytes, width, |chunk| chunk.to_vec());
    }
    match code.strip_prefix("<U").and_then(width) {
        Some(width) => strings(shape, bytes, 4 * width, |chunk| {
            let units = chunk.as_chunks::<4>().0.iter();
            let chars = units.filter_map(|&unit| char::from_u32(u32::from_le_bytes(unit)));
            chars.collect::<String>().into_bytes()
        }),
        None => Err(Error::unsupported(format!("is of the dtype `{code}`"))),
    }
}

/// NumPy pads strings with zeros to the longest one.
fn strings(
    shape: &[usize],
    bytes: &[u8],
    width: usize,
    decode: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<Tensor> {
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let count = count.filter(|&n| n.checked_mul(width.max(1)) <= Some(bytes.len().max(n)));
    let count = count.ok_or_else(|| Error::malformed("is shorter than its shape"))?;
    let trim = |mut string: Vec<u8>| {
        let end = string
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        string.truncate(end);
        string
    };
    let string = |i: usize| {
        bytes
            .get(i * width..(i + 1) * width)
            .map(|chunk| trim(decode(chunk)))
    };
    let strings = (0..count).map(string).collect::<Option<Vec<Vec<u8>>>>();
    Tensor::new(
        shape,
        strings.ok_or_else(|| Error::malformed("is shorter than its shape"))?,
    )
}

fn npy(tensor: &Tensor) -> Result<Vec<u8>> {
    let (code, data) = match tensor.dtype() {
        DType::String => padded(tensor.elements::<Vec<u8>>().unwrap_or_default()),
        DType::BF16 => ("<u2".to_owned(), tensor.to_bytes()?),
        dtype => {
            let known = CODES.iter().find(|(_, known)| *known == dtype);
            let known = known.ok_or_else(|| Error::unsupported("NumPy has no such dtype"))?;
            (known.0.to_owned(), tensor.to_bytes()?)
        }
    };
    let mut dims: String = tensor.shape().iter().map(|n| format!("{n}, ")).collect();
    if tensor.rank() > 1 {
        dims.truncate(dims.len() - 2);
    }
    let mut header = format!(
        "{{'descr': '{code}', 'fortran_order': False, 'shape': ({}), }}",
        dims.trim_end()
    );
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(data);
    Ok(bytes)
}

fn padded(strings: &[Vec<u8>]) -> (String, Vec<u8>) {
    let width = strings.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let pad = |string: &Vec<u8>| {
        let mut bytes = string.clone();
        bytes.resize(width, 0);
        bytes
    };
    (format!("|S{width}"), strings.iter().flat_map(pad).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Element;
    use half::{bf16, f16};
    use num_complex::{Complex32, Complex64};

    fn round_trip<T: Element>(shape: &[usize], elements: Vec<T>) -> Result<Tensor> {
        let tensor = Tensor::new(shape, elements)?;
        let back = array(&npy(&tensor)?)?;
        assert_eq!(back, tensor);
        Ok(back)
    }

    #[test]
    fn every_type_survives() -> Result<()> {
        round_trip(&[2], vec![1.5f32, f32::INFINITY])?;
        round_trip(&[], vec![f16::from_f32(0.5)])?;
        round_trip(&[1, 2], vec![true, false])?;
        round_trip(&[1], vec![Complex32::new(1.0, -2.0)])?;
        round_trip(&[1], vec![Complex64::new(1.0, -2.0)])?;
        round_trip(&[0, 3], Vec::<i64>::new())?;
        round_trip(&[2], vec![b"ab".to_vec(), vec![]])?;
        Ok(())
    }

    #[test]
    fn bfloat16_is_written_as_its_bits() -> Result<()> {
        let tensor = Tensor::new(&[1], vec![bf16::from_f32(1.0)])?;
        assert_eq!(array(&npy(&tensor)?)?, Tensor::new(&[1], vec![0x3f80u16])?);
        Ok(())
    }

    #[test]
    fn unicode_is_read_as_utf8() -> Result<()> {
        let bytes: Vec<u8> = "né\0"
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        let read = elements("<U3", &[], &bytes)?;
        assert_eq!(read, Tensor::new(&[], vec!["né".as_bytes().to_vec()])?);
        Ok(())
    }

    #[test]
    fn a_file_of_several_arrays_survives() -> Result<()> {
        let path = std::env::temp_dir().join(format!("arrays-{}.npz", std::process::id()));
        let tensors = BTreeMap::from([
            ("a/b".to_owned(), Tensor::new(&[1], vec![1i32])?),
            ("c".to_owned(), Tensor::new(&[], vec![2f64])?),
        ]);
        write(&path, &tensors)?;
        assert_eq!(read(&path)?, tensors);
        std::fs::remove_file(path)?;
        Ok(())
    }
}
