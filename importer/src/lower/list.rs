//! Lists of tensors.
//!
//! Where a list's length and indices are known it is its items. A list that was a tensor, or that a loop writes, is one
//! tensor whose rows are the items, so that an index may be an extent or data.

use super::cx::{Cx, Lowered};
use super::strided::not_negative;
use crate::error::{Error, Result};
use crate::ir::{Comparison, DType, Dim, Value};
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

    pub(super) fn with_contents(&mut self, list: &List, contents: Contents) -> Vec<Lowered> {
        self.add_list(List {
            contents,
            ..list.clone()
        })
    }

    pub(super) fn list(&self, i: usize) -> Result<List> {
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
    pub(super) fn readable(&mut self, i: usize) -> Result<List> {
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

    pub(super) fn known_index(&mut self, i: usize, length: usize) -> Result<usize> {
        let index = self.integer(i)?;
        let in_range = usize::try_from(index).ok().filter(|&index| index < length);
        in_range
            .ok_or_else(|| Error::malformed(format!("a list of {length} has no element {index}")))
    }

    /// Operand `i` as an extent, if it is known as one.
    pub(super) fn index_extent(&mut self, i: usize) -> Result<Option<Dim>> {
        let known = self.partial_dims(i)?;
        Ok(match known.as_slice() {
            [Some(dim)] => Some(dim.clone()),
            _ => None,
        })
    }

    /// The tensor at a place of the list. `shape` is the operand that holds the shape of the elements.
    pub(super) fn item(
        &mut self,
        list: &List,
        items: &[Item],
        place: usize,
        shape: usize,
    ) -> Result<Value> {
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
    pub(super) fn row(&mut self, tensor: Value, place: Dim) -> Result<Value> {
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

    pub(super) fn stacked(
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
    pub(super) fn grown(&mut self, rows: Value, place: usize) -> Result<Value> {
        if self.attr_if_any("resize_if_index_out_of_bounds")? != Some(true) {
            return Ok(rows);
        }
        let count = self.shape(rows)?.first().ok_or_else(no_rows)?.clone();
        let needed = self.dim(place)? + Dim::known(1);
        let more = not_negative(&(needed - count));
        self.pad_rows(rows, [Dim::known(0), more])
    }

    /// The rows with another one at a place, an operand of the node.
    pub(super) fn with_row(&mut self, tensor: Value, place: usize, value: Value) -> Result<Value> {
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

pub(super) fn no_rows() -> Error {
    Error::malformed("the items of a list are rows of a tensor without axes")
}

impl Cx<'_> {
    /// The list of a round after a write. A second write, or one at a place that only the data tells, is a misuse.
    pub(super) fn written(
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
