//! Lookup tables: static ones, filled by an initialiser, and mutable ones.

use super::super::Machine;
use super::super::cx::{Cx, count};
use super::super::state::{Resource, State};
use super::super::value::{ResourceId, Value};
use super::super::variables::of_checkpoint;
use super::table_file;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::collections::BTreeMap;

pub(super) const OPS: &[Row] = &[
    many("HashTable", |cx| table(cx, Kind::Static)),
    many("HashTableV2", |cx| table(cx, Kind::Static)),
    many("AnonymousHashTable", |cx| anonymous(cx, Kind::Static)),
    many("MutableHashTable", |cx| table(cx, Kind::Mutable)),
    many("MutableHashTableV2", |cx| table(cx, Kind::Mutable)),
    many("AnonymousMutableHashTable", |cx| {
        anonymous(cx, Kind::Mutable)
    }),
    many("MutableHashTableOfTensors", |cx| table(cx, Kind::Mutable)),
    many("MutableHashTableOfTensorsV2", |cx| table(cx, Kind::Mutable)),
    many("AnonymousMutableHashTableOfTensors", |cx| {
        anonymous(cx, Kind::Mutable)
    }),
    many("MutableDenseHashTable", |cx| dense(cx, table)),
    many("MutableDenseHashTableV2", |cx| dense(cx, table)),
    many("AnonymousMutableDenseHashTable", |cx| dense(cx, anonymous)),
    many("InitializeTable", initialize),
    many("InitializeTableV2", initialize),
    many("InitializeTableFromTextFile", table_file::initialize),
    many("InitializeTableFromTextFileV2", table_file::initialize),
    one("LookupTableFind", find),
    one("LookupTableFindV2", find),
    many("LookupTableInsert", |cx| change(cx, Change::Insert)),
    many("LookupTableInsertV2", |cx| change(cx, Change::Insert)),
    many("LookupTableImport", |cx| change(cx, Change::Replace)),
    many("LookupTableImportV2", |cx| change(cx, Change::Replace)),
    many("LookupTableRemoveV2", remove),
    many("LookupTableExport", export),
    many("LookupTableExportV2", export),
    one("LookupTableSize", size),
    one("LookupTableSizeV2", size),
];

/// Whether a table changes after it is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Static,
    Mutable,
}

/// A table from keys to rows.
#[derive(Debug)]
pub(in crate::interpreter) struct Table {
    kind: Kind,
    pub(super) key_type: DType,
    pub(super) value_type: DType,
    /// The shape of one value.
    row: Vec<usize>,
    /// From a key's bytes to the number of its row.
    index: BTreeMap<Vec<u8>, usize>,
    /// All rows, one after the other.
    values: Tensor,
    is_initialized: bool,
    /// The keys that a dense table marks its free places with.
    marks: Vec<Vec<u8>>,
}

impl Table {
    fn new(cx: &Cx<'_>, kind: Kind) -> Result<Table> {
        let value_type = cx.attr("value_dtype")?;
        let row = match cx.stored("value_shape") {
            Some(savedmodel_import_proto::attr_value::Value::Shape(shape)) => {
                let dims = shape.dim.iter();
                dims.map(|dim| usize::try_from(dim.size).unwrap_or(0))
                    .collect()
            }
            _ => vec![],
        };
        Ok(Table {
            kind,
            key_type: cx.attr("key_dtype")?,
            value_type,
            row,
            index: BTreeMap::new(),
            values: none(value_type)?,
            is_initialized: kind == Kind::Mutable,
            marks: vec![],
        })
    }

    /// Whether it has its content.
    pub(super) fn is_filled(&self) -> bool {
        self.is_initialized && self.kind == Kind::Static
    }

    fn check_marks(&self, keys: &[Vec<u8>]) -> Result<()> {
        let names = ["empty_key", "deleted_key"];
        let clash = |(mark, _): &(&Vec<u8>, &str)| keys.contains(mark);
        match self.marks.iter().zip(names).find(clash) {
            Some((_, name)) => Err(Error::usage(format!(
                "Using the {name} as a table key is not allowed"
            ))),
            None => Ok(()),
        }
    }

    /// Replaces the content by places of which some are free.
    fn import(&mut self, keys: &Tensor, values: &Tensor) -> Result<()> {
        self.index.clear();
        self.values = none(self.value_type)?;
        if self.marks.is_empty() {
            return self.insert(keys, values);
        }
        self.check_types(keys, values)?;
        let (all, row) = (key_bytes(keys)?, count(&self.row)?);
        let taken = |number: &usize| !self.marks.contains(&all[*number]);
        let taken: Vec<usize> = (0..all.len()).filter(taken).collect();
        let elements = |width: usize| -> Vec<usize> {
            let places = taken.iter().flat_map(|n| n * width..(n + 1) * width);
            places.collect()
        };
        let short = || Error::usage("the table's keys and values differ in number");
        if values.len() != all.len() * row {
            return Err(short());
        }
        let width = keys.len() / all.len().max(1);
        let keys = keys.take(&[taken.len() * width], &elements(width))?;
        let values = values.take(&[taken.len() * row], &elements(row))?;
        self.insert(&keys, &values)
    }

