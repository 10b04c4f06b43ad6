//! From exported functions to the IR: flattened, lowered, and brought to normal form.

use super::same::order;
use super::select::Chosen;
use super::{constants, dropout, pinned, tables, thaw};
use crate::graph::body::Body;
use crate::graph::custom_gradient::{CustomGradient, GradientCapture};
use crate::graph::flat::{Binding, FlatGraph, FlatKind, Library, flatten};
use crate::graph::op_def;
use crate::graph::raise::raise;
use crate::ir::{self, DType, Graph, Param, ParamId, ParamSource, Program, Stored, Type, verify};
use crate::lower::tables::Table;
use crate::saved_model::{
    Capture, ExportedFunction, FunctionBody, SavedModel, StaticShape, Variable,
};
use crate::training::Training;
use crate::{Error, Framework, Options, Result, lower, passes};
use savedmodel_import_proto::{DataType, NodeDef, attr_value};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A model as IR, with what each function was in the model.
pub(crate) struct Lowered {
    /// The IR.
    pub program: Program,
    /// The exported functions, and which of the program's functions each is.
    pub exported: Vec<Exported>,
    /// What is known of its layers in training.
    pub training: Training,
    /// Why functions that are not required are not among them.
    pub left_out: Vec<Error>,
}

/// An exported function of the model.
pub(crate) struct Exported {
    /// What the model says of it.
    pub function: ExportedFunction,
    /// The index among the program's functions; those that compute the same share one.
    pub index: usize,
    /// Which results of that function its own are, if not the same in the same order.
    pub order: Option<Vec<usize>>,
}

/// Lowers the chosen functions. One that is not required is left out when it cannot be lowered.
pub(crate) fn build(model: &SavedModel, chosen: &[Chosen], options: &Options) -> Result<Lowered> {
    let builder = Builder {
        has_recorded_extents: options.inputs.is_empty(),
        ..Builder::new(model)?
    };
    let mut lowered = Lowered {
        program: Program {
            params: builder.params.clone(),
            ..Program::default()
        },
        training: Training::of(model, options)?,
        exported: vec![],
        left_out: vec![],
    };
    let mut errors = vec![];
    for Chosen { function, required } in chosen {
        if let Some(error) = checkpointing(model, function) {
            lowered.left_out.push(error.in_function(&function.path));
            continue;
        }
        match builder.function(function, options.framework) {
            Ok(ir) => {
                let (index, order) = lowered.add(ir);
                lowered.exported.push(Exported {
                    function: function.clone(),
                    index,
                    order,
                });
            }
            Err(error) if *required => errors.push(error),
            Err(error) => lowered.left_out.push(error),
        }
    }
    match (errors.is_empty(), lowered.exported.is_empty()) {
        (false, _) => Err(Error::several(errors)),
        (true, true) => Err(Error::several(lowered.left_out)),
        (true, false) => {
            if options.thaw {
                thaw::thaw(&mut lowered.program)?;
            }
            constants::promote(&mut lowered.program)?;
            lowered.note_training();
            Ok(lowered)
        }
    }
}

/// Every op of the chosen functions that has no lowering.
pub(crate) fn unsupported(model: &SavedModel, chosen: &[Chosen]) -> Vec<Error> {
    let builder = match Builder::new(model) {
        Ok(builder) => builder,
        Err(error) => return vec![error],
    };
    let mut errors = vec![];
    for Chosen { function, .. } in chosen {
        match builder.flat(function) {
            Ok(flat) => {
                let ops = lower::unsupported(&flat, &builder);
                errors.extend(ops.into_iter().map(|(op, origin)| {
                    let error = op_def::unsupported(&op).at(&origin.place());
                    error.in_function(&function.path)
                }));
            }
            Err(error) => errors.push(error.in_function(&function.path)),
        }
    }
    errors
}

/// A function's flat graph, and why it cannot be lowered.
pub(crate) type Flat = (FlatGraph, Option<Error>);

