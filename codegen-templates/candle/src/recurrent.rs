//! Recurrent layers over whole sequences: LSTM, GRU and the simple cell, with TensorFlow's gates and weights.

use super::activation::Activation;
use super::binary::select;
use super::composed;
use super::conv::glorot_uniform;
use super::cpu;
use super::lstm_op::LstmOp;
use candle_core::{Module, Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};

/// A function that cells apply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Squash {
    Linear,
    Tanh,
    Sigmoid,
    Relu,
    /// `relu6(x + 3) / 6`.
    HardSigmoid,
    /// `clamp(x / 5 + 0.5, 0, 1)`.
    OldHardSigmoid,
    Elu,
    Selu,
    Softplus,
    Softsign,
    Silu,
}

impl Squash {
    fn forward(self, x: &Tensor) -> Result<Tensor> {
        let activation = match self {
            Squash::Linear => return Ok(x.clone()),
            Squash::OldHardSigmoid => return x.affine(0.2, 0.5)?.clamp(0.0, 1.0),
            Squash::Tanh => Activation::Tanh,
            Squash::Sigmoid => Activation::Sigmoid,
            Squash::Relu => Activation::Relu,
            Squash::HardSigmoid => Activation::HardSigmoid,
            Squash::Elu => Activation::Elu(1.0),
            Squash::Selu => Activation::Selu,
            Squash::Softplus => Activation::Softplus,
            Squash::Softsign => Activation::Softsign,
            Squash::Silu => Activation::Silu,
        };
        activation.forward(x)
    }
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Simple,
    Lstm,
    Gru,
    GruResetBefore,
}

impl Cell {
    /// The parts that the columns of the kernels have.
    fn gates(self) -> usize {
        match self {
            Cell::Simple => 1,
            Cell::Lstm => 4,
            Cell::Gru | Cell::GruResetBefore => 3,
        }
    }
}

/// What a recurrent layer of `N` states is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecurrentConfig<const N: usize> {
    cell: Cell,
    inputs: usize,
    units: usize,
    activation: Squash,
    recurrent_activation: Squash,
    bias: bool,
    backward: bool,
}

impl RecurrentConfig<2> {
    /// An LSTM: the parts of its kernels are input, forget, cell and output.
    pub fn lstm(inputs: usize, units: usize) -> Self {
        Self::of(Cell::Lstm, inputs, units)
    }
}

impl RecurrentConfig<1> {
    /// A GRU whose reset gate scales the product of state and kernel: parts update, reset and new, and two rows of biases.
    pub fn gru(inputs: usize, units: usize) -> Self {
        Self::of(Cell::Gru, inputs, units)
    }

    /// A GRU whose reset gate scales the state itself.
    pub fn gru_reset_before(inputs: usize, units: usize) -> Self {
        Self::of(Cell::GruResetBefore, inputs, units)
    }

    /// A layer whose state is a function of one sum.
    pub fn simple_rnn(inputs: usize, units: usize) -> Self {
        Self::of(Cell::Simple, inputs, units)
    }
}

impl<const N: usize> RecurrentConfig<N> {
    fn of(cell: Cell, inputs: usize, units: usize) -> Self {
        Self {
            cell,
            inputs,
            units,
            activation: Squash::Tanh,
            recurrent_activation: Squash::Sigmoid,
            bias: true,
            backward: false,
        }
    }

    /// Another function than `tanh` of what is new.
    pub fn activation(self, activation: Squash) -> Self {
        Self { activation, ..self }
    }

    /// Another function than the sigmoid of the gates.
    pub fn recurrent_activation(self, recurrent_activation: Squash) -> Self {
        Self {
            recurrent_activation,
            ..self
        }
    }

    /// No bias.
    pub fn no_bias(self) -> Self {
        Self {
            bias: false,
            ..self
        }
    }

    /// The last step comes first; outputs stand where their inputs do.
    pub fn backward(self) -> Self {
        Self {
            backward: true,
            ..self
        }
    }

    fn width(&self) -> usize {
        self.cell.gates() * self.units
    }

    /// The layer with the weights under `vb`.
    pub fn init(self, vb: VarBuilder) -> Result<Recurrent<N>> {
        let (inputs, units, width) = (self.inputs, self.units, self.width());
        let glorot = |rows| glorot_uniform(rows, width);
        let shape = match self.cell {
            Cell::Gru => vec![2, width],
            Cell::Simple | Cell::Lstm | Cell::GruResetBefore => vec![width],
        };
        let bias = self
            .bias
            .then(|| vb.get_with_hints(shape, "bias", Init::Const(0.0)))
            .transpose()?;
        Ok(Recurrent {
            config: self,
            kernel: vb.get_with_hints((inputs, width), "kernel", glorot(inputs))?,
            recurrent_kernel: vb.get_with_hints(
                (units, width),
                "recurrent_kernel",
                glorot(units),
            )?,
            bias,
        })
    }

