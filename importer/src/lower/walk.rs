//! The walk over one flat function.

use super::cx::{Cx, Lowered};
use super::find;
use crate::error::{Error, Result};
use crate::graph::flat::{FlatGraph, FlatKind, FlatNode};
use crate::ir::{DType, Dim, Graph, Origin, Param, ParamId, Type, Value};
use savedmodel_import_proto::{AttrValue, NodeDef, TensorShapeProto, attr_value};
use std::collections::{BTreeMap, BTreeSet};

/// Ops that only check or report; without them the function computes the same.
const REPORTS: &[&str] = &["Assert", "NoOp", "Print", "PrintV2", "ControlTrigger"];

/// Lowers one function.
///
/// # Errors
/// Every node that the IR cannot say, together.
pub fn lower(flat: &FlatGraph, params: &[Param]) -> Result<Graph> {
    let mut walk = Walk {
        graph: Graph::default(),
        params,
        reads: BTreeMap::new(),
        results: Vec::with_capacity(flat.nodes.len()),
        errors: Vec::new(),
    };
    let arguments = walk.arguments(flat);
    let live = live(flat);
    for (index, node) in flat.nodes.iter().enumerate() {
        let result = match arguments.get(&index) {
            Some(&value) => Some(vec![Lowered::Value(value)]),
            None if live[index] => walk.node(node),
            None => None,
        };
        walk.results.push(result);
    }
    walk.finish(flat)
}

/// The ops of a function that have no lowering, with a node of each that needs it.
pub fn unsupported(flat: &FlatGraph) -> Vec<&FlatNode> {
    let live = live(flat);
    let nodes = flat.nodes.iter().zip(&live).filter(|(_, live)| **live).map(|(node, _)| node);
    let mut seen = BTreeSet::new();
    nodes
        .filter(|node| match &node.kind {
            FlatKind::Op(def) => find(&def.op).is_none() && seen.insert(def.op.as_str()),
            FlatKind::Argument { .. } | FlatKind::Variable(_) | FlatKind::Asset(_) | FlatKind::Resource(_) => false,
        })
        .collect()
}

/// Which nodes the results and effects need, when reports are left out.
fn live(flat: &FlatGraph) -> Vec<bool> {
    let mut live = vec![false; flat.nodes.len()];
    let effects = flat.effects.iter().copied().filter(|&node| !is_report(&flat.nodes[node]));
    let mut stack: Vec<usize> = flat.outputs.iter().map(|edge| edge.node).chain(effects).collect();
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut live[node], true) {
            stack.extend(flat.nodes[node].inputs.iter().map(|edge| edge.node));
        }
    }
    live
}

fn is_report(node: &FlatNode) -> bool {
    matches!(&node.kind, FlatKind::Op(def) if REPORTS.contains(&def.op.as_str()))
}

struct Walk<'a> {
    graph: Graph,
    params: &'a [Param],
    reads: BTreeMap<ParamId, Value>,
    /// The outputs of each node so far; `None` after a failure, or for a node that is not needed.
    results: Vec<Option<Vec<Lowered>>>,
    errors: Vec<Error>,
}

