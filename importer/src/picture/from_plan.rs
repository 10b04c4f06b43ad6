//! From the plan of generated code to drawings.

use std::collections::HashMap;

use super::model::{Edge, Field, Instance, Kind, Method, Module, Node, Picture, Weight};
use super::{instances, text};
use crate::ir::{Origin, Param, ParamSource};
use crate::pipeline::Exported;
use crate::plan::{self, Action, FieldKind, Flow, Local, Operand, Plan, Step, Struct, all_steps};
use crate::saved_model::SavedModel;

/// Adds the modules and weights of a plan.
pub fn add(
    picture: &mut Picture,
    model: &SavedModel,
    params: &[Param],
    plan: &Plan,
    exported: &[Exported],
) {
    let weights = plan.weights.iter().filter_map(|weight| {
        let param = params.get(weight.param.0 as usize)?;
        Some(named_weight(model, param, &weight.key))
    });
    picture.weights.extend(weights);
    picture.weights.sort_by(|a, b| a.key.cmp(&b.key));
    picture.modules = plan.structs.iter().map(module).collect();
    if let Some(root) = picture.modules.first_mut() {
        for (index, method) in root.methods.iter_mut().enumerate() {
            let own = exported.iter().filter(|exported| exported.index == index);
            let paths: Vec<&str> = own
                .map(|exported| exported.function.path.as_str())
                .collect();
            method.path = paths.join(", ");
            let outputs = plan
                .entries
                .get(index)
                .map_or(&[][..], |entry| &entry.outputs);
            let results = method
                .boxes
                .iter_mut()
                .filter(|node| node.kind == Kind::Result);
            for (node, output) in results.zip(outputs) {
                node.label.clone_from(&output.name);
            }
        }
        root.instances.push(Instance::default());
    }
    instances::list(picture, plan);
}

/// A weight as the picture has it.
pub fn named_weight(model: &SavedModel, param: &Param, key: &str) -> Weight {
    let checkpoint_key = match &param.source {
        ParamSource::Variable(index) => model.variables().get(*index),
        ParamSource::Constant(_) | ParamSource::Thawed { .. } => None,
    };
    let shape = param.ty.shape.known().unwrap_or_default();
    let counts = shape.iter().map(|&dim| dim as u64);
    Weight {
        key: key.to_owned(),
        name: param.name.clone(),
        checkpoint_key: checkpoint_key
            .and_then(|variable| variable.checkpoint_key.clone())
            .unwrap_or_default(),
        dtype: text::dtype(param.ty.dtype),
        trainable: param.trainable,
        parameters: counts.fold(1, u64::saturating_mul),
        shape,
    }
}

fn module(structure: &Struct) -> Module {
    let methods = structure.methods.iter();
    Module {
        name: structure.name.clone(),
        note: structure.docs.join(" "),
        example: structure.example.clone(),
        fields: structure
            .fields
            .iter()
            .map(|f| field(f, structure))
            .collect(),
        methods: methods.map(|method| drawing(structure, method)).collect(),
        ..Module::default()
    }
}

fn field(field: &plan::Field, structure: &Struct) -> Field {
    let (what, module, count) = match &field.kind {
        FieldKind::Layer(layer) => {
            let (name, settings) = text::layer(layer, &structure.args);
            (format!("{name}({settings})"), None, None)
        }
        FieldKind::Module { ty, .. } => (String::new(), Some(*ty), None),
        FieldKind::Modules { ty, instances } => (String::new(), Some(*ty), Some(instances.len())),
        FieldKind::Parameter { shape, dtype, .. } => {
            let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
            let what = format!("{}[{}]", text::dtype(*dtype), dims.join(", "));
            (what, None, None)
        }
        FieldKind::Flag(_) => ("bool".to_owned(), None, None),
    };
    Field {
        name: field.name.clone(),
        what,
        module,
        count,
    }
}

/// Draws a method, a box for each step that does something.
struct Drawer<'a> {
    structure: &'a Struct,
    out: Method,
    /// The values that names stand for at this point.
    names: HashMap<&'a str, Source>,
}

/// What a name stands for.
#[derive(Clone)]
enum Source {
    /// A result of a box.
    Box(usize, usize),
    /// A constant, which is written into the boxes that read it.
    Constant(String),
    /// An extent, which shows in the shapes.
    Extent,
}

fn drawing(structure: &Struct, method: &plan::Method) -> Method {
    let mut drawer = Drawer {
        structure,
        out: Method {
            name: method.name.clone(),
            ..Method::default()
        },
        names: HashMap::new(),
    };
    for param in &method.params {
        let index = drawer.push(Node {
            kind: Kind::Argument,
            label: param.name.clone(),
            types: vec![text::ty(&param.ty)],
            ..Node::default()
        });
        drawer.names.insert(&param.name, Source::Box(index, 0));
    }
    method.body.iter().for_each(|step| drawer.step(step));
    for (i, result) in method.results.iter().enumerate() {
        drawer.result(result, i, method.results.len());
    }
    for assignment in &method.assignments {
        let index = drawer.push(Node {
            kind: Kind::Result,
            label: format!("assign {}", assignment.key),
            types: vec![text::ty(&assignment.value.ty)],
            ..Node::default()
        });
        drawer.connect(index, 0, &assignment.value);
    }
    drawer.out
}

impl<'a> Drawer<'a> {
    fn push(&mut self, node: Node) -> usize {
        self.out.boxes.push(node);
        self.out.boxes.len() - 1
    }

