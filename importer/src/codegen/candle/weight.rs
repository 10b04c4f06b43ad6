//! A layer's weight where the model uses it outside the layer: in the model's own layout.

use super::super::plan::{Field, FieldKind, Layer, Plan, Role};
use super::super::rust::Expr;
use super::super::target::{Candle, WeightLayout};
use super::Slots;
use crate::ir::Type;
use crate::weights::Layout;
use std::collections::BTreeMap;

/// The weight as the model has it, of type `ty`.
pub fn layer_weight(plan: &Plan, field: &Field, role: Role, ty: &Type) -> Option<Expr> {
    let FieldKind::Layer(layer) = &field.kind else {
        return None;
    };
    let slot = Candle
        .slots(layer)
        .into_iter()
        .find(|slot| slot.role == role)?;
    let key = format!("{}.{}", field.name, slot.key);
    let below = format!(".{key}");
    let stored = plan
        .weights
        .iter()
        .find(|weight| weight.key == key || weight.key.ends_with(&below))?;
    restored(
        owned(layer, field, role)?,
        &stored.layout,
        &ty.shape.known()?,
    )
}

/// The weight as the layer has it.
fn owned(layer: &Layer, field: &Field, role: Role) -> Option<Expr> {
    let owner = Expr::path("self").field(field.name.as_str());
    Some(match (layer, role) {
        (Layer::Embedding { .. }, _) => owner.call_method("embeddings", []),
        (Layer::BatchNorm { .. }, Role::Mean) => owner
            .call_method("running_mean", [])
            .call_method("as_tensor", []),
        (Layer::BatchNorm { .. }, Role::Variance) => owner
            .call_method("running_var", [])
            .call_method("as_tensor", []),
        (Layer::Linear { .. } | Layer::Conv { .. }, Role::Kernel) => {
            owner.call_method("weight", [])
        }
        (Layer::Linear { .. } | Layer::Conv { .. }, Role::Bias) => owner
            .call_method("bias", [])
            .call_method("expect", [Expr::str("the layer has a bias")]),
        (
            Layer::Linear { .. }
            | Layer::Conv { .. }
            | Layer::ConvTranspose { .. }
            | Layer::BatchNorm { .. }
            | Layer::LayerNorm { .. }
            | Layer::Dropout { .. },
            _,
        ) => return None,
    })
}

/// Undoes a layout: splits merged axes, permutes them back, and merges what was split.
fn restored(weight: Expr, layout: &Layout, shape: &[usize]) -> Option<Expr> {
    if layout.is_identity() {
        return Some(weight);
    }
    let text = layout.to_string();
    let mut parts = text.split(", ");
    let (from, to) = parts.next()?.split_once("->")?;
    let (from, to) = (axes(from), axes(to));
    let sizes = letter_sizes(&from, shape, parts)?;
    let letters: Vec<char> = to.concat();
    let places = from
        .concat()
        .iter()
        .map(|letter| letters.iter().position(|other| other == letter))
        .collect::<Option<Vec<_>>>()?;
    let mut value = weight;
    if to.iter().any(|axis| axis.len() != 1) {
        let dims: Vec<usize> = letters.iter().map(|letter| sizes[letter]).collect();
        value = value
            .call_method("reshape", [Expr::tuple_shape(&dims)])
            .tried();
    }
    value = match places.as_slice() {
        [1, 0] => value.call_method("t", []).tried(),
        places if places.is_sorted() => value,
        places => value
            .call_method("permute", [Expr::tuple_shape(places)])
            .tried(),
    };
    if from.iter().any(|axis| axis.len() != 1) {
        value = value
            .call_method("reshape", [Expr::tuple_shape(shape)])
            .tried();
    }
    Some(value)
}

/// `k(dh)` as letters by axis; `1` is an axis without any.
fn axes(text: &str) -> Vec<Vec<char>> {
    let mut axes: Vec<Vec<char>> = vec![];
    let mut merged = false;
    for letter in text.chars() {
        match letter {
            '(' => axes.push(vec![]),
            '1' => axes.push(vec![]),
            letter if merged => axes
                .last_mut()
                .into_iter()
                .for_each(|axis| axis.push(letter)),
            letter => axes.push(vec![letter]),
        }
        merged = letter != ')' && (merged || letter == '(');
    }
    axes
}

/// The size of each letter: of its axis, or as the layout says beside the axes.
fn letter_sizes<'a>(
    from: &[Vec<char>],
    shape: &[usize],
    rest: impl Iterator<Item = &'a str>,
) -> Option<BTreeMap<char, usize>> {
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for part in rest {
        let (letter, size) = part.split_once('=')?;
        sizes.insert(letter.chars().next()?, size.parse().ok()?);
    }
    for (axis, &extent) in from.iter().zip(shape) {
        let known: usize = axis.iter().filter_map(|letter| sizes.get(letter)).product();
        let unknown: Vec<char> = axis
            .iter()
            .copied()
            .filter(|letter| !sizes.contains_key(letter))
            .collect();
        if let [letter] = unknown.as_slice() {
            sizes.insert(*letter, extent.checked_div(known)?);
        }
    }
    from.concat()
        .iter()
        .all(|letter| sizes.contains_key(letter))
        .then_some(sizes)
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
