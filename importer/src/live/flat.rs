//! Functions that are known by their flat inputs: names, and how many may be given by position.

use savedmodel_import_proto::DataType;

use super::arguments::Arguments;
use super::convert::to_tensor;
use super::nest::{Nest, data_type};
use super::spec::TensorSpec;
use crate::interpreter::Value;
use crate::saved_model::dtype_name;
use crate::{Error, Result};

/// Flat inputs.
#[derive(Clone, Debug)]
pub(super) struct Flat {
    inputs: Vec<Input>,
    /// How many may be given by position.
    positions: usize,
}

#[derive(Clone, Debug)]
struct Input {
    name: String,
    /// The element type, where it is known.
    dtype: Option<DataType>,
}

impl Flat {
    /// Inputs of these types under these names.
    pub(super) fn new(specs: &[Option<TensorSpec>], keywords: &[String], positions: usize) -> Flat {
        let inputs = specs.iter().enumerate().map(|(index, spec)| Input {
            name: match (keywords.get(index), spec) {
                (Some(keyword), _) => keyword.clone(),
                (None, Some(spec)) if !spec.name.is_empty() => spec.name.clone(),
                (None, _) => format!("arg_{index}"),
            },
            dtype: spec.as_ref().map(|spec| spec.dtype),
        });
        Flat {
            inputs: inputs.collect(),
            positions,
        }
    }

    /// Inputs by name, all of which may be given by position.
    pub(super) fn of_graph(inputs: Vec<(String, Option<DataType>)>) -> Flat {
        let positions = inputs.len();
        let inputs = inputs.into_iter();
        Flat {
            inputs: inputs.map(|(name, dtype)| Input { name, dtype }).collect(),
            positions,
        }
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect()
    }

    /// The tensors of a call, in order.
    pub(super) fn bind(&self, name: &str, arguments: &Arguments) -> Result<Vec<Value>> {
        let given = arguments.positional.len();
        if given > self.positions {
            return Err(Error::usage(format!(
                "`{name}` takes {} positional arguments, got {given}",
                self.positions
            ))
            .help(format!("give them by name: {}", self.names().join(", "))));
        }
        let mut values: Vec<Option<&Nest>> = arguments.positional.iter().map(Some).collect();
        values.resize(self.inputs.len(), None);
        for (key, value) in &arguments.named {
            let place = self.position(key).ok_or_else(|| self.unknown(name, key))?;
            if values[place].replace(value).is_some() {
                return Err(Error::usage(format!("`{name}` got two values for `{key}`")));
            }
        }
        let pairs = self.inputs.iter().zip(values);
        pairs
            .map(|(input, value)| input.value(name, value))
            .collect()
    }

    fn position(&self, key: &str) -> Option<usize> {
        let exact = self.inputs.iter().position(|input| input.name == key);
        exact.or_else(|| {
            self.inputs
                .iter()
                .position(|input| cleaned(&input.name) == key)
        })
    }

    fn unknown(&self, name: &str, key: &str) -> Error {
        Error::usage(format!(
            "`{name}` got an unexpected keyword argument '{key}'"
        ))
        .help(format!("its arguments are {}", self.names().join(", ")))
    }
}

/// A name as Python could write it for a keyword.
fn cleaned(name: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(keep).collect()
}

impl Input {
    fn value(&self, name: &str, nest: Option<&Nest>) -> Result<Value> {
        let input = &self.name;
        let nest = nest
            .ok_or_else(|| Error::usage(format!("`{name}` is missing its argument `{input}`")))?;
        if let Nest::Other(values) = nest
            && let [value] = values.as_slice()
        {
            return Ok(value.clone());
        }
        if let (Nest::Variable(handle), Some(DataType::DtResource) | None) = (nest, self.dtype) {
            return Ok(handle.resource.clone());
        }
        let tensor = to_tensor(nest, self.dtype.unwrap_or(DataType::DtInvalid));
        let tensor = tensor.ok_or_else(|| {
            Error::usage(format!(
                "argument `{input}` of `{name}`: {nest} is no tensor"
            ))
        })?;
        let given = data_type(tensor.dtype());
        match self.dtype {
            Some(wanted) if wanted != given => Err(Error::usage(format!(
                "argument `{input}` of `{name}` is of {}, and is given {}",
                dtype_name(wanted),
                dtype_name(given)
            ))),
            Some(_) | None => Ok(tensor.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat() -> Flat {
        let spec = |name: &str| {
            Some(TensorSpec {
                dtype: DataType::DtFloat,
                shape: None,
                name: name.to_owned(),
            })
        };
        Flat::new(
            &[spec("A-b"), spec("c")],
            &["A-b".to_owned(), "c".to_owned()],
            1,
        )
    }

    fn error(arguments: impl Into<Arguments>) -> String {
        let bound = flat().bind("f", &arguments.into());
        bound
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_key_may_be_written_as_python_must() {
        assert_eq!(error([("A-b", 1.0), ("c", 2.0)]), "");
        assert_eq!(error([("A_b", 1.0), ("c", 2.0)]), "");
        assert!(error([("a_b", 1.0), ("c", 2.0)]).contains("unexpected keyword argument 'a_b'"));
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        assert!(error(1.0).contains("missing its argument `c`"));
        assert!(
            error(vec![Nest::from(1.0), Nest::from(2.0)])
                .contains("takes 1 positional arguments, got 2")
        );
        assert!(error([("A-b", true), ("c", true)]).contains("is of float32, and is given bool"));
    }
}
