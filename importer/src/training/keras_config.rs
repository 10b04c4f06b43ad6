//! The momentum of batch norms in Keras' configuration of a model: JSON in which layers are objects with a `config`.

use crate::{Error, ErrorKind, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

/// A configuration larger than this is none.
const SIZE_LIMIT: u64 = 1 << 28;
/// Configurations nest as models do.
const DEPTH_LIMIT: usize = 200;

/// The momentum of each batch norm, by the layer's name; several where layers of one name differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Momenta(BTreeMap<String, BTreeSet<String>>);

impl Momenta {
    /// Of texts that Keras wrote; what is no JSON tells nothing.
    pub fn of_texts(texts: &[String]) -> Self {
        let mut momenta = Momenta::default();
        for text in texts {
            if let Ok(value) = serde_json::from_str(text) {
                momenta.add(&value, 0);
            }
        }
        momenta
    }

    /// Of a `.keras` file, or of the `config.json` in one.
    ///
    /// # Errors
    /// The file cannot be read, or is neither.
    pub fn of_file(path: &Path) -> Result<Self> {
        let text = text(path).map_err(|error| error.in_file(path))?;
        let value = serde_json::from_str(&text).map_err(|error| {
            Error::malformed(format!("this is no configuration of Keras: {error}"))
                .in_file(path)
                .help("give the .keras file of the model, or the config.json in it")
        })?;
        let mut momenta = Momenta::default();
        momenta.add(&value, 0);
        Ok(momenta)
    }

    /// The momentum of the layer with this name; where there is none with the name, what all layers have.
    pub fn of_layer(&self, name: &str) -> Option<f64> {
        let own = self.0.get(name).map(|momenta| momenta.iter().collect());
        let all: BTreeSet<&String> = own.unwrap_or_else(|| self.0.values().flatten().collect());
        match Vec::from_iter(all).as_slice() {
            [one] => one.parse().ok(),
            _ => None,
        }
    }

    fn add(&mut self, value: &Value, depth: usize) {
        if depth > DEPTH_LIMIT {
            return;
        }
        match value {
            Value::Object(fields) => {
                if let Some((name, momentum)) = batch_norm(value) {
                    self.0.entry(name).or_default().insert(momentum);
                }
                fields.values().for_each(|value| self.add(value, depth + 1));
            }
            Value::Array(values) => values.iter().for_each(|value| self.add(value, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The name and momentum of a batch norm, if the object is the configuration of one.
fn batch_norm(value: &Value) -> Option<(String, String)> {
    let config = value.get("config")?;
    config.get("moving_variance_initializer")?;
    let momentum = config.get("momentum")?.as_f64()?;
    let name = config.get("name")?.as_str()?;
    Some((name.to_owned(), momentum.to_string()))
}

fn text(path: &Path) -> Result<String> {
    let io = |error| Error::new(ErrorKind::Io(error));
    let mut file = fs::File::open(path).map_err(io)?;
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        let mut text = String::new();
        file.take(SIZE_LIMIT)
            .read_to_string(&mut text)
            .map_err(io)?;
        return Ok(text);
    }
    archived(&mut file)
}

/// The `config.json` of a `.keras` file.
#[cfg(feature = "npz")]
fn archived(file: &mut fs::File) -> Result<String> {
    let damaged = |error| Error::malformed(format!("this is no .keras file: {error}"));
    let mut archive = zip::ZipArchive::new(file).map_err(damaged)?;
    let config = archive.by_name("config.json").map_err(damaged)?;
    let mut text = String::new();
    let read = config.take(SIZE_LIMIT).read_to_string(&mut text);
    read.map_err(|error| Error::new(ErrorKind::Io(error)))?;
    Ok(text)
}

#[cfg(not(feature = "npz"))]
fn archived(_: &mut fs::File) -> Result<String> {
    Err(Error::unsupported("a .keras file is an archive")
        .help("unzip it and give its config.json, or use the feature `npz`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn momenta() -> Momenta {
        let norm = |name: &str, momentum: f64| {
            format!(
                r#"{{"class_name": "BatchNormalization", "config": {{"name": "{name}", "momentum": {momentum}, "moving_variance_initializer": "ones"}}}}"#
            )
        };
        let layers = [norm("a", 0.9), norm("b", 0.99), norm("b", 0.5)].join(", ");
        Momenta::of_texts(&[
            format!(r#"{{"config": {{"layers": [{layers}, {{"config": {{"momentum": 0.1}}}}]}}}}"#),
            "no JSON".to_owned(),
        ])
    }

    #[test]
    fn layers_have_the_momentum_of_their_name() {
        assert_eq!(momenta().of_layer("a"), Some(0.9));
        assert_eq!(momenta().of_layer("b"), None);
        assert_eq!(momenta().of_layer("c"), None);
    }

    #[test]
    fn a_momentum_that_all_layers_have_is_that_of_any() {
        let text =
            r#"{"config": {"name": "n", "momentum": 0.9, "moving_variance_initializer": {}}}"#;
        let one = Momenta::of_texts(&[text.to_owned()]);
        assert_eq!(one.of_layer("other"), Some(0.9));
    }
}
