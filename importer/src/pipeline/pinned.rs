//! Advice to pin arguments whose extents are free.

use crate::saved_model::{Argument, ExportedFunction, dtype_name};

/// Extents that are tried for free axes, but for the first, which is a batch of one.
const TRIED: [u64; 3] = [8, 32, 224];

/// The arguments of the command line that pin a function's free extents, where some are found with which it `works`.
/// Without, the arguments that could be pinned; `None` if there are none.
pub(super) fn advice(
    function: &ExportedFunction,
    works: impl Fn(&ExportedFunction) -> bool,
) -> Option<String> {
    let is_free = |input: &Argument| {
        let dims = input.shape.as_ref();
        dims.is_none_or(|dims| dims.iter().any(Option::is_none))
    };
    let free: Vec<usize> = (0..function.inputs.len())
        .filter(|&index| is_free(&function.inputs[index]))
        .collect();
    if free.is_empty() {
        return None;
    }
    let has_rank = free
        .iter()
        .all(|&index| function.inputs[index].shape.is_some());
    let mut tried = TRIED
        .iter()
        .filter(|_| has_rank)
        .map(|&extent| pinned(function, extent));
    match tried.find(works) {
        Some(pinned) => {
            let specs: Vec<String> = free.iter().map(|&i| spec(&pinned.inputs[i])).collect();
            Some(format!(
                "pin the free extents, for example with {}",
                specs.join(" ")
            ))
        }
        None => {
            let specs: Vec<String> = free.iter().map(|&i| spec(&function.inputs[i])).collect();
            let specs = specs.join(" or ");
            Some(format!("pin an argument whose shape is free, with {specs}"))
        }
    }
}

fn pinned(function: &ExportedFunction, extent: u64) -> ExportedFunction {
    let mut pinned = function.clone();
    for input in &mut pinned.inputs {
        let dims = input.shape.iter_mut().flatten().enumerate();
        for (axis, dim) in dims {
            *dim = dim.or(Some(if axis == 0 { 1 } else { extent }));
        }
    }
    pinned
}

/// `--input x=float32[1,8]`; an extent that is free is `N`.
fn spec(input: &Argument) -> String {
    let extent = |dim: &Option<u64>| dim.map_or_else(|| "N".to_owned(), |dim| dim.to_string());
    let shape = input.shape.as_ref().map_or_else(
        || "N,…".to_owned(),
        |dims| dims.iter().map(extent).collect::<Vec<_>>().join(","),
    );
    format!(
        "--input {}={}[{shape}]",
        input.name,
        dtype_name(input.dtype)
    )
}
