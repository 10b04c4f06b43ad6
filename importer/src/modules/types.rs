//! Modules of equal structure become one type, whose constructor takes what differs.

use super::draft::{Action, Held, Module, Modules, Source, settings, with_settings};
use super::items::Items;
use super::key;
use super::merge::merge;
use super::paths::{Path, split_counter};
use crate::codegen::plan::{Arg, ArgKind, ArgValue};
use crate::error::Result;
use crate::ir::Param;
use std::collections::BTreeMap;

/// The type of some modules.
#[derive(Clone, Debug)]
pub struct ModuleType {
    /// One of the modules; its layers' settings are replaced by [`ModuleType::args`] when it is printed.
    pub module: Module,
    /// The modules that are of this type, and for each the modules' own fields by those of the type.
    pub instances: Vec<Instance>,
    /// What the constructor takes.
    pub args: Vec<Arg>,
    /// For each field, its settings: fixed, or an argument.
    pub settings: Vec<Vec<ArgValue>>,
    /// For each field, the flag argument that says whether it is there.
    pub present: Vec<Option<usize>>,
}

/// A module as an instance of its type.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The path of the module.
    pub path: Path,
    /// For each field of the type, what this module has there.
    pub fields: Vec<Option<Held>>,
    /// For each argument of the type, its value.
    pub args: Vec<ArgValue>,
}

/// All types; the last is the root's.
#[derive(Debug, Default)]
pub struct Types {
    /// The types, those below before those above.
    pub types: Vec<ModuleType>,
    /// The type of each module.
    pub of: BTreeMap<Path, usize>,
}

/// Finds the types of all modules.
///
/// # Errors
/// None for drafts that are consistent.
pub fn unify(modules: Modules, items: &Items, params: &[Param]) -> Result<Types> {
    let mut types = Types::default();
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    let mut order: Vec<Path> = modules.keys().cloned().collect();
    order.sort_by_key(|path| std::cmp::Reverse(path.len()));
    let mut modules = modules;
    for path in order {
        let Some(mut module) = modules.remove(&path) else {
            continue;
        };
        types.merge_variants(&module, items);
        types.join_rows(&mut module);
        let child = |name: &str| types.child(&path, name);
        let key = key::of_module(&module, items, params, &child);
        let ty = *keys.entry(key).or_insert_with(|| {
            types.types.push(ModuleType::new(module.clone()));
            types.types.len() - 1
        });
        let fields = module
            .fields
            .iter()
            .map(|(_, held)| Some(held.clone()))
            .collect();
        types.types[ty].instances.push(Instance {
            path: path.clone(),
            fields,
            args: vec![],
        });
        types.of.insert(path, ty);
    }
    types.settle(items);
    Ok(types)
}

impl ModuleType {
    fn new(module: Module) -> Self {
        let fields = module.fields.len();
        ModuleType {
            module,
            instances: vec![],
            args: vec![],
            settings: vec![vec![]; fields],
            present: vec![None; fields],
        }
    }
}

impl Types {
    /// The type of a module below, by its name.
    pub fn child(&self, path: &[String], name: &str) -> usize {
        let mut child = path.to_vec();
        child.push(name.to_owned());
        self.of.get(&child).copied().unwrap_or(usize::MAX)
    }

    /// Merges the types of blocks that are called in a row and differ only in steps that some leave out.
    fn merge_variants(&mut self, module: &Module, items: &Items) {
        let chain = block_chain(module);
        let mut types: Vec<usize> = vec![];
        for name in &chain {
            let ty = self.child(&module.path, name);
            if ty != usize::MAX && !types.contains(&ty) {
                types.push(ty);
            }
        }
        // The largest body is the template that the others leave steps out of.
        types.sort_by_key(|&ty| {
            std::cmp::Reverse(
                self.types[ty]
                    .module
                    .methods
                    .first()
                    .map_or(0, |m| m.steps.len()),
            )
        });
        for i in 0..types.len() {
            for j in i + 1..types.len() {
                let (a, b) = (types[i], types[j]);
                if a != b
                    && let Some(merged) = merge(&self.types[a], &self.types[b], items)
                {
                    self.types[a] = merged;
                    self.of
                        .values_mut()
                        .filter(|ty| **ty == b)
                        .for_each(|ty| *ty = a);
                    self.types[b].instances.clear();
                    types[j] = a;
                }
            }
        }
    }

    /// Replaces calls of modules of one type in a row by one step over a `Vec`.
    fn join_rows(&self, module: &mut Module) {
        while let Some((first, length, input)) = self.find_row(module) {
            join_row(module, first, length, input);
        }
    }