    /// A call of what has these weights.
    pub fn with<'a>(
        self,
        kernel: &'a Tensor,
        recurrent_kernel: &'a Tensor,
        bias: Option<&'a Tensor>,
    ) -> Pass<'a, N> {
        Pass {
            config: self,
            kernel,
            recurrent_kernel,
            bias,
            mask: None,
            zeros: false,
            state: None,
        }
    }

    /// The same with two rows of biases.
    pub fn with_biases<'a>(
        self,
        kernel: &'a Tensor,
        recurrent_kernel: &'a Tensor,
        biases: Option<&'a Tensor>,
    ) -> Pass<'a, N> {
        self.with(kernel, recurrent_kernel, biases)
    }
}

/// A recurrent layer of `N` states: kernel `[inputs, gates * units]`, recurrent kernel `[units, gates * units]`, bias
/// `[gates * units]`, or `[2, gates * units]` of a GRU.
#[derive(Clone, Debug)]
pub struct Recurrent<const N: usize> {
    config: RecurrentConfig<N>,
    kernel: Tensor,
    recurrent_kernel: Tensor,
    bias: Option<Tensor>,
}

/// A layer with the states `h` and `c`.
pub type Lstm = Recurrent<2>;
/// A layer with the state `h`.
pub type Gru = Recurrent<1>;
/// A layer with the state `h`.
pub type SimpleRnn = Recurrent<1>;

impl<const N: usize> Recurrent<N> {
    pub fn kernel(&self) -> &Tensor {
        &self.kernel
    }

    pub fn recurrent_kernel(&self) -> &Tensor {
        &self.recurrent_kernel
    }

    /// A call that begins with states of zeros, and leaves no step out.
    pub fn pass(&self) -> Pass<'_, N> {
        self.config
            .with(&self.kernel, &self.recurrent_kernel, self.bias.as_ref())
    }

    /// See [`Pass::masked`].
    pub fn masked<'a>(&'a self, mask: &'a Tensor) -> Pass<'a, N> {
        self.pass().masked(mask)
    }

    /// See [`Pass::masked_with_zeros`].
    pub fn masked_with_zeros<'a>(&'a self, mask: &'a Tensor) -> Pass<'a, N> {
        self.pass().masked_with_zeros(mask)
    }

    /// See [`Pass::started_at`].
    pub fn started_at<'a>(&'a self, state: [&'a Tensor; N]) -> Pass<'a, N> {
        self.pass().started_at(state)
    }

    /// See [`Pass::forward`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.pass().forward(x)
    }

    /// See [`Pass::last`].
    pub fn last(&self, x: &Tensor) -> Result<Tensor> {
        self.pass().last(x)
    }

    /// See [`Pass::state`].
    pub fn state(&self, x: &Tensor) -> Result<[Tensor; N]> {
        self.pass().state(x)
    }

    /// See [`Pass::forward_and_state`].
    pub fn forward_and_state(&self, x: &Tensor) -> Result<(Tensor, [Tensor; N])> {
        self.pass().forward_and_state(x)
    }

    /// See [`Pass::last_and_state`].
    pub fn last_and_state(&self, x: &Tensor) -> Result<(Tensor, [Tensor; N])> {
        self.pass().last_and_state(x)
    }
}

impl<const N: usize> Module for Recurrent<N> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Recurrent::forward(self, x)
    }
}

/// A call of a recurrent layer.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a, const N: usize> {
    config: RecurrentConfig<N>,
    kernel: &'a Tensor,
    recurrent_kernel: &'a Tensor,
    bias: Option<&'a Tensor>,
    mask: Option<&'a Tensor>,
    zeros: bool,
    state: Option<[&'a Tensor; N]>,
}

/// The outputs of all steps, in the order of the sequence.
enum Outputs {
    /// One by one.
    Each(Vec<Tensor>),
    /// `[batch, time, units]`
    All(Tensor),
}

/// What a call makes.
struct Made<const N: usize> {
    outputs: Outputs,
    /// The output of the last one.
    last: Tensor,
    state: [Tensor; N],
}

impl<'a, const N: usize> Pass<'a, N> {
    /// Leaves out the steps where the mask `[batch, time]` is 0: states stay, and the output is that of the step before.
    pub fn masked(self, mask: &'a Tensor) -> Self {
        Self {
            mask: Some(mask),
            ..self
        }
    }

