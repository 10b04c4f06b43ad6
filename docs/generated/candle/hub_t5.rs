// `hub_t5`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::attention::biased_attention;
use super::support::binary::{logical_and, minimum, range, select};
use super::support::gather::from_end;
use super::support::linear::{Linear, linear_no_bias};
use super::support::math::{abs, cast, neg, to_bool};
use super::support::rms_norm::{RmsNorm, rms_norm};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Embedding, Module, VarBuilder, VarMap, embedding};
use std::path::Path;

/// The model `HubT5`.
#[derive(Clone, Debug)]
pub struct HubT5 {
    pub token_embedding: Embedding,
    pub self_attention_embeddings: Embedding,
    pub self_attention_embeddings_2: Embedding,
    pub transformer_encoder_layers: Vec<TransformerEncoderLayer>,
    pub encoder_output_layer_norm: RmsNorm,
    pub transformer_decoder_layers: Vec<TransformerDecoderLayer>,
    pub decoder_output_layer_norm: RmsNorm,
}

#[allow(dead_code)]
impl HubT5 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            token_embedding: embedding(50, 16, vb.pp("token_embedding"))?,
            self_attention_embeddings: embedding(32, 2, vb.pp("self_attention_embeddings"))?,
            self_attention_embeddings_2: embedding(32, 2, vb.pp("self_attention_embeddings_2"))?,
            transformer_encoder_layers: (0..2)
                .map(|i| {
                    TransformerEncoderLayer::new(vb.pp(format!("transformer_encoder_layers.{i}")))
                })
                .collect::<Result<_>>()?,
            encoder_output_layer_norm: rms_norm(16, 1e-6, vb.pp("encoder_output_layer_norm"))?,
            transformer_decoder_layers: (0..2)
                .map(|i| {
                    TransformerDecoderLayer::new(vb.pp(format!("transformer_decoder_layers.{i}")))
                })
                .collect::<Result<_>>()?,
            decoder_output_layer_norm: rms_norm(16, 1e-6, vb.pp("decoder_output_layer_norm"))?,
        })
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let tensors = candle_core::safetensors::load(path, device)?;
        checked(tensors, DType::F32, device, Self::new)
    }

    /// Loads the weights into variables of `vars`, new ones or those that are there, which an
    /// optimizer moves.
    pub fn load_into(vars: &VarMap, path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let tensors = variables(vars, candle_core::safetensors::load(path, device)?)?;
        checked(tensors, DType::F32, device, Self::new)
    }

    /// The variables of `vars` that TensorFlow would train, in the order of their keys.
    pub fn trainable(vars: &VarMap) -> Vec<Var> {
        trainable(vars, &[])
    }

    /// Also called `serve`, `serving_default`.
    ///
    /// - `decoder_padding_mask`: `I64` `[batch, length]`.
    /// - `decoder_token_ids`: `I64` `[batch, length]`.
    /// - `encoder_padding_mask`: `I64` `[batch, encoder_length]`.
    /// - `encoder_token_ids`: `I64` `[batch, encoder_length]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(
        &self,
        decoder_padding_mask: &Tensor,
        decoder_token_ids: &Tensor,
        encoder_padding_mask: &Tensor,
        encoder_token_ids: &Tensor,
    ) -> Result<HubT5Output> {
        let device = decoder_padding_mask.device();
        let (batch, length) = decoder_padding_mask.dims2()?;
        let encoder_length = encoder_padding_mask.dim(1)?;
        let decoder_token_ids = from_end(decoder_token_ids, 50)?;
        // [batch, length, 16]
        let token_embedding = self.token_embedding.forward(&decoder_token_ids)?;
        let positions = range(
            &Tensor::new(0i64, device)?,
            &Tensor::new(1i64, device)?,
            length,
        )?; // [length]
        // [length, length]
        let difference = positions.broadcast_sub(&positions.reshape((length, 1))?)?;
        let difference = minimum(&difference, &Tensor::new(0i64, device)?)?;
        let difference = neg(&difference)?;
        let mask = difference.lt(16i64)?;
        let converted = ((difference.to_dtype(DType::F32)? / 16.0)?.log()? / 2.0794415)?;
        let converted = cast(&(&converted * 16.0)?, DType::I64)?;
        let converted = Tensor::new(16i64, device)?.broadcast_add(&converted)?; // [length, length]
        let converted = minimum(&converted, &Tensor::new(31i64, device)?)?;
        let selected = from_end(&select(&mask, &difference, &converted)?, 32)?;
        // [length, length, 2]
        let self_attention_embeddings = self.self_attention_embeddings.forward(&selected)?;
        // [2, length, length]
        let self_attention_embeddings = self_attention_embeddings.permute((2, 0, 1))?;
        let positions = range(
            &Tensor::new(0.0f32, device)?,
            &Tensor::new(1.0f32, device)?,
            length,
        )?; // [length]
        let mask = positions.reshape((length, 1))?.broadcast_ge(&positions)?; // [length, length]
        // [batch, 1, length]
        let decoder_padding_mask = to_bool(&decoder_padding_mask.reshape((batch, 1, length))?)?;
        let mask = logical_and(&mask, &decoder_padding_mask)?; // [batch, length, length]
        let mask = mask.reshape((batch, 1, length, length))?; // [batch, 1, length, length]
        // [batch, 1, length, length]
        let mask = ((1.0 - mask.to_dtype(DType::F32)?)? * -1000000000.0)?;
        // [batch, 2, length, length]
        let self_attention_embeddings = self_attention_embeddings.broadcast_add(&mask)?;
        let encoder_token_ids = from_end(encoder_token_ids, 50)?;
        // [batch, encoder_length, 16]
        let token_embedding_output = self.token_embedding.forward(&encoder_token_ids)?;
        let positions = range(
            &Tensor::new(0i64, device)?,
            &Tensor::new(1i64, device)?,
            encoder_length,
        )?; // [encoder_length]
        // [encoder_length, encoder_length]
        let difference = positions.broadcast_sub(&positions.reshape((encoder_length, 1))?)?;
        let mask = difference.gt(0i64)?.to_dtype(DType::I64)?;
        let mask = mask.broadcast_mul(&Tensor::new(16i64, device)?)?;
        let difference = abs(&difference)?;
        let self_attention = difference.lt(8i64)?;
        let converted = ((difference.to_dtype(DType::F32)? / 8.0)?.log()? / 2.7725887)?;
        let converted = cast(&(&converted * 8.0)?, DType::I64)?;
        // [encoder_length, encoder_length]
        let converted = Tensor::new(8i64, device)?.broadcast_add(&converted)?;
        let converted = minimum(&converted, &Tensor::new(15i64, device)?)?;
        let sum = (&mask + select(&self_attention, &difference, &converted)?)?;
        let sum = from_end(&sum, 32)?;
        // [encoder_length, encoder_length, 2]
        let self_attention_embeddings_2 = self.self_attention_embeddings_2.forward(&sum)?;
        // [2, encoder_length, encoder_length]
        let self_attention_embeddings_2 = self_attention_embeddings_2.permute((2, 0, 1))?;
        // [batch, 1, 1, encoder_length]
        let encoder_padding_mask = encoder_padding_mask.reshape((batch, 1, 1, encoder_length))?;
        // [batch, 1, 1, encoder_length]
        let encoder_padding_mask =
            ((1.0 - encoder_padding_mask.to_dtype(DType::F32)?)? * -1000000000.0)?;
        // [batch, 2, encoder_length, encoder_length]
        let self_attention_embeddings_2 =
            self_attention_embeddings_2.broadcast_add(&encoder_padding_mask)?;
        let transformer_encoder_layers = self
            .transformer_encoder_layers
            .iter()
            .try_fold(token_embedding_output, |x, block| {
                block.forward(&x, &self_attention_embeddings_2)
            })?;
        let encoder_sequence_output = self
            .encoder_output_layer_norm
            .forward(&transformer_encoder_layers)?;
        // [1, 2, length, encoder_length]
        let repeated = Tensor::new(0.0f32, device)?.broadcast_as((1, 2, length, encoder_length))?;
        // [batch, 2, length, encoder_length]
        let sum = repeated.broadcast_add(&encoder_padding_mask)?;
        let x = self
            .transformer_decoder_layers
            .iter()
            .try_fold(token_embedding, |x, block| {
                block.forward(
                    &x,
                    &self_attention_embeddings,
                    &encoder_sequence_output,
                    &sum,
                )
            })?;
        let decoder_sequence_output = self.decoder_output_layer_norm.forward(&x)?;
        Ok(HubT5Output {
            decoder_sequence_output,
            encoder_sequence_output,
        })
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
#[allow(dead_code)]
pub struct HubT5Output {
    /// `F32` `[batch, length, 16]`.
    pub decoder_sequence_output: Tensor,
    /// `F32` `[batch, encoder_length, 16]`.
    pub encoder_sequence_output: Tensor,
}

/// Layers `transformer_encoder_layer_0` to `transformer_encoder_layer_1`, 2 in all.
#[derive(Clone, Debug)]
pub struct TransformerEncoderLayer {
    pub t5_layer_norm: RmsNorm,
    pub self_attention: SelfAttention,
    pub t5_layer_norm_2: RmsNorm,
    pub input_projector: Linear,
    pub gate_projector: Linear,
    pub output_projector: Linear,
}

#[allow(dead_code)]
impl TransformerEncoderLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            t5_layer_norm: rms_norm(16, 1e-6, vb.pp("t5_layer_norm"))?,
            self_attention: SelfAttention::new(vb.pp("self_attention"))?,
            t5_layer_norm_2: rms_norm(16, 1e-6, vb.pp("t5_layer_norm_2"))?,
            input_projector: linear_no_bias(16, 32, vb.pp("input_projector"))?
                .with_activation(Activation::Relu),
            gate_projector: linear_no_bias(16, 32, vb.pp("gate_projector"))?,
            output_projector: linear_no_bias(32, 16, vb.pp("output_projector"))?,
        })
    }

    /// `x: [batch, length, 16], self_attention_embeddings_2: [batch, 2, length, length] → [batch,
    /// length, 16]`
    pub fn forward(&self, x: &Tensor, self_attention_embeddings_2: &Tensor) -> Result<Tensor> {
        let h = self.t5_layer_norm.forward(x)?;
        let h = self
            .self_attention
            .forward(&h, self_attention_embeddings_2)?;
        let x = (&h + x)?;
        let h = self.t5_layer_norm_2.forward(&x)?;
        let input_projector = self.input_projector.forward(&h)?;
        let gate_projector = self.gate_projector.forward(&h)?;
        let h = (&input_projector * &gate_projector)?;
        self.output_projector.forward(&h)? + &x
    }
}