    /// Calls one after the other, each of which is the only reader of the one before: first step, number, operand.
    fn find_row(&self, module: &Module) -> Option<(usize, usize, usize)> {
        let [body] = module.methods.as_slice() else {
            return None;
        };
        let uses = body.uses();
        let callee = |step: usize| match body.steps.get(step)?.action {
            Action::Call { field, method } => match &module.fields[field] {
                (name, Held::Module) if body.steps[step].types.len() == 1 => {
                    Some((self.child(&module.path, name), method))
                }
                _ => None,
            },
            _ => None,
        };
        for first in 0..body.steps.len() {
            let Some(called) = callee(first) else {
                continue;
            };
            for input in 0..body.steps[first].args.len() {
                let mut length = 1;
                while callee(first + length) == Some(called) {
                    let previous = Source::Step {
                        step: first + length - 1,
                        result: 0,
                    };
                    let (args, before) =
                        (&body.steps[first + length].args, &body.steps[first].args);
                    let others =
                        (0..args.len()).all(|i| i == input || args.get(i) == before.get(i));
                    if args.get(input) != Some(&previous)
                        || uses.get(&previous) != Some(&1)
                        || !others
                    {
                        break;
                    }
                    length += 1;
                }
                let ranks = body.ty(body.steps[first].args[input]).rank()
                    == body.steps[first].types[0].rank();
                if length >= 3 && ranks {
                    return Some((first, length, input));
                }
            }
        }
        None
    }

    /// Fixes what the constructors take, once all instances are known.
    fn settle(&mut self, items: &Items) {
        let mut remap = vec![usize::MAX; self.types.len()];
        let mut kept = 0;
        for (ty, place) in remap.iter_mut().enumerate() {
            if !self.types[ty].instances.is_empty() {
                *place = kept;
                kept += 1;
            }
        }
        self.types.retain(|ty| !ty.instances.is_empty());
        self.of.values_mut().for_each(|ty| *ty = remap[*ty]);
        // Merging may have put a type before one that it holds: settle by depth.
        for ty in self.by_height() {
            self.settle_type(ty, items);
        }
    }

    /// The types, each after all that it holds.
    pub fn by_height(&self) -> Vec<usize> {
        let mut order = vec![];
        let mut paths: Vec<&Path> = self.of.keys().collect();
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        // A type's deepest instance does not bound its depth below; its shallowest one comes after all children.
        for path in paths.iter().rev() {
            let ty = self.of[*path];
            if !order.contains(&ty) {
                order.push(ty);
            }
        }
        order.reverse();
        self.inner_first(&order)
    }

    /// The same types, where an instance deep in another type may have put one after its holder.
    fn inner_first(&self, order: &[usize]) -> Vec<usize> {
        let holds = |(path, &inner): (&Path, &usize)| {
            let (_, around) = path.split_last()?;
            Some((*self.of.get(around)?, inner))
        };
        let holds: Vec<(usize, usize)> = self.of.iter().filter_map(holds).collect();
        let mut sorted: Vec<usize> = vec![];
        while sorted.len() < order.len() {
            let is_left = |ty: &&usize| !sorted.contains(ty);
            let is_ready = |ty: &&usize| {
                holds
                    .iter()
                    .all(|(around, inner)| around != *ty || sorted.contains(inner))
            };
            let mut left = order.iter().filter(is_left);
            let next = left.clone().find(is_ready).or_else(|| left.next()).copied();
            sorted.extend(next);
        }
        sorted
    }

    fn settle_type(&mut self, index: usize, items: &Items) {
        let ty = &self.types[index];
        let columns = self.columns(ty, items);
        let mut args: Vec<Column> = vec![];
        let mut settings: Vec<Vec<ArgValue>> = vec![vec![]; ty.module.fields.len()];
        let mut present = vec![None; ty.module.fields.len()];
        for column in columns {
            let value = column
                .shared()
                .unwrap_or_else(|| ArgValue::Outer(argument(&mut args, column.clone())));
            match (column.is_presence, value) {
                (true, ArgValue::Outer(arg)) => present[column.field] = Some(arg),
                (true, _) => {}
                (false, value) => settings[column.field].push(value),
            }
        }
        name_ends(&mut args);
        let ty = &mut self.types[index];
        for (i, instance) in ty.instances.iter_mut().enumerate() {
            instance.args = args
                .iter()
                .map(|arg| arg.values[i].clone().unwrap_or_else(|| arg.filler()))
                .collect();
        }
        ty.args = args
            .iter()
            .map(|column| Arg {
                name: column.name.clone(),
                kind: column.kind(),
            })
            .collect();
        number_names(&mut ty.args);
        ty.settings = settings;
        ty.present = present;
    }

