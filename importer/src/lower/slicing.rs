//! Joining, splitting, padding and repeating.

use super::attr::Choice;
use super::cx::{Cx, Lowered, normalize_axis};
use super::strided::not_negative;
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Dim, Op, PadMode, Reduction, SliceAxis, Value};

pub const OPS: &[Lowering] = &[
    op("ConcatV2", |cx| concat(cx, cx.arity().saturating_sub(1), 0)),
    op("Concat", |cx| concat(cx, 0, 1)),
    op("Pack", pack),
    multi("Unpack", unpack),
    multi("Split", split),
    multi("SplitV", split_v),
    op("Slice", slice),
    op("Pad", |cx| pad(cx, None)),
    op("PadV2", |cx| pad(cx, Some(2))),
    op("MirrorPad", mirror_pad),
    op("Tile", tile),
    op("ReverseV2", reverse),
    op("Roll", roll),
];

/// The operands but the axis are the parts.
fn concat(cx: &mut Cx<'_>, axis: usize, first: usize) -> Result<Value> {
    let parts = (first..(first + cx.arity()).saturating_sub(1))
        .map(|i| cx.input(i))
        .collect::<Result<Vec<_>>>()?;
    let Some(&part) = parts.first() else {
        return Err(Error::malformed("a concatenation of nothing"));
    };
    let axis = cx.rank(part).and_then(|rank| cx.axis(axis, rank))?;
    cx.concat(&parts, axis)
}

fn pack(cx: &mut Cx<'_>) -> Result<Value> {
    let parts = cx.all_inputs()?;
    let Some(&part) = parts.first() else {
        return Err(Error::malformed("a stack of nothing"));
    };
    let axis = normalize_axis(cx.attr("axis")?, cx.rank(part)? + 1)?;
    let expanded = parts
        .iter()
        .map(|&part| cx.expand(part, axis))
        .collect::<Result<Vec<_>>>()?;
    cx.concat(&expanded, axis)
}

fn unpack(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let mut dims = cx.shape(x)?;
    let axis = normalize_axis(cx.attr("axis")?, dims.len())?;
    dims.remove(axis);
    let count = cx.part_count("num")?;
    let row = |i: usize| {
        let row = cx.narrow(x, axis, Dim::from(i), Dim::known(1))?;
        cx.reshape(row, dims.clone()).map(Lowered::Value)
    };
    (0..count).map(row).collect()
}

fn split(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(1)?;
    let dims = cx.shape(x)?;
    let axis = cx.axis(0, dims.len())?;
    let parts = cx.part_count("num_split")?;
    let part = dims[axis]
        .div_floor(&Dim::from(parts))
        .ok_or_else(|| Error::malformed("a split into no parts"))?;
    split_at(cx, x, axis, &vec![part; parts])
}

fn split_v(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let axis = cx.axis(2, dims.len())?;
    let sizes = match cx.partial_dims(1)?.into_iter().collect::<Option<Vec<_>>>() {
        Some(sizes) => sizes,
        None => read_sizes(cx, &dims[axis])?,
    };
    let given = sizes
        .iter()
        .filter(|size| !size.is(-1))
        .fold(Dim::known(0), |sum, size| sum + size.clone());
    let rest = dims[axis].clone() - given;
    let sizes: Vec<Dim> = sizes
        .into_iter()
        .map(|size| if size.is(-1) { rest.clone() } else { size })
        .collect();
    split_at(cx, x, axis, &sizes)
}

/// The sizes of a split that only the data tells; a -1 among them is what the others leave.
fn read_sizes(cx: &mut Cx<'_>, extent: &Dim) -> Result<Vec<Dim>> {
    let sizes = cx.input(1)?;
    let dtype = cx.dtype(sizes);
    let count = cx.extents(vec![extent.clone()], false, dtype)?;
    let others = cx.reduce(Reduction::Sum, sizes, vec![0], true)?;
    let rest = cx.combine(Binary::Sub, count, others)?;
    let rest = cx.combine_scalar(Binary::Sub, rest, 1.0)?;
    let sizes = cx.unless_negative(sizes, rest)?;
    cx.read_extents(sizes)
}

fn split_at(cx: &mut Cx<'_>, x: Value, axis: usize, sizes: &[Dim]) -> Result<Vec<Lowered>> {
    let mut start = Dim::known(0);
    let mut parts = Vec::with_capacity(sizes.len());
    for size in sizes {
        parts.push(Lowered::Value(cx.narrow(
            x,
            axis,
            start.clone(),
            size.clone(),
        )?));
        start = start + size.clone();
    }
    Ok(parts)
}

/// A start that depends on data selects by index.
fn slice(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let (starts, sizes) = (cx.partial_dims(1)?, cx.partial_dims(2)?);
    if starts.len() != dims.len() || sizes.len() != dims.len() {
        return Err(Error::malformed("begin and size have to name every axis"));
    }
    let mut value = x;
    let mut axes = super::emit::whole_axes(&dims);
    for (axis, (start, size)) in starts.iter().zip(&sizes).enumerate() {
        let size = match size {
            Some(size) => size.clone(),
            None => read_size(cx, axis, &dims[axis])?,
        };
        match start {
            Some(start) => {
                let length = if size.is(-1) {
                    dims[axis].clone() - start.clone()
                } else {
                    size
                };
                axes[axis] = SliceAxis {
                    start: start.clone(),
                    length: not_negative(&length),
                    step: 1,
                };
            }
            None if size.is(-1) => {
                let start = read_entry(cx, 1, axis)?;
                axes[axis] = SliceAxis {
                    length: dims[axis].clone() - start.clone(),
                    start,
                    step: 1,
                };
            }
            None => {
                value = window(cx, value, axis, &size)?;
                axes[axis].length = size;
            }
        }
    }
    cx.slice(value, axes)
}

