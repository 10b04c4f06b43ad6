//! The statements of a method: names of locals, and what is read for the last time.

use super::body::{Body, Source};
use super::course::Course;
use super::extents::{Extent, Extents, MissingExtent, Part, Scope};
use crate::ir::{DType, Op, Type};
use crate::plan::axes::Axes;
use crate::plan::{Action, Block, Flow, Local, Method, Operand, Step};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The plan of a method, whose arguments have the names `inputs`.
pub fn method(
    body: &Body,
    fields: &[String],
    name: String,
    inputs: &[String],
    with_notes: bool,
    has_mode: bool,
    wanted: BTreeMap<Source, String>,
) -> Result<Method, MissingExtent> {
    let body = &without_aliases(body);
    let axes = Axes::named(&body.inputs, inputs);
    let extents = Extents::find(body, &axes, inputs)?;
    let mut writer = Writer::new(body, &extents, &axes, with_notes, wanted, vec![]);
    let params = writer.arguments(inputs);
    for step in 0..body.steps.len() {
        writer.step(step, fields);
    }
    let results = body
        .results
        .iter()
        .map(|&result| writer.operand(result, usize::MAX))
        .collect();
    let named = extents
        .named
        .iter()
        .map(|extent| (extent.dim.clone(), extent.name.clone()))
        .collect();
    let body = writer.out;
    Ok(Method {
        name,
        params,
        body,
        results,
        assignments: vec![],
        has_mode,
        extents: named,
        axes,
        shapes: None,
    })
}

pub(super) struct Writer<'a> {
    pub(super) body: &'a Body,
    pub(super) extents: &'a Extents,
    with_notes: bool,
    /// The last step that reads each value; `usize::MAX` for results.
    pub(super) last_use: HashMap<Source, usize>,
    pub(super) names: HashMap<Source, Name>,
    axes: &'a Axes,
    pub(super) course: Course,
    /// The names that some values shall have: of the variables that they are assigned to.
    pub(super) wanted: BTreeMap<Source, String>,
    out: Vec<Step>,
    /// The block that is written.
    scope: Scope,
    /// Names that stay what they are: of what a loop carries.
    pub(super) kept: BTreeSet<String>,
    /// What the block must leave as it is: it is read in the next round, or by others.
    shared: BTreeSet<Source>,
}

#[derive(Clone, Default)]
pub(super) struct Name {
    pub(super) name: String,
    borrowed: bool,
}

impl<'a> Writer<'a> {
    fn new(
        body: &'a Body,
        extents: &'a Extents,
        axes: &'a Axes,
        with_notes: bool,
        wanted: BTreeMap<Source, String>,
        scope: Scope,
    ) -> Self {
        let mut last_use = HashMap::new();
        for (step, s) in body.steps.iter().enumerate() {
            last_use.extend(s.args.iter().map(|&arg| (arg, step)));
        }
        last_use.extend(body.results.iter().map(|&result| (result, usize::MAX)));
        Writer {
            body,
            extents,
            with_notes,
            last_use,
            names: HashMap::new(),
            axes,
            course: Course::of(body),
            wanted,
            out: vec![],
            scope,
            kept: BTreeSet::new(),
            shared: BTreeSet::new(),
        }
    }

    fn arguments(&mut self, inputs: &[String]) -> Vec<Local> {
        let mut params = vec![];
        for (i, (name, ty)) in inputs.iter().zip(&self.body.inputs).enumerate() {
            self.names.insert(
                Source::Input(i),
                Name {
                    name: name.clone(),
                    borrowed: true,
                },
            );
            params.push(Local {
                name: name.clone(),
                ty: ty.clone(),
            });
        }
        (0..self.body.inputs.len()).for_each(|i| self.read_extents(Source::Input(i)));
        params
    }