    /// Everything in which the instances of a type may differ, field by field.
    fn columns(&self, ty: &ModuleType, items: &Items) -> Vec<Column> {
        let mut columns = vec![];
        for (field, (name, held)) in ty.module.fields.iter().enumerate() {
            if let Some(column) = presence(ty, field, name) {
                columns.push(column);
            }
            match held {
                Held::Layer(layer) => {
                    for (i, (setting, _)) in
                        settings(&items.layers[*layer].layer).iter().enumerate()
                    {
                        let value = |held: &Held| match held {
                            Held::Layer(layer) => settings(&items.layers[*layer].layer)
                                .get(i)
                                .map(|(_, value)| value.clone()),
                            _ => None,
                        };
                        columns.push(Column::of(ty, field, setting_name(name, setting), &value));
                    }
                }
                Held::Module => {
                    let same = |_: &Held| Some(name.clone());
                    columns.extend(self.child_columns(ty, field, name, &same));
                }
                Held::Modules(row) => {
                    for i in 0..row.len() {
                        let member = |held: &Held| match held {
                            Held::Modules(row) => row.get(i).cloned(),
                            _ => None,
                        };
                        let label = format!("{name}_{i}");
                        columns.extend(self.child_columns(ty, field, &label, &member));
                    }
                }
                Held::Param(_) | Held::Flag(_) => {}
            }
        }
        columns
    }

    /// What the constructor of a module below is given, for each instance; `member` names that module in a field.
    fn child_columns(
        &self,
        ty: &ModuleType,
        field: usize,
        label: &str,
        member: &dyn Fn(&Held) -> Option<String>,
    ) -> Vec<Column> {
        let child = |instance: &Instance| {
            let name = instance.fields[field].as_ref().and_then(member)?;
            Some([instance.path.as_slice(), &[name]].concat())
        };
        let Some(first) = ty.instances.iter().find_map(child) else {
            return vec![];
        };
        let args = &self.types[self.of[&first]].args;
        let column = |(i, arg): (usize, &Arg)| {
            let value = |instance: &Instance| self.args_of(&child(instance)?).get(i).cloned();
            Column {
                name: format!("{label}_{}", arg.name),
                field,
                is_presence: false,
                values: ty.instances.iter().map(value).collect(),
            }
        };
        args.iter().enumerate().map(column).collect()
    }

    /// What the constructor of the module at a path is given.
    fn args_of(&self, path: &[String]) -> Vec<ArgValue> {
        let Some(&ty) = self.of.get(path) else {
            return vec![];
        };
        let mut instances = self.types[ty].instances.iter();
        let found = instances.find(|instance| instance.path == path);
        found.map_or_else(Vec::new, |instance| instance.args.clone())
    }
}

/// One thing in which instances may differ: its value in each, where the instance has the field.
#[derive(Clone, Debug)]
struct Column {
    name: String,
    field: usize,
    is_presence: bool,
    values: Vec<Option<ArgValue>>,
}

impl Column {
    fn of(
        ty: &ModuleType,
        field: usize,
        name: String,
        value: &dyn Fn(&Held) -> Option<ArgValue>,
    ) -> Self {
        let values = ty
            .instances
            .iter()
            .map(|instance| instance.fields[field].as_ref().and_then(value))
            .collect();
        Column {
            name,
            field,
            is_presence: false,
            values,
        }
    }

    /// The value that all instances share, if they do.
    fn shared(&self) -> Option<ArgValue> {
        let mut values = self.values.iter().flatten();
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.clone())
    }

    fn agrees(&self, other: &Column) -> bool {
        self.values
            .iter()
            .zip(&other.values)
            .all(|(a, b)| a.is_none() || b.is_none() || a == b)
            && self
                .values
                .iter()
                .zip(&other.values)
                .any(|(a, b)| a.is_some() && b.is_some())
    }

    fn absorb(&mut self, other: &Column) {
        for (mine, theirs) in self.values.iter_mut().zip(&other.values) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    fn kind(&self) -> ArgKind {
        match self.values.iter().flatten().next() {
            Some(ArgValue::Sizes(sizes)) => ArgKind::Sizes(sizes.len()),
            Some(ArgValue::Flag(_)) => ArgKind::Flag,
            Some(ArgValue::Size(_) | ArgValue::Outer(_)) | None => ArgKind::Size,
        }
    }

    /// A value for an instance that does not use the argument.
    fn filler(&self) -> ArgValue {
        self.values
            .iter()
            .flatten()
            .next()
            .cloned()
            .unwrap_or(ArgValue::Size(0))
    }
}

/// The argument for a column: one that has agreed in every instance so far, or a new one.
fn argument(args: &mut Vec<Column>, column: Column) -> usize {
    let same = |arg: &Column| {
        arg.is_presence == column.is_presence && arg.kind() == column.kind() && arg.agrees(&column)
    };
    match args.iter().position(same) {
        Some(arg) => {
            args[arg].absorb(&column);
            arg
        }
        None => {
            args.push(column);
            args.len() - 1
        }
    }
}

