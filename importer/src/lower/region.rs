//! How values enter and leave a region: the branch or the body whose graph is written apart.

use super::cx::Lowered;
use super::list::{Contents, List};
use super::random::Range;
use super::space::Spread;
use super::variables::Variables;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::{DType, Graph, Op, Origin, ParamId, Region, Type, Value};
use savedmodel_import_proto::NodeDef;
use std::collections::BTreeMap;

/// What the walk knows of the graph around a region.
pub struct Around {
    graph: Graph,
    variables: Variables,
    lists: Vec<List>,
    spreads: BTreeMap<Value, Spread>,
    ranks: BTreeMap<Value, usize>,
    ranges: Vec<Range>,
    /// The values that the region has been given, in the order of its arguments.
    pub given: Vec<Value>,
}

impl Around {
    /// A list of the graph around the region.
    ///
    /// # Errors
    /// There is no such list.
    pub fn list(&self, index: usize) -> Result<List> {
        let list = self.lists.get(index).cloned();
        list.ok_or_else(|| Error::internal("a list that does not exist"))
    }

    /// A list of the graph around the region, which is this there.
    ///
    /// # Errors
    /// It is no list.
    pub fn list_of(&self, outer: Lowered) -> Result<List> {
        match outer {
            Lowered::List(index) => self.list(index),
            _ => Err(Error::internal("a list is expected")),
        }
    }

    /// The type of a value around the region.
    pub fn ty(&self, value: Value) -> &Type {
        self.graph.ty(value)
    }
}

