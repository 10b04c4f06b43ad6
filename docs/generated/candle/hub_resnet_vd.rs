// `hub_resnet_vd`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.21.0.
// Functions: `serve`, `signatures/serve`, `signatures/serving_default`.
// In training: 9 batch norms with momentum 0.99, which is Keras' default, because the model does
// not tell.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::Activation;
use super::support::add::add;
use super::support::batch_norm::{BatchNorm, batch_norm};
use super::support::conv::{Conv2d, ConvConfig, conv2d_no_bias};
use super::support::padding::Padding;
use super::support::pool::{avg_pool2d, max_pool2d};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use std::path::Path;

/// The model `HubResnetVd`.
#[derive(Clone, Debug)]
pub struct HubResnetVd {
    pub conv1: Conv1,
    pub convs: Vec<Conv>,
    pub stack0: Stack0,
    pub stack1: Stack1,
}

#[allow(dead_code)]
impl HubResnetVd {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv1: Conv1::new(vb.pp("conv1"))?,
            convs: vec![
                Conv::new(8, vb.pp("convs.0"))?,
                Conv::new(16, vb.pp("convs.1"))?,
            ],
            stack0: Stack0::new(vb.pp("stack0"))?,
            stack1: Stack1::new(vb.pp("stack1"))?,
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

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        Ok(Self {
            conv1: self.conv1.fused()?,
            convs: self.convs.iter().map(Conv::fused).collect::<Result<_>>()?,
            stack0: self.stack0.fused()?,
            stack1: self.stack1.fused()?,
        })
    }

    /// Also called `serve`, `serving_default`.
    ///
    /// - `keras_tensor`: `F32` `[batch, 32, 32, 3]`.
    /// - returns `F32` `[batch, 4, 4, 128]`.
    #[doc(alias = "serve")]
    #[doc(alias = "serving_default")]
    pub fn forward(&self, keras_tensor: &Tensor) -> Result<Tensor> {
        self.forward_t(keras_tensor, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, keras_tensor: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv1.forward_t(keras_tensor, train)?; // [batch, 16, 16, 8]
        let x = self
            .convs
            .iter()
            .try_fold(x, |x, block| block.forward_t(&x, train))?; // [batch, 16, 16, 16]
        let x = x.pad_with_zeros(1, 1, 1)?.pad_with_zeros(2, 1, 1)?; // [batch, 18, 18, 16]
        let x = max_pool2d(&x, [3, 3], [2, 2], Padding::Valid)?; // [batch, 8, 8, 16]
        let x = self.stack0.forward_t(&x, train)?; // [batch, 8, 8, 64]
        let h = avg_pool2d(&x, [2, 2], [2, 2], Padding::Same)?; // [batch, 4, 4, 64]
        self.stack1.forward_t(&h, &x, train)
    }
}

/// Layer `stack1`.
#[derive(Clone, Debug)]
pub struct Stack1 {
    pub block0: Stack1Block0,
}

#[allow(dead_code)]
impl Stack1 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            block0: Stack1Block0::new(vb.pp("block0"))?,
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        Ok(Self {
            block0: self.block0.fused()?,
        })
    }

    /// `x: [batch, 4, 4, 64], y: [batch, 8, 8, 64] → [batch, 4, 4, 128]`
    pub fn forward(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.forward_t(x, y, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, y: &Tensor, train: bool) -> Result<Tensor> {
        self.block0.forward_t(x, y, train)
    }
}

/// Layer `stack0`.
#[derive(Clone, Debug)]
pub struct Stack0 {
    pub block0: Stack0Block0,
}

#[allow(dead_code)]
impl Stack0 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            block0: Stack0Block0::new(vb.pp("block0"))?,
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        Ok(Self {
            block0: self.block0.fused()?,
        })
    }

    /// `[batch, 8, 8, 16] → [batch, 8, 8, 64]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.block0.forward_t(x, train)
    }
}

/// Layers `conv2` to `conv3`, 2 in all.
#[derive(Clone, Debug)]
pub struct Conv {
    pub conv: Conv2d,
    pub bn: BatchNorm,
}

#[allow(dead_code)]
impl Conv {
    /// Takes the weights from under `vb`.
    pub fn new(outputs: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv: conv2d_no_bias(8, outputs, [3, 3], ConvConfig::same(), vb.pp("conv"))?,
            bn: batch_norm(outputs, 1e-5, vb.pp("bn"))?.with_activation(Activation::Relu),
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (conv, bn) = self.conv.fold(&self.bn)?;
        Ok(Self { conv, bn })
    }

    /// `[batch, 16, 16, 8] → [batch, 16, 16, outputs]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv.forward(x)?;
        self.bn.forward_t(&x, train)
    }
}

/// Layer `conv1`.
#[derive(Clone, Debug)]
pub struct Conv1 {
    pub conv: Conv2d,
    pub bn: BatchNorm,
}