/// The first number of inputs and the last of outputs are those of the block.
fn name_ends(args: &mut [Column]) {
    if let Some(first) = args.iter_mut().find(|arg| arg.name.ends_with("_inputs")) {
        first.name = "inputs".to_owned();
    }
    if let Some(last) = args
        .iter_mut()
        .rev()
        .find(|arg| arg.name.ends_with("_outputs"))
    {
        last.name = "outputs".to_owned();
    }
}

fn presence(ty: &ModuleType, field: usize, name: &str) -> Option<Column> {
    let flags = ty
        .instances
        .iter()
        .map(|instance| match &instance.fields[field] {
            Some(Held::Flag(on)) => Some(ArgValue::Flag(*on)),
            held => Some(ArgValue::Flag(held.is_some())),
        });
    let column = Column {
        name: name.to_owned(),
        field,
        is_presence: true,
        values: flags.collect(),
    };
    let is_flag = matches!(ty.module.fields[field].1, Held::Flag(_));
    (is_flag || column.shared().is_none()).then_some(column)
}

fn setting_name(field: &str, setting: &str) -> String {
    match setting {
        "inputs" if field.is_empty() => "inputs".to_owned(),
        setting => format!("{field}_{setting}"),
    }
}

fn number_names(args: &mut [Arg]) {
    let mut namer = crate::codegen::rust::ident::Namer::with_taken(["vb", "device"]);
    for arg in args {
        arg.name = namer.snake(&arg.name);
    }
}

/// The names of the modules that a method calls one after the other, each on the result of the one before.
fn block_chain(module: &Module) -> Vec<String> {
    let [body] = module.methods.as_slice() else {
        return vec![];
    };
    let calls = body.steps.iter().filter_map(|step| match step.action {
        Action::Call { field, .. } => Some(module.fields[field].0.clone()),
        _ => None,
    });
    calls.collect()
}

/// Replaces `length` calls from step `first` by one over a field that holds all of their modules.
fn join_row(module: &mut Module, first: usize, length: usize, _input: usize) {
    let body = &mut module.methods[0];
    let fields: Vec<usize> = body.steps[first..first + length]
        .iter()
        .filter_map(|step| match step.action {
            Action::Call { field, .. } => Some(field),
            _ => None,
        })
        .collect();
    let names: Vec<String> = fields
        .iter()
        .map(|&field| module.fields[field].0.clone())
        .collect();
    let row = row_name(&names);
    module.fields[fields[0]] = (row.clone(), Held::Modules(names));
    body.steps[first].types = body.steps[first + length - 1].types.clone();
    body.steps[first].label = row;
    body.steps.drain(first + 1..first + length);
    let moved = |source: &mut Source| {
        if let Source::Step { step, .. } = source
            && *step > first
        {
            *step = if *step < first + length {
                first
            } else {
                *step - (length - 1)
            };
        }
    };
    body.steps
        .iter_mut()
        .flat_map(|step| &mut step.args)
        .for_each(moved);
    body.results.iter_mut().for_each(moved);
    remove_fields(module, &fields[1..]);
}

fn remove_fields(module: &mut Module, gone: &[usize]) {
    let place = |field: usize| field - gone.iter().filter(|&&g| g < field).count();
    for step in module
        .methods
        .iter_mut()
        .flat_map(|method| &mut method.steps)
    {
        match &mut step.action {
            Action::Layer { field, .. }
            | Action::Call { field, .. }
            | Action::LayerWeight { field, .. } => *field = place(*field),
            Action::Param(field) => *field = place(*field),
            Action::Op(_) => {}
        }
        if let Some((field, _)) = &mut step.condition {
            *field = place(*field);
        }
    }
    let mut index = 0;
    module.fields.retain(|_| {
        index += 1;
        !gone.contains(&(index - 1))
    });
}

/// The name of a row of modules: the plural of what most of their names have before the counter.
fn row_name(names: &[String]) -> String {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *stems.entry(stem(name)).or_insert(0) += 1;
    }
    let stem = stems
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(stem, _)| stem)
        .unwrap_or_default();
    if stem.is_empty() {
        "layers".to_owned()
    } else {
        format!("{stem}s")
    }
}

/// A name without its counter.
pub fn stem(name: &str) -> String {
    let group = split_counter(&format!("{name}_x")).map_or(name.to_owned(), |(group, _)| group);
    group
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
        .to_owned()
}

/// A layer of a type, with the type's settings in place of an instance's.
pub fn layer_of(
    ty: &ModuleType,
    field: usize,
    items: &Items,
) -> Option<crate::codegen::plan::Layer> {
    match &ty.module.fields[field].1 {
        Held::Layer(layer) => Some(with_settings(
            &items.layers[*layer].layer,
            &ty.settings[field],
        )),
        Held::Module | Held::Modules(_) | Held::Param(_) | Held::Flag(_) => None,
    }
}
