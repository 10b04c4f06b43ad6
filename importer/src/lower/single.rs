//! One node over operands that are known: what the interpreter runs where it has no kernel of its own.
//!
//! The operands become constants of a graph of their own, the row of the op writes its IR there, and the evaluator
//! computes it. As nothing is unknown, neither shapes nor indices that "depend on data" stop a row.

use super::cx::{Cx, Lowered};
use super::variables::Variables;
use super::{complex, find};
use crate::error::{Error, Result};
use crate::eval::{self, Tensor};
use crate::ir::{DType, Graph, Origin, Type, Value};
use num_complex::{Complex32, Complex64};
use savedmodel_import_proto::NodeDef;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The results of one op may take this many bytes in the evaluator.
const BYTE_LIMIT: usize = 1 << 33;
/// The bytes of an element while it is computed with.
const WIDE_ELEMENT: usize = 16;

/// Whether there is a row for the op.
pub fn knows(op: &str) -> bool {
    find(op).is_some() || complex::knows(op)
}

/// The outputs of a node for these operands; `None` for one that only other ops of TensorFlow could read.
///
/// # Errors
/// What the row or the evaluator refuses, results too large to compute, and outputs that are no tensors.
pub fn evaluate(def: &NodeDef, operands: &[Arc<Tensor>]) -> Result<Vec<Option<Arc<Tensor>>>> {
    let is_complex = |x: &Arc<Tensor>| matches!(x.dtype(), DType::C64 | DType::C128);
    match evaluate_as(def, operands, None, Parts::Split) {
        // The evaluator knows complex numbers where the rows do not.
        Err(_) if operands.iter().any(is_complex) && find(&def.op).is_some() => {
            evaluate_as(def, operands, None, Parts::Whole)
        }
        outcome => outcome,
    }
}

/// The output of an op with random numbers, drawn from a generator: its key, and its counter.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_drawn(
    def: &NodeDef,
    operands: &[Arc<Tensor>],
    generator: &[Arc<Tensor>; 2],
) -> Result<Arc<Tensor>> {
    let outputs = evaluate_as(def, operands, Some(generator), Parts::Whole)?;
    let output = outputs.into_iter().flatten().next();
    output.ok_or_else(|| Error::internal("random numbers without a value"))
}

/// What a complex operand is to a row.
#[derive(Clone, Copy, PartialEq)]
enum Parts {
    /// A real and an imaginary part.
    Split,
    /// One tensor.
    Whole,
}

fn evaluate_as(
    def: &NodeDef,
    operands: &[Arc<Tensor>],
    generator: Option<&[Arc<Tensor>; 2]>,
    parts: Parts,
) -> Result<Vec<Option<Arc<Tensor>>>> {
    let origin = Origin::default();
    let mut graph = Graph::default();
    let drawn = generator.map(|generator| {
        let constant = |part: &Arc<Tensor>| graph.shared_constant(part.clone(), &origin);
        generator.each_ref().map(constant)
    });
    let mut inputs = Vec::with_capacity(operands.len());
    for operand in operands {
        inputs.push(constant(&mut graph, operand, parts, &origin)?);
    }
    let outputs = lower(def, &mut graph, &inputs, drawn, &origin)?;
    let mut values = Vec::new();
    for output in &outputs {
        match output {
            Lowered::Value(value) => values.push(*value),
            Lowered::Complex(re, im) => values.extend([*re, *im]),
            Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::List(_)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => {}
        }
    }
    check_size(&graph)?;
    graph.outputs = values;
    let no_params = |_| Err(Error::internal("a node reads a variable"));
    collect(&outputs, eval::run_shared(&graph, &no_params, &[])?)
}

fn constant(
    graph: &mut Graph,
    operand: &Arc<Tensor>,
    parts: Parts,
    origin: &Origin,
) -> Result<Lowered> {
    if parts == Parts::Whole || !matches!(operand.dtype(), DType::C64 | DType::C128) {
        let value = graph.shared_constant(operand.clone(), origin);
        return Ok(Lowered::Value(value));
    }
    let parts = super::constant::parts(operand)?;
    let (re, im) = parts.ok_or_else(|| Error::malformed("a complex tensor without parts"))?;
    let (re, im) = (graph.constant(re, origin), graph.constant(im, origin));
    Ok(Lowered::Complex(re, im))
}

fn lower(
    def: &NodeDef,
    graph: &mut Graph,
    inputs: &[Lowered],
    drawn: Option<[Value; 2]>,
    origin: &Origin,
) -> Result<Vec<Lowered>> {
    let is_complex = inputs
        .iter()
        .any(|input| matches!(input, Lowered::Complex(..)));
    let (mut lists, mut ranges) = (vec![], vec![]);
    let (mut variables, mut spreads) = (Variables::default(), BTreeMap::new());
    let mut ranks = BTreeMap::new();
    let mut cx = Cx {
        graph,
        params: &[],
        tables: &[],
        variables: &mut variables,
        lists: &mut lists,
        ranges: &mut ranges,
        spreads: &mut spreads,
        ranks: &mut ranks,
        drawn,
        def,
        inputs,
        origin,
    };
    let mut outputs = match find(&def.op) {
        Some(row) if !is_complex => row.apply(&mut cx),
        Some(_) | None => complex::apply(&mut cx),
    }?;
    for output in &mut outputs {
        if let Lowered::Random(range) = *output {
            *output = Lowered::Value(cx.random_value(range)?);
        }
    }
    Ok(outputs)
}

