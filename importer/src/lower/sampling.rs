//! Images whose pixels are weighted sums of others: areas, kernels, and crops of boxes.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Unary, Value};
use std::f64::consts::PI;

pub const OPS: &[Lowering] = &[
    op("ResizeArea", resize_area),
    op("ScaleAndTranslate", scale_and_translate),
    op("CropAndResize", crop_and_resize),
];

impl Cx<'_> {
    /// An extent as a number of single precision.
    fn float_extent(&mut self, dim: &Dim) -> Result<Value> {
        if let Some(known) = dim.as_known() {
            return self.scalar(DType::F32, known as f64);
        }
        let extent = self.extents(vec![dim.clone()], true, DType::I32)?;
        self.cast(extent, DType::F32)
    }

    /// `0, 1, …` in single precision, as a row or a column.
    fn places(&mut self, length: &Dim, is_column: bool) -> Result<Value> {
        let places = self.iota(length.clone(), DType::F32)?;
        match is_column {
            true => self.expand(places, 1),
            false => Ok(places),
        }
    }

    /// The four extents of images.
    fn image_dims(&self, x: Value) -> Result<[Dim; 4]> {
        let dims = self.shape(x)?;
        <[Dim; 4]>::try_from(dims).map_err(|_| Error::malformed("images have four axes"))
    }

    /// Height and width in operand `i`.
    fn size(&mut self, i: usize) -> Result<[Dim; 2]> {
        <[Dim; 2]>::try_from(self.dims(i)?)
            .map_err(|_| Error::malformed("the size has to be height and width"))
    }
}

/// `rows x columns^T` for each image and channel: a row of either weighs the pixels of one in the result.
fn weighted(cx: &mut Cx<'_>, x: Value, rows: Value, columns: Value) -> Result<Value> {
    let [batch, height, width, channels] = cx.image_dims(x)?;
    let (out_height, out_width) = (cx.shape(rows)?[0].clone(), cx.shape(columns)?[0].clone());
    let times = Op::MatMul {
        transpose_lhs: false,
        transpose_rhs: false,
    };
    let lines = width.clone() * channels.clone();
    let x = cx.reshape(x, vec![batch.clone(), height, lines])?;
    let x = cx.push(times.clone(), &[rows, x])?;
    let all_rows = batch.clone() * out_height.clone();
    let x = cx.reshape(x, vec![all_rows, width, channels.clone()])?;
    let x = cx.push(times, &[columns, x])?;
    cx.reshape(x, vec![batch, out_height, out_width, channels])
}

fn resize_area(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let x = cx.cast(x, DType::F32)?;
    let [_, height, width, _] = cx.image_dims(x)?;
    let [out_height, out_width] = cx.size(1)?;
    let rows = areas(cx, &height, &out_height)?;
    let columns = areas(cx, &width, &out_width)?;
    weighted(cx, x, rows, columns)
}

/// `[count, extent]`: how much of each pixel one in the result covers, as parts of one. Beyond the last pixel it goes on.
fn areas(cx: &mut Cx<'_>, extent: &Dim, count: &Dim) -> Result<Value> {
    let (from, to) = (cx.float_extent(extent)?, cx.float_extent(count)?);
    let corners: bool = cx.attr("align_corners")?;
    let scale = match corners && !count.is(1) {
        true => {
            let from = cx.combine_scalar(Binary::Sub, from, 1.0)?;
            let to = cx.combine_scalar(Binary::Sub, to, 1.0)?;
            cx.combine(Binary::Div, from, to)?
        }
        false => cx.combine(Binary::Div, from, to)?,
    };
    let out = cx.places(count, true)?;
    let start = cx.combine(Binary::Mul, out, scale)?;
    let next = cx.combine_scalar(Binary::Add, out, 1.0)?;
    let end = cx.combine(Binary::Mul, next, scale)?;
    let low = cx.places(extent, false)?;
    let mut high = cx.combine_scalar(Binary::Add, low, 1.0)?;
    if corners {
        let is_last = cx.test(Comparison::Equal, high, from)?;
        let endless = cx.scalar(DType::F32, f64::from(f32::MAX))?;
        high = cx.select(is_last, endless, high)?;
    }
    let upper = cx.combine(Binary::Minimum, high, end)?;
    let lower = cx.combine(Binary::Maximum, low, start)?;
    let covered = cx.combine(Binary::Sub, upper, lower)?;
    let covered = cx.combine_scalar(Binary::Maximum, covered, 0.0)?;
    let sum = cx.reduce(Reduction::Sum, covered, vec![1], true)?;
    cx.combine(Binary::Div, covered, sum)
}

