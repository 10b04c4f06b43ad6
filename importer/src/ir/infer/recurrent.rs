//! Types of what recurrent layers give.

use super::super::dim::Dim;
use super::super::recurrent::{Operands, Output, Pass, Recurrence};
use super::super::ty::Type;
use super::{boolean, broadcast_dim, expect, of_rank, real, same_dtype, unify};
use crate::error::{Error, Result};

pub(super) fn recurrent(
    recurrence: &Recurrence,
    pass: &Pass,
    inputs: &[&Type],
) -> Result<Vec<Type>> {
    let miscounted = || Error::malformed("a recurrent layer has too few or too many operands");
    let operands = Operands::of(recurrence, pass, inputs).ok_or_else(miscounted)?;
    let dtype = real(operands.sequence)?;
    let sequence = of_rank("the sequence", operands.sequence, 3)?;
    let units = weights(recurrence, &operands)?;
    let mut batch = sequence[0].clone();
    for state in operands.given.state {
        same_dtype(operands.sequence, state)?;
        let dims = of_rank("an initial state", state, 2)?;
        batch = broadcast_dim(&batch, &dims[0])?;
        unify(&dims[1], &units)?;
    }
    if let Some(mask) = operands.given.mask {
        boolean(mask)?;
        let dims = of_rank("the mask", mask, 2)?;
        unify(&dims[1], &sequence[1])?;
    }
    let state = Type::new(dtype, vec![batch.clone(), units.clone()]);
    let output = pass.output.map(|output| match output {
        Output::Sequence => Type::new(dtype, vec![batch, sequence[1].clone(), units]),
        Output::Last => state.clone(),
    });
    let states = if pass.state {
        recurrence.cell.states()
    } else {
        0
    };
    Ok(output
        .into_iter()
        .chain(std::iter::repeat_n(state, states))
        .collect())
}

/// How many units there are.
fn weights(recurrence: &Recurrence, operands: &Operands<'_, &Type>) -> Result<Dim> {
    let features = &of_rank("the sequence", operands.sequence, 3)?[2];
    let kernel = of_rank("the kernel", operands.kernel, 2)?;
    let recurrent = of_rank("the recurrent kernel", operands.recurrent_kernel, 2)?;
    let units = recurrent[0].clone();
    let width = units.clone() * Dim::from(recurrence.cell.gates());
    unify(features, &kernel[0])?;
    unify(&kernel[1], &width)?;
    unify(&recurrent[1], &width)?;
    let own = [operands.kernel, operands.recurrent_kernel];
    for weight in own.into_iter().chain(operands.bias) {
        same_dtype(operands.sequence, weight)?;
    }
    if let Some(bias) = operands.bias {
        let rows = recurrence.cell.has_two_biases();
        let dims = of_rank("the bias", bias, 1 + usize::from(rows))?;
        expect(!rows || dims[0].is(2), || {
            format!("the bias is {bias} and must have two rows")
        })?;
        unify(&dims[dims.len() - 1], &width)?;
    }
    Ok(units)
}
