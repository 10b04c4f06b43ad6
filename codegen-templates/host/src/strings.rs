//! Strings: cases, lengths, parts, joins, comparisons.

use super::array::{
    Array, Error, Numbers, Result, broadcast_places, broadcast_shape, coordinates, count, index,
};
use super::string_tensor::StringTensor;

/// Each string changed.
fn map(words: &StringTensor, change: impl Fn(&[u8]) -> Vec<u8>) -> StringTensor {
    let changed = words.data().iter().map(|word| change(word)).collect();
    StringTensor::of(words.shape(), changed)
}

/// ASCII letters in lower case.
pub fn lower(words: &StringTensor) -> StringTensor {
    map(words, <[u8]>::to_ascii_lowercase)
}

/// ASCII letters in upper case.
pub fn upper(words: &StringTensor) -> StringTensor {
    map(words, <[u8]>::to_ascii_uppercase)
}

/// All letters of UTF-8 in lower case.
pub fn lower_utf8(words: &StringTensor) -> StringTensor {
    map(words, |word| {
        String::from_utf8_lossy(word).to_lowercase().into_bytes()
    })
}

/// All letters of UTF-8 in upper case.
pub fn upper_utf8(words: &StringTensor) -> StringTensor {
    map(words, |word| {
        String::from_utf8_lossy(word).to_uppercase().into_bytes()
    })
}

/// Without ASCII white space at both ends.
pub fn strip(words: &StringTensor) -> StringTensor {
    map(words, |word| word.trim_ascii().to_vec())
}

/// The bytes of each string.
pub fn length(words: &StringTensor) -> Array {
    lengths(words, <[u8]>::len)
}

/// The characters of each string of UTF-8.
pub fn length_utf8(words: &StringTensor) -> Array {
    lengths(words, |word| starts(word).len())
}

fn lengths(words: &StringTensor, length: impl Fn(&[u8]) -> usize) -> Array {
    let lengths = words
        .data()
        .iter()
        .map(|word| length(word) as i32)
        .collect();
    // A length for each string fits the shape of the strings.
    Array::new(words.shape(), Numbers::I32(lengths)).unwrap_or_else(|_| Array::empty())
}

/// The places where characters of UTF-8 begin; malformed bytes belong to the character before.
fn starts(string: &[u8]) -> Vec<usize> {
    let begins = |&(_, byte): &(usize, &u8)| byte & 0xC0 != 0x80;
    string
        .iter()
        .enumerate()
        .filter(begins)
        .map(|(place, _)| place)
        .collect()
}

/// Elementwise joins; a scalar is joined to every element.
///
/// # Errors
/// The shapes do not broadcast.
pub fn join(words: &[&StringTensor], separator: &str) -> Result<StringTensor> {
    let shapes: Vec<&[usize]> = words.iter().map(|words| words.shape()).collect();
    let shape = broadcast_shape(&shapes)?;
    let places: Vec<Vec<usize>> = shapes
        .iter()
        .map(|own| broadcast_places(own, &shape))
        .collect();
    let joined = |i: usize| {
        let parts = words.iter().zip(&places);
        let parts: Vec<&[u8]> = parts
            .map(|(words, at)| words.data()[at[i]].as_slice())
            .collect();
        parts.join(separator.as_bytes())
    };
    Ok(StringTensor::of(
        &shape,
        (0..count(&shape)?).map(joined).collect(),
    ))
}

/// Joins over axes: the last of them that is named changes fastest; none means all, the last one fastest.
///
/// # Errors
/// There is no such axis.
pub fn reduce_join(
    words: &StringTensor,
    axes: &[i64],
    keep: bool,
    separator: &str,
) -> Result<StringTensor> {
    let (shape, rank) = (words.shape(), words.shape().len());
    let from_front = |&axis: &i64| index(if axis < 0 { axis + rank as i64 } else { axis }, rank);
    let mut axes = axes
        .iter()
        .map(from_front)
        .collect::<Result<Vec<usize>>>()?;
    if axes.is_empty() {
        axes = (0..rank).rev().collect();
    }
    let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
    let extents = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).collect::<Vec<usize>>();
    let members: Vec<usize> = axes.iter().rev().copied().collect();
    let (outer, inner) = (extents(&kept), extents(&members));
    let mut joined = Vec::with_capacity(count(&outer)?);
    for group in 0..count(&outer)? {
        let mut at = vec![0; rank];
        put(&mut at, &kept, &coordinates(group, &outer));
        let mut parts: Vec<&[u8]> = vec![];
        for member in 0..count(&inner)? {
            put(&mut at, &members, &coordinates(member, &inner));
            let place = at
                .iter()
                .zip(shape)
                .fold(0, |sum, (i, extent)| sum * extent + i);
            parts.push(&words.data()[place]);
        }
        joined.push(parts.join(separator.as_bytes()));
    }
    let one_for = |axis: usize| if axes.contains(&axis) { 1 } else { shape[axis] };
    let shape = if keep {
        (0..rank).map(one_for).collect()
    } else {
        outer
    };
    Ok(StringTensor::of(&shape, joined))
}

