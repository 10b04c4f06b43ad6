//! From types to the plan that the printers print.

use super::arguments::Arguments;
use super::body::{Body, Held, Source, Step};
use super::extents::MissingExtent;
use super::items::Items;
use super::locals::method;
use super::names::{docs, field_names, type_names};
use super::paths::Path;
use super::shapes::shapes;
use super::types::{Types, layer_of};
use crate::error::{Error, Result};
use crate::ir::{Op, Param, ParamId, Program};
use crate::plan::ident::{Namer, snake};
use crate::plan::target::{TYPES, WeightLayout};
use crate::plan::{
    self, Action, ArgValue, Entry, Field, FieldKind, Flow, Local, Plan, Struct, Weight, all_steps,
};

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
    /// Other names of the method.
    pub aliases: Vec<String>,
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
    let mut arguments = Arguments::default();
    for &ty in &emitter.order {
        match emitter.structure(ty, &weights, &mut arguments) {
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

/// A constructor takes at most as many sizes one by one.
const MAX_ARGS: usize = 5;

pub(super) struct Emitter<'a> {
    pub(super) program: &'a Program,
    pub(super) items: &'a Items,
    pub(super) types: &'a Types,
    entry_names: &'a [EntryNames],
    /// The types in the order of the plan.
    order: Vec<usize>,
    /// The name of each type.
    names: Vec<String>,
    /// The name of the struct that holds what each type's constructor takes, where that is much.
    configs: Vec<Option<String>>,
    /// The names of each type's fields.
    pub(super) fields: Vec<Vec<String>>,
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
        let names = type_names(types, &order, name);
        let taken = names.iter().map(String::as_str).chain(TYPES);
        let mut namer = Namer::with_taken(taken);
        let mut configs = vec![None; types.types.len()];
        for &ty in &order {
            let is_long = types.types[ty].args.len() > MAX_ARGS;
            configs[ty] = is_long.then(|| namer.camel(&format!("{}_config", names[ty])));
        }
        let fields = types.types.iter().map(field_names).collect();
        Emitter {
            program,
            items,
            types,
            entry_names,
            order,
            names,
            configs,
            fields,
        }
    }

    fn place(&self, ty: usize) -> usize {
        self.order
            .iter()
            .position(|&other| other == ty)
            .unwrap_or(0)
    }

    fn structure(
        &self,
        index: usize,
        weights: &[Weight],
        arguments: &mut Arguments,
    ) -> Result<Struct, MissingExtent> {
        let ty = &self.types.types[index];
        let root = self.order[0] == index;
        let mut methods = vec![];
        for (i, body) in ty.module.methods.iter().enumerate() {
            let name = match (root, i) {
                (true, i) => self.entry_names[i].method.clone(),
                (false, 0) => "forward".to_owned(),
                (false, i) => format!("forward_{}", i + 1),
            };
            let inputs = match root {
                true => self.entry_names[i].inputs.clone(),
                false => arguments.of(body, index, i),
            };
            let assigned = match root {
                true => assigned_keys(&self.program.functions[i].assigned, weights),
                false => vec![],
            };
            let first_assigned = body.results.len() - assigned.len();
            let named = body.results[first_assigned..].iter().zip(&assigned);
            let assigned_names = named.map(|(source, key)| (*source, snake(last_part(key))));
            let outputs = match root {
                true => self.entry_names[i].outputs.as_slice(),
                false => &[],
            };
            let of_loops = loop_outputs(body, outputs);
            let outputs = body.results.iter().copied().zip(outputs.iter().cloned());
            let outputs = outputs.filter(|_| first_assigned > 1);
            let wanted = outputs.chain(of_loops).chain(assigned_names);
            let has_mode = self.has_mode(index, i);
            let mut method = method(
                body,
                &self.fields[index],
                name,
                &inputs,
                ty.instances.len() == 1,
                has_mode,
                wanted.collect(),
            )?;
            let values = method.results.split_off(first_assigned);
            let pairs = assigned.into_iter().zip(values);
            method.assignments = pairs
                .map(|(key, value)| plan::Assignment { key, value })
                .collect();
            method.shapes = shapes(ty, i, &method).filter(|_| !root);
            for step in all_steps(&method.body) {
                if let Some((child, method)) = self.callee(index, &step.action) {
                    arguments.suggest(child, method, &step.args);
                }
            }
            methods.push(method);
        }
        Ok(Struct {
            name: self.names[index].clone(),
            docs: docs(ty, root, &self.names[index]),
            example: ty.module.path.join("/"),
            args: ty.args.clone(),
            config: self.configs[index].clone(),
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

    /// The type and the method that a step of a type calls.
    fn callee(&self, ty: usize, action: &Action) -> Option<(usize, usize)> {
        let (Action::Module { field, method } | Action::Modules { field, method }) = action else {
            return None;
        };
        let (name, held) = &self.types.types[ty].module.fields[*field];
        let name = match held {
            Held::Modules(names) => names.first()?,
            Held::Module | Held::Layer(_) | Held::Param(_) | Held::Flag(_) => name,
        };
        let mut instances = self.types.types[ty].instances.iter();
        let owner = instances.find(|instance| instance.fields[*field].is_some())?;
        Some((self.types.child(&owner.path, name), *method))
    }

    /// Whether a method runs a layer that behaves differently in training.
    fn has_mode(&self, ty: usize, method: usize) -> bool {
        let body = &self.types.types[ty].module.methods[method];
        self.block_has_mode(ty, body)
    }

    fn block_has_mode(&self, ty: usize, body: &Body) -> bool {
        body.steps.iter().any(|step| self.step_has_mode(ty, step))
    }

    fn step_has_mode(&self, ty: usize, step: &Step) -> bool {
        let module = &self.types.types[ty].module;
        match &step.action {
            Action::Layer { field, .. } => match &module.fields[*field].1 {
                Held::Layer(layer) => matches!(
                    self.items.layers[*layer].layer,
                    plan::Layer::BatchNorm { .. } | plan::Layer::Dropout { .. }
                ),
                Held::Module | Held::Modules(_) | Held::Param(_) | Held::Flag(_) => false,
            },
            action @ (Action::Module { .. } | Action::Modules { .. }) => self
                .callee(ty, action)
                .is_some_and(|(child, method)| self.has_mode(child, method)),
            Action::Op(_)
            | Action::Constant(_)
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Extent { .. }
            | Action::Elements => false,
            Action::Flow(_) => step
                .blocks
                .iter()
                .any(|block| self.block_has_mode(ty, block)),
        }
    }

    fn entries(&self, root: &Struct, name: &str) -> Vec<Entry> {
        let taken = self.names.iter().chain(self.configs.iter().flatten());
        let mut namer = Namer::with_taken(taken.map(String::as_str));
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
                aliases: self.entry_names[i].aliases.clone(),
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

/// The results of loops that are outputs of a function, perhaps in another form, and what those are called; a name that
/// TensorFlow made says nothing.
fn loop_outputs(body: &Body, outputs: &[String]) -> Vec<(Source, String)> {
    let is_made = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        stem.is_empty() || ["output", "identity"].contains(&stem)
    };
    let mut named = vec![];
    for (&result, name) in body.results.iter().zip(outputs) {
        let name = snake(name);
        let mut source = result;
        while let Source::Step { step, .. } = source {
            let made = &body.steps[step];
            match (&made.action, made.args.as_slice()) {
                (Action::Op(Op::Reshape(_) | Op::Transpose(_)), &[of]) => source = of,
                (Action::Flow(Flow::Repeat { .. }), _) if !is_made(&name) => {
                    named.push((source, name.clone()));
                    break;
                }
                _ => break,
            }
        }
    }
    named
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

fn shape(param: &Param) -> Vec<usize> {
    param.ty.shape.known().unwrap_or_default()
}
