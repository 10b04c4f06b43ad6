//! The values of `expect.json`: made for arguments, compared with results.

use std::sync::Arc;

use savedmodel_import::eval::Tensor;
use savedmodel_import::ir::DType;
use savedmodel_import::live::{Ragged, Sparse};
use savedmodel_import::{Nest, SavedModel};
use savedmodel_import_tests_value::Data;
use serde_json::Value as Json;

use super::{Replay, list, text};
use crate::{Result, evaluate};

const RELATIVE: f64 = 1e-5;
const ABSOLUTE: f64 = 1e-6;

impl Replay {
    /// The tensor that `{tensor, shape, npz | base64}` is.
    pub(super) fn tensor(&self, json: &Json) -> Result<Tensor> {
        let dims = list(&json["shape"]).iter().filter_map(Json::as_u64);
        let shape: Vec<usize> = dims.map(|dim| dim as usize).collect();
        if json["tensor"] == "string" {
            let strings = list(&json["base64"]).iter().map(|item| decode(text(item)));
            return Ok(Tensor::new(&shape, strings.collect::<Result<Vec<_>>>()?)?);
        }
        let key = text(&json["npz"]);
        let tensor = self
            .golden
            .get(key)
            .ok_or_else(|| format!("no golden `{key}`"))?;
        match text(&json["tensor"]) {
            "bfloat16" => Ok(Tensor::from_bytes(
                DType::BF16,
                &shape,
                &tensor.to_bytes()?,
            )?),
            _ => Ok(tensor.clone()),
        }
    }

    /// An argument.
    pub(super) fn make(&self, model: &SavedModel, json: &Json) -> Result<Nest> {
        let all = |items: &Json| -> Result<Vec<Nest>> {
            list(items)
                .iter()
                .map(|item| self.make(model, item))
                .collect()
        };
        let Some((kind, value)) = kind(json) else {
            return Err(format!("an argument of no known kind: {json}").into());
        };
        Ok(match kind {
            "tensor" if json["variable"] == true => model.new_variable(self.tensor(json)?)?,
            "tensor" => self.tensor(json)?.into(),
            "ragged" => Nest::Ragged(self.ragged(value)?),
            "sparse" => {
                let part = |name: &str| self.tensor(&value[name]).map(Arc::new);
                Nest::Sparse(Sparse {
                    indices: part("indices")?,
                    values: part("values")?,
                    dense_shape: part("dense_shape")?,
                })
            }
            "py" => python(value),
            "py_dtype" => Nest::DType(dtype(text(value))?),
            "py_bytes" => Tensor::new(&[], vec![decode(text(value))?])?.into(),
            "list" => Nest::List(all(value)?),
            "tuple" => Nest::Tuple(all(value)?),
            "dict" => {
                let fields = value.as_object().into_iter().flatten();
                let fields = fields.map(|(key, item)| Ok((key.clone(), self.make(model, item)?)));
                Nest::Dict(fields.collect::<Result<_>>()?)
            }
            _ => {
                let fields = list(&json["fields"]).iter();
                let fields =
                    fields.map(|pair| Ok((text(&pair[0]).to_owned(), self.make(model, &pair[1])?)));
                Nest::NamedTuple(text(value).to_owned(), fields.collect::<Result<_>>()?)
            }
        })
    }

    fn ragged(&self, json: &Json) -> Result<Ragged> {
        let splits = Arc::new(self.tensor(&json["row_splits"])?);
        match &json["values"]["ragged"] {
            Json::Null => Ok(Ragged {
                flat_values: Arc::new(self.tensor(&json["values"])?),
                row_splits: vec![splits],
            }),
            inner => {
                let mut inner = self.ragged(inner)?;
                inner.row_splits.insert(0, splits);
                Ok(inner)
            }
        }
    }

