//! Modules of equal structure become one type, whose constructor takes what differs.

use super::body::{Held, Module, Modules};
use super::items::Items;
use super::key;
use super::merge::merge;
use super::paths::Path;
use super::settings::with_settings;
use super::shapes::Border;
use crate::error::Result;
use crate::ir::Param;
use crate::plan::{Action, Arg, ArgValue};
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
    /// What its methods take and give.
    pub borders: Vec<Border>,
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
    let places = places(&modules);
    let mut modules = modules;
    for path in order {
        let Some(mut module) = modules.remove(&path) else {
            continue;
        };
        types.merge_variants(&module, items, params);
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
            borders: module.methods.iter().map(Border::of).collect(),
        });
        types.of.insert(path, ty);
    }
    for ty in &mut types.types {
        ty.instances.sort_by_key(|i| places.get(&i.path).cloned());
    }
    types.settle(items);
    Ok(types)
}

/// Where each module stands among the fields of those around it, from the root down: the order in which they run.
fn places(modules: &Modules) -> BTreeMap<Path, Vec<usize>> {
    let mut places: BTreeMap<Path, Vec<usize>> = BTreeMap::new();
    let mut shallow_first: Vec<&Path> = modules.keys().collect();
    shallow_first.sort_by_key(|path| path.len());
    for path in shallow_first {
        let field = path.split_last().and_then(|(name, around)| {
            let fields = &modules.get(around)?.fields;
            let index = fields.iter().position(|(field, _)| field == name)?;
            Some([places.get(around)?.as_slice(), &[index]].concat())
        });
        places.insert(path.clone(), field.unwrap_or_default());
    }
    places
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
    fn merge_variants(&mut self, module: &Module, items: &Items, params: &[Param]) {
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
                    && let Some(merged) = merge(&self.types[a], &self.types[b], items, params)
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
}

/// The names of the modules that a method calls one after the other, each on the result of the one before.
fn block_chain(module: &Module) -> Vec<String> {
    let [body] = module.methods.as_slice() else {
        return vec![];
    };
    let calls = body.steps.iter().filter_map(|step| match step.action {
        Action::Module { field, .. } | Action::Modules { field, .. } => {
            Some(module.fields[field].0.clone())
        }
        _ => None,
    });
    calls.collect()
}

/// A layer of a type, with the type's settings in place of an instance's.
pub fn layer_of(ty: &ModuleType, field: usize, items: &Items) -> Option<crate::plan::Layer> {
    match &ty.module.fields[field].1 {
        Held::Layer(layer) => Some(with_settings(
            &items.layers[*layer].layer,
            &ty.settings[field],
        )),
        Held::Module | Held::Modules(_) | Held::Param(_) | Held::Flag(_) => None,
    }
}
