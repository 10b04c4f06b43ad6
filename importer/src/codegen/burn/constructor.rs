//! Constructors in burn's words.

use super::super::config;
use super::super::operand::Body;
use super::super::rust::{Block, Expr, Function, Item, Stmt};
use super::{associated, creation, layer, sizes};
use crate::error::Result;
use crate::ir::DType;
use crate::plan::{ArgValue, Field, FieldKind, Initial, Layer, Plan, Struct};
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
    let (mut fields, mut tables) = (vec![], vec![]);
    for &index in shown {
        let field = &structure.fields[index];
        tables.extend(table(plan, structure, field));
        let mut made = field_value(plan, structure, field, body)?;
        if frozen.contains(&index) {
            made = made.call_method("no_grad", []);
        }
        if let Some(flag) = field.present {
            let flag = config::own(structure, flag);
            made = flag.call_method("then", [Expr::closure(Vec::<&str>::new(), made)]);
        }
        fields.push((field.name.clone(), made));
    }
    let function = config::params(structure, Function::public("new"));
    let mut kinds = shown.iter().map(|&field| &structure.fields[field].kind);
    let device = if kinds.any(needs_device) {
        "device"
    } else {
        "_device"
    };
    let function = function.param(device, "&Device").returns("Self");
    let value = Expr::struct_lit("Self", fields);
    let statements = config::unpacked(structure, &value)
        .into_iter()
        .chain(tables);
    let block = Block::new(statements).tail(value);
    let item = Item::from(function.body(block));
    Ok(item.doc("Initial weights; `load_from` of a store replaces them."))
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
        FieldKind::Module { ty, args } => made(&plan.structs[*ty], args, structure),
        FieldKind::Modules { ty, instances } => {
            rows(&plan.structs[*ty], field, instances, structure)
        }
        FieldKind::Parameter {
            shape,
            dtype,
            trainable,
        } => {
            let initial = match dtype.is_float() {
                true => Initial::of(&field.name, shape),
                false => Initial::Zeros,
            };
            parameter(body, shape, *dtype, *trainable, initial)
        }
        FieldKind::Flag(arg) => config::own(structure, *arg),
    })
}

/// A bare parameter. Only those that learn are leaves of the autodiff graph.
fn parameter(
    body: &mut Body,
    shape: &[usize],
    dtype: DType,
    trainable: bool,
    initial: Initial,
) -> Expr {
    let dims = if shape.is_empty() {
        sizes(&[1])
    } else {
        sizes(shape)
    };
    if dtype == DType::F32 {
        body.using("burn::module::Initializer");
        let made = initializer(initial).call_method("init", [dims, Expr::path("device")]);
        return if trainable {
            made
        } else {
            made.call_method("set_require_grad", [Expr::bool(false)])
        };
    }
    body.using("burn::module::Param");
    let options = creation(body, dtype, Expr::path("device"));
    let zeros = match dtype {
        DType::Bool => associated(body, shape.len().max(1), dtype, "empty"),
        _ => {
            body.using("burn::tensor::Tensor");
            match initial {
                Initial::Ones => "Tensor::ones".to_owned(),
                Initial::Zeros | Initial::Uniform(_) => "Tensor::zeros".to_owned(),
            }
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

fn initializer(initial: Initial) -> Expr {
    match initial {
        Initial::Zeros => Expr::path("Initializer::Zeros"),
        Initial::Ones => Expr::path("Initializer::Ones"),
        Initial::Uniform(bound) => {
            let (min, max) = (Expr::f64(-bound), Expr::f64(bound));
            Expr::struct_lit("Initializer::Uniform", [("min", min), ("max", max)])
        }
    }
}

/// `Block::new(args…, device)`.
fn made(ty: &Struct, args: &[ArgValue], structure: &Struct) -> Expr {
    let given = config::given(ty, args, structure).into_iter();
    Expr::call(
        format!("{}::new", ty.name),
        given.chain([Expr::path("device")]),
    )
}

/// `let blocks = [(16, [1, 1]), …];` for a row of modules that differ.
fn table(plan: &Plan, structure: &Struct, field: &Field) -> Option<Stmt> {
    let (ty, instances) = config::differing(field)?;
    let rows = config::table(&plan.structs[ty], instances, structure)?;
    Some(Stmt::bind(field.name.as_str(), rows))
}

/// A `Vec` of modules: by a loop where all are made alike or a table tells how they differ, else one by one.
fn rows(ty: &Struct, field: &Field, instances: &[Vec<ArgValue>], structure: &Struct) -> Expr {
    let all = |items: Expr, step: Expr| items.call_method("map", [step]).call_method("collect", []);
    if instances.len() > 2 && config::is_alike(instances) {
        let indices = Expr::range(Some(Expr::int(0)), Some(Expr::size(instances.len())));
        return all(
            indices,
            Expr::closure(["_"], made(ty, &instances[0], structure)),
        );
    }
    if config::differing(field).is_some() && ty.config.is_some() {
        let rows = Expr::path(field.name.as_str()).call_method("into_iter", []);
        let args = [Expr::path("config"), Expr::path("device")];
        let made = Expr::call(format!("{}::new", ty.name), args);
        return all(rows, Expr::closure(["config"], made));
    }
    let made = instances.iter().map(|args| made(ty, args, structure));
    Expr::vec(made.collect::<Vec<_>>())
}

pub fn load(uses: &mut BTreeSet<String>) -> Item {
    for path in [
        "burn::store::SafetensorsStore",
        "burn::store::SafetensorsStoreError",
        "std::path::Path",
        "support::weights::filled",
    ] {
        uses.insert(path.to_owned());
    }
    let path = Expr::path("path").call_method("as_ref", []);
    let store = Expr::call("SafetensorsStore::from_file", [path]);
    let function = Function::public("load").param("path", "impl AsRef<Path>");
    Item::from(from_store(function, store))
        .doc("Loads the weights from a safetensors file, which has exactly those of the model.")
}

/// `fn embedded(device: &Device) -> Result<Self, SafetensorsStoreError>`.
pub fn embedded(file: &str) -> Item {
    let bytes = Expr::call_macro("include_bytes", [Expr::str(file)]).call_method("to_vec", []);
    let store = Expr::call(
        "SafetensorsStore::from_bytes",
        [Expr::call("Some", [bytes])],
    );
    let function = from_store(Function::public("embedded"), store);
    Item::from(function).doc("The weights that the program carries.")
}

/// The rest of a function that makes the model with what a store has.
fn from_store(function: Function, store: Expr) -> Function {
    let model = Expr::call("Self::new", [Expr::path("device")]);
    let body = Block::from(Expr::call("filled", [model, store]));
    function
        .param("device", "&Device")
        .returns("Result<Self, SafetensorsStoreError>")
        .body(body)
}