    /// `let batch = x.dim(0)`, for the extents that are read from this value.
    fn read_extents(&mut self, of: Source) {
        let is_here = |extent: &&Extent| extent.of == of && extent.scope == self.scope;
        for extent in self.extents.named.iter().filter(is_here) {
            let Part::Axis(axis) = extent.part else {
                continue;
            };
            let mut operand = self.operand(of, 0);
            operand.last = false;
            let ty = Type::new(DType::I64, vec![]);
            self.out.push(Step {
                blocks: vec![],
                results: vec![Local {
                    name: extent.name.clone(),
                    ty,
                }],
                action: Action::Extent { axis },
                args: vec![operand],
                condition: None,
                note: None,
                origins: vec![],
            });
        }
    }

    fn operand(&self, source: Source, step: usize) -> Operand {
        // A plan that reads a value without a name does not verify.
        let name = self.names.get(&source).cloned().unwrap_or_default();
        let last = self.last_use.get(&source) == Some(&step) && !self.shared.contains(&source);
        Operand {
            name: name.name,
            ty: self.body.ty(source).clone(),
            last,
            borrowed: name.borrowed,
        }
    }

    /// `let [height, width] = extents(&size)?`
    fn read_elements(&mut self, index: usize, count: usize) {
        let step = &self.body.steps[index];
        let of = Source::Step {
            step: index,
            result: 0,
        };
        let element = |i| {
            self.extents
                .element(&self.scope, of, i)
                .unwrap_or("_")
                .to_owned()
        };
        let ty = Type::new(crate::ir::DType::I64, vec![]);
        let results = (0..count).map(|i| Local {
            name: element(i),
            ty: ty.clone(),
        });
        let (results, args) = (results.collect(), vec![self.operand(step.args[0], index)]);
        self.out.push(Step {
            blocks: vec![],
            results,
            action: Action::Elements,
            args,
            condition: None,
            note: None,
            origins: step.origins.clone(),
        });
    }

    fn step(&mut self, index: usize, fields: &[String]) {
        let step = &self.body.steps[index];
        if let Action::Op(Op::ReadExtents(symbols)) = &step.action {
            let arg = step.args[0];
            self.read_elements(index, symbols.len());
            if self.last_use.get(&arg) == Some(&index) {
                self.names.remove(&arg);
            }
            return;
        }
        let mut args: Vec<Operand> = step
            .args
            .iter()
            .map(|&arg| self.operand(arg, index))
            .collect();
        // A value that is read twice by one step is read for the last time only once.
        for (i, arg) in args.iter_mut().enumerate() {
            arg.last &= !step.args[i + 1..].contains(&step.args[i]);
        }
        let dying: BTreeSet<Source> = step
            .args
            .iter()
            .copied()
            .filter(|arg| self.last_use.get(arg) == Some(&index))
            .collect();
        let names = self.result_names(index, &dying, fields);
        let blocks = match &step.action {
            Action::Flow(flow) => self.blocks(index, (flow, &step.blocks), &args, &names, fields),
            _ => vec![],
        };
        self.names.retain(|source, _| !dying.contains(source));
        let mut results = vec![];
        for (result, name) in names.into_iter().enumerate() {
            let source = Source::Step {
                step: index,
                result,
            };
            results.push(Local {
                name: name.clone(),
                ty: step.types[result].clone(),
            });
            if self.last_use.contains_key(&source)
                || self
                    .extents
                    .named
                    .iter()
                    .any(|extent| extent.of == source && extent.scope == self.scope)
            {
                self.names.insert(
                    source,
                    Name {
                        name,
                        borrowed: false,
                    },
                );
            }
        }
        let note = self.note(index);
        self.out.push(Step {
            blocks,
            results,
            action: step.action.clone(),
            args,
            condition: step.condition,
            note,
            origins: step.origins.clone(),
        });
        for result in 0..step.types.len() {
            self.read_extents(Source::Step {
                step: index,
                result,
            });
            let source = Source::Step {
                step: index,
                result,
            };
            if !self.last_use.contains_key(&source) {
                self.names.remove(&source);
            }
        }
    }

