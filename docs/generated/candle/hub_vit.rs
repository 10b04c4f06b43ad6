// `hub_vit`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::attention::attention;
use super::support::conv::{Conv2d, ConvConfig, conv2d};
use super::support::layer_norm::{LayerNorm, layer_norm};
use super::support::linear::{Linear, linear};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{Embedding, Module, VarBuilder, VarMap, embedding};
use std::path::Path;

/// The model `HubVit`.
#[derive(Clone, Debug)]
pub struct HubVit {
    pub const_: Tensor,
    pub vit_patching_and_embedding: VitPatchingAndEmbedding,
    pub vit_encoder: VitEncoder,
}

#[allow(dead_code)]
impl HubVit {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            const_: vb.get_with_hints_dtype((1, 17), "const_", Default::default(), DType::I64)?,
            vit_patching_and_embedding: VitPatchingAndEmbedding::new(
                vb.pp("vit_patching_and_embedding"),
            )?,
            vit_encoder: VitEncoder::new(vb.pp("vit_encoder"))?,
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
        trainable(vars, &["const_"])
    }

    /// Also called `serve`, `serving_default`.
    ///
    /// - `images`: `F32` `[batch, 32, 32, 3]`.
    /// - returns `F32` `[batch, 17, 16]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let x = self
            .vit_patching_and_embedding
            .forward(images, &self.const_)?; // [batch, 17, 16]
        self.vit_encoder.forward(&x)
    }
}

/// Layer `vit_patching_and_embedding`.
#[derive(Clone, Debug)]
pub struct VitPatchingAndEmbedding {
    pub class_token: Tensor,
    pub patch_embedding: Conv2d,
    pub position_embedding: Embedding,
}

#[allow(dead_code)]
impl VitPatchingAndEmbedding {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            class_token: vb.get((1, 1, 16), "class_token")?,
            patch_embedding: conv2d(
                3,
                16,
                [8, 8],
                ConvConfig::valid().stride([8, 8]),
                vb.pp("patch_embedding"),
            )?,
            position_embedding: embedding(17, 16, vb.pp("position_embedding"))?,
        })
    }

    /// `x: [batch, 32, 32, 3], const_: I64 [1, 17] → [batch, 17, 16]`
    pub fn forward(&self, x: &Tensor, const_: &Tensor) -> Result<Tensor> {
        let batch = x.dim(0)?;
        let patch_embedding = self.patch_embedding.forward(x)?; // [batch, 4, 4, 16]
        let repeated = self.class_token.repeat((batch, 1, 1))?; // [batch, 1, 16]
        let patch_embedding = patch_embedding.reshape((batch, 16, 16))?; // [batch, 16, 16]
        let joined = Tensor::cat(&[&repeated, &patch_embedding], 1)?; // [batch, 17, 16]
        joined.broadcast_add(&self.position_embedding.forward(const_)?)
    }
}

/// Layer `vit_encoder`.
#[derive(Clone, Debug)]
pub struct VitEncoder {
    pub transformer_blocks: Vec<TransformerBlock>,
    pub ln: LayerNorm,
}

#[allow(dead_code)]
impl VitEncoder {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            transformer_blocks: (0..2)
                .map(|i| TransformerBlock::new(vb.pp(format!("transformer_blocks.{i}"))))
                .collect::<Result<_>>()?,
            ln: layer_norm(16, 1e-6, vb.pp("ln"))?,
        })
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self
            .transformer_blocks
            .iter()
            .try_fold(x.clone(), |x, block| block.forward(&x))?;
        self.ln.forward(&x)
    }
}

/// Layers `vit_encoder/transformer_block_1` to `vit_encoder/transformer_block_2`, 2 in all.
#[derive(Clone, Debug)]
pub struct TransformerBlock {
    pub ln_1: LayerNorm,
    pub mha: Mha,
    pub ln_2: LayerNorm,
    pub mlp: Mlp,
}

#[allow(dead_code)]
impl TransformerBlock {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            ln_1: layer_norm(16, 1e-6, vb.pp("ln_1"))?,
            mha: Mha::new(vb.pp("mha"))?,
            ln_2: layer_norm(16, 1e-6, vb.pp("ln_2"))?,
            mlp: Mlp::new(vb.pp("mlp"))?,
        })
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = (self.mha.forward(&self.ln_1.forward(x)?)? + x)?;
        &x + self.mlp.forward(&self.ln_2.forward(&x)?)?
    }
}

/// Layers `vit_encoder/transformer_block_1/mlp` to `vit_encoder/transformer_block_2/mlp`, 2 in all.
#[derive(Clone, Debug)]
pub struct Mlp {
    pub dense_1: Linear,
    pub dense_2: Linear,
}

#[allow(dead_code)]
impl Mlp {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            dense_1: linear(16, 32, vb.pp("dense_1"))?.with_activation(Activation::Gelu),
            dense_2: linear(32, 16, vb.pp("dense_2"))?,
        })
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.dense_1.forward(x)?;
        self.dense_2.forward(&x)
    }
}

/// Layers `vit_encoder/transformer_block_1/mha` to `vit_encoder/transformer_block_2/mha`, 2 in all.
#[derive(Clone, Debug)]
pub struct Mha {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

#[allow(dead_code)]
impl Mha {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            query: linear(16, 16, vb.pp("query"))?,
            key: linear(16, 16, vb.pp("key"))?,
            value: linear(16, 16, vb.pp("value"))?,
            attention_output: linear(16, 16, vb.pp("attention_output"))?,
        })
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let batch = x.dim(0)?;
        let query = self.query.forward(x)?.reshape((batch, 17, 2, 8))?;
        let key = self.key.forward(x)?.reshape((batch, 17, 2, 8))?;
        let query = query.transpose(1, 2)?;
        let value = self.value.forward(x)?.reshape((batch, 17, 2, 8))?;
        let value = value.transpose(1, 2)?;
        let key = key.transpose(1, 2)?;
        let x = attention(&query, &key, &value, 1.0 / 8f64.sqrt())?.transpose(1, 2)?;
        let x = x.reshape((batch, 17, 16))?;
        self.attention_output.forward(&x)
    }
}
