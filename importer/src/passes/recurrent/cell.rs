//! Cells: what a step makes of its input and the states.

use super::body::Body;
use super::gate::{Columns, Gate, Sum, both_orders, squashed};
use crate::ir::{Binary, Cell, Dim, Op, Squash, Value};
use crate::passes::rule::number;

/// The step of a loop that is a cell.
#[derive(Debug)]
pub struct Step {
    /// Which cell.
    pub cell: Cell,
    /// Its function of what is new.
    pub activation: Squash,
    /// Its function of gates.
    pub recurrent_activation: Squash,
    /// The sequence around the loop, its steps along the first axis.
    pub sequence: Value,
    /// The kernel, in the body.
    pub kernel: Value,
    /// The recurrent kernel, in the body.
    pub recurrent_kernel: Value,
    /// The biases, in the body: of the sum of both products, or of each.
    pub biases: Vec<Value>,
    /// Which of what is carried the states are.
    pub states: Vec<usize>,
    /// The states after the step, where a mask has not put the old ones in their place.
    pub next: Vec<Value>,
    /// The truth values that keep the new states.
    pub mask: Option<Value>,
}

/// The state that is carried at one place: what it would be after the step, and the mask that may keep it from that.
#[derive(Clone, Copy)]
struct Carried {
    place: usize,
    next: Value,
    mask: Option<Value>,
}

impl Carried {
    fn of(body: &Body<'_>, place: usize) -> Self {
        let next = body.after(place);
        match body.op(next) {
            (Op::Select, &[mask, new, old]) if body.carried(old) == Some(place) => Carried {
                place,
                next: new,
                mask: Some(mask),
            },
            _ => Carried {
                place,
                next,
                mask: None,
            },
        }
    }
}

/// The cell that a body is.
pub fn find(body: &Body<'_>) -> Option<Step> {
    let all: Vec<Carried> = (0..body.looped.carried)
        .map(|place| Carried::of(body, place))
        .collect();
    all.iter().find_map(|&h| {
        lstm(body, h, &all)
            .or_else(|| gru(body, h))
            .or_else(|| simple(body, h))
    })
}

/// The columns of one weight, part by part; `None` if they are of several, or in another order.
struct Parts {
    units: usize,
    weight: Option<Value>,
}

impl Parts {
    fn of(units: usize) -> Self {
        Parts {
            units,
            weight: None,
        }
    }

    /// Takes the columns for a part.
    fn take(&mut self, part: usize, columns: Columns) -> Option<()> {
        let is_in_place = columns.first == part * self.units;
        let known = *self.weight.get_or_insert(columns.of);
        (is_in_place && known == columns.of).then_some(())
    }
}

/// What gates are made of: each is a sum of a product with the step, one with the state, and perhaps a bias.
struct Weights {
    sequence: Option<Value>,
    kernel: Parts,
    recurrent: Parts,
    bias: Parts,
    unbiased: bool,
}

impl Weights {
    fn of(units: usize) -> Self {
        Weights {
            sequence: None,
            kernel: Parts::of(units),
            recurrent: Parts::of(units),
            bias: Parts::of(units),
            unbiased: false,
        }
    }

    /// Takes the sum for a part; the state that it has a product of is `h`.
    fn take(&mut self, body: &Body<'_>, part: usize, sum: &Sum, h: Value) -> Option<()> {
        (sum.products.len() == 2).then_some(())?;
        self.take_input(body, part, sum)?;
        self.recurrent.take(part, sum.of_factor(h)?)?;
        match sum.biases.as_slice() {
            [] => self.unbiased = true,
            &[bias] => self.bias.take(part, bias)?,
            _ => return None,
        }
        (!self.unbiased || self.bias.weight.is_none()).then_some(())
    }

    fn take_input(&mut self, body: &Body<'_>, part: usize, sum: &Sum) -> Option<()> {
        let (sequence, columns) = sum.of_step(body)?;
        let known = *self.sequence.get_or_insert(sequence);
        self.kernel.take(part, columns)?;
        (known == sequence).then_some(())
    }
}

/// How many units a state has.
fn units(body: &Body<'_>, state: usize) -> Option<usize> {
    match body.dims(body.graph.inputs[state]) {
        [_, units] => units.as_usize(),
        _ => None,
    }
}

