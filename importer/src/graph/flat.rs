//! One function as one flat graph: calls inlined, captures bound, only what the results and effects need.
//!
//! After this stage there are no calls, no control edges and no function arguments but the exported function's own.
//! Nodes are in topological order. Expansion has a budget, so that nested calls cannot exhaust memory.

use super::body::{Body, Source};
use super::custom_gradient::{self, CustomGradient};
use super::op_def::op_def;
use crate::error::{Error, Place, Result};
use crate::ir::{DType, Origin, ParamId};
use crate::lower::tables::Table;
use savedmodel_import_proto::{AttrValue, NodeDef, attr_value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Calls may nest this deep.
const MAX_DEPTH: usize = 200;
/// A function may expand to this many nodes.
const MAX_NODES: usize = 1 << 18;

/// A function with all calls inlined.
#[derive(Debug, Default)]
pub struct FlatGraph {
    /// The nodes, operands before users.
    pub nodes: Vec<FlatNode>,
    /// The argument nodes, in the order of the exported function's arguments.
    pub inputs: Vec<usize>,
    /// The results, in the order of the exported function's results.
    pub outputs: Vec<Edge>,
    /// Nodes that change state and have to run, in order.
    pub effects: Vec<usize>,
}

/// A node of a [`FlatGraph`].
#[derive(Debug)]
pub struct FlatNode {
    /// What it is.
    pub kind: FlatKind,
    /// Its data operands.
    pub inputs: Vec<Edge>,
    /// Where it comes from; the name carries the scopes of the inlined calls.
    pub origin: Origin,
}

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The index of the node.
    pub node: usize,
    /// Which of its outputs.
    pub output: usize,
}

/// The kinds of node.
#[derive(Clone, Debug)]
pub enum FlatKind {
    /// An argument of the exported function.
    Argument {
        /// Its place in the argument list.
        index: usize,
        /// Its element type.
        dtype: DType,
        /// Its shape: `None` for an unknown rank, and for an unknown extent.
        shape: Option<Vec<Option<usize>>>,
    },
    /// The handle of a variable.
    Variable(ParamId),
    /// The path of an asset, by its index.
    Asset(usize),
    /// The handle of a table or another resource, by its object id.
    Resource(usize),
    /// The identity that a dropout layer is in inference.
    Dropout {
        /// The share of elements that training drops.
        rate: f64,
    },
    /// A TensorFlow op.
    Op(Arc<NodeDef>),
}

/// What an argument of the exported function is bound to.
pub type Binding = (FlatKind, Arc<str>);

/// What flattening needs to know about the model.
pub trait Library {
    /// The body of a library function.
    ///
    /// # Errors
    /// When the body is malformed.
    fn function(&self, name: &str) -> Result<Option<Arc<Body>>>;
    /// The variable that a handle or ref node of the main graph stands for.
    fn variable_of_node(&self, node: &str) -> Option<ParamId>;
    /// The Python line that made a node.
    fn python_line(&self, function: &str, node: &str) -> Option<Arc<str>>;
    /// The rate of the dropout layer that an identity of this full name stands for.
    fn dropout_rate(&self, identity: &str) -> Option<f64>;
    /// The gradient that the model saved under this type of node.
    ///
    /// # Errors
    /// When its function is malformed.
    fn custom_gradient(&self, _registered: &str) -> Result<Option<CustomGradient>> {
        Ok(None)
    }
    /// The tables that the model fills when it is loaded.
    fn tables(&self) -> &[Table] {
        &[]
    }
    /// Whether arguments have the extents with which the model recorded the shapes of its nodes: a user may have given others.
    fn has_recorded_extents(&self) -> bool {
        true
    }
}

/// Flattens `body`, whose arguments are bound to `arguments`.
///
/// # Errors
/// A missing function, node or output, a cycle, calls that nest too deeply or expand to too many nodes.
pub fn flatten(library: &dyn Library, body: &Body, arguments: Vec<Binding>) -> Result<FlatGraph> {
    let mut flattener = Flattener {
        library,
        flat: FlatGraph::default(),
    };
    let mut edges = Vec::new();
    for (kind, name) in arguments {
        let origin = Origin {
            function: body.name.clone(),
            node: name,
            ..Origin::default()
        };
        let is_argument = matches!(kind, FlatKind::Argument { .. });
        let node = flattener.add(kind, vec![], origin)?;
        if is_argument {
            flattener.flat.inputs.push(node);
        }
        edges.push(Edge { node, output: 0 });
    }
    flattener.flat.outputs = flattener.expand(body, &edges, "", 0)?;
    Ok(flattener.flat.pruned())
}

