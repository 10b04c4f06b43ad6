//! Structs, constructors and methods in candle's words.

use super::super::operand::{Body, Place};
use super::super::plan::{Action, ArgKind, ArgValue, Entry, Field, FieldKind, Local, Method, Operand, Plan, Role, Step, Struct};
use super::super::rust::{Block, Expr, Function, Item, Member, Pat, Stmt};
use super::super::{Context, described};
use super::{Slots, dtype, layer, op};
use crate::error::{Error, Result};
use crate::ir::{DType, Program};
use std::collections::BTreeSet;

/// The items of a module, and the paths that they use.
///
/// # Errors
/// Everything that candle cannot do, at once.
pub fn items(plan: &Plan, program: &Program, context: &Context) -> Result<(Vec<Item>, BTreeSet<String>)> {
    let mut uses = BTreeSet::from(["candle_core::Result".to_owned(), "candle_nn::VarBuilder".to_owned()]);
    let mut items = vec![];
    let mut errors = vec![];
    for (index, structure) in plan.structs.iter().enumerate() {
        let root = index == 0;
        match self::structure(plan, structure, root, program, context, &mut uses) {
            Ok(more) => items.extend(more),
            Err(error) => errors.push(error),
        }
        if root {
            items.extend(plan.entries.iter().filter_map(|entry| output_struct(entry, &mut uses)));
        }
    }
    match errors.is_empty() {
        true => Ok((items, uses)),
        false => Err(Error::several(errors)),
    }
}

fn structure(
    plan: &Plan,
    structure: &Struct,
    root: bool,
    program: &Program,
    context: &Context,
    uses: &mut BTreeSet<String>,
) -> Result<Vec<Item>> {
    let mut members = vec![];
    for field in &structure.fields {
        let ty = field_type(plan, field, uses)?;
        let member = Member::private_field(&field.name, &ty);
        members.push(match &field.doc {
            Some(doc) => member.doc(doc),
            None => member,
        });
    }
    let mut functions = vec![constructor(plan, structure, program, uses)?];
    if root {
        functions.push(load(program, plan, uses));
        functions.push(trainable(plan, program, uses));
    }
    for (index, method) in structure.methods.iter().enumerate() {
        let entry = root.then(|| &plan.entries[index]);
        functions.extend(self::method(plan, structure, method, entry, uses)?);
    }
    if root {
        functions.extend(context.aliases(plan).into_iter().flat_map(|alias| self::alias(&alias)));
    }
    let mut item = Item::structure(&structure.name, members).attribute("derive(Clone, Debug)");
    for doc in &structure.docs {
        item = item.doc(doc);
    }
    Ok(vec![item, Item::implementation(&structure.name, functions)])
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
    Ok(if field.present.is_some() { format!("Option<{ty}>") } else { ty })
}

