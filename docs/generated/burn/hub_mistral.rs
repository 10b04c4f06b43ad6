// `hub_mistral`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::attention::{masked_attention, rotate_half};
use super::support::gather::from_end;
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{Bool, DType, Device, FloatDType, Int, IntDType, Tensor, activation};
use std::path::Path;

/// The model `HubMistral`.
#[derive(Module, Debug)]
pub struct HubMistral {
    pub token_embedding: Embedding,
    pub transformer_layers: Vec<TransformerLayer>,
    pub sequence_output_layernorm: RmsNorm,
}

impl HubMistral {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            token_embedding: EmbeddingConfig::new(50, 16).init(device),
            transformer_layers: vec![TransformerLayer::new(device), TransformerLayer::new(device)],
            sequence_output_layernorm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
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
        // [length]
        let positions =
            Tensor::<1, Int>::arange(0..length as i64, (&device, DType::I64)).cast(FloatDType::F32);
        let reshaped = positions.clone().unsqueeze_dim::<2>(1); // [length, 1]
        let mask = reshaped.greater_equal(positions.clone().unsqueeze::<2>()); // [length, length]
        // [batch, length, length]
        let mask = mask.unsqueeze_dim::<3>(0).expand([batch, length, length]);
        let mask = mask.cast(IntDType::I32);
        // [length]
        let positions_2 = Tensor::<1, Int>::arange(0..length as i64, (&device, DType::I32));
        let reshaped = positions_2.clone().unsqueeze_dim::<2>(1); // [length, 1]
        let positions_2 = positions_2.unsqueeze_dim::<2>(0) + 4; // [1, length]
        let positions_2_mask = reshaped.lower(positions_2).cast(IntDType::I32); // [length, length]
        let smaller = mask.min_pair(positions_2_mask.unsqueeze::<3>());
        // [batch, 1, length, length]
        let smaller = padding_mask.min_pair(smaller).unsqueeze_dim::<4>(1);
        let mask = smaller.greater_scalar(0);
        let positions = positions.reshape([1, length, 1]); // [1, length, 1]
        // [1, length, 2]
        let positions =
            positions * Tensor::<1>::from_data([1.0f32, 0.01], &device).unsqueeze::<3>();
        let positions = positions.unsqueeze_dim::<4>(2); // [1, length, 1, 2]
        let joined = Tensor::cat(vec![positions.clone(), positions], 2); // [1, length, 2, 2]
        let joined = joined.reshape([1, length, 1, 4]); // [1, length, 1, 4]
        let cos = joined.clone().cos();
        let sin = joined.sin();
        let x = self.transformer_layers.iter().fold(x, |x, block| {
            block.forward(x, cos.clone(), sin.clone(), mask.clone())
        });
        self.sequence_output_layernorm.forward(x)
    }
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerLayer {
    pub self_attention_layernorm: RmsNorm,
    pub self_attention: SelfAttention,
    pub feedforward_layernorm: RmsNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_gate_dense: Linear,
    pub feedforward_output_dense: Linear,
}

impl TransformerLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            self_attention_layernorm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            self_attention: SelfAttention::new(device),
            feedforward_layernorm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            feedforward_intermediate_dense: LinearConfig::new(16, 32).with_bias(false).init(device),
            feedforward_gate_dense: LinearConfig::new(16, 32).with_bias(false).init(device),
            feedforward_output_dense: LinearConfig::new(32, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], cos: [1, length, 1, 4], sin: [1, length, 1, 4], mask: Bool [batch,
    /// 1, length, length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        cos: Tensor<4>,
        sin: Tensor<4>,
        mask: Tensor<4, Bool>,
    ) -> Tensor<3> {
        let h = self.self_attention_layernorm.forward(x.clone());
        let x = self.self_attention.forward(h, cos, sin, mask) + x;
        let h = self.feedforward_layernorm.forward(x.clone());
        let feedforward_intermediate_dense = self.feedforward_intermediate_dense.forward(h.clone());
        let feedforward_gate_dense = activation::silu(self.feedforward_gate_dense.forward(h));
        let h = feedforward_intermediate_dense * feedforward_gate_dense;
        self.feedforward_output_dense.forward(h) + x
    }
}

/// Layers `transformer_layer_0/self_attention` to `transformer_layer_1/self_attention`, 2 in all.
#[derive(Module, Debug)]
pub struct SelfAttention {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

impl SelfAttention {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            query: LinearConfig::new(16, 16).with_bias(false).init(device),
            key: LinearConfig::new(16, 8).with_bias(false).init(device),
            value: LinearConfig::new(16, 8).with_bias(false).init(device),
            attention_output: LinearConfig::new(16, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], cos: [1, length, 1, 4], sin: [1, length, 1, 4], mask: Bool [batch,
    /// 1, length, length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        cos: Tensor<4>,
        sin: Tensor<4>,
        mask: Tensor<4, Bool>,
    ) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let query = self.query.forward(x.clone()).reshape([batch, length, 4, 4]);
        let product = query.clone() * cos.clone();
        let sum = (product + rotate_half(query) * sin.clone()).swap_dims(1, 2);
        let key = self.key.forward(x.clone()).reshape([batch, length, 2, 4]);
        let product = key.clone() * cos;
        let rotary_embedding = (product + rotate_half(key) * sin).unsqueeze_dim::<5>(3);
        let rotary_embedding = rotary_embedding.repeat(&[1, 1, 1, 2, 1]);
        let rotary_embedding = rotary_embedding.reshape([batch, length, 4, 4]);
        let value = self.value.forward(x).reshape([batch, length, 2, 1, 4]);
        let value = value.repeat(&[1, 1, 1, 2, 1]);
        let value = value.reshape([batch, length, 4, 4]).swap_dims(1, 2);
        let rotary_embedding = rotary_embedding.swap_dims(1, 2);
        let x = masked_attention(sum, rotary_embedding, value, mask, 1.0 / 4f64.sqrt());
        let x = x.swap_dims(1, 2).reshape([batch, length, 16]);
        self.attention_output.forward(x)
    }
}
