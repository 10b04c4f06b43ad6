//! What is inside a SavedModel.

mod modules;
mod objects;
mod print;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use savedmodel_import_proto::collection_def::Kind;
use serde::Serialize;

pub use self::modules::{Conversion, ModuleRow};
pub use self::objects::ObjectRow;
use crate::pipeline;
use crate::report::{Failure, failures};
use crate::saved_model::{
    Argument, ExportedFunction, LoadOptions, Output, PythonValue, SavedModel, StaticShape,
    Variable, dtype_name, element_size,
};
use crate::{Error, Result};

/// An account of a SavedModel. As JSON it is what `import inspect --json` prints: fields are added to it, but none is
/// taken away or changes its meaning. Shapes are lists with `null` for an unknown extent, or `null` for an unknown rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inventory {
    /// The SavedModel.
    pub model: PathBuf,
    /// The TensorFlow version that saved it.
    pub tensorflow: String,
    /// The version of TensorFlow's sources that saved it.
    pub tensorflow_git: String,
    /// The tags of the MetaGraph.
    pub tags: Vec<String>,
    /// The tags of every MetaGraph in the file.
    pub meta_graphs: Vec<Vec<String>>,
    /// Whether it is a flat graph of TensorFlow 1.
    pub tf1: bool,
    /// The hashes that TensorFlow wrote beside the model.
    pub fingerprint: Option<Fingerprint>,
    /// How large its graphs are.
    pub graph: GraphSize,
    /// Signatures and exported functions, an entry for each trace.
    pub functions: Vec<Callable>,
    /// The objects of a TF2 model, each before its attributes.
    pub objects: Vec<ObjectRow>,
    /// The collections of the MetaGraph: names, and how many items each has.
    pub collections: BTreeMap<String, usize>,
    /// The operation of a TF1 model that initialises it.
    pub init_op: Option<String>,
    /// The variables.
    pub variables: Vec<VariableRow>,
    /// What the variables come to.
    pub totals: Totals,
    /// The asset files.
    pub assets: Vec<String>,
    /// Files and inputs of signatures that are missing, so that the model cannot be loaded to be run.
    pub missing: Vec<Failure>,
    /// The fields of the module that a conversion makes; none where it is not possible.
    pub modules: Vec<ModuleRow>,
    /// What a conversion would say, for each framework.
    pub conversions: Vec<Conversion>,
    /// Everything that is not supported, by either framework: each op once per function, with its place.
    pub unsupported: Vec<Failure>,
}

/// The hashes beside a model. They are text: JSON's numbers are not exact enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fingerprint {
    /// The identity of this save.
    pub uuid: String,
    /// Of `saved_model.pb`.
    pub saved_model_checksum: String,
    /// Of the graph.
    pub graph_def_program_hash: String,
    /// Of the signatures.
    pub signature_def_hash: String,
    /// Of the object graph.
    pub saved_object_graph_hash: String,
    /// Of the checkpoint.
    pub checkpoint_hash: String,
}

/// How large the graphs are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GraphSize {
    /// Nodes of the main graph.
    pub main_nodes: usize,
    /// Functions in the library.
    pub functions: usize,
    /// Nodes of these functions.
    pub function_nodes: usize,
}

/// Something to call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Callable {
    /// `signatures/KEY`, or the attribute path from the root.
    pub path: String,
    /// Other paths to the same function.
    pub aliases: Vec<String>,
    /// The index among the traces of `path`.
    pub trace: usize,
    /// Arguments of this trace that are no tensors.
    pub python_arguments: BTreeMap<String, PythonValue>,
    /// Tensor arguments.
    pub inputs: Vec<TensorRow>,
    /// Results.
    pub outputs: Vec<TensorRow>,
}

/// Where a module is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda),
            _ => Err(Error::usage(format!("there is no device `{name}`")).help("cpu or cuda")),
        }
    }
}

impl Inventory {
    /// What of each framework's module leaves a device, as a person reads it.
    pub fn on_device(&self, device: Device) -> String {
        print::on_device(self, device)
    }
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
    /// Its path from the root of the object graph, joined by `/`.
    pub object: Option<String>,
    /// Its key in the checkpoint.
    pub checkpoint_key: Option<String>,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// Its shape.
    pub shape: StaticShape,
    /// Whether training changes it.
    pub trainable: bool,
    /// How many numbers it has, if its shape is known.
    pub parameters: Option<u64>,
    /// Its size in bytes, if that is known.
    pub bytes: Option<u64>,
}

/// What variables come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// How many variables there are.
    pub variables: usize,
    /// How many numbers they have.
    pub parameters: u64,
    /// How many of these training changes.
    pub trainable_parameters: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// Takes stock of the SavedModel in `dir`, files that are missing included: [`Inventory::missing`].
///
/// # Errors
/// There is no SavedModel, or its files contradict themselves.
pub fn inspect_dir(dir: &Path, options: &LoadOptions) -> Result<Inventory> {
    Ok(inspect(&options.clone().tolerant().load(dir)?))
}

