//! Optimizers' updates of variables, dense and of some rows, for resources and references.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::numbers::index;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use std::sync::Arc;

macro_rules! updates {
    ($($op:literal, $sparse:expr, $update:expr;)*) => {
        &[$(many($op, |cx| apply(cx, &$update, $sparse)),)*]
    };
}

pub(super) const OPS: &[Row] = updates! {
    "ResourceApplyGradientDescent", None, DESCENT;
    "ApplyGradientDescent", None, DESCENT;
    "ResourceApplyProximalGradientDescent", None, PROXIMAL_DESCENT;
    "ApplyProximalGradientDescent", None, PROXIMAL_DESCENT;
    "ResourceApplyMomentum", None, MOMENTUM;
    "ApplyMomentum", None, MOMENTUM;
    "ResourceSparseApplyMomentum", Some(4), Update { scalars: &[2, 5], ..MOMENTUM };
    "SparseApplyMomentum", Some(4), Update { scalars: &[2, 5], ..MOMENTUM };
    "ResourceApplyKerasMomentum", None, KERAS_MOMENTUM;
    "ResourceSparseApplyKerasMomentum", Some(4), Update { scalars: &[2, 5], ..KERAS_MOMENTUM };
    "ResourceApplyAdam", None, ADAM;
    "ApplyAdam", None, ADAM;
    "ResourceApplyAdamWithAmsgrad", None, AMSGRAD;
    "ResourceApplyAdaMax", None, ADAMAX;
    "ApplyAdaMax", None, ADAMAX;
    "ResourceApplyRMSProp", None, RMS_PROP;
    "ApplyRMSProp", None, RMS_PROP;
    "ResourceSparseApplyRMSProp", Some(8), RMS_PROP;
    "SparseApplyRMSProp", Some(8), RMS_PROP;
    "ResourceApplyCenteredRMSProp", None, CENTERED;
    "ApplyCenteredRMSProp", None, CENTERED;
    "ResourceSparseApplyCenteredRMSProp", Some(9), CENTERED;
    "SparseApplyCenteredRMSProp", Some(9), CENTERED;
    "ResourceApplyAdagrad", None, ADAGRAD;
    "ApplyAdagrad", None, ADAGRAD;
    "ResourceSparseApplyAdagrad", Some(4), ADAGRAD;
    "SparseApplyAdagrad", Some(4), ADAGRAD;
    "ResourceApplyAdagradV2", None, ADAGRAD_V2;
    "ApplyAdagradV2", None, ADAGRAD_V2;
    "ResourceSparseApplyAdagradV2", Some(5), ADAGRAD_V2;
    "SparseApplyAdagradV2", Some(5), ADAGRAD_V2;
    "ResourceApplyAdadelta", None, ADADELTA;
    "ApplyAdadelta", None, ADADELTA;
    "ResourceSparseApplyAdadelta", Some(7), ADADELTA;
    "SparseApplyAdadelta", Some(7), ADADELTA;
    "ResourceApplyFtrl", None, FTRL;
    "ApplyFtrl", None, FTRL;
    "ResourceSparseApplyFtrl", Some(4), Update { scalars: &[5, 6, 7, 8], ..FTRL };
    "SparseApplyFtrl", Some(4), Update { scalars: &[5, 6, 7, 8], ..FTRL };
    "ResourceApplyFtrlV2", None, FTRL_V2;
    "ApplyFtrlV2", None, FTRL_V2;
    "ResourceSparseApplyFtrlV2", Some(4), Update { scalars: &[5, 6, 7, 9, 8], ..FTRL_V2 };
    "SparseApplyFtrlV2", Some(4), Update { scalars: &[5, 6, 7, 9, 8], ..FTRL_V2 };
    "ResourceApplyAddSign", None, ADD_SIGN;
    "ApplyAddSign", None, ADD_SIGN;
    "ResourceApplyPowerSign", None, POWER_SIGN;
    "ApplyPowerSign", None, POWER_SIGN;
};

/// An update of one element: of the variable and its slots, by a gradient and the op's scalars.
struct Update {
    /// The variable and its slots: the first operands.
    slots: usize,
    /// The operands that are scalars.
    scalars: &'static [usize],
    /// The operand that is the gradient.
    gradient: usize,
    /// The attribute that changes the rule.
    flag: Option<&'static str>,
    rule: fn(&mut [f64], f64, &[f64], bool),
}

const DESCENT: Update = Update {
    slots: 1,
    scalars: &[1],
    gradient: 2,
    flag: None,
    rule: |state, g, scalars, _| state[0] -= scalars[0] * g,
};

const PROXIMAL_DESCENT: Update = Update {
    slots: 1,
    scalars: &[1, 2, 3],
    gradient: 4,
    flag: None,
    rule: |state, g, scalars, _| {
        let step = state[0] - scalars[0] * g;
        let shrunk = (step.abs() - scalars[0] * scalars[1]).max(0.0);
        state[0] = step.signum() / (1.0 + scalars[0] * scalars[2]) * shrunk;
    },
};

