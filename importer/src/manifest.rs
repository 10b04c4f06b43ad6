//! `NAME.json`: what a program needs to use a generated module without parsing Rust.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Framework, Result};

/// The version of the manifest's schema that this crate writes and reads.
pub const SCHEMA: u32 = 1;

/// A shape: `None` is an unknown rank, an inner `None` an unknown dimension.
pub type Shape = Option<Vec<Option<u64>>>;

/// The manifest of one generated module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// The module's name, the stem of its three files.
    pub name: String,
    /// The framework that the source is written for.
    pub framework: Framework,
    /// The file name of the Rust source.
    pub source: String,
    /// The file name of the weights.
    pub weights: String,
    /// The name of the root struct.
    #[serde(rename = "struct")]
    pub struct_name: String,
    /// The TensorFlow version that saved the model.
    pub tensorflow: String,
    /// The tags of the MetaGraph.
    pub tags: Vec<String>,
    /// The methods, in the order of the source.
    pub functions: Vec<Function>,
    /// The variables that the module holds.
    pub variables: Vec<Variable>,
    /// The other tensors of the weights: constants of the graph.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constants: Vec<Constant>,
    /// Crates that the source needs beside the framework, as `name version`.
    pub support_crates: Vec<String>,
}

/// One signature, or one trace of an exported function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// `signatures/KEY`, or the attribute path from the root.
    pub path: String,
    /// The index among the traces of `path`, in stored order.
    pub trace: usize,
    /// Non-tensor arguments of this trace, by position or keyword.
    pub python_arguments: BTreeMap<String, serde_json::Value>,
    /// The Rust method.
    pub method: String,
    /// The method with a last argument `train: bool`, if the function depends on the mode.
    pub training_method: Option<String>,
    /// Whether the method assigns variables and so takes `&mut self`.
    pub mutates: bool,
    /// Whether the method is generic over the rank of its argument.
    pub rank_generic: bool,
    /// Tensor arguments, in the method's order.
    pub inputs: Vec<Input>,
    /// Results, in the order of the returned struct's fields.
    pub outputs: Vec<Output>,
    /// How the method returns its results.
    pub returns: Returns,
}

/// A tensor argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// TensorFlow's name.
    pub name: String,
    /// The Rust argument; of a complex value the stem of `x_re`, `x_im`.
    pub argument: String,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// The framework's dtype; of a complex value that of each half.
    pub native: String,
    /// TensorFlow's shape.
    pub shape: Shape,
}

/// A result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// TensorFlow's name.
    pub name: String,
    /// The Rust field; of a complex value the stem of `x_re`, `x_im`.
    pub field: String,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// The framework's dtype; of a complex value that of each half.
    pub native: String,
    /// TensorFlow's shape.
    pub shape: Shape,
}

/// What a method returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Returns {
    /// The one output, bare.
    Tensor,
    /// A struct with a field for each output.
    Struct,
    /// Nothing.
    Unit,
}

/// A variable of the model and the tensor that holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variable {
    /// The variable's own name in TensorFlow.
    pub name: String,
    /// Its key in the checkpoint.
    pub checkpoint_key: String,
    /// Its key in the safetensors file, which is its field's path.
    pub tensor: String,
    /// Whether TensorFlow trains it.
    pub trainable: bool,
    /// TensorFlow's layout and the module's, as in [`crate::weights::Layout`].
    pub layout: String,
}

/// A constant of the graph that is too large for code and lies with the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The node that it comes from.
    pub name: String,
    /// Its key in the safetensors file.
    pub tensor: String,
    /// Its element type in the safetensors file.
    pub dtype: crate::weights::Dtype,
    /// Its shape in TensorFlow.
    pub shape: Vec<usize>,
    /// TensorFlow's layout and the module's.
    pub layout: String,
}

impl Manifest {
    /// The manifest's text, ending in a newline. Equal manifests give equal text.
    pub fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::malformed(format!("the manifest cannot be written: {e}")))?;
        text.push('\n');
        Ok(text)
    }

    /// The name of the manifest's own file.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    /// Reads a manifest of schema [`SCHEMA`].
    pub fn from_json(text: &str) -> Result<Self> {
        let manifest: Manifest = serde_json::from_str(text)
            .map_err(|e| Error::malformed(format!("this is not a manifest: {e}")))?;
        match manifest.schema {
            SCHEMA => Ok(manifest),
            other => Err(Error::malformed(format!(
                "the manifest has schema {other}; known is {SCHEMA}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "schema": 1,
  "name": "nmp",
  "framework": "candle",
  "source": "nmp.rs",
  "weights": "nmp.safetensors",
  "struct": "Nmp",
  "tensorflow": "2.4.1",
  "tags": [
    "serve"
  ],
  "functions": [
    {
      "path": "signatures/serving_default",
      "trace": 0,
      "python_arguments": {},
      "method": "serving_default",
      "training_method": null,
      "mutates": false,
      "rank_generic": false,
      "inputs": [
        {
          "name": "input_2",
          "argument": "input_2",
          "dtype": "float32",
          "native": "F32",
          "shape": [
            null,
            43844,
            1
          ]
        }
      ],
      "outputs": [
        {
          "name": "onset",
          "field": "onset",
          "dtype": "float32",
          "native": "F32",
          "shape": null
        }
      ],
      "returns": "struct"
    }
  ],
  "variables": [
    {
      "name": "conv2d/kernel",
      "checkpoint_key": "variables/6/.ATTRIBUTES/VARIABLE_VALUE",
      "tensor": "conv2d.weight",
      "trainable": true,
      "layout": "hwio->oihw"
    }
  ],
  "support_crates": []
}
"#;

    #[test]
    fn the_text_has_the_contracts_fields_in_the_contracts_order() {
        let manifest = Manifest::from_json(TEXT).unwrap();
        assert_eq!(manifest.functions[0].outputs[0].shape, None);
        assert_eq!(manifest.to_json().unwrap(), TEXT);
    }

    #[test]
    fn another_schema_is_refused() {
        let error =
            Manifest::from_json(&TEXT.replace("\"schema\": 1", "\"schema\": 2")).unwrap_err();
        assert_eq!(error.to_string(), "the manifest has schema 2; known is 1");
    }
}
