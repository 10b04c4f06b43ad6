//! Recurrent layers over whole sequences: LSTM, GRU and the simple cell, with TensorFlow's gates and weights.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Bool, Device, Tensor, activation};

/// A function that cells apply.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in mathematics")]
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
    fn forward(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Squash::Linear => x,
            Squash::Tanh => x.tanh(),
            Squash::Sigmoid => activation::sigmoid(x),
            Squash::Relu => activation::relu(x),
            Squash::HardSigmoid => x.add_scalar(3.0).clamp(0.0, 6.0).div_scalar(6.0),
            Squash::OldHardSigmoid => x.mul_scalar(0.2).add_scalar(0.5).clamp(0.0, 1.0),
            Squash::Elu => elu(x),
            Squash::Selu => {
                let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
                let negative = x.clone().clamp_max(0.0).exp().sub_scalar(1.0);
                (activation::relu(x) + negative.mul_scalar(alpha)).mul_scalar(scale)
            }
            Squash::Softplus => activation::softplus(x, 1.0),
            Squash::Softsign => x.clone() / x.abs().add_scalar(1.0),
            Squash::Silu => activation::silu(x),
        }
    }
}

fn elu(x: Tensor<2>) -> Tensor<2> {
    let negative = x.clone().clamp_max(0.0).exp().sub_scalar(1.0);
    activation::relu(x) + negative
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

    /// A layer with Glorot's uniform weights and a bias of zero.
    pub fn init(&self, device: &Device) -> Recurrent<N> {
        let width = self.cell.gates() * self.units;
        let rows = if self.cell == Cell::Gru { 2 } else { 1 };
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let matrix = |rows: usize| glorot.init_with([rows, width], Some(rows), Some(width), device);
        Recurrent {
            kernel: matrix(self.inputs),
            recurrent_kernel: matrix(self.units),
            bias: self
                .bias
                .then(|| Initializer::Zeros.init([rows, width], device)),
            config: *self,
        }
    }

    /// A call of what has these weights.
    pub fn with(
        self,
        kernel: Tensor<2>,
        recurrent_kernel: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Pass<N> {
        let bias = bias.map(|bias| bias.unsqueeze::<2>());
        self.with_biases(kernel, recurrent_kernel, bias)
    }

    /// The same with two rows of biases.
    pub fn with_biases(
        self,
        kernel: Tensor<2>,
        recurrent_kernel: Tensor<2>,
        biases: Option<Tensor<2>>,
    ) -> Pass<N> {
        Pass {
            config: self,
            kernel,
            recurrent_kernel,
            biases,
            mask: None,
            zeros: false,
            state: None,
        }
    }
}

/// A recurrent layer of `N` states.
#[derive(Module, Debug)]
pub struct Recurrent<const N: usize> {
    /// The kernel `[inputs, gates * units]`.
    pub kernel: Param<Tensor<2>>,
    /// The recurrent kernel `[units, gates * units]`.
    pub recurrent_kernel: Param<Tensor<2>>,
    /// The bias `[1, gates * units]`; of a GRU `[2, gates * units]`, a row for each kernel.
    pub bias: Option<Param<Tensor<2>>>,
    /// Cell, sizes and functions.
    #[module(skip)]
    pub config: RecurrentConfig<N>,
}

/// A layer with the states `h` and `c`.
pub type Lstm = Recurrent<2>;
/// A layer with the state `h`.
pub type Gru = Recurrent<1>;
/// A layer with the state `h`.
pub type SimpleRnn = Recurrent<1>;

impl<const N: usize> Recurrent<N> {
    /// A call that begins with states of zeros, and leaves no step out.
    pub fn pass(&self) -> Pass<N> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        self.config
            .with_biases(self.kernel.val(), self.recurrent_kernel.val(), bias)
    }

    /// See [`Pass::masked`].
    pub fn masked(&self, mask: Tensor<2, Bool>) -> Pass<N> {
        self.pass().masked(mask)
    }

    /// See [`Pass::masked_with_zeros`].
    pub fn masked_with_zeros(&self, mask: Tensor<2, Bool>) -> Pass<N> {
        self.pass().masked_with_zeros(mask)
    }

    /// See [`Pass::started_at`].
    pub fn started_at(&self, state: [Tensor<2>; N]) -> Pass<N> {
        self.pass().started_at(state)
    }

    /// See [`Pass::forward`].
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.pass().forward(x)
    }

    /// See [`Pass::last`].
    pub fn last(&self, x: Tensor<3>) -> Tensor<2> {
        self.pass().last(x)
    }

    /// See [`Pass::state`].
    pub fn state(&self, x: Tensor<3>) -> [Tensor<2>; N] {
        self.pass().state(x)
    }

    /// See [`Pass::forward_and_state`].
    pub fn forward_and_state(&self, x: Tensor<3>) -> (Tensor<3>, [Tensor<2>; N]) {
        self.pass().forward_and_state(x)
    }

    /// See [`Pass::last_and_state`].
    pub fn last_and_state(&self, x: Tensor<3>) -> (Tensor<2>, [Tensor<2>; N]) {
        self.pass().last_and_state(x)
    }
}

