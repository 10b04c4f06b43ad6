//! The statements of a method: names of locals, what is read for the last time, and extents by name.

use super::draft::{self, Body, Source};
use crate::codegen::plan::{Action, Condition, Local, Method, Operand, Step};
use crate::codegen::rust::ident::snake;
use crate::ir::{Atom, Dim, Op, Symbol, Type};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// An extent that nothing in a method has.
#[derive(Debug)]
pub struct MissingExtent(pub Dim);

/// The plan of a method. `inputs` are the names of the arguments, if the caller does not choose them.
pub fn method(
    body: &Body,
    fields: &[String],
    name: String,
    inputs: Option<&[String]>,
    with_notes: bool,
    has_mode: bool,
    wanted: BTreeMap<Source, String>,
) -> Result<Method, MissingExtent> {
    let extents = Extents::find(body)?;
    let mut writer = Writer::new(body, &extents, with_notes, wanted);
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
    Ok(Method {
        name,
        params,
        body: writer.out,
        results,
        assignments: vec![],
        has_mode,
        extents: named,
    })
}

/// The extents that a method's ops need.
struct Extents {
    named: Vec<Extent>,
}

/// One extent, and where it is read.
struct Extent {
    dim: Dim,
    name: String,
    of: Source,
    axis: usize,
}

impl Extents {
    fn find(body: &Body) -> Result<Self, MissingExtent> {
        let mut extents = Extents { named: vec![] };
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
        if let Some((of, axis)) = locate(body, before, dim) {
            let name = self.name(body, of, axis);
            self.named.push(Extent {
                dim: dim.clone(),
                name,
                of,
                axis,
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
            Atom::Quotient(a, b) | Atom::Max(a, b) | Atom::Min(a, b) => {
                self.need(body, before, a)?;
                self.need(body, before, b)
            }
        }
    }

    fn name(&self, body: &Body, of: Source, axis: usize) -> String {
        let base = axis_name(body.ty(of), axis);
        let taken = |name: &str| self.named.iter().any(|extent| extent.name == name);
        let numbered = (2..).map(|n| format!("{base}_{n}"));
        std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or(base)
    }
}

/// The extents that a step's action needs at run time.
fn dims_of(body: &Body, step: &draft::Step) -> Vec<Dim> {
    match &step.action {
        draft::Action::Op(op) => {
            let operand = step
                .args
                .first()
                .map(|&arg| body.ty(arg).dims())
                .unwrap_or_default();
            op.extents(operand).into_iter().cloned().collect()
        }
        draft::Action::Layer { output, .. } => output.clone().unwrap_or_default(),
        draft::Action::Call { .. }
        | draft::Action::Param(_)
        | draft::Action::LayerWeight { .. } => vec![],
    }
}

/// The first value before a step that has the extent: arguments, then results.
fn locate(body: &Body, before: usize, dim: &Dim) -> Option<(Source, usize)> {
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
        let axis = body
            .ty(source)
            .dims()
            .iter()
            .position(|other| other == dim)?;
        Some((source, axis))
    })
}

/// What an axis is usually called.
fn axis_name(ty: &Type, axis: usize) -> String {
    let name = match (ty.rank().unwrap_or(0), axis) {
        (_, 0) => "batch",
        (2 | 3, 1) => "length",
        (4, 1) => "height",
        (4, 2) => "width",
        _ => return format!("size_{axis}"),
    };
    name.to_owned()
}

/// The names of what is on the way.
const SHORT: [&str; 2] = ["x", "h"];

struct Writer<'a> {
    body: &'a Body,
    extents: &'a Extents,
    with_notes: bool,
    /// The last step that reads each value; `usize::MAX` for results.
    last_use: HashMap<Source, usize>,
    names: HashMap<Source, Name>,
    symbols: BTreeMap<Symbol, String>,
    /// The names that some values shall have: of the variables that they are assigned to.
    wanted: BTreeMap<Source, String>,
    out: Vec<Step>,
}

#[derive(Clone)]
struct Name {
    name: String,
    borrowed: bool,
}

