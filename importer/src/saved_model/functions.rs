//! What a model offers to call: signatures, and the functions that are attributes of its objects.

use std::collections::BTreeMap;

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{
    DataType, FunctionDef, FunctionSpec, SavedBareConcreteFunction, SavedConcreteFunction,
    SavedFunction, StructuredValue, structured_value,
};

use super::dtype::dtype_from_wire;
use super::exported::{Argument, Capture, ExportedFunction, FunctionBody, Output};
use super::library::FunctionLibrary;
use super::objects::{ObjectGraph, function_edges};
use super::shape::StaticShape;
use super::structure::{Leaf, LeafValue, PythonValue, flatten, items, python_value};
use super::variables::Variable;
use crate::{Error, Place, Result};

/// All functions of an object graph, nearest to the root first.
pub(super) fn from_objects(
    graph: &ObjectGraph,
    library: &FunctionLibrary,
    variables: &[Variable],
) -> Result<Vec<ExportedFunction>> {
    let reader = Reader::new(graph, library, variables);
    let mut first: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    let mut functions: Vec<ExportedFunction> = Vec::new();
    for (path, id) in function_edges(graph)? {
        let path = path.join("/");
        if let Some(&(start, count)) = first.get(&id) {
            for known in &mut functions[start..start + count] {
                known.aliases.push(path.clone());
            }
            continue;
        }
        let traces = reader.read(id, &path)?;
        first.insert(id, (functions.len(), traces.len()));
        functions.extend(traces);
    }
    Ok(functions)
}

/// The captures of a concrete function.
pub(super) fn captures(
    function: &SavedConcreteFunction,
    graph: &ObjectGraph,
    indices: &BTreeMap<usize, usize>,
) -> Result<Vec<Capture>> {
    let capture = |&id: &i32| {
        let id = usize::try_from(id).unwrap_or(usize::MAX);
        match graph.kind(id) {
            Some(Kind::Variable(_)) => indices.get(&id).map(|&index| Capture::Variable(index)),
            Some(Kind::Constant(constant)) => Some(Capture::Constant(constant.operation.clone())),
            Some(Kind::Asset(asset)) => usize::try_from(asset.asset_file_def_index)
                .ok()
                .map(Capture::Asset),
            Some(Kind::Resource(_)) => Some(Capture::Resource(id)),
            Some(Kind::CapturedTensor(tensor)) => Some(Capture::Tensor {
                function: tensor.concrete_function.clone(),
                tensor: tensor.name.clone(),
            }),
            Some(Kind::UserObject(_) | Kind::Function(_) | Kind::BareConcreteFunction(_))
            | None => None,
        }
        .ok_or_else(|| Error::malformed(format!("node {id} cannot be captured")))
    };
    function.bound_inputs.iter().map(capture).collect()
}

/// From the ids of variables in the object graph to their indices.
pub(super) fn variable_indices(variables: &[Variable]) -> BTreeMap<usize, usize> {
    variables
        .iter()
        .enumerate()
        .filter_map(|(index, variable)| Some((variable.object_id?, index)))
        .collect()
}

struct Reader<'a> {
    graph: &'a ObjectGraph,
    library: &'a FunctionLibrary,
    indices: BTreeMap<usize, usize>,
}

/// A calling convention, before the graph function's own types are known.
#[derive(Default)]
struct Interface {
    inputs: Vec<(String, LeafValue)>,
    python: BTreeMap<String, PythonValue>,
}

impl<'a> Reader<'a> {
    fn new(graph: &'a ObjectGraph, library: &'a FunctionLibrary, variables: &[Variable]) -> Self {
        Reader {
            graph,
            library,
            indices: variable_indices(variables),
        }
    }

    fn read(&self, id: usize, path: &str) -> Result<Vec<ExportedFunction>> {
        match self.graph.kind(id) {
            Some(Kind::Function(function)) => self.polymorphic(function, path),
            Some(Kind::BareConcreteFunction(bare)) => Ok(vec![self.bare(bare, path)?]),
            _ => Ok(Vec::new()),
        }
    }

    fn polymorphic(&self, function: &SavedFunction, path: &str) -> Result<Vec<ExportedFunction>> {
        let parameters = Parameters::read(function.function_spec.as_ref());
        let traces = function.concrete_functions.iter().enumerate();
        traces
            .map(|(trace, name)| {
                let read = || {
                    let interface = self.interface(name, &parameters)?;
                    self.export(path, trace, name, interface)
                };
                read().map_err(|error| in_function(error, name))
            })
            .collect()
    }