/// Layers `transformer_decoder_layer_0` to `transformer_decoder_layer_1`, 2 in all.
#[derive(Clone, Debug)]
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

#[allow(dead_code)]
impl TransformerDecoderLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            t5_layer_norm: rms_norm(16, 1e-6, vb.pp("t5_layer_norm"))?,
            self_attention: SelfAttention::new(vb.pp("self_attention"))?,
            t5_layer_norm_2: rms_norm(16, 1e-6, vb.pp("t5_layer_norm_2"))?,
            cross_attention: CrossAttention::new(vb.pp("cross_attention"))?,
            t5_layer_norm_3: rms_norm(16, 1e-6, vb.pp("t5_layer_norm_3"))?,
            input_projector: linear_no_bias(16, 32, vb.pp("input_projector"))?
                .with_activation(Activation::Relu),
            gate_projector: linear_no_bias(16, 32, vb.pp("gate_projector"))?,
            output_projector: linear_no_bias(32, 16, vb.pp("output_projector"))?,
        })
    }

    /// `x: [batch, length, 16], self_attention_embeddings: [batch, 2, length, length],
    /// encoder_sequence_output: [batch, encoder_length, 16], sum: [batch, 2, length,
    /// encoder_length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: &Tensor,
        self_attention_embeddings: &Tensor,
        encoder_sequence_output: &Tensor,
        sum: &Tensor,
    ) -> Result<Tensor> {
        let h = self.t5_layer_norm.forward(x)?;
        let h = self.self_attention.forward(&h, self_attention_embeddings)?;
        let x = (&h + x)?;
        let h = self.t5_layer_norm_2.forward(&x)?;
        let h = self
            .cross_attention
            .forward(&h, encoder_sequence_output, sum)?;
        let x = (&h + &x)?;
        let h = self.t5_layer_norm_3.forward(&x)?;
        let input_projector = self.input_projector.forward(&h)?;
        let gate_projector = self.gate_projector.forward(&h)?;
        let h = (&input_projector * &gate_projector)?;
        self.output_projector.forward(&h)? + &x
    }
}

