//! Objects of a loaded model: attributes, lists, dicts, and what they hold.

use savedmodel_import_proto::SavedUserObject;
use savedmodel_import_proto::saved_object::Kind as Proto;

use super::arguments::Arguments;
use super::function::Function;
use super::nest::Nest;
use super::variable::Variable;
use crate::saved_model::{Asset, Capture, SavedModel};
use crate::{Error, Result};

/// An object of a loaded model. Two paths may lead to one object, and paths may go round in circles.
#[derive(Clone, Debug)]
pub struct Object<'m> {
    pub(super) model: &'m SavedModel,
    pub(super) node: Node,
    /// The path it was found by.
    pub(super) path: String,
}

/// Which object: one of the object graph, or what a TF1 model's root has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Graph(usize),
    /// The root of a TF1 model.
    Root,
    /// The signatures of a TF1 model.
    Signatures,
    Signature(String),
    /// The variables of a TF1 model.
    Variables,
    Variable(usize),
    /// The asset files of a TF1 model.
    Assets,
    Asset(usize),
    /// Functions by their aliases.
    Aliases,
    /// What a method of [`SavedModel`] gives.
    Member(&'static str),
}

/// The kinds of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// Something with attributes.
    Plain,
    /// A list; items that TensorFlow does not track are missing from it.
    List,
    /// A tuple.
    Tuple,
    /// A dict, or the signatures.
    Dict,
    /// A function.
    Function,
    /// A variable.
    Variable,
    /// A file of the model.
    Asset,
    /// A constant tensor.
    Constant,
    /// A table, or another resource.
    Resource,
    /// A method or property of the model itself.
    Member,
}

/// What the root of a TF1 model has beside its signatures and variables.
const MEMBERS: [&str; 4] = ["graph", "prune", "initializer", "restore"];
/// What every root has.
const ROOT_FACTS: [&str; 3] = [
    "graph_debug_info",
    "tensorflow_git_version",
    "tensorflow_version",
];

impl<'m> Object<'m> {
    pub(super) fn root(model: &'m SavedModel) -> Object<'m> {
        Object {
            model,
            node: match model.is_tf1() {
                true => Node::Root,
                false => Node::Graph(0),
            },
            path: String::new(),
        }
    }

    fn child(&self, node: Node, name: &str) -> Object<'m> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        };
        Object {
            model: self.model,
            node,
            path,
        }
    }

    /// The path it was found by: names from the root, joined by `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are one object.
    pub fn is_same(&self, other: &Object<'_>) -> bool {
        std::ptr::eq(self.model, other.model) && self.node == other.node
    }

    /// What it is.
    pub fn kind(&self) -> ObjectKind {
        match &self.node {
            Node::Graph(id) => self.graph_kind(*id),
            Node::Root => ObjectKind::Plain,
            Node::Signatures | Node::Aliases => ObjectKind::Dict,
            Node::Signature(_) => ObjectKind::Function,
            Node::Variables | Node::Assets => ObjectKind::List,
            Node::Variable(_) => ObjectKind::Variable,
            Node::Asset(_) => ObjectKind::Asset,
            Node::Member(_) => ObjectKind::Member,
        }
    }

    fn graph_kind(&self, id: usize) -> ObjectKind {
        match self.proto(id) {
            Some(Proto::UserObject(object)) if !is_known(object) => ObjectKind::Plain,
            Some(Proto::UserObject(object)) => match object.identifier.as_str() {
                "trackable_list_wrapper" => ObjectKind::List,
                "trackable_tuple_wrapper" => ObjectKind::Tuple,
                "trackable_dict_wrapper" | "signature_map" => ObjectKind::Dict,
                _ => ObjectKind::Plain,
            },
            Some(Proto::Function(_) | Proto::BareConcreteFunction(_)) => ObjectKind::Function,
            Some(Proto::Variable(_)) => ObjectKind::Variable,
            Some(Proto::Asset(_)) => ObjectKind::Asset,
            Some(Proto::Constant(_) | Proto::CapturedTensor(_)) => ObjectKind::Constant,
            Some(Proto::Resource(_)) => ObjectKind::Resource,
            None => ObjectKind::Plain,
        }
    }

