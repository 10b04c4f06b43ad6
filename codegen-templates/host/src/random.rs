//! Random numbers by TensorFlow's own generator: the same seeds give the same numbers. A generator is a key and a counter
//! of two words, as arrays.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::array::{Array, Element, Elements, Error, Numbers, Result, count};
use super::philox::{Philox, double, normal_double, normal_single, single};

/// A generator as arrays: its key, and its counter's lower and upper word.
pub type Generator = (Array, Array);

/// The generator of two seeds of an op without state.
///
/// # Errors
/// There are not two.
pub fn of_seeds(seeds: &Array) -> Result<Generator> {
    match seeds.to_i64()[..] {
        [first, second] => Ok(arrays(Philox::of_stateless([first as u64, second as u64]))),
        _ => Err(Error::new("a seed is two integers")),
    }
}

/// How many blocks the generators of ops with state have given, by name and seeds.
type Used = HashMap<(String, [i64; 2]), u64>;

static USED: LazyLock<Mutex<Used>> = LazyLock::new(Mutex::default);

/// What the numbers of this process follow from where no seed is given.
static PROCESS: LazyLock<u64> = LazyLock::new(|| BuildHasher::hash_one(&RandomState::new(), 0u8));

/// The generator of an op with state, whose next `blocks` are gone after that. Without seeds it is another one in each process.
pub fn next(op: &str, seed: i64, seed2: i64, blocks: usize) -> Generator {
    let mut philox = match (seed, seed2) {
        (0, 0) => {
            let letters = op.bytes().fold(0u64, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            });
            Philox::of_seeds(*PROCESS, letters | 1)
        }
        (seed, seed2) => Philox::of_seeds(seed as u64, seed2 as u64),
    };
    let mut all = USED.lock().unwrap_or_else(PoisonError::into_inner);
    let used = all.entry((op.to_owned(), [seed, seed2])).or_default();
    philox.skip(*used);
    *used = used.wrapping_add(blocks as u64);
    arrays(philox)
}

/// The generator that a state of three integers or more is: the words of the counter, and the key.
///
/// # Errors
/// There are fewer.
pub fn of_state(state: &Array) -> Result<Generator> {
    let short = || Error::new("a generator's state is three integers");
    let words = state.to_i64();
    let (counter, key) = words.get(..2).zip(words.get(2)).ok_or_else(short)?;
    let philox = Philox {
        key: *key as u64,
        counter: u128::from(counter[0] as u64) | u128::from(counter[1] as u64) << 64,
    };
    Ok(arrays(philox))
}

/// Such a state without its next `blocks`.
///
/// # Errors
/// There are fewer integers.
pub fn skipped(state: &Array, blocks: &Array) -> Result<Array> {
    let (_, counter) = of_state(state)?;
    let mut philox = generator(&Array::from(0i64), &counter)?;
    philox.skip(blocks.scalar_i64()? as u64);
    let mut words = state.to_i64();
    words[0] = philox.counter as i64;
    words[1] = (philox.counter >> 64) as i64;
    Ok(Array::integers(state.shape(), words)?.to(state.element()))
}

fn arrays(philox: Philox) -> Generator {
    let counter = [philox.counter as u64, (philox.counter >> 64) as u64];
    (
        Array::from([philox.key as i64]).to(Element::U64),
        Array::from(counter.map(|word| word as i64)).to(Element::U64),
    )
}

fn generator(key: &Array, counter: &Array) -> Result<Philox> {
    match (&key.to_i64()[..], &counter.to_i64()[..]) {
        (&[key], &[low, high]) => Ok(Philox {
            key: key as u64,
            counter: u128::from(low as u64) | u128::from(high as u64) << 64,
        }),
        _ => Err(Error::new(
            "a key of one and a counter of two words are needed",
        )),
    }
}

/// Numbers that each block gives some of.
fn blocks<T>(
    mut philox: Philox,
    shape: &[usize],
    of_block: impl Fn([u32; 4]) -> Vec<T>,
) -> Result<Vec<T>> {
    let total = count(shape)?;
    let mut numbers = Vec::with_capacity(total);
    while numbers.len() < total {
        numbers.extend(of_block(philox.draw()));
    }
    numbers.truncate(total);
    Ok(numbers)
}

fn floats(shape: &[usize], numbers: Vec<f64>, element: Element) -> Result<Array> {
    Ok(Array::new(shape, Numbers::F64(numbers))?.to(element))
}

/// Uniform numbers in `0..1`.
///
/// # Errors
/// The generator is none.
pub fn uniform(key: &Array, counter: &Array, shape: &[usize], element: Element) -> Result<Array> {
    let philox = generator(key, counter)?;
    let numbers = match element {
        Element::F64 => blocks(philox, shape, |[a, b, c, d]| {
            vec![double(a, b), double(c, d)]
        })?,
        _ => blocks(philox, shape, |words| {
            words.map(|word| f64::from(single(word))).to_vec()
        })?,
    };
    floats(shape, numbers, element)
}

/// Uniform numbers in `0..1` of so many bits, as half precision has them.
///
/// # Errors
/// The generator is none.
pub fn coarse(key: &Array, counter: &Array, shape: &[usize], bits: i64) -> Result<Array> {
    let steps = 1u32 << bits.clamp(1, 23);
    let number = |word: u32| f64::from(word & (steps - 1)) / f64::from(steps);
    let numbers = blocks(generator(key, counter)?, shape, |words| {
        words.map(number).to_vec()
    })?;
    floats(shape, numbers, Element::F32)
}

