//! Branches and loops: passes inside of them, and only what is needed goes in and out.

use super::rewrite::Rewriter;
use crate::error::{Error, Result};
use crate::ir::{Graph, Loop, Node, NodeId, Op, Region, Rounds, Type, Value};
use std::collections::BTreeSet;

/// Whether a graph has branches or loops.
pub fn has_regions(graph: &Graph) -> bool {
    graph.nodes().any(|(_, node)| !node.op.regions().is_empty())
}

/// Gives every region the form that `pass` gives its graph, which is one that computes the same.
///
/// # Errors
/// What the pass gives.
pub fn within(graph: &Graph, pass: &dyn Fn(&Graph) -> Result<Graph>) -> Result<Graph> {
    if !has_regions(graph) {
        return Ok(graph.clone());
    }
    Rewriter::new(graph).run(|rewriter, _, node| {
        if node.op.regions().is_empty() {
            return Ok(None);
        }
        let mut op = node.op.clone();
        for region in regions_mut(&mut op) {
            let mut body = region.graph().clone();
            body.adopt_symbols(&rewriter.new);
            let body = pass(&body)?;
            rewriter.new.adopt_symbols(&body);
            *region = region.with_graph(body);
        }
        let inputs = rewriter.get_all(&node.inputs);
        let id = rewriter.new.push_as(op, &inputs, node)?;
        Ok(Some(results(id, node.types.len())))
    })
}

/// The graphs that an op runs.
fn regions_mut(op: &mut Op) -> Vec<&mut Region> {
    match op {
        Op::If { branches } => branches.iter_mut().collect(),
        Op::Loop(Loop { rounds, body, .. }) => match rounds {
            Rounds::While(condition) => vec![condition, body],
            Rounds::Counted(_) => vec![body],
        },
        _ => vec![],
    }
}

fn results(node: NodeId, count: usize) -> Vec<Value> {
    (0..count as u32)
        .map(|result| Value { node, result })
        .collect()
}

/// Leaves out what regions are given or give and nobody reads; constants and extents that they are given they make for
/// themselves; what a loop hands on unchanged is no longer carried.
///
/// # Errors
/// None on a graph that verifies.
pub fn trim(graph: &Graph) -> Result<Graph> {
    if !has_regions(graph) {
        return Ok(graph.clone());
    }
    let uses = graph.use_counts();
    Rewriter::new(graph).run(|rewriter, id, node| {
        let used: Vec<bool> = uses[id.0 as usize].iter().map(|&count| count > 0).collect();
        match &node.op {
            Op::If { branches } => trim_branches(rewriter, node, branches, &used).map(Some),
            Op::Loop(looped) => trim_loop(rewriter, node, looped, &used).map(Some),
            _ => Ok(None),
        }
    })
}

fn trim_branches(
    rewriter: &mut Rewriter,
    node: &Node,
    branches: &[Region],
    used: &[bool],
) -> Result<Vec<Value>> {
    let operands = rewriter.get_all(&node.inputs);
    let (chooser, arguments) = operands
        .split_first()
        .ok_or_else(|| Error::internal("a branch without what chooses it"))?;
    let reads: Vec<BTreeSet<usize>> = branches
        .iter()
        .map(|branch| reads(branch.graph(), used))
        .collect();
    let is_read = |argument: usize| reads.iter().any(|reads| reads.contains(&argument));
    let plan = Arguments::with_first(&rewriter.new, arguments, &[], &is_read);
    let mut trimmed = vec![];
    for branch in branches {
        trimmed.push(plan.rebuild(branch, &rewriter.new, used)?);
    }
    let inputs: Vec<Value> = [*chooser].into_iter().chain(plan.operands()).collect();
    let kept = kept(&node.types, used);
    let id = rewriter
        .new
        .push_kept(Op::If { branches: trimmed }, &inputs, kept, &node.origin)?;
    Ok(spread(id, used))
}

/// The types that are kept.
fn kept(types: &[Type], is_kept: &[bool]) -> Vec<Type> {
    let pairs = types.iter().zip(is_kept).filter(|(_, kept)| **kept);
    pairs.map(|(ty, _)| ty.clone()).collect()
}

