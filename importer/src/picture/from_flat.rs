//! From TensorFlow's own graph to drawings, with name scopes as modules.

use std::collections::{BTreeMap, BTreeSet};

use savedmodel_import_proto::{NodeDef, attr_value};

use super::group::{Grouped, group};
use super::model::{Edge, Instance, Kind, Method, Module, Node, Picture};
use super::text;
use crate::graph::body::{Body, Source};
use crate::graph::flat::{FlatGraph, FlatKind, FlatNode};
use crate::graph::op_def::op_def;
use crate::ir::Param;
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
        RestGraph::Flat(graph) => of_flat(graph, params, &bad),
        RestGraph::Stored(body) => of_body(body),
    };
    draft.method.name = match rest.path.as_str() {
        "" => "main graph".to_owned(),
        path => path.strip_prefix("signatures/").unwrap_or(path).to_owned(),
    };
    draft.method.path.clone_from(&rest.path);
    let method = picture.modules[0].methods.len();
    picture.modules[0].methods.push(draft.method);
    find_scopes(picture, method, draft.scopes);
}

/// The nodes that an error names.
fn bad_nodes(error: &Error) -> BTreeSet<String> {
    let all = failures(error).into_iter();
    all.filter_map(|failure| failure.node).collect()
}

fn of_flat(graph: &FlatGraph, params: &[Param], bad: &BTreeSet<String>) -> Draft {
    let mut draft = Draft::default();
    let mut place = vec![Hidden::Nothing; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        place[index] = match hidden(node, params) {
            Some(hidden) => hidden,
            None => Hidden::Box(draft.flat_box(node, bad)),
        };
        for (operand, edge) in node.inputs.iter().enumerate() {
            draft.connect(&place, index, operand, (edge.node, edge.output));
        }
        draft.read_weight(&place[index]);
    }
    for (i, edge) in graph.outputs.iter().enumerate() {
        let label = match graph.outputs.len() {
            1 => "result".to_owned(),
            _ => format!("result {i}"),
        };
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
    /// Not at all.
    Nothing,
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

    fn flat_box(&mut self, node: &FlatNode, bad: &BTreeSet<String>) -> usize {
        let index = match &node.kind {
            FlatKind::Argument { dtype, shape, .. } => {
                let name = node.origin.node.to_string();
                let index = self.push(Kind::Argument, name, String::new(), vec![]);
                let shape = shape
                    .as_ref()
                    .map(|dims| dims.iter().map(|d| d.map(|d| d as u64)).collect());
                self.method.boxes[index].types = vec![typed(&text::dtype(*dtype), &shape)];
                return index;
            }
            FlatKind::Op(def) => {
                let index = self.op_box(def, &node.origin.node);
                if bad.contains(&*node.origin.node) {
                    self.method.boxes[index].kind = Kind::Unsupported;
                }
                index
            }
            FlatKind::Asset(_) => self.named("asset", &node.origin.node),
            FlatKind::Resource(_) => self.named("resource", &node.origin.node),
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
        if !lower::knows(&def.op) && !is_plumbing(&def.op) {
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
            Hidden::Constant(text) => node.detail = format!("{}, {text}", node.detail),
            Hidden::Weight(param, name) => {
                node.weights.push(*param);
                if node.field.is_none() {
                    node.field = Some(name.clone());
                }
            }
            Hidden::Nothing => {}
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
    let known = [
        "Placeholder",
        "PlaceholderWithDefault",
        "Const",
        "NoOp",
        "VarHandleOp",
    ];
    known.contains(&op)
        || ["VariableV2", "Variable", "AutoReloadVariable"].contains(&op)
        || ["PartitionedCall", "StatefulPartitionedCall"].contains(&op)
        || op_def(op).is_none()
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

fn of_body(body: &Body) -> Draft {
    let mut draft = Draft::default();
    for i in 0..body.arguments {
        draft.push(
            Kind::Argument,
            format!("argument {i}"),
            String::new(),
            vec![],
        );
    }
    let boxes: Vec<usize> = body
        .nodes
        .iter()
        .map(|def| draft.op_box(def, &def.name))
        .collect();
    let source = |source: &Source| match *source {
        Source::Argument(index) => (index, 0),
        Source::Node { node, output } => (boxes[node], output),
    };
    let mut edges = vec![];
    for (to, inputs) in boxes.iter().zip(&body.inputs) {
        edges.extend(inputs.iter().enumerate().map(|(operand, input)| {
            let (from, result) = source(input);
            Edge {
                from,
                result,
                to: *to,
                operand,
            }
        }));
    }
    for (i, result) in body.results.iter().enumerate() {
        let to = draft.push(Kind::Result, format!("result {i}"), String::new(), vec![]);
        let (from, result) = source(result);
        edges.push(Edge {
            from,
            result,
            to,
            operand: 0,
        });
    }
    draft.method.edges = edges;
    draft
}

/// A drawing whose boxes are still to be put into their scopes.
struct Open {
    module: usize,
    method: usize,
    scopes: Vec<Vec<String>>,
    depth: usize,
}

/// Makes a module of each name scope, from the outermost inwards.
fn find_scopes(picture: &mut Picture, method: usize, scopes: Vec<Vec<String>>) {
    let mut stack = vec![Open {
        module: 0,
        method,
        scopes,
        depth: 0,
    }];
    while let Some(open) = stack.pop() {
        split(picture, open, &mut stack);
    }
}

fn split(picture: &mut Picture, mut open: Open, stack: &mut Vec<Open>) {
    let method = &picture.modules[open.module].methods[open.method];
    let mut names = scope_names(&open);
    while names.len() == 1 && names.values().all(|count| *count == inside(method)) {
        open.depth += 1;
        names = scope_names(&open);
    }
    names.retain(|_, count| *count > 1);
    if names.is_empty() {
        return;
    }
    let index: BTreeMap<&String, usize> = names.keys().zip(0..).collect();
    let group_of = |scopes: &Vec<String>| {
        let name = scopes.get(open.depth)?;
        index.get(name).copied()
    };
    let of: Vec<Option<usize>> = open.scopes.iter().map(group_of).collect();
    let Grouped {
        mut outer,
        boxes,
        inner,
    } = group(method, &of, names.len());
    for (name, (place, (inside, was))) in names.keys().zip(boxes.into_iter().zip(inner)) {
        let module = picture.modules.len();
        outer.boxes[place].label.clone_from(name);
        outer.boxes[place].calls = Some((module, 0));
        let path = picture.modules[open.module].instances.first();
        let path = path.map_or_else(|| name.clone(), |around| scope_path(&around.path, name));
        picture.modules.push(Module {
            name: name.clone(),
            note: format!("Name scope `{path}`."),
            is_scope: true,
            instances: vec![Instance {
                path,
                settings: vec![],
            }],
            methods: vec![inside],
            ..Module::default()
        });
        let scopes = was.into_iter().map(|was| {
            let was = was.and_then(|was| open.scopes.get(was));
            was.cloned().unwrap_or_default()
        });
        stack.push(Open {
            module,
            method: 0,
            scopes: scopes.collect(),
            depth: open.depth + 1,
        });
    }
    picture.modules[open.module].methods[open.method] = outer;
}

fn scope_path(around: &str, name: &str) -> String {
    match around {
        "" => name.to_owned(),
        around => format!("{around}/{name}"),
    }
}

/// The scopes at this depth, and how many boxes are in each.
fn scope_names(open: &Open) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    let here = open
        .scopes
        .iter()
        .filter_map(|scopes| scopes.get(open.depth));
    here.for_each(|name| *names.entry(name.clone()).or_insert(0) += 1);
    names
}

fn inside(method: &Method) -> usize {
    let is_inside = |node: &&Node| !matches!(node.kind, Kind::Argument | Kind::Result);
    method.boxes.iter().filter(is_inside).count()
}
