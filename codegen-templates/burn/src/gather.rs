//! Gathering with batch dimensions. Indices are in bounds and not negative.

use burn::tensor::kind::Basic;
use burn::tensor::{DType, Int, IntDType, Tensor, TensorCreationOptions};

/// `GatherV2`: takes slices of `x` along `axis`, with the first `batch_dims` dimensions of `x` and `indices` paired.
/// The result is `x.shape[..axis] + indices.shape[batch_dims..] + x.shape[axis + 1..]`.
pub fn gather<const D: usize, const DI: usize, const DO: usize, K: Basic>(
    x: Tensor<D, K>,
    indices: Tensor<DI, Int>,
    axis: usize,
    batch_dims: usize,
) -> Tensor<DO, K> {
    let (x_shape, index_shape) = (x.dims(), indices.dims());
    let batch = count(&x_shape[..batch_dims]);
    let outer = count(&x_shape[batch_dims..axis]);
    let (size, inner) = (x_shape[axis], count(&x_shape[axis + 1..]));
    let taken = count(&index_shape[batch_dims..]);

    let indices = indices.cast(IntDType::I64).reshape([batch, 1, taken]);
    let starts = Tensor::<1, Int>::arange(0..(batch * outer) as i64, long(&indices));
    let starts = (starts * size as i64).reshape([batch, outer, 1]);
    let rows = (indices + starts).reshape([batch * outer * taken]);
    let rows = x.reshape([batch * outer * size, inner]).select(0, rows);

    let mut shape = [0; DO];
    let parts = [
        &x_shape[..axis],
        &index_shape[batch_dims..],
        &x_shape[axis + 1..],
    ];
    shape.copy_from_slice(&parts.concat());
    rows.reshape(shape)
}

/// `GatherNd`: takes the slice of `x` at each tuple in the last dimension of `indices`, with the first
/// Indices into a dimension of this extent, of which negative ones count from its end.
pub fn from_end<const D: usize>(indices: Tensor<D, Int>, extent: usize) -> Tensor<D, Int> {
    let wrapped = indices.clone() + extent as i64;
    indices.clone().mask_where(indices.lower_scalar(0), wrapped)
}

/// `batch_dims` dimensions of both paired. The result is `indices.shape[..-1] + x.shape[batch_dims + tuple..]`.
pub fn gather_nd<const D: usize, const DI: usize, const DO: usize, K: Basic>(
    x: Tensor<D, K>,
    indices: Tensor<DI, Int>,
    batch_dims: usize,
) -> Tensor<DO, K> {
    let (x_shape, index_shape) = (x.dims(), indices.dims());
    let tuple = index_shape[DI - 1];
    let inner = batch_dims + tuple;
    let batch = count(&x_shape[..batch_dims]);
    let taken = count(&index_shape[batch_dims..DI - 1]);
    let size = count(&x_shape[batch_dims..inner]);

    let indices = indices.cast(IntDType::I64).reshape([batch, taken, tuple]);
    let starts = Tensor::<1, Int>::arange(0..batch as i64, long(&indices));
    let mut rows = (starts * size as i64)
        .reshape([batch, 1])
        .expand([batch, taken]);
    for i in 0..tuple {
        let stride = count(&x_shape[batch_dims + i + 1..inner]) as i64;
        let position = indices.clone().narrow(2, i, 1).reshape([batch, taken]);
        rows = rows + position * stride;
    }
    let x = x.reshape([batch * size, count(&x_shape[inner..])]);
    let rows = x.select(0, rows.reshape([batch * taken]));

    let mut shape = [0; DO];
    shape.copy_from_slice(&[&index_shape[..DI - 1], &x_shape[inner..]].concat());
    rows.reshape(shape)
}

fn count(shape: &[usize]) -> usize {
    shape.iter().product()
}

fn long<const D: usize>(like: &Tensor<D, Int>) -> TensorCreationOptions {
    TensorCreationOptions::new(like.device()).with_dtype(DType::I64)
}
