//! Pools in three dimensions, as a pool over the height and width after one over the depth.

use super::padding::Padding;
use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

/// The maximum of each window of `[batch, channels, depth, height, width]`; padding never wins.
pub fn max_pool3d(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding<3>,
) -> Tensor<5> {
    over_planes(x, kernel, stride, padding, |x, kernel, stride, pads| {
        let options = MaxPoolOptions::new(kernel);
        max_pool2d(x, options.with_stride(stride).with_padding_pairs(pads))
    })
}

/// The mean of each window of `[batch, channels, depth, height, width]`; padding does not count.
pub fn avg_pool3d(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding<3>,
) -> Tensor<5> {
    over_planes(x, kernel, stride, padding, |x, kernel, stride, pads| {
        let options = AvgPoolOptions::new(kernel).with_count_include_pad(false);
        avg_pool2d(x, options.with_stride(stride).with_padding_pairs(pads))
    })
}

/// Pools the depth, with the height and width flattened, and then the height and width.
fn over_planes(
    x: Tensor<5>,
    kernel: [usize; 3],
    stride: [usize; 3],
    padding: Padding<3>,
    pool: impl Fn(Tensor<4>, [usize; 2], [usize; 2], [(usize, usize); 2]) -> Tensor<4>,
) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let pads = padding.pairs([depth, height, width], kernel, stride, [1; 3]);
    let x = x.reshape([batch, channels, depth, height * width]);
    let x = pool(x, [kernel[0], 1], [stride[0], 1], [pads[0], (0, 0)]);
    let depth = x.dims()[2];
    let x = x.reshape([batch, channels * depth, height, width]);
    let x = pool(
        x,
        [kernel[1], kernel[2]],
        [stride[1], stride[2]],
        [pads[1], pads[2]],
    );
    let [_, _, height, width] = x.dims();
    x.reshape([batch, channels, depth, height, width])
}
