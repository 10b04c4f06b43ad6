// `hub_t5`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::attention::biased_attention;
use super::support::gather::from_end;
use super::support::weights::filled;
use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{DType, Device, FloatDType, Int, IntDType, Tensor, activation};
use std::path::Path;

/// The model `HubT5`.
#[derive(Module, Debug)]
pub struct HubT5 {
    pub token_embedding: Embedding,
    pub self_attention_embeddings: Embedding,
    pub self_attention_embeddings_2: Embedding,
    pub transformer_encoder_layers: Vec<TransformerEncoderLayer>,
    pub encoder_output_layer_norm: RmsNorm,
    pub transformer_decoder_layers: Vec<TransformerDecoderLayer>,
    pub decoder_output_layer_norm: RmsNorm,
}

impl HubT5 {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            token_embedding: EmbeddingConfig::new(50, 16).init(device),
            self_attention_embeddings: EmbeddingConfig::new(32, 2).init(device),
            self_attention_embeddings_2: EmbeddingConfig::new(32, 2).init(device),
            transformer_encoder_layers: vec![
                TransformerEncoderLayer::new(device),
                TransformerEncoderLayer::new(device),
            ],
            encoder_output_layer_norm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            transformer_decoder_layers: vec![
                TransformerDecoderLayer::new(device),
                TransformerDecoderLayer::new(device),
            ],
            decoder_output_layer_norm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
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
    /// - `decoder_padding_mask`: `I32` `[batch, length]`.
    /// - `decoder_token_ids`: `I32` `[batch, length]`.
    /// - `encoder_padding_mask`: `I32` `[batch, encoder_length]`.
    /// - `encoder_token_ids`: `I32` `[batch, encoder_length]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(
        &self,
        decoder_padding_mask: Tensor<2, Int>,
        decoder_token_ids: Tensor<2, Int>,
        encoder_padding_mask: Tensor<2, Int>,
        encoder_token_ids: Tensor<2, Int>,
    ) -> HubT5Output {
        let device = decoder_padding_mask.device();
        let [batch, length] = decoder_padding_mask.dims();
        let [_, encoder_length] = encoder_padding_mask.dims();
        let decoder_token_ids = from_end(decoder_token_ids, 50);
        // [batch, length, 16]
        let token_embedding = self.token_embedding.forward(decoder_token_ids);
        // [length]
        let positions = Tensor::<1, Int>::arange(0..length as i64, (&device, DType::I32));
        let reshaped = positions.clone().unsqueeze_dim::<2>(1); // [length, 1]
        let difference = -(positions.unsqueeze::<2>() - reshaped).clamp_max(0); // [length, length]
        let mask = difference.clone().lower_scalar(16);
        let converted = (difference.clone().cast(FloatDType::F32) / 16.0).log() / 2.0794415;
        // [length, length]
        let converted = ((converted * 16.0).cast(IntDType::I32) + 16).clamp_max(31);
        let selected = from_end(converted.mask_where(mask, difference), 32);
        // [length, length, 2]
        let self_attention_embeddings = self.self_attention_embeddings.forward(selected);
        // [2, length, length]
        let self_attention_embeddings = self_attention_embeddings.permute([2, 0, 1]);
        // [length]
        let positions =
            Tensor::<1, Int>::arange(0..length as i64, (&device, DType::I64)).cast(FloatDType::F32);
        let reshaped = positions.clone().unsqueeze_dim::<2>(1); // [length, 1]
        let mask = reshaped.greater_equal(positions.unsqueeze::<2>()); // [length, length]
        // [batch, 1, length]
        let decoder_padding_mask = decoder_padding_mask.unsqueeze_dim::<3>(1).bool();
        let mask = mask
            .unsqueeze::<3>()
            .bool_and(decoder_padding_mask)
            .unsqueeze_dim::<4>(1)
            .cast(FloatDType::F32); // [batch, 1, length, length]
        // [batch, 2, length, length]
        let self_attention_embeddings =
            self_attention_embeddings.unsqueeze::<4>() + (-mask + 1.0) * -1000000000.0;
        let encoder_token_ids = from_end(encoder_token_ids, 50);
        // [batch, encoder_length, 16]
        let token_embedding_output = self.token_embedding.forward(encoder_token_ids);
        // [encoder_length]
        let positions = Tensor::<1, Int>::arange(0..encoder_length as i64, (&device, DType::I32));
        let reshaped = positions.clone().unsqueeze_dim::<2>(1); // [encoder_length, 1]
        let difference = positions.unsqueeze::<2>() - reshaped; // [encoder_length, encoder_length]
        let mask = difference.clone().greater_scalar(0).cast(IntDType::I32) * 16;
        let difference = difference.abs();
        let self_attention = difference.clone().lower_scalar(8);
        let converted = (difference.clone().cast(FloatDType::F32) / 8.0).log() / 2.7725887;
        // [encoder_length, encoder_length]
        let converted = ((converted * 8.0).cast(IntDType::I32) + 8).clamp_max(15);
        let sum = from_end(mask + converted.mask_where(self_attention, difference), 32);
        // [encoder_length, encoder_length, 2]
        let self_attention_embeddings_2 = self.self_attention_embeddings_2.forward(sum);
        // [2, encoder_length, encoder_length]
        let self_attention_embeddings_2 = self_attention_embeddings_2.permute([2, 0, 1]);
        // [batch, 1, 1, encoder_length]
        let encoder_padding_mask = encoder_padding_mask.reshape([batch, 1, 1, encoder_length]);
        // [batch, 1, 1, encoder_length]
        let encoder_padding_mask =
            (-encoder_padding_mask.cast(FloatDType::F32) + 1.0) * -1000000000.0;
        // [batch, 2, encoder_length, encoder_length]
        let self_attention_embeddings_2 =
            self_attention_embeddings_2.unsqueeze::<4>() + encoder_padding_mask.clone();
        let transformer_encoder_layers = self
            .transformer_encoder_layers
            .iter()
            .fold(token_embedding_output, |x, block| {
                block.forward(x, self_attention_embeddings_2.clone())
            });
        let encoder_sequence_output = self
            .encoder_output_layer_norm
            .forward(transformer_encoder_layers);
        // [1, 2, length, encoder_length]
        let repeated =
            Tensor::<1>::from_data([0.0f32], &device).expand([1, 2, length, encoder_length]);
        let sum = repeated + encoder_padding_mask; // [batch, 2, length, encoder_length]
        let x = self
            .transformer_decoder_layers
            .iter()
            .fold(token_embedding, |x, block| {
                block.forward(
                    x,
                    self_attention_embeddings.clone(),
                    encoder_sequence_output.clone(),
                    sum.clone(),
                )
            });
        let decoder_sequence_output = self.decoder_output_layer_norm.forward(x);
        HubT5Output {
            decoder_sequence_output,
            encoder_sequence_output,
        }
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
pub struct HubT5Output {
    /// `F32` `[batch, length, 16]`.
    pub decoder_sequence_output: Tensor<3>,
    /// `F32` `[batch, encoder_length, 16]`.
    pub encoder_sequence_output: Tensor<3>,
}

/// Layers `transformer_encoder_layer_0` to `transformer_encoder_layer_1`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerEncoderLayer {
    pub t5_layer_norm: RmsNorm,
    pub self_attention: SelfAttention,
    pub t5_layer_norm_2: RmsNorm,
    pub input_projector: Linear,
    pub gate_projector: Linear,
    pub output_projector: Linear,
}

