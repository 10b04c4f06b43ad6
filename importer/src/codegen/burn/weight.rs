//! A layer's weight where the model uses it outside the layer: in the model's own layout.

use super::super::operand::Body;
use super::super::rust::Expr;
use super::sizes;
use crate::ir::Type;
use crate::plan::target::{Burn, WeightLayout};
use crate::plan::{Action, Field, FieldKind, Plan, Role, Step};
use crate::weights::restoration;

/// A weight, spelt where it is read.
pub fn weight(plan: &Plan, step: &Step, body: &Body) -> Option<Expr> {
    match &step.action {
        Action::Parameter(field) => Some(body.own(*field).call_method("val", [])),
        Action::LayerWeight { field, role } => {
            let owner = (&body.structure.fields[*field], body.own(*field));
            layer_weight(plan, owner, *role, &step.results.first()?.ty)
        }
        Action::Op(_)
        | Action::Constant(_)
        | Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Extent { .. }
        | Action::Elements
        | Action::Flow(_) => None,
    }
}

/// The weight of a layer as the model has it, of type `ty`; `own` is the layer.
fn layer_weight(plan: &Plan, (field, own): (&Field, Expr), role: Role, ty: &Type) -> Option<Expr> {
    let FieldKind::Layer(layer) = &field.kind else {
        return None;
    };
    let slot = Burn
        .slots(layer)
        .into_iter()
        .find(|slot| slot.role == role)?;
    let stored = plan.layer_weight(field, slot.key)?;
    let restored = restoration(&stored.layout, &ty.shape.known()?)?;
    let mut value = owned(own, role, slot.key)?;
    if let Some(split) = restored.split {
        value = value.call_method("reshape", [sizes(&split)]);
    }
    value = match restored.order.as_deref() {
        None => value,
        Some([1, 0]) => value.call_method("transpose", []),
        Some(order) => value.call_method("permute", [sizes(order)]),
    };
    Some(match restored.merged {
        Some(merged) => value.call_method("reshape", [sizes(&merged)]),
        None => value,
    })
}

/// The weight as the layer has it.
fn owned(own: Expr, role: Role, key: &str) -> Option<Expr> {
    let weight = own.field(key);
    match role {
        Role::Kernel | Role::RecurrentKernel => Some(weight.call_method("val", [])),
        Role::Mean | Role::Variance => Some(weight.call_method("value", [])),
        Role::Bias | Role::Offset | Role::Scale => None,
    }
}
