//! Ops over windows of an image that see each element of the window on its own.

use super::attr::WindowPadding;
use super::cx::{Cx, Lowered};
use super::strided::not_negative;
use super::{Lowering, multi, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, DType, Dim, Extreme, Op, Reduction, SliceAxis, Value};

pub const OPS: &[Lowering] = &[
    op("ExtractImagePatches", extract_patches),
    op("Dilation2D", dilation),
    multi("MaxPoolWithArgmax", max_pool_with_argmax),
];

/// More elements than this are no window.
const SIZE_LIMIT: usize = 1 << 12;

/// The windows of a node, height and width each.
struct Windows {
    sizes: [usize; 2],
    strides: [usize; 2],
    rates: [usize; 2],
    /// How many windows there are.
    counts: Vec<Dim>,
    /// The padding before the first window.
    before: Vec<Dim>,
}

impl Cx<'_> {
    /// Height and width of a list attribute with an entry per axis of the image.
    fn height_width(&self, attr: &str) -> Result<[usize; 2]> {
        let all: Vec<usize> = self.attr(attr)?;
        match all.as_slice() {
            &[1, height, width, 1] if height > 0 && width > 0 => Ok([height, width]),
            _ => Err(Error::unsupported(format!("attribute `{attr}` is {all:?}"))),
        }
    }

    /// For each element of the window the image that it makes over all windows, with `outside` around the image.
    fn windows(
        &mut self,
        x: Value,
        sizes: [usize; 2],
        strides: [usize; 2],
        rates: [usize; 2],
        outside: f64,
    ) -> Result<(Windows, Vec<Value>)> {
        let dims = self.shape(x)?;
        if dims.len() != 4 || sizes[0].saturating_mul(sizes[1]) > SIZE_LIMIT {
            return Err(Error::unsupported(format!(
                "windows of {sizes:?} in {} axes",
                dims.len()
            )));
        }
        let same = self.attr::<WindowPadding>("padding")? == WindowPadding::Same;
        let mut windows = Windows {
            sizes,
            strides,
            rates,
            counts: vec![],
            before: vec![],
        };
        let mut widths = vec![(Dim::known(0), Dim::known(0)); 4];
        for i in 0..2 {
            let (count, before, after) = windows.count(i, &dims[i + 1], same)?;
            windows.counts.push(count);
            windows.before.push(before.clone());
            widths[i + 1] = (before, after);
        }
        let outside = self.scalar_like(x, outside)?;
        let padded = self.pad(x, widths, outside)?;
        let whole = super::emit::whole_axes(&self.shape(padded)?);
        let mut images = Vec::with_capacity(sizes[0] * sizes[1]);
        for place in 0..sizes[0] * sizes[1] {
            let mut axes = whole.clone();
            for (i, offset) in [place / sizes[1], place % sizes[1]].into_iter().enumerate() {
                let start = Dim::from(offset * rates[i]);
                axes[i + 1] = SliceAxis {
                    start,
                    length: windows.counts[i].clone(),
                    step: strides[i],
                };
            }
            images.push(self.slice(padded, axes)?);
        }
        Ok((windows, images))
    }
}

impl Windows {
    /// The number of windows along an axis, and the padding before and after it.
    fn count(&self, i: usize, extent: &Dim, same: bool) -> Result<(Dim, Dim, Dim)> {
        let one = Dim::known(1);
        let reach = Dim::from((self.sizes[i] - 1).saturating_mul(self.rates[i])) + one.clone();
        let stride = Dim::from(self.strides[i]);
        let broken = || Error::malformed("a stride is zero");
        let span = if same {
            extent.clone() - one.clone()
        } else {
            extent.clone() - reach.clone()
        };
        let count = span.div_floor(&stride).ok_or_else(broken)? + one.clone();
        if !same {
            return Ok((count, Dim::known(0), Dim::known(0)));
        }
        let missing = not_negative(&((count.clone() - one) * stride + reach - extent.clone()));
        let before = missing.div_floor(&Dim::known(2)).ok_or_else(broken)?;
        Ok((count, before.clone(), missing - before))
    }
}

/// Every window as one pixel: its elements, row by row, become channels.
fn extract_patches(cx: &mut Cx<'_>) -> Result<Value> {
    let x = cx.input(0)?;
    let (sizes, strides) = (cx.height_width("ksizes")?, cx.height_width("strides")?);
    let rates = cx.height_width("rates")?;
    let (_, images) = cx.windows(x, sizes, strides, rates, 0.0)?;
    cx.concat(&images, 3)
}