fn constructor(plan: &Plan, structure: &Struct, program: &Program, uses: &mut BTreeSet<String>) -> Result<Item> {
    let empty = Method { name: String::new(), params: vec![], body: vec![], results: vec![], has_mode: false, extents: vec![] };
    let mut body = Body::new(structure, &empty, uses);
    let mut fields = vec![];
    for field in &structure.fields {
        let made = field_value(plan, structure, field, program, &mut body)?;
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
    let unused = structure.fields.iter().all(|field| matches!(field.kind, FieldKind::Flag(_)));
    function = function.param(if unused { "_vb" } else { "vb" }, "VarBuilder");
    let value = Expr::call("Ok", [Expr::struct_lit("Self", fields)]);
    let item = Item::from(function.body(Block::from(value))).doc("Takes the weights from under `vb`.");
    Ok(if structure.args.len() > 6 { item.attribute("allow(clippy::too_many_arguments)") } else { item })
}

fn field_value(plan: &Plan, structure: &Struct, field: &Field, program: &Program, body: &mut Body) -> Result<Expr> {
    let vb = |name: &str| Expr::path("vb").call_method("pp", [Expr::str(name)]);
    let optional = |made: Expr| match field.present {
        Some(flag) => {
            let flag = Expr::path(structure.args[flag].name.as_str());
            flag.call_method("then", [Expr::closure(Vec::<&str>::new(), made)]).call_method("transpose", []).tried()
        }
        None => made.tried(),
    };
    Ok(match &field.kind {
        FieldKind::Layer(layer) => {
            let made = layer::constructor(body, layer, vb(&field.name))?;
            match made.to_string().starts_with("Ok(Dropout") && field.present.is_none() {
                true => dropout(layer),
                false => optional(made),
            }
        }
        FieldKind::Module { ty, args } => {
            let args = args.iter().map(|arg| value(arg, structure)).chain([vb(&field.name)]);
            optional(Expr::call(format!("{}::new", plan.structs[*ty].name), args.collect::<Vec<_>>()))
        }
        FieldKind::Modules { ty, instances } => rows(&plan.structs[*ty].name, &field.name, instances, structure),
        FieldKind::Parameter { shape, dtype: element, .. } => {
            let shape = Expr::tuple_shape(shape);
            match *element == main_dtype(program, plan) {
                true => Expr::path("vb").call_method("get", [shape, Expr::str(&field.name)]).tried(),
                false => {
                    body.using("candle_core::DType");
                    let hints = Expr::call("Default::default", []);
                    let args = [shape, Expr::str(&field.name), hints, Expr::path(stored(*element))];
                    let got = Expr::path("vb").call_method("get_with_hints_dtype", args).tried();
                    match stored(*element) == dtype(*element) {
                        true => got,
                        false => got.call_method("to_dtype", [Expr::path(dtype(*element))]).tried(),
                    }
                }
            }
        }
        FieldKind::Flag(arg) => Expr::path(structure.args[*arg].name.as_str()),
    })
}

fn dropout(layer: &super::super::plan::Layer) -> Expr {
    match layer {
        super::super::plan::Layer::Dropout { rate } => Expr::call("Dropout::new", [Expr::f32(*rate as f32)]),
        _ => Expr::unit(),
    }
}

/// candle's element type of an integer tensor as it is read from the file.
fn stored(element: DType) -> &'static str {
    match element {
        DType::Bool => "DType::U8",
        other => dtype(other),
    }
}

fn value(arg: &ArgValue, structure: &Struct) -> Expr {
    match arg {
        ArgValue::Size(size) => Expr::size(*size),
        ArgValue::Sizes(sizes) => op::sizes(sizes),
        ArgValue::Flag(flag) => Expr::bool(*flag),
        ArgValue::Outer(arg) => Expr::path(structure.args[*arg].name.as_str()),
    }
}

/// A `Vec` of modules: by a loop where all are made alike, else one by one.
fn rows(ty: &str, field: &str, instances: &[Vec<ArgValue>], structure: &Struct) -> Expr {
    let alike = instances.windows(2).all(|pair| pair[0] == pair[1]);
    let new = |args: &[ArgValue], vb: Expr| {
        let args: Vec<Expr> = args.iter().map(|arg| value(arg, structure)).chain([vb]).collect();
        Expr::call(format!("{ty}::new"), args)
    };
    if alike {
        let key = Expr::call_macro("format", [Expr::str(&format!("{field}.{{i}}"))]);
        let made = new(&instances[0], Expr::path("vb").call_method("pp", [key]));
        let indices = Expr::range(Some(Expr::int(0)), Some(Expr::size(instances.len())));
        return indices
            .call_method("map", [Expr::closure(["i"], made)])
            .call_method("collect::<Result<_>>", [])
            .tried();
    }
    let made = instances.iter().enumerate().map(|(i, args)| {
        new(args, Expr::path("vb").call_method("pp", [Expr::str(&format!("{field}.{i}"))])).tried()
    });
    Expr::vec(made.collect::<Vec<_>>())
}

