//! Indices that count from the end where they are negative.

use super::pattern::with_number;
use super::rule::{Rule, Site, number};
use crate::error::Result;
use crate::ir::{Binary, Comparison, Op, Value};

/// Recognises [`Op::FromEnd`].
pub const RULES: &[Rule] = &[from_end];

/// `x < 0 ? x + n : x`, as Keras has it before each embedding.
fn from_end(site: &mut Site<'_>) -> Result<Option<Value>> {
    let (Op::Select, &[condition, wrapped, x]) = (site.op, site.inputs) else {
        return Ok(None);
    };
    // A hue is wrapped, too.
    if !site.ty.dtype.is_integer() {
        return Ok(None);
    }
    let test = site.graph.producer(condition);
    let is_negative = test.op == Op::Compare(Comparison::Less)
        && test.inputs[0] == x
        && number(site.graph, test.inputs[1]) == Some(0.0);
    match with_number(site.graph, wrapped, Binary::Add) {
        Some((of, extent)) if is_negative && of == x && extent >= 1.0 && extent.fract() == 0.0 => {
            site.push(Op::FromEnd(extent as usize), &[x]).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::DType;
    use crate::passes::optimise;
    use crate::passes::testing::Build;

    #[test]
    fn a_negative_index_counts_from_the_end() {
        let mut b = Build::default();
        let x = b.input(&[0, 6]);
        let x = b.op(Op::Cast(DType::I32), &[x]);
        let constant = |b: &mut Build, number| {
            let tensor = crate::eval::Tensor::from_integers(DType::I32, &[], vec![number]);
            b.op(Op::constant(tensor.expect("a tensor")), &[])
        };
        let (zero, extent) = (constant(&mut b, 0), constant(&mut b, 50));
        let test = b.op(Op::Compare(Comparison::Less), &[x, zero]);
        let sum = b.op(Op::Binary(Binary::Add), &[x, extent]);
        let y = b.op(Op::Select, &[test, sum, x]);
        b.check(&[y], optimise, "Cast(I32) [s0, 6]\nFromEnd(50) [s0, 6]");
    }
}
