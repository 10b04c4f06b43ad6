//! The items of a function: the smallest pieces that a module's method is made of.

use super::layers::{self, Found};
use super::paths::{self, Path, Scopes};
use super::view::View;
use crate::ir::{Cell, Graph, MovingAverage, Node, NodeId, Op, ParamId, Program, Value};
use crate::plan::{Layer, Role};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A layer of the model, wherever it is called.
#[derive(Clone, Debug)]
pub struct LayerInfo {
    /// What it is.
    pub layer: Layer,
    /// Its weights.
    pub weights: Vec<(Role, View)>,
    /// The module that has it as a field.
    pub module: Path,
    /// The name of the field.
    pub name: String,
}

/// A piece of a method.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it is.
    pub what: What,
    /// What it reads, constants and extents included: the operands of its node, then the tensors that its extents are
    /// elements of.
    pub inputs: Vec<Value>,
    /// How many of them are operands.
    pub operands: usize,
    /// What it makes.
    pub outputs: Vec<Value>,
    /// The module that it belongs to.
    pub module: Path,
    /// Its name there: of the field, or of the scope; empty if it has none.
    pub label: String,
    /// Its place in the order of the function.
    pub position: usize,
    /// What its regions are made of, in the order of the op.
    pub regions: Vec<Vec<Item>>,
}

/// The kinds of item.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A node of the graph.
    Node(NodeId),
    /// A call of a layer, by its index; with the extents that a transposed convolution gives.
    Layer(usize, NodeId),
    /// The value of a variable that no layer owns, or that is read apart from its layer.
    Param(ParamId),
}

/// All layers and items of a program.
#[derive(Debug, Default)]
pub struct Items {
    /// The layers.
    pub layers: Vec<LayerInfo>,
    /// The layer that owns a variable, and what for.
    pub owners: BTreeMap<ParamId, (usize, Role)>,
    /// Where variables are that no layer owns: module and field.
    pub fields: BTreeMap<ParamId, (Path, String)>,
    /// The items of each function.
    pub functions: Vec<Vec<Item>>,
    /// The variables that functions assign. They are fields of their own: no layer has them.
    pub assigned: BTreeSet<ParamId>,
}

/// Finds the layers and items of all functions. A weight that a layer does not give out, and that is read beside it, is a
/// parameter of its own.
pub fn collect(program: &Program) -> Items {
    let mut bare = BTreeSet::new();
    loop {
        let items = collect_without(program, &bare);
        let known = bare.len();
        bare.extend(items.read_beside());
        if bare.len() == known {
            return items;
        }
    }
}

fn collect_without(program: &Program, bare: &BTreeSet<ParamId>) -> Items {
    let used = used_params(program);
    let paths = paths::of_params(&program.params, &used);
    let mut items = Items {
        assigned: program
            .functions
            .iter()
            .flat_map(|function| function.assigned.iter().copied())
            .collect(),
        ..Items::default()
    };
    let graphs = program.functions.iter().map(|function| &function.graph);
    let calls: Vec<Calls> = graphs
        .map(|graph| items.claim_all(graph, bare, &program.moving_averages))
        .collect();
    let scopes = layer_scopes(program, &calls, items.layers.len());
    items.name_layers(&paths, &scopes);
    let layer_paths: BTreeSet<Path> = items.layers.iter().map(LayerInfo::path).collect();
    for (function, calls) in program.functions.iter().zip(&calls) {
        let mut scopes = Scopes::default();
        calls.teach(&function.graph, &items, &mut scopes);
        let places = Places {
            items: &items,
            scopes: &scopes,
            layer_paths: &layer_paths,
            param_paths: &paths,
        };
        let list = FunctionItems::new(&function.graph, &places, calls).collect();
        items.functions.push(list);
    }
    items.place_params(&paths);
    items
}

/// The scope of each layer, where it is called for the first time.
fn layer_scopes(program: &Program, calls: &[Calls], count: usize) -> Vec<Vec<String>> {
    let mut scopes = vec![vec![]; count];
    for (function, calls) in program.functions.iter().zip(calls) {
        for (layer, found) in &calls.own {
            if scopes[*layer].is_empty() {
                scopes[*layer] = scope(function.graph.node(found.main));
            }
        }
    }
    scopes
}

