//! Symbolic extents: integer polynomials over the free dimensions of a function.
//!
//! A [`Dim`] is kept in a normal form, so that two extents which are equal for every input compare equal in
//! almost all cases: a sum of monomials with integer coefficients, where a monomial is a sorted product of
//! [`Atom`]s. Division rounds towards negative infinity and takes whole multiples out of the quotient. The larger of
//! two extents is a flat set, however often they have met.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Mul, Sub};

/// A free dimension of a function: an unknown extent of an argument, or of a result that depends on data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

impl Symbol {
    /// The symbols of extents that only the data tells; unlike an argument's extents they may be zero.
    const OF_DATA: u32 = 1 << 31;

    /// The symbol of this number, for an extent that only the data tells.
    pub(super) fn of_data(number: u32) -> Self {
        Symbol(number | Symbol::OF_DATA)
    }

    /// Its number, whatever it is an extent of.
    pub fn number(self) -> u32 {
        self.0 & !Symbol::OF_DATA
    }

    /// The least extent that it may stand for.
    pub fn least(self) -> i64 {
        i64::from(self.0 < Symbol::OF_DATA)
    }
}

/// How many numbers and symbols an extent may be spelt with.
const BUDGET: usize = 128;

/// A factor of a monomial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    /// A free dimension.
    Symbol(Symbol),
    /// `floor(numerator / denominator)`.
    Quotient(Dim, Dim),
    /// The largest of several extents: see [`Dim::larger`].
    Max(Vec<Dim>),
    /// The smallest of several extents: see [`Dim::smaller`].
    Min(Vec<Dim>),
}

/// An extent: a polynomial with integer coefficients over [`Atom`]s.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dim {
    /// Coefficients by monomial, never zero; the empty monomial is the constant term.
    terms: BTreeMap<Vec<Atom>, i64>,
}

impl Dim {
    /// A constant.
    pub fn known(value: i64) -> Self {
        let terms = if value == 0 {
            BTreeMap::new()
        } else {
            BTreeMap::from([(vec![], value)])
        };
        Dim { terms }
    }

    /// A free dimension.
    pub fn symbol(symbol: Symbol) -> Self {
        Dim::atom(Atom::Symbol(symbol))
    }

    fn atom(atom: Atom) -> Self {
        Dim {
            terms: BTreeMap::from([(vec![atom], 1)]),
        }
    }

    /// The value, if it is the same for every input.
    pub fn as_known(&self) -> Option<i64> {
        match self.terms.len() {
            0 => Some(0),
            1 => self.terms.get(&[][..]).copied(),
            _ => None,
        }
    }

    /// The value as an extent, if it is known and not negative.
    pub fn as_usize(&self) -> Option<usize> {
        self.as_known().and_then(|n| usize::try_from(n).ok())
    }

    /// Whether the extent is the constant `value`.
    pub fn is(&self, value: i64) -> bool {
        self.as_known() == Some(value)
    }

    /// The symbol, if the extent is exactly one free dimension.
    pub fn as_symbol(&self) -> Option<Symbol> {
        match self.as_atom()? {
            Atom::Symbol(symbol) => Some(*symbol),
            Atom::Quotient(..) | Atom::Max(_) | Atom::Min(_) => None,
        }
    }

    /// The atom, if the extent is exactly one.
    fn as_atom(&self) -> Option<&Atom> {
        let (monomial, coefficient) = self.terms.iter().next()?;
        match monomial.as_slice() {
            [atom] => (*coefficient == 1 && self.terms.len() == 1).then_some(atom),
            _ => None,
        }
    }

    /// The monomials and their coefficients, constant term first.
    pub fn terms(&self) -> impl Iterator<Item = (&[Atom], i64)> {
        self.terms
            .iter()
            .map(|(monomial, coefficient)| (monomial.as_slice(), *coefficient))
    }

    /// `floor(self / divisor)`; `None` for a zero divisor.
    pub fn div_floor(&self, divisor: &Dim) -> Option<Dim> {
        if let (Some(a), Some(b)) = (self.as_known(), divisor.as_known()) {
            return (b != 0)
                .then(|| Dim::known(a.div_euclid(b) - i64::from(b < 0 && a.rem_euclid(b) != 0)));
        }
        if let Some(exact) = self.divide_exactly(divisor) {
            return Some(exact);
        }
        match divisor.as_known() {
            Some(0) => None,
            Some(b) => Some(self.divide_by_constant(b)),
            None => Some(Dim::atom(Atom::Quotient(self.clone(), divisor.clone()))),
        }
    }

