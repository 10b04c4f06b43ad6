//! Operands of a step as expressions, and what a method's statements share.

use super::rust::Expr;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::{Atom, DType, Dim, Fourier, Linear, Masking, Op, Special, Type};
use crate::plan::axes::{before_rounding_up, is_flipped, is_negative};
use crate::plan::{Action, Method, Operand, Step, Struct, all_steps};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An operand, and how it can be spelt.
#[derive(Clone, Debug)]
pub struct Arg {
    /// What it is.
    pub place: Place,
    /// Its type.
    pub ty: Type,
    /// Whether it is read for the last time.
    pub last: bool,
}

/// What an operand is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A local; `borrowed` if its name is a reference.
    Local { name: String, borrowed: bool },
    /// A tensor in a field, or in a field of a layer.
    Field(Expr),
    /// A small constant.
    Literal(Arc<Tensor>),
    /// Extents as an integer tensor.
    Extents { dims: Vec<Dim>, scalar: bool },
}

impl Arg {
    /// The number that all elements of a constant are, if the operand is one and they are equal.
    pub fn splat(&self) -> Option<f64> {
        match &self.place {
            Place::Literal(value) => value.as_splat(),
            Place::Local { .. } | Place::Field(_) | Place::Extents { .. } => None,
        }
    }

    /// The number, if the operand is a constant that broadcasts like a scalar.
    pub fn scalar(&self) -> Option<f64> {
        self.splat()
            .filter(|_| self.ty.dims().iter().all(|dim| dim.is(1)))
    }
}

/// The local that holds what several layers are given.
pub const SHARED: &str = "norm";

/// What is known around a block.
pub struct Around<'a> {
    steps: &'a [Step],
    bound: BTreeMap<String, Place>,
    named: BTreeSet<String>,
}

/// What the statements of one method share.
pub struct Body<'a> {
    /// The struct of the method.
    pub structure: &'a Struct,
    /// The method.
    pub method: &'a Method,
    /// The steps that are printed: of the method, or of a block in it.
    pub steps: &'a [Step],
    /// Constants, extents and fields by the names that the plan gives them: they are spelt where they are read.
    bound: BTreeMap<String, Place>,
    /// Weights in fields that only some instances have, by their names: they are bound where their field is open.
    waiting: BTreeMap<String, &'a Step>,
    /// The fields that only some instances have and that statements around this one have opened, as locals.
    opened: BTreeMap<usize, String>,
    /// Whether a statement makes a tensor from nothing, and needs to know where.
    pub needs_device: bool,
    /// Whether one does after a variable has been assigned.
    pub keeps_device: bool,
    /// The named extents that statements so far have bound.
    named: BTreeSet<String>,
    /// The named extents that statements read.
    pub read: RefCell<BTreeSet<String>>,
    /// An extent that a statement reads and that has no name: a fault.
    unnamed: RefCell<Option<Dim>>,
    /// Values that a constructor asks for, and how often.
    asked: Vec<(Expr, usize)>,
    /// The paths that statements use.
    pub uses: &'a mut BTreeSet<String>,
}

impl<'a> Body<'a> {
    /// Nothing is bound yet.
    pub fn new(structure: &'a Struct, method: &'a Method, uses: &'a mut BTreeSet<String>) -> Self {
        Body {
            structure,
            method,
            steps: &method.body,
            bound: BTreeMap::new(),
            waiting: BTreeMap::new(),
            opened: BTreeMap::new(),
            needs_device: false,
            keeps_device: false,
            named: BTreeSet::new(),
            read: RefCell::default(),
            unnamed: RefCell::default(),
            asked: vec![],
            uses,
        }
    }

    /// Binds the result of a step that makes no statement; `false` for all others. `weight` is a field's tensor.
    pub fn bind(&mut self, action: &Action, name: &str, weight: Option<Expr>) -> bool {
        let place = match action {
            Action::Constant(value) => Some(Place::Literal(value.clone())),
            Action::Op(Op::Extents { dims, scalar, .. }) => Some(Place::Extents {
                dims: dims.clone(),
                scalar: *scalar,
            }),
            Action::Parameter(_) | Action::LayerWeight { .. } => weight.map(Place::Field),
            Action::Op(_)
            | Action::Layer { .. }
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => None,
        };
        if let Action::Extent { .. } | Action::Elements = action {
            self.named.insert(name.to_owned());
        }
        let is_bound = place.is_some();
        self.waiting.remove(name);
        match place {
            Some(place) => drop(self.bound.insert(name.to_owned(), place)),
            None => drop(self.bound.remove(name)),
        }
        is_bound
    }

