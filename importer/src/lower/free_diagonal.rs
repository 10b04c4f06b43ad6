//! Diagonals of matrices of free extents, and in ranges that are data: by the places that each diagonal's elements come from.

use super::cx::Cx;
use super::diagonal::Align;
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Value};
/// The lowest and the highest of a range of diagonals, as scalars.
pub fn ends(cx: &mut Cx<'_>, range: Value) -> Result<(Value, Value)> {
    let range = cx.cast(range, DType::I32)?;
    if cx.rank(range)? == 0 {
        return Ok((range, range));
    }
    let count = cx.shape(range)?.first().and_then(Dim::as_usize);
    let last = count.ok_or_else(|| Error::unsupported("a range of diagonals of unknown length"))?;
    let mut entry = |i: usize| {
        let entry = cx.narrow(range, 0, Dim::from(i), Dim::known(1))?;
        cx.reshape(entry, vec![])
    };
    Ok((entry(0)?, entry(last.saturating_sub(1))?))
}

/// A band whose range or whose matrix only the caller knows: places are computed by the program.
pub struct FreeBand {
    rows: Dim,
    columns: Dim,
    /// The lowest and the highest diagonal.
    lower: Value,
    upper: Value,
    /// The extent of a row of the stack, as a scalar.
    longest: Value,
    /// Whether there are several diagonals, and so an axis of them.
    is_stacked: bool,
    align: Align,
}

impl FreeBand {
    pub fn of(cx: &mut Cx<'_>, range: Value, rows: Dim, columns: Dim) -> Result<Self> {
        let (lower, upper) = ends(cx, range)?;
        let is_stacked = match cx
            .graph
            .as_constant(range)
            .and_then(|range| range.as_integers())
        {
            Some(range) => range.first() != range.last(),
            None => cx.shape(range)?.first().is_some_and(|n| n.is(2)),
        };
        let mut band = FreeBand {
            rows,
            columns,
            lower,
            upper,
            longest: lower,
            is_stacked,
            align: cx.attr_if_any("align")?.unwrap_or(Align::LeftLeft),
        };
        // The main diagonal is the longest; of a range beside it the nearest.
        let nearest = cx.combine_scalar(Binary::Maximum, lower, 0.0)?;
        let nearest = cx.combine(Binary::Minimum, nearest, upper)?;
        band.longest = band.length(cx, nearest)?;
        Ok(band)
    }

    /// How long diagonals are.
    fn length(&self, cx: &mut Cx<'_>, diagonals: Value) -> Result<Value> {
        let below = cx.combine_scalar(Binary::Minimum, diagonals, 0.0)?;
        let above = cx.combine_scalar(Binary::Maximum, diagonals, 0.0)?;
        let rows = cx.extents(vec![self.rows.clone()], true, DType::I32)?;
        let columns = cx.extents(vec![self.columns.clone()], true, DType::I32)?;
        let (rows, columns) = (
            cx.combine(Binary::Add, rows, below)?,
            cx.combine(Binary::Sub, columns, above)?,
        );
        cx.combine(Binary::Minimum, rows, columns)
    }

    /// How many elements of padding come first in the rows of diagonals.
    fn offset(&self, cx: &mut Cx<'_>, diagonals: Value) -> Result<Value> {
        let length = self.length(cx, diagonals)?;
        let rest = cx.combine(Binary::Sub, self.longest, length)?;
        let zero = cx.scalar(DType::I32, 0.0)?;
        let left = match self.align {
            Align::LeftLeft => return cx.combine(Binary::Sub, rest, rest),
            Align::RightRight => return Ok(rest),
            Align::LeftRight => cx.test(Comparison::GreaterEqual, diagonals, zero)?,
            Align::RightLeft => cx.test(Comparison::LessEqual, diagonals, zero)?,
        };
        cx.select(left, zero, rest)
    }

