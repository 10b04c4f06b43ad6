//! From TensorFlow's own graph to drawings, with name scopes as modules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use savedmodel_import_proto::{NodeDef, attr_value};

use super::model::{Edge, Kind, Method, Node, Picture};
use super::{scopes, text};
use crate::graph::body::{Body, Source};
use crate::graph::flat::{Edge as FlatEdge, FlatGraph, FlatKind, FlatNode};
use crate::graph::op_def::op_def;
use crate::ir::{Origin, Param};
use crate::lower;
use crate::pipeline::{Rest, RestGraph};
use crate::saved_model::{dtype_name, static_shape};
use crate::{Error, failures};

/// Scopes deeper than this are not told apart.
const MAX_DEPTH: usize = 24;

/// A graph before its scopes are found.
#[derive(Default)]
struct Draft {
    method: Method,
    /// The scopes of each box.
    scopes: Vec<Vec<String>>,
}

/// Adds a function as a method of the model whose boxes are TensorFlow's ops. Weights are [`crate::ir::ParamId`]s.
pub fn add(picture: &mut Picture, rest: &Rest, params: &[Param]) {
    let bad = rest.why.as_ref().map(bad_nodes).unwrap_or_default();
    let mut draft = match &rest.graph {
        RestGraph::Flat(graph) => of_flat(graph, rest, params, &bad),
        RestGraph::Stored(body) => of_flat(&as_flat(body), rest, params, &bad),
    };
    draft.method.name = match rest.path.as_str() {
        "" => "main graph".to_owned(),
        path => path.strip_prefix("signatures/").unwrap_or(path).to_owned(),
    };
    draft.method.path.clone_from(&rest.path);
    let method = picture.modules[0].methods.len();
    picture.modules[0].methods.push(draft.method);
    scopes::find(picture, method, draft.scopes);
}

/// The nodes that an error names.
fn bad_nodes(error: &Error) -> BTreeSet<String> {
    let all = failures(error).into_iter();
    all.filter_map(|failure| failure.node).collect()
}

fn of_flat(graph: &FlatGraph, rest: &Rest, params: &[Param], bad: &BTreeSet<String>) -> Draft {
    let mut draft = Draft::default();
    let arguments: BTreeMap<usize, usize> = graph.inputs.iter().copied().zip(0..).collect();
    let mut place = vec![];
    for (index, node) in graph.nodes.iter().enumerate() {
        place.push(match (arguments.get(&index), hidden(node, params)) {
            (Some(&argument), _) => Hidden::Box(draft.argument(node, rest.inputs.get(argument))),
            (None, Some(hidden)) => hidden,
            (None, None) => Hidden::Box(draft.flat_box(node, bad)),
        });
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        for (operand, edge) in node.inputs.iter().enumerate() {
            draft.connect(&place, index, operand, (edge.node, edge.output));
        }
        draft.read_weight(&place[index]);
    }
    for (i, edge) in graph.outputs.iter().enumerate() {
        let named = rest.outputs.get(i).cloned();
        let label = named.unwrap_or_else(|| format!("result {i}"));
        place.push(Hidden::Box(draft.push(
            Kind::Result,
            label,
            String::new(),
            vec![],
        )));
        draft.connect(&place, place.len() - 1, 0, (edge.node, edge.output));
    }
    draft
}

/// What a node is drawn as.
#[derive(Clone)]
enum Hidden {
    /// A box.
    Box(usize),
    /// Words in the boxes that read it.
    Constant(String),
    /// A variable, which the boxes that read it show.
    Weight(usize, String),
}

fn hidden(node: &FlatNode, params: &[Param]) -> Option<Hidden> {
    match &node.kind {
        FlatKind::Variable(param) => {
            let index = param.0 as usize;
            let name = params.get(index).map(|param| param.name.clone());
            Some(Hidden::Weight(index, name.unwrap_or_default()))
        }
        FlatKind::Op(def) if def.op == "Const" => Some(Hidden::Constant(constant(def))),
        FlatKind::Op(_)
        | FlatKind::Argument { .. }
        | FlatKind::Asset(_)
        | FlatKind::Resource(_)
        | FlatKind::Dropout { .. } => None,
    }
}

/// `int32[2]`.
fn constant(def: &NodeDef) -> String {
    match def.attr.get("value").and_then(|attr| attr.value.as_ref()) {
        Some(attr_value::Value::Tensor(tensor)) => {
            let shape = tensor.tensor_shape.as_ref();
            typed(
                &dtype_name(tensor.dtype()),
                &static_shape(shape).unwrap_or_default(),
            )
        }
        _ => "constant".to_owned(),
    }
}

fn typed(dtype: &str, shape: &Option<Vec<Option<u64>>>) -> String {
    let dim = |dim: &Option<u64>| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string());
    match shape {
        Some(dims) => {
            let dims: Vec<String> = dims.iter().map(dim).collect();
            format!("{dtype}[{}]", dims.join(", "))
        }
        None => format!("{dtype}[…]"),
    }
}

impl Draft {
    fn push(&mut self, kind: Kind, label: String, detail: String, scopes: Vec<String>) -> usize {
        self.method.boxes.push(Node {
            kind,
            label,
            detail,
            ..Node::default()
        });
        self.scopes.push(scopes);
        self.method.boxes.len() - 1
    }

    fn argument(&mut self, node: &FlatNode, name: Option<&String>) -> usize {
        let name = name
            .cloned()
            .unwrap_or_else(|| node.origin.node.to_string());
        let index = self.push(Kind::Argument, name, String::new(), vec![]);
        if let FlatKind::Argument { dtype, shape, .. } = &node.kind {
            let dims =
                |dims: &Vec<Option<usize>>| dims.iter().map(|d| d.map(|d| d as u64)).collect();
            self.method.boxes[index].types =
                vec![typed(&text::dtype(*dtype), &shape.as_ref().map(dims))];
        }
        index
    }

