//! Which MetaGraph, and whether it is loaded as TF2 or as TF1.

use std::collections::BTreeSet;

use savedmodel_import_proto::{MetaGraphDef, SavedModel};

use crate::{Error, Result};

/// The tags of a MetaGraph, as stored.
pub(super) fn tags_of(meta_graph: &MetaGraphDef) -> &[String] {
    meta_graph
        .meta_info_def
        .as_ref()
        .map_or(&[], |info| info.tags.as_slice())
}

/// The chosen MetaGraph, and whether its object graph counts: only where it is the only MetaGraph does TensorFlow use it.
pub(super) fn choose(model: SavedModel, tags: Option<&[String]>) -> Result<(MetaGraphDef, bool)> {
    let mut graphs = model.meta_graphs;
    match graphs.len() {
        1 => {
            let graph = graphs.remove(0);
            check_only(&graph, tags)?;
            let is_tf2 = graph.object_graph_def.is_some();
            Ok((graph, is_tf2))
        }
        _ => {
            let chosen = position(&graphs, tags)?;
            Ok((graphs.swap_remove(chosen), false))
        }
    }
}

fn set(tags: &[String]) -> BTreeSet<&str> {
    tags.iter().map(String::as_str).collect()
}

fn check_only(graph: &MetaGraphDef, tags: Option<&[String]>) -> Result<()> {
    let stored = tags_of(graph);
    match tags {
        Some(tags) if set(tags) != set(stored) => Err(Error::usage(format!(
            "Got an incompatible argument to `tags`: {tags:?}. The SavedModel has one MetaGraph with tags {stored:?}"
        ))
        .help("leave the tags out, or give exactly these")),
        _ => Ok(()),
    }
}

fn position(graphs: &[MetaGraphDef], tags: Option<&[String]>) -> Result<usize> {
    let available: Vec<&[String]> = graphs.iter().map(tags_of).collect();
    if graphs.is_empty() {
        return Err(Error::malformed("the SavedModel has 0 MetaGraphs"));
    }
    let Some(tags) = tags else {
        return Err(Error::usage(format!(
            "loading requires a `tags=` argument if there is more than one MetaGraph: there are {} MetaGraphs in the SavedModel with tag sets: {available:?}",
            graphs.len()
        ))
        .help("choose one by its tags"));
    };
    available
        .iter()
        .position(|stored| set(stored) == set(tags))
        .ok_or_else(|| {
            Error::usage(format!(
                "MetaGraphDef associated with tags {tags:?} could not be found in SavedModel, with available tags {available:?}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use savedmodel_import_proto::SavedObjectGraph;
    use savedmodel_import_proto::meta_graph_def::MetaInfoDef;

    use super::*;

    fn graph(tags: &[&str]) -> MetaGraphDef {
        MetaGraphDef {
            meta_info_def: Some(MetaInfoDef {
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                ..MetaInfoDef::default()
            }),
            object_graph_def: Some(SavedObjectGraph::default()),
            ..MetaGraphDef::default()
        }
    }

    fn model(tags: &[&[&str]]) -> SavedModel {
        SavedModel {
            saved_model_schema_version: 1,
            meta_graphs: tags.iter().map(|tags| graph(tags)).collect(),
        }
    }

    fn strings(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn tags_match_as_sets_and_never_in_part() {
        let serve_gpu = strings(&["gpu", "serve", "serve"]);
        assert!(choose(model(&[&["serve", "gpu"]]), Some(&serve_gpu)).is_ok());
        assert!(choose(model(&[&["serve", "gpu"]]), Some(&strings(&["serve"]))).is_err());
        assert!(choose(model(&[&["serve"]]), Some(&[])).is_err());
    }

    #[test]
    fn two_meta_graphs_are_loaded_as_tf1() -> Result<()> {
        let (graph, is_tf2) = choose(model(&[&["a"], &["b"]]), Some(&strings(&["b"])))?;
        assert_eq!(tags_of(&graph), ["b"]);
        assert!(!is_tf2);
        assert!(choose(model(&[&["a"]]), None)?.1);
        Ok(())
    }

    #[test]
    fn an_ambiguous_choice_lists_what_there_is() {
        let error = choose(model(&[&["a"], &["b"]]), None)
            .err()
            .map(|e| e.to_string());
        insta::assert_snapshot!(error.unwrap_or_default(), @r#"
        loading requires a `tags=` argument if there is more than one MetaGraph: there are 2 MetaGraphs in the SavedModel with tag sets: [["a"], ["b"]]
          help: choose one by its tags
        "#);
        let error = choose(model(&[]), None).err().map(|e| e.exit_code());
        assert_eq!(error, Some(3));
    }
}
