//! Writes the methods of all modules: from items of functions to steps.

use super::body::{Body, Held, Modules, Source, Step};
use super::items::{Item, Items, What};
use super::paths::Path;
use super::tree::{Units, border};
use crate::error::{Error, Result};
use crate::ir::{Graph, NodeId, Op, Origin, Program, Rounds, Value};
use crate::plan::{Action, Call, Flow};
use std::collections::{BTreeSet, HashMap};

/// Drafts all modules. The items have to be arranged.
///
/// # Errors
/// None for items that are arranged.
pub fn draft(program: &Program, items: &Items) -> Result<Modules> {
    let mut modules = Modules::new();
    for (function, list) in program.functions.iter().zip(&items.functions) {
        let mut drafter = Drafter {
            graph: &function.graph,
            items,
            list,
            modules: &mut modules,
        };
        let body = drafter.body(&[], &function.graph.inputs, &function.graph.outputs)?;
        for param in &function.assigned {
            let (module, name) = &items.fields[param];
            drafter.field(module, name, Held::Param(*param));
        }
        modules.entry(vec![]).or_default().methods.push(body);
    }
    Ok(modules)
}

struct Drafter<'a> {
    graph: &'a Graph,
    items: &'a Items,
    list: &'a [Item],
    modules: &'a mut Modules,
}

impl Drafter<'_> {
    /// The body of a module's method, from its arguments and results as values of the function.
    fn body(&mut self, path: &[String], inputs: &[Value], outputs: &[Value]) -> Result<Body> {
        let units = Units::of(self.list, path);
        let order = units
            .order(self.list)
            .map_err(|_| Error::internal("modules depend on each other"))?;
        let mut writer = Writer {
            body: Body::default(),
            sources: HashMap::new(),
        };
        for (i, &input) in inputs.iter().enumerate() {
            writer.sources.insert(input, Source::Input(i));
            writer.body.inputs.push(self.graph.ty(input).clone());
            writer.body.input_names.push(None);
        }
        inputs
            .iter()
            .for_each(|&input| self.read_again(input, &mut writer));
        self.modules.entry(path.to_vec()).or_default().path = path.to_vec();
        for unit in order {
            let (items, child) = &units.units[unit];
            match child {
                Some(child) => self.call(path, child, &mut writer)?,
                None => self.item(path, &self.list[items[0]], &mut writer)?,
            }
        }
        for &output in outputs {
            let source = self.source(output, &mut writer)?;
            writer.body.results.push(source);
        }
        Ok(writer.body)
    }

    /// A module that is given a tensor of extents reads them for itself.
    fn read_again(&self, input: Value, writer: &mut Writer) {
        let node = self.graph.producer(input);
        if matches!(node.op, Op::ReadExtents(_)) {
            let tensor = writer.sources[&input];
            let action = Action::of(&node.op);
            writer.step(self.graph, action, vec![tensor], &[input], String::new());
        }
    }

    fn call(&mut self, path: &[String], child: &Path, writer: &mut Writer) -> Result<()> {
        let border = border(self.graph, self.list, child);
        let body = self.body(child, &border.inputs, &border.outputs)?;
        let module = self.modules.entry(child.clone()).or_default();
        let method = match module.methods.iter().position(|known| known.is_same(&body)) {
            Some(method) => method,
            None => {
                module.methods.push(body);
                module.methods.len() - 1
            }
        };
        let name = child.last().cloned().unwrap_or_default();
        let field = self.field(path, &name, Held::Module);
        let args = border
            .inputs
            .iter()
            .map(|&input| self.source(input, writer))
            .collect::<Result<_>>()?;
        writer.step(
            self.graph,
            Action::Module { field, method },
            args,
            &border.outputs,
            name,
        );
        Ok(())
    }

    fn item(&mut self, path: &[String], item: &Item, writer: &mut Writer) -> Result<()> {
        let args = item.inputs[..item.operands]
            .iter()
            .map(|&input| self.source(input, writer))
            .collect::<Result<_>>()?;
        let mut blocks = vec![];
        let action = match &item.what {
            What::Node(node) if !item.regions.is_empty() => {
                let op = &self.graph.node(*node).op;
                blocks = self.blocks(path, op, &item.regions)?;
                Action::Flow(flow(op))
            }
            What::Node(node) => Action::of(&self.graph.node(*node).op),
            What::Layer(layer, main) => {
                let call = match &self.graph.node(*main).op {
                    Op::ConvTranspose { output, .. } => Call::Sized(output.clone()),
                    Op::Recurrent { pass, .. } => Call::Recurrent(pass.clone()),
                    _ => Call::Plain,
                };
                let name = if item.label.is_empty() {
                    "layer"
                } else {
                    &item.label
                };
                Action::Layer {
                    field: self.field(path, name, Held::Layer(*layer)),
                    call,
                }
            }
            What::Param(param) => match self.items.owners.get(param) {
                Some((layer, role)) => {
                    let name = self.items.layers[*layer].name.clone();
                    Action::LayerWeight {
                        field: self.field(path, &name, Held::Layer(*layer)),
                        role: *role,
                    }
                }
                None => Action::Parameter(self.field(path, &item.label, Held::Param(*param))),
            },
        };
        writer.step(self.graph, action, args, &item.outputs, item.label.clone());
        if let Some(step) = writer.body.steps.last_mut() {
            step.blocks = blocks;
        }
        if let (What::Layer(_, main), Some(step)) = (&item.what, writer.body.steps.last_mut()) {
            let main = &self.graph.node(*main).origin;
            if !step.origins.contains(main) {
                step.origins.insert(0, main.clone());
            }
        }
        Ok(())
    }

    /// The blocks of a branch or a loop, whose parts are in this module or below.
    fn blocks(&mut self, path: &[String], op: &Op, lists: &[Vec<Item>]) -> Result<Vec<Body>> {
        let mut blocks = vec![];
        for (region, list) in op.regions().into_iter().zip(lists) {
            let graph = region.graph();
            let mut drafter = Drafter {
                graph,
                items: self.items,
                list,
                modules: &mut *self.modules,
            };
            blocks.push(drafter.body(path, &graph.inputs, &graph.outputs)?);
        }
        Ok(blocks)
    }

    /// The field of a module that holds something; a second thing of one name gets a number.
    fn field(&mut self, path: &[String], name: &str, held: Held) -> usize {
        let fields = &mut self.modules.entry(path.to_vec()).or_default().fields;
        let same_place = |known: &(String, Held)| match (&known.1, &held) {
            (Held::Layer(a), Held::Layer(b)) => {
                a == b
                    || (known.0 == name
                        && self.items.layers[*a].weights.is_empty()
                        && self.items.layers[*a].layer == self.items.layers[*b].layer)
            }
            (Held::Module, Held::Module) => known.0 == name,
            (a, b) => a == b,
        };
        if let Some(field) = fields.iter().position(same_place) {
            return field;
        }
        fields.push((name.to_owned(), held));
        fields.len() - 1
    }

    /// Where a value is in the method; constants and extents are made on the spot.
    fn source(&self, value: Value, writer: &mut Writer) -> Result<Source> {
        if let Some(source) = writer.sources.get(&value) {
            return Ok(*source);
        }
        let node = self.graph.producer(value);
        match &node.op {
            op @ (Op::Constant(_) | Op::Extents { .. }) => {
                writer.step(self.graph, Action::of(op), vec![], &[value], String::new());
                Ok(writer.sources[&value])
            }
            op => Err(Error::internal(format!("{op:?} is not in reach")).at(&node.origin.place())),
        }
    }
}

