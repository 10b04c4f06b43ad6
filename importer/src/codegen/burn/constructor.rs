//! Constructors in burn's words.

use super::super::operand::Body;
use super::super::plan::{ArgValue, Field, FieldKind, Layer, Plan, Struct};
use super::super::rust::{Block, Expr, Function, Item, Pat, Stmt};
use super::super::structure::argument_type;
use super::{associated, creation, layer, sizes};
use crate::error::Result;
use crate::ir::DType;
use std::collections::BTreeSet;

/// `fn new(sizes…, device: &Device) -> Self`; the layers of `frozen` have no gradients.
///
/// # Errors
/// When burn has no such layer.
pub fn constructor(
    plan: &Plan,
    shown: &BTreeSet<usize>,
    frozen: &BTreeSet<usize>,
    body: &mut Body,
) -> Result<Item> {
    let structure = body.structure;
    let mut fields = vec![];
    for &index in shown {
        let field = &structure.fields[index];
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
        function = function.param(&arg.name, &argument_type(arg.kind));
    }
    let mut kinds = shown.iter().map(|&field| &structure.fields[field].kind);
    let device = if kinds.any(needs_device) {
        "device"
    } else {
        "_device"
    };
    let function = function.param(device, "&Device");
    let item = Item::from(function.body(Block::from(Expr::struct_lit("Self", fields))));
    let item = item.doc("Initial weights; `load_from` of a store replaces them.");
    Ok(match structure.args.len() > 6 {
        true => item.attribute("allow(clippy::too_many_arguments)"),
        false => item,
    })
}

fn needs_device(kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Layer(layer) => !matches!(layer, Layer::Dropout { .. }),
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
        DType::Bool => associated(body, shape.len().max(1), dtype, "empty"),
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

pub fn load(uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "burn::store::ModuleSnapshot",
        "burn::store::SafetensorsStore",
        "burn::store::SafetensorsStoreError",
        "std::path::Path",
    ] {
        uses.insert(path.to_owned());
    }
    let model = Stmt::bind(
        Pat::mutable("model"),
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
