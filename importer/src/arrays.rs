//! Named tensors in files: NumPy's archives and safetensors, by the file's extension.

use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use crate::npz;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// Tensors by name.
pub type Arrays = BTreeMap<String, Tensor>;

enum Format {
    Npz,
    Safetensors,
}

fn format(path: &Path) -> Result<Format> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("npz") => Ok(Format::Npz),
        Some("safetensors") => Ok(Format::Safetensors),
        Some(_) | None => Err(Error::usage(format!(
            "`{}` is neither .npz nor .safetensors",
            path.display()
        ))),
    }
}

/// Whether a file of this name can be written.
///
/// # Errors
/// The extension is neither `.npz` nor `.safetensors`.
pub fn check_name(path: &Path) -> Result<()> {
    format(path).map(|_| ())
}

/// Reads every tensor of a file.
///
/// # Errors
/// The extension is not known, or the file is missing or broken, or has types that tensors do not.
pub fn read(path: &Path) -> Result<Arrays> {
    match format(path)? {
        Format::Npz => npz::read(path),
        Format::Safetensors => read_safetensors(path).map_err(|error| error.in_file(path)),
    }
}

/// Writes tensors to a file.
///
/// # Errors
/// The extension is not known, the file cannot be written, or its format lacks a type: safetensors has no strings.
pub fn write(path: &Path, arrays: &Arrays) -> Result<()> {
    match format(path)? {
        Format::Npz => npz::write(path, arrays),
        Format::Safetensors => write_safetensors(path, arrays).map_err(|error| error.in_file(path)),
    }
}

/// The types that both have.
const TYPES: &[(Dtype, DType)] = &[
    (Dtype::F16, DType::F16),
    (Dtype::BF16, DType::BF16),
    (Dtype::F32, DType::F32),
    (Dtype::F64, DType::F64),
    (Dtype::I8, DType::I8),
    (Dtype::I16, DType::I16),
    (Dtype::I32, DType::I32),
    (Dtype::I64, DType::I64),
    (Dtype::U8, DType::U8),
    (Dtype::U16, DType::U16),
    (Dtype::U32, DType::U32),
    (Dtype::U64, DType::U64),
    (Dtype::BOOL, DType::Bool),
    (Dtype::C64, DType::C64),
];

fn read_safetensors(path: &Path) -> Result<Arrays> {
    let bytes = std::fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| Error::malformed(e.to_string()))?;
    let mut arrays = Arrays::new();
    for (name, view) in file.iter() {
        let known = TYPES.iter().find(|(stored, _)| *stored == view.dtype());
        let (_, dtype) = known.ok_or_else(|| {
            Error::unsupported(format!("the tensor `{name}` is of {:?}", view.dtype()))
        })?;
        let tensor = Tensor::from_bytes(*dtype, view.shape(), view.data())?;
        arrays.insert(name.to_owned(), tensor);
    }
    Ok(arrays)
}

fn write_safetensors(path: &Path, arrays: &Arrays) -> Result<()> {
    let mut stored = vec![];
    for (name, tensor) in arrays {
        let known = TYPES.iter().find(|(_, dtype)| *dtype == tensor.dtype());
        let (dtype, _) = known.ok_or_else(|| {
            let error = Error::unsupported(format!(
                "safetensors has no {:?}, of which `{name}` is",
                tensor.dtype()
            ));
            error.help("write an .npz file")
        })?;
        stored.push((name, *dtype, tensor.shape().to_vec(), tensor.to_bytes()?));
    }
    let mut views = vec![];
    for (name, dtype, shape, bytes) in &stored {
        let view = TensorView::new(*dtype, shape.clone(), bytes);
        views.push((
            name.as_str(),
            view.map_err(|e| Error::malformed(e.to_string()))?,
        ));
    }
    let bytes = safetensors::serialize(views, None).map_err(|e| Error::malformed(e.to_string()))?;
    Ok(std::fs::write(path, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    fn path(extension: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("arrays-{}.{extension}", std::process::id()))
    }

    #[test]
    fn tensors_survive_safetensors() -> Result<()> {
        let path = path("safetensors");
        let arrays = Arrays::from([
            ("a".to_owned(), Tensor::new(&[2], vec![1i64, -1])?),
            ("b".to_owned(), Tensor::new(&[], vec![bf16::from_f32(0.5)])?),
            ("c".to_owned(), Tensor::new(&[1], vec![true])?),
        ]);
        write(&path, &arrays)?;
        assert_eq!(read(&path)?, arrays);
        std::fs::remove_file(path)?;
        Ok(())
    }

    #[test]
    fn safetensors_has_no_strings() -> Result<()> {
        let arrays = Arrays::from([("s".to_owned(), Tensor::new(&[1], vec![b"a".to_vec()])?)]);
        let error = write(&path("safetensors"), &arrays)
            .err()
            .map(|error| error.exit_code());
        assert_eq!(error, Some(4));
        Ok(())
    }

    #[test]
    fn another_extension_is_refused() {
        assert_eq!(
            read(Path::new("x.txt"))
                .err()
                .map(|error| error.exit_code()),
            Some(2)
        );
    }
}