/// The flat graphs of functions, with why each cannot be lowered.
pub(crate) fn flat(
    model: &SavedModel,
    functions: &[&ExportedFunction],
) -> Result<Vec<Result<Flat>>> {
    let builder = Builder::new(model)?;
    let flat = |function: &&ExportedFunction| {
        let within = |e: Error| e.in_function(&function.path);
        let flat = builder.flat(function).map_err(within)?;
        let ops = lower::unsupported(&flat, &builder).into_iter();
        let mut errors: Vec<Error> = ops
            .map(|(op, origin)| op_def::unsupported(&op).at(&origin.place()))
            .collect();
        if errors.is_empty() {
            errors.extend(lower::lower(&flat, &builder.params, &builder).err());
        }
        let why = (!errors.is_empty()).then(|| within(Error::several(errors)));
        Ok((flat, why))
    };
    Ok(functions.iter().map(flat).collect())
}

/// A lowered graph after the passes that the framework wants. What goes wrong is no fault of the model's.
fn normal_form(graph: &Graph, framework: Framework) -> Result<Graph> {
    verify::verify(graph)?;
    let graph = passes::optimise(graph)?;
    match framework {
        Framework::Candle => Ok(graph),
        Framework::Burn => passes::channels_first(&graph),
    }
}

/// The variables of a model.
pub(crate) fn params(model: &SavedModel) -> Result<Vec<Param>> {
    Ok(Builder::new(model)?.params)
}

impl Lowered {
    fn note_training(&mut self) {
        let functions = std::mem::take(&mut self.program.functions);
        for function in &functions {
            self.training.note(&function.graph, &mut self.program);
        }
        self.program.functions = functions;
    }

    /// Adds a function, unless there is one that computes the same, if in another order.
    fn add(&mut self, function: ir::Function) -> (usize, Option<Vec<usize>>) {
        let same = |known: &ir::Function| {
            (known.outputs == function.outputs || function.outputs.len() < 2)
                && known.assigned == function.assigned
                && known.graph.computes_the_same(&function.graph)
        };
        if let Some(index) = self.program.functions.iter().position(same) {
            return (index, None);
        }
        let functions = self.program.functions.iter().enumerate();
        let mut reordered = functions.filter_map(|(i, known)| Some((i, order(known, &function)?)));
        if let Some((index, order)) = reordered.next() {
            return (index, Some(order));
        }
        self.program.functions.push(function);
        (self.program.functions.len() - 1, None)
    }
}

/// Why a function that reads or writes checkpoints has no method, if it is one. A module has methods of its own for that.
fn checkpointing(model: &SavedModel, function: &ExportedFunction) -> Option<Error> {
    let FunctionBody::Concrete { function, .. } = &function.body else {
        return None;
    };
    let mut stack = vec![function.as_str()];
    let mut seen = BTreeSet::new();
    while let Some(name) = stack.pop() {
        let Some(def) = model.library().get(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        for node in &def.node_def {
            let what = match node.op.as_str() {
                "Save" | "SaveV2" | "SaveSlices" | "MergeV2Checkpoints" => "writes",
                "Restore" | "RestoreV2" | "RestoreSlice" => "reads",
                _ => {
                    stack.extend(callees(node));
                    continue;
                }
            };
            let error = Error::unsupported(format!("it {what} a checkpoint of TensorFlow"));
            return Some(error.help(
                "save and load the module by its own methods; `import run` calls the function",
            ));
        }
    }
    None
}

/// The functions that a node calls.
fn callees(node: &NodeDef) -> impl Iterator<Item = &str> {
    node.attr.values().filter_map(|attr| match &attr.value {
        Some(attr_value::Value::Func(function)) => Some(function.name.as_str()),
        Some(_) | None => None,
    })
}

struct Builder<'a> {
    model: &'a SavedModel,
    params: Vec<Param>,
    tables: Vec<Table>,
    /// Variables by the node of the main graph that makes them.
    nodes: HashMap<&'a str, ParamId>,
    bodies: RefCell<HashMap<String, Arc<Body>>>,
    dropouts: dropout::Rates,
    has_recorded_extents: bool,
}

impl<'a> Builder<'a> {
    fn new(model: &'a SavedModel) -> Result<Self> {
        let variables = model.variables();
        let params = variables.iter().enumerate();
        let params = params.map(|(i, variable)| param(i, variable));
        let mut params = params.collect::<Result<Vec<_>>>()?;
        for (index, variable) in variables.iter().enumerate() {
            params[index].stored = stored(model, variable, &mut params)?;
        }
        let tables = tables::tables(model, &mut params)?;
        let nodes = variables.iter().enumerate().filter_map(|(i, variable)| {
            let node = variable.node.as_deref().unwrap_or(&variable.name);
            Some((node, ParamId(u32::try_from(i).ok()?)))
        });
        Ok(Builder {
            model,
            params,
            tables,
            nodes: nodes.collect(),
            bodies: RefCell::default(),
            dropouts: dropout::Rates::of(model),
            has_recorded_extents: true,
        })
    }