/// The calls of layers in a graph, and in the regions of its nodes.
struct Calls {
    own: Vec<(usize, Found)>,
    regions: BTreeMap<NodeId, Vec<Calls>>,
}

impl Calls {
    /// Makes known which layers the scopes of the calls stand for.
    fn teach(&self, graph: &Graph, items: &Items, scopes: &mut Scopes) {
        for (layer, found) in self
            .own
            .iter()
            .filter(|(_, found)| !found.weights.is_empty())
        {
            scopes.learn(&scope(graph.node(found.main)), &items.layers[*layer].path());
        }
        for (node, calls) in &self.regions {
            for (region, calls) in graph.node(*node).op.regions().into_iter().zip(calls) {
                calls.teach(region.graph(), items, scopes);
            }
        }
    }
}

/// The variables that functions read or assign.
pub fn used_params(program: &Program) -> BTreeSet<ParamId> {
    let assigned = program.functions.iter().flat_map(|f| f.assigned.clone());
    let mut used: BTreeSet<ParamId> = assigned.collect();
    for function in &program.functions {
        function.graph.visit(&mut |node| {
            if let Op::Param(id) = node.op {
                used.insert(id);
            }
        });
    }
    used
}

impl LayerInfo {
    /// The path of the layer itself.
    pub fn path(&self) -> Path {
        let mut path = self.module.clone();
        path.push(self.name.clone());
        path
    }
}

impl Items {
    /// The layers that a graph and its regions call.
    fn claim_all(
        &mut self,
        graph: &Graph,
        bare: &BTreeSet<ParamId>,
        averages: &BTreeMap<ParamId, MovingAverage>,
    ) -> Calls {
        let found = layers::find(graph, bare, averages).into_iter();
        let own = found.filter_map(|found| self.claim(found)).collect();
        let mut regions = BTreeMap::new();
        for (id, node) in graph.nodes() {
            let inside = node.op.regions().into_iter();
            let inside: Vec<Calls> = inside
                .map(|region| self.claim_all(region.graph(), bare, averages))
                .collect();
            if !inside.is_empty() {
                regions.insert(id, inside);
            }
        }
        Calls { own, regions }
    }

    /// All items, those of regions included.
    pub fn all(&self) -> Vec<&Item> {
        let mut all = vec![];
        self.functions
            .iter()
            .for_each(|list| add_all(list, &mut all));
        all
    }

    /// The layer that a find is a call of: a known one, or a new one if its variables are free.
    fn claim(&mut self, found: Found) -> Option<(usize, Found)> {
        let owners: Vec<Option<usize>> = layers::params(&found)
            .map(|param| self.owners.get(&param).map(|(layer, _)| *layer))
            .collect();
        if let Some(Some(layer)) = owners.first() {
            let same = self.layers[*layer].layer == found.layer
                && self.layers[*layer].weights == found.weights;
            return same.then_some((*layer, found));
        }
        let distinct: BTreeSet<ParamId> = layers::params(&found).collect();
        let is_taken = owners.iter().any(Option::is_some) || !distinct.is_disjoint(&self.assigned);
        if is_taken || distinct.len() != found.weights.len() {
            return None;
        }
        let layer = self.layers.len();
        for (role, view) in &found.weights {
            self.owners.insert(view.param, (layer, *role));
        }
        let info = LayerInfo {
            layer: found.layer.clone(),
            weights: found.weights.clone(),
            module: vec![],
            name: String::new(),
        };
        self.layers.push(info);
        Some((layer, found))
    }

    /// The variables that layers have, do not give out, and that are read beside them.
    fn read_beside(&self) -> Vec<ParamId> {
        let is_hidden = |param: &ParamId| {
            let owner = self.owners.get(param);
            owner.is_some_and(|(_, role)| !layers::is_given_out(*role))
        };
        let items = self.all().into_iter();
        let params = items.filter_map(|item| Some(item.param_value()?.1));
        params.filter(is_hidden).collect()
    }

