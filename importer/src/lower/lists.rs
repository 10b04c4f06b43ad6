//! Lists of tensors.
//!
//! Where a list's length and indices are known it is its items. A list that was a tensor, or that a loop writes, is one
//! tensor whose rows are the items, so that an index may be an extent or data.

use super::cx::{Cx, Lowered};
use super::strided::not_negative;
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Comparison, DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    multi("TensorListReserve", reserve),
    multi("EmptyTensorList", empty),
    multi("TensorListFromTensor", from_tensor),
    multi("TensorListSetItem", set_item),
    multi("TensorListPushBack", push_back),
    multi("TensorListPopBack", pop_back),
    multi("TensorListResize", resize),
    op("TensorListGetItem", get_item),
    op("TensorListStack", stack),
    op("TensorListGather", gather),
    op("TensorListLength", length),
    multi("TensorListConcat", concat),
    multi("TensorListConcatV2", concat),
];

/// Longer lists are not kept item by item.
const LENGTH_LIMIT: usize = 1 << 16;

/// A list of tensors.
#[derive(Clone, Debug)]
pub struct List {
    pub(super) contents: Contents,
    pub(super) dtype: DType,
    /// The shape of its items, where the op that made it says so.
    pub(super) shape: Option<Vec<Dim>>,
}

/// What a list holds.
#[derive(Clone, Debug)]
pub(super) enum Contents {
    /// Its items, one by one.
    Items(Vec<Item>),
    /// This many items that nothing was written to.
    Unset(Dim),
    /// The rows of a tensor.
    Rows(Value),
    /// Inside of a loop: what the loop carries, of which it is hoped that each round writes one item and reads none.
    Round(Round),
}

/// A list in a round of a loop.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// Which of the loop's variables it is.
    pub variable: usize,
    /// What the round wrote.
    pub written: Option<Written>,
    /// The shape of what was written.
    pub item: Option<Vec<Dim>>,
    /// Whether the round did anything else with it.
    pub misused: bool,
}

/// What a round of a loop writes to a list.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Where: an extent, or the end of the list.
    pub place: Option<Dim>,
    /// The item.
    pub value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    /// Nothing was written here; it reads as zeros.
    Unset,
    /// A tensor.
    Value(Value),
    /// A row of a tensor.
    Row(Value, usize),
}

impl List {
    /// The same list of other values.
    ///
    /// # Errors
    /// What `with` gives.
    pub(super) fn map(&self, with: &mut dyn FnMut(Value) -> Result<Value>) -> Result<Self> {
        let contents = match &self.contents {
            Contents::Items(items) => {
                let item = |item: &Item| {
                    Ok(match item {
                        Item::Unset => Item::Unset,
                        Item::Value(value) => Item::Value(with(*value)?),
                        Item::Row(tensor, row) => Item::Row(with(*tensor)?, *row),
                    })
                };
                Contents::Items(items.iter().map(item).collect::<Result<_>>()?)
            }
            Contents::Rows(tensor) => Contents::Rows(with(*tensor)?),
            Contents::Unset(_) | Contents::Round(_) => self.contents.clone(),
        };
        Ok(List {
            contents,
            dtype: self.dtype,
            shape: self.shape.clone(),
        })
    }
}

impl List {
    /// Whether nothing was written to it.
    pub(super) fn is_unset(&self) -> bool {
        match &self.contents {
            Contents::Items(items) => items.iter().all(|item| *item == Item::Unset),
            Contents::Unset(_) => true,
            Contents::Rows(_) | Contents::Round(_) => false,
        }
    }

    /// Whether it is one of a loop that the round uses otherwise than by writing one item.
    pub(super) fn is_misused(&self) -> bool {
        matches!(&self.contents, Contents::Round(round) if round.misused)
    }

    /// How many items it has, if it is not the rows of a tensor.
    pub(super) fn length(&self) -> Option<Dim> {
        match &self.contents {
            Contents::Items(items) => Some(Dim::from(items.len())),
            Contents::Unset(length) => Some(length.clone()),
            Contents::Rows(_) | Contents::Round(_) => None,
        }
    }
}