/// Operands: variable, velocity, rate, gradient, momentum.
const MOMENTUM: Update = Update {
    slots: 2,
    scalars: &[2, 4],
    gradient: 3,
    flag: Some("use_nesterov"),
    rule: |state, g, scalars, nesterov| {
        let (rate, momentum) = (scalars[0], scalars[1]);
        state[1] = state[1] * momentum + g;
        state[0] -= match nesterov {
            true => (g + state[1] * momentum) * rate,
            false => state[1] * rate,
        };
    },
};

const KERAS_MOMENTUM: Update = Update {
    slots: 2,
    scalars: &[2, 4],
    gradient: 3,
    flag: Some("use_nesterov"),
    rule: |state, g, scalars, nesterov| {
        let (rate, momentum) = (scalars[0], scalars[1]);
        state[1] = state[1] * momentum - g * rate;
        state[0] += match nesterov {
            true => state[1] * momentum - g * rate,
            false => state[1],
        };
    },
};

/// Operands: variable, both moments, both powers, rate, both decays, epsilon, gradient.
const ADAM: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6, 7, 8],
    gradient: 9,
    flag: Some("use_nesterov"),
    rule: |state, g, scalars, nesterov| {
        let &[power1, power2, rate, decay1, decay2, epsilon] = scalars else {
            return;
        };
        let rate = rate * (1.0 - power2).sqrt() / (1.0 - power1);
        state[1] += (g - state[1]) * (1.0 - decay1);
        state[2] += (g * g - state[2]) * (1.0 - decay2);
        let step = match nesterov {
            true => state[1] * decay1 + (1.0 - decay1) * g,
            false => state[1],
        };
        state[0] -= rate * step / (state[2].sqrt() + epsilon);
    },
};

const AMSGRAD: Update = Update {
    slots: 4,
    scalars: &[4, 5, 6, 7, 8, 9],
    gradient: 10,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[power1, power2, rate, decay1, decay2, epsilon] = scalars else {
            return;
        };
        let rate = rate * (1.0 - power2).sqrt() / (1.0 - power1);
        state[1] += (g - state[1]) * (1.0 - decay1);
        state[2] += (g * g - state[2]) * (1.0 - decay2);
        state[3] = state[3].max(state[2]);
        state[0] -= rate * state[1] / (state[3].sqrt() + epsilon);
    },
};

const ADAMAX: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6, 7],
    gradient: 8,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[power, rate, decay1, decay2, epsilon] = scalars else {
            return;
        };
        state[1] += (g - state[1]) * (1.0 - decay1);
        state[2] = (state[2] * decay2).max(g.abs());
        state[0] -= rate / (1.0 - power) * state[1] / (state[2] + epsilon);
    },
};

/// Operands: variable, mean square, velocity, rate, decay, momentum, epsilon, gradient.
const RMS_PROP: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6],
    gradient: 7,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, decay, momentum, epsilon] = scalars else {
            return;
        };
        state[1] += (g * g - state[1]) * (1.0 - decay);
        state[2] = state[2] * momentum + g * rate / (state[1] + epsilon).sqrt();
        state[0] -= state[2];
    },
};

/// Operands: variable, mean, mean square, velocity, rate, decay, momentum, epsilon, gradient.
const CENTERED: Update = Update {
    slots: 4,
    scalars: &[4, 5, 6, 7],
    gradient: 8,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, decay, momentum, epsilon] = scalars else {
            return;
        };
        state[2] += (g * g - state[2]) * (1.0 - decay);
        state[1] += (g - state[1]) * (1.0 - decay);
        let variance = state[2] - state[1] * state[1] + epsilon;
        state[3] = state[3] * momentum + rate * g / variance.sqrt();
        state[0] -= state[3];
    },
};

const ADAGRAD: Update = Update {
    slots: 2,
    scalars: &[2],
    gradient: 3,
    flag: Some("update_slots"),
    rule: |state, g, scalars, updates| {
        if updates {
            state[1] += g * g;
        }
        state[0] -= scalars[0] * g / state[1].sqrt();
    },
};

const ADAGRAD_V2: Update = Update {
    slots: 2,
    scalars: &[2, 3],
    gradient: 4,
    flag: Some("update_slots"),
    rule: |state, g, scalars, updates| {
        if updates {
            state[1] += g * g;
        }
        state[0] -= scalars[0] * g / (state[1].sqrt() + scalars[1]);
    },
};

/// Operands: variable, mean square, mean squared update, rate, decay, epsilon, gradient.
const ADADELTA: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, decay, epsilon] = scalars else {
            return;
        };
        state[1] = state[1] * decay + g * g * (1.0 - decay);
        let step = g * (state[2] + epsilon).sqrt() / (state[1] + epsilon).sqrt();
        state[0] -= rate * step;
        state[2] = state[2] * decay + step * step * (1.0 - decay);
    },
};

