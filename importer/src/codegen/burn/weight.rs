//! A layer's weight where the model uses it outside the layer: in the model's own layout.

use super::super::plan::{Field, FieldKind, Layer, Plan, Role};
use super::super::restore::restoration;
use super::super::rust::Expr;
use super::super::target::{Burn, WeightLayout};
use super::sizes;
use crate::ir::Type;

/// The weight as the model has it, of type `ty`.
pub fn layer_weight(plan: &Plan, field: &Field, role: Role, ty: &Type) -> Option<Expr> {
    let FieldKind::Layer(layer) = &field.kind else {
        return None;
    };
    let slot = Burn
        .slots(layer)
        .into_iter()
        .find(|slot| slot.role == role)?;
    let key = format!("{}.{}", field.name, slot.key);
    let below = format!(".{key}");
    let is_it = |stored: &str| stored == key || stored.ends_with(&below);
    let stored = plan.weights.iter().find(|weight| is_it(&weight.key))?;
    let restored = restoration(&stored.layout, &ty.shape.known()?)?;
    let mut value = owned(layer, field, role, slot.key);
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
fn owned(layer: &Layer, field: &Field, role: Role, key: &str) -> Expr {
    let weight = Expr::path("self").field(field.name.as_str()).field(key);
    let is_optional = match role {
        Role::Kernel => false,
        Role::Bias | Role::Offset => true,
        Role::Scale => matches!(layer, Layer::BatchNorm { .. }),
        Role::Mean | Role::Variance => return weight.call_method("value", []),
    };
    match is_optional {
        false => weight.call_method("val", []),
        true => {
            let some = weight.call_method("as_ref", []);
            some.call_method("expect", [Expr::str("the layer has one")])
                .call_method("val", [])
        }
    }
}
