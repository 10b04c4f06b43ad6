//! Discrete Fourier transforms over the last axis, of any extent. A complex tensor is a real and an imaginary one.

use candle_core::{CpuStorage, CustomOp2, D, DType, Device, Layout, Result, Shape, Tensor, bail};
use rustfft::num_complex::Complex;
use rustfft::{FftNum, FftPlanner};

/// The transform of complex numbers.
pub fn fft(re: &Tensor, im: &Tensor) -> Result<(Tensor, Tensor)> {
    transform(re, im, false)
}

/// Its inverse.
pub fn ifft(re: &Tensor, im: &Tensor) -> Result<(Tensor, Tensor)> {
    let n = re.dim(D::Minus1)?.max(1) as f64;
    let (re, im) = transform(re, im, true)?;
    Ok(((re / n)?, (im / n)?))
}

/// The first half of the transform of real numbers: the other is its mirror image.
pub fn rfft(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let half = x.dim(D::Minus1)? / 2 + 1;
    let (re, im) = fft(x, &x.zeros_like()?)?;
    Ok((
        re.narrow(D::Minus1, 0, half)?,
        im.narrow(D::Minus1, 0, half)?,
    ))
}

/// The `n` real numbers whose transform's first half is given.
pub fn irfft(re: &Tensor, im: &Tensor, n: usize) -> Result<Tensor> {
    let mirrored = (n - 1) / 2;
    let whole = |half: &Tensor, sign: f64| {
        let end = half.dim(D::Minus1)?;
        if mirrored == 0 {
            return Ok(half.clone());
        }
        let back: Vec<u32> = (1..=mirrored as u32).rev().collect();
        let back = Tensor::new(back, half.device())?;
        let mirror = half.contiguous()?.index_select(&back, half.rank() - 1)?;
        Tensor::cat(
            &[half.narrow(D::Minus1, 0, end)?, (mirror * sign)?],
            D::Minus1,
        )
    };
    Ok(ifft(&whole(re, 1.0)?, &whole(im, -1.0)?)?.0)
}

fn transform(re: &Tensor, im: &Tensor, inverse: bool) -> Result<(Tensor, Tensor)> {
    if re.shape() != im.shape() || re.rank() == 0 {
        bail!("the transform of {:?} and {:?}", re.dims(), im.dims());
    }
    let wide = if re.dtype() == DType::F64 {
        DType::F64
    } else {
        DType::F32
    };
    let prepare = |x: &Tensor| x.to_device(&Device::Cpu)?.to_dtype(wide)?.contiguous();
    let both = prepare(re)?.apply_op2(&prepare(im)?, TransformOp { inverse })?;
    let part = |i: usize| both.get(i)?.to_dtype(re.dtype())?.to_device(re.device());
    Ok((part(0)?, part(1)?))
}

/// The sums, without a division by the extent; the real and the imaginary part are stacked.
struct TransformOp {
    inverse: bool,
}

impl CustomOp2 for TransformOp {
    fn name(&self) -> &'static str {
        "fourier"
    }

    fn cpu_fwd(
        &self,
        re: &CpuStorage,
        re_layout: &Layout,
        im: &CpuStorage,
        im_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let dims = [&[2], re_layout.dims()].concat();
        let n = re_layout.dims().last().copied().unwrap_or(0);
        let (Some((a, b)), Some((c, d))) = (
            re_layout.contiguous_offsets(),
            im_layout.contiguous_offsets(),
        ) else {
            bail!("a Fourier transform needs contiguous tensors")
        };
        let both = match (re, im) {
            (CpuStorage::F32(re), CpuStorage::F32(im)) => {
                CpuStorage::F32(lines(&re[a..b], &im[c..d], n, self.inverse))
            }
            (CpuStorage::F64(re), CpuStorage::F64(im)) => {
                CpuStorage::F64(lines(&re[a..b], &im[c..d], n, self.inverse))
            }
            _ => bail!("a Fourier transform needs f32 or f64"),
        };
        Ok((both, Shape::from(dims)))
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let part = |i: usize| gradient.get(i)?.contiguous();
        let back = TransformOp {
            inverse: !self.inverse,
        };
        let both = part(0)?.apply_op2_no_bwd(&part(1)?, &back)?;
        Ok((Some(both.get(0)?), Some(both.get(1)?)))
    }
}

/// Transforms each line of `n` numbers: all real parts, then all imaginary ones.
fn lines<T: FftNum>(re: &[T], im: &[T], n: usize, inverse: bool) -> Vec<T> {
    let mut numbers: Vec<Complex<T>> = re
        .iter()
        .zip(im)
        .map(|(&re, &im)| Complex::new(re, im))
        .collect();
    if n > 0 {
        let mut planner = FftPlanner::new();
        let transform = match inverse {
            true => planner.plan_fft_inverse(n),
            false => planner.plan_fft_forward(n),
        };
        transform.process(&mut numbers);
    }
    let parts = numbers.iter().map(|z| z.re);
    parts.chain(numbers.iter().map(|z| z.im)).collect()
}
