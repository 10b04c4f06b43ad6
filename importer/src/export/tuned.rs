//! The tuned weights.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::correspondence::{Correspondence, Row};
use crate::saved_model::file::map;
use crate::weights::cast;
use crate::{Error, Result};

const HELP: &str = "the weights must be those of the module that `import convert` wrote for this model; \
    name its manifest with --manifest";

/// A safetensors file.
pub(super) struct Tuned {
    file: Mmap,
    path: PathBuf,
}

impl Tuned {
    /// Opens a file whose header and length agree.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let tuned = Tuned {
            file: map(path)?,
            path: path.to_owned(),
        };
        tuned.tensors()?;
        Ok(tuned)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.file).map_err(|error| {
            Error::malformed(format!("not a safetensors file, or a part of one: {error}"))
                .in_file(&self.path)
        })
    }

    /// In what the file differs from the tensors that a module has.
    pub(super) fn differences(&self, correspondence: &Correspondence) -> Vec<Error> {
        let tensors = match self.tensors() {
            Ok(tensors) => tensors,
            Err(error) => return vec![error],
        };
        let rows = correspondence.rows.iter();
        let known: BTreeSet<&str> = rows.clone().map(|row| row.tensor.as_str()).collect();
        let mut found: Vec<Error> = rows.filter_map(|row| check(&tensors, row).err()).collect();
        let mut extra: Vec<String> = tensors.names().into_iter().map(String::from).collect();
        extra.retain(|name| !known.contains(name.as_str()));
        extra.sort();
        let unknown = |name: &String| Error::usage(format!("the module has no tensor `{name}`"));
        found.extend(extra.iter().map(unknown));
        let place = |error: Error| error.in_file(&self.path).help(HELP);
        found.into_iter().map(place).collect()
    }

    /// The elements of a variable in the model's layout.
    pub(super) fn elements(&self, row: &Row) -> Result<Cow<'_, [u8]>> {
        let tensors = self.tensors()?;
        let missing = |error| Error::usage(format!("{error}")).in_file(&self.path);
        let bytes = tensors.tensor(&row.tensor).map_err(missing)?.data();
        let mut elements = Cow::from(bytes);
        if !row.layout.is_identity() {
            let shape = row.layout.output_shape(&row.shape)?;
            let back = row.layout.reverse(&row.shape)?;
            elements = back.apply(&shape, bytes, row.dtype.bitsize() / 8)?.into();
        }
        if !cast::same_bytes(row.dtype, row.own) {
            elements = cast::cast(&elements, row.dtype, row.own)?.into();
        }
        Ok(elements)
    }
}

/// That a tensor of the file is as the module has it.
fn check(tensors: &SafeTensors<'_>, row: &Row) -> Result<()> {
    let name = &row.tensor;
    let Ok(tensor) = tensors.tensor(name) else {
        return Err(Error::usage(format!("the tensor `{name}` is missing")));
    };
    let shape = row.layout.output_shape(&row.shape)?;
    let mut wrong = Vec::new();
    if !has_shape(&tensor, &shape) {
        let found = tensor.shape();
        wrong.push(format!("has the shape {found:?} and not {shape:?}"));
    }
    if tensor.dtype() != row.dtype {
        let (found, dtype) = (tensor.dtype(), row.dtype);
        wrong.push(format!("holds {found} and not {dtype}"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "the tensor `{name}` {}",
            wrong.join(" and ")
        ))),
    }
}

/// burn has no rank 0 and stores a scalar as one element.
fn has_shape(tensor: &TensorView<'_>, shape: &[usize]) -> bool {
    tensor.shape() == shape || (shape.is_empty() && tensor.shape() == [1])
}
