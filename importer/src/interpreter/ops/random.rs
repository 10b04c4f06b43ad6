//! Random numbers by TensorFlow's own generator, so that seeds give TensorFlow's numbers.
//!
//! An op with state that has no seed is seeded by its name and by the state's own seed.

use super::super::cx::{Cx, count, elements};
use super::super::value::Value;
use super::numbers::index;
use super::philox::{self, Philox};
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use savedmodel_import_kernels::hashes::fingerprint;
use std::sync::Arc;

pub(super) const OPS: &[Row] = &[
    one("RandomUniform", |cx| stateful(cx, Law::Uniform)),
    one("RandomStandardNormal", |cx| stateful(cx, Law::Normal)),
    one("TruncatedNormal", |cx| stateful(cx, Law::Truncated)),
    one("RandomUniformInt", |cx| {
        let law = Law::Integers(cx.integer(1)?, cx.integer(2)?);
        stateful(cx, law)
    }),
    one("Multinomial", |cx| {
        let draws = cx.extents(1)?.first().copied().unwrap_or(0);
        let rows = cx.tensor(0)?.shape().first().copied().unwrap_or(0);
        let blocks = rows as u64 * (draws.next_multiple_of(4) as u64) * 2 * 256;
        let philox = reserve(cx, blocks)?;
        multinomial(cx, philox, draws)
    }),
    one("RandomShuffle", shuffle),
    one("StatelessShuffle", |cx| {
        let philox = generator(cx)?;
        shuffled(&*cx.tensor(0)?, philox)
    }),
    one("StatelessRandomUniform", |cx| stateless(cx, Law::Uniform)),
    one("StatelessRandomNormal", |cx| stateless(cx, Law::Normal)),
    one("StatelessTruncatedNormal", |cx| {
        stateless(cx, Law::Truncated)
    }),
    one("StatelessRandomUniformFullInt", |cx| {
        stateless(cx, Law::Bits)
    }),
    one("StatelessRandomUniformInt", |cx| {
        let law = Law::Integers(cx.integer(2)?, cx.integer(3)?);
        stateless(cx, law)
    }),
    one("StatelessMultinomial", |cx| {
        let draws = cx.extents(1)?.first().copied().unwrap_or(0);
        let philox = Philox::of_stateless(seeds(cx, 2)?);
        multinomial(cx, philox, draws)
    }),
    one("StatelessRandomUniformV2", |cx| keyed(cx, Law::Uniform)),
    one("StatelessRandomNormalV2", |cx| keyed(cx, Law::Normal)),
    one("StatelessTruncatedNormalV2", |cx| keyed(cx, Law::Truncated)),
    one("StatelessRandomUniformFullIntV2", |cx| keyed(cx, Law::Bits)),
    one("StatelessRandomUniformIntV2", |cx| {
        let law = Law::Integers(cx.integer(4)?, cx.integer(5)?);
        keyed(cx, law)
    }),
    many("StatelessRandomGetKeyCounter", key_counter),
    many("StatelessRandomGetKeyCounterAlg", |cx| {
        let mut outputs = key_counter(cx)?;
        outputs.push(algorithm()?.into());
        Ok(outputs)
    }),
    one("StatelessRandomGetAlg", |_| algorithm()),
    one("RngReadAndSkip", |cx| {
        let blocks = cx.tensor(2)?.to_floats()?.first().copied().unwrap_or(0.0) as u64 * 256;
        advance(cx, blocks).map(|(old, _)| old)
    }),
    many("RngSkip", |cx| {
        let blocks = cx.tensor(2)?.to_floats()?.first().copied().unwrap_or(0.0) as u64;
        advance(cx, blocks * 256)?;
        Ok(vec![])
    }),
    one("StatefulUniform", |cx| of_variable(cx, Law::Uniform)),
    one("StatefulStandardNormalV2", |cx| {
        of_variable(cx, Law::Normal)
    }),
    one("StatefulTruncatedNormal", |cx| {
        of_variable(cx, Law::Truncated)
    }),
    one("StatefulUniformFullInt", |cx| of_variable(cx, Law::Bits)),
    one("StatefulUniformInt", |cx| {
        let law = Law::Integers(cx.integer(3)?, cx.integer(4)?);
        of_variable(cx, law)
    }),
];

/// How numbers are distributed.
#[derive(Clone, Copy)]
enum Law {
    Uniform,
    Normal,
    /// Normal numbers within two deviations.
    Truncated,
    /// Integers from the first up to the second.
    Integers(i64, i64),
    /// Integers of any bits.
    Bits,
}

