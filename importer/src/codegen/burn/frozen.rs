//! Which layers have no gradients.

use crate::ir::Program;
use crate::plan::{FieldKind, Plan, Weight};
use std::collections::BTreeSet;

/// For each struct, the fields whose weights have no gradient in any instance.
pub fn frozen(plan: &Plan, program: &Program) -> Vec<BTreeSet<usize>> {
    let mut seen = vec![(BTreeSet::new(), BTreeSet::new()); plan.structs.len()];
    if !plan.structs.is_empty() {
        visit(plan, program, 0, "", &mut seen);
    }
    seen.into_iter()
        .map(|(fixed, learning)| &fixed - &learning)
        .collect()
}

fn visit(
    plan: &Plan,
    program: &Program,
    ty: usize,
    prefix: &str,
    seen: &mut [(BTreeSet<usize>, BTreeSet<usize>)],
) {
    for (index, field) in plan.structs[ty].fields.iter().enumerate() {
        let key = format!("{prefix}{}", field.name);
        match &field.kind {
            FieldKind::Layer(_) => match learns(plan, program, &format!("{key}.")) {
                Some(true) => _ = seen[ty].1.insert(index),
                Some(false) => _ = seen[ty].0.insert(index),
                None => {}
            },
            FieldKind::Module { ty, .. } => visit(plan, program, *ty, &format!("{key}."), seen),
            FieldKind::Modules { ty, instances } => {
                for instance in 0..instances.len() {
                    visit(plan, program, *ty, &format!("{key}.{instance}."), seen);
                }
            }
            FieldKind::Parameter { .. } | FieldKind::Flag(_) => {}
        }
    }
}

/// Whether any weight under a prefix has gradients; `None` if there is none but moving statistics.
fn learns(plan: &Plan, program: &Program, prefix: &str) -> Option<bool> {
    let statistics = ["running_mean", "running_var"];
    let weights = plan
        .weights
        .iter()
        .filter(|weight| weight.key.starts_with(prefix));
    let weights =
        weights.filter(|weight| !statistics.iter().any(|suffix| weight.key.ends_with(suffix)));
    let trainable = |weight: &Weight| {
        program
            .params
            .get(weight.param.0 as usize)
            .is_some_and(|param| param.trainable)
    };
    weights.map(trainable).reduce(|a, b| a || b)
}
