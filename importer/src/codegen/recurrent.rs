//! Recurrent layers in the words that both frameworks' support code has.

use super::operand::{Arg, Body};
use super::rust::Expr;
use crate::error::{Error, Result};
use crate::ir::recurrent::{Given, Operands};
use crate::ir::{Cell, Masked, Output, Pass, Recurrence, Squash};

/// The support code's type of a layer.
pub fn ty(recurrence: &Recurrence) -> &'static str {
    match recurrence.cell {
        Cell::Simple => "recurrent::SimpleRnn",
        Cell::Lstm => "recurrent::Lstm",
        Cell::Gru { .. } => "recurrent::Gru",
    }
}

/// `RecurrentConfig::lstm(6, 4).backward()`
pub fn config(body: &mut Body, recurrence: &Recurrence, inputs: Expr, units: Expr) -> Expr {
    let config = body.support("recurrent::RecurrentConfig");
    let function = match recurrence.cell {
        Cell::Simple => "simple_rnn",
        Cell::Lstm => "lstm",
        Cell::Gru { reset_after: true } => "gru",
        Cell::Gru { reset_after: false } => "gru_reset_before",
    };
    let mut made = Expr::call(format!("{config}::{function}"), [inputs, units]);
    let mut squash = |name: &str, squash: Squash, made: Expr| {
        let ty = body.support("recurrent::Squash");
        made.call_method(name, [Expr::path(format!("{ty}::{squash:?}"))])
    };
    if recurrence.activation != Squash::Tanh {
        made = squash("activation", recurrence.activation, made);
    }
    if recurrence.cell != Cell::Simple && recurrence.recurrent_activation != Squash::Sigmoid {
        made = squash(
            "recurrent_activation",
            recurrence.recurrent_activation,
            made,
        );
    }
    if !recurrence.bias {
        made = made.call_method("no_bias", []);
    }
    match recurrence.backward {
        true => made.call_method("backward", []),
        false => made,
    }
}

/// The call of a layer, or of what stands for one: `lstm.masked(&mask).forward(&x)`. The first operand is the sequence,
/// the others are what the call is given besides.
pub fn call(
    body: &mut Body,
    layer: Expr,
    (cell, pass): (Cell, &Pass),
    args: &[Arg],
    spelt: &dyn Fn(&Arg, &mut Body) -> Expr,
) -> Result<Expr> {
    let unfit = || Error::internal("a recurrent layer that is not given what it takes");
    let (x, given) = args.split_first().ok_or_else(unfit)?;
    let given = Given::of(cell, pass, given).ok_or_else(unfit)?;
    let mut layer = layer;
    if let Some(mask) = given.mask {
        let mask = spelt(mask, body);
        layer = match pass.mask {
            Some(Masked::Zeros) => layer.call_method("masked_with_zeros", [mask]),
            Some(Masked::Held) | None => layer.call_method("masked", [mask]),
        };
    }
    if pass.starts {
        let states: Vec<Expr> = given.state.iter().map(|state| spelt(state, body)).collect();
        layer = layer.call_method("started_at", [Expr::array(states)]);
    }
    let method = match (pass.output, pass.state) {
        (Some(Output::Sequence), false) => "forward",
        (Some(Output::Sequence), true) => "forward_and_state",
        (Some(Output::Last), false) => "last",
        (Some(Output::Last), true) => "last_and_state",
        (None, _) => "state",
    };
    let x = spelt(x, body);
    Ok(layer.call_method(method, [x]))
}

/// A layer of weights that are no field: `RecurrentConfig::lstm(6, 4).with(&kernel, &recurrent_kernel, None)`, called.
pub fn op(
    body: &mut Body,
    recurrence: &Recurrence,
    pass: &Pass,
    args: &[Arg],
    spelt: &dyn Fn(&Arg, &mut Body) -> Expr,
) -> Result<Expr> {
    let unfit = || Error::internal("a recurrent layer without its weights");
    let operands = Operands::of(recurrence, pass, args).ok_or_else(unfit)?;
    let size = |arg: &Arg| {
        let size = arg.ty.dims().first().and_then(|dim| dim.as_usize());
        let unknown =
            || Error::unsupported("a recurrent layer of a size that only the caller knows");
        size.map(Expr::size).ok_or_else(unknown)
    };
    let (inputs, units) = (size(operands.kernel)?, size(operands.recurrent_kernel)?);
    let config = config(body, recurrence, inputs, units);
    let weights = [operands.kernel, operands.recurrent_kernel].map(|arg| spelt(arg, body));
    let bias = match operands.bias {
        Some(bias) => Expr::call("Some", [spelt(bias, body)]),
        None => Expr::path("None"),
    };
    let name = match recurrence.cell.has_two_biases() && operands.bias.is_some() {
        true => "with_biases",
        false => "with",
    };
    let layer = config.call_method(name, weights.into_iter().chain([bias]));
    let mut given = vec![operands.sequence.clone()];
    given.extend(operands.given.mask.cloned());
    given.extend(operands.given.state.iter().cloned());
    call(body, layer, (recurrence.cell, pass), &given, spelt)
}
