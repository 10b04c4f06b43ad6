//! The body of a function, or the main graph seen from some tensors: nodes with resolved operands.

use super::op_def::op_def;
use crate::error::{Error, Place, Result};
use savedmodel_import_proto::{AttrValue, FunctionDef, NodeDef};
use std::collections::HashMap;
use std::sync::Arc;

/// Nodes of one function or graph, with operands resolved to nodes and arguments.
#[derive(Debug)]
pub struct Body {
    /// The function's name; empty for the main graph.
    pub name: Arc<str>,
    /// How many arguments there are, captures included.
    pub arguments: usize,
    /// The nodes as they are stored.
    pub nodes: Vec<Arc<NodeDef>>,
    /// The names of a function's arguments.
    argument_names: Vec<String>,
    /// The data operands of each node.
    pub inputs: Vec<Vec<Source>>,
    /// The nodes that have to run before each node.
    controls: Vec<Vec<usize>>,
    /// The results.
    pub results: Vec<Source>,
    /// Nodes that have to run whether or not a result needs them.
    roots: Vec<usize>,
}

/// Where a tensor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An argument of the function.
    Argument(usize),
    /// An output of a node.
    Node {
        /// The index of the node.
        node: usize,
        /// Which of its outputs.
        output: usize,
    },
}

impl Body {
    /// The body of a library function.
    ///
    /// # Errors
    /// Two nodes of one name, or an operand or result that names nothing.
    pub fn of_function(def: &FunctionDef) -> Result<Self> {
        let signature = def.signature.clone().unwrap_or_default();
        let outputs = signature.output_arg.clone();
        let place = Place {
            function: Some(signature.name.clone()),
            ..Place::default()
        };
        let names = Names {
            arguments: signature
                .input_arg
                .iter()
                .enumerate()
                .map(|(i, arg)| (arg.name.clone(), i))
                .collect(),
            nodes: index_by_name(&def.node_def).map_err(|e| e.at(&place))?,
            in_function: true,
        };
        let mut body = Body::resolve(signature.name.as_str().into(), &def.node_def, &names)
            .map_err(|e| e.at(&place))?;
        body.arguments = signature.input_arg.len();
        body.argument_names = signature
            .input_arg
            .into_iter()
            .map(|arg| arg.name)
            .collect();
        for output in &outputs {
            let text = def.ret.get(&output.name).ok_or_else(|| {
                Error::malformed(format!("the result `{}` has no value", output.name)).at(&place)
            })?;
            body.results.push(
                names
                    .source(text, &def.node_def)
                    .map_err(|e| e.at(&place))?,
            );
        }
        for node in def.control_ret.values() {
            body.roots.push(names.node(node).map_err(|e| e.at(&place))?);
        }
        body.roots.sort_unstable();
        Ok(body)
    }

    /// The main graph between `feeds` and `fetches`, which are tensor names such as `x:0`. Fed tensors become arguments.
    ///
    /// # Errors
    /// Two nodes of one name, or a name of nothing.
    pub fn of_graph(nodes: &[NodeDef], feeds: &[String], fetches: &[String]) -> Result<Self> {
        let names = Names {
            arguments: HashMap::new(),
            nodes: index_by_name(nodes)?,
            in_function: false,
        };
        let fed: Vec<Source> = feeds
            .iter()
            .map(|feed| names.source(feed, nodes))
            .collect::<Result<_>>()?;
        let mut body = Body::resolve("".into(), nodes, &names)?;
        body.arguments = feeds.len();
        for fetch in fetches {
            body.results.push(names.source(fetch, nodes)?);
        }
        let bind = |source: &mut Source| {
            if let Some(i) = fed.iter().position(|f| f == source) {
                *source = Source::Argument(i);
            }
        };
        body.inputs.iter_mut().flatten().for_each(bind);
        body.results.iter_mut().for_each(bind);
        Ok(body)
    }

    fn resolve(name: Arc<str>, nodes: &[NodeDef], names: &Names) -> Result<Self> {
        let mut inputs = Vec::with_capacity(nodes.len());
        let mut controls = Vec::with_capacity(nodes.len());
        for node in nodes {
            let place = Place {
                node: Some(node.name.clone()),
                op: Some(node.op.clone()),
                ..Place::default()
            };
            let (control, data): (Vec<&String>, Vec<&String>) =
                node.input.iter().partition(|i| i.starts_with('^'));
            let data = data
                .iter()
                .map(|input| names.source(input, nodes))
                .collect::<Result<Vec<_>>>();
            let control = control
                .iter()
                .filter(|i| !names.is_argument(&i[1..]))
                .map(|i| names.node(&i[1..]));
            inputs.push(data.map_err(|e| e.at(&place))?);
            controls.push(
                control
                    .collect::<Result<Vec<_>>>()
                    .map_err(|e| e.at(&place))?,
            );
        }
        let nodes = nodes.iter().cloned().map(Arc::new).collect();
        Ok(Body {
            name,
            arguments: 0,
            argument_names: vec![],
            nodes,
            inputs,
            controls,
            results: vec![],
            roots: vec![],
        })
    }

