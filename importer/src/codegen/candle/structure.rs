//! Structs in candle's words.

use super::super::operand::Body;
use super::super::plan::{ArgKind, Entry, Field, FieldKind, Method, Plan, Struct};
use super::super::rust::{Block, Expr, Function, Item, Member};
use super::super::{Context, described};
use super::absorb::{Activations, absorb};
use super::constructor::{field_value, takes_weights, with_activation};
use super::fuse::{Fusion, fused, fusions};
use super::layer;
use super::load::{load, main_dtype, trainable};
use super::method::method;
use super::signature::alias;
use crate::error::{Error, Result};
use crate::ir::Program;
use std::collections::BTreeSet;

/// A program need not call all that a model can do, nor read all that it gives.
const UNUSED: &str = "allow(dead_code)";

/// What the printing of a module's parts shares.
pub struct Printer<'a> {
    /// The plan, without the steps that layers absorbed.
    pub plan: &'a Plan,
    program: &'a Program,
    context: &'a Context,
    activations: Activations,
    fusions: Vec<Fusion>,
    /// The paths that the items use.
    pub uses: BTreeSet<String>,
}

/// The items of a module, and the paths that they use.
///
/// # Errors
/// Everything that candle cannot do, at once.
pub fn items(
    plan: &Plan,
    program: &Program,
    context: &Context,
) -> Result<(Vec<Item>, BTreeSet<String>)> {
    let (plan, activations) = absorb(plan);
    let fusions = fusions(&plan, &activations);
    let uses = BTreeSet::from([
        "candle_core::Result".to_owned(),
        "candle_nn::VarBuilder".to_owned(),
    ]);
    let mut printer = Printer {
        plan: &plan,
        program,
        context,
        activations,
        fusions,
        uses,
    };
    let (mut items, mut errors) = (vec![], vec![]);
    for index in 0..plan.structs.len() {
        match printer.structure(index) {
            Ok(more) => items.extend(more),
            Err(error) => errors.push(error),
        }
        if index == 0 {
            items.extend(
                plan.entries
                    .iter()
                    .filter_map(|entry| output_struct(entry, &mut printer.uses)),
            );
        }
    }
    match errors.is_empty() {
        true => Ok((items, printer.uses)),
        false => Err(Error::several(errors)),
    }
}

impl Printer<'_> {
    fn structure(&mut self, index: usize) -> Result<Vec<Item>> {
        let plan = self.plan;
        let structure = &plan.structs[index];
        let printed = printed(structure);
        let item = self.members(structure, &printed)?;
        let mut functions = vec![self.constructor(index, &printed)?];
        if index == 0 {
            functions.push(load(self.program, plan, &mut self.uses));
            functions.push(trainable(plan, self.program, &mut self.uses));
        }
        let fusion = &self.fusions[index];
        if !fusion.is_empty()
            && structure
                .methods
                .iter()
                .all(|method| method.name != "fused")
        {
            functions.push(fused(plan, structure, fusion, &printed));
        }
        let (root, mut errors) = (index == 0, vec![]);
        for (i, method) in structure.methods.iter().enumerate() {
            let entry = root.then(|| &plan.entries[i]);
            match self::method(self, structure, method, entry) {
                Ok(more) => functions.extend(more),
                Err(error) => errors.push(error),
            }
        }
        if root {
            functions.extend(self.context.aliases(plan).iter().flat_map(alias));
        }
        match errors.is_empty() {
            true => Ok(vec![
                item,
                Item::implementation(&structure.name, functions).attribute(UNUSED),
            ]),
            false => Err(Error::several(errors)),
        }
    }

    fn members(&mut self, structure: &Struct, printed: &BTreeSet<usize>) -> Result<Item> {
        let mut members = vec![];
        for field in printed.iter().map(|&field| &structure.fields[field]) {
            let member =
                Member::private_field(&field.name, &field_type(self.plan, field, &mut self.uses)?);
            members.push(match &field.doc {
                Some(doc) => member.doc(doc),
                None => member,
            });
        }
        let item = Item::structure(&structure.name, members).attribute("derive(Clone, Debug)");
        Ok(structure.docs.iter().fold(item, |item, doc| item.doc(doc)))
    }

    fn constructor(&mut self, index: usize, printed: &BTreeSet<usize>) -> Result<Item> {
        let structure = &self.plan.structs[index];
        let empty = Method {
            name: String::new(),
            params: vec![],
            body: vec![],
            results: vec![],
            assignments: vec![],
            has_mode: false,
            extents: vec![],
        };
        let mut body = Body::new(structure, &empty, &mut self.uses);
        let mut fields = vec![];
        for &at in printed {
            let field = &structure.fields[at];
            let mut made = field_value(
                self.plan,
                structure,
                field,
                main_dtype(self.program, self.plan),
                &mut body,
            )?;
            if let Some(activation) = self.activations.get(&(index, at)) {
                made = with_activation(
                    made,
                    field,
                    activation.spelt(&body.support("activation::Activation")),
                );
            }
            fields.push((field.name.clone(), made));
        }
        let mut function = Function::public("new").returns("Result<Self>");
        for arg in &structure.args {
            let ty = match arg.kind {
                ArgKind::Size => "usize".to_owned(),
                ArgKind::Sizes(n) => format!("[usize; {n}]"),
                ArgKind::Flag => "bool".to_owned(),
            };
            function = function.param(&arg.name, &ty);
        }
        let unused = printed
            .iter()
            .all(|&field| !takes_weights(&structure.fields[field].kind));
        function = function.param(if unused { "_vb" } else { "vb" }, "VarBuilder");
        let value = Expr::call("Ok", [Expr::struct_lit("Self", fields)]);
        let item =
            Item::from(function.body(Block::from(value))).doc("Takes the weights from under `vb`.");
        Ok(if structure.args.len() > 6 {
            item.attribute("allow(clippy::too_many_arguments)")
        } else {
            item
        })
    }
}

/// The fields that the struct shows: a switch that no method asks for is only an argument.
fn printed(structure: &Struct) -> BTreeSet<usize> {
    let steps = structure.methods.iter().flat_map(|method| &method.body);
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

fn field_type(plan: &Plan, field: &Field, uses: &mut BTreeSet<String>) -> Result<String> {
    let mut named = |path: &str| {
        uses.insert(path.to_owned());
        path.rsplit("::").next().unwrap_or(path).to_owned()
    };
    let ty = match &field.kind {
        FieldKind::Layer(layer) => named(layer::ty(layer)?),
        FieldKind::Module { ty, .. } => plan.structs[*ty].name.clone(),
        FieldKind::Modules { ty, .. } => format!("Vec<{}>", plan.structs[*ty].name),
        FieldKind::Parameter { .. } => named("candle_core::Tensor"),
        FieldKind::Flag(_) => "bool".to_owned(),
    };
    Ok(if field.present.is_some() {
        format!("Option<{ty}>")
    } else {
        ty
    })
}

fn output_struct(entry: &Entry, uses: &mut BTreeSet<String>) -> Option<Item> {
    let name = entry.output_struct.as_ref()?;
    uses.insert("candle_core::Tensor".to_owned());
    let members = entry
        .outputs
        .iter()
        .map(|output| Member::field(&output.name, "Tensor").doc(described(&output.ty)));
    Some(
        Item::structure(name, members.collect::<Vec<_>>())
            .attribute("derive(Clone, Debug)")
            .attribute(UNUSED)
            .doc(format!("What `{}` gives.", entry.method)),
    )
}