impl FlatGraph {
    /// Only the arguments, and what the results and effects need.
    fn pruned(mut self) -> Self {
        let mut live = vec![false; self.nodes.len()];
        let results = self.outputs.iter().map(|edge| edge.node);
        let mut stack: Vec<usize> = results
            .chain(self.effects.iter().copied())
            .chain(self.inputs.iter().copied())
            .collect();
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut live[node], true) {
                stack.extend(self.nodes[node].inputs.iter().map(|edge| edge.node));
            }
        }
        let mut place = vec![0; live.len()];
        let mut next = 0;
        for (place, live) in place.iter_mut().zip(&live) {
            *place = next;
            next += usize::from(*live);
        }
        let mut keep = live.iter();
        self.nodes.retain(|_| keep.next() == Some(&true));
        let edges = self
            .nodes
            .iter_mut()
            .flat_map(|node| &mut node.inputs)
            .chain(&mut self.outputs);
        edges.for_each(|edge| edge.node = place[edge.node]);
        self.inputs
            .iter_mut()
            .chain(&mut self.effects)
            .for_each(|node| *node = place[*node]);
        self
    }
}

pub(super) struct Flattener<'a> {
    library: &'a dyn Library,
    flat: FlatGraph,
}

impl Flattener<'_> {
    pub(super) fn add(
        &mut self,
        kind: FlatKind,
        inputs: Vec<Edge>,
        origin: Origin,
    ) -> Result<usize> {
        if self.flat.nodes.len() >= MAX_NODES {
            let message = format!("the function expands to more than {MAX_NODES} nodes");
            return Err(Error::unsupported(message).at(&origin.place()));
        }
        self.flat.nodes.push(FlatNode {
            kind,
            inputs,
            origin,
        });
        Ok(self.flat.nodes.len() - 1)
    }

    /// Adds the nodes of `body` that its results and effects need; gives the results.
    pub(super) fn expand(
        &mut self,
        body: &Body,
        arguments: &[Edge],
        scope: &str,
        depth: usize,
    ) -> Result<Vec<Edge>> {
        let place = Place {
            function: Some(body.name.to_string()),
            ..Place::default()
        };
        if depth > MAX_DEPTH {
            return Err(
                Error::unsupported(format!("calls nest deeper than {MAX_DEPTH}")).at(&place),
            );
        }
        let mut made: HashMap<usize, Vec<Edge>> = HashMap::new();
        let gradients = self.gradients(body).map_err(|e| e.at(&place))?;
        let captured: Vec<Source> = gradients
            .values()
            .flat_map(|(_, tensors)| tensors)
            .copied()
            .collect();
        for node in body.in_order_with(&captured)? {
            let outputs = self
                .node(body, node, arguments, &made, scope, depth)
                .map_err(|e| e.at(&place))?;
            let outputs = match gradients.get(&node) {
                Some((gradient, tensors)) => {
                    let origin = self.origin(body, &body.nodes[node], scope);
                    let resolve = |source| self.resolve(body, source, arguments, &made);
                    let inputs = body.inputs[node]
                        .iter()
                        .map(resolve)
                        .collect::<Result<Vec<_>>>()?;
                    let tensors = tensors.iter().map(resolve).collect::<Result<Vec<_>>>()?;
                    self.with_gradient(gradient, &inputs, &tensors, &origin, depth)?
                }
                None => outputs,
            };
            made.insert(node, outputs);
        }
        body.results
            .iter()
            .map(|source| {
                self.resolve(body, source, arguments, &made)
                    .map_err(|e| e.at(&place))
            })
            .collect()
    }

    /// The gradients of nodes that are followed, by node, with what they capture of `body`.
    fn gradients(&self, body: &Body) -> Result<BTreeMap<usize, (CustomGradient, Vec<Source>)>> {
        let mut gradients = BTreeMap::new();
        for (node, def) in body.nodes.iter().enumerate() {
            let Some(registered) = custom_gradient::registered_type(def) else {
                continue;
            };
            let Some(gradient) = self.library.custom_gradient(registered)? else {
                continue;
            };
            let captured = custom_gradient::captured(&gradient, body);
            let scales = custom_gradient::only_scales(&gradient, body.inputs[node].len())?;
            if let (true, Some(tensors)) = (scales, captured) {
                gradients.insert(node, (gradient, tensors));
            }
        }
        Ok(gradients)
    }

    fn node(
        &mut self,
        body: &Body,
        index: usize,
        arguments: &[Edge],
        made: &HashMap<usize, Vec<Edge>>,
        scope: &str,
        depth: usize,
    ) -> Result<Vec<Edge>> {
        let def = &body.nodes[index];
        let origin = self.origin(body, def, scope);
        let inputs: Vec<Edge> = body.inputs[index]
            .iter()
            .map(|source| self.resolve(body, source, arguments, made))
            .collect::<Result<_>>()
            .map_err(|e| e.at(&origin.place()))?;
        if let Some(callee) = called_function(def) {
            return self
                .call(callee, &inputs, &origin, depth)
                .map_err(|e| e.at(&origin.place()));
        }
        if let Some(callee) = self.library.function(&def.op)? {
            return self.call_body(&callee, &inputs, &origin, depth);
        }
        let variable = is_variable_node(def)
            .then(|| self.library.variable_of_node(&def.name))
            .flatten();
        let dropout = (def.op == "Identity")
            .then(|| self.library.dropout_rate(&origin.node))
            .flatten();
        let kind = match (variable, dropout) {
            (Some(param), _) => FlatKind::Variable(param),
            (None, Some(rate)) => FlatKind::Dropout { rate },
            (None, None) => FlatKind::Op(def.clone()),
        };
        let inputs = if variable.is_some() { vec![] } else { inputs };
        let count = output_count(def).unwrap_or(1);
        let node = self.add(kind, inputs, origin)?;
        if body.is_effect(index) {
            self.flat.effects.push(node);
        }
        Ok((0..count).map(|output| Edge { node, output }).collect())
    }

    fn call(
        &mut self,
        callee: &str,
        inputs: &[Edge],
        origin: &Origin,
        depth: usize,
    ) -> Result<Vec<Edge>> {
        match self.library.function(callee)? {
            Some(body) => self.call_body(&body, inputs, origin, depth),
            None => Err(Error::malformed(format!(
                "function `{callee}` is not in the library"
            ))),
        }
    }

    fn call_body(
        &mut self,
        callee: &Body,
        inputs: &[Edge],
        origin: &Origin,
        depth: usize,
    ) -> Result<Vec<Edge>> {
        if inputs.len() != callee.arguments {
            let message = format!(
                "`{}` takes {} arguments and is given {}",
                callee.name,
                callee.arguments,
                inputs.len()
            );
            return Err(Error::malformed(message).at(&origin.place()));
        }
        self.expand(callee, inputs, callee_scope(&origin.node), depth + 1)
    }

    fn resolve(
        &self,
        body: &Body,
        source: &Source,
        arguments: &[Edge],
        made: &HashMap<usize, Vec<Edge>>,
    ) -> Result<Edge> {
        let missing = |what: String| Err(Error::malformed(what));
        match *source {
            Source::Argument(i) => arguments
                .get(i)
                .copied()
                .map_or_else(|| missing(format!("argument {i} is not bound")), Ok),
            Source::Node { node, output } => {
                let name = &body.nodes[node].name;
                match made.get(&node).map(|outputs| outputs.get(output)) {
                    Some(Some(edge)) => Ok(*edge),
                    Some(None) => missing(format!("node `{name}` has no output {output}")),
                    None => missing(format!("node `{name}` is read before it is made")),
                }
            }
        }
    }

    fn origin(&self, body: &Body, def: &NodeDef, scope: &str) -> Origin {
        let node: Arc<str> = match scope {
            "" => def.name.as_str().into(),
            scope => format!("{scope}/{}", def.name).into(),
        };
        let python = self.library.python_line(&body.name, &def.name);
        Origin {
            function: body.name.clone(),
            node,
            op: def.op.as_str().into(),
            python,
        }
    }
}

