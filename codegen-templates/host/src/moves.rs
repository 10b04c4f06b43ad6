//! Strings moved as tensors of numbers are.

use super::array::{
    Array, Elements, Error, Result, broadcast_places, broadcast_shape, coordinates, count, index,
};
use super::string_tensor::StringTensor;

/// The same strings under another shape.
///
/// # Errors
/// It holds another number of strings.
pub fn reshape(words: &StringTensor, shape: &[usize]) -> Result<StringTensor> {
    match count(shape)? == words.data().len() {
        true => Ok(StringTensor::of(shape, words.data().to_vec())),
        false => Err(Error::new(format!("{:?} is not {shape:?}", words.shape()))),
    }
}

/// The strings of a shape, each from the coordinates that `from` gives.
fn arranged(
    words: &StringTensor,
    shape: &[usize],
    from: impl Fn(&[usize]) -> Vec<usize>,
) -> Result<StringTensor> {
    let place = |at: Vec<usize>| {
        at.iter()
            .zip(words.shape())
            .fold(0, |sum, (i, n)| sum * n + i)
    };
    let places: Vec<usize> = (0..count(shape)?)
        .map(|flat| place(from(&coordinates(flat, shape))))
        .collect();
    words.take(shape, &places)
}

/// Axis `i` of the result is axis `axes[i]` of the operand.
///
/// # Errors
/// There is no such axis.
pub fn transpose(words: &StringTensor, axes: &[usize]) -> Result<StringTensor> {
    if axes.iter().any(|&axis| axis >= words.shape().len()) {
        return Err(Error::new("an axis does not exist"));
    }
    let shape: Vec<usize> = axes.iter().map(|&axis| words.shape()[axis]).collect();
    arranged(words, &shape, |at| {
        let mut from = vec![0; at.len()];
        axes.iter().zip(at).for_each(|(&axis, &i)| from[axis] = i);
        from
    })
}

/// Axes of extent 1 and new leading axes repeated.
///
/// # Errors
/// The shapes do not fit.
pub fn broadcast(words: &StringTensor, shape: &[usize]) -> Result<StringTensor> {
    if broadcast_shape(&[words.shape(), shape])? != shape {
        return Err(Error::new(format!(
            "{:?} is not broadcast to {shape:?}",
            words.shape()
        )));
    }
    words.take(shape, &broadcast_places(words.shape(), shape))
}

/// For each axis `length` strings from `start`, each `step` apart: `(start, length, step)`.
///
/// # Errors
/// They are outside.
pub fn slice(words: &StringTensor, axes: &[(usize, usize, usize)]) -> Result<StringTensor> {
    let is_inside = |(&(start, length, step), &extent): (&(usize, usize, usize), &usize)| {
        length == 0 || start + (length - 1) * step < extent
    };
    if !axes.iter().zip(words.shape()).all(is_inside) {
        return Err(Error::new(format!(
            "a slice is outside of {:?}",
            words.shape()
        )));
    }
    let shape: Vec<usize> = axes.iter().map(|axis| axis.1).collect();
    arranged(words, &shape, |at| {
        at.iter()
            .zip(axes)
            .map(|(i, (start, _, step))| start + i * step)
            .collect()
    })
}

/// Tensors of one shape, along a new first axis.
///
/// # Errors
/// The shapes differ.
pub fn stack(all: &[StringTensor]) -> Result<StringTensor> {
    let own = all.first().map(StringTensor::shape).unwrap_or_default();
    if all.iter().any(|words| words.shape() != own) {
        return Err(Error::new("strings of different shapes are stacked"));
    }
    let data = all.iter().flat_map(|words| words.data().to_vec());
    Ok(StringTensor::of(
        &[&[all.len()], own].concat(),
        data.collect(),
    ))
}

/// Joined along an axis.
///
/// # Errors
/// Other axes differ.
pub fn concat(all: &[&StringTensor], axis: usize) -> Result<StringTensor> {
    let first = all
        .first()
        .ok_or_else(|| Error::new("there is nothing to join"))?;
    let mut shape = first.shape().to_vec();
    let extent = |words: &StringTensor| words.shape().get(axis).copied();
    let total: Option<usize> = all.iter().map(|words| extent(words)).sum();
    let total = total.ok_or_else(|| Error::new(format!("axis {axis} does not exist")))?;
    shape[axis] = total;
    let inner = count(&shape[axis + 1..])?;
    let outer = count(&shape[..axis])?;
    let mut data = Vec::with_capacity(count(&shape)?);
    for row in 0..outer {
        for words in all {
            let size = words.shape()[axis] * inner;
            let part = words.data().get(row * size..(row + 1) * size);
            data.extend_from_slice(part.ok_or_else(|| Error::new("the strings do not fit"))?);
        }
    }
    Ok(StringTensor::of(&shape, data))
}

/// Other strings before and after each axis: `(before, after)`.
///
/// # Errors
/// `filling` is not one string, or the result is too large.
pub fn pad(
    words: &StringTensor,
    filling: &StringTensor,
    widths: &[(usize, usize)],
) -> Result<StringTensor> {
    let missing = || Error::new("padding is one string");
    let filling = filling.data().first().ok_or_else(missing)?;
    let extents = words.shape().iter().zip(widths);
    let shape: Vec<usize> = extents.map(|(n, (low, high))| low + n + high).collect();
    let word = |at: Vec<usize>| {
        let mut place = 0;
        for ((i, (low, _)), &extent) in at.iter().zip(widths).zip(words.shape()) {
            let within = i.checked_sub(*low).filter(|&i| i < extent)?;
            place = place * extent + within;
        }
        words.data().get(place)
    };
    let places = (0..count(&shape)?).map(|flat| coordinates(flat, &shape));
    let padded = places.map(|at| word(at).unwrap_or(filling).clone());
    Ok(StringTensor::of(&shape, padded.collect()))
}

