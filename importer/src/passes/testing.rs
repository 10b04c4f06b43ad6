//! What the tests of passes share: graphs in few words, and the same numbers before and after.

use crate::error::Result;
use crate::eval::{self, Tensor};
use crate::ir::{DType, Dim, Graph, Op, Origin, ParamId, Symbol, Type, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A graph under construction.
#[derive(Default)]
pub struct Build {
    pub graph: Graph,
    params: u32,
}

impl Build {
    /// An argument; a zero is a free dimension, the same one in all arguments.
    pub fn input(&mut self, dims: &[i64]) -> Value {
        let batch = if self.graph.symbol_count() == 0 {
            self.graph.fresh_symbol()
        } else {
            Symbol(0)
        };
        let dim = |&n: &i64| {
            if n == 0 {
                Dim::symbol(batch)
            } else {
                Dim::known(n)
            }
        };
        let ty = Type::new(DType::F32, dims.iter().map(dim).collect::<Vec<_>>());
        self.graph.input(ty, &Origin::default())
    }

    /// A variable.
    pub fn param(&mut self, dims: &[i64]) -> Value {
        self.params += 1;
        let ty = Type::new(
            DType::F32,
            dims.iter().map(|&n| Dim::known(n)).collect::<Vec<_>>(),
        );
        self.graph
            .param(ParamId(self.params - 1), ty, &Origin::default())
    }

    /// A number.
    pub fn number(&mut self, value: f64) -> Value {
        self.graph.constant(
            Tensor::scalar(value, DType::F32).unwrap(),
            &Origin::default(),
        )
    }

    /// An op.
    pub fn op(&mut self, op: Op, inputs: &[Value]) -> Value {
        self.graph.value(op, inputs, &Origin::default()).unwrap()
    }

    /// Another shape; a zero is the free dimension, -1 what is left.
    pub fn reshape(&mut self, x: Value, dims: &[i64]) -> Value {
        let dim = |&n: &i64| {
            if n == 0 {
                Dim::symbol(Symbol(0))
            } else {
                Dim::known(n)
            }
        };
        let product = |dims: &[Dim]| dims.iter().cloned().fold(Dim::known(1), |a, b| a * b);
        let mut dims: Vec<Dim> = dims.iter().map(dim).collect();
        if let Some(rest) = dims.iter().position(|dim| dim.is(-1)) {
            dims[rest] = Dim::known(1);
            dims[rest] = product(self.graph.ty(x).dims())
                .div_floor(&product(&dims))
                .unwrap();
        }
        self.op(Op::Reshape(dims), &[x])
    }

    /// Runs a pass, compares the numbers, and gives the ops that are left, a line each.
    pub fn check(
        mut self,
        outputs: &[Value],
        pass: impl Fn(&Graph) -> Result<Graph>,
        expected: &str,
    ) {
        self.graph.outputs = outputs.to_vec();
        let after = pass(&self.graph).unwrap();
        crate::ir::verify::verify(&after).unwrap();
        assert!(
            pass(&after).unwrap().computes_the_same(&after),
            "the pass is not idempotent:\n{after}"
        );
        let lines: Vec<&str> = expected
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(text(&after), lines, "\n{after}");
        let worst = difference(&self.graph, &after).unwrap();
        assert!(worst < 1e-5, "the numbers differ by {worst}");
    }
}

/// The ops that are no sources, and the shapes of their results.
fn text(graph: &Graph) -> Vec<String> {
    let nodes = graph.nodes().filter(|(_, node)| !node.op.is_source());
    nodes
        .map(|(_, node)| format!("{:?} {:?}", node.op, node.types[0].dims()))
        .collect()
}

/// The largest difference between the results of two graphs, relative to the largest result.
pub fn difference(before: &Graph, after: &Graph) -> Result<f64> {
    let inputs: Vec<Tensor> = before
        .inputs
        .iter()
        .enumerate()
        .map(|(i, &v)| sample(before.ty(v), 1000 + i as u64))
        .collect::<Result<_>>()?;
    let params: BTreeMap<ParamId, Arc<Tensor>> = before
        .nodes()
        .filter_map(|(_, node)| match node.op {
            Op::Param(param) => Some((param, node.types[0].clone())),
            _ => None,
        })
        .map(|(param, ty)| Ok((param, Arc::new(weight(&ty, u64::from(param.0))?))))
        .collect::<Result<_>>()?;
    let param = |id: ParamId| Ok(params[&id].clone());
    let (a, b) = (
        eval::run(before, &param, &inputs)?,
        eval::run(after, &param, &inputs)?,
    );
    Ok(a.iter()
        .zip(&b)
        .map(|(a, b)| distance(a, b))
        .fold(0.0, f64::max))
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!((a.dtype(), a.shape()), (b.dtype(), b.shape()));
    let (Some(x), Some(y)) = (a.elements::<f32>(), b.elements::<f32>()) else {
        return if a == b { 0.0 } else { f64::INFINITY };
    };
    let scale = x
        .iter()
        .filter(|v| v.is_finite())
        .map(|v| f64::from(v.abs()))
        .fold(1.0, f64::max);
    let pairs = x
        .iter()
        .zip(y)
        .filter(|(x, y)| x.to_bits() != y.to_bits() && !(x.is_nan() && y.is_nan()));
    pairs
        .map(|(x, y)| f64::from((x - y).abs()) / scale)
        .fold(0.0, f64::max)
}

/// A vector between 0 and 1, as a variance is, or a larger weight around zero, so that sums stay small.
fn weight(ty: &Type, seed: u64) -> Result<Tensor> {
    let value = sample(ty, seed)?;
    match (value.rank() > 1)
        .then(|| value.elements::<f32>())
        .flatten()
    {
        Some(elements) => Tensor::new(value.shape(), elements.iter().map(|x| x - 0.5).collect()),
        None => Ok(value),
    }
}

/// Numbers between 0 and 1 from a linear congruential generator; every free dimension is 2.
fn sample(ty: &Type, seed: u64) -> Result<Tensor> {
    let extent = |dim: &Dim| dim.substitute(&|_| Dim::known(2)).as_usize().unwrap_or(2);
    let shape: Vec<usize> = ty.dims().iter().map(extent).collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(12345);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| next()).collect();
    match ty.dtype.is_float() {
        true => Tensor::from_floats(ty.dtype, &shape, values),
        false => Tensor::from_integers(
            ty.dtype,
            &shape,
            values.iter().map(|v| (v * 2.0) as i64).collect(),
        ),
    }
}
