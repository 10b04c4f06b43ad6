//! Steps in burn's words: one statement each.

use super::super::operand::{Arg, Body};
use super::super::plan::{Action, FieldKind, Local, Method, Plan, Step, Struct};
use super::super::rust::{Arm, Block, Expr, Pat};
use super::super::statement::Line;
use super::weight::layer_weight;
use super::{layer, op};
use crate::error::{Error, Result};
use crate::ir::Type;

pub fn line(plan: &Plan, step: &Step, body: &mut Body) -> Result<Option<Line>> {
    let structure = body.structure;
    let args: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    let method = body.method;
    let spell = |_: &Action| bound(plan, structure, method, step);
    for (i, result) in step.results.iter().enumerate() {
        let is_bound = body.bind(&step.action, &result.name, spell);
        if is_bound && i == 0 {
            return Ok(None);
        }
    }
    let value = value(plan, step, &args, body)?;
    let value = match &step.condition {
        None => value,
        Some(condition) => {
            let field = &structure.fields[condition.field];
            let pass = args
                .get(condition.pass)
                .ok_or_else(|| Error::malformed("internal: a condition without an else"))?;
            let pass = pass.value(body);
            let own = Expr::path("self").field(field.name.as_str());
            match (field.present, uses(&step.action, condition.field)) {
                (Some(_), true) => Expr::match_(
                    own.by_ref(),
                    [
                        Arm::new(Pat::variant("Some", [field.name.as_str()]), value),
                        Arm::new("None", pass),
                    ],
                ),
                (Some(_), false) => {
                    let is_there = own.call_method("is_some", []);
                    Expr::if_else(is_there, Block::from(value), Block::from(pass))
                }
                (None, _) => Expr::if_else(own, Block::from(value), Block::from(pass)),
            }
        }
    };
    Ok(Some(Line::of(step, value)))
}

/// Whether a step runs what is in a field.
fn uses(action: &Action, index: usize) -> bool {
    match action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. }
        | Action::LayerWeight { field, .. }
        | Action::Parameter(field) => *field == index,
        Action::Op(_) | Action::Constant(_) | Action::Extent { .. } => false,
    }
}

/// A weight that is spelt where it is read.
fn bound(plan: &Plan, structure: &Struct, method: &Method, step: &Step) -> Option<Expr> {
    let is_kept = |local: &Local| method.keeps(&local.name);
    match &step.action {
        Action::Parameter(_) if step.results.iter().any(is_kept) => None,
        Action::Parameter(field) => {
            let field = Expr::path("self").field(structure.fields[*field].name.as_str());
            Some(field.call_method("val", []))
        }
        Action::LayerWeight { field, role } => layer_weight(
            plan,
            &structure.fields[*field],
            *role,
            &step.results.first()?.ty,
        ),
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. } => None,
    }
}

fn value(plan: &Plan, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
    let structure = body.structure;
    let malformed = || Error::malformed("internal: a step that does not fit its field");
    let first = args.first().ok_or_else(malformed);
    let own = |index: usize| {
        let field = &structure.fields[index];
        match step
            .condition
            .as_ref()
            .filter(|condition| condition.field == index && field.present.is_some())
        {
            Some(_) => Expr::path(field.name.as_str()),
            None => Expr::path("self").field(field.name.as_str()),
        }
    };
    match &step.action {
        Action::Op(op) => {
            let types: Vec<Type> = step
                .results
                .iter()
                .map(|result| result.ty.clone())
                .collect();
            op::op(body, op, args, &types)
        }
        Action::Layer { field, output } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            layer::call(body, layer, own(*field), first?, output.as_deref())
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let method = &plan.structs[*ty].methods[*method];
            let operands: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            Ok(call(own(*field), method, operands))
        }
        Action::Modules { field, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let method = &plan.structs[*ty].methods[*method];
            let others = args[1..].iter().map(|arg| arg.kept().value(body));
            let operands: Vec<Expr> = std::iter::once(Expr::path("x")).chain(others).collect();
            let step = Expr::closure(
                [Pat::from("x"), Pat::from("block")],
                call(Expr::path("block"), method, operands),
            );
            let first = first?.value(body);
            Ok(own(*field)
                .call_method("iter", [])
                .call_method("fold", [first, step]))
        }
        Action::Extent { axis } => Ok(first?
            .place_of(body)
            .call_method("dims", [])
            .index(Expr::size(*axis))),
        Action::Parameter(field) => Ok(own(*field).call_method("val", [])),
        Action::Constant(_) | Action::LayerWeight { .. } => {
            Err(Error::malformed("internal: a step without a statement"))
        }
    }
}

/// `receiver.forward(operands…)`, in the form for training where there is one.
fn call(receiver: Expr, method: &Method, mut operands: Vec<Expr>) -> Expr {
    if !method.has_mode {
        return receiver.call_method(&method.name, operands);
    }
    operands.push(Expr::path("train"));
    receiver.call_method(format!("{}_t", method.name), operands)
}
