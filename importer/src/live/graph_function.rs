//! Parts of the main graph as functions: the signatures of a TF1 model, and what `prune` cuts out.

use std::collections::BTreeMap;

use savedmodel_import_proto::{DataType, SignatureDef, TensorInfo, tensor_info};

use super::arguments::Arguments;
use super::fit::{assemble, plain};
use super::flat::Flat;
use super::names::Names;
use super::nest::Nest;
use super::spec::{Composite, CompositeKind, Spec, type_spec};
use crate::graph::main_graph::MainGraph;
use crate::interpreter::Value;
use crate::saved_model::{SavedModel, dtype_from_wire, static_shape};
use crate::{Error, Result};

/// A part of the main graph.
#[derive(Clone, Debug)]
pub(super) struct GraphFunction {
    pub(super) flat: Flat,
    /// The tensors that the inputs replace, in their order.
    feeds: Vec<String>,
    output: Fetch,
}

/// What is fetched, in its structure.
#[derive(Clone, Debug)]
enum Fetch {
    Tensor(String),
    /// An operation, which gives `None`.
    Operation(String),
    Composite(Composite, Vec<String>),
    List(Vec<Fetch>),
    Dict(BTreeMap<String, Fetch>),
}

impl GraphFunction {
    /// The part between tensors that are fed and tensors and operations that are fetched.
    pub(super) fn prune(model: &SavedModel, feeds: &Names, fetches: &Names) -> Result<Self> {
        let graph = MainGraph::new(model.main_graph(), model.library())?;
        let output = Fetch::resolve(fetches, &graph)?;
        let mut inputs = Vec::new();
        let mut tensors = Vec::new();
        for name in feeds.flat() {
            let (node, output) = graph
                .tensor(name)
                .map_err(|error| match name.contains(':') {
                    true => error,
                    false if graph.has(name) => {
                        Error::usage("All members of argument 'feeds' must be tensors.").help(
                            format!("`{name}` is an operation; its first output is `{name}:0`"),
                        )
                    }
                    false => error,
                })?;
            inputs.push((node.name.clone(), graph.output_type(node, output)));
            tensors.push(name.to_owned());
        }
        let function = GraphFunction {
            flat: Flat::of_graph(inputs),
            feeds: tensors,
            output,
        };
        function.check(&graph)?;
        Ok(function)
    }

    /// A signature of a TF1 model.
    pub(super) fn signature(model: &SavedModel, signature: &SignatureDef) -> Result<Self> {
        let graph = MainGraph::new(model.main_graph(), model.library())?;
        let mut inputs = Vec::new();
        for (key, info) in &signature.inputs {
            inputs_of(key, info, &mut inputs)?;
        }
        let mut typed = Vec::new();
        let mut feeds = Vec::new();
        for (key, tensor) in inputs {
            let (node, output) = graph.tensor_or_first(&tensor)?;
            typed.push((key, graph.output_type(node, output)));
            feeds.push(tensor);
        }
        let outputs = signature.outputs.iter().map(|(key, info)| {
            let fetch = Fetch::of_info(info)?;
            Ok((key.clone(), fetch))
        });
        Ok(GraphFunction {
            flat: Flat::of_graph(typed),
            feeds,
            output: Fetch::Dict(outputs.collect::<Result<_>>()?),
        })
    }

    /// That no placeholder is needed and not fed.
    fn check(&self, graph: &MainGraph<'_>) -> Result<()> {
        let (tensors, operations) = self.output.flat();
        graph.check_fed(&self.feeds, tensors.into_iter().chain(operations))
    }

    pub(super) fn output_names(&self) -> Vec<&str> {
        match &self.output {
            Fetch::Dict(fields) => fields.keys().map(String::as_str).collect(),
            Fetch::Tensor(_) | Fetch::Operation(_) | Fetch::Composite(..) | Fetch::List(_) => {
                Vec::new()
            }
        }
    }

    pub(super) fn call(
        &self,
        model: &SavedModel,
        name: &str,
        arguments: &Arguments,
    ) -> Result<Nest> {
        let values = self.flat.bind(name, arguments)?;
        let feeds = self.feeds.iter().map(String::as_str).zip(values);
        let feeds: Vec<(&str, Value)> = feeds.collect();
        let (tensors, operations) = self.output.flat();
        let results =
            model.interpret(|interpreter| interpreter.fetch(&feeds, &tensors, &operations))?;
        self.output.pack(&mut results.into_iter())
    }
}