    /// A function of these nodes.
    pub(super) fn of_parts(
        name: Arc<str>,
        arguments: usize,
        nodes: Vec<Arc<NodeDef>>,
        inputs: Vec<Vec<Source>>,
        results: Vec<Source>,
    ) -> Self {
        Body {
            name,
            arguments,
            argument_names: vec![],
            controls: vec![vec![]; nodes.len()],
            nodes,
            inputs,
            results,
            roots: vec![],
        }
    }

    /// Adds a node that nothing reads yet.
    pub(super) fn add(&mut self, def: NodeDef, inputs: Vec<Source>) -> usize {
        self.nodes.push(Arc::new(def));
        self.inputs.push(inputs);
        self.controls.push(vec![]);
        self.nodes.len() - 1
    }

    /// Has all that reads one source read another.
    pub(super) fn replace(&mut self, old: Source, new: Source) {
        let sources = self.inputs.iter_mut().flatten().chain(&mut self.results);
        let sources = sources.filter(|source| **source == old);
        sources.for_each(|source| *source = new);
    }

    /// The nodes that have to run before a node.
    pub(super) fn controls_of(&self, node: usize) -> &[usize] {
        &self.controls[node]
    }

    /// The tensor that a graph calls `node:0`, or `argument:0`.
    pub(super) fn tensor(&self, name: &str) -> Option<Source> {
        let (name, output) = name.rsplit_once(':').unwrap_or((name, "0"));
        if let Some(node) = self.nodes.iter().position(|node| node.name == name) {
            let output = output.parse().ok()?;
            return Some(Source::Node { node, output });
        }
        let argument = self
            .argument_names
            .iter()
            .position(|argument| argument == name);
        argument.map(Source::Argument)
    }

    /// The nodes that have to run before each node, and those that have to run at all: in a function also its effects.
    pub(crate) fn controls_and_roots(&self) -> (&[Vec<usize>], Vec<usize>) {
        let mut roots = self.roots.clone();
        if !self.name.is_empty() {
            roots.extend((0..self.nodes.len()).filter(|&node| self.is_effect(node)));
            roots.sort_unstable();
            roots.dedup();
        }
        (&self.controls, roots)
    }

    /// Whether the node changes state.
    pub fn is_effect(&self, node: usize) -> bool {
        changes_state(&self.nodes[node].op)
    }

    /// The nodes that the results and the effects need, operands before users.
    ///
    /// # Errors
    /// A cycle. The loops of TensorFlow 1 are the only legal ones, and not supported.
    pub fn live_in_order(&self) -> Result<Vec<usize>> {
        self.in_order_with(&[])
    }

    /// The same, and the nodes that `others` need.
    ///
    /// # Errors
    /// A cycle.
    pub(super) fn in_order_with(&self, others: &[Source]) -> Result<Vec<usize>> {
        let others = others.iter().filter_map(Source::node);
        let results = self.results.iter().filter_map(Source::node);
        let effects = self.effect_roots();
        let follows_controls = !effects.is_empty();
        // What others need comes first, so that it is there for whoever asks for it.
        let roots: Vec<usize> = others.chain(results).chain(effects).collect();
        let mut order = Order {
            body: self,
            follows_controls,
            state: vec![Mark::New; self.nodes.len()],
            order: vec![],
        };
        for root in roots {
            order.visit(root)?;
        }
        Ok(order.order)
    }

    /// Without the nodes that no result needs, directly or not.
    pub(crate) fn needed(mut self) -> Self {
        let mut seen = vec![false; self.nodes.len()];
        let results = self.results.iter().filter_map(Source::node);
        let mut stack: Vec<usize> = results.chain(self.roots.iter().copied()).collect();
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                stack.extend(self.operands(node));
            }
        }
        let mut place = vec![];
        let mut next = 0;
        for seen in &seen {
            place.push(next);
            next += usize::from(*seen);
        }
        retain(&mut self.nodes, &seen);
        retain(&mut self.inputs, &seen);
        self.controls = vec![vec![]; self.nodes.len()];
        self.roots.iter_mut().for_each(|node| *node = place[*node]);
        for source in self.inputs.iter_mut().flatten().chain(&mut self.results) {
            if let Source::Node { node, .. } = source {
                *node = place[*node];
            }
        }
        self
    }

    /// The state-changing nodes, and calls that may hold some, which the roots run.
    fn effect_roots(&self) -> Vec<usize> {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = self.roots.clone();
        let mut effects = vec![];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            if self.is_effect(node) || self.nodes[node].op == "StatefulPartitionedCall" {
                effects.push(node);
            }
            stack.extend(&self.controls[node]);
            stack.extend(self.operands(node));
        }
        effects.sort_unstable();
        effects
    }

    fn operands(&self, node: usize) -> impl Iterator<Item = usize> {
        self.inputs[node].iter().filter_map(Source::node)
    }
}