    /// Whether the steps that are printed are those of the method itself.
    pub fn is_whole(&self) -> bool {
        std::ptr::eq(self.steps, self.method.body.as_slice())
    }

    /// Begins a block: what it binds is bound there alone. What was known before has to be given to [`Body::leave`].
    pub fn enter(&mut self, steps: &'a [Step]) -> Around<'a> {
        Around {
            steps: std::mem::replace(&mut self.steps, steps),
            bound: self.bound.clone(),
            named: self.named.clone(),
        }
    }

    /// Ends a block.
    pub fn leave(&mut self, around: Around<'a>) {
        self.steps = around.steps;
        self.bound = around.bound;
        self.named = around.named;
    }

    /// The name that an extent has in some block, which from here on may be read: of the number of a round.
    pub fn name_in(&mut self, dim: &Dim) -> Option<String> {
        let mut extents = self.method.extents.iter();
        let (_, name) = extents.find(|(named, _)| named == dim)?;
        self.named.insert(name.clone());
        Some(name.clone())
    }

    /// An operand with what its name is bound to.
    pub fn arg(&self, operand: &Operand) -> Arg {
        let local = || Place::Local {
            name: operand.name.clone(),
            borrowed: operand.borrowed,
        };
        let place = self.bound.get(&operand.name).cloned().unwrap_or_else(local);
        Arg {
            place,
            ty: operand.ty.clone(),
            last: operand.last,
        }
    }

    /// Binds the result of a step that reads a weight of an optional field, as soon as that is open.
    pub fn wait(&mut self, step: &'a Step, name: &str) {
        self.bound.remove(name);
        self.waiting.insert(name.to_owned(), step);
    }

    /// Binds the result of such a step again, where its field is opened anew.
    pub fn keep_waiting(&mut self, step: &'a Step, name: &str) {
        self.waiting.insert(name.to_owned(), step);
    }

    /// Whether a name is a weight of an optional field that is not open.
    pub fn is_closed(&self, name: &str) -> bool {
        self.waiting.contains_key(name) && !self.bound.contains_key(name)
    }

    /// The step that reads a weight of an optional field under this name.
    pub fn waits(&self, name: &str) -> Option<&'a Step> {
        self.waiting.get(name).copied()
    }

    /// Opens an optional field as a local.
    pub fn open(&mut self, field: usize, local: &str) {
        self.opened.insert(field, local.to_owned());
    }

    /// Closes all optional fields.
    pub fn close(&mut self) {
        self.opened.clear();
        let waiting = &self.waiting;
        self.bound.retain(|name, _| !waiting.contains_key(name));
    }

    /// Whether a field is there in all instances, or open.
    pub fn is_there(&self, field: usize) -> bool {
        self.structure.fields[field].present.is_none() || self.opened.contains_key(&field)
    }

    /// A field, or the local as which it is open.
    pub fn own(&self, field: usize) -> Expr {
        match self.opened.get(&field) {
            Some(local) => Expr::path(local.as_str()),
            None => Expr::path("self").field(self.structure.fields[field].name.as_str()),
        }
    }

    /// Uses a path, and gives its last part; with its module, if a local of the method hides a function's name.
    pub fn using(&mut self, path: &str) -> String {
        let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
        match module.contains("::") && self.has_local(name) {
            true => {
                let file = module.rsplit("::").next().unwrap_or(module);
                self.uses.insert(module.to_owned());
                format!("{file}::{name}")
            }
            false => {
                self.uses.insert(path.to_owned());
                name.to_owned()
            }
        }
    }

    fn has_local(&self, name: &str) -> bool {
        let steps = all_steps(&self.method.body).into_iter();
        let results = steps.flat_map(|step| &step.results);
        let mut locals = results.chain(&self.method.params);
        let is_made = self.method.name.is_empty();
        let mut given = self.structure.args.iter().filter(|_| is_made);
        locals.any(|local| local.name == name) || given.any(|arg| arg.name == name)
    }

    /// Uses an item of the support code, given as `file::name`, and gives its name.
    pub fn support(&mut self, path: &str) -> String {
        self.using(&format!("support::{path}"))
    }

    /// A value that several layers of a constructor may be given: asked for once more, it is a local.
    pub fn shared(&mut self, value: Expr) -> Expr {
        match self.asked.iter_mut().find(|(asked, _)| *asked == value) {
            Some((_, count)) => *count += 1,
            None => self.asked.push((value.clone(), 1)),
        }
        match self.most_asked() {
            Some(most) if *most == value => Expr::path(SHARED),
            Some(_) | None => value,
        }
    }

