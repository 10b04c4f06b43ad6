//! The module tree: groups of items that can be methods of their own.
//!
//! Names propose groups, the dataflow disposes: a group stays only if nothing leaves it and comes back, and if few
//! values cross its border. Everything else is dissolved into the module around it.

use super::items::common_prefix;
use super::items::{Item, Items, What, for_each_item};
use super::paths::{Path, split_counter};
use crate::ir::{Graph, Program, Value};
use crate::plan::Layer;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// At most this many values may enter a module.
const MAX_INPUTS: usize = 8;
/// At most this many values may leave a module.
const MAX_OUTPUTS: usize = 4;
/// Two directions of a recurrent layer are joined by at most this many nodes.
const MAX_JOINS: usize = 4;
/// At most this many pairs of directions are no modules.
const MAX_PAIRS: usize = 2;
/// At most this many stray items are taken into a group to make it convex.
const MAX_ABSORBED: usize = 24;

/// Splits flat names into groups, then dissolves what cannot be a module.
pub fn arrange(program: &Program, items: &mut Items) {
    while split_groups(items) {}
    group_by_prefix(items);
    items
        .functions
        .iter_mut()
        .for_each(|list| lift_all_shared(list));
    for (function, list) in program.functions.iter().zip(&mut items.functions) {
        take_in_joints(&function.graph, list);
    }
    loop {
        items
            .functions
            .iter_mut()
            .for_each(|list| around_regions(list));
        match invalid_group(program, items) {
            Some(path) => items.dissolve(&path),
            None => match both_directions(items) {
                Some(path) => {
                    let own = items.unlike(&path);
                    items.dissolve_but(&path, &own);
                }
                None => return,
            },
        }
    }
}

/// A group of a recurrent layer in both directions, and of little else, if there are few of the kind: two fields say that in
/// less than a type.
fn both_directions(items: &Items) -> Option<Path> {
    let is_pair = |path: &Path| {
        let inside = |module: &Path| module.starts_with(path);
        let mut directions = vec![];
        for layer in items.layers.iter().filter(|layer| inside(&layer.module)) {
            match &layer.layer {
                Layer::Recurrent { recurrence, .. } => directions.push(recurrence.backward),
                _ => return false,
            }
        }
        directions.sort_unstable();
        let fields = items.fields.values().any(|(module, _)| inside(module));
        let all = items.functions.iter();
        let mut nodes = all.map(|list| {
            let plain = list.iter().filter(|item| inside(&item.module));
            plain
                .filter(|item| matches!(item.what, What::Node(_)))
                .count()
        });
        directions == [false, true] && !fields && nodes.all(|count| count <= MAX_JOINS)
    };
    let mut pairs: Vec<Path> = items.groups().into_iter().filter(is_pair).collect();
    (pairs.len() <= MAX_PAIRS).then(|| pairs.pop()).flatten()
}

/// What has regions stands in a module that has all that is in them.
fn around_regions(list: &mut [Item]) {
    for item in list.iter_mut().filter(|item| !item.regions.is_empty()) {
        item.regions
            .iter_mut()
            .for_each(|list| around_regions(list));
        let inside = item.regions.iter().flatten();
        let inside = inside.map(|item| item.module.clone());
        item.module = common_prefix(&inside.chain([item.module.clone()]).collect::<Vec<_>>());
    }
}

fn lift_all_shared(list: &mut [Item]) {
    lift_shared(list);
    for list in list.iter_mut().flat_map(|item| &mut item.regions) {
        lift_all_shared(list);
    }
}

/// One round of splitting names with counters, of modules as of what is in them; whether there was anything to split.
fn split_groups(items: &mut Items) -> bool {
    let mut groups: BTreeMap<(Path, String), Members> = BTreeMap::new();
    for item in items.all() {
        for (around, name) in named_parts(item) {
            if let Some((group, _)) = split_counter(name) {
                let members = groups.entry((around.to_vec(), group)).or_default();
                members.add(name, item);
            }
        }
    }
    groups.retain(|_, members| members.labels.len() >= 2 && members.layers.len() >= 2);
    let target = |module: &[String], label: &str| {
        let (group, rest) = split_counter(label).unwrap_or((label.to_owned(), String::new()));
        groups
            .contains_key(&(module.to_vec(), group.clone()))
            .then_some((group, rest))
    };
    let has_split = items.split_modules(target);
    items.relabel(target) || has_split
}

