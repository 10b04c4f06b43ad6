//! Text that is equal for what generated code would spell alike.

use super::body::{Body, Held, Module, Source};
use super::items::Items;
use super::settings::{settings, with_settings};
use crate::ir::{DType, Dim, Op, Param, ParamId, Shape, Type};
use crate::plan::{Action, Flow, Layer};
use std::collections::BTreeMap;

/// Names of symbols by first appearance, so that two functions that differ only in numbering agree.
#[derive(Default)]
pub struct Names(BTreeMap<String, usize>);

impl Names {
    /// Makes the symbols of a type known, in order.
    pub fn learn(&mut self, ty: &Type) {
        for dim in ty.dims() {
            dim.visit_symbols(&mut |symbol| {
                let next = self.0.len();
                self.0.entry(format!("{symbol:?}")).or_insert(next);
            });
        }
    }

    /// Makes the symbols known that an op reads from data.
    fn learn_read(&mut self, op: &Op) {
        if let Op::ReadExtents(symbols) = op {
            let dims: Vec<Dim> = symbols.iter().copied().map(Dim::symbol).collect();
            self.learn(&Type::new(DType::I64, dims));
        }
    }

    /// Replaces `s12` by its name in the text of an op.
    fn rename(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in text.chars().chain(std::iter::once(' ')) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            match self.0.get(&word) {
                Some(name) => out.push_str(&format!("${name}")),
                None => out.push_str(&word),
            }
            word.clear();
            out.push(c);
        }
        out
    }
}

/// The kind of a layer: its configuration without what may be a constructor argument.
pub fn of_layer(layer: &Layer) -> Layer {
    let settings = settings(layer);
    let blank: Vec<_> = settings.iter().map(|(_, value)| blank(value)).collect();
    with_settings(layer, &blank)
}

fn blank(value: &crate::plan::ArgValue) -> crate::plan::ArgValue {
    use crate::plan::ArgValue;
    match value {
        ArgValue::Size(_) => ArgValue::Size(0),
        ArgValue::Sizes(sizes) => ArgValue::Sizes(vec![0; sizes.len()]),
        ArgValue::Flag(_) => ArgValue::Flag(false),
        ArgValue::Number(_) => ArgValue::Number(0.0.into()),
        ArgValue::Outer(_) => ArgValue::Outer(0),
    }
}

/// What a module's type has to agree on, given the types of the modules below.
pub fn of_module(
    module: &Module,
    items: &Items,
    params: &[Param],
    child: &dyn Fn(&str) -> usize,
) -> String {
    let fields: Vec<String> = module
        .fields
        .iter()
        .map(|(name, held)| format!("{name}: {}", of_held(held, name, items, params, child)))
        .collect();
    let methods: Vec<String> = module.methods.iter().map(of_body).collect();
    format!("{fields:?} {methods:?}")
}

fn of_held(
    held: &Held,
    name: &str,
    items: &Items,
    params: &[Param],
    child: &dyn Fn(&str) -> usize,
) -> String {
    match held {
        Held::Layer(layer) => format!("{:?}", of_layer(&items.layers[*layer].layer)),
        Held::Module => format!("module {}", child(name)),
        Held::Modules(names) => format!("modules {} x {}", child(&names[0]), names.len()),
        Held::Param(param) => of_param(*param, params),
        Held::Flag(_) => "flag".to_owned(),
    }
}

/// A variable that no layer owns: its type, and whether it is trained.
pub fn of_param(param: ParamId, params: &[Param]) -> String {
    let param = &params[param.0 as usize];
    format!("param {:?} {}", param.ty, param.trainable)
}

/// A method, up to the extents of what it works on.
pub fn of_body(body: &Body) -> String {
    of_block(body, &mut Names::default())
}

/// A method or a block of one, among whose symbols are those of `names`.
fn of_block(body: &Body, names: &mut Names) -> String {
    body.inputs.iter().for_each(|ty| names.learn(ty));
    let inputs: Vec<String> = body.inputs.iter().map(of_type).collect();
    let steps: Vec<String> = (0..body.steps.len())
        .map(|step| of_step(body, step, names))
        .collect();
    format!("{inputs:?} {steps:?} {:?}", body.results)
}

fn of_step(body: &Body, index: usize, names: &mut Names) -> String {
    let step = &body.steps[index];
    step.types.iter().for_each(|ty| names.learn(ty));
    let types: Vec<String> = step.types.iter().map(of_type).collect();
    let alike = alike(body, &step.args);
    let action = of_action(&step.action, names);
    let blocks: Vec<String> = step
        .blocks
        .iter()
        .map(|block| of_block(block, names))
        .collect();
    format!(
        "{action} {blocks:?} {:?} {alike} {types:?} {:?}",
        step.args, step.condition
    )
}

/// An action, with its fields by number, all attributes of an op and all elements of a constant; symbols are renamed by
/// `names`.
pub fn of_action(action: &Action, names: &mut Names) -> String {
    match action {
        Action::Op(op) => {
            names.learn_read(op);
            names.rename(&format!("{op:?}"))
        }
        Action::Layer { field, call } => names.rename(&format!("layer {field} {call:?}")),
        Action::Constant(value) => format!(
            "Constant {:?} {:?} {:?}",
            value.dtype(),
            value.shape(),
            value.to_bytes().ok()
        ),
        Action::Module { field, method } => format!("call {field} {method}"),
        Action::Modules { field, method } => format!("call each of {field} {method}"),
        Action::Parameter(field) => format!("param {field}"),
        Action::Extent { axis } => format!("extent {axis}"),
        Action::Elements => "elements".to_owned(),
        Action::LayerWeight { field, role } => format!("weight {field} {role:?}"),
        Action::Flow(flow) => {
            if let Flow::Repeat { round, .. } = flow {
                names.learn(&Type::new(DType::I64, vec![Dim::symbol(*round)]));
            }
            names.rename(&format!("{flow:?}"))
        }
    }
}

fn of_type(ty: &Type) -> String {
    match &ty.shape {
        Shape::Ranked(dims) => format!("{:?}/{}", ty.dtype, dims.len()),
        Shape::Unranked => format!("{:?}/?", ty.dtype),
    }
}

/// Whether operands broadcast against each other, which decides how an op is spelt.
fn alike(body: &Body, args: &[Source]) -> String {
    let Some((&first, rest)) = args.split_first() else {
        return String::new();
    };
    let first = body.ty(first);
    rest.iter()
        .map(|&arg| {
            if body.ty(arg).dims() == first.dims() {
                '='
            } else {
                '~'
            }
        })
        .collect()
}
