//! What generated code consists of, before either framework has spoken.
//!
//! A [`Plan`] is a tree of struct types with fields and methods. A method's body is a list of [`Step`]s over named
//! locals; names may shadow earlier ones. The printers turn each step into one statement and decide nothing else.

pub mod axes;
pub mod ident;
mod initial;
pub mod target;
mod verify;

pub use initial::Initial;
pub use verify::verify;

use crate::error::Place;
use crate::ir::{
    Channels, DType, Dim, Grouping, Op, Origin, Padding, Pass, Recurrence, Symbol, Type,
};
use crate::weights::Layout;
use axes::Axes;
use std::sync::Arc;

/// All that is printed for a model.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The struct types, the model's own first, each before those it contains.
    pub structs: Vec<Struct>,
    /// The exported functions: methods of the first struct.
    pub entries: Vec<Entry>,
    /// The tensors of the weights file, in the order of their fields.
    pub weights: Vec<Weight>,
}

impl Plan {
    /// The tensor that a layer keeps under this key, of one instance if there are several.
    pub fn layer_weight(&self, field: &Field, key: &str) -> Option<&Weight> {
        let key = format!("{}.{key}", field.name);
        let below = format!(".{key}");
        let is_it = |weight: &&Weight| weight.key == key || weight.key.ends_with(&below);
        self.weights.iter().find(is_it)
    }
}

/// An exported function, as a method of the model.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of the method.
    pub method: String,
    /// What else the model calls it.
    pub aliases: Vec<String>,
    /// The arguments: names, with their types.
    pub params: Vec<Local>,
    /// The results: names of the fields if there are several, with their types.
    pub outputs: Vec<Local>,
    /// The name of the struct of the results, if there are several.
    pub output_struct: Option<String>,
    /// Whether it has a form with a `train` argument.
    pub has_mode: bool,
    /// Whether it changes the model.
    pub mutates: bool,
}

/// A generated struct type.
#[derive(Clone, Debug, Default)]
pub struct Struct {
    /// Its name, in CamelCase.
    pub name: String,
    /// Its documentation: what it is, and the layer paths it came from.
    pub docs: Vec<String>,
    /// The layer path of the instance whose types the methods' values have.
    pub example: String,
    /// What its constructor takes, beyond the source of weights.
    pub args: Vec<Arg>,
    /// The name of the struct that holds those arguments, if they are many.
    pub config: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Its methods. For the model's own struct these are the entries, in order.
    pub methods: Vec<Method>,
}

/// A constructor argument: something in which instances of a type differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Its type, by example.
    pub kind: ArgKind,
}

/// The types of constructor arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// `usize`.
    Size,
    /// `[usize; N]`.
    Sizes(usize),
    /// `bool`.
    Flag,
    /// `f64`.
    Number,
}

/// The value of a constructor argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArgValue {
    /// A `usize`.
    Size(usize),
    /// A `[usize; N]`.
    Sizes(Vec<usize>),
    /// A `bool`.
    Flag(bool),
    /// An `f64`.
    Number(Number),
    /// An argument of the struct around, passed on.
    Outer(usize),
}

/// An `f64` that is itself: equal if all of its bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Number(u64);

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number(value.to_bits())
    }
}

impl Number {
    /// The number.
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// A part of a layer's configuration: the same for all instances, or a constructor argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Setting<T> {
    /// The same for all instances.
    Fixed(T),
    /// The argument of the struct, by its index in [`Struct::args`].
    Arg(usize),
}