    /// `ceil(self / divisor)`, for a positive divisor.
    pub fn div_ceil(&self, divisor: i64) -> Option<Dim> {
        (self.clone() + Dim::known(divisor - 1)).div_floor(&Dim::known(divisor))
    }

    /// The larger of two extents: one of them, or a sorted set of extents of which none is known to exceed another.
    pub fn larger(&self, other: &Dim) -> Dim {
        let members = self.maxima().iter().chain(other.maxima());
        extreme(members, Dim::at_least, Atom::Max)
    }

    /// The smaller of two extents, in the form that [`Dim::larger`] has.
    pub fn smaller(&self, other: &Dim) -> Dim {
        let members = self.minima().iter().chain(other.minima());
        extreme(members, |a, b| b.at_least(a), Atom::Min)
    }

    /// The extents that this is the largest of; if it is no such set, itself.
    fn maxima(&self) -> &[Dim] {
        match self.as_atom() {
            Some(Atom::Max(members)) => members,
            Some(Atom::Symbol(_) | Atom::Quotient(..) | Atom::Min(_)) | None => {
                std::slice::from_ref(self)
            }
        }
    }

    /// The extents that this is the smallest of; if it is no such set, itself.
    fn minima(&self) -> &[Dim] {
        match self.as_atom() {
            Some(Atom::Min(members)) => members,
            Some(Atom::Symbol(_) | Atom::Quotient(..) | Atom::Max(_)) | None => {
                std::slice::from_ref(self)
            }
        }
    }

    /// Whether it is another extent plus a constant that is not negative.
    fn at_least(&self, other: &Dim) -> bool {
        (self.clone() - other.clone())
            .as_known()
            .is_some_and(|difference| difference >= 0)
    }

    /// Whether it is short enough to be spelt. A longer one takes a symbol of its own, so that what is made of
    /// it again and again stays short.
    pub fn is_short(&self) -> bool {
        self.weight(BUDGET) <= BUDGET
    }

    /// How many numbers and symbols it is spelt with; counting stops soon after `limit`.
    fn weight(&self, limit: usize) -> usize {
        let mut sum = 0;
        for monomial in self.terms.keys() {
            sum += 1;
            for atom in monomial {
                sum += atom.weight(limit.saturating_sub(sum));
            }
            if sum > limit {
                break;
            }
        }
        sum
    }

    /// The quotient, if `divisor` is one term that divides every term of `self`.
    fn divide_exactly(&self, divisor: &Dim) -> Option<Dim> {
        if self == divisor {
            return Some(Dim::known(1));
        }
        let (factors, coefficient) = match divisor.terms.iter().next() {
            Some((factors, coefficient)) if divisor.terms.len() == 1 => (factors, *coefficient),
            _ => return None,
        };
        let mut terms = BTreeMap::new();
        for (monomial, c) in &self.terms {
            if c % coefficient != 0 {
                return None;
            }
            let mut rest = monomial.clone();
            for factor in factors {
                let at = rest.iter().position(|atom| atom == factor)?;
                rest.remove(at);
            }
            terms.insert(rest, c / coefficient);
        }
        Some(Dim { terms })
    }

    /// Whole multiples of `divisor` leave the quotient: `floor((4n + 3) / 2) = 2n + floor(3 / 2)`.
    fn divide_by_constant(&self, divisor: i64) -> Dim {
        let mut whole = BTreeMap::new();
        let mut rest = BTreeMap::new();
        for (monomial, coefficient) in &self.terms {
            let target = if coefficient % divisor == 0 {
                &mut whole
            } else {
                &mut rest
            };
            let value = if coefficient % divisor == 0 {
                coefficient / divisor
            } else {
                *coefficient
            };
            target.insert(monomial.clone(), value);
        }
        let rest = Dim { terms: rest };
        let quotient = match rest.as_known() {
            Some(r) => Dim::known(r.div_euclid(divisor)),
            None => rest.nested_quotient(divisor),
        };
        Dim { terms: whole } + quotient
    }

