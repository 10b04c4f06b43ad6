//! Recurrent layers, step by step and in double precision.

use super::Tensor;
use crate::error::{Error, Result};
use crate::ir::recurrent::Operands;
use crate::ir::{Cell, Masked, Output, Pass, Recurrence, Squash};

/// What a recurrent layer gives.
pub(super) fn recurrent(
    recurrence: &Recurrence,
    pass: &Pass,
    operands: &[&Tensor],
) -> Result<Vec<Tensor>> {
    let unfit = || Error::malformed("the operands of a recurrent layer do not fit");
    let operands = Operands::of(recurrence, pass, operands).ok_or_else(unfit)?;
    let layer = Layer::of(recurrence, &operands).ok_or_else(unfit)?;
    let &[rows, time, features] = operands.sequence.shape() else {
        return Err(unfit());
    };
    let sequence = Rows::of(operands.sequence, time * features).ok_or_else(unfit)?;
    let states = operands.given.state.iter();
    let states: Option<Vec<Rows>> = states.map(|state| Rows::of(state, layer.units)).collect();
    let states = states.ok_or_else(unfit)?;
    let mask = operands.given.mask.and_then(|mask| mask.elements::<bool>());
    let masks = mask.map_or(1, |mask| mask.len() / time.max(1));
    let batch = states.iter().fold(rows, |batch, state| match batch {
        1 => state.count,
        batch => batch,
    });
    let mut made = Made::default();
    for row in 0..batch {
        let mut state: Vec<Vec<f64>> = match states.is_empty() {
            true => vec![vec![0.0; layer.units]; recurrence.cell.states()],
            false => states.iter().map(|state| state.row(row).to_vec()).collect(),
        };
        let mut output = vec![0.0; layer.units];
        let mut outputs = vec![vec![]; time];
        for step in 0..time {
            let step = if recurrence.backward {
                time - 1 - step
            } else {
                step
            };
            let is_on = mask.is_none_or(|mask| mask[(row % masks) * time + step]);
            match (is_on, pass.mask) {
                (true, _) => {
                    let x = &sequence.row(row)[step * features..(step + 1) * features];
                    state = layer.step(x, &state);
                    output.clone_from(&state[0]);
                }
                (false, Some(Masked::Zeros)) => output.fill(0.0),
                (false, Some(Masked::Held) | None) => {}
            }
            outputs[step].clone_from(&output);
        }
        made.add(pass, outputs, output, state);
    }
    made.tensors(
        pass,
        recurrence,
        operands.sequence,
        [batch, time, layer.units],
    )
}

/// The results, row by row.
#[derive(Default)]
struct Made {
    output: Vec<f64>,
    states: Vec<Vec<f64>>,
}

impl Made {
    fn add(&mut self, pass: &Pass, all: Vec<Vec<f64>>, last: Vec<f64>, state: Vec<Vec<f64>>) {
        match pass.output {
            Some(Output::Sequence) => self.output.extend(all.into_iter().flatten()),
            Some(Output::Last) => self.output.extend(last),
            None => {}
        }
        self.states.resize(state.len(), vec![]);
        for (states, state) in self.states.iter_mut().zip(state) {
            states.extend(state);
        }
    }

    fn tensors(
        mut self,
        pass: &Pass,
        recurrence: &Recurrence,
        like: &Tensor,
        [batch, time, units]: [usize; 3],
    ) -> Result<Vec<Tensor>> {
        let dtype = like.dtype();
        let mut tensors = vec![];
        match pass.output {
            Some(Output::Sequence) => {
                tensors.push(Tensor::from_floats(
                    dtype,
                    &[batch, time, units],
                    self.output,
                )?);
            }
            Some(Output::Last) => {
                tensors.push(Tensor::from_floats(dtype, &[batch, units], self.output)?);
            }
            None => {}
        }
        self.states.resize(recurrence.cell.states(), vec![]);
        for state in self.states.into_iter().filter(|_| pass.state) {
            tensors.push(Tensor::from_floats(dtype, &[batch, units], state)?);
        }
        Ok(tensors)
    }
}

/// A tensor as rows; a single one is repeated.
struct Rows {
    numbers: Vec<f64>,
    count: usize,
    width: usize,
}

impl Rows {
    fn of(tensor: &Tensor, width: usize) -> Option<Self> {
        let count = tensor.shape().first().copied()?;
        let numbers = tensor.as_floats()?;
        (numbers.len() == count * width).then_some(Rows {
            numbers,
            count,
            width,
        })
    }