    /// Names layers after the common path of their variables, or after their scopes where several have the same one.
    fn name_layers(&mut self, paths: &BTreeMap<ParamId, Path>, scopes: &[Vec<String>]) {
        let common: Vec<Path> = self
            .layers
            .iter()
            .map(|layer| common_path(layer, paths))
            .collect();
        let by_scope = self.places_by_scope(&common, scopes, paths);
        for (i, layer) in self.layers.iter_mut().enumerate() {
            if let Some((module, name)) = by_scope.get(&i) {
                layer.name.clone_from(name);
                layer.module.clone_from(module);
                continue;
            }
            let shared = common
                .iter()
                .filter(|path| path.as_slice() == common[i].as_slice())
                .count()
                > 1;
            let is_module = common
                .iter()
                .any(|path| path.len() > common[i].len() && path.starts_with(&common[i]));
            let mut path = common[i].clone();
            if layer.weights.is_empty() {
                continue;
            }
            if shared || is_module || path.is_empty() {
                let leaf = paths[&layer.weights[0].1.param]
                    .last()
                    .cloned()
                    .unwrap_or_default();
                path.push(if shared {
                    leaf
                } else {
                    kind_name(&layer.layer).to_owned()
                });
            }
            layer.name = path.pop().unwrap_or_default();
            layer.module = path;
        }
    }

    /// Where scopes say that layers are whose variables' own paths are the same: in the module that these tell, but that
    /// its scope is elsewhere, which makes it a part of the model.
    fn places_by_scope(
        &self,
        common: &[Path],
        scopes: &[Vec<String>],
        paths: &BTreeMap<ParamId, Path>,
    ) -> BTreeMap<usize, (Path, String)> {
        let owns = |i: &usize| !self.layers[*i].weights.is_empty();
        let is_alike = |i: &usize| common.iter().filter(|path| **path == common[*i]).count() > 1;
        let owners: Vec<usize> = (0..common.len()).filter(owns).collect();
        let known: Vec<Path> = owners.iter().map(|&i| scopes[i].clone()).collect();
        let root = common_prefix(&known).len();
        let numbered = owners
            .iter()
            .any(|&i| super::paths::is_numbered(&scopes[i], &common[i]));
        let told = |&i: &usize| {
            let path = super::paths::of_scope(scopes[i].get(root..)?, numbered);
            if common[i].is_empty() || path.is_empty() {
                return None;
            }
            let leaf = paths[&self.layers[i].weights[0].1.param].last()?;
            match path.strip_prefix(common[i].as_slice()) {
                Some([]) => None,
                Some(rest) => Some((i, [common[i].as_slice(), &[rest.join("_")]].concat())),
                None => Some((i, vec![format!("{}_{leaf}", common[i].join("_"))])),
            }
        };
        let alike = owners.iter().filter(|i| is_alike(i));
        let mut told: BTreeMap<usize, Path> = alike.filter_map(told).collect();
        super::paths::without_own_counters(&mut told);
        let names = told.into_iter();
        names
            .filter_map(|(i, mut path)| {
                let name = path.pop()?;
                Some((i, (path, name)))
            })
            .collect()
    }

    /// Gives every variable that is read as such a field in its own module if that reads it, else in the common one.
    fn place_params(&mut self, paths: &BTreeMap<ParamId, Path>) {
        let mut readers: BTreeMap<ParamId, Vec<Path>> = BTreeMap::new();
        for list in &self.functions {
            add_readers(list, &mut readers);
        }
        let (owners, layers, fields) = (&self.owners, &self.layers, &mut self.fields);
        for list in &mut self.functions {
            for_each_item(list, &mut |item| {
                let What::Param(param) = item.what else {
                    return;
                };
                if let Some((layer, _)) = owners.get(&param) {
                    item.module = layers[*layer].module.clone();
                    return;
                }
                let path = &paths[&param];
                let own = &path[..path.len() - 1];
                let common = readers
                    .get(&param)
                    .map_or(vec![], |modules| common_prefix(modules));
                let module = if common.starts_with(own) {
                    own.to_vec()
                } else {
                    common
                };
                let name = path[module
                    .iter()
                    .zip(path)
                    .take_while(|(a, b)| a == b)
                    .count()
                    .min(path.len() - 1)..]
                    .join("_");
                item.module.clone_from(&module);
                item.label.clone_from(&name);
                fields.insert(param, (module, name));
            });
        }
        for &param in &self.assigned {
            let unread = || (vec![], paths[&param].join("_"));
            self.fields.entry(param).or_insert_with(unread);
        }
    }
}

fn add_all<'a>(list: &'a [Item], all: &mut Vec<&'a Item>) {
    for item in list {
        all.push(item);
        item.regions.iter().for_each(|list| add_all(list, all));
    }
}