    /// `floor((floor(a / b) + c) / d) = floor((a + b c) / (b d))` for positive constants `b` and `d`.
    fn nested_quotient(self, divisor: i64) -> Dim {
        let constant = self.terms.get(&[][..]).copied().unwrap_or(0);
        let atoms: Vec<_> = self
            .terms
            .iter()
            .filter(|(monomial, _)| !monomial.is_empty())
            .collect();
        if let [(monomial, 1)] = atoms.as_slice()
            && let [Atom::Quotient(a, b)] = monomial.as_slice()
            && let Some(inner) = b.as_known()
            && inner > 0
            && divisor > 0
        {
            let numerator = a.clone() + Dim::known(inner * constant);
            return numerator.divide_by_constant(inner * divisor);
        }
        Dim::atom(Atom::Quotient(self, Dim::known(divisor)))
    }

    /// Calls `visit` for every symbol in the expression.
    pub fn visit_symbols(&self, visit: &mut impl FnMut(Symbol)) {
        for atom in self.terms.keys().flatten() {
            match atom {
                Atom::Symbol(symbol) => visit(*symbol),
                Atom::Quotient(a, b) => {
                    a.visit_symbols(visit);
                    b.visit_symbols(visit);
                }
                Atom::Max(members) | Atom::Min(members) => {
                    members.iter().for_each(|dim| dim.visit_symbols(visit));
                }
            }
        }
    }

    /// The extent with every symbol replaced.
    pub fn substitute(&self, replace: &impl Fn(Symbol) -> Dim) -> Dim {
        let mut sum = Dim::known(0);
        for (monomial, coefficient) in &self.terms {
            let mut product = Dim::known(*coefficient);
            for atom in monomial {
                product = product * atom.substitute(replace);
            }
            sum = sum + product;
        }
        sum
    }
}

impl Atom {
    fn substitute(&self, replace: &impl Fn(Symbol) -> Dim) -> Dim {
        match self {
            Atom::Symbol(symbol) => replace(*symbol),
            Atom::Quotient(a, b) => {
                let (a, b) = (a.substitute(replace), b.substitute(replace));
                a.div_floor(&b)
                    .unwrap_or_else(|| Dim::atom(Atom::Quotient(a, b)))
            }
            Atom::Max(members) => merged(members, replace, Dim::larger),
            Atom::Min(members) => merged(members, replace, Dim::smaller),
        }
    }

    fn weight(&self, limit: usize) -> usize {
        match self {
            Atom::Symbol(_) => 1,
            Atom::Quotient(a, b) => a.weight(limit) + b.weight(limit),
            Atom::Max(members) | Atom::Min(members) => {
                members.iter().map(|dim| dim.weight(limit)).sum()
            }
        }
    }
}

/// The member that exceeds all others, if one is known to, or else those that none exceeds.
fn extreme<'a>(
    members: impl Iterator<Item = &'a Dim>,
    exceeds: impl Fn(&Dim, &Dim) -> bool,
    atom: impl Fn(Vec<Dim>) -> Atom,
) -> Dim {
    let mut kept: Vec<Dim> = vec![];
    for member in members {
        if kept.iter().any(|other| exceeds(other, member)) {
            continue;
        }
        kept.retain(|other| !exceeds(member, other));
        kept.push(member.clone());
    }
    kept.sort();
    match kept.as_slice() {
        [one] => one.clone(),
        _ => Dim::atom(atom(kept)),
    }
}

fn merged(
    members: &[Dim],
    replace: &impl Fn(Symbol) -> Dim,
    merge: impl Fn(&Dim, &Dim) -> Dim,
) -> Dim {
    let members = members.iter().map(|dim| dim.substitute(replace));
    members
        .reduce(|a, b| merge(&a, &b))
        .unwrap_or_else(|| Dim::known(0))
}

