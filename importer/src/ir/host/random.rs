//! Rows of random numbers. A generator is two operands: its key, and its counter.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::call::{HostValue, Inference, Operands};
use super::{Attribute, HostOp, sure, tried};
use crate::error::{Error, Result};
use savedmodel_import_kernels::array::{self, Array};
use savedmodel_import_kernels::{random, rejection};

fn generator_types() -> Vec<Type> {
    [1, 2]
        .map(|words| Type::new(DType::U64, vec![Dim::known(words)]))
        .to_vec()
}

fn of_generator(made: random::Generator) -> Vec<HostValue> {
    vec![made.0.into(), made.1.into()]
}

/// A generator, from two seeds that are scrambled.
pub static OF_SEEDS: HostOp = HostOp {
    path: "random::of_seeds",
    form: tried(),
    infer: |_| Ok(generator_types()),
    run: |x| Ok(of_generator(random::of_seeds(x.numbers(0)?)?)),
};

/// The next generator of an op with state. Attributes: the op's name, its seeds, how many blocks it uses.
pub static NEXT: HostOp = HostOp {
    path: "random::next",
    form: sure(),
    infer: |_| Ok(generator_types()),
    run: |x| {
        let (seed, seed2) = (x.integer(1)?, x.integer(2)?);
        let made = random::next(x.text(0)?, seed, seed2, x.extent(3)?);
        Ok(of_generator(made))
    },
};

/// The generator whose state is a list of integers.
pub static OF_STATE: HostOp = HostOp {
    path: "random::of_state",
    form: tried(),
    infer: |_| Ok(generator_types()),
    run: |x| Ok(of_generator(random::of_state(x.numbers(0)?)?)),
};

/// Such a state after some blocks. Operands: the state, how many.
pub static SKIPPED: HostOp = HostOp {
    path: "random::skipped",
    form: tried(),
    infer: |call| Ok(vec![call.ty(0)?.clone()]),
    run: |x| Ok(vec![random::skipped(x.numbers(0)?, x.numbers(1)?)?.into()]),
};

/// Attributes: the shape, the element type.
fn numbers(call: &mut Inference<'_>) -> Result<Vec<Type>> {
    let Some(Attribute::Extents(shape)) = call.attribute(0) else {
        return Err(Error::internal("random numbers without a shape"));
    };
    Ok(vec![Type::new(call.element(1)?, shape.clone())])
}

type Law = fn(&Array, &Array, &[usize], array::Element) -> array::Result<Array>;

fn drawn(x: &Operands<'_>, law: Law) -> array::Result<Vec<HostValue>> {
    let (key, counter) = (x.numbers(0)?, x.numbers(1)?);
    Ok(vec![
        law(key, counter, &x.extents(0)?, x.element(1)?)?.into(),
    ])
}

/// A row of numbers that depend on nothing but the generator.
const fn law(
    path: &'static str,
    run: fn(&Operands<'_>) -> array::Result<Vec<HostValue>>,
) -> HostOp {
    HostOp {
        path,
        form: tried(),
        infer: numbers,
        run,
    }
}

/// Uniform numbers in `0..1`.
pub static UNIFORM: HostOp = law("random::uniform", |x| drawn(x, random::uniform));
/// Normal numbers.
pub static NORMAL: HostOp = law("random::normal", |x| drawn(x, random::normal));
/// Normal numbers within two deviations.
pub static TRUNCATED_NORMAL: HostOp = law("random::truncated_normal", |x| {
    drawn(x, random::truncated_normal)
});
/// Integers of any bits.
pub static BITS: HostOp = law("random::bits", |x| drawn(x, random::bits));

/// Integers of a range. Operands: generator, lowest, one past the highest. Attributes: the shape, the element type.
pub static INTEGERS: HostOp = law("random::integers", |x| {
    let (low, high) = (x.numbers(2)?, x.numbers(3)?);
    let (key, counter) = (x.numbers(0)?, x.numbers(1)?);
    let made = random::integers(key, counter, low, high, &x.extents(0)?, x.element(1)?)?;
    Ok(vec![made.into()])
});

/// Uniform numbers of few bits, as `F32`. Attributes: the shape, how many bits.
pub static COARSE: HostOp = HostOp {
    path: "random::coarse",
    form: tried(),
    infer: |call| match call.attribute(0) {
        Some(Attribute::Extents(shape)) => Ok(vec![Type::new(DType::F32, shape.clone())]),
        _ => Err(Error::internal("random numbers without a shape")),
    },
    run: |x| {
        let (key, counter) = (x.numbers(0)?, x.numbers(1)?);
        let made = random::coarse(key, counter, &x.extents(0)?, x.integer(1)?)?;
        Ok(vec![made.into()])
    },
};

/// Classes by their odds. Operands: logits, generator. Attributes: how many for each row, the element type.
pub static CLASSES: HostOp = HostOp {
    path: "random::classes",
    form: tried(),
    infer: |call| {
        let Some(Attribute::Extent(draws)) = call.attribute(0) else {
            return Err(Error::internal("no number of draws"));
        };
        let rows = call.dims(0)?.first().cloned();
        let dims = rows.into_iter().chain([draws.clone()]);
        Ok(vec![Type::new(call.element(1)?, dims.collect::<Vec<_>>())])
    },
    run: |x| {
        let (logits, key, counter) = (x.numbers(0)?, x.numbers(1)?, x.numbers(2)?);
        let made = random::classes(logits, key, counter, x.extent(0)?, x.element(1)?)?;
        Ok(vec![made.into()])
    },
};

/// Rows in another order. Operands: the rows, generator.
pub static SHUFFLED: HostOp = HostOp {
    path: "random::shuffled",
    form: tried(),
    infer: |call| Ok(vec![call.ty(0)?.clone()]),
    run: |x| {
        let (key, counter) = (x.numbers(1)?, x.numbers(2)?);
        Ok(vec![match x.value(0)? {
            HostValue::Strings(words) => random::shuffled(words, key, counter)?.into(),
            HostValue::Numbers(numbers) => random::shuffled(numbers, key, counter)?.into(),
        }])
    },
};

type Rejection = fn(&Array, &Array, &Array, &[usize], array::Element) -> array::Result<Array>;

fn rejected(x: &Operands<'_>, number: Rejection) -> array::Result<Vec<HostValue>> {
    let (parameters, key, counter) = (x.numbers(0)?, x.numbers(1)?, x.numbers(2)?);
    let made = number(parameters, key, counter, &x.extents(0)?, x.element(1)?)?;
    Ok(vec![made.into()])
}

/// Gamma numbers. Operands: shape parameters, generator. Attributes: the shape, the element type.
pub static GAMMA: HostOp = law("rejection::gamma", |x| rejected(x, rejection::gamma));
/// Poisson numbers. Operands: rates, generator. Attributes: the shape, the element type.
pub static POISSON: HostOp = law("rejection::poisson", |x| rejected(x, rejection::poisson));
