//! What a row of the op table sees: one node, its operands and attributes, and the graph to write into.

use super::attr::{self, FromAttr};
use super::elements;
use super::list::List;
use super::random::Range;
use super::space::Spread;
use super::tables::Table;
use super::variables::Variables;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{DType, Dim, Graph, Op, Origin, Param, ParamId, Stored, Type, Value};
use savedmodel_import_proto::{AttrValue, NodeDef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an edge of the TensorFlow graph became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowered {
    /// A tensor.
    Value(Value),
    /// A handle of, or a reference to, a variable.
    Variable(ParamId),
    /// The handle of a table or of another resource, by its object id; tables that only have a name are numbered after.
    Resource(usize),
    /// The path of an asset, by its index.
    Asset(usize),
    /// A list of tensors, by its place in `Cx::lists`.
    List(usize),
    /// A complex tensor: its real and its imaginary part.
    Complex(Value, Value),
    /// Random numbers, by their range's place in `Cx::ranges`.
    Random(usize),
    /// A branch that is not taken.
    Dead,
    /// Something that the IR has no value for, and that is harmless unless it is read.
    Opaque(&'static str),
}

/// The context of a row.
pub struct Cx<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) params: &'a [Param],
    pub(super) tables: &'a [Table],
    pub(super) variables: &'a mut Variables,
    pub(super) lists: &'a mut Vec<List>,
    pub(super) ranges: &'a mut Vec<Range>,
    pub(super) spreads: &'a mut BTreeMap<Value, Spread>,
    pub(super) ranks: &'a mut BTreeMap<Value, usize>,
    /// The generator of random numbers, where the caller has one; else an op with state has one of its own.
    pub(super) drawn: Option<[Value; 2]>,
    pub(super) def: &'a NodeDef,
    pub(super) inputs: &'a [Lowered],
    pub(super) origin: &'a Origin,
}

