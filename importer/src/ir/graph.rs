//! The graph of one function: nodes in topological order, typed at birth.

use super::content::{self, Content};
use super::dim::{Dim, Symbol};
use super::infer::infer;
use super::op::{Op, ParamId};
use super::ty::{DType, Type};
use crate::error::{Error, Place, Result};
use crate::eval;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node, by its place in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// One result of a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    /// The node that makes it.
    pub node: NodeId,
    /// Which of the node's results it is.
    pub result: u32,
}

/// Where a node comes from in the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The library function whose body held the node.
    pub function: Arc<str>,
    /// The node's full name: the scopes of the calls that were inlined, then its own.
    pub node: Arc<str>,
    /// The TensorFlow op.
    pub op: Arc<str>,
    /// The Python line, if the model has debug information.
    pub python: Option<Arc<str>>,
}

impl Origin {
    /// The place for an error.
    pub fn place(&self) -> Place {
        let text = |s: &Arc<str>| (!s.is_empty()).then(|| s.to_string());
        Place {
            function: text(&self.function),
            node: text(&self.node),
            op: text(&self.op),
            python: self.python.as_ref().map(|p| p.to_string()),
            ..Place::default()
        }
    }

    /// The scopes around the node, outermost first, without the node's own name.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.node.rsplit_once('/').map_or("", |(scope, _)| scope);
        scope.split('/').filter(|part| !part.is_empty())
    }
}

/// One operation with its operands and the types of its results.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Its operands.
    pub inputs: Vec<Value>,
    /// The type of each result.
    pub types: Vec<Type>,
    /// The extents that the only result holds, where they are known: see [`content`].
    pub content: Option<Content>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The graph of one function.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// The arguments: each is the result of an [`Op::Input`].
    pub inputs: Vec<Value>,
    /// The results of the function.
    pub outputs: Vec<Value>,
    /// How many symbols have been handed out.
    symbols: u32,
    /// The values that tell the free dimensions of data: by their elements (see [`Op::ReadExtents`]), or by their shape.
    read: BTreeMap<Symbol, Value>,
}

/// Constants of up to this many elements are folded at birth.
const FOLD_LIMIT: usize = 1 << 16;

