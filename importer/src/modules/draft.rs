//! Modules before they share types: fields, and methods as steps over numbered values.

use super::items::{Item, Items, What};
use super::key;
use super::paths::Path;
use super::tree::{Units, border};
use crate::codegen::plan::{ArgValue, Layer, Role};
use crate::error::{Error, Result};
use crate::ir::{Dim, Graph, NodeId, Op, Origin, ParamId, Program, Type, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A module of the model, at one path.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// Its path.
    pub path: Path,
    /// Its fields, by name, in the order of first use.
    pub fields: Vec<(String, Held)>,
    /// Its methods.
    pub methods: Vec<Body>,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A layer, by its index in [`Items::layers`].
    Layer(usize),
    /// The module of this name below.
    Module,
    /// The modules of these names below, called one after the other.
    Modules(Vec<String>),
    /// A variable that no layer owns.
    Param(ParamId),
    /// A switch: the step that asks for it happens only where it is on.
    Flag(bool),
}

/// A method: steps over values.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The types of the arguments.
    pub inputs: Vec<Type>,
    /// The names of the arguments, where the caller gives them one.
    pub input_names: Vec<Option<String>>,
    /// The steps, each after what it reads.
    pub steps: Vec<Step>,
    /// The results.
    pub results: Vec<Source>,
}

/// One step of a method.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What it reads.
    pub args: Vec<Source>,
    /// The types of its results.
    pub types: Vec<Type>,
    /// A name for its result: of the layer, the module or the scope.
    pub label: String,
    /// If it happens only where a field says so: the field, and the argument that passes through otherwise.
    pub condition: Option<(usize, usize)>,
    /// The nodes of the model that it comes from.
    pub origins: Vec<Origin>,
}

/// What a step does. Fields are indices into [`Module::fields`].
#[derive(Clone, Debug)]
pub enum Action {
    /// An op, a constant or extents.
    Op(Op),
    /// A layer.
    Layer {
        field: usize,
        output: Option<Vec<Dim>>,
    },
    /// A method of a module below, or of several in a row.
    Call { field: usize, method: usize },
    /// The value of a variable.
    Param(usize),
    /// A weight of a layer.
    LayerWeight { field: usize, role: Role },
}

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An argument.
    Input(usize),
    /// A result of a step.
    Step {
        /// The step.
        step: usize,
        /// Which of its results.
        result: usize,
    },
}

/// The drafts of all modules, by path; the root has the functions as methods, in order.
pub type Modules = BTreeMap<Path, Module>;

/// Drafts all modules. The items have to be arranged.
///
/// # Errors
/// None for items that are arranged.
pub fn draft(program: &Program, items: &Items) -> Result<Modules> {
    let mut modules = Modules::new();
    for (function, list) in program.functions.iter().zip(&items.functions) {
        let mut drafter = Drafter {
            graph: &function.graph,
            items,
            list,
            modules: &mut modules,
        };
        let body = drafter.body(&[], &function.graph.inputs, &function.graph.outputs)?;
        for param in &function.assigned {
            let (module, name) = &items.fields[param];
            drafter.field(module, name, Held::Param(*param));
        }
        modules.entry(vec![]).or_default().methods.push(body);
    }
    Ok(modules)
}

struct Drafter<'a> {
    graph: &'a Graph,
    items: &'a Items,
    list: &'a [Item],
    modules: &'a mut Modules,
}

