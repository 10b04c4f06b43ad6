//! Attributes, identity, variables, signatures and assets.

use savedmodel_import::saved_model::{Aggregation, Synchronization, dtype_name};
use savedmodel_import::{Object, Variable};
use serde_json::{Value as Json, json};

use super::{Replay, list, text};
use crate::Result;

/// The object at a path whose parts are separated by `|`; `[k]` is an item.
pub(super) fn get<'m>(root: &Object<'m>, path: &str) -> Result<Object<'m>> {
    let mut at = root.clone();
    for part in path.split('|').filter(|part| !part.is_empty()) {
        let item = part
            .strip_prefix('[')
            .and_then(|part| part.strip_suffix(']'));
        at = match item.map(|item| (item, item.parse::<usize>())) {
            Some((_, Ok(index))) if !at.is_empty() => {
                at.item(index)?.ok_or_else(|| format!("{path} is None"))?
            }
            Some((key, _)) => at.attribute(key)?,
            None => at.attribute(part)?,
        };
    }
    Ok(at)
}

pub(super) fn objects(replay: &Replay, root: &Object<'_>) -> Result<()> {
    let expect = &replay.expect;
    for (path, _) in expect["attributes"].as_object().into_iter().flatten() {
        get(root, path)?;
    }
    for path in list(&expect["absent"]) {
        if get(root, text(path)).is_ok() {
            return Err(format!("{path} should not be there").into());
        }
    }
    for triple in list(&expect["identity"]) {
        let (a, b) = (get(root, text(&triple[0]))?, get(root, text(&triple[1]))?);
        if json!(a.is_same(&b)) != triple[2] {
            return Err(format!("identity: {triple}").into());
        }
    }
    for asset in list(&expect["assets"]) {
        check_asset(replay, root, asset)?;
    }
    signatures(root, &expect["signatures"])
}

fn check_asset(replay: &Replay, root: &Object<'_>, wanted: &Json) -> Result<()> {
    let object = get(root, text(&wanted["path"]))?;
    let asset = object.asset().ok_or("it is no asset")?;
    let relative = asset.path.strip_prefix(replay.dir.join("model"))?;
    let content = std::fs::read(&asset.path)?;
    let same = relative == std::path::Path::new(text(&wanted["relative_file"]));
    match same && content == super::values::decode(text(&wanted["base64"]))? {
        true => Ok(()),
        false => Err(format!("the asset is {}", relative.display()).into()),
    }
}

fn signatures(root: &Object<'_>, wanted: &Json) -> Result<()> {
    let Some(wanted) = wanted.as_object() else {
        return Ok(());
    };
    let signatures = root.attribute("signatures")?;
    let keys: Vec<&str> = wanted.keys().map(String::as_str).collect();
    same_names("the signatures", signatures.names(), keys)?;
    for (key, wanted) in wanted {
        let function = signatures.attribute(key)?.function()?;
        let names = |json: &Json| -> Vec<String> {
            json.as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.clone())
                .collect()
        };
        let inputs = function
            .input_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        same_names("the inputs", inputs, names(&wanted["inputs"]))?;
        let outputs = function
            .output_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        same_names("the outputs", outputs, names(&wanted["outputs"]))?;
    }
    Ok(())
}

fn same_names<S: AsRef<str>>(what: &str, mut got: Vec<String>, wanted: Vec<S>) -> Result<()> {
    let mut wanted: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
    got.sort();
    wanted.sort();
    match got == wanted {
        true => Ok(()),
        false => Err(format!("{what} are {got:?}, not {wanted:?}").into()),
    }
}

pub(super) fn variables(replay: &Replay, root: &Object<'_>, paths: &[Json]) -> Result<()> {
    for path in paths {
        let mut all = list(&replay.expect["variables"]).iter();
        let wanted = all
            .find(|wanted| wanted["path"] == *path)
            .ok_or("no such variable")?;
        let checked = get(root, text(path))
            .and_then(|object| Ok(object.variable()?))
            .and_then(|got| variable(replay, &got, wanted));
        checked.map_err(|why| format!("{path}: {why}"))?;
    }
    Ok(())
}

fn variable(replay: &Replay, got: &Variable<'_>, wanted: &Json) -> Result<()> {
    let synchronization = match got.synchronization() {
        Synchronization::Auto => "AUTO",
        Synchronization::None => "NONE",
        Synchronization::OnWrite => "ON_WRITE",
        Synchronization::OnRead => "ON_READ",
    };
    let aggregation = match got.aggregation() {
        Aggregation::None => "NONE",
        Aggregation::Sum => "SUM",
        Aggregation::Mean => "MEAN",
        Aggregation::OnlyFirstReplica => "ONLY_FIRST_REPLICA",
    };
    let is = json!({
        "dtype": dtype_name(got.dtype()), "trainable": got.trainable(), "shape": got.shape(),
        "synchronization": synchronization, "aggregation": aggregation,
    });
    for (key, value) in is.as_object().into_iter().flatten() {
        if *value != wanted[key] {
            return Err(format!("{key} is {value}, not {}", wanted[key]).into());
        }
    }
    if dtype_name(got.dtype()).starts_with("float8") {
        return exotic(replay, got, &wanted["value"]);
    }
    replay.check_tensor(&*got.value()?, &wanted["value"])
}

/// Element types without arithmetic are compared by their bits.
fn exotic(replay: &Replay, got: &Variable<'_>, wanted: &Json) -> Result<()> {
    let saved = got.saved_value()?;
    let wanted = replay.golden.get(text(&wanted["npz"])).ok_or("no golden")?;
    match saved.bytes() == Some(&wanted.to_bytes()?) {
        true => Ok(()),
        false => Err("the bits differ".into()),
    }
}
