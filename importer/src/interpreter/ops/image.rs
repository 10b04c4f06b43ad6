//! Colours, crops and projections of images.

use super::super::cx::{Cx, count};
use super::{Row, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;

pub(super) const OPS: &[Row] = &[
    one("RGBToHSV", |cx| pixels(cx, to_hsv)),
    one("HSVToRGB", |cx| pixels(cx, to_rgb)),
    one("AdjustHue", |cx| {
        let delta = cx.float(1)?;
        pixels(cx, |pixel| {
            let [hue, saturation, value] = to_hsv(pixel);
            to_rgb([(hue + delta).rem_euclid(1.0), saturation, value])
        })
    }),
    one("AdjustSaturation", |cx| {
        let scale = cx.float(1)?;
        pixels(cx, |pixel| {
            let [hue, saturation, value] = to_hsv(pixel);
            to_rgb([hue, (saturation * scale).clamp(0.0, 1.0), value])
        })
    }),
    one("CropAndResize", crop_and_resize),
    one("ResizeArea", resize_area),
    one("ImageProjectiveTransformV2", project),
    one("ImageProjectiveTransformV3", project),
];

/// Each pixel's three channels changed.
fn pixels(cx: &mut Cx<'_>, change: impl Fn([f64; 3]) -> [f64; 3]) -> Result<Tensor> {
    let x = cx.tensor(0)?;
    if x.shape().last() != Some(&3) {
        return Err(Error::usage("three channels are needed"));
    }
    let numbers = x.to_floats()?;
    let changed = numbers
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|&pixel| change(pixel));
    Tensor::from_floats(x.dtype(), x.shape(), changed.collect())
}

fn to_hsv([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let saturation = if value > 0.0 { range / value } else { 0.0 };
    if range <= 0.0 {
        return [0.0, saturation, value];
    }
    let hue = if red == value {
        (green - blue) / range
    } else if green == value {
        2.0 + (blue - red) / range
    } else {
        4.0 + (red - green) / range
    };
    [(hue / 6.0).rem_euclid(1.0), saturation, value]
}

fn to_rgb([hue, saturation, value]: [f64; 3]) -> [f64; 3] {
    let chroma = saturation * value;
    let sixth = hue * 6.0;
    let channel = |low: f64| (low).clamp(0.0, 1.0);
    let red = channel((sixth - 3.0).abs() - 1.0);
    let green = channel(2.0 - (sixth - 2.0).abs());
    let blue = channel(2.0 - (sixth - 4.0).abs());
    [red, green, blue].map(|part| (part - 1.0) * chroma + value)
}

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

/// Two neighbours and the weight of the second.
fn neighbours(at: f64) -> (usize, usize, f64) {
    (at.floor() as usize, at.ceil() as usize, at - at.floor())
}

/// Operands: images, boxes `[y1, x1, y2, x2]` in relative coordinates, the image of each box, the size.
fn crop_and_resize(cx: &mut Cx<'_>) -> Result<Tensor> {
    let images = Images::of(&*cx.tensor(0)?)?;
    let (boxes, which, size) = (cx.floats(1)?, cx.integers(2)?, cx.extents(3)?);
    let method: String = cx.attr("method")?;
    let outside: f64 = cx.attr("extrapolation_value")?;
    let &[out_height, out_width] = size.as_slice() else {
        return Err(Error::usage("a crop has height and width"));
    };
    let [batch, height, width, channels] = images.shape;
    let shape = [which.len(), out_height, out_width, channels];
    let mut crops = Vec::with_capacity(count(&shape)?);
    for (bounds, &image) in boxes.chunks(4).zip(&which) {
        let image = super::numbers::index(image, batch)?;
        let &[y1, x1, y2, x2] = bounds else {
            return Err(Error::usage("a box is four numbers"));
        };
        let ys = samples(y1, y2, height, out_height);
        let xs = samples(x1, x2, width, out_width);
        for &y in &ys {
            for &x in &xs {
                let inside = |at: f64, extent: usize| at >= 0.0 && at <= extent as f64 - 1.0;
                let is_inside = inside(y, height) && inside(x, width);
                for channel in 0..channels {
                    crops.push(match (is_inside, method.as_str()) {
                        (false, _) => outside,
                        (true, "nearest") => {
                            images.at(image, y.round() as usize, x.round() as usize, channel)
                        }
                        (true, _) => bilinear(&images, image, [y, x], channel),
                    });
                }
            }
        }
    }
    Tensor::from_floats(DType::F32, &shape, crops)
}

/// Where the rows or columns of a crop are in the image; one alone is at the middle.
fn samples(low: f64, high: f64, extent: usize, count: usize) -> Vec<f64> {
    let (low, high) = (low as f32, high as f32);
    let last = extent as f32 - 1.0;
    let at = |i: usize| match count {
        0 | 1 => 0.5 * (low + high) * last,
        count => low * last + i as f32 * ((high - low) * last / (count as f32 - 1.0)),
    };
    (0..count).map(|i| f64::from(at(i))).collect()
}

fn bilinear(images: &Images, batch: usize, [y, x]: [f64; 2], channel: usize) -> f64 {
    let ((top, bottom, down), (left, right, across)) = (neighbours(y), neighbours(x));
    let row = |y: usize| {
        let (left, right) = (
            images.at(batch, y, left, channel),
            images.at(batch, y, right, channel),
        );
        left + (right - left) * across
    };
    row(top) + (row(bottom) - row(top)) * down
}

/// Averages over areas: each output pixel takes what it covers.
fn resize_area(cx: &mut Cx<'_>) -> Result<Tensor> {
    let images = Images::of(&*cx.tensor(0)?)?;
    let size = cx.extents(1)?;
    let corners: bool = cx.attr("align_corners")?;
    let &[out_height, out_width] = size.as_slice() else {
        return Err(Error::usage("a size is height and width"));
    };
    let [batch, height, width, channels] = images.shape;
    let shape = [batch, out_height, out_width, channels];
    count(&shape)?;
    let (rows, columns) = (
        covers(height, out_height, corners),
        covers(width, out_width, corners),
    );
    let mut numbers = vec![];
    for image in 0..batch {
        for row in &rows {
            for column in &columns {
                for channel in 0..channels {
                    let (mut sum, mut area) = (0.0, 0.0);
                    for &(y, high) in row {
                        for &(x, wide) in column {
                            sum += images.at(image, y, x, channel) * high * wide;
                            area += high * wide;
                        }
                    }
                    numbers.push(sum / area);
                }
            }
        }
    }
    Tensor::from_floats(DType::F32, &shape, numbers)
}

/// For each output pixel the input pixels and how much of each it covers.
fn covers(extent: usize, count: usize, corners: bool) -> Vec<Vec<(usize, f64)>> {
    let scale = match corners && count > 1 {
        true => (extent as f64 - 1.0) / (count as f64 - 1.0),
        false => extent as f64 / count as f64,
    };
    let cover = |i: usize| {
        let (start, end) = (i as f64 * scale, (i + 1) as f64 * scale);
        let pixels = start.floor() as usize..end.ceil() as usize;
        let part = |at: usize| ((at + 1) as f64).min(end) - (at as f64).max(start);
        pixels
            .map(|at| (at.min(extent.saturating_sub(1)), part(at)))
            .collect()
    };
    (0..count).map(cover).collect()
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
