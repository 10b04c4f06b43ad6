//! `StridedSlice`: Python's `x[a:b:c, …, None, i]`.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Atom, Binary, Dim, Op, SliceAxis, Value};

pub const OPS: &[Lowering] = &[
    op("StridedSlice", strided_slice),
    op("StridedSliceGrad", strided_slice_grad),
];

/// Ends from here on mean the end of the axis.
const NO_END: i64 = i32::MAX as i64;

/// The specification, and what it comes to so far.
struct Spec {
    begin: Vec<Option<Dim>>,
    end: Vec<Option<Dim>>,
    strides: Vec<i64>,
    begin_mask: i64,
    end_mask: i64,
    ellipsis_mask: i64,
    new_axis_mask: i64,
    shrink_axis_mask: i64,
    /// The extents of the operand.
    dims: Vec<Dim>,
    /// The axes of the slice.
    axes: Vec<SliceAxis>,
    /// The axes that are reversed first.
    reversed: Vec<usize>,
    /// The axes that an index in operand 1 picks, with the place of the index.
    picked: Vec<(usize, usize)>,
    /// The extents of the result.
    result: Vec<Dim>,
}

fn strided_slice(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let spec = Spec::of(cx, dims)?;
    let mut value = x;
    if !spec.reversed.is_empty() {
        value = cx.push(
            Op::Reverse {
                axes: spec.reversed,
            },
            &[value],
        )?;
    }
    value = cx.slice(value, spec.axes)?;
    for (axis, place) in spec.picked.into_iter().rev() {
        value = pick(cx, value, axis, place)?;
    }
    cx.reshape(value, spec.result)
}

/// Operands: the extents of what was sliced, begin, end, strides, the gradient, which stands where the slice was.
fn strided_slice_grad(cx: &mut Cx<'_>) -> Result<Value> {
    let dims = cx.dims(0)?;
    let spec = Spec::of(cx, dims)?;
    let mut value = cx.input(4)?;
    let mut lengths: Vec<Dim> = spec.axes.iter().map(|axis| axis.length.clone()).collect();
    for (axis, _) in &spec.picked {
        lengths[*axis] = Dim::known(1);
    }
    value = cx.reshape(value, lengths)?;
    for (axis, place) in spec.picked {
        value = unpick(cx, value, axis, place, &spec.dims[axis])?;
    }
    for (axis, slice) in spec.axes.iter().enumerate() {
        value = unslice(cx, value, axis, slice, &spec.dims[axis])?;
    }
    match spec.reversed.is_empty() {
        true => Ok(value),
        false => cx.push(
            Op::Reverse {
                axes: spec.reversed,
            },
            &[value],
        ),
    }
}

/// The only element of `axis` where entry `place` of operand 1 says, zeros elsewhere.
fn unpick(cx: &mut Cx<'_>, x: Value, axis: usize, place: usize, extent: &Dim) -> Result<Value> {
    let index = index(cx, place, extent)?;
    let (on, off) = (cx.scalar_like(x, 1.0)?, cx.scalar_like(x, 0.0)?);
    let mark = Op::OneHot {
        depth: extent.clone(),
        axis: 0,
    };
    let mark = cx.push(mark, &[index, on, off])?;
    let mut column = vec![Dim::known(1); cx.rank(x)?];
    column[axis] = extent.clone();
    let mark = cx.reshape(mark, column)?;
    cx.combine(Binary::Mul, x, mark)
}

/// The elements of a slice along `axis` where they were, zeros between, before and after them.
pub(super) fn unslice(
    cx: &mut Cx<'_>,
    x: Value,
    axis: usize,
    slice: &SliceAxis,
    extent: &Dim,
) -> Result<Value> {
    if slice.is_whole(Some(extent)) {
        return Ok(x);
    }
    let mut x = x;
    let mut taken = slice.length.clone();
    if slice.step > 1 {
        let wide = cx.expand(x, axis + 1)?;
        let wide = cx.surrounded(wide, axis + 1, Dim::known(0), Dim::from(slice.step - 1))?;
        let mut dims = cx.shape(x)?;
        dims[axis] = slice.length.clone() * Dim::from(slice.step);
        x = cx.reshape(wide, dims)?;
        taken = (slice.length.clone() - Dim::known(1)) * Dim::from(slice.step) + Dim::known(1);
        x = cx.narrow(x, axis, Dim::known(0), taken.clone())?;
    }
    let after = extent.clone() - slice.start.clone() - taken;
    cx.surrounded(x, axis, slice.start.clone(), after)
}

