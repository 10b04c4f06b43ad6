//! What small integer tensors hold, as symbolic extents.
//!
//! Shapes in a TensorFlow graph are data: `Shape → StridedSlice → Pack → Reshape`. Every integer value of rank 0
//! or 1 whose elements follow from extents carries them, from birth, and whoever needs a shape reads it here.

use super::dim::Dim;
use super::op::{Binary, Op, Reduction};
use super::ty::Type;
use crate::eval::Tensor;

/// The elements of an integer tensor of rank 1, or of rank 0 for a `scalar`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The elements.
    pub dims: Vec<Dim>,
    /// Whether the tensor has rank 0; then there is one element.
    pub scalar: bool,
}

/// How many elements a shape may have.
const LIMIT: usize = 64;

/// The content of a constant, if it is a small integer tensor of rank 0 or 1.
pub fn of_constant(value: &Tensor) -> Option<Content> {
    if value.shape().len() > 1 || value.len() > LIMIT {
        return None;
    }
    let dims = value.as_integers()?.into_iter().map(Dim::known).collect();
    Some(Content {
        dims,
        scalar: value.shape().is_empty(),
    })
}

/// The content of an op's result, from its operands' contents.
pub fn infer(
    op: &Op,
    inputs: &[Option<Content>],
    types: &[&Type],
    results: &[Type],
) -> Option<Content> {
    let [result] = results else { return None };
    if !result.dtype.is_integer() || result.rank()? > 1 {
        return None;
    }
    let scalar = result.rank()? == 0;
    let operand = |i: usize| inputs.get(i)?.as_ref();
    let dims = match op {
        Op::ReadExtents(symbols) => symbols.iter().copied().map(Dim::symbol).collect(),
        Op::Binary(binary) => elementwise(*binary, operand(0)?, operand(1)?)?,
        Op::Cast(_) if types[0].dtype.is_integer() => operand(0)?.dims.clone(),
        Op::Reshape(_) | Op::Dropout { .. } => operand(0)?.dims.clone(),
        Op::Broadcast(_) => broadcast(operand(0)?, result)?,
        Op::Slice(axes) => match axes.as_slice() {
            [] => operand(0)?.dims.clone(),
            [axis] => {
                let start = axis.start.as_usize()?;
                let dims = &operand(0)?.dims;
                (0..axis.length.as_usize()?)
                    .map(|i| dims.get(start + i * axis.step).cloned())
                    .collect::<Option<_>>()?
            }
            _ => return None,
        },
        Op::Concat { .. } => {
            let parts: Option<Vec<&Content>> = inputs.iter().map(Option::as_ref).collect();
            parts?.iter().flat_map(|c| c.dims.clone()).collect()
        }
        Op::Reverse { axes } if !axes.is_empty() => {
            operand(0)?.dims.iter().rev().cloned().collect()
        }
        Op::Gather {
            axis: 0,
            batch_dims: 0,
        } => {
            let (dims, indices) = (&operand(0)?.dims, operand(1)?);
            indices
                .dims
                .iter()
                .map(|i| dims.get(i.as_usize()?).cloned())
                .collect::<Option<_>>()?
        }
        Op::Reduce { op, .. } => vec![reduce(*op, &operand(0)?.dims)?],
        Op::Range { length } => range(operand(0)?, operand(1)?, length)?,
        Op::Clamp { .. }
        | Op::Unary(_)
        | Op::Compare(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Transpose(_)
        | Op::Pad { .. }
        | Op::Reverse { .. }
        | Op::Tile(_)
        | Op::Gather { .. }
        | Op::GatherNd { .. }
        | Op::ScatterNd { .. }
        | Op::Scatter { .. }
        | Op::OneHot { .. }
        | Op::TopK { .. }
        | Op::ArgReduce { .. }
        | Op::Cumulative { .. }
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::MatMul { .. }
        | Op::Linear(_)
        | Op::Fourier(_)
        | Op::Special(_)
        | Op::Bound { .. }
        | Op::Conv(_)
        | Op::ConvTranspose { .. }
        | Op::Pool { .. }
        | Op::Resize { .. }
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::Recurrent { .. }
        | Op::RmsNorm { .. }
        | Op::FromEnd(_)
        | Op::RotateHalf
        | Op::Attention { .. }
        | Op::Host(_)
        | Op::If { .. }
        | Op::Loop(_)
        | Op::Input(_)
        | Op::Param(_)
        | Op::Constant(_)
        | Op::Extents { .. } => return None,
    };
    kept(dims, scalar)
}

/// The content of a tensor of extents.
pub fn of_extents(dims: &[Dim], scalar: bool) -> Option<Content> {
    kept(dims.to_vec(), scalar)
}

/// Long tensors are data, and so are those whose elements have grown long.
fn kept(dims: Vec<Dim>, scalar: bool) -> Option<Content> {
    let is_shape = dims.len() <= LIMIT && dims.iter().all(Dim::is_short);
    is_shape.then_some(Content { dims, scalar })
}

fn elementwise(op: Binary, x: &Content, y: &Content) -> Option<Vec<Dim>> {
    let length = match (x.dims.len(), y.dims.len()) {
        (a, b) if a == b => a,
        (1, n) | (n, 1) => n,
        _ => return None,
    };
    let at = |c: &Content, i: usize| c.dims.get(if c.dims.len() == 1 { 0 } else { i }).cloned();
    (0..length)
        .map(|i| combine(op, &at(x, i)?, &at(y, i)?))
        .collect()
}

fn combine(op: Binary, x: &Dim, y: &Dim) -> Option<Dim> {
    match op {
        Binary::Add => Some(x.clone() + y.clone()),
        Binary::Sub => Some(x.clone() - y.clone()),
        Binary::Mul => Some(x.clone() * y.clone()),
        Binary::FloorDiv => x.div_floor(y),
        Binary::FloorMod => Some(x.clone() - x.div_floor(y)? * y.clone()),
        Binary::Maximum => Some(x.larger(y)),
        Binary::Minimum => Some(x.smaller(y)),
        Binary::Div
        | Binary::TruncMod
        | Binary::Pow
        | Binary::Atan2
        | Binary::DivNoNan
        | Binary::Xlogy
        | Binary::Xdivy
        | Binary::LogicalAnd
        | Binary::LogicalOr
        | Binary::BitwiseAnd
        | Binary::BitwiseOr
        | Binary::BitwiseXor
        | Binary::ShiftLeft
        | Binary::ShiftRight => None,
    }
}

fn broadcast(x: &Content, result: &Type) -> Option<Vec<Dim>> {
    let length = result.dims().first().map_or(Some(1), Dim::as_usize)?;
    match x.dims.as_slice() {
        [one] if length <= LIMIT => Some(vec![one.clone(); length]),
        dims if dims.len() == length => Some(dims.to_vec()),
        _ => None,
    }
}

fn reduce(op: Reduction, dims: &[Dim]) -> Option<Dim> {
    let dims = dims.iter().cloned();
    match op {
        Reduction::Sum => Some(dims.fold(Dim::known(0), |a, b| a + b)),
        Reduction::Product => Some(dims.fold(Dim::known(1), |a, b| a * b)),
        Reduction::Max => dims.reduce(|a, b| a.larger(&b)),
        Reduction::Min => dims.reduce(|a, b| a.smaller(&b)),
        Reduction::Mean | Reduction::All | Reduction::Any => None,
    }
}

fn range(start: &Content, step: &Content, length: &Dim) -> Option<Vec<Dim>> {
    let (start, step) = (start.dims.first()?, step.dims.first()?);
    let length = length.as_usize().filter(|&n| n <= LIMIT)?;
    Some(
        (0..length)
            .map(|i| start.clone() + step.clone() * Dim::from(i))
            .collect(),
    )
}
