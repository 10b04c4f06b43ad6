//! Diagonals and bands of matrices.

use super::attr::Choice;
use super::cx::Cx;
use super::free_diagonal::{FreeBand, ends};
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    op("MatrixBandPart", band_part),
    op("Diag", diagonal_tensor),
    op("DiagPart", diagonal_tensor_part),
    op("MatrixDiag", main_diagonal),
    op("MatrixDiagPart", main_diagonal_part),
    op("MatrixSetDiag", set_main_diagonal),
    op("MatrixDiagV2", diagonals),
    op("MatrixDiagV3", diagonals),
    op("MatrixDiagPartV2", diagonals_part),
    op("MatrixDiagPartV3", diagonals_part),
    op("MatrixSetDiagV2", set_diagonals),
    op("MatrixSetDiagV3", set_diagonals),
];

/// Column index minus row index, `[rows, columns]`.
fn offsets(cx: &mut Cx<'_>, rows: Dim, columns: Dim, dtype: DType) -> Result<Value> {
    let row = cx.iota(rows, dtype)?;
    let row = cx.expand(row, 1)?;
    let column = cx.iota(columns, dtype)?;
    cx.combine(Binary::Sub, column, row)
}

fn matrix(cx: &Cx<'_>, x: Value) -> Result<(Vec<Dim>, Dim, Dim)> {
    let mut dims = cx.shape(x)?;
    match (dims.pop(), dims.pop()) {
        (Some(columns), Some(rows)) => Ok((dims, rows, columns)),
        (_, _) => Err(Error::malformed("the operand is not a matrix")),
    }
}

/// Keeps `lower` diagonals below the main one and `upper` above; a negative number keeps all.
fn band_part(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, lower, upper) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let (_, rows, columns) = matrix(cx, x)?;
    let dtype = cx.dtype(lower);
    let offset = offsets(cx, rows, columns, dtype)?;
    let below = cx.apply(crate::ir::Unary::Neg, offset)?;
    let mut mask: Option<Value> = None;
    for (width, distance, known) in [
        (lower, below, cx.integer(1).ok()),
        (upper, offset, cx.integer(2).ok()),
    ] {
        if known.is_some_and(|known| known < 0) {
            continue;
        }
        let mut near = cx.test(Comparison::LessEqual, distance, width)?;
        if known.is_none() {
            let zero = cx.scalar(dtype, 0.0)?;
            let all = cx.test(Comparison::Less, width, zero)?;
            near = cx.combine(Binary::LogicalOr, near, all)?;
        }
        mask = Some(match mask {
            Some(mask) => cx.combine(Binary::LogicalAnd, mask, near)?,
            None => near,
        });
    }
    let Some(mask) = mask else { return Ok(x) };
    let zero = cx.scalar_like(x, 0.0)?;
    cx.select(mask, x, zero)
}

fn on_diagonal(cx: &mut Cx<'_>, rows: Dim, columns: Dim) -> Result<Value> {
    let offset = offsets(cx, rows, columns, DType::I32)?;
    let zero = cx.scalar(DType::I32, 0.0)?;
    cx.test(Comparison::Equal, offset, zero)
}

/// All elements on the diagonal of a tensor of twice the axes.
fn diagonal_tensor(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let flat = cx.reshape(x, vec![super::emit::product(&dims)])?;
    let matrix = on_main_diagonal(cx, flat)?;
    cx.reshape(matrix, [dims.clone(), dims].concat())
}

fn diagonal_tensor_part(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let dims = cx.shape(x)?;
    let half = dims[..dims.len() / 2].to_vec();
    let n = super::emit::product(&half);
    let matrix = cx.reshape(x, vec![n.clone(), n])?;
    let part = of_main_diagonal(cx, matrix)?;
    cx.reshape(part, half)
}

fn main_diagonal(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    on_main_diagonal(cx, x)
}

fn on_main_diagonal(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let dims = cx.shape(x)?;
    let size = dims
        .last()
        .cloned()
        .ok_or_else(|| Error::malformed("a scalar is no diagonal"))?;
    let mask = on_diagonal(cx, size.clone(), size)?;
    let column = cx.expand(x, dims.len())?;
    let zero = cx.scalar_like(x, 0.0)?;
    cx.select(mask, column, zero)
}

