//! Steps in candle's words: one statement each.

use super::super::operand::{Arg, Body, Place};
use super::super::rust::{Expr, Pat};
use super::super::statement::{Line, elements};
use super::absorb::Activation;
use super::{layer, op};
use crate::error::{Error, Result};
use crate::ir::DType;
use crate::plan::{Action, FieldKind, Method, Plan, Step};

/// `add(&x, &y, Activation::Relu)?`: a sum, and the step after it.
pub fn sum(step: &Step, next: &Step, activation: Activation, body: &mut Body) -> Line {
    let operands: Vec<Arg> = step.args.iter().map(|operand| body.arg(operand)).collect();
    for step in [step, next] {
        for result in &step.results {
            body.bind(&step.action, &result.name, None);
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

/// What a step makes.
///
/// # Errors
/// When candle has no such op.
pub fn value(plan: &Plan, step: &Step, args: &[Arg], body: &mut Body) -> Result<Expr> {
    let structure = body.structure;
    Ok(match &step.action {
        Action::Op(op) => {
            let types = step.results.iter().map(|result| result.ty.clone());
            op::op(body, op, args, &types.collect::<Vec<_>>())?
        }
        Action::Layer { field, call } => {
            let FieldKind::Layer(layer) = &structure.fields[*field].kind else {
                return Err(Error::internal("a call of what is no layer"));
            };
            let field = body.own(*field);
            layer::call(body, layer, field, args, call)?
        }
        Action::Module { field, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::internal("a call of what is no module"));
            };
            let operands = args.iter().map(|arg| arg.reference(body)).collect();
            called(
                body.own(*field),
                &plan.structs[*ty].methods[*method],
                operands,
            )
        }
        Action::Modules { field, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*field].kind else {
                return Err(Error::internal("a call of what is no row of modules"));
            };
            let field = body.own(*field);
            row(field, &plan.structs[*ty].methods[*method], args, body)
        }
        Action::Elements => {
            let read = body.support(elements(step.results.len()));
            Expr::call(read, [args[0].reference(body)]).tried()
        }
        Action::Extent { axis } if args[0].ty.dtype == DType::String => args[0]
            .receiver(body)
            .call_method("shape", [])
            .index(Expr::size(*axis)),
        Action::Extent { axis } => args[0]
            .receiver(body)
            .call_method("dim", [Expr::size(*axis)])
            .tried(),
        Action::LayerWeight { field, .. } => {
            let name = &structure.fields[*field].name;
            let what = format!("a weight of the layer `{name}` outside the layer");
            return Err(Error::unsupported(what));
        }
        Action::Parameter(field) => body.own(*field).call_method("clone", []),
        Action::Constant(_) | Action::Flow(_) => {
            return Err(Error::internal("a step without a statement"));
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
