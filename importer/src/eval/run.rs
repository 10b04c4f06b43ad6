//! Evaluation of a whole graph.

use super::bind::bind;
use super::regions;
use super::{Tensor, evaluate};
use crate::error::{Error, Result};
use crate::ir::{Dim, Fresh, Graph, Node, Op, ParamId, Shape, Symbol, Type, Value, infer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The results of a function for the arguments, in the order of [`Graph::outputs`].
///
/// Free dimensions take the extents of the arguments; those that depend on data, of the results they occur in.
///
/// # Errors
/// When an argument does not fit its type, and where [`evaluate`] fails; names the node.
pub fn run(
    graph: &Graph,
    params: &dyn Fn(ParamId) -> Result<Arc<Tensor>>,
    inputs: &[Tensor],
) -> Result<Vec<Tensor>> {
    let results = run_shared(graph, params, inputs)?;
    Ok(results.into_iter().map(Arc::unwrap_or_clone).collect())
}

/// [`run`], without a copy of results that are constants of the graph.
pub(crate) fn run_shared(
    graph: &Graph,
    params: &dyn Fn(ParamId) -> Result<Arc<Tensor>>,
    inputs: &[Tensor],
) -> Result<Vec<Arc<Tensor>>> {
    let inputs: Vec<Arc<Tensor>> = inputs.iter().cloned().map(Arc::new).collect();
    run_within(graph, params, &inputs, Extents::default())
}

/// [`run_shared`], where some free dimensions are known already: of a region, from the graph around it.
pub(super) fn run_within(
    graph: &Graph,
    params: Params,
    inputs: &[Arc<Tensor>],
    mut extents: Extents,
) -> Result<Vec<Arc<Tensor>>> {
    if inputs.len() != graph.inputs.len() {
        let (wanted, given) = (graph.inputs.len(), inputs.len());
        return Err(Error::usage(format!(
            "the function takes {wanted} arguments, not {given}"
        )));
    }
    for (i, (&input, value)) in graph.inputs.iter().zip(inputs).enumerate() {
        extents
            .learn(graph.ty(input), value)
            .map_err(|e| Error::usage(format!("argument {i}: {e}")))?;
    }
    let mut run = Run {
        graph,
        params,
        inputs,
        uses: live_uses(graph),
        values: vec![vec![]; graph.len()],
        extents,
    };
    for (id, node) in graph.nodes() {
        let place = id.0 as usize;
        if run.uses[place].iter().any(|&uses| uses > 0) {
            run.values[place] = run.node(node).map_err(|e| e.at(&node.origin.place()))?;
            run.release(&graph.reads(node));
        }
    }
    graph
        .outputs
        .iter()
        .map(|&output| run.get(output))
        .collect()
}

/// The values of variables.
pub(super) type Params<'a> = &'a dyn Fn(ParamId) -> Result<Arc<Tensor>>;

/// How often each value is read by what the results depend on.
fn live_uses(graph: &Graph) -> Vec<Vec<u32>> {
    let mut uses: Vec<Vec<u32>> = graph
        .nodes()
        .map(|(_, node)| vec![0; node.types.len()])
        .collect();
    let read = |value: &Value, uses: &mut Vec<Vec<u32>>| {
        uses[value.node.0 as usize][value.result as usize] += 1
    };
    graph
        .outputs
        .iter()
        .for_each(|value| read(value, &mut uses));
    for (id, node) in graph.nodes().rev() {
        if uses[id.0 as usize].iter().any(|&count| count > 0) {
            graph
                .reads(node)
                .iter()
                .for_each(|value| read(value, &mut uses));
        }
    }
    uses
}

/// What is known of free dimensions.
#[derive(Clone, Default)]
pub(super) struct Extents(BTreeMap<Symbol, i64>);

impl Extents {
    /// Takes the extents of a value for the dimensions of its type.
    fn learn(&mut self, ty: &Type, value: &Tensor) -> Result<()> {
        let mismatch =
            || Error::malformed(format!("{}{:?} is not {ty}", value.dtype(), value.shape()));
        let Shape::Ranked(dims) = &ty.shape else {
            return Ok(());
        };
        if dims.len() != value.rank() || ty.dtype != value.dtype() {
            return Err(mismatch());
        }
        for (dim, &extent) in dims.iter().zip(value.shape()) {
            let extent = extent as i64;
            match (self.value(dim), dim.as_symbol()) {
                (Some(known), _) if known != extent => return Err(mismatch()),
                (None, Some(symbol)) => self.0.insert(symbol, extent),
                (Some(_), _) | (None, None) => None,
            };
        }
        Ok(())
    }

    /// The same, and one more.
    pub(super) fn with(&self, symbol: Symbol, extent: i64) -> Self {
        let mut extents = self.clone();
        extents.0.insert(symbol, extent);
        extents
    }

    fn apply(&self, dim: &Dim) -> Dim {
        dim.substitute(&|symbol| {
            self.0
                .get(&symbol)
                .map_or_else(|| Dim::symbol(symbol), |&n| Dim::known(n))
        })
    }

    pub(super) fn value(&self, dim: &Dim) -> Option<i64> {
        self.apply(dim).as_known()
    }
}

struct Run<'a> {
    graph: &'a Graph,
    params: Params<'a>,
    inputs: &'a [Arc<Tensor>],
    /// How many reads of each result are left.
    uses: Vec<Vec<u32>>,
    values: Vec<Vec<Option<Arc<Tensor>>>>,
    extents: Extents,
}