/// A field of a generated struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// The flag argument that says whether an instance has it, if not all do; the field is an `Option` then.
    pub present: Option<usize>,
    /// What it came from, if that says more than the name.
    pub doc: Option<String>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum FieldKind {
    /// A layer of the framework or of the support code.
    Layer(Layer),
    /// Another generated struct.
    Module {
        /// Its index in [`Plan::structs`].
        ty: usize,
        /// What its constructor is given.
        args: Vec<ArgValue>,
    },
    /// A `Vec` of one generated struct; weight keys are numbered `name.0`, `name.1`, ….
    Modules {
        /// Its index in [`Plan::structs`].
        ty: usize,
        /// What each constructor is given.
        instances: Vec<Vec<ArgValue>>,
    },
    /// A parameter of the model that belongs to no layer, or a table of constants.
    Parameter {
        /// Its shape, as it is in the model.
        shape: Vec<usize>,
        /// Its element type.
        dtype: DType,
        /// Whether it has gradients.
        trainable: bool,
    },
    /// The flag argument, kept because methods ask for it.
    Flag(usize),
}

/// A layer that owns weights, or behaves differently in training.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in the frameworks")]
#[allow(
    clippy::enum_variant_names,
    reason = "a layer norm is called so by everybody"
)]
pub enum Layer {
    /// `x W + b` over the last axis.
    Linear {
        inputs: Setting<usize>,
        outputs: Setting<usize>,
        bias: bool,
    },
    /// A convolution with one to three spatial axes. For a depthwise one `outputs` is the channel multiplier.
    Conv {
        inputs: Setting<usize>,
        outputs: Setting<usize>,
        kernel: Setting<Vec<usize>>,
        strides: Setting<Vec<usize>>,
        dilations: Vec<usize>,
        padding: Padding,
        grouping: Grouping,
        channels: Channels,
        bias: bool,
    },
    /// A transposed convolution. The spatial extents of the result are an extra operand list of the step's op.
    ConvTranspose {
        inputs: Setting<usize>,
        outputs: Setting<usize>,
        kernel: Vec<usize>,
        strides: Vec<usize>,
        dilations: Vec<usize>,
        padding: Padding,
        channels: Channels,
        bias: bool,
    },
    /// Batch normalisation over the axis of the channels of a value of this rank.
    BatchNorm {
        features: Setting<usize>,
        epsilon: f64,
        momentum: f64,
        unbiased: bool,
        scale: bool,
        offset: bool,
        channels: Channels,
        rank: usize,
    },
    /// Layer normalisation over the last axis.
    LayerNorm {
        size: Setting<usize>,
        epsilon: f64,
        scale: bool,
        offset: bool,
    },
    /// Division by the root of the mean square over the last axis, and a scale.
    RmsNorm { size: Setting<usize>, epsilon: f64 },
    /// A table of vectors.
    Embedding {
        count: Setting<usize>,
        size: Setting<usize>,
    },
    /// A recurrent layer: its weights have the model's own shapes.
    Recurrent {
        recurrence: Recurrence,
        inputs: Setting<usize>,
        units: Setting<usize>,
    },
    /// Dropout, in training only.
    Dropout { rate: Setting<Number> },
}

/// The weights that layers own, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Role {
    /// The kernel, matrix or table.
    Kernel,
    /// The matrix that a recurrent layer's state is multiplied with.
    RecurrentKernel,
    Bias,
    Scale,
    Offset,
    Mean,
    Variance,
}

/// A tensor of the weights file.
#[derive(Clone, Debug)]
pub struct Weight {
    /// The variable or constant it is.
    pub param: crate::ir::ParamId,
    /// Its key: the path of its field.
    pub key: String,
    /// From the model's layout to the framework's.
    pub layout: Layout,
}

/// A method of a generated struct.
#[derive(Clone, Debug, Default)]
pub struct Method {
    /// Its name; `forward`, but for the model's own.
    pub name: String,
    /// Its tensor arguments.
    pub params: Vec<Local>,
    /// Its body.
    pub body: Vec<Step>,
    /// What it returns, in order.
    pub results: Vec<Operand>,
    /// The parameters that get a new value at its end.
    pub assignments: Vec<Assignment>,
    /// Whether the body differs in training, so that there is a form with a `train` argument.
    pub has_mode: bool,
    /// The extents that have a name in the body: `let batch = x.dim(0)`.
    pub extents: Vec<(Dim, String)>,
    /// What the axes of its arguments are called.
    pub axes: Axes,
    /// What it takes and gives, for all instances, if it is not the model's own.
    pub shapes: Option<String>,
}

