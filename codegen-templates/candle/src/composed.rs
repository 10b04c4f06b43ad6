//! Sliding windows by candle's own operations: for the devices and dtypes that have no kernel here. Spatial axes are
//! `1..=windows.len()`, and channels are last.

use super::conv_kernel::ConvShape;
use super::cpu;
use super::padding::Window;
use candle_core::{D, DType, Result, Tensor, bail};

/// `conv(x, weight) + bias` in NHWC.
pub fn conv2d(s: &ConvShape, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let weight = &weight.to_dtype(x.dtype())?;
    let even = s.rows.stride == s.cols.stride && s.rows.dilation == s.cols.dilation;
    let pointwise = s.rows.size * s.cols.size == 1;
    let y = if even && s.groups < 4 && !pointwise && has_products(x) {
        conv2d_native(s, x, weight)?
    } else {
        conv(&[s.rows, s.cols], s.groups, x, weight)?
    };
    add_bias(&y, bias)
}

/// `y + bias` in the dtype of `y`. The gradient of a bias that is trained is summed in single precision.
pub fn add_bias(y: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        Some(bias) if cpu::is_short(y.dtype()) && bias.track_op() => {
            let single = |t: &Tensor| t.to_dtype(DType::F32);
            single(y)?
                .broadcast_add(&single(bias)?)?
                .to_dtype(y.dtype())
        }
        Some(bias) => y.broadcast_add(&bias.to_dtype(y.dtype())?),
        None => Ok(y.clone()),
    }
}

/// The dtype of sums: single precision for half precision.
fn wide(dtype: DType) -> DType {
    if cpu::is_short(dtype) {
        DType::F32
    } else {
        dtype
    }
}

/// Whether candle has products of a tensor's dtype on its device: of `BF16` it has none on the CPU.
fn has_products(x: &Tensor) -> bool {
    x.dtype() != DType::BF16 || !x.device().is_cpu()
}

/// The product over the last two axes of tensors of one dtype.
pub fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if has_products(a) {
        return a.matmul(b);
    }
    let single = |t: &Tensor| t.to_dtype(DType::F32);
    single(a)?.matmul(&single(b)?)?.to_dtype(a.dtype())
}

/// By candle's convolution, which works in NCHW.
fn conv2d_native(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let x = with_margins(&with_margins(x, 1, &s.rows, 0.0)?, 2, &s.cols, 0.0)?;
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let weight = weight.permute((3, 2, 0, 1))?.contiguous()?;
    let y = x.conv2d(&weight, 0, s.rows.stride, s.rows.dilation, s.groups)?;
    y.permute((0, 2, 3, 1))?.contiguous()
}

/// As one product of matrices, whose rows are what the windows read: weight `[…, input / groups, output]`.
pub fn conv(windows: &[Window], groups: usize, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (depth, output) = (weight.dim(D::Minus2)?, weight.dim(D::Minus1)?);
    // The gradients of the taps are summed in single precision.
    let taps = taps(windows, &x.to_dtype(wide(x.dtype()))?, 0.0)?;
    let weight = weight
        .reshape((taps.len() * depth, groups, output / groups))?
        .transpose(0, 1)?
        .contiguous()?;
    let by_group = |tap: &Tensor| tap.reshape(((), groups, depth));
    let taps = taps.iter().map(by_group).collect::<Result<Vec<_>>>()?;
    let rows = Tensor::cat(&taps, 2)?.to_dtype(x.dtype())?;
    let rows = rows.transpose(0, 1)?.contiguous()?;
    let mut dims: Vec<usize> = x.dims().to_vec();
    dims.iter_mut()
        .skip(1)
        .zip(windows)
        .for_each(|(dim, window)| *dim = window.output);
    dims[windows.len() + 1] = output;
    product(&rows, &weight)?.transpose(0, 1)?.reshape(dims)
}

