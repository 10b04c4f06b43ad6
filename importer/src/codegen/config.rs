//! What constructors are given: sizes one by one or, where they are many, the row of a table.

use super::rust::{Expr, Function, Pat, Stmt, print_docs};
use crate::plan::{Arg, ArgKind, ArgValue, Field, FieldKind, Struct};

/// The widest types of a tuple on one line, as rustfmt has it.
const TUPLE_WIDTH: usize = 60;
/// The local that holds the row of sizes.
const CONFIG: &str = "config";

/// What a constructor was given for an argument.
pub fn own(structure: &Struct, arg: usize) -> Expr {
    Expr::path(structure.args[arg].name.as_str())
}

/// `let (inputs, strides, …) = config;`, with names for what `value` reads.
pub fn unpacked(structure: &Struct, value: &Expr) -> Option<Stmt> {
    structure.config.as_ref()?;
    let name = |arg: &Arg| match value.reads(&arg.name) {
        0 => "_".to_owned(),
        _ => arg.name.clone(),
    };
    let names: Vec<String> = structure.args.iter().map(name).collect();
    Some(Stmt::bind(Pat::tuple(names), Expr::path(CONFIG)))
}

/// The constructor with its arguments.
pub fn params(structure: &Struct, function: Function) -> Function {
    match &structure.config {
        Some(config) => function.param(CONFIG, config),
        None => structure.args.iter().fold(function, |function, arg| {
            function.param(&arg.name, &argument_type(arg))
        }),
    }
}

fn argument_type(arg: &Arg) -> String {
    match arg.kind {
        ArgKind::Size => "usize".to_owned(),
        ArgKind::Sizes(n) => format!("[usize; {n}]"),
        ArgKind::Flag => "bool".to_owned(),
        ArgKind::Number => "f64".to_owned(),
    }
}

/// The type of what a constructor takes, where that is much: a row of a table.
pub fn alias(structure: &Struct) -> Option<String> {
    let name = structure.config.as_ref()?;
    let types: Vec<String> = structure.args.iter().map(argument_type).collect();
    let names: Vec<&str> = structure.args.iter().map(|arg| arg.name.as_str()).collect();
    let row = types.join(", ");
    let text = match row.len() <= TUPLE_WIDTH {
        true => format!("pub type {name} = ({row});"),
        false => format!("pub type {name} = (\n    {},\n);", types.join(",\n    ")),
    };
    let doc = format!(
        "In what one `{}` differs from another: `{}`.",
        structure.name,
        names.join("`, `")
    );
    Some(format!("{}\n{text}", print_docs(&[doc], 0)))
}

/// What the constructor of `ty` is given inside of the constructor of `around`, but for the weights.
pub fn given(ty: &Struct, args: &[ArgValue], around: &Struct) -> Vec<Expr> {
    match literal(ty, args, around) {
        Some(config) => vec![config],
        None => args.iter().map(|arg| value(arg, around)).collect(),
    }
}

/// A row of configurations, for modules that differ.
pub fn table(ty: &Struct, instances: &[Vec<ArgValue>], around: &Struct) -> Option<Expr> {
    let rows = instances.iter().map(|args| literal(ty, args, around));
    Some(Expr::array(rows.collect::<Option<Vec<_>>>()?))
}

/// `(16, [1, 1], true)`
fn literal(ty: &Struct, args: &[ArgValue], around: &Struct) -> Option<Expr> {
    ty.config.as_ref()?;
    Some(Expr::tuple(args.iter().map(|arg| value(arg, around))))
}

fn value(arg: &ArgValue, around: &Struct) -> Expr {
    match arg {
        ArgValue::Size(size) => Expr::size(*size),
        ArgValue::Sizes(sizes) => Expr::array(sizes.iter().map(|&size| Expr::size(size))),
        ArgValue::Flag(flag) => Expr::bool(*flag),
        ArgValue::Number(number) => Expr::f64(number.value()),
        ArgValue::Outer(arg) => own(around, *arg),
    }
}

/// Whether all of a row are made alike.
pub fn is_alike(instances: &[Vec<ArgValue>]) -> bool {
    instances.windows(2).all(|pair| pair[0] == pair[1])
}

/// The type and the arguments of a row of modules that differ, if all instances have the row.
pub fn differing(field: &Field) -> Option<(usize, &[Vec<ArgValue>])> {
    match &field.kind {
        FieldKind::Modules { ty, instances } if field.present.is_none() && !is_alike(instances) => {
            Some((*ty, instances))
        }
        FieldKind::Modules { .. }
        | FieldKind::Module { .. }
        | FieldKind::Layer(_)
        | FieldKind::Parameter { .. }
        | FieldKind::Flag(_) => None,
    }
}
