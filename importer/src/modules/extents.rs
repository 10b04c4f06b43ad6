//! The extents that a method needs at run time: where it reads each, and under which name.

use super::body::{Body, Source, Step};
use crate::ir::{Atom, Dim, Op, Symbol};
use crate::plan::axes::{Axes, usual_name};
use crate::plan::ident::snake;
use crate::plan::{Action, Flow};

/// An extent that nothing in a method has.
#[derive(Debug)]
pub struct MissingExtent(pub Dim);

/// The extents that a method's ops need.
pub struct Extents {
    /// In the order in which the method asks for them.
    pub(super) named: Vec<Extent>,
    /// The names of the method's arguments.
    arguments: Vec<String>,
    axes: Axes,
}

/// One extent, and where it is read.
pub struct Extent {
    pub(super) dim: Dim,
    pub(super) name: String,
    /// The block that reads it.
    pub(super) scope: Scope,
    pub(super) of: Source,
    pub(super) part: Part,
}

/// A block of a method: the steps that it is in, from the outside in, and which of their blocks it is.
pub type Scope = Vec<(usize, usize)>;

/// A block on the way, and the blocks around it before it.
struct Frame<'a> {
    body: &'a Body,
    scope: Scope,
    /// The step that asks.
    before: usize,
    /// The number of the round, if the block is one of a loop.
    round: Option<Symbol>,
}

/// Where a value has an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is the extent of this axis.
    Axis(usize),
    /// It is this element.
    Element(usize),
    /// It is the number of the round.
    Round,
}

impl Extents {
    /// Finds them, and gives them names that no argument has.
    pub(super) fn find(
        body: &Body,
        axes: &Axes,
        arguments: &[String],
    ) -> Result<Self, MissingExtent> {
        let mut extents = Extents {
            named: vec![],
            arguments: arguments.to_vec(),
            axes: axes.clone(),
        };
        let method = Frame {
            body,
            scope: vec![],
            before: 0,
            round: None,
        };
        extents.block(&mut vec![method])?;
        Ok(extents)
    }

    /// Finds what the innermost block needs.
    fn block(&mut self, frames: &mut Vec<Frame>) -> Result<(), MissingExtent> {
        let Some(inner) = frames.last() else {
            return Ok(());
        };
        let (body, scope) = (inner.body, inner.scope.clone());
        for (index, step) in body.steps.iter().enumerate() {
            if let Some(inner) = frames.last_mut() {
                inner.before = index;
            }
            for dim in dims_of(body, step) {
                self.need(frames, &dim)?;
            }
            let Action::Flow(flow) = &step.action else {
                continue;
            };
            let round = match flow {
                Flow::Repeat { round, .. } => Some(*round),
                Flow::Branch => None,
            };
            for (place, block) in step.blocks.iter().enumerate() {
                let mut frames = with_block(frames, block, &scope, (index, place), round);
                if let (Flow::Repeat { rounds: None, .. }, Some(round)) = (flow, round)
                    && is_counted(body, index)
                {
                    self.need(&frames, &Dim::symbol(round))?;
                }
                self.block(&mut frames)?;
            }
        }
        Ok(())
    }

    fn need(&mut self, frames: &[Frame], dim: &Dim) -> Result<(), MissingExtent> {
        let is_seen = |scope: &Scope| frames.iter().any(|frame| frame.scope == *scope);
        let mut named = self.named.iter();
        let is_named = named.any(|extent| &extent.dim == dim && is_seen(&extent.scope));
        if dim.as_known().is_some() || is_named {
            return Ok(());
        }
        if let Some((frame, of, part)) = locate(frames, dim) {
            let name = self.name(frame.body, dim, of, part);
            self.named.push(Extent {
                dim: dim.clone(),
                name,
                scope: frame.scope.clone(),
                of,
                part,
            });
            return Ok(());
        }
        let atoms: Vec<Atom> = dim.terms().flat_map(|(atoms, _)| atoms.to_vec()).collect();
        for atom in atoms {
            self.need_atom(frames, dim, &atom)?;
        }
        Ok(())
    }

    fn need_atom(&mut self, frames: &[Frame], dim: &Dim, atom: &Atom) -> Result<(), MissingExtent> {
        match atom {
            Atom::Symbol(symbol) => {
                let alone = Dim::symbol(*symbol);
                match &alone == dim {
                    true => Err(MissingExtent(alone)),
                    false => self.need(frames, &alone),
                }
            }
            Atom::Quotient(a, b) => {
                self.need(frames, a)?;
                self.need(frames, b)
            }
            Atom::Max(members) | Atom::Min(members) => members
                .iter()
                .try_for_each(|member| self.need(frames, member)),
        }
    }

