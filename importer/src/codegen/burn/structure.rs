//! Structs and their constructors in burn's words.

use super::super::Context;
use super::super::described;
use super::super::operand::Body;
use super::super::plan::{ArgKind, ArgValue, Entry, Field, FieldKind, Method, Plan, Struct};
use super::super::rust::{Block, Expr, Function, Item, Member, Stmt};
use super::{creation, layer, method, signature, sizes, tensor_type};
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Program, Type};
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

/// For each struct, the fields whose weights have no gradient in any instance.
fn frozen(plan: &Plan, program: &Program) -> Vec<BTreeSet<usize>> {
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
    let trainable = |weight: &super::super::plan::Weight| {
        program
            .params
            .get(weight.param.0 as usize)
            .is_some_and(|param| param.trainable)
    };
    weights.map(trainable).reduce(|a, b| a || b)
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

fn constructor(
    plan: &Plan,
    structure: &Struct,
    frozen: &BTreeSet<usize>,
    body: &mut Body,
) -> Result<Item> {
    let mut fields = vec![];
    for (index, field) in structure.fields.iter().enumerate() {
        let mut made = field_value(plan, structure, field, body)?;
        if frozen.contains(&index) {
            made = made.call_method("no_grad", []);
        }
        if let Some(flag) = field.present {
            let flag = Expr::path(structure.args[flag].name.as_str());
            made = flag.call_method("then", [Expr::closure(Vec::<&str>::new(), made)]);
        }
        fields.push((field.name.clone(), made));
    }
    let mut function = Function::public("new").returns("Self");
    for arg in &structure.args {
        let ty = match arg.kind {
            ArgKind::Size => "usize".to_owned(),
            ArgKind::Sizes(n) => format!("[usize; {n}]"),
            ArgKind::Flag => "bool".to_owned(),
        };
        function = function.param(&arg.name, &ty);
    }
    let is_used = structure
        .fields
        .iter()
        .any(|field| needs_device(&field.kind));
    function = function.param(if is_used { "device" } else { "_device" }, "&Device");
    let item = Item::from(function.body(Block::from(Expr::struct_lit("Self", fields))));
    let item = item.doc("Initial weights; `load_from` of a store replaces them.");
    Ok(if structure.args.len() > 6 {
        item.attribute("allow(clippy::too_many_arguments)")
    } else {
        item
    })
}

fn needs_device(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Layer(layer) => !matches!(layer, super::super::plan::Layer::Dropout { .. }),
        FieldKind::Modules { instances, .. } => !instances.is_empty(),
        FieldKind::Module { .. } | FieldKind::Parameter { .. } => true,
        FieldKind::Flag(_) => false,
    }
}

fn field_value(plan: &Plan, structure: &Struct, field: &Field, body: &mut Body) -> Result<Expr> {
    Ok(match &field.kind {
        FieldKind::Layer(layer) => layer::constructor(body, layer)?,
        FieldKind::Module { ty, args } => made(&plan.structs[*ty].name, args, structure),
        FieldKind::Modules { ty, instances } => rows(&plan.structs[*ty].name, instances, structure),
        FieldKind::Parameter {
            shape,
            dtype,
            trainable,
        } => parameter(body, shape, *dtype, *trainable),
        FieldKind::Flag(arg) => Expr::path(structure.args[*arg].name.as_str()),
    })
}

/// A bare parameter, zero until it is loaded. Only those that learn are leaves of the autodiff graph.
fn parameter(body: &mut Body, shape: &[usize], dtype: DType, trainable: bool) -> Expr {
    let dims = if shape.is_empty() {
        sizes(&[1])
    } else {
        sizes(shape)
    };
    if dtype == DType::F32 {
        body.using("burn::module::Initializer");
        let zeros =
            Expr::path("Initializer::Zeros").call_method("init", [dims, Expr::path("device")]);
        return if trainable {
            zeros
        } else {
            zeros.call_method("set_require_grad", [Expr::bool(false)])
        };
    }
    body.using("burn::module::Param");
    let options = creation(body, dtype, Expr::path("device"));
    let zeros = match dtype {
        DType::Bool => super::associated(body, shape.len().max(1), dtype, "empty"),
        _ => {
            body.using("burn::tensor::Tensor");
            "Tensor::zeros".to_owned()
        }
    };
    let zeros = Expr::call(zeros, [dims, options]);
    match trainable && dtype.is_float() {
        true => Expr::call("Param::from_tensor", [zeros]),
        false => {
            body.using("burn::module::ParamId");
            Expr::call(
                "Param::initialized",
                [Expr::call("ParamId::new", []), zeros],
            )
        }
    }
}

fn value(arg: &ArgValue, structure: &Struct) -> Expr {
    match arg {
        ArgValue::Size(size) => Expr::size(*size),
        ArgValue::Sizes(list) => sizes(list),
        ArgValue::Flag(flag) => Expr::bool(*flag),
        ArgValue::Outer(arg) => Expr::path(structure.args[*arg].name.as_str()),
    }
}

/// `Block::new(args…, device)`.
fn made(ty: &str, args: &[ArgValue], structure: &Struct) -> Expr {
    let args = args
        .iter()
        .map(|arg| value(arg, structure))
        .chain([Expr::path("device")]);
    Expr::call(format!("{ty}::new"), args.collect::<Vec<_>>())
}

/// A `Vec` of modules: by a loop where all are made alike, else one by one.
fn rows(ty: &str, instances: &[Vec<ArgValue>], structure: &Struct) -> Expr {
    match instances {
        [first, rest @ ..] if rest.len() > 1 && rest.iter().all(|other| other == first) => {
            let indices = Expr::range(Some(Expr::int(0)), Some(Expr::size(instances.len())));
            let made = Expr::closure(["_"], made(ty, first, structure));
            indices
                .call_method("map", [made])
                .call_method("collect", [])
        }
        instances => Expr::vec(
            instances
                .iter()
                .map(|args| made(ty, args, structure))
                .collect::<Vec<_>>(),
        ),
    }
}

fn load(uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "burn::store::ModuleSnapshot",
        "burn::store::SafetensorsStore",
        "burn::store::SafetensorsStoreError",
        "std::path::Path",
    ] {
        uses.insert(path.to_owned());
    }
    let model = Stmt::bind(
        super::super::rust::Pat::mutable("model"),
        Expr::call("Self::new", [Expr::path("device")]),
    );
    let path = Expr::path("path").call_method("as_ref", []);
    let store = Expr::call("SafetensorsStore::from_file", [path]);
    let read = Expr::path("model")
        .call_method("load_from", [store.by_mut()])
        .tried()
        .stmt();
    let body = Block::new([model, read]).tail(Expr::call("Ok", [Expr::path("model")]));
    let function = Function::public("load")
        .param("path", "impl AsRef<Path>")
        .param("device", "&Device");
    let function = function.returns("Result<Self, SafetensorsStoreError>");
    Item::from(function.body(body)).doc("Loads the weights from a safetensors file.")
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
