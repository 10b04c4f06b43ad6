//! The main graph by names: `x:0` is a tensor, `x` an operation.

use std::collections::{HashMap, HashSet};

use savedmodel_import_proto::{DataType, GraphDef, NodeDef};

use super::verify::output_types;
use crate::saved_model::FunctionLibrary;
use crate::{Error, Result};

/// The nodes of a main graph.
pub(crate) struct MainGraph<'g> {
    nodes: &'g [NodeDef],
    index: HashMap<&'g str, usize>,
    library: &'g FunctionLibrary,
}

impl<'g> MainGraph<'g> {
    pub(crate) fn new(graph: &'g GraphDef, library: &'g FunctionLibrary) -> Result<MainGraph<'g>> {
        let mut index = HashMap::with_capacity(graph.node.len());
        for (place, node) in graph.node.iter().enumerate() {
            if index.insert(node.name.as_str(), place).is_some() {
                return Err(Error::malformed(format!(
                    "Node '{}' is not unique",
                    node.name
                )));
            }
        }
        Ok(MainGraph {
            nodes: &graph.node,
            index,
            library,
        })
    }

    /// Whether there is such an operation.
    pub(crate) fn has(&self, operation: &str) -> bool {
        self.index.contains_key(operation)
    }

    /// The operation of that name.
    pub(crate) fn operation(&self, name: &str) -> Result<&'g NodeDef> {
        let place = self.index.get(name.trim_start_matches('^'));
        place.map(|&place| &self.nodes[place]).ok_or_else(|| {
            Error::usage(format!(
                "The name '{name}' refers to an Operation not in the graph."
            ))
        })
    }

    /// The node and output of the tensor `x:0`.
    pub(crate) fn tensor(&self, name: &str) -> Result<(&'g NodeDef, usize)> {
        let missing = |why: String| {
            Error::usage(format!(
                "The name '{name}' refers to a Tensor which does not exist. {why}"
            ))
        };
        let parts = name
            .rsplit_once(':')
            .and_then(|(op, i)| Some((op, i.parse::<usize>().ok()?)));
        let (operation, output) = parts
            .ok_or_else(|| missing("Names of tensors are of the form `operation:0`.".to_owned()))?;
        let place = self.index.get(operation).ok_or_else(|| {
            missing(format!(
                "The operation, '{operation}', does not exist in the graph."
            ))
        })?;
        let node = &self.nodes[*place];
        match output_types(node, self.library) {
            Some(types) if output >= types.len() => Err(missing(format!(
                "The operation, '{operation}', exists but only has {} outputs.",
                types.len()
            ))),
            Some(_) | None => Ok((node, output)),
        }
    }

    /// As [`MainGraph::tensor`]; a name without a number is that of the first output.
    pub(crate) fn tensor_or_first(&self, name: &str) -> Result<(&'g NodeDef, usize)> {
        match name.contains(':') {
            true => self.tensor(name),
            false => self.operation(name).map(|node| (node, 0)),
        }
    }

    /// The element type of an output, where the op is known.
    pub(crate) fn output_type(&self, node: &NodeDef, output: usize) -> Option<DataType> {
        output_types(node, self.library)?.get(output).copied()
    }

    /// An error if `fetches`, tensors and operations, need a placeholder that is not among `feeds`.
    pub(crate) fn check_fed<'f>(
        &self,
        feeds: &[String],
        fetches: impl IntoIterator<Item = &'f str>,
    ) -> Result<()> {
        let fed: HashSet<(usize, usize)> =
            feeds.iter().filter_map(|feed| self.place(feed)).collect();
        let mut seen = vec![false; self.nodes.len()];
        for fetch in fetches {
            let found = self.unfed(fetch, &fed, &mut seen);
            if let Some(placeholder) = found {
                return Err(Error::usage(format!(
                    "Unable to lift tensor {fetch} because it depends transitively on placeholder {placeholder} which is not fed"
                ))
                .help(format!("feed `{placeholder}:0` as well")));
            }
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Option<(usize, usize)> {
        let name = name.trim_start_matches('^');
        let (operation, output) = match name.rsplit_once(':') {
            Some((operation, output)) => (operation, output.parse().ok()?),
            None => (name, 0),
        };
        Some((*self.index.get(operation)?, output))
    }

    fn unfed(
        &self,
        fetch: &str,
        fed: &HashSet<(usize, usize)>,
        seen: &mut [bool],
    ) -> Option<&'g str> {
        let start = self.place(fetch)?;
        if fetch.contains(':') && fed.contains(&start) {
            return None;
        }
        let mut stack = vec![start.0];
        while let Some(place) = stack.pop() {
            if std::mem::replace(&mut seen[place], true) {
                continue;
            }
            let node = &self.nodes[place];
            if matches!(node.op.as_str(), "Placeholder" | "PlaceholderV2") {
                return Some(&node.name);
            }
            for input in &node.input {
                let Some(source) = self.place(input) else {
                    continue;
                };
                if input.starts_with('^') || !fed.contains(&source) {
                    stack.push(source.0);
                }
            }
        }
        None
    }
}
