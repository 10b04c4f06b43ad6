//! Ops that move elements.

use super::super::dim::Dim;
use super::super::op::{PadMode, SliceAxis};
use super::super::ty::{DType, Shape, Type};
use super::{check_axis, expect, of_rank, operands, ranked, same_dtype, unify};
use crate::error::{Error, Result};

pub(super) fn extents(dims: &[Dim], scalar: bool, dtype: DType, inputs: &[&Type]) -> Result<Type> {
    let [] = operands(inputs)?;
    expect(dtype.is_integer(), || {
        format!("extents are integers, not {dtype}")
    })?;
    expect(!scalar || dims.len() == 1, || {
        format!("a scalar holds one extent, not {}", dims.len())
    })?;
    Ok(Type::new(
        dtype,
        if scalar {
            vec![]
        } else {
            vec![Dim::from(dims.len())]
        },
    ))
}

pub(super) fn read_extents(count: usize, inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    expect(x.dtype.is_integer(), || {
        format!("extents are integers, not {}", x.dtype)
    })?;
    expect(
        x.rank().is_some_and(|rank| rank < 2)
            && x.shape.known().map(|dims| dims.iter().product()) == Some(count),
        || format!("{x} does not hold {count} extents"),
    )?;
    Ok(x.clone())
}

pub(super) fn reshape(dims: &[Dim], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let result = Type::new(x.dtype, dims);
    if let (Some(before), Some(after)) = (x.shape.known(), result.shape.known()) {
        let count = |extents: &[usize]| extents.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        let equal = count(&before).is_some_and(|n| count(&after) == Some(n));
        expect(equal, || {
            format!("{x} does not have as many elements as {result}")
        })?;
    }
    Ok(result)
}

/// The halves of the last axis, the other way round.
pub(super) fn rotate_half(inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let last = ranked("the operand", x)?.last().and_then(Dim::as_known);
    expect(last.is_some_and(|last| last % 2 == 0), || {
        format!("the last axis of {x} has no halves")
    })?;
    Ok(x.clone())
}

pub(super) fn transpose(permutation: &[usize], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let dims = of_rank("the operand", x, permutation.len())?;
    let mut seen = vec![false; dims.len()];
    let mut result = Vec::with_capacity(dims.len());
    for &axis in permutation {
        let fits = seen
            .get_mut(axis)
            .is_some_and(|seen| !std::mem::replace(seen, true));
        expect(fits, || {
            format!("{permutation:?} does not permute the axes of {x}")
        })?;
        result.push(dims[axis].clone());
    }
    Ok(Type::new(x.dtype, result))
}

pub(super) fn broadcast_to(dims: &[Dim], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let result = Type::new(x.dtype, dims);
    if let Shape::Ranked(from) = &x.shape {
        let mismatch = || Error::malformed(format!("{x} does not broadcast to {result}"));
        let lead = dims.len().checked_sub(from.len()).ok_or_else(mismatch)?;
        for (a, b) in from.iter().zip(&dims[lead..]) {
            if !a.is(1) {
                unify(a, b).map_err(|_| mismatch())?;
            }
        }
    }
    Ok(result)
}

pub(super) fn slice(axes: &[SliceAxis], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let dims = of_rank("the operand", x, axes.len())?;
    for (axis, (part, extent)) in axes.iter().zip(dims).enumerate() {
        expect(part.step > 0, || {
            format!("the slice of axis {axis} has the step 0")
        })?;
        if let (Some(start), Some(length), Some(extent)) = (
            part.start.as_known(),
            part.length.as_known(),
            extent.as_known(),
        ) {
            let step = i64::try_from(part.step).unwrap_or(i64::MAX);
            let last = start.saturating_add(step.saturating_mul(length - 1));
            let inside = start >= 0 && (length <= 0 || last < extent);
            expect(inside, || {
                format!("{length} elements from {start}, {step} apart, leave axis {axis} of {x}")
            })?;
        }
    }
    Ok(Type::new(
        x.dtype,
        axes.iter()
            .map(|axis| axis.length.clone())
            .collect::<Vec<_>>(),
    ))
}

pub(super) fn concat(axis: usize, inputs: &[&Type]) -> Result<Type> {
    let (first, rest) = inputs
        .split_first()
        .ok_or_else(|| Error::malformed("there is nothing to concatenate"))?;
    check_axis(axis, first)?;
    let mut dims = ranked("the operand", first)?.to_vec();
    for ty in rest {
        same_dtype(first, ty)?;
        let other = of_rank("the operand", ty, dims.len())?;
        for (i, (sum, dim)) in dims.iter_mut().zip(other).enumerate() {
            *sum = match i == axis {
                true => sum.clone() + dim.clone(),
                false => unify(sum, dim).map_err(|_| {
                    Error::malformed(format!(
                        "{first} and {ty} differ in axis {i}, not only in {axis}"
                    ))
                })?,
            };
        }
    }
    Ok(Type::new(first.dtype, dims))
}

pub(super) fn pad(widths: &[(Dim, Dim)], mode: PadMode, inputs: &[&Type]) -> Result<Type> {
    let x = match mode {
        PadMode::Constant => {
            let [x, value] = operands(inputs)?;
            same_dtype(x, value)?;
            of_rank("the padding value", value, 0)?;
            x
        }
        PadMode::Reflect | PadMode::Symmetric => {
            let [x] = operands(inputs)?;
            x
        }
    };
    let dims = of_rank("the operand", x, widths.len())?;
    let negative = |dim: &Dim| dim.as_known().is_some_and(|n| n < 0);
    for (before, after) in widths {
        expect(!negative(before) && !negative(after), || {
            format!("the widths {before} and {after} are negative")
        })?;
    }
    let padded = dims
        .iter()
        .zip(widths)
        .map(|(dim, (a, b))| dim.clone() + a.clone() + b.clone());
    Ok(Type::new(x.dtype, padded.collect::<Vec<_>>()))
}

pub(super) fn reverse(axes: &[usize], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    axes.iter().try_for_each(|&axis| check_axis(axis, x))?;
    Ok(x.clone())
}

pub(super) fn tile(repeats: &[Dim], inputs: &[&Type]) -> Result<Type> {
    let [x] = operands(inputs)?;
    let dims = of_rank("the operand", x, repeats.len())?;
    let tiled = dims
        .iter()
        .zip(repeats)
        .map(|(dim, n)| dim.clone() * n.clone());
    Ok(Type::new(x.dtype, tiled.collect::<Vec<_>>()))
}