/// Entry `place` of operand 1, counted from the front.
fn index(cx: &mut Cx<'_>, place: usize, extent: &Dim) -> Result<Value> {
    let starts = cx.input(1)?;
    let start = cx.narrow(starts, 0, Dim::from(place), Dim::known(1))?;
    let index = cx.reshape(start, vec![])?;
    let extent = cx.extents(vec![extent.clone()], true, cx.dtype(starts))?;
    cx.combine(Binary::FloorMod, index, extent)
}

/// The element of `axis` that entry `place` of operand 1 names; it may count from the end.
fn pick(cx: &mut Cx<'_>, x: Value, axis: usize, place: usize) -> Result<Value> {
    let extent = cx.shape(x)?[axis].clone();
    let index = index(cx, place, &extent)?;
    cx.push(
        Op::Gather {
            axis,
            batch_dims: 0,
        },
        &[x, index],
    )
}

impl Spec {
    /// Of the node's operands 1 to 3, over an operand of these extents.
    fn of(cx: &mut Cx<'_>, dims: Vec<Dim>) -> Result<Self> {
        let mut spec = Spec {
            begin: cx.partial_dims(1)?,
            end: cx.partial_dims(2)?,
            strides: cx.integers(3)?,
            begin_mask: cx.attr("begin_mask")?,
            end_mask: cx.attr("end_mask")?,
            ellipsis_mask: cx.attr("ellipsis_mask")?,
            new_axis_mask: cx.attr("new_axis_mask")?,
            shrink_axis_mask: cx.attr("shrink_axis_mask")?,
            dims,
            axes: vec![],
            reversed: vec![],
            picked: vec![],
            result: vec![],
        };
        spec.resolve(cx)?;
        Ok(spec)
    }

    fn resolve(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        if self.begin.len() != self.strides.len()
            || self.end.len() != self.strides.len()
            || self.strides.len() > 62
        {
            return Err(Error::malformed("begin, end and strides differ in length"));
        }
        for i in 0..self.strides.len() {
            if has(self.ellipsis_mask, i) {
                let after = (i + 1..self.strides.len())
                    .filter(|&j| !has(self.new_axis_mask, j))
                    .count();
                self.take_whole(self.dims.len().saturating_sub(after));
            } else if has(self.new_axis_mask, i) {
                self.result.push(Dim::known(1));
            } else {
                self.take(cx, i)?;
            }
        }
        self.take_whole(self.dims.len());
        Ok(())
    }

    /// Whole axes up to `end`.
    fn take_whole(&mut self, end: usize) {
        while self.axes.len() < end {
            let extent = self.dims[self.axes.len()].clone();
            self.result.push(extent.clone());
            self.axes.push(SliceAxis {
                start: Dim::known(0),
                length: extent,
                step: 1,
            });
        }
    }

    /// The next axis, as entry `i` says.
    fn take(&mut self, cx: &mut Cx<'_>, i: usize) -> Result<()> {
        let axis = self.axes.len();
        let missing = || {
            Error::malformed(format!(
                "the slice names axis {axis} of {}",
                self.dims.len()
            ))
        };
        let extent = self.dims.get(axis).ok_or_else(missing)?.clone();
        if has(self.shrink_axis_mask, i) {
            self.index(i, axis, extent);
            return Ok(());
        }
        let step = usize::try_from(self.strides[i].saturating_abs()).unwrap_or(1);
        let (start, length) = match self.strides[i] {
            0 => return Err(Error::malformed("the stride of a slice is zero")),
            1.. => self.forwards(cx, i, &extent)?,
            _ => {
                self.reversed.push(axis);
                self.backwards(cx, i, &extent)?
            }
        };
        let length = length.div_ceil(step as i64).unwrap_or(length);
        self.result.push(length.clone());
        self.axes.push(SliceAxis {
            start,
            length,
            step,
        });
        Ok(())
    }

    fn index(&mut self, i: usize, axis: usize, extent: Dim) {
        let slice = match &self.begin[i] {
            Some(begin) => SliceAxis {
                start: from_front(begin, &extent),
                length: Dim::known(1),
                step: 1,
            },
            None => {
                self.picked.push((axis, i));
                SliceAxis {
                    start: Dim::known(0),
                    length: extent,
                    step: 1,
                }
            }
        };
        self.axes.push(slice);
    }

    /// The bound of entry `i` counted from the front and clamped to the axis, or `None` where the mask says that there is
    /// none. Where only the data tells, the program clamps it to `least` and the extent.
    fn bound(
        &self,
        cx: &mut Cx<'_>,
        (side, i): (Side, usize),
        extent: &Dim,
        least: i64,
        clamp: impl Fn(Dim) -> Dim,
    ) -> Result<Option<Dim>> {
        let (bounds, mask) = match side {
            Side::Begin => (&self.begin, self.begin_mask),
            Side::End => (&self.end, self.end_mask),
        };
        if has(mask, i) {
            return Ok(None);
        }
        let Some(bound) = &bounds[i] else {
            return read_bound(cx, side, i, extent, least).map(Some);
        };
        let endless = bound.as_known().is_some_and(|bound| bound >= NO_END);
        Ok(Some(clamp(if endless {
            extent.clone()
        } else {
            from_front(bound, extent)
        })))
    }

