//! Structs: fields, constructors, and the methods that belong to them.

use super::Context;
use super::config;
use super::method::{alias, method};
use super::operand::Body;
use super::rust::Member;
use super::skeleton::{Functions, Skeleton};
use super::words::Words;
use crate::error::{Error, Place, Result};
use crate::plan::axes::Axes;
use crate::plan::{Field, FieldKind, Local, Method, Struct, all_steps};
use std::collections::BTreeSet;

/// The structs of a module, the model first; the paths that they use are added to `uses`.
///
/// # Errors
/// Everything that the framework cannot do, at once.
pub fn items(
    words: &impl Words,
    context: &Context,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Skeleton>> {
    let plan = words.plan();
    let (mut items, mut errors) = (vec![], vec![]);
    for index in 0..plan.structs.len() {
        let root = (index == 0).then_some(context);
        match structure(words, index, root, uses) {
            Ok(more) => items.extend(more),
            Err(error) => errors.push(error),
        }
        if index == 0 {
            items.extend(output_structs(words, context, uses));
        }
    }
    match errors.is_empty() {
        true => Ok(items),
        false => Err(Error::several(errors)),
    }
}

fn structure(
    words: &impl Words,
    index: usize,
    root: Option<&Context>,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Skeleton>> {
    let plan = words.plan();
    let structure = &plan.structs[index];
    let shown = shown(structure);
    let members = members(words, structure, &shown, uses);
    let none = no_method();
    let made = words.constructor(index, &shown, &mut Body::new(structure, &none, uses));
    let loaders = words.functions(index, &shown, uses);
    let (mut methods, mut errors) = (vec![], vec![]);
    for (i, of) in structure.methods.iter().enumerate() {
        let entry = root.and_then(|_| plan.entries.get(i));
        match method(words, structure, of, entry, uses) {
            Ok(forms) => methods.extend(forms),
            Err(error) => errors.push(error),
        }
    }
    for other in root.iter().flat_map(|context| &context.aliases) {
        match alias(words, other, uses) {
            Ok(forms) => methods.extend(forms),
            Err(error) => errors.push(error),
        }
    }
    match (members, made, errors.is_empty()) {
        (Ok(of), Ok(constructor), true) => {
            let of = of.functions(Functions {
                allowed: words.unused(),
                constructor,
                loaders,
                methods,
            });
            Ok(vec![of.alias(config::alias(structure))])
        }
        // A field whose type cannot be said has no value either.
        (Err(error), _, _) | (Ok(_), Err(error), _) => {
            errors.insert(0, error);
            Err(Error::several(errors))
        }
        (Ok(_), Ok(_), false) => Err(Error::several(errors)),
    }
}

/// The struct with its fields.
fn members(
    words: &impl Words,
    structure: &Struct,
    shown: &BTreeSet<usize>,
    uses: &mut BTreeSet<String>,
) -> Result<Skeleton> {
    let none = no_method();
    let mut body = Body::new(structure, &none, uses);
    let (mut members, mut errors) = (vec![], vec![]);
    for field in shown.iter().map(|&field| &structure.fields[field]) {
        let ty = match (words.field_type(&field.kind, &mut body), field.present) {
            (Ok(ty), None) => ty,
            (Ok(ty), Some(_)) => format!("Option<{ty}>"),
            (Err(error), _) => {
                errors.push(error.at(&place(structure, field)));
                continue;
            }
        };
        let member = Member::field(&field.name, &ty);
        members.push(match &field.doc {
            Some(doc) => member.doc(doc),
            None => member,
        });
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    let item = Skeleton::new(&structure.name, members).attribute(words.derived());
    Ok(structure.docs.iter().fold(item, |item, doc| item.doc(doc)))
}

/// Where a field is in the model, as far as its struct tells.
fn place(structure: &Struct, field: &Field) -> Place {
    Place {
        object: Some(format!("{}.{}", structure.name, field.name)),
        ..Place::default()
    }
}

/// The fields that a struct shows: a switch that no method asks for is only an argument.
fn shown(structure: &Struct) -> BTreeSet<usize> {
    let steps = structure.methods.iter();
    let steps = steps.flat_map(|method| all_steps(&method.body));
    let asked: BTreeSet<usize> = steps
        .filter_map(|step| Some(step.condition.as_ref()?.field))
        .collect();
    let shows = |(index, field): (usize, &Field)| match field.kind {
        FieldKind::Flag(_) => asked.contains(&index),
        FieldKind::Layer(_)
        | FieldKind::Module { .. }
        | FieldKind::Modules { .. }
        | FieldKind::Parameter { .. } => true,
    };
    (0..structure.fields.len())
        .filter(|&index| shows((index, &structure.fields[index])))
        .collect()
}

/// The method around expressions that are in none.
pub fn no_method() -> Method {
    Method {
        name: String::new(),
        params: vec![],
        body: vec![],
        results: vec![],
        assignments: vec![],
        has_mode: false,
        extents: vec![],
        axes: Axes::default(),
        shapes: None,
    }
}

/// What a function with several results gives.
fn output_struct(
    words: &impl Words,
    (name, of): (&str, &str),
    fields: &[(&str, &Local)],
    axes: &Axes,
    uses: &mut BTreeSet<String>,
) -> Skeleton {
    let none = no_method();
    let mut body = Body::new(&words.plan().structs[0], &none, uses);
    let members = fields.iter().map(|(name, output)| {
        let ty = words.result_type(&output.ty, &mut body);
        Member::field(name, &ty).doc(axes.described(&output.ty, words.dtype(output.ty.dtype)))
    });
    let item = Skeleton::new(name, members.collect())
        .attribute("derive(Clone, Debug)")
        .doc(format!("What `{of}` gives."));
    unused(words, item)
}

/// What the functions with several results give.
fn output_structs(
    words: &impl Words,
    context: &Context,
    uses: &mut BTreeSet<String>,
) -> Vec<Skeleton> {
    let plan = words.plan();
    let axes = |entry: usize| &plan.structs[0].methods[entry].axes;
    let mut items = vec![];
    for (i, entry) in plan.entries.iter().enumerate() {
        if let Some(name) = &entry.output_struct {
            let outputs = entry.outputs.iter();
            let fields: Vec<_> = outputs.map(|local| (local.name.as_str(), local)).collect();
            let names = (name.as_str(), entry.method.as_str());
            items.push(output_struct(words, names, &fields, axes(i), uses));
        }
    }
    for alias in &context.aliases {
        let outputs = &plan.entries[alias.entry].outputs;
        let fields = alias.results.fields.iter();
        let fields: Vec<_> = fields
            .map(|(name, i)| (name.as_str(), &outputs[*i]))
            .collect();
        let names = (alias.results.name.as_str(), alias.name.as_str());
        let axes = axes(alias.entry);
        items.push(output_struct(words, names, &fields, axes, uses));
    }
    items
}

fn unused(words: &impl Words, item: Skeleton) -> Skeleton {
    match words.unused() {
        Some(attribute) => item.attribute(attribute),
        None => item,
    }
}