/// The results of a node that gives only the used ones, in the places of all.
fn spread(id: NodeId, used: &[bool]) -> Vec<Value> {
    let mut next = 0;
    let mut place = |used: bool| {
        let value = Value {
            node: id,
            result: next,
        };
        next += u32::from(used);
        value
    };
    used.iter().map(|&used| place(used)).collect()
}

/// The arguments that the used results of a region depend on.
fn reads(graph: &Graph, used: &[bool]) -> BTreeSet<usize> {
    let outputs = graph.outputs.iter().zip(used);
    let wanted = outputs.filter(|(_, used)| **used).map(|(&value, _)| value);
    let mut live = vec![false; graph.len()];
    let mut stack: Vec<Value> = wanted.collect();
    let mut arguments = BTreeSet::new();
    while let Some(value) = stack.pop() {
        if std::mem::replace(&mut live[value.node.0 as usize], true) {
            continue;
        }
        let node = graph.producer(value);
        if let Op::Input(argument) = node.op {
            arguments.insert(argument);
        }
        stack.extend(graph.reads(node));
    }
    arguments
}

fn trim_loop(
    rewriter: &mut Rewriter,
    node: &Node,
    looped: &Loop,
    used: &[bool],
) -> Result<Vec<Value>> {
    let operands = rewriter.get_all(&node.inputs);
    let needs = Needs::of(looped, used);
    let body = looped.body.graph();
    let is_constant = |i: usize| i < looped.carried && body.outputs[i] == body.inputs[i];
    let carried: Vec<usize> = (0..looped.carried)
        .filter(|&i| needs.results[i] && !is_constant(i))
        .collect();
    let is_read = |i: usize| needs.arguments.contains(&i) && !carried.contains(&i);
    let plan = Arguments::with_first(&rewriter.new, &operands, &carried, &is_read);
    let mut kept = needs.results.clone();
    (0..looped.carried).for_each(|i| kept[i] = carried.contains(&i));
    let rounds = match &looped.rounds {
        Rounds::Counted(rounds) => Rounds::Counted(rounds.clone()),
        Rounds::While(condition) => {
            Rounds::While(plan.rebuild(condition, &rewriter.new, &[true])?)
        }
    };
    let trimmed = Loop {
        rounds,
        round: looped.round,
        carried: carried.len(),
        body: plan.rebuild(&looped.body, &rewriter.new, &kept)?,
    };
    // The number of rounds is always the last result.
    kept.push(true);
    let types = self::kept(&node.types, &kept);
    let id = rewriter.new.push_kept(
        Op::Loop(trimmed),
        &plan.operands().collect::<Vec<_>>(),
        types,
        &node.origin,
    )?;
    let mut values = spread(id, &kept);
    for i in (0..looped.carried).filter(|&i| is_constant(i)) {
        values[i] = operands[i];
    }
    Ok(values)
}

/// What a loop needs of what its body takes and gives.
struct Needs {
    arguments: BTreeSet<usize>,
    /// Of what the body gives: what is carried, then what is collected.
    results: Vec<bool>,
}

impl Needs {
    /// What is read after the loop, what decides on another round, and what those depend on in the rounds before.
    fn of(looped: &Loop, used: &[bool]) -> Self {
        let body = looped.body.graph();
        let mut results: Vec<bool> = used[..body.outputs.len()].to_vec();
        let mut arguments = match &looped.rounds {
            Rounds::While(condition) => reads(condition.graph(), &[true]),
            Rounds::Counted(_) => BTreeSet::new(),
        };
        loop {
            arguments.extend(reads(body, &results));
            let fed = arguments
                .iter()
                .filter(|&&i| i < looped.carried && !results[i]);
            let fed: Vec<usize> = fed.copied().collect();
            if fed.is_empty() {
                return Needs { arguments, results };
            }
            fed.into_iter().for_each(|i| results[i] = true);
        }
    }
}

/// What becomes of each argument of some regions that are given the same.
struct Arguments {
    places: Vec<Place>,
    operands: Vec<Value>,
}

