//! The objects of a model as a tree: every object once, by its shortest plain path.

use std::collections::VecDeque;

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{SavedUserObject, SavedVariable};
use serde::Serialize;

use crate::saved_model::{ObjectGraph, SavedModel, dtype_name, static_shape};

/// Objects deeper than this are not listed.
const MAX_DEPTH: usize = 64;
/// More objects than this are not listed.
const MAX_ROWS: usize = 200_000;

/// An object, or another way to one that was listed before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectRow {
    /// The names from the root, joined by `/`; empty for the root.
    pub path: String,
    /// The last of these names.
    pub name: String,
    /// How many names there are.
    pub depth: usize,
    /// `object`, `list`, `tuple`, `dict`, `function`, `variable`, `constant`, `asset`, `resource` or `tensor`.
    pub kind: &'static str,
    /// The class it was saved as, for an object; Keras' own name where Keras tells it.
    pub class: String,
    /// A variable's type, a function's number of traces, an asset's file.
    pub detail: String,
    /// The path under which the object is listed, if this is another way to it.
    pub same_as: Option<String>,
}

/// The objects of a TF2 model, each before its attributes. None for a TF1 model.
pub fn objects(model: &SavedModel) -> Vec<ObjectRow> {
    let Some(graph) = model.objects() else {
        return vec![];
    };
    let places = places(graph);
    let mut rows: Vec<ObjectRow> = vec![];
    let mut stack = vec![Visit::default()];
    while let Some(visit) = stack.pop() {
        let is_own = places[visit.id].map(|place| place.edge) == Some(visit.edge);
        let (kind, class, detail) = described(model, graph, visit.id);
        if is_own && visit.depth < MAX_DEPTH && rows.len() + stack.len() < MAX_ROWS {
            let first = stack.len();
            let children = graph.children(visit.id).enumerate();
            stack.extend(children.map(|(index, (child, name))| visit.child(index, child, name)));
            stack[first..].reverse();
        }
        rows.push(ObjectRow {
            path: visit.path,
            name: visit.name,
            depth: visit.depth,
            kind,
            class,
            detail,
            same_as: (!is_own).then(|| path(&places, visit.id)),
        });
    }
    rows
}

/// An attribute on the way through the tree.
#[derive(Default)]
struct Visit {
    id: usize,
    /// The object around, and which of its attributes it is.
    edge: Option<(usize, usize)>,
    path: String,
    name: String,
    depth: usize,
}

impl Visit {
    fn child(&self, index: usize, id: usize, name: &str) -> Visit {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            around => format!("{around}/{name}"),
        };
        Visit {
            id,
            edge: Some((self.id, index)),
            path,
            name: name.to_owned(),
            depth: self.depth + 1,
        }
    }
}

/// Where an object is found: the object around it, which of its attributes it is, and what that is called.
#[derive(Clone, Copy)]
struct Place<'g> {
    edge: Option<(usize, usize)>,
    name: &'g str,
    depth: usize,
}

/// The place of each object, by the fewest names; names that gather count only where no other leads there.
fn places(graph: &ObjectGraph) -> Vec<Option<Place<'_>>> {
    let mut places: Vec<Option<Place>> = vec![None; graph.len()];
    let root = Place {
        edge: None,
        name: "",
        depth: 0,
    };
    let mut near = VecDeque::from([(0, root)]);
    let mut far = VecDeque::new();
    while let Some((id, place)) = near.pop_front().or_else(|| far.pop_front()) {
        if places[id].is_some() {
            continue;
        }
        places[id] = Some(place);
        if place.depth > MAX_DEPTH {
            continue;
        }
        for (index, (child, name)) in graph.children(id).enumerate() {
            let queue = if is_derived(name) {
                &mut far
            } else {
                &mut near
            };
            let place = Place {
                edge: Some((id, index)),
                name,
                depth: place.depth + 1,
            };
            queue.push_back((child, place));
        }
    }
    places
}

/// Whether an attribute gathers what other attributes have.
fn is_derived(name: &str) -> bool {
    const GATHERED: [&str; 7] = [
        "variables",
        "trainable_variables",
        "non_trainable_variables",
        "regularization_losses",
        "signatures",
        "keras_api",
        "layers",
    ];
    name.starts_with('_') || GATHERED.contains(&name)
}

fn path(places: &[Option<Place<'_>>], id: usize) -> String {
    let mut names = vec![];
    let mut at = id;
    while let Some(Place {
        edge: Some((around, _)),
        name,
        ..
    }) = places[at]
    {
        names.push(name);
        at = around;
    }
    names.reverse();
    names.join("/")
}

/// Kind, class and detail of an object.
fn described(model: &SavedModel, graph: &ObjectGraph, id: usize) -> (&'static str, String, String) {
    let nothing = String::new;
    match graph.kind(id) {
        Some(Kind::UserObject(object)) => user_object(object),
        Some(Kind::Function(function)) => {
            let detail = match function.concrete_functions.len() {
                0 => "never traced".to_owned(),
                1 => nothing(),
                count => format!("{count} traces"),
            };
            ("function", nothing(), detail)
        }
        Some(Kind::BareConcreteFunction(_)) => ("function", nothing(), nothing()),
        Some(Kind::Variable(variable)) => ("variable", nothing(), variable_type(variable)),
        Some(Kind::Asset(asset)) => {
            let index = usize::try_from(asset.asset_file_def_index).ok();
            let file = index.and_then(|index| model.assets().get(index));
            let name = file.map(|asset| asset.filename.clone());
            ("asset", nothing(), name.unwrap_or_default())
        }
        Some(Kind::Constant(_)) => ("constant", nothing(), nothing()),
        Some(Kind::Resource(_)) => ("resource", nothing(), nothing()),
        Some(Kind::CapturedTensor(tensor)) => ("tensor", nothing(), tensor.name.clone()),
        None => ("object", nothing(), nothing()),
    }
}

fn user_object(object: &SavedUserObject) -> (&'static str, String, String) {
    let kind = match object.identifier.as_str() {
        "trackable_list_wrapper" => "list",
        "trackable_tuple_wrapper" => "tuple",
        "trackable_dict_wrapper" | "signature_map" => "dict",
        identifier => {
            let class = keras_class(&object.metadata);
            let known = class
                .or_else(|| (identifier != "_generic_user_object").then(|| identifier.to_owned()));
            return ("object", known.unwrap_or_default(), String::new());
        }
    };
    (kind, String::new(), String::new())
}

/// The class in the metadata that Keras writes.
fn keras_class(metadata: &str) -> Option<String> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    Some(metadata.get("class_name")?.as_str()?.to_owned())
}

fn variable_type(variable: &SavedVariable) -> String {
    let shape = static_shape(variable.shape.as_ref()).unwrap_or_default();
    let text = super::print::tensor_type(&dtype_name(variable.dtype()), &shape);
    match variable.trainable {
        true => text,
        false => format!("{text}, not trainable"),
    }
}
