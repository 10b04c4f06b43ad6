//! Random numbers of ops that have a state: by TensorFlow's own generator, so that seeds give TensorFlow's numbers.
//!
//! An op with state that has no seed is seeded by its name and by the state's own seed.

use super::super::cx::{Cx, count, elements};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::lower::single;
use savedmodel_import_kernels::hashes::fingerprint;
use savedmodel_import_kernels::philox::Philox;
use savedmodel_import_proto::NodeDef;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("RandomUniform", each),
    one("RandomStandardNormal", each),
    one("TruncatedNormal", each),
    one("RandomUniformInt", each),
    one("RandomGamma", for_parameters),
    one("RandomPoisson", for_parameters),
    one("RandomPoissonV2", for_parameters),
    one("Multinomial", |cx| {
        let draws = cx.extents(1)?.first().copied().unwrap_or(0);
        let rows = cx.tensor(0)?.shape().first().copied().unwrap_or(0);
        stateful(cx, (rows * draws.next_multiple_of(4) * 2) as u64 * BLOCKS)
    }),
    one("RandomShuffle", |cx| {
        let rows = cx.tensor(0)?.shape().first().copied().unwrap_or(0) as u64;
        stateful(cx, rows.saturating_sub(1).div_ceil(4))
    }),
    one("RngReadAndSkip", |cx| {
        let blocks = skipped(cx)?;
        advance(cx, blocks).map(|(old, _)| old)
    }),
    many("RngSkip", |cx| {
        let blocks = skipped(cx)?;
        advance(cx, blocks)?;
        Ok(vec![])
    }),
    one("StatefulUniform", |cx| {
        of_variable(cx, "StatelessRandomUniformV2")
    }),
    one("StatefulStandardNormalV2", |cx| {
        of_variable(cx, "StatelessRandomNormalV2")
    }),
    one("StatefulTruncatedNormal", |cx| {
        of_variable(cx, "StatelessTruncatedNormalV2")
    }),
    one("StatefulUniformFullInt", |cx| {
        of_variable(cx, "StatelessRandomUniformFullIntV2")
    }),
    one("StatefulUniformInt", |cx| {
        of_variable(cx, "StatelessRandomUniformIntV2")
    }),
];

/// TensorFlow's generators give each number so many blocks.
const BLOCKS: u64 = 256;

/// The numbers of an op with state, of the shape that operand 0 holds.
fn each(cx: &mut Cx<'_>) -> Result<Tensor> {
    let total = count(&cx.extents(0)?)? as u64;
    stateful(cx, total * BLOCKS)
}

/// The same for each of the parameters, operand 1.
fn for_parameters(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (leading, parameters) = (cx.extents(0)?, cx.tensor(1)?);
    let shape: Vec<usize> = leading.iter().chain(parameters.shape()).copied().collect();
    stateful(cx, (count(&shape)? as u64).wrapping_mul(BLOCKS))
}

fn stateful(cx: &mut Cx<'_>, blocks: u64) -> Result<Tensor> {
    let generator = arrays(reserve(cx, blocks)?)?;
    let operands = cx.tensors(0..cx.inputs.len())?;
    single::evaluate_drawn(cx.def(), &operands, &generator).map(Arc::unwrap_or_clone)
}

/// A generator's key and counter.
fn arrays(philox: Philox) -> Result<[Arc<Tensor>; 2]> {
    let counter = vec![philox.counter as u64, (philox.counter >> 64) as u64];
    Ok([
        Arc::new(Tensor::new(&[1], vec![philox.key])?),
        Arc::new(Tensor::new(&[2], counter)?),
    ])
}

/// The generator of an op with state, and its next `blocks` are gone.
fn reserve(cx: &mut Cx<'_>, blocks: u64) -> Result<Philox> {
    let (seed, seed2): (i64, i64) = (cx.attr("seed")?, cx.attr("seed2")?);
    let name = &cx.def().name;
    let mut philox = match (seed, seed2) {
        (0, 0) => Philox::of_seeds(fingerprint(name.as_bytes()), cx.machine.state.seed | 1),
        (seed, seed2) => Philox::of_seeds(seed as u64, seed2 as u64),
    };
    let key = (cx.plan.name.clone(), name.clone());
    let used = cx.machine.state.draws.entry(key).or_default();
    philox.skip(*used);
    *used = used.wrapping_add(blocks);
    Ok(philox)
}

/// Moves the counter of the generator that a variable holds; gives the state before, and the generator.
fn advance(cx: &mut Cx<'_>, blocks: u64) -> Result<(Tensor, Philox)> {
    let variable = cx.resource(0)?;
    let old = cx.machine.read(variable)?;
    let state = elements::<i64>(&old)?;
    let &[low, high, key, ..] = state else {
        return Err(Error::usage("a generator's state is three integers"));
    };
    let philox = Philox {
        key: key as u64,
        counter: u128::from(low as u64) | u128::from(high as u64) << 64,
    };
    let mut after = philox;
    after.skip(blocks);
    let mut new = state.to_vec();
    new[0] = after.counter as i64;
    new[1] = (after.counter >> 64) as i64;
    let new = Tensor::new(old.shape(), new)?;
    cx.machine.assign(variable, Arc::new(new))?;
    Ok((Arc::unwrap_or_clone(old), philox))
}

/// The blocks that operand 2 counts.
fn skipped(cx: &mut Cx<'_>) -> Result<u64> {
    let counted = cx.tensor(2)?.to_floats()?.first().copied().unwrap_or(0.0);
    Ok((counted as u64).wrapping_mul(BLOCKS))
}

/// Operands: the variable, the algorithm, the shape, and what the op without state takes after its generator.
fn of_variable(cx: &mut Cx<'_>, stateless: &str) -> Result<Tensor> {
    let total = count(&cx.extents(2)?)? as u64;
    let (_, philox) = advance(cx, total * BLOCKS)?;
    let [key, counter] = arrays(philox)?;
    let mut operands = vec![
        cx.tensor(2)?,
        key,
        counter,
        Arc::new(Tensor::new(&[], vec![1i32])?),
    ];
    operands.extend(cx.tensors(3..cx.inputs.len())?);
    let def = NodeDef {
        op: stateless.to_owned(),
        ..cx.def().clone()
    };
    let numbers = single::evaluate(&def, &operands)?
        .into_iter()
        .flatten()
        .next();
    let numbers = numbers.ok_or_else(|| Error::internal("random numbers without a value"))?;
    Ok(Arc::unwrap_or_clone(numbers))
}