    /// The same, but the output of such a step is zero.
    pub fn masked_with_zeros(self, mask: &'a Tensor) -> Self {
        Self {
            zeros: true,
            ..self.masked(mask)
        }
    }

    /// The states `[batch, units]` before the first step.
    pub fn started_at(self, state: [&'a Tensor; N]) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }

    /// The outputs of all steps of `x`, `[batch, time, inputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.sequence(x, &self.run(x)?)
    }

    /// The output of the last step.
    pub fn last(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.run(x)?.last)
    }

    /// The states after the steps.
    pub fn state(&self, x: &Tensor) -> Result<[Tensor; N]> {
        Ok(self.run(x)?.state)
    }

    /// The outputs of all steps, and the states after them.
    pub fn forward_and_state(&self, x: &Tensor) -> Result<(Tensor, [Tensor; N])> {
        let made = self.run(x)?;
        Ok((self.sequence(x, &made)?, made.state))
    }

    /// The output of the last step, and the states after it.
    pub fn last_and_state(&self, x: &Tensor) -> Result<(Tensor, [Tensor; N])> {
        let made = self.run(x)?;
        Ok((made.last, made.state))
    }

    fn sequence(&self, x: &Tensor, made: &Made<N>) -> Result<Tensor> {
        match &made.outputs {
            Outputs::Each(outputs) if outputs.is_empty() => {
                let (batch, units) = made.last.dims2()?;
                Tensor::zeros((batch, 0, units), x.dtype(), x.device())
            }
            Outputs::Each(outputs) => Tensor::stack(outputs, 1),
            Outputs::All(outputs) => Ok(outputs.clone()),
        }
    }

    fn run(&self, x: &Tensor) -> Result<Made<N>> {
        let (rows, time, inputs) = x.dims3()?;
        if inputs != self.config.inputs {
            bail!("a layer of {} inputs is given {inputs}", self.config.inputs);
        }
        let mut state = self.first(x)?;
        let mut last = state[0].zeros_like()?;
        let mut outputs = vec![last.clone(); time];
        if rows * time == 0 {
            return Ok(Made {
                outputs: Outputs::Each(outputs),
                last,
                state,
            });
        }
        if self.is_native(x) {
            return self.run_at_once(x, state);
        }
        let steps = self.projected(x, true)?;
        let mask = self.mask.map(|mask| mask.t()?.unsqueeze(2)).transpose()?;
        for step in 0..time {
            let step = if self.config.backward {
                time - 1 - step
            } else {
                step
            };
            let mut next = self.step(&steps.get(step)?, &state)?;
            last = match &mask {
                None => next[0].clone(),
                Some(mask) => {
                    let mask = mask.get(step)?;
                    let other = match self.zeros {
                        true => last.zeros_like()?,
                        false => last,
                    };
                    let output = select(&mask, &next[0], &other)?;
                    for (new, old) in next.iter_mut().zip(&state) {
                        *new = select(&mask, new, old)?;
                    }
                    output
                }
            };
            outputs[step] = last.clone();
            state = next;
        }
        Ok(Made {
            outputs: Outputs::Each(outputs),
            last,
            state,
        })
    }

    /// Whether all steps are one operation.
    fn is_native(&self, x: &Tensor) -> bool {
        let usual = (Squash::Tanh, Squash::Sigmoid);
        self.config.cell == Cell::Lstm
            && (self.config.activation, self.config.recurrent_activation) == usual
            && cpu::is_native(x)
    }

    fn run_at_once(&self, x: &Tensor, state: [Tensor; N]) -> Result<Made<N>> {
        let time = x.dim(1)?;
        let (batch, units) = state[0].dims2()?;
        let steps = self.projected(x, false)?;
        let steps = steps.broadcast_as((time, batch, self.config.width()))?;
        let kernel = match self.bias {
            Some(bias) => Tensor::cat(&[self.recurrent_kernel, &bias.unsqueeze(0)?], 0)?,
            None => self.recurrent_kernel.contiguous()?,
        };
        let first = Tensor::stack(&state, 0)?;
        let mask = self.mask.map(|mask| {
            let rows = mask.t()?.broadcast_as((time, batch))?;
            rows.flatten_all()?.to_vec1()
        });
        let op = LstmOp {
            backward: self.config.backward,
            mask: mask.transpose()?,
            zeros: self.zeros,
            keep: steps.track_op() || kernel.track_op() || first.track_op(),
        };
        let made = steps.contiguous()?.apply_op3(&kernel, &first, op)?;
        let end = if self.config.backward { 0 } else { time - 1 };
        let after = |plane: usize| made.get(plane)?.get(end);
        let mut states = state;
        for (place, state) in states.iter_mut().enumerate() {
            *state = after(place + 1)?.reshape((batch, units))?;
        }
        Ok(Made {
            outputs: Outputs::All(made.get(0)?.transpose(0, 1)?),
            last: after(0)?,
            state: states,
        })
    }