impl<'a> Writer<'a> {
    fn new(
        body: &'a Body,
        extents: &'a Extents,
        with_notes: bool,
        wanted: BTreeMap<Source, String>,
    ) -> Self {
        let mut last_use = HashMap::new();
        for (step, s) in body.steps.iter().enumerate() {
            last_use.extend(s.args.iter().map(|&arg| (arg, step)));
        }
        last_use.extend(body.results.iter().map(|&result| (result, usize::MAX)));
        let mut symbols = BTreeMap::new();
        for ty in &body.inputs {
            for (axis, dim) in ty.dims().iter().enumerate() {
                if let Some(symbol) = dim.as_symbol() {
                    symbols.entry(symbol).or_insert_with(|| axis_name(ty, axis));
                }
            }
        }
        Writer {
            body,
            extents,
            with_notes,
            last_use,
            names: HashMap::new(),
            symbols,
            wanted,
            out: vec![],
        }
    }

    fn arguments(&mut self, inputs: Option<&[String]>) -> Vec<Local> {
        let mut params = vec![];
        for i in 0..self.body.inputs.len() {
            let name = match (inputs, &self.body.input_names[i]) {
                (Some(names), _) => names[i].clone(),
                (None, _) if i == 0 => "x".to_owned(),
                (None, Some(name)) => self.free(&snake(name), &BTreeSet::new()),
                (None, None) => self.free("y", &BTreeSet::new()),
            };
            self.names.insert(
                Source::Input(i),
                Name {
                    name: name.clone(),
                    borrowed: true,
                },
            );
            params.push(Local {
                name,
                ty: self.body.inputs[i].clone(),
            });
        }
        (0..self.body.inputs.len()).for_each(|i| self.read_extents(Source::Input(i)));
        params
    }

