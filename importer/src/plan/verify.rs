//! What holds of every [`Plan`].
//!
//! - The first struct has a method for each entry, of its name. A struct comes before those that it contains, and gives
//!   their constructors as many arguments as they take.
//! - A step uses a field that holds what its action asks for. A method that it calls exists, takes its operands and
//!   gives its results.
//! - An operand's name is that of an argument or of an earlier step's result, and the latest value of that name has the
//!   operand's element type and rank. Only an argument is borrowed. What was read for the last time is not read again.
//! - Extents that a step is spelt with follow from those that have names, and are bound before it.
//! - A step runs blocks if it is a branch or a loop. They read what the step does under the same names, but what a loop
//!   carries under the names of its results, and give as much as the step does.
//! - A step that may be left out has a field that says so, and passes one of its operands on.

use super::{Action, Block, Field, FieldKind, Flow, Local, Method, Operand, Plan, Step, Struct};
use crate::error::{Error, Result};
use crate::ir::{Atom, Dim};
use std::collections::{BTreeMap, BTreeSet};

/// Checks the invariants of the module's documentation.
///
/// # Errors
/// Names the first method and step that break one: a fault of the importer.
pub fn verify(plan: &Plan) -> Result<()> {
    for (index, owner) in plan.structs.iter().enumerate() {
        for field in &owner.fields {
            check_field(plan, index, field).map_err(|e| within(e, &owner.name, &field.name))?;
        }
        for method in &owner.methods {
            check_method(plan, owner, method).map_err(|e| within(e, &owner.name, &method.name))?;
        }
    }
    let methods = plan.structs.first().map_or(&[][..], |root| &root.methods);
    let entries = plan.entries.iter().map(|entry| &entry.method);
    expect(
        methods.iter().map(|method| &method.name).eq(entries),
        || "the model's methods are not its entries".to_owned(),
    )
}

fn within(error: Error, owner: &str, part: &str) -> Error {
    Error::internal(format!("{owner}::{part}: {error}"))
}

fn expect(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Error::internal(message())),
    }
}

fn check_field(plan: &Plan, owner: usize, field: &Field) -> Result<()> {
    let contained = |ty: usize, given: usize| {
        let takes = plan.structs.get(ty).map(|child| child.args.len());
        expect(ty > owner && takes == Some(given), || {
            format!("struct {ty} is made with {given} arguments, and takes {takes:?}")
        })
    };
    match &field.kind {
        FieldKind::Module { ty, args } => contained(*ty, args.len()),
        FieldKind::Modules { ty, instances } => {
            let mut instances = instances.iter();
            instances.try_for_each(|args| contained(*ty, args.len()))
        }
        FieldKind::Layer(_) | FieldKind::Parameter { .. } | FieldKind::Flag(_) => Ok(()),
    }
}

fn check_method(plan: &Plan, owner: &Struct, method: &Method) -> Result<()> {
    let mut scope = Scope::of(method);
    for step in &method.body {
        check_step(plan, owner, &mut scope, step).map_err(|e| e.at(&step.place()))?;
    }
    method
        .last_reads()
        .try_for_each(|operand| scope.read(operand))
}

fn check_step<'a>(
    plan: &Plan,
    owner: &Struct,
    scope: &mut Scope<'a>,
    step: &'a Step,
) -> Result<()> {
    check_action(plan, owner, step)?;
    step.args
        .iter()
        .try_for_each(|operand| scope.read(operand))?;
    let operand = step.args.first().map(|operand| operand.ty.dims());
    let spelt = step.action.extents(operand.unwrap_or_default());
    spelt.into_iter().try_for_each(|dim| scope.spell(dim))?;
    if let Some(condition) = step.condition {
        let field = owner.fields.get(condition.field);
        let says =
            |field: &Field| matches!(field.kind, FieldKind::Flag(_)) || field.present.is_some();
        let passes = condition.pass < step.args.len() && step.results.len() == 1;
        expect(field.is_some_and(says) && passes, || {
            format!("{condition:?} does not say what happens otherwise")
        })?;
    }
    for block in &step.blocks {
        check_block(plan, owner, scope.inside(step, block), block)?;
    }
    step.args.iter().for_each(|operand| scope.end(operand));
    scope.bind(step);
    Ok(())
}

fn check_block<'a>(
    plan: &Plan,
    owner: &Struct,
    mut scope: Scope<'a>,
    block: &'a Block,
) -> Result<()> {
    for step in &block.body {
        check_step(plan, owner, &mut scope, step).map_err(|e| e.at(&step.place()))?;
    }
    let mut results = block.results.iter();
    results.try_for_each(|operand| scope.read(operand))
}