impl Method {
    /// Whether it changes the model.
    pub fn mutates(&self) -> bool {
        !self.assignments.is_empty()
    }

    /// What lives until its end: results and assigned values.
    pub fn last_reads(&self) -> impl Iterator<Item = &Operand> {
        let assigned = self.assignments.iter().map(|assignment| &assignment.value);
        self.results.iter().chain(assigned)
    }

    /// What it assigns, as documentation.
    pub fn assigned(&self) -> Option<String> {
        let keys = self.assignments.iter();
        let names: Vec<String> = keys.map(|given| format!("`{}`", given.key)).collect();
        self.mutates()
            .then(|| format!("- assigns {}.", names.join(", ")))
    }

    /// Whether a parameter under this name has to be read before the method assigns any.
    pub fn keeps(&self, name: &str) -> bool {
        self.mutates() && self.last_reads().any(|operand| operand.name == name)
    }
}

/// A parameter's new value.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The key of the parameter: the path of its field.
    pub key: String,
    /// The value.
    pub value: Operand,
}

/// A named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// One operand of a step.
#[derive(Clone, Debug)]
pub struct Operand {
    /// The name of the local.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether no later step reads it, nor this one again.
    pub last: bool,
    /// Whether the name is already a reference (an argument in candle).
    pub borrowed: bool,
}

/// One statement of a method.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it makes.
    pub results: Vec<Local>,
    /// What it does.
    pub action: Action,
    /// The blocks that it runs, if it is a branch or a loop.
    pub blocks: Vec<Block>,
    /// Its operands.
    pub args: Vec<Operand>,
    /// If set, the step happens only where the flag (or optional field) is there; else the result is operand `pass`.
    pub condition: Option<Condition>,
    /// A comment with the shape of the result, where it helps.
    pub note: Option<String>,
    /// The nodes of the model that it comes from, of one instance if there are several.
    pub origins: Vec<Origin>,
}

impl Step {
    /// Where it comes from in the model, for an error.
    pub fn place(&self) -> Place {
        self.origins.first().map(Origin::place).unwrap_or_default()
    }
}

/// When a step happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field that says so: a [`FieldKind::Flag`], or an optional layer or module, which is then what the action uses.
    pub field: usize,
    /// The operand that the result is otherwise.
    pub pass: usize,
}

/// What a step does, from the drafts of modules to the printers.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// An op on the operands; a constant is none, and extents of data are read by one in drafts only.
    Op(Op),
    /// A layer of this struct, by its field.
    Layer {
        /// The field.
        field: usize,
        /// How it is called.
        call: Call,
    },
    /// A method of a submodule, by field and method.
    Module {
        /// The field.
        field: usize,
        /// The index of the method in the field's struct.
        method: usize,
    },
    /// A method of each submodule of a `Vec`, each on the result of the one before.
    Modules {
        /// The field.
        field: usize,
        /// The index of the method in the field's struct.
        method: usize,
    },
    /// The value of a parameter of this struct.
    Parameter(usize),
    /// A weight of a layer of this struct, used outside the layer, in the model's own layout.
    LayerWeight {
        /// The field.
        field: usize,
        /// Which weight.
        role: Role,
    },
    /// A small constant.
    Constant(Arc<crate::eval::Tensor>),
    /// The extent of an axis of the operand, under the name of the only result.
    Extent {
        /// The axis.
        axis: usize,
    },
    /// The elements of the operand, an integer tensor, as extents under the names of the results; `_` is not read.
    Elements,
    /// A branch or a loop over the blocks of the step.
    Flow(Flow),
}

/// How a layer is called.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// On one operand.
    Plain,
    /// A transposed convolution, to give these spatial extents.
    Sized(Vec<Dim>),
    /// A recurrent layer, on the sequence and what else the call is given.
    Recurrent(Pass),
}