impl Drafter<'_> {
    /// The body of a module's method, from its arguments and results as values of the function.
    fn body(&mut self, path: &[String], inputs: &[Value], outputs: &[Value]) -> Result<Body> {
        let units = Units::of(self.list, path);
        let order = units
            .order(self.list)
            .map_err(|_| Error::malformed("internal: modules depend on each other"))?;
        let mut writer = Writer {
            body: Body::default(),
            sources: HashMap::new(),
        };
        for (i, &input) in inputs.iter().enumerate() {
            writer.sources.insert(input, Source::Input(i));
            writer.body.inputs.push(self.graph.ty(input).clone());
            writer.body.input_names.push(None);
        }
        self.modules.entry(path.to_vec()).or_default().path = path.to_vec();
        for unit in order {
            let (items, child) = &units.units[unit];
            match child {
                Some(child) => self.call(path, child, &mut writer)?,
                None => self.item(path, &self.list[items[0]], &mut writer)?,
            }
        }
        for &output in outputs {
            let source = self.source(output, &mut writer)?;
            writer.body.results.push(source);
        }
        Ok(writer.body)
    }

    fn call(&mut self, path: &[String], child: &Path, writer: &mut Writer) -> Result<()> {
        let border = border(self.graph, self.list, child);
        let body = self.body(child, &border.inputs, &border.outputs)?;
        let module = self.modules.entry(child.clone()).or_default();
        let method = match module
            .methods
            .iter()
            .position(|known| known.key() == body.key())
        {
            Some(method) => method,
            None => {
                module.methods.push(body);
                module.methods.len() - 1
            }
        };
        let name = child.last().cloned().unwrap_or_default();
        let field = self.field(path, &name, Held::Module);
        let args = border
            .inputs
            .iter()
            .map(|&input| self.source(input, writer))
            .collect::<Result<_>>()?;
        writer.step(
            self.graph,
            Action::Call { field, method },
            args,
            &border.outputs,
            name,
        );
        Ok(())
    }

    fn item(&mut self, path: &[String], item: &Item, writer: &mut Writer) -> Result<()> {
        let args = item
            .inputs
            .iter()
            .map(|&input| self.source(input, writer))
            .collect::<Result<_>>()?;
        let action = match &item.what {
            What::Node(node) => Action::Op(self.graph.node(*node).op.clone()),
            What::Layer(layer, main) => {
                let output = match &self.graph.node(*main).op {
                    Op::ConvTranspose { output, .. } => Some(output.clone()),
                    _ => None,
                };
                let name = if item.label.is_empty() {
                    "layer"
                } else {
                    &item.label
                };
                Action::Layer {
                    field: self.field(path, name, Held::Layer(*layer)),
                    output,
                }
            }
            What::Param(param) => match self.items.owners.get(param) {
                Some((layer, role)) => {
                    let name = self.items.layers[*layer].name.clone();
                    Action::LayerWeight {
                        field: self.field(path, &name, Held::Layer(*layer)),
                        role: *role,
                    }
                }
                None => Action::Param(self.field(path, &item.label, Held::Param(*param))),
            },
        };
        writer.step(self.graph, action, args, &item.outputs, item.label.clone());
        if let (What::Layer(_, main), Some(step)) = (&item.what, writer.body.steps.last_mut()) {
            let main = &self.graph.node(*main).origin;
            if !step.origins.contains(main) {
                step.origins.insert(0, main.clone());
            }
        }
        Ok(())
    }

    /// The field of a module that holds something; a second thing of one name gets a number.
    fn field(&mut self, path: &[String], name: &str, held: Held) -> usize {
        let fields = &mut self.modules.entry(path.to_vec()).or_default().fields;
        let same_place = |known: &(String, Held)| match (&known.1, &held) {
            (Held::Layer(a), Held::Layer(b)) => {
                a == b
                    || (known.0 == name
                        && self.items.layers[*a].weights.is_empty()
                        && self.items.layers[*b].weights.is_empty())
            }
            (Held::Module, Held::Module) => known.0 == name,
            (a, b) => a == b,
        };
        if let Some(field) = fields.iter().position(same_place) {
            return field;
        }
        fields.push((name.to_owned(), held));
        fields.len() - 1
    }

    /// Where a value is in the method; constants and extents are made on the spot.
    fn source(&self, value: Value, writer: &mut Writer) -> Result<Source> {
        if let Some(source) = writer.sources.get(&value) {
            return Ok(*source);
        }
        let node = self.graph.producer(value);
        match &node.op {
            op @ (Op::Constant(_) | Op::Extents { .. }) => {
                writer.step(
                    self.graph,
                    Action::Op(op.clone()),
                    vec![],
                    &[value],
                    String::new(),
                );
                Ok(writer.sources[&value])
            }
            op => Err(
                Error::malformed(format!("internal: {op:?} is not in reach"))
                    .at(&node.origin.place()),
            ),
        }
    }
}

/// Where values come from, each node once.
fn origins(graph: &Graph, values: &[Value]) -> Vec<Origin> {
    let nodes: BTreeSet<NodeId> = values.iter().map(|value| value.node).collect();
    let origins = nodes
        .into_iter()
        .map(|node| graph.node(node).origin.clone());
    origins.filter(|origin| !origin.node.is_empty()).collect()
}

struct Writer {
    body: Body,
    sources: HashMap<Value, Source>,
}

impl Writer {
    fn step(
        &mut self,
        graph: &Graph,
        action: Action,
        args: Vec<Source>,
        results: &[Value],
        label: String,
    ) {
        let step = self.body.steps.len();
        for (result, &value) in results.iter().enumerate() {
            self.sources.insert(value, Source::Step { step, result });
        }
        let types = results
            .iter()
            .map(|&value| graph.ty(value).clone())
            .collect();
        let origins = match action {
            Action::Call { .. } => vec![],
            Action::Op(_)
            | Action::Layer { .. }
            | Action::Param(_)
            | Action::LayerWeight { .. } => origins(graph, results),
        };
        self.body.steps.push(Step {
            action,
            args,
            types,
            label,
            condition: None,
            origins,
        });
    }
}

