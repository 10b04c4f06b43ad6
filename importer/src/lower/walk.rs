//! The walk over one flat function.

use super::complex;
use super::control;
use super::cx::{Cx, Lowered};
use super::list::List;
use super::random::{self, Range};
use super::same::Same;
use super::space::Spread;
use super::variables::Variables;
use super::{check, find};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::flat::{FlatGraph, FlatKind, FlatNode, Library, flatten};
use crate::graph::op_def;
use crate::ir::{DType, Dim, Graph, Op, Origin, Param, ParamId, Type, Value};
use savedmodel_import_proto::NodeDef;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ops that only check or report; without them the function computes the same.
const REPORTS: &[&str] = &["Assert", "NoOp", "Print", "PrintV2", "ControlTrigger"];
/// Loops and branches may nest this deep.
const DEPTH_LIMIT: usize = 40;
/// A function may take as many steps to lower: the bodies of loops and branches are lowered more than once, and what nests
/// in them as often again.
const STEP_LIMIT: usize = 500_000;

/// A function as IR.
pub struct LoweredFunction {
    /// What it computes: its results, and after them the new values of the variables that it assigns.
    pub graph: Graph,
    /// The variables that it assigns.
    pub assigned: Vec<ParamId>,
}

/// Lowers one function. `library` has the bodies of its loops and branches.
///
/// # Errors
/// Every node that the IR cannot say, together.
pub fn lower(flat: &FlatGraph, params: &[Param], library: &dyn Library) -> Result<LoweredFunction> {
    let mut same = Same::default();
    loop {
        same.restart();
        let mut walk = Walk {
            graph: Graph::default(),
            params,
            library,
            variables: Variables::default(),
            lists: Vec::new(),
            spreads: BTreeMap::new(),
            ranks: BTreeMap::new(),
            ranges: Vec::new(),
            functions: BTreeMap::new(),
            depth: 0,
            steps: 0,
            errors: Vec::new(),
        };
        let arguments = walk.arguments(flat, &mut same);
        let results = walk.function(flat, &arguments, "");
        if !same.learn(&walk.graph, &walk.ranks) {
            return walk.finish(flat, results);
        }
    }
}

/// The ops of a function and of its loops and branches that have no lowering, with a node of each.
pub fn unsupported(flat: &FlatGraph, library: &dyn Library) -> Vec<(Arc<str>, Origin)> {
    let mut found = BTreeMap::new();
    let mut visited = BTreeSet::new();
    list_unsupported(flat, library, &mut visited, &mut found);
    found.into_iter().collect()
}

fn list_unsupported(
    flat: &FlatGraph,
    library: &dyn Library,
    visited: &mut BTreeSet<String>,
    found: &mut BTreeMap<Arc<str>, Origin>,
) {
    let live = live(flat);
    for (node, _) in flat.nodes.iter().zip(&live).filter(|(_, live)| **live) {
        let FlatKind::Op(def) = &node.kind else {
            continue;
        };
        if !control::is_structured(&def.op) {
            if find(&def.op).is_none() && !complex::knows(&def.op) {
                found
                    .entry(def.op.as_str().into())
                    .or_insert_with(|| node.origin.clone());
            }
            continue;
        }
        for name in control::callees(def) {
            if visited.insert(name.to_owned())
                && let Ok(body) = body(library, name)
            {
                list_unsupported(&body, library, visited, found);
            }
        }
    }
}

/// A library function, flat.
fn body(library: &dyn Library, name: &str) -> Result<FlatGraph> {
    let missing = || Error::malformed(format!("function `{name}` is not in the library"));
    let body = library.function(name)?.ok_or_else(missing)?;
    let argument = |index| {
        (
            FlatKind::Argument {
                index,
                dtype: DType::F32,
                shape: None,
            },
            Arc::from("argument"),
        )
    };
    flatten(library, &body, (0..body.arguments).map(argument).collect())
}

/// Which nodes the results and effects need, when reports are left out.
fn live(flat: &FlatGraph) -> Vec<bool> {
    let mut live = vec![false; flat.nodes.len()];
    let effects = flat
        .effects
        .iter()
        .copied()
        .filter(|&node| !is_report(&flat.nodes[node]));
    let mut stack: Vec<usize> = flat
        .outputs
        .iter()
        .map(|edge| edge.node)
        .chain(effects)
        .collect();
    while let Some(node) = stack.pop() {
        if !std::mem::replace(&mut live[node], true) {
            stack.extend(flat.nodes[node].inputs.iter().map(|edge| edge.node));
        }
    }
    live
}