/// How the blocks of a step are run.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// One of them: the first operand chooses, a truth value the second if it is true. The blocks take the others.
    Branch,
    /// Rounds of the last one, which takes all operands. The first are carried from round to round: what the block gives
    /// for them is what the next round takes. What it gives besides is collected as rows.
    Repeat {
        /// How many rounds there are; if nothing, a first block says before each round whether there is one.
        rounds: Option<Dim>,
        /// How many rounds came before.
        round: Symbol,
        /// How many operands are carried.
        carried: usize,
    },
}

/// Steps with results of their own: a branch, or the condition or body of a loop.
#[derive(Clone, Debug)]
pub struct Block {
    /// What it is given, under the names that its steps use.
    pub params: Vec<Local>,
    /// Its steps.
    pub body: Vec<Step>,
    /// What it gives.
    pub results: Vec<Operand>,
}

/// Steps, and those of the blocks in them.
pub fn all_steps(steps: &[Step]) -> Vec<&Step> {
    let mut all = vec![];
    for step in steps {
        all.push(step);
        for block in &step.blocks {
            all.extend(all_steps(&block.body));
        }
    }
    all
}

/// Calls `visit` for steps, and for those of the blocks in them.
pub fn for_each_step(steps: &mut [Step], visit: &mut dyn FnMut(&mut Step)) {
    for step in steps {
        visit(step);
        for block in &mut step.blocks {
            for_each_step(&mut block.body, visit);
        }
    }
}

impl Action {
    /// What computes an op.
    pub fn of(op: &Op) -> Self {
        match op {
            Op::Constant(value) => Action::Constant(value.clone()),
            op => Action::Op(op.clone()),
        }
    }

    /// The extents that it is spelt with; `operand` is the shape of the first operand.
    pub fn extents<'a>(&'a self, operand: &'a [Dim]) -> Vec<&'a Dim> {
        match self {
            Action::Op(op) => op.extents(operand),
            Action::Layer {
                call: Call::Sized(output),
                ..
            } => output.iter().collect(),
            Action::Layer {
                call: Call::Plain | Call::Recurrent(_),
                ..
            }
            | Action::Constant(_)
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(Flow::Branch) => vec![],
            Action::Flow(Flow::Repeat { rounds, .. }) => rounds.iter().collect(),
        }
    }

    /// The call of a recurrent layer, if it is one.
    pub fn pass(&self) -> Option<&Pass> {
        match self {
            Action::Layer {
                call: Call::Recurrent(pass),
                ..
            }
            | Action::Op(Op::Recurrent { pass, .. }) => Some(pass),
            Action::Layer { .. }
            | Action::Op(_)
            | Action::Constant(_)
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => None,
        }
    }

    /// The extents that the elements of its operand are: see [`Op::ReadExtents`].
    pub fn extents_read(&self) -> &[Symbol] {
        match self {
            Action::Op(Op::ReadExtents(symbols)) => symbols,
            Action::Op(_)
            | Action::Constant(_)
            | Action::Layer { .. }
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => &[],
        }
    }

    /// The field whose contents it uses.
    pub fn field(&self) -> Option<usize> {
        match self {
            Action::Layer { field, .. }
            | Action::Module { field, .. }
            | Action::Modules { field, .. }
            | Action::LayerWeight { field, .. }
            | Action::Parameter(field) => Some(*field),
            Action::Op(_)
            | Action::Constant(_)
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => None,
        }
    }

    /// Puts another field in place of the one that it uses.
    pub fn renumber(&mut self, place: impl Fn(usize) -> usize) {
        match self {
            Action::Layer { field, .. }
            | Action::Module { field, .. }
            | Action::Modules { field, .. }
            | Action::LayerWeight { field, .. }
            | Action::Parameter(field) => *field = place(*field),
            Action::Op(_)
            | Action::Constant(_)
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => {}
        }
    }
}