impl Cx<'_> {
    /// The rows with as many rows of zeros before and after them.
    pub(super) fn pad_rows(&mut self, rows: Value, [before, after]: [Dim; 2]) -> Result<Value> {
        let mut widths = vec![(Dim::known(0), Dim::known(0)); self.rank(rows)?];
        if let Some(first) = widths.first_mut() {
            *first = (before, after);
        }
        let zero = self.scalar_like(rows, 0.0)?;
        self.pad(rows, widths, zero)
    }

    pub(super) fn add_list(&mut self, list: List) -> Vec<Lowered> {
        self.lists.push(list);
        vec![Lowered::List(self.lists.len() - 1)]
    }

    fn with_contents(&mut self, list: &List, contents: Contents) -> Vec<Lowered> {
        self.add_list(List {
            contents,
            ..list.clone()
        })
    }

    fn list(&self, i: usize) -> Result<List> {
        let known = match self.operand(i)? {
            Lowered::List(list) => self.lists.get(list).cloned(),
            Lowered::Value(_)
            | Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::Complex(..)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => None,
        };
        known.ok_or_else(|| Error::malformed(format!("input {i} should be a list of tensors")))
    }

    /// The list, which is not one that a loop only collects.
    fn readable(&mut self, i: usize) -> Result<List> {
        let list = self.list(i)?;
        let Contents::Round(round) = &list.contents else {
            return Ok(list);
        };
        let misused = Round {
            misused: true,
            ..round.clone()
        };
        self.with_contents(&list, Contents::Round(misused));
        Err(Error::unsupported("a list that a loop reads and writes"))
    }

    fn known_index(&mut self, i: usize, length: usize) -> Result<usize> {
        let index = self.integer(i)?;
        let in_range = usize::try_from(index).ok().filter(|&index| index < length);
        in_range
            .ok_or_else(|| Error::malformed(format!("a list of {length} has no element {index}")))
    }

    /// Operand `i` as an extent, if it is known as one.
    fn index_extent(&mut self, i: usize) -> Result<Option<Dim>> {
        let known = self.partial_dims(i)?;
        Ok(match known.as_slice() {
            [Some(dim)] => Some(dim.clone()),
            _ => None,
        })
    }

    /// The tensor at a place of the list. `shape` is the operand that holds the shape of the elements.
    fn item(&mut self, list: &List, items: &[Item], place: usize, shape: usize) -> Result<Value> {
        match items[place] {
            Item::Value(value) => Ok(value),
            Item::Row(tensor, row) => self.row(tensor, Dim::from(row)),
            Item::Unset => {
                let dims = self.element_shape(list, Some(shape))?;
                let zero = self.scalar(list.dtype, 0.0)?;
                self.broadcast(zero, dims)
            }
        }
    }

    /// A row of a tensor.
    fn row(&mut self, tensor: Value, place: Dim) -> Result<Value> {
        let dims = self.shape(tensor)?;
        let (_, item) = dims.split_first().ok_or_else(no_rows)?;
        let row = self.narrow(tensor, 0, place, Dim::known(1))?;
        self.reshape(row, item.to_vec())
    }

    /// The shape of the elements, as an element has it, or as the list or an operand says.
    fn element_shape(&mut self, list: &List, operand: Option<usize>) -> Result<Vec<Dim>> {
        let written = match &list.contents {
            Contents::Items(items) => items.iter().find_map(|item| match item {
                Item::Unset => None,
                Item::Value(value) => self.shape(*value).ok(),
                Item::Row(tensor, _) => self.shape(*tensor).ok().map(|dims| dims[1..].to_vec()),
            }),
            Contents::Rows(tensor) => self.shape(*tensor).ok().map(|dims| dims[1..].to_vec()),
            Contents::Unset(_) | Contents::Round(_) => None,
        };
        if let Some(dims) = written.or_else(|| list.shape.clone()) {
            return Ok(dims);
        }
        let operand = operand.and_then(|operand| self.dims(operand).ok());
        operand
            .filter(|dims| dims.iter().all(|dim| !dim.is(-1)))
            .ok_or_else(|| Error::unsupported("a list whose elements have no known shape"))
    }

    /// The list as one tensor, whose items have this shape where none was written.
    ///
    /// # Errors
    /// The items differ in shape, or nothing says what shape they have.
    pub(super) fn rows(&mut self, list: &List, item: Option<&[Dim]>) -> Result<Value> {
        match &list.contents {
            Contents::Rows(tensor) => Ok(*tensor),
            Contents::Unset(length) => {
                let item = match item {
                    Some(item) => item.to_vec(),
                    None => self.element_shape(list, None)?,
                };
                let zero = self.scalar(list.dtype, 0.0)?;
                self.broadcast(zero, [vec![length.clone()], item].concat())
            }
            Contents::Items(items) => {
                let places: Vec<usize> = (0..items.len()).collect();
                let list = List {
                    shape: item.map(<[Dim]>::to_vec).or_else(|| list.shape.clone()),
                    ..list.clone()
                };
                self.stacked(&list, items, &places, usize::MAX)
            }
            Contents::Round(_) => Err(Error::internal("a list of a round is no tensor")),
        }
    }

    fn stacked(
        &mut self,
        list: &List,
        items: &[Item],
        places: &[usize],
        shape: usize,
    ) -> Result<Value> {
        if let Some(whole) = self.whole(items, places) {
            return Ok(whole);
        }
        let mut rows = Vec::with_capacity(places.len());
        for &place in places {
            let item = self.item(list, items, place, shape)?;
            rows.push(self.expand(item, 0)?);
        }
        if rows.is_empty() {
            let mut dims = self.element_shape(list, Some(shape))?;
            dims.insert(0, Dim::known(0));
            let zero = self.scalar(list.dtype, 0.0)?;
            return self.broadcast(zero, dims);
        }
        self.concat(&rows, 0)
    }

    /// The tensor whose rows the items are, all and in order.
    fn whole(&self, items: &[Item], places: &[usize]) -> Option<Value> {
        let Item::Row(tensor, 0) = *items.get(*places.first()?)? else {
            return None;
        };
        let in_order = places
            .iter()
            .enumerate()
            .all(|(row, &place)| items.get(place) == Some(&Item::Row(tensor, row)));
        let rows = self.shape(tensor).ok()?.first()?.as_usize()?;
        (in_order && rows == places.len()).then_some(tensor)
    }

    /// The rows, with more of them if the list grows where an item is written past its end.
    fn grown(&mut self, rows: Value, place: usize) -> Result<Value> {
        if self.attr_if_any("resize_if_index_out_of_bounds")? != Some(true) {
            return Ok(rows);
        }
        let count = self.shape(rows)?.first().ok_or_else(no_rows)?.clone();
        let needed = self.dim(place)? + Dim::known(1);
        let more = not_negative(&(needed - count));
        self.pad_rows(rows, [Dim::known(0), more])
    }

    /// The rows with another one at a place, an operand of the node.
    fn with_row(&mut self, tensor: Value, place: usize, value: Value) -> Result<Value> {
        let dims = self.shape(tensor)?;
        let count = dims.first().ok_or_else(no_rows)?.clone();
        let row = self.expand(value, 0)?;
        if let Some(at) = self.index_extent(place)? {
            let next = at.clone() + Dim::known(1);
            let rest = count - next.clone();
            let mut parts = vec![row];
            if !at.is(0) {
                parts.insert(0, self.narrow(tensor, 0, Dim::known(0), at)?);
            }
            if !rest.is(0) {
                parts.push(self.narrow(tensor, 0, next, rest)?);
            }
            let rows = self.concat(&parts, 0)?;
            return self.reshape(rows, dims);
        }
        let index = self.input(place)?;
        let places = self.iota(count.clone(), self.dtype(index))?;
        let is_it = self.test(Comparison::Equal, places, index)?;
        let mut column = vec![Dim::known(1); dims.len()];
        column[0] = count;
        let is_it = self.reshape(is_it, column)?;
        self.select(is_it, row, tensor)
    }
}