impl Body {
    /// Text that is equal for methods that do the same with the same fields.
    pub fn key(&self) -> String {
        format!(
            "{:?} {:?} {:?}",
            self.inputs,
            self.steps_key(),
            self.results
        )
    }

    fn steps_key(&self) -> Vec<String> {
        self.steps
            .iter()
            .map(|step| {
                format!(
                    "{} {:?} {:?}",
                    key::of_action(&step.action, &mut key::Names::default()),
                    step.args,
                    step.types
                )
            })
            .collect()
    }

    /// The type of a source.
    pub fn ty(&self, source: Source) -> &Type {
        match source {
            Source::Input(i) => &self.inputs[i],
            Source::Step { step, result } => &self.steps[step].types[result],
        }
    }

    /// How often each result of each step is read.
    pub fn uses(&self) -> HashMap<Source, usize> {
        let mut uses = HashMap::new();
        for source in self
            .steps
            .iter()
            .flat_map(|step| &step.args)
            .chain(&self.results)
        {
            *uses.entry(*source).or_insert(0) += 1;
        }
        uses
    }
}

/// The parts of a layer's configuration that may differ between instances of one type, in a fixed order.
pub fn settings(layer: &Layer) -> Vec<(&'static str, ArgValue)> {
    use crate::codegen::plan::Setting;
    fn size(setting: &Setting<usize>) -> ArgValue {
        match setting {
            Setting::Fixed(size) => ArgValue::Size(*size),
            Setting::Arg(arg) => ArgValue::Outer(*arg),
        }
    }
    fn sizes(setting: &Setting<Vec<usize>>) -> ArgValue {
        match setting {
            Setting::Fixed(sizes) => ArgValue::Sizes(sizes.clone()),
            Setting::Arg(arg) => ArgValue::Outer(*arg),
        }
    }
    match layer {
        Layer::Linear {
            inputs, outputs, ..
        }
        | Layer::ConvTranspose {
            inputs, outputs, ..
        } => {
            vec![("inputs", size(inputs)), ("outputs", size(outputs))]
        }
        Layer::Conv {
            inputs,
            outputs,
            kernel,
            strides,
            ..
        } => vec![
            ("inputs", size(inputs)),
            ("outputs", size(outputs)),
            ("kernel", sizes(kernel)),
            ("strides", sizes(strides)),
        ],
        Layer::BatchNorm { features, .. } => vec![("features", size(features))],
        Layer::LayerNorm { size: features, .. } => vec![("size", size(features))],
        Layer::Embedding { count, size: width } => {
            vec![("count", size(count)), ("size", size(width))]
        }
        Layer::Dropout { .. } => vec![],
    }
}

/// The layer with its settings replaced, in the order of [`settings`].
pub fn with_settings(layer: &Layer, values: &[ArgValue]) -> Layer {
    use crate::codegen::plan::Setting;
    fn size(value: &ArgValue) -> Setting<usize> {
        match value {
            ArgValue::Size(size) => Setting::Fixed(*size),
            ArgValue::Outer(arg) => Setting::Arg(*arg),
            ArgValue::Sizes(_) | ArgValue::Flag(_) => Setting::Fixed(0),
        }
    }
    fn sizes(value: &ArgValue) -> Setting<Vec<usize>> {
        match value {
            ArgValue::Sizes(sizes) => Setting::Fixed(sizes.clone()),
            ArgValue::Outer(arg) => Setting::Arg(*arg),
            ArgValue::Size(_) | ArgValue::Flag(_) => Setting::Fixed(vec![]),
        }
    }
    let mut layer = layer.clone();
    match &mut layer {
        Layer::Linear {
            inputs, outputs, ..
        }
        | Layer::ConvTranspose {
            inputs, outputs, ..
        } => {
            *inputs = size(&values[0]);
            *outputs = size(&values[1]);
        }
        Layer::Conv {
            inputs,
            outputs,
            kernel,
            strides,
            ..
        } => {
            *inputs = size(&values[0]);
            *outputs = size(&values[1]);
            *kernel = sizes(&values[2]);
            *strides = sizes(&values[3]);
        }
        Layer::BatchNorm { features, .. } => *features = size(&values[0]),
        Layer::LayerNorm { size: features, .. } => *features = size(&values[0]),
        Layer::Embedding { count, size: width } => {
            *count = size(&values[0]);
            *width = size(&values[1]);
        }
        Layer::Dropout { .. } => {}
    }
    layer
}
