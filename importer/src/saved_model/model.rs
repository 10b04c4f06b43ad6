//! A loaded SavedModel.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use savedmodel_import_proto::{FingerprintDef, GraphDebugInfo, GraphDef, MetaGraphDef, NodeDef};

use super::assets::{self, Asset};
use super::bundle::{Bundle, index_path};
use super::exported::{Capture, ExportedFunction, FunctionBody};
use super::functions;
use super::keras_metadata;
use super::library::FunctionLibrary;
use super::objects::{CheckpointObjects, Context, ObjectGraph, match_checkpoint};
use super::options::{LoadOptions, Running};
use super::tensor::TensorValue;
use super::tf1::{self, Tf1};
use super::variables::{self, Variable};
use super::{debug_info, file, partial, tags};
use crate::eval::Tensor;
use crate::graph::main_graph::MainGraph;
use crate::graph::verify;
use crate::interpreter::{self, State};
use crate::{Error, Result};

/// A SavedModel: one MetaGraph, its functions, and its variables' places in the checkpoint.
#[derive(Debug)]
pub struct SavedModel {
    /// The directory it was loaded from.
    pub dir: PathBuf,
    /// The tags of the MetaGraph, as stored.
    pub tags: Vec<String>,
    /// The tags of every MetaGraph in the file.
    pub tag_sets: Vec<Vec<String>>,
    /// The version of TensorFlow that wrote it; may be empty.
    pub tensorflow_version: String,
    meta_graph: MetaGraphDef,
    library: FunctionLibrary,
    objects: Option<ObjectGraph>,
    object_values: CheckpointObjects,
    tf1: Option<Tf1>,
    checkpoint: Option<Bundle>,
    variables: Vec<Variable>,
    functions: Vec<ExportedFunction>,
    assets: Vec<Asset>,
    debug_info: OnceLock<Option<GraphDebugInfo>>,
    /// Which variables a TF1 model lists.
    listed: Vec<usize>,
    function_aliases: bool,
    /// Why it could not be loaded to be run, where it was loaded to be looked at.
    missing: Vec<Error>,
    running: Running,
    /// What calls have changed.
    pub(crate) state: Mutex<State>,
}

impl SavedModel {
    /// Loads the SavedModel in `dir` with the default options.
    pub fn load(dir: impl AsRef<Path>) -> Result<SavedModel> {
        LoadOptions::new().load(dir)
    }

    pub(super) fn load_with(dir: &Path, options: &LoadOptions) -> Result<SavedModel> {
        let proto = file::read_saved_model(dir, options.wait)?;
        let tag_sets = proto.meta_graphs.iter();
        let tag_sets = tag_sets
            .map(|graph| tags::tags_of(graph).to_vec())
            .collect();
        let (meta_graph, is_tf2) =
            tags::choose(proto, options.tags.as_deref()).map_err(|error| error.in_file(dir))?;
        let mut model = SavedModel::unread(dir, meta_graph);
        model.running = options.running;
        model.tag_sets = tag_sets;
        let read = model.read(is_tf2, options);
        let prepared = read.and_then(|()| {
            let prepared = model.prepare();
            model.note(options, prepared)
        });
        prepared.map_err(|error| error.in_file(&dir.join("saved_model.pb")))?;
        Ok(model)
    }

    /// Tables and other resources are made when a model is loaded.
    fn prepare(&self) -> Result<()> {
        let mut interpreter = interpreter::Interpreter::new(self);
        interpreter.prepare()?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = interpreter.into_state();
        Ok(())
    }

    fn unread(dir: &Path, meta_graph: MetaGraphDef) -> SavedModel {
        let info = meta_graph.meta_info_def.as_ref();
        SavedModel {
            dir: dir.to_owned(),
            tags: tags::tags_of(&meta_graph).to_vec(),
            tag_sets: Vec::new(),
            tensorflow_version: info
                .map(|i| i.tensorflow_version.clone())
                .unwrap_or_default(),
            meta_graph,
            library: FunctionLibrary::default(),
            objects: None,
            object_values: CheckpointObjects::new(),
            tf1: None,
            checkpoint: None,
            variables: Vec::new(),
            functions: Vec::new(),
            assets: Vec::new(),
            debug_info: OnceLock::new(),
            listed: Vec::new(),
            function_aliases: false,
            missing: Vec::new(),
            running: Running::default(),
            state: Mutex::new(State::default()),
        }
    }

