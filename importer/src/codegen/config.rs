//! What constructors are given: sizes one by one or, where they are many, a struct that names them.

use super::rust::{Expr, Function, Member};
use super::skeleton::Skeleton;
use crate::plan::{Arg, ArgKind, ArgValue, Field, FieldKind, Struct};

/// The local that holds the struct of sizes.
const CONFIG: &str = "config";

/// What a constructor was given for an argument.
pub fn own(structure: &Struct, arg: usize) -> Expr {
    let name = structure.args[arg].name.as_str();
    match structure.config {
        Some(_) => Expr::path(CONFIG).field(name),
        None => Expr::path(name),
    }
}

/// The constructor with its arguments.
pub fn params(structure: &Struct, function: Function) -> Function {
    match &structure.config {
        Some(config) => function.param(CONFIG, &format!("&{config}")),
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

/// The struct that names the sizes, where they are many.
pub fn item(structure: &Struct) -> Option<Skeleton> {
    let name = structure.config.as_ref()?;
    let args = structure.args.iter();
    let members = args.map(|arg| Member::field(&arg.name, &argument_type(arg)));
    let item = Skeleton::new(name, members.collect())
        .attribute("derive(Clone, Debug)")
        .doc(format!(
            "In what one `{}` differs from another.",
            structure.name
        ));
    Some(item)
}

/// What the constructor of `ty` is given inside of the constructor of `around`, but for the weights.
pub fn given(ty: &Struct, args: &[ArgValue], around: &Struct) -> Vec<Expr> {
    match literal(ty, args, around) {
        Some(config) => vec![config.by_ref()],
        None => args.iter().map(|arg| value(arg, around)).collect(),
    }
}

/// A row of configurations, for modules that differ.
pub fn table(ty: &Struct, instances: &[Vec<ArgValue>], around: &Struct) -> Option<Expr> {
    let rows = instances.iter().map(|args| literal(ty, args, around));
    Some(Expr::array(rows.collect::<Option<Vec<_>>>()?))
}

/// `BlockConfig { inputs: 16, … }`
fn literal(ty: &Struct, args: &[ArgValue], around: &Struct) -> Option<Expr> {
    let config = ty.config.as_ref()?;
    let names = ty.args.iter().map(|arg| arg.name.clone());
    let fields = names.zip(args.iter().map(|arg| value(arg, around)));
    Some(Expr::struct_lit(config, fields.collect::<Vec<_>>()))
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
