// `hub_bert`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::attention::masked_attention;
use super::support::gather::from_end;
use super::support::math::gelu_approximate;
use super::support::weights::filled;
use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Bool, Device, Int, Tensor};
use std::path::Path;

/// The model `HubBert`.
#[derive(Module, Debug)]
pub struct HubBert {
    pub token_embedding: Embedding,
    pub position_embedding_embeddings: Param<Tensor<2>>,
    pub segment_embedding: Embedding,
    pub embeddings_layer_norm: LayerNorm,
    pub transformer_layers: Vec<TransformerLayer>,
    pub pooled_dense: Linear,
}

impl HubBert {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            token_embedding: EmbeddingConfig::new(50, 16).init(device),
            position_embedding_embeddings: Initializer::Uniform {
                min: -0.05,
                max: 0.05,
            }
            .init([16, 16], device),
            segment_embedding: EmbeddingConfig::new(2, 16).init(device),
            embeddings_layer_norm: LayerNormConfig::new(16).with_epsilon(1e-12).init(device),
            transformer_layers: vec![TransformerLayer::new(device), TransformerLayer::new(device)],
            pooled_dense: LinearConfig::new(16, 16).init(device),
        }
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        filled(
            Self::new(device),
            SafetensorsStore::from_file(path.as_ref()),
        )
    }

    /// Also called `serve`, `serving_default`.
    ///
    /// - `padding_mask`: `I32` `[batch, length]`.
    /// - `segment_ids`: `I32` `[batch, length]`.
    /// - `token_ids`: `I32` `[batch, length]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(
        &self,
        padding_mask: Tensor<2, Int>,
        segment_ids: Tensor<2, Int>,
        token_ids: Tensor<2, Int>,
    ) -> HubBertOutput {
        let [batch, length] = padding_mask.dims();
        let padding_mask = padding_mask.unsqueeze_dim::<3>(1).bool(); // [batch, 1, length]
        let padding_mask = padding_mask.unsqueeze_dim::<4>(1); // [batch, 1, 1, length]
        let token_ids = from_end(token_ids, 50);
        let token_embedding = self.token_embedding.forward(token_ids); // [batch, length, 16]
        let part = self
            .position_embedding_embeddings
            .val()
            .slice_dim(0, 0..length); // [length, 16]
        let token_embedding = token_embedding + part.unsqueeze::<3>();
        let segment_ids = from_end(segment_ids, 2);
        let segment_embedding = self.segment_embedding.forward(segment_ids); // [batch, length, 16]
        let x = token_embedding + segment_embedding;
        let x = self.embeddings_layer_norm.forward(x);
        let sequence_output = self
            .transformer_layers
            .iter()
            .fold(x, |x, block| block.forward(x, padding_mask.clone()));
        let x = sequence_output.clone().slice_dim(1, 0..1); // [batch, 1, 16]
        let pooled_output = self.pooled_dense.forward(x.reshape([batch, 16])).tanh(); // [batch, 16]
        HubBertOutput {
            pooled_output,
            sequence_output,
        }
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
pub struct HubBertOutput {
    /// `F32` `[batch, 16]`.
    pub pooled_output: Tensor<2>,
    /// `F32` `[batch, length, 16]`.
    pub sequence_output: Tensor<3>,
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerLayer {
    pub self_attention_layer: SelfAttentionLayer,
    pub self_attention_layer_norm: LayerNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_output_dense: Linear,
    pub feedforward_layer_norm: LayerNorm,
}

impl TransformerLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            self_attention_layer: SelfAttentionLayer::new(device),
            self_attention_layer_norm: LayerNormConfig::new(16).with_epsilon(1e-12).init(device),
            feedforward_intermediate_dense: LinearConfig::new(16, 32).init(device),
            feedforward_output_dense: LinearConfig::new(32, 16).init(device),
            feedforward_layer_norm: LayerNormConfig::new(16).with_epsilon(1e-12).init(device),
        }
    }

    /// `x: [batch, length, 16], padding_mask: Bool [batch, 1, 1, length] → [batch, length, 16]`
    pub fn forward(&self, x: Tensor<3>, padding_mask: Tensor<4, Bool>) -> Tensor<3> {
        let h = self.self_attention_layer.forward(x.clone(), padding_mask);
        let x = self.self_attention_layer_norm.forward(h + x);
        let h = self.feedforward_intermediate_dense.forward(x.clone());
        let h = self.feedforward_output_dense.forward(gelu_approximate(h));
        self.feedforward_layer_norm.forward(h + x)
    }
}

/// Layers `transformer_layer_0/self_attention_layer` to `transformer_layer_1/self_attention_layer`,
/// 2 in all.
#[derive(Module, Debug)]
pub struct SelfAttentionLayer {
    pub key: Linear,
    pub query: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

impl SelfAttentionLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            key: LinearConfig::new(16, 16).init(device),
            query: LinearConfig::new(16, 16).init(device),
            value: LinearConfig::new(16, 16).init(device),
            attention_output: LinearConfig::new(16, 16).init(device),
        }
    }

    /// `x: [batch, length, 16], padding_mask: Bool [batch, 1, 1, length] → [batch, length, 16]`
    pub fn forward(&self, x: Tensor<3>, padding_mask: Tensor<4, Bool>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let key = self.key.forward(x.clone()).reshape([batch, length, 2, 8]);
        let query = self.query.forward(x.clone()).reshape([batch, length, 2, 8]);
        let value = self.value.forward(x).reshape([batch, length, 2, 8]);
        let value = value.swap_dims(1, 2);
        let query = query.swap_dims(1, 2);
        let key = key.swap_dims(1, 2);
        let x = masked_attention(query, key, value, padding_mask, 1.0 / 8f64.sqrt());
        let x = x.swap_dims(1, 2).reshape([batch, length, 16]);
        self.attention_output.forward(x)
    }
}
