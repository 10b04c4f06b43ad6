//! Calls of kernels: what the frameworks' printers share.

use super::operand::{Arg, Body, Place, literals};
use super::rust::Expr;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::host::Lists;
use crate::ir::host::call::element;
use crate::ir::{Attribute, DType, Dim, Host, Join, Op, PadMode, SliceAxis};

/// A kernel's call, before the framework's words for what it takes and gives.
pub struct Call {
    /// `file::function`.
    pub path: &'static str,
    /// What it is given after the operands.
    pub rest: Vec<Expr>,
    /// Which operands it takes as slices.
    pub lists: Lists,
    /// Whether it gives a `Result`.
    pub can_fail: bool,
}

impl Call {
    /// The call over operands, each as a reference.
    pub fn over(self, body: &mut Body, operands: Vec<Expr>) -> Expr {
        let (file, _) = self.path.split_once("::").unwrap_or((self.path, ""));
        body.uses.insert(format!("support::{file}"));
        let mut operands = operands;
        let slice = |part: Vec<Expr>| Expr::array(part).by_ref();
        match self.lists {
            Lists::None => {}
            Lists::From(first) => {
                let rest = operands.split_off(first.min(operands.len()));
                operands.push(slice(rest));
            }
            Lists::Halves => {
                let second = operands.split_off(operands.len() / 2);
                operands = vec![slice(operands), slice(second)];
            }
        }
        Expr::call(self.path, operands.into_iter().chain(self.rest))
    }
}

/// The call of a host op's kernel.
pub fn call(body: &mut Body, host: &Host) -> Call {
    let attributes = host.attributes.iter();
    // How many parts an array has, its pattern says.
    let attributes = attributes.filter(|attribute| {
        !(host.op.form.gives_list && matches!(attribute, Attribute::Extent(_)))
    });
    Call {
        path: host.op.path,
        rest: attributes.map(|given| attribute(body, given)).collect(),
        lists: host.op.form.lists,
        can_fail: host.op.form.can_fail,
    }
}

fn attribute(body: &mut Body, attribute: &Attribute) -> Expr {
    match attribute {
        Attribute::Flag(flag) => Expr::bool(*flag),
        Attribute::Integer(integer) => Expr::int(*integer),
        Attribute::Number(number) => Expr::f64(*number),
        Attribute::Text(text) => Expr::str(text),
        Attribute::Element(dtype) => {
            let ty = body.support("array::Element");
            let name = element(*dtype).map_or_else(|| "F32".to_owned(), |e| format!("{e:?}"));
            Expr::path(format!("{ty}::{name}"))
        }
        Attribute::Integers(integers) => {
            Expr::array(integers.iter().map(|&integer| Expr::int(integer))).by_ref()
        }
        Attribute::Texts(texts) => Expr::array(texts.iter().map(|text| Expr::str(text))).by_ref(),
        Attribute::Extent(dim) => body.extent(dim),
        Attribute::Extents(dims) => shape(body, dims),
    }
}

/// Whether an op moves strings: the frameworks' tensors do not hold them.
pub fn moves_strings(op: &Op, args: &[Arg]) -> bool {
    let is_string = |arg: &Arg| arg.ty.dtype == DType::String;
    !matches!(op, Op::Host(_)) && args.iter().any(is_string)
}

/// The call that moves strings as the op moves tensors.
///
/// # Errors
/// There is no such kernel.
pub fn moving(body: &mut Body, op: &Op) -> Result<Call> {
    let sizes = |sizes: &[usize]| Expr::array(sizes.iter().map(|&n| Expr::size(n))).by_ref();
    let (path, rest) = match op {
        Op::Reshape(dims) => ("moves::reshape", vec![shape(body, dims)]),
        Op::Broadcast(dims) => ("moves::broadcast", vec![shape(body, dims)]),
        Op::Tile(repeats) => ("moves::tile", vec![shape(body, repeats)]),
        Op::Transpose(axes) => ("moves::transpose", vec![sizes(axes)]),
        Op::Reverse { axes } => ("moves::reverse", vec![sizes(axes)]),
        Op::Slice(axes) => ("moves::slice", vec![slice(body, axes)]),
        Op::Concat { axis } => ("moves::concat", vec![Expr::size(*axis)]),
        Op::Gather { axis, batch_dims } => (
            "moves::gather",
            vec![Expr::size(*axis), Expr::size(*batch_dims)],
        ),
        Op::GatherNd { batch_dims: 0 } => ("moves::gather_nd", vec![]),
        Op::Select => ("moves::select", vec![]),
        Op::Scatter { join: Join::Update } => ("moves::update", vec![]),
        Op::Pad {
            widths,
            mode: PadMode::Constant,
        } => {
            let pair =
                |(low, high): &(Dim, Dim)| Expr::tuple([body.extent(low), body.extent(high)]);
            let pairs: Vec<Expr> = widths.iter().map(pair).collect();
            ("moves::pad", vec![Expr::array(pairs).by_ref()])
        }
        _ => return Err(Error::unsupported("strings as the operand of this op")),
    };
    Ok(Call {
        path,
        rest,
        lists: match op {
            Op::Concat { .. } => Lists::From(0),
            _ => Lists::None,
        },
        can_fail: true,
    })
}

fn shape(body: &Body, dims: &[Dim]) -> Expr {
    let extents: Vec<Expr> = dims.iter().map(|dim| body.extent(dim)).collect();
    Expr::array(extents).by_ref()
}

/// `&[(start, length, step), …]`
fn slice(body: &Body, axes: &[SliceAxis]) -> Expr {
    let axis = |axis: &SliceAxis| {
        let bounds = [body.extent(&axis.start), body.extent(&axis.length)];
        Expr::tuple(bounds.into_iter().chain([Expr::size(axis.step)]))
    };
    Expr::array(axes.iter().map(axis).collect::<Vec<_>>()).by_ref()
}

/// `&Array::from(0i64)`, or `&Array::from([0i64, 1])`, for a small constant of rank 0 or 1.
pub fn number(body: &mut Body, arg: &Arg, suffix: fn(DType) -> &'static str) -> Option<Expr> {
    let Place::Literal(value) = &arg.place else {
        return None;
    };
    let is_spelt = matches!(
        value.dtype(),
        DType::F32 | DType::F64 | DType::I32 | DType::I64
    );
    if !is_spelt || value.rank() > 1 || value.is_empty() {
        return None;
    }
    if value
        .as_floats()
        .is_some_and(|all| all.iter().any(|x| !x.is_finite()))
    {
        return None;
    }
    let ty = body.support("array::Array");
    let mut numbers = literals(value);
    let suffix = suffix(value.dtype());
    if let Some(first) = numbers.first_mut() {
        *first = Expr::literal(format!("{first}{suffix}"));
    }
    let numbers = match value.rank() {
        0 => numbers.pop()?,
        _ => Expr::array(numbers),
    };
    Some(Expr::call(format!("{ty}::from"), [numbers]).by_ref())
}

/// `StringTensor::new(vec![2], vec![b"a".to_vec(), b"b".to_vec()])`
pub fn literal(body: &mut Body, value: &Tensor) -> Expr {
    let ty = body.support("string_tensor::StringTensor");
    let shape = value.shape().iter().map(|&extent| Expr::size(extent));
    let shape = Expr::vec(shape.collect::<Vec<_>>());
    let words = value.elements::<Vec<u8>>().unwrap_or_default().iter();
    let words = words.map(|word| Expr::bytes(word).call_method("to_vec", []));
    let words = Expr::vec(words.collect::<Vec<_>>());
    Expr::call(format!("{ty}::new"), [shape, words])
}