    fn bare(&self, bare: &SavedBareConcreteFunction, path: &str) -> Result<ExportedFunction> {
        let name = &bare.concrete_function_name;
        let read = || {
            let parameters = Parameters::read(bare.function_spec.as_ref());
            let mut interface = self.interface(name, &parameters)?;
            if bare.argument_keywords.len() == interface.inputs.len() {
                for (input, keyword) in interface.inputs.iter_mut().zip(&bare.argument_keywords) {
                    input.0.clone_from(keyword);
                }
            }
            self.export(path, 0, name, interface)
        };
        read().map_err(|error| in_function(error, name))
    }

    /// The calling convention; where the structure was not saved, that of the graph function.
    fn interface(&self, name: &str, parameters: &Parameters) -> Result<Interface> {
        let concrete = self.concrete(name)?;
        if has_structure(concrete.canonicalized_input_signature.as_ref()) {
            return interface(concrete, parameters);
        }
        let signature = self.library.find(name)?.signature.as_ref();
        let args = signature.map_or(&[][..], |signature| &signature.input_arg);
        let own = args.len().saturating_sub(concrete.bound_inputs.len());
        let tensor = |arg: &savedmodel_import_proto::op_def::ArgDef| LeafValue::Tensor {
            dtype: None,
            shape: None,
            name: arg.name.clone(),
        };
        let inputs = args[..own]
            .iter()
            .map(|arg| (arg.name.clone(), tensor(arg)));
        Ok(Interface {
            inputs: inputs.collect(),
            python: BTreeMap::new(),
        })
    }

    fn concrete(&self, name: &str) -> Result<&SavedConcreteFunction> {
        self.graph
            .concrete_functions()
            .get(name)
            .ok_or_else(|| Error::malformed(format!("function `{name}` has no calling convention")))
    }

    fn export(
        &self,
        path: &str,
        trace: usize,
        name: &str,
        interface: Interface,
    ) -> Result<ExportedFunction> {
        let concrete = self.concrete(name)?;
        let definition = self.library.find(name)?;
        let captures = captures(concrete, self.graph, &self.indices)?;
        Ok(ExportedFunction {
            path: path.to_owned(),
            aliases: Vec::new(),
            trace,
            inputs: arguments(interface.inputs, definition, captures.len())?,
            outputs: outputs(concrete.output_signature.as_ref(), definition)?,
            python_arguments: interface.python,
            body: FunctionBody::Concrete {
                function: name.to_owned(),
                captures,
            },
        })
    }
}

fn in_function(error: Error, name: &str) -> Error {
    error.at(&Place {
        function: Some(name.to_owned()),
        ..Place::default()
    })
}

/// The parameters' names, from Python's full argument specification.
#[derive(Default)]
struct Parameters {
    names: Vec<String>,
    varargs: Option<String>,
}

impl Parameters {
    fn read(spec: Option<&FunctionSpec>) -> Parameters {
        let Some(spec) = spec else {
            return Parameters::default();
        };
        let fields: BTreeMap<String, &StructuredValue> = match &spec.fullargspec {
            Some(full) => items(full).into_iter().collect(),
            None => BTreeMap::new(),
        };
        let args = fields
            .get("args")
            .map(|args| items(args))
            .unwrap_or_default();
        let mut names: Vec<String> = args.into_iter().filter_map(|(_, arg)| text(arg)).collect();
        if !names.is_empty() && (spec.is_method || names[0] == "self") {
            names.remove(0);
        }
        Parameters {
            names,
            varargs: fields.get("varargs").and_then(|varargs| text(varargs)),
        }
    }

    fn name(&self, position: usize) -> String {
        match (self.names.get(position), &self.varargs) {
            (Some(name), _) => name.clone(),
            (None, Some(varargs)) => format!("{varargs}.{}", position - self.names.len()),
            (None, None) => format!("arg_{position}"),
        }
    }
}

