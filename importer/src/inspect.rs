//! What is inside a SavedModel.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::pipeline;
use crate::report::{Failure, failures};
use crate::saved_model::{PythonValue, SavedModel, StaticShape, dtype_name};

/// An account of a SavedModel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inventory {
    /// The SavedModel.
    pub model: PathBuf,
    /// The TensorFlow version that saved it.
    pub tensorflow: String,
    /// The tags of the MetaGraph.
    pub tags: Vec<String>,
    /// Signatures and exported functions, an entry for each trace.
    pub functions: Vec<Callable>,
    /// The variables.
    pub variables: Vec<VariableRow>,
    /// The asset files.
    pub assets: Vec<String>,
    /// Every op that is not supported.
    pub unsupported: Vec<Failure>,
}

/// Something to call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Callable {
    /// `signatures/KEY`, or the attribute path from the root.
    pub path: String,
    /// The index among the traces of `path`.
    pub trace: usize,
    /// Arguments of this trace that are no tensors.
    pub python_arguments: BTreeMap<String, PythonValue>,
    /// Tensor arguments.
    pub inputs: Vec<TensorRow>,
    /// Results.
    pub outputs: Vec<TensorRow>,
}

/// A tensor of a signature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorRow {
    /// Its name.
    pub name: String,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: StaticShape,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariableRow {
    /// Its name.
    pub name: String,
    /// Its key in the checkpoint.
    pub checkpoint_key: Option<String>,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: StaticShape,
    /// Whether training changes it.
    pub trainable: bool,
}

/// Takes stock of `model`.
pub fn inspect(model: &SavedModel) -> Inventory {
    Inventory {
        model: model.dir.clone(),
        tensorflow: model.tensorflow_version.clone(),
        tags: model.tags.clone(),
        functions: model.functions().iter().map(callable).collect(),
        variables: model.variables().iter().map(variable).collect(),
        assets: model
            .assets()
            .iter()
            .map(|asset| asset.filename.clone())
            .collect(),
        unsupported: pipeline::unsupported(model)
            .iter()
            .flat_map(failures)
            .collect(),
    }
}

fn callable(function: &crate::saved_model::ExportedFunction) -> Callable {
    let row = |name: &str, dtype, shape: &StaticShape| TensorRow {
        name: name.to_owned(),
        dtype: dtype_name(dtype),
        shape: shape.clone(),
    };
    Callable {
        path: function.path.clone(),
        trace: function.trace,
        python_arguments: function.python_arguments.clone(),
        inputs: function
            .inputs
            .iter()
            .map(|input| row(&input.name, input.dtype, &input.shape))
            .collect(),
        outputs: function
            .outputs
            .iter()
            .map(|output| row(&output.name, output.dtype, &output.shape))
            .collect(),
    }
}

fn variable(variable: &crate::saved_model::Variable) -> VariableRow {
    VariableRow {
        name: variable.name.clone(),
        checkpoint_key: variable.checkpoint_key.clone(),
        dtype: dtype_name(variable.dtype),
        shape: variable.shape.clone(),
        trainable: variable.trainable,
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.model.display())?;
        writeln!(
            f,
            "  TensorFlow {}, tags {}",
            self.tensorflow,
            self.tags.join(", ")
        )?;
        writeln!(f, "\nfunctions")?;
        self.functions
            .iter()
            .try_for_each(|function| write!(f, "{function}"))?;
        writeln!(f, "\nvariables")?;
        let width = self
            .variables
            .iter()
            .map(|variable| variable.name.chars().count())
            .max()
            .unwrap_or(0);
        for row in &self.variables {
            let note = if row.trainable { "" } else { "  not trainable" };
            writeln!(
                f,
                "  {:width$}  {}{note}",
                row.name,
                tensor_type(&row.dtype, &row.shape)
            )?;
        }
        if !self.assets.is_empty() {
            writeln!(f, "\nassets\n  {}", self.assets.join("\n  "))?;
        }
        match self.unsupported.len() {
            0 => writeln!(f, "\nevery op is supported"),
            count => writeln!(
                f,
                "\nnot supported: {count}\n{}",
                unsupported(&self.unsupported)
            ),
        }
    }
}

impl fmt::Display for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let argument = |(name, value)| format!("{name}={}", serde_json::json!(value));
        let python: Vec<String> = self.python_arguments.iter().map(argument).collect();
        let python = match python.is_empty() {
            true => String::new(),
            false => format!("  ({})", python.join(", ")),
        };
        writeln!(f, "  {}{python}", self.path)?;
        for row in &self.inputs {
            writeln!(
                f,
                "    {}: {}",
                row.name,
                tensor_type(&row.dtype, &row.shape)
            )?;
        }
        for row in &self.outputs {
            writeln!(
                f,
                "    -> {}: {}",
                row.name,
                tensor_type(&row.dtype, &row.shape)
            )?;
        }
        Ok(())
    }
}

/// `float32[?, 28]`; a dtype alone where the rank is unknown.
fn tensor_type(dtype: &str, shape: &StaticShape) -> String {
    let dim = |dim: &Option<u64>| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string());
    match shape {
        Some(dims) => format!(
            "{dtype}[{}]",
            dims.iter().map(dim).collect::<Vec<_>>().join(", ")
        ),
        None => dtype.to_owned(),
    }
}

fn unsupported(failures: &[Failure]) -> String {
    let mut text = String::new();
    for failure in failures {
        let _ = writeln!(text, "  {}", failure.message);
        let node = failure.node.as_deref().unwrap_or_default();
        let _ = match &failure.function {
            Some(function) => writeln!(text, "    --> `{node}` in `{function}`"),
            None => writeln!(text, "    --> `{node}`"),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_shows_what_is_unknown() {
        assert_eq!(
            tensor_type("float32", &Some(vec![None, Some(3)])),
            "float32[?, 3]"
        );
        assert_eq!(tensor_type("int64", &Some(vec![])), "int64[]");
        assert_eq!(tensor_type("string", &None), "string");
    }
}
