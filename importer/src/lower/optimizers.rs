//! Optimizers' updates of variables, dense and of some rows: the new value of the variable and of each of its slots.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, Join, Op, Unary, Value};

macro_rules! updates {
    ($($op:literal, $sparse:expr, $update:expr;)*) => {
        &[$(multi($op, |cx| apply(cx, &$update, $sparse)),)*]
    };
}

pub const OPS: &[Lowering] = updates! {
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

/// An update of a variable and its slots by a gradient and the op's scalars.
struct Update {
    /// The variable and its slots: the first operands.
    slots: usize,
    /// The operands that are scalars.
    scalars: &'static [usize],
    /// The operand that is the gradient.
    gradient: usize,
    /// The attribute that changes the rule.
    flag: Option<&'static str>,
    rule: Rule,
}

/// Changes the state, the variable first, by a gradient.
type Rule =
    fn(&mut Cx<'_>, state: &mut [Value], g: Value, scalars: &[Value], flag: bool) -> Result<()>;

const DESCENT: Update = Update {
    slots: 1,
    scalars: &[1],
    gradient: 2,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let step = cx.times(g, scalars[0])?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, rate, l1, l2, gradient.
const PROXIMAL_DESCENT: Update = Update {
    slots: 1,
    scalars: &[1, 2, 3],
    gradient: 4,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, l1, l2] = scalars else {
            return Err(wrong_number());
        };
        let step = cx.times(g, rate)?;
        let moved = cx.minus(state[0], step)?;
        let size = cx.apply(Unary::Abs, moved)?;
        let threshold = cx.times(rate, l1)?;
        let rest = cx.minus(size, threshold)?;
        let shrunk = cx.combine_scalar(Binary::Maximum, rest, 0.0)?;
        let sign = cx.apply(Unary::Sign, moved)?;
        let signed = cx.times(sign, shrunk)?;
        let decay = cx.times(rate, l2)?;
        let decay = cx.combine_scalar(Binary::Add, decay, 1.0)?;
        state[0] = cx.over(signed, decay)?;
        Ok(())
    },
};

/// Operands: variable, velocity, rate, gradient, momentum.
const MOMENTUM: Update = Update {
    slots: 2,
    scalars: &[2, 4],
    gradient: 3,
    flag: Some("use_nesterov"),
    rule: |cx, state, g, scalars, nesterov| {
        let kept = cx.times(state[1], scalars[1])?;
        state[1] = cx.plus(kept, g)?;
        let ahead = match nesterov {
            true => {
                let kept = cx.times(state[1], scalars[1])?;
                cx.plus(g, kept)?
            }
            false => state[1],
        };
        let step = cx.times(ahead, scalars[0])?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

const KERAS_MOMENTUM: Update = Update {
    slots: 2,
    scalars: &[2, 4],
    gradient: 3,
    flag: Some("use_nesterov"),
    rule: |cx, state, g, scalars, nesterov| {
        let step = cx.times(g, scalars[0])?;
        let kept = cx.times(state[1], scalars[1])?;
        state[1] = cx.minus(kept, step)?;
        let ahead = match nesterov {
            true => {
                let kept = cx.times(state[1], scalars[1])?;
                cx.minus(kept, step)?
            }
            false => state[1],
        };
        state[0] = cx.plus(state[0], ahead)?;
        Ok(())
    },
};

/// Operands: variable, both moments, both powers, rate, both decays, epsilon, gradient.
const ADAM: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6, 7, 8],
    gradient: 9,
    flag: Some("use_nesterov"),
    rule: |cx, state, g, scalars, nesterov| {
        let &[power1, power2, rate, decay1, decay2, epsilon] = scalars else {
            return Err(wrong_number());
        };
        let rate = cx.unbiased_rate(rate, power1, power2)?;
        state[1] = cx.averaged(state[1], g, decay1)?;
        let square = cx.apply(Unary::Square, g)?;
        state[2] = cx.averaged(state[2], square, decay2)?;
        let ahead = match nesterov {
            true => cx.mixed(state[1], g, decay1)?,
            false => state[1],
        };
        let step = cx.scaled_step(ahead, rate, state[2], epsilon)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

const AMSGRAD: Update = Update {
    slots: 4,
    scalars: &[4, 5, 6, 7, 8, 9],
    gradient: 10,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[power1, power2, rate, decay1, decay2, epsilon] = scalars else {
            return Err(wrong_number());
        };
        let rate = cx.unbiased_rate(rate, power1, power2)?;
        state[1] = cx.averaged(state[1], g, decay1)?;
        let square = cx.apply(Unary::Square, g)?;
        state[2] = cx.averaged(state[2], square, decay2)?;
        state[3] = cx.combine(Binary::Maximum, state[3], state[2])?;
        let step = cx.scaled_step(state[1], rate, state[3], epsilon)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, moment, norm, power, rate, both decays, epsilon, gradient.
const ADAMAX: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6, 7],
    gradient: 8,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[power, rate, decay1, decay2, epsilon] = scalars else {
            return Err(wrong_number());
        };
        state[1] = cx.averaged(state[1], g, decay1)?;
        let kept = cx.times(state[2], decay2)?;
        let size = cx.apply(Unary::Abs, g)?;
        state[2] = cx.combine(Binary::Maximum, kept, size)?;
        let rest = cx.rest(power)?;
        let rate = cx.over(rate, rest)?;
        let norm = cx.plus(state[2], epsilon)?;
        let direction = cx.over(state[1], norm)?;
        let step = cx.times(direction, rate)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, mean square, velocity, rate, decay, momentum, epsilon, gradient.
const RMS_PROP: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5, 6],
    gradient: 7,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, decay, momentum, epsilon] = scalars else {
            return Err(wrong_number());
        };
        let square = cx.apply(Unary::Square, g)?;
        state[1] = cx.averaged(state[1], square, decay)?;
        let shifted = cx.plus(state[1], epsilon)?;
        state[2] = cx.velocity(state[2], momentum, g, rate, shifted)?;
        state[0] = cx.minus(state[0], state[2])?;
        Ok(())
    },
};