impl Walk<'_> {
    /// Begins a region: what is written from here on is its graph.
    pub fn begin(&mut self) -> Around {
        let mut graph = Graph::default();
        graph.adopt_symbols(&self.graph);
        Around {
            graph: std::mem::replace(&mut self.graph, graph),
            variables: std::mem::take(&mut self.variables),
            lists: std::mem::take(&mut self.lists),
            spreads: std::mem::take(&mut self.spreads),
            ranks: std::mem::take(&mut self.ranks),
            ranges: std::mem::take(&mut self.ranges),
            given: vec![],
        }
    }

    /// Ends a region that gives these results; what it assigned is given besides.
    pub fn end(&mut self, around: Around, outputs: Vec<Value>) -> (Region, Vec<Value>) {
        let first_own = around.graph.symbol_count();
        let mut graph = std::mem::replace(&mut self.graph, around.graph);
        self.graph.adopt_symbols(&graph);
        self.variables = around.variables;
        self.lists = around.lists;
        self.spreads = around.spreads;
        self.ranks = around.ranks;
        self.ranges = around.ranges;
        graph.outputs = outputs;
        (Region::new(graph, first_own), around.given)
    }

    /// Leaves a region that failed, as if it had not been begun.
    pub fn abandon(&mut self, around: Around) -> Vec<List> {
        self.graph = around.graph;
        self.variables = around.variables;
        self.spreads = around.spreads;
        self.ranks = around.ranks;
        self.ranges = around.ranges;
        std::mem::replace(&mut self.lists, around.lists)
    }

    /// Gives the region a value of the graph around it, as an argument of this type.
    pub fn argument(
        &mut self,
        around: &mut Around,
        value: Value,
        ty: Type,
        origin: &Origin,
    ) -> Value {
        around.given.push(value);
        self.graph.input(ty, origin)
    }

    /// The value inside of the region: constants and extents are made anew, others are arguments.
    pub fn capture(&mut self, around: &mut Around, value: Value, origin: &Origin) -> Value {
        let node = around.graph.producer(value);
        if let Op::Constant(constant) = &node.op {
            return self.graph.shared_constant(constant.clone(), origin);
        }
        let ty = around.graph.ty(value).clone();
        match around.graph.content(value) {
            Some(content) => self
                .graph
                .extents(content.dims, content.scalar, ty.dtype, origin),
            None => self.argument(around, value, ty, origin),
        }
    }

    /// What something of the graph around is inside of the region.
    ///
    /// # Errors
    /// It cannot enter a region.
    pub fn enter(
        &mut self,
        around: &mut Around,
        outer: Lowered,
        origin: &Origin,
    ) -> Result<Lowered> {
        Ok(match outer {
            Lowered::Value(value) => Lowered::Value(self.capture(around, value, origin)),
            Lowered::Complex(re, im) => Lowered::Complex(
                self.capture(around, re, origin),
                self.capture(around, im, origin),
            ),
            Lowered::List(list) => {
                let list = around.list(list)?;
                // The rows of one tensor stay rows of one.
                let mut known = BTreeMap::new();
                let inner = list.map(&mut |value| {
                    let inner = known.entry(value);
                    Ok(*inner.or_insert_with(|| self.capture(around, value, origin)))
                })?;
                self.lists.push(inner);
                Lowered::List(self.lists.len() - 1)
            }
            Lowered::Random(_) => {
                return Err(Error::unsupported(
                    "random numbers that enter a branch or a loop",
                ));
            }
            Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => outer,
        })
    }

    /// Gives the region the values of variables that were assigned before it.
    pub fn enter_variables(&mut self, around: &mut Around, but: &[ParamId], origin: &Origin) {
        let assigned: Vec<ParamId> = around.variables.assigned.iter().copied().collect();
        for param in assigned.into_iter().filter(|param| !but.contains(param)) {
            let value = around.variables.values[&param];
            let inner = self.capture(around, value, origin);
            self.variables.values.insert(param, inner);
        }
    }

    /// A result of the region as tensors: two for a complex one.
    ///
    /// # Errors
    /// It is no tensor.
    pub fn leave(&mut self, inner: Lowered, origin: &Origin) -> Result<Left> {
        let as_value = |walk: &mut Self, inner| {
            let def = NodeDef::default();
            walk.context(&def, &[inner], origin).input(0)
        };
        Ok(match inner {
            Lowered::Complex(re, im) => Left::Complex(re, im),
            Lowered::List(index) => {
                let list = self.list(index)?;
                let def = NodeDef::default();
                Left::Rows(self.context(&def, &[], origin).rows(&list, None)?)
            }
            other => Left::Value(as_value(self, other)?),
        })
    }

    /// A list.
    ///
    /// # Errors
    /// There is no such list.
    pub fn list(&self, index: usize) -> Result<List> {
        let list = self.lists.get(index).cloned();
        list.ok_or_else(|| Error::internal("a list that does not exist"))
    }

    /// A truth value, as a `Bool` scalar.
    ///
    /// # Errors
    /// It is no scalar.
    pub fn truth(&mut self, value: Lowered, origin: &Origin) -> Result<Value> {
        let (def, inputs) = (NodeDef::default(), [value]);
        let mut cx = self.context(&def, &inputs, origin);
        let value = cx.input(0)?;
        let ty = cx.ty(value).clone();
        let is_single = |dims: Vec<usize>| dims.iter().product::<usize>() == 1;
        let scalar = match ty.rank() {
            Some(0) => value,
            _ if ty.shape.known().is_some_and(is_single) => cx.reshape(value, vec![])?,
            _ => return Err(Error::unsupported("a condition that is no scalar")),
        };
        cx.cast(scalar, DType::Bool)
    }

    /// A list whose items are the rows of a tensor.
    pub fn rows_list(&mut self, rows: Value) -> Lowered {
        let ty = self.graph.ty(rows);
        let (dtype, shape) = (ty.dtype, ty.dims().get(1..).map(<[_]>::to_vec));
        self.lists.push(List {
            contents: Contents::Rows(rows),
            dtype,
            shape,
        });
        Lowered::List(self.lists.len() - 1)
    }
}

/// A result of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Left {
    /// A tensor.
    Value(Value),
    /// The parts of a complex tensor.
    Complex(Value, Value),
    /// A list, as one tensor.
    Rows(Value),
}

impl Left {
    /// Its tensors.
    pub fn values(self) -> Vec<Value> {
        match self {
            Left::Value(value) | Left::Rows(value) => vec![value],
            Left::Complex(re, im) => vec![re, im],
        }
    }
}
