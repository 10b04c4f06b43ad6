// `k3_unet`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::conv::{Conv2d, ConvConfig, conv2d};
use super::support::conv_transpose::{ConvTranspose2d, conv_transpose2d, conv_transpose2d_no_bias};
use super::support::padding::Padding;
use super::support::pool::{avg_pool2d, max_pool2d};
use super::support::resize::{Sampling, resize_bilinear, resize_nearest};
use super::support::softmax::softmax;
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use std::path::Path;

/// The model `K3Unet`.
#[derive(Clone, Debug)]
pub struct K3Unet {
    pub conv2d: Conv2d,
    pub conv2d_1: Conv2d,
    pub conv2d_2: Conv2d,
    pub conv2d_transpose: ConvTranspose2d,
    pub conv2d_3: Conv2d,
    pub conv2d_transpose_1: ConvTranspose2d,
    pub conv2d_4: Conv2d,
}

#[allow(dead_code)]
impl K3Unet {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv2d: conv2d(3, 4, [3, 3], ConvConfig::same(), vb.pp("conv2d"))?
                .with_activation(Activation::Relu),
            conv2d_1: conv2d(4, 6, [3, 3], ConvConfig::same(), vb.pp("conv2d_1"))?
                .with_activation(Activation::Relu),
            conv2d_2: conv2d(
                6,
                8,
                [3, 3],
                ConvConfig::same().dilation([2, 2]),
                vb.pp("conv2d_2"),
            )?
            .with_activation(Activation::Relu),
            conv2d_transpose: conv_transpose2d(
                8,
                6,
                [2, 2],
                ConvConfig::valid().stride([2, 2]),
                vb.pp("conv2d_transpose"),
            )?,
            conv2d_3: conv2d(12, 5, [3, 3], ConvConfig::same(), vb.pp("conv2d_3"))?,
            conv2d_transpose_1: conv_transpose2d_no_bias(
                15,
                4,
                [3, 3],
                ConvConfig::same(),
                vb.pp("conv2d_transpose_1"),
            )?,
            conv2d_4: conv2d(4, 2, [1, 1], ConvConfig::valid(), vb.pp("conv2d_4"))?,
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
    /// - `keras_tensor`: `F32` `[batch, 16, 16, 3]`.
    /// - returns `F32` `[batch, 16, 16, 2]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, keras_tensor: &Tensor) -> Result<Tensor> {
        let x = self.conv2d.forward(keras_tensor)?; // [batch, 16, 16, 4]
        let pooled = max_pool2d(&x, [2, 2], [2, 2], Padding::Valid)?; // [batch, 8, 8, 4]
        let conv2d_1 = self.conv2d_1.forward(&pooled)?; // [batch, 8, 8, 6]
        let pooled = avg_pool2d(&conv2d_1, [2, 2], [2, 2], Padding::Valid)?; // [batch, 4, 4, 6]
        let conv2d_2 = self.conv2d_2.forward(&pooled)?; // [batch, 4, 4, 8]
        let conv2d_transpose = self.conv2d_transpose.forward(&conv2d_2)?; // [batch, 8, 8, 6]
        let joined = Tensor::cat(&[&conv2d_transpose, &conv2d_1], 3)?; // [batch, 8, 8, 12]
        let conv2d_3 = self.conv2d_3.forward(&joined)?; // [batch, 8, 8, 5]
        // [batch, 16, 16, 5]
        let resized = resize_bilinear(&conv2d_3, [16, 16], Sampling::HalfPixel)?;
        // [batch, 16, 16, 6]
        let conv2d_1_resized = resize_nearest(&conv2d_1, [16, 16], Sampling::HalfPixel)?;
        let part = x
            .pad_with_zeros(1, 1, 1)?
            .pad_with_zeros(2, 1, 1)?
            .narrow(1, 1, 16)?
            .narrow(2, 1, 16)?; // [batch, 16, 16, 4]
        let x = Tensor::cat(&[&resized, &conv2d_1_resized, &part], 3)?; // [batch, 16, 16, 15]
        let x = self.conv2d_transpose_1.forward(&x)?; // [batch, 16, 16, 4]
        softmax(&self.conv2d_4.forward(&x)?, 3)
    }
}
