//! Steps in candle's words: one statement each.

use super::super::operand::{Arg, Body, Place};
use super::super::plan::{Action, Field, FieldKind, Method, Plan, Step};
use super::super::rust::{Arm, Block, Expr, Pat};
use super::super::statement::Line;
use super::absorb::Activation;
use super::weight::layer_weight;
use super::{layer, op};
use crate::error::{Error, Result};

/// The statement of a step; none where its result is spelt where it is read.
pub fn statement(plan: &Plan, step: &Step, body: &mut Body) -> Result<Option<Line>> {
    let structure = body.structure;
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    let is_kept = step
        .results
        .iter()
        .any(|local| body.method.keeps(&local.name));
    let spell = |action: &Action| match action {
        Action::Parameter(_) if is_kept => None,
        Action::Parameter(field) => Some(parameter(&structure.fields[*field])),
        Action::LayerWeight { field, role } => {
            layer_weight(plan, &structure.fields[*field], *role, &step.results[0].ty)
        }
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. } => None,
    };
    if let [only] = step.results.as_slice()
        && body.bind(&step.action, &only.name, spell)
    {
        return Ok(None);
    }
    for result in step.results.iter().skip(1) {
        body.bind(&step.action, &result.name, |_| None);
    }
    let value = match &step.condition {
        None => value(plan, step, &args, None, body)?,
        Some(condition) => conditional(plan, step, &args, (condition.field, condition.pass), body)?,
    };
    Ok(Some(Line::of(step, value)))
}

/// `add(&x, &y, Activation::Relu)?`: a sum, and the step after it.
pub fn sum(step: &Step, next: &Step, activation: Activation, body: &mut Body) -> Line {
    let operands: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    for step in [step, next] {
        for result in &step.results {
            body.bind(&step.action, &result.name, |_| None);
        }
    }
    let (function, ty) = (
        body.support("add::add"),
        body.support("activation::Activation"),
    );
    let operands = operands
        .iter()
        .map(|arg| arg.reference(body))
        .collect::<Vec<_>>();
    let value = Expr::call(
        function,
        operands.into_iter().chain([activation.spelt(&ty)]),
    )
    .tried();
    let note = step.note.clone().or_else(|| next.note.clone());
    Line {
        note,
        ..Line::of(next, value)
    }
}

/// What a step makes; `field` is the name of its layer or module, if that is a local.
fn value(
    plan: &Plan,
    step: &Step,
    args: &[Arg],
    field: Option<&str>,
    body: &mut Body,
) -> Result<Expr> {
    let structure = body.structure;
    let own = |index: usize| match field {
        Some(name) => Expr::path(name),
        None => Expr::path("self").field(structure.fields[index].name.as_str()),
    };
    Ok(match &step.action {
        Action::Op(op) => op::op(body, op, args)?,
        Action::Layer { field, output } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(Error::malformed("internal: a call of what is no layer"));
            };
            layer::call(body, layer, own(*field), &args[0], output.as_deref())
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::malformed("internal: a call of what is no module"));
            };
            let operands = args.iter().map(|arg| arg.reference(body)).collect();
            called(own(*field), &plan.structs[*ty].methods[*method], operands)
        }
        Action::Modules { field, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::malformed(
                    "internal: a call of what is no row of modules",
                ));
            };
            row(own(*field), &plan.structs[*ty].methods[*method], args, body)
        }
        Action::Extent { axis } => args[0]
            .receiver(body)
            .call_method("dim", [Expr::size(*axis)])
            .tried(),
        Action::LayerWeight { field, .. } => {
            let name = &structure.fields[*field].name;
            let what = format!("a weight of the layer `{name}` outside the layer");
            return Err(Error::unsupported(what));
        }
        Action::Parameter(field) => parameter(&structure.fields[*field]).call_method("clone", []),
        Action::Constant(_) => {
            return Err(Error::malformed("internal: a step without a statement"));
        }
    })
}

fn called(receiver: Expr, method: &Method, mut operands: Vec<Expr>) -> Expr {
    if method.has_mode {
        operands.push(Expr::path("train"));
    }
    let name = if method.has_mode {
        format!("{}_t", method.name)
    } else {
        method.name.clone()
    };
    receiver.call_method(&name, operands).tried()
}

/// `self.blocks.iter().try_fold(x, |x, block| block.forward(&x))?`
fn row(blocks: Expr, method: &Method, args: &[Arg], body: &mut Body) -> Expr {
    let [value, block] =
        [["x", "h", "value"], ["block", "layer", "module"]].map(|names| unlike(args, names));
    let first = args[0].owned(body);
    let mut operands = vec![Expr::path(value).by_ref()];
    operands.extend(args[1..].iter().map(|arg| arg.reference(body)));
    let call = called(Expr::path(block), method, operands);
    let call = call
        .untried()
        .unwrap_or_else(|value| Expr::call("Ok", [value]));
    let step = Expr::closure([Pat::from(value), Pat::from(block)], call);
    blocks
        .call_method("iter", [])
        .call_method("try_fold", [first, step])
        .tried()
}

/// The first of the names that no operand but the first has.
fn unlike(args: &[Arg], names: [&'static str; 3]) -> &'static str {
    let taken = |name: &str| {
        args[1..]
            .iter()
            .any(|arg| matches!(&arg.place, Place::Local { name: other, .. } if other == name))
    };
    names
        .into_iter()
        .find(|name| !taken(name))
        .unwrap_or(names[2])
}

/// The step where the instance has it, else what passes through: `condition` is its field and that operand.
fn conditional(
    plan: &Plan,
    step: &Step,
    args: &[Arg],
    condition: (usize, usize),
    body: &mut Body,
) -> Result<Expr> {
    let field = &body.structure.fields[condition.0];
    let switch = Expr::path("self").field(field.name.as_str());
    let uses_field = match step.action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. } => field == condition.0,
        Action::Op(_)
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Constant(_)
        | Action::Extent { .. } => false,
    };
    let name = match args
        .iter()
        .any(|arg| matches!(&arg.place, Place::Local { name, .. } if *name == field.name))
    {
        true => format!("{}_layer", field.name),
        false => field.name.clone(),
    };
    let bound = (field.present.is_some() && uses_field).then_some(name.as_str());
    let present = field.present.is_some();
    let value = value(plan, step, args, bound, body)?;
    let pass = args[condition.1].owned(body);
    Ok(match (bound, present) {
        (Some(name), _) => Expr::match_(
            switch.by_ref(),
            [
                Arm::new(Pat::variant("Some", [name]), value),
                Arm::new("None", pass),
            ],
        ),
        (None, true) => Expr::if_else(
            switch.call_method("is_some", []),
            Block::from(value),
            Block::from(pass),
        ),
        (None, false) => Expr::if_else(switch, Block::from(value), Block::from(pass)),
    })
}

/// A parameter's tensor.
fn parameter(field: &Field) -> Expr {
    let own = Expr::path("self").field(field.name.as_str());
    match field.present {
        None => own,
        Some(_) => own
            .call_method("as_ref", [])
            .call_method("expect", [Expr::str("the instance has this weight")]),
    }
}
