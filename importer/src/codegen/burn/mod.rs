//! burn's words.

mod constructor;
mod conv;
mod elementwise;
mod frozen;
mod host;
mod index;
mod layer;
mod movement;
mod op;
mod printer;
mod reduce;
mod spatial;
mod step;
#[cfg(test)]
mod tests;
mod transposed;
mod weight;

pub use printer::items;

use super::operand::{Arg, Body, Place, literals};
use super::rust::Expr;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{DType, Dim, Type};

/// burn's element type for a value.
pub fn dtype(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "DType::F16",
        DType::BF16 => "DType::BF16",
        DType::F32 | DType::C64 => "DType::F32",
        DType::F64 | DType::C128 => "DType::F64",
        DType::Bool => "DType::Bool(BoolStore::Native)",
        DType::I8 => "DType::I8",
        DType::I16 => "DType::I16",
        DType::I32 => "DType::I32",
        DType::I64 | DType::String => "DType::I64",
        DType::U8 => "DType::U8",
        DType::U16 => "DType::U16",
        DType::U32 => "DType::U32",
        DType::U64 => "DType::U64",
    }
}

/// The rank of a value in burn, which has no rank 0.
pub fn rank(ty: &Type) -> Option<usize> {
    ty.rank().map(|rank| rank.max(1))
}

/// The number of axes as a const argument: `D` where only the caller knows it.
fn const_rank(ty: &Type) -> String {
    rank(ty).map_or_else(|| "D".to_owned(), |rank| rank.to_string())
}

/// A value's rank, where it has to be known.
pub fn known_rank(ty: &Type) -> Result<usize> {
    rank(ty).ok_or_else(|| Error::unsupported("an operand of unknown rank"))
}

/// The type of a value: `Tensor<2, Int>`.
pub fn tensor_type(body: &mut Body, ty: &Type) -> String {
    if ty.dtype == DType::String {
        return body.support("string_tensor::StringTensor");
    }
    body.using("burn::tensor::Tensor");
    let rank = const_rank(ty);
    match kind(body, ty.dtype) {
        Some(kind) => format!("Tensor<{rank}, {kind}>"),
        None => format!("Tensor<{rank}>"),
    }
}

/// The kind of a tensor, unless it is of floats.
fn kind(body: &mut Body, dtype: DType) -> Option<String> {
    match dtype {
        DType::Bool => Some(body.using("burn::tensor::Bool")),
        dtype if dtype.is_float() => None,
        DType::C64 | DType::C128 => None,
        _ => Some(body.using("burn::tensor::Int")),
    }
}

/// `Tensor::<2, Int>::name`.
pub fn associated(body: &mut Body, rank: usize, dtype: DType, name: &str) -> String {
    body.using("burn::tensor::Tensor");
    match kind(body, dtype) {
        Some(kind) => format!("Tensor::<{rank}, {kind}>::{name}"),
        None => format!("Tensor::<{rank}>::{name}"),
    }
}

/// Where and in which element type a tensor is made.
pub fn options(body: &mut Body, dtype: DType) -> Expr {
    body.needs_device = true;
    creation(body, dtype, Expr::path("device").by_ref())
}

/// `device`, or `(device, DType::I64)` where the element type is not the default.
pub fn creation(body: &mut Body, element: DType, device: Expr) -> Expr {
    match element {
        DType::F32 | DType::Bool => device,
        element => {
            body.using("burn::tensor::DType");
            Expr::tuple([device, Expr::path(dtype(element))])
        }
    }
}

impl Arg {
    /// The operand as a tensor that the expression may consume.
    fn value(&self, body: &mut Body) -> Expr {
        match &self.place {
            Place::Local { name, .. } if self.last => Expr::path(name.as_str()),
            Place::Local { name, .. } => Expr::path(name.as_str()).call_method("clone", []),
            Place::Field(field) => field.clone(),
            Place::Literal(value) => literal(body, value),
            Place::Extents { dims, .. } => extents_tensor(body, dims, self.ty.dtype),
        }
    }

    /// The operand as what a method that borrows is called on.
    fn place_of(&self, body: &mut Body) -> Expr {
        match &self.place {
            Place::Local { name, .. } => Expr::path(name.as_str()),
            Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => self.value(body),
        }
    }

    /// The operand with leading axes of extent 1 up to a rank; `None` is the rank that only the caller knows.
    fn lifted(&self, body: &mut Body, to: Option<usize>) -> Expr {
        let own = rank(&self.ty);
        let value = self.value(body);
        match (own, to) {
            (own, to) if own == to => value,
            (_, Some(to)) => value.call_method(format!("unsqueeze::<{to}>"), []),
            (_, None) => value.call_method("unsqueeze::<D>", []),
        }
    }

    /// Whether both are the same local.
    fn is_same_local(&self, other: &Arg) -> bool {
        match (&self.place, &other.place) {
            (Place::Local { name, .. }, Place::Local { name: other, .. }) => name == other,
            (_, _) => false,
        }
    }

