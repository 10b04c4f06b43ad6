//! Products of matrices that broadcast and take their operands in any memory order.

use super::composed;
use super::cpu::{self, Matrix, Write};
use candle_core::{CpuStorage, CustomOp2, D, DType, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// The product over the last two axes; leading axes broadcast. Transposed and sliced operands are not copied on the CPU.
pub fn matmul(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.rank() < 2 || b.rank() < 2 || a.dim(D::Minus1)? != b.dim(D::Minus2)? {
        bail!("a matrix product of {:?} and {:?}", a.dims(), b.dims());
    }
    if !a.dtype().is_float() {
        return matmul(&a.to_dtype(DType::F64)?, &b.to_dtype(DType::F64)?)?.to_dtype(a.dtype());
    }
    if b.rank() == 2 && a.rank() > 2 {
        let mut dims = a.dims().to_vec();
        dims[a.rank() - 1] = b.dim(1)?;
        return matmul(&a.flatten_to(D::Minus2)?, b)?.reshape(dims);
    }
    let (a, b) = broadcast_batch(a, b)?;
    if !cpu::is_native(&a) || !cpu::is_native(&b) {
        return composed::product(&a.contiguous()?, &b.contiguous()?);
    }
    a.apply_op2(&b, MatmulOp)
}

fn broadcast_batch(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let split = |t: &Tensor| {
        (
            Shape::from(&t.dims()[..t.rank() - 2]),
            t.dims()[t.rank() - 2..].to_vec(),
        )
    };
    let ((a_batch, a_matrix), (b_batch, b_matrix)) = (split(a), split(b));
    let batch = a_batch.broadcast_shape_binary_op(&b_batch, "matmul")?;
    let repeated =
        |t: &Tensor, matrix: Vec<usize>| t.broadcast_as([batch.dims(), &matrix].concat());
    Ok((repeated(a, a_matrix)?, repeated(b, b_matrix)?))
}

struct MatmulOp;

/// Where a matrix of a batch starts, and its strides.
fn matrix<'a>(values: &'a [f32], layout: &Layout, batch: usize) -> Matrix<'a> {
    let (dims, strides) = (layout.dims(), layout.stride());
    let rank = dims.len();
    let (mut offset, mut rest) = (layout.start_offset(), batch);
    for axis in (0..rank - 2).rev() {
        offset += rest % dims[axis] * strides[axis];
        rest /= dims[axis];
    }
    Matrix {
        values: &values[offset.min(values.len())..],
        row_stride: strides[rank - 2],
        column_stride: strides[rank - 1],
    }
}

fn products(
    a: &[f32],
    al: &Layout,
    b: &[f32],
    bl: &Layout,
    [m, n, k]: [usize; 3],
    y: &mut [f32],
    alone: bool,
) {
    if al.shape().elem_count() * n < 1 << 16 {
        for (i, y) in y.chunks_exact_mut(m * n).enumerate() {
            cpu::product(
                [m, n, k],
                y,
                n,
                matrix(a, al, i),
                matrix(b, bl, i),
                Write::Replace,
                false,
            );
        }
        return;
    }
    if alone {
        // One product, by rows on all threads.
        let rows = m.div_ceil(cpu::threads()).max(1);
        y.par_chunks_mut(rows * n).enumerate().for_each(|(i, y)| {
            let mut a = matrix(a, al, 0);
            a.values = &a.values[i * rows * a.row_stride..];
            cpu::product(
                [y.len() / n, n, k],
                y,
                n,
                a,
                matrix(b, bl, 0),
                Write::Replace,
                false,
            );
        });
        return;
    }
    y.par_chunks_mut(m * n).enumerate().for_each(|(i, y)| {
        cpu::product(
            [m, n, k],
            y,
            n,
            matrix(a, al, i),
            matrix(b, bl, i),
            Write::Replace,
            false,
        );
    });
}

impl CustomOp2 for MatmulOp {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (CpuStorage::F32(a), CpuStorage::F32(b)) = (a, b) else {
            bail!("a matrix product on the CPU needs f32")
        };
        let rank = al.dims().len();
        let (m, k, n) = (
            al.dims()[rank - 2],
            al.dims()[rank - 1],
            bl.dims()[rank - 1],
        );
        let dims = [&al.dims()[..rank - 2], &[m, n]].concat();
        let mut y = vec![0.0; dims.iter().product()];
        if !y.is_empty() && k > 0 {
            let alone = y.len() == m * n && m >= 64;
            products(a, al, b, bl, [m, n, k], &mut y, alone);
        }
        cpu::output(y, dims)
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let da = a
            .track_op()
            .then(|| gradient.apply_op2_no_bwd(&b.t()?, &MatmulOp))
            .transpose()?;
        let db = b
            .track_op()
            .then(|| a.t()?.apply_op2_no_bwd(gradient, &MatmulOp))
            .transpose()?;
        Ok((da, db))
    }
}
