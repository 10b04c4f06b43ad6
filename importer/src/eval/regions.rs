//! Branches and loops.

use super::run::{Extents, Params, run_within};
use super::{Tensor, movement};
use crate::error::{Error, Result};
use crate::ir::{Dim, Loop, Region, Rounds, Type};
use std::sync::Arc;

/// A loop may have this many rounds.
const ROUND_LIMIT: i64 = 1 << 24;

/// What the chosen branch gives. The first operand chooses.
pub fn branch(
    branches: &[Region],
    params: Params,
    operands: &[Arc<Tensor>],
    extents: &Extents,
) -> Result<Vec<Arc<Tensor>>> {
    let missing = || Error::malformed("a branch without what chooses it");
    let (chooser, arguments) = operands.split_first().ok_or_else(missing)?;
    let last = branches.len().saturating_sub(1);
    let chosen = match chooser.elements::<bool>() {
        Some(truth) => usize::from(truth.first() == Some(&true)),
        None => {
            let place = chooser.as_integers().and_then(|all| all.first().copied());
            place
                .and_then(|place| usize::try_from(place).ok())
                .unwrap_or(last)
        }
    };
    let region = branches.get(chosen.min(last)).ok_or_else(missing)?;
    run_within(region.graph(), params, arguments, extents.clone())
}

/// What is carried at the end of a loop, what it collects, and the number of its rounds.
pub fn rounds(
    looped: &Loop,
    params: Params,
    operands: Vec<Arc<Tensor>>,
    extents: &Extents,
) -> Result<Vec<Arc<Tensor>>> {
    let mut values = operands;
    let mut collected: Vec<Vec<Tensor>> = vec![vec![]; looped.collected()];
    let mut round = 0;
    loop {
        let around = extents.with(looped.round, round);
        if !goes_on(looped, round, params, &values, &around)? {
            break;
        }
        if round == ROUND_LIMIT {
            return Err(Error::unsupported(format!(
                "a loop of more than {ROUND_LIMIT} rounds"
            )));
        }
        let mut results = run_within(looped.body.graph(), params, &values, around)?;
        for (rows, row) in collected.iter_mut().zip(results.split_off(looped.carried)) {
            rows.push(as_row(&row)?);
        }
        values.splice(..looped.carried, results);
        round += 1;
    }
    values.truncate(looped.carried);
    for (rows, ty) in collected
        .iter()
        .zip(looped.body.gives().skip(looped.carried))
    {
        values.push(Arc::new(stack(rows, ty, extents)?));
    }
    values.push(Arc::new(Tensor::new(&[], vec![round])?));
    Ok(values)
}

fn goes_on(
    looped: &Loop,
    round: i64,
    params: Params,
    values: &[Arc<Tensor>],
    extents: &Extents,
) -> Result<bool> {
    match &looped.rounds {
        Rounds::Counted(rounds) => {
            let rounds = extents.value(rounds);
            let unknown = || Error::internal("a loop of an unknown number of rounds");
            Ok(round < rounds.ok_or_else(unknown)?)
        }
        Rounds::While(condition) => {
            let truth = run_within(condition.graph(), params, values, extents.clone())?;
            let truth = truth.first().and_then(|truth| truth.elements::<bool>());
            Ok(truth.and_then(|truth| truth.first()) == Some(&true))
        }
    }
}

/// A value with a first axis of extent 1.
fn as_row(value: &Tensor) -> Result<Tensor> {
    value.reshaped(&[&[1], value.shape()].concat())
}

/// The rows one after the other; of a type with an unknown extent there may be no rows, and then it is zero.
fn stack(rows: &[Tensor], ty: &Type, extents: &Extents) -> Result<Tensor> {
    if !rows.is_empty() {
        return movement::concat(0, &rows.iter().collect::<Vec<_>>());
    }
    let extent = |dim: &Dim| extents.value(dim).and_then(|n| usize::try_from(n).ok());
    let dims = ty.dims().iter().map(|dim| extent(dim).unwrap_or(0));
    let shape: Vec<usize> = std::iter::once(0).chain(dims).collect();
    movement::broadcast_to(&shape, &Tensor::scalar(0.0, ty.dtype)?)
}