impl From<usize> for Dim {
    fn from(value: usize) -> Self {
        Dim::known(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl Add for Dim {
    type Output = Dim;
    fn add(mut self, other: Dim) -> Dim {
        for (monomial, coefficient) in other.terms {
            let sum = self
                .terms
                .get(&monomial)
                .copied()
                .unwrap_or(0)
                .saturating_add(coefficient);
            match sum {
                0 => self.terms.remove(&monomial),
                _ => self.terms.insert(monomial, sum),
            };
        }
        self
    }
}

impl Sub for Dim {
    type Output = Dim;
    fn sub(self, other: Dim) -> Dim {
        self + other * Dim::known(-1)
    }
}

impl Mul for Dim {
    type Output = Dim;
    fn mul(self, other: Dim) -> Dim {
        let pairs = self
            .terms
            .iter()
            .flat_map(|a| other.terms.iter().map(move |b| (a, b)));
        let products = pairs.map(|((a, x), (b, y))| {
            let mut monomial = [a.as_slice(), b.as_slice()].concat();
            monomial.sort();
            Dim {
                terms: BTreeMap::from([(monomial, x.saturating_mul(*y))]),
            }
        });
        products.fold(Dim::known(0), Add::add)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.terms.is_empty() {
            return f.write_str("0");
        }
        for (i, (monomial, coefficient)) in self.terms.iter().rev().enumerate() {
            if i > 0 {
                f.write_str(" + ")?;
            }
            if *coefficient != 1 || monomial.is_empty() {
                write!(
                    f,
                    "{coefficient}{}",
                    if monomial.is_empty() { "" } else { "*" }
                )?;
            }
            let factors: Vec<String> = monomial.iter().map(Atom::to_string).collect();
            f.write_str(&factors.join("*"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Symbol {
    /// `s0` for an argument's extent, `d0` for one that only the data tells.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.least() == 0 { 'd' } else { 's' };
        write!(f, "{kind}{}", self.number())
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Atom::Symbol(symbol) => write!(f, "{symbol:?}"),
            Atom::Quotient(a, b) => write!(f, "floor(({a}) / ({b}))"),
            Atom::Max(members) => write!(f, "max({})", listed(members)),
            Atom::Min(members) => write!(f, "min({})", listed(members)),
        }
    }
}

fn listed(members: &[Dim]) -> String {
    let members: Vec<String> = members.iter().map(Dim::to_string).collect();
    members.join(", ")
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n() -> Dim {
        Dim::symbol(Symbol(0))
    }

    #[test]
    fn equal_extents_compare_equal() {
        let flat = n() * Dim::known(49) * Dim::known(64);
        assert_eq!(flat.div_floor(&Dim::known(49 * 64)), Some(n()));
        assert_eq!(flat.div_floor(&n()), Some(Dim::known(3136)));
        assert_eq!(n() + Dim::known(1) - n(), Dim::known(1));
    }

    #[test]
    fn whole_multiples_leave_a_quotient() {
        let odd = n() * Dim::known(2) + Dim::known(1);
        assert_eq!(odd.div_floor(&Dim::known(2)), Some(n()));
        assert_eq!(n().div_ceil(2).unwrap().div_ceil(2), n().div_ceil(4));
    }

    #[test]
    fn division_rounds_down() {
        assert_eq!(
            Dim::known(-3).div_floor(&Dim::known(2)),
            Some(Dim::known(-2))
        );
        assert_eq!(
            Dim::known(3).div_floor(&Dim::known(-2)),
            Some(Dim::known(-2))
        );
        assert_eq!(Dim::known(3).div_floor(&Dim::known(0)), None);
    }

    #[test]
    fn the_larger_of_comparable_extents_is_known() {
        assert_eq!(n().larger(&(n() + Dim::known(2))), n() + Dim::known(2));
        assert_eq!(n().smaller(&(n() + Dim::known(2))), n());
    }

    #[test]
    fn extents_that_meet_again_and_again_are_one_set() {
        let (a, b, c) = (n(), Dim::symbol(Symbol(1)), Dim::symbol(Symbol(2)));
        let mut met = a.clone();
        for other in std::iter::repeat_n([&b, &c, &a], 100).flatten() {
            met = met.larger(other).larger(&met);
        }
        assert_eq!(met.to_string(), "max(s0, s1, s2)");
        assert_eq!(met, c.larger(&b.larger(&a)));
        assert_eq!(
            a.smaller(&c).smaller(&b.smaller(&a)).to_string(),
            "min(s0, s1, s2)"
        );
    }

    #[test]
    fn a_member_that_is_exceeded_leaves_the_set() {
        let (a, b) = (n(), Dim::symbol(Symbol(1)));
        let more = a.clone() + Dim::known(1);
        assert_eq!(a.larger(&b).larger(&more), b.larger(&more));
        assert_eq!(a.smaller(&b).smaller(&more), b.smaller(&a));
        let value = a
            .larger(&b)
            .larger(&Dim::known(3))
            .substitute(&|_| Dim::known(2));
        assert_eq!(value, Dim::known(3));
    }

    #[test]
    fn a_long_extent_is_told_from_a_short_one() {
        let half = |dim: Dim| dim.div_floor(&n()).expect("a divisor");
        let mut dim = n() + Dim::known(1);
        assert!(dim.is_short());
        for _ in 0..100 {
            dim = half(dim) + Dim::symbol(Symbol(1));
        }
        assert!(!dim.is_short());
    }
}