/// All extents are known here, so a result that is too large is found before it is computed.
fn check_size(graph: &Graph) -> Result<()> {
    for (_, node) in graph.nodes() {
        for ty in &node.types {
            let bytes = bytes(ty);
            if bytes.is_none_or(|bytes| bytes > BYTE_LIMIT) {
                return Err(Error::unsupported(format!("a result of {ty} is too large")));
            }
        }
    }
    Ok(())
}

/// The bytes that computing a value takes. Extents that depend on data are bounded by the operands.
fn bytes(ty: &Type) -> Option<usize> {
    let known = ty
        .shape
        .dims()
        .unwrap_or_default()
        .iter()
        .filter_map(|dim| dim.as_known());
    let mut product = WIDE_ELEMENT;
    for extent in known {
        product = product.checked_mul(usize::try_from(extent).ok()?)?;
    }
    Some(product)
}

/// Puts the real and imaginary parts together again.
fn collect(outputs: &[Lowered], values: Vec<Arc<Tensor>>) -> Result<Vec<Option<Arc<Tensor>>>> {
    let mut values = values.into_iter();
    let mut results = Vec::with_capacity(outputs.len());
    let missing = || Error::internal("an output has no value");
    for output in outputs {
        results.push(match output {
            Lowered::Complex(..) => {
                let re = values.next().ok_or_else(missing)?;
                let im = values.next().ok_or_else(missing)?;
                Some(Arc::new(join(&re, &im)?))
            }
            Lowered::Value(_) => Some(values.next().ok_or_else(missing)?),
            Lowered::Variable(_)
            | Lowered::Resource(_)
            | Lowered::Asset(_)
            | Lowered::List(_)
            | Lowered::Random(_)
            | Lowered::Dead
            | Lowered::Opaque(_) => None,
        });
    }
    Ok(results)
}

fn join(re: &Tensor, im: &Tensor) -> Result<Tensor> {
    if let (Some(re_parts), Some(im_parts)) = (re.elements::<f32>(), im.elements::<f32>()) {
        let pairs = re_parts.iter().zip(im_parts);
        let numbers = pairs.map(|(&re, &im)| Complex32::new(re, im)).collect();
        return Tensor::new(re.shape(), numbers);
    }
    match (re.elements::<f64>(), im.elements::<f64>()) {
        (Some(re_parts), Some(im_parts)) => {
            let pairs = re_parts.iter().zip(im_parts);
            let numbers = pairs.map(|(&re, &im)| Complex64::new(re, im)).collect();
            Tensor::new(re.shape(), numbers)
        }
        _ => Err(Error::malformed("the parts of a complex number differ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use savedmodel_import_proto::{AttrValue, attr_value};

    fn node(op: &str) -> NodeDef {
        NodeDef {
            name: "node".into(),
            op: op.into(),
            ..NodeDef::default()
        }
    }

    fn run(def: &NodeDef, operands: Vec<Tensor>) -> Result<Vec<Arc<Tensor>>> {
        let operands: Vec<Arc<Tensor>> = operands.into_iter().map(Arc::new).collect();
        Ok(evaluate(def, &operands)?.into_iter().flatten().collect())
    }

    #[test]
    fn a_node_over_known_operands_is_computed() -> Result<()> {
        let sum = run(
            &node("AddV2"),
            vec![
                Tensor::new(&[2], vec![1f32, 2.0])?,
                Tensor::new(&[], vec![0.5f32])?,
            ],
        )?;
        assert_eq!(*sum[0], Tensor::new(&[2], vec![1.5f32, 2.5])?);
        Ok(())
    }

    #[test]
    fn complex_numbers_come_back_whole() -> Result<()> {
        let z = Tensor::new(&[1], vec![Complex32::new(1.0, 2.0)])?;
        let square = run(&node("Square"), vec![z])?;
        assert_eq!(
            *square[0],
            Tensor::new(&[1], vec![Complex32::new(-3.0, 4.0)])?
        );
        Ok(())
    }

    #[test]
    fn strings_are_moved_like_numbers() -> Result<()> {
        let words = Tensor::new(&[2], vec![b"a".to_vec(), b"b".to_vec()])?;
        let mut def = node("ExpandDims");
        def.attr.insert(
            "Tdim".into(),
            AttrValue {
                value: Some(attr_value::Value::Type(3)),
            },
        );
        let out = run(&def, vec![words, Tensor::new(&[], vec![0i32])?])?;
        assert_eq!(out[0].shape(), &[1, 2]);
        Ok(())
    }

    #[test]
    fn a_huge_result_is_refused_before_it_is_made() -> Result<()> {
        let dims = Tensor::new(&[2], vec![1i32 << 20, 1 << 20])?;
        let result = run(&node("Fill"), vec![dims, Tensor::new(&[], vec![0f32])?]);
        assert!(result.is_err());
        Ok(())
    }
}