fn text(value: &StructuredValue) -> Option<String> {
    match &value.kind {
        Some(structured_value::Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Whether the structure of the arguments was saved: parts of wrapped TF1 graphs have none.
pub(crate) fn has_structure(signature: Option<&StructuredValue>) -> bool {
    let kind = signature.and_then(|signature| signature.kind.as_ref());
    !matches!(kind, None | Some(structured_value::Kind::NoneValue(_)))
}

/// Splits `((args…), {kwargs…})` into tensors and Python values.
fn interface(function: &SavedConcreteFunction, parameters: &Parameters) -> Result<Interface> {
    let mut interface = Interface::default();
    let Some(signature) = &function.canonicalized_input_signature else {
        return Ok(interface);
    };
    let parts = items(signature);
    let [(_, positional), (_, keywords)] = parts.as_slice() else {
        return Err(Error::malformed(
            "the input signature is not a pair of positional and keyword arguments",
        ));
    };
    for (position, (_, value)) in items(positional).into_iter().enumerate() {
        interface.add(parameters.name(position), value)?;
    }
    for (name, value) in items(keywords) {
        interface.add(name, value)?;
    }
    Ok(interface)
}

impl Interface {
    fn add(&mut self, name: String, value: &StructuredValue) -> Result<()> {
        if let Some(python) = python_value(value)? {
            self.python.insert(name, python);
            return Ok(());
        }
        for Leaf { path, value } in flatten(value)? {
            let name = dotted(&name, &path);
            match value {
                LeafValue::Python(python) => drop(self.python.insert(name, python)),
                tensor @ LeafValue::Tensor { .. } => self.inputs.push((name, tensor)),
            }
        }
        Ok(())
    }
}

fn dotted(name: &str, path: &[String]) -> String {
    let mut dotted = name.to_owned();
    for part in path {
        dotted.push('.');
        dotted.push_str(part);
    }
    dotted
}

fn arguments(
    inputs: Vec<(String, LeafValue)>,
    definition: &FunctionDef,
    captures: usize,
) -> Result<Vec<Argument>> {
    let signature = definition.signature.as_ref();
    let args = signature.map_or(&[][..], |signature| &signature.input_arg);
    if args.len() != inputs.len() + captures {
        return Err(Error::malformed(format!(
            "the function has {} arguments, but its signature specifies {} inputs and {captures} captures",
            args.len(),
            inputs.len()
        )));
    }
    inputs
        .into_iter()
        .zip(args)
        .map(|((name, leaf), arg)| {
            let (dtype, shape) = resolved(leaf, &arg.name, arg.r#type)?;
            Ok(Argument {
                name,
                argument: arg.name.clone(),
                dtype,
                shape,
            })
        })
        .collect()
}

/// The type is the graph function's; the signature has the shape.
fn resolved(leaf: LeafValue, name: &str, wire: i32) -> Result<(DataType, StaticShape)> {
    let shape = match leaf {
        LeafValue::Tensor { shape, .. } => shape,
        LeafValue::Python(_) => None,
    };
    match dtype_from_wire(wire)? {
        DataType::DtInvalid => Err(Error::malformed(format!("argument `{name}`: invalid type"))),
        dtype => Ok((dtype, shape)),
    }
}

fn outputs(signature: Option<&StructuredValue>, definition: &FunctionDef) -> Result<Vec<Output>> {
    let own = definition.signature.as_ref();
    let args = own.map_or(&[][..], |signature| &signature.output_arg);
    let leaves = signature.map(flatten).transpose()?.unwrap_or_default();
    let tensors: Vec<Leaf> = leaves
        .into_iter()
        .filter(|leaf| matches!(leaf.value, LeafValue::Tensor { .. }))
        .collect();
    if tensors.len() != args.len() {
        return Err(Error::malformed(format!(
            "the function has {} outputs, but its signature specifies {}",
            args.len(),
            tensors.len()
        )));
    }
    tensors
        .into_iter()
        .zip(args)
        .map(|(leaf, arg)| {
            let (dtype, shape) = resolved(leaf.value, &arg.name, arg.r#type)?;
            Ok(Output {
                name: output_name(&leaf.path),
                dtype,
                shape,
            })
        })
        .collect()
}

/// For each leaf of a structure whether it is a tensor.
pub(super) fn tensors(signature: &StructuredValue) -> Result<Vec<bool>> {
    let leaves = flatten(signature)?.into_iter();
    let is_tensor = |leaf: Leaf| matches!(leaf.value, LeafValue::Tensor { .. });
    Ok(leaves.map(is_tensor).collect())
}

fn output_name(path: &[String]) -> String {
    match path.split_first() {
        None => "output_0".to_owned(),
        Some((first, rest)) => {
            let unnamed = first.bytes().all(|byte| byte.is_ascii_digit());
            let name = if unnamed {
                format!("output_{first}")
            } else {
                first.clone()
            };
            dotted(&name, rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_without_names_are_numbered() {
        let path = |parts: &[&str]| parts.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        assert_eq!(output_name(&[]), "output_0");
        assert_eq!(output_name(&path(&["1"])), "output_1");
        assert_eq!(output_name(&path(&["pair", "left"])), "pair.left");
    }

    #[test]
    fn parameters_beyond_the_names_are_variadic() {
        let parameters = Parameters {
            names: vec!["x".to_owned()],
            varargs: Some("rest".to_owned()),
        };
        assert_eq!(parameters.name(0), "x");
        assert_eq!(parameters.name(2), "rest.1");
    }
}
