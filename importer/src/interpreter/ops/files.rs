//! Files as strings.

use super::super::cx::Cx;
use super::{Row, one};
use crate::error::Result;
use crate::eval::Tensor;

pub(super) const OPS: &[Row] = &[one("ReadFile", read_file)];

/// Only assets are read.
fn read_file(cx: &mut Cx<'_>) -> Result<Tensor> {
    let path = cx.string(0)?;
    Tensor::new(&[], vec![cx.machine.asset_bytes(&path)?])
}
