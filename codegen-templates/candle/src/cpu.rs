//! What the CPU kernels share: `f32` slices of tensors, vectors filled in parallel, matrix products, and a choice of
//! instruction set at run time.

use super::kernels;
use candle_core::{CpuStorage, DType, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Whether the kernels of this module apply to a tensor: `f32` on the CPU.
pub fn is_native(x: &Tensor) -> bool {
    kernels::exist_for(x.device()) && x.dtype() == DType::F32
}

/// Whether a tensor is computed in `f32` and converted back: half precision on the CPU.
pub fn is_half(x: &Tensor) -> bool {
    kernels::exist_for(x.device()) && is_short(x.dtype())
}

/// Whether a dtype is half precision.
pub fn is_short(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16)
}

/// The values of a contiguous `f32` tensor, as a custom op is given it.
pub fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("a CPU kernel needs a contiguous tensor")
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => bail!(
            "a CPU kernel needs f32, not {:?}",
            candle_core::backend::BackendStorage::dtype(other)
        ),
    }
}

/// The values of a contiguous `f32` tensor in the CPU's memory.
pub fn stored<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match storage {
        Storage::Cpu(storage) => values(storage, layout),
        Storage::Cuda(_) | Storage::Metal(_) => {
            bail!("a CPU kernel needs a tensor in the CPU's memory")
        }
    }
}

/// A custom op's result.
pub fn output(values: Vec<f32>, shape: impl Into<Shape>) -> Result<(CpuStorage, Shape)> {
    let shape = shape.into();
    if shape.elem_count() != values.len() {
        bail!(
            "a kernel made {} values for the shape {shape:?}",
            values.len()
        );
    }
    Ok((CpuStorage::F32(values), shape))
}

/// A vector of `len` values written in parallel, `chunk` values at a time: `write(scratch, i, values)` must set every
/// value of chunk `i`, and must not read what it has not set. Each worker has a `scratch` of its own.
pub fn fill<S>(
    len: usize,
    chunk: usize,
    scratch: impl Fn() -> S + Sync + Send,
    write: impl Fn(&mut S, usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut values: Vec<f32> = Vec::with_capacity(len);
    let spare = &mut values.spare_capacity_mut()[..len];
    let set = |scratch: &mut S, i: usize, part: &mut [MaybeUninit<f32>]| {
        #[allow(
            unsafe_code,
            reason = "a large output is written once instead of twice"
        )]
        // SAFETY: the pointer and the length are those of `part`, and `f32` has no invalid bit patterns; `write` sets
        // every value before it is read.
        let part =
            unsafe { std::slice::from_raw_parts_mut(part.as_mut_ptr().cast::<f32>(), part.len()) };
        write(scratch, i, part);
    };
    // A single chunk is not worth waking another thread for.
    if len > chunk {
        let parts = spare.par_chunks_mut(chunk.max(1)).enumerate();
        parts.for_each_init(scratch, |scratch, (i, part)| set(scratch, i, part));
    } else if len > 0 {
        set(&mut scratch(), 0, spare);
    }
    #[allow(
        unsafe_code,
        reason = "a large output is written once instead of twice"
    )]
    // SAFETY: the capacity is at least `len`, and the chunks that `write` has set cover all of it.
    unsafe {
        values.set_len(len)
    };
    values
}

/// How many worker threads kernels divide their work among.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// The length of the chunks in which element-wise kernels are divided among workers.
pub const CHUNK: usize = 1 << 14;

/// A matrix in memory: `values[row * row_stride + column * column_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub values: &'a [f32],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `stride` values.
    pub fn rows(values: &'a [f32], stride: usize) -> Self {
        Self {
            values,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// The transpose of a matrix that is stored as rows of `stride` values.
    pub fn transposed(values: &'a [f32], stride: usize) -> Self {
        Self {
            values,
            row_stride: 1,
            column_stride: stride,
        }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.values.len()
    }
}

/// What happens to the values that a product's destination holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Replace,
    Add,
}