/// The function that a call op calls.
fn called_function(def: &NodeDef) -> Option<&str> {
    if !matches!(
        def.op.as_str(),
        "PartitionedCall" | "StatefulPartitionedCall" | "TPUPartitionedCall"
    ) {
        return None;
    }
    match &def.attr.get("f")?.value {
        Some(attr_value::Value::Func(function)) => Some(&function.name),
        _ => None,
    }
}

fn is_variable_node(def: &NodeDef) -> bool {
    matches!(
        def.op.as_str(),
        "VarHandleOp" | "VariableV2" | "Variable" | "AutoReloadVariable"
    )
}

/// How many outputs a node has; `None` for an op outside TensorFlow's registry.
fn output_count(def: &NodeDef) -> Option<usize> {
    let op = op_def(&def.op)?;
    let attr =
        |name: &str| -> Option<&AttrValue> { def.attr.get(name).or_else(|| op.default(name)) };
    op.outputs
        .iter()
        .map(|output| op.span(output, attr).ok())
        .sum()
}

/// The scope of a callee: that of the call node, whose own name says nothing when it is just the op's.
fn callee_scope(node: &str) -> &str {
    let (scope, name) = node.rsplit_once('/').unwrap_or(("", node));
    let plain = ["StatefulPartitionedCall", "PartitionedCall"]
        .iter()
        .any(|op| name.starts_with(op));
    if plain { scope } else { node }
}