fn scale_and_translate(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let x = cx.cast(x, DType::F32)?;
    let [_, height, width, _] = cx.image_dims(x)?;
    let [out_height, out_width] = cx.size(1)?;
    let rows = spans(cx, 0, &height, &out_height)?;
    let columns = spans(cx, 1, &width, &out_width)?;
    weighted(cx, x, rows, columns)
}

/// `[count, extent]`: the weight that each pixel has for one in the result, of which operands 2 and 3 have scale and
/// translation in entry `entry`.
fn spans(cx: &mut Cx<'_>, entry: usize, extent: &Dim, count: &Dim) -> Result<Value> {
    let number = |cx: &mut Cx<'_>, operand: usize| {
        let list = cx.input(operand)?;
        cx.narrow(list, 0, Dim::from(entry), Dim::known(1))
    };
    let (scale, shift) = (number(cx, 2)?, number(cx, 3)?);
    let inverse = cx.apply(Unary::Reciprocal, scale)?;
    let out = cx.places(count, true)?;
    let centre = cx.combine_scalar(Binary::Add, out, 0.5)?;
    let scaled = cx.combine(Binary::Mul, centre, inverse)?;
    let shift = cx.combine(Binary::Mul, inverse, shift)?;
    let sample = cx.combine(Binary::Sub, scaled, shift)?;
    let pixel = cx.places(extent, false)?;
    let pixel = cx.combine_scalar(Binary::Add, pixel, 0.5)?;
    let mut distance = cx.combine(Binary::Sub, pixel, sample)?;
    if cx.attr("antialias")? {
        let wide = cx.combine_scalar(Binary::Maximum, inverse, 1.0)?;
        let narrow = cx.apply(Unary::Reciprocal, wide)?;
        distance = cx.combine(Binary::Mul, distance, narrow)?;
    }
    let distance = cx.apply(Unary::Abs, distance)?;
    let weights = Kernel::of(&cx.attr::<String>("kernel_type")?)?.weights(cx, distance)?;
    let sum = cx.reduce(Reduction::Sum, weights, vec![1], true)?;
    let weights = cx.combine(Binary::DivNoNan, weights, sum)?;
    let end = cx.float_extent(extent)?;
    let zero = cx.scalar(DType::F32, 0.0)?;
    let from = cx.test(Comparison::GreaterEqual, sample, zero)?;
    let to = cx.test(Comparison::LessEqual, sample, end)?;
    let inside = cx.combine(Binary::LogicalAnd, from, to)?;
    cx.select(inside, weights, zero)
}

/// How the weight of a pixel falls with its distance.
#[derive(Clone, Copy)]
enum Kernel {
    Lanczos(f64),
    Gaussian,
    Box,
    Triangle,
    /// Polynomials of the distance up to 1 and up to 2, from the highest power.
    Cubic([f64; 4], [f64; 4]),
}

impl Kernel {
    fn of(name: &str) -> Result<Self> {
        Ok(match name {
            "lanczos1" => Kernel::Lanczos(1.0),
            "lanczos3" => Kernel::Lanczos(3.0),
            "lanczos5" => Kernel::Lanczos(5.0),
            "gaussian" => Kernel::Gaussian,
            "box" => Kernel::Box,
            "triangle" => Kernel::Triangle,
            "keyscubic" => Kernel::Cubic([1.5, -2.5, 0.0, 1.0], [-0.5, 2.5, -4.0, 2.0]),
            "mitchellcubic" => Kernel::Cubic(
                [7.0 / 6.0, -2.0, 0.0, 8.0 / 9.0],
                [-7.0 / 18.0, 2.0, -10.0 / 3.0, 16.0 / 9.0],
            ),
            other => return Err(Error::unsupported(format!("the kernel `{other}`"))),
        })
    }