    /// Whether a result is what TensorFlow gave.
    pub(super) fn check(&self, got: &Nest, wanted: &Json) -> Result<()> {
        let Some((kind, value)) = kind(wanted) else {
            return Err(format!("a result of no known kind: {wanted}").into());
        };
        match (kind, got) {
            ("tensor", Nest::Tensor(tensor)) => self.check_tensor(tensor, wanted),
            ("ragged", Nest::Ragged(got)) => {
                let wanted = self.ragged(value)?;
                same(&got.flat_values, &wanted.flat_values)?;
                match got.row_splits == wanted.row_splits {
                    true => Ok(()),
                    false => Err("the row splits differ".into()),
                }
            }
            ("sparse", Nest::Sparse(got)) => {
                self.check_tensor(&got.indices, &value["indices"])?;
                self.check_tensor(&got.values, &value["values"])?;
                self.check_tensor(&got.dense_shape, &value["dense_shape"])
            }
            ("list", Nest::List(items)) | ("tuple", Nest::Tuple(items))
                if items.len() == list(value).len() =>
            {
                let mut pairs = items.iter().zip(list(value));
                pairs.try_for_each(|(item, wanted)| self.check(item, wanted))
            }
            ("dict", Nest::Dict(fields))
                if value
                    .as_object()
                    .is_some_and(|wanted| wanted.len() == fields.len()) =>
            {
                fields.iter().try_for_each(|(key, field)| {
                    let checked = self.check(field, &value[key]);
                    checked.map_err(|why| format!("{key}: {why}").into())
                })
            }
            ("namedtuple", Nest::NamedTuple(_, fields)) => {
                let wanted = list(&wanted["fields"]);
                let names = |(field, wanted): (&(String, Nest), &Json)| field.0 == text(&wanted[0]);
                if fields.len() != wanted.len() || !fields.iter().zip(wanted).all(names) {
                    return Err(format!("the fields differ: {got}").into());
                }
                let mut pairs = fields.iter().zip(wanted);
                pairs.try_for_each(|((_, field), wanted)| self.check(field, &wanted[1]))
            }
            ("py", got) if got.to_string() == python(value).to_string() => Ok(()),
            _ => Err(format!("it is {got}, not {wanted}").into()),
        }
    }

    /// Whether a tensor is what TensorFlow gave.
    pub(super) fn check_tensor(&self, got: &Tensor, wanted: &Json) -> Result<()> {
        same(got, &self.tensor(wanted)?)
    }
}

/// The kind of value, and what says more of it.
fn kind(json: &Json) -> Option<(&str, &Json)> {
    let kinds = [
        "tensor",
        "ragged",
        "sparse",
        "py_dtype",
        "py_bytes",
        "py",
        "list",
        "tuple",
        "dict",
        "namedtuple",
    ];
    let object = json.as_object()?;
    kinds
        .into_iter()
        .find_map(|kind| object.get(kind).map(|value| (kind, value)))
}

fn python(json: &Json) -> Nest {
    match json {
        Json::Null => Nest::None,
        Json::Bool(value) => Nest::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Nest::Int(value),
            None => Nest::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Nest::Text(text.clone()),
        Json::Array(items) => Nest::List(items.iter().map(python).collect()),
        Json::Object(fields) => {
            Nest::Dict(fields.iter().map(|(k, v)| (k.clone(), python(v))).collect())
        }
    }
}

fn dtype(name: &str) -> Result<savedmodel_import::saved_model::DataType> {
    savedmodel_import::saved_model::dtype_of_name(name)
        .ok_or_else(|| format!("the dtype {name} is not known").into())
}

/// The largest element-wise difference is within the tolerance, and everything else is equal.
fn same(got: &Tensor, wanted: &Tensor) -> Result<()> {
    if got.dtype() != wanted.dtype() || got.shape() != wanted.shape() {
        let type_of = |tensor: &Tensor| format!("{:?}{:?}", tensor.dtype(), tensor.shape());
        return Err(format!("it is {}, not {}", type_of(got), type_of(wanted)).into());
    }
    let close = |got: f64, wanted: f64| {
        got == wanted
            || (got.is_nan() && wanted.is_nan())
            || (got - wanted).abs() <= ABSOLUTE + RELATIVE * wanted.abs()
    };
    let agree = match (evaluate::plain(got).data, evaluate::plain(wanted).data) {
        (Data::Float(got), Data::Float(wanted)) => got
            .iter()
            .zip(&wanted)
            .all(|(got, wanted)| close(*got, *wanted)),
        (Data::Complex(got), Data::Complex(wanted)) => got
            .iter()
            .flatten()
            .zip(wanted.iter().flatten())
            .all(|(got, wanted)| close(*got, *wanted)),
        (got, wanted) => got == wanted,
    };
    match agree {
        true => Ok(()),
        false => Err(format!("the elements differ: {got:?} is not {wanted:?}").into()),
    }
}

/// Base64 of the standard alphabet.
pub(super) fn decode(text: &str) -> Result<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for symbol in text.bytes().filter(|&symbol| symbol != b'=') {
        let digit = ALPHABET.iter().position(|&letter| letter == symbol);
        bits = bits << 6 | digit.ok_or("not base64")? as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(decode("Zm9v").unwrap(), b"foo");
        assert_eq!(decode("aWRr/w==").unwrap(), b"idk\xff");
        assert!(decode("?").is_err());
    }
}