    fn read(&mut self, is_tf2: bool, options: &LoadOptions) -> Result<()> {
        let graph = self.meta_graph.graph_def.get_or_insert_default();
        self.library = FunctionLibrary::take_from(graph)?;
        verify::library(&self.library)?;
        self.assets = assets::assets(&self.dir, &self.meta_graph)?;
        for asset in self.assets.clone() {
            self.note(options, assets::check_file(&asset))?;
        }
        match self.meta_graph.object_graph_def.take_if(|_| is_tf2) {
            Some(objects) => {
                let context = Context {
                    library: &self.library,
                    graph: self.main_graph(),
                    assets: self.assets.len(),
                };
                let objects = ObjectGraph::new(objects, &context)?;
                self.read_tf2(objects, options)
            }
            None => self.read_tf1(options),
        }
    }

    fn read_tf2(&mut self, objects: ObjectGraph, options: &LoadOptions) -> Result<()> {
        let has_variables = variables::are_in(&objects);
        self.open_checkpoint(has_variables, options)?;
        if let Some(bundle) = &self.checkpoint {
            self.object_values = match_checkpoint(&objects, bundle)?;
        }
        self.variables = variables::from_objects(&objects, &self.object_values)?;
        self.bind_variables(options)?;
        if let Some(paths) = &options.only {
            partial::check(&objects, paths)?;
        }
        self.function_aliases = options.function_aliases;
        self.functions = functions::from_objects(&objects, &self.library, &self.variables)?;
        self.objects = Some(objects);
        Ok(())
    }

    fn read_tf1(&mut self, options: &LoadOptions) -> Result<()> {
        self.tf1 = Some(tf1::read(&self.meta_graph, &self.assets)?);
        verify::main_graph(self.main_graph(), &self.library)?;
        if options.only.is_some() {
            return Err(Error::usage("a TF1 model cannot be loaded in part"));
        }
        self.variables = tf1::variables(&self.meta_graph)?;
        self.listed = tf1::listed(&self.meta_graph, &self.variables)?;
        let restores = self.variables.iter().any(|v| v.checkpoint_key.is_some());
        self.open_checkpoint(restores, options)?;
        self.bind_variables(options)?;
        self.functions = tf1::functions(&self.meta_graph)?;
        self.note(options, self.check_signatures())
    }

    /// That every placeholder which a signature of a TF1 model needs is among its inputs.
    fn check_signatures(&self) -> Result<()> {
        let graph = MainGraph::new(self.main_graph(), &self.library)?;
        for function in &self.functions {
            let FunctionBody::Graph {
                feeds,
                fetches,
                targets,
            } = &function.body
            else {
                continue;
            };
            let key = function.path.trim_start_matches("signatures/");
            for name in feeds.iter().chain(fetches) {
                graph.tensor_or_first(name).map_err(|error| {
                    Error::malformed(format!("signature '{key}': {}", error.kind()))
                })?;
            }
            let needed = fetches.iter().chain(targets).map(String::as_str);
            graph.check_fed(feeds, needed).map_err(|error| {
                Error::malformed(format!(
                    "A SavedModel signature needs an input for each placeholder the signature's outputs use. An output for signature '{key}' depends on a placeholder which is not an input: {}",
                    error.kind()
                ))
            })?;
        }
        Ok(())
    }

