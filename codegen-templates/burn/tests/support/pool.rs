//! Pools: burn's own in one and two dimensions, ours in three.

use crate::goldens::{Case, channels_first, channels_last};
use burn::nn::pool::{AvgPool1dConfig, AvgPool2dConfig, MaxPool1dConfig, MaxPool2dConfig};
use burn::nn::{PaddingConfig1d, PaddingConfig2d};
use burn::tensor::Tensor;
use savedmodel_import_burn_support::padding::Padding;
use savedmodel_import_burn_support::pool::{avg_pool3d, max_pool3d};

fn check<const D: usize>(case: &'static str, pool: impl Fn(Tensor<D>) -> Tensor<D>) {
    let case = Case(case);
    let x = case.float::<D>("x");
    let y = channels_last(pool(channels_first(x.clone())));
    case.check_all(y, &[&("x", &x)], 1e-6);
}

#[test]
fn burns_own_pools_with_same_padding_are_tensorflows() {
    let max = MaxPool2dConfig::new([3, 2])
        .with_strides([2, 2])
        .with_padding(PaddingConfig2d::Same);
    check::<4>("max_pool2d_same", |x| max.init().forward(x));
    let avg = AvgPool2dConfig::new([3, 2])
        .with_strides([2, 2])
        .with_padding(PaddingConfig2d::Same);
    let avg = avg.with_count_include_pad(false);
    check::<4>("avg_pool2d_same", |x| avg.init().forward(x));
    let max = MaxPool1dConfig::new(4)
        .with_stride(3)
        .with_padding(PaddingConfig1d::Same);
    check::<3>("max_pool1d_same", |x| max.init().forward(x));
    let avg = AvgPool1dConfig::new(4)
        .with_stride(3)
        .with_padding(PaddingConfig1d::Same);
    let avg = avg.with_count_include_pad(false);
    check::<3>("avg_pool1d_same", |x| avg.init().forward(x));
}

#[test]
fn three_dimensional_pools_are_tensorflows() {
    check::<5>("max_pool3d_same", |x| {
        max_pool3d(x, [2, 3, 2], [2, 2, 1], Padding::Same)
    });
    check::<5>("avg_pool3d_same", |x| {
        avg_pool3d(x, [2, 3, 2], [2, 2, 1], Padding::Same)
    });
    check::<5>("max_pool3d_valid", |x| {
        max_pool3d(x, [2; 3], [2; 3], Padding::Valid)
    });
    check::<5>("avg_pool3d_valid", |x| {
        avg_pool3d(x, [2; 3], [2; 3], Padding::Valid)
    });
}