    /// Adds rows; of equal keys the last one counts, unless the table is static.
    pub(super) fn insert(&mut self, keys: &Tensor, values: &Tensor) -> Result<()> {
        self.check_types(keys, values)?;
        let keys = key_bytes(keys)?;
        self.check_marks(&keys)?;
        let row = count(&self.row)?.max(1);
        if values.len() != keys.len() * row {
            let (keys, values) = (keys.len(), values.shape());
            return Err(Error::usage(format!(
                "{keys} keys with values of shape {values:?}"
            )));
        }
        let start = self.values.len() / row;
        self.values = Tensor::chain(&[&self.values, values])?;
        for (number, key) in keys.into_iter().enumerate() {
            let shown = String::from_utf8_lossy(&key).into_owned();
            let old = self.index.insert(key, start + number);
            if let (Some(old), Kind::Static) = (old, self.kind)
                && self.rows(&[old])? != self.rows(&[start + number])?
            {
                return Err(Error::malformed(format!(
                    "the table has different values for the key `{shown}`"
                )));
            }
        }
        self.is_initialized = true;
        self.compact()
    }

    /// Drops rows that no key has any more.
    fn compact(&mut self) -> Result<()> {
        let row = count(&self.row)?.max(1);
        if self.values.len() / row < 2 * self.index.len() + 1024 {
            return Ok(());
        }
        let kept: Vec<usize> = self.index.values().copied().collect();
        self.values = self.rows(&kept)?;
        for (number, place) in self.index.values_mut().enumerate() {
            *place = number;
        }
        Ok(())
    }

    fn check_types(&self, keys: &Tensor, values: &Tensor) -> Result<()> {
        match keys.dtype() == self.key_type && values.dtype() == self.value_type {
            true => Ok(()),
            false => Err(Error::usage(format!(
                "the table is from {:?} to {:?}, not from {:?} to {:?}",
                self.key_type,
                self.value_type,
                keys.dtype(),
                values.dtype()
            ))),
        }
    }

    fn rows(&self, numbers: &[usize]) -> Result<Tensor> {
        let row = count(&self.row)?;
        let places: Vec<usize> = numbers
            .iter()
            .flat_map(|n| n * row..(n + 1) * row)
            .collect();
        self.values.take(&[places.len()], &places)
    }

    fn find(&self, keys: &Tensor, default: &Tensor) -> Result<Tensor> {
        if !self.is_initialized {
            return Err(Error::usage("the table is not initialized"));
        }
        self.check_types(keys, default)?;
        let row = count(&self.row)?;
        let all = Tensor::chain(&[&self.values, default])?;
        let mut places = Vec::new();
        let wanted = key_bytes(keys)?;
        self.check_marks(&wanted)?;
        for (number, key) in wanted.into_iter().enumerate() {
            let fallback = match default.len() == row {
                true => self.values.len(),
                false => self.values.len() + number * row,
            };
            let start = self.index.get(&key).map_or(fallback, |number| number * row);
            places.extend(start..start + row);
        }
        let shape: Vec<usize> = keys.shape().iter().chain(&self.row).copied().collect();
        all.take(&shape, &places)
    }

    fn export(&self) -> Result<(Tensor, Tensor)> {
        let keys: Vec<&[u8]> = self.index.keys().map(Vec::as_slice).collect();
        let keys = match self.key_type {
            DType::String => {
                Tensor::new(&[keys.len()], keys.iter().map(|key| key.to_vec()).collect())?
            }
            dtype => Tensor::from_bytes(dtype, &[keys.len()], &keys.concat())?,
        };
        let numbers: Vec<usize> = self.index.values().copied().collect();
        let shape: Vec<usize> = [numbers.len()].iter().chain(&self.row).copied().collect();
        Ok((keys, self.rows(&numbers)?.reshaped(&shape)?))
    }
}

fn none(dtype: DType) -> Result<Tensor> {
    match dtype {
        DType::String => Tensor::new(&[0], Vec::<Vec<u8>>::new()),
        dtype => Tensor::from_bytes(dtype, &[0], &[]),
    }
}

/// Each key as bytes that are equal when the keys are.
fn key_bytes(keys: &Tensor) -> Result<Vec<Vec<u8>>> {
    if let Some(strings) = keys.elements::<Vec<u8>>() {
        return Ok(strings.to_vec());
    }
    let width = keys.dtype().width().unwrap_or(1);
    Ok(keys.to_bytes()?.chunks(width).map(<[u8]>::to_vec).collect())
}

impl State {
    /// The content of every table that is filled: of objects, and of those that only have a name.
    pub(crate) fn tables(&self) -> Result<Vec<Content>> {
        let objects = self
            .objects
            .iter()
            .filter_map(|(&object, value)| match value {
                Value::Resource(id) => Some((Owner::Object(object), *id)),
                Value::Tensor(_) | Value::Reference(_) | Value::Variant(_) => None,
            });
        let objects: Vec<(Owner, ResourceId)> = objects.collect();
        let named = self.shared.iter().filter(|((kind, _), id)| {
            *kind == "table" && objects.iter().all(|(_, known)| known != *id)
        });
        let named = named.map(|((_, name), &id)| (Owner::Name(name.clone()), id));
        let named: Vec<_> = named.collect();
        let mut contents = vec![];
        for (owner, id) in objects.into_iter().chain(named) {
            if let Some(Resource::Table(table)) = self.peek(id)
                && table.is_initialized
            {
                let (keys, values) = table.export()?;
                contents.push(Content {
                    owner,
                    keys,
                    values,
                });
            }
        }
        Ok(contents)
    }
}