/// Numbers of a law that take the blocks of a generator in order.
fn draw(law: Law, dtype: DType, shape: &[usize], mut philox: Philox) -> Result<Tensor> {
    let total = count(shape)?;
    let is_long = matches!(dtype, DType::F64 | DType::I64 | DType::U64);
    let per_block = if is_long { 2 } else { 4 };
    if let Law::Truncated = law {
        return truncated(dtype, shape, philox);
    }
    let (mut floats, mut integers) = (vec![], vec![]);
    for _ in 0..total.div_ceil(per_block) {
        let words = philox.next();
        match law {
            Law::Uniform => floats.extend(uniform(dtype, words)),
            Law::Normal | Law::Truncated => floats.extend(normal(dtype, words)),
            Law::Integers(low, high) => integers.extend(between(words, is_long, low, high)?),
            Law::Bits => integers.extend(bits(words, dtype)),
        }
    }
    floats.truncate(total);
    integers.truncate(total);
    match law {
        Law::Uniform | Law::Normal | Law::Truncated => Tensor::from_floats(dtype, shape, floats),
        Law::Integers(..) | Law::Bits if dtype == DType::U64 => {
            Tensor::new(shape, integers.into_iter().map(|i| i as u64).collect())
        }
        Law::Integers(..) | Law::Bits => Tensor::from_integers(dtype, shape, integers),
    }
}

fn uniform(dtype: DType, words: [u32; 4]) -> Vec<f64> {
    let [a, b, c, d] = words;
    match dtype {
        DType::F64 => vec![philox::double(a, b), philox::double(c, d)],
        DType::F16 => words.map(|word| f64::from(philox::half(word))).to_vec(),
        DType::BF16 => words.map(|word| f64::from(philox::brain(word))).to_vec(),
        _ => words.map(|word| f64::from(philox::single(word))).to_vec(),
    }
}

fn normal(dtype: DType, words: [u32; 4]) -> Vec<f64> {
    let [a, b, c, d] = words;
    match dtype {
        DType::F64 => philox::normal_double(words).to_vec(),
        _ => [philox::normal_single(a, b), philox::normal_single(c, d)]
            .concat()
            .into_iter()
            .map(f64::from)
            .collect(),
    }
}

/// Each group of results has blocks of its own, as many as it may ever need.
fn truncated(dtype: DType, shape: &[usize], philox: Philox) -> Result<Tensor> {
    let total = count(shape)?;
    let is_double = dtype == DType::F64;
    let group = if is_double { 2 } else { 4 };
    let mut numbers = Vec::with_capacity(total);
    for number in 0..total.div_ceil(group) {
        let mut own = philox;
        own.skip(number as u64 * group as u64 * 64);
        let mut word = own.words();
        let end = numbers.len() + group;
        while numbers.len() < end {
            let pair = match is_double {
                true => philox::normal_double([word(), word(), word(), word()]),
                false => philox::normal_single(word(), word()).map(f64::from),
            };
            let left = end - numbers.len();
            numbers.extend(pair.into_iter().filter(|x| x.abs() < 2.0).take(left));
        }
    }
    numbers.truncate(total);
    Tensor::from_floats(dtype, shape, numbers)
}

fn pairs([a, b, c, d]: [u32; 4]) -> [u64; 2] {
    [
        u64::from(a) | u64::from(b) << 32,
        u64::from(c) | u64::from(d) << 32,
    ]
}

fn between(words: [u32; 4], is_long: bool, low: i64, high: i64) -> Result<Vec<i64>> {
    let range = high.wrapping_sub(low) as u64;
    if low >= high {
        return Err(Error::usage(format!(
            "Need minval < maxval, got {low} >= {high}"
        )));
    }
    let number = |bits: u64| low.wrapping_add((bits % range) as i64);
    Ok(match is_long {
        true => pairs(words).map(number).to_vec(),
        false => words.map(|word| number(word.into())).to_vec(),
    })
}

fn bits(words: [u32; 4], dtype: DType) -> Vec<i64> {
    match dtype {
        DType::I64 | DType::U64 => pairs(words).map(|bits| bits as i64).to_vec(),
        DType::I32 => words.map(|word| i64::from(word as i32)).to_vec(),
        _ => words.map(i64::from).to_vec(),
    }
}

/// The element type of the numbers: `dtype`, or of integers `Tout`.
fn element_type(cx: &Cx<'_>) -> Result<DType> {
    match cx.stored("dtype") {
        Some(_) => cx.attr("dtype"),
        None => cx.attr("Tout"),
    }
}

