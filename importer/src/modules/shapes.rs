//! What a method takes and gives, for all modules of a type: numbers where they agree, names where they differ.

use super::body::Body;
use super::types::ModuleType;
use crate::ir::{DType, Shape, Type};
use crate::plan::axes::{Axes, usual_name};
use crate::plan::{ArgValue, Method};

/// The types of a method's arguments and results, in one module.
#[derive(Clone, Debug)]
pub struct Border {
    /// The arguments.
    pub inputs: Vec<Type>,
    results: Vec<Type>,
}

impl Border {
    /// Of a method's body.
    pub fn of(body: &Body) -> Self {
        let results = body.results.iter().map(|&result| body.ty(result).clone());
        Border {
            inputs: body.inputs.clone(),
            results: results.collect(),
        }
    }

    fn types(&self) -> impl Iterator<Item = &Type> {
        self.inputs.iter().chain(&self.results)
    }
}

/// `[batch, 56, 56, 24] → [batch, 56, 56, 24]`, for a method by its index; none where a rank is unknown.
pub fn shapes(ty: &ModuleType, index: usize, method: &Method) -> Option<String> {
    let instances = ty.instances.iter();
    let borders: Vec<&Border> = instances
        .map(|one| one.borders.get(index))
        .collect::<Option<_>>()?;
    let first = borders.first()?;
    let params: Vec<String> = method
        .params
        .iter()
        .map(|param| param.name.clone())
        .collect();
    let mut names = Names::new(ty, &borders, &params);
    let mut texts = vec![];
    for (at, own) in first.types().enumerate() {
        let Shape::Ranked(dims) = &own.shape else {
            return None;
        };
        let is_input = at < first.inputs.len();
        let dims = (0..dims.len()).map(|axis| names.axis(at, axis, is_input));
        let dims = dims.collect::<Vec<_>>().join(", ");
        texts.push(match own.dtype {
            DType::F32 => format!("[{dims}]"),
            dtype => format!("{dtype:?} [{dims}]"),
        });
    }
    let results = texts.split_off(first.inputs.len());
    let inputs = match texts.as_slice() {
        [one] => one.clone(),
        several => {
            let pairs = method.params.iter().zip(several);
            let named = pairs.map(|(param, text)| format!("{}: {text}", param.name));
            named.collect::<Vec<_>>().join(", ")
        }
    };
    let results = match results.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    Some(format!(
        "`{}`",
        format!("{inputs} → {results}").trim_start()
    ))
}

/// The names of axes, each by its extent in every instance.
struct Names<'a> {
    ty: &'a ModuleType,
    borders: &'a [&'a Border],
    /// The names of each instance's own axes, by which instances are compared.
    axes: Vec<Axes>,
    /// Extents, what their axis is usually called, and the name.
    known: Vec<((Vec<String>, String), String)>,
}

impl<'a> Names<'a> {
    fn new(ty: &'a ModuleType, borders: &'a [&'a Border], names: &[String]) -> Self {
        Names {
            ty,
            borders,
            axes: borders
                .iter()
                .map(|border| Axes::named(&border.inputs, names))
                .collect(),
            known: vec![],
        }
    }

    /// An axis of a value: of the arguments and results, the one at `at`.
    fn axis(&mut self, at: usize, axis: usize, is_input: bool) -> String {
        let of = |(border, axes): (&&Border, &Axes)| {
            let dim = border.types().nth(at)?.dims().get(axis)?;
            Some(axes.spelt(dim))
        };
        let extents = self.borders.iter().zip(&self.axes).map(of);
        let extents: Vec<String> = extents.map(|text| text.unwrap_or_default()).collect();
        if extents.iter().all(|other| *other == extents[0]) {
            return extents[0].clone();
        }
        if let Some(name) = self.argument(&extents) {
            return name;
        }
        let ty = self.borders[0].types().nth(at);
        let usual = ty.map_or_else(String::new, |ty| usual_name(ty, axis));
        let key = (extents, usual);
        if let Some((_, name)) = self.known.iter().find(|(known, _)| *known == key) {
            return name.clone();
        }
        let name = match is_input {
            true => self.free(&key.1),
            false => self.free(&format!("out_{}", key.1)),
        };
        self.known.push((key, name.clone()));
        name
    }

    /// The constructor's argument that is this extent in every instance.
    fn argument(&self, extents: &[String]) -> Option<String> {
        let is_it = |index: &usize| {
            let mut pairs = self.ty.instances.iter().zip(extents);
            pairs.all(|(instance, extent)| match instance.args.get(*index) {
                Some(ArgValue::Size(size)) => size.to_string() == *extent,
                Some(
                    ArgValue::Sizes(_)
                    | ArgValue::Flag(_)
                    | ArgValue::Number(_)
                    | ArgValue::Outer(_),
                )
                | None => false,
            })
        };
        let index = (0..self.ty.args.len()).find(is_it)?;
        Some(self.ty.args[index].name.clone())
    }

    fn free(&self, name: &str) -> String {
        let is_free = |name: &String| {
            let args = self.ty.args.iter().map(|arg| &arg.name);
            let names = self.known.iter().map(|(_, name)| name).chain(args);
            !names.into_iter().any(|other| other == name)
        };
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(is_free).unwrap_or_default()
    }
}