    fn proto(&self, id: usize) -> Option<&'m Proto> {
        self.model.objects()?.kind(id)
    }

    /// The name of the class it was saved as; empty for what is not of a user's class.
    pub fn class(&self) -> &'m str {
        match &self.node {
            Node::Graph(id) => match self.proto(*id) {
                Some(Proto::UserObject(object)) => &object.identifier,
                _ => "",
            },
            _ => "",
        }
    }

    /// The names of its attributes, or the keys of a dict, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.node {
            Node::Graph(id) => {
                let objects = self.model.objects();
                let children = objects
                    .into_iter()
                    .flat_map(|objects| objects.children(*id));
                children.map(|(_, name)| name.to_owned()).collect()
            }
            Node::Root => {
                let lists = ["signatures", "variables", "asset_paths"];
                let names = MEMBERS.into_iter().chain(lists);
                let has = |name: &&str| *name != "restore" || self.model.can_restore();
                names.filter(has).map(str::to_owned).collect()
            }
            Node::Signatures => self
                .model
                .meta_graph()
                .signature_def
                .keys()
                .cloned()
                .collect(),
            Node::Aliases => self.model.aliases().into_keys().collect(),
            Node::Signature(_)
            | Node::Variables
            | Node::Variable(_)
            | Node::Assets
            | Node::Asset(_)
            | Node::Member(_) => Vec::new(),
        };
        if matches!(self.node, Node::Root | Node::Graph(0)) {
            names.extend(ROOT_FACTS.map(str::to_owned));
            let aliases = self
                .model
                .has_aliases()
                .then(|| "function_aliases".to_owned());
            names.extend(aliases);
        }
        names.sort();
        names.dedup();
        names
    }

    /// An attribute, or the value of a key.
    ///
    /// # Errors
    /// There is none of that name; the error lists those that there are.
    pub fn attribute(&self, name: &str) -> Result<Object<'m>> {
        let node = self.find(name).ok_or_else(|| {
            let what = match self.path.as_str() {
                "" => "the model".to_owned(),
                path => format!("`{path}`"),
            };
            Error::usage(format!("{what} has no attribute `{name}`"))
                .help(format!("it has {}", self.names().join(", ")))
        })?;
        Ok(self.child(node, name))
    }

    fn find(&self, name: &str) -> Option<Node> {
        let found = match &self.node {
            Node::Graph(id) => self.model.objects()?.child(*id, name).map(Node::Graph),
            Node::Root => self.root_attribute(name),
            Node::Signatures => {
                let signatures = &self.model.meta_graph().signature_def;
                signatures
                    .contains_key(name)
                    .then(|| Node::Signature(name.to_owned()))
            }
            Node::Aliases => self.model.aliases().remove(name).map(Node::Graph),
            Node::Variables | Node::Assets => self.item_node(name.parse().ok()?),
            Node::Signature(_) | Node::Variable(_) | Node::Asset(_) | Node::Member(_) => None,
        };
        found.or_else(|| self.root_fact(name))
    }

    fn root_attribute(&self, name: &str) -> Option<Node> {
        match name {
            "signatures" => Some(Node::Signatures),
            "variables" => Some(Node::Variables),
            "asset_paths" => Some(Node::Assets),
            "restore" if !self.model.can_restore() => None,
            _ => MEMBERS
                .into_iter()
                .find(|member| *member == name)
                .map(Node::Member),
        }
    }

    fn root_fact(&self, name: &str) -> Option<Node> {
        match &self.node {
            Node::Root | Node::Graph(0) => match name {
                "function_aliases" if self.model.has_aliases() => Some(Node::Aliases),
                _ => ROOT_FACTS
                    .into_iter()
                    .find(|fact| *fact == name)
                    .map(Node::Member),
            },
            _ => None,
        }
    }

    /// How many items a list has; 0 for anything else.
    pub fn len(&self) -> usize {
        match (&self.node, self.kind()) {
            (Node::Graph(id), ObjectKind::List | ObjectKind::Tuple) => {
                let objects = self.model.objects();
                let children = objects
                    .into_iter()
                    .flat_map(|objects| objects.children(*id));
                let indices = children.filter_map(|(_, name)| name.parse::<usize>().ok());
                indices.max().map_or(0, |last| last.saturating_add(1))
            }
            (Node::Variables, _) => self.model.listed_variables().len(),
            (Node::Assets, _) => self.model.assets().len(),
            _ => 0,
        }
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An item of a list; `None` where Python had one that TensorFlow does not track.
    ///
    /// # Errors
    /// The list is shorter.
    pub fn item(&self, index: usize) -> Result<Option<Object<'m>>> {
        let length = self.len();
        if index >= length {
            let path = &self.path;
            return Err(Error::usage(format!(
                "`{path}` has {length} items, and no {index}"
            )));
        }
        let node = self.item_node(index);
        Ok(node.map(|node| self.child(node, &index.to_string())))
    }

    fn item_node(&self, index: usize) -> Option<Node> {
        match &self.node {
            Node::Graph(id) => {
                let child = self.model.objects()?.child(*id, &index.to_string());
                child.map(Node::Graph)
            }
            Node::Variables => self
                .model
                .listed_variables()
                .get(index)
                .copied()
                .map(Node::Variable),
            Node::Assets => (index < self.model.assets().len()).then_some(Node::Asset(index)),
            _ => None,
        }
    }

    /// The function that it is, or that calling it calls.
    ///
    /// # Errors
    /// It cannot be called.
    pub fn function(&self) -> Result<Function<'m>> {
        let mut seen = Vec::new();
        let mut at = self.clone();
        loop {
            match (&at.node, at.kind()) {
                (Node::Graph(id), ObjectKind::Function) => {
                    return Function::of_object(self.model, *id, self.name());
                }
                (Node::Signature(key), _) => return self.model.graph_signature(key),
                (Node::Graph(id), _) if !seen.contains(id) => seen.push(*id),
                _ => break,
            }
            match at.find("__call__") {
                Some(node) => at = at.child(node, "__call__"),
                None => break,
            }
        }
        let name = self.name();
        Err(Error::usage(format!("`{name}` is not callable")))
    }

    fn name(&self) -> &str {
        match self.path.as_str() {
            "" => "__call__",
            path => path,
        }
    }

    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        self.function().is_ok()
    }

    /// Calls it.
    ///
    /// # Errors
    /// It cannot be called, or as [`Function::call`].
    pub fn call(&self, arguments: impl Into<Arguments>) -> Result<Nest> {
        self.function()?.call(arguments)
    }

    /// The variable that it is.
    ///
    /// # Errors
    /// It is something else.
    pub fn variable(&self) -> Result<Variable<'m>> {
        let index = match &self.node {
            Node::Variable(index) => Some(*index),
            Node::Graph(id) => {
                let mut variables = self.model.variables().iter();
                variables.position(|variable| variable.object_id == Some(*id))
            }
            _ => None,
        };
        let name = self.name();
        Variable::new(
            self.model,
            index.ok_or_else(|| Error::usage(format!("`{name}` is not a variable")))?,
        )
    }

    /// The file that it is.
    pub fn asset(&self) -> Option<&'m Asset> {
        let index = match &self.node {
            Node::Asset(index) => Some(*index),
            Node::Graph(id) => match self.proto(*id)? {
                Proto::Asset(asset) => usize::try_from(asset.asset_file_def_index).ok(),
                _ => None,
            },
            _ => None,
        };
        self.model.assets().get(index?)
    }

    /// The value of a variable or constant, or the path of an asset.
    ///
    /// # Errors
    /// It has none.
    pub fn value(&self) -> Result<Nest> {
        if let Some(asset) = self.asset() {
            let path = asset.path.to_string_lossy().into_owned();
            return Ok(crate::eval::Tensor::new(&[], vec![path.into_bytes()])?.into());
        }
        let Node::Graph(id) = &self.node else {
            return Ok(self.variable()?.value()?.into());
        };
        match self.proto(*id) {
            Some(Proto::Constant(constant)) => {
                let capture = Capture::Constant(constant.operation.clone());
                let value = self
                    .model
                    .interpret(|interpreter| interpreter.captured(&capture))?;
                Ok(super::fit::plain(value))
            }
            _ => Ok(self.variable()?.value()?.into()),
        }
    }

    /// The variables that an optimizer keeps for others: the other variable, the slot's name, and the variable.
    pub fn slot_variables(&self) -> Vec<(Object<'m>, &'m str, Object<'m>)> {
        let Node::Graph(id) = &self.node else {
            return Vec::new();
        };
        let stored = self.model.objects().and_then(|objects| objects.get(*id));
        let slots = stored.map_or(&[][..], |stored| &stored.slot_variables);
        let object = |id: i32, name: &str| self.child(Node::Graph(id as usize), name);
        slots
            .iter()
            .map(|slot| {
                let name = slot.slot_name.as_str();
                let original = object(slot.original_variable_node_id, name);
                (original, name, object(slot.slot_variable_node_id, name))
            })
            .collect()
    }
}

/// Whether an object of a built-in class is of a version that may be revived: TensorFlow has had but version 1.
fn is_known(object: &SavedUserObject) -> bool {
    let Some(version) = &object.version else {
        return false;
    };
    version.producer >= 1 && version.min_consumer <= 1 && !version.bad_consumers.contains(&1)
}
