//! Further facts about a loaded model.

use savedmodel_import::SavedModel;
use serde_json::{Value as Json, json};

use super::{Replay, check, list, text};
use crate::Result;

pub(super) fn check(replay: &Replay, model: &SavedModel) -> Result<()> {
    for (name, wanted) in replay.expect["facts"].as_object().into_iter().flatten() {
        let is = fact(model, name, wanted)?;
        if is.as_ref().is_some_and(|is| is != wanted) {
            return Err(format!("{name} is {}, not {wanted}", json!(is)).into());
        }
    }
    Ok(())
}

/// What holds of the model; `None` for a remark that is no fact about it.
fn fact(model: &SavedModel, name: &str, wanted: &Json) -> Result<Option<Json>> {
    let root = model.root();
    let length = |name: &str| -> Result<Json> { Ok(json!(root.attribute(name)?.len())) };
    Ok(Some(match name {
        "callable(root)" => json!(root.is_callable()),
        "len(variables)" => length("variables")?,
        "len(asset_paths)" => length("asset_paths")?,
        "variables[1]" => match root.attribute("variables")?.item(1)? {
            Some(object) => json!(object.path()),
            None => Json::Null,
        },
        "counts" => {
            let lists = [
                "variables",
                "trainable_variables",
                "non_trainable_variables",
            ];
            let lists = lists.iter().filter_map(|list| root.attribute(list).ok());
            json!(lists.map(|list| list.len()).collect::<Vec<_>>())
        }
        "function_aliases" => json!(root.attribute("function_aliases")?.names()),
        "root_attributes" => json!(root.names()),
        "signature_keys" => json!(root.attribute("signatures")?.names()),
        "has_restore" => json!(root.attribute("restore").is_ok()),
        "tensorflow_version" => json!(model.tensorflow_version),
        "tensorflow_git_version" => json!(model.tensorflow_git_version()),
        "v.is_initialized" => json!(check::get(&root, "v")?.variable()?.is_initialized()),
        "debug_info_traces>0" => json!(
            model
                .debug_info()
                .is_some_and(|info| !info.traces.is_empty())
        ),
        "variables_files" => {
            let mut files = Vec::new();
            for file in std::fs::read_dir(model.dir.join("variables"))? {
                files.push(file?.file_name().to_string_lossy().into_owned());
            }
            files.sort();
            json!(files)
        }
        "nodes" => return nodes(model, wanted).map(Some),
        "quirk" => return Ok(None),
        other => return Err(format!("the fact {other} is not known").into()),
    }))
}

/// The nodes of the graph with their ops, by name. TensorFlow leaves out what only saves and restores.
fn nodes(model: &SavedModel, wanted: &Json) -> Result<Json> {
    let nodes = model.graph().node.iter();
    let mut nodes: Vec<Json> = nodes.map(|node| json!([node.name, node.op])).collect();
    nodes.retain(|node| !text(&list(node)[0]).starts_with("save/") || list(wanted).contains(node));
    nodes.sort_by(|a, b| text(&list(a)[0]).cmp(text(&list(b)[0])));
    Ok(json!(nodes))
}
