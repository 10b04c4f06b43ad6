//! Transposition of raw bytes.

use std::ops::Range;

use crate::{Error, Result};

/// Side of the square that is transposed at once, so that rows of both tensors stay in the cache.
const TILE: usize = 32;

/// Copies a row-major tensor of shape `dims` so that its axis `order[i]` becomes axis `i`.
pub(super) fn permute(
    dims: &[usize],
    order: &[usize],
    bytes: &[u8],
    element: usize,
) -> Result<Vec<u8>> {
    let (dims, order) = coalesce(dims, order);
    if order.is_sorted() || bytes.is_empty() {
        return Ok(bytes.to_vec());
    }
    let mut out = vec![0; bytes.len()];
    let walk = Walk::new(&dims, &order);
    match element {
        1 => walk.copy::<1>(bytes, &mut out),
        2 => walk.copy::<2>(bytes, &mut out),
        4 => walk.copy::<4>(bytes, &mut out),
        8 => walk.copy::<8>(bytes, &mut out),
        16 => walk.copy::<16>(bytes, &mut out),
        other => {
            return Err(Error::unsupported(format!(
                "a layout change of elements of {other} bytes"
            )));
        }
    }
    Ok(out)
}

/// Drops axes of size 1 and joins axes that stay neighbours.
fn coalesce(dims: &[usize], order: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let kept: Vec<usize> = (0..dims.len()).filter(|&axis| dims[axis] != 1).collect();
    let place = |axis: &usize| kept.iter().position(|other| other == axis);
    let mut runs: Vec<Range<usize>> = Vec::new();
    for axis in order.iter().filter_map(place) {
        match runs.last_mut() {
            Some(run) if run.end == axis => run.end += 1,
            Some(_) | None => runs.push(axis..axis + 1),
        }
    }
    let rank = |run: &Range<usize>| runs.iter().filter(|other| other.start < run.start).count();
    let order: Vec<usize> = runs.iter().map(rank).collect();
    let mut joined = vec![1; runs.len()];
    for (run, &axis) in runs.iter().zip(&order) {
        joined[axis] = kept[run.clone()].iter().map(|&axis| dims[axis]).product();
    }
    (joined, order)
}

/// One axis of the copy.
#[derive(Clone, Copy)]
struct Step {
    size: usize,
    from: usize,
    to: usize,
}

/// The loops of a transposition: `outer` around a tile of `rows` (contiguous in the output) and `columns`
/// (contiguous in the input).
struct Walk {
    outer: Vec<Step>,
    rows: Step,
    columns: Step,
}

impl Walk {
    /// Of at least two axes that are not in order.
    fn new(dims: &[usize], order: &[usize]) -> Self {
        let from = strides(dims);
        let to = strides(&order.iter().map(|&axis| dims[axis]).collect::<Vec<_>>());
        let step = |(i, &axis): (usize, &usize)| Step {
            size: dims[axis],
            from: from[axis],
            to: to[i],
        };
        let mut outer: Vec<Step> = order.iter().enumerate().map(step).collect();
        let one = Step {
            size: 1,
            from: 0,
            to: 0,
        };
        let rows = outer.pop().unwrap_or(one);
        let columns = match outer.iter().position(|step| step.from == 1) {
            Some(i) => outer.remove(i),
            None => one,
        };
        Walk {
            outer,
            rows,
            columns,
        }
    }

    fn copy<const N: usize>(&self, bytes: &[u8], out: &mut [u8]) {
        let (from, _) = bytes.as_chunks::<N>();
        let (to, _) = out.as_chunks_mut::<N>();
        let mut index = vec![0; self.outer.len()];
        loop {
            let at = |stride: fn(&Step) -> usize| -> usize {
                index
                    .iter()
                    .zip(&self.outer)
                    .map(|(i, s)| i * stride(s))
                    .sum()
            };
            self.plane(from, to, at(|s| s.from), at(|s| s.to));
            if !advance(&mut index, &self.outer) {
                return;
            }
        }
    }

    fn plane<const N: usize>(
        &self,
        from: &[[u8; N]],
        to: &mut [[u8; N]],
        from_at: usize,
        to_at: usize,
    ) {
        let (rows, columns) = (self.rows, self.columns);
        if rows.from == 1 {
            to[to_at..][..rows.size].copy_from_slice(&from[from_at..][..rows.size]);
            return;
        }
        for row in (0..rows.size).step_by(TILE) {
            for column in (0..columns.size).step_by(TILE) {
                for c in column..(column + TILE).min(columns.size) {
                    for r in row..(row + TILE).min(rows.size) {
                        to[to_at + c * columns.to + r] = from[from_at + c + r * rows.from];
                    }
                }
            }
        }
    }
}

fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for i in (1..dims.len()).rev() {
        strides[i - 1] = strides[i] * dims[i];
    }
    strides
}

/// Counts `index` up, the last axis fastest; false after the last one.
fn advance(index: &mut [usize], steps: &[Step]) -> bool {
    for (i, step) in index.iter_mut().zip(steps).rev() {
        *i += 1;
        if *i < step.size {
            return true;
        }
        *i = 0;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    fn check(dims: &[usize], order: &[usize]) {
        let count: usize = dims.iter().product();
        let values: Vec<u32> = (0..count as u32).collect();
        let array = ArrayD::from_shape_vec(IxDyn(dims), values.clone()).unwrap();
        let want: Vec<u32> = array.permuted_axes(IxDyn(order)).iter().copied().collect();
        let bytes = |values: &[u32]| {
            values
                .iter()
                .flat_map(|v| v.to_le_bytes())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            permute(dims, order, &bytes(&values), 4).unwrap(),
            bytes(&want),
            "{dims:?} {order:?}"
        );
    }

    #[test]
    fn every_order_of_four_axes_agrees_with_ndarray() {
        for dims in [[3, 2, 5, 4], [1, 37, 1, 41], [2, 33, 34, 1]] {
            for code in 0..256usize {
                let order = [code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6];
                if (0..4).all(|axis| order.contains(&axis)) {
                    check(&dims, &order);
                }
            }
        }
    }
}