    fn forwards(&self, cx: &mut Cx<'_>, i: usize, extent: &Dim) -> Result<(Dim, Dim)> {
        let clamp = |bound: Dim| smaller(&not_negative(&bound), extent);
        let begin = self.bound(cx, (Side::Begin, i), extent, 0, clamp)?;
        let begin = begin.unwrap_or(Dim::known(0));
        let end = self.bound(cx, (Side::End, i), extent, 0, clamp)?;
        let end = end.unwrap_or_else(|| extent.clone());
        Ok((begin.clone(), not_negative(&(end - begin))))
    }

    /// The start and length after the axis is reversed.
    fn backwards(&self, cx: &mut Cx<'_>, i: usize, extent: &Dim) -> Result<(Dim, Dim)> {
        let last = extent.clone() - Dim::known(1);
        let clamp = |bound: Dim| smaller(&larger(&bound, &Dim::known(-1)), &last);
        let begin = self.bound(cx, (Side::Begin, i), extent, -1, clamp)?;
        let begin = begin.unwrap_or_else(|| last.clone());
        let end = self.bound(cx, (Side::End, i), extent, -1, clamp)?;
        let end = end.unwrap_or(Dim::known(-1));
        Ok((last - begin.clone(), not_negative(&(begin - end))))
    }
}

/// A bound of a slice.
#[derive(Clone, Copy)]
enum Side {
    Begin,
    End,
}

/// Entry `i` of a bound that only the data tells: counted from the front, and between `least` and the last that
/// TensorFlow clamps to.
fn read_bound(cx: &mut Cx<'_>, side: Side, i: usize, extent: &Dim, least: i64) -> Result<Dim> {
    let bounds = cx.input(match side {
        Side::Begin => 1,
        Side::End => 2,
    })?;
    let bound = Op::Bound {
        entry: i,
        extent: extent.clone(),
        least,
    };
    let distance = cx.push(bound, &[bounds])?;
    Ok(cx.read_extent(distance)? + Dim::known(least))
}

fn has(mask: i64, i: usize) -> bool {
    mask >> i & 1 == 1
}

/// A negative index counts from the end.
fn from_front(index: &Dim, extent: &Dim) -> Dim {
    let negated = Dim::known(0) - index.clone();
    match lower_bound(&negated) {
        Some(bound) if bound > 0 => extent.clone() + index.clone(),
        Some(_) | None => index.clone(),
    }
}

/// `max(dim, 0)`.
pub fn not_negative(dim: &Dim) -> Dim {
    larger(dim, &Dim::known(0))
}

fn larger(a: &Dim, b: &Dim) -> Dim {
    if at_least(a, b) {
        a.clone()
    } else if at_least(b, a) {
        b.clone()
    } else {
        a.larger(b)
    }
}

fn smaller(a: &Dim, b: &Dim) -> Dim {
    if at_least(a, b) {
        b.clone()
    } else if at_least(b, a) {
        a.clone()
    } else {
        a.smaller(b)
    }
}

fn at_least(a: &Dim, b: &Dim) -> bool {
    lower_bound(&(a.clone() - b.clone())).is_some_and(|bound| bound >= 0)
}

/// The least value an extent can have, when those of arguments are taken to be at least 1.
fn lower_bound(dim: &Dim) -> Option<i64> {
    let mut sum = 0i64;
    for (atoms, coefficient) in dim.terms() {
        let mut product = coefficient;
        for atom in atoms {
            let least = least(atom).filter(|&least| least >= 0 && coefficient > 0)?;
            product = product.saturating_mul(least);
        }
        sum = sum.saturating_add(product);
    }
    Some(sum)
}

fn least(atom: &Atom) -> Option<i64> {
    match atom {
        Atom::Symbol(symbol) => Some(symbol.least()),
        Atom::Quotient(a, b) => match b.as_known() {
            Some(divisor) if divisor > 0 => Some(lower_bound(a)?.div_euclid(divisor)),
            Some(_) | None => (lower_bound(a)? >= 0 && lower_bound(b)? > 0).then_some(0),
        },
        Atom::Max(members) => members.iter().filter_map(lower_bound).max(),
        Atom::Min(members) => {
            let bounds: Option<Vec<i64>> = members.iter().map(lower_bound).collect();
            bounds?.into_iter().min()
        }
    }
}
