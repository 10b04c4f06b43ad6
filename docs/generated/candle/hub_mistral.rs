// `hub_mistral`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::attention::{masked_attention, rotate_half};
use super::support::binary::{minimum, range};
use super::support::gather::from_end;
use super::support::linear::{Linear, linear_no_bias};
use super::support::rms_norm::{RmsNorm, rms_norm};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Embedding, Module, VarBuilder, VarMap, embedding};
use std::path::Path;

/// The model `HubMistral`.
#[derive(Clone, Debug)]
pub struct HubMistral {
    pub token_embedding: Embedding,
    pub transformer_layers: Vec<TransformerLayer>,
    pub sequence_output_layernorm: RmsNorm,
}

#[allow(dead_code)]
impl HubMistral {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            token_embedding: embedding(50, 16, vb.pp("token_embedding"))?,
            transformer_layers: (0..2)
                .map(|i| TransformerLayer::new(vb.pp(format!("transformer_layers.{i}"))))
                .collect::<Result<_>>()?,
            sequence_output_layernorm: rms_norm(16, 1e-6, vb.pp("sequence_output_layernorm"))?,
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
        let positions = range(
            &Tensor::new(0.0f32, device)?,
            &Tensor::new(1.0f32, device)?,
            length,
        )?; // [length]
        let mask = positions.reshape((length, 1))?.broadcast_ge(&positions)?; // [length, length]
        let mask = mask.reshape((1, length, length))?; // [1, length, length]
        let mask = mask.broadcast_as((batch, length, length))?; // [batch, length, length]
        let mask = mask.to_dtype(DType::I64)?;
        let positions_2 = range(
            &Tensor::new(0i64, device)?,
            &Tensor::new(1i64, device)?,
            length,
        )?; // [length]
        let reshaped = positions_2.reshape((length, 1))?; // [length, 1]
        let positions_2 = positions_2.reshape((1, length))?; // [1, length]
        let positions_2 = positions_2.broadcast_add(&Tensor::new(4i64, device)?)?;
        // [length, length]
        let positions_2_mask = reshaped.broadcast_lt(&positions_2)?.to_dtype(DType::I64)?;
        // [batch, length, length]
        let smaller = minimum(&padding_mask, &minimum(&mask, &positions_2_mask)?)?;
        // [batch, 1, length, length]
        let mask = smaller.reshape((batch, 1, length, length))?.gt(0i64)?;
        let positions = positions.reshape((1, length, 1))?; // [1, length, 1]
        // [1, length, 2]
        let positions = positions.broadcast_mul(&Tensor::new(&[1.0f32, 0.01], device)?)?;
        let positions = positions.reshape((1, length, 1, 2))?; // [1, length, 1, 2]
        // [1, length, 1, 4]
        let joined = Tensor::cat(&[&positions, &positions], 2)?.reshape((1, length, 1, 4))?;
        let cos = joined.cos()?;
        let sin = joined.sin()?;
        let x = self
            .transformer_layers
            .iter()
            .try_fold(x, |x, block| block.forward(&x, &cos, &sin, &mask))?;
        self.sequence_output_layernorm.forward(&x)
    }
}

/// Layers `transformer_layer_0` to `transformer_layer_1`, 2 in all.
#[derive(Clone, Debug)]
pub struct TransformerLayer {
    pub self_attention_layernorm: RmsNorm,
    pub self_attention: SelfAttention,
    pub feedforward_layernorm: RmsNorm,
    pub feedforward_intermediate_dense: Linear,
    pub feedforward_gate_dense: Linear,
    pub feedforward_output_dense: Linear,
}

#[allow(dead_code)]
impl TransformerLayer {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            self_attention_layernorm: rms_norm(16, 1e-6, vb.pp("self_attention_layernorm"))?,
            self_attention: SelfAttention::new(vb.pp("self_attention"))?,
            feedforward_layernorm: rms_norm(16, 1e-6, vb.pp("feedforward_layernorm"))?,
            feedforward_intermediate_dense: linear_no_bias(
                16,
                32,
                vb.pp("feedforward_intermediate_dense"),
            )?,
            feedforward_gate_dense: linear_no_bias(16, 32, vb.pp("feedforward_gate_dense"))?
                .with_activation(Activation::Silu),
            feedforward_output_dense: linear_no_bias(32, 16, vb.pp("feedforward_output_dense"))?,
        })
    }

    /// `x: [batch, length, 16], cos: [1, length, 1, 4], sin: [1, length, 1, 4], mask: U8 [batch, 1,
    /// length, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, cos: &Tensor, sin: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let h = self.self_attention_layernorm.forward(x)?;
        let x = (self.self_attention.forward(&h, cos, sin, mask)? + x)?;
        let h = self.feedforward_layernorm.forward(&x)?;
        let feedforward_intermediate_dense = self.feedforward_intermediate_dense.forward(&h)?;
        let feedforward_gate_dense = self.feedforward_gate_dense.forward(&h)?;
        let h = (&feedforward_intermediate_dense * &feedforward_gate_dense)?;
        self.feedforward_output_dense.forward(&h)? + &x
    }
}

/// Layers `transformer_layer_0/self_attention` to `transformer_layer_1/self_attention`, 2 in all.
#[derive(Clone, Debug)]
pub struct SelfAttention {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

#[allow(dead_code)]
impl SelfAttention {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            query: linear_no_bias(16, 16, vb.pp("query"))?,
            key: linear_no_bias(16, 8, vb.pp("key"))?,
            value: linear_no_bias(16, 8, vb.pp("value"))?,
            attention_output: linear_no_bias(16, 16, vb.pp("attention_output"))?,
        })
    }

    /// `x: [batch, length, 16], cos: [1, length, 1, 4], sin: [1, length, 1, 4], mask: U8 [batch, 1,
    /// length, length] → [batch, length, 16]`
    pub fn forward(&self, x: &Tensor, cos: &Tensor, sin: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (batch, length, _) = x.dims3()?;
        let query = self.query.forward(x)?.reshape((batch, length, 4, 4))?;
        let product = query.broadcast_mul(cos)?;
        let sum = (&product + rotate_half(&query)?.broadcast_mul(sin)?)?.transpose(1, 2)?;
        let key = self.key.forward(x)?.reshape((batch, length, 2, 4))?;
        let product = key.broadcast_mul(cos)?;
        let rotary_embedding = (&product + rotate_half(&key)?.broadcast_mul(sin)?)?;
        let rotary_embedding = rotary_embedding.reshape((batch, length, 2, 1, 4))?;
        let rotary_embedding = rotary_embedding.repeat((1, 1, 1, 2, 1))?;
        let rotary_embedding = rotary_embedding.reshape((batch, length, 4, 4))?;
        let value = self.value.forward(x)?.reshape((batch, length, 2, 1, 4))?;
        let value = value.repeat((1, 1, 1, 2, 1))?;
        let value = value.reshape((batch, length, 4, 4))?.transpose(1, 2)?;
        let rotary_embedding = rotary_embedding.transpose(1, 2)?;
        let x = masked_attention(&sum, &rotary_embedding, &value, mask, 1.0 / 4f64.sqrt())?;
        let x = x.transpose(1, 2)?.reshape((batch, length, 16))?;
        self.attention_output.forward(&x)
    }
}
