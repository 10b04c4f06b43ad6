//! Sliding windows by candle's own operations: for the devices and dtypes that have no kernel here. Spatial axes are
//! `1..=windows.len()`, and channels are last.

use super::conv_kernel::ConvShape;
use super::padding::Window;
use candle_core::{D, Result, Tensor, bail};

/// `conv(x, weight) + bias` in NHWC.
pub fn conv2d(s: &ConvShape, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let even = s.rows.stride == s.cols.stride && s.rows.dilation == s.cols.dilation;
    let y = if even && s.groups < 4 {
        conv2d_native(s, x, weight)?
    } else {
        conv(&[s.rows, s.cols], s.groups, x, weight)?
    };
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

/// By candle's convolution, which works in NCHW.
fn conv2d_native(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let x = with_margins(&with_margins(x, 1, &s.rows, 0.0)?, 2, &s.cols, 0.0)?;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let weight = weight.permute((3, 2, 0, 1))?.contiguous()?;
    let y = x.conv2d(&weight, 0, s.rows.stride, s.rows.dilation, s.groups)?;
    y.permute((0, 2, 3, 1))?.contiguous()
}

/// As a sum over the kernel's places of matrix products: weight `[…, input / groups, output]`.
pub fn conv(windows: &[Window], groups: usize, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (depth, output) = (weight.dim(D::Minus2)?, weight.dim(D::Minus1)?);
    let weight = weight
        .reshape(((), depth, groups, output / groups))?
        .permute((0, 2, 1, 3))?
        .contiguous()?;
    let mut total: Option<Tensor> = None;
    for (tap, x) in taps(windows, x, 0.0)?.iter().enumerate() {
        let rows = x
            .reshape(((), groups, depth))?
            .transpose(0, 1)?
            .contiguous()?;
        let term = rows.matmul(&weight.get(tap)?)?;
        total = Some(match total {
            Some(total) => (total + term)?,
            None => term,
        });
    }
    let Some(total) = total else {
        bail!("a convolution's kernel is empty")
    };
    let mut dims: Vec<usize> = x.dims().to_vec();
    dims.iter_mut()
        .skip(1)
        .zip(windows)
        .for_each(|(dim, window)| *dim = window.output);
    dims[windows.len() + 1] = output;
    total.transpose(0, 1)?.reshape(dims)
}

/// A depthwise convolution: weight `[…, channels, multiplier]`.
pub fn depthwise(windows: &[Window], x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (channels, multiplier) = (weight.dim(D::Minus2)?, weight.dim(D::Minus1)?);
    let weight = weight.reshape(((), channels, multiplier))?;
    let mut total: Option<Tensor> = None;
    for (tap, x) in taps(windows, x, 0.0)?.iter().enumerate() {
        let term = x.unsqueeze(D::Minus1)?.broadcast_mul(&weight.get(tap)?)?;
        total = Some(match total {
            Some(total) => (total + term)?,
            None => term,
        });
    }
    let Some(total) = total else {
        bail!("a convolution's kernel is empty")
    };
    total.flatten_from(windows.len() + 1)
}

/// What each place of the kernel, in row-major order, reads for all output places; padding reads `fill`.
pub fn taps(windows: &[Window], x: &Tensor, fill: f64) -> Result<Vec<Tensor>> {
    let mut parts = vec![x.clone()];
    for (i, window) in windows.iter().enumerate() {
        let mut next = Vec::with_capacity(parts.len() * window.size);
        for part in parts {
            let part = with_margins(&part, i + 1, window, fill)?;
            for tap in 0..window.size {
                next.push(every_nth(
                    &part,
                    i + 1,
                    tap * window.dilation,
                    window.stride,
                    window.output,
                )?);
            }
        }
        parts = next;
    }
    Ok(parts)
}

/// `count` places of an axis: `start`, `start + step` and so on.
fn every_nth(x: &Tensor, axis: usize, start: usize, step: usize, count: usize) -> Result<Tensor> {
    if step == 1 || count < 2 {
        return x.narrow(axis, start, count);
    }
    let x = x
        .narrow(axis, start, (count - 1) * step + 1)?
        .pad_with_zeros(axis, 0, step - 1)?;
    let mut dims = x.dims().to_vec();
    dims.splice(axis..=axis, [count, step]);
    x.reshape(dims)?.narrow(axis + 1, 0, 1)?.squeeze(axis + 1)
}

/// `x` with the window's padding, cut to exactly what the windows read.
pub fn with_margins(x: &Tensor, axis: usize, window: &Window, fill: f64) -> Result<Tensor> {
    let (before, after) = window.margins();
    let x = if after < 0 {
        x.narrow(axis, 0, window.input - after.unsigned_abs())?
    } else {
        x.clone()
    };
    let after = usize::try_from(after).unwrap_or(0);
    if fill == 0.0 {
        return x.pad_with_zeros(axis, before, after);
    }
    let side = |places: usize| {
        let mut dims = x.dims().to_vec();
        dims[axis] = places;
        Tensor::full(fill, dims, x.device())?.to_dtype(x.dtype())
    };
    match (before, after) {
        (0, 0) => Ok(x),
        _ => Tensor::cat(&[&side(before)?, &x, &side(after)?], axis),
    }
}

/// The transposed convolution of `x`: the windows' outputs are the places of `x`, their inputs those of the result.
pub fn conv_transpose2d(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    if s.rows.stride != s.cols.stride || s.rows.dilation != s.cols.dilation || s.groups != 1 {
        bail!(
            "a transposed convolution with different strides or dilations for height and width needs f32 on the CPU"
        );
    }
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let weight = weight.permute((3, 2, 0, 1))?.contiguous()?;
    let y = x
        .conv_transpose2d(&weight, 0, 0, s.rows.stride, s.rows.dilation)?
        .permute((0, 2, 3, 1))?;
    without_margins(&without_margins(&y, 1, &s.rows)?, 2, &s.cols)?.contiguous()
}

/// The inverse of `with_margins`: the padding cut off, and zeros where no window read.
fn without_margins(y: &Tensor, axis: usize, window: &Window) -> Result<Tensor> {
    let places = (y.dim(axis)? - window.before).min(window.input);
    y.narrow(axis, window.before, places)?
        .pad_with_zeros(axis, 0, window.input - places)
}