/// The generator of an op with state, and its next `blocks` are gone.
pub(super) fn reserve(cx: &mut Cx<'_>, blocks: u64) -> Result<Philox> {
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

fn stateful(cx: &mut Cx<'_>, law: Law) -> Result<Tensor> {
    let shape = cx.extents(0)?;
    let philox = reserve(cx, count(&shape)? as u64 * 256)?;
    draw(law, element_type(cx)?, &shape, philox)
}

pub(super) fn seeds(cx: &mut Cx<'_>, operand: usize) -> Result<[u64; 2]> {
    match cx.integers(operand)?[..] {
        [first, second] => Ok([first as u64, second as u64]),
        _ => Err(Error::usage("a seed is two integers")),
    }
}

fn stateless(cx: &mut Cx<'_>, law: Law) -> Result<Tensor> {
    let philox = Philox::of_stateless(seeds(cx, 1)?);
    draw(law, element_type(cx)?, &cx.extents(0)?, philox)
}

/// TensorFlow's number of Philox.
fn algorithm() -> Result<Tensor> {
    Tensor::new(&[], vec![1i32])
}

fn key_counter(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let Philox { counter, key } = Philox::of_stateless(seeds(cx, 0)?);
    let counter = vec![counter as u64, (counter >> 64) as u64];
    Ok(vec![
        Tensor::new(&[1], vec![key])?.into(),
        Tensor::new(&[2], counter)?.into(),
    ])
}

/// Operands: shape, key, counter, algorithm.
fn keyed(cx: &mut Cx<'_>, law: Law) -> Result<Tensor> {
    let philox = generator(cx)?;
    draw(law, element_type(cx)?, &cx.extents(0)?, philox)
}

/// The generator of operands 1 to 3: key, counter, algorithm.
pub(super) fn generator(cx: &mut Cx<'_>) -> Result<Philox> {
    if !matches!(cx.integer(3)?, 1 | 3) {
        return Err(Error::unsupported(
            "random numbers by another algorithm than Philox",
        ));
    }
    let (key, counter) = (cx.tensor(1)?, cx.tensor(2)?);
    let (key, counter) = (elements::<u64>(&key)?, elements::<u64>(&counter)?);
    let ([key], [low, high]) = (key, counter) else {
        return Err(Error::usage(
            "a key of one and a counter of two words are needed",
        ));
    };
    Ok(Philox {
        key: *key,
        counter: u128::from(*low) | u128::from(*high) << 64,
    })
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

/// Operands: the variable, the algorithm, the shape.
fn of_variable(cx: &mut Cx<'_>, law: Law) -> Result<Tensor> {
    let shape = cx.extents(2)?;
    let (_, philox) = advance(cx, count(&shape)? as u64 * 256)?;
    draw(law, element_type(cx)?, &shape, philox)
}

/// Draws classes with the odds that each row's logits give.
fn multinomial(cx: &mut Cx<'_>, philox: Philox, draws: usize) -> Result<Tensor> {
    let logits = cx.tensor(0)?;
    let &[rows, classes] = logits.shape() else {
        return Err(Error::usage("logits are a matrix"));
    };
    let scores = logits.to_floats()?;
    let mut word = philox.words();
    let mut drawn = Vec::with_capacity(count(&[rows, draws])?);
    for row in scores.chunks(classes.max(1)).take(rows) {
        let largest = row
            .iter()
            .copied()
            .filter(|x| x.is_finite())
            .fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        let mut sums = vec![];
        for score in row {
            if score.is_finite() {
                total += (score - largest).exp();
            }
            sums.push(total);
        }
        for _ in 0..draws {
            let wanted = philox::double(word(), word()) * total;
            drawn.push(sums.partition_point(|&sum| sum <= wanted) as i64);
        }
    }
    Tensor::from_integers(cx.attr("output_dtype")?, &[rows, draws], drawn)
}

fn shuffle(cx: &mut Cx<'_>) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    let rows = x.shape().first().copied().unwrap_or(0) as u64;
    let philox = reserve(cx, rows.saturating_sub(1).div_ceil(4))?;
    shuffled(&x, philox)
}

fn shuffled(x: &Tensor, philox: Philox) -> Result<Tensor> {
    let Some((&rows, row)) = x.shape().split_first() else {
        return Ok(x.clone());
    };
    let mut word = philox.words();
    let mut order: Vec<usize> = (0..rows).collect();
    for i in 0..rows.saturating_sub(1) {
        let other = i + index(i64::from(word() % (rows - i) as u32), rows)?;
        order.swap(i, other);
    }
    let size = count(row)?;
    let places: Vec<usize> = order
        .iter()
        .flat_map(|at| at * size..(at + 1) * size)
        .collect();
    x.take(x.shape(), &places)
}
