//! Tables as parameters: their contents belong in the weights file.

use crate::Result;
use crate::eval::Tensor;
use crate::interpreter::TableOwner;
use crate::ir::{DType, Dim, Param, ParamId, ParamSource, Stored, Type, Words};
use crate::lower::tables::{Column, Table};
use crate::saved_model::SavedModel;
use std::sync::Arc;

/// Names in the object graph that say nothing of a table.
const PRIVATE: [&str; 7] = [
    "keras_api",
    "layers",
    "variables",
    "lookup_table",
    "_table",
    "_misc_assets",
    "_lookup_layer",
];

/// The tables that the model has when it is loaded; their contents become parameters after those that there are.
pub(super) fn tables(model: &SavedModel, params: &mut Vec<Param>) -> Result<Vec<Table>> {
    let contents = model.tables()?;
    let objects: Vec<usize> = contents
        .iter()
        .filter_map(|content| match content.owner {
            TableOwner::Object(object) => Some(object),
            TableOwner::Name(_) => None,
        })
        .collect();
    let mut paths = model.object_paths(&objects)?.into_iter();
    let mut next = model.objects().map_or(0, |objects| objects.len());
    let mut tables = vec![];
    for content in contents {
        let (resource, shared_name, name) = match content.owner {
            TableOwner::Object(object) => {
                let path = paths.next().flatten().unwrap_or_default();
                (object, None, readable(&path, &content.keys))
            }
            TableOwner::Name(name) => {
                next += 1;
                (next - 1, Some(name.clone()), name)
            }
        };
        tables.push(Table {
            resource,
            shared_name,
            size: content.keys.shape().first().copied().unwrap_or(0),
            keys: column(params, &format!("{name}/keys"), content.keys)?,
            values: column(params, &format!("{name}/values"), content.values)?,
        });
    }
    Ok(tables)
}

/// What a person named on the way to a table.
fn readable(path: &[String], keys: &Tensor) -> String {
    let says = |part: &&String| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        !is_number && !part.starts_with("layer-") && !PRIVATE.contains(&part.as_str())
    };
    let named: Vec<&str> = path
        .iter()
        .filter(says)
        .map(|part| part.trim_start_matches('_'))
        .collect();
    match named.last() {
        Some(last) => (*last).to_owned(),
        None if keys.dtype() == DType::String => "vocabulary".to_owned(),
        None => "table".to_owned(),
    }
}

fn column(params: &mut Vec<Param>, name: &str, values: Tensor) -> Result<Column> {
    Ok(match values.elements::<Vec<u8>>() {
        Some(words) => Column::Strings(self::words(params, name, words)?),
        None => Column::Numbers(add(params, name, values)),
    })
}

/// Strings as two more parameters.
pub(super) fn words(params: &mut Vec<Param>, name: &str, words: &[Vec<u8>]) -> Result<Words> {
    let mut offsets = vec![0];
    for word in words {
        offsets.push(offsets[offsets.len() - 1] + word.len() as i64);
    }
    let bytes = words.concat();
    let bytes = Tensor::new(&[bytes.len()], bytes)?;
    let offsets = Tensor::new(&[offsets.len()], offsets)?;
    Ok(Words {
        bytes: add(params, name, bytes),
        offsets: add(params, &format!("{name}_offsets"), offsets),
    })
}

fn add(params: &mut Vec<Param>, name: &str, value: Tensor) -> ParamId {
    let dims: Vec<Dim> = value
        .shape()
        .iter()
        .map(|&extent| Dim::from(extent))
        .collect();
    let ty = Type::new(value.dtype(), dims);
    params.push(Param {
        name: name.to_owned(),
        object_path: None,
        ty,
        trainable: false,
        source: ParamSource::Constant(Arc::new(value)),
        stored: Stored::Plain,
    });
    ParamId((params.len() - 1) as u32)
}
