//! candle's words.

mod absorb;
mod constructor;
mod elementwise;
mod fuse;
mod host;
mod layer;
mod load;
mod op;
mod printer;
mod spatial;
mod step;
mod weight;

pub use printer::items;

use super::operand::{Arg, Body, Place, literals};
use super::rust::Expr;
use crate::eval::Tensor;
use crate::ir::DType;

/// candle's element type for a value.
pub fn dtype(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 => "DType::F16",
        DType::BF16 => "DType::BF16",
        DType::F32 | DType::C64 => "DType::F32",
        DType::F64 | DType::C128 => "DType::F64",
        DType::Bool | DType::U8 => "DType::U8",
        DType::U32 => "DType::U32",
        DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U16
        | DType::U64
        | DType::String => "DType::I64",
    }
}

impl Arg {
    /// The operand as what a method is called on.
    fn receiver(&self, body: &mut Body) -> Expr {
        match &self.place {
            Place::Local { name, .. } => Expr::path(name.as_str()),
            Place::Field(field) => field.clone(),
            Place::Literal(_) | Place::Extents { .. } => self.made(body),
        }
    }

    /// The operand as a reference.
    fn reference(&self, body: &mut Body) -> Expr {
        match &self.place {
            Place::Local {
                name,
                borrowed: true,
            } => Expr::path(name.as_str()),
            Place::Field(field) if is_reference(field) => field.clone(),
            Place::Local { .. } | Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => {
                self.receiver(body).by_ref()
            }
        }
    }

    /// The operand as a tensor of its own.
    fn owned(&self, body: &mut Body) -> Expr {
        match &self.place {
            Place::Local {
                name,
                borrowed: false,
            } if self.last => Expr::path(name.as_str()),
            Place::Local { .. } | Place::Field(_) => self.receiver(body).call_method("clone", []),
            Place::Literal(_) | Place::Extents { .. } => self.made(body),
        }
    }

    /// A tensor made on the spot.
    fn made(&self, body: &mut Body) -> Expr {
        if self.ty.dtype != DType::String {
            body.needs_device = true;
            body.using("candle_core::Tensor");
        }
        let device = || Expr::path("device");
        match &self.place {
            Place::Literal(value) if value.dtype() == DType::String => {
                super::host::literal(body, value).tried()
            }
            Place::Literal(value) => {
                body.using("candle_core::DType");
                let dims = Expr::tuple_shape(value.shape());
                if value.is_empty() {
                    let element = Expr::path(dtype(value.dtype()));
                    return Expr::call("Tensor::zeros", [dims, element, device()]).tried();
                }
                let made = match element(value) {
                    Some(number) if value.shape().is_empty() => {
                        Expr::call("Tensor::new", [number, device()])
                    }
                    Some(number) => Expr::call("Tensor::full", [number, dims, device()]),
                    None => {
                        let numbers = match value.dtype() {
                            DType::Bool => value
                                .cast(DType::U8)
                                .map(|bits| literals(&bits))
                                .unwrap_or_default(),
                            _ => literals(value),
                        };
                        let flat = Expr::call(
                            "Tensor::new",
                            [typed(numbers, value.dtype()).by_ref(), device()],
                        )
                        .tried();
                        match value.shape().len() {
                            1 => return cast_literal(flat, value.dtype()),
                            _ => flat.call_method("reshape", [dims]),
                        }
                    }
                };
                cast_literal(made.tried(), value.dtype())
            }
            Place::Extents { dims, scalar } => {
                let numbers: Vec<Expr> = dims.iter().map(|dim| as_i64(body.extent(dim))).collect();
                match (scalar, numbers.as_slice()) {
                    (true, [number]) => {
                        Expr::call("Tensor::new", [number.clone(), device()]).tried()
                    }
                    _ => {
                        Expr::call("Tensor::new", [Expr::array(numbers).by_ref(), device()]).tried()
                    }
                }
            }
            Place::Local { .. } | Place::Field(_) => self.receiver(body),
        }
    }
}

/// Whether a field's tensor is spelt as a call of what gives a reference.
fn is_reference(field: &Expr) -> bool {
    field.to_string().ends_with(')')
}

/// Half types have no literals.
fn cast_literal(made: Expr, dtype: DType) -> Expr {
    match dtype {
        DType::F16 | DType::BF16 => made
            .call_method("to_dtype", [Expr::path(self::dtype(dtype))])
            .tried(),
        _ => made,
    }
}

fn typed(mut numbers: Vec<Expr>, dtype: DType) -> Expr {
    if let Some(first) = numbers
        .first_mut()
        .filter(|first| !first.to_string().contains("::"))
    {
        *first = Expr::literal(format!("{first}{}", suffix(dtype)));
    }
    Expr::array(numbers)
}

fn as_i64(extent: Expr) -> Expr {
    match extent.to_string().parse::<i64>() {
        Ok(number) => Expr::literal(format!("{number}i64")),
        Err(_) => extent.cast("i64"),
    }
}

/// The element that all elements of a constant are.
fn element(value: &Tensor) -> Option<Expr> {
    let number = value.as_splat()?;
    let integer = value
        .as_integers()
        .and_then(|numbers| numbers.first().copied());
    Some(match integer.filter(|_| suffix(value.dtype()) == "i64") {
        Some(integer) => Expr::literal(format!("{integer}i64")),
        None => typed_number(number, value.dtype()),
    })
}

/// A number with the suffix of its element type.
fn typed_number(number: f64, dtype: DType) -> Expr {
    match suffix(dtype) {
        "f32" => elementwise::constant(number, "f32")
            .unwrap_or_else(|| Expr::literal(super::number_text(number, "f32"))),
        "f64" => Expr::literal(super::number_text(number, "f64")),
        suffix => Expr::literal(format!("{}{suffix}", number as i64)),
    }
}

/// The suffix of a literal of candle's element type.
fn suffix(dtype: DType) -> &'static str {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 | DType::C64 => "f32",
        DType::F64 | DType::C128 => "f64",
        DType::Bool | DType::U8 => "u8",
        DType::U32 => "u32",
        DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U16
        | DType::U64
        | DType::String => "i64",
    }
}

/// Shapes as candle takes them: `()`, `n` or `(n, m)`.
trait Slots {
    /// Of known extents.
    fn tuple_shape(dims: &[usize]) -> Expr;
    /// Of expressions.
    fn shape(dims: Vec<Expr>) -> Expr;
}

impl Slots for Expr {
    fn tuple_shape(dims: &[usize]) -> Expr {
        Expr::shape(dims.iter().map(|&dim| Expr::size(dim)).collect())
    }

    fn shape(mut dims: Vec<Expr>) -> Expr {
        match dims.len() {
            0 => Expr::unit(),
            1 => dims.remove(0),
            2..=6 => Expr::tuple(dims),
            _ => Expr::vec(dims),
        }
    }
}