impl Cx<'_> {
    /// The same node with other operands.
    pub fn with_inputs<'c>(&'c mut self, inputs: &'c [Lowered]) -> Cx<'c> {
        let (graph, lists) = (&mut *self.graph, &mut *self.lists);
        let (spreads, ranges) = (&mut *self.spreads, &mut *self.ranges);
        let ranks = &mut *self.ranks;
        Cx {
            graph,
            params: self.params,
            tables: self.tables,
            variables: &mut *self.variables,
            lists,
            spreads,
            ranks,
            ranges,
            drawn: self.drawn,
            def: self.def,
            inputs,
            origin: self.origin,
        }
    }

    /// The node's own name.
    pub fn name(&self) -> &str {
        &self.def.name
    }

    /// How many operands the node has.
    pub fn arity(&self) -> usize {
        self.inputs.len()
    }

    /// What operand `i` became.
    ///
    /// # Errors
    /// The node has fewer operands.
    pub fn operand(&self, i: usize) -> Result<Lowered> {
        let missing = || {
            Error::malformed(format!(
                "the node has {} inputs and needs input {i}",
                self.inputs.len()
            ))
        };
        self.inputs.get(i).copied().ok_or_else(missing)
    }

    /// Operand `i` as a tensor. A reference to a variable is read.
    ///
    /// # Errors
    /// The operand is missing, or is not a tensor.
    pub fn input(&mut self, i: usize) -> Result<Value> {
        let host = |what: &str| Err(Error::unsupported(format!("input {i} is {what}")));
        match self.operand(i)? {
            Lowered::Value(value) => Ok(value),
            Lowered::Variable(param) => self.read(param),
            Lowered::Resource(_) => host("a resource"),
            Lowered::Asset(_) => host("the path of an asset"),
            Lowered::List(_) => host("a list of tensors"),
            Lowered::Complex(..) => host("complex"),
            Lowered::Random(range) => self.random_value(range),
            Lowered::Dead => host("from a branch that is not taken"),
            Lowered::Opaque(what) => host(what),
        }
    }

    /// Operand `i`, which has this many axes: so has an argument whose rank the model leaves open.
    ///
    /// # Errors
    /// The operand is missing, or is not a tensor.
    pub fn input_of_rank(&mut self, i: usize, rank: usize) -> Result<Value> {
        let value = self.input(i)?;
        if self.ty(value).rank().is_none() {
            self.ranks.insert(value, rank);
        }
        Ok(value)
    }

    /// All operands as tensors.
    ///
    /// # Errors
    /// One is not a tensor.
    pub fn all_inputs(&mut self) -> Result<Vec<Value>> {
        (0..self.inputs.len()).map(|i| self.input(i)).collect()
    }

    /// The variable whose handle operand `i` is.
    ///
    /// # Errors
    /// It is something else.
    pub fn variable(&self, i: usize) -> Result<ParamId> {
        match self.operand(i)? {
            Lowered::Variable(param) => Ok(param),
            Lowered::Value(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::List(_)
            | Lowered::Complex(..)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => Err(Error::unsupported(format!(
                "input {i} is not the handle of a variable of the model"
            ))),
        }
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// The model has no such variable.
    pub fn read(&mut self, param: ParamId) -> Result<Value> {
        if let Some(&value) = self.variables.values.get(&param) {
            return Ok(value);
        }
        let known = self.params.get(param.0 as usize);
        let known = known
            .ok_or_else(|| Error::malformed("the node reads a variable that does not exist"))?;
        let ty = known.ty.clone();
        let value = match known.stored {
            Stored::Plain | Stored::Parts => self.graph.param(param, ty, self.origin),
            Stored::Words(words) => {
                let words = self.words(words)?;
                self.reshape(words, ty.dims().to_vec())?
            }
        };
        self.variables.values.insert(param, value);
        Ok(value)
    }

    /// The value of a variable, which may hold complex numbers.
    ///
    /// # Errors
    /// The model has no such variable.
    pub fn read_any(&mut self, param: ParamId) -> Result<Lowered> {
        let value = self.read(param)?;
        let known = self.params.get(param.0 as usize);
        match known.map(|known| known.stored) {
            Some(Stored::Parts) => self.of_parts(value),
            Some(Stored::Plain | Stored::Words(_)) | None => Ok(Lowered::Value(value)),
        }
    }

    /// The attribute, or the op registry's default for it.
    ///
    /// # Errors
    /// The attribute is missing, of the wrong kind, or has an unknown word.
    pub fn attr<T: FromAttr>(&self, name: &str) -> Result<T> {
        attr::read(self.def, name)
    }

    /// The attribute, or `None` where neither the node nor the op registry has it.
    ///
    /// # Errors
    /// The attribute is of the wrong kind, or has an unknown word.
    pub fn attr_if_any<T: FromAttr>(&self, name: &str) -> Result<Option<T>> {
        match self.attr_value(name) {
            Some(AttrValue { value: Some(_) }) => self.attr(name).map(Some),
            Some(AttrValue { value: None }) | None => Ok(None),
        }
    }

    fn attr_value(&self, name: &str) -> Option<&AttrValue> {
        attr::stored(self.def, name)
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        self.graph.ty(value)
    }

    /// The element type of a value.
    pub fn dtype(&self, value: Value) -> DType {
        self.graph.ty(value).dtype
    }

    /// The extents of a value.
    ///
    /// # Errors
    /// The rank is unknown.
    pub fn shape(&self, value: Value) -> Result<Vec<Dim>> {
        let dims = self.graph.ty(value).shape.dims().map(<[Dim]>::to_vec);
        dims.ok_or_else(|| {
            Error::unsupported("the rank of an operand is unknown")
                .help("give the argument a shape, for example --input NAME=f32[1,224,224,3]")
        })
    }

    /// The number of axes of a value.
    ///
    /// # Errors
    /// It is unknown.
    pub fn rank(&self, value: Value) -> Result<usize> {
        self.shape(value).map(|dims| dims.len())
    }

    /// The extents that operand `i` holds.
    ///
    /// # Errors
    /// Even their number depends on data.
    pub fn dims(&mut self, i: usize) -> Result<Vec<Dim>> {
        let partial = self.partial_dims(i)?;
        self.known_or_read(i, partial)
    }

    /// What is known of the extents that operand `i` holds, and of the others what the data tells.
    ///
    /// # Errors
    /// The operand is not a small integer tensor.
    pub fn known_or_read(&mut self, i: usize, partial: Vec<Option<Dim>>) -> Result<Vec<Dim>> {
        if partial.iter().all(Option::is_some) {
            return Ok(partial.into_iter().flatten().collect());
        }
        let value = self.input(i)?;
        let read = self.read_extents(value)?;
        let pairs = partial.into_iter().zip(read);
        Ok(pairs.map(|(known, read)| known.unwrap_or(read)).collect())
    }

    /// The only element of an integer tensor as an extent that only the data tells.
    ///
    /// # Errors
    /// It has several elements, or an unknown number.
    pub fn read_extent(&mut self, tensor: Value) -> Result<Dim> {
        let mut read = self.read_extents(tensor)?;
        match (read.pop(), read.is_empty()) {
            (Some(extent), true) => Ok(extent),
            (_, _) => Err(Error::malformed("a scalar is wanted, and a list given")),
        }
    }

    /// The elements of a small integer tensor as extents that only the data tells.
    ///
    /// # Errors
    /// Even their number depends on data.
    pub fn read_extents(&mut self, tensor: Value) -> Result<Vec<Dim>> {
        let count = self
            .ty(tensor)
            .shape
            .known()
            .map(|dims| dims.iter().product());
        let count: usize = count.ok_or_else(|| Error::unsupported("a shape of unknown length"))?;
        let list = match self.rank(tensor)? {
            0 | 1 => tensor,
            _ => self.reshape(tensor, vec![Dim::from(count)])?,
        };
        if let Some(content) = self.graph.read_before(list) {
            return Ok(content.dims);
        }
        let symbols = (0..count)
            .map(|_| self.graph.fresh_data_symbol())
            .collect::<Vec<_>>();
        let dims = symbols.iter().copied().map(Dim::symbol).collect();
        self.graph
            .value(Op::ReadExtents(symbols), &[list], self.origin)?;
        Ok(dims)
    }

    /// The elements that operand `i` holds, where each is known as an extent.
    ///
    /// # Errors
    /// Even their number depends on data.
    pub fn partial_dims(&mut self, i: usize) -> Result<Vec<Option<Dim>>> {
        let value = self.input(i)?;
        elements::of(self.graph, value).ok_or_else(|| depends_on_data(i))
    }

    /// The one extent that operand `i` holds.
    ///
    /// # Errors
    /// There are several.
    pub fn dim(&mut self, i: usize) -> Result<Dim> {
        match self.dims(i)?.as_slice() {
            [dim] => Ok(dim.clone()),
            dims => Err(Error::malformed(format!(
                "input {i} should be a scalar, and has {} elements",
                dims.len()
            ))),
        }
    }

    /// The integers that operand `i` holds.
    ///
    /// # Errors
    /// They are not the same for every input.
    pub fn integers(&mut self, i: usize) -> Result<Vec<i64>> {
        let value = self.input(i)?;
        if let Some(integers) = self
            .graph
            .as_constant(value)
            .and_then(|tensor| tensor.as_integers())
        {
            return Ok(integers);
        }
        self.dims(i)?
            .iter()
            .map(Dim::as_known)
            .collect::<Option<_>>()
            .ok_or_else(|| not_constant(i))
    }

    /// The one integer that operand `i` holds.
    ///
    /// # Errors
    /// It is not the same for every input, or there are several.
    pub fn integer(&mut self, i: usize) -> Result<i64> {
        match self.integers(i)?.as_slice() {
            [integer] => Ok(*integer),
            all => Err(Error::malformed(format!(
                "input {i} should be a scalar, and has {} elements",
                all.len()
            ))),
        }
    }

    /// The constant that operand `i` is.
    ///
    /// # Errors
    /// It is not constant.
    pub fn constant_input(&mut self, i: usize) -> Result<Arc<Tensor>> {
        let value = self.input(i)?;
        self.graph
            .as_constant(value)
            .cloned()
            .ok_or_else(|| not_constant(i))
    }

    /// The axis of a tensor of `rank` axes that operand `i` names.
    ///
    /// # Errors
    /// It is not constant, or out of range.
    pub fn axis(&mut self, i: usize, rank: usize) -> Result<usize> {
        normalize_axis(self.integer(i)?, rank)
    }

    /// The axes of a tensor of `rank` axes that operand `i` names, sorted.
    ///
    /// # Errors
    /// They are not constant, or out of range.
    pub fn axes(&mut self, i: usize, rank: usize) -> Result<Vec<usize>> {
        let axes = self.integers(i)?;
        let mut axes = axes
            .iter()
            .map(|&axis| normalize_axis(axis, rank))
            .collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// Appends a node of one result. A small integer tensor that is the same for every input becomes a constant.
    ///
    /// # Errors
    /// The operands do not fit the op.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        let value = self.graph.value(op, inputs, self.origin)?;
        if self.graph.as_constant(value).is_some() {
            return Ok(value);
        }
        let Some(content) = self.graph.content(value) else {
            return Ok(value);
        };
        let integers: Option<Vec<i64>> = content.dims.iter().map(Dim::as_known).collect();
        match integers {
            Some(integers) => self.integer_constant(self.dtype(value), &integers, content.scalar),
            None => Ok(value),
        }
    }
}

fn depends_on_data(i: usize) -> Error {
    Error::unsupported(format!("the shape in input {i} depends on data"))
}

fn not_constant(i: usize) -> Error {
    Error::unsupported(format!(
        "input {i} has to be the same for every call, and is not"
    ))
}

/// `axis` counted from the front.
///
/// # Errors
/// A tensor of `rank` axes has no such axis.
pub fn normalize_axis(axis: i64, rank: usize) -> Result<usize> {
    let size = i64::try_from(rank).unwrap_or(i64::MAX);
    let from_front = if axis < 0 {
        axis.checked_add(size)
    } else {
        Some(axis)
    };
    let axis_in_range = from_front
        .filter(|&a| a >= 0 && a < size)
        .and_then(|a| usize::try_from(a).ok());
    axis_in_range
        .ok_or_else(|| Error::malformed(format!("axis {axis} is out of range for {rank} axes")))
}
