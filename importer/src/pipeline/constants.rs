//! Large constants become parameters that are not trained: they belong in the weights file, not in code.

use crate::Result;
use crate::eval::Tensor;
use crate::ir::{Op, Param, ParamId, ParamSource, Program, Stored, Type};
use crate::passes::rewrite::Rewriter;
use std::sync::Arc;

/// Constants of more elements than this are no literals.
const LITERAL_LIMIT: usize = 16;

/// Moves every large numeric constant into [`Program::params`]; equal ones once.
pub(crate) fn promote(program: &mut Program) -> Result<()> {
    let Program {
        params, functions, ..
    } = program;
    for function in functions {
        function.graph = Rewriter::new(&function.graph).run(|rewriter, _, node| {
            let Op::Constant(value) = &node.op else {
                return Ok(None);
            };
            let is_literal = value.len() <= LITERAL_LIMIT
                || value.as_splat().is_some()
                || node.types[0].dtype.width().is_none();
            if is_literal {
                return Ok(None);
            }
            let id = known(params, value)
                .unwrap_or_else(|| add(params, value, &node.types[0], &node.origin.node));
            Ok(Some(vec![rewriter.new.param(
                id,
                node.types[0].clone(),
                &node.origin,
            )]))
        })?;
    }
    Ok(())
}

fn known(params: &[Param], value: &Arc<Tensor>) -> Option<ParamId> {
    let same = |param: &Param| matches!(&param.source, ParamSource::Constant(other) if Arc::ptr_eq(other, value) || other == value);
    params
        .iter()
        .position(same)
        .map(|index| ParamId(index as u32))
}

fn add(params: &mut Vec<Param>, value: &Arc<Tensor>, ty: &Type, name: &str) -> ParamId {
    let source = ParamSource::Constant(value.clone());
    params.push(Param {
        name: name.to_owned(),
        object_path: None,
        ty: ty.clone(),
        trainable: false,
        source,
        stored: Stored::Plain,
    });
    ParamId((params.len() - 1) as u32)
}
