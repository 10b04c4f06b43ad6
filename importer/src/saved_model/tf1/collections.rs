//! Collections: variable definitions and the initialisation.

use savedmodel_import_proto::collection_def::Kind;
use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::{CollectionDef, MetaGraphDef, VariableDef, tensor_info};

use super::super::file::error_text;
use super::Nodes;
use crate::{Error, Result};

/// The collections that hold variables; the first ones count.
const VARIABLES: [&str; 7] = [
    "trainable_variables",
    "variables",
    "local_variables",
    "metric_variables",
    "model_variables",
    "moving_average_variables",
    "global_step",
];

const INIT_OP: &str = "__saved_model_init_op";

/// Each definition with the name of its collection.
pub(super) type Definitions = Vec<(&'static str, VariableDef)>;

/// The definitions of variables.
pub(super) fn variables(graph: &MetaGraphDef, nodes: &Nodes<'_>) -> Result<Definitions> {
    let mut found = Definitions::new();
    for collection in VARIABLES {
        let stored = graph.collection_def.get(collection);
        let Some(Kind::BytesList(list)) = stored.and_then(|stored| stored.kind.as_ref()) else {
            continue;
        };
        for bytes in &list.value {
            let definition = VariableDef::decode(bytes.clone()).map_err(|error| {
                Error::malformed(format!(
                    "collection `{collection}`: VariableDef does not parse: {}",
                    error_text(&error)
                ))
            })?;
            if nodes.of_tensor(&definition.variable_name).is_none() {
                return Err(Error::malformed(format!(
                    "collection `{collection}`: The name '{}' refers to a Tensor which does not exist",
                    definition.variable_name
                )));
            }
            found.push((collection, definition));
        }
    }
    Ok(found)
}

/// The name of the operation that initialises the model.
pub(super) fn init_op(graph: &MetaGraphDef) -> Result<Option<String>> {
    let signature = graph.signature_def.get(INIT_OP);
    let output = signature.and_then(|signature| signature.outputs.get(INIT_OP));
    if let Some(tensor_info::Encoding::Name(name)) = output.and_then(|o| o.encoding.as_ref()) {
        return Ok(Some(name.clone()));
    }
    for collection in ["saved_model_main_op", "legacy_init_op"] {
        if let Some(stored) = graph.collection_def.get(collection) {
            return only_name(stored);
        }
    }
    Ok(None)
}

/// The operations that fill local variables and tables, which run where the model names none that initialises it.
pub(super) fn initializers(graph: &MetaGraphDef, definitions: &Definitions) -> Vec<String> {
    let local = definitions
        .iter()
        .filter(|(collection, _)| *collection == "local_variables");
    let names = local.map(|(_, definition)| definition.initializer_name.clone());
    let mut names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    let stored = graph.collection_def.get("table_initializer");
    if let Some(Kind::NodeList(list)) = stored.and_then(|stored| stored.kind.as_ref()) {
        names.extend(list.value.iter().cloned());
    }
    names
}

fn only_name(collection: &CollectionDef) -> Result<Option<String>> {
    let names = match &collection.kind {
        Some(Kind::NodeList(list)) => list.value.as_slice(),
        _ => &[],
    };
    match names {
        [] => Ok(None),
        [name] => Ok(Some(name.clone())),
        names => Err(Error::malformed(format!(
            "Expected exactly one SavedModel init op. Found {}: {names:?}",
            names.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use savedmodel_import_proto::collection_def::NodeList;

    #[test]
    fn operations_that_fill_tables_are_listed_in_their_order() {
        let names = vec!["b".to_owned(), "a".to_owned()];
        let mut graph = MetaGraphDef::default();
        let none = Definitions::new();
        assert!(initializers(&graph, &none).is_empty());
        let kind = Some(Kind::NodeList(NodeList {
            value: names.clone(),
        }));
        let collection = CollectionDef { kind };
        graph
            .collection_def
            .insert("table_initializer".to_owned(), collection);
        assert_eq!(initializers(&graph, &none), names);
    }
}