    fn step(&mut self, step: &'a Step) {
        let names: Vec<&'a str> = step
            .results
            .iter()
            .map(|local| local.name.as_str())
            .collect();
        let constant = match &step.action {
            Action::Constant(tensor) => Some(Source::Constant(text::constant(tensor))),
            Action::Extent { .. } | Action::Elements => Some(Source::Extent),
            Action::Op(crate::ir::Op::Constant(tensor)) => {
                Some(Source::Constant(text::constant(tensor)))
            }
            Action::Op(crate::ir::Op::Extents { .. }) => Some(Source::Extent),
            Action::Op(_)
            | Action::Layer { .. }
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Flow(_) => None,
        };
        if let Some(constant) = constant {
            self.names
                .extend(names.into_iter().map(|name| (name, constant.clone())));
            return;
        }
        let index = self.push(self.node(step));
        for (operand, arg) in step.args.iter().enumerate() {
            self.connect(index, operand, arg);
        }
        let results = names.into_iter().enumerate();
        self.names
            .extend(results.map(|(result, name)| (name, Source::Box(index, result))));
    }

    /// Draws the edge to an operand, or writes a constant operand into the box.
    fn connect(&mut self, to: usize, operand: usize, arg: &Operand) {
        match self.names.get(arg.name.as_str()) {
            Some(Source::Box(from, result)) => self.out.edges.push(Edge {
                from: *from,
                result: *result,
                to,
                operand,
            }),
            Some(Source::Constant(text)) => {
                let detail = &mut self.out.boxes[to].detail;
                if !detail.is_empty() {
                    detail.push_str(", ");
                }
                detail.push_str(text);
            }
            Some(Source::Extent) | None => {}
        }
    }

    fn result(&mut self, operand: &Operand, place: usize, count: usize) {
        let label = match count {
            1 => "result".to_owned(),
            _ => format!("result {place}"),
        };
        let index = self.push(Node {
            kind: Kind::Result,
            label,
            types: vec![text::ty(&operand.ty)],
            ..Node::default()
        });
        self.connect(index, 0, operand);
    }

    fn node(&self, step: &Step) -> Node {
        let field = |index: usize| self.structure.fields.get(index);
        let mut node = match &step.action {
            Action::Layer { field: index, .. } => self.with_field(Kind::Layer, *index),
            Action::Module { field, method } | Action::Modules { field, method } => {
                self.call(*field, *method)
            }
            Action::Parameter(index) => self.with_field(Kind::Weight, *index),
            Action::LayerWeight { field: index, role } => {
                let mut node = self.with_field(Kind::Weight, *index);
                node.detail = format!("{role:?}").to_lowercase();
                node
            }
            Action::Op(op) => {
                let (label, detail) = text::op(op);
                Node {
                    label,
                    detail,
                    ..Node::default()
                }
            }
            Action::Flow(flow) => Node {
                label: match flow {
                    Flow::Branch => "if",
                    Flow::Repeat { rounds: None, .. } => "while",
                    Flow::Repeat { .. } => "for",
                }
                .to_owned(),
                detail: step.blocks.last().map_or_else(String::new, |block| {
                    format!("{} steps", all_steps(&block.body).len())
                }),
                ..Node::default()
            },
            Action::Constant(_) | Action::Extent { .. } | Action::Elements => Node::default(),
        };
        node.optional = step.condition.is_some();
        if let Some(flag) = step.condition.as_ref().and_then(|c| field(c.field))
            && matches!(flag.kind, FieldKind::Flag(_))
        {
            node.detail = join(&node.detail, &format!("if {}", flag.name));
        }
        node.types = step
            .results
            .iter()
            .map(|Local { ty, .. }| text::ty(ty))
            .collect();
        node.nodes = step.origins.iter().map(origin).collect();
        node
    }

    /// A box for a layer or a parameter of this module.
    fn with_field(&self, kind: Kind, index: usize) -> Node {
        let Some(field) = self.structure.fields.get(index) else {
            return Node::default();
        };
        let detail = match &field.kind {
            FieldKind::Layer(layer) => {
                let (name, settings) = text::layer(layer, &self.structure.args);
                format!("{name} {settings}")
            }
            FieldKind::Module { .. }
            | FieldKind::Modules { .. }
            | FieldKind::Parameter { .. }
            | FieldKind::Flag(_) => String::new(),
        };
        Node {
            kind,
            label: field.name.clone(),
            detail,
            field: Some(field.name.clone()),
            ..Node::default()
        }
    }

    fn call(&self, index: usize, method: usize) -> Node {
        let mut node = self.with_field(Kind::Module, index);
        let field = self.structure.fields.get(index);
        let (ty, count) = match field.map(|field| &field.kind) {
            Some(FieldKind::Module { ty, .. }) => (*ty, None),
            Some(FieldKind::Modules { ty, instances }) => (*ty, Some(instances.len())),
            Some(FieldKind::Layer(_) | FieldKind::Parameter { .. } | FieldKind::Flag(_)) | None => {
                return node;
            }
        };
        node.calls = Some((ty, method));
        node.count = count;
        node
    }
}

fn join(a: &str, b: &str) -> String {
    match a {
        "" => b.to_owned(),
        a => format!("{a}, {b}"),
    }
}

/// `Conv2D stem/conv/Conv2D`.
pub fn origin(origin: &Origin) -> String {
    let text = format!("{} {}", origin.op, origin.node);
    match &origin.python {
        Some(line) => format!("{} ({line})", text.trim()),
        None => text.trim().to_owned(),
    }
}