impl TransformerEncoderLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            t5_layer_norm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            self_attention: SelfAttention::new(device),
            t5_layer_norm_2: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            input_projector: LinearConfig::new(16, 32).with_bias(false).init(device),
            gate_projector: LinearConfig::new(16, 32).with_bias(false).init(device),
            output_projector: LinearConfig::new(32, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], self_attention_embeddings_2: [batch, 2, length, length] → [batch,
    /// length, 16]`
    pub fn forward(&self, x: Tensor<3>, self_attention_embeddings_2: Tensor<4>) -> Tensor<3> {
        let h = self.t5_layer_norm.forward(x.clone());
        let h = self.self_attention.forward(h, self_attention_embeddings_2);
        let x = h + x;
        let h = self.t5_layer_norm_2.forward(x.clone());
        let input_projector = self.input_projector.forward(h.clone());
        let input_projector = activation::relu(input_projector);
        let gate_projector = self.gate_projector.forward(h);
        let h = input_projector * gate_projector;
        self.output_projector.forward(h) + x
    }
}

/// Layers `transformer_decoder_layer_0` to `transformer_decoder_layer_1`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerDecoderLayer {
    pub t5_layer_norm: RmsNorm,
    pub self_attention: SelfAttention,
    pub t5_layer_norm_2: RmsNorm,
    pub cross_attention: CrossAttention,
    pub t5_layer_norm_3: RmsNorm,
    pub input_projector: Linear,
    pub gate_projector: Linear,
    pub output_projector: Linear,
}

