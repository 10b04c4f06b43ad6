//! What is known of how layers behave in training, which a graph for inference does not tell.
//!
//! It is gathered before functions are lowered, from the first of these that knows a layer: the model's own training
//! traces, its `keras_metadata.pb`, the Keras file that the user names, and the user. What nobody knows is Keras'
//! default, and is said to be one.

mod keras_config;
mod traces;

use crate::ir::{Graph, MovingAverage, Op, ParamId, Program, Value};
use crate::saved_model::SavedModel;
use crate::{Options, Result};
use keras_config::Momenta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who says how a layer trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The model's functions for training.
    Traces,
    /// The `keras_metadata.pb` in the SavedModel.
    KerasMetadata,
    /// The Keras file that the user named.
    KerasFile,
    /// The user.
    Option,
    /// Nobody: it is Keras' default.
    Default,
}

impl Source {
    /// As a sentence goes on: "momentum 0.9, …".
    pub fn phrase(self) -> &'static str {
        match self {
            Source::Traces => "as the model's training functions have it",
            Source::KerasMetadata => "from keras_metadata.pb",
            Source::KerasFile => "from the Keras file",
            Source::Option => "as asked for",
            Source::Default => "which is Keras' default, because the model does not tell",
        }
    }
}

/// Keras' default momentum.
const DEFAULT_MOMENTUM: f64 = 0.99;

/// What is known of the layers of a model.
#[derive(Debug)]
pub(crate) struct Training {
    traces: Option<f64>,
    metadata: Momenta,
    file: Momenta,
    option: Option<f64>,
    /// Who told the momentum of each batch norm, by its moving mean.
    sources: BTreeMap<ParamId, Source>,
}

impl Training {
    /// What the model and the user's choices tell.
    pub fn of(model: &SavedModel, options: &Options) -> Result<Self> {
        let metadata = model.keras_metadata()?;
        let file = match &options.keras {
            Some(path) => Momenta::of_file(path)?,
            None => Momenta::default(),
        };
        Ok(Training {
            traces: traces::momentum(model),
            metadata: Momenta::of_texts(&metadata),
            file,
            option: options.batch_norm_momentum,
            sources: BTreeMap::new(),
        })
    }

    /// Notes the moving averages of the batch norms of a function.
    pub fn note(&mut self, graph: &Graph, program: &mut Program) {
        for (_, node) in graph.nodes() {
            let Op::BatchNorm { .. } = node.op else {
                continue;
            };
            let Some(mean) = param(graph, node.inputs[1]) else {
                continue;
            };
            let name = &program.params[mean.0 as usize].name;
            let (momentum, source) = self.momentum(layer_of(name));
            self.sources.insert(mean, source);
            let entry = MovingAverage {
                new_weight: as_written(1.0 - momentum),
                unbiased: node.origin.op.starts_with("FusedBatchNorm"),
            };
            program.moving_averages.entry(mean).or_insert(entry);
        }
    }

    /// The momentum of a layer, by its name, and who says so.
    fn momentum(&self, layer: &str) -> (f64, Source) {
        let known = [
            (self.traces, Source::Traces),
            (self.metadata.of_layer(layer), Source::KerasMetadata),
            (self.file.of_layer(layer), Source::KerasFile),
            (self.option, Source::Option),
        ];
        let mut known = known.into_iter();
        known
            .find_map(|(momentum, source)| Some((momentum?, source)))
            .unwrap_or((DEFAULT_MOMENTUM, Source::Default))
    }

    /// Who told the momentum of the batch norm with this moving mean.
    pub fn source(&self, mean: ParamId) -> Source {
        self.sources.get(&mean).copied().unwrap_or(Source::Default)
    }
}

/// The variable that a value is, whatever its shape.
fn param(graph: &Graph, value: Value) -> Option<ParamId> {
    let node = graph.node(value.node);
    match &node.op {
        Op::Param(param) => Some(*param),
        Op::Reshape(_) | Op::Cast(_) => param(graph, node.inputs[0]),
        _ => None,
    }
}

/// The layer of a variable: what its name has before the last part.
fn layer_of(variable: &str) -> &str {
    let path = variable.rsplit_once('/').map_or("", |(path, _)| path);
    path.rsplit('/').next().unwrap_or(path)
}

/// The shortest decimal number that is this one in single precision.
fn as_written(number: f64) -> f64 {
    (number as f32).to_string().parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_named_before_its_variable() {
        assert_eq!(layer_of("net/block/bn_1/moving_mean"), "bn_1");
        assert_eq!(layer_of("moving_mean"), "");
    }

    #[test]
    fn a_weight_is_as_it_was_written() {
        assert_eq!(as_written(1.0 - 0.9), 0.1);
        assert_eq!(as_written(1.0 - 0.999), 0.001);
    }
}
