//! The momentum of batch norms, as the training traces of legacy Keras have it.

use super::as_written;
use crate::lower;
use crate::saved_model::SavedModel;
use savedmodel_import_proto::NodeDef;
use savedmodel_import_proto::attr_value::Value;

/// The momentum that all training traces have, if they agree on one.
pub fn momentum(model: &SavedModel) -> Option<f64> {
    let functions = model.library().iter();
    let nodes = functions.flat_map(|(_, def)| &def.node_def);
    let weight = agreed(nodes.filter_map(new_batch_weight))?;
    Some(as_written(1.0 - weight))
}

/// The value that all of `weights` have.
fn agreed(mut weights: impl Iterator<Item = f64>) -> Option<f64> {
    let first = weights.next()?;
    weights.all(|weight| weight == first).then_some(first)
}

/// The weight of a new batch, where a node tells one: 1 - the momentum of Keras.
fn new_batch_weight(node: &NodeDef) -> Option<f64> {
    let (attr, default) = match node.op.as_str() {
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
            ("exponential_avg_factor", 1.0)
        }
        "Const" if is_decay(&node.name) => ("value", 0.0),
        _ => return None,
    };
    let weight = match &node.attr.get(attr)?.value {
        Some(Value::F(weight)) => f64::from(*weight),
        Some(Value::Tensor(proto)) => lower::tensor(proto).ok()?.as_splat()?,
        _ => return None,
    };
    (weight != default).then(|| as_written(weight))
}

fn is_decay(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let (last, scope) = (parts.next(), parts.next());
    last == Some("decay") && scope.is_some_and(|scope| scope.starts_with("AssignMovingAvg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_that_disagree_tell_nothing() {
        assert_eq!(agreed([0.1, 0.1].into_iter()), Some(0.1));
        assert_eq!(agreed([0.1, 0.01].into_iter()), None);
        assert_eq!(agreed([].into_iter()), None);
    }

    #[test]
    fn a_decay_lies_in_the_scope_of_a_moving_average() {
        assert!(is_decay("norm/AssignMovingAvg_1/decay"));
        assert!(!is_decay("adam/decay"));
    }
}
