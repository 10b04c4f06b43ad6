//! Discrete Fourier transforms over the last dimension, of any extent. A complex tensor is a real and an imaginary one.

use burn::signal::cfft;
use burn::tensor::{DType, Tensor, TensorCreationOptions};
use std::f64::consts::PI;

type Pair<const D: usize> = (Tensor<D>, Tensor<D>);

/// The transform of complex numbers: burn's own where the extent is a power of two, else as a convolution of such an extent
/// (Bluestein's algorithm).
pub fn fft<const D: usize>(re: Tensor<D>, im: Tensor<D>) -> Pair<D> {
    let n = re.dims()[D - 1];
    match n {
        0 | 1 => (re, im),
        n if n.is_power_of_two() => cfft(re, im, D - 1, None),
        n => chirped(re, im, n),
    }
}

/// Its inverse.
pub fn ifft<const D: usize>(re: Tensor<D>, im: Tensor<D>) -> Pair<D> {
    let n = re.dims()[D - 1].max(1) as f64;
    let (re, im) = fft(re, -im);
    (re / n, -im / n)
}

/// The first half of the transform of real numbers: the other is its mirror image.
pub fn rfft<const D: usize>(x: Tensor<D>) -> Pair<D> {
    let n = x.dims()[D - 1];
    if n > 1 && n.is_power_of_two() {
        return burn::signal::rfft(x, D - 1, None);
    }
    let zeros = x.zeros_like();
    let (re, im) = fft(x, zeros);
    let half = n / 2 + 1;
    (re.narrow(D - 1, 0, half), im.narrow(D - 1, 0, half))
}

/// The `n` real numbers whose transform's first half is given.
pub fn irfft<const D: usize>(re: Tensor<D>, im: Tensor<D>, n: usize) -> Tensor<D> {
    let mirrored = (n - 1) / 2;
    if mirrored == 0 {
        return ifft(re, im).0;
    }
    let mirror = |half: &Tensor<D>| half.clone().narrow(D - 1, 1, mirrored).flip([D - 1]);
    let (re_mirror, im_mirror) = (mirror(&re), -mirror(&im));
    let re = Tensor::cat(vec![re, re_mirror], D - 1);
    let im = Tensor::cat(vec![im, im_mirror], D - 1);
    ifft(re, im).0
}

/// `jk = (j² + k² - (k - j)²) / 2` makes the transform a convolution.
fn chirped<const D: usize>(re: Tensor<D>, im: Tensor<D>, n: usize) -> Pair<D> {
    let size = (2 * n - 1).next_power_of_two();
    let angle = |i: usize| PI * ((i * i) % (2 * n)) as f64 / n as f64;
    let chirp = row(&re, n, |i| -angle(i));
    let spread = row(&re, size, |i| match i.min(size - i) {
        i if i < n => angle(i),
        _ => f64::NAN,
    });
    let (a_re, a_im) = product((re, im), chirp.clone());
    let padded = |x: Tensor<D>| {
        let mut widths = [(0, 0); D];
        widths[D - 1].1 = size - n;
        x.pad(widths, burn::tensor::ops::PadMode::Constant(0.0))
    };
    let a = cfft(padded(a_re), padded(a_im), D - 1, None);
    let b = cfft(spread.0, spread.1, D - 1, None);
    let (re, im) = product(a, b);
    let (re, im) = cfft(re, -im, D - 1, None);
    let cut = |x: Tensor<D>| x.narrow(D - 1, 0, n) / size as f64;
    product((cut(re), -cut(im)), chirp)
}

fn product<const D: usize>((a, b): Pair<D>, (c, d): Pair<D>) -> Pair<D> {
    let re = a.clone() * c.clone() - b.clone() * d.clone();
    (re, a * d + b * c)
}

/// The points at `angle(i)` on the circle; zero where that is not a number.
fn row<const D: usize>(like: &Tensor<D>, n: usize, angle: impl Fn(usize) -> f64) -> Pair<D> {
    let mut shape = [1; D];
    shape[D - 1] = n;
    let part = |f: fn(f64) -> f64| {
        let numbers: Vec<f64> = (0..n)
            .map(|i| {
                Some(angle(i))
                    .filter(|angle| !angle.is_nan())
                    .map_or(0.0, f)
            })
            .collect();
        let dtype = match like.dtype() {
            DType::F64 => DType::F64,
            _ => DType::F32,
        };
        let options = TensorCreationOptions::new(like.device()).with_dtype(dtype);
        Tensor::<1>::from_data(numbers.as_slice(), options).reshape(shape)
    };
    (part(f64::cos), part(f64::sin))
}