fn put(at: &mut [usize], axes: &[usize], places: &[usize]) {
    axes.iter().zip(places).for_each(|(&axis, &i)| at[axis] = i);
}

/// The strings of each segment joined, in their order.
///
/// # Errors
/// A segment is not below `segments`.
pub fn segment_join(
    words: &StringTensor,
    ids: &Array,
    segments: usize,
    separator: &str,
) -> Result<StringTensor> {
    let mut parts: Vec<Vec<&[u8]>> = vec![vec![]; count(&[segments])?];
    for (word, id) in words.data().iter().zip(ids.to_i64()) {
        parts[index(id, segments)?].push(word);
    }
    let joined = parts
        .iter()
        .map(|parts| parts.join(separator.as_bytes()))
        .collect();
    Ok(StringTensor::of(&[segments], joined))
}

/// `length` bytes of each string from `start`, which counts from the end if it is negative; all three broadcast.
///
/// # Errors
/// A start is outside of its string.
pub fn substring(words: &StringTensor, start: &Array, length: &Array) -> Result<StringTensor> {
    parts(words, start, length, |word| (0..word.len()).collect())
}

/// [`substring`], in characters of UTF-8.
///
/// # Errors
/// A start is outside of its string.
pub fn substring_utf8(words: &StringTensor, start: &Array, length: &Array) -> Result<StringTensor> {
    parts(words, start, length, starts)
}

fn parts(
    words: &StringTensor,
    start: &Array,
    length: &Array,
    units: impl Fn(&[u8]) -> Vec<usize>,
) -> Result<StringTensor> {
    let shapes = [words.shape(), start.shape(), length.shape()];
    let shape = broadcast_shape(&shapes)?;
    let [of_words, of_starts, of_lengths] = shapes.map(|own| broadcast_places(own, &shape));
    let (starts, lengths) = (start.to_i64(), length.to_i64());
    let part = |i: usize| {
        let word = &words.data()[of_words[i]];
        part(
            word,
            units(word),
            starts[of_starts[i]],
            lengths[of_lengths[i]],
        )
    };
    let found = (0..count(&shape)?).map(part).collect::<Result<_>>()?;
    Ok(StringTensor::of(&shape, found))
}

fn part(word: &[u8], mut bounds: Vec<usize>, start: i64, length: i64) -> Result<Vec<u8>> {
    let units = bounds.len();
    bounds.push(word.len());
    let from = if start < 0 {
        start + units as i64
    } else {
        start
    };
    let from = usize::try_from(from).ok().filter(|&from| from <= units);
    let from = from.ok_or_else(|| Error::new(format!("pos {start} out of range for string")))?;
    let to = from
        .saturating_add(usize::try_from(length).unwrap_or(0))
        .min(units);
    Ok(word[bounds[from]..bounds[to]].to_vec())
}

/// Which strings are equal; the shapes broadcast.
///
/// # Errors
/// They do not.
pub fn equal(x: &StringTensor, y: &StringTensor) -> Result<Array> {
    let shape = broadcast_shape(&[x.shape(), y.shape()])?;
    let places = broadcast_places(x.shape(), &shape).into_iter();
    let places = places.zip(broadcast_places(y.shape(), &shape));
    let flags = places.map(|(i, j)| x.data()[i] == y.data()[j]).collect();
    Array::new(&shape, Numbers::Bool(flags))
}

/// Which strings differ; the shapes broadcast.
///
/// # Errors
/// They do not.
pub fn not_equal(x: &StringTensor, y: &StringTensor) -> Result<Array> {
    let same = equal(x, y)?;
    let flags = same.truths().into_iter().map(|flag| !flag).collect();
    Array::new(same.shape(), Numbers::Bool(flags))
}