    /// The states before the first step. A batch of one goes with one of several.
    fn first(&self, x: &Tensor) -> Result<[Tensor; N]> {
        let zeros = || Tensor::zeros((x.dim(0)?, self.config.units), x.dtype(), x.device());
        let mut states = Vec::with_capacity(N);
        for i in 0..N {
            states.push(match self.state {
                Some(given) => zeros()?.broadcast_add(given[i])?,
                None => zeros()?,
            });
        }
        match states.try_into() {
            Ok(states) => Ok(states),
            Err(_) => bail!("a layer without states"),
        }
    }

    /// The products of all steps with the kernel, and the bias if asked for: `[time, batch, gates * units]`.
    fn projected(&self, x: &Tensor, with_bias: bool) -> Result<Tensor> {
        let (batch, time, inputs) = x.dims3()?;
        let rows = x.transpose(0, 1)?.contiguous()?;
        let rows = rows.reshape((time * batch, inputs))?;
        let rows = composed::product(&rows, self.kernel)?;
        let bias = match (self.bias, self.config.cell) {
            (Some(bias), Cell::Gru) => Some(bias.get(0)?),
            (bias, _) => bias.cloned(),
        };
        let rows = match bias.filter(|_| with_bias) {
            Some(bias) => rows.broadcast_add(&bias)?,
            None => rows,
        };
        rows.reshape((time, batch, self.config.width()))
    }

    /// The states after a step, of which `x` is the product with the kernel.
    fn step(&self, x: &Tensor, state: &[Tensor; N]) -> Result<[Tensor; N]> {
        let units = self.config.units;
        let gate = |x: &Tensor| self.config.recurrent_activation.forward(x);
        let new = |x: &Tensor| self.config.activation.forward(x);
        let part = |x: &Tensor, part: usize| x.narrow(1, part * units, units);
        let h = &state[0];
        let next = match self.config.cell {
            Cell::Simple => {
                vec![new(&x.broadcast_add(&h.matmul(self.recurrent_kernel)?)?)?]
            }
            Cell::Lstm => {
                let z = x.broadcast_add(&h.matmul(self.recurrent_kernel)?)?;
                let (input, forget) = (gate(&part(&z, 0)?)?, gate(&part(&z, 1)?)?);
                let (cell, output) = (new(&part(&z, 2)?)?, gate(&part(&z, 3)?)?);
                let carry = ((forget * &state[N - 1])? + (input * cell)?)?;
                vec![(output * new(&carry)?)?, carry]
            }
            Cell::Gru => {
                let r = h.matmul(self.recurrent_kernel)?;
                let r = match self.bias {
                    Some(bias) => r.broadcast_add(&bias.get(1)?)?,
                    None => r,
                };
                let gates = x.narrow(1, 0, 2 * units)?;
                let gates = gate(&gates.broadcast_add(&r.narrow(1, 0, 2 * units)?)?)?;
                let inner = (part(&gates, 1)? * part(&r, 2)?)?;
                let fresh = new(&part(x, 2)?.broadcast_add(&inner)?)?;
                vec![between(&part(&gates, 0)?, h, &fresh)?]
            }
            Cell::GruResetBefore => {
                let kernel = |first, count| {
                    self.recurrent_kernel
                        .narrow(1, first * units, count * units)?
                        .contiguous()
                };
                let r = h.matmul(&kernel(0, 2)?)?;
                let gates = gate(&x.narrow(1, 0, 2 * units)?.broadcast_add(&r)?)?;
                let kept = (part(&gates, 1)? * h)?;
                let fresh = part(x, 2)?.broadcast_add(&kept.matmul(&kernel(2, 1)?)?)?;
                vec![between(&part(&gates, 0)?, h, &new(&fresh)?)?]
            }
        };
        match next.try_into() {
            Ok(next) => Ok(next),
            Err(_) => bail!("a cell with other states than the layer has"),
        }
    }
}

/// `keep * old + (1 - keep) * new`.
fn between(keep: &Tensor, old: &Tensor, new: &Tensor) -> Result<Tensor> {
    (keep * (old - new)?)? + new
}