fn is_report(node: &FlatNode) -> bool {
    matches!(&node.kind, FlatKind::Op(def) if REPORTS.contains(&def.op.as_str()))
}

/// The state of the walk, loops and branches included.
pub(super) struct Walk<'a> {
    pub(super) graph: Graph,
    params: &'a [Param],
    library: &'a dyn Library,
    pub(super) variables: Variables,
    pub(super) lists: Vec<List>,
    pub(super) spreads: BTreeMap<Value, Spread>,
    /// How many axes an op wants of a value that has an unknown number.
    pub(super) ranks: BTreeMap<Value, usize>,
    pub(super) ranges: Vec<Range>,
    functions: BTreeMap<String, Arc<FlatGraph>>,
    depth: usize,
    steps: usize,
    errors: Vec<Error>,
}

/// The outputs of each node so far; `None` after a failure, or for a node that is not needed.
type Results = Vec<Option<Vec<Lowered>>>;

impl Walk<'_> {
    /// Makes the arguments, in their order.
    fn arguments(&mut self, flat: &FlatGraph, same: &mut Same) -> Vec<Lowered> {
        let mut values = Vec::with_capacity(flat.inputs.len());
        for node in flat.inputs.iter().map(|&index| &flat.nodes[index]) {
            if let FlatKind::Argument { dtype, shape, .. } = &node.kind {
                let wanted = same.rank(values.len()).map(|rank| vec![None; rank]);
                let shape = shape.as_deref().or(wanted.as_deref());
                let ty = self.argument_type(*dtype, shape, same);
                values.push(self.given(ty, &node.origin));
            }
        }
        values
    }

    /// An argument; a complex one is two.
    fn given(&mut self, ty: Type, origin: &Origin) -> Lowered {
        let Some(part) = ty.dtype.part() else {
            return Lowered::Value(self.graph.input(ty, origin));
        };
        let part = Type { dtype: part, ..ty };
        let re = self.graph.input(part.clone(), origin);
        Lowered::Complex(re, self.graph.input(part, origin))
    }

    fn argument_type(
        &mut self,
        dtype: DType,
        shape: Option<&[Option<usize>]>,
        same: &mut Same,
    ) -> Type {
        let Some(extents) = shape else {
            return Type::unranked(dtype);
        };
        let mut dims = Vec::with_capacity(extents.len());
        for extent in extents {
            dims.push(match extent {
                Some(known) => Dim::from(*known),
                None => Dim::symbol(same.symbol(&mut self.graph)),
            });
        }
        Type::new(dtype, dims)
    }

    /// Lowers every node that is needed. `scope` goes before the names of a loop's or branch's nodes.
    fn function(&mut self, flat: &FlatGraph, arguments: &[Lowered], scope: &str) -> Results {
        let bound: BTreeMap<usize, Lowered> = flat
            .inputs
            .iter()
            .copied()
            .zip(arguments.iter().copied())
            .collect();
        let live = live(flat);
        let mut results: Results = Vec::with_capacity(flat.nodes.len());
        for (index, node) in flat.nodes.iter().enumerate() {
            let result = match bound.get(&index) {
                Some(&argument) => Some(vec![argument]),
                None if live[index] => self.node(node, &results, scope),
                None => None,
            };
            results.push(result);
        }
        results
    }

    /// A library function, flat.
    ///
    /// # Errors
    /// The library has no such function, or it cannot be flattened.
    pub(super) fn flat(&mut self, name: &str) -> Result<Arc<FlatGraph>> {
        if let Some(known) = self.functions.get(name) {
            return Ok(known.clone());
        }
        let flat = Arc::new(body(self.library, name)?);
        self.functions.insert(name.to_owned(), flat.clone());
        Ok(flat)
    }

    /// The results of a library function.
    ///
    /// # Errors
    /// Everything that the IR cannot say of it, together.
    pub(super) fn called(
        &mut self,
        name: &str,
        arguments: &[Lowered],
        origin: &Origin,
    ) -> Result<Vec<Lowered>> {
        let before = self.errors.len();
        let results = self.call(name, arguments, origin);
        let errors = self.errors.split_off(before);
        match results {
            Some(results) if errors.is_empty() => Ok(results),
            Some(_) | None if errors.is_empty() => Err(Error::internal("a call failed in silence")),
            Some(_) | None => Err(Error::several(errors)),
        }
    }

    /// The results of a library function, or `None` after a failure that is recorded.
    pub(super) fn call(
        &mut self,
        name: &str,
        arguments: &[Lowered],
        origin: &Origin,
    ) -> Option<Vec<Lowered>> {
        let flat = match self.flat(name) {
            Ok(flat) => flat,
            Err(error) => return self.fail(error, origin),
        };
        if flat.inputs.len() != arguments.len() {
            let message = format!(
                "`{name}` takes {} arguments, not {}",
                flat.inputs.len(),
                arguments.len()
            );
            return self.fail(Error::malformed(message), origin);
        }
        self.steps = self.steps.saturating_add(flat.nodes.len());
        if self.steps > STEP_LIMIT {
            let message =
                format!("loops and branches that take more than {STEP_LIMIT} steps to unfold");
            return self.fail(Error::unsupported(message), origin);
        }
        if self.depth >= DEPTH_LIMIT {
            return self.fail(
                Error::unsupported(format!("control flow nests deeper than {DEPTH_LIMIT}")),
                origin,
            );
        }
        let failures = self.errors.len();
        self.depth += 1;
        let results = self.function(
            &flat,
            arguments,
            origin.node.rsplit_once('/').map_or("", |(scope, _)| scope),
        );
        self.depth -= 1;
        if self.errors.len() > failures {
            return None;
        }
        let output = |edge: &crate::graph::flat::Edge| {
            results[edge.node].as_ref()?.get(edge.output).copied()
        };
        let outputs = flat.outputs.iter().map(output).collect::<Option<Vec<_>>>();
        outputs.or_else(|| {
            self.fail(
                Error::malformed(format!("`{name}` has a result without a value")),
                origin,
            )
        })
    }

    fn node(&mut self, node: &FlatNode, results: &Results, scope: &str) -> Option<Vec<Lowered>> {
        let origin = scoped(&node.origin, scope);
        let def = match &node.kind {
            FlatKind::Op(def) => def,
            FlatKind::Variable(param) => return Some(vec![Lowered::Variable(*param)]),
            FlatKind::Asset(asset) => return Some(vec![Lowered::Asset(*asset)]),
            FlatKind::Resource(resource) => return Some(vec![Lowered::Resource(*resource)]),
            FlatKind::Argument { .. } => {
                return self.fail(Error::malformed("an argument is not bound"), &origin);
            }
            FlatKind::Dropout { rate } => return self.dropout(*rate, node, results, &origin),
        };
        let row = find(&def.op);
        if row.is_none() && !control::is_structured(&def.op) && !complex::knows(&def.op) {
            return self.fail(op_def::unsupported(&def.op), &origin);
        }
        let inputs = self.operands(node, results, &origin)?;
        if inputs.contains(&Lowered::Dead) && !matches!(def.op.as_str(), "Merge" | "RefMerge") {
            return Some(vec![Lowered::Dead; check::output_count(def)]);
        }
        if control::is_structured(&def.op) {
            return control::lower(self, def, &inputs, &origin);
        }
        let is_complex = inputs
            .iter()
            .any(|input| matches!(input, Lowered::Complex(..)));
        let is_random = inputs
            .iter()
            .any(|input| matches!(input, Lowered::Random(_)));
        let mut cx = self.context(def, &inputs, &origin);
        let outputs = match row {
            Some(row) if is_random => random::apply(&mut cx, row),
            Some(row) if !is_complex => row.apply(&mut cx),
            Some(_) | None => complex::apply(&mut cx),
        };
        let checked = match self.library.has_recorded_extents() {
            true => outputs
                .and_then(|outputs| check::shapes(&self.graph, def, &outputs).map(|()| outputs)),
            false => outputs,
        };
        checked.map_or_else(
            |error| self.fail(self.beyond_words(error, def, &inputs), &origin),
            Some,
        )
    }

    /// What rows for real numbers say of complex ones is no fault of the model's.
    fn beyond_words(&self, error: Error, def: &NodeDef, inputs: &[Lowered]) -> Error {
        let is_complex = |input: &Lowered| match input {
            Lowered::Complex(..) => true,
            Lowered::Value(value) => {
                matches!(self.graph.ty(*value).dtype, DType::C64 | DType::C128)
            }
            Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::List(_)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => false,
        };
        match error.kind() {
            ErrorKind::Malformed(_) if inputs.iter().any(is_complex) => Error::unsupported(
                format!("op `{}` of complex numbers is not supported", def.op),
            ),
            _ => error,
        }
    }

    fn dropout(
        &mut self,
        rate: f64,
        node: &FlatNode,
        results: &Results,
        origin: &Origin,
    ) -> Option<Vec<Lowered>> {
        let inputs = self.operands(node, results, origin)?;
        let Some(Lowered::Value(x)) = inputs.first() else {
            return Some(inputs);
        };
        match self
            .graph
            .value(Op::Dropout { rate: Some(rate) }, &[*x], origin)
        {
            Ok(value) => Some(vec![Lowered::Value(value)]),
            Err(error) => self.fail(error, origin),
        }
    }

    /// What a row sees of a node.
    pub(super) fn context<'c>(
        &'c mut self,
        def: &'c NodeDef,
        inputs: &'c [Lowered],
        origin: &'c Origin,
    ) -> Cx<'c> {
        let (graph, lists) = (&mut self.graph, &mut self.lists);
        Cx {
            graph,
            params: self.params,
            tables: self.library.tables(),
            variables: &mut self.variables,
            lists,
            spreads: &mut self.spreads,
            ranks: &mut self.ranks,
            ranges: &mut self.ranges,
            drawn: None,
            def,
            inputs,
            origin,
        }
    }

    /// The operands, or `None` if one could not be made.
    fn operands(
        &mut self,
        node: &FlatNode,
        results: &Results,
        origin: &Origin,
    ) -> Option<Vec<Lowered>> {
        let mut operands = Vec::with_capacity(node.inputs.len());
        for edge in &node.inputs {
            let outputs = results[edge.node].as_ref()?;
            let Some(&operand) = outputs.get(edge.output) else {
                return self.fail(
                    Error::malformed(format!("an operand has no output {}", edge.output)),
                    origin,
                );
            };
            operands.push(operand);
        }
        Some(operands)
    }

    /// Records a failure.
    pub(super) fn fail<T>(&mut self, error: Error, origin: &Origin) -> Option<T> {
        self.errors.push(error.at(&origin.place()));
        None
    }

    fn finish(mut self, flat: &FlatGraph, results: Results) -> Result<LoweredFunction> {
        let mut outputs = Vec::with_capacity(flat.outputs.len());
        for edge in &flat.outputs {
            let origin = &flat.nodes[edge.node].origin;
            let Some(results) = &results[edge.node] else {
                continue;
            };
            let result = results.get(edge.output).copied().unwrap_or(Lowered::Dead);
            match result {
                Lowered::Value(value) => {
                    outputs.push(value);
                    continue;
                }
                Lowered::Complex(re, im) => {
                    outputs.extend([re, im]);
                    continue;
                }
                _ => {}
            }
            match self
                .context(&NodeDef::default(), &[result], origin)
                .input(0)
            {
                Ok(value) => outputs.push(value),
                Err(error) => {
                    let message = error.kind().to_string().replace("input 0", "a result");
                    let error = Error::unsupported(message);
                    self.errors.push(error.at(&origin.place()));
                }
            }
        }
        if !self.errors.is_empty() {
            return Err(Error::several(self.errors));
        }
        let assigned: Vec<ParamId> = self.variables.assigned.into_iter().collect();
        outputs.extend(assigned.iter().map(|param| self.variables.values[param]));
        self.graph.outputs = outputs;
        Ok(LoweredFunction {
            graph: self.graph,
            assigned,
        })
    }
}

/// The origin of a node inside a loop or branch that stands in `scope`; its name may begin with the scope already.
fn scoped(origin: &Origin, scope: &str) -> Origin {
    let within = scope
        .split('/')
        .next()
        .is_some_and(|first| origin.node.split('/').next() == Some(first));
    match scope.is_empty() || within {
        true => origin.clone(),
        false => Origin {
            node: format!("{scope}/{}", origin.node).into(),
            ..origin.clone()
        },
    }
}
