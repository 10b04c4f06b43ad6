// `hub_bert`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::attention::masked_attention;
use super::support::gather::from_end;
use super::support::layer_norm::{LayerNorm, layer_norm};
use super::support::linear::{Linear, linear};
use super::support::math::to_bool;
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Embedding, Init, Module, VarBuilder, VarMap, embedding};
use std::path::Path;

/// The model `HubBert`.
#[derive(Clone, Debug)]
pub struct HubBert {
    pub token_embedding: Embedding,
    pub position_embedding_embeddings: Tensor,
    pub segment_embedding: Embedding,
    pub embeddings_layer_norm: LayerNorm,
    pub transformer_layers: Vec<TransformerLayer>,
    pub pooled_dense: Linear,
}

#[allow(dead_code)]
impl HubBert {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            token_embedding: embedding(50, 16, vb.pp("token_embedding"))?,
            position_embedding_embeddings: vb.get_with_hints(
                (16, 16),
                "position_embedding_embeddings",
                Init::Uniform {
                    lo: -0.05,
                    up: 0.05,
                },
            )?,
            segment_embedding: embedding(2, 16, vb.pp("segment_embedding"))?,
            embeddings_layer_norm: layer_norm(16, 1e-12, vb.pp("embeddings_layer_norm"))?,
            transformer_layers: (0..2)
                .map(|i| TransformerLayer::new(vb.pp(format!("transformer_layers.{i}"))))
                .collect::<Result<_>>()?,
            pooled_dense: linear(16, 16, vb.pp("pooled_dense"))?.with_activation(Activation::Tanh),
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
    /// - `padding_mask`: `I64` `[batch, length]`.
    /// - `segment_ids`: `I64` `[batch, length]`.
    /// - `token_ids`: `I64` `[batch, length]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(
        &self,
        padding_mask: &Tensor,
        segment_ids: &Tensor,
        token_ids: &Tensor,
    ) -> Result<HubBertOutput> {
        let (batch, length) = padding_mask.dims2()?;
        // [batch, 1, length]
        let padding_mask = to_bool(&padding_mask.reshape((batch, 1, length))?)?;
        let padding_mask = padding_mask.reshape((batch, 1, 1, length))?; // [batch, 1, 1, length]
        let token_ids = from_end(token_ids, 50)?;
        let token_embedding = self.token_embedding.forward(&token_ids)?; // [batch, length, 16]
        let part = self.position_embedding_embeddings.narrow(0, 0, length)?; // [length, 16]
        let token_embedding = token_embedding.broadcast_add(&part)?;
        let segment_ids = from_end(segment_ids, 2)?;
        // [batch, length, 16]
        let segment_embedding = self.segment_embedding.forward(&segment_ids)?;
        let x = (&token_embedding + &segment_embedding)?;
        let x = self.embeddings_layer_norm.forward(&x)?;
        let sequence_output = self
            .transformer_layers
            .iter()
            .try_fold(x, |x, block| block.forward(&x, &padding_mask))?;
        let x = sequence_output.narrow(1, 0, 1)?.reshape((batch, 16))?; // [batch, 16]
        let pooled_output = self.pooled_dense.forward(&x)?;
        Ok(HubBertOutput {
            pooled_output,
            sequence_output,
        })
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
#[allow(dead_code)]
pub struct HubBertOutput {
    /// `F32` `[batch, 16]`.
    pub pooled_output: Tensor,
    /// `F32` `[batch, length, 16]`.
    pub sequence_output: Tensor,
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Clone, Debug)]
pub struct TransformerLayer {
    pub self_attention_layer: SelfAttentionLayer,
    pub self_attention_layer_norm: LayerNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_output_dense: Linear,
    pub feedforward_layer_norm: LayerNorm,
}

#[allow(dead_code)]
impl TransformerLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            self_attention_layer: SelfAttentionLayer::new(vb.pp("self_attention_layer"))?,
            self_attention_layer_norm: layer_norm(16, 1e-12, vb.pp("self_attention_layer_norm"))?,
            feedforward_intermediate_dense: linear(
                16,
                32,
                vb.pp("feedforward_intermediate_dense"),
            )?
            .with_activation(Activation::GeluTanh),
            feedforward_output_dense: linear(32, 16, vb.pp("feedforward_output_dense"))?,
            feedforward_layer_norm: layer_norm(16, 1e-12, vb.pp("feedforward_layer_norm"))?,
        })
    }

    /// `x: [batch, length, 16], padding_mask: U8 [batch, 1, 1, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, padding_mask: &Tensor) -> Result<Tensor> {
        let x = (self.self_attention_layer.forward(x, padding_mask)? + x)?;
        let x = self.self_attention_layer_norm.forward(&x)?;
        let h = self.feedforward_intermediate_dense.forward(&x)?;
        let x = (self.feedforward_output_dense.forward(&h)? + &x)?;
        self.feedforward_layer_norm.forward(&x)
    }
}

/// Layers `transformer_layer_0/self_attention_layer` to `transformer_layer_1/self_attention_layer`,
/// 2 in all.
#[derive(Clone, Debug)]
pub struct SelfAttentionLayer {
    pub key: Linear,
    pub query: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

#[allow(dead_code)]
impl SelfAttentionLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            key: linear(16, 16, vb.pp("key"))?,
            query: linear(16, 16, vb.pp("query"))?,
            value: linear(16, 16, vb.pp("value"))?,
            attention_output: linear(16, 16, vb.pp("attention_output"))?,
        })
    }

    /// `x: [batch, length, 16], padding_mask: U8 [batch, 1, 1, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, padding_mask: &Tensor) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let key = self.key.forward(x)?.reshape((batch, length, 2, 8))?;
        let query = self.query.forward(x)?.reshape((batch, length, 2, 8))?;
        let value = self.value.forward(x)?.reshape((batch, length, 2, 8))?;
        let value = value.transpose(1, 2)?;
        let query = query.transpose(1, 2)?;
        let key = key.transpose(1, 2)?;
        let x = masked_attention(&query, &key, &value, padding_mask, 1.0 / 8f64.sqrt())?;
        let x = x.transpose(1, 2)?.reshape((batch, length, 16))?;
        self.attention_output.forward(&x)
    }
}
