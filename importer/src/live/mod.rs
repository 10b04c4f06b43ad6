//! The model as a program has it that loaded it: objects with attributes, functions to call, variables that change.
//!
//! It gives what `tf.saved_model.load` gives in Python. State is shared by everything that comes from one [`SavedModel`]:
//! what a function assigns, the next one reads.

mod arguments;
mod convert;
mod fit;
mod flat;
mod function;
mod graph_function;
mod names;
mod nest;
mod object;
mod parameters;
mod spec;
mod trace;
mod variable;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::PoisonError;

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{FingerprintDef, GraphDef};

pub use self::arguments::Arguments;
pub use self::function::Function;
pub use self::names::Names;
pub use self::nest::{Handle, Nest, Ragged, Sparse};
pub use self::object::{Object, ObjectKind};
pub use self::parameters::{Parameter, Parameters};
pub use self::spec::{Composite, CompositeKind, Spec, TensorSpec};
pub use self::trace::Trace;
pub use self::variable::Variable;

use self::graph_function::GraphFunction;
use self::object::Node;
use crate::interpreter::Interpreter;
use crate::saved_model::SavedModel;
use crate::{Error, Place, Result};

impl SavedModel {
    /// The object that was saved.
    pub fn root(&self) -> Object<'_> {
        Object::root(self)
    }

    /// The object at a path of attribute names, keys and indices from the root, joined by `/`.
    ///
    /// # Errors
    /// There is none; the error lists what there is.
    pub fn object(&self, path: &str) -> Result<Object<'_>> {
        let mut at = self.root();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = at.attribute(name)?;
        }
        Ok(at)
    }

    /// A signature, by its key.
    ///
    /// # Errors
    /// There is none of that key; the error lists those that there are.
    pub fn signature(&self, key: &str) -> Result<Function<'_>> {
        let all = self.root().attribute("signatures");
        let found = all.as_ref().ok().and_then(|all| all.attribute(key).ok());
        found.map(|object| object.function()).unwrap_or_else(|| {
            let keys = all.map(|all| all.names()).unwrap_or_default();
            Err(Error::usage(format!("the model has no signature `{key}`"))
                .help(format!("its signatures are {}", keys.join(", "))))
        })
    }

    /// The function at a path of attribute names from the root, joined by `/`.
    ///
    /// # Errors
    /// There is none, or it is not a function.
    pub fn function(&self, path: &str) -> Result<Function<'_>> {
        self.object(path)?.function()
    }

    /// Calls the model itself, where its class has a `__call__`.
    ///
    /// # Errors
    /// It has none, or as [`Function::call`].
    pub fn call(&self, arguments: impl Into<Arguments>) -> Result<Nest> {
        self.root().call(arguments)
    }

    /// The variable at a path from the root, or else of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn variable(&self, path: &str) -> Result<Variable<'_>> {
        if let Ok(object) = self.object(path) {
            return object.variable();
        }
        let index = self
            .variables()
            .iter()
            .position(|variable| variable.name == path);
        let missing = || Error::usage(format!("the model has no variable `{path}`"));
        Variable::new(self, index.ok_or_else(missing)?)
    }

    /// A variable that is not part of the model, to be given to functions as an argument.
    ///
    /// # Errors
    /// The value is no tensor.
    pub fn new_variable(&self, value: impl Into<Nest>) -> Result<Nest> {
        let value = value.into();
        let wanted = savedmodel_import_proto::DataType::DtInvalid;
        let tensor = convert::to_tensor(&value, wanted);
        let tensor = tensor.ok_or_else(|| Error::usage(format!("{value} is no tensor")))?;
        let resource = self.interpret(|interpreter| interpreter.new_variable(tensor.clone()))?;
        Ok(Nest::Variable(Handle {
            resource,
            dtype: nest::data_type(tensor.dtype()),
            value: tensor,
        }))
    }

    /// The part of the main graph between tensors that are fed and tensors and operations that are fetched.
    ///
    /// # Errors
    /// A name of nothing, or a placeholder that is needed and not fed.
    pub fn prune(
        &self,
        feeds: impl Into<Names>,
        fetches: impl Into<Names>,
    ) -> Result<Function<'_>> {
        let graph = GraphFunction::prune(self, &feeds.into(), &fetches.into())?;
        Ok(Function::of_graph(self, "prune", graph))
    }

    /// The main graph: of a TF1 model all there is.
    pub fn graph(&self) -> &GraphDef {
        self.main_graph()
    }

    /// Gives the variables the values of another checkpoint, by its files' common prefix.
    ///
    /// # Errors
    /// The checkpoint cannot be read, or lacks a variable.
    pub fn restore(&self, prefix: impl AsRef<Path>) -> Result<()> {
        let values = self.read_checkpoint(prefix.as_ref())?;
        self.interpret(|interpreter| {
            values
                .into_iter()
                .try_for_each(|(index, value)| interpreter.assign(index, value))
        })
    }

    /// Whether the model can be restored: it has variables, or says how to restore them.
    pub fn can_restore(&self) -> bool {
        self.meta_graph().saver_def.is_some() || !self.variables().is_empty()
    }

    /// The hashes that TensorFlow wrote beside the model; `None` where they are missing or broken.
    pub fn fingerprint(&self) -> Option<FingerprintDef> {
        self.read_fingerprint()
    }

    /// The version of TensorFlow's sources that wrote it; may be empty.
    pub fn tensorflow_git_version(&self) -> &str {
        let info = self.meta_graph().meta_info_def.as_ref();
        info.map_or("", |info| &info.tensorflow_git_version)
    }

    /// The functions by the aliases that they were saved under.
    pub fn function_aliases(&self) -> BTreeMap<String, Object<'_>> {
        let object = |(alias, id)| {
            let path = format!("function_aliases/{alias}");
            let node = Node::Graph(id);
            let model = self;
            (alias, Object { model, node, path })
        };
        self.aliases().into_iter().map(object).collect()
    }

    /// From aliases to objects.
    fn aliases(&self) -> BTreeMap<String, usize> {
        let info = self.meta_graph().meta_info_def.as_ref();
        let Some((info, objects)) = info.zip(self.objects()) else {
            return BTreeMap::new();
        };
        let mut found = BTreeMap::new();
        for id in (0..objects.len()).rev() {
            let names = match objects.kind(id) {
                Some(Kind::Function(function)) => function.concrete_functions.as_slice(),
                Some(Kind::BareConcreteFunction(bare)) => {
                    std::slice::from_ref(&bare.concrete_function_name)
                }
                _ => &[],
            };
            for alias in names
                .iter()
                .filter_map(|name| info.function_aliases.get(name))
            {
                let is_polymorphic = matches!(objects.kind(id), Some(Kind::Function(_)));
                if is_polymorphic || !found.contains_key(alias) {
                    found.insert(alias.clone(), id);
                }
            }
        }
        found
    }

    fn graph_signature(&self, key: &str) -> Result<Function<'_>> {
        let missing = || Error::usage(format!("the model has no signature `{key}`"));
        let signature = self
            .meta_graph()
            .signature_def
            .get(key)
            .ok_or_else(missing)?;
        let graph = GraphFunction::signature(self, signature)?;
        Ok(Function::of_graph(
            self,
            &format!("signatures/{key}"),
            graph,
        ))
    }

    /// Runs something in the model's state.
    fn interpret<T>(&self, run: impl FnOnce(&mut Interpreter<'_>) -> Result<T>) -> Result<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut interpreter = Interpreter::resume(self, std::mem::take(&mut *state));
        let result = run(&mut interpreter);
        *state = interpreter.into_state();
        drop(state);
        result.map_err(|error| self.with_python_line(error))
    }

    /// Names the line of Python that made the node which failed.
    fn with_python_line(&self, error: Error) -> Error {
        let place = error.place();
        let Some(node) = &place.node else {
            return error;
        };
        let python = self.python_line(node, place.function.as_deref());
        error.at(&Place {
            python,
            ..Place::default()
        })
    }
}