/// A call of a recurrent layer.
#[derive(Clone, Debug)]
pub struct Pass<const N: usize> {
    config: RecurrentConfig<N>,
    kernel: Tensor<2>,
    recurrent_kernel: Tensor<2>,
    biases: Option<Tensor<2>>,
    mask: Option<Tensor<2, Bool>>,
    zeros: bool,
    state: Option<[Tensor<2>; N]>,
}

/// What a call makes.
struct Made<const N: usize> {
    /// The output of each step, in the order of the sequence.
    outputs: Vec<Tensor<2>>,
    /// The output of the last one.
    last: Tensor<2>,
    state: [Tensor<2>; N],
}

impl<const N: usize> Made<N> {
    fn sequence(&self) -> Tensor<3> {
        let [batch, units] = self.last.dims();
        match self.outputs.is_empty() {
            true => {
                let options = (&self.last.device(), self.last.dtype());
                Tensor::zeros([batch, 0, units], options)
            }
            false => Tensor::stack(self.outputs.clone(), 1),
        }
    }
}

impl<const N: usize> Pass<N> {
    /// Leaves out the steps where the mask `[batch, time]` is false: states stay, and the output is that of the step before.
    pub fn masked(self, mask: Tensor<2, Bool>) -> Self {
        Self {
            mask: Some(mask),
            ..self
        }
    }

    /// The same, but the output of such a step is zero.
    pub fn masked_with_zeros(self, mask: Tensor<2, Bool>) -> Self {
        Self {
            zeros: true,
            ..self.masked(mask)
        }
    }