/// What a table is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The object of this number.
    Object(usize),
    /// The name that nodes share it by.
    Name(String),
}

/// What is in a table.
pub(crate) struct Content {
    /// What it is known by.
    pub owner: Owner,
    /// The keys, along the first axis.
    pub keys: Tensor,
    /// The value of each key.
    pub values: Tensor,
}

impl Machine<'_> {
    pub(super) fn table(&mut self, id: ResourceId) -> Result<&mut Table> {
        match self.state.resource(id)? {
            Resource::Table(table) => Ok(table),
            Resource::Variable(_)
            | Resource::TensorArray(_)
            | Resource::Stack(_)
            | Resource::Iterator(_)
            | Resource::Token => Err(Error::malformed("the handle is not of a table")),
        }
    }
}

/// A table that others may share by its name.
fn table(cx: &mut Cx<'_>, kind: Kind) -> Result<Vec<Value>> {
    let made = Table::new(cx, kind)?;
    let name = cx.shared_name();
    let id = cx
        .machine
        .state
        .shared("table", &name, || Resource::Table(made));
    Ok(vec![Value::Resource(id)])
}

fn anonymous(cx: &mut Cx<'_>, kind: Kind) -> Result<Vec<Value>> {
    let made = Table::new(cx, kind)?;
    Ok(vec![Value::Resource(
        cx.machine.state.add(Resource::Table(made)),
    )])
}

/// A table whose free places are marked by two keys that nobody else may use.
fn dense(cx: &mut Cx<'_>, make: fn(&mut Cx<'_>, Kind) -> Result<Vec<Value>>) -> Result<Vec<Value>> {
    let handle = make(cx, Kind::Mutable)?;
    let mut marks = key_bytes(&*cx.tensor(0)?)?;
    if cx.inputs.len() > 1 {
        marks.extend(key_bytes(&*cx.tensor(1)?)?);
    }
    if let Some(Value::Resource(id)) = handle.first() {
        cx.machine.table(*id)?.marks = marks;
    }
    Ok(handle)
}

fn initialize(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (id, keys, values) = (cx.resource(0)?, cx.tensor(1)?, cx.tensor(2)?);
    fill(cx.machine.table(id)?, &keys, &values)
}

/// Fills a static table, once.
pub(super) fn fill(table: &mut Table, keys: &Tensor, values: &Tensor) -> Result<Vec<Value>> {
    if !table.is_initialized {
        table.insert(keys, values)?;
    }
    Ok(vec![])
}

fn find(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (id, keys, default) = (cx.resource(0)?, cx.tensor(1)?, cx.tensor(2)?);
    cx.machine.table(id)?.find(&keys, &default)
}

enum Change {
    Insert,
    Replace,
}

fn change(cx: &mut Cx<'_>, change: Change) -> Result<Vec<Value>> {
    let (id, keys, values) = (cx.resource(0)?, cx.tensor(1)?, cx.tensor(2)?);
    let table = cx.machine.table(id)?;
    match (table.kind, &change) {
        (Kind::Static, Change::Insert) => {
            return Err(Error::usage("a static table cannot be changed"));
        }
        (Kind::Static, Change::Replace) => return fill(table, &keys, &values),
        (Kind::Mutable, Change::Insert | Change::Replace) => {}
    }
    match change {
        Change::Insert => table.insert(&keys, &values)?,
        Change::Replace => table.import(&keys, &values)?,
    }
    Ok(vec![])
}

fn remove(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (id, keys) = (cx.resource(0)?, cx.tensor(1)?);
    let table = cx.machine.table(id)?;
    for key in key_bytes(&keys)? {
        table.index.remove(&key);
    }
    Ok(vec![])
}

fn export(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let id = cx.resource(0)?;
    let (keys, values) = cx.machine.table(id)?.export()?;
    Ok(vec![keys.into(), values.into()])
}

fn size(cx: &mut Cx<'_>) -> Result<Tensor> {
    let id = cx.resource(0)?;
    Tensor::new(&[], vec![cx.machine.table(id)?.index.len() as i64])
}

/// Fills a mutable table from the checkpoint.
pub(in crate::interpreter) fn restore(
    machine: &mut Machine<'_>,
    handle: &Value,
    keys: &str,
    values: &str,
) -> Result<()> {
    let Value::Resource(id) = handle else {
        return Err(Error::malformed(
            "a table in the checkpoint is no table here",
        ));
    };
    let keys = of_checkpoint(machine.model, keys)?;
    let values = of_checkpoint(machine.model, values)?;
    machine.table(*id)?.import(&keys, &values)
}