fn main_diagonal_part(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    of_main_diagonal(cx, x)
}

fn of_main_diagonal(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let (mut batch, rows, columns) = matrix(cx, x)?;
    let length = rows.smaller(&columns);
    let step = columns.clone() + Dim::known(1);
    batch.push(rows * columns);
    let axis = batch.len() - 1;
    let flat = cx.reshape(x, batch)?;
    let at = cx.iota(length, DType::I32)?;
    let step = cx.extents(vec![step], true, DType::I32)?;
    let at = cx.combine(Binary::Mul, at, step)?;
    cx.push(
        Op::Gather {
            axis,
            batch_dims: 0,
        },
        &[flat, at],
    )
}

fn set_main_diagonal(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, diagonal) = cx.pair()?;
    let (_, rows, columns) = matrix(cx, x)?;
    let mask = on_diagonal(cx, rows.clone(), columns.clone())?;
    let axis = cx.rank(diagonal)?;
    let length = cx.shape(diagonal)?.pop();
    // The diagonal is as long as the shorter side: along that it broadcasts over the other.
    let along = match length == Some(rows) || length != Some(columns) {
        true => cx.expand(diagonal, axis)?,
        false => cx.expand(diagonal, axis - 1)?,
    };
    cx.select(mask, along, x)
}

/// On which side the shorter diagonals are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    LeftLeft,
    LeftRight,
    RightLeft,
    RightRight,
}

impl Choice for Align {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("LEFT_LEFT", Align::LeftLeft),
        ("LEFT_RIGHT", Align::LeftRight),
        ("RIGHT_LEFT", Align::RightLeft),
        ("RIGHT_RIGHT", Align::RightRight),
    ];
}

/// The diagonals `lower..=upper` of a matrix, stacked from the uppermost, and how they lie in their rows.
struct Band {
    rows: usize,
    columns: usize,
    lower: i64,
    upper: i64,
    /// The extent of a row of the stack.
    longest: usize,
    align: Align,
}

impl Band {
    fn length(&self, diagonal: i64) -> usize {
        let (rows, columns) = (
            self.rows as i64 + diagonal.min(0),
            self.columns as i64 - diagonal.max(0),
        );
        usize::try_from(rows.min(columns)).unwrap_or(0)
    }

    /// How many elements of padding come first in the diagonal's row.
    fn offset(&self, diagonal: i64) -> usize {
        let left_above = matches!(self.align, Align::LeftLeft | Align::LeftRight);
        let left_below = matches!(self.align, Align::LeftLeft | Align::RightLeft);
        let left = (diagonal >= 0 && left_above) || (diagonal <= 0 && left_below);
        if left {
            0
        } else {
            self.longest - self.length(diagonal).min(self.longest)
        }
    }

    fn count(&self) -> usize {
        usize::try_from(self.upper - self.lower + 1).unwrap_or(0)
    }

    /// For each element of the stack its place in the matrix.
    fn places_in_matrix(&self) -> Vec<Option<usize>> {
        let mut places = vec![None; self.count() * self.longest];
        for row in 0..self.rows {
            for column in 0..self.columns {
                if let Some(place) = self.place_in_stack(row, column) {
                    places[place] = Some(row * self.columns + column);
                }
            }
        }
        places
    }

    /// The place in the stack of an element of the matrix.
    fn place_in_stack(&self, row: usize, column: usize) -> Option<usize> {
        let diagonal = column as i64 - row as i64;
        if diagonal < self.lower || diagonal > self.upper {
            return None;
        }
        let along = row.min(column) + self.offset(diagonal);
        let stacked = usize::try_from(self.upper - diagonal).ok()?;
        (along < self.longest).then_some(stacked * self.longest + along)
    }

    fn places_in_stack(&self) -> Vec<Option<usize>> {
        let cells =
            (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column)));
        cells
            .map(|(row, column)| self.place_in_stack(row, column))
            .collect()
    }
}