fn simple(body: &Body<'_>, h: Carried) -> Option<Step> {
    let units = units(body, h.place)?;
    let gate = Gate::of(body, h.next, units)?;
    let mut weights = Weights::of(units);
    weights.take(body, 0, &gate.sum, body.graph.inputs[h.place])?;
    Some(Step {
        cell: Cell::Simple,
        activation: gate.squash,
        recurrent_activation: Squash::Sigmoid,
        sequence: weights.sequence?,
        kernel: weights.kernel.weight?,
        recurrent_kernel: weights.recurrent.weight?,
        biases: weights.bias.weight.into_iter().collect(),
        states: vec![h.place],
        next: vec![h.next],
        mask: h.mask,
    })
}

/// `σ(o) f(c')`, where `c' = σ(f) c + σ(i) f(g)`.
fn lstm(body: &Body<'_>, h: Carried, all: &[Carried]) -> Option<Step> {
    let factors = both_orders(body, h.next, Binary::Mul).into_iter();
    let mut forms = factors.flat_map(|[o, squashed_carry]| {
        let (activation, carry) = squashed(body, squashed_carry);
        let carries = all
            .iter()
            .filter(move |c| c.next == carry && c.mask == h.mask);
        carries.map(move |&c| (o, activation, c))
    });
    forms.find_map(|(o, activation, c)| {
        let mut terms = both_orders(body, c.next, Binary::Add).into_iter();
        terms.find_map(|[kept, new]| {
            let kept = both_orders(body, kept, Binary::Mul).into_iter();
            let mut kept = kept.filter(|[_, old]| body.carried(*old) == Some(c.place));
            let [f, _] = kept.next()?;
            let mut new = both_orders(body, new, Binary::Mul).into_iter();
            new.find_map(|[i, g]| lstm_of(body, [i, f, g, o], activation, (h, c)))
        })
    })
}

fn lstm_of(
    body: &Body<'_>,
    gates: [Value; 4],
    activation: Squash,
    (h, c): (Carried, Carried),
) -> Option<Step> {
    let units = units(body, h.place)?;
    let mut weights = Weights::of(units);
    let mut recurrent_activation = None;
    for (part, value) in gates.into_iter().enumerate() {
        let gate = Gate::of(body, value, units)?;
        let wanted = match part {
            2 => activation,
            _ => *recurrent_activation.get_or_insert(gate.squash),
        };
        weights.take(body, part, &gate.sum, body.graph.inputs[h.place])?;
        (gate.squash == wanted).then_some(())?;
    }
    Some(Step {
        cell: Cell::Lstm,
        activation,
        recurrent_activation: recurrent_activation?,
        sequence: weights.sequence?,
        kernel: weights.kernel.weight?,
        recurrent_kernel: weights.recurrent.weight?,
        biases: weights.bias.weight.into_iter().collect(),
        states: vec![h.place, c.place],
        next: vec![h.next, c.next],
        mask: h.mask,
    })
}

/// `σ(z) h + (1 - σ(z)) f(n)`.
fn gru(body: &Body<'_>, h: Carried) -> Option<Step> {
    let mut terms = both_orders(body, h.next, Binary::Add).into_iter();
    terms.find_map(|[kept, new]| {
        let kept = both_orders(body, kept, Binary::Mul).into_iter();
        let mut kept = kept.filter(|[_, old]| body.carried(*old) == Some(h.place));
        let [z, _] = kept.next()?;
        let new = both_orders(body, new, Binary::Mul).into_iter();
        let mut new = new.filter(|[rest, _]| is_rest(body, *rest, z));
        let [_, n] = new.next()?;
        reset_before(body, h, [z, n]).or_else(|| reset_after(body, h, [z, n]))
    })
}

/// Whether a value is `1 - z`.
fn is_rest(body: &Body<'_>, value: Value, z: Value) -> bool {
    match body.op(value) {
        (Op::Binary(Binary::Sub), &[one, of]) => of == z && number(body.graph, one) == Some(1.0),
        _ => false,
    }
}