/// A depthwise convolution: weight `[…, channels, multiplier]`.
pub fn depthwise(windows: &[Window], x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    if cpu::is_short(x.dtype()) {
        let y = depthwise(windows, &x.to_dtype(DType::F32)?, weight)?;
        return y.to_dtype(x.dtype());
    }
    let (channels, multiplier) = (weight.dim(D::Minus2)?, weight.dim(D::Minus1)?);
    let weight = weight
        .to_dtype(x.dtype())?
        .reshape(((), channels, multiplier))?;
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
    let (mut dims, device, dtype) = (x.dims().to_vec(), x.device().clone(), x.dtype());
    let mut side = |places: usize| {
        dims[axis] = places;
        Tensor::full(fill, dims.as_slice(), &device)?.to_dtype(dtype)
    };
    // CUDA has no tensors without elements.
    let x = match before {
        0 => x,
        _ => Tensor::cat(&[&side(before)?, &x], axis)?,
    };
    match after {
        0 => Ok(x),
        _ => Tensor::cat(&[&x, &side(after)?], axis),
    }
}

/// The transposed convolution of `x`: the windows' outputs are the places of `x`, their inputs those of the result.
pub fn conv_transpose2d(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let weight = &weight.to_dtype(x.dtype())?;
    let even = s.rows.stride == s.cols.stride && s.rows.dilation == s.cols.dilation;
    let y = if even && has_products(x) {
        conv_transpose2d_native(s, x, weight)?
    } else {
        spread_products(s, x, weight)?
    };
    without_margins(&without_margins(&y, 1, &s.rows)?, 2, &s.cols)?.contiguous()
}

/// By candle's transposed convolution, which works in NCHW.
fn conv_transpose2d_native(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let x = x.permute((0, 3, 1, 2))?.contiguous()?;
    let weight = weight.permute((3, 2, 0, 1))?.contiguous()?;
    x.conv_transpose2d(&weight, 0, 0, s.rows.stride, s.rows.dilation)?
        .permute((0, 2, 3, 1))
}

/// As a sum over the kernel's places of matrix products, each spread over the places of the result.
fn spread_products(s: &ConvShape, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, height, width, depth) = x.dims4()?;
    let rows = x.reshape(((), depth))?;
    let wide = wide(x.dtype());
    let mut total: Option<Tensor> = None;
    for row in 0..s.rows.size {
        for col in 0..s.cols.size {
            let kernel = weight.get(row)?.get(col)?.t()?.contiguous()?;
            let term = product(&rows, &kernel)?.to_dtype(wide)?;
            let term = term.reshape((batch, height, width, s.input))?;
            let term = spread(&spread(&term, 1, &s.rows, row)?, 2, &s.cols, col)?;
            total = Some(match total {
                Some(total) => (total + term)?,
                None => term,
            });
        }
    }
    match total {
        Some(total) => total.to_dtype(x.dtype()),
        None => bail!("a convolution's kernel is empty"),
    }
}

/// The inverse of what a tap reads of an axis: each place a stride after the one before, and zeros between and around.
fn spread(x: &Tensor, axis: usize, window: &Window, tap: usize) -> Result<Tensor> {
    let (count, start) = (x.dim(axis)?, tap * window.dilation);
    let extent = (count - 1) * window.stride + (window.size - 1) * window.dilation + 1;
    let x = if window.stride > 1 {
        let mut dims = x.dims().to_vec();
        dims[axis] = count * window.stride;
        x.unsqueeze(axis + 1)?
            .pad_with_zeros(axis + 1, 0, window.stride - 1)?
            .reshape(dims)?
            .narrow(axis, 0, (count - 1) * window.stride + 1)?
    } else {
        x.clone()
    };
    let after = extent - start - x.dim(axis)?;
    x.pad_with_zeros(axis, start, after)
}

/// The inverse of `with_margins`: the padding cut off, and zeros where no window read.
fn without_margins(y: &Tensor, axis: usize, window: &Window) -> Result<Tensor> {
    let places = (y.dim(axis)? - window.before).min(window.input);
    y.narrow(axis, window.before, places)?
        .pad_with_zeros(axis, 0, window.input - places)
}