/// Layers `transformer_encoder_layer_0/self_attention` to
/// `transformer_decoder_layer_1/self_attention`, 4 in all.
#[derive(Clone, Debug)]
pub struct SelfAttention {
    pub query_projector: Linear,
    pub key_projector: Linear,
    pub value_projector: Linear,
    pub output_projector: Linear,
}

#[allow(dead_code)]
impl SelfAttention {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            query_projector: linear_no_bias(16, 16, vb.pp("query_projector"))?,
            key_projector: linear_no_bias(16, 16, vb.pp("key_projector"))?,
            value_projector: linear_no_bias(16, 16, vb.pp("value_projector"))?,
            output_projector: linear_no_bias(16, 16, vb.pp("output_projector"))?,
        })
    }

    /// `x: [batch, length, 16], self_attention_embeddings_2: [batch, 2, length, length] → [batch,
    /// length, 16]`
    pub fn forward(&self, x: &Tensor, self_attention_embeddings_2: &Tensor) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let query_projector = self.query_projector.forward(x)?;
        let query_projector = query_projector.reshape((batch, length, 2, 8))?;
        let query_projector = query_projector.transpose(1, 2)?;
        let key_projector = self.key_projector.forward(x)?;
        let key_projector = key_projector.reshape((batch, length, 2, 8))?;
        let value_projector = self.value_projector.forward(x)?;
        let value_projector = value_projector.reshape((batch, length, 2, 8))?;
        let value_projector = value_projector.transpose(1, 2)?;
        let key_projector = key_projector.transpose(1, 2)?;
        let x = biased_attention(
            &query_projector,
            &key_projector,
            &value_projector,
            self_attention_embeddings_2,
            1.0,
        )?;
        let x = x.transpose(1, 2)?.reshape((batch, length, 16))?;
        self.output_projector.forward(&x)
    }
}