    /// Forgets that this is the last read of a local: for expressions that read their operands in another order.
    fn kept(&self) -> Arg {
        Arg {
            last: false,
            ..self.clone()
        }
    }
}

/// The rank that operands broadcast to.
pub fn common_rank(args: &[&Arg]) -> Option<usize> {
    args.iter()
        .map(|arg| rank(&arg.ty))
        .try_fold(1, |most, rank| Some(most.max(rank?)))
}

/// The operands with one rank.
pub fn aligned(body: &mut Body, args: &[&Arg]) -> Vec<Expr> {
    let common = common_rank(args);
    args.iter().map(|arg| arg.lifted(body, common)).collect()
}

/// Extents of a shape as burn takes them: `[1]` for rank 0.
pub fn shape(body: &Body, dims: &[Dim]) -> Expr {
    match dims {
        [] => Expr::array([Expr::int(1)]),
        dims => Expr::array(dims.iter().map(|dim| body.extent(dim)).collect::<Vec<_>>()),
    }
}

/// A list of sizes.
pub fn sizes(sizes: &[usize]) -> Expr {
    Expr::array(sizes.iter().map(|&size| Expr::size(size)))
}

fn literal(body: &mut Body, value: &Tensor) -> Expr {
    if value.dtype() == DType::String {
        return super::host::literal(body, value);
    }
    let rank = value.rank().max(1);
    let element = value.dtype();
    let dims = if value.rank() == 0 {
        sizes(&[1])
    } else {
        sizes(value.shape())
    };
    let options = options(body, element);
    if let Some(number) = value
        .as_splat()
        .filter(|_| element != DType::Bool && value.len() > 1)
    {
        let full = associated(body, rank, element, "full");
        return Expr::call(full, [dims, typed_number(number, element), options]);
    }
    let numbers = typed(value);
    if numbers.is_empty() {
        return Expr::call(associated(body, rank, element, "empty"), [dims, options]);
    }
    let flat = associated(body, 1, element, "from_data");
    let flat = Expr::call(flat, [Expr::array(numbers), options]);
    if rank == 1 {
        flat
    } else {
        flat.call_method("reshape", [dims])
    }
}

/// A constant's numbers, the first with the suffix that says their type.
fn typed(value: &Tensor) -> Vec<Expr> {
    if value.dtype() == DType::Bool {
        let bits = value
            .cast(DType::I64)
            .ok()
            .and_then(|bits| bits.as_integers())
            .unwrap_or_default();
        return bits.into_iter().map(|bit| Expr::bool(bit != 0)).collect();
    }
    let mut numbers = match value.as_floats() {
        Some(floats) => floats
            .into_iter()
            .map(|number| plain(number, value.dtype()))
            .collect(),
        None => literals(value),
    };
    if let Some(first) = numbers.first_mut() {
        let text = first.to_string();
        let has_suffix = text.contains("::") || text.ends_with(suffix(value.dtype()));
        *first = if has_suffix {
            first.clone()
        } else {
            Expr::literal(format!("{text}{}", suffix(value.dtype())))
        };
    }
    numbers
}

/// A number of a list: without a suffix unless it has no literal.
fn plain(number: f64, dtype: DType) -> Expr {
    match (number.is_finite(), dtype) {
        (false, dtype) => Expr::path(super::number_text(number, suffix(dtype))),
        (true, DType::F64) => Expr::f64(number),
        (true, _) => Expr::f32(number as f32),
    }
}

/// Extents as a tensor.
fn extents_tensor(body: &mut Body, dims: &[Dim], dtype: DType) -> Expr {
    let numbers = dims
        .iter()
        .map(|dim| as_i64(body.extent(dim)))
        .collect::<Vec<_>>();
    let options = options(body, dtype);
    Expr::call(
        associated(body, 1, dtype, "from_data"),
        [Expr::array(numbers), options],
    )
}

/// An extent as an `i64`.
pub fn as_i64(extent: Expr) -> Expr {
    match extent.to_string().parse::<i64>() {
        Ok(number) => Expr::literal(format!("{number}i64")),
        Err(_) => extent.cast("i64"),
    }
}

/// A number with the suffix of its element type.
pub fn typed_number(number: f64, dtype: DType) -> Expr {
    match suffix(dtype) {
        suffix @ ("f32" | "f64") => Expr::literal(super::number_text(number, suffix)),
        suffix => Expr::literal(format!("{}{suffix}", number as i64)),
    }
}

/// A scalar beside a tensor of an element type.
pub fn number(number: f64, dtype: DType) -> Expr {
    match dtype {
        DType::Bool => Expr::bool(number != 0.0),
        dtype if dtype.is_float() || !number.is_finite() => plain(number, dtype),
        _ if number.abs() > f64::from(i32::MAX) => Expr::literal(format!("{}i64", number as i64)),
        _ => Expr::int(number as i64),
    }
}

/// The suffix of a literal of an element type, as data for a tensor.
fn suffix(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::C64 => "f32",
        DType::F64 | DType::C128 => "f64",
        DType::Bool => "",
        DType::U64 => "u64",
        DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::String => "i64",
    }
}
