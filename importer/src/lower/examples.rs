//! Serialized examples: a kernel's call for each feature.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute, HostOp};
use crate::ir::{DType, Value};
use savedmodel_import_proto::attr_value;

pub const OPS: &[Lowering] = &[
    multi("ParseExample", |cx| {
        let (sparse, dense): (usize, usize) = (cx.attr("Nsparse")?, cx.attr("Ndense")?);
        let mut keys = (2..2 + sparse + dense)
            .map(|i| cx.string_input(i).and_then(text))
            .collect::<Result<Vec<_>>>()?;
        let dense = keys.split_off(sparse);
        let defaults = 2 + sparse + dense.len();
        parse(
            cx,
            &Features {
                sparse: keys,
                dense,
                ragged: vec![],
                defaults,
                rank: 1,
            },
        )
    }),
    multi("ParseExampleV2", |cx| {
        let features = Features {
            sparse: cx.string_inputs(2)?,
            dense: cx.string_inputs(3)?,
            ragged: cx.string_inputs(4)?,
            defaults: 5,
            rank: 1,
        };
        parse(cx, &features)
    }),
    multi("ParseSingleExample", |cx| {
        let features = Features {
            sparse: cx.attr("sparse_keys")?,
            dense: cx.attr("dense_keys")?,
            ragged: vec![],
            defaults: 1,
            rank: 0,
        };
        parse(cx, &features)
    }),
];

/// The names of the features, by form.
struct Features {
    sparse: Vec<String>,
    dense: Vec<String>,
    ragged: Vec<String>,
    /// The first operand that is a default of a dense feature.
    defaults: usize,
    /// How many axes the examples have where the model leaves it open.
    rank: usize,
}

fn text(attribute: Attribute) -> Result<String> {
    match attribute {
        Attribute::Text(text) => Ok(text),
        _ => Err(Error::internal("a key is no text")),
    }
}

impl Cx<'_> {
    /// The strings that operand `i` is.
    ///
    /// # Errors
    /// They are not the same for every call.
    pub fn string_inputs(&mut self, i: usize) -> Result<Vec<String>> {
        let constant = self.constant_input(i)?;
        let words = constant.elements::<Vec<u8>>();
        let words =
            words.ok_or_else(|| Error::malformed(format!("input {i} should be strings")))?;
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        Ok(words.iter().map(text).collect())
    }

    /// A list of element types, none where the op has no such attribute.
    ///
    /// # Errors
    /// The attribute is something else.
    fn element_types(&self, name: &str) -> Result<Vec<DType>> {
        self.attr_if_any(name).map(Option::unwrap_or_default)
    }

    fn dense_shapes(&self) -> Result<Vec<Vec<i64>>> {
        let stored = super::attr::stored(self.def, "dense_shapes");
        match stored.and_then(|attr| attr.value.as_ref()) {
            Some(attr_value::Value::List(list)) => {
                let shapes = list.shape.iter();
                let dims = shapes.map(|shape| shape.dim.iter().map(|dim| dim.size).collect());
                Ok(dims.collect())
            }
            _ => Err(Error::malformed("attribute `dense_shapes` is missing")),
        }
    }
}

/// The results, as TensorFlow orders them: all indices, values and shapes of sparse features, dense ones, values and splits
/// of ragged ones.
fn parse(cx: &mut Cx<'_>, features: &Features) -> Result<Vec<Lowered>> {
    let examples = cx.input_of_rank(0, features.rank)?;
    let (mut indices, mut values, mut shapes) = (vec![], vec![], vec![]);
    let types = cx.element_types("sparse_types")?;
    for (key, dtype) in features.sparse.iter().zip(types) {
        let results = sparse(cx, examples, key, dtype)?;
        for (all, result) in [&mut indices, &mut values, &mut shapes]
            .into_iter()
            .zip(results)
        {
            all.push(result);
        }
    }
    let mut dense = vec![];
    for (i, (key, shape)) in features.dense.iter().zip(cx.dense_shapes()?).enumerate() {
        let default = cx.input(features.defaults + i)?;
        let op: &'static HostOp = match cx.dtype(default) {
            DType::String => &host::DENSE_WORDS,
            _ => &host::DENSE,
        };
        let attributes = vec![Attribute::Text(key.clone()), Attribute::Integers(shape)];
        dense.extend(cx.host_values(op, attributes, &[examples, default])?);
    }
    let (mut flat, mut splits) = (vec![], vec![]);
    let types = cx.element_types("ragged_value_types")?.into_iter();
    let types = types.zip(cx.element_types("ragged_split_types")?);
    for (key, (dtype, split)) in features.ragged.iter().zip(types) {
        let results = ragged(cx, examples, key, (dtype, split))?;
        for (all, result) in [&mut flat, &mut splits].into_iter().zip(results) {
            all.push(result);
        }
    }
    Ok([indices, values, shapes, dense, flat, splits].concat())
}

fn sparse(cx: &mut Cx<'_>, examples: Value, key: &str, dtype: DType) -> Result<Vec<Lowered>> {
    let key = Attribute::Text(key.to_owned());
    match dtype {
        DType::String => cx.host_values(&host::SPARSE_WORDS, vec![key], &[examples]),
        dtype => {
            let attributes = vec![key, Attribute::Element(dtype)];
            cx.host_values(&host::SPARSE, attributes, &[examples])
        }
    }
}

fn ragged(
    cx: &mut Cx<'_>,
    examples: Value,
    key: &str,
    (dtype, splits): (DType, DType),
) -> Result<Vec<Lowered>> {
    let (key, splits) = (Attribute::Text(key.to_owned()), Attribute::Element(splits));
    match dtype {
        DType::String => cx.host_values(&host::RAGGED_WORDS, vec![key, splits], &[examples]),
        dtype => {
            let attributes = vec![key, Attribute::Element(dtype), splits];
            cx.host_values(&host::RAGGED, attributes, &[examples])
        }
    }
}
