//! From types to the plan that the printers print.

use super::draft::{Action, Held};
use super::items::Items;
use super::layers::letters;
use super::locals::{MissingExtent, method};
use super::paths::Path;
use super::paths::stem;
use super::types::{ModuleType, Types, layer_of};
use crate::codegen::plan::{self, ArgValue, Entry, Field, FieldKind, Local, Plan, Struct, Weight};
use crate::codegen::rust::ident::{Namer, camel, snake};
use crate::codegen::target::WeightLayout;
use crate::error::{Error, Result};
use crate::ir::{Param, ParamId, Program};
use std::collections::BTreeMap;

/// What emitting may come back with.
pub enum Emitted {
    /// The plan.
    Plan(Plan),
    /// The module at this path needs an extent that none of its arguments has: it cannot stand alone.
    Dissolve(Path),
}

/// Names of a function's method, arguments and results.
pub struct EntryNames {
    /// The method.
    pub method: String,
    /// The arguments.
    pub inputs: Vec<String>,
    /// The results.
    pub outputs: Vec<String>,
}

/// The plan of all types.
///
/// # Errors
/// When a layout cannot be spelt, or a function needs an extent that nothing has.
pub fn emit(
    program: &Program,
    items: &Items,
    types: &Types,
    name: &str,
    names: &[EntryNames],
    target: &dyn WeightLayout,
) -> Result<Emitted> {
    let emitter = Emitter::new(program, items, types, name, names);
    let weights = emitter.weights(target)?;
    let mut structs = vec![];
    for &ty in &emitter.order {
        match emitter.structure(ty, &weights) {
            Ok(structure) => structs.push(structure),
            Err(MissingExtent(dim)) => {
                let path = types.types[ty].instances[0].path.clone();
                if path.is_empty() {
                    return Err(Error::unsupported(format!(
                        "the extent {dim} cannot be computed from the arguments"
                    )));
                }
                return Ok(Emitted::Dissolve(path));
            }
        }
    }
    let entries = emitter.entries(&structs[0], name);
    Ok(Emitted::Plan(Plan {
        structs,
        entries,
        weights,
    }))
}

struct Emitter<'a> {
    program: &'a Program,
    items: &'a Items,
    types: &'a Types,
    entry_names: &'a [EntryNames],
    /// The types in the order of the plan.
    order: Vec<usize>,
    /// The name of each type.
    names: Vec<String>,
    /// The names of each type's fields.
    fields: Vec<Vec<String>>,
}

impl<'a> Emitter<'a> {
    fn new(
        program: &'a Program,
        items: &'a Items,
        types: &'a Types,
        name: &str,
        entry_names: &'a [EntryNames],
    ) -> Self {
        let mut order = types.by_height();
        order.reverse();
        let mut namer = Namer::with_taken(RESERVED_TYPES);
        let mut names = vec![String::new(); types.types.len()];
        for &ty in &order {
            names[ty] = namer.camel(&type_name(&types.types[ty], name));
        }
        let fields = types.types.iter().map(field_names).collect();
        Emitter {
            program,
            items,
            types,
            entry_names,
            order,
            names,
            fields,
        }
    }

    fn place(&self, ty: usize) -> usize {
        self.order
            .iter()
            .position(|&other| other == ty)
            .unwrap_or(0)
    }

