//! Constructors in candle's words.

use super::super::config;
use super::super::operand::{Body, SHARED};
use super::super::rust::{Block, Expr, Function, Item, Pat, Stmt};
use super::load::main_dtype;
use super::printer::Printer;
use super::{Slots, dtype, layer};
use crate::error::Result;
use crate::ir::DType;
use crate::plan::{ArgValue, Field, FieldKind, Initial, Layer, Plan, Struct};
use std::collections::BTreeSet;

/// `fn new(sizes…, vb: VarBuilder) -> Result<Self>`.
///
/// # Errors
/// When candle has no such layer.
pub fn constructor(
    printer: &Printer,
    index: usize,
    shown: &BTreeSet<usize>,
    body: &mut Body,
) -> Result<Item> {
    let structure = body.structure;
    let main = main_dtype(printer.program, printer.plan);
    let (mut fields, mut tables) = (vec![], vec![]);
    // What several layers are given is only known when all have been made.
    for &at in shown {
        field_value(printer.plan, structure, &structure.fields[at], main, body)?;
    }
    body.settle_asked();
    for &at in shown {
        let field = &structure.fields[at];
        tables.extend(table(printer.plan, structure, field));
        let mut made = field_value(printer.plan, structure, field, main, body)?;
        if let Some(activation) = printer.activations.get(&(index, at)) {
            let activation = activation.spelt(&body.support("activation::Activation"));
            made = with_activation(made, field, activation);
        }
        fields.push((field.name.clone(), made));
    }
    let function = config::params(structure, Function::public("new"));
    let mut kinds = shown.iter().map(|&field| &structure.fields[field].kind);
    let vb = if kinds.any(takes_weights) {
        "vb"
    } else {
        "_vb"
    };
    let function = function.param(vb, "VarBuilder").returns("Result<Self>");
    let value = Expr::call("Ok", [Expr::struct_lit("Self", fields)]);
    let shared = body.most_asked().cloned();
    let shared = shared.map(|shared| Stmt::bind(SHARED, shared));
    let unpacked = config::unpacked(structure, &value).into_iter();
    let statements = unpacked.chain(shared).chain(tables);
    let item = Item::from(function.body(Block::new(statements).tail(value)));
    Ok(item.doc("Takes the weights from under `vb`."))
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

fn field_value(
    plan: &Plan,
    structure: &Struct,
    field: &Field,
    main: DType,
    body: &mut Body,
) -> Result<Expr> {
    let key = Expr::path("vb").call_method("pp", [Expr::str(&field.name)]);
    let switch = field.present.map(|flag| config::own(structure, flag));
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
            let made = layer::dropout(body, rate);
            match switch {
                Some(flag) => flag.call_method("then", [Expr::closure(Vec::<&str>::new(), made)]),
                None => made,
            }
        }
        FieldKind::Layer(layer) => optional(layer::constructor(body, layer, key)?),
        FieldKind::Module { ty, args } => optional(new(&plan.structs[*ty], args, structure, key)),
        FieldKind::Modules { ty, instances } => {
            match each(&plan.structs[*ty], field, instances, structure) {
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
        FieldKind::Flag(arg) => config::own(structure, *arg),
    })
}

/// A tensor of the file, a `Result`; `main` is the element type of the `VarBuilder`.
fn parameter(name: &str, shape: &[usize], element: DType, main: DType, body: &mut Body) -> Expr {
    let initial = match element.is_float() {
        true => Initial::of(name, shape),
        false => Initial::Zeros,
    };
    let mut args = vec![Expr::tuple_shape(shape), Expr::str(name)];
    let method = match (element == main, initial) {
        (true, Initial::Zeros) => "get",
        (true, Initial::Ones | Initial::Uniform(_)) => {
            args.push(hint(initial, body));
            "get_with_hints"
        }
        (false, _) => {
            body.using("candle_core::DType");
            args.extend([hint(initial, body), Expr::path(dtype(element))]);
            "get_with_hints_dtype"
        }
    };
    Expr::path("vb").call_method(method, args)
}

/// What a new variable is filled with.
fn hint(initial: Initial, body: &mut Body) -> Expr {
    let one = match initial {
        Initial::Zeros => return Expr::call("Default::default", []),
        Initial::Ones => Expr::call("Init::Const", [Expr::f64(1.0)]),
        Initial::Uniform(bound) => {
            let (lo, up) = (Expr::f64(-bound), Expr::f64(bound));
            Expr::struct_lit("Init::Uniform", [("lo", lo), ("up", up)])
        }
    };
    body.using("candle_nn::Init");
    one
}

/// `Block::new(sizes…, vb)`, a `Result`.
fn new(ty: &Struct, args: &[ArgValue], structure: &Struct, vb: Expr) -> Expr {
    let given = config::given(ty, args, structure).into_iter();
    Expr::call(format!("{}::new", ty.name), given.chain([vb]))
}

/// `let blocks = [(16, [1, 1]), …];` for a row of modules that differ.
fn table(plan: &Plan, structure: &Struct, field: &Field) -> Option<Stmt> {
    let (ty, instances) = config::differing(field)?;
    let rows = config::table(&plan.structs[ty], instances, structure)?;
    Some(Stmt::bind(field.name.as_str(), rows))
}

/// A row of modules: by a loop where all are made alike or a table tells how they differ, else one by one.
fn each(
    ty: &Struct,
    field: &Field,
    instances: &[Vec<ArgValue>],
    structure: &Struct,
) -> Result<Expr, Vec<Expr>> {
    let name = &field.name;
    let key = |number: &str| format!("{name}.{number}");
    let below = |key: Expr| Expr::path("vb").call_method("pp", [key]);
    let numbered = || below(Expr::call_macro("format", [Expr::str(&key("{i}"))]));
    let all = |items: Expr, step: Expr| {
        let made = items.call_method("map", [step]);
        made.call_method("collect::<Result<_>>", [])
    };
    if config::is_alike(instances) {
        let made = new(ty, &instances[0], structure, numbered());
        let indices = Expr::range(Some(Expr::int(0)), Some(Expr::size(instances.len())));
        return Ok(all(indices, Expr::closure(["i"], made)));
    }
    if config::differing(field).is_some() && ty.config.is_some() {
        let rows = Expr::path(name.as_str()).call_method("into_iter", []);
        let made = Expr::call(
            format!("{}::new", ty.name),
            [Expr::path("config"), numbered()],
        );
        let step = Expr::closure([Pat::tuple(["i", "config"])], made);
        return Ok(all(rows.call_method("enumerate", []), step));
    }
    let made = instances.iter().enumerate().map(|(i, args)| {
        let key = Expr::str(&key(&i.to_string()));
        new(ty, args, structure, below(key))
    });
    Err(made.collect())
}
