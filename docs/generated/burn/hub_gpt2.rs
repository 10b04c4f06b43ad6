// `hub_gpt2`, compiled from a TensorFlow SavedModel to burn.
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
use burn::tensor::{Bool, DType, Device, FloatDType, Int, IntDType, Tensor};
use std::path::Path;

/// The model `HubGpt2`.
#[derive(Module, Debug)]
pub struct HubGpt2 {
    pub token_embedding: Embedding,
    pub position_embedding_embeddings: Param<Tensor<2>>,
    pub transformer_layers: Vec<TransformerLayer>,
    pub layer_norm: LayerNorm,
}

impl HubGpt2 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            token_embedding: EmbeddingConfig::new(50, 16).init(device),
            position_embedding_embeddings: Initializer::Uniform {
                min: -0.05,
                max: 0.05,
            }
            .init([16, 16], device),
            transformer_layers: vec![TransformerLayer::new(device), TransformerLayer::new(device)],
            layer_norm: LayerNormConfig::new(16).with_epsilon(1e-5).init(device),
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
    /// - `token_ids`: `I32` `[batch, length]`.
    /// - returns `F32` `[batch, length, 16]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, padding_mask: Tensor<2, Int>, token_ids: Tensor<2, Int>) -> Tensor<3> {
        let device = padding_mask.device();
        let [batch, length] = padding_mask.dims();
        let padding_mask = padding_mask.unsqueeze_dim::<3>(1); // [batch, 1, length]
        let x = self.token_embedding.forward(from_end(token_ids, 50)); // [batch, length, 16]
        let part = self
            .position_embedding_embeddings
            .val()
            .slice_dim(0, 0..length); // [length, 16]
        let x = x + part.unsqueeze::<3>();
        // [length]
        let positions =
            Tensor::<1, Int>::arange(0..length as i64, (&device, DType::I64)).cast(FloatDType::F32);
        let reshaped = positions.clone().unsqueeze_dim::<2>(1); // [length, 1]
        let mask = reshaped.greater_equal(positions.unsqueeze::<2>()); // [length, length]
        // [batch, length, length]
        let mask = mask.unsqueeze_dim::<3>(0).expand([batch, length, length]);
        let smaller = padding_mask.min_pair(mask.cast(IntDType::I32)); // [batch, length, length]
        let mask = smaller.unsqueeze_dim::<4>(1).greater_scalar(0); // [batch, 1, length, length]
        let x = self
            .transformer_layers
            .iter()
            .fold(x, |x, block| block.forward(x, mask.clone()));
        self.layer_norm.forward(x)
    }
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerLayer {
    pub self_attention_layer_norm: LayerNorm,
    pub self_attention: SelfAttention,
    pub feedforward_layer_norm: LayerNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_output_dense: Linear,
}

impl TransformerLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            self_attention_layer_norm: LayerNormConfig::new(16).with_epsilon(1e-5).init(device),
            self_attention: SelfAttention::new(device),
            feedforward_layer_norm: LayerNormConfig::new(16).with_epsilon(1e-5).init(device),
            feedforward_intermediate_dense: LinearConfig::new(16, 32).init(device),
            feedforward_output_dense: LinearConfig::new(32, 16).init(device),
        }
    }

    /// `x: [batch, length, 16], mask: Bool [batch, 1, length, length] → [batch, length, 16]`
    pub fn forward(&self, x: Tensor<3>, mask: Tensor<4, Bool>) -> Tensor<3> {
        let h = self.self_attention_layer_norm.forward(x.clone());
        let x = self.self_attention.forward(h, mask) + x;
        let h = self.feedforward_layer_norm.forward(x.clone());
        let h = gelu_approximate(self.feedforward_intermediate_dense.forward(h));
        self.feedforward_output_dense.forward(h) + x
    }
}

/// Layers `transformer_layer_0/self_attention` to `transformer_layer_1/self_attention`, 2 in all.
#[derive(Module, Debug)]
pub struct SelfAttention {
    pub key: Linear,
    pub query: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

impl SelfAttention {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            key: LinearConfig::new(16, 16).init(device),
            query: LinearConfig::new(16, 16).init(device),
            value: LinearConfig::new(16, 16).init(device),
            attention_output: LinearConfig::new(16, 16).init(device),
        }
    }

    /// `x: [batch, length, 16], mask: Bool [batch, 1, length, length] → [batch, length, 16]`
    pub fn forward(&self, x: Tensor<3>, mask: Tensor<4, Bool>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let key = self.key.forward(x.clone()).reshape([batch, length, 2, 8]);
        let query = self.query.forward(x.clone()).reshape([batch, length, 2, 8]);
        let value = self.value.forward(x).reshape([batch, length, 2, 8]);
        let value = value.swap_dims(1, 2);
        let query = query.swap_dims(1, 2);
        let key = key.swap_dims(1, 2);
        let x = masked_attention(query, key, value, mask, 1.0 / 8f64.sqrt());
        let x = x.swap_dims(1, 2).reshape([batch, length, 16]);
        self.attention_output.forward(x)
    }
}