/// The float type of most weights, which the `VarBuilder` has.
fn main_dtype(program: &Program, plan: &Plan) -> DType {
    let float = |weight: &super::super::plan::Weight| program.params[weight.param.0 as usize].ty.dtype;
    let mut counts = std::collections::BTreeMap::new();
    for dtype in plan.weights.iter().map(float).filter(|dtype| dtype.is_float()) {
        *counts.entry(dtype).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(DType::F32, |(dtype, _)| dtype)
}

fn load(program: &Program, plan: &Plan, uses: &mut BTreeSet<String>) -> Item {
    for path in ["candle_core::DType", "candle_core::Device", "std::path::Path"] {
        uses.insert(path.to_owned());
    }
    let read = Expr::call("candle_core::safetensors::load", [Expr::path("path"), Expr::path("device")]).tried();
    let element = Expr::path(dtype(main_dtype(program, plan)));
    let vb = Expr::call("VarBuilder::from_tensors", [Expr::path("tensors"), element, Expr::path("device")]);
    let body = Block::new([Stmt::bind("tensors", read)]).tail(Expr::call("Self::new", [vb]));
    let function = Function::public("load").param("path", "impl AsRef<Path>").param("device", "&Device").returns("Result<Self>");
    Item::from(function.body(body)).doc("Loads the weights from a safetensors file.")
}

/// `fn trainable(vars: &VarMap) -> Vec<Var>`.
fn trainable(plan: &Plan, program: &Program, uses: &mut BTreeSet<String>) -> Item {
    for path in ["candle_core::Var", "candle_nn::VarMap", "support::vars::trainable"] {
        uses.insert(path.to_owned());
    }
    let frozen = |weight: &&super::super::plan::Weight| !program.params[weight.param.0 as usize].trainable;
    let statistics = ["running_mean", "running_var"];
    let others: Vec<Expr> = plan
        .weights
        .iter()
        .filter(frozen)
        .filter(|weight| !statistics.iter().any(|suffix| weight.key.ends_with(suffix)))
        .map(|weight| Expr::str(&weight.key))
        .collect();
    let body = Expr::call("trainable", [Expr::path("vars"), Expr::array(others).by_ref()]);
    let function = Function::public("trainable").param("vars", "&VarMap").returns("Vec<Var>").body(Block::from(body));
    Item::from(function).doc("The variables of `vars` that TensorFlow would train, in the order of their keys.")
}

fn output_struct(entry: &Entry, uses: &mut BTreeSet<String>) -> Option<Item> {
    let name = entry.output_struct.as_ref()?;
    uses.insert("candle_core::Tensor".to_owned());
    let members = entry.outputs.iter().map(|output| Member::field(&output.name, "Tensor").doc(described(&output.ty)));
    Some(Item::structure(name, members.collect::<Vec<_>>()).attribute("derive(Clone, Debug)").doc(format!("What `{}` gives.", entry.method)))
}

/// A method; with its form for training where there is one.
fn method(plan: &Plan, structure: &Struct, method: &Method, entry: Option<&Entry>, uses: &mut BTreeSet<String>) -> Result<Vec<Item>> {
    uses.insert("candle_core::Tensor".to_owned());
    let mut body = Body::new(structure, method, uses);
    let mut lines = vec![];
    for step in &method.body {
        lines.extend(statement(plan, step, &mut body)?);
    }
    let result = result(method, entry, &mut body);
    if body.needs_device {
        let device = match method.params.first() {
            Some(param) => Expr::path(param.name.as_str()).call_method("device", []),
            None => field_device(structure),
        };
        lines.insert(0, Line { names: vec!["device".to_owned()], value: device, note: None });
    }
    let block = finish(lines, result);
    let returns = match (entry.and_then(|entry| entry.output_struct.clone()), method.results.len()) {
        (Some(name), _) => format!("Result<{name}>"),
        (None, 0) => "Result<()>".to_owned(),
        (None, 1) => "Result<Tensor>".to_owned(),
        (None, n) => format!("Result<({})>", vec!["Tensor"; n].join(", ")),
    };
    Ok(match method.has_mode {
        false => vec![document(signature(method, &method.name, &returns).body(block), method, entry, false)],
        true => {
            let name = format!("{}_t", method.name);
            let args = method.params.iter().map(|param| Expr::path(param.name.as_str())).chain([Expr::bool(false)]);
            let delegate = Expr::path("self").call_method(&name, args.collect::<Vec<_>>());
            let train = signature(method, &name, &returns).param("train", "bool").body(block);
            vec![
                document(signature(method, &method.name, &returns).body(Block::from(delegate)), method, entry, false),
                document(train, method, entry, true),
            ]
        }
    })
}

fn signature(method: &Method, name: &str, returns: &str) -> Function {
    let function = Function::public(name).receiver("&self").returns(returns);
    method.params.iter().fold(function, |function, param| function.param(&param.name, "&Tensor"))
}

fn document(function: Function, method: &Method, entry: Option<&Entry>, train: bool) -> Item {
    let mut item = Item::from(function);
    if train {
        return item.doc("With batch statistics, moving averages that learn and live dropout if `train`.");
    }
    let Some(entry) = entry else { return item };
    for Local { name, ty } in &method.params {
        item = item.doc(format!("- `{name}`: {}", described(ty)));
    }
    if let [output] = entry.outputs.as_slice() {
        item = item.doc(format!("- returns {}", described(&output.ty)));
    }
    item
}

fn alias(alias: &super::super::Alias) -> Vec<Item> {
    let call = |train: bool| {
        let form = if train { "_t" } else { "" };
        let args = alias.params.iter().map(|name| Expr::path(name.as_str()));
        let args = args.chain(train.then(|| Expr::path("train"))).collect::<Vec<_>>();
        let delegate = Expr::path("self").call_method(&format!("{}{form}", alias.of), args);
        let returns = alias.output_struct.as_deref().unwrap_or("Tensor");
        let function = Function::public(format!("{}{form}", alias.name)).receiver("&self").returns(format!("Result<{returns}>"));
        let function = alias.params.iter().fold(function, |function, name| function.param(name, "&Tensor"));
        let function = if train { function.param("train", "bool") } else { function };
        Item::from(function.body(Block::from(delegate))).doc(format!("The same as `{}{form}`.", alias.of))
    };
    let train = alias.has_mode.then(|| call(true));
    std::iter::once(call(false)).chain(train).collect()
}

fn field_device(structure: &Struct) -> Expr {
    let parameter = structure.fields.iter().find(|field| matches!(field.kind, FieldKind::Parameter { .. }));
    match parameter {
        Some(field) => Expr::path("self").field(field.name.as_str()).call_method("device", []),
        None => Expr::path("candle_core::Device::Cpu").by_ref(),
    }
}

/// One statement: `let names = value; // note`.
struct Line {
    names: Vec<String>,
    value: Expr,
    note: Option<String>,
}

impl From<Line> for Stmt {
    fn from(line: Line) -> Self {
        let pattern = match line.names.as_slice() {
            [one] => Pat::from(one.as_str()),
            several => Pat::tuple(several.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        let statement = Stmt::bind(pattern, line.value);
        match line.note {
            Some(note) => statement.commented(note),
            None => statement,
        }
    }
}

/// The block of statements; a last `let x = e?; Ok(x)` is `e` itself.
fn finish(mut lines: Vec<Line>, result: Tail) -> Block {
    let tail = match result {
        Tail::Local(name) => match lines.pop() {
            Some(last) if last.names == [name.as_str()] => match last.value.untried() {
                Ok(inner) => inner,
                Err(value) => Expr::call("Ok", [value]),
            },
            last => {
                lines.extend(last);
                Expr::call("Ok", [Expr::path(name.as_str())])
            }
        },
        Tail::Value(value) => Expr::call("Ok", [value]),
    };
    Block::new(lines.into_iter().map(Stmt::from)).tail(tail)
}

enum Tail {
    /// A local that is the whole result.
    Local(String),
    /// Anything else.
    Value(Expr),
}

fn result(method: &Method, entry: Option<&Entry>, body: &mut Body) -> Tail {
    let owned = |operand: &Operand, body: &mut Body| body.arg(operand).owned(body);
    if let (Some(entry), true) = (entry, method.results.len() > 1) {
        let fields = entry.outputs.iter().zip(&method.results).map(|(output, result)| (output.name.clone(), owned(result, body)));
        let fields = fields.collect::<Vec<_>>();
        return Tail::Value(Expr::struct_lit(entry.output_struct.clone().unwrap_or_default(), fields));
    }
    match method.results.as_slice() {
        [] => Tail::Value(Expr::unit()),
        [one] => match body.arg(one).place {
            Place::Local { name, borrowed: false } => Tail::Local(name),
            Place::Local { .. } | Place::Field(_) | Place::Literal(_) | Place::Extents { .. } => Tail::Value(owned(one, body)),
        },
        several => Tail::Value(Expr::tuple(several.iter().map(|result| owned(result, body)).collect::<Vec<_>>())),
    }
}

fn statement(plan: &Plan, step: &Step, body: &mut Body) -> Result<Option<Line>> {
    let structure = body.structure;
    let spell = |action: &Action| match action {
        Action::Parameter(field) => Some(Expr::path("self").field(structure.fields[*field].name.as_str())),
        Action::LayerWeight { field, role } => Some(layer_weight(&structure.fields[*field], *role)),
        Action::Op(_) | Action::Constant(_) | Action::Layer { .. } | Action::Module { .. } | Action::Modules { .. } | Action::Extent { .. } => None,
    };
    let args: Vec<_> = step.args.iter().map(|operand| body.arg(operand)).collect();
    if let [only] = step.results.as_slice()
        && body.bind(&step.action, &only.name, spell)
    {
        return Ok(None);
    }
    step.results.iter().skip(1).for_each(|result| drop(body.bind(&step.action, &result.name, |_| None)));
    let field = |index: usize| Expr::path("self").field(structure.fields[index].name.as_str());
    let called = |body: &mut Body, receiver: Expr, method: &Method| {
        let mut operands: Vec<Expr> = args.iter().map(|arg| arg.reference(body)).collect();
        let name = if method.has_mode { format!("{}_t", method.name) } else { method.name.clone() };
        if method.has_mode {
            operands.push(Expr::path("train"));
        }
        receiver.call_method(&name, operands).tried()
    };
    let optional = step.condition.as_ref().filter(|condition| structure.fields[condition.field].present.is_some());
    let inner = |index: usize| match optional {
        Some(_) => Expr::path(structure.fields[index].name.as_str()),
        None => field(index),
    };
    let value = match &step.action {
        Action::Op(op) => {
            let types: Vec<_> = step.results.iter().map(|result| result.ty.clone()).collect();
            op::op(body, op, &args, &types)?
        }
        Action::Layer { field: index, output } => {
            let FieldKind::Layer(layer) = &structure.fields[*index].kind else {
                return Err(Error::malformed("internal: a call of what is no layer"));
            };
            let x = args[0].reference(body);
            layer::call(body, layer, inner(*index), x, output.as_deref())
        }
        Action::Module { field: index, method } => {
            let FieldKind::Module { ty, .. } = &structure.fields[*index].kind else {
                return Err(Error::malformed("internal: a call of what is no module"));
            };
            called(body, inner(*index), &plan.structs[*ty].methods[*method])
        }
        Action::Modules { field: index, method } => {
            let FieldKind::Modules { ty, .. } = &structure.fields[*index].kind else {
                return Err(Error::malformed("internal: a call of what is no row of modules"));
            };
            let first = args[0].owned(body);
            let method = &plan.structs[*ty].methods[*method];
            let mut operands: Vec<Expr> = vec![Expr::path("x").by_ref()];
            operands.extend(args[1..].iter().map(|arg| arg.reference(body)));
            let name = if method.has_mode { format!("{}_t", method.name) } else { method.name.clone() };
            if method.has_mode {
                operands.push(Expr::path("train"));
            }
            let call = Expr::path("block").call_method(&name, operands);
            let step = Expr::closure([Pat::from("x"), Pat::from("block")], call);
            field(*index).call_method("iter", []).call_method("try_fold", [first, step]).tried()
        }
        Action::Extent { axis } => args[0].receiver(body).call_method("dim", [Expr::size(*axis)]).tried(),
        Action::Constant(_) | Action::Parameter(_) | Action::LayerWeight { .. } => {
            return Err(Error::malformed("internal: a step without a statement"));
        }
    };
    let value = match &step.condition {
        None => value,
        Some(condition) => {
            let pass = args[condition.pass].owned(body);
            let name = structure.fields[condition.field].name.as_str();
            match optional {
                Some(_) => Expr::match_(
                    field(condition.field).by_ref(),
                    [super::super::rust::Arm::new(Pat::variant("Some", [name]), value), super::super::rust::Arm::new("None", pass)],
                ),
                None => Expr::if_else(field(condition.field), Block::from(value), Block::from(pass)),
            }
        }
    };
    let names = step.results.iter().map(|local| local.name.clone()).collect();
    Ok(Some(Line { names, value, note: step.note.clone() }))
}

/// A layer's weight in the model's own layout.
fn layer_weight(field: &Field, role: Role) -> Expr {
    use super::super::plan::Layer;
    let owner = Expr::path("self").field(field.name.as_str());
    let FieldKind::Layer(layer) = &field.kind else { return owner };
    match (layer, role) {
        (Layer::Linear { .. }, Role::Kernel) => owner.call_method("weight", []).call_method("t", []).tried(),
        (Layer::Embedding { .. }, _) => owner.call_method("embeddings", []),
        (Layer::BatchNorm { .. }, Role::Mean) => owner.call_method("running_mean", []).call_method("as_tensor", []),
        (Layer::BatchNorm { .. }, Role::Variance) => owner.call_method("running_var", []).call_method("as_tensor", []),
        (_, Role::Kernel | Role::Scale) => owner.call_method("weight", []),
        (_, Role::Bias | Role::Offset) => owner.call_method("bias", []).call_method("expect", [Expr::str("the layer has a bias")]),
        (_, Role::Mean | Role::Variance) => owner,
    }
}
