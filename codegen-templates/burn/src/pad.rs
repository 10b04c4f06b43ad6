//! Padding that mirrors the border.

use burn::tensor::kind::Basic;
use burn::tensor::{DType, Int, Tensor, TensorData};

/// Mirrors each dimension at its edge, which is repeated: `MirrorPad` with mode SYMMETRIC. No pad is larger
/// than its dimension.
pub fn symmetric_pad<const D: usize, K: Basic>(
    x: Tensor<D, K>,
    pads: [(usize, usize); D],
) -> Tensor<D, K> {
    mirror(x, pads, 1)
}

/// Mirrors each dimension at its edge, which is not repeated: `MirrorPad` with mode REFLECT. Each pad is
/// smaller than its dimension.
pub fn reflect_pad<const D: usize, K: Basic>(
    x: Tensor<D, K>,
    pads: [(usize, usize); D],
) -> Tensor<D, K> {
    mirror(x, pads, 0)
}

fn mirror<const D: usize, K: Basic>(
    x: Tensor<D, K>,
    pads: [(usize, usize); D],
    repeated: i64,
) -> Tensor<D, K> {
    let mut x = x;
    for (dim, (begin, end)) in pads.into_iter().enumerate() {
        if begin + end == 0 {
            continue;
        }
        let size = x.dims()[dim] as i64;
        let source = |i: i64| match i {
            i if i < 0 => -i - repeated,
            i if i >= size => 2 * size - 2 - i + repeated,
            i => i,
        };
        let positions: Vec<i64> = (-(begin as i64)..size + end as i64).map(source).collect();
        let positions = TensorData::new(positions.clone(), [positions.len()]);
        let positions = Tensor::<1, Int>::from_data(positions, (&x.device(), DType::I64));
        x = x.select(dim, positions);
    }
    x
}