/// Operands: variable, squares, linear term, gradient, rate, l1, l2, power of the rate.
const FTRL: Update = Update {
    slots: 3,
    scalars: &[4, 5, 6, 7],
    gradient: 3,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, l1, l2, power] = scalars else {
            return;
        };
        ftrl(state, g, g, [rate, l1, l2, power]);
    },
};

/// As FTRL, with a shrinkage before the power of the rate.
const FTRL_V2: Update = Update {
    slots: 3,
    scalars: &[4, 5, 6, 8, 7],
    gradient: 3,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, l1, l2, power, shrinkage] = scalars else {
            return;
        };
        let shrunk = g + 2.0 * shrinkage * state[0];
        ftrl(state, g, shrunk, [rate, l1, l2, power]);
    },
};

fn ftrl(state: &mut [f64], g: f64, linear: f64, [rate, l1, l2, power]: [f64; 4]) {
    let squares = state[1] + g * g;
    let (new, old) = (squares.powf(-power), state[1].powf(-power));
    state[2] += linear - (new - old) / rate * state[0];
    let quadratic = new / rate + 2.0 * l2;
    state[0] = match state[2].abs() > l1 {
        true => (state[2].signum() * l1 - state[2]) / quadratic,
        false => 0.0,
    };
    state[1] = squares;
}

fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Operands: variable, mean, rate, alpha, decay of the sign, decay, gradient.
const ADD_SIGN: Update = Update {
    slots: 2,
    scalars: &[2, 3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, alpha, decay, beta] = scalars else {
            return;
        };
        state[1] = state[1] * beta + g * (1.0 - beta);
        state[0] -= rate * (alpha + decay * sign(g) * sign(state[1])) * g;
    },
};

const POWER_SIGN: Update = Update {
    slots: 2,
    scalars: &[2, 3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |state, g, scalars, _| {
        let &[rate, base, decay, beta] = scalars else {
            return;
        };
        state[1] = state[1] * beta + g * (1.0 - beta);
        state[0] -= rate * (base * decay * sign(g) * sign(state[1])).exp() * g;
    },
};

/// Updates every element, or those of the rows that operand `sparse` names.
fn apply(cx: &mut Cx<'_>, update: &Update, sparse: Option<usize>) -> Result<Vec<Value>> {
    let mut ids = vec![];
    let mut slots = vec![];
    for slot in 0..update.slots {
        let id = cx.resource(slot)?;
        ids.push(id);
        slots.push(cx.machine.read(id)?);
    }
    let scalars = update
        .scalars
        .iter()
        .map(|&i| cx.float(i))
        .collect::<Result<Vec<f64>>>()?;
    let gradient = cx.floats(update.gradient)?;
    let flag = update
        .flag
        .is_some_and(|name| cx.attr(name).unwrap_or(false));
    let mut numbers = slots
        .iter()
        .map(|slot| slot.to_floats())
        .collect::<Result<Vec<_>>>()?;
    let places = match sparse {
        Some(operand) => rows(cx, operand, slots[0].shape())?,
        None => (0..slots[0].len()).collect(),
    };
    if places.len() != gradient.len() || numbers.iter().any(|n| n.len() != slots[0].len()) {
        return Err(Error::usage(
            "the gradient or a slot does not have the variable's shape",
        ));
    }
    let mut state = vec![0.0; update.slots];
    for (&place, &g) in places.iter().zip(&gradient) {
        state
            .iter_mut()
            .zip(&numbers)
            .for_each(|(state, slot)| *state = slot[place]);
        (update.rule)(&mut state, g, &scalars, flag);
        numbers
            .iter_mut()
            .zip(&state)
            .for_each(|(slot, state)| slot[place] = *state);
    }
    for ((id, old), new) in ids.into_iter().zip(&slots).zip(numbers) {
        let new = Tensor::from_floats(old.dtype(), old.shape(), new)?;
        cx.machine.assign(id, Arc::new(new))?;
    }
    Ok(match cx.value(0)? {
        Value::Reference(id) => vec![Value::Reference(*id)],
        Value::Resource(_) | Value::Tensor(_) | Value::Variant(_) => vec![],
    })
}

/// The places of the elements of some rows.
fn rows(cx: &mut Cx<'_>, operand: usize, shape: &[usize]) -> Result<Vec<usize>> {
    let (&count_of_rows, row) = shape
        .split_first()
        .ok_or_else(|| Error::usage("a scalar has no rows"))?;
    let size = count(row)?;
    let mut places = vec![];
    for row in cx.integers(operand)? {
        let row = index(row, count_of_rows)?;
        places.extend(row * size..(row + 1) * size);
    }
    Ok(places)
}