/// `n` is a sum with a product of `σ(r) h`.
fn reset_before(body: &Body<'_>, h: Carried, [z, n]: [Value; 2]) -> Option<Step> {
    let (old, units) = (body.graph.inputs[h.place], units(body, h.place)?);
    let (z, n) = (Gate::of(body, z, units)?, Gate::of(body, n, units)?);
    let mut factors = n.sum.products.iter().flat_map(|(factor, _)| {
        let pairs = both_orders(body, *factor, Binary::Mul).into_iter();
        let pairs = pairs.filter(|[_, other]| *other == old);
        pairs.map(|[r, _]| (r, *factor))
    });
    let (r, factor) = factors.next()?;
    let r = Gate::of(body, r, units)?;
    let mut weights = Weights::of(units);
    weights.take(body, 0, &z.sum, old)?;
    weights.take(body, 1, &r.sum, old)?;
    weights.take(body, 2, &n.sum, factor)?;
    (z.squash == r.squash).then_some(())?;
    let biases = weights.bias.weight.into_iter().collect();
    let made = (
        weights.sequence?,
        weights.kernel.weight?,
        weights.recurrent.weight?,
    );
    Some(gru_step(h, false, (n.squash, z.squash), made, biases))
}

/// `n` is a sum of the step's part, and of the state's part times `σ(r)`.
fn reset_after(body: &Body<'_>, h: Carried, [z, n]: [Value; 2]) -> Option<Step> {
    let (old, units) = (body.graph.inputs[h.place], units(body, h.place)?);
    let (activation, inner) = squashed(body, n);
    let z = Gate::of(body, z, units)?;
    let mut terms = both_orders(body, inner, Binary::Add).into_iter();
    terms.find_map(|[input, scaled]| {
        let mut factors = both_orders(body, scaled, Binary::Mul).into_iter();
        factors.find_map(|[r, product]| {
            let is_whole = |value| body.dims(value).last() == Some(&Dim::from(units));
            (is_whole(input) && is_whole(product)).then_some(())?;
            let (input, product) = (Sum::of(body, input)?, Sum::of(body, product)?);
            let r = Gate::of(body, r, units)?;
            let mut weights = Weights::of(units);
            let mut biases = [0, 1].map(|_| Parts::of(units));
            weights.take_input(body, 2, &input)?;
            weights.recurrent.take(2, product.of_factor(old)?)?;
            (input.products.len() == 1 && product.products.len() == 1).then_some(())?;
            take_biases(
                &mut biases,
                2,
                [input.biases.as_slice(), product.biases.as_slice()],
            )?;
            for (part, gate) in [(0, &z), (1, &r)] {
                weights.take_input(body, part, &gate.sum)?;
                weights.recurrent.take(part, gate.sum.of_factor(old)?)?;
                (gate.sum.products.len() == 2).then_some(())?;
                take_both_biases(&mut biases, part, &gate.sum.biases)?;
            }
            (z.squash == r.squash).then_some(())?;
            let biases = biases.iter().filter_map(|bias| bias.weight).collect();
            let made = (
                weights.sequence?,
                weights.kernel.weight?,
                weights.recurrent.weight?,
            );
            Some(gru_step(h, true, (activation, z.squash), made, biases))
        })
    })
}

/// The biases of the two products, of which there are two or none.
fn take_biases(biases: &mut [Parts; 2], part: usize, given: [&[Columns]; 2]) -> Option<()> {
    match given {
        [[], []] => Some(()),
        [&[first], &[second]] => {
            biases[0].take(part, first)?;
            biases[1].take(part, second)
        }
        _ => None,
    }
}

/// The same of a sum of both products, in which the biases stand in any order.
fn take_both_biases(biases: &mut [Parts; 2], part: usize, given: &[Columns]) -> Option<()> {
    match (given, biases[0].weight) {
        ([], None) => Some(()),
        (&[first, second], Some(known)) if first.of == known => {
            take_biases(biases, part, [&[first], &[second]])
        }
        (&[first, second], Some(_)) => take_biases(biases, part, [&[second], &[first]]),
        _ => None,
    }
}

fn gru_step(
    h: Carried,
    reset_after: bool,
    (activation, recurrent_activation): (Squash, Squash),
    (sequence, kernel, recurrent_kernel): (Value, Value, Value),
    biases: Vec<Value>,
) -> Step {
    Step {
        cell: Cell::Gru { reset_after },
        activation,
        recurrent_activation,
        sequence,
        kernel,
        recurrent_kernel,
        biases,
        states: vec![h.place],
        next: vec![h.next],
        mask: h.mask,
    }
}
