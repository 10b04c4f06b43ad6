//! Lookup tables.

use std::collections::HashMap;

use super::array::{Array, Elements, Error, Result, count};
use super::string_tensor::StringTensor;

/// Strings that lie one after the other: string `i` is `bytes[offsets[i]..offsets[i + 1]]`.
///
/// # Errors
/// The offsets are not of the bytes.
pub fn words(bytes: &Array, offsets: &Array) -> Result<StringTensor> {
    let (bytes, offsets) = (bytes.to_i64(), offsets.to_i64());
    let word = |pair: &[i64]| {
        let bounds = usize::try_from(pair[0])
            .ok()
            .zip(usize::try_from(pair[1]).ok());
        let word = bounds.and_then(|(from, to)| bytes.get(from..to));
        let word = word.ok_or_else(|| Error::new("offsets are not of the bytes"))?;
        Ok(word.iter().map(|&byte| byte as u8).collect())
    };
    let words: Vec<Vec<u8>> = offsets.windows(2).map(word).collect::<Result<_>>()?;
    Ok(StringTensor::of(&[words.len()], words))
}

/// The value of each key that is wanted, and `default` for those that the table has not: one value for all of them, or one
/// for each.
///
/// # Errors
/// Keys, values or defaults do not fit each other.
pub fn find<K: Elements, V: Elements>(keys: &K, values: &V, wanted: &K, default: &V) -> Result<V> {
    let inner = values.extents().get(1..).unwrap_or_default();
    let (row, entries) = (count(inner)?, keys.keys(1));
    let rows: HashMap<&[u8], usize> = entries.iter().map(Vec::as_slice).zip(0..).collect();
    let values_end = entries.len() * row;
    let is_one_for_all = count(default.extents())? == row;
    let mut places = vec![];
    for (number, key) in wanted.keys(1).iter().enumerate() {
        let other = values_end + if is_one_for_all { 0 } else { number * row };
        let start = rows.get(key.as_slice()).map_or(other, |found| found * row);
        places.extend(start..start + row);
    }
    let shape = [wanted.extents(), inner].concat();
    V::chain(&[values, default])?.take(&shape, &places)
}
