//! Features of serialized `tf.train.Example`s.

use super::array::{Array, Element, Elements, Error, Numbers, Result, count};
use super::example_proto::{Example, Feature};
use super::string_tensor::StringTensor;

/// The values of a feature, of the type that is wanted.
trait Values: Elements {
    /// The values as a list; `None` if the feature has another type.
    fn of(feature: &Feature, like: &Self) -> Option<Self>;
}

impl Values for Array {
    fn of(feature: &Feature, like: &Self) -> Option<Self> {
        let numbers = match (feature, like.element()) {
            (Feature::Floats(all), Element::F32) => Numbers::F32(all.clone()),
            (Feature::Integers(all), Element::I64) => Numbers::I64(all.clone()),
            _ => return None,
        };
        let shape = match &numbers {
            Numbers::F32(all) => [all.len()],
            Numbers::I64(all) => [all.len()],
            _ => return None,
        };
        Array::new(&shape, numbers).ok()
    }
}

impl Values for StringTensor {
    fn of(feature: &Feature, _: &Self) -> Option<Self> {
        match feature {
            Feature::Bytes(all) => Some(StringTensor::of(&[all.len()], all.clone())),
            Feature::Empty | Feature::Floats(_) | Feature::Integers(_) => None,
        }
    }
}

fn parsed(examples: &StringTensor) -> Result<Vec<Example>> {
    examples
        .data()
        .iter()
        .map(|bytes| Example::parse(bytes))
        .collect()
}

/// The feature of an example as a list; `None` if it has none.
fn values<T: Values>(example: &Example, key: &str, like: &T) -> Result<Option<T>> {
    let feature = match example.feature(key.as_bytes()) {
        None | Some(Feature::Empty) => return Ok(None),
        Some(feature) => feature,
    };
    let wrong = || Error::new(format!("Key: {key}.  Data types don't match."));
    T::of(feature, like).map(Some).ok_or_else(wrong)
}

fn joined<T: Values>(parts: &[T], like: &T) -> Result<T> {
    match parts {
        [] => like.zeros(&[0]),
        parts => T::chain(&parts.iter().collect::<Vec<_>>()),
    }
}

/// A feature that every example has with this shape, or lacks: then `default` stands for it, unless that is empty. A negative
/// first extent is as large as the longest needs, and shorter ones are filled up with `default`.
///
/// # Errors
/// An example has it with another type or shape, or lacks it without a default.
pub fn dense(examples: &StringTensor, default: &Array, key: &str, shape: &[i64]) -> Result<Array> {
    rows(examples, default, key, shape)
}

/// [`dense`], of strings.
///
/// # Errors
/// As there.
pub fn dense_words(
    examples: &StringTensor,
    default: &StringTensor,
    key: &str,
    shape: &[i64],
) -> Result<StringTensor> {
    rows(examples, default, key, shape)
}

fn rows<T: Values>(examples: &StringTensor, default: &T, key: &str, shape: &[i64]) -> Result<T> {
    let is_variable = shape.first().is_some_and(|&first| first < 0);
    let fixed = shape
        .iter()
        .skip(usize::from(is_variable))
        .map(|&n| usize::try_from(n));
    let fixed = fixed.collect::<std::result::Result<Vec<usize>, _>>();
    let fixed = fixed.map_err(|_| Error::new("a dense feature of unknown shape"))?;
    let (row, filler) = (count(&fixed)?, count(default.extents())?);
    let mut rows = vec![];
    for example in &parsed(examples)? {
        rows.push(match values(example, key, default)? {
            Some(value) => value,
            None if is_variable => default.zeros(&[0])?,
            None if filler == 0 && row > 0 => {
                return Err(Error::new(format!(
                    "Feature: {key} (data type) is required but could not be found."
                )));
            }
            None => default.take(&[filler], &(0..filler).collect::<Vec<_>>())?,
        });
    }
    let lengths = rows.iter().map(|value| value.extents()[0]);
    let longest = if is_variable {
        lengths.max().unwrap_or(0) / row.max(1)
    } else {
        1
    };
    for value in &mut rows {
        let given = value.extents()[0];
        if is_variable && given < longest * row {
            let own = (0..given).chain(std::iter::repeat_n(given, longest * row - given));
            let places: Vec<usize> = own.collect();
            *value = T::chain(&[value, default])?.take(&[places.len()], &places)?;
        }
        if value.extents()[0] != longest * row {
            let wanted = longest * row;
            return Err(Error::new(format!(
                "Key: {key}. Number of values {given} is not {wanted}"
            )));
        }
    }
    let all = joined(&rows, default)?;
    let length = is_variable.then_some(longest);
    let outer = examples.shape().iter().copied().chain(length);
    let shape: Vec<usize> = outer.chain(fixed).collect();
    let places: Vec<usize> = (0..count(&shape)?).collect();
    all.take(&shape, &places)
}

/// A feature of any number of values as a sparse tensor: indices, values and shape.
///
/// # Errors
/// An example has it with another type.
pub fn sparse(
    examples: &StringTensor,
    key: &str,
    element: Element,
) -> Result<(Array, Array, Array)> {
    listed(examples, key, &Array::empty().to(element))
}

/// [`sparse`], of strings.
///
/// # Errors
/// As there.
pub fn sparse_words(examples: &StringTensor, key: &str) -> Result<(Array, StringTensor, Array)> {
    listed(examples, key, &StringTensor::of(&[0], vec![]))
}

fn listed<T: Values>(examples: &StringTensor, key: &str, like: &T) -> Result<(Array, T, Array)> {
    let is_batch = !examples.shape().is_empty();
    let (mut indices, mut parts, mut longest) = (vec![], vec![], 0);
    for (row, example) in parsed(examples)?.iter().enumerate() {
        let Some(part) = values(example, key, like)? else {
            continue;
        };
        let length = part.extents()[0] as i64;
        longest = longest.max(length);
        for column in 0..length {
            indices.extend(is_batch.then_some(row as i64));
            indices.push(column);
        }
        parts.push(part);
    }
    let rows = is_batch.then_some(examples.data().len() as i64);
    let shape: Vec<i64> = rows.into_iter().chain([longest]).collect();
    let values = joined(&parts, like)?;
    let count = values.extents()[0];
    Ok((
        Array::integers(&[count, shape.len()], indices)?,
        values,
        Array::integers(&[shape.len()], shape)?,
    ))
}

/// A feature of any number of values as a ragged tensor: values, and where the row of each example begins and ends.
///
/// # Errors
/// An example has it with another type.
pub fn ragged(
    examples: &StringTensor,
    key: &str,
    element: Element,
    splits: Element,
) -> Result<(Array, Array)> {
    divided(examples, key, &Array::empty().to(element), splits)
}

/// [`ragged`], of strings.
///
/// # Errors
/// As there.
pub fn ragged_words(
    examples: &StringTensor,
    key: &str,
    splits: Element,
) -> Result<(StringTensor, Array)> {
    divided(examples, key, &StringTensor::of(&[0], vec![]), splits)
}

fn divided<T: Values>(
    examples: &StringTensor,
    key: &str,
    like: &T,
    splits: Element,
) -> Result<(T, Array)> {
    let (mut parts, mut ends) = (vec![], vec![0]);
    for example in &parsed(examples)? {
        let part = values(example, key, like)?;
        let length = part.as_ref().map_or(0, |part| part.extents()[0]) as i64;
        ends.push(ends[ends.len() - 1] + length);
        parts.extend(part);
    }
    let ends = Array::integers(&[ends.len()], ends)?.to(splits);
    Ok((joined(&parts, like)?, ends))
}