/// Entry `axis` of operand `i`, which only the data tells.
fn read_entry(cx: &mut Cx<'_>, i: usize, axis: usize) -> Result<Dim> {
    let list = cx.input(i)?;
    let entry = cx.narrow(list, 0, Dim::from(axis), Dim::known(1))?;
    cx.read_extent(entry)
}

/// The size of a slice that only the data tells; -1 is all from the start on.
fn read_size(cx: &mut Cx<'_>, axis: usize, extent: &Dim) -> Result<Dim> {
    let (starts, sizes) = (cx.input(1)?, cx.input(2)?);
    let entry = |cx: &mut Cx<'_>, list| cx.narrow(list, 0, Dim::from(axis), Dim::known(1));
    let (start, size) = (entry(cx, starts)?, entry(cx, sizes)?);
    let dtype = cx.dtype(sizes);
    let count = cx.extents(vec![extent.clone()], false, dtype)?;
    let rest = cx.combine(Binary::Sub, count, start)?;
    let size = cx.unless_negative(size, rest)?;
    cx.read_extent(size)
}

/// `size` elements along `axis` from element `axis` of operand 1.
fn window(cx: &mut Cx<'_>, x: Value, axis: usize, size: &Dim) -> Result<Value> {
    let starts = cx.input(1)?;
    let start = cx.narrow(starts, 0, Dim::from(axis), Dim::known(1))?;
    let steps = cx.iota(size.clone(), cx.dtype(starts))?;
    let indices = cx.combine(Binary::Add, steps, start)?;
    cx.push(
        Op::Gather {
            axis,
            batch_dims: 0,
        },
        &[x, indices],
    )
}

/// Paddings of shape `[rank, 2]` in operand 1.
pub(super) fn widths(cx: &mut Cx<'_>) -> Result<Vec<(Dim, Dim)>> {
    Ok(cx
        .dims(1)?
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect())
}

fn pad(cx: &mut Cx<'_>, value: Option<usize>) -> Result<Value> {
    let (x, widths) = (cx.input(0)?, widths(cx)?);
    let value = match value {
        Some(i) => cx.input(i)?,
        None => cx.scalar_like(x, 0.0)?,
    };
    cx.pad(x, widths, value)
}

/// More outputs than this cannot be meant.
const PART_LIMIT: usize = 1 << 16;

impl Cx<'_> {
    fn part_count(&self, attr: &str) -> Result<usize> {
        let count: usize = self.attr(attr)?;
        match count <= PART_LIMIT {
            true => Ok(count),
            false => Err(Error::malformed(format!(
                "attribute `{attr}` is {count}, above {PART_LIMIT}"
            ))),
        }
    }

    /// `x` with `value` around it.
    pub fn pad(&mut self, x: Value, widths: Vec<(Dim, Dim)>, value: Value) -> Result<Value> {
        if widths
            .iter()
            .all(|(before, after)| before.is(0) && after.is(0))
        {
            return Ok(x);
        }
        self.push(
            Op::Pad {
                widths,
                mode: PadMode::Constant,
            },
            &[x, value],
        )
    }
}

impl Choice for PadMode {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("REFLECT", PadMode::Reflect),
        ("SYMMETRIC", PadMode::Symmetric),
    ];
}

fn mirror_pad(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, widths, mode) = (cx.input(0)?, widths(cx)?, cx.attr("mode")?);
    cx.push(Op::Pad { widths, mode }, &[x])
}

fn tile(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, repeats) = (cx.input(0)?, cx.dims(1)?);
    if repeats.iter().all(|repeat| repeat.is(1)) {
        return Ok(x);
    }
    cx.push(Op::Tile(repeats), &[x])
}

fn reverse(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let rank = cx.rank(x)?;
    let axes = cx.axes(1, rank)?;
    if axes.is_empty() {
        Ok(x)
    } else {
        cx.push(Op::Reverse { axes }, &[x])
    }
}

/// Entry `place` of operand 1 modulo the extent.
fn read_shift(cx: &mut Cx<'_>, place: usize, extent: &Dim) -> Result<Dim> {
    let shifts = cx.input(1)?;
    let (rank, dtype) = (cx.rank(shifts)?, cx.dtype(shifts));
    let shift = match rank {
        0 => shifts,
        _ => cx.narrow(shifts, 0, Dim::from(place), Dim::known(1))?,
    };
    let count = cx.extents(vec![extent.clone()], rank == 0, dtype)?;
    let shift = cx.combine(Binary::FloorMod, shift, count)?;
    cx.read_extent(shift)
}

/// The last `shift` elements come first.
fn roll(cx: &mut Cx<'_>) -> Result<Value> {
    let mut x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let (shifts, axes) = (cx.partial_dims(1)?, cx.integers(2)?);
    for (place, (shift, &axis)) in shifts.iter().zip(&axes).enumerate() {
        let axis = normalize_axis(axis, dims.len())?;
        let extent = &dims[axis];
        let shift = shift.as_ref().and_then(Dim::as_known);
        let tail = match (shift, extent.as_known()) {
            (_, Some(0)) => continue,
            (Some(shift), Some(known)) => Dim::known(shift.rem_euclid(known)),
            (Some(shift), None) if shift < 0 => extent.clone() + Dim::known(shift),
            (Some(shift), None) => Dim::known(shift),
            (None, _) => read_shift(cx, place, extent)?,
        };
        let head = extent.clone() - tail.clone();
        let last = cx.narrow(x, axis, head.clone(), tail)?;
        let first = cx.narrow(x, axis, Dim::known(0), head)?;
        x = cx.concat(&[last, first], axis)?;
    }
    Ok(x)
}
