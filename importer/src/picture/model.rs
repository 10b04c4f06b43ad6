//! What a picture shows, before anybody has laid it out.

use serde::Serialize;

use crate::Failure;

/// A model as drawings: types of module, each of whose methods is a graph of boxes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Picture {
    /// The model's name.
    pub name: String,
    /// The TensorFlow version that saved it.
    pub tensorflow: String,
    /// The tags of the MetaGraph.
    pub tags: Vec<String>,
    /// The modules; the first is the model. A module that a box stands for comes after the one with the box.
    pub modules: Vec<Module>,
    /// The variables that modules hold, sorted by `key`.
    pub weights: Vec<Weight>,
    /// Why functions are drawn from TensorFlow's graph and not as modules.
    pub failures: Vec<Failure>,
}

/// A type of module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Module {
    /// Its name: of the generated struct, or the name scope.
    pub name: String,
    /// What it is and where it came from.
    pub note: String,
    /// Whether it is a name scope of TensorFlow's graph and not a struct of the generated code.
    pub is_scope: bool,
    /// The layer path of the instance whose shapes are drawn, if there are several.
    pub example: String,
    /// The parts, in the order of their use.
    pub fields: Vec<Field>,
    /// What it computes, a drawing for each method.
    pub methods: Vec<Method>,
    /// Where in the model such modules are.
    pub instances: Vec<Instance>,
}

/// A module of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Instance {
    /// The path of its field: the prefix of its weights' keys.
    pub path: String,
    /// The values of what instances differ in.
    pub settings: Vec<String>,
}

/// A field of a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub what: String,
    /// The type of module that it holds, if it holds modules.
    pub module: Option<usize>,
    /// How many modules it holds, if it holds a row of them.
    pub count: Option<usize>,
}

/// A method of a module.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// The function or signature of the model that it is, if it is the model's own.
    pub path: String,
    /// The boxes.
    pub boxes: Vec<Node>,
    /// What flows between them.
    pub edges: Vec<Edge>,
    /// The boxes from top to bottom, and the bends of long edges between them.
    pub rows: Vec<Vec<Slot>>,
}

/// A box.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Node {
    /// What it stands for.
    pub kind: Kind,
    /// Its title: the name of a field, or of an op.
    pub label: String,
    /// A line of explanation.
    pub detail: String,
    /// The field that it uses.
    pub field: Option<String>,
    /// The type of module and the method that it calls.
    pub calls: Option<(usize, usize)>,
    /// How many modules of a row it calls, one after the other.
    pub count: Option<usize>,
    /// Whether only some instances have it.
    pub optional: bool,
    /// The types of its results: `f32[?, 28, 28]`.
    pub types: Vec<String>,
    /// The nodes of TensorFlow's graph behind it, of one instance: op and name.
    pub nodes: Vec<String>,
    /// The weights that it reads, if they are no field's: indices into [`Picture::weights`].
    pub weights: Vec<usize>,
}

/// The kinds of box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An argument of the method.
    Argument,
    /// A result of the method.
    Result,
    /// An op without weights.
    #[default]
    Op,
    /// An op that is not supported.
    Unsupported,
    /// A layer of the framework.
    Layer,
    /// A module, or a row of them.
    Module,
    /// A variable, as a value.
    Weight,
}

/// An edge between two boxes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Edge {
    /// The index of the box that makes the value.
    pub from: usize,
    /// Which of its results.
    pub result: usize,
    /// The index of the box that reads it.
    pub to: usize,
    /// Which of its operands.
    pub operand: usize,
}

/// A place in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The box with this index.
    Box(usize),
    /// The edge with this index, on its way through the row.
    Bend(usize),
}

/// A variable of the model, or a table of constants.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Weight {
    /// Its key in the safetensors file, which is the path of its field; TensorFlow's name where no module holds it.
    pub key: String,
    /// TensorFlow's name.
    pub name: String,
    /// Its key in the checkpoint.
    pub checkpoint_key: String,
    /// The element type.
    pub dtype: String,
    /// The shape that it has in TensorFlow.
    pub shape: Vec<usize>,
    /// Whether training changes it.
    pub trainable: bool,
    /// How many numbers it has.
    pub parameters: u64,
}

impl Picture {
    /// The variables whose keys are `path` or begin with it.
    pub fn weights_below(&self, path: &str) -> &[Weight] {
        let below = format!("{path}.");
        let first = self.weights.partition_point(|weight| *weight.key < *path);
        let rest = &self.weights[first..];
        let is_in = |weight: &&Weight| weight.key == path || weight.key.starts_with(&below);
        &rest[..rest.iter().take_while(is_in).count()]
    }

    /// How many numbers all variables have.
    pub fn parameters(&self) -> u64 {
        let counts = self.weights.iter().map(|weight| weight.parameters);
        counts.fold(0, u64::saturating_add)
    }
}

impl Instance {
    /// The path of a field.
    pub fn below(&self, field: &str) -> String {
        match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        }
    }
}

impl Module {
    /// The model's weights below a field of the first instance that has any.
    pub fn example_weights<'p>(&self, picture: &'p Picture, field: &str) -> &'p [Weight] {
        let of = |instance: &Instance| picture.weights_below(&instance.below(field));
        let mut all = self.instances.iter().map(of);
        all.find(|weights| !weights.is_empty()).unwrap_or_default()
    }
}
