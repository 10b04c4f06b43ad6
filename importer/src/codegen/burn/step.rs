//! Steps in burn's words: one statement each.

use super::super::operand::{Arg, Body};
use super::super::rust::{Expr, Pat};
use super::super::statement::elements;
use super::{layer, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Type};
use crate::plan::{Action, FieldKind, Method, Plan, Step};

/// What a step makes.
///
/// # Errors
/// When burn has no such op.
pub fn value(plan: &Plan, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
    let structure = body.structure;
    let malformed = || Error::internal("a step that does not fit its field");
    let first = args.first().ok_or_else(malformed);
    match &step.action {
        Action::Op(op) => {
            let types: Vec<Type> = step
                .results
                .iter()
                .map(|result| result.ty.clone())
                .collect();
            op::op(body, op, args, &types)
        }
        Action::Layer { field, call } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let field = body.own(*field);
            layer::call(body, layer, field, args, call)
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(malformed());
            };
            let method = &plan.structs[*ty].methods[*method];
            let operands: Vec<Expr> = args.iter().map(|arg| arg.value(body)).collect();
            Ok(call(body.own(*field), method, operands))
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
            Ok(body
                .own(*field)
                .call_method("iter", [])
                .call_method("fold", [first, step]))
        }
        Action::Elements => {
            let read = body.using(&format!("support::{}", elements(step.results.len())));
            Ok(Expr::call(read, [first?.value(body)]))
        }
        Action::Extent { axis } => {
            let first = first?;
            let dims = match first.ty.dtype {
                DType::String => "shape",
                _ => "dims",
            };
            let dims = first.place_of(body).call_method(dims, []);
            Ok(dims.index(Expr::size(*axis)))
        }
        Action::Parameter(field) => Ok(body.own(*field).call_method("val", [])),
        Action::Constant(_) | Action::LayerWeight { .. } | Action::Flow(_) => {
            Err(Error::internal("a step without a statement"))
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