    fn row(&self, row: usize) -> &[f64] {
        let row = row % self.count.max(1);
        &self.numbers[row * self.width..(row + 1) * self.width]
    }

    /// A vector times some columns of the matrix, added to what is there.
    fn add_product(&self, vector: &[f64], first: usize, sums: &mut [f64]) {
        for (row, &factor) in vector.iter().enumerate() {
            let columns = &self.row(row)[first..first + sums.len()];
            for (sum, weight) in sums.iter_mut().zip(columns) {
                *sum += factor * weight;
            }
        }
    }
}

struct Layer<'a> {
    recurrence: &'a Recurrence,
    units: usize,
    kernel: Rows,
    recurrent: Rows,
    /// A row for each product, or for their sum.
    bias: Option<Rows>,
}

impl<'a> Layer<'a> {
    fn of(recurrence: &'a Recurrence, operands: &Operands<'_, &Tensor>) -> Option<Self> {
        let &[units, width] = operands.recurrent_kernel.shape() else {
            return None;
        };
        let bias = match operands.bias {
            Some(bias) if recurrence.cell.has_two_biases() => Some(Rows::of(bias, width)?),
            Some(bias) => Some(Rows::of(&bias.reshaped(&[1, width]).ok()?, width)?),
            None => None,
        };
        Some(Layer {
            recurrence,
            units,
            kernel: Rows::of(operands.kernel, width)?,
            recurrent: Rows::of(operands.recurrent_kernel, width)?,
            bias,
        })
    }

    /// The states after a step.
    fn step(&self, x: &[f64], state: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (f, gate) = (
            |x: f64| squash(self.recurrence.activation, x),
            |x: f64| squash(self.recurrence.recurrent_activation, x),
        );
        let (units, h) = (self.units, &state[0]);
        let width = units * self.recurrence.cell.gates();
        let row = |row: usize| match &self.bias {
            Some(bias) => bias.row(row).to_vec(),
            None => vec![0.0; width],
        };
        let mut z = row(0);
        self.kernel.add_product(x, 0, &mut z);
        match self.recurrence.cell {
            Cell::Simple => {
                self.recurrent.add_product(h, 0, &mut z);
                vec![z.into_iter().map(f).collect()]
            }
            Cell::Lstm => {
                self.recurrent.add_product(h, 0, &mut z);
                let part = |gate: usize, i: usize| z[gate * units + i];
                let carry = (0..units)
                    .map(|i| gate(part(1, i)) * state[1][i] + gate(part(0, i)) * f(part(2, i)));
                let carry: Vec<f64> = carry.collect();
                let output = (0..units).map(|i| gate(part(3, i)) * f(carry[i]));
                vec![output.collect(), carry]
            }
            Cell::Gru { reset_after } => {
                let mut r = if reset_after {
                    row(1)
                } else {
                    vec![0.0; width]
                };
                self.recurrent.add_product(h, 0, &mut r[..2 * units]);
                if reset_after {
                    self.recurrent
                        .add_product(h, 2 * units, &mut r[2 * units..]);
                }
                let reset = |i: usize| gate(z[units + i] + r[units + i]);
                let inner: Vec<f64> = match reset_after {
                    true => (0..units).map(|i| reset(i) * r[2 * units + i]).collect(),
                    false => {
                        let kept: Vec<f64> = (0..units).map(|i| reset(i) * h[i]).collect();
                        let mut inner = vec![0.0; units];
                        self.recurrent.add_product(&kept, 2 * units, &mut inner);
                        inner
                    }
                };
                let next = (0..units).map(|i| {
                    let keep = gate(z[i] + r[i]);
                    keep * h[i] + (1.0 - keep) * f(z[2 * units + i] + inner[i])
                });
                vec![next.collect()]
            }
        }
    }
}

fn squash(squash: Squash, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match squash {
        Squash::Linear => x,
        Squash::Tanh => x.tanh(),
        Squash::Sigmoid => sigmoid(x),
        Squash::Relu => x.max(0.0),
        Squash::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Squash::OldHardSigmoid => (x * 0.2 + 0.5).clamp(0.0, 1.0),
        Squash::Elu => {
            if x > 0.0 {
                x
            } else {
                x.exp_m1()
            }
        }
        Squash::Selu => {
            let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
            scale * if x > 0.0 { x } else { alpha * x.exp_m1() }
        }
        Squash::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Squash::Softsign => x / (1.0 + x.abs()),
        Squash::Silu => x * sigmoid(x),
    }
}
