//! Decoding of connectionist temporal classification.

use super::array::{Array, Error, Numbers, Result};

/// The best class of every step, without blanks, as a sparse matrix (indices, values and shape), and the negated sum of the
/// logits on the way. `logits` are `[time, batch, classes]`; a class that repeats counts once if `merge`; a negative `blank`
/// counts from the end.
///
/// # Errors
/// The logits have other axes, or are shorter than a sequence.
pub fn greedy(
    logits: &Array,
    lengths: &Array,
    merge: bool,
    blank: i64,
) -> Result<(Array, Array, Array, Array)> {
    let &[time, batch, classes] = logits.shape() else {
        return Err(Error::new("logits have three axes"));
    };
    let blank = if blank < 0 {
        blank + classes as i64
    } else {
        blank
    };
    let (scores, lengths) = (logits.to_f64(), lengths.to_i64());
    let (mut indices, mut values, mut odds, mut longest) = (vec![], vec![], vec![], 0);
    for row in 0..batch {
        let (mut previous, mut found, mut total) = (-1, 0, 0.0);
        let length = lengths.get(row).map_or(0, |&length| length.max(0) as usize);
        if length > time {
            return Err(Error::new(format!(
                "sequence_length({row}) <= {time} is needed"
            )));
        }
        for step in 0..length {
            let start = (step * batch + row) * classes;
            let (best, score) = best(&scores[start..start + classes]);
            total -= score;
            if best != blank && !(merge && best == previous) {
                indices.extend([row as i64, found]);
                values.push(best);
                found += 1;
            }
            previous = best;
        }
        odds.push(total);
        longest = longest.max(found);
    }
    let odds = Array::new(&[batch, 1], Numbers::F64(odds))?;
    Ok((
        Array::integers(&[values.len(), 2], indices)?,
        Array::integers(&[values.len()], values)?,
        Array::integers(&[2], vec![batch as i64, longest])?,
        odds.to(logits.element()),
    ))
}

/// The first of the largest, and how large it is.
fn best(logits: &[f64]) -> (i64, f64) {
    let first = (0, logits.first().copied().unwrap_or(0.0));
    let better = |best: (i64, f64), (class, &score): (usize, &f64)| match score > best.1 {
        true => (class as i64, score),
        false => best,
    };
    logits.iter().enumerate().fold(first, better)
}