    fn weights(self, cx: &mut Cx<'_>, x: Value) -> Result<Value> {
        match self {
            Kernel::Lanczos(radius) => {
                let (near, far) = (scaled_sine(cx, x, 1.0)?, scaled_sine(cx, x, radius)?);
                let wave = cx.combine(Binary::Mul, near, far)?;
                within(cx, x, radius, wave)
            }
            Kernel::Gaussian => {
                let square = cx.apply(Unary::Square, x)?;
                let exponent = cx.combine_scalar(Binary::Mul, square, -2.0)?;
                let bell = cx.apply(Unary::Exp, exponent)?;
                within(cx, x, 1.5, bell)
            }
            Kernel::Box => {
                let half = cx.scalar(DType::F32, 0.5)?;
                let (one, zero) = (cx.scalar(DType::F32, 1.0)?, cx.scalar(DType::F32, 0.0)?);
                let inside = cx.test(Comparison::Less, x, half)?;
                let at_edge = cx.test(Comparison::Equal, x, half)?;
                let outer = cx.select(at_edge, half, zero)?;
                cx.select(inside, one, outer)
            }
            Kernel::Triangle => {
                let one = cx.scalar(DType::F32, 1.0)?;
                let rest = cx.combine(Binary::Sub, one, x)?;
                cx.combine_scalar(Binary::Maximum, rest, 0.0)
            }
            Kernel::Cubic(near, far) => {
                let (near, far) = (polynomial(cx, x, near)?, polynomial(cx, x, far)?);
                let far = within(cx, x, 2.0, far)?;
                let one = cx.scalar(DType::F32, 1.0)?;
                let is_near = cx.test(Comparison::Less, x, one)?;
                cx.select(is_near, near, far)
            }
        }
    }
}

/// `values` where the distance is less than `radius`, else zero.
fn within(cx: &mut Cx<'_>, x: Value, radius: f64, values: Value) -> Result<Value> {
    let (radius, zero) = (cx.scalar(DType::F32, radius)?, cx.scalar(DType::F32, 0.0)?);
    let is_inside = cx.test(Comparison::Less, x, radius)?;
    cx.select(is_inside, values, zero)
}

/// `sin(πx/r) / (πx/r)`, which is one at zero.
fn scaled_sine(cx: &mut Cx<'_>, x: Value, radius: f64) -> Result<Value> {
    let angle = cx.combine_scalar(Binary::Mul, x, PI / radius)?;
    let angle = cx.combine_scalar(Binary::Maximum, angle, 1e-4)?;
    let sine = cx.apply(Unary::Sin, angle)?;
    cx.combine(Binary::Div, sine, angle)
}

fn polynomial(cx: &mut Cx<'_>, x: Value, coefficients: [f64; 4]) -> Result<Value> {
    let mut sum = cx.combine_scalar(Binary::Mul, x, coefficients[0])?;
    for coefficient in &coefficients[1..3] {
        sum = cx.combine_scalar(Binary::Add, sum, *coefficient)?;
        sum = cx.combine(Binary::Mul, sum, x)?;
    }
    cx.combine_scalar(Binary::Add, sum, coefficients[3])
}

/// Where the rows or columns of crops are in their images.
struct Samples {
    /// `[boxes, count]`, in pixels.
    at: Value,
    /// Which of them are inside.
    inside: Value,
    extent: Dim,
}

impl Samples {
    /// Of the edges `[boxes, 1]`; a single sample is in the middle.
    fn of(cx: &mut Cx<'_>, low: Value, high: Value, extent: &Dim, count: &Dim) -> Result<Self> {
        let last = cx.float_extent(&(extent.clone() - Dim::known(1)))?;
        let at = match count.is(1) {
            true => {
                let sum = cx.combine(Binary::Add, low, high)?;
                let middle = cx.combine_scalar(Binary::Mul, sum, 0.5)?;
                cx.combine(Binary::Mul, middle, last)?
            }
            false => {
                let steps = cx.float_extent(&(count.clone() - Dim::known(1)))?;
                let reach = cx.combine(Binary::Sub, high, low)?;
                let reach = cx.combine(Binary::Mul, reach, last)?;
                let step = cx.combine(Binary::Div, reach, steps)?;
                let places = cx.places(count, false)?;
                let offset = cx.combine(Binary::Mul, places, step)?;
                let start = cx.combine(Binary::Mul, low, last)?;
                cx.combine(Binary::Add, start, offset)?
            }
        };
        let zero = cx.scalar(DType::F32, 0.0)?;
        let (from, to) = (
            cx.test(Comparison::GreaterEqual, at, zero)?,
            cx.test(Comparison::LessEqual, at, last)?,
        );
        Ok(Samples {
            at,
            inside: cx.combine(Binary::LogicalAnd, from, to)?,
            extent: extent.clone(),
        })
    }