    /// Puts aside what keeps a model from running, if it is only looked at.
    fn note(&mut self, options: &LoadOptions, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(error) if options.is_tolerant => {
                self.missing.push(error);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Why the model cannot be run, where it was loaded to be looked at.
    pub(crate) fn missing(&self) -> &[Error] {
        &self.missing
    }

    /// A model without variables may come without a checkpoint.
    fn open_checkpoint(&mut self, needed: bool, options: &LoadOptions) -> Result<()> {
        if options.skip_checkpoint {
            return Ok(());
        }
        let own = || self.dir.join("variables").join("variables");
        let prefix = options.checkpoint.clone().unwrap_or_else(own);
        match needed || options.checkpoint.is_some() || index_path(&prefix).exists() {
            true => {
                let opened = Bundle::open(&prefix).map(|bundle| self.checkpoint = Some(bundle));
                self.note(options, opened)
            }
            false => Ok(()),
        }
    }

    fn bind_variables(&mut self, options: &LoadOptions) -> Result<()> {
        match &self.checkpoint {
            Some(checkpoint) => variables::bind(
                &mut self.variables,
                checkpoint,
                options.allow_partial_checkpoint,
            ),
            None => Ok(()),
        }
    }

    /// The MetaGraph, without the functions of its library and without its object graph, which are in `library` and
    /// `objects`.
    pub fn meta_graph(&self) -> &MetaGraphDef {
        &self.meta_graph
    }

    /// The main graph: in a TF1 model all there is, in a TF2 model the constants and what servers run.
    pub fn main_graph(&self) -> &GraphDef {
        static EMPTY: GraphDef = GraphDef {
            node: Vec::new(),
            library: None,
            version: 0,
            versions: None,
            debug_info: None,
        };
        self.meta_graph.graph_def.as_ref().unwrap_or(&EMPTY)
    }

    /// A node of the main graph.
    pub fn main_node(&self, name: &str) -> Option<&NodeDef> {
        self.main_graph().node.iter().find(|node| node.name == name)
    }

    /// The functions that graphs call.
    pub fn library(&self) -> &FunctionLibrary {
        &self.library
    }

    /// The object graph; `None` if the model was loaded as TF1.
    pub fn objects(&self) -> Option<&ObjectGraph> {
        self.objects.as_ref()
    }

    /// The JSON texts of `keras_metadata.pb`, one for each object of legacy Keras; none where the file is missing.
    ///
    /// # Errors
    /// The file cannot be parsed.
    pub fn keras_metadata(&self) -> Result<Vec<String>> {
        keras_metadata::read(&self.dir)
    }

    /// Whether the model is a flat TF1 graph.
    pub fn is_tf1(&self) -> bool {
        self.tf1.is_some()
    }

    /// All variables: in the order of the object graph, or of the main graph in a TF1 model.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// The variables that training changes.
    pub fn trainable_variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().filter(|variable| variable.trainable)
    }

    /// Reads a variable's value and verifies its checksum.
    pub fn read_variable(&self, variable: &Variable) -> Result<TensorValue<'_>> {
        let read = match (&self.checkpoint, &variable.checkpoint_key) {
            (Some(checkpoint), Some(key)) => match &variable.checkpoint_slice {
                Some(slice) => checkpoint.read_slice(key, slice),
                None => checkpoint.read(key),
            },
            _ => Err(Error::usage(format!(
                "variable `{}` has no value in the checkpoint",
                variable.name
            ))),
        };
        read.map_err(|error| error.at(&variable.place()))
    }

    /// The values that another checkpoint has for the variables, by their indices.
    pub(crate) fn read_checkpoint(&self, prefix: &Path) -> Result<Vec<(usize, Arc<Tensor>)>> {
        let bundle = Bundle::open(prefix)?;
        let mut variables = self.variables.clone();
        if let Some(objects) = &self.objects {
            let values = match_checkpoint(objects, &bundle)?;
            variables = variables::from_objects(objects, &values)?;
        }
        variables::bind(&mut variables, &bundle, false)?;
        let mut values = Vec::new();
        for (index, variable) in variables.iter().enumerate() {
            let Some(key) = &variable.checkpoint_key else {
                continue;
            };
            let read = match &variable.checkpoint_slice {
                Some(slice) => bundle.read_slice(key, slice),
                None => bundle.read(key),
            };
            let value = read.and_then(interpreter::tensor);
            let value = value.map_err(|error| error.at(&variable.place()))?;
            values.push((index, Arc::new(value)));
        }
        Ok(values)
    }

    pub(crate) fn read_fingerprint(&self) -> Option<FingerprintDef> {
        file::decode_file(&self.dir.join("fingerprint.pb")).ok()
    }