fn no_rows() -> Error {
    Error::malformed("the items of a list are rows of a tensor without axes")
}

/// The shape that a list's maker says its items have, if it is known.
fn told_shape(cx: &mut Cx<'_>) -> Option<Vec<Dim>> {
    let dims = cx.partial_dims(0).ok()?;
    let dims: Option<Vec<Dim>> = dims.into_iter().collect();
    let rank = cx.input(0).ok().and_then(|shape| cx.rank(shape).ok());
    dims.filter(|dims| rank == Some(1) && dims.iter().all(|dim| !dim.is(-1)))
}

fn reserve(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (length, dtype) = (cx.dim(1)?, cx.attr("element_dtype")?);
    let known = length.as_known().map(|length| length.max(0));
    let short = known.and_then(|known| usize::try_from(known).ok());
    let contents = match short.filter(|&short| short <= LENGTH_LIMIT) {
        Some(length) => Contents::Items(vec![Item::Unset; length]),
        None => Contents::Unset(length),
    };
    let shape = told_shape(cx);
    Ok(cx.add_list(List {
        contents,
        dtype,
        shape,
    }))
}

fn empty(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let dtype = cx.attr("element_dtype")?;
    let shape = told_shape(cx);
    Ok(cx.add_list(List {
        contents: Contents::Items(vec![]),
        dtype,
        shape,
    }))
}