    /// The value that several layers are given, if there is one.
    pub fn most_asked(&self) -> Option<&Expr> {
        let is_taken = self.structure.args.iter().any(|arg| arg.name == SHARED);
        let several = self.asked.iter().filter(|(_, count)| *count > 1);
        let most = several
            .max_by_key(|(_, count)| *count)
            .filter(|_| !is_taken);
        most.map(|(value, _)| value)
    }

    /// Forgets how often values were asked for, but which is asked for most.
    pub fn settle_asked(&mut self) {
        let most = self.most_asked().cloned();
        self.asked = most
            .into_iter()
            .map(|most| (most, usize::MAX / 2))
            .collect();
    }

    /// An extent as a `usize` expression over the method's named extents.
    pub fn extent(&self, dim: &Dim) -> Expr {
        if let Some(known) = dim.as_known() {
            return Expr::int(known);
        }
        self.named(dim).unwrap_or_else(|| self.sum(dim))
    }

    fn named(&self, dim: &Dim) -> Option<Expr> {
        let name = self.name_of(dim)?;
        self.read.borrow_mut().insert(name.to_owned());
        Some(Expr::path(name))
    }

    /// Whether every extent that statements read has a name.
    ///
    /// # Errors
    /// One that has none, which is a fault of the importer.
    pub fn check_extents(&self) -> Result<()> {
        self.unnamed.borrow().as_ref().map_or(Ok(()), |dim| {
            let (owner, method) = (&self.structure.name, &self.method.name);
            Err(Error::internal(format!(
                "`{owner}::{method}` reads the extent {dim}, which has no name"
            )))
        })
    }

    /// The name of an extent, if a statement has bound it by now.
    pub fn name_of(&self, dim: &Dim) -> Option<&str> {
        let mut extents = self.method.extents.iter();
        let (_, name) = extents.find(|(named, name)| named == dim && self.named.contains(name))?;
        Some(name)
    }

    /// Positive terms first, so that the subtraction of `usize`s cannot underflow on the way.
    fn sum(&self, dim: &Dim) -> Expr {
        let (plus, minus) = self.terms(dim);
        let plus = plus.into_iter().reduce(|a, b| a + b);
        let plus = plus.unwrap_or_else(|| Expr::int(0));
        minus.into_iter().fold(plus, |sum, term| sum - term)
    }

    /// The terms that are added, and those that are subtracted.
    fn terms(&self, dim: &Dim) -> (Vec<Expr>, Vec<Expr>) {
        let (mut plus, mut minus) = (vec![], vec![]);
        for (atoms, coefficient) in dim.terms() {
            let flips = atoms.iter().filter(|atom| is_flipped(atom)).count();
            let is_negative = (coefficient < 0) != (flips % 2 == 1);
            let side = if is_negative { &mut minus } else { &mut plus };
            side.push(self.product(atoms, coefficient.abs()));
        }
        (plus, minus)
    }

    fn product(&self, atoms: &[Atom], coefficient: i64) -> Expr {
        let factors = atoms.iter().map(|atom| self.atom(atom));
        let number = (coefficient != 1 || atoms.is_empty()).then(|| Expr::int(coefficient));
        factors
            .chain(number)
            .reduce(|a, b| a * b)
            .unwrap_or_else(|| Expr::int(1))
    }

    fn atom(&self, atom: &Atom) -> Expr {
        match atom {
            Atom::Symbol(symbol) => {
                let dim = Dim::symbol(*symbol);
                self.named(&dim).unwrap_or_else(|| {
                    self.unnamed.replace(Some(dim));
                    Expr::int(0)
                })
            }
            Atom::Quotient(a, b) => self.quotient(a, b),
            Atom::Max(members) => self.largest(members),
            Atom::Min(members) => self.chosen("min", members, |member| self.extent(member)),
        }
    }

    /// An extent is not negative, so beside a number no member need be, not even on the way.
    fn largest(&self, members: &[Dim]) -> Expr {
        let has_number = members.iter().any(|member| member.as_known().is_some());
        let is_said = |member: &&Dim| member.as_known().is_none_or(|number| number > 0);
        self.chosen(
            "max",
            members.iter().filter(is_said),
            |member| match has_number {
                true => self.at_least_zero(member),
                false => self.extent(member),
            },
        )
    }