/// Calls `visit` for every item of a list, those of regions included.
pub fn for_each_item(list: &mut [Item], visit: &mut dyn FnMut(&mut Item)) {
    for item in list {
        visit(item);
        for list in &mut item.regions {
            for_each_item(list, visit);
        }
    }
}

/// The modules that read each variable.
fn add_readers(list: &[Item], readers: &mut BTreeMap<ParamId, Vec<Path>>) {
    let makers: HashMap<Value, ParamId> = list.iter().filter_map(Item::param_value).collect();
    for item in list {
        for param in item.inputs.iter().filter_map(|input| makers.get(input)) {
            readers.entry(*param).or_default().push(item.module.clone());
        }
        item.regions
            .iter()
            .for_each(|list| add_readers(list, readers));
    }
}

impl Item {
    fn param_value(&self) -> Option<(Value, ParamId)> {
        match self.what {
            What::Param(param) => Some((self.outputs[0], param)),
            What::Node(_) | What::Layer(..) => None,
        }
    }
}

fn common_path(layer: &LayerInfo, paths: &BTreeMap<ParamId, Path>) -> Path {
    let parents: Vec<Path> = layer
        .weights
        .iter()
        .map(|(_, view)| {
            let path = &paths[&view.param];
            path[..path.len() - 1].to_vec()
        })
        .collect();
    let mut common = common_prefix(&parents);
    // Keras keeps the weights of a recurrent layer in its cell.
    let is_cell = |name: &String| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
        stem == "cell" || stem.ends_with("_cell")
    };
    if matches!(layer.layer, Layer::Recurrent { .. }) && common.len() > 1 {
        common.pop_if(|name| is_cell(name));
    }
    common
}

/// The longest path that all of these begin with.
pub fn common_prefix(paths: &[Path]) -> Path {
    let Some(first) = paths.first() else {
        return vec![];
    };
    let common = |path: &Path| first.iter().zip(path).take_while(|(a, b)| a == b).count();
    let length = paths.iter().map(common).min().unwrap_or(0);
    first[..length].to_vec()
}

/// The name of a layer that has no other.
pub fn kind_name(layer: &Layer) -> &'static str {
    match layer {
        Layer::Linear { .. } => "linear",
        Layer::Conv { .. } => "conv",
        Layer::ConvTranspose { .. } => "conv_transpose",
        Layer::BatchNorm { .. } => "norm",
        Layer::LayerNorm { .. } | Layer::RmsNorm { .. } => "norm",
        Layer::Embedding { .. } => "embedding",
        Layer::Recurrent { recurrence, .. } => match recurrence.cell {
            Cell::Simple => "simple_rnn",
            Cell::Lstm => "lstm",
            Cell::Gru { .. } => "gru",
        },
        Layer::Dropout { .. } => "dropout",
    }
}

/// Where nodes belong.
struct Places<'a> {
    items: &'a Items,
    scopes: &'a Scopes,
    layer_paths: &'a BTreeSet<Path>,
    param_paths: &'a BTreeMap<ParamId, Path>,
}

/// The items of one function or region, on the way.
struct FunctionItems<'a> {
    graph: &'a Graph,
    places: &'a Places<'a>,
    calls: HashMap<NodeId, &'a (usize, Found)>,
    regions: &'a BTreeMap<NodeId, Vec<Calls>>,
    covered: BTreeSet<NodeId>,
    needed: Vec<bool>,
}

impl<'a> FunctionItems<'a> {
    fn new(graph: &'a Graph, places: &'a Places<'a>, calls: &'a Calls) -> Self {
        let regions = &calls.regions;
        let calls = &calls.own;
        let covered = calls
            .iter()
            .flat_map(|(_, found)| found.covers.clone())
            .collect();
        // The item stands where its last node is: all it reads has been made there.
        let calls = calls
            .iter()
            .map(|call| (call.1.output.node, call))
            .collect();
        let mut this = FunctionItems {
            graph,
            places,
            calls,
            regions,
            covered,
            needed: vec![false; graph.len()],
        };
        this.mark_needed();
        this
    }

