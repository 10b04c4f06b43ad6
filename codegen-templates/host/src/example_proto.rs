//! The wire format of `tf.train.Example`: a map from names to lists of bytes, floats or integers.

use std::collections::BTreeMap;

use super::array::{Error, Result};

/// The features of one example.
pub struct Example(BTreeMap<Vec<u8>, Feature>);

/// A list of values.
#[derive(Clone)]
pub enum Feature {
    /// None.
    Empty,
    /// Strings.
    Bytes(Vec<Vec<u8>>),
    /// Numbers in single precision.
    Floats(Vec<f32>),
    /// Integers.
    Integers(Vec<i64>),
}

impl Example {
    /// Reads an example.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn parse(bytes: &[u8]) -> Result<Example> {
        let mut features = BTreeMap::new();
        for (number, field) in fields(bytes)? {
            let (1, Field::Bytes(list)) = (number, field) else {
                continue;
            };
            for (number, entry) in fields(list)? {
                if let (1, Field::Bytes(entry)) = (number, entry) {
                    let (name, feature) = entry_of(entry)?;
                    features.insert(name, feature);
                }
            }
        }
        Ok(Example(features))
    }

    /// An example of one feature.
    pub fn of(name: &[u8], feature: Feature) -> Example {
        Example(BTreeMap::from([(name.to_vec(), feature)]))
    }

    /// The values under a name.
    pub fn feature(&self, name: &[u8]) -> Option<&Feature> {
        self.0.get(name)
    }
}

/// The lists of features of a `SequenceExample`.
///
/// # Errors
/// The bytes are none.
pub fn feature_lists(bytes: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<Feature>>> {
    let mut lists = BTreeMap::new();
    for (number, field) in fields(bytes)? {
        let (2, Field::Bytes(all)) = (number, field) else {
            continue;
        };
        for (number, entry) in fields(all)? {
            if let (1, Field::Bytes(entry)) = (number, entry) {
                let (name, list) = list_of(entry)?;
                lists.insert(name, list);
            }
        }
    }
    Ok(lists)
}

fn list_of(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Feature>)> {
    let (mut name, mut steps) = (vec![], vec![]);
    for (number, field) in fields(bytes)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => name = bytes.to_vec(),
            (2, Field::Bytes(list)) => {
                for (number, step) in fields(list)? {
                    if let (1, Field::Bytes(step)) = (number, step) {
                        steps.push(feature(step)?);
                    }
                }
            }
            (_, Field::Bytes(_) | Field::Number(_) | Field::Single(_)) => {}
        }
    }
    Ok((name, steps))
}

fn entry_of(bytes: &[u8]) -> Result<(Vec<u8>, Feature)> {
    let (mut name, mut value) = (vec![], Feature::Empty);
    for (number, field) in fields(bytes)? {
        match (number, field) {
            (1, Field::Bytes(bytes)) => name = bytes.to_vec(),
            (2, Field::Bytes(bytes)) => value = feature(bytes)?,
            (_, Field::Bytes(_) | Field::Number(_) | Field::Single(_)) => {}
        }
    }
    Ok((name, value))
}

fn feature(bytes: &[u8]) -> Result<Feature> {
    let mut feature = Feature::Empty;
    for (number, field) in fields(bytes)? {
        let Field::Bytes(list) = field else { continue };
        feature = match number {
            1 => Feature::Bytes(byte_strings(list)?),
            2 => Feature::Floats(floats(list)?),
            3 => Feature::Integers(integers(list)?),
            _ => continue,
        };
    }
    Ok(feature)
}

fn byte_strings(list: &[u8]) -> Result<Vec<Vec<u8>>> {
    let value = |(number, field)| match (number, field) {
        (1, Field::Bytes(bytes)) => Some(bytes.to_vec()),
        (_, Field::Bytes(_) | Field::Number(_) | Field::Single(_)) => None,
    };
    Ok(fields(list)?.into_iter().filter_map(value).collect())
}

/// Packed or one by one.
fn floats(list: &[u8]) -> Result<Vec<f32>> {
    let mut floats = vec![];
    for (_, field) in fields(list)? {
        match field {
            Field::Bytes(packed) => {
                floats.extend(
                    packed
                        .as_chunks()
                        .0
                        .iter()
                        .map(|&chunk| f32::from_le_bytes(chunk)),
                );
            }
            Field::Single(bits) => floats.push(f32::from_bits(bits)),
            Field::Number(_) => return Err(broken()),
        }
    }
    Ok(floats)
}

fn integers(list: &[u8]) -> Result<Vec<i64>> {
    let mut integers = vec![];
    for (_, field) in fields(list)? {
        match field {
            Field::Bytes(mut packed) => {
                while !packed.is_empty() {
                    integers.push(varint(&mut packed)? as i64);
                }
            }
            Field::Number(number) => integers.push(number as i64),
            Field::Single(_) => return Err(broken()),
        }
    }
    Ok(integers)
}

enum Field<'b> {
    Number(u64),
    Single(u32),
    Bytes(&'b [u8]),
}

fn broken() -> Error {
    Error::new("Could not parse example input")
}

/// The fields of a message; those of eight bytes are left out.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>> {
    let mut found = vec![];
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            1 => {
                take(&mut bytes, 8)?;
                continue;
            }
            2 => {
                let length = varint(&mut bytes)?;
                Field::Bytes(take(
                    &mut bytes,
                    usize::try_from(length).map_err(|_| broken())?,
                )?)
            }
            5 => {
                let four = take(&mut bytes, 4)?;
                Field::Single(u32::from_le_bytes(four.try_into().map_err(|_| broken())?))
            }
            _ => return Err(broken()),
        };
        found.push((tag >> 3, field));
    }
    Ok(found)
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(broken)?;
    *bytes = rest;
    Ok(taken)
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(broken())
}