    /// The blocks of a step, whose operands and results have these names.
    fn blocks(
        &self,
        index: usize,
        (flow, blocks): (&Flow, &[Body]),
        args: &[Operand],
        names: &[String],
        fields: &[String],
    ) -> Vec<Block> {
        let (carried, taken) = match flow {
            Flow::Branch => (0, args.get(1..).unwrap_or_default()),
            Flow::Repeat { carried, .. } => (*carried, args),
        };
        let last = blocks.len().saturating_sub(1);
        let block = |(place, body): (usize, &Body)| {
            let scope = [self.scope.as_slice(), &[(index, place)]].concat();
            let body = &without_aliases(body);
            let wanted = BTreeMap::new();
            let mut writer = Writer::new(
                body,
                self.extents,
                self.axes,
                self.with_notes,
                wanted,
                scope,
            );
            // What is collected is not read inside, and keeps its name all the same.
            if let Flow::Repeat { .. } = flow {
                writer.kept.extend(names.iter().cloned());
            }
            writer.kept.extend(self.kept.iter().cloned());
            writer.block(taken, &names[..carried], place == last, fields)
        };
        blocks.iter().enumerate().map(block).collect()
    }

    /// The block, which takes operands under their names, but what a loop carries under the names that it gives it.
    fn block(
        mut self,
        taken: &[Operand],
        carried: &[String],
        moves: bool,
        fields: &[String],
    ) -> Block {
        let mut params = vec![];
        for (i, operand) in taken.iter().enumerate() {
            let is_carried = i < carried.len();
            let name = match carried.get(i) {
                Some(name) => Name {
                    name: name.clone(),
                    borrowed: false,
                },
                None => Name {
                    name: operand.name.clone(),
                    borrowed: operand.borrowed,
                },
            };
            if !is_carried || !moves {
                self.shared.insert(Source::Input(i));
            }
            params.push(Local {
                name: name.name.clone(),
                ty: self.body.inputs[i].clone(),
            });
            self.names.insert(Source::Input(i), name);
        }
        (0..self.body.inputs.len()).for_each(|i| self.read_extents(Source::Input(i)));
        (0..self.body.steps.len()).for_each(|step| self.step(step, fields));
        // A condition gives nothing that is carried.
        let next = carried.len().min(self.body.results.len());
        let results = self.body.results.iter().enumerate();
        let results = results.map(|(i, &result)| {
            let mut operand = self.operand(result, usize::MAX);
            // What is collected is written before what is carried, which may be the same.
            let again = match i < next {
                true => self.body.results[i + 1..next].contains(&result),
                false => {
                    let later = &self.body.results[i + 1..];
                    later.contains(&result) || self.body.results[..next].contains(&result)
                }
            };
            operand.last &= !again && !matches!(result, Source::Input(_));
            operand
        });
        let results = results.collect();
        Block {
            params,
            body: self.out,
            results,
        }
    }

    /// The shape of the result, after the steps where it changes.
    fn note(&self, index: usize) -> Option<String> {
        let step = &self.body.steps[index];
        let [ty] = step.types.as_slice() else {
            return None;
        };
        let before = step.args.first().map(|&arg| self.body.ty(arg).dims());
        let changes = before.is_some_and(|dims| dims != ty.dims());
        let is_told = self.with_notes && changes && ty.rank().is_some_and(|rank| rank > 0);
        is_told.then(|| self.axes.shape(ty))
    }
}

/// The body, with tensors in place of what reading their elements gave: the same tensors.
fn without_aliases(body: &Body) -> Body {
    let mut resolved = body.clone();
    let sources = resolved.steps.iter_mut().flat_map(|step| &mut step.args);
    for source in sources.chain(&mut resolved.results) {
        *source = root(body, *source);
    }
    resolved
}

/// What a value is: reading its elements gives the tensor itself.
fn root(body: &Body, source: Source) -> Source {
    match source {
        Source::Step { step, .. } if !body.steps[step].action.extents_read().is_empty() => {
            root(body, body.steps[step].args[0])
        }
        Source::Step { .. } | Source::Input(_) => source,
    }
}