    /// Lowers a function. An error that a pinned argument would avoid says which argument, and a shape that works.
    fn function(&self, function: &ExportedFunction, framework: Framework) -> Result<ir::Function> {
        self.as_given(function, framework)
            .map_err(|error| match error.asks_for_input() {
                true => {
                    let works =
                        |pinned: &ExportedFunction| self.as_given(pinned, framework).is_ok();
                    let help = pinned::advice(function, works);
                    match help {
                        Some(help) => error.with_input(&help),
                        None => error,
                    }
                }
                false => error,
            })
    }

    fn as_given(&self, function: &ExportedFunction, framework: Framework) -> Result<ir::Function> {
        let within = |e: Error| e.in_function(&function.path);
        let flat = self.flat(function).map_err(within)?;
        let lowered = lower::lower(&flat, &self.params, self).map_err(within)?;
        let graph = normal_form(&lowered.graph, framework);
        let graph = graph.map_err(|e| within(e.into_internal()))?;
        Ok(ir::Function {
            path: function.path.clone(),
            trace: function.trace,
            inputs: argument_names(function),
            outputs: result_names(function),
            assigned: lowered.assigned,
            graph,
        })
    }

    fn flat(&self, function: &ExportedFunction) -> Result<FlatGraph> {
        let mut bindings = vec![];
        for (index, input) in function.inputs.iter().enumerate() {
            let kind = FlatKind::Argument {
                index,
                dtype: dtype(input.dtype)?,
                shape: shape(&input.shape),
            };
            bindings.push((kind, Arc::from(input.argument.as_str())));
        }
        match &function.body {
            FunctionBody::Concrete { function, captures } => {
                let body = self.function_body(function)?.ok_or_else(|| {
                    Error::malformed(format!("function `{function}` is not in the library"))
                })?;
                for capture in captures {
                    bindings.push(self.capture(capture)?);
                }
                if bindings.len() != body.arguments {
                    let message = format!(
                        "the function takes {} arguments and is bound to {}",
                        body.arguments,
                        bindings.len()
                    );
                    return Err(Error::malformed(message));
                }
                flatten(self, &body, bindings)
            }
            FunctionBody::Graph { feeds, fetches, .. } => {
                let body = Body::of_graph(&self.model.main_graph().node, feeds, fetches)?;
                flatten(self, &self.raised(body), bindings)
            }
        }
    }

    fn capture(&self, capture: &Capture) -> Result<Binding> {
        Ok(match capture {
            Capture::Variable(index) => {
                let param = ParamId(*index as u32);
                (
                    FlatKind::Variable(param),
                    Arc::from(self.params[*index].name.as_str()),
                )
            }
            Capture::Constant(node) => {
                let def = self
                    .model
                    .main_node(node)
                    .ok_or_else(|| Error::malformed(format!("there is no constant `{node}`")))?;
                (
                    FlatKind::Op(Arc::new(def.clone())),
                    Arc::from(node.as_str()),
                )
            }
            Capture::Asset(index) => (FlatKind::Asset(*index), Arc::from("asset")),
            Capture::Resource(object) => (FlatKind::Resource(*object), Arc::from("resource")),
            Capture::Tensor { function, tensor } => {
                let message = format!(
                    "a tensor captured from inside another function, `{tensor}` of `{function}`"
                );
                return Err(Error::unsupported(message));
            }
        })
    }

    fn function_body(&self, name: &str) -> Result<Option<Arc<Body>>> {
        if let Some(body) = self.bodies.borrow().get(name) {
            return Ok(Some(body.clone()));
        }
        let Some(def) = self.model.library().get(name) else {
            return Ok(None);
        };
        let body = Arc::new(self.raised(Body::of_function(def)?));
        self.bodies
            .borrow_mut()
            .insert(name.to_owned(), body.clone());
        Ok(Some(body))
    }

    /// A body without frames; the functions that are made of those are known from here on.
    fn raised(&self, body: Body) -> Body {
        let raised = raise(body);
        let functions = raised.functions.into_iter();
        let functions = functions.map(|body| (body.name.to_string(), Arc::new(body)));
        self.bodies.borrow_mut().extend(functions);
        raised.body
    }
}

