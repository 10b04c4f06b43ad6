//! What the axes of a method's values are called: in its comments, its documentation and its body.

use crate::ir::{Atom, Dim, Shape, Type};

/// The names of extents that are not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axes(Vec<(Dim, String)>);

/// A longer expression over names says less than none.
const MAX_LENGTH: usize = 24;

impl Axes {
    /// Names for the unknown extents of a method's arguments, each after the first axis that has it; where two axes are
    /// called alike, the names of the arguments tell them apart.
    pub fn named(inputs: &[Type], names: &[String]) -> Self {
        let mut axes = Axes::default();
        for (input, ty) in inputs.iter().enumerate() {
            for (axis, dim) in ty.dims().iter().enumerate() {
                if dim.as_known().is_none() && axes.expression(dim).is_none() {
                    let name = axes.free(&usual_name(ty, axis), names.get(input));
                    axes.0.push((dim.clone(), name));
                }
            }
        }
        axes
    }

    /// The name of an extent, if it has one of its own.
    pub fn name(&self, dim: &Dim) -> Option<&str> {
        let (_, name) = self.0.iter().find(|(named, _)| named == dim)?;
        Some(name)
    }

    /// An extent for a reader: a number, a name, an expression over names, or `_`.
    pub fn spelt(&self, dim: &Dim) -> String {
        let text = self.expression(dim);
        let text = text.filter(|text| text.chars().count() <= MAX_LENGTH);
        text.unwrap_or_else(|| "_".to_owned())
    }

    /// A shape for a reader: `[batch, 28, 28, 1]`.
    pub fn shape(&self, ty: &Type) -> String {
        let dims: Vec<String> = ty.dims().iter().map(|dim| self.spelt(dim)).collect();
        format!("[{}]", dims.join(", "))
    }

    /// Element type, as the framework calls it, and shape for a reader.
    pub fn described(&self, ty: &Type, dtype: &str) -> String {
        match &ty.shape {
            Shape::Unranked => format!("`{dtype}` of any shape."),
            Shape::Ranked(_) => format!("`{dtype}` `{}`.", self.shape(ty)),
        }
    }

    /// `length`, or `encoder_length` where that is the length of something else.
    fn free(&self, name: &str, argument: Option<&String>) -> String {
        let is_free = |name: &String| self.0.iter().all(|(_, other)| other != name);
        let word = argument.and_then(|argument| argument.split('_').next());
        let of_argument = word.into_iter().chain(argument.map(String::as_str));
        let of_argument =
            of_argument.map(|argument| format!("{}_{name}", argument.trim_end_matches('_')));
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.to_owned())
            .chain(of_argument)
            .chain(numbered);
        names.find(is_free).unwrap_or_default()
    }

    fn expression(&self, dim: &Dim) -> Option<String> {
        match (self.name(dim), dim.as_known()) {
            (Some(name), _) => Some(name.to_owned()),
            (None, Some(known)) => Some(known.to_string()),
            (None, None) => self.sum(dim),
        }
    }

    fn sum(&self, dim: &Dim) -> Option<String> {
        let (mut plus, mut minus) = (vec![], vec![]);
        for (atoms, coefficient) in dim.terms() {
            let flips = atoms.iter().filter(|atom| is_flipped(atom)).count();
            let is_negative = (coefficient < 0) != (flips % 2 == 1);
            let side = if is_negative { &mut minus } else { &mut plus };
            side.push(self.product(atoms, coefficient.abs())?);
        }
        let terms = std::iter::once(plus.join(" + ")).chain(minus);
        (!plus.is_empty()).then(|| terms.collect::<Vec<_>>().join(" - "))
    }

    fn product(&self, atoms: &[Atom], coefficient: i64) -> Option<String> {
        let number = (coefficient != 1 || atoms.is_empty()).then(|| coefficient.to_string());
        let factors = atoms.iter().map(|atom| self.atom(atom));
        let factors = factors.collect::<Option<Vec<_>>>()?.into_iter();
        Some(
            number
                .into_iter()
                .chain(factors)
                .collect::<Vec<_>>()
                .join(" * "),
        )
    }

    fn atom(&self, atom: &Atom) -> Option<String> {
        match atom {
            Atom::Symbol(symbol) => Some(self.name(&Dim::symbol(*symbol))?.to_owned()),
            Atom::Quotient(a, b) if is_negative(a) => {
                let a = Dim::known(0) - a.clone();
                Some(format!("⌈{} / {}⌉", self.grouped(&a)?, self.grouped(b)?))
            }
            Atom::Quotient(a, b) => match before_rounding_up(a, b) {
                Some(a) => Some(format!("⌈{} / {}⌉", self.grouped(&a)?, self.grouped(b)?)),
                None => Some(format!("⌊{} / {}⌋", self.grouped(a)?, self.grouped(b)?)),
            },
            Atom::Max(members) => self.chosen("max", members),
            Atom::Min(members) => self.chosen("min", members),
        }
    }

    /// `max(batch, length)`; that an extent is not negative needs no word.
    fn chosen(&self, function: &str, members: &[Dim]) -> Option<String> {
        let members = members
            .iter()
            .filter(|member| function == "min" || !member.is(0))
            .map(|member| self.expression(member))
            .collect::<Option<Vec<_>>>()?;
        Some(match members.as_slice() {
            [one] => one.clone(),
            _ => format!("{function}({})", members.join(", ")),
        })
    }

    fn grouped(&self, dim: &Dim) -> Option<String> {
        let text = self.expression(dim)?;
        Some(match text.contains(' ') {
            true => format!("({text})"),
            false => text,
        })
    }
}