/// Each tensor of an input, under the name that a caller gives it by.
fn inputs_of(key: &str, info: &TensorInfo, out: &mut Vec<(String, String)>) -> Result<()> {
    match &info.encoding {
        Some(tensor_info::Encoding::Name(name)) => out.push((key.to_owned(), name.clone())),
        Some(tensor_info::Encoding::CooSparse(sparse)) => {
            let mut part = |part: &str, tensor: &str| {
                out.push((format!("{key}_{part}"), tensor.to_owned()));
            };
            part("indices", &sparse.indices_tensor_name);
            part("values", &sparse.values_tensor_name);
            part("dense_shape", &sparse.dense_shape_tensor_name);
        }
        Some(tensor_info::Encoding::CompositeTensor(composite)) => {
            for (index, component) in composite.components.iter().enumerate() {
                inputs_of(&format!("{key}_component_{index}"), component, out)?;
            }
        }
        None => {
            return Err(Error::malformed(format!(
                "`{key}` does not say which tensor it is"
            )));
        }
    }
    Ok(())
}

impl Fetch {
    fn resolve(names: &Names, graph: &MainGraph<'_>) -> Result<Fetch> {
        Ok(match names {
            Names::One(name) if name.contains(':') => {
                graph.tensor(name)?;
                Fetch::Tensor(name.clone())
            }
            Names::One(name) => {
                graph.operation(name)?;
                Fetch::Operation(name.clone())
            }
            Names::List(items) => {
                let items = items.iter().map(|item| Fetch::resolve(item, graph));
                Fetch::List(items.collect::<Result<_>>()?)
            }
            Names::Dict(items) => {
                let items = items.iter();
                let items = items.map(|(k, v)| Ok((k.clone(), Fetch::resolve(v, graph)?)));
                Fetch::Dict(items.collect::<Result<_>>()?)
            }
        })
    }

    fn of_info(info: &TensorInfo) -> Result<Fetch> {
        match &info.encoding {
            Some(tensor_info::Encoding::Name(name)) if name.contains(':') => {
                Ok(Fetch::Tensor(name.clone()))
            }
            Some(tensor_info::Encoding::Name(name)) => Ok(Fetch::Operation(name.clone())),
            Some(tensor_info::Encoding::CooSparse(sparse)) => {
                let composite = Composite {
                    kind: CompositeKind::Sparse,
                    dtype: dtype_from_wire(info.dtype)?,
                    shape: static_shape(info.tensor_shape.as_ref())?,
                };
                let parts = [
                    &sparse.indices_tensor_name,
                    &sparse.values_tensor_name,
                    &sparse.dense_shape_tensor_name,
                ];
                Ok(Fetch::Composite(
                    composite,
                    parts.map(String::clone).to_vec(),
                ))
            }
            Some(tensor_info::Encoding::CompositeTensor(stored)) => {
                let spec = stored.type_spec.as_ref().map(type_spec).transpose()?;
                let composite = match spec {
                    Some(Spec::Composite(composite)) => composite,
                    _ => Composite {
                        kind: CompositeKind::Other(String::new(), stored.components.len()),
                        dtype: DataType::DtInvalid,
                        shape: None,
                    },
                };
                let mut parts = Vec::new();
                stored
                    .components
                    .iter()
                    .try_for_each(|info| inputs_of("", info, &mut parts))?;
                let tensors = parts.into_iter().map(|(_, tensor)| tensor).collect();
                Ok(Fetch::Composite(composite, tensors))
            }
            None => Err(Error::malformed(
                "an output does not say which tensor it is",
            )),
        }
    }

    /// The tensors, in order, and the operations.
    fn flat(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut tensors, mut operations) = (Vec::new(), Vec::new());
        self.collect(&mut tensors, &mut operations);
        (tensors, operations)
    }

    fn collect<'a>(&'a self, tensors: &mut Vec<&'a str>, operations: &mut Vec<&'a str>) {
        match self {
            Fetch::Tensor(name) => tensors.push(name),
            Fetch::Operation(name) => operations.push(name),
            Fetch::Composite(_, parts) => tensors.extend(parts.iter().map(String::as_str)),
            Fetch::List(items) => {
                items
                    .iter()
                    .for_each(|item| item.collect(tensors, operations));
            }
            Fetch::Dict(items) => {
                items
                    .values()
                    .for_each(|item| item.collect(tensors, operations));
            }
        }
    }

    fn pack(&self, values: &mut std::vec::IntoIter<Value>) -> Result<Nest> {
        let mut next = || {
            let missing = || Error::malformed("the graph gives fewer tensors than are fetched");
            values.next().ok_or_else(missing)
        };
        match self {
            Fetch::Tensor(_) => next().map(plain),
            Fetch::Operation(_) => Ok(Nest::None),
            Fetch::Composite(composite, parts) => {
                let parts = parts.iter().map(|_| next()).collect::<Result<_>>()?;
                assemble(composite, parts)
            }
            Fetch::List(items) => {
                let items = items.iter().map(|item| item.pack(values));
                Ok(Nest::List(items.collect::<Result<_>>()?))
            }
            Fetch::Dict(items) => {
                let items = items
                    .iter()
                    .map(|(k, item)| Ok((k.clone(), item.pack(values)?)));
                Ok(Nest::Dict(items.collect::<Result<_>>()?))
            }
        }
    }
}
