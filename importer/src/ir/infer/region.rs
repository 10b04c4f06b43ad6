//! Types of what branches and loops give.

use super::expect;
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Fresh, Loop, Region, Rounds, Shape, Type};

/// The types that all branches agree on; an extent that differs, or that only a branch knows, is a new symbol.
pub fn branches(branches: &[Region], inputs: &[&Type], fresh: &mut Fresh) -> Result<Vec<Type>> {
    let (chooser, arguments) = inputs
        .split_first()
        .ok_or_else(|| Error::malformed("a branch without what chooses it"))?;
    let chooses = chooser.dtype == DType::Bool || chooser.dtype.is_integer();
    expect(chooses && chooser.rank() == Some(0), || {
        format!("what chooses a branch is {chooser}, and must be a scalar")
    })?;
    let (first, others) = branches
        .split_first()
        .ok_or_else(|| Error::malformed("a choice among no branches"))?;
    for branch in branches {
        fits(branch, arguments)?;
    }
    let mut types = vec![];
    for (i, ty) in first.gives().enumerate() {
        let mut all = vec![(first, ty)];
        for other in others {
            let ty = other.gives().nth(i);
            all.push((
                other,
                ty.ok_or_else(|| Error::malformed("branches differ in their results"))?,
            ));
        }
        types.push(join(&all, fresh)?);
    }
    Ok(types)
}

/// The types of what is carried at the end, of what is collected, and of the number of rounds.
pub fn rounds(looped: &Loop, inputs: &[&Type], fresh: &mut Fresh) -> Result<Vec<Type>> {
    for region in looped.regions() {
        fits(region, inputs)?;
    }
    let body = &looped.body;
    expect(body.graph().outputs.len() >= looped.carried, || {
        format!(
            "the body of a loop carries {} values and gives fewer",
            looped.carried
        )
    })?;
    let mut types = vec![];
    let within = body.takes().zip(body.gives()).zip(inputs);
    for ((before, after), first) in within.take(looped.carried) {
        types.push(join(
            &[(body, before), (body, after), (body, first)],
            fresh,
        )?);
    }
    let rounds = match &looped.rounds {
        Rounds::Counted(rounds) => rounds.clone(),
        Rounds::While(_) => Dim::symbol(fresh.data_symbol()),
    };
    for row in body.gives().skip(looped.carried) {
        let Shape::Ranked(mut dims) = join(&[(body, row)], fresh)?.shape else {
            return Err(Error::unsupported("a loop collects values of unknown rank"));
        };
        dims.insert(0, rounds.clone());
        types.push(Type::new(row.dtype, dims));
    }
    types.push(Type::new(DType::I64, vec![]));
    Ok(types)
}

/// Checks operands against the arguments of a region: element types and ranks are equal, and known extents too.
fn fits(region: &Region, operands: &[&Type]) -> Result<()> {
    let count = region.graph().inputs.len();
    expect(count == operands.len(), || {
        format!(
            "a region takes {count} values and is given {}",
            operands.len()
        )
    })?;
    for (wanted, given) in region.takes().zip(operands) {
        let mut pairs = wanted.dims().iter().zip(given.dims());
        let agree = pairs.all(|(a, b)| match (a.as_known(), b.as_known()) {
            (Some(a), Some(b)) => a == b,
            (Some(_) | None, Some(_) | None) => true,
        });
        expect(
            wanted.dtype == given.dtype && wanted.rank() == given.rank() && agree,
            || format!("a region takes {wanted} and is given {given}"),
        )?;
    }
    Ok(())
}

/// One type for values of several regions.
fn join(types: &[(&Region, &Type)], fresh: &mut Fresh) -> Result<Type> {
    let [(_, first), ..] = types else {
        return Err(Error::internal("a type of no values"));
    };
    if types.iter().any(|(_, ty)| ty.dtype != first.dtype) {
        return Err(Error::malformed(
            "branches or rounds whose results differ in element type",
        ));
    }
    if types.iter().any(|(_, ty)| ty.rank() != first.rank()) {
        return Err(Error::unsupported(
            "branches or rounds whose results differ in rank",
        ));
    }
    let Some(dims) = first.shape.dims() else {
        return Ok(Type::clone(first));
    };
    let mut joined = Vec::with_capacity(dims.len());
    for (axis, dim) in dims.iter().enumerate() {
        let same =
            |(region, ty): &(&Region, &Type)| ty.dims()[axis] == *dim && region.is_outer(dim);
        joined.push(match types.iter().all(same) {
            true => dim.clone(),
            false => Dim::symbol(fresh.data_symbol()),
        });
    }
    Ok(Type::new(first.dtype, joined))
}