#[allow(dead_code)]
impl Conv1 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv: conv2d_no_bias(
                3,
                8,
                [3, 3],
                ConvConfig::explicit([[1, 1], [1, 1]]).stride([2, 2]),
                vb.pp("conv"),
            )?,
            bn: batch_norm(8, 1e-5, vb.pp("bn"))?.with_activation(Activation::Relu),
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (conv, bn) = self.conv.fold(&self.bn)?;
        Ok(Self { conv, bn })
    }

    /// `[batch, 32, 32, 3] → [batch, 16, 16, 8]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let x = self.conv.forward(x)?; // [batch, 16, 16, 8]
        self.bn.forward_t(&x, train)
    }
}

/// Layer `stack1/block0`.
#[derive(Clone, Debug)]
pub struct Stack1Block0 {
    /// `0_conv`.
    pub conv0: Conv2d,
    /// `0_bn`.
    pub bn0: BatchNorm,
    /// `1_conv`.
    pub conv1: Conv2d,
    /// `1_bn`.
    pub bn1: BatchNorm,
    /// `2_conv`.
    pub conv2: Conv2d,
    /// `2_bn`.
    pub bn2: BatchNorm,
}

#[allow(dead_code)]
impl Stack1Block0 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv0: conv2d_no_bias(64, 128, [1, 1], ConvConfig::valid(), vb.pp("conv0"))?,
            bn0: batch_norm(128, 1e-5, vb.pp("bn0"))?,
            conv1: conv2d_no_bias(
                64,
                128,
                [3, 3],
                ConvConfig::explicit([[1, 1], [1, 1]]).stride([2, 2]),
                vb.pp("conv1"),
            )?,
            bn1: batch_norm(128, 1e-5, vb.pp("bn1"))?.with_activation(Activation::Relu),
            conv2: conv2d_no_bias(128, 128, [3, 3], ConvConfig::same(), vb.pp("conv2"))?,
            bn2: batch_norm(128, 1e-5, vb.pp("bn2"))?,
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (conv0, bn0) = self.conv0.fold(&self.bn0)?;
        let (conv1, bn1) = self.conv1.fold(&self.bn1)?;
        let (conv2, bn2) = self.conv2.fold(&self.bn2)?;
        Ok(Self {
            conv0,
            bn0,
            conv1,
            bn1,
            conv2,
            bn2,
        })
    }

    /// `x: [batch, 4, 4, 64], y: [batch, 8, 8, 64] → [batch, 4, 4, 128]`
    pub fn forward(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        self.forward_t(x, y, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, y: &Tensor, train: bool) -> Result<Tensor> {
        let conv0 = self.conv0.forward(x)?; // [batch, 4, 4, 128]
        let bn0 = self.bn0.forward_t(&conv0, train)?;
        let conv1 = self.conv1.forward(y)?; // [batch, 4, 4, 128]
        let bn1 = self.bn1.forward_t(&conv1, train)?;
        let conv2 = self.conv2.forward(&bn1)?;
        add(&bn0, &self.bn2.forward_t(&conv2, train)?, Activation::Relu)
    }
}

/// Layer `stack0/block0`.
#[derive(Clone, Debug)]
pub struct Stack0Block0 {
    /// `0_conv`.
    pub conv0: Conv2d,
    /// `0_bn`.
    pub bn0: BatchNorm,
    /// `1_conv`.
    pub conv1: Conv2d,
    /// `1_bn`.
    pub bn1: BatchNorm,
    /// `2_conv`.
    pub conv2: Conv2d,
    /// `2_bn`.
    pub bn2: BatchNorm,
}

#[allow(dead_code)]
impl Stack0Block0 {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv0: conv2d_no_bias(16, 64, [1, 1], ConvConfig::valid(), vb.pp("conv0"))?,
            bn0: batch_norm(64, 1e-5, vb.pp("bn0"))?,
            conv1: conv2d_no_bias(16, 64, [3, 3], ConvConfig::same(), vb.pp("conv1"))?,
            bn1: batch_norm(64, 1e-5, vb.pp("bn1"))?.with_activation(Activation::Relu),
            conv2: conv2d_no_bias(64, 64, [3, 3], ConvConfig::same(), vb.pp("conv2"))?,
            bn2: batch_norm(64, 1e-5, vb.pp("bn2"))?,
        })
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (conv0, bn0) = self.conv0.fold(&self.bn0)?;
        let (conv1, bn1) = self.conv1.fold(&self.bn1)?;
        let (conv2, bn2) = self.conv2.fold(&self.bn2)?;
        Ok(Self {
            conv0,
            bn0,
            conv1,
            bn1,
            conv2,
            bn2,
        })
    }

    /// `[batch, 8, 8, 16] → [batch, 8, 8, 64]`
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_t(x, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let conv0 = self.conv0.forward(x)?; // [batch, 8, 8, 64]
        let bn0 = self.bn0.forward_t(&conv0, train)?;
        let conv1 = self.conv1.forward(x)?; // [batch, 8, 8, 64]
        let bn1 = self.bn1.forward_t(&conv1, train)?;
        let conv2 = self.conv2.forward(&bn1)?;
        add(&bn0, &self.bn2.forward_t(&conv2, train)?, Activation::Relu)
    }
}