    /// `batch.max(length).max(1)`: a number comes last, since a literal alone has no type to call a method of.
    fn chosen<'d>(
        &self,
        method: &str,
        members: impl IntoIterator<Item = &'d Dim>,
        spell: impl Fn(&Dim) -> Expr,
    ) -> Expr {
        let (numbers, others): (Vec<&Dim>, Vec<&Dim>) = members
            .into_iter()
            .partition(|member| member.as_known().is_some());
        let spelt = others.into_iter().chain(numbers).map(spell);
        spelt
            .reduce(|a, b| a.call_method(method, [b]))
            .unwrap_or_else(|| Expr::int(0))
    }

    fn at_least_zero(&self, dim: &Dim) -> Expr {
        let (plus, minus) = self.terms(dim);
        let sum = |terms: Vec<Expr>| terms.into_iter().reduce(|a, b| a + b);
        match (self.name_of(dim), sum(plus), sum(minus)) {
            (None, Some(plus), Some(minus)) => {
                let number = plus.to_string().parse::<u64>();
                let plus = number.map_or(plus, |number| Expr::literal(format!("{number}usize")));
                plus.call_method("saturating_sub", [minus])
            }
            (_, _, _) => self.extent(dim),
        }
    }

    /// `(n + d - 1) / d` is `n.div_ceil(d)`; so is `-n / d`, but for its sign, which [`is_flipped`] tells.
    fn quotient(&self, a: &Dim, b: &Dim) -> Expr {
        if is_negative(a) {
            let a = Dim::known(0) - a.clone();
            return self.extent(&a).call_method("div_ceil", [self.extent(b)]);
        }
        match before_rounding_up(a, b) {
            Some(numerator) => self
                .extent(&numerator)
                .call_method("div_ceil", [self.extent(b)]),
            None => self.extent(a) / self.extent(b),
        }
    }
}

/// The support code's function for an attention.
pub fn attention(masking: Masking) -> &'static str {
    match masking {
        Masking::None => "attention::attention",
        Masking::Added => "attention::biased_attention",
        Masking::Kept => "attention::masked_attention",
    }
}

/// `1.0 / 64f64.sqrt()`, if the scale is that of heads of this size.
pub fn attention_scale(scale: f64, args: &[Arg]) -> Expr {
    let size = args.first().and_then(|q| q.ty.dims().last()?.as_usize());
    let usual = size.map(|size| (size, 1.0 / (size as f64).sqrt()));
    match usual {
        Some((size, usual)) if (scale - usual).abs() <= 1e-6 * usual && scale != 1.0 => {
            let root = Expr::literal(format!("{size}f64")).call_method("sqrt", []);
            Expr::f64(1.0) / root
        }
        _ => Expr::f64((scale as f32).to_string().parse().unwrap_or(scale)),
    }
}

/// A constant's numbers as literals of an element type, row-major.
pub fn literals(value: &Tensor) -> Vec<Expr> {
    let float = |number: f64| match value.dtype() {
        DType::F64 => Expr::f64(number),
        _ => Expr::f32(number as f32),
    };
    match value.as_integers() {
        Some(numbers) => numbers.into_iter().map(Expr::int).collect(),
        None => value
            .as_floats()
            .unwrap_or_default()
            .into_iter()
            .map(float)
            .collect(),
    }
}

/// The support code's function for linear algebra, and the flag that it takes.
pub fn linear(op: Linear) -> (&'static str, Option<bool>) {
    match op {
        Linear::Inverse => ("linalg::inverse", None),
        Linear::Solve => ("linalg::solve", None),
        Linear::TriangularSolve { lower } => ("linalg::triangular_solve", Some(lower)),
        Linear::Cholesky => ("linalg::cholesky", None),
        Linear::Determinant => ("linalg::determinant", None),
        Linear::LogDeterminant => ("linalg::log_determinant", None),
        Linear::Qr { full } => ("linalg::qr", Some(full)),
        Linear::Eigen => ("linalg::eigen", None),
        Linear::Svd { full } => ("linalg::svd", Some(full)),
        Linear::Lu => ("linalg::lu", None),
    }
}

/// The support code's function for a Fourier transform.
pub fn fourier(fourier: &Fourier) -> &'static str {
    match fourier {
        Fourier::Forward => "fourier::fft",
        Fourier::Inverse => "fourier::ifft",
        Fourier::OfReal => "fourier::rfft",
        Fourier::ToReal(_) => "fourier::irfft",
    }
}

/// The support code's special function.
pub fn special(function: Special) -> &'static str {
    match function {
        Special::Ndtri => "special::ndtri",
        Special::BesselI0 => "special::bessel_i0",
        Special::BesselI1 => "special::bessel_i1",
        Special::BesselI0e => "special::bessel_i0e",
        Special::BesselI1e => "special::bessel_i1e",
        Special::Igamma => "special::igamma",
        Special::Igammac => "special::igammac",
        Special::Zeta => "special::zeta",
        Special::Polygamma => "special::polygamma",
        Special::Betainc => "special::betainc",
    }
}
