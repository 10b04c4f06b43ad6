//! Lists of tensors, while their lengths and indices are known: what unrolled loops read and write.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Value};

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
];

/// Longer lists are not unrolled.
const LENGTH_LIMIT: usize = 1 << 16;

/// A list of tensors.
#[derive(Clone, Debug)]
pub struct List {
    items: Vec<Item>,
    dtype: DType,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Item {
    /// Nothing was written here; it reads as zeros.
    Unset,
    /// A tensor.
    Value(Value),
    /// A row of a tensor.
    Row(Value, usize),
}

impl Cx<'_> {
    fn add_list(&mut self, list: List) -> Vec<Lowered> {
        self.lists.push(list);
        vec![Lowered::List(self.lists.len() - 1)]
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

    fn list_index(&mut self, i: usize, list: &List) -> Result<usize> {
        let index = self.integer(i)?;
        let in_range = usize::try_from(index)
            .ok()
            .filter(|&index| index < list.items.len());
        in_range.ok_or_else(|| {
            Error::malformed(format!(
                "a list of {} has no element {index}",
                list.items.len()
            ))
        })
    }

    fn list_length(&mut self, i: usize) -> Result<usize> {
        let length = self.integer(i).map_err(|_| unknown_length())?.max(0);
        let short = usize::try_from(length)
            .ok()
            .filter(|&length| length <= LENGTH_LIMIT);
        short.ok_or_else(|| Error::unsupported(format!("a list of {length} tensors")))
    }

    /// The tensor at a place of the list. `shape` is the operand that holds the shape of the elements.
    fn item(&mut self, list: &List, place: usize, shape: usize) -> Result<Value> {
        match list.items[place] {
            Item::Value(value) => Ok(value),
            Item::Row(tensor, row) => {
                let dims = self.shape(tensor)?[1..].to_vec();
                let row = self.narrow(tensor, 0, Dim::from(row), Dim::known(1))?;
                self.reshape(row, dims)
            }
            Item::Unset => {
                let dims = self.element_shape(list, shape)?;
                let zero = self.scalar(list.dtype, 0.0)?;
                self.broadcast(zero, dims)
            }
        }
    }

    /// The shape of the elements, as an element has it, or as the operand says.
    fn element_shape(&mut self, list: &List, shape: usize) -> Result<Vec<Dim>> {
        let written = list.items.iter().find_map(|item| match item {
            Item::Unset => None,
            Item::Value(value) => self.shape(*value).ok(),
            Item::Row(tensor, _) => self.shape(*tensor).ok().map(|dims| dims[1..].to_vec()),
        });
        match written {
            Some(dims) => Ok(dims),
            None => {
                let dims = self.dims(shape)?;
                let known = dims.iter().all(|dim| !dim.is(-1));
                known
                    .then_some(dims)
                    .ok_or_else(|| Error::unsupported("a list whose elements have no known shape"))
            }
        }
    }

    fn stacked(&mut self, list: &List, places: &[usize], shape: usize) -> Result<Value> {
        if let Some(whole) = self.whole(list, places) {
            return Ok(whole);
        }
        let mut rows = Vec::with_capacity(places.len());
        for &place in places {
            let item = self.item(list, place, shape)?;
            rows.push(self.expand(item, 0)?);
        }
        if rows.is_empty() {
            let mut dims = self.element_shape(list, shape)?;
            dims.insert(0, Dim::known(0));
            let zero = self.scalar(list.dtype, 0.0)?;
            return self.broadcast(zero, dims);
        }
        self.concat(&rows, 0)
    }

    /// The tensor whose rows the items are, all and in order.
    fn whole(&self, list: &List, places: &[usize]) -> Option<Value> {
        let Item::Row(tensor, 0) = *list.items.get(*places.first()?)? else {
            return None;
        };
        let in_order = places
            .iter()
            .enumerate()
            .all(|(row, &place)| list.items.get(place) == Some(&Item::Row(tensor, row)));
        let rows = self.shape(tensor).ok()?.first()?.as_usize()?;
        (in_order && rows == places.len()).then_some(tensor)
    }
}

fn unknown_length() -> Error {
    Error::unsupported("a loop over an axis of unknown extent")
        .help("give the looped axis a fixed extent, for example --input NAME=f32[1,10,8]")
}

fn reserve(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (length, dtype) = (cx.list_length(1)?, cx.attr("element_dtype")?);
    Ok(cx.add_list(List {
        items: vec![Item::Unset; length],
        dtype,
    }))
}

fn empty(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let dtype = cx.attr("element_dtype")?;
    Ok(cx.add_list(List {
        items: vec![],
        dtype,
    }))
}

fn from_tensor(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let tensor = cx.input(0)?;
    let rows = cx
        .shape(tensor)?
        .first()
        .and_then(Dim::as_usize)
        .filter(|&rows| rows <= LENGTH_LIMIT);
    let rows = rows.ok_or_else(unknown_length)?;
    let items = (0..rows).map(|row| Item::Row(tensor, row)).collect();
    let dtype = cx.dtype(tensor);
    Ok(cx.add_list(List { items, dtype }))
}

fn set_item(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let mut list = cx.list(0)?;
    if cx.attr_if_any("resize_if_index_out_of_bounds")? == Some(true) {
        let needed = usize::try_from(cx.integer(1)?)
            .unwrap_or(0)
            .saturating_add(1)
            .min(LENGTH_LIMIT);
        let length = list.items.len().max(needed);
        list.items.resize(length, Item::Unset);
    }
    let (place, value) = (cx.list_index(1, &list)?, cx.input(2)?);
    list.items[place] = Item::Value(value);
    Ok(cx.add_list(list))
}

fn push_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (mut list, value) = (cx.list(0)?, cx.input(1)?);
    list.items.push(Item::Value(value));
    Ok(cx.add_list(list))
}

fn pop_back(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let mut list = cx.list(0)?;
    let last = list
        .items
        .len()
        .checked_sub(1)
        .ok_or_else(|| Error::malformed("the last of an empty list"))?;
    let value = cx.item(&list, last, 1)?;
    list.items.pop();
    let mut outputs = cx.add_list(list);
    outputs.push(Lowered::Value(value));
    Ok(outputs)
}

fn resize(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let (mut list, length) = (cx.list(0)?, cx.list_length(1)?);
    list.items.resize(length, Item::Unset);
    Ok(cx.add_list(list))
}

fn get_item(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.list(0)?;
    let place = cx.list_index(1, &list)?;
    cx.item(&list, place, 2)
}

fn stack(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.list(0)?;
    let places: Vec<usize> = (0..list.items.len()).collect();
    cx.stacked(&list, &places, 1)
}

fn gather(cx: &mut Cx<'_>) -> Result<Value> {
    let list = cx.list(0)?;
    let mut places = vec![];
    for index in cx.integers(1)? {
        let place = usize::try_from(index)
            .ok()
            .filter(|&place| place < list.items.len());
        places.push(
            place.ok_or_else(|| Error::malformed(format!("the list has no element {index}")))?,
        );
    }
    cx.stacked(&list, &places, 2)
}

fn length(cx: &mut Cx<'_>) -> Result<Value> {
    let length = cx.list(0)?.items.len();
    cx.integer_constant(DType::I32, &[length as i64], true)
}