/// Layers `transformer_decoder_layer_0/cross_attention` to
/// `transformer_decoder_layer_1/cross_attention`, 2 in all.
#[derive(Clone, Debug)]
pub struct CrossAttention {
    pub query_projector: Linear,
    pub key_projector: Linear,
    pub value_projector: Linear,
    pub output_projector: Linear,
}

#[allow(dead_code)]
impl CrossAttention {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            query_projector: linear_no_bias(16, 16, vb.pp("query_projector"))?,
            key_projector: linear_no_bias(16, 16, vb.pp("key_projector"))?,
            value_projector: linear_no_bias(16, 16, vb.pp("value_projector"))?,
            output_projector: linear_no_bias(16, 16, vb.pp("output_projector"))?,
        })
    }

    /// `x: [batch, length, 16], encoder_sequence_output: [batch, encoder_length, 16], sum: [batch,
    /// 2, length, encoder_length] → [batch, length, 16]`
    pub fn forward(
        &self,
        x: &Tensor,
        encoder_sequence_output: &Tensor,
        sum: &Tensor,
    ) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let encoder_length = encoder_sequence_output.dim(1)?;
        let query_projector = self.query_projector.forward(x)?;
        let query_projector = query_projector.reshape((batch, length, 2, 8))?;
        let query_projector = query_projector.transpose(1, 2)?;
        let key_projector = self.key_projector.forward(encoder_sequence_output)?;
        let key_projector = key_projector.reshape((batch, encoder_length, 2, 8))?;
        let value_projector = self.value_projector.forward(encoder_sequence_output)?;
        let value_projector = value_projector.reshape((batch, encoder_length, 2, 8))?;
        let value_projector = value_projector.transpose(1, 2)?;
        let key_projector = key_projector.transpose(1, 2)?;
        let x = biased_attention(&query_projector, &key_projector, &value_projector, sum, 1.0)?;
        let x = x.transpose(1, 2)?.reshape((batch, length, 16))?;
        self.output_projector.forward(&x)
    }
}
