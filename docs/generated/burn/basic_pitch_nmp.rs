// `basic_pitch_nmp`, compiled from a TensorFlow SavedModel to burn.
//
// Saved by TensorFlow 2.4.1.
// Functions: `__call__`, `__call__`, `signatures/serving_default`.
// In training: `batch_normalization`, `batch_normalization_2`, `batch_normalization_3` with
// momentum 0.99, as the model's training functions have it.
// Depends on burn 0.22 (feature `safetensors`, and a backend).
use super::support::batch_norm::{BatchNorm, BatchNormConfig};
use super::support::conv;
use super::support::math::div_no_nan;
use super::support::pad::reflect_pad;
use super::support::padding::Padding;
use super::support::weights::filled;
use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::store::{SafetensorsStore, SafetensorsStoreError};
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, activation};
use std::path::Path;

/// The model `BasicPitchNmp`.
#[derive(Module, Debug)]
pub struct BasicPitchNmp {
    pub cq_t2010v2_1_conv1d_2: Conv1d,
    pub cq_t2010v2_1_conv1d_24: Conv1d,
    pub cq_t2010v2_1_conv1d_25: Conv1d,
    pub cq_t2010v2_1_sqrt: Param<Tensor<3>>,
    pub batch_normalization: BatchNorm,
    pub conv2d_1: Conv2d,
    pub batch_normalization_2: BatchNorm,
    pub contours_reduced: Conv2d,
    pub contours_reduced_bias: Param<Tensor<1>>,
    pub conv2d_4: Conv2d,
    pub batch_normalization_3: BatchNorm,
    pub conv2d_2: Conv2d,
    pub conv2d_3: Conv2d,
    pub conv2d_3_bias: Param<Tensor<1>>,
    pub conv2d_5: Conv2d,
    pub conv2d_5_bias: Param<Tensor<1>>,
}

