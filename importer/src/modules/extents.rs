//! The extents that a method needs at run time: where it reads each, and under which name.

use super::body::{Body, Source, Step};
use crate::ir::{Atom, Dim, Symbol};
use crate::plan::axes::{Axes, usual_name};

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
    pub(super) of: Source,
    pub(super) part: Part,
}

/// Where a value has an extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is the extent of this axis.
    Axis(usize),
    /// It is this element.
    Element(usize),
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
        for (index, step) in body.steps.iter().enumerate() {
            for dim in dims_of(body, step) {
                extents.need(body, index, &dim)?;
            }
        }
        Ok(extents)
    }

    fn need(&mut self, body: &Body, before: usize, dim: &Dim) -> Result<(), MissingExtent> {
        if dim.as_known().is_some() || self.named.iter().any(|extent| &extent.dim == dim) {
            return Ok(());
        }
        if let Some((of, part)) = locate(body, before, dim) {
            let name = self.name(body, dim, of, part);
            self.named.push(Extent {
                dim: dim.clone(),
                name,
                of,
                part,
            });
            return Ok(());
        }
        let atoms: Vec<Atom> = dim.terms().flat_map(|(atoms, _)| atoms.to_vec()).collect();
        for atom in atoms {
            self.need_atom(body, before, dim, &atom)?;
        }
        Ok(())
    }

    fn need_atom(
        &mut self,
        body: &Body,
        before: usize,
        dim: &Dim,
        atom: &Atom,
    ) -> Result<(), MissingExtent> {
        match atom {
            Atom::Symbol(symbol) => {
                let alone = Dim::symbol(*symbol);
                match &alone == dim {
                    true => Err(MissingExtent(alone)),
                    false => self.need(body, before, &alone),
                }
            }
            Atom::Quotient(a, b) => {
                self.need(body, before, a)?;
                self.need(body, before, b)
            }
            Atom::Max(members) | Atom::Min(members) => members
                .iter()
                .try_for_each(|member| self.need(body, before, member)),
        }
    }

    /// The name of an element of a value that is read for its extents.
    pub(super) fn element(&self, of: Source, element: usize) -> Option<&str> {
        let is_it = |extent: &&Extent| extent.of == of && extent.part == Part::Element(element);
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
        };
        let taken = |name: &str| {
            let mut arguments = self.arguments.iter();
            self.named.iter().any(|extent| extent.name == name)
                || arguments.any(|argument| argument == name)
        };
        let numbered = (2..).map(|n| format!("{base}_{n}"));
        std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or(base)
    }
}

/// The extents that a step's action needs at run time.
fn dims_of(body: &Body, step: &Step) -> Vec<Dim> {
    let operand = step.args.first().map(|&arg| body.ty(arg).dims());
    let spelt = step.action.extents(operand.unwrap_or_default());
    spelt.into_iter().cloned().collect()
}

/// The first value before a step that has the extent: arguments, then results.
fn locate(body: &Body, before: usize, dim: &Dim) -> Option<(Source, Part)> {
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