impl Run<'_> {
    fn node(&mut self, node: &Node) -> Result<Vec<Option<Arc<Tensor>>>> {
        let operands = node
            .inputs
            .iter()
            .map(|&v| self.get(v))
            .collect::<Result<Vec<_>>>()?;
        let results = match &node.op {
            Op::Input(i) => {
                let value = self.inputs.get(*i);
                let missing = || Error::malformed(format!("there is no argument {i}"));
                vec![value.ok_or_else(missing)?.clone()]
            }
            Op::Param(param) => vec![(self.params)(*param)?],
            Op::Constant(value) => vec![value.clone()],
            Op::If { branches } => {
                regions::branch(branches, self.params, &operands, &self.extents)?
            }
            Op::Loop(looped) => regions::rounds(looped, self.params, operands, &self.extents)?,
            op => {
                let operands: Vec<&Tensor> = operands.iter().map(Arc::as_ref).collect();
                self.op(op, &operands)?.into_iter().map(Arc::new).collect()
            }
        };
        for (ty, value) in node.types.iter().zip(&results) {
            self.extents.learn(ty, value)?;
        }
        if let (Op::ReadExtents(symbols), [value]) = (&node.op, results.as_slice()) {
            let elements = value.as_integers().unwrap_or_default();
            self.extents.0.extend(symbols.iter().copied().zip(elements));
        }
        Ok(results.into_iter().map(Some).collect())
    }

    fn op(&self, op: &Op, operands: &[&Tensor]) -> Result<Vec<Tensor>> {
        let mut op = bind(op, &|dim| Ok(self.extents.apply(dim)))?;
        if let (Op::Reshape(dims), [x]) = (&mut op, operands) {
            complete(dims, x.len());
        }
        let types: Vec<Type> = operands.iter().map(|x| type_of(x)).collect();
        let types: Vec<&Type> = types.iter().collect();
        let results = infer(&op, &types, &mut Fresh::after(self.graph))?;
        evaluate(&op, operands, &results)
    }

    fn get(&self, value: Value) -> Result<Arc<Tensor>> {
        let found = self.values[value.node.0 as usize]
            .get(value.result as usize)
            .cloned()
            .flatten();
        found.ok_or_else(|| Error::internal(format!("{value:?} is read before it is made")))
    }

    /// Forgets operands that nobody reads any more.
    fn release(&mut self, operands: &[Value]) {
        for value in operands {
            let (node, result) = (value.node.0 as usize, value.result as usize);
            self.uses[node][result] -= 1;
            if self.uses[node][result] == 0 {
                self.values[node][result] = None;
            }
        }
    }
}

/// The one extent that depends on data follows from the number of elements.
fn complete(dims: &mut [Dim], elements: usize) {
    let known: Vec<usize> = dims.iter().filter_map(Dim::as_usize).collect();
    let product: usize = known.iter().product();
    if known.len() + 1 == dims.len() && product > 0 && elements.is_multiple_of(product) {
        for dim in dims.iter_mut().filter(|dim| dim.as_known().is_none()) {
            *dim = Dim::from(elements / product);
        }
    }
}

fn type_of(value: &Tensor) -> Type {
    Type::new(
        value.dtype(),
        value
            .shape()
            .iter()
            .map(|&n| Dim::from(n))
            .collect::<Vec<_>>(),
    )
}
