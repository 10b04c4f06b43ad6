//! Structs, constructors and methods in candle's words.

use super::super::operand::Body;
use super::super::plan::{
    ArgKind, ArgValue, Entry, Field, FieldKind, Layer, Method, Plan, Struct, Weight,
};
use super::super::rust::{Block, Expr, Function, Item, Member, Stmt};
use super::super::{Context, described};
use super::absorb::{Activations, absorb};
use super::fuse::{Fusion, fused, fusions};
use super::method::{alias, method};
use super::{Slots, dtype, layer, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Program};
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

fn takes_weights(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Flag(_) | FieldKind::Layer(Layer::Dropout { .. }) => false,
        FieldKind::Layer(_)
        | FieldKind::Module { .. }
        | FieldKind::Modules { .. }
        | FieldKind::Parameter { .. } => true,
    }
}

/// A layer that applies an activation: `made` is its constructor with `?`.
fn with_activation(made: Expr, field: &Field, activation: Expr) -> Expr {
    match field.present {
        None => made.call_method("with_activation", [activation]),
        Some(_) => {
            let with = Expr::path("layer").call_method("with_activation", [activation]);
            made.call_method("map", [Expr::closure(["layer"], with)])
        }
    }
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

fn field_value(
    plan: &Plan,
    structure: &Struct,
    field: &Field,
    main: DType,
    body: &mut Body,
) -> Result<Expr> {
    let key = Expr::path("vb").call_method("pp", [Expr::str(&field.name)]);
    let switch = field
        .present
        .map(|flag| Expr::path(structure.args[flag].name.as_str()));
    let optional = |made: Expr| match &switch {
        Some(flag) => {
            let then = flag
                .clone()
                .call_method("then", [Expr::closure(Vec::<&str>::new(), made)]);
            then.call_method("transpose", []).tried()
        }
        None => made.tried(),
    };
    Ok(match &field.kind {
        FieldKind::Layer(Layer::Dropout { rate }) => {
            body.using("candle_nn::Dropout");
            let made = Expr::call("Dropout::new", [Expr::f32(*rate as f32)]);
            match switch {
                Some(flag) => flag.call_method("then", [Expr::closure(Vec::<&str>::new(), made)]),
                None => made,
            }
        }
        FieldKind::Layer(layer) => optional(layer::constructor(body, layer, key)?),
        FieldKind::Module { ty, args } => {
            let args = args.iter().map(|arg| value(arg, structure)).chain([key]);
            optional(Expr::call(
                format!("{}::new", plan.structs[*ty].name),
                args.collect::<Vec<_>>(),
            ))
        }
        FieldKind::Modules { ty, instances } => {
            match each(&plan.structs[*ty].name, field, instances, structure) {
                Ok(made) => optional(made),
                Err(made) if field.present.is_none() => {
                    Expr::vec(made.into_iter().map(Expr::tried).collect::<Vec<_>>())
                }
                Err(made) => {
                    let made = Expr::array(made).call_method("into_iter", []);
                    optional(made.call_method("collect::<Result<_>>", []))
                }
            }
        }
        FieldKind::Parameter {
            shape,
            dtype: element,
            ..
        } => optional(parameter(&field.name, shape, *element, main, body)),
        FieldKind::Flag(arg) => Expr::path(structure.args[*arg].name.as_str()),
    })
}

/// A tensor of the file, a `Result`; `main` is the element type of the `VarBuilder`.
fn parameter(name: &str, shape: &[usize], element: DType, main: DType, body: &mut Body) -> Expr {
    let shape = Expr::tuple_shape(shape);
    if element == main {
        return Expr::path("vb").call_method("get", [shape, Expr::str(name)]);
    }
    body.using("candle_core::DType");
    let args = [
        shape,
        Expr::str(name),
        Expr::call("Default::default", []),
        Expr::path(dtype(element)),
    ];
    Expr::path("vb").call_method("get_with_hints_dtype", args)
}

fn value(arg: &ArgValue, structure: &Struct) -> Expr {
    match arg {
        ArgValue::Size(size) => Expr::size(*size),
        ArgValue::Sizes(sizes) => op::sizes(sizes),
        ArgValue::Flag(flag) => Expr::bool(*flag),
        ArgValue::Outer(arg) => Expr::path(structure.args[*arg].name.as_str()),
    }
}

/// A row of modules: by a loop where all are made alike, else one by one.
fn each(
    ty: &str,
    field: &Field,
    instances: &[Vec<ArgValue>],
    structure: &Struct,
) -> Result<Expr, Vec<Expr>> {
    let name = &field.name;
    let new = |args: &[ArgValue], vb: Expr| {
        let args: Vec<Expr> = args
            .iter()
            .map(|arg| value(arg, structure))
            .chain([vb])
            .collect();
        Expr::call(format!("{ty}::new"), args)
    };
    if instances.windows(2).any(|pair| pair[0] != pair[1]) {
        let made = instances.iter().enumerate().map(|(i, args)| {
            new(
                args,
                Expr::path("vb").call_method("pp", [Expr::str(&format!("{name}.{i}"))]),
            )
        });
        return Err(made.collect());
    }
    let key = Expr::call_macro("format", [Expr::str(&format!("{name}.{{i}}"))]);
    let made = new(&instances[0], Expr::path("vb").call_method("pp", [key]));
    let indices = Expr::range(Some(Expr::int(0)), Some(Expr::size(instances.len())));
    Ok(indices
        .call_method("map", [Expr::closure(["i"], made)])
        .call_method("collect::<Result<_>>", []))
}

/// The float type of most weights, which the `VarBuilder` has.
fn main_dtype(program: &Program, plan: &Plan) -> DType {
    let float = |weight: &Weight| program.params[weight.param.0 as usize].ty.dtype;
    let mut counts = std::collections::BTreeMap::new();
    for dtype in plan
        .weights
        .iter()
        .map(float)
        .filter(|dtype| dtype.is_float())
    {
        *counts.entry(dtype).or_insert(0usize) += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map_or(DType::F32, |(dtype, _)| dtype)
}

fn load(program: &Program, plan: &Plan, uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "candle_core::DType",
        "candle_core::Device",
        "std::path::Path",
    ] {
        uses.insert(path.to_owned());
    }
    let read = Expr::call(
        "candle_core::safetensors::load",
        [Expr::path("path"), Expr::path("device")],
    )
    .tried();
    let element = Expr::path(dtype(main_dtype(program, plan)));
    let vb = Expr::call(
        "VarBuilder::from_tensors",
        [Expr::path("tensors"), element, Expr::path("device")],
    );
    let body = Block::new([Stmt::bind("tensors", read)]).tail(Expr::call("Self::new", [vb]));
    let function = Function::public("load")
        .param("path", "impl AsRef<Path>")
        .param("device", "&Device")
        .returns("Result<Self>");
    Item::from(function.body(body)).doc("Loads the weights from a safetensors file.")
}

/// `fn trainable(vars: &VarMap) -> Vec<Var>`.
fn trainable(plan: &Plan, program: &Program, uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "candle_core::Var",
        "candle_nn::VarMap",
        "support::vars::trainable",
    ] {
        uses.insert(path.to_owned());
    }
    let frozen = |weight: &&Weight| !program.params[weight.param.0 as usize].trainable;
    let statistics = ["running_mean", "running_var"];
    let others: Vec<Expr> = plan
        .weights
        .iter()
        .filter(frozen)
        .filter(|weight| !statistics.iter().any(|suffix| weight.key.ends_with(suffix)))
        .map(|weight| Expr::str(&weight.key))
        .collect();
    let body = Expr::call(
        "trainable",
        [Expr::path("vars"), Expr::array(others).by_ref()],
    );
    let function = Function::public("trainable")
        .param("vars", "&VarMap")
        .returns("Vec<Var>")
        .body(Block::from(body));
    Item::from(function)
        .doc("The variables of `vars` that TensorFlow would train, in the order of their keys.")
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
