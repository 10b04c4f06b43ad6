//! Calls of kernels in candle's words.

use super::super::host::{self, Call};
use super::super::operand::{Arg, Body};
use super::super::rust::Expr;
use crate::error::Result;
use crate::ir::{DType, Host, Op, Type};

pub use super::super::host::moves_strings;

/// `file::kernel(&words, &x.host()?, rest…)?.native(device)?`
pub fn call(body: &mut Body, host: &Host, args: &[Arg], results: &[Type]) -> Expr {
    let call = host::call(body, host);
    let made = over(body, call, args);
    if results.iter().all(|ty| ty.dtype == DType::String) {
        return made;
    }
    body.using("support::host::Native");
    body.needs_device = true;
    made.call_method("native", [Expr::path("device")]).tried()
}

/// Strings, moved as tensors are.
///
/// # Errors
/// There is no such kernel.
pub fn moved(body: &mut Body, op: &Op, args: &[Arg]) -> Result<Expr> {
    let call = host::moving(body, op)?;
    Ok(over(body, call, args))
}

fn over(body: &mut Body, call: Call, args: &[Arg]) -> Expr {
    let can_fail = call.can_fail;
    let operands = args.iter().map(|arg| operand(body, arg)).collect();
    let made = call.over(body, operands);
    if can_fail { made.tried() } else { made }
}

fn operand(body: &mut Body, arg: &Arg) -> Expr {
    if arg.ty.dtype == DType::String {
        return arg.reference(body);
    }
    if let Some(literal) = host::number(body, arg, super::suffix) {
        return literal;
    }
    body.using("support::host::Host");
    arg.receiver(body).call_method("host", []).tried().by_ref()
}
