//! From graphs to the modules that a person would have written.
//!
//! [`layers`] finds what owns weights; [`items`] and [`tree`] sort everything into modules; [`draft`] writes their
//! methods; [`types`] makes equal modules one type; [`emit`] names things and gives the plan for the printers.

mod arguments;
mod body;
mod course;
mod draft;
mod emit;
mod extents;
mod items;
mod key;
mod layers;
mod locals;
mod merge;
mod names;
mod naming;
mod nouns;
mod paths;
mod rows;
mod settings;
mod settle;
mod shapes;
mod tree;
mod types;
mod view;
mod weights;

pub use emit::EntryNames;

use crate::error::Result;
use crate::ir::Program;
use crate::plan::target::WeightLayout;
use crate::plan::{Plan, verify};
use emit::{Emitted, emit};

/// The plan of a model called `name`; `entries` names its functions' methods, arguments and results.
///
/// # Errors
/// When a function needs an extent that cannot be computed from its arguments; a fault of the importer if the plan does not
/// verify.
pub fn plan(
    program: &Program,
    name: &str,
    entries: &[EntryNames],
    target: &dyn WeightLayout,
) -> Result<Plan> {
    let mut items = items::collect(program);
    tree::arrange(program, &mut items);
    loop {
        let modules = draft::draft(program, &items)?;
        let types = types::unify(modules, &items, &program.params)?;
        match emit(program, &items, &types, name, entries, target)? {
            Emitted::Plan(plan) => {
                verify(&plan)?;
                return Ok(plan);
            }
            Emitted::Dissolve(path) => {
                items.dissolve(&path);
                tree::arrange(program, &mut items);
            }
        }
    }
}
