//! Which variable takes which value of the checkpoint, read from the graph's own restore operation: from it control
//! inputs lead to assignments, and from their values data inputs lead to RestoreV2.

use std::collections::{BTreeMap, BTreeSet};

use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{DataType, MetaGraphDef, NodeDef, TensorProto};

use super::super::bundle::Slice;
use super::{Nodes, split_tensor};
use crate::{Error, Place, Result};

/// A value of the checkpoint.
#[derive(Debug)]
pub(super) struct Restored {
    pub(super) key: String,
    pub(super) slice: Option<Slice>,
}

impl Restored {
    /// What a default saver does: the key is the variable's name.
    pub(super) fn by_name(name: &str) -> Restored {
        Restored {
            key: name.to_owned(),
            slice: None,
        }
    }
}

/// The values by the names of the variables' nodes.
pub(super) fn restored(
    graph: &MetaGraphDef,
    nodes: &Nodes<'_>,
) -> Result<BTreeMap<String, Restored>> {
    let Some(saver) = &graph.saver_def else {
        return Ok(BTreeMap::new());
    };
    let root = split_tensor(&saver.restore_op_name).0;
    if root.is_empty() {
        return Ok(BTreeMap::new());
    }
    if nodes.get(root).is_none() {
        return Err(Error::malformed(format!(
            "the saver's restore operation `{root}` is not in the graph"
        )));
    }
    let mut found = BTreeMap::new();
    let mut sources = Sources::default();
    let mut seen = BTreeSet::new();
    let mut stack = vec![root];
    while let Some(name) = stack.pop() {
        let Some(node) = nodes.get(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        if let Some((variable, restored)) = assignment(node, nodes, &mut sources)? {
            found.insert(variable.to_owned(), restored);
        }
        let control = node
            .input
            .iter()
            .filter_map(|input| input.strip_prefix('^'));
        stack.extend(control);
    }
    Ok(found)
}

fn assignment<'g>(
    node: &'g NodeDef,
    nodes: &Nodes<'g>,
    sources: &mut Sources,
) -> Result<Option<(&'g str, Restored)>> {
    if !matches!(node.op.as_str(), "Assign" | "AssignVariableOp") {
        return Ok(None);
    }
    let [target, value, ..] = node.input.as_slice() else {
        return Ok(None);
    };
    let target = through_identities(target, nodes);
    let value = through_identities(value, nodes);
    let (source, index) = split_tensor(value);
    let Some(source) = nodes.get(source).filter(|source| is_restore(source)) else {
        return Ok(None);
    };
    let restored = sources.get(source, nodes, index).map_err(|error| {
        error.at(&Place {
            node: Some(source.name.clone()),
            op: Some(source.op.clone()),
            ..Place::default()
        })
    });
    Ok(Some((split_tensor(target).0, restored?)))
}

fn is_restore(node: &NodeDef) -> bool {
    matches!(node.op.as_str(), "RestoreV2" | "Restore" | "RestoreSlice")
}

/// Follows a tensor through nodes that pass their first input on; a cycle ends where it began.
fn through_identities<'g>(tensor: &'g str, nodes: &Nodes<'g>) -> &'g str {
    let mut at = tensor;
    for _ in 0..16 {
        let node = nodes.of_tensor(at);
        let passed = node.filter(|n| matches!(n.op.as_str(), "Identity" | "Reshape" | "Cast"));
        match passed.and_then(|node| node.input.first()) {
            Some(input) => at = input,
            None => break,
        }
    }
    at
}

/// The keys and slices of restore nodes, each read once.
#[derive(Default)]
struct Sources(BTreeMap<String, (Vec<String>, Vec<String>)>);

impl Sources {
    fn get(&mut self, node: &NodeDef, nodes: &Nodes<'_>, index: usize) -> Result<Restored> {
        if !self.0.contains_key(&node.name) {
            let keys = strings(node, 1, nodes)?;
            let slices = match node.op.as_str() {
                "Restore" => Vec::new(),
                _ => strings(node, 2, nodes)?,
            };
            self.0.insert(node.name.clone(), (keys, slices));
        }
        let (keys, slices) = &self.0[&node.name];
        let key = keys.get(index).ok_or_else(|| {
            Error::malformed(format!(
                "output {index} is used, but there are {} keys",
                keys.len()
            ))
        })?;
        let slice = match slices.get(index) {
            Some(text) => Slice::parse(text)?.map(|(_, slice)| slice),
            None => None,
        };
        Ok(Restored {
            key: key.clone(),
            slice,
        })
    }
}

fn strings(node: &NodeDef, input: usize, nodes: &Nodes<'_>) -> Result<Vec<String>> {
    let constant = node
        .input
        .get(input)
        .map(|tensor| through_identities(tensor, nodes))
        .and_then(|tensor| nodes.of_tensor(tensor))
        .and_then(|constant| constant.attr.get("value"))
        .and_then(|attr| attr.value.as_ref());
    match constant {
        Some(Value::Tensor(tensor)) if tensor.dtype() == DataType::DtString => utf8(tensor),
        _ => Err(Error::malformed(format!(
            "input {input} is not a constant of strings"
        ))),
    }
}

/// The strings of a constant; one string stands for as many as the shape says.
fn utf8(tensor: &TensorProto) -> Result<Vec<String>> {
    let mut strings = tensor
        .string_val
        .iter()
        .map(|bytes| String::from_utf8(bytes.to_vec()))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|_| Error::malformed("a key of the checkpoint is not UTF-8"))?;
    let dims = tensor
        .tensor_shape
        .as_ref()
        .map_or(&[][..], |shape| &shape.dim);
    let count = dims.iter().map(|dim| dim.size).fold(1, i64::saturating_mul);
    if let (Some(last), Ok(count)) = (strings.last().cloned(), usize::try_from(count)) {
        let missing = count.saturating_sub(strings.len());
        let empty = last.is_empty() && missing <= MAX_REPEATED;
        strings.extend(std::iter::repeat_n(last, if empty { missing } else { 0 }));
    }
    Ok(strings)
}

/// How often a constant may repeat its last string.
const MAX_REPEATED: usize = 1 << 20;
