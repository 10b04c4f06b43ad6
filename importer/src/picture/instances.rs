//! Where in the model the modules of each type are.

use super::model::{Instance, Picture};
use super::text;
use crate::plan::{self, ArgValue, FieldKind, Plan};

/// More instances of one type than this are counted and not listed.
const MAX_INSTANCES: usize = 10_000;

/// A module as it stands in the model: its type, its path, and its constructor's arguments.
type Placed = (usize, Instance, Vec<ArgValue>);

/// Finds every module from the root down.
pub fn list(picture: &mut Picture, plan: &Plan) {
    let mut queue: Vec<Placed> = vec![(0, Instance::default(), vec![])];
    let mut listed = 0;
    while let Some((ty, instance, values)) = queue.pop() {
        let Some(structure) = plan.structs.get(ty) else {
            continue;
        };
        let mut below = vec![];
        for field in &structure.fields {
            let is_there = field
                .present
                .is_none_or(|flag| values.get(flag) != Some(&ArgValue::Flag(false)));
            if is_there {
                parts(plan, field, &instance, &values, &mut below);
            }
        }
        for (ty, instance, _) in &below {
            if let Some(module) = picture.modules.get_mut(*ty)
                && *ty > 0
                && module.instances.len() < MAX_INSTANCES
            {
                module.instances.push(instance.clone());
            }
        }
        listed += below.len();
        if listed > MAX_INSTANCES {
            return;
        }
        queue.extend(below.into_iter().rev());
    }
}

/// The modules of one field.
fn parts(
    plan: &Plan,
    field: &plan::Field,
    around: &Instance,
    values: &[ArgValue],
    out: &mut Vec<Placed>,
) {
    let mut add = |ty: usize, path: String, args: &[ArgValue]| {
        let resolve = |arg: &ArgValue| match arg {
            ArgValue::Outer(outer) => values.get(*outer).cloned().unwrap_or(arg.clone()),
            ArgValue::Size(_) | ArgValue::Sizes(_) | ArgValue::Flag(_) | ArgValue::Number(_) => {
                arg.clone()
            }
        };
        let args: Vec<ArgValue> = args.iter().map(resolve).collect();
        let names = plan
            .structs
            .get(ty)
            .map_or(&[][..], |structure| &structure.args);
        let settings = names
            .iter()
            .zip(&args)
            .map(|(name, arg)| text::setting(name, arg));
        let settings = settings.collect();
        out.push((ty, Instance { path, settings }, args));
    };
    let path = around.below(&field.name);
    match &field.kind {
        FieldKind::Module { ty, args } => add(*ty, path, args),
        FieldKind::Modules { ty, instances } => {
            for (i, args) in instances.iter().enumerate() {
                add(*ty, format!("{path}.{i}"), args);
            }
        }
        FieldKind::Layer(_) | FieldKind::Parameter { .. } | FieldKind::Flag(_) => {}
    }
}
