//! Ops along an axis that only the data tells: it is brought to the middle of three.

use super::cx::{Cx, normalize_axis};
use super::emit::product;
use crate::error::Result;
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Value};

impl Cx<'_> {
    /// The axis of a tensor of `rank` axes that operand `i` names; `None` if only the data tells.
    pub fn known_axis(&mut self, i: usize, rank: usize) -> Result<Option<usize>> {
        let value = self.input(i)?;
        match self.graph.as_constant(value).is_some() || self.graph.content(value).is_some() {
            true => normalize_axis(self.integer(i)?, rank).map(Some),
            false => Ok(None),
        }
    }

    /// Operand 1 as an axis of `rank`, counted from the front, of rank 1.
    fn data_axis(&mut self, rank: usize) -> Result<Value> {
        let axis = self.input(1)?;
        let axis = self.cast(axis, DType::I32)?;
        let axis = self.reshape(axis, vec![Dim::known(1)])?;
        self.combine_scalar(Binary::FloorMod, axis, rank as f64)
    }

    /// The extent in `dims` that `place` names.
    fn extent_at(&mut self, dims: Vec<Dim>, place: Value) -> Result<Dim> {
        let dims = self.extents(dims, false, DType::I32)?;
        let extent = self.pick(dims, place)?;
        self.read_extent(extent)
    }

    fn pick(&mut self, list: Value, places: Value) -> Result<Value> {
        let gather = Op::Gather {
            axis: 0,
            batch_dims: 0,
        };
        self.push(gather, &[list, places])
    }
}

/// A reduction over the one axis in operand 1.
pub fn reduce(cx: &mut Cx<'_>, op: Reduction, x: Value, keep: bool) -> Result<Value> {
    let dims = cx.shape(x)?;
    let rank = dims.len();
    let axis = cx.data_axis(rank)?;
    let before = (0..rank).map(|axis| product(&dims[..axis])).collect();
    let after = (0..rank).map(|axis| product(&dims[axis + 1..])).collect();
    let three = vec![
        cx.extent_at(before, axis)?,
        cx.extent_at(dims.clone(), axis)?,
        cx.extent_at(after, axis)?,
    ];
    let x = cx.reshape(x, three)?;
    let reduced = cx.reduce(op, x, vec![1], false)?;
    let sizes = cx.extents(dims, false, DType::I32)?;
    let left = match keep {
        true => {
            let places = cx.iota(Dim::from(rank), DType::I32)?;
            let is_axis = cx.test(Comparison::Equal, places, axis)?;
            let one = cx.scalar(DType::I32, 1.0)?;
            cx.select(is_axis, one, sizes)?
        }
        false => {
            let places = cx.iota(Dim::from(rank.saturating_sub(1)), DType::I32)?;
            let is_behind = cx.test(Comparison::GreaterEqual, places, axis)?;
            let step = cx.cast(is_behind, DType::I32)?;
            let places = cx.combine(Binary::Add, places, step)?;
            cx.pick(sizes, places)?
        }
    };
    let left = cx.read_extents(left)?;
    cx.reshape(reduced, left)
}

/// A new axis of extent 1 where operand 1 says.
pub fn expand(cx: &mut Cx<'_>, x: Value) -> Result<Value> {
    let mut dims = cx.shape(x)?;
    let rank = dims.len() + 1;
    let axis = cx.data_axis(rank)?;
    dims.push(Dim::known(1));
    let sizes = cx.extents(dims, false, DType::I32)?;
    let places = cx.iota(Dim::from(rank), DType::I32)?;
    let is_behind = cx.test(Comparison::Greater, places, axis)?;
    let step = cx.cast(is_behind, DType::I32)?;
    let behind = cx.combine(Binary::Sub, places, step)?;
    let is_new = cx.test(Comparison::Equal, places, axis)?;
    let last = cx.scalar(DType::I32, (rank - 1) as f64)?;
    let places = cx.select(is_new, last, behind)?;
    let extents = cx.pick(sizes, places)?;
    let extents = cx.read_extents(extents)?;
    cx.reshape(x, extents)
}