    /// The states `[batch, units]` before the first step.
    pub fn started_at(self, state: [Tensor<2>; N]) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }

    /// The outputs of all steps of `x`, `[batch, time, inputs]`.
    pub fn forward(self, x: Tensor<3>) -> Tensor<3> {
        self.run(x).sequence()
    }

    /// The output of the last step.
    pub fn last(self, x: Tensor<3>) -> Tensor<2> {
        self.run(x).last
    }

    /// The states after the steps.
    pub fn state(self, x: Tensor<3>) -> [Tensor<2>; N] {
        self.run(x).state
    }

    /// The outputs of all steps, and the states after them.
    pub fn forward_and_state(self, x: Tensor<3>) -> (Tensor<3>, [Tensor<2>; N]) {
        let made = self.run(x);
        (made.sequence(), made.state)
    }

    /// The output of the last step, and the states after it.
    pub fn last_and_state(self, x: Tensor<3>) -> (Tensor<2>, [Tensor<2>; N]) {
        let made = self.run(x);
        (made.last, made.state)
    }

    fn run(&self, x: Tensor<3>) -> Made<N> {
        let [rows, time, _] = x.dims();
        let mut state = self.first(&x);
        let mut last = state[0].zeros_like();
        let mut outputs = vec![last.clone(); time];
        if rows * time == 0 {
            return Made {
                outputs,
                last,
                state,
            };
        }
        let [batch, units] = last.dims();
        let width = self.config.cell.gates() * units;
        let steps = self.projected(x);
        for step in 0..time {
            let step = match self.config.backward {
                true => time - 1 - step,
                false => step,
            };
            let x = steps.clone().narrow(0, step, 1).reshape([rows, width]);
            let mut next = self.step(x, &state);
            last = match &self.mask {
                None => next[0].clone(),
                Some(mask) => {
                    let mask = mask.clone().narrow(1, step, 1).expand([batch, units]);
                    let other = match self.zeros {
                        true => last.zeros_like(),
                        false => last,
                    };
                    let output = other.mask_where(mask.clone(), next[0].clone());
                    for (new, old) in next.iter_mut().zip(&state) {
                        *new = old.clone().mask_where(mask.clone(), new.clone());
                    }
                    output
                }
            };
            outputs[step] = last.clone();
            state = next;
        }
        Made {
            outputs,
            last,
            state,
        }
    }

    /// The states before the first step. A batch of one goes with one of several.
    fn first(&self, x: &Tensor<3>) -> [Tensor<2>; N] {
        let options = (&x.device(), x.dtype());
        let zeros = || Tensor::zeros([x.dims()[0], self.config.units], options);
        core::array::from_fn(|i| match &self.state {
            Some(given) => given[i].clone() + zeros(),
            None => zeros(),
        })
    }

    /// The products of all steps with the kernel, and the bias: `[time, batch, gates * units]`.
    fn projected(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, time, inputs] = x.dims();
        let rows = x.swap_dims(0, 1).reshape([time * batch, inputs]);
        let rows = rows.matmul(self.kernel.clone());
        let rows = match &self.biases {
            Some(biases) => rows + biases.clone().narrow(0, 0, 1),
            None => rows,
        };
        let width = rows.dims()[1];
        rows.reshape([time, batch, width])
    }

    /// The states after a step, of which `x` is the product with the kernel.
    fn step(&self, x: Tensor<2>, state: &[Tensor<2>; N]) -> [Tensor<2>; N] {
        let units = self.config.units;
        let gate = |x: Tensor<2>| self.config.recurrent_activation.forward(x);
        let new = |x: Tensor<2>| self.config.activation.forward(x);
        let part = |x: &Tensor<2>, part: usize| x.clone().narrow(1, part * units, units);
        let kernel = |first: usize, count: usize| {
            let kernel = self.recurrent_kernel.clone();
            kernel.narrow(1, first * units, count * units)
        };
        let h = state[0].clone();
        match self.config.cell {
            Cell::Simple => {
                let h = new(x + h.matmul(self.recurrent_kernel.clone()));
                core::array::from_fn(|_| h.clone())
            }
            Cell::Lstm => {
                let z = x + h.matmul(self.recurrent_kernel.clone());
                let (input, forget) = (gate(part(&z, 0)), gate(part(&z, 1)));
                let (cell, output) = (new(part(&z, 2)), gate(part(&z, 3)));
                let carry = forget * state[N - 1].clone() + input * cell;
                let h = output * new(carry.clone());
                core::array::from_fn(|i| if i == 0 { h.clone() } else { carry.clone() })
            }
            Cell::Gru => {
                let r = h.clone().matmul(self.recurrent_kernel.clone());
                let r = match &self.biases {
                    Some(biases) => r + biases.clone().narrow(0, 1, 1),
                    None => r,
                };
                let keep = gate(part(&x, 0) + part(&r, 0));
                let reset = gate(part(&x, 1) + part(&r, 1));
                let h = between(keep, h, new(part(&x, 2) + reset * part(&r, 2)));
                core::array::from_fn(|_| h.clone())
            }
            Cell::GruResetBefore => {
                let r = h.clone().matmul(kernel(0, 2));
                let keep = gate(part(&x, 0) + part(&r, 0));
                let reset = gate(part(&x, 1) + part(&r, 1));
                let inner = (reset * h.clone()).matmul(kernel(2, 1));
                let h = between(keep, h, new(part(&x, 2) + inner));
                core::array::from_fn(|_| h.clone())
            }
        }
    }
}

/// `keep * old + (1 - keep) * new`.
fn between(keep: Tensor<2>, old: Tensor<2>, new: Tensor<2>) -> Tensor<2> {
    keep * (old - new.clone()) + new
}