impl Library for Builder<'_> {
    fn function(&self, name: &str) -> Result<Option<Arc<Body>>> {
        self.function_body(name)
    }

    fn variable_of_node(&self, node: &str) -> Option<ParamId> {
        self.nodes.get(node).copied()
    }

    fn python_line(&self, function: &str, node: &str) -> Option<Arc<str>> {
        let function = (!function.is_empty()).then_some(function);
        self.model.python_line(node, function).map(Arc::from)
    }

    fn dropout_rate(&self, identity: &str) -> Option<f64> {
        self.dropouts.get(identity.strip_suffix("/Identity")?)
    }

    fn custom_gradient(&self, registered: &str) -> Result<Option<CustomGradient>> {
        let Some(function) = self.model.library().gradient(registered) else {
            return Ok(None);
        };
        let results = self.model.results_of(function).transpose()?;
        let captures = self.model.captures_of(function).transpose()?;
        let body = self.function_body(function)?;
        let (Some(has), Some(captures), Some(body)) = (results, captures, body) else {
            return Ok(None);
        };
        let capture = |capture| match capture {
            Capture::Tensor { function, tensor } => {
                Ok(GradientCapture::Tensor { function, tensor })
            }
            other => self.capture(&other).map(GradientCapture::Bound),
        };
        Ok(Some(CustomGradient {
            body,
            has,
            captures: captures.into_iter().map(capture).collect::<Result<_>>()?,
        }))
    }

    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn has_recorded_extents(&self) -> bool {
        self.has_recorded_extents
    }
}

fn param(index: usize, variable: &Variable) -> Result<Param> {
    let dims = shape(&variable.shape).unwrap_or_default();
    let mut dims: Vec<ir::Dim> = dims
        .into_iter()
        .map(|dim| ir::Dim::from(dim.unwrap_or(0)))
        .collect();
    let dtype = dtype(variable.dtype).unwrap_or(DType::String);
    dims.extend(dtype.part().map(|_| ir::Dim::known(2)));
    Ok(Param {
        name: variable.name.clone(),
        object_path: variable.object_path.clone(),
        ty: Type::new(dtype.part().unwrap_or(dtype), dims),
        trainable: variable.trainable,
        source: ParamSource::Variable(index),
        stored: Stored::Plain,
    })
}

/// How a variable's elements are stored; strings become two more parameters, where the model has their values.
fn stored(model: &SavedModel, variable: &Variable, params: &mut Vec<Param>) -> Result<Stored> {
    Ok(match dtype(variable.dtype) {
        Ok(DType::C64 | DType::C128) => Stored::Parts,
        Ok(DType::String) => match model.value_of(variable) {
            Ok(value) => {
                let words = value.elements::<Vec<u8>>().unwrap_or_default();
                Stored::Words(tables::words(params, &variable.name, words)?)
            }
            Err(_) => Stored::Plain,
        },
        Ok(_) | Err(_) => Stored::Plain,
    })
}

/// The names of a function's arguments in the order of its graph's inputs: a complex one is two.
pub(super) fn argument_names(function: &ExportedFunction) -> Vec<String> {
    let names = function.inputs.iter();
    let names = names.flat_map(|input| parts(&input.argument, input.dtype));
    names.collect()
}

/// The names of a function's results, as [`argument_names`] has them.
pub(super) fn result_names(function: &ExportedFunction) -> Vec<String> {
    let names = function.outputs.iter();
    let names = names.flat_map(|output| parts(&output.name, output.dtype));
    names.collect()
}

/// `x`, or `x_re` and `x_im`.
fn parts(name: &str, dtype: DataType) -> Vec<String> {
    match is_complex(dtype) {
        true => vec![format!("{name}_re"), format!("{name}_im")],
        false => vec![name.to_owned()],
    }
}

/// Whether a value is a pair of tensors in the IR.
pub(crate) fn is_complex(dtype: DataType) -> bool {
    self::dtype(dtype).is_ok_and(|dtype| dtype.part().is_some())
}

fn shape(shape: &StaticShape) -> Option<Vec<Option<usize>>> {
    shape.as_ref().map(|dims| {
        dims.iter()
            .map(|dim| dim.and_then(|n| usize::try_from(n).ok()))
            .collect()
    })
}

fn dtype(dtype: DataType) -> Result<DType> {
    lower::element_type(dtype)
}