fn check_action(plan: &Plan, owner: &Struct, step: &Step) -> Result<()> {
    let Some(index) = step.action.field() else {
        return Ok(());
    };
    let kind = owner.fields.get(index).map(|field| &field.kind);
    let fits = match (&step.action, kind) {
        (Action::Layer { .. } | Action::LayerWeight { .. }, Some(FieldKind::Layer(_)))
        | (Action::Parameter(_), Some(FieldKind::Parameter { .. })) => true,
        (Action::Module { method, .. }, Some(FieldKind::Module { ty, .. }))
        | (Action::Modules { method, .. }, Some(FieldKind::Modules { ty, .. })) => {
            let called = plan
                .structs
                .get(*ty)
                .and_then(|child| child.methods.get(*method));
            called.is_some_and(|called| {
                called.params.len() == step.args.len() && called.results.len() == step.results.len()
            })
        }
        (_, _) => false,
    };
    expect(fits, || {
        format!("{:?} is not what field {index} has: {kind:?}", step.action)
    })
}

/// What has a name at some point of a method.
#[derive(Clone)]
struct Scope<'a> {
    method: &'a Method,
    /// The latest value of each name, and whether it is an argument.
    values: BTreeMap<&'a str, (&'a Local, bool)>,
    /// The extents that are bound.
    extents: BTreeSet<&'a str>,
}

impl<'a> Scope<'a> {
    fn of(method: &'a Method) -> Self {
        let arguments = method.params.iter();
        Scope {
            method,
            values: arguments
                .map(|local| (local.name.as_str(), (local, true)))
                .collect(),
            extents: BTreeSet::new(),
        }
    }

    /// What has a name where a block of a step begins.
    fn inside(&self, step: &Step, block: &'a Block) -> Self {
        let mut scope = self.clone();
        let Action::Flow(Flow::Repeat { round, carried, .. }) = step.action else {
            return scope;
        };
        let carried = block.params.iter().take(carried);
        let carried = carried.map(|local| (local.name.as_str(), (local, false)));
        scope.values.extend(carried);
        let is_round = |(dim, _): &&(Dim, String)| *dim == Dim::symbol(round);
        let rounds = self.method.extents.iter().filter(is_round);
        scope.extents.extend(rounds.map(|(_, name)| name.as_str()));
        scope
    }

    fn read(&self, operand: &Operand) -> Result<()> {
        let found = self.values.get(operand.name.as_str());
        let fits = found.is_some_and(|(local, is_argument)| {
            local.ty.dtype == operand.ty.dtype
                && local.ty.rank() == operand.ty.rank()
                && *is_argument == operand.borrowed
        });
        expect(fits, || format!("{operand:?} reads {found:?}"))
    }

    /// Forgets what is read for the last time.
    fn end(&mut self, operand: &Operand) {
        if operand.last {
            self.values.remove(operand.name.as_str());
        }
    }

    fn bind(&mut self, step: &'a Step) {
        for local in step.results.iter().filter(|local| local.name != "_") {
            match step.action {
                Action::Extent { .. } | Action::Elements => {
                    self.extents.insert(&local.name);
                }
                Action::Op(_)
                | Action::Layer { .. }
                | Action::Module { .. }
                | Action::Modules { .. }
                | Action::Parameter(_)
                | Action::LayerWeight { .. }
                | Action::Flow(_)
                | Action::Constant(_) => {
                    self.values.insert(&local.name, (local, false));
                }
            }
        }
    }

    /// Whether an extent has a name, or is made of what has.
    fn spell(&self, dim: &Dim) -> Result<()> {
        let is_named =
            |(named, name): &(Dim, String)| named == dim && self.extents.contains(name.as_str());
        if dim.as_known().is_some() || self.method.extents.iter().any(is_named) {
            return Ok(());
        }
        let mut atoms = dim.terms().flat_map(|(atoms, _)| atoms);
        atoms.try_for_each(|atom| match atom {
            Atom::Symbol(symbol) if Dim::symbol(*symbol) == *dim => {
                Err(Error::internal(format!("the extent {dim} has no name")))
            }
            Atom::Symbol(symbol) => self.spell(&Dim::symbol(*symbol)),
            Atom::Quotient(a, b) => [a, b].into_iter().try_for_each(|dim| self.spell(dim)),
            Atom::Max(members) | Atom::Min(members) => {
                members.iter().try_for_each(|dim| self.spell(dim))
            }
        })
    }
}
