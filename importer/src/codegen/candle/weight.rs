//! A layer's weight where the model uses it outside the layer: in the model's own layout.

use super::super::operand::Body;
use super::super::rust::Expr;
use super::Slots;
use crate::ir::Type;
use crate::plan::target::{Candle, WeightLayout};
use crate::plan::{Action, Field, FieldKind, Layer, Plan, Role, Step};
use crate::weights::{Layout, restoration};

/// A weight, spelt where it is read.
pub fn weight(plan: &Plan, step: &Step, body: &Body) -> Option<Expr> {
    match &step.action {
        Action::Parameter(field) => Some(body.own(*field)),
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
    let slot = Candle
        .slots(layer)
        .into_iter()
        .find(|slot| slot.role == role)?;
    let stored = plan.layer_weight(field, slot.key)?;
    restored(owned(layer, own, role)?, &stored.layout, &ty.shape.known()?)
}

/// The weight as the layer has it.
fn owned(layer: &Layer, owner: Expr, role: Role) -> Option<Expr> {
    Some(match (layer, role) {
        (Layer::Embedding { .. }, _) => owner.call_method("embeddings", []),
        (Layer::BatchNorm { .. }, Role::Mean) => owner
            .call_method("running_mean", [])
            .call_method("as_tensor", []),
        (Layer::BatchNorm { .. }, Role::Variance) => owner
            .call_method("running_var", [])
            .call_method("as_tensor", []),
        (Layer::Recurrent { .. }, Role::Kernel) => owner.call_method("kernel", []),
        (Layer::Recurrent { .. }, Role::RecurrentKernel) => {
            owner.call_method("recurrent_kernel", [])
        }
        (Layer::Linear { .. } | Layer::Conv { .. } | Layer::ConvTranspose { .. }, Role::Kernel) => {
            owner.call_method("weight", [])
        }
        (
            Layer::Linear { .. }
            | Layer::Conv { .. }
            | Layer::ConvTranspose { .. }
            | Layer::BatchNorm { .. }
            | Layer::LayerNorm { .. }
            | Layer::Recurrent { .. }
            | Layer::RmsNorm { .. }
            | Layer::Dropout { .. },
            _,
        ) => return None,
    })
}

/// Undoes a layout.
fn restored(weight: Expr, layout: &Layout, shape: &[usize]) -> Option<Expr> {
    let steps = restoration(layout, shape)?;
    let reshaped = |value: Expr, dims: Option<Vec<usize>>| match dims {
        Some(dims) => value
            .call_method("reshape", [Expr::tuple_shape(&dims)])
            .tried(),
        None => value,
    };
    let value = reshaped(weight, steps.split);
    let value = match steps.order.as_deref() {
        None => value,
        Some([1, 0]) => value.call_method("t", []).tried(),
        Some(order) => value
            .call_method("permute", [Expr::tuple_shape(order)])
            .tried(),
    };
    Some(reshaped(value, steps.merged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(layout: &str, shape: &[usize], expect: &str) {
        let layout = Layout::parse(layout).expect("a layout");
        let value = restored(Expr::path("w"), &layout, shape).expect("a value");
        assert_eq!(value.to_string(), expect);
    }

    #[test]
    fn a_matrix_is_turned_back() {
        check("io->oi", &[3, 5], "w.t()?");
        check("io->io", &[3, 5], "w");
    }

    #[test]
    fn merged_heads_are_split_before_they_move() {
        check(
            "dhk->(hk)d",
            &[8, 2, 4],
            "w.reshape((2, 4, 8))?.permute((2, 0, 1))?",
        );
    }

    #[test]
    fn split_axes_are_merged_again() {
        check("(hk)d->hkd, h=2", &[8, 3], "w.reshape((8, 3))?");
    }
}