    /// The name of an element of a value that is read for its extents.
    pub(super) fn element(&self, scope: &Scope, of: Source, element: usize) -> Option<&str> {
        let is_it = |extent: &&Extent| {
            extent.scope == *scope && extent.of == of && extent.part == Part::Element(element)
        };
        self.named
            .iter()
            .find(is_it)
            .map(|extent| extent.name.as_str())
    }

    /// The name that the extent has anyway, or one after where it is read.
    fn name(&self, body: &Body, dim: &Dim, of: Source, part: Part) -> String {
        let known = self.axes.name(dim).map(str::to_owned);
        let base = match part {
            Part::Axis(axis) => known.unwrap_or_else(|| usual_name(body.ty(of), axis)),
            Part::Element(_) if body.ty(of).dims().first().is_none_or(|n| n.is(1)) => {
                "size".to_owned()
            }
            Part::Element(element) => format!("size_{element}"),
            Part::Round => "step".to_owned(),
        };
        let taken = |name: &str| {
            let mut arguments = self.arguments.iter();
            self.named.iter().any(|extent| extent.name == name)
                || arguments.any(|argument| argument == name)
        };
        let label = match of {
            Source::Input(_) => None,
            Source::Step { step, .. } => Some(body.steps[step].label.as_str()),
        };
        let label = label.filter(|label| label.contains(char::is_alphabetic));
        let of_step = label.map(|label| format!("{}_{base}", snake(label).trim_end_matches('_')));
        let numbered = (2..).map(|n| format!("{base}_{n}"));
        std::iter::once(base.clone())
            .chain(of_step)
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or(base)
    }
}

/// The extents that a step's action needs at run time.
fn dims_of(body: &Body, step: &Step) -> Vec<Dim> {
    let dims = |arg: Option<&Source>| arg.map(|&arg| body.ty(arg).dims());
    let spelt = step
        .action
        .extents(dims(step.args.first()).unwrap_or_default());
    let mut extents: Vec<Dim> = spelt.into_iter().cloned().collect();
    if let Action::Op(Op::Conv(_)) = step.action {
        // A framework may want the sizes of a kernel that is computed.
        extents.extend_from_slice(dims(step.args.get(1)).unwrap_or_default());
    }
    extents
}

/// Whether the number of rounds of a loop, its last result, is read.
fn is_counted(body: &Body, step: usize) -> bool {
    let count = Source::Step {
        step,
        result: body.steps[step].types.len().saturating_sub(1),
    };
    body.uses().contains_key(&count)
}

/// The blocks around a block of the innermost one, and that block.
fn with_block<'a>(
    frames: &[Frame<'a>],
    block: &'a Body,
    scope: &Scope,
    place: (usize, usize),
    round: Option<Symbol>,
) -> Vec<Frame<'a>> {
    let around = frames.iter().map(|frame| Frame {
        scope: frame.scope.clone(),
        ..*frame
    });
    let inner = Frame {
        body: block,
        scope: [scope.as_slice(), &[place]].concat(),
        before: 0,
        round,
    };
    around.chain([inner]).collect()
}

/// The first value that has the extent: of the outermost block that has one.
fn locate<'a, 'b>(frames: &'b [Frame<'a>], dim: &Dim) -> Option<(&'b Frame<'a>, Source, Part)> {
    frames.iter().find_map(|frame| {
        let is_round = frame.round.is_some() && frame.round == dim.as_symbol();
        let (of, part) = match is_round {
            true => (Source::Input(0), Part::Round),
            false => locate_in(frame.body, frame.before, dim)?,
        };
        Some((frame, of, part))
    })
}

/// The first value before a step that has the extent: arguments, then results.
fn locate_in(body: &Body, before: usize, dim: &Dim) -> Option<(Source, Part)> {
    let inputs = (0..body.inputs.len()).map(Source::Input);
    let results = body.steps[..before]
        .iter()
        .enumerate()
        .flat_map(|(step, s)| {
            (0..s.types.len())
                .filter(|_| s.condition.is_none())
                .map(move |result| Source::Step { step, result })
        });
    inputs.chain(results).find_map(|source| {
        let element = |symbol| {
            symbols_read(body, source)
                .iter()
                .position(|read| *read == symbol)
        };
        let element = dim.as_symbol().and_then(element).map(Part::Element);
        let axis = || body.ty(source).dims().iter().position(|other| other == dim);
        Some((source, element.or_else(|| axis().map(Part::Axis))?))
    })
}

/// The extents that the elements of a value are: see [`Op::ReadExtents`].
fn symbols_read(body: &Body, source: Source) -> &[Symbol] {
    match source {
        Source::Input(_) => &[],
        Source::Step { step, .. } => body.steps[step].action.extents_read(),
    }
}
