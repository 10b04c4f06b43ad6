//! Projections of images.

use super::super::cx::{Cx, count};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[
    one("ImageProjectiveTransformV2", project),
    one("ImageProjectiveTransformV3", project),
];

/// `[batch, height, width, channels]`.
struct Images {
    shape: [usize; 4],
    numbers: Vec<f64>,
}

impl Images {
    fn of(tensor: &Tensor) -> Result<Images> {
        let shape = <[usize; 4]>::try_from(tensor.shape());
        Ok(Images {
            shape: shape.map_err(|_| Error::usage("images have four axes"))?,
            numbers: tensor.to_floats()?,
        })
    }

    fn at(&self, batch: usize, y: usize, x: usize, channel: usize) -> f64 {
        let [_, height, width, channels] = self.shape;
        let place = ((batch * height + y) * width + x) * channels + channel;
        self.numbers.get(place).copied().unwrap_or(0.0)
    }
}

/// Operands: images, eight numbers of a projection for each (or one for all), the size, and in V3 the value outside.
fn project(cx: &mut Cx<'_>) -> Result<Tensor> {
    let tensor = cx.tensor(0)?;
    let images = Images::of(&tensor)?;
    let (transforms, size) = (cx.floats(1)?, cx.extents(2)?);
    let outside = match cx.inputs.len() {
        4 => cx.float(3)?,
        _ => 0.0,
    };
    let (method, fill): (String, String) = (cx.attr("interpolation")?, cx.attr("fill_mode")?);
    let &[out_height, out_width] = size.as_slice() else {
        return Err(Error::usage("a size is height and width"));
    };
    let [batch, _, _, channels] = images.shape;
    let shape = [batch, out_height, out_width, channels];
    let mut numbers = Vec::with_capacity(count(&shape)?);
    let sampler = Sampler {
        images: &images,
        fill: &fill,
        outside,
        is_nearest: method == "NEAREST",
    };
    for image in 0..batch {
        let start = if transforms.len() == 8 { 0 } else { image * 8 };
        let transform = transforms.get(start..start + 8);
        let &[a, b, c, d, e, f, g, h] = transform.unwrap_or_default() else {
            return Err(Error::usage("a projection is eight numbers"));
        };
        for y in 0..out_height {
            for x in 0..out_width {
                let (x, y) = (x as f64, y as f64);
                let scale = g * x + h * y + 1.0;
                let at = [(d * x + e * y + f) / scale, (a * x + b * y + c) / scale];
                for channel in 0..channels {
                    numbers.push(match scale == 0.0 {
                        true => outside,
                        false => sampler.at(image, at, channel),
                    });
                }
            }
        }
    }
    Tensor::from_floats(tensor.dtype(), &shape, numbers)
}

struct Sampler<'a> {
    images: &'a Images,
    fill: &'a str,
    outside: f64,
    is_nearest: bool,
}

impl Sampler<'_> {
    fn at(&self, image: usize, [y, x]: [f64; 2], channel: usize) -> f64 {
        let [_, height, width, _] = self.images.shape;
        let (y, x) = (self.mapped(y, height), self.mapped(x, width));
        let pixel = |y: f64, x: f64| {
            let inside = |at: f64, extent: usize| at >= 0.0 && at < extent as f64;
            match inside(y, height) && inside(x, width) {
                true => self.images.at(image, y as usize, x as usize, channel),
                false => self.outside,
            }
        };
        if self.is_nearest {
            return pixel(round_even(y), round_even(x));
        }
        let (top, left) = (y.floor(), x.floor());
        let row = |y: f64| (left + 1.0 - x) * pixel(y, left) + (x - left) * pixel(y, left + 1.0);
        (top + 1.0 - y) * row(top) + (y - top) * row(top + 1.0)
    }

    /// A coordinate outside of the image, by the fill mode.
    fn mapped(&self, at: f64, extent: usize) -> f64 {
        let n = extent as f64;
        match self.fill {
            "REFLECT" if extent == 1 => 0.0,
            "REFLECT" => {
                let at = if at < 0.0 { -at - 1.0 } else { at };
                let at = at.rem_euclid(2.0 * n);
                (if at >= n { 2.0 * n - at - 1.0 } else { at })
                    .min(n - 1.0)
                    .max(0.0)
            }
            "WRAP" if extent <= 1 => 0.0,
            "WRAP" => {
                let turns = |at: f64| (at / (n - 1.0)).trunc();
                let at = match at {
                    at if at < 0.0 => at + n * (turns(-at) + 1.0),
                    at if at > n - 1.0 => at - n * turns(at),
                    at => at,
                };
                at.min(n - 1.0).max(0.0)
            }
            "NEAREST" => at.min(n - 1.0).max(0.0),
            _ => at,
        }
    }
}

fn round_even(x: f64) -> f64 {
    x.round_ties_even()
}