    fn structure(&self, index: usize, weights: &[Weight]) -> Result<Struct, MissingExtent> {
        let ty = &self.types.types[index];
        let root = self.order[0] == index;
        let mut methods = vec![];
        for (i, body) in ty.module.methods.iter().enumerate() {
            let name = match (root, i) {
                (true, i) => self.entry_names[i].method.clone(),
                (false, 0) => "forward".to_owned(),
                (false, i) => format!("forward_{}", i + 1),
            };
            let inputs = root.then(|| self.entry_names[i].inputs.as_slice());
            let assigned = match root {
                true => assigned_keys(&self.program.functions[i].assigned, weights),
                false => vec![],
            };
            let first_assigned = body.results.len() - assigned.len();
            let named = body.results[first_assigned..].iter().zip(&assigned);
            let wanted = named.map(|(source, key)| (*source, snake(last_part(key))));
            let has_mode = self.has_mode(index, i);
            let mut method = method(
                body,
                &self.fields[index],
                name,
                inputs,
                ty.instances.len() == 1,
                has_mode,
                wanted.collect(),
            )?;
            method
                .body
                .iter_mut()
                .for_each(|step| over_rows(step, &ty.module.fields));
            let values = method.results.split_off(first_assigned);
            let pairs = assigned.into_iter().zip(values);
            method.assignments = pairs
                .map(|(key, value)| plan::Assignment { key, value })
                .collect();
            methods.push(method);
        }
        Ok(Struct {
            name: self.names[index].clone(),
            docs: docs(ty, root, &self.names[index]),
            example: ty.module.path.join("/"),
            args: ty.args.clone(),
            fields: (0..ty.module.fields.len())
                .map(|field| self.field(index, field))
                .collect(),
            methods,
        })
    }

    fn field(&self, index: usize, field: usize) -> Field {
        let ty = &self.types.types[index];
        let (name, held) = &ty.module.fields[field];
        let with_field = ty
            .instances
            .iter()
            .find(|instance| instance.fields[field].is_some());
        let path = with_field
            .map(|instance| instance.path.clone())
            .unwrap_or_default();
        let kind = match held {
            Held::Layer(_) => match layer_of(ty, field, self.items) {
                Some(layer) => FieldKind::Layer(layer),
                None => FieldKind::Flag(0),
            },
            Held::Module => FieldKind::Module {
                ty: self.place(self.types.child(&path, name)),
                args: ty.settings[field].clone(),
            },
            Held::Modules(names) => FieldKind::Modules {
                ty: self.place(self.types.child(&path, &names[0])),
                instances: rows(&ty.settings[field], names.len()),
            },
            Held::Param(param) => {
                let param = &self.program.params[param.0 as usize];
                FieldKind::Parameter {
                    shape: shape(param),
                    dtype: param.ty.dtype,
                    trainable: param.trainable,
                }
            }
            Held::Flag(_) => FieldKind::Flag(ty.present[field].unwrap_or(0)),
        };
        let present = if matches!(held, Held::Flag(_)) {
            None
        } else {
            ty.present[field]
        };
        let doc = (snake(name) != self.fields[index][field]).then(|| format!("`{name}`."));
        Field {
            name: self.fields[index][field].clone(),
            kind,
            present,
            doc,
        }
    }

    /// Whether a method runs a layer that behaves differently in training.
    fn has_mode(&self, ty: usize, method: usize) -> bool {
        let module = &self.types.types[ty].module;
        let path = &self.types.types[ty].instances[0].path;
        module.methods[method]
            .steps
            .iter()
            .any(|step| match &step.action {
                Action::Layer { field, .. } => match &module.fields[*field].1 {
                    Held::Layer(layer) => matches!(
                        self.items.layers[*layer].layer,
                        plan::Layer::BatchNorm { .. } | plan::Layer::Dropout { .. }
                    ),
                    Held::Module | Held::Modules(_) | Held::Param(_) | Held::Flag(_) => false,
                },
                Action::Call { field, method } => {
                    let (name, held) = &module.fields[*field];
                    let name = if let Held::Modules(names) = held {
                        &names[0]
                    } else {
                        name
                    };
                    let owner = self.types.types[ty]
                        .instances
                        .iter()
                        .find(|instance| instance.fields[*field].is_some());
                    let child = self
                        .types
                        .child(owner.map_or(path, |owner| &owner.path), name);
                    self.has_mode(child, *method)
                }
                Action::Op(_) | Action::Param(_) | Action::LayerWeight { .. } => false,
            })
    }

