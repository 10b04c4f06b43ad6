// `hub_vit`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::attention::attention;
use super::support::weights::filled;
use burn::module::{Initializer, Module, Param, ParamId};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::{DType, Device, Int, Tensor, activation};
use std::path::Path;

/// The model `HubVit`.
#[derive(Module, Debug)]
pub struct HubVit {
    pub const_: Param<Tensor<2, Int>>,
    pub vit_patching_and_embedding: VitPatchingAndEmbedding,
    pub vit_encoder: VitEncoder,
}

impl HubVit {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            const_: Param::initialized(
                ParamId::new(),
                Tensor::zeros([1, 17], (device, DType::I32)),
            ),
            vit_patching_and_embedding: VitPatchingAndEmbedding::new(device),
            vit_encoder: VitEncoder::new(device),
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
    /// - `images`: `F32` `[batch, 32, 32, 3]`.
    /// - returns `F32` `[batch, 17, 16]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<3> {
        let x = self
            .vit_patching_and_embedding
            .forward(images, self.const_.val()); // [batch, 17, 16]
        self.vit_encoder.forward(x)
    }
}

/// Layer `vit_patching_and_embedding`.
#[derive(Module, Debug)]
pub struct VitPatchingAndEmbedding {
    pub class_token: Param<Tensor<3>>,
    pub patch_embedding: Conv2d,
    pub position_embedding: Embedding,
}

impl VitPatchingAndEmbedding {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            class_token: Initializer::Zeros.init([1, 1, 16], device),
            patch_embedding: Conv2dConfig::new([3, 16], [8, 8])
                .with_stride([8, 8])
                .init(device),
            position_embedding: EmbeddingConfig::new(17, 16).init(device),
        }
    }

    /// `x: [batch, 32, 32, 3], const_: I32 [1, 17] → [batch, 17, 16]`
    pub fn forward(&self, x: Tensor<4>, const_: Tensor<2, Int>) -> Tensor<3> {
        let [batch, _, _, _] = x.dims();
        // [batch, 16, 4, 4]
        let patch_embedding = self.patch_embedding.forward(x.permute([0, 3, 1, 2]));
        let patch_embedding = patch_embedding.permute([0, 2, 3, 1]); // [batch, 4, 4, 16]
        let repeated = self.class_token.val().repeat(&[batch, 1, 1]); // [batch, 1, 16]
        let patch_embedding = patch_embedding.reshape([batch, 16, 16]); // [batch, 16, 16]
        let joined = Tensor::cat(vec![repeated, patch_embedding], 1); // [batch, 17, 16]
        joined + self.position_embedding.forward(const_)
    }
}

/// Layer `vit_encoder`.
#[derive(Module, Debug)]
pub struct VitEncoder {
    pub transformer_blocks: Vec<TransformerBlock>,
    pub ln: LayerNorm,
}

impl VitEncoder {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            transformer_blocks: vec![TransformerBlock::new(device), TransformerBlock::new(device)],
            ln: LayerNormConfig::new(16).with_epsilon(1e-6).init(device),
        }
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self
            .transformer_blocks
            .iter()
            .fold(x, |x, block| block.forward(x));
        self.ln.forward(x)
    }
}

/// Layers `vit_encoder/transformer_block_1` to `vit_encoder/transformer_block_2`, 2 in all.
#[derive(Module, Debug)]
pub struct TransformerBlock {
    pub ln_1: LayerNorm,
    pub mha: Mha,
    pub ln_2: LayerNorm,
    pub mlp: Mlp,
}

impl TransformerBlock {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            ln_1: LayerNormConfig::new(16).with_epsilon(1e-6).init(device),
            mha: Mha::new(device),
            ln_2: LayerNormConfig::new(16).with_epsilon(1e-6).init(device),
            mlp: Mlp::new(device),
        }
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let h = self.ln_1.forward(x.clone());
        let x = self.mha.forward(h) + x;
        let h = self.ln_2.forward(x.clone());
        x + self.mlp.forward(h)
    }
}

/// Layers `vit_encoder/transformer_block_1/mlp` to `vit_encoder/transformer_block_2/mlp`, 2 in all.
#[derive(Module, Debug)]
pub struct Mlp {
    pub dense_1: Linear,
    pub dense_2: Linear,
}

impl Mlp {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            dense_1: LinearConfig::new(16, 32).init(device),
            dense_2: LinearConfig::new(32, 16).init(device),
        }
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = activation::gelu(self.dense_1.forward(x));
        self.dense_2.forward(x)
    }
}

/// Layers `vit_encoder/transformer_block_1/mha` to `vit_encoder/transformer_block_2/mha`, 2 in all.
#[derive(Module, Debug)]
pub struct Mha {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
}

impl Mha {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            query: LinearConfig::new(16, 16).init(device),
            key: LinearConfig::new(16, 16).init(device),
            value: LinearConfig::new(16, 16).init(device),
            attention_output: LinearConfig::new(16, 16).init(device),
        }
    }

    /// `[batch, 17, 16] → [batch, 17, 16]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, _, _] = x.dims();
        let query = self.query.forward(x.clone()).reshape([batch, 17, 2, 8]);
        let key = self.key.forward(x.clone()).reshape([batch, 17, 2, 8]);
        let query = query.swap_dims(1, 2);
        let value = self.value.forward(x).reshape([batch, 17, 2, 8]);
        let value = value.swap_dims(1, 2);
        let key = key.swap_dims(1, 2);
        let x = attention(query, key, value, 1.0 / 8f64.sqrt()).swap_dims(1, 2);
        self.attention_output.forward(x.reshape([batch, 17, 16]))
    }
}
