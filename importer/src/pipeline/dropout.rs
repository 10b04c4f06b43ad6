//! The rates of dropout layers, which only the training traces of legacy Keras tell.

use crate::lower;
use crate::saved_model::SavedModel;
use savedmodel_import_proto::NodeDef;
use savedmodel_import_proto::attr_value::Value;

/// The constant that the random numbers of a training trace are compared with.
const RATE: &str = "dropout/GreaterEqual/y";

/// The rates of dropout layers, each with the path of its layer.
#[derive(Debug, Default)]
pub(crate) struct Rates(Vec<(String, f64)>);

impl Rates {
    /// What the functions of a model tell.
    pub fn of(model: &SavedModel) -> Self {
        let mut rates = Rates::default();
        for (function, def) in model.library().iter() {
            for node in def.node_def.iter().filter(|node| node.name.ends_with(RATE)) {
                if let (Some(layer), Some(rate)) = (layer(function, &node.name), constant(node)) {
                    rates.0.push((layer.to_owned(), rate));
                }
            }
        }
        rates
    }

    /// The rate of the layer at a path: of the one whose path ends most alike, unless several do and differ.
    pub fn get(&self, path: &str) -> Option<f64> {
        let alike = |other: &str| {
            let pairs = path.rsplit('/').zip(other.rsplit('/'));
            pairs.take_while(|(a, b)| a == b).count()
        };
        let most = self
            .0
            .iter()
            .map(|(layer, _)| alike(layer))
            .max()
            .filter(|&most| most > 0)?;
        let mut best = self.0.iter().filter(|(layer, _)| alike(layer) == most);
        let (_, rate) = best.next()?;
        best.all(|(_, other)| other == rate).then_some(*rate)
    }
}

/// The path of a node's layer: the scope around it, or the layer that the function is the call of.
fn layer<'a>(function: &'a str, node: &'a str) -> Option<&'a str> {
    let scope = node.strip_suffix(RATE)?.trim_end_matches('/');
    match scope {
        "" => function
            .strip_prefix("__inference_")?
            .split("_layer_call")
            .next(),
        scope => Some(scope),
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
        let in_function = layer(
            "__inference_drop_2_layer_call_and_return_conditional_losses_5",
            RATE,
        );
        assert_eq!(in_function, Some("drop_2"));
        assert_eq!(
            layer("__inference_f_1", "model/drop/dropout/GreaterEqual/y"),
            Some("model/drop")
        );
    }

    #[test]
    fn layers_of_one_name_have_rates_of_their_own() {
        let rates = Rates(vec![
            ("model/encoder/drop".to_owned(), 0.1),
            ("model/decoder/drop".to_owned(), 0.5),
        ]);
        assert_eq!(rates.get("model/encoder/drop"), Some(0.1));
        assert_eq!(rates.get("other/decoder/drop"), Some(0.5));
        assert_eq!(rates.get("head/drop"), None);
        assert_eq!(rates.get("model/encoder/drop_1"), None);
    }
}