/// The names of an item and of the modules around it, each with the path before it.
fn named_parts(item: &Item) -> impl Iterator<Item = (&[String], &str)> {
    let modules = item.module.iter().enumerate();
    let modules = modules.map(|(depth, name)| (&item.module[..depth], name.as_str()));
    modules.chain([(item.module.as_slice(), item.label.as_str())])
}

/// Groups what is left by a shared prefix of two words, where counters have made blocks already.
fn group_by_prefix(items: &mut Items) {
    let blocks: BTreeSet<Path> = items
        .all()
        .into_iter()
        .filter_map(|item| item.module.split_last().map(|(_, parent)| parent.to_vec()))
        .collect();
    let prefix = |label: &str| {
        let words: Vec<&str> = label.splitn(3, '_').collect();
        (words.len() == 3).then(|| (words[..2].join("_"), words[2].to_owned()))
    };
    let mut groups: BTreeMap<(Path, String), Members> = BTreeMap::new();
    for item in items
        .all()
        .into_iter()
        .filter(|item| blocks.contains(&item.module))
    {
        if let Some((group, _)) = prefix(&item.label) {
            groups
                .entry((item.module.clone(), group))
                .or_default()
                .add(&item.label, item);
        }
    }
    groups.retain(|_, members| members.labels.len() >= 3 && members.layers.len() >= 2);
    items.relabel(|module, label| {
        prefix(label).filter(|(group, _)| groups.contains_key(&(module.to_vec(), group.clone())))
    });
}

#[derive(Default)]
struct Members {
    labels: BTreeSet<String>,
    layers: BTreeSet<String>,
}

impl Members {
    /// Adds what is called so: an item, or a module that holds it.
    fn add(&mut self, name: &str, item: &Item) {
        self.labels.insert(name.to_owned());
        if matches!(item.what, What::Layer(..)) {
            self.layers.insert(name.to_owned());
        }
    }
}

impl Items {
    /// Moves items, layers and fields into the group that `target` names for their module and label.
    fn relabel(&mut self, target: impl Fn(&[String], &str) -> Option<(String, String)>) -> bool {
        let mut changed = false;
        let mut move_one = |module: &mut Path, label: &mut String| {
            if let Some((group, rest)) = target(module, label) {
                module.push(group);
                *label = rest;
                changed = true;
            }
        };
        self.for_each_place(&mut move_one);
        changed
    }

    /// Moves modules into the group that `target` names for them.
    fn split_modules(
        &mut self,
        target: impl Fn(&[String], &str) -> Option<(String, String)>,
    ) -> bool {
        let mut changed = false;
        self.for_each_place(&mut |module, _| {
            let split = |depth: usize| {
                let (group, rest) = target(&module[..depth], &module[depth])?;
                (!rest.is_empty()).then_some((depth, group, rest))
            };
            if let Some((depth, group, rest)) = (0..module.len()).find_map(split) {
                module.splice(depth..=depth, [group, rest]);
                changed = true;
            }
        });
        changed
    }

    fn for_each_place(&mut self, visit: &mut impl FnMut(&mut Path, &mut String)) {
        let mut visit_item = |item: &mut Item| match item.regions.is_empty() {
            true => visit(&mut item.module, &mut item.label),
            // What is in the regions decides where the item is.
            false => visit(&mut item.module, &mut String::new()),
        };
        for list in &mut self.functions {
            for_each_item(list, &mut visit_item);
        }
        for layer in &mut self.layers {
            visit(&mut layer.module, &mut layer.name);
        }
        for (module, name) in self.fields.values_mut() {
            visit(module, name);
        }
    }

    /// Gives the contents of a group to the module around it, with the group's name in front of theirs.
    pub fn dissolve(&mut self, path: &[String]) {
        self.dissolve_but(path, &BTreeSet::new());
    }

    /// The layers of a group whose names nothing in the module around it has.
    fn unlike(&self, path: &[String]) -> BTreeSet<String> {
        let Some((_, parent)) = path.split_last() else {
            return BTreeSet::new();
        };
        let around = |module: &Path| module.as_slice() == parent;
        let layers = self.layers.iter().filter(|layer| around(&layer.module));
        let fields = self.fields.values().filter(|(module, _)| around(module));
        let mut taken: BTreeSet<&String> = layers.map(|layer| &layer.name).collect();
        taken.extend(fields.map(|(_, name)| name));
        let groups = self.groups();
        taken.extend(groups.iter().filter_map(|group| group.get(parent.len())));
        let own = self.layers.iter();
        let own = own.filter(|layer| layer.module.as_slice() == path);
        let own = own.filter(|layer| !taken.contains(&layer.name));
        own.map(|layer| layer.name.clone()).collect()
    }

