//! The rates of dropout layers, which only the training traces of legacy Keras tell.

use crate::lower;
use crate::saved_model::SavedModel;
use savedmodel_import_proto::NodeDef;
use savedmodel_import_proto::attr_value::Value;
use std::collections::HashMap;

/// The constant that the random numbers of a training trace are compared with.
const RATE: &str = "dropout/GreaterEqual/y";

/// The rate of each dropout layer, by the layer's name.
pub(crate) fn rates(model: &SavedModel) -> HashMap<String, f64> {
    let mut rates = HashMap::new();
    for (function, def) in model.library().iter() {
        for node in def.node_def.iter().filter(|node| node.name.ends_with(RATE)) {
            if let (Some(layer), Some(rate)) = (layer_name(function, &node.name), constant(node)) {
                rates.insert(layer.to_owned(), rate);
            }
        }
    }
    rates
}

/// The layer of a node: the scope around it, or the layer that the function is the call of.
fn layer_name<'a>(function: &'a str, node: &'a str) -> Option<&'a str> {
    let scope = node.strip_suffix(RATE)?.trim_end_matches('/');
    match scope.rsplit('/').next() {
        Some("") | None => function
            .strip_prefix("__inference_")?
            .split("_layer_call")
            .next(),
        Some(layer) => Some(layer),
    }
}

fn constant(node: &NodeDef) -> Option<f64> {
    match &node.attr.get("value")?.value {
        Some(Value::Tensor(proto)) => lower::tensor(proto).ok()?.as_splat(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_belongs_to_the_scope_or_to_the_function() {
        let in_function = layer_name(
            "__inference_drop_2_layer_call_and_return_conditional_losses_5",
            RATE,
        );
        assert_eq!(in_function, Some("drop_2"));
        assert_eq!(
            layer_name("__inference_f_1", "model/drop/dropout/GreaterEqual/y"),
            Some("drop")
        );
    }
}