fn from_tensor(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let tensor = cx.input(0)?;
    let dims = cx.shape(tensor)?;
    let (rows, item) = dims.split_first().ok_or_else(no_rows)?;
    let known = rows.as_usize().filter(|&rows| rows <= LENGTH_LIMIT);
    let contents = match known {
        Some(rows) => Contents::Items((0..rows).map(|row| Item::Row(tensor, row)).collect()),
        None => Contents::Rows(tensor),
    };
    let (dtype, shape) = (cx.dtype(tensor), Some(item.to_vec()));
    Ok(cx.add_list(List {
        contents,
        dtype,
        shape,
    }))
}

fn set_item(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (list, value) = (cx.list(0)?, cx.input(2)?);
    let contents = match &list.contents {
        Contents::Items(items)
            if cx
                .index_extent(1)?
                .is_some_and(|at| at.as_known().is_some()) =>
        {
            let mut items = items.clone();
            if cx.attr_if_any("resize_if_index_out_of_bounds")? == Some(true) {
                let needed = usize::try_from(cx.integer(1)?).unwrap_or(0);
                let needed = needed.saturating_add(1).min(LENGTH_LIMIT);
                items.resize(items.len().max(needed), Item::Unset);
            }
            let place = cx.known_index(1, items.len())?;
            items[place] = Item::Value(value);
            Contents::Items(items)
        }
        Contents::Round(round) => {
            let place = cx.index_extent(1)?;
            let written = place.map(|place| Written {
                place: Some(place),
                value,
            });
            return Ok(cx.written(&list, round, written, value));
        }
        Contents::Items(_) | Contents::Unset(_) | Contents::Rows(_) => {
            let item = cx.shape(value)?;
            let rows = cx.rows(&list, Some(&item))?;
            let rows = cx.grown(rows, 1)?;
            Contents::Rows(cx.with_row(rows, 1, value)?)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

impl Cx<'_> {
    /// The list of a round after a write. A second write, or one at a place that only the data tells, is a misuse.
    fn written(
        &mut self,
        list: &List,
        round: &Round,
        written: Option<Written>,
        value: Value,
    ) -> Vec<Lowered> {
        let misused = round.misused || round.written.is_some() || written.is_none();
        let at_end = Written { place: None, value };
        let round = Round {
            variable: round.variable,
            written: written.or(Some(at_end)),
            item: self.shape(value).ok(),
            misused,
        };
        self.with_contents(list, Contents::Round(round))
    }
}

fn push_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (list, value) = (cx.list(0)?, cx.input(1)?);
    let contents = match &list.contents {
        Contents::Items(items) => {
            let mut items = items.clone();
            items.push(Item::Value(value));
            Contents::Items(items)
        }
        Contents::Round(round) => {
            let written = Written { place: None, value };
            return Ok(cx.written(&list, round, Some(written), value));
        }
        Contents::Unset(_) | Contents::Rows(_) => {
            let item = cx.shape(value)?;
            let rows = cx.rows(&list, Some(&item))?;
            let row = cx.expand(value, 0)?;
            Contents::Rows(cx.concat(&[rows, row], 0)?)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

fn pop_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let list = cx.readable(0)?;
    let (value, contents) = match &list.contents {
        Contents::Items(items) => {
            let last = items.len().checked_sub(1);
            let last = last.ok_or_else(|| Error::malformed("the last of an empty list"))?;
            let value = cx.item(&list, items, last, 1)?;
            (value, Contents::Items(items[..last].to_vec()))
        }
        Contents::Rows(_) | Contents::Unset(_) | Contents::Round(_) => {
            let rows = cx.rows(&list, None)?;
            let count = cx.shape(rows)?.first().ok_or_else(no_rows)?.clone();
            let last = count - Dim::known(1);
            let value = cx.row(rows, last.clone())?;
            (
                value,
                Contents::Rows(cx.narrow(rows, 0, Dim::known(0), last)?),
            )
        }
    };
    let mut outputs = cx.with_contents(&list, contents);
    outputs.push(Lowered::Value(value));
    Ok(outputs)
}

fn resize(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (list, length) = (cx.readable(0)?, cx.dim(1)?);
    let contents = match (&list.contents, length.as_usize()) {
        (Contents::Items(items), Some(length)) if length <= LENGTH_LIMIT => {
            let mut items = items.clone();
            items.resize(length, Item::Unset);
            Contents::Items(items)
        }
        (_, _) => {
            let rows = cx.rows(&list, None)?;
            let dims = cx.shape(rows)?;
            let count = dims.first().ok_or_else(no_rows)?.clone();
            if count != length {
                return Err(Error::unsupported(format!(
                    "a list of {count} tensors becomes one of {length}"
                )));
            }
            Contents::Rows(rows)
        }
    };
    Ok(cx.with_contents(&list, contents))
}

fn get_item(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.readable(0)?;
    let index = cx.index_extent(1)?;
    match (&list.contents, index) {
        (Contents::Items(items), Some(index)) if index.as_known().is_some() => {
            let place = cx.known_index(1, items.len())?;
            cx.item(&list, items, place, 2)
        }
        (_, Some(index)) => {
            let rows = cx.rows(&list, None)?;
            cx.row(rows, index)
        }
        (_, None) => {
            let (rows, index) = (cx.rows(&list, None)?, cx.input(1)?);
            let whole = Op::Gather {
                axis: 0,
                batch_dims: 0,
            };
            cx.push(whole, &[rows, index])
        }
    }
}

fn stack(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.readable(0)?;
    match &list.contents {
        Contents::Items(items) => {
            let places: Vec<usize> = (0..items.len()).collect();
            cx.stacked(&list, items, &places, 1)
        }
        Contents::Rows(_) | Contents::Unset(_) | Contents::Round(_) => cx.rows(&list, None),
    }
}

fn gather(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.readable(0)?;
    if let (Contents::Items(items), Ok(indices)) = (&list.contents, cx.integers(1)) {
        let mut places = vec![];
        for index in indices {
            let place = usize::try_from(index).ok();
            let place = place.filter(|&place| place < items.len());
            let missing = || Error::malformed(format!("the list has no element {index}"));
            places.push(place.ok_or_else(missing)?);
        }
        return cx.stacked(&list, items, &places, 2);
    }
    let (rows, indices) = (cx.rows(&list, None)?, cx.input(1)?);
    let whole = Op::Gather {
        axis: 0,
        batch_dims: 0,
    };
    cx.push(whole, &[rows, indices])
}

fn length(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.readable(0)?;
    let length = match &list.contents {
        Contents::Items(items) => Dim::from(items.len()),
        Contents::Unset(length) => length.clone(),
        Contents::Rows(tensor) => cx.shape(*tensor)?.first().ok_or_else(no_rows)?.clone(),
        Contents::Round(_) => return Err(Error::internal("the list of a round has no length")),
    };
    cx.extents(vec![length], true, DType::I32)
}

/// The items one after the other along their first axis, and how much of that each has.
fn concat(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let list = cx.readable(0)?;
    if let Contents::Items(items) = &list.contents {
        let (mut parts, mut lengths) = (vec![], vec![]);
        for place in 0..items.len() {
            let item = cx.item(&list, items, place, 1)?;
            let length = cx.shape(item)?.first().ok_or_else(no_rows)?.clone();
            parts.push(item);
            lengths.push(length);
        }
        if !parts.is_empty() {
            let lengths = cx.extents(lengths, false, DType::I64)?;
            return Ok(vec![
                Lowered::Value(cx.concat(&parts, 0)?),
                Lowered::Value(lengths),
            ]);
        }
    }
    let rows = cx.rows(&list, None)?;
    let dims = cx.shape(rows)?;
    let [count, length, rest @ ..] = dims.as_slice() else {
        return Err(no_rows());
    };
    let joined = [vec![count.clone() * length.clone()], rest.to_vec()].concat();
    let whole = cx.reshape(rows, joined)?;
    let lengths = cx.extents(vec![length.clone()], true, DType::I64)?;
    let lengths = cx.broadcast(lengths, vec![count.clone()])?;
    Ok(vec![Lowered::Value(whole), Lowered::Value(lengths)])
}
