//! What the constructor of a type takes: the settings in which its instances differ.

use super::body::Held;
use super::items::Items;
use super::paths::Path;
use super::rows::{remove, remove_fields};
use super::settings::settings;
use super::types::{Instance, ModuleType, Types};
use crate::plan::{Arg, ArgKind, ArgValue};
use std::collections::BTreeMap;

impl Types {
    /// Fixes what the constructors take, once all instances are known.
    pub(super) fn settle(&mut self, items: &Items) {
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
        let given: Vec<Vec<usize>> = ty.instances.iter().map(given_extents).collect();
        for arg in &mut args {
            arg.fill_from(&given);
        }
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
        drop_redundant_flags(ty);
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

/// Steps that are there whenever some field is ask for the field: no flag says the same again.
fn drop_redundant_flags(ty: &mut ModuleType) {
    let is_flag = |field: usize| matches!(ty.module.fields[field].1, Held::Flag(_));
    let fields = 0..ty.module.fields.len();
    let stand_in = |flag: usize| {
        let arg = ty.present[flag].filter(|_| is_flag(flag))?;
        let mut others = fields.clone();
        others.find(|&other| !is_flag(other) && ty.present[other] == Some(arg))
    };
    let replaced: BTreeMap<usize, usize> = fields
        .clone()
        .filter_map(|flag| Some((flag, stand_in(flag)?)))
        .collect();
    let methods = ty.module.methods.iter_mut();
    for condition in methods
        .flat_map(|method| &mut method.steps)
        .filter_map(|step| step.condition.as_mut())
    {
        let stand_in = replaced.get(&condition.field);
        condition.field = stand_in.copied().unwrap_or(condition.field);
    }
    let gone: Vec<usize> = replaced.into_keys().collect();
    remove_fields(&mut ty.module, &gone);
    remove(&mut ty.settings, &gone);
    remove(&mut ty.present, &gone);
    for instance in &mut ty.instances {
        remove(&mut instance.fields, &gone);
    }
}

/// The extents of what an instance's method takes; 0 for those that are not known.
fn given_extents(instance: &Instance) -> Vec<usize> {
    let borders = instance.borders.first();
    let inputs = borders.iter().flat_map(|border| &border.inputs);
    let dims = inputs.flat_map(|ty| ty.dims());
    dims.map(|dim| dim.as_usize().unwrap_or(0)).collect()
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
            Some(ArgValue::Number(_)) => ArgKind::Number,
            Some(ArgValue::Size(_) | ArgValue::Outer(_)) | None => ArgKind::Size,
        }
    }

    /// Gives an instance that does not use a size what it would be: an extent of the arguments that it is in all others.
    fn fill_from(&mut self, given: &[Vec<usize>]) {
        let extent = |i: usize, axis: usize| given[i].get(axis).filter(|&&extent| extent > 0);
        let of = |i: usize, axis: usize| Some(ArgValue::Size(*extent(i, axis)?));
        let axes = given.iter().map(Vec::len).min().unwrap_or(0);
        let is_it = |axis: &usize| {
            let mut values = self.values.iter().enumerate();
            values.all(|(i, value)| value.is_none() || *value == of(i, *axis))
        };
        if let Some(axis) = (0..axes).find(is_it) {
            for (i, value) in self.values.iter_mut().enumerate() {
                *value = value.take().or_else(|| of(i, axis));
            }
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
    let mut namer = crate::plan::ident::Namer::with_taken(["vb", "device"]);
    for arg in args {
        arg.name = namer.snake(&arg.name);
    }
}