/// The largest of element plus filter, over the window.
fn dilation(cx: &mut Cx<'_>) -> Result<Value> {
    let (x, filter) = cx.pair()?;
    let taps: Vec<Option<usize>> = cx.shape(filter)?.iter().map(Dim::as_usize).collect();
    let &[Some(height), Some(width), Some(channels)] = taps.as_slice() else {
        return Err(Error::unsupported("a filter of unknown extents"));
    };
    let (strides, rates) = (cx.height_width("strides")?, cx.height_width("rates")?);
    let lowest = lowest(cx.dtype(x))?;
    let (_, images) = cx.windows(x, [height, width], strides, rates, lowest)?;
    let rows = cx.reshape(filter, [height * width, channels].map(Dim::from).to_vec())?;
    let mut largest: Option<Value> = None;
    for (place, &image) in images.iter().enumerate() {
        let tap = cx.narrow(rows, 0, Dim::from(place), Dim::known(1))?;
        let sum = cx.combine(Binary::Add, image, tap)?;
        largest = Some(match largest {
            Some(largest) => cx.combine(Binary::Maximum, largest, sum)?,
            None => sum,
        });
    }
    largest.ok_or_else(|| Error::malformed("an empty filter"))
}

/// The lowest finite number of a float type.
pub(super) fn lowest(dtype: DType) -> Result<f64> {
    match dtype {
        DType::F16 => Ok(-65504.0),
        DType::BF16 => Ok(-3.3895313892515355e38),
        DType::F32 => Ok(f64::from(f32::MIN)),
        DType::F64 => Ok(f64::MIN),
        other => Err(Error::unsupported(format!("windows of {other:?}"))),
    }
}

/// The largest element of each window, and its place in the flat image (or in the flat batch).
fn max_pool_with_argmax(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let x = cx.input(0)?;
    let (sizes, strides) = (cx.height_width("ksize")?, cx.height_width("strides")?);
    let lowest = lowest(cx.dtype(x))?;
    let (windows, images) = cx.windows(x, sizes, strides, [1, 1], lowest)?;
    let expanded = images
        .iter()
        .map(|&image| cx.expand(image, 4))
        .collect::<Result<Vec<_>>>()?;
    let stacked = cx.concat(&expanded, 4)?;
    let largest = cx.reduce(Reduction::Max, stacked, vec![4], false)?;
    let dtype: DType = cx.attr("Targmax")?;
    let place = cx.push(
        Op::ArgReduce {
            op: Extreme::Max,
            axis: 4,
            dtype,
        },
        &[stacked],
    )?;
    let index = flat_index(cx, x, &windows, place)?;
    Ok(vec![Lowered::Value(largest), Lowered::Value(index)])
}

/// `((batch * height + y) * width + x) * channels + channel` of the element at `place` in each window.
fn flat_index(cx: &mut Cx<'_>, image: Value, windows: &Windows, place: Value) -> Result<Value> {
    let dtype = cx.dtype(place);
    let dims = cx.shape(image)?;
    let width = cx.scalar(dtype, windows.sizes[1] as f64)?;
    let row = cx.combine(Binary::FloorDiv, place, width)?;
    let column = cx.combine(Binary::FloorMod, place, width)?;
    let mut flat: Option<Value> = None;
    if cx.attr("include_batch_in_index")? {
        flat = Some(along(cx, dims[0].clone(), 0, dtype)?);
    }
    for (i, offset) in [row, column].into_iter().enumerate() {
        let start = along(cx, windows.counts[i].clone(), i + 1, dtype)?;
        let start = cx.combine_scalar(Binary::Mul, start, windows.strides[i] as f64)?;
        let before = cx.extents(vec![windows.before[i].clone()], true, dtype)?;
        let start = cx.combine(Binary::Sub, start, before)?;
        let at = cx.combine(Binary::Add, start, offset)?;
        flat = Some(step_into(cx, flat, &dims[i + 1], at)?);
    }
    let channel = along(cx, dims[3].clone(), 3, dtype)?;
    step_into(cx, flat, &dims[3], channel)
}

/// `0..length` along one axis of four.
fn along(cx: &mut Cx<'_>, length: Dim, axis: usize, dtype: DType) -> Result<Value> {
    let numbers = cx.iota(length.clone(), dtype)?;
    let mut dims = vec![Dim::known(1); 4];
    dims[axis] = length;
    cx.reshape(numbers, dims)
}

/// `flat * extent + at`.
fn step_into(cx: &mut Cx<'_>, flat: Option<Value>, extent: &Dim, at: Value) -> Result<Value> {
    let Some(flat) = flat else { return Ok(at) };
    let extent = cx.extents(vec![extent.clone()], true, cx.dtype(at))?;
    let scaled = cx.combine(Binary::Mul, flat, extent)?;
    cx.combine(Binary::Add, scaled, at)
}
