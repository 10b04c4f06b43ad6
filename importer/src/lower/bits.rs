//! Bitwise ops on integers.

use super::{Lowering, op};
use crate::ir::{Binary, Op, Unary};

pub const OPS: &[Lowering] = &[
    op("BitwiseAnd", |cx| cx.binary(Binary::BitwiseAnd)),
    op("BitwiseOr", |cx| cx.binary(Binary::BitwiseOr)),
    op("BitwiseXor", |cx| cx.binary(Binary::BitwiseXor)),
    op("LeftShift", |cx| cx.binary(Binary::ShiftLeft)),
    op("RightShift", |cx| cx.binary(Binary::ShiftRight)),
    op("Invert", |cx| cx.map(Op::Unary(Unary::BitwiseNot))),
];