impl BasicPitchNmp {
    /// Initial weights; `load_from` of a store replaces them.
    pub fn new(device: &Device) -> Self {
        Self {
            cq_t2010v2_1_conv1d_2: Conv1dConfig::new(1, 1, 256)
                .with_stride(2)
                .with_padding(PaddingConfig1d::Same)
                .with_bias(false)
                .init(device)
                .no_grad(),
            cq_t2010v2_1_conv1d_24: Conv1dConfig::new(1, 36, 256)
                .with_bias(false)
                .init(device)
                .no_grad(),
            cq_t2010v2_1_conv1d_25: Conv1dConfig::new(1, 36, 256)
                .with_bias(false)
                .init(device)
                .no_grad(),
            cq_t2010v2_1_sqrt: Initializer::Zeros
                .init([309, 1, 1], device)
                .set_require_grad(false),
            batch_normalization: BatchNormConfig::new(1).with_unbiased(true).init(device),
            conv2d_1: Conv2dConfig::new([8, 8], [3, 39])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            batch_normalization_2: BatchNormConfig::new(8).with_unbiased(true).init(device),
            contours_reduced: Conv2dConfig::new([8, 1], [5, 5])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            contours_reduced_bias: Initializer::Zeros.init([1], device),
            conv2d_4: Conv2dConfig::new([8, 32], [5, 5])
                .with_stride([1, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            batch_normalization_3: BatchNormConfig::new(32).with_unbiased(true).init(device),
            conv2d_2: Conv2dConfig::new([1, 32], [7, 7])
                .with_stride([1, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            conv2d_3: Conv2dConfig::new([32, 1], [7, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            conv2d_3_bias: Initializer::Zeros.init([1], device),
            conv2d_5: Conv2dConfig::new([33, 1], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .with_bias(false)
                .init(device),
            conv2d_5_bias: Initializer::Zeros.init([1], device),
        }
    }

    /// Loads the weights from a safetensors file, which has exactly those of the model.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, SafetensorsStoreError> {
        filled(
            Self::new(device),
            SafetensorsStore::from_file(path.as_ref()),
        )
    }

    /// Also called `serving_default`.
    ///
    /// - `inputs`: `F32` `[batch, 43844, 1]`.
    #[doc(alias = "serving_default")]
    pub fn forward(&self, inputs: Tensor<3>) -> BasicPitchNmpOutput {
        self.forward_t(inputs, false)
    }

    /// With batch statistics, moving averages that learn and live dropout if `train`.
    pub fn forward_t(&self, inputs: Tensor<3>, train: bool) -> BasicPitchNmpOutput {
        let [batch, _, _] = inputs.dims();
        let x = inputs.clone().reshape([batch, 1, 43844]); // [batch, 1, 43844]
        let x = self.cq_t2010v2_1_conv1d_2.forward(x); // [batch, 1, 21922]
        // [batch, 1, 10961]
        let cq_t2010v2_1_conv1d_2 = self.cq_t2010v2_1_conv1d_2.forward(x.clone());
        let features = conv::Conv1dConfig::new([1, 1], [256])
            .with_stride([2])
            .with_padding(Padding::Explicit([(127, 127)]))
            .apply(
                cq_t2010v2_1_conv1d_2.clone(),
                self.cq_t2010v2_1_conv1d_2
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 1, 5480]
        // [batch, 1, 2740]
        let cq_t2010v2_1_conv1d_2_output = self.cq_t2010v2_1_conv1d_2.forward(features.clone());
        let cq_t2010v2_1_conv1d_2_output_2 = self
            .cq_t2010v2_1_conv1d_2
            .forward(cq_t2010v2_1_conv1d_2_output.clone()); // [batch, 1, 1370]
        let cq_t2010v2_1_conv1d_2_output_3 = self
            .cq_t2010v2_1_conv1d_2
            .forward(cq_t2010v2_1_conv1d_2_output_2.clone()); // [batch, 1, 685]
        let h = conv::Conv1dConfig::new([1, 1], [256])
            .with_stride([2])
            .with_padding(Padding::Explicit([(127, 127)]))
            .apply(
                cq_t2010v2_1_conv1d_2_output_3.clone(),
                self.cq_t2010v2_1_conv1d_2
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 1, 342]
        // [batch, 1, 171]
        let cq_t2010v2_1_conv1d_2_output_4 = self.cq_t2010v2_1_conv1d_2.forward(h.clone());
        // [batch, 1, 427]
        let padded = reflect_pad(cq_t2010v2_1_conv1d_2_output_4, [(0, 0), (0, 0), (128, 128)]);
        // [batch, 36, 172]
        let cq_t2010v2_1_conv1d_24 = self.cq_t2010v2_1_conv1d_24.forward(padded.clone());
        // [batch, 36, 172]
        let cq_t2010v2_1_conv1d_25 = -self.cq_t2010v2_1_conv1d_25.forward(padded);
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_conv1d_24 = cq_t2010v2_1_conv1d_24.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_conv1d_25 = cq_t2010v2_1_conv1d_25.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let joined = Tensor::cat(vec![cq_t2010v2_1_conv1d_24, cq_t2010v2_1_conv1d_25], 3);
        let padded = reflect_pad(h, [(0, 0), (0, 0), (128, 128)]); // [batch, 1, 598]
        let cq_t2010v2_1 = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([2])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([2])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let cq_t2010v2_1 = cq_t2010v2_1.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined = Tensor::cat(vec![cq_t2010v2_1, cq_t2010v2_1_features], 3);
        // [batch, 1, 941]
        let padded = reflect_pad(cq_t2010v2_1_conv1d_2_output_3, [(0, 0), (0, 0), (128, 128)]);
        let cq_t2010v2_1 = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([4])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([4])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let cq_t2010v2_1 = cq_t2010v2_1.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(vec![cq_t2010v2_1, cq_t2010v2_1_features], 3);
        // [batch, 1, 1626]
        let padded = reflect_pad(cq_t2010v2_1_conv1d_2_output_2, [(0, 0), (0, 0), (128, 128)]);
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([8])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([8])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = -cq_t2010v2_1_features_2;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_2 =
            Tensor::cat(vec![cq_t2010v2_1_features, cq_t2010v2_1_features_2], 3);
        // [batch, 1, 2996]
        let padded = reflect_pad(cq_t2010v2_1_conv1d_2_output, [(0, 0), (0, 0), (128, 128)]);
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([16])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([16])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features_2 = -cq_t2010v2_1_features_2;
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features_2 = cq_t2010v2_1_features_2.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_3 =
            Tensor::cat(vec![cq_t2010v2_1_features, cq_t2010v2_1_features_2], 3);
        let padded = reflect_pad(features, [(0, 0), (0, 0), (128, 128)]); // [batch, 1, 5736]
        let features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([32])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([32])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let features = features.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_4 = Tensor::cat(vec![features, cq_t2010v2_1_features], 3);
        // [batch, 1, 11217]
        let padded = reflect_pad(cq_t2010v2_1_conv1d_2, [(0, 0), (0, 0), (128, 128)]);
        let features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([64])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([64])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let features = features.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_5 = Tensor::cat(vec![features, cq_t2010v2_1_features], 3);
        let padded = reflect_pad(x, [(0, 0), (0, 0), (128, 128)]); // [batch, 1, 22178]
        let features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([128])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([128])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let features = features.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_6 = Tensor::cat(vec![features, cq_t2010v2_1_features], 3);
        // [batch, 1, 44100]
        let padded = reflect_pad(inputs, [(0, 0), (128, 128), (0, 0)]).reshape([batch, 1, 44100]);
        let features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([256])
            .apply(
                padded.clone(),
                self.cq_t2010v2_1_conv1d_24
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = conv::Conv1dConfig::new([1, 36], [256])
            .with_stride([256])
            .apply(
                padded,
                self.cq_t2010v2_1_conv1d_25
                    .weight
                    .val()
                    .permute([2, 1, 0])
                    .permute([2, 1, 0]),
                None,
            ); // [batch, 36, 172]
        let cq_t2010v2_1_features = -cq_t2010v2_1_features;
        let features = features.unsqueeze_dim::<4>(3); // [batch, 36, 172, 1]
        // [batch, 36, 172, 1]
        let cq_t2010v2_1_features = cq_t2010v2_1_features.unsqueeze_dim::<4>(3);
        // [batch, 36, 172, 2]
        let cq_t2010v2_1_joined_7 = Tensor::cat(vec![features, cq_t2010v2_1_features], 3);
        // [batch, 72, 172, 2]
        let cq_t2010v2_1_joined_6 =
            Tensor::cat(vec![cq_t2010v2_1_joined_6, cq_t2010v2_1_joined_7], 1);
        // [batch, 108, 172, 2]
        let cq_t2010v2_1_joined_5 =
            Tensor::cat(vec![cq_t2010v2_1_joined_5, cq_t2010v2_1_joined_6], 1);
        // [batch, 144, 172, 2]
        let cq_t2010v2_1_joined_4 =
            Tensor::cat(vec![cq_t2010v2_1_joined_4, cq_t2010v2_1_joined_5], 1);
        // [batch, 180, 172, 2]
        let cq_t2010v2_1_joined_3 =
            Tensor::cat(vec![cq_t2010v2_1_joined_3, cq_t2010v2_1_joined_4], 1);
        // [batch, 216, 172, 2]
        let cq_t2010v2_1_joined_2 =
            Tensor::cat(vec![cq_t2010v2_1_joined_2, cq_t2010v2_1_joined_3], 1);
        // [batch, 252, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(vec![cq_t2010v2_1, cq_t2010v2_1_joined_2], 1);
        // [batch, 288, 172, 2]
        let cq_t2010v2_1 = Tensor::cat(vec![cq_t2010v2_1_joined, cq_t2010v2_1], 1);
        // [batch, 309, 172, 2]
        let x = Tensor::cat(vec![joined, cq_t2010v2_1], 1).slice_dim(1, 15..324);
        let x = (x * self.cq_t2010v2_1_sqrt.val().unsqueeze::<4>())
            .square()
            .sum_dim(3)
            .squeeze_dim::<3>(3)
            .sqrt()
            .swap_dims(1, 2)
            .square(); // [batch, 172, 309]
        let x = (x + 1e-10).log() / std::f32::consts::LN_10 * 10.0; // [batch, 172, 309]
        let h = x.clone().min_dims(&[1, 2]); // [batch, 1, 1]
        let x = x - h;
        let h = x.clone().max_dims(&[1, 2]); // [batch, 1, 1]
        let x = div_no_nan(x, h).unsqueeze_dim::<4>(1); // [batch, 1, 172, 309]
        let x = self.batch_normalization.forward_t(x, train);
        let part = x.clone().slice_dim(3, 0..273); // [batch, 1, 172, 273]
        let padded = part.pad([(36, 0)], PadMode::Constant(0.0)); // [batch, 1, 172, 309]
        let part = x.clone().slice_dim(3, 36..309); // [batch, 1, 172, 273]
        let harmonic_stacking = part.pad([(0, 36)], PadMode::Constant(0.0)); // [batch, 1, 172, 309]
        let part = x.clone().slice_dim(3, 57..309); // [batch, 1, 172, 252]
        // [batch, 1, 172, 309]
        let harmonic_stacking_padded = part.pad([(0, 57)], PadMode::Constant(0.0));
        let part = x.clone().slice_dim(3, 72..309); // [batch, 1, 172, 237]
        // [batch, 1, 172, 309]
        let harmonic_stacking_padded_2 = part.pad([(0, 72)], PadMode::Constant(0.0));
        let part = x.clone().slice_dim(3, 84..309); // [batch, 1, 172, 225]
        // [batch, 1, 172, 309]
        let harmonic_stacking_padded_3 = part.pad([(0, 84)], PadMode::Constant(0.0));
        let part = x.clone().slice_dim(3, 93..309); // [batch, 1, 172, 216]
        // [batch, 1, 172, 309]
        let harmonic_stacking_padded_4 = part.pad([(0, 93)], PadMode::Constant(0.0));
        let part = x.clone().slice_dim(3, 101..309); // [batch, 1, 172, 208]
        // [batch, 1, 172, 309]
        let harmonic_stacking_padded_5 = part.pad([(0, 101)], PadMode::Constant(0.0));
        let x = Tensor::cat(
            vec![
                padded,
                x,
                harmonic_stacking,
                harmonic_stacking_padded,
                harmonic_stacking_padded_2,
                harmonic_stacking_padded_3,
                harmonic_stacking_padded_4,
                harmonic_stacking_padded_5,
            ],
            1,
        ); // [batch, 8, 172, 309]
        let x = x.slice_dim(3, 0..264); // [batch, 8, 172, 264]
        let conv2d_1 = self.conv2d_1.forward(x.clone());
        let batch_normalization_2 =
            activation::relu(self.batch_normalization_2.forward_t(conv2d_1, train));
        // [batch, 1, 172, 264]
        let contours_reduced = self.contours_reduced.forward(batch_normalization_2);
        let contours_reduced = contours_reduced + self.contours_reduced_bias.val().unsqueeze::<4>();
        let contours_reduced = activation::sigmoid(contours_reduced);
        let contour = contours_reduced.clone().reshape([batch, 172, 264]); // [batch, 172, 264]
        let conv2d_4 = self.conv2d_4.forward(x); // [batch, 32, 172, 88]
        let batch_normalization_3 = self.batch_normalization_3.forward_t(conv2d_4, train);
        // [batch, 32, 172, 88]
        let conv2d_2 = activation::relu(self.conv2d_2.forward(contours_reduced));
        // [batch, 1, 172, 88]
        let conv2d_3 = self.conv2d_3.forward(conv2d_2) + self.conv2d_3_bias.val().unsqueeze::<4>();
        let conv2d_3 = activation::sigmoid(conv2d_3);
        let batch_normalization_3 = activation::relu(batch_normalization_3);
        // [batch, 33, 172, 88]
        let x = Tensor::cat(vec![conv2d_3.clone(), batch_normalization_3], 1);
        // [batch, 1, 172, 88]
        let x = self.conv2d_5.forward(x) + self.conv2d_5_bias.val().unsqueeze::<4>();
        let x = activation::sigmoid(x);
        let note = conv2d_3.reshape([batch, 172, 88]); // [batch, 172, 88]
        let onset = x.reshape([batch, 172, 88]); // [batch, 172, 88]
        BasicPitchNmpOutput {
            contour,
            note,
            onset,
        }
    }
}

/// What `forward` gives.
#[derive(Clone, Debug)]
pub struct BasicPitchNmpOutput {
    /// `F32` `[batch, 172, 264]`.
    pub contour: Tensor<3>,
    /// `F32` `[batch, 172, 88]`.
    pub note: Tensor<3>,
    /// `F32` `[batch, 172, 88]`.
    pub onset: Tensor<3>,
}