/// Operands: variable, mean, mean square, velocity, rate, decay, momentum, epsilon, gradient.
const CENTERED: Update = Update {
    slots: 4,
    scalars: &[4, 5, 6, 7],
    gradient: 8,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, decay, momentum, epsilon] = scalars else {
            return Err(wrong_number());
        };
        let square = cx.apply(Unary::Square, g)?;
        state[2] = cx.averaged(state[2], square, decay)?;
        state[1] = cx.averaged(state[1], g, decay)?;
        let square = cx.apply(Unary::Square, state[1])?;
        let variance = cx.minus(state[2], square)?;
        let shifted = cx.plus(variance, epsilon)?;
        state[3] = cx.velocity(state[3], momentum, g, rate, shifted)?;
        state[0] = cx.minus(state[0], state[3])?;
        Ok(())
    },
};

const ADAGRAD: Update = Update {
    slots: 2,
    scalars: &[2],
    gradient: 3,
    flag: Some("update_slots"),
    rule: |cx, state, g, scalars, updates| {
        if updates {
            let square = cx.apply(Unary::Square, g)?;
            state[1] = cx.plus(state[1], square)?;
        }
        let inverse = cx.apply(Unary::Rsqrt, state[1])?;
        let step = cx.times(g, scalars[0])?;
        let step = cx.times(step, inverse)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

const ADAGRAD_V2: Update = Update {
    slots: 2,
    scalars: &[2, 3],
    gradient: 4,
    flag: Some("update_slots"),
    rule: |cx, state, g, scalars, updates| {
        if updates {
            let square = cx.apply(Unary::Square, g)?;
            state[1] = cx.plus(state[1], square)?;
        }
        let step = cx.scaled_step(g, scalars[0], state[1], scalars[1])?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, mean square, mean squared update, rate, decay, epsilon, gradient.
const ADADELTA: Update = Update {
    slots: 3,
    scalars: &[3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, decay, epsilon] = scalars else {
            return Err(wrong_number());
        };
        let square = cx.apply(Unary::Square, g)?;
        state[1] = cx.mixed(state[1], square, decay)?;
        let before = cx.plus(state[2], epsilon)?;
        let before = cx.apply(Unary::Sqrt, before)?;
        let norm = cx.plus(state[1], epsilon)?;
        let norm = cx.apply(Unary::Sqrt, norm)?;
        let ratio = cx.over(before, norm)?;
        let step = cx.times(g, ratio)?;
        let square = cx.apply(Unary::Square, step)?;
        state[2] = cx.mixed(state[2], square, decay)?;
        let step = cx.times(step, rate)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, squares, linear term, gradient, rate, l1, l2, power of the rate.
const FTRL: Update = Update {
    slots: 3,
    scalars: &[4, 5, 6, 7],
    gradient: 3,
    flag: Some("multiply_linear_by_lr"),
    rule: |cx, state, g, scalars, by_rate| ftrl(cx, state, g, g, scalars, by_rate),
};

/// As FTRL, with a shrinkage before the power of the rate.
const FTRL_V2: Update = Update {
    slots: 3,
    scalars: &[4, 5, 6, 8, 7],
    gradient: 3,
    flag: Some("multiply_linear_by_lr"),
    rule: |cx, state, g, scalars, by_rate| {
        let shrinkage = *scalars.last().ok_or_else(wrong_number)?;
        let pull = cx.times(state[0], shrinkage)?;
        let pull = cx.combine_scalar(Binary::Mul, pull, 2.0)?;
        let shrunk = cx.plus(g, pull)?;
        ftrl(cx, state, g, shrunk, scalars, by_rate)
    },
};

fn ftrl(
    cx: &mut Cx<'_>,
    state: &mut [Value],
    g: Value,
    linear: Value,
    scalars: &[Value],
    by_rate: bool,
) -> Result<()> {
    let &[rate, l1, l2, power, ..] = scalars else {
        return Err(wrong_number());
    };
    if by_rate {
        return Err(Error::unsupported(
            "attribute `multiply_linear_by_lr` is true",
        ));
    }
    let square = cx.apply(Unary::Square, g)?;
    let squares = cx.plus(state[1], square)?;
    let power = cx.apply(Unary::Neg, power)?;
    let new = cx.combine(Binary::Pow, squares, power)?;
    let old = cx.combine(Binary::Pow, state[1], power)?;
    let change = cx.minus(new, old)?;
    let change = cx.over(change, rate)?;
    let pull = cx.times(change, state[0])?;
    let linear = cx.minus(linear, pull)?;
    state[2] = cx.plus(state[2], linear)?;
    let quadratic = cx.over(new, rate)?;
    let decay = cx.combine_scalar(Binary::Mul, l2, 2.0)?;
    let quadratic = cx.plus(quadratic, decay)?;
    let sign = cx.apply(Unary::Sign, state[2])?;
    let threshold = cx.times(sign, l1)?;
    let rest = cx.minus(threshold, state[2])?;
    let moved = cx.over(rest, quadratic)?;
    let size = cx.apply(Unary::Abs, state[2])?;
    let far = cx.test(Comparison::Greater, size, l1)?;
    let zero = cx.scalar_like(moved, 0.0)?;
    state[0] = cx.select(far, moved, zero)?;
    state[1] = squares;
    Ok(())
}

/// Operands: variable, mean, rate, alpha, decay of the sign, decay, gradient.
const ADD_SIGN: Update = Update {
    slots: 2,
    scalars: &[2, 3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, alpha, decay, beta] = scalars else {
            return Err(wrong_number());
        };
        state[1] = cx.mixed(state[1], g, beta)?;
        let agreed = cx.agreement(g, state[1], decay)?;
        let factor = cx.plus(alpha, agreed)?;
        let step = cx.times(factor, g)?;
        let step = cx.times(step, rate)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

/// Operands: variable, mean, rate, logarithm of the base, decay of the sign, decay, gradient.
const POWER_SIGN: Update = Update {
    slots: 2,
    scalars: &[2, 3, 4, 5],
    gradient: 6,
    flag: None,
    rule: |cx, state, g, scalars, _| {
        let &[rate, base, decay, beta] = scalars else {
            return Err(wrong_number());
        };
        state[1] = cx.mixed(state[1], g, beta)?;
        let agreed = cx.agreement(g, state[1], decay)?;
        let power = cx.times(agreed, base)?;
        let factor = cx.apply(Unary::Exp, power)?;
        let step = cx.times(factor, g)?;
        let step = cx.times(step, rate)?;
        state[0] = cx.minus(state[0], step)?;
        Ok(())
    },
};

fn wrong_number() -> Error {
    Error::internal("an update reads a scalar that it does not name")
}

impl Cx<'_> {
    fn plus(&mut self, x: Value, y: Value) -> Result<Value> {
        self.combine(Binary::Add, x, y)
    }

    fn minus(&mut self, x: Value, y: Value) -> Result<Value> {
        self.combine(Binary::Sub, x, y)
    }

    fn times(&mut self, x: Value, y: Value) -> Result<Value> {
        self.combine(Binary::Mul, x, y)
    }

    fn over(&mut self, x: Value, y: Value) -> Result<Value> {
        self.combine(Binary::Div, x, y)
    }

    /// `1 - x`.
    fn rest(&mut self, x: Value) -> Result<Value> {
        let one = self.scalar_like(x, 1.0)?;
        self.minus(one, x)
    }

    /// `old + (new - old) * (1 - decay)`.
    fn averaged(&mut self, old: Value, new: Value, decay: Value) -> Result<Value> {
        let rest = self.rest(decay)?;
        let change = self.minus(new, old)?;
        let change = self.times(change, rest)?;
        self.plus(old, change)
    }

    /// `old * decay + new * (1 - decay)`.
    fn mixed(&mut self, old: Value, new: Value, decay: Value) -> Result<Value> {
        let rest = self.rest(decay)?;
        let kept = self.times(old, decay)?;
        let added = self.times(new, rest)?;
        self.plus(kept, added)
    }

    /// `rate * sqrt(1 - power2) / (1 - power1)`.
    fn unbiased_rate(&mut self, rate: Value, power1: Value, power2: Value) -> Result<Value> {
        let (rest1, rest2) = (self.rest(power1)?, self.rest(power2)?);
        let root = self.apply(Unary::Sqrt, rest2)?;
        let scaled = self.times(rate, root)?;
        self.over(scaled, rest1)
    }

    /// `direction * rate / (sqrt(squares) + epsilon)`.
    fn scaled_step(
        &mut self,
        direction: Value,
        rate: Value,
        squares: Value,
        epsilon: Value,
    ) -> Result<Value> {
        let root = self.apply(Unary::Sqrt, squares)?;
        let norm = self.plus(root, epsilon)?;
        let scaled = self.times(direction, rate)?;
        self.over(scaled, norm)
    }

    /// `old * momentum + g * rate / sqrt(squares)`.
    fn velocity(
        &mut self,
        old: Value,
        momentum: Value,
        g: Value,
        rate: Value,
        squares: Value,
    ) -> Result<Value> {
        let kept = self.times(old, momentum)?;
        let root = self.apply(Unary::Sqrt, squares)?;
        let step = self.times(g, rate)?;
        let step = self.over(step, root)?;
        self.plus(kept, step)
    }

    /// `decay * sign(g) * sign(mean)`.
    fn agreement(&mut self, g: Value, mean: Value, decay: Value) -> Result<Value> {
        let (g, mean) = (self.apply(Unary::Sign, g)?, self.apply(Unary::Sign, mean)?);
        let agreed = self.times(g, mean)?;
        self.times(agreed, decay)
    }
}

/// Updates every element, or the rows that operand `sparse` names, of which no one may be named twice.
fn apply(cx: &mut Cx<'_>, update: &Update, sparse: Option<usize>) -> Result<Vec<Lowered>> {
    let variables = (0..update.slots)
        .map(|slot| cx.variable(slot))
        .collect::<Result<Vec<_>>>()?;
    let mut old = vec![];
    for &variable in &variables {
        old.push(cx.read(variable)?);
    }
    let rows = match sparse {
        Some(operand) => Some(cx.input(operand)?),
        None => None,
    };
    let mut state = old.clone();
    if let Some(rows) = rows {
        for slot in &mut state {
            let gather = Op::Gather {
                axis: 0,
                batch_dims: 0,
            };
            *slot = cx.push(gather, &[*slot, rows])?;
        }
    }
    let mut scalars = vec![];
    for &operand in update.scalars {
        scalars.push(cx.input(operand)?);
    }
    let gradient = cx.input(update.gradient)?;
    let flag = match update.flag {
        Some(name) => cx.attr_if_any(name)?.unwrap_or(false),
        None => false,
    };
    let before = state.clone();
    (update.rule)(cx, &mut state, gradient, &scalars, flag)?;
    for (i, &variable) in variables.iter().enumerate() {
        if state[i] == before[i] {
            continue;
        }
        let new = match rows {
            Some(rows) => {
                let rank = cx.rank(rows)?;
                let rows = cx.expand(rows, rank)?;
                cx.scatter(Join::Update, old[i], rows, state[i])?
            }
            None => state[i],
        };
        cx.assign(variable, new)?;
    }
    Ok(variables
        .first()
        .map(|&v| Lowered::Variable(v))
        .into_iter()
        .collect())
}