    fn weights(&self, target: &dyn WeightLayout) -> Result<Vec<Weight>> {
        let mut weights = vec![];
        self.module_weights(&vec![], "", target, &mut weights)?;
        Ok(weights)
    }

    fn module_weights(
        &self,
        path: &Path,
        prefix: &str,
        target: &dyn WeightLayout,
        out: &mut Vec<Weight>,
    ) -> Result<()> {
        let index = self.types.of[path];
        let ty = &self.types.types[index];
        let Some(instance) = ty.instances.iter().find(|instance| &instance.path == path) else {
            return Ok(());
        };
        for (field, held) in instance.fields.iter().enumerate() {
            let Some(held) = held else { continue };
            let key = format!("{prefix}{}", self.fields[index][field]);
            let below = |name: &str| [path.as_slice(), &[name.to_owned()]].concat();
            // A merged type's field may be called otherwise in this instance only by its row's number.
            match held {
                Held::Layer(layer) => self.layer_weights(*layer, &key, target, out)?,
                Held::Module => self.module_weights(
                    &below(&ty.module.fields[field].0),
                    &format!("{key}."),
                    target,
                    out,
                )?,
                Held::Modules(names) => {
                    for (i, name) in names.iter().enumerate() {
                        self.module_weights(&below(name), &format!("{key}.{i}."), target, out)?;
                    }
                }
                Held::Param(param) => {
                    let rank = self.program.params[param.0 as usize].ty.rank().unwrap_or(0);
                    out.push(Weight {
                        param: *param,
                        key,
                        layout: target.parameter(rank)?,
                    });
                }
                Held::Flag(_) => {}
            }
        }
        Ok(())
    }

    fn layer_weights(
        &self,
        layer: usize,
        key: &str,
        target: &dyn WeightLayout,
        out: &mut Vec<Weight>,
    ) -> Result<()> {
        let info = &self.items.layers[layer];
        for slot in target.slots(&info.layer) {
            let Some((_, view)) = info.weights.iter().find(|(role, _)| *role == slot.role) else {
                continue;
            };
            let layout = view.layout(
                &slot.axes,
                letters(&info.layer, slot.role, view.shape.len()),
            )?;
            out.push(Weight {
                param: view.param,
                key: format!("{key}.{}", slot.key),
                layout,
            });
        }
        Ok(())
    }

    fn entries(&self, root: &Struct, name: &str) -> Vec<Entry> {
        let mut namer = Namer::with_taken(self.names.iter().map(String::as_str));
        let mut entries = vec![];
        for (i, method) in root.methods.iter().enumerate() {
            let function = &self.program.functions[i];
            let types = function
                .graph
                .outputs
                .iter()
                .map(|&output| function.graph.ty(output).clone());
            let named = self.entry_names[i].outputs.iter().zip(types);
            let outputs: Vec<Local> = named
                .map(|(name, ty)| Local {
                    name: name.clone(),
                    ty,
                })
                .collect();
            let output_struct = (outputs.len() > 1).then(|| match root.methods.len() {
                1 => namer.camel(&format!("{name}_output")),
                _ => namer.camel(&format!("{}_output", method.name)),
            });
            let params = method.params.clone();
            entries.push(Entry {
                method: method.name.clone(),
                params,
                outputs,
                output_struct,
                has_mode: method.has_mode,
                mutates: method.mutates(),
            });
        }
        entries
    }
}

