//! Recurrent layers: loops over the steps of a sequence whose body is one of the known cells.

/// What a recurrent layer is, however it is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recurrence {
    /// What a step computes.
    pub cell: Cell,
    /// The function of what is new in a state.
    pub activation: Squash,
    /// The function of the gates.
    pub recurrent_activation: Squash,
    /// Whether there is a bias.
    pub bias: bool,
    /// Whether the last step comes first. The outputs stand where their inputs do all the same.
    pub backward: bool,
}

/// The cells. `x` is the step's input times the kernel and `h` the state times the recurrent kernel, each in as many parts of
/// `units` columns as there are gates; `σ` is the recurrent activation and `f` the activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// `h' = f(x + h + bias)`.
    Simple,
    /// Parts `i f g o` of `x + h + bias`: `c' = σ(f) c + σ(i) f(g)`, `h' = σ(o) f(c')`. States: `h`, `c`.
    Lstm,
    /// Parts `z r n`: `h' = σ(z) h + (1 - σ(z)) f(n)`. The reset gate `σ(r)` scales the state before its product with the
    /// recurrent kernel, or the product: then the bias has two rows, of which the second belongs to that product.
    Gru {
        /// Whether the product is scaled.
        reset_after: bool,
    },
}

/// The functions that cells apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named as in mathematics")]
pub enum Squash {
    Linear,
    Tanh,
    Sigmoid,
    Relu,
    /// `clamp(x + 3, 0, 6) / 6`.
    HardSigmoid,
    /// `clamp(x / 5 + 0.5, 0, 1)`, which had that name before.
    OldHardSigmoid,
    /// `x` if positive, else `exp(x) - 1`.
    Elu,
    Selu,
    Softplus,
    Softsign,
    /// `x * sigmoid(x)`.
    Silu,
}

/// One call of a recurrent layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pass {
    /// Whether there is a mask, and what the layer gives for a step that it leaves out; states stay as they are.
    pub mask: Option<Masked>,
    /// Whether the initial states are operands; else they are zero.
    pub starts: bool,
    /// What it gives of its outputs.
    pub output: Option<Output>,
    /// Whether it gives the states after the steps.
    pub state: bool,
}

/// The output of a step that a mask leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Masked {
    /// That of the step before; zeros if there is none.
    Held,
    /// Zeros.
    Zeros,
}

/// Which outputs a recurrent layer gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Those of all steps: `[batch, time, units]`.
    Sequence,
    /// That of the last one: `[batch, units]`; zeros if there are no steps.
    Last,
}

impl Cell {
    /// How many parts the columns of the kernels have.
    pub fn gates(self) -> usize {
        match self {
            Cell::Simple => 1,
            Cell::Lstm => 4,
            Cell::Gru { .. } => 3,
        }
    }

    /// How many states there are; the first is the output of the step.
    pub fn states(self) -> usize {
        match self {
            Cell::Lstm => 2,
            Cell::Simple | Cell::Gru { .. } => 1,
        }
    }

    /// Whether the bias has a row for each of the two products.
    pub fn has_two_biases(self) -> bool {
        matches!(self, Cell::Gru { reset_after: true })
    }
}

impl Pass {
    /// How many results there are: the output, if one is given, then the states.
    pub fn results(&self, cell: Cell) -> usize {
        usize::from(self.output.is_some()) + if self.state { cell.states() } else { 0 }
    }
}

/// The operands of a recurrent layer, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Operands<'a, T> {
    /// `[batch, time, features]`.
    pub sequence: &'a T,
    /// `[features, gates * units]`.
    pub kernel: &'a T,
    /// `[units, gates * units]`.
    pub recurrent_kernel: &'a T,
    /// `[gates * units]`, or `[2, gates * units]`.
    pub bias: Option<&'a T>,
    /// What the call is given besides.
    pub given: Given<'a, T>,
}

/// What a call of a recurrent layer is given beside the sequence, in its order.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a, T> {
    /// `[batch, time]`, `Bool`: false for the steps to leave out.
    pub mask: Option<&'a T>,
    /// `[batch, units]` each.
    pub state: &'a [T],
}

impl<'a, T> Operands<'a, T> {
    /// Tells operands apart; `None` if there are too few or too many.
    pub fn of(recurrence: &Recurrence, pass: &Pass, all: &'a [T]) -> Option<Self> {
        let ([sequence, kernel, recurrent_kernel], mut rest) = all.split_first_chunk::<3>()?;
        let bias = optional(&mut rest, recurrence.bias)?;
        let given = Given::of(recurrence.cell, pass, rest)?;
        Some(Operands {
            sequence,
            kernel,
            recurrent_kernel,
            bias,
            given,
        })
    }
}

impl<'a, T> Given<'a, T> {
    /// Tells apart what follows the sequence and the weights.
    pub fn of(cell: Cell, pass: &Pass, mut rest: &'a [T]) -> Option<Self> {
        let mask = optional(&mut rest, pass.mask.is_some())?;
        let states = if pass.starts { cell.states() } else { 0 };
        (rest.len() == states).then_some(Given { mask, state: rest })
    }
}

fn optional<'a, T>(rest: &mut &'a [T], present: bool) -> Option<Option<&'a T>> {
    if !present {
        return Some(None);
    }
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(Some(first))
}