    /// `name`, or with a number if a value of that name is alive.
    fn free(&self, name: &str, dying: &BTreeSet<Source>) -> String {
        let alive: BTreeSet<&str> = self
            .names
            .iter()
            .filter(|(source, _)| !dying.contains(*source))
            .map(|(_, name)| name.name.as_str())
            .collect();
        let extents: BTreeSet<&str> = self
            .extents
            .named
            .iter()
            .map(|extent| extent.name.as_str())
            .collect();
        let taken = |name: &str| {
            alive.contains(name)
                || extents.contains(name)
                || matches!(name, "self" | "train" | "device")
        };
        let stem = name.trim_end_matches('_');
        let numbered = (2..).map(|n| format!("{stem}_{n}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    /// `let batch = x.dim(0)`, for the extents that are read from this value.
    fn read_extents(&mut self, of: Source) {
        for extent in self.extents.named.iter().filter(|extent| extent.of == of) {
            let mut operand = self.operand(of, 0);
            operand.last = false;
            let ty = Type::new(crate::ir::DType::I64, vec![]);
            self.out.push(Step {
                results: vec![Local {
                    name: extent.name.clone(),
                    ty,
                }],
                action: Action::Extent { axis: extent.axis },
                args: vec![operand],
                condition: None,
                note: None,
                origins: vec![],
            });
        }
    }

    fn operand(&self, source: Source, step: usize) -> Operand {
        let name = self.names.get(&source).cloned().unwrap_or(Name {
            name: "x".to_owned(),
            borrowed: false,
        });
        let last = self.last_use.get(&source) == Some(&step);
        Operand {
            name: name.name,
            ty: self.body.ty(source).clone(),
            last,
            borrowed: name.borrowed,
        }
    }

    fn step(&mut self, index: usize, fields: &[String]) {
        let step = &self.body.steps[index];
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
                || self.extents.named.iter().any(|extent| extent.of == source)
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
        let condition = step
            .condition
            .map(|(field, pass)| Condition { field, pass });
        let note = self.note(index);
        self.out.push(Step {
            results,
            action: action(&step.action),
            args,
            condition,
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

    fn result_names(
        &self,
        index: usize,
        dying: &BTreeSet<Source>,
        fields: &[String],
    ) -> Vec<String> {
        let step = &self.body.steps[index];
        if let [_] = step.types.as_slice() {
            let own = Source::Step {
                step: index,
                result: 0,
            };
            if let Some(name) = self.wanted.get(&own) {
                return vec![self.free(name, dying)];
            }
            return vec![self.result_name(step, dying, fields)];
        }
        let base = if !step.label.contains(char::is_alphabetic) {
            "y".to_owned()
        } else {
            snake(&step.label)
        };
        let mut names: Vec<String> = vec![];
        for result in 0..step.types.len() {
            let source = Source::Step {
                step: index,
                result,
            };
            let wanted = if self.last_use.contains_key(&source) {
                format!("{base}_{result}")
            } else {
                format!("_{base}_{result}")
            };
            names.push(self.free(&wanted, dying));
        }
        names
    }

    /// The name of the operand that ends here, so that a chain keeps one name; else one for what is new.
    fn result_name(
        &self,
        step: &draft::Step,
        dying: &BTreeSet<Source>,
        fields: &[String],
    ) -> String {
        match &step.action {
            draft::Action::Param(field) => return self.free(&fields[*field], dying),
            draft::Action::Op(Op::Constant(_)) => return self.free("constant", dying),
            draft::Action::Op(Op::Extents { .. }) => return self.free("shape", dying),
            draft::Action::LayerWeight { field, .. } => {
                return self.free(&format!("{}_weight", fields[*field]), dying);
            }
            draft::Action::Op(_) | draft::Action::Layer { .. } | draft::Action::Call { .. } => {}
        }
        let chained = step
            .args
            .iter()
            .find(|arg| dying.contains(arg) && self.is_chain(**arg));
        // A model's argument has the name that the model gives it; what is made of it has not.
        let is_argument = |arg: &&Source| matches!(arg, Source::Input(_));
        let named = chained
            .filter(|arg| !is_argument(arg))
            .and_then(|arg| self.names.get(arg));
        if let Some(Name { name, .. }) = named
            && (SHORT.contains(&name.as_str()) || self.keeps_meaning(step))
        {
            return name.clone();
        }
        for short in SHORT {
            if self.free(short, dying) == short {
                return short.to_owned();
            }
        }
        let label = if !step.label.contains(char::is_alphabetic) {
            "y".to_owned()
        } else {
            snake(&step.label)
        };
        self.free(&label, dying)
    }

    /// Whether a step gives what it was given in another form, so that a telling name stays true.
    fn keeps_meaning(&self, step: &draft::Step) -> bool {
        let is_one_of_several = step.args.iter().filter(|arg| self.is_chain(**arg)).count() > 1;
        let draft::Action::Op(op) = &step.action else {
            return false;
        };
        let is_form = matches!(
            op,
            Op::Unary(_)
                | Op::Binary(_)
                | Op::Clamp { .. }
                | Op::Cast(_)
                | Op::Dropout { .. }
                | Op::Reshape(_)
                | Op::Transpose(_)
                | Op::Broadcast(_)
        );
        is_form && !is_one_of_several
    }

    /// Whether a value is on the way, rather than a constant or a parameter.
    fn is_chain(&self, source: Source) -> bool {
        match source {
            Source::Input(_) => true,
            Source::Step { step, .. } => !matches!(
                self.body.steps[step].action,
                draft::Action::Param(_)
                    | draft::Action::LayerWeight { .. }
                    | draft::Action::Op(Op::Constant(_) | Op::Extents { .. })
            ),
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
        (self.with_notes && changes && ty.rank().is_some_and(|rank| rank > 0)).then(|| {
            let dims: Vec<String> = ty.dims().iter().map(|dim| self.spell(dim)).collect();
            format!("[{}]", dims.join(", "))
        })
    }

    fn spell(&self, dim: &Dim) -> String {
        match (dim.as_known(), dim.as_symbol()) {
            (Some(known), _) => known.to_string(),
            (None, Some(symbol)) => self
                .symbols
                .get(&symbol)
                .cloned()
                .unwrap_or_else(|| "_".to_owned()),
            (None, None) => "_".to_owned(),
        }
    }
}

fn action(action: &draft::Action) -> Action {
    match action {
        draft::Action::Op(Op::Constant(value)) => Action::Constant(value.clone()),
        draft::Action::Op(op) => Action::Op(op.clone()),
        draft::Action::Layer { field, output } => Action::Layer {
            field: *field,
            output: output.clone(),
        },
        draft::Action::Call { field, method } => Action::Module {
            field: *field,
            method: *method,
        },
        draft::Action::Param(field) => Action::Parameter(*field),
        draft::Action::LayerWeight { field, role } => Action::LayerWeight {
            field: *field,
            role: *role,
        },
    }
}