#[derive(Clone, Copy)]
enum Place {
    /// The operand at this place.
    Operand(usize),
    /// The region makes it for itself, as the graph around made this value.
    Inside(Value),
    /// Nobody reads it.
    Nowhere,
}

impl Arguments {
    /// The arguments `first` come first and stay apart; the others follow, each value once.
    fn with_first(
        graph: &Graph,
        given: &[Value],
        first: &[usize],
        is_read: &dyn Fn(usize) -> bool,
    ) -> Self {
        let mut places = vec![Place::Nowhere; given.len()];
        let mut operands = vec![];
        for &i in first {
            places[i] = Place::Operand(operands.len());
            operands.push(given[i]);
        }
        for (i, &value) in given.iter().enumerate() {
            if first.contains(&i) || !is_read(i) {
                continue;
            }
            if matches!(
                graph.producer(value).op,
                Op::Constant(_) | Op::Extents { .. }
            ) {
                places[i] = Place::Inside(value);
                continue;
            }
            let known = operands
                .iter()
                .skip(first.len())
                .position(|&known| known == value);
            let place = known.map_or(operands.len(), |known| known + first.len());
            if place == operands.len() {
                operands.push(value);
            }
            places[i] = Place::Operand(place);
        }
        Arguments { places, operands }
    }

    fn operands(&self) -> impl Iterator<Item = Value> {
        self.operands.iter().copied()
    }

    /// A region that takes the operands and gives what is `kept`.
    fn rebuild(&self, region: &Region, around: &Graph, kept: &[bool]) -> Result<Region> {
        let old = region.graph();
        let mut outputs = old.outputs.iter().zip(kept);
        let unchanged = self.operands.len() == self.places.len()
            && outputs.all(|(_, kept)| *kept)
            && self
                .places
                .iter()
                .enumerate()
                .all(|(i, place)| matches!(place, Place::Operand(at) if *at == i));
        if unchanged {
            return Ok(region.clone());
        }
        let mut narrowed = old.clone();
        let outputs = old.outputs.iter().zip(kept);
        narrowed.outputs = outputs
            .filter(|(_, kept)| **kept)
            .map(|(&v, _)| v)
            .collect();
        let narrowed = super::cleanup::sweep(&narrowed)?;
        let mut made: Vec<Option<Value>> = vec![None; self.operands.len()];
        let places: &[Place] = &self.places;
        let graph = Rewriter::new(&narrowed).run(|rewriter, id, node| {
            if id.0 == 0 {
                self.take(rewriter, old, &mut made);
            }
            let Op::Input(argument) = node.op else {
                return Ok(None);
            };
            Ok(Some(match places[argument] {
                Place::Operand(place) => made[place].into_iter().collect(),
                Place::Inside(value) => vec![copy_source(rewriter, around, value)?],
                Place::Nowhere => vec![],
            }))
        })?;
        Ok(region.with_graph(super::cleanup::sweep(&graph)?))
    }

    /// Makes the arguments of the new region, in their order.
    fn take(&self, rewriter: &mut Rewriter, old: &Graph, made: &mut [Option<Value>]) {
        for (place, made) in made.iter_mut().enumerate() {
            let is_it = |at: &&Place| matches!(at, Place::Operand(other) if *other == place);
            let Some(argument) = self.places.iter().position(|at| is_it(&at)) else {
                continue;
            };
            let node = old.producer(old.inputs[argument]);
            *made = Some(rewriter.new.input(node.types[0].clone(), &node.origin));
        }
    }
}

/// A constant or an extent of the graph around, made inside of a region.
fn copy_source(rewriter: &mut Rewriter, around: &Graph, value: Value) -> Result<Value> {
    let node = around.producer(value);
    match &node.op {
        Op::Constant(constant) => Ok(rewriter.new.shared_constant(constant.clone(), &node.origin)),
        Op::Extents {
            dims,
            scalar,
            dtype,
        } => Ok(rewriter
            .new
            .extents(dims.clone(), *scalar, *dtype, &node.origin)),
        _ => Err(Error::internal("a region takes over what is no constant")),
    }
}
