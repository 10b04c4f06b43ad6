//! Resizing with each sampling.

use crate::goldens::{Case, channels_first, channels_last};
use burn::tensor::Tensor;
use savedmodel_import_burn_support::resize::{
    Sampling, resize_bicubic, resize_bilinear, resize_nearest,
};

fn check(method: &str, resize: impl Fn(Tensor<4>, [usize; 2], Sampling) -> Tensor<4>) {
    for (name, sampling) in [
        ("half_pixel", Sampling::HalfPixel),
        ("align_corners", Sampling::AlignCorners),
        ("top_left", Sampling::TopLeft),
    ] {
        for (direction, size) in [("up", [9, 13]), ("down", [3, 2])] {
            let case = Case(format!("resize_{method}_{name}_{direction}").leak());
            let x = case.float::<4>("x");
            let y = channels_last(resize(channels_first(x.clone()), size, sampling));
            case.check_all(y, &[&("x", &x)], 1e-5);
        }
    }
}

#[test]
fn nearest_takes_tensorflows_pixels() {
    check("nearest", resize_nearest);
}

#[test]
fn bilinear_interpolates_as_tensorflow_does() {
    check("bilinear", resize_bilinear);
}

#[test]
fn bicubic_interpolates_as_tensorflow_does() {
    check("bicubic", resize_bicubic);
}