/// How the regions of an op are run.
fn flow(op: &Op) -> Flow {
    match op {
        Op::Loop(looped) => Flow::Repeat {
            rounds: match &looped.rounds {
                Rounds::Counted(rounds) => Some(rounds.clone()),
                Rounds::While(_) => None,
            },
            round: looped.round,
            carried: looped.carried,
        },
        _ => Flow::Branch,
    }
}

/// Where values come from, each node once.
fn origins(graph: &Graph, values: &[Value]) -> Vec<Origin> {
    let nodes: BTreeSet<NodeId> = values.iter().map(|value| value.node).collect();
    let origins = nodes
        .into_iter()
        .map(|node| graph.node(node).origin.clone());
    origins.filter(|origin| !origin.node.is_empty()).collect()
}

struct Writer {
    body: Body,
    sources: HashMap<Value, Source>,
}

impl Writer {
    fn step(
        &mut self,
        graph: &Graph,
        action: Action,
        args: Vec<Source>,
        results: &[Value],
        label: String,
    ) {
        let step = self.body.steps.len();
        for (result, &value) in results.iter().enumerate() {
            self.sources.insert(value, Source::Step { step, result });
        }
        let types = results
            .iter()
            .map(|&value| graph.ty(value).clone())
            .collect();
        let origins = match action {
            Action::Module { .. } | Action::Modules { .. } => vec![],
            Action::Op(_)
            | Action::Constant(_)
            | Action::Layer { .. }
            | Action::Parameter(_)
            | Action::LayerWeight { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => origins(graph, results),
        };
        self.body.steps.push(Step {
            action,
            args,
            types,
            label,
            condition: None,
            origins,
            blocks: vec![],
        });
    }
}