/// The parts of `words` that the rows of `indices` address, replaced; of several for one part the last one stays.
///
/// # Errors
/// An index is outside, or there is not one update for each.
pub fn update(
    words: &StringTensor,
    indices: &Array,
    updates: &StringTensor,
) -> Result<StringTensor> {
    let missing = || Error::new("indices address no axes");
    let (&depth, rows) = indices.shape().split_last().ok_or_else(missing)?;
    let (outer, inner) = words.shape().split_at_checked(depth).ok_or_else(missing)?;
    let size = count(inner)?;
    let (mut data, numbers) = (words.data().to_vec(), indices.to_i64());
    for row in 0..count(rows)? {
        let mut at = 0;
        for (&i, &extent) in numbers[row * depth..].iter().zip(outer) {
            at = at * extent + index(i, extent)?;
        }
        let new = updates.data().get(row * size..(row + 1) * size);
        let new = new.ok_or_else(|| Error::new("updates do not fit their indices"))?;
        data[at * size..(at + 1) * size].clone_from_slice(new);
    }
    Ok(StringTensor::of(words.shape(), data))
}

/// Reversed along axes.
///
/// # Errors
/// None for axes that exist.
pub fn reverse(words: &StringTensor, axes: &[usize]) -> Result<StringTensor> {
    arranged(words, words.shape(), |at| {
        let turned = |(axis, &i): (usize, &usize)| match axes.contains(&axis) {
            true => words.shape()[axis] - 1 - i,
            false => i,
        };
        at.iter().enumerate().map(turned).collect()
    })
}

/// The whole tensor repeated along each axis.
///
/// # Errors
/// The result is too large.
pub fn tile(words: &StringTensor, repeats: &[usize]) -> Result<StringTensor> {
    let shape: Vec<usize> = words
        .shape()
        .iter()
        .zip(repeats)
        .map(|(n, times)| n * times)
        .collect();
    arranged(words, &shape, |at| {
        at.iter().zip(words.shape()).map(|(i, n)| i % n).collect()
    })
}

/// `words[…, indices, …]` at an axis; the first `batch` axes are common to both.
///
/// # Errors
/// An index is outside.
pub fn gather(
    words: &StringTensor,
    indices: &Array,
    axis: usize,
    batch: usize,
) -> Result<StringTensor> {
    let (of_words, of_indices) = (words.shape(), indices.shape());
    let extent = *of_words
        .get(axis)
        .ok_or_else(|| Error::new("the axis does not exist"))?;
    let numbers = indices.to_i64();
    let numbers = numbers
        .into_iter()
        .map(|i| index(i, extent))
        .collect::<Result<Vec<_>>>()?;
    let own = of_indices.len() - batch;
    let shape = [
        &of_words[..axis],
        &of_indices[batch..],
        &of_words[axis + 1..],
    ]
    .concat();
    arranged(words, &shape, |at| {
        let of_index = [&at[..batch], &at[axis..axis + own]].concat();
        let flat = of_index
            .iter()
            .zip(of_indices)
            .fold(0, |sum, (i, n)| sum * n + i);
        [&at[..axis], &[numbers[flat]], &at[axis + own..]].concat()
    })
}

/// The parts of `words` that the rows of `indices` address.
///
/// # Errors
/// An index is outside.
pub fn gather_nd(words: &StringTensor, indices: &Array) -> Result<StringTensor> {
    let missing = || Error::new("indices address no axes");
    let (&depth, rows) = indices.shape().split_last().ok_or_else(missing)?;
    let (outer, inner) = words.shape().split_at_checked(depth).ok_or_else(missing)?;
    let size = count(inner)?;
    let mut places = vec![];
    for row in indices.to_i64().chunks(depth.max(1)).take(count(rows)?) {
        let mut at = 0;
        for (&i, &extent) in row.iter().zip(outer) {
            at = at * extent + index(i, extent)?;
        }
        places.extend(at * size..(at + 1) * size);
    }
    words.take(&[rows, inner].concat(), &places)
}

/// `condition ? x : y`; the shapes broadcast.
///
/// # Errors
/// They do not.
pub fn select(condition: &Array, x: &StringTensor, y: &StringTensor) -> Result<StringTensor> {
    let shape = broadcast_shape(&[condition.shape(), x.shape(), y.shape()])?;
    let (flags, of_flags) = (
        condition.truths(),
        broadcast_places(condition.shape(), &shape),
    );
    let (of_x, of_y) = (
        broadcast_places(x.shape(), &shape),
        broadcast_places(y.shape(), &shape),
    );
    let chosen = |i: usize| match flags[of_flags[i]] {
        true => x.data()[of_x[i]].clone(),
        false => y.data()[of_y[i]].clone(),
    };
    Ok(StringTensor::of(
        &shape,
        (0..count(&shape)?).map(chosen).collect(),
    ))
}