    /// The same, but these names stay as they are.
    fn dissolve_but(&mut self, path: &[String], own: &BTreeSet<String>) {
        let Some((group, parent)) = path.split_last() else {
            return;
        };
        let joined = |name: &str| {
            if own.contains(name) {
                name.to_owned()
            } else if name.is_empty() {
                group.clone()
            } else {
                format!("{group}_{name}")
            }
        };
        self.for_each_place(&mut |module, label| {
            if !module.starts_with(path) {
                return;
            }
            let rest = module.split_off(path.len());
            *module = parent.to_vec();
            match rest.split_first() {
                None => *label = joined(label),
                Some((first, rest)) => {
                    module.push(joined(first));
                    module.extend_from_slice(rest);
                }
            }
        });
    }

    /// All groups, outermost first.
    pub fn groups(&self) -> BTreeSet<Path> {
        let modules = self.all().into_iter().map(|item| &item.module);
        modules
            .flat_map(|module| (1..=module.len()).map(|depth| module[..depth].to_vec()))
            .collect()
    }
}

/// Puts what others than its module read, and is made without weights, beside them: a mask, say, which every layer made
/// for itself until equal nodes became one.
fn lift_shared(list: &mut [Item]) {
    let makers = makers(list);
    let mut readers: Vec<Vec<usize>> = vec![vec![]; list.len()];
    for (reader, item) in list.iter().enumerate() {
        let makers = item.inputs.iter().filter_map(|input| makers.get(input));
        makers.for_each(|&maker| readers[maker].push(reader));
    }
    for i in 0..list.len() {
        let modules = readers[i].iter().map(|&reader| list[reader].module.clone());
        let outside: Vec<Path> = modules
            .filter(|module| !module.starts_with(&list[i].module))
            .collect();
        if outside.is_empty() {
            continue;
        }
        let around = common_prefix(&[outside, vec![list[i].module.clone()]].concat());
        for origin in weightless_origins(list, &makers, i, &around).unwrap_or_default() {
            list[origin].module.clone_from(&around);
        }
    }
}

/// Puts what joins several results of one group, and is alone to read them, into the group: the sum that ends a residual
/// block belongs to the block, wherever its name is from.
fn take_in_joints(graph: &Graph, list: &mut [Item]) {
    for i in 0..list.len() {
        if !matches!(list[i].what, What::Node(_)) || !list[i].regions.is_empty() {
            continue;
        }
        let makers = makers(list);
        let around = list[i].module.len();
        let inputs: BTreeSet<Value> = list[i].inputs.iter().copied().collect();
        let made: Vec<Option<&usize>> = inputs.iter().map(|input| makers.get(input)).collect();
        let groups = made.iter().map(|maker| {
            let module = &list[**maker.as_ref()?].module;
            module
                .get(..=around)
                .filter(|_| module.starts_with(&list[i].module))
        });
        let groups: Option<BTreeSet<&[String]>> = groups.collect();
        let Some(group) = groups.filter(|groups| groups.len() == 1 && inputs.len() > 1) else {
            continue;
        };
        let Some(group) = group.first().map(|group| group.to_vec()) else {
            continue;
        };
        let is_read_elsewhere = |value: &Value| {
            let mut others = list.iter().enumerate();
            graph.outputs.contains(value)
                || others.any(|(j, other)| {
                    j != i && !other.module.starts_with(&group) && other.inputs.contains(value)
                })
        };
        if !inputs.iter().any(is_read_elsewhere) {
            list[i].module = group;
        }
    }
}

/// An item, and what it is computed from inside of `around`; `None` if weights are among it.
fn weightless_origins(
    list: &[Item],
    makers: &HashMap<Value, usize>,
    item: usize,
    around: &Path,
) -> Option<BTreeSet<usize>> {
    let (mut found, mut stack) = (BTreeSet::new(), vec![item]);
    while let Some(item) = stack.pop() {
        let is_below =
            list[item].module.len() > around.len() && list[item].module.starts_with(around);
        if !is_below || !found.insert(item) {
            continue;
        }
        let is_plain = matches!(list[item].what, What::Node(_)) && list[item].regions.is_empty();
        if !is_plain || found.len() > MAX_ABSORBED {
            return None;
        }
        stack.extend(
            list[item]
                .inputs
                .iter()
                .filter_map(|input| makers.get(input)),
        );
    }
    Some(found)
}