impl Source {
    fn node(&self) -> Option<usize> {
        match self {
            Source::Node { node, .. } => Some(*node),
            Source::Argument(_) => None,
        }
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next() == Some(&true));
}

/// Whether an op changes the state of the model.
pub fn changes_state(op: &str) -> bool {
    let prefixes = [
        "Assign",
        "ResourceScatter",
        "ResourceApply",
        "ResourceSparseApply",
        "Scatter",
        "Apply",
        "LookupTableInsert",
    ];
    prefixes.iter().any(|prefix| op.starts_with(prefix))
        && op != "ScatterNd"
        && op != "ScatterNdNonAliasingAdd"
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Depth-first order without recursion: a chain may be 20,000 nodes long.
struct Order<'a> {
    body: &'a Body,
    /// Whether control edges count: they say what is read before and after an assignment.
    follows_controls: bool,
    state: Vec<Mark>,
    order: Vec<usize>,
}

impl Order<'_> {
    fn visit(&mut self, root: usize) -> Result<()> {
        let mut stack = vec![(root, false)];
        while let Some((node, finished)) = stack.pop() {
            match (self.state[node], finished) {
                (_, true) => {
                    self.state[node] = Mark::Done;
                    self.order.push(node);
                }
                (Mark::Done, false) => {}
                (Mark::Open, false) => return Err(self.cycle(node)),
                (Mark::New, false) => {
                    self.state[node] = Mark::Open;
                    stack.push((node, true));
                    let controls = &self.body.controls[node];
                    let controls = controls.iter().filter(|_| self.follows_controls);
                    let before: Vec<usize> =
                        self.body.operands(node).chain(controls.copied()).collect();
                    let pending = before
                        .iter()
                        .rev()
                        .filter(|&&node| self.state[node] != Mark::Done);
                    stack.extend(pending.map(|&node| (node, false)));
                }
            }
        }
        Ok(())
    }

    fn cycle(&self, node: usize) -> Error {
        let def = &self.body.nodes[node];
        let place = Place {
            node: Some(def.name.clone()),
            op: Some(def.op.clone()),
            ..Place::default()
        };
        match self
            .body
            .nodes
            .iter()
            .any(|node| matches!(node.op.as_str(), "NextIteration" | "RefNextIteration"))
        {
            true => {
                Error::unsupported("a loop of TensorFlow 1 (Enter, NextIteration, Exit)").at(&place)
            }
            false => Error::malformed("the nodes form a cycle").at(&place),
        }
    }
}

/// What the names in a body mean.
struct Names {
    arguments: HashMap<String, usize>,
    nodes: HashMap<String, usize>,
    in_function: bool,
}

impl Names {
    fn is_argument(&self, name: &str) -> bool {
        self.arguments.contains_key(name)
    }

    fn node(&self, name: &str) -> Result<usize> {
        self.nodes
            .get(name)
            .copied()
            .ok_or_else(|| Error::malformed(format!("there is no node `{name}`")))
    }

    /// `node`, `node:index`, or inside a function `argument` or `node:output:index`.
    fn source(&self, text: &str, nodes: &[NodeDef]) -> Result<Source> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        if let Some(&argument) = self.arguments.get(name) {
            return Ok(Source::Argument(argument));
        }
        let node = self.node(name)?;
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Error::malformed(format!("`{text}` is not an output number")))
        };
        let output = match (parts.next(), parts.next()) {
            (None, _) => 0,
            (Some(index), None) if !self.in_function => number(index)?,
            (Some(arg), index) => output_index(&nodes[node], arg, index.map_or(Ok(0), number)?)?,
        };
        Ok(Source::Node { node, output })
    }
}

/// The flat index of `node:arg:index`. Calls and library functions have one list of outputs, whatever its name.
fn output_index(def: &NodeDef, arg: &str, index: usize) -> Result<usize> {
    match op_def(&def.op) {
        Some(op) => {
            let attr = |name: &str| -> Option<&AttrValue> {
                def.attr.get(name).or_else(|| op.default(name))
            };
            op.output_index(arg, index, attr)
        }
        None => Ok(index),
    }
}

fn index_by_name(nodes: &[NodeDef]) -> Result<HashMap<String, usize>> {
    let mut index = HashMap::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        if index.insert(node.name.clone(), i).is_some() {
            return Err(Error::malformed(format!(
                "two nodes are called `{}`",
                node.name
            )));
        }
    }
    Ok(index)
}
