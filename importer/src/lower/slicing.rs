//! Joining, splitting, padding and repeating.

use super::attr::Choice;
use super::cx::{Cx, Lowered, normalize_axis};
use super::strided::not_negative;
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Dim, Op, PadMode, SliceAxis, Value};

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
    let sizes = cx.dims(1)?;
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
        let unknown = || {
            Error::unsupported(format!(
                "the extent of the slice of axis {axis} depends on data"
            ))
        };
        let size = size.clone().ok_or_else(unknown)?;
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
            None if size.is(-1) => return Err(unknown()),
            None => {
                value = window(cx, value, axis, &size)?;
                axes[axis].length = size;
            }
        }
    }
    cx.slice(value, axes)
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
fn widths(cx: &mut Cx<'_>) -> Result<Vec<(Dim, Dim)>> {
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

/// The last `shift` elements come first.
fn roll(cx: &mut Cx<'_>) -> Result<Value> {
    let mut x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let (shifts, axes) = (cx.integers(1)?, cx.integers(2)?);
    for (&shift, &axis) in shifts.iter().zip(&axes) {
        let axis = normalize_axis(axis, dims.len())?;
        let extent = &dims[axis];
        let shift = match extent.as_known() {
            Some(0) => continue,
            Some(known) => shift.rem_euclid(known),
            None => shift,
        };
        let tail = if shift < 0 {
            extent.clone() + Dim::known(shift)
        } else {
            Dim::known(shift)
        };
        let head = extent.clone() - tail.clone();
        let last = cx.narrow(x, axis, head.clone(), tail)?;
        let first = cx.narrow(x, axis, Dim::known(0), head)?;
        x = cx.concat(&[last, first], axis)?;
    }
    Ok(x)
}