    fn flat_box(&mut self, node: &FlatNode, bad: &BTreeSet<String>) -> usize {
        let index = match &node.kind {
            FlatKind::Op(def) => {
                let index = self.op_box(def, &node.origin.node);
                if bad.contains(&*node.origin.node) {
                    self.method.boxes[index].kind = Kind::Unsupported;
                }
                index
            }
            FlatKind::Asset(_) => self.named("asset", &node.origin.node),
            FlatKind::Resource(_) => self.named("resource", &node.origin.node),
            FlatKind::Argument { .. } => self.named("argument", &node.origin.node),
            FlatKind::Dropout { rate } => {
                let index = self.named("Dropout", &node.origin.node);
                self.method.boxes[index].detail = rate.to_string();
                index
            }
            FlatKind::Variable(_) => self.named("variable", &node.origin.node),
        };
        self.method.boxes[index].nodes = vec![super::from_plan::origin(&node.origin)];
        index
    }

    /// A box for a node of this full name.
    fn named(&mut self, label: &str, name: &str) -> usize {
        let scopes = name
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned);
        let mut scopes: Vec<String> = scopes.take(MAX_DEPTH).collect();
        scopes.pop();
        self.push(Kind::Op, label.to_owned(), String::new(), scopes)
    }

    fn op_box(&mut self, def: &NodeDef, name: &str) -> usize {
        let index = self.named(&def.op, name);
        let node = &mut self.method.boxes[index];
        node.detail = name.rsplit('/').next().unwrap_or(name).to_owned();
        node.types = result_types(def);
        node.nodes = vec![format!("{} {name}", def.op)];
        if is_variable(&def.op) {
            node.kind = Kind::Weight;
        } else if !lower::knows(&def.op) && !is_plumbing(&def.op) {
            node.kind = Kind::Unsupported;
        }
        index
    }

    /// Draws the edge to an operand, unless that is no box.
    fn connect(&mut self, place: &[Hidden], to: usize, operand: usize, from: (usize, usize)) {
        let (Hidden::Box(to), Some(source)) = (&place[to], place.get(from.0)) else {
            return;
        };
        let node = &mut self.method.boxes[*to];
        match source {
            Hidden::Box(source) => self.method.edges.push(Edge {
                from: *source,
                result: from.1,
                to: *to,
                operand,
            }),
            Hidden::Constant(text) => {
                node.detail.push_str(", ");
                node.detail.push_str(text);
            }
            Hidden::Weight(param, name) => {
                node.weights.push(*param);
                if node.field.is_none() {
                    node.field = Some(name.clone());
                }
            }
        }
    }

    /// A node that only reads a variable is drawn as the variable.
    fn read_weight(&mut self, place: &Hidden) {
        let Hidden::Box(index) = place else { return };
        let node = &mut self.method.boxes[*index];
        if let Some(name) = node.field.take()
            && matches!(node.label.as_str(), "ReadVariableOp" | "Identity")
        {
            node.kind = Kind::Weight;
            node.label = name.rsplit('/').next().unwrap_or_default().to_owned();
            node.detail = name;
        }
    }
}

/// Nodes of a stored graph that flattening does away with.
fn is_plumbing(op: &str) -> bool {
    let known = ["Placeholder", "PlaceholderWithDefault", "Const", "NoOp"];
    let calls = ["PartitionedCall", "StatefulPartitionedCall"];
    known.contains(&op) || calls.contains(&op) || op_def(op).is_none()
}

fn is_variable(op: &str) -> bool {
    [
        "VarHandleOp",
        "VariableV2",
        "Variable",
        "AutoReloadVariable",
    ]
    .contains(&op)
}

/// The types of a node's results, as far as it says them.
fn result_types(def: &NodeDef) -> Vec<String> {
    let Some(op) = op_def(&def.op) else {
        return vec![];
    };
    let attr = |name: &str| def.attr.get(name).or_else(|| op.default(name));
    let shapes = match def
        .attr
        .get("_output_shapes")
        .and_then(|a| a.value.as_ref())
    {
        Some(attr_value::Value::List(list)) => list.shape.as_slice(),
        _ => &[],
    };
    let dtypes = op.output_types(attr).unwrap_or_default();
    let named = dtypes.iter().enumerate().map(|(i, dtype)| {
        let shape = shapes
            .get(i)
            .and_then(|shape| static_shape(Some(shape)).ok().flatten());
        typed(&dtype_name(*dtype), &shape)
    });
    named.collect()
}

/// A stored graph in the form of a flat one: its calls are nodes like others.
fn as_flat(body: &Body) -> FlatGraph {
    let argument = |i: usize| FlatNode {
        kind: FlatKind::Resource(i),
        inputs: vec![],
        origin: Origin::default(),
    };
    let edge = |source: &Source| match *source {
        Source::Argument(node) => FlatEdge { node, output: 0 },
        Source::Node { node, output } => FlatEdge {
            node: body.arguments + node,
            output,
        },
    };
    let op = |(def, inputs): (&Arc<NodeDef>, &Vec<Source>)| FlatNode {
        kind: FlatKind::Op(def.clone()),
        inputs: inputs.iter().map(edge).collect(),
        origin: Origin {
            function: body.name.clone(),
            node: def.name.as_str().into(),
            op: def.op.as_str().into(),
            python: None,
        },
    };
    let nodes = body.nodes.iter().zip(&body.inputs).map(op);
    FlatGraph {
        nodes: (0..body.arguments).map(argument).chain(nodes).collect(),
        inputs: (0..body.arguments).collect(),
        outputs: body.results.iter().map(edge).collect(),
        effects: vec![],
    }
}