impl Graph {
    /// Appends a node. Infers its types and content, and folds it if all operands are small constants.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub fn push(&mut self, op: Op, inputs: &[Value], origin: &Origin) -> Result<NodeId> {
        let types: Vec<&Type> = inputs.iter().map(|&v| self.ty(v)).collect();
        let mut fresh = Fresh(self.symbols);
        let mut types = infer(&op, &types, &mut fresh).map_err(|e| e.at(&origin.place()))?;
        self.symbols = fresh.0;
        self.shorten(&mut types);
        let contents: Vec<Option<Content>> = inputs.iter().map(|&v| self.content(v)).collect();
        let content = content::infer(&op, &contents, &self.types_of(inputs), &types);
        let folded = self.fold(&op, inputs, &types);
        let (op, inputs, content) = match folded {
            Some(value) => {
                let content = content::of_constant(&value);
                (Op::Constant(Arc::new(value)), vec![], content)
            }
            None => (op, inputs.to_vec(), content),
        };
        let id = NodeId(
            u32::try_from(self.nodes.len()).map_err(|_| Error::unsupported("too many nodes"))?,
        );
        self.nodes.push(Node {
            op,
            inputs,
            types,
            content,
            origin: origin.clone(),
        });
        self.note_extents_of_data(id);
        Ok(id)
    }

    /// Gives extents that have grown long symbols of their own.
    fn shorten(&mut self, types: &mut [Type]) {
        for dim in types.iter_mut().flat_map(Type::dims_mut) {
            if !dim.is_short() {
                *dim = Dim::symbol(self.fresh_data_symbol());
            }
        }
    }

    /// Remembers the free dimensions of data that a node brings in: those of its results that nothing it is made of has.
    fn note_extents_of_data(&mut self, node: NodeId) {
        let value = Value { node, result: 0 };
        let node = &self.nodes[value.node.0 as usize];
        if let Op::ReadExtents(symbols) = &node.op {
            self.read
                .extend(symbols.iter().map(|&symbol| (symbol, value)));
            return;
        }
        let is_new = |symbol: &Symbol| symbol.least() == 0 && !self.mentions(node, *symbol);
        let mut new = vec![];
        for (result, ty) in (0..).zip(&node.types) {
            let symbols = ty.dims().iter().filter_map(Dim::as_symbol).filter(is_new);
            new.extend(symbols.map(|symbol| (symbol, Value { result, ..value })));
        }
        for (symbol, value) in new {
            self.read.entry(symbol).or_insert(value);
        }
    }

    /// Whether a node's operands have an extent, or the node is spelt with it.
    fn mentions(&self, node: &Node, symbol: Symbol) -> bool {
        let operand = node.inputs.first().map(|&value| self.ty(value).dims());
        let spelt = node.op.extents(operand.unwrap_or_default()).into_iter();
        let operands = node.inputs.iter().flat_map(|&value| self.ty(value).dims());
        let mut is_there = false;
        for dim in spelt.chain(operands) {
            dim.visit_symbols(&mut |other| is_there |= other == symbol);
        }
        is_there
    }

    /// Appends a copy of `node` with another op and operands; results whose extents depend on data keep their symbols.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub fn push_as(&mut self, op: Op, inputs: &[Value], node: &Node) -> Result<NodeId> {
        // What regions give keeps its extents, however the regions are spelt.
        let same = op == node.op || !op.regions().is_empty();
        let id = self.push(op, inputs, &node.origin)?;
        if same && self.node(id).types.len() == node.types.len() {
            self.nodes[id.0 as usize].types.clone_from(&node.types);
            self.note_extents_of_data(id);
        }
        Ok(id)
    }

    /// Appends a node whose results have these types, where inference knows less of their extents.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub(crate) fn push_kept(
        &mut self,
        op: Op,
        inputs: &[Value],
        types: Vec<Type>,
        origin: &Origin,
    ) -> Result<NodeId> {
        let id = self.push(op, inputs, origin)?;
        self.keep_types(id, types);
        Ok(id)
    }

    /// Gives the results of a node these types, where inference knows less of their extents.
    pub(crate) fn keep_types(&mut self, id: NodeId, types: Vec<Type>) {
        self.nodes[id.0 as usize].types = types;
        self.note_extents_of_data(id);
    }

    /// Appends a node of one result.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub fn value(&mut self, op: Op, inputs: &[Value], origin: &Origin) -> Result<Value> {
        Ok(Value {
            node: self.push(op, inputs, origin)?,
            result: 0,
        })
    }

    /// Appends an argument.
    pub fn input(&mut self, ty: Type, origin: &Origin) -> Value {
        let value = self.source(Op::Input(self.inputs.len()), ty, origin);
        self.inputs.push(value);
        value
    }

    /// Appends the value of a variable.
    pub fn param(&mut self, param: ParamId, ty: Type, origin: &Origin) -> Value {
        self.source(Op::Param(param), ty, origin)
    }

    /// Appends a constant.
    pub fn constant(&mut self, value: eval::Tensor, origin: &Origin) -> Value {
        self.shared_constant(Arc::new(value), origin)
    }

    /// Appends a constant that others hold too.
    pub fn shared_constant(&mut self, value: Arc<eval::Tensor>, origin: &Origin) -> Value {
        let dims = value
            .shape()
            .iter()
            .map(|&n| Dim::from(n))
            .collect::<Vec<_>>();
        let ty = Type::new(value.dtype(), dims);
        let content = content::of_constant(&value);
        let id = self.source(Op::Constant(value), ty, origin);
        self.nodes[id.node.0 as usize].content = content;
        id
    }

    /// Appends extents as an integer tensor.
    pub fn extents(
        &mut self,
        dims: Vec<Dim>,
        scalar: bool,
        dtype: DType,
        origin: &Origin,
    ) -> Value {
        let shape = if scalar {
            vec![]
        } else {
            vec![Dim::from(dims.len())]
        };
        let content = content::of_extents(&dims, scalar);
        let id = self.source(
            Op::Extents {
                dims,
                scalar,
                dtype,
            },
            Type::new(dtype, shape),
            origin,
        );
        self.nodes[id.node.0 as usize].content = content;
        id
    }

    fn source(&mut self, op: Op, ty: Type, origin: &Origin) -> Value {
        let node = NodeId(self.nodes.len() as u32);
        let origin = origin.clone();
        self.nodes.push(Node {
            op,
            inputs: vec![],
            types: vec![ty],
            content: None,
            origin,
        });
        Value { node, result: 0 }
    }

    fn fold(&self, op: &Op, inputs: &[Value], types: &[Type]) -> Option<eval::Tensor> {
        if inputs.is_empty() || types.len() != 1 {
            return None;
        }
        let elements: usize = types[0]
            .shape
            .known()?
            .iter()
            .try_fold(1, |n: usize, &d| n.checked_mul(d))?;
        let operands: Vec<&eval::Tensor> = inputs
            .iter()
            .map(|&v| self.as_constant(v).map(Arc::as_ref))
            .collect::<Option<_>>()?;
        let largest = operands
            .iter()
            .map(|t| t.len())
            .max()
            .unwrap_or(0)
            .max(elements);
        if largest > FOLD_LIMIT {
            return None;
        }
        eval::evaluate(op, &operands, types).ok()?.pop()
    }

    /// A new free dimension.
    pub fn fresh_symbol(&mut self) -> Symbol {
        self.symbols += 1;
        Symbol(self.symbols - 1)
    }

    /// A new free dimension that only the data tells.
    pub fn fresh_data_symbol(&mut self) -> Symbol {
        Symbol::of_data(self.fresh_symbol().0)
    }

    /// How many free dimensions there are.
    pub fn symbol_count(&self) -> u32 {
        self.symbols
    }

    /// Continues the numbering of symbols after `other`'s, whose dims are copied into this graph.
    pub fn adopt_symbols(&mut self, other: &Graph) {
        self.symbols = self.symbols.max(other.symbols);
    }

    /// The node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node that makes a value.
    pub fn producer(&self, value: Value) -> &Node {
        self.node(value.node)
    }

    /// All nodes, operands before users.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes
            .iter()
            .enumerate()
            .map(|(i, node)| (NodeId(i as u32), node))
    }

    /// Calls `visit` for every node, those of regions included.
    pub fn visit(&self, visit: &mut dyn FnMut(&Node)) {
        for node in &self.nodes {
            visit(node);
            for region in node.op.regions() {
                region.graph().visit(visit);
            }
        }
    }

    /// All that has to be computed before a node: its operands, and the tensors that tell its extents.
    pub fn reads(&self, node: &Node) -> Vec<Value> {
        [node.inputs.clone(), self.extents_read(node)].concat()
    }

    /// What the elements of a tensor are, if they have been read as extents.
    pub fn read_before(&self, tensor: Value) -> Option<Content> {
        let reads = |value: &&Value| {
            let node = self.producer(**value);
            matches!(node.op, Op::ReadExtents(_)) && node.inputs == [tensor]
        };
        let read = self.read.values().find(reads)?;
        self.content(*read)
    }

    /// The tensors that tell the extents of a node which depend on data.
    pub fn extents_read(&self, node: &Node) -> Vec<Value> {
        let operand = node.inputs.first().map(|&value| self.ty(value).dims());
        let mut values = vec![];
        if self.read.is_empty() {
            return values;
        }
        for dim in node.op.extents(operand.unwrap_or_default()) {
            dim.visit_symbols(&mut |symbol| {
                let value = self.read.get(&symbol).copied();
                values.extend(value.filter(|value| !values.contains(value)));
            });
        }
        values
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        &self.producer(value).types[value.result as usize]
    }

    fn types_of(&self, values: &[Value]) -> Vec<&Type> {
        values.iter().map(|&v| self.ty(v)).collect()
    }

    /// The extents that a value holds, where they are known.
    pub fn content(&self, value: Value) -> Option<Content> {
        (value.result == 0)
            .then(|| self.producer(value).content.clone())
            .flatten()
    }

    /// The constant that a value is, if it is one.
    pub fn as_constant(&self, value: Value) -> Option<&Arc<eval::Tensor>> {
        match &self.producer(value).op {
            Op::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The number that every element of a constant has, if it is one and they are equal.
    pub fn as_splat(&self, value: Value) -> Option<f64> {
        self.as_constant(value).and_then(|tensor| tensor.as_splat())
    }

    /// Whether two graphs are the same but for the origins of their nodes.
    pub fn computes_the_same(&self, other: &Graph) -> bool {
        let same =
            |(a, b): (&Node, &Node)| a.op == b.op && a.inputs == b.inputs && a.types == b.types;
        self.len() == other.len()
            && self.inputs == other.inputs
            && self.outputs == other.outputs
            && self.nodes.iter().zip(&other.nodes).all(same)
    }

    /// How often each value is read, by nodes and as a result of the function; indexed by node, then result.
    pub fn use_counts(&self) -> Vec<Vec<u32>> {
        let mut counts: Vec<Vec<u32>> = self.nodes.iter().map(|n| vec![0; n.types.len()]).collect();
        let reads = self
            .nodes
            .iter()
            .flat_map(|n| &n.inputs)
            .chain(&self.outputs);
        for value in reads {
            counts[value.node.0 as usize][value.result as usize] += 1;
        }
        counts
    }
}

/// Hands out new symbols during inference.
pub struct Fresh(u32);

impl Fresh {
    /// Symbols that `graph` does not use.
    pub fn after(graph: &Graph) -> Self {
        Fresh(graph.symbols)
    }

    /// A new free dimension.
    pub fn symbol(&mut self) -> Symbol {
        self.0 += 1;
        Symbol(self.0 - 1)
    }

    /// A new free dimension that only the data tells.
    pub fn data_symbol(&mut self) -> Symbol {
        Symbol::of_data(self.symbol().0)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.result {
            0 => write!(f, "%{}", self.node.0),
            n => write!(f, "%{}.{n}", self.node.0),
        }
    }
}

impl std::fmt::Display for Graph {
    /// The IR text of snapshots: a line per node.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (id, node) in self.nodes() {
            writeln!(
                f,
                "%{} = {:?} {:?} : {:?}",
                id.0, node.op, node.inputs, node.types
            )?;
        }
        writeln!(f, "return {:?}", self.outputs)
    }
}
