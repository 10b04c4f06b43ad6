//! Calls of kernels in burn's words.

use super::super::host::{self, Call};
use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use super::tensor_type;
use crate::error::Result;
use crate::ir::{DType, Host, Op, Type};

pub use super::super::host::moves_strings;

/// `file::kernel(&words, &x.host(), rest…).native::<(Tensor<1>, StringTensor)>(&device)`
pub fn call(body: &mut Body, host: &Host, args: &[Arg], results: &[Type]) -> Expr {
    let call = host::call(body, host);
    if results.iter().all(|ty| ty.dtype == DType::String) {
        return done(body, call, args);
    }
    let (types, operands) = (native(body, host, results), operands(body, args));
    let made = call.over(body, operands);
    body.using("support::host::Native");
    body.needs_device = true;
    made.call_method(
        format!("native::<{types}>"),
        [Expr::path("device").by_ref()],
    )
}

/// The types that a kernel's results become.
fn native(body: &mut Body, host: &Host, results: &[Type]) -> String {
    let types: Vec<String> = results.iter().map(|ty| tensor_type(body, ty)).collect();
    match types.as_slice() {
        [one, ..] if host.op.form.gives_list => format!("[{one}; {}]", types.len()),
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    }
}

/// Strings, moved as tensors are.
///
/// # Errors
/// There is no such kernel.
pub fn moved(body: &mut Body, op: &Op, args: &[Arg]) -> Result<Expr> {
    let call = host::moving(body, op)?;
    Ok(done(body, call, args))
}

/// `done(call)`, or the call itself if it cannot fail.
fn done(body: &mut Body, call: Call, args: &[Arg]) -> Expr {
    let can_fail = call.can_fail;
    let operands = operands(body, args);
    let made = call.over(body, operands);
    match can_fail {
        true => Expr::call(body.support("host::done"), [made]),
        false => made,
    }
}

fn operands(body: &mut Body, args: &[Arg]) -> Vec<Expr> {
    args.iter().map(|arg| operand(body, arg)).collect()
}

fn operand(body: &mut Body, arg: &Arg) -> Expr {
    if let Some(literal) = host::number(body, arg, suffix) {
        return literal;
    }
    let place = arg.place_of(body);
    if arg.ty.dtype == DType::String {
        return place.by_ref();
    }
    body.using("support::host::Host");
    let array = place.call_method("host", []);
    match arg.ty.rank() {
        Some(0) => array.call_method("scalar", []).by_ref(),
        _ => array.by_ref(),
    }
}

/// burn has integers of 32 bits.
fn suffix(dtype: DType) -> &'static str {
    match dtype {
        DType::I32 => "i32",
        dtype => super::suffix(dtype),
    }
}
