//! The method `fused`: the model for inference, with batch norms folded into the convolutions before them.

use super::super::rust::{Block, Expr, Function, Item, Pat, Stmt};
use super::super::switch::{is_same, of_field};
use super::absorb::{Activations, called_once, only_reader};
use crate::plan::{Action, Field, FieldKind, Layer, Plan, Struct};
use std::collections::{BTreeMap, BTreeSet};

/// What `fused` does to a struct.
#[derive(Clone, Debug, Default)]
pub struct Fusion {
    /// The fields of convolutions and of the norms that alone read them.
    pairs: Vec<(usize, usize)>,
    /// The fields of modules that can be fused themselves.
    modules: Vec<usize>,
}

impl Fusion {
    /// Whether there is nothing to fuse.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.modules.is_empty()
    }
}

/// What `fused` does to each struct of a plan.
pub fn fusions(plan: &Plan, activations: &Activations) -> Vec<Fusion> {
    let mut fusions = vec![Fusion::default(); plan.structs.len()];
    for (index, structure) in plan.structs.iter().enumerate().rev() {
        let modules = structure
            .fields
            .iter()
            .enumerate()
            .filter(|(_, field)| match field.kind {
                FieldKind::Module { ty, .. } | FieldKind::Modules { ty, .. } => {
                    !fusions[ty].is_empty()
                }
                FieldKind::Layer(_) | FieldKind::Parameter { .. } | FieldKind::Flag(_) => false,
            });
        let modules = modules.map(|(field, _)| field).collect();
        let pairs = pairs(structure, |field| activations.contains_key(&(index, field)));
        fusions[index] = Fusion { pairs, modules };
    }
    fusions
}

fn pairs(structure: &Struct, has_activation: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let once = called_once(structure);
    let mut pairs = vec![];
    for method in &structure.methods {
        for at in 1..method.body.len() {
            let (step, next) = (&method.body[at - 1], &method.body[at]);
            let (Action::Layer { field: conv, .. }, Action::Layer { field: norm, .. }) =
                (&step.action, &next.action)
            else {
                continue;
            };
            let fields = &structure.fields;
            let layers =
                is_convolution(&fields[*conv]) && !has_activation(*conv) && is_norm(&fields[*norm]);
            let alone = once.contains(conv) && once.contains(norm) && only_reader(method, at - 1);
            let together =
                is_same(fields, step, next) && of_field(&fields[*conv]) == of_field(&fields[*norm]);
            if layers && alone && together {
                pairs.push((*conv, *norm));
            }
        }
    }
    pairs
}

/// A convolution of the support code that has `fold`.
fn is_convolution(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Layer(Layer::Conv { dilations, .. }) => dilations.len() < 3,
        FieldKind::Layer(_)
        | FieldKind::Module { .. }
        | FieldKind::Modules { .. }
        | FieldKind::Parameter { .. }
        | FieldKind::Flag(_) => false,
    }
}

fn is_norm(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Layer(Layer::BatchNorm { .. }))
}

/// `fn fused(&self) -> Result<Self>`.
pub fn fused(plan: &Plan, structure: &Struct, fusion: &Fusion, printed: &BTreeSet<usize>) -> Item {
    let mut body = Block::default();
    let mut values: BTreeMap<usize, Expr> = BTreeMap::new();
    for &(at, after) in &fusion.pairs {
        let (conv, norm) = (&structure.fields[at], &structure.fields[after]);
        let names = [local(conv), local(norm)];
        values.extend([at, after].into_iter().zip(names.iter().map(Expr::path)));
        body.push(Stmt::bind(
            Pat::tuple(names.iter().map(String::as_str)),
            folded(conv, norm),
        ));
    }
    for &module in &fusion.modules {
        values.insert(module, module_value(plan, &structure.fields[module]));
    }
    let whole = values.len() == printed.len();
    let values = values
        .into_iter()
        .map(|(field, value)| (structure.fields[field].name.clone(), value));
    let values: Vec<_> = values.collect();
    let value = match whole {
        true => Expr::struct_lit("Self", values),
        false => Expr::struct_update("Self", values, Expr::path("self").call_method("clone", [])),
    };
    let function = Function::public("fused")
        .receiver("&self")
        .returns("Result<Self>");
    let body = body.tail(Expr::call("Ok", [value]));
    Item::from(function.body(body))
        .doc("For inference: batch norms are folded into the convolutions before them.")
}

/// A field's name as a local's: `_6` alone says nothing.
fn local(field: &Field) -> String {
    match field.name.contains(char::is_alphabetic) {
        true => field.name.clone(),
        false => format!("layer{}", field.name),
    }
}

fn own(field: &Field) -> Expr {
    Expr::path("self").field(field.name.as_str())
}

fn folded(conv: &Field, norm: &Field) -> Expr {
    if conv.present.is_none() {
        return own(conv).call_method("fold", [own(norm).by_ref()]).tried();
    }
    let both = own(conv)
        .call_method("as_ref", [])
        .call_method("zip", [own(norm).call_method("as_ref", [])]);
    let fold = Expr::closure(
        [Pat::tuple(["conv", "norm"])],
        Expr::path("conv").call_method("fold", [Expr::path("norm")]),
    );
    both.call_method("map", [fold])
        .call_method("transpose", [])
        .tried()
        .call_method("unzip", [])
}

fn module_value(plan: &Plan, field: &Field) -> Expr {
    let function = |ty: usize| Expr::path(format!("{}::fused", plan.structs[ty].name));
    let each = |values: Expr, ty: usize| {
        values
            .call_method("iter", [])
            .call_method("map", [function(ty)])
    };
    match (&field.kind, field.present) {
        (FieldKind::Modules { ty, .. }, None) => each(own(field), *ty)
            .call_method("collect::<Result<_>>", [])
            .tried(),
        (FieldKind::Modules { ty, .. }, Some(_)) => {
            let all = each(Expr::path("all"), *ty).call_method("collect::<Result<_>>", []);
            let mapped = own(field)
                .call_method("as_ref", [])
                .call_method("map", [Expr::closure(["all"], all)]);
            mapped.call_method("transpose", []).tried()
        }
        (FieldKind::Module { ty, .. }, Some(_)) => {
            let mapped = own(field)
                .call_method("as_ref", [])
                .call_method("map", [function(*ty)]);
            mapped.call_method("transpose", []).tried()
        }
        (
            FieldKind::Module { .. }
            | FieldKind::Layer(_)
            | FieldKind::Parameter { .. }
            | FieldKind::Flag(_),
            _,
        ) => own(field).call_method("fused", []).tried(),
    }
}