/// A matrix that is larger would not be spelt element by element.
const CELL_LIMIT: usize = 1 << 22;

/// The band that operand 1 names, of a matrix of `rows` and `columns`.
fn band(cx: &mut Cx<'_>, rows: usize, columns: usize) -> Result<Band> {
    let (lower, upper) = match cx.integers(1)?.as_slice() {
        [k] => (*k, *k),
        [lower, upper] if lower <= upper => (*lower, *upper),
        other => {
            return Err(Error::malformed(format!(
                "{other:?} is no range of diagonals"
            )));
        }
    };
    let align = cx.attr_if_any("align")?.unwrap_or(Align::LeftLeft);
    let mut band = Band {
        rows,
        columns,
        lower,
        upper,
        longest: 0,
        align,
    };
    let in_range = -(rows as i64) < lower
        && upper < columns as i64
        && rows.saturating_mul(columns) <= CELL_LIMIT;
    if !in_range {
        return Err(Error::malformed(format!(
            "the diagonals {lower} to {upper} of {rows} x {columns}"
        )));
    }
    band.longest = (lower..=upper)
        .map(|diagonal| band.length(diagonal))
        .max()
        .unwrap_or(0);
    Ok(band)
}

/// `x` with its last `axes` axes as one, indexed by `places`; `otherwise` where there is none.
fn rearrange(
    cx: &mut Cx<'_>,
    x: Value,
    axes: usize,
    places: &[Option<usize>],
    last: &[usize],
    otherwise: Value,
) -> Result<Value> {
    let dims = cx.shape(x)?;
    let batch = dims
        .get(..dims.len().saturating_sub(axes))
        .unwrap_or_default();
    let flat = [batch, &[super::emit::product(&dims[batch.len()..])]].concat();
    let flat = cx.reshape(x, flat)?;
    let indices: Vec<i64> = places
        .iter()
        .map(|place| place.unwrap_or(0) as i64)
        .collect();
    let indices = cx.integer_constant(DType::I32, &indices, false)?;
    let picked = cx.push(
        Op::Gather {
            axis: batch.len(),
            batch_dims: 0,
        },
        &[flat, indices],
    )?;
    let result: Vec<Dim> = batch
        .iter()
        .cloned()
        .chain(last.iter().map(|&extent| Dim::from(extent)))
        .collect();
    let picked = cx.reshape(picked, result)?;
    if places.iter().all(Option::is_some) {
        return Ok(picked);
    }
    let mask = places.iter().map(Option::is_some).collect();
    let mask = cx
        .graph
        .constant(crate::eval::Tensor::new::<bool>(last, mask)?, cx.origin);
    cx.select(mask, picked, otherwise)
}

fn known_matrix(cx: &Cx<'_>, x: Value) -> Result<Option<(usize, usize)>> {
    let (_, rows, columns) = matrix(cx, x)?;
    Ok(rows.as_usize().zip(columns.as_usize()))
}

/// Whether a range of diagonals is the same for every call.
fn is_known(cx: &Cx<'_>, range: Value) -> bool {
    cx.graph.as_constant(range).is_some()
}

/// Operands: matrix, range of diagonals, padding.
fn diagonals_part(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, range, padding) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let Some((rows, columns)) = known_matrix(cx, x)?.filter(|_| is_known(cx, range)) else {
        let (_, rows, columns) = matrix(cx, x)?;
        return FreeBand::of(cx, range, rows, columns)?.part(cx, x, padding);
    };
    let band = band(cx, rows, columns)?;
    let last = if band.count() == 1 {
        vec![band.longest]
    } else {
        vec![band.count(), band.longest]
    };
    rearrange(cx, x, 2, &band.places_in_matrix(), &last, padding)
}