    /// Which nodes become items: not those that only feed weights to layers.
    fn mark_needed(&mut self) {
        let mut needed = vec![false; self.graph.len()];
        self.graph
            .outputs
            .iter()
            .for_each(|output| needed[output.node.0 as usize] = true);
        for (id, node) in self.graph.nodes().rev() {
            if !needed[id.0 as usize] {
                continue;
            }
            let reads = match self.calls.get(&id) {
                Some((_, found)) => self.reads(&found.inputs, found.main),
                None => self.reads(&node.inputs, id),
            };
            reads
                .iter()
                .for_each(|input| needed[input.node.0 as usize] = true);
        }
        self.needed = needed;
    }

    /// The operands, and the tensors whose elements are extents that the node or an operand is spelt with.
    fn reads(&self, operands: &[Value], node: NodeId) -> Vec<Value> {
        let mut reads = operands.to_vec();
        let spelt = operands.iter().map(|value| value.node).chain([node]);
        for id in spelt {
            let spelt = self.graph.node(id);
            if id == node || matches!(spelt.op, Op::Extents { .. }) {
                reads.extend(self.graph.extents_read(spelt));
            }
        }
        reads
    }

    fn collect(&self) -> Vec<Item> {
        let nodes = self
            .graph
            .nodes()
            .filter(|(id, _)| self.needed[id.0 as usize]);
        nodes.filter_map(|(id, node)| self.item(id, node)).collect()
    }

    fn item(&self, id: NodeId, node: &Node) -> Option<Item> {
        let outputs: Vec<Value> = (0..node.types.len() as u32)
            .map(|result| Value { node: id, result })
            .collect();
        let position = id.0 as usize;
        if let Some((layer, found)) = self.calls.get(&id) {
            let info = &self.places.items.layers[*layer];
            let (module, label) = match found.weights.is_empty() {
                true => self.place(self.graph.node(found.main)),
                false => (info.module.clone(), info.name.clone()),
            };
            let what = What::Layer(*layer, found.main);
            return Some(Item {
                what,
                inputs: self.reads(&found.inputs, found.main),
                operands: found.inputs.len(),
                outputs,
                module,
                label,
                position,
                regions: vec![],
            });
        }
        match &node.op {
            Op::Input(_) | Op::Constant(_) | Op::Extents { .. } => None,
            Op::Param(param) => {
                let what = What::Param(*param);
                Some(Item {
                    what,
                    inputs: vec![],
                    operands: 0,
                    outputs,
                    module: vec![],
                    label: String::new(),
                    position,
                    regions: vec![],
                })
            }
            // A bias is only taken in where it alone reads the layer.
            _ if self.covered.contains(&id) => None,
            _ => {
                let (module, label) = self.place(node);
                Some(Item {
                    what: What::Node(id),
                    inputs: self.reads(&node.inputs, id),
                    operands: node.inputs.len(),
                    outputs,
                    module,
                    label,
                    position,
                    regions: self.inside(id),
                })
            }
        }
    }

    /// The module of the table that a node looks something up in: a table is a module of its own.
    fn table(&self, node: &Node) -> Option<Path> {
        let Op::Host(host) = &node.op else {
            return None;
        };
        if !host.op.is_of_table() {
            return None;
        }
        let of = |value: &Value| {
            let producer = self.graph.producer(*value);
            match producer.op {
                Op::Param(param) => {
                    let (_, path) = self.places.param_paths.get(&param)?.split_last()?;
                    Some(path.to_vec())
                }
                _ => self.table(producer),
            }
        };
        let path = node.inputs.iter().take(2).find_map(of)?;
        (!path.is_empty()).then_some(path)
    }

    /// The items of the regions of a node.
    fn inside(&self, id: NodeId) -> Vec<Vec<Item>> {
        let calls = self.regions.get(&id).map(Vec::as_slice);
        let regions = self.graph.node(id).op.regions().into_iter();
        let inside = regions.zip(calls.unwrap_or_default());
        inside
            .map(|(region, calls)| FunctionItems::new(region.graph(), self.places, calls).collect())
            .collect()
    }

    fn place(&self, node: &Node) -> (Path, String) {
        if let Some(table) = self.table(node) {
            return (table, String::new());
        }
        let (mut module, label) = self.places.scopes.place(&scope(node));
        match self.places.layer_paths.contains(&module) {
            true => {
                let name = module.pop().unwrap_or_default();
                (module, name)
            }
            false => (module, label.unwrap_or_default()),
        }
    }
}

fn scope(node: &Node) -> Vec<String> {
    node.origin.scopes().map(str::to_owned).collect()
}