/// The deepest group that cannot be a module. Stray items between two parts of a group are taken in first.
fn invalid_group(program: &Program, items: &mut Items) -> Option<Path> {
    let mut groups: Vec<Path> = items.groups().into_iter().collect();
    groups.sort_by_key(|path| std::cmp::Reverse(path.len()));
    for path in &groups {
        for (function, list) in program.functions.iter().zip(&mut items.functions) {
            if !is_valid(&function.graph, list, path, &[]) {
                return Some(path.clone());
            }
        }
    }
    let parents: BTreeSet<Path> = groups
        .iter()
        .map(|path| path[..path.len() - 1].to_vec())
        .collect();
    let lists = items.functions.iter();
    let mut lists = lists.flat_map(|list| with_inner_lists(list));
    lists.find_map(|list| {
        parents
            .iter()
            .find_map(|parent| entangled_child(list, parent))
    })
}

/// A list of items, and the lists of the regions in it.
fn with_inner_lists(list: &[Item]) -> Vec<&[Item]> {
    let inner = list.iter().flat_map(|item| &item.regions);
    let inner = inner.flat_map(|list| with_inner_lists(list));
    std::iter::once(list).chain(inner).collect()
}

/// Whether a group can be a module in a function or region that stands in the module `around`, and in the regions in it.
fn is_valid(graph: &Graph, list: &mut [Item], path: &Path, around: &[String]) -> bool {
    let is_whole = around.starts_with(path);
    if !is_whole && (!make_convex(list, path) || !has_small_border(graph, list, path)) {
        return false;
    }
    for item in list.iter_mut().filter(|item| !item.regions.is_empty()) {
        let What::Node(node) = item.what else {
            continue;
        };
        let regions = graph.node(node).op.regions().into_iter();
        for (region, list) in regions.zip(&mut item.regions) {
            if !is_valid(region.graph(), list, path, &item.module) {
                return false;
            }
        }
    }
    true
}

fn makers(list: &[Item]) -> HashMap<Value, usize> {
    list.iter()
        .enumerate()
        .flat_map(|(i, item)| item.outputs.iter().map(move |&output| (output, i)))
        .collect()
}

/// Takes in what lies between two parts of the group; `false` if that is too much, or belongs to another module.
fn make_convex(list: &mut [Item], path: &Path) -> bool {
    let makers = makers(list);
    let inside: Vec<bool> = list
        .iter()
        .map(|item| item.module.starts_with(path))
        .collect();
    let mut reached = vec![false; list.len()];
    for i in 0..list.len() {
        let after = list[i]
            .inputs
            .iter()
            .filter_map(|input| makers.get(input))
            .any(|&m| inside[m] || reached[m]);
        reached[i] = after && !inside[i];
    }
    let mut leads = vec![false; list.len()];
    for i in (0..list.len()).rev() {
        if inside[i] || leads[i] {
            for &maker in list[i].inputs.iter().filter_map(|input| makers.get(input)) {
                leads[maker] |= reached[maker];
            }
        }
    }
    let strays: Vec<usize> = (0..list.len()).filter(|&i| leads[i]).collect();
    let movable = |item: &Item| {
        let is_plain = matches!(item.what, What::Node(_)) && item.regions.is_empty();
        is_plain && path.starts_with(&item.module)
    };
    if strays.len() > MAX_ABSORBED || !strays.iter().all(|&i| movable(&list[i])) {
        return false;
    }
    strays.iter().for_each(|&i| list[i].module.clone_from(path));
    true
}

fn has_small_border(graph: &Graph, list: &[Item], path: &Path) -> bool {
    let border = border(graph, list, path);
    border.inputs.len() <= MAX_INPUTS && border.outputs.len() <= MAX_OUTPUTS
}

/// The values that cross the border of a group, in the order of the function.
#[derive(Debug, Default)]
pub struct Border {
    /// What it reads from outside; constants and extents are made inside.
    pub inputs: Vec<Value>,
    /// What others read of it.
    pub outputs: Vec<Value>,
}