/// `destination[m, n] = a[m, k] · b[k, n]`, in rows of `stride` values, on the calling thread or on all of them.
pub fn product(
    [m, n, k]: [usize; 3],
    destination: &mut [f32],
    stride: usize,
    a: Matrix,
    b: Matrix,
    write: Write,
    parallel: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        (m - 1) * stride + n <= destination.len(),
        "a product's destination is too short"
    );
    assert!(
        k == 0 || (a.holds(m, k) && b.holds(k, n)),
        "a product's operand is too short"
    );
    let threads = if parallel && m * n * k > 1 << 18 {
        gemm::Parallelism::Rayon(threads())
    } else {
        gemm::Parallelism::None
    };
    let (read, alpha) = if write == Write::Add {
        (true, 1.0)
    } else {
        (false, 0.0)
    };
    #[allow(unsafe_code, reason = "gemm's interface takes pointers and strides")]
    // SAFETY: every element that the strides reach is within its slice, as asserted above; the destination is borrowed
    // mutably, so that it overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            destination.as_mut_ptr(),
            1,
            stride as isize,
            read,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            alpha,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

/// Writes the transpose of `from`, rows of `stride` values, to rows of `width` values.
pub fn transpose(from: &[f32], stride: usize, to: &mut [f32], width: usize) {
    const BLOCK: usize = 16;
    for (r, rows) in to.chunks_mut(BLOCK * width).enumerate() {
        let (r, height) = (r * BLOCK, rows.len() / width);
        for c in (0..width).step_by(BLOCK) {
            let columns = BLOCK.min(width - c);
            let mut block = [[0.0; BLOCK]; BLOCK];
            for (j, column) in from[c * stride..].chunks(stride).take(columns).enumerate() {
                for (row, &value) in block.iter_mut().zip(&column[r..r + height]) {
                    row[j] = value;
                }
            }
            for (row, values) in rows.chunks_exact_mut(width).zip(&block) {
                row[c..c + columns].copy_from_slice(&values[..columns]);
            }
        }
    }
}

/// A loop that is compiled once for each vector width. `run` should be `#[inline(always)]`.
pub trait Kernel {
    fn run<const FMA: bool>(self);
}

/// Runs a kernel with the widest vectors that the processor has.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "vector instructions that were detected at run time"
    )]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
        {
            // SAFETY: the processor has these features.
            return unsafe { with_avx512(kernel) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has these features.
            return unsafe { with_avx2(kernel) };
        }
    }
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
        kernel.run::<true>()
    } else {
        kernel.run::<false>()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
fn with_avx512<K: Kernel>(kernel: K) {
    kernel.run::<true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run::<true>();
}

/// `a * b + c`, fused where the instruction set has it (elsewhere a call of the C library would be far slower).
#[inline(always)]
pub fn fma<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// The sum over rows of `width` values: the gradient of a value that was added to every row.
pub fn column_sums(values: &[f32], width: usize) -> Vec<f32> {
    struct Add<'a>(&'a mut [f32], &'a [f32]);
    impl Kernel for Add<'_> {
        #[inline(always)]
        fn run<const FMA: bool>(self) {
            for row in self.1.chunks_exact(self.0.len()) {
                for (sum, value) in self.0.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
    }
    if width == 0 {
        return Vec::new();
    }
    let rows = (CHUNK / width).max(16) * width;
    if values.len() <= rows {
        let mut sums = vec![0.0; width];
        dispatch(Add(&mut sums, values));
        return sums;
    }
    let parts = values.par_chunks(rows).map(|rows| {
        let mut sums = vec![0.0; width];
        dispatch(Add(&mut sums, rows));
        sums
    });
    sum_vectors(parts.collect(), width)
}

/// The sum of vectors of one length, in their order, so that it is the same on every run.
pub fn sum_vectors(parts: Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    parts.into_iter().fold(vec![0.0; len], |mut total, part| {
        total
            .iter_mut()
            .zip(&part)
            .for_each(|(total, part)| *total += part);
        total
    })
}
