//! Calls by name: which function, and its inputs and outputs as a map.

use super::{Interpreter, Value};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use crate::lower::element_type;
use crate::saved_model::{Argument, ExportedFunction, SavedModel, dtype_name};
use half::bf16;
use std::collections::BTreeMap;

/// What to call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Callee {
    /// The signature `serving_default`, or the only one there is, or the only function.
    #[default]
    Default,
    /// The signature of this key.
    Signature(String),
    /// The exported function of this path; of several traces the first that takes the inputs.
    Function(String),
    /// A part of the main graph.
    Graph {
        /// The tensors that the inputs replace: `x:0`.
        feeds: Vec<String>,
        /// The tensors that are the outputs.
        fetches: Vec<String>,
    },
}

impl Interpreter<'_> {
    /// Calls with inputs by the names of the function's inputs, or of the feeds; gives outputs by their names.
    ///
    /// # Errors
    /// There is no such function, inputs are missing, unknown or of another element type, and whatever
    /// [`Interpreter::call`] fails for.
    pub fn call_named(
        &mut self,
        callee: &Callee,
        mut inputs: BTreeMap<String, Tensor>,
    ) -> Result<BTreeMap<String, Tensor>> {
        if let Callee::Graph { feeds, fetches } = callee {
            return self.fetch_named(feeds, fetches, inputs);
        }
        let function = function(self.model, callee, &inputs)?.clone();
        let mut arguments = vec![];
        for argument in &function.inputs {
            let value = inputs.remove(&argument.name);
            let value = value.ok_or_else(|| missing(&argument.name, &function))?;
            arguments.push(Value::from(of_type(value, argument)?));
        }
        check_rest(
            &inputs,
            function.inputs.iter().map(|input| input.name.as_str()),
        )?;
        let outputs = self.call(&function, arguments)?;
        let names = function.outputs.iter().map(|output| output.name.clone());
        collect(names, outputs)
    }

    fn fetch_named(
        &mut self,
        feeds: &[String],
        fetches: &[String],
        mut inputs: BTreeMap<String, Tensor>,
    ) -> Result<BTreeMap<String, Tensor>> {
        let mut fed = vec![];
        for feed in feeds {
            let plain = feed.strip_suffix(":0").unwrap_or(feed);
            let value = inputs.remove(feed).or_else(|| inputs.remove(plain));
            let value =
                value.ok_or_else(|| Error::usage(format!("the input `{feed}` is missing")))?;
            fed.push((feed.as_str(), Value::from(value)));
        }
        check_rest(&inputs, feeds.iter().map(String::as_str))?;
        let wanted: Vec<&str> = fetches.iter().map(String::as_str).collect();
        let outputs = self.fetch(&fed, &wanted, &[])?;
        collect(fetches.iter().cloned(), outputs)
    }
}

fn collect(
    names: impl Iterator<Item = String>,
    outputs: Vec<Value>,
) -> Result<BTreeMap<String, Tensor>> {
    let mut named = BTreeMap::new();
    for (name, output) in names.zip(outputs) {
        let wrong =
            |error: Error| Error::unsupported(format!("the output `{name}`: {}", error.kind()));
        let tensor = Tensor::clone(output.tensor().map_err(wrong)?);
        named.insert(name, tensor);
    }
    Ok(named)
}

fn missing(name: &str, function: &ExportedFunction) -> Error {
    let names: Vec<String> = function.inputs.iter().map(described).collect();
    let error = Error::usage(format!("the input `{name}` is missing"));
    error.help(format!("`{}` takes {}", function.path, names.join(", ")))
}

fn described(argument: &Argument) -> String {
    format!("{} ({})", argument.name, dtype_name(argument.dtype))
}

fn check_rest<'n>(
    inputs: &BTreeMap<String, Tensor>,
    known: impl Iterator<Item = &'n str>,
) -> Result<()> {
    let Some(name) = inputs.keys().next() else {
        return Ok(());
    };
    let known: Vec<&str> = known.collect();
    let error = Error::usage(format!("there is no input `{name}`"));
    Err(match known.is_empty() {
        true => error.help("the function takes no inputs"),
        false => error.help(format!("the inputs are {}", known.join(", "))),
    })
}

/// The value in the argument's element type: bfloat16 may come as its bits.
fn of_type(value: Tensor, argument: &Argument) -> Result<Tensor> {
    let wanted = element_type(argument.dtype)?;
    if let (DType::BF16, Some(bits)) = (wanted, value.elements::<u16>()) {
        let numbers = bits.iter().map(|&bits| bf16::from_bits(bits)).collect();
        return Tensor::new(value.shape(), numbers);
    }
    match value.dtype() == wanted {
        true => Ok(value),
        false => Err(Error::usage(format!(
            "the input `{}` is {:?}, and has to be {wanted:?}",
            argument.name,
            value.dtype()
        ))),
    }
}

fn function<'m>(
    model: &'m SavedModel,
    callee: &Callee,
    inputs: &BTreeMap<String, Tensor>,
) -> Result<&'m ExportedFunction> {
    let path = match callee {
        Callee::Signature(key) => format!("signatures/{key}"),
        Callee::Function(path) => path.clone(),
        Callee::Default | Callee::Graph { .. } => return default(model),
    };
    let traces: Vec<&ExportedFunction> = model
        .functions()
        .iter()
        .filter(|function| function.path == path || function.aliases.contains(&path))
        .collect();
    match traces
        .iter()
        .find(|function| takes(function, inputs))
        .or(traces.first())
    {
        Some(function) => Ok(function),
        None => Err(unknown(
            model,
            &format!("the model has no function `{path}`"),
        )),
    }
}

fn default(model: &SavedModel) -> Result<&ExportedFunction> {
    let is_signature = |function: &&ExportedFunction| function.path.starts_with("signatures/");
    let signatures: Vec<&ExportedFunction> =
        model.functions().iter().filter(is_signature).collect();
    let serving = |function: &&&ExportedFunction| function.path == "signatures/serving_default";
    match (
        signatures.iter().find(serving),
        signatures.as_slice(),
        model.functions(),
    ) {
        (Some(serving), _, _) => Ok(serving),
        (None, [only], _) => Ok(only),
        (None, [], [only]) => Ok(only),
        (None, _, _) => Err(unknown(model, "which function to run is not clear")),
    }
}

fn unknown(model: &SavedModel, message: &str) -> Error {
    let mut paths: Vec<&str> = model.functions().iter().map(|f| f.path.as_str()).collect();
    paths.dedup();
    match paths.is_empty() {
        true => Error::usage(message).help("name --feeds and --fetches of the graph"),
        false => Error::usage(message).help(format!("there are {}", paths.join(", "))),
    }
}

/// Whether the inputs have the names, element types and shapes of a trace.
fn takes(function: &ExportedFunction, inputs: &BTreeMap<String, Tensor>) -> bool {
    let fits = |argument: &Argument| {
        inputs.get(&argument.name).is_some_and(|tensor| {
            let dims = argument.shape.as_ref();
            let same =
                |(&have, want): (&usize, &Option<u64>)| want.is_none_or(|want| want == have as u64);
            let shape_fits = dims.is_none_or(|dims| {
                dims.len() == tensor.rank() && tensor.shape().iter().zip(dims).all(same)
            });
            shape_fits && element_type(argument.dtype).is_ok_and(|dtype| dtype == tensor.dtype())
        })
    };
    function.inputs.len() == inputs.len() && function.inputs.iter().all(fits)
}
