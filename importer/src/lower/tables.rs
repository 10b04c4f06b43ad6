//! Lookups in tables whose contents are constants of the module.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Host, HostOp};
use crate::ir::{DType, Op, ParamId, Value, Words};

pub const OPS: &[Lowering] = &[
    multi("HashTable", named),
    multi("HashTableV2", named),
    multi("MutableHashTable", named),
    multi("MutableHashTableV2", named),
    op("LookupTableFind", find),
    op("LookupTableFindV2", find),
    op("LookupTableSize", size),
    op("LookupTableSizeV2", size),
    multi("LookupTableExport", export),
    multi("LookupTableExportV2", export),
];

/// A table, as the model was loaded.
#[derive(Clone, Debug)]
pub struct Table {
    /// What [`Lowered::Resource`] knows it by.
    pub resource: usize,
    /// The name that nodes share it by, if it is no object.
    pub shared_name: Option<String>,
    /// How many keys it has.
    pub size: usize,
    /// The keys.
    pub keys: Column,
    /// The value of each key.
    pub values: Column,
}

/// The keys or the values of a table.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Numbers.
    Numbers(ParamId),
    /// Strings.
    Strings(Words),
}

impl Cx<'_> {
    fn table(&self, i: usize) -> Result<Table> {
        let operand = self.operand(i)?;
        let is_it = |table: &&Table| operand == Lowered::Resource(table.resource);
        let found = self.tables.iter().find(is_it).cloned();
        found.ok_or_else(|| {
            Error::unsupported(format!(
                "input {i} is a table that is empty until a function fills it"
            ))
        })
    }

    fn column(&mut self, column: Column) -> Result<Value> {
        match column {
            Column::Numbers(param) => self.read(param),
            Column::Strings(words) => self.words(words),
        }
    }

    /// The strings that parameters hold, along one axis.
    ///
    /// # Errors
    /// There are no such parameters.
    pub fn words(&mut self, words: Words) -> Result<Value> {
        let inputs = [self.read(words.bytes)?, self.read(words.offsets)?];
        self.host_value(&host::WORDS, &inputs)
    }

    fn host_value(&mut self, op: &'static HostOp, inputs: &[Value]) -> Result<Value> {
        let attributes = vec![];
        self.push(Op::Host(Host { op, attributes }), inputs)
    }
}

/// The handle of a table that is known by a name.
fn named(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let shared: String = cx.attr("shared_name")?;
    let name = if shared.is_empty() {
        cx.name()
    } else {
        &shared
    };
    let is_it = |table: &&Table| table.shared_name.as_deref() == Some(name);
    let found = cx.tables.iter().find(is_it);
    Ok(vec![found.map_or(
        Lowered::Opaque("a table that is empty until a function fills it"),
        |table| Lowered::Resource(table.resource),
    )])
}

fn find(cx: &mut Cx<'_>) -> Result<Value> {
    let table = cx.table(0)?;
    let (keys, values) = (cx.column(table.keys)?, cx.column(table.values)?);
    let (wanted, default) = (cx.input(1)?, cx.input(2)?);
    cx.host_value(&host::FIND, &[keys, values, wanted, default])
}

fn size(cx: &mut Cx<'_>) -> Result<Value> {
    let size = cx.table(0)?.size as i64;
    cx.integer_constant(DType::I64, &[size], true)
}

fn export(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let table = cx.table(0)?;
    let (keys, values) = (cx.column(table.keys)?, cx.column(table.values)?);
    Ok(vec![Lowered::Value(keys), Lowered::Value(values)])
}