/// Operands: matrix, diagonals, range of diagonals.
fn set_diagonals(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, stack, k) = (cx.operand(0)?, cx.operand(1)?, cx.operand(2)?);
    let operands = [x, k, stack];
    let mut cx = cx.with_inputs(&operands);
    let (x, range, stack) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let Some((rows, columns)) = known_matrix(&cx, x)?.filter(|_| is_known(&cx, range)) else {
        let (_, rows, columns) = matrix(&cx, x)?;
        return FreeBand::of(&mut cx, range, rows, columns)?.set(&mut cx, stack, x);
    };
    let band = band(&mut cx, rows, columns)?;
    let axes = if band.count() == 1 { 1 } else { 2 };
    rearrange(
        &mut cx,
        stack,
        axes,
        &band.places_in_stack(),
        &[rows, columns],
        x,
    )
}

/// Operands: diagonals, range of diagonals, rows, columns, padding. An extent of -1 is the least that holds them.
fn diagonals(cx: &mut Cx<'_>) -> Result<Value> {
    let (stack, range, padding) = (cx.input(0)?, cx.input(1)?, cx.input(4)?);
    let longest = cx.shape(stack)?.pop();
    let longest = longest.ok_or_else(|| Error::malformed("a scalar is no diagonal"))?;
    let (rows, columns) = sizes(cx, range, longest)?;
    let known = rows.as_usize().zip(columns.as_usize());
    let Some((rows, columns)) = known.filter(|_| is_known(cx, range)) else {
        return FreeBand::of(cx, range, rows, columns)?.set(cx, stack, padding);
    };
    let band = band(cx, rows, columns)?;
    let axes = if band.count() == 1 { 1 } else { 2 };
    rearrange(
        cx,
        stack,
        axes,
        &band.places_in_stack(),
        &[rows, columns],
        padding,
    )
}

/// Rows and columns in operands 2 and 3; one that is -1 is the least that holds the diagonals, and two make a square.
fn sizes(cx: &mut Cx<'_>, range: Value, longest: Dim) -> Result<(Dim, Dim)> {
    let given = [2, 3].map(|i| {
        cx.partial_dims(i)
            .map(|dims| dims.into_iter().next().flatten())
    });
    let [rows, columns] = given;
    let (rows, columns) = (rows?, columns?);
    if is_known(cx, range) && rows.is_some() && columns.is_some() {
        let range = cx.integers(1)?;
        let (lower, upper) = (*range.first().unwrap_or(&0), *range.last().unwrap_or(&0));
        let least_rows = longest.clone() + Dim::known(-upper.min(0));
        let least_columns = longest + Dim::known(lower.max(0));
        let is_free = |dim: &Option<Dim>| dim.as_ref().is_some_and(|dim| dim.is(-1));
        return Ok(match (is_free(&rows), is_free(&columns)) {
            (true, true) => {
                let n = least_rows.larger(&least_columns);
                (n.clone(), n)
            }
            (true, false) => (least_rows, columns.unwrap_or(least_columns)),
            (false, true) => (rows.unwrap_or(least_rows), least_columns),
            (false, false) => (rows.unwrap_or(least_rows), columns.unwrap_or(least_columns)),
        });
    }
    read_sizes(cx, range, longest)
}

/// The same, computed by the program.
fn read_sizes(cx: &mut Cx<'_>, range: Value, longest: Dim) -> Result<(Dim, Dim)> {
    let (lower, upper) = ends(cx, range)?;
    let length = cx.extents(vec![longest], true, DType::I32)?;
    let below = cx.combine_scalar(Binary::Minimum, upper, 0.0)?;
    let least_rows = cx.combine(Binary::Sub, length, below)?;
    let above = cx.combine_scalar(Binary::Maximum, lower, 0.0)?;
    let least_columns = cx.combine(Binary::Add, length, above)?;
    let (rows, columns) = (cx.input(2)?, cx.input(3)?);
    let square = cx.combine(Binary::Maximum, least_rows, least_columns)?;
    let mut size = |own: Value, other: Value, least: Value| {
        let alone = cx.unless_negative(other, square)?;
        let zero = cx.scalar_like(other, 0.0)?;
        let both_free = cx.test(Comparison::Less, other, zero)?;
        let least = cx.select(both_free, alone, least)?;
        let size = cx.unless_negative(own, least)?;
        cx.read_extent(size)
    };
    Ok((
        size(rows, columns, least_rows)?,
        size(columns, rows, least_columns)?,
    ))
}