/// The keys of the variables that a function assigns.
fn assigned_keys(assigned: &[ParamId], weights: &[Weight]) -> Vec<String> {
    let key = |param: &ParamId| {
        let weight = weights.iter().find(|weight| weight.param == *param);
        weight.map(|weight| weight.key.clone()).unwrap_or_default()
    };
    assigned.iter().map(key).collect()
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// The settings of a row of modules, for each module of the row.
fn rows(settings: &[ArgValue], count: usize) -> Vec<Vec<ArgValue>> {
    let width = settings.len() / count.max(1);
    (0..count)
        .map(|i| settings[i * width..(i + 1) * width].to_vec())
        .collect()
}

/// A call of a field that holds a row of modules is a call of each.
fn over_rows(step: &mut plan::Step, fields: &[(String, Held)]) {
    if let plan::Action::Module { field, method } = step.action
        && matches!(fields[field].1, Held::Modules(_))
    {
        step.action = plan::Action::Modules { field, method };
    }
}

/// Type names that generated code uses for other things.
const RESERVED_TYPES: [&str; 66] = [
    "Tensor",
    "Device",
    "Result",
    "Module",
    "Linear",
    "Embedding",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "DepthwiseConv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "BatchNorm",
    "BatchNormConfig",
    "LayerNorm",
    "LayerNormConfig",
    "Dropout",
    "Activation",
    "Padding",
    "ConvConfig",
    "Param",
    "Config",
    "Vec",
    "Option",
    "Some",
    "None",
    "Ok",
    "Err",
    "Self",
    "String",
    "Box",
    "Var",
    "VarMap",
    "VarBuilder",
    "DType",
    "Shape",
    "Int",
    "Bool",
    "Float",
    "StringTensor",
    "Path",
    "Slice",
    "Initializer",
    "ParamId",
    "ModuleSnapshot",
    "SafetensorsStore",
    "SafetensorsStoreError",
    "FloatDType",
    "IntDType",
    "IndexingUpdateOp",
    "PadMode",
    "Sampling",
    "LinearConfig",
    "EmbeddingConfig",
    "Conv1dConfig",
    "Conv2dConfig",
    "ConvTranspose1dConfig",
    "ConvTranspose2dConfig",
    "ConvTranspose3d",
    "ConvTranspose3dConfig",
    "MaxPool1dConfig",
    "MaxPool2dConfig",
    "AvgPool1dConfig",
    "AvgPool2dConfig",
    "PaddingConfig1d",
    "PaddingConfig2d",
];

fn shape(param: &Param) -> Vec<usize> {
    param.ty.shape.known().unwrap_or_default()
}

/// The name that most instances suggest.
fn type_name(ty: &ModuleType, model: &str) -> String {
    if ty.instances[0].path.is_empty() {
        return camel(model);
    }
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for instance in &ty.instances {
        let last = instance.path.last().map_or("", String::as_str);
        *votes.entry(stem(last)).or_insert(0) += 1;
    }
    let stem = votes
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(stem, _)| stem)
        .unwrap_or_default();
    camel(if stem.is_empty() { "block" } else { &stem })
}

fn field_names(ty: &ModuleType) -> Vec<String> {
    let methods = [
        "self",
        "forward",
        "forward_t",
        "new",
        "load",
        "fused",
        "train",
        "valid",
        "map",
        "visit",
        "device",
        "vb",
    ];
    let mut namer = Namer::with_taken(methods);
    ty.module
        .fields
        .iter()
        .map(|(name, _)| namer.snake(&digits_last(name)))
        .collect()
}

/// `1_conv` is `conv1` to Rust.
fn digits_last(name: &str) -> String {
    match name.split_once('_') {
        Some((digits, rest))
            if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            format!("{rest}{digits}")
        }
        _ => name.to_owned(),
    }
}

fn docs(ty: &ModuleType, root: bool, name: &str) -> Vec<String> {
    let paths: Vec<String> = ty
        .instances
        .iter()
        .map(|instance| format!("`{}`", instance.path.join("/")))
        .collect();
    match (root, paths.as_slice()) {
        (true, _) => vec![format!("The model `{name}`.")],
        (false, [path]) => vec![format!("Layer {path}.")],
        (false, [first, .., last]) => {
            vec![format!("Layers {first} to {last}, {} in all.", paths.len())]
        }
        (false, []) => vec![],
    }
}