/// The border of the items whose module starts with `path`.
pub fn border(graph: &Graph, list: &[Item], path: &[String]) -> Border {
    let mut made = BTreeSet::new();
    let mut read_outside: BTreeSet<Value> = graph.outputs.iter().copied().collect();
    for item in list {
        match item.module.starts_with(path) {
            true => made.extend(item.outputs.iter().copied()),
            false => read_outside.extend(item.inputs.iter().copied()),
        }
    }
    let mut border = Border::default();
    for item in list.iter().filter(|item| item.module.starts_with(path)) {
        for input in item
            .inputs
            .iter()
            .filter(|input| !made.contains(input) && !is_rematerialised(graph, **input))
        {
            if !border.inputs.contains(input) {
                border.inputs.push(*input);
            }
        }
        border.outputs.extend(
            item.outputs
                .iter()
                .filter(|output| read_outside.contains(output)),
        );
    }
    border
}

/// Whether every module that reads a value makes it for itself.
pub fn is_rematerialised(graph: &Graph, value: Value) -> bool {
    use crate::ir::Op;
    matches!(
        graph.producer(value).op,
        Op::Constant(_) | Op::Extents { .. }
    )
}

/// A child of `parent` that reads what depends on it, by way of other children.
fn entangled_child(list: &[Item], parent: &Path) -> Option<Path> {
    let units = Units::of(list, parent);
    let stuck = units.order(list).err()?;
    let size = |path: &Path| {
        list.iter()
            .filter(|item| item.module.starts_with(path))
            .count()
    };
    stuck.into_iter().min_by_key(size)
}

/// The direct parts of a module in one function: items of its own, and child groups as wholes.
#[derive(Debug)]
pub struct Units {
    /// The items of each unit, and the child group it is.
    pub units: Vec<(Vec<usize>, Option<Path>)>,
}

impl Units {
    /// The units of `parent`.
    pub fn of(list: &[Item], parent: &[String]) -> Units {
        let mut units: Vec<(Vec<usize>, Option<Path>)> = vec![];
        let mut groups: BTreeMap<&[String], usize> = BTreeMap::new();
        for (i, item) in list
            .iter()
            .enumerate()
            .filter(|(_, item)| item.module.starts_with(parent))
        {
            match item.module.get(..=parent.len()) {
                None => units.push((vec![i], None)),
                Some(child) => {
                    let unit = *groups.entry(child).or_insert_with(|| {
                        units.push((vec![], Some(child.to_vec())));
                        units.len() - 1
                    });
                    units[unit].0.push(i);
                }
            }
        }
        Units { units }
    }

    /// The units in an order in which each comes after what it reads; or the child groups that are in the way.
    pub fn order(&self, list: &[Item]) -> Result<Vec<usize>, Vec<Path>> {
        let makers: HashMap<Value, usize> = self
            .units
            .iter()
            .enumerate()
            .flat_map(|(unit, (items, _))| {
                items
                    .iter()
                    .flat_map(|&i| &list[i].outputs)
                    .map(move |&output| (output, unit))
            })
            .collect();
        let mut waits: Vec<BTreeSet<usize>> = self
            .units
            .iter()
            .enumerate()
            .map(|(unit, (items, _))| {
                let reads = items
                    .iter()
                    .flat_map(|&i| &list[i].inputs)
                    .filter_map(|input| makers.get(input));
                reads.copied().filter(|&maker| maker != unit).collect()
            })
            .collect();
        // By the last item of each unit: a group comes where its last node was.
        let last = |unit: usize| self.units[unit].0.last().map_or(0, |&i| list[i].position);
        let mut order = vec![];
        let mut ready: BTreeSet<(usize, usize)> = (0..self.units.len())
            .filter(|&u| waits[u].is_empty())
            .map(|u| (last(u), u))
            .collect();
        while let Some((_, unit)) = ready.pop_first() {
            order.push(unit);
            for (other, wait) in waits.iter_mut().enumerate() {
                if wait.remove(&unit) && wait.is_empty() {
                    ready.insert((last(other), other));
                }
            }
        }
        match order.len() == self.units.len() {
            true => Ok(order),
            false => Err((0..self.units.len())
                .filter(|u| !order.contains(u))
                .filter_map(|u| self.units[u].1.clone())
                .collect()),
        }
    }
}
