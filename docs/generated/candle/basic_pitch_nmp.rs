// `basic_pitch_nmp`, compiled from a TensorFlow SavedModel to candle.
//
// Saved by TensorFlow 2.4.1.
// Functions: `__call__`, `__call__`, `signatures/serving_default`.
// In training: `batch_normalization`, `batch_normalization_2`, `batch_normalization_3` with
// momentum 0.99, as the model's training functions have it.
// Depends on candle-core 0.11, candle-nn 0.11, gemm 0.19, rayon 1.
use super::support::activation::{Activation, relu};
use super::support::batch_norm::{BatchNorm, BatchNormConfig, batch_norm};
use super::support::binary::div_no_nan;
use super::support::conv::{Conv2d, ConvConfig, conv2d};
use super::support::conv1d::{Conv1d, conv1d_no_bias, conv1d_op};
use super::support::math::sqrt;
use super::support::pad::{PadMode, pad};
use super::support::reduce::{max, min, sum};
use super::support::vars::{trainable, variables};
use super::support::weights::checked;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use std::path::Path;

/// The model `BasicPitchNmp`.
#[derive(Clone, Debug)]
pub struct BasicPitchNmp {
    pub cq_t2010v2_1_conv1d_2: Conv1d,
    pub cq_t2010v2_1_conv1d_24: Conv1d,
    pub cq_t2010v2_1_conv1d_25: Conv1d,
    pub cq_t2010v2_1_sqrt: Tensor,
    pub batch_normalization: BatchNorm,
    pub conv2d_1: Conv2d,
    pub batch_normalization_2: BatchNorm,
    pub contours_reduced: Conv2d,
    pub conv2d_4: Conv2d,
    pub batch_normalization_3: BatchNorm,
    pub conv2d_2: Conv2d,
    pub conv2d_3: Conv2d,
    pub conv2d_5: Conv2d,
}