    /// The samples rounded to pixels, held within the image.
    fn pixels(
        &self,
        cx: &mut Cx<'_>,
        round: fn(&mut Cx<'_>, Value) -> Result<Value>,
    ) -> Result<Value> {
        let rounded = round(cx, self.at)?;
        let pixels = cx.cast(rounded, DType::I32)?;
        let pixels = cx.combine_scalar(Binary::Maximum, pixels, 0.0)?;
        let last = self.extent.clone() - Dim::known(1);
        let last = cx.extents(vec![last], true, DType::I32)?;
        cx.combine(Binary::Minimum, pixels, last)
    }

    /// How far the samples are beyond the pixels before them.
    fn fraction(&self, cx: &mut Cx<'_>) -> Result<Value> {
        let floor = cx.apply(Unary::Floor, self.at)?;
        cx.combine(Binary::Sub, self.at, floor)
    }
}

fn floor(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    cx.apply(Unary::Floor, x)
}

fn ceil(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    cx.apply(Unary::Ceil, x)
}

/// Halves away from zero: samples are not negative where it counts.
fn nearest(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let x = cx.combine_scalar(Binary::Add, x, 0.5)?;
    cx.apply(Unary::Floor, x)
}

/// Operands: images, boxes `[n, 4]` in parts of one, the image of each, and the size of all crops.
fn crop_and_resize(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, boxes, owners) = (cx.input(0)?, cx.input(1)?, cx.input(2)?);
    let dims = cx.image_dims(x)?;
    let [out_height, out_width] = cx.size(3)?;
    let mut edge = |i: i64| cx.narrow(boxes, 1, Dim::known(i), Dim::known(1));
    let [top, left, bottom, right] = [edge(0)?, edge(1)?, edge(2)?, edge(3)?];
    let rows = Samples::of(cx, top, bottom, &dims[1], &out_height)?;
    let columns = Samples::of(cx, left, right, &dims[2], &out_width)?;
    let crops = Crops { x, dims, owners };
    let pixels = match cx.attr::<String>("method")?.as_str() {
        "nearest" => {
            let (row, column) = (rows.pixels(cx, nearest)?, columns.pixels(cx, nearest)?);
            crops.gather(cx, row, column)?
        }
        _ => crops.between(cx, &rows, &columns)?,
    };
    let inside = cx.expand(rows.inside, 2)?;
    let across = cx.expand(columns.inside, 1)?;
    let inside = cx.combine(Binary::LogicalAnd, inside, across)?;
    let inside = cx.expand(inside, 3)?;
    let outside = cx.attr("extrapolation_value")?;
    let outside = cx.scalar(DType::F32, outside)?;
    cx.select(inside, pixels, outside)
}

struct Crops {
    x: Value,
    dims: [Dim; 4],
    owners: Value,
}

impl Crops {
    /// The pixels at rows `[boxes, height]` and columns `[boxes, width]`, as `[boxes, height, width, channels]`.
    fn gather(&self, cx: &mut Cx<'_>, rows: Value, columns: Value) -> Result<Value> {
        let [batch, height, width, channels] = self.dims.clone();
        let owners = cx.cast(self.owners, DType::I32)?;
        let owners = cx.expand(owners, 1)?;
        let height = cx.extents(vec![height], true, DType::I32)?;
        let across = cx.extents(vec![width.clone()], true, DType::I32)?;
        let start = cx.combine(Binary::Mul, owners, height)?;
        let row = cx.combine(Binary::Add, start, rows)?;
        let row = cx.combine(Binary::Mul, row, across)?;
        let (row, column) = (cx.expand(row, 2)?, cx.expand(columns, 1)?);
        let places = cx.combine(Binary::Add, row, column)?;
        let all = batch * self.dims[1].clone() * width;
        let flat = cx.reshape(self.x, vec![all, channels])?;
        let gather = Op::Gather {
            axis: 0,
            batch_dims: 0,
        };
        let pixels = cx.push(gather, &[flat, places])?;
        cx.cast(pixels, DType::F32)
    }

    fn between(&self, cx: &mut Cx<'_>, rows: &Samples, columns: &Samples) -> Result<Value> {
        let (top, bottom) = (rows.pixels(cx, floor)?, rows.pixels(cx, ceil)?);
        let (left, right) = (columns.pixels(cx, floor)?, columns.pixels(cx, ceil)?);
        let down = rows.fraction(cx)?;
        let down = cx.expand(down, 2)?;
        let down = cx.expand(down, 3)?;
        let across = columns.fraction(cx)?;
        let across = cx.expand(across, 1)?;
        let across = cx.expand(across, 3)?;
        let mut line = |row: Value| -> Result<Value> {
            let (a, b) = (self.gather(cx, row, left)?, self.gather(cx, row, right)?);
            mixed(cx, a, b, across)
        };
        let (above, below) = (line(top)?, line(bottom)?);
        mixed(cx, above, below, down)
    }
}

/// `a + (b - a) * part`.
fn mixed(cx: &mut Cx<'_>, a: Value, b: Value, part: Value) -> Result<Value> {
    let difference = cx.combine(Binary::Sub, b, a)?;
    let scaled = cx.combine(Binary::Mul, difference, part)?;
    cx.combine(Binary::Add, a, scaled)
}