/// Takes stock of `model`.
pub fn inspect(model: &SavedModel) -> Inventory {
    let variables: Vec<VariableRow> = model.variables().iter().map(variable).collect();
    let (conversions, modules) = modules::conversions(model);
    Inventory {
        model: model.dir.clone(),
        tensorflow: model.tensorflow_version.clone(),
        tensorflow_git: model.tensorflow_git_version().to_owned(),
        tags: model.tags.clone(),
        meta_graphs: model.tag_sets.clone(),
        tf1: model.is_tf1(),
        fingerprint: fingerprint(model),
        graph: graph_size(model),
        functions: model.functions().iter().map(callable).collect(),
        objects: objects::objects(model),
        collections: collections(model),
        init_op: model.init_op().map(str::to_owned),
        totals: totals(&variables),
        variables,
        assets: model
            .assets()
            .iter()
            .map(|asset| asset.filename.clone())
            .collect(),
        missing: model.missing().iter().flat_map(failures).collect(),
        unsupported: unsupported(model, &conversions),
        modules,
        conversions,
    }
}

/// The ops without a lowering, and what a framework lacks beyond.
fn unsupported(model: &SavedModel, conversions: &[Conversion]) -> Vec<Failure> {
    let errors = pipeline::unsupported(model);
    let of_frameworks = conversions
        .iter()
        .flat_map(|conversion| conversion.failures.iter().chain(&conversion.left_out));
    let of_frameworks = of_frameworks.filter(|failure| failure.kind == "unsupported");
    let mut seen = BTreeSet::new();
    let mut all: Vec<Failure> = errors.iter().flat_map(failures).collect();
    all.extend(of_frameworks.cloned());
    all.retain(|row| seen.insert((row.message.clone(), row.node.clone(), row.function.clone())));
    all
}

fn fingerprint(model: &SavedModel) -> Option<Fingerprint> {
    let read = model.fingerprint()?;
    let hash = |hash: u64| format!("{hash:016x}");
    Some(Fingerprint {
        uuid: read.uuid.clone(),
        saved_model_checksum: hash(read.saved_model_checksum),
        graph_def_program_hash: hash(read.graph_def_program_hash),
        signature_def_hash: hash(read.signature_def_hash),
        saved_object_graph_hash: hash(read.saved_object_graph_hash),
        checkpoint_hash: hash(read.checkpoint_hash),
    })
}

fn graph_size(model: &SavedModel) -> GraphSize {
    let functions = model.library().iter();
    GraphSize {
        main_nodes: model.main_graph().node.len(),
        functions: model.library().len(),
        function_nodes: functions.map(|(_, function)| function.node_def.len()).sum(),
    }
}

fn collections(model: &SavedModel) -> BTreeMap<String, usize> {
    let count = |kind: Option<&Kind>| match kind {
        Some(Kind::NodeList(list)) => list.value.len(),
        Some(Kind::BytesList(list)) => list.value.len(),
        Some(Kind::Int64List(list)) => list.value.len(),
        Some(Kind::FloatList(list)) => list.value.len(),
        Some(Kind::AnyList(list)) => list.value.len(),
        None => 0,
    };
    let collections = model.meta_graph().collection_def.iter();
    collections
        .map(|(name, collection)| (name.clone(), count(collection.kind.as_ref())))
        .collect()
}

fn callable(function: &ExportedFunction) -> Callable {
    let row = |name: &str, dtype, shape: &StaticShape| TensorRow {
        name: name.to_owned(),
        dtype: dtype_name(dtype),
        shape: shape.clone(),
    };
    let input = |input: &Argument| row(&input.name, input.dtype, &input.shape);
    let output = |output: &Output| row(&output.name, output.dtype, &output.shape);
    Callable {
        path: function.path.clone(),
        aliases: function.aliases.clone(),
        trace: function.trace,
        python_arguments: function.python_arguments.clone(),
        inputs: function.inputs.iter().map(input).collect(),
        outputs: function.outputs.iter().map(output).collect(),
    }
}

fn variable(variable: &Variable) -> VariableRow {
    let dims = variable.shape.as_ref();
    let known = dims.and_then(|dims| dims.iter().copied().collect::<Option<Vec<u64>>>());
    let parameters = known.map(|dims| dims.into_iter().fold(1, u64::saturating_mul));
    let size = element_size(variable.dtype).map(|size| size as u64);
    VariableRow {
        name: variable.name.clone(),
        object: variable.object_path.as_ref().map(|path| path.join("/")),
        checkpoint_key: variable.checkpoint_key.clone(),
        dtype: dtype_name(variable.dtype),
        shape: variable.shape.clone(),
        trainable: variable.trainable,
        parameters,
        bytes: parameters
            .zip(size)
            .map(|(count, size)| count.saturating_mul(size)),
    }
}

fn totals(variables: &[VariableRow]) -> Totals {
    let mut totals = Totals {
        variables: variables.len(),
        ..Totals::default()
    };
    for row in variables {
        let parameters = row.parameters.unwrap_or(0);
        totals.parameters = totals.parameters.saturating_add(parameters);
        totals.bytes = totals.bytes.saturating_add(row.bytes.unwrap_or(0));
        if row.trainable {
            totals.trainable_parameters = totals.trainable_parameters.saturating_add(parameters);
        }
    }
    totals
}