#[allow(dead_code)]
impl BasicPitchNmp {
    /// Takes the weights from under `vb`.
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let norm = BatchNormConfig {
            bessel: true,
            ..Default::default()
        };
        Ok(Self {
            cq_t2010v2_1_conv1d_2: conv1d_no_bias(
                1,
                1,
                256,
                ConvConfig::same().stride([2]),
                vb.pp("cq_t2010v2_1_conv1d_2"),
            )?,
            cq_t2010v2_1_conv1d_24: conv1d_no_bias(
                1,
                36,
                256,
                ConvConfig::valid(),
                vb.pp("cq_t2010v2_1_conv1d_24"),
            )?,
            cq_t2010v2_1_conv1d_25: conv1d_no_bias(
                1,
                36,
                256,
                ConvConfig::valid(),
                vb.pp("cq_t2010v2_1_conv1d_25"),
            )?,
            cq_t2010v2_1_sqrt: vb.get((309, 1, 1), "cq_t2010v2_1_sqrt")?,
            batch_normalization: batch_norm(1, norm, vb.pp("batch_normalization"))?,
            conv2d_1: conv2d(8, 8, [3, 39], ConvConfig::same(), vb.pp("conv2d_1"))?,
            batch_normalization_2: batch_norm(8, norm, vb.pp("batch_normalization_2"))?
                .with_activation(Activation::Relu),
            contours_reduced: conv2d(8, 1, [5, 5], ConvConfig::same(), vb.pp("contours_reduced"))?
                .with_activation(Activation::Sigmoid),
            conv2d_4: conv2d(
                8,
                32,
                [5, 5],
                ConvConfig::same().stride([1, 3]),
                vb.pp("conv2d_4"),
            )?,
            batch_normalization_3: batch_norm(32, norm, vb.pp("batch_normalization_3"))?,
            conv2d_2: conv2d(
                1,
                32,
                [7, 7],
                ConvConfig::same().stride([1, 3]),
                vb.pp("conv2d_2"),
            )?
            .with_activation(Activation::Relu),
            conv2d_3: conv2d(32, 1, [7, 3], ConvConfig::same(), vb.pp("conv2d_3"))?
                .with_activation(Activation::Sigmoid),
            conv2d_5: conv2d(33, 1, [3, 3], ConvConfig::same(), vb.pp("conv2d_5"))?
                .with_activation(Activation::Sigmoid),
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
        trainable(
            vars,
            &[
                "cq_t2010v2_1_conv1d_2.weight",
                "cq_t2010v2_1_conv1d_24.weight",
                "cq_t2010v2_1_conv1d_25.weight",
                "cq_t2010v2_1_sqrt",
            ],
        )
    }

    /// For inference: batch norms are folded into the convolutions before them.
    pub fn fused(&self) -> Result<Self> {
        let (conv2d_1, batch_normalization_2) = self.conv2d_1.fold(&self.batch_normalization_2)?;
        let (conv2d_4, batch_normalization_3) = self.conv2d_4.fold(&self.batch_normalization_3)?;
        Ok(Self {
            conv2d_1,
            batch_normalization_2,
            conv2d_4,
            batch_normalization_3,
            ..self.clone()
        })
    }

    /// Also called `serving_default`.
    ///
    /// - `inputs`: `F32` `[batch, 43844, 1]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, inputs: &Tensor) -> Result<BasicPitchNmpOutput> {
        self.forward_t(inputs, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, inputs: &Tensor, train: bool) -> Result<BasicPitchNmpOutput> {
        let batch = inputs.dim(0)?;
        let x = self.cq_t2010v2_1_conv1d_2.forward(inputs)?; // [batch, 21922, 1]
        let cq_t2010v2_1_conv1d_2 = self.cq_t2010v2_1_conv1d_2.forward(&x)?; // [batch, 10961, 1]
        let features = conv1d_op(
            &cq_t2010v2_1_conv1d_2,
            self.cq_t2010v2_1_conv1d_2.weight(),
            None,
            &ConvConfig::explicit([[127, 127]]).stride([2]),
            Activation::Linear,
        )?; // [batch, 5480, 1]
        // [batch, 2740, 1]
        let cq_t2010v2_1_conv1d_2_output = self.cq_t2010v2_1_conv1d_2.forward(&features)?;
        let cq_t2010v2_1_conv1d_2_output_2 = self
            .cq_t2010v2_1_conv1d_2
            .forward(&cq_t2010v2_1_conv1d_2_output)?; // [batch, 1370, 1]
        let cq_t2010v2_1_conv1d_2_output_3 = self
            .cq_t2010v2_1_conv1d_2
            .forward(&cq_t2010v2_1_conv1d_2_output_2)?; // [batch, 685, 1]
        let h = conv1d_op(
            &cq_t2010v2_1_conv1d_2_output_3,
            self.cq_t2010v2_1_conv1d_2.weight(),
            None,
            &ConvConfig::explicit([[127, 127]]).stride([2]),
            Activation::Linear,
        )?; // [batch, 342, 1]
        // [batch, 171, 1]
        let cq_t2010v2_1_conv1d_2_output_4 = self.cq_t2010v2_1_conv1d_2.forward(&h)?;
        let padded = pad(
            &cq_t2010v2_1_conv1d_2_output_4,
            &[(0, 0), (128, 128), (0, 0)],
            PadMode::Reflect,
        )?; // [batch, 427, 1]
        // [batch, 172, 36]
        let cq_t2010v2_1_conv1d_24 = self.cq_t2010v2_1_conv1d_24.forward(&padded)?;
        let cq_t2010v2_1_conv1d_24 = cq_t2010v2_1_conv1d_24.transpose(1, 2)?; // [batch, 36, 172]
        // [batch, 172, 36]
        let cq_t2010v2_1_conv1d_25 = self.cq_t2010v2_1_conv1d_25.forward(&padded)?;
        // [batch, 36, 172]
        let cq_t2010v2_1_conv1d_25 = cq_t2010v2_1_conv1d_25.transpose(1, 2)?.neg()?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_conv1d_24 = cq_t2010v2_1_conv1d_24.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_conv1d_25 = cq_t2010v2_1_conv1d_25.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let joined = Tensor::cat(&[&cq_t2010v2_1_conv1d_24, &cq_t2010v2_1_conv1d_25], 3)?;
        let padded = pad(&h, &[(0, 0), (128, 128), (0, 0)], PadMode::Reflect)?; // [batch, 598, 1]
        let cq_t2010v2_1 = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([2]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let cq_t2010v2_1 = cq_t2010v2_1.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([2]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let cq_t2010v2_1 = cq_t2010v2_1.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined = Tensor::cat(&[&cq_t2010v2_1, &cq_t2010v2_1_features], 3)?;
        let padded = pad(
            &cq_t2010v2_1_conv1d_2_output_3,
            &[(0, 0), (128, 128), (0, 0)],
            PadMode::Reflect,
        )?; // [batch, 941, 1]
        let cq_t2010v2_1 = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([4]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let cq_t2010v2_1 = cq_t2010v2_1.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([4]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let cq_t2010v2_1 = cq_t2010v2_1.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(&[&cq_t2010v2_1, &cq_t2010v2_1_features], 3)?;
        let padded = pad(
            &cq_t2010v2_1_conv1d_2_output_2,
            &[(0, 0), (128, 128), (0, 0)],
            PadMode::Reflect,
        )?; // [batch, 1626, 1]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([8]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([8]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.transpose(1, 2)?.neg()?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_2 =
            Tensor::cat(&[&cq_t2010v2_1_features, &cq_t2010v2_1_features_2], 3)?;
        let padded = pad(
            &cq_t2010v2_1_conv1d_2_output,
            &[(0, 0), (128, 128), (0, 0)],
            PadMode::Reflect,
        )?; // [batch, 2996, 1]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([16]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([16]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.transpose(1, 2)?.neg()?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_3 =
            Tensor::cat(&[&cq_t2010v2_1_features, &cq_t2010v2_1_features_2], 3)?;
        // [batch, 5736, 1]
        let padded = pad(&features, &[(0, 0), (128, 128), (0, 0)], PadMode::Reflect)?;
        let features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([32]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let features = features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([32]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let features = features.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_4 = Tensor::cat(&[&features, &cq_t2010v2_1_features], 3)?;
        let padded = pad(
            &cq_t2010v2_1_conv1d_2,
            &[(0, 0), (128, 128), (0, 0)],
            PadMode::Reflect,
        )?; // [batch, 11217, 1]
        let features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([64]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let features = features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([64]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let features = features.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_5 = Tensor::cat(&[&features, &cq_t2010v2_1_features], 3)?;
        let padded = pad(&x, &[(0, 0), (128, 128), (0, 0)], PadMode::Reflect)?; // [batch, 22178, 1]
        let features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([128]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let features = features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([128]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let features = features.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_6 = Tensor::cat(&[&features, &cq_t2010v2_1_features], 3)?;
        // [batch, 44100, 1]
        let padded = pad(inputs, &[(0, 0), (128, 128), (0, 0)], PadMode::Reflect)?;
        let features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_24.weight(),
            None,
            &ConvConfig::valid().stride([256]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        let features = features.transpose(1, 2)?; // [batch, 36, 172]
        let cq_t2010v2_1_features = conv1d_op(
            &padded,
            self.cq_t2010v2_1_conv1d_25.weight(),
            None,
            &ConvConfig::valid().stride([256]),
            Activation::Linear,
        )?; // [batch, 172, 36]
        // [batch, 36, 172]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.transpose(1, 2)?.neg()?;
        let features = features.reshape((batch, 36, 172, 1))?; // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.reshape((batch, 36, 172, 1))?;
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_7 = Tensor::cat(&[&features, &cq_t2010v2_1_features], 3)?;
        // [batch, 72, 172, 2]
        let cq_t2010v2_1_joined_6 =
            Tensor::cat(&[&cq_t2010v2_1_joined_6, &cq_t2010v2_1_joined_7], 1)?;
        // [batch, 108, 172, 2]
        let cq_t2010v2_1_joined_5 =
            Tensor::cat(&[&cq_t2010v2_1_joined_5, &cq_t2010v2_1_joined_6], 1)?;
        // [batch, 144, 172, 2]
        let cq_t2010v2_1_joined_4 =
            Tensor::cat(&[&cq_t2010v2_1_joined_4, &cq_t2010v2_1_joined_5], 1)?;
        // [batch, 180, 172, 2]
        let cq_t2010v2_1_joined_3 =
            Tensor::cat(&[&cq_t2010v2_1_joined_3, &cq_t2010v2_1_joined_4], 1)?;
        // [batch, 216, 172, 2]
        let cq_t2010v2_1_joined_2 =
            Tensor::cat(&[&cq_t2010v2_1_joined_2, &cq_t2010v2_1_joined_3], 1)?;
        // [batch, 252, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(&[&cq_t2010v2_1, &cq_t2010v2_1_joined_2], 1)?;
        // [batch, 288, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(&[&cq_t2010v2_1_joined, &cq_t2010v2_1], 1)?;
        let x = Tensor::cat(&[&joined, &cq_t2010v2_1], 1)?
            .narrow(1, 15, 309)?
            .broadcast_mul(&self.cq_t2010v2_1_sqrt)?
            .sqr()?; // [batch, 309, 172, 2]
        // [batch, 172, 309]
        let x = (sqrt(&sum(&x, &[3], false)?)?.transpose(1, 2)?.sqr()? + 1e-10)?;
        let x = (10.0 * (x.log()? / std::f64::consts::LN_10)?)?; // [batch, 172, 309]
        let x = x.broadcast_sub(&min(&x, &[1, 2], true)?)?; // [batch, 1, 1]
        // [batch, 172, 309, 1]
        let x = div_no_nan(&x, &max(&x, &[1, 2], true)?)?.reshape((batch, 172, 309, 1))?;
        let x = self.batch_normalization.forward_t(&x, train)?;
        let padded = x.narrow(2, 0, 273)?.pad_with_zeros(2, 36, 0)?; // [batch, 172, 309, 1]
        // [batch, 172, 309, 1]
        let harmonic_stacking = x.narrow(2, 36, 273)?.pad_with_zeros(2, 0, 36)?;
        // [batch, 172, 309, 1]
        let harmonic_stacking_padded = x.narrow(2, 57, 252)?.pad_with_zeros(2, 0, 57)?;
        // [batch, 172, 309, 1]
        let harmonic_stacking_padded_2 = x.narrow(2, 72, 237)?.pad_with_zeros(2, 0, 72)?;
        // [batch, 172, 309, 1]
        let harmonic_stacking_padded_3 = x.narrow(2, 84, 225)?.pad_with_zeros(2, 0, 84)?;
        // [batch, 172, 309, 1]
        let harmonic_stacking_padded_4 = x.narrow(2, 93, 216)?.pad_with_zeros(2, 0, 93)?;
        // [batch, 172, 309, 1]
        let harmonic_stacking_padded_5 = x.narrow(2, 101, 208)?.pad_with_zeros(2, 0, 101)?;
        let x = Tensor::cat(
            &[
                &padded,
                &x,
                &harmonic_stacking,
                &harmonic_stacking_padded,
                &harmonic_stacking_padded_2,
                &harmonic_stacking_padded_3,
                &harmonic_stacking_padded_4,
                &harmonic_stacking_padded_5,
            ],
            3,
        )?; // [batch, 172, 309, 8]
        let x = x.narrow(2, 0, 264)?; // [batch, 172, 264, 8]
        let conv2d_1 = self.conv2d_1.forward(&x)?;
        let batch_normalization_2 = self.batch_normalization_2.forward_t(&conv2d_1, train)?;
        // [batch, 172, 264, 1]
        let contours_reduced = self.contours_reduced.forward(&batch_normalization_2)?;
        let contour = contours_reduced.reshape((batch, 172, 264))?; // [batch, 172, 264]
        let conv2d_4 = self.conv2d_4.forward(&x)?; // [batch, 172, 88, 32]
        let batch_normalization_3 = self.batch_normalization_3.forward_t(&conv2d_4, train)?;
        let conv2d_2 = self.conv2d_2.forward(&contours_reduced)?; // [batch, 172, 88, 32]
        let conv2d_3 = self.conv2d_3.forward(&conv2d_2)?; // [batch, 172, 88, 1]
        let batch_normalization_3 = relu(&batch_normalization_3)?;
        let x = Tensor::cat(&[&conv2d_3, &batch_normalization_3], 3)?; // [batch, 172, 88, 33]
        let x = self.conv2d_5.forward(&x)?; // [batch, 172, 88, 1]
        let note = conv2d_3.reshape((batch, 172, 88))?; // [batch, 172, 88]
        let onset = x.reshape((batch, 172, 88))?; // [batch, 172, 88]
        Ok(BasicPitchNmpOutput {
            contour,
            note,
            onset,
        })
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
#[allow(dead_code)]
pub struct BasicPitchNmpOutput {
    /// `F32` `[batch, 172, 264]`.
    pub contour: Tensor,
    /// `F32` `[batch, 172, 88]`.
    pub note: Tensor,
    /// `F32` `[batch, 172, 88]`.
    pub onset: Tensor,
}
