//! Constructors in candle's words.

use super::super::operand::Body;
use super::super::plan::{ArgValue, Field, FieldKind, Layer, Plan, Struct};
use super::super::rust::{Block, Expr, Function, Item};
use super::super::structure::argument_type;
use super::load::main_dtype;
use super::printer::Printer;
use super::{Slots, dtype, layer, op};
use crate::error::Result;
use crate::ir::DType;
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
    let mut fields = vec![];
    for &at in shown {
        let field = &structure.fields[at];
        let mut made = field_value(printer.plan, structure, field, main, body)?;
        if let Some(activation) = printer.activations.get(&(index, at)) {
            let activation = activation.spelt(&body.support("activation::Activation"));
            made = with_activation(made, field, activation);
        }
        fields.push((field.name.clone(), made));
    }
    let mut function = Function::public("new").returns("Result<Self>");
    for arg in &structure.args {
        function = function.param(&arg.name, &argument_type(arg.kind));
    }
    let mut kinds = shown.iter().map(|&field| &structure.fields[field].kind);
    let vb = if kinds.any(takes_weights) {
        "vb"
    } else {
        "_vb"
    };
    let function = function.param(vb, "VarBuilder");
    let value = Expr::call("Ok", [Expr::struct_lit("Self", fields)]);
    let item = Item::from(function.body(Block::from(value)));
    let item = item.doc("Takes the weights from under `vb`.");
    Ok(match structure.args.len() > 6 {
        true => item.attribute("allow(clippy::too_many_arguments)"),
        false => item,
    })
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