impl Walk<'_> {
    /// Makes the arguments first and in their order, wherever their nodes are.
    fn arguments(&mut self, flat: &FlatGraph) -> BTreeMap<usize, Value> {
        let mut values = BTreeMap::new();
        for &index in &flat.inputs {
            let node = &flat.nodes[index];
            if let FlatKind::Argument { dtype, shape, .. } = &node.kind {
                let ty = self.argument_type(*dtype, shape.as_deref());
                values.insert(index, self.graph.input(ty, &node.origin));
            }
        }
        values
    }

    fn argument_type(&mut self, dtype: DType, shape: Option<&[Option<usize>]>) -> Type {
        let Some(extents) = shape else { return Type::unranked(dtype) };
        let mut dims = Vec::with_capacity(extents.len());
        for extent in extents {
            dims.push(match extent {
                Some(known) => Dim::from(*known),
                None => Dim::symbol(self.graph.fresh_symbol()),
            });
        }
        Type::new(dtype, dims)
    }

    fn node(&mut self, node: &FlatNode) -> Option<Vec<Lowered>> {
        let def = match &node.kind {
            FlatKind::Op(def) => def,
            FlatKind::Variable(param) => return Some(vec![Lowered::Variable(*param)]),
            FlatKind::Asset(asset) => return Some(vec![Lowered::Asset(*asset)]),
            FlatKind::Resource(resource) => return Some(vec![Lowered::Resource(*resource)]),
            FlatKind::Argument { .. } => return self.fail(Error::malformed("an argument is not listed"), &node.origin),
        };
        let Some(row) = find(&def.op) else {
            return self.fail(Error::unsupported(format!("the op {} is not supported", def.op)), &node.origin);
        };
        let inputs = self.operands(node)?;
        if inputs.contains(&Lowered::Dead) && !matches!(def.op.as_str(), "Merge" | "RefMerge") {
            return Some(vec![Lowered::Dead; output_count(def)]);
        }
        let (graph, reads) = (&mut self.graph, &mut self.reads);
        let mut cx = Cx { graph, params: self.params, reads, def, inputs: &inputs, origin: &node.origin };
        let outputs = row.apply(&mut cx).and_then(|outputs| check_shapes(&self.graph, def, &outputs).map(|()| outputs));
        match outputs {
            Ok(outputs) => Some(outputs),
            Err(error) => self.fail(error, &node.origin),
        }
    }

    /// The operands, or `None` if one could not be made.
    fn operands(&mut self, node: &FlatNode) -> Option<Vec<Lowered>> {
        let mut operands = Vec::with_capacity(node.inputs.len());
        for edge in &node.inputs {
            let outputs = self.results[edge.node].as_ref()?;
            let Some(&operand) = outputs.get(edge.output) else {
                return self.fail(Error::malformed(format!("an operand has no output {}", edge.output)), &node.origin);
            };
            operands.push(operand);
        }
        Some(operands)
    }

    fn fail<T>(&mut self, error: Error, origin: &Origin) -> Option<T> {
        self.errors.push(error.at(&origin.place()));
        None
    }

    fn finish(mut self, flat: &FlatGraph) -> Result<Graph> {
        let mut outputs = Vec::with_capacity(flat.outputs.len());
        for edge in &flat.outputs {
            let origin = &flat.nodes[edge.node].origin;
            let Some(results) = &self.results[edge.node] else { continue };
            match results.get(edge.output).copied() {
                Some(Lowered::Value(value)) => outputs.push(value),
                Some(Lowered::Variable(param)) => match self.read(param, origin) {
                    Ok(value) => outputs.push(value),
                    Err(error) => self.errors.push(error),
                },
                Some(Lowered::Resource(_) | Lowered::Asset(_) | Lowered::Dead | Lowered::Opaque(_)) | None => {
                    self.errors.push(Error::unsupported("a result is not a tensor").at(&origin.place()));
                }
            }
        }
        if !self.errors.is_empty() {
            return Err(Error::several(self.errors));
        }
        self.graph.outputs = outputs;
        Ok(self.graph)
    }

    fn read(&mut self, param: ParamId, origin: &Origin) -> Result<Value> {
        let (graph, reads) = (&mut self.graph, &mut self.reads);
        let def = NodeDef::default();
        Cx { graph, params: self.params, reads, def: &def, inputs: &[], origin }.read(param)
    }
}

fn output_count(def: &NodeDef) -> usize {
    let Some(op) = crate::graph::op_def::op_def(&def.op) else { return 1 };
    let attr = |name: &str| def.attr.get(name).or_else(|| op.default(name));
    op.output_types(attr).map_or(1, |types| types.len())
}

/// TensorFlow's own record of the shapes, where the node has one, agrees in every known extent.
fn check_shapes(graph: &Graph, def: &NodeDef, outputs: &[Lowered]) -> Result<()> {
    let Some(AttrValue { value: Some(attr_value::Value::List(recorded)) }) = def.attr.get("_output_shapes") else {
        return Ok(());
    };
    for (output, recorded) in outputs.iter().zip(&recorded.shape) {
        if let Lowered::Value(value) = output
            && contradicts(graph.ty(*value), recorded)
        {
            let message = format!("internal: the shape {} is not the recorded {}", graph.ty(*value), text(recorded));
            return Err(Error::malformed(message));
        }
    }
    Ok(())
}

fn contradicts(ty: &Type, recorded: &TensorShapeProto) -> bool {
    let Some(dims) = ty.shape.dims() else { return false };
    if recorded.unknown_rank {
        return false;
    }
    let differs = |(dim, recorded): (&Dim, i64)| recorded >= 0 && dim.as_known().is_some_and(|known| known != recorded);
    dims.len() != recorded.dim.len() || dims.iter().zip(recorded.dim.iter().map(|dim| dim.size)).any(differs)
}

fn text(shape: &TensorShapeProto) -> String {
    let dims: Vec<String> = shape.dim.iter().map(|dim| dim.size.to_string()).collect();
    format!("[{}]", dims.join(", "))
}
