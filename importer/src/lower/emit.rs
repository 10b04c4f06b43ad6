//! Short ways to write IR. Each leaves out a node that would do nothing.

use super::cx::Cx;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, SliceAxis, Type, Unary, Value};

impl Cx<'_> {
    /// An integer constant of rank 1, or of rank 0 for a `scalar`.
    ///
    /// # Errors
    /// A value does not fit the element type.
    pub fn integer_constant(
        &mut self,
        dtype: DType,
        values: &[i64],
        scalar: bool,
    ) -> Result<Value> {
        let shape = if scalar { vec![] } else { vec![values.len()] };
        self.integer_tensor(dtype, values, shape)
    }

    /// An integer constant.
    ///
    /// # Errors
    /// A value does not fit the element type.
    pub fn integer_tensor(
        &mut self,
        dtype: DType,
        values: &[i64],
        shape: Vec<usize>,
    ) -> Result<Value> {
        let tensor = Tensor::from_integers(dtype, &shape, values.to_vec())?;
        Ok(self.graph.constant(tensor, self.origin))
    }

    /// A constant of equal elements.
    ///
    /// # Errors
    /// The element type has no such number.
    pub fn splat(&mut self, dtype: DType, shape: Vec<usize>, number: f64) -> Result<Value> {
        let tensor = super::constant::splat(dtype, &shape, number)?;
        Ok(self.graph.constant(tensor, self.origin))
    }

    /// A constant of rank 0.
    ///
    /// # Errors
    /// The element type has no such number.
    pub fn scalar(&mut self, dtype: DType, number: f64) -> Result<Value> {
        self.splat(dtype, vec![], number)
    }

    /// A scalar of the element type of `like`.
    ///
    /// # Errors
    /// The element type has no such number.
    pub fn scalar_like(&mut self, like: Value, number: f64) -> Result<Value> {
        self.scalar(self.dtype(like), number)
    }

    /// Extents as an integer tensor of rank 1, or of rank 0 for a `scalar`.
    ///
    /// # Errors
    /// A known extent does not fit the element type.
    pub fn extents(&mut self, dims: Vec<Dim>, scalar: bool, dtype: DType) -> Result<Value> {
        match dims.iter().map(Dim::as_known).collect::<Option<Vec<i64>>>() {
            Some(known) => self.integer_constant(dtype, &known, scalar),
            None => Ok(self.graph.extents(dims, scalar, dtype, self.origin)),
        }
    }

    /// `op(x)`.
    pub fn apply(&mut self, op: Unary, x: Value) -> Result<Value> {
        self.push(Op::Unary(op), &[x])
    }

    /// `op(x, y)`.
    pub fn combine(&mut self, op: Binary, x: Value, y: Value) -> Result<Value> {
        self.push(Op::Binary(op), &[x, y])
    }

    /// `op(x, number)`.
    pub fn combine_scalar(&mut self, op: Binary, x: Value, number: f64) -> Result<Value> {
        let number = self.scalar_like(x, number)?;
        self.combine(op, x, number)
    }

    /// A comparison.
    pub fn test(&mut self, op: Comparison, x: Value, y: Value) -> Result<Value> {
        self.push(Op::Compare(op), &[x, y])
    }

    /// `condition ? x : y`.
    pub fn select(&mut self, condition: Value, x: Value, y: Value) -> Result<Value> {
        self.push(Op::Select, &[condition, x, y])
    }

    /// `x`, and `otherwise` where it is negative.
    pub fn unless_negative(&mut self, x: Value, otherwise: Value) -> Result<Value> {
        let zero = self.scalar_like(x, 0.0)?;
        let is_negative = self.test(Comparison::Less, x, zero)?;
        self.select(is_negative, otherwise, x)
    }

    /// Conversion of the element type.
    pub fn cast(&mut self, x: Value, dtype: DType) -> Result<Value> {
        if self.dtype(x) == dtype {
            Ok(x)
        } else {
            self.push(Op::Cast(dtype), &[x])
        }
    }

    /// The same elements under another shape.
    pub fn reshape(&mut self, x: Value, dims: Vec<Dim>) -> Result<Value> {
        if self.ty(x).shape.dims() == Some(&dims) {
            Ok(x)
        } else {
            self.push(Op::Reshape(dims), &[x])
        }
    }

    /// Axis `i` of the result is axis `permutation[i]` of `x`.
    pub fn transpose(&mut self, x: Value, permutation: Vec<usize>) -> Result<Value> {
        if permutation.iter().enumerate().all(|(i, &axis)| i == axis) {
            return Ok(x);
        }
        self.push(Op::Transpose(permutation), &[x])
    }

    /// `x` as a tensor of shape `dims`.
    pub fn broadcast(&mut self, x: Value, dims: Vec<Dim>) -> Result<Value> {
        if self.ty(x).shape.dims() == Some(&dims) {
            Ok(x)
        } else {
            self.push(Op::Broadcast(dims), &[x])
        }
    }

    /// A part of `x`, by axis.
    pub fn slice(&mut self, x: Value, axes: Vec<SliceAxis>) -> Result<Value> {
        let dims = self.shape(x)?;
        let whole = |(axis, dim): (&SliceAxis, &Dim)| {
            axis.start.is(0) && axis.step == 1 && axis.length == *dim
        };
        if axes.len() == dims.len() && axes.iter().zip(&dims).all(whole) {
            return Ok(x);
        }
        self.push(Op::Slice(axes), &[x])
    }

    /// `length` elements from `start` along one axis.
    pub fn narrow(&mut self, x: Value, axis: usize, start: Dim, length: Dim) -> Result<Value> {
        let mut axes = whole_axes(&self.shape(x)?);
        let at = axes
            .get_mut(axis)
            .ok_or_else(|| Error::malformed(format!("axis {axis} is out of range")))?;
        *at = SliceAxis {
            start,
            length,
            step: 1,
        };
        self.slice(x, axes)
    }

    /// Joins tensors along an axis.
    pub fn concat(&mut self, parts: &[Value], axis: usize) -> Result<Value> {
        match parts {
            [one] => Ok(*one),
            parts => self.push(Op::Concat { axis }, parts),
        }
    }

    /// Reduces axes; none leaves `x` as it is.
    pub fn reduce(
        &mut self,
        op: Reduction,
        x: Value,
        axes: Vec<usize>,
        keep: bool,
    ) -> Result<Value> {
        if axes.is_empty() {
            Ok(x)
        } else {
            self.push(Op::Reduce { op, axes, keep }, &[x])
        }
    }

    /// `x` with a new axis of extent 1 at `axis`.
    pub fn expand(&mut self, x: Value, axis: usize) -> Result<Value> {
        let mut dims = self.shape(x)?;
        dims.insert(axis.min(dims.len()), Dim::known(1));
        self.reshape(x, dims)
    }

    /// `0, 1, …, length - 1`.
    pub fn iota(&mut self, length: Dim, dtype: DType) -> Result<Value> {
        let (start, step) = (self.scalar(dtype, 0.0)?, self.scalar(dtype, 1.0)?);
        self.push(Op::Range { length }, &[start, step])
    }

    /// A tensor of `like`'s type whose elements all are `number`.
    pub fn filled_like(&mut self, like: Value, number: f64) -> Result<Value> {
        let Type { dtype, shape } = self.ty(like).clone();
        if let Some(known) = shape.known().filter(|known| {
            known
                .iter()
                .try_fold(1usize, |n, &extent| n.checked_mul(extent))
                .is_some_and(|n| n <= SMALL)
        }) {
            return self.splat(dtype, known, number);
        }
        let scalar = self.scalar(dtype, number)?;
        let dims = self.shape(like)?;
        self.broadcast(scalar, dims)
    }
}

/// Larger tensors of equal elements stay a broadcast scalar.
const SMALL: usize = 1 << 12;

/// Slice axes that take everything.
pub fn whole_axes(dims: &[Dim]) -> Vec<SliceAxis> {
    dims.iter()
        .map(|dim| SliceAxis {
            start: Dim::known(0),
            length: dim.clone(),
            step: 1,
        })
        .collect()
}

/// The number of elements of a shape.
pub fn product<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Dim {
    dims.into_iter()
        .fold(Dim::known(1), |product, dim| product * dim.clone())
}