    /// The elements of a batch of matrices that lie on the diagonals, and padding.
    pub fn part(&self, cx: &mut Cx<'_>, x: Value, padding: Value) -> Result<Value> {
        let longest = cx.read_extent(self.longest)?;
        let mut diagonals = self.upper;
        let mut last = vec![];
        if self.is_stacked {
            let span = cx.combine(Binary::Sub, self.upper, self.lower)?;
            let count = cx.combine_scalar(Binary::Add, span, 1.0)?;
            let count = cx.read_extent(count)?;
            let steps = cx.iota(count.clone(), DType::I32)?;
            let steps = cx.expand(steps, 1)?;
            diagonals = cx.combine(Binary::Sub, self.upper, steps)?;
            last.push(count);
        }
        last.push(longest.clone());
        let places = cx.iota(longest, DType::I32)?;
        let offset = self.offset(cx, diagonals)?;
        let along = cx.combine(Binary::Sub, places, offset)?;
        let length = self.length(cx, diagonals)?;
        let inside = between(cx, along, length)?;
        let below = cx.combine_scalar(Binary::Minimum, diagonals, 0.0)?;
        let above = cx.combine_scalar(Binary::Maximum, diagonals, 0.0)?;
        let (row, column) = (
            cx.combine(Binary::Sub, along, below)?,
            cx.combine(Binary::Add, along, above)?,
        );
        let width = cx.extents(vec![self.columns.clone()], true, DType::I32)?;
        let row = cx.combine(Binary::Mul, row, width)?;
        let place = cx.combine(Binary::Add, row, column)?;
        picked(cx, x, 2, place, inside, last, padding)
    }

    /// A batch of matrices with the diagonals of a stack, and `otherwise` beside them.
    pub fn set(&self, cx: &mut Cx<'_>, stack: Value, otherwise: Value) -> Result<Value> {
        let row = cx.iota(self.rows.clone(), DType::I32)?;
        let row = cx.expand(row, 1)?;
        let column = cx.iota(self.columns.clone(), DType::I32)?;
        let diagonal = cx.combine(Binary::Sub, column, row)?;
        let from = cx.test(Comparison::GreaterEqual, diagonal, self.lower)?;
        let to = cx.test(Comparison::LessEqual, diagonal, self.upper)?;
        let inside = cx.combine(Binary::LogicalAnd, from, to)?;
        let offset = self.offset(cx, diagonal)?;
        let along = cx.combine(Binary::Minimum, row, column)?;
        let mut place = cx.combine(Binary::Add, along, offset)?;
        if self.is_stacked {
            let line = cx.combine(Binary::Sub, self.upper, diagonal)?;
            let start = cx.combine(Binary::Mul, line, self.longest)?;
            place = cx.combine(Binary::Add, place, start)?;
        }
        let last = vec![self.rows.clone(), self.columns.clone()];
        let axes = if self.is_stacked { 2 } else { 1 };
        picked(cx, stack, axes, place, inside, last, otherwise)
    }
}

/// Whether numbers are in `0..end`.
fn between(cx: &mut Cx<'_>, x: Value, end: Value) -> Result<Value> {
    let zero = cx.scalar(DType::I32, 0.0)?;
    let from = cx.test(Comparison::GreaterEqual, x, zero)?;
    let to = cx.test(Comparison::Less, x, end)?;
    cx.combine(Binary::LogicalAnd, from, to)
}

/// `x` with its last `axes` axes as one, indexed by `places` where they are `inside`; elsewhere `otherwise`.
fn picked(
    cx: &mut Cx<'_>,
    x: Value,
    axes: usize,
    places: Value,
    inside: Value,
    last: Vec<Dim>,
    otherwise: Value,
) -> Result<Value> {
    let dims = cx.shape(x)?;
    let batch = dims
        .get(..dims.len().saturating_sub(axes))
        .unwrap_or_default();
    let flat = [batch, &[super::emit::product(&dims[batch.len()..])]].concat();
    let flat = cx.reshape(x, flat)?;
    let zero = cx.scalar(DType::I32, 0.0)?;
    let places = cx.select(inside, places, zero)?;
    let count = super::emit::product(&last);
    let places = cx.reshape(places, vec![count])?;
    let gather = Op::Gather {
        axis: batch.len(),
        batch_dims: 0,
    };
    let picked = cx.push(gather, &[flat, places])?;
    let picked = cx.reshape(picked, [batch, &last].concat())?;
    cx.select(inside, picked, otherwise)
}