impl TransformerDecoderLayer {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            t5_layer_norm: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            self_attention: SelfAttention::new(device),
            t5_layer_norm_2: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            cross_attention: CrossAttention::new(device),
            t5_layer_norm_3: RmsNormConfig::new(16).with_epsilon(1e-6).init(device),
            input_projector: LinearConfig::new(16, 32).with_bias(false).init(device),
            gate_projector: LinearConfig::new(16, 32).with_bias(false).init(device),
            output_projector: LinearConfig::new(32, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], self_attention_embeddings: [batch, 2, length, length],
    /// encoder_sequence_output: [batch, encoder_length, 16], sum: [batch, 2, length,
    /// encoder_length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        self_attention_embeddings: Tensor<4>,
        encoder_sequence_output: Tensor<3>,
        sum: Tensor<4>,
    ) -> Tensor<3> {
        let h = self.t5_layer_norm.forward(x.clone());
        let h = self.self_attention.forward(h, self_attention_embeddings);
        let x = h + x;
        let h = self.t5_layer_norm_2.forward(x.clone());
        let h = self
            .cross_attention
            .forward(h, encoder_sequence_output, sum);
        let x = h + x;
        let h = self.t5_layer_norm_3.forward(x.clone());
        let input_projector = self.input_projector.forward(h.clone());
        let input_projector = activation::relu(input_projector);
        let gate_projector = self.gate_projector.forward(h);
        let h = input_projector * gate_projector;
        self.output_projector.forward(h) + x
    }
}

/// Layers `transformer_encoder_layer_0/self_attention` to
/// `transformer_decoder_layer_1/self_attention`, 4 in all.
#[derive(Module, Debug)]
pub struct SelfAttention {
    pub query_projector: Linear,
    pub key_projector: Linear,
    pub value_projector: Linear,
    pub output_projector: Linear,
}

impl SelfAttention {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            query_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            key_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            value_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            output_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], self_attention_embeddings_2: [batch, 2, length, length] → [batch,
    /// length, 16]`
    pub fn forward(&self, x: Tensor<3>, self_attention_embeddings_2: Tensor<4>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let query_projector = self.query_projector.forward(x.clone());
        let query_projector = query_projector.reshape([batch, length, 2, 8]);
        let query_projector = query_projector.swap_dims(1, 2);
        let key_projector = self.key_projector.forward(x.clone());
        let key_projector = key_projector.reshape([batch, length, 2, 8]);
        let value_projector = self.value_projector.forward(x);
        let value_projector = value_projector.reshape([batch, length, 2, 8]);
        let value_projector = value_projector.swap_dims(1, 2);
        let key_projector = key_projector.swap_dims(1, 2);
        let x = biased_attention(
            query_projector,
            key_projector,
            value_projector,
            self_attention_embeddings_2,
            1.0,
        );
        let x = x.swap_dims(1, 2).reshape([batch, length, 16]);
        self.output_projector.forward(x)
    }
}

/// Layers `transformer_decoder_layer_0/cross_attention` to
/// `transformer_decoder_layer_1/cross_attention`, 2 in all.
#[derive(Module, Debug)]
pub struct CrossAttention {
    pub query_projector: Linear,
    pub key_projector: Linear,
    pub value_projector: Linear,
    pub output_projector: Linear,
}

impl CrossAttention {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            query_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            key_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            value_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
            output_projector: LinearConfig::new(16, 16).with_bias(false).init(device),
        }
    }

    /// `x: [batch, length, 16], encoder_sequence_output: [batch, encoder_length, 16], sum: [batch,
    /// 2, length, encoder_length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        encoder_sequence_output: Tensor<3>,
        sum: Tensor<4>,
    ) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let [_, encoder_length, _] = encoder_sequence_output.dims();
        let query_projector = self.query_projector.forward(x);
        let query_projector = query_projector.reshape([batch, length, 2, 8]);
        let query_projector = query_projector.swap_dims(1, 2);
        let key_projector = self.key_projector.forward(encoder_sequence_output.clone());
        let key_projector = key_projector.reshape([batch, encoder_length, 2, 8]);
        let value_projector = self.value_projector.forward(encoder_sequence_output);
        let value_projector = value_projector.reshape([batch, encoder_length, 2, 8]);
        let value_projector = value_projector.swap_dims(1, 2);
        let key_projector = key_projector.swap_dims(1, 2);
        let x = biased_attention(query_projector, key_projector, value_projector, sum, 1.0);
        let x = x.swap_dims(1, 2).reshape([batch, length, 16]);
        self.output_projector.forward(x)
    }
}