/// Normal numbers of mean 0 and deviation 1.
///
/// # Errors
/// The generator is none.
pub fn normal(key: &Array, counter: &Array, shape: &[usize], element: Element) -> Result<Array> {
    let philox = generator(key, counter)?;
    let numbers = match element {
        Element::F64 => blocks(philox, shape, |words| normal_double(words).to_vec())?,
        _ => blocks(philox, shape, |[a, b, c, d]| {
            let all = [normal_single(a, b), normal_single(c, d)].concat();
            all.into_iter().map(f64::from).collect()
        })?,
    };
    floats(shape, numbers, element)
}

/// Normal numbers within two deviations. Each group of results has blocks of its own, as many as it may ever need.
///
/// # Errors
/// The generator is none.
pub fn truncated_normal(
    key: &Array,
    counter: &Array,
    shape: &[usize],
    element: Element,
) -> Result<Array> {
    let (philox, total) = (generator(key, counter)?, count(shape)?);
    let is_double = element == Element::F64;
    let group = if is_double { 2 } else { 4 };
    let mut numbers = Vec::with_capacity(total);
    for number in 0..total.div_ceil(group) {
        let mut own = philox;
        own.skip(number as u64 * group as u64 * 64);
        let mut word = own.words();
        let end = numbers.len() + group;
        while numbers.len() < end {
            let pair = match is_double {
                true => normal_double([word(), word(), word(), word()]),
                false => normal_single(word(), word()).map(f64::from),
            };
            let left = end - numbers.len();
            numbers.extend(pair.into_iter().filter(|x| x.abs() < 2.0).take(left));
        }
    }
    numbers.truncate(total);
    floats(shape, numbers, element)
}

fn pairs([a, b, c, d]: [u32; 4]) -> [u64; 2] {
    [
        u64::from(a) | u64::from(b) << 32,
        u64::from(c) | u64::from(d) << 32,
    ]
}

/// Integers of any bits.
///
/// # Errors
/// The generator is none.
pub fn bits(key: &Array, counter: &Array, shape: &[usize], element: Element) -> Result<Array> {
    let numbers = blocks(generator(key, counter)?, shape, |words| match element {
        Element::I64 | Element::U64 => pairs(words).map(|bits| bits as i64).to_vec(),
        _ => words.map(i64::from).to_vec(),
    })?;
    Ok(Array::integers(shape, numbers)?.to(element))
}

/// Integers from `low` up to `high`, which is not among them.
///
/// # Errors
/// There are none, or the generator is none.
pub fn integers(
    key: &Array,
    counter: &Array,
    low: &Array,
    high: &Array,
    shape: &[usize],
    element: Element,
) -> Result<Array> {
    let (low, high) = (low.scalar_i64()?, high.scalar_i64()?);
    if low >= high && count(shape)? > 0 {
        return Err(Error::new(format!(
            "Need minval < maxval, got {low} >= {high}"
        )));
    }
    let range = (high.wrapping_sub(low) as u64).max(1);
    let number = |bits: u64| low.wrapping_add((bits % range) as i64);
    let numbers = blocks(generator(key, counter)?, shape, |words| match element {
        Element::I64 | Element::U64 => pairs(words).map(number).to_vec(),
        _ => words.map(|word| number(word.into())).to_vec(),
    })?;
    Ok(Array::integers(shape, numbers)?.to(element))
}

/// `draws` classes for each row of logits, with the odds that these give.
///
/// # Errors
/// The logits are no matrix, or the generator is none.
pub fn classes(
    logits: &Array,
    key: &Array,
    counter: &Array,
    draws: usize,
    element: Element,
) -> Result<Array> {
    let &[rows, classes] = logits.shape() else {
        return Err(Error::new("logits are a matrix"));
    };
    let (scores, mut word) = (logits.to_f64(), generator(key, counter)?.words());
    let mut drawn = Vec::with_capacity(count(&[rows, draws])?);
    for row in scores.chunks(classes.max(1)).take(rows) {
        let finite = row.iter().copied().filter(|x| x.is_finite());
        let largest = finite.fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        let sums = row.iter().map(|score| {
            total += if score.is_finite() {
                (score - largest).exp()
            } else {
                0.0
            };
            total
        });
        let sums: Vec<f64> = sums.collect();
        for _ in 0..draws {
            let wanted = double(word(), word()) * total;
            drawn.push(sums.partition_point(|&sum| sum <= wanted) as i64);
        }
    }
    Ok(Array::integers(&[rows, draws], drawn)?.to(element))
}

/// The rows in another order.
///
/// # Errors
/// The generator is none.
pub fn shuffled<T: Elements>(x: &T, key: &Array, counter: &Array) -> Result<T> {
    let shape = x.extents().to_vec();
    let (rows, row) = match shape.split_first() {
        Some((&rows, row)) => (rows, count(row)?),
        None => (1, 1),
    };
    let mut word = generator(key, counter)?.words();
    let mut order: Vec<usize> = (0..rows).collect();
    for i in 0..rows.saturating_sub(1) {
        let other = i + word() as usize % (rows - i);
        order.swap(i, other);
    }
    let places: Vec<usize> = order
        .iter()
        .flat_map(|at| at * row..(at + 1) * row)
        .collect();
    x.take(&shape, &places)
}
