// `hub_gpt2`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::attention::masked_attention;
use super::support::binary::{minimum, range};
use super::support::gather::from_end;
use super::support::layer_norm::{LayerNorm, layer_norm};
use super::support::linear::{Linear, linear};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Embedding, Init, Module, VarBuilder, VarMap, embedding};
use std::path::Path;

/// The model `HubGpt2`.
#[derive(Clone, Debug)]
pub struct HubGpt2 {
    pub token_embedding: Embedding,
    pub position_embedding_embeddings: Tensor,
    pub transformer_layers: Vec<TransformerLayer>,
    pub layer_norm: LayerNorm,
}

#[allow(dead_code)]
impl HubGpt2 {
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
            transformer_layers: (0..2)
                .map(|i| TransformerLayer::new(vb.pp(format!("transformer_layers.{i}"))))
                .collect::<Result<_>>()?,
            layer_norm: layer_norm(16, 1e-5, vb.pp("layer_norm"))?,
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
    /// - `token_ids`: `I64` `[batch, length]`.
    /// - returns `F32` `[batch, length, 16]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, padding_mask: &Tensor, token_ids: &Tensor) -> Result<Tensor> {
        let device = padding_mask.device();
        let (batch, length) = padding_mask.dims2()?;
        let padding_mask = padding_mask.reshape((batch, 1, length))?; // [batch, 1, length]
        let x = self.token_embedding.forward(&from_end(token_ids, 50)?)?; // [batch, length, 16]
        // [length, 16]
        let x = x.broadcast_add(&self.position_embedding_embeddings.narrow(0, 0, length)?)?;
        let positions = range(
            &Tensor::new(0.0f32, device)?,
            &Tensor::new(1.0f32, device)?,
            length,
        )?; // [length]
        let mask = positions.reshape((length, 1))?.broadcast_ge(&positions)?; // [length, length]
        let mask = mask.reshape((1, length, length))?; // [1, length, length]
        let mask = mask.broadcast_as((batch, length, length))?; // [batch, length, length]
        // [batch, length, length]
        let smaller = minimum(&padding_mask, &mask.to_dtype(DType::I64)?)?;
        // [batch, 1, length, length]
        let mask = smaller.reshape((batch, 1, length, length))?.gt(0i64)?;
        let x = self
            .transformer_layers
            .iter()
            .try_fold(x, |x, block| block.forward(&x, &mask))?;
        self.layer_norm.forward(&x)
    }
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Clone, Debug)]
pub struct TransformerLayer {
    pub self_attention_layer_norm: LayerNorm,
    pub self_attention: SelfAttention,
    pub feedforward_layer_norm: LayerNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_output_dense: Linear,
}

#[allow(dead_code)]
impl TransformerLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            self_attention_layer_norm: layer_norm(16, 1e-5, vb.pp("self_attention_layer_norm"))?,
            self_attention: SelfAttention::new(vb.pp("self_attention"))?,
            feedforward_layer_norm: layer_norm(16, 1e-5, vb.pp("feedforward_layer_norm"))?,
            feedforward_intermediate_dense: linear(
                16,
                32,
                vb.pp("feedforward_intermediate_dense"),
            )?
            .with_activation(Activation::GeluTanh),
            feedforward_output_dense: linear(32, 16, vb.pp("feedforward_output_dense"))?,
        })
    }

    /// `x: [batch, length, 16], mask: U8 [batch, 1, length, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let h = self.self_attention_layer_norm.forward(x)?;
        let x = (self.self_attention.forward(&h, mask)? + x)?;
        let h = self.feedforward_layer_norm.forward(&x)?;
        let h = self.feedforward_intermediate_dense.forward(&h)?;
        self.feedforward_output_dense.forward(&h)? + &x
    }
}

/// Layers `transformer_layer_0/self_attention` to `transformer_layer_1/self_attention`, 2 in all.
#[derive(Clone, Debug)]
pub struct SelfAttention {
    pub key: Linear,
    pub query: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

#[allow(dead_code)]
impl SelfAttention {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            key: linear(16, 16, vb.pp("key"))?,
            query: linear(16, 16, vb.pp("query"))?,
            value: linear(16, 16, vb.pp("value"))?,
            attention_output: linear(16, 16, vb.pp("attention_output"))?,
        })
    }

    /// `x: [batch, length, 16], mask: U8 [batch, 1, length, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let key = self.key.forward(x)?.reshape((batch, length, 2, 8))?;
        let query = self.query.forward(x)?.reshape((batch, length, 2, 8))?;
        let value = self.value.forward(x)?.reshape((batch, length, 2, 8))?;
        let value = value.transpose(1, 2)?;
        let query = query.transpose(1, 2)?;
        let key = key.transpose(1, 2)?;
        let x = masked_attention(&query, &key, &value, mask, 1.0 / 8f64.sqrt())?;
        let x = x.transpose(1, 2)?.reshape((batch, length, 16))?;
        self.attention_output.forward(&x)
    }
}
