//! Matrix products.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::Result;
use crate::ir::{DType, Op, Value};

pub const OPS: &[Lowering] = &[
    op("MatMul", |cx| matmul(cx, "transpose_a", "transpose_b")),
    op("BatchMatMul", |cx| matmul(cx, "adj_x", "adj_y")),
    op("BatchMatMulV2", |cx| matmul(cx, "adj_x", "adj_y")),
    op("BatchMatMulV3", |cx| matmul(cx, "adj_x", "adj_y")),
];

/// Integer products may be wider than their operands.
fn matmul(cx: &mut Cx<'_>, lhs: &str, rhs: &str) -> Result<Value> {
    let (mut a, mut b) = cx.pair()?;
    if let Some(wide) = cx.attr_if_any::<DType>("Tout")? {
        (a, b) = (cx.cast(a, wide)?, cx.cast(b, wide)?);
    }
    let (transpose_lhs, transpose_rhs) = (cx.attr(lhs)?, cx.attr(rhs)?);
    cx.push(
        Op::MatMul {
            transpose_lhs,
            transpose_rhs,
        },
        &[a, b],
    )
}
