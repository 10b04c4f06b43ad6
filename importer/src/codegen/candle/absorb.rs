//! Activations that layers apply themselves: a step that only an activation reads takes the activation in.

use super::super::rust::Expr;
use super::super::switch::is_same;
use crate::ir::{Binary, DType, Op, Unary};
use crate::plan::{Action, Field, FieldKind, Layer, Method, Plan, Step, Struct, all_steps};
use std::collections::{BTreeMap, BTreeSet};

/// The activations that layers apply, by the indices of struct and field.
pub type Activations = BTreeMap<(usize, usize), Activation>;

/// One of the support code's `Activation`s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activation {
    name: &'static str,
    parameter: Option<f64>,
}

impl Activation {
    /// `Activation::LeakyRelu(0.2)`.
    pub fn spelt(&self, ty: &str) -> Expr {
        let variant = format!("{ty}::{}", self.name);
        match self.parameter {
            Some(parameter) => Expr::call(variant, [Expr::f32(parameter as f32)]),
            None => Expr::path(variant),
        }
    }

    fn of(op: &Op) -> Option<Self> {
        let (name, parameter) = match op {
            Op::Unary(Unary::LeakyRelu { alpha }) => ("LeakyRelu", Some(*alpha)),
            Op::Unary(Unary::Elu { alpha }) => ("Elu", Some(*alpha)),
            Op::Unary(unary) => (plain(*unary)?, None),
            Op::Clamp { low, high } if (*low, *high) == (0.0, 6.0) => ("Relu6", None),
            _ => return None,
        };
        Some(Activation { name, parameter })
    }
}

fn plain(unary: Unary) -> Option<&'static str> {
    const NAMES: [(Unary, &str); 12] = [
        (Unary::Relu, "Relu"),
        (Unary::Selu, "Selu"),
        (Unary::Gelu { approximate: false }, "Gelu"),
        (Unary::Gelu { approximate: true }, "GeluTanh"),
        (Unary::Silu, "Silu"),
        (Unary::Sigmoid, "Sigmoid"),
        (Unary::Tanh, "Tanh"),
        (Unary::Softplus, "Softplus"),
        (Unary::Softsign, "Softsign"),
        (Unary::HardSigmoid, "HardSigmoid"),
        (Unary::HardSwish, "HardSilu"),
        (Unary::Exp, "Exp"),
    ];
    NAMES
        .iter()
        .find(|(other, _)| *other == unary)
        .map(|(_, name)| *name)
}

/// The plan without the activation steps that layers can take in, and what each layer took.
pub fn absorb(plan: &Plan) -> (Plan, Activations) {
    let mut plan = plan.clone();
    let mut activations = Activations::new();
    for (index, structure) in plan.structs.iter_mut().enumerate() {
        let once = called_once(structure);
        let Struct {
            fields, methods, ..
        } = structure;
        for method in methods {
            let mut at = 0;
            while at + 1 < method.body.len() {
                if let Some((field, activation)) = absorbable(fields, &once, method, at) {
                    merge(&mut method.body, at);
                    activations.insert((index, field), activation);
                }
                at += 1;
            }
        }
    }
    (plan, activations)
}

/// The fields that exactly one step of the struct's methods uses.
pub fn called_once(structure: &Struct) -> BTreeSet<usize> {
    let mut uses: BTreeMap<usize, usize> = BTreeMap::new();
    let steps = structure.methods.iter();
    for step in steps.flat_map(|method| all_steps(&method.body)) {
        match &step.action {
            Action::Layer { field, .. } | Action::LayerWeight { field, .. } => {
                *uses.entry(*field).or_insert(0) += 1
            }
            Action::Op(_)
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Parameter(_)
            | Action::Constant(_)
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => {}
        }
    }
    uses.into_iter()
        .filter(|(_, count)| *count == 1)
        .map(|(field, _)| field)
        .collect()
}

/// Whether the step after `at` is an activation that the layer at `at` can apply: the field, and the activation.
fn absorbable(
    fields: &[Field],
    once: &BTreeSet<usize>,
    method: &Method,
    at: usize,
) -> Option<(usize, Activation)> {
    let (step, next) = (&method.body[at], &method.body[at + 1]);
    let Action::Layer { field, .. } = step.action else {
        return None;
    };
    let Action::Op(op) = &next.action else {
        return None;
    };
    let FieldKind::Layer(layer) = &fields[field].kind else {
        return None;
    };
    let fits = once.contains(&field)
        && takes_activation(layer)
        && only_reader(method, at)
        && is_same(fields, step, next);
    Activation::of(op)
        .filter(|_| fits)
        .map(|activation| (field, activation))
}

fn takes_activation(layer: &Layer) -> bool {
    match layer {
        Layer::Linear { .. }
        | Layer::Conv { .. }
        | Layer::ConvTranspose { .. }
        | Layer::BatchNorm { .. } => true,
        Layer::LayerNorm { .. }
        | Layer::Embedding { .. }
        | Layer::Recurrent { .. }
        | Layer::RmsNorm { .. }
        | Layer::Dropout { .. } => false,
    }
}

/// Whether nothing but the next step reads the result of the step at `at`.
pub fn only_reader(method: &Method, at: usize) -> bool {
    let (step, next) = (&method.body[at], &method.body[at + 1]);
    let ([result], [arg], [after]) = (
        step.results.as_slice(),
        next.args.as_slice(),
        next.results.as_slice(),
    ) else {
        return false;
    };
    let returned =
        method.last_reads().any(|other| other.name == result.name) && after.name != result.name;
    arg.name == result.name && arg.last && !returned
}

/// The activation that a sum of whole feature maps can apply in the same pass: the next step, if it alone reads the sum.
pub fn after_sum(method: &Method, at: usize) -> Option<Activation> {
    let (step, next) = (&method.body[at], method.body.get(at + 1)?);
    let (Action::Op(Op::Binary(Binary::Add)), Action::Op(op)) = (&step.action, &next.action) else {
        return None;
    };
    let [x, y] = step.args.as_slice() else {
        return None;
    };
    let maps = x.ty == y.ty && x.ty.dtype == DType::F32 && x.ty.rank().is_some_and(|rank| rank > 2);
    let always = step.condition.is_none() && next.condition.is_none();
    Activation::of(op).filter(|_| maps && always && only_reader(method, at))
}

fn merge(body: &mut Vec<Step>, at: usize) {
    let next = body.remove(at + 1);
    let step = &mut body[at];
    step.results = next.results;
    step.note = step.note.take().or(next.note);
}