/// `n` of `(n + d - 1) / d`, which is `n / d` rounded up.
pub fn before_rounding_up(a: &Dim, b: &Dim) -> Option<Dim> {
    let divisor = b.as_known().filter(|&divisor| divisor > 1)?;
    let constant = a.terms().find(|(atoms, _)| atoms.is_empty());
    let (_, constant) = constant.filter(|(_, constant)| *constant == divisor - 1)?;
    let numerator = a.clone() - Dim::known(constant);
    numerator.as_known().is_none().then_some(numerator)
}

/// Whether all terms of an extent are negative.
pub fn is_negative(dim: &Dim) -> bool {
    dim.terms().next().is_some() && dim.terms().all(|(_, coefficient)| coefficient < 0)
}

/// Whether an atom is spelt without its sign: a quotient of a negative extent, rounded down, is one rounded up.
pub fn is_flipped(atom: &Atom) -> bool {
    match atom {
        Atom::Quotient(a, _) => is_negative(a),
        Atom::Symbol(_) | Atom::Max(_) | Atom::Min(_) => false,
    }
}

/// What an axis is usually called.
pub fn usual_name(ty: &Type, axis: usize) -> String {
    let first = usize::from(has_channels_first(ty));
    let name = match (ty.rank().unwrap_or(0), axis.checked_sub(first)) {
        (_, _) if axis == 0 => "batch",
        (2 | 3, Some(1)) => "length",
        (4, Some(1)) => "height",
        (4, Some(2)) => "width",
        (3 | 4, Some(0 | 3)) => "channels",
        (3, Some(2)) => "channels",
        _ => return format!("size_{axis}"),
    };
    name.to_owned()
}

/// Whether the axes after the batch look like channels and then space: unlike the others, or the only known one.
fn has_channels_first(ty: &Type) -> bool {
    let is_known = |dim: &Dim| dim.as_known().is_some();
    match ty.dims() {
        [_, channels, length] => is_known(channels) && !is_known(length),
        [_, channels, height, width] => {
            is_known(channels) && !is_known(width) || height == width && channels != height
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{DType, Symbol};

    fn symbol(number: u32) -> Dim {
        Dim::symbol(Symbol(number))
    }

    #[track_caller]
    fn check(dims: &[Dim], expect: &str) {
        let input = Type::new(DType::I64, vec![symbol(0), symbol(1)]);
        let axes = Axes::named(&[input], &[]);
        assert_eq!(axes.shape(&Type::new(DType::F32, dims.to_vec())), expect);
    }

    #[test]
    fn a_shape_names_the_axes_of_the_arguments() {
        check(&[symbol(0), symbol(1), Dim::known(8)], "[batch, length, 8]");
        check(
            &[symbol(0) * Dim::known(2), symbol(1) - Dim::known(1)],
            "[2 * batch, length - 1]",
        );
    }

    #[test]
    fn a_quotient_says_how_it_is_rounded() {
        let half = symbol(1).div_ceil(2).expect("a quotient");
        check(&[half], "[⌈length / 2⌉]");
    }

    #[test]
    fn channels_may_come_before_space() {
        let input = Type::new(
            DType::F32,
            vec![symbol(0), Dim::known(3), symbol(1), symbol(2)],
        );
        let axes = Axes::named(std::slice::from_ref(&input), &[]);
        assert_eq!(axes.shape(&input), "[batch, 3, height, width]");
    }

    #[test]
    fn what_no_argument_has_has_no_name() {
        check(&[symbol(7)], "[_]");
    }
}
