//! Structs in burn's words.

use super::super::Context;
use super::super::described;
use super::super::operand::Body;
use super::super::plan::{Entry, Field, FieldKind, Method, Plan, Struct};
use super::super::rust::{Item, Member};
use super::constructor::{constructor, load};
use super::frozen::frozen;
use super::{layer, method, signature, tensor_type};
use crate::error::{Error, Result};
use crate::ir::{Dim, Program, Type};
use std::collections::BTreeSet;

/// The items of a module, and the paths that they use.
///
/// # Errors
/// Everything that burn cannot do, at once.
pub fn items(
    plan: &Plan,
    program: &Program,
    context: &Context,
) -> Result<(Vec<Item>, BTreeSet<String>)> {
    let mut uses = BTreeSet::from([
        "burn::module::Module".to_owned(),
        "burn::tensor::Device".to_owned(),
    ]);
    let mut items = vec![];
    let mut errors = vec![];
    let frozen = frozen(plan, program);
    for (index, structure) in plan.structs.iter().enumerate() {
        let root = (index == 0).then_some(context);
        match self::structure(plan, structure, root, &frozen[index], &mut uses) {
            Ok(more) => items.extend(more),
            Err(error) => errors.push(error),
        }
        if index == 0 {
            items.extend(
                plan.entries
                    .iter()
                    .filter_map(|entry| output_struct(plan, entry, &mut uses)),
            );
        }
    }
    match errors.is_empty() {
        true => Ok((items, uses)),
        false => Err(Error::several(errors)),
    }
}

fn structure(
    plan: &Plan,
    structure: &Struct,
    root: Option<&Context>,
    frozen: &BTreeSet<usize>,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Item>> {
    let empty = no_method();
    let mut members = vec![];
    for field in &structure.fields {
        let ty = field_type(plan, field, &mut Body::new(structure, &empty, uses))?;
        let member = Member::private_field(&field.name, &ty);
        members.push(match &field.doc {
            Some(doc) => member.doc(doc),
            None => member,
        });
    }
    let mut functions = vec![constructor(
        plan,
        structure,
        frozen,
        &mut Body::new(structure, &empty, uses),
    )?];
    if root.is_some() {
        functions.push(load(uses));
    }
    for (index, method) in structure.methods.iter().enumerate() {
        let entry = root.and_then(|_| plan.entries.get(index));
        functions.extend(method::method(plan, structure, method, entry, uses)?);
    }
    for alias in root
        .map(|context| context.aliases(plan))
        .unwrap_or_default()
    {
        functions.extend(signature::alias(plan, &alias, uses)?);
    }
    let mut item = Item::structure(&structure.name, members).attribute("derive(Module, Debug)");
    for doc in &structure.docs {
        item = item.doc(doc);
    }
    Ok(vec![item, Item::implementation(&structure.name, functions)])
}

/// The method around expressions of a constructor.
pub fn no_method() -> Method {
    Method {
        name: String::new(),
        params: vec![],
        body: vec![],
        results: vec![],
        assignments: vec![],
        has_mode: false,
        extents: vec![],
    }
}

fn field_type(plan: &Plan, field: &Field, body: &mut Body) -> Result<String> {
    let ty = match &field.kind {
        FieldKind::Layer(layer) => layer::ty(body, layer)?,
        FieldKind::Module { ty, .. } => plan.structs[*ty].name.clone(),
        FieldKind::Modules { ty, .. } => format!("Vec<{}>", plan.structs[*ty].name),
        FieldKind::Parameter { shape, dtype, .. } => {
            let dims: Vec<Dim> = shape.iter().map(|&size| Dim::known(size as i64)).collect();
            body.using("burn::module::Param");
            format!("Param<{}>", tensor_type(body, &Type::new(*dtype, dims)))
        }
        FieldKind::Flag(_) => "bool".to_owned(),
    };
    Ok(if field.present.is_some() {
        format!("Option<{ty}>")
    } else {
        ty
    })
}

fn output_struct(plan: &Plan, entry: &Entry, uses: &mut BTreeSet<String>) -> Option<Item> {
    let name = entry.output_struct.as_ref()?;
    let empty = no_method();
    let mut body = Body::new(&plan.structs[0], &empty, uses);
    let members: Vec<Member> = entry
        .outputs
        .iter()
        .map(|output| {
            let ty = tensor_type(&mut body, &output.ty);
            Member::field(&output.name, &ty).doc(described(&output.ty))
        })
        .collect();
    Some(
        Item::structure(name, members)
            .attribute("derive(Clone, Debug)")
            .doc(format!("What `{}` gives.", entry.method)),
    )
}