    /// How functions of the model run.
    pub(crate) fn running(&self) -> Running {
        self.running
    }

    /// The variables that the root of a TF1 model lists.
    pub(crate) fn listed_variables(&self) -> &[usize] {
        &self.listed
    }

    /// Whether aliases of functions were asked for.
    pub(crate) fn has_aliases(&self) -> bool {
        self.function_aliases
    }

    /// The checkpoint, if there is one.
    pub fn bundle(&self) -> Option<&Bundle> {
        self.checkpoint.as_ref()
    }

    /// The keys in the checkpoint of an object's values, by attribute: `table-keys`, say.
    pub fn object_values(&self, object: usize) -> impl Iterator<Item = (&str, &str)> {
        let values = self.object_values.get(&object);
        values
            .into_iter()
            .flatten()
            .map(|(attribute, key)| (attribute.as_str(), key.as_str()))
    }

    /// What the model offers to call: signatures and exported functions, one entry per trace.
    pub fn functions(&self) -> &[ExportedFunction] {
        &self.functions
    }

    /// A variable's value: the checkpoint's, or what initialised it.
    pub(crate) fn value_of(&self, variable: &Variable) -> Result<Arc<Tensor>> {
        if variable.checkpoint_key.is_none() {
            let same = |other: &Variable| std::ptr::eq(other, variable);
            let index = self.variables.iter().position(same);
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = index.and_then(|index| state.assigned(index)) {
                return Ok(value);
            }
        }
        let value = self.read_variable(variable)?;
        Ok(Arc::new(interpreter::tensor(value)?))
    }

    /// The content of the tables, as the model was loaded.
    pub(crate) fn tables(&self) -> Result<Vec<interpreter::TableContent>> {
        let state = self.state.lock();
        state.unwrap_or_else(PoisonError::into_inner).tables()
    }

    /// The path of each object of these numbers that the root reaches, as a person would write it.
    pub(crate) fn object_paths(&self, wanted: &[usize]) -> Result<Vec<Option<Vec<String>>>> {
        let Some(objects) = self.objects.as_ref() else {
            return Ok(vec![None; wanted.len()]);
        };
        let mut paths = super::objects::readable_paths(objects, |id| wanted.contains(&id))?;
        let path = |&id: &usize| paths.get_mut(id).and_then(Option::take);
        Ok(wanted.iter().map(path).collect())
    }

    /// What a function of the library captures, where it can be called from outside.
    pub fn captures_of(&self, function: &str) -> Option<Result<Vec<Capture>>> {
        let objects = self.objects.as_ref()?;
        let concrete = objects.concrete_functions().get(function)?;
        let indices = functions::variable_indices(&self.variables);
        Some(functions::captures(concrete, objects, &indices))
    }

    /// For each result of a function, in order, whether it is a tensor: a gradient has nothing for some of its operands.
    pub(crate) fn results_of(&self, function: &str) -> Option<Result<Vec<bool>>> {
        let concrete = self.objects.as_ref()?.concrete_functions().get(function)?;
        concrete.output_signature.as_ref().map(functions::tensors)
    }

    /// The files under `assets/`.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The operation of a TF1 model that runs after the variables are restored.
    pub fn init_op(&self) -> Option<&str> {
        self.tf1.as_ref()?.init_op.as_deref()
    }

    /// The operations that fill the tables and local variables of a TF1 model that names none to initialise it.
    pub(crate) fn initializers(&self) -> &[String] {
        self.tf1
            .as_ref()
            .map_or(&[], |tf1| tf1.initializers.as_slice())
    }

    /// The debug information: the lines of Python that made the nodes.
    pub fn debug_info(&self) -> Option<&GraphDebugInfo> {
        let path = self.dir.join("debug").join("saved_model_debug_info.pb");
        let read = || {
            path.is_file()
                .then(|| file::decode_file(&path).ok())
                .flatten()
        };
        self.debug_info.get_or_init(read).as_ref()
    }

    /// The line of Python that made a node of `function`, or of the main graph, where debug information is there.
    pub fn python_line(&self, node: &str, function: Option<&str>) -> Option<String> {
        debug_info::python_line(self.debug_info()?, node, function)
    }
}
