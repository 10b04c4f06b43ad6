//! Local rewrites: rules that give a node a better form, from what its operands are made of.
//!
//! Operands are looked at in the graph that is being written, so that a rule sees what others have already made of them.

use super::rewrite::Rewriter;
use crate::error::Result;
use crate::ir::{DType, Dim, Graph, NodeId, Op, Origin, Type, Value};

/// A node that is about to be copied.
pub struct Site<'a> {
    /// The graph that is written.
    pub graph: &'a mut Graph,
    /// What the node computes.
    pub op: &'a Op,
    /// Its operands.
    pub inputs: &'a [Value],
    /// The type of its result.
    pub ty: &'a Type,
    /// Where it comes from.
    pub origin: &'a Origin,
    /// Whether nothing else reads the operand.
    only_user: &'a [bool],
}

/// Gives the value that takes the place of a node, or `None` where the rule does not apply.
pub type Rule = fn(&mut Site<'_>) -> Result<Option<Value>>;

impl Site<'_> {
    /// Appends a node.
    ///
    /// # Errors
    /// When the operands do not fit the op.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Result<Value> {
        self.graph.value(op, inputs, self.origin)
    }

    /// Whether the node is the only one that reads its `i`-th operand.
    pub fn is_only_user(&self, i: usize) -> bool {
        self.only_user.get(i).copied().unwrap_or(false)
    }

    /// The extents of a value.
    pub fn dims(&self, value: Value) -> Vec<Dim> {
        self.graph.ty(value).dims().to_vec()
    }

    /// The value under another shape.
    ///
    /// # Errors
    /// When the numbers of elements differ.
    pub fn reshape(&mut self, value: Value, dims: &[Dim]) -> Result<Value> {
        match self.graph.ty(value).dims() == dims {
            true => Ok(value),
            false => self.push(Op::Reshape(dims.to_vec()), &[value]),
        }
    }

    /// The value with its axes permuted.
    ///
    /// # Errors
    /// When the permutation does not fit.
    pub fn transpose(&mut self, value: Value, permutation: &[usize]) -> Result<Value> {
        self.push(Op::Transpose(permutation.to_vec()), &[value])
    }
}

/// Rewrites every node by the first rule that applies to it.
///
/// # Errors
/// What the rules give.
pub fn apply(graph: &Graph, rules: &[Rule]) -> Result<Graph> {
    let uses = graph.use_counts();
    Rewriter::new(graph).run(|rewriter, _: NodeId, node| {
        let [ty] = node.types.as_slice() else {
            return Ok(None);
        };
        if node.op.is_source() {
            return Ok(None);
        }
        let inputs = rewriter.get_all(&node.inputs);
        let only_user: Vec<bool> = node
            .inputs
            .iter()
            .map(|v| uses[v.node.0 as usize][v.result as usize] == 1)
            .collect();
        let (op, origin) = (&node.op, &node.origin);
        let mut site = Site {
            graph: &mut rewriter.new,
            op,
            inputs: &inputs,
            ty,
            origin,
            only_user: &only_user,
        };
        for rule in rules {
            if let Some(value) = rule(&mut site)?
                && fits(site.graph.ty(value), ty)
            {
                return Ok(Some(vec![value]));
            }
        }
        Ok(None)
    })
}

/// Whether a value may stand where one of type `ty` stood.
fn fits(new: &Type, ty: &Type) -> bool {
    let known = |(a, b): (&Dim, &Dim)| a.as_known().zip(b.as_known()).is_none_or(|(a, b)| a == b);
    new.dtype == ty.dtype && new.rank() == ty.rank() && new.dims().iter().zip(ty.dims()).all(known)
}

/// The number that a constant of one element holds. Single precision numbers are read as the shortest decimal that
/// rounds to them, as the model's author wrote them.
pub fn number(graph: &Graph, value: Value) -> Option<f64> {
    let tensor = graph
        .as_constant(value)
        .filter(|tensor| tensor.len() == 1)?;
    tensor
        .as_splat()
        .map(|number| decimal(number, tensor.dtype()))
}

/// The number that every element of a value is, if it follows from constants; the value may have any shape.
pub fn splat(graph: &Graph, value: Value) -> Option<f64> {
    let node = graph.producer(value);
    match &node.op {
        Op::Constant(tensor) => tensor
            .as_splat()
            .map(|number| decimal(number, tensor.dtype())),
        Op::Broadcast(_) | Op::Reshape(_) | Op::Transpose(_) | Op::Tile(_) => {
            splat(graph, node.inputs[0])
        }
        _ => None,
    }
}

fn decimal(number: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => (number as f32).to_string().parse().unwrap_or(number),
        _ => number,
    }
}

/// Whether two numbers are one number, rounded differently.
pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5 * b.abs()
}
