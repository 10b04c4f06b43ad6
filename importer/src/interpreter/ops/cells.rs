//! Fused cells of recurrent networks.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    many("LSTMBlockCell", |cx| {
        let x = cx.tensor(0)?;
        lstm(cx, x.shape(), 0, Order::InputCellForget)
    }),
    many("BlockLSTM", |cx| {
        let x = cx.tensor(1)?;
        lstm(cx, x.shape(), 1, Order::InputCellForget)
    }),
    many("BlockLSTMV2", |cx| {
        let x = cx.tensor(1)?;
        lstm(cx, x.shape(), 1, Order::InputForgetCell)
    }),
    many("GRUBlockCell", gru),
];

/// How the gates lie beside each other in the weights, the output gate last.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    InputCellForget,
    InputForgetCell,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `[x, h] * w + b` for one row.
fn gates(x: &[f64], h: &[f64], w: &[f64], b: &[f64]) -> Vec<f64> {
    let width = b.len();
    let mut sums = b.to_vec();
    for (number, row) in x.iter().chain(h).zip(w.chunks(width.max(1))) {
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, weight)| *sum += number * weight);
    }
    sums
}

/// Operands from `first`: x `[time, batch, inputs]` (or one step), state, output, weights, peepholes, bias.
fn lstm(cx: &mut Cx<'_>, shape: &[usize], first: usize, order: Order) -> Result<Vec<Value>> {
    let dtype = cx.tensor(first)?.dtype();
    let (steps, batch, inputs) = match *shape {
        [batch, inputs] => (1, batch, inputs),
        [time, batch, inputs] => (time, batch, inputs),
        _ => return Err(Error::usage("x has two or three axes")),
    };
    let used = match first {
        1 => usize::try_from(cx.integer(0)?).unwrap_or(0).min(steps),
        _ => steps,
    };
    let x = cx.floats(first)?;
    let (mut state, mut output) = (cx.floats(first + 1)?, cx.floats(first + 2)?);
    let weights = cx.floats(first + 3)?;
    let peepholes = [
        cx.floats(first + 4)?,
        cx.floats(first + 5)?,
        cx.floats(first + 6)?,
    ];
    let bias = cx.floats(first + 7)?;
    let cells = bias.len() / 4;
    let cell = Cell {
        forget_bias: cx.attr("forget_bias").unwrap_or(0.0),
        clip: cx.attr("cell_clip").unwrap_or(0.0),
        peepholes: cx.attr::<bool>("use_peephole")?.then_some(&peepholes),
        order,
    };
    let fits = state.len() == batch * cells
        && output.len() == batch * cells
        && weights.len() == (inputs + cells) * 4 * cells
        && (cell.peepholes.is_none() || peepholes.iter().all(|p| p.len() == cells));
    if !fits {
        return Err(Error::usage("the cell's weights or states do not fit x"));
    }
    let mut outputs: [Vec<f64>; 7] = std::array::from_fn(|_| vec![0.0; steps * batch * cells]);
    for step in 0..used {
        for row in 0..batch {
            let at = (step * batch + row) * inputs;
            let own = row * cells..(row + 1) * cells;
            let sums = gates(&x[at..at + inputs], &output[own.clone()], &weights, &bias);
            for i in 0..cells {
                let place = row * cells + i;
                let values = cell.step(&sums, i, state[place]);
                state[place] = values[1];
                let to = (step * batch + row) * cells + i;
                outputs
                    .iter_mut()
                    .zip(values)
                    .for_each(|(output, value)| output[to] = value);
            }
            let start = (step * batch + row) * cells;
            output[own].copy_from_slice(&outputs[6][start..start + cells]);
        }
    }
    let result: Vec<usize> = shape[..shape.len() - 1]
        .iter()
        .copied()
        .chain([cells])
        .collect();
    count(&result)?;
    let tensor = |numbers| Ok(Tensor::from_floats(dtype, &result, numbers)?.into());
    outputs.into_iter().map(tensor).collect()
}

struct Cell<'a> {
    forget_bias: f64,
    /// What the state is clipped to, if positive.
    clip: f64,
    peepholes: Option<&'a [Vec<f64>; 3]>,
    order: Order,
}

impl Cell<'_> {
    /// Input gate, state, forget gate, output gate, candidate, squashed state, output of cell `i`.
    fn step(&self, sums: &[f64], i: usize, before: f64) -> [f64; 7] {
        let cells = sums.len() / 4;
        let part = |number: usize| sums[number * cells + i];
        let (candidate, forget) = match self.order {
            Order::InputCellForget => (part(1), part(2)),
            Order::InputForgetCell => (part(2), part(1)),
        };
        let peep = |gate: usize, state: f64| self.peepholes.map_or(0.0, |p| p[gate][i] * state);
        let input = sigmoid(part(0) + peep(0, before));
        let forget = sigmoid(forget + self.forget_bias + peep(1, before));
        let candidate = candidate.tanh();
        let mut state = candidate * input + before * forget;
        if self.clip > 0.0 {
            state = state.clamp(-self.clip, self.clip);
        }
        let output = sigmoid(part(3) + peep(2, state));
        let squashed = state.tanh();
        [
            input,
            state,
            forget,
            output,
            candidate,
            squashed,
            squashed * output,
        ]
    }
}

/// Operands: x, state, weights and bias of the gates and of the candidate come as `w_ru, w_c, b_ru, b_c`.
fn gru(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (x, h) = (cx.tensor(0)?, cx.tensor(1)?);
    let (&[batch, inputs], &[_, cells]) = (x.shape(), h.shape()) else {
        return Err(Error::usage("x and the state are matrices"));
    };
    let (numbers, state) = (x.to_floats()?, h.to_floats()?);
    let (of_gates, of_candidate) = (cx.floats(2)?, cx.floats(3)?);
    let (gate_bias, bias) = (cx.floats(4)?, cx.floats(5)?);
    if gate_bias.len() != 2 * cells
        || bias.len() != cells
        || state.len() != batch * cells
        || of_gates.len() != (inputs + cells) * 2 * cells
        || of_candidate.len() != (inputs + cells) * cells
    {
        return Err(Error::usage(
            "the cell's weights do not fit x and the state",
        ));
    }
    let mut outputs: [Vec<f64>; 4] = Default::default();
    for row in 0..batch {
        let x = &numbers[row * inputs..(row + 1) * inputs];
        let h = &state[row * cells..(row + 1) * cells];
        let sums = gates(x, h, &of_gates, &gate_bias);
        let (reset, update) = sums.split_at(cells);
        let reset: Vec<f64> = reset.iter().map(|&r| sigmoid(r)).collect();
        let kept: Vec<f64> = h.iter().zip(&reset).map(|(h, r)| h * r).collect();
        let candidates = gates(x, &kept, &of_candidate, &bias);
        for i in 0..cells {
            let (u, c) = (sigmoid(update[i]), candidates[i].tanh());
            let values = [reset[i], u, c, (1.0 - u) * c + u * h[i]];
            outputs
                .iter_mut()
                .zip(values)
                .for_each(|(output, value)| output.push(value));
        }
    }
    let tensor = |numbers| Ok(Tensor::from_floats(x.dtype(), &[batch, cells], numbers)?.into());
    outputs.into_iter().map(tensor).collect()
}
