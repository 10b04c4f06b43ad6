//! How a tensor's axes become another tensor's axes, in the notation of einops.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::permute::permute;
use crate::{Error, Result};

/// A rearrangement of axes: `hwio->oihw` permutes, `hwim->(im)1hw` merges two axes and adds one of size 1,
/// `(hk)d->hdk, h=8` splits an axis. A letter is an axis, parentheses hold merged axes, the first of them
/// the outer one, and sizes that the shape does not tell follow after commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) from: Vec<Axis>,
    pub(super) to: Vec<Axis>,
    sizes: BTreeMap<char, usize>,
}

/// The letters merged in one axis; none for an axis of size 1.
type Axis = Vec<char>;

impl Layout {
    /// Reads the notation. Each letter stands once on each side.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.split(',');
        let axes = parts.next().unwrap_or_default();
        let (from, to) = axes
            .split_once("->")
            .ok_or_else(|| bad(text, "it has no `->`"))?;
        let layout = Layout {
            from: parse_axes(from).map_err(|why| bad(text, &why))?,
            to: parse_axes(to).map_err(|why| bad(text, &why))?,
            sizes: parts
                .map(parse_size)
                .collect::<Result<_, _>>()
                .map_err(|why| bad(text, &why))?,
        };
        layout.check_letters().map_err(|why| bad(text, &why))?;
        Ok(layout)
    }

    /// The layout of `rank` axes that stay as they are.
    pub fn identity(rank: usize) -> Self {
        let letters = ('a'..='z').chain('A'..='Z').chain('\u{3b1}'..);
        let axes: Vec<Axis> = letters.take(rank).map(|letter| vec![letter]).collect();
        Layout {
            from: axes.clone(),
            to: axes,
            sizes: BTreeMap::new(),
        }
    }

    /// Whether shape and bytes stay the same.
    pub fn is_identity(&self) -> bool {
        self.from == self.to
    }

    /// The shape that `shape` becomes.
    pub fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let sizes = self.letter_sizes(shape)?;
        let product = |axis: &Axis| axis.iter().map(|letter| sizes[letter]).product();
        Ok(self.to.iter().map(product).collect())
    }

    /// The rearranged bytes of a tensor of `shape` with `element` bytes per value.
    pub fn apply(&self, shape: &[usize], bytes: &[u8], element: usize) -> Result<Vec<u8>> {
        let sizes = self.letter_sizes(shape)?;
        let from: Vec<char> = self.from.iter().flatten().copied().collect();
        let dims: Vec<usize> = from.iter().map(|letter| sizes[letter]).collect();
        let count = dims.iter().product::<usize>() * element;
        if bytes.len() != count {
            let have = bytes.len();
            return Err(Error::malformed(format!(
                "a tensor of shape {shape:?} takes {count} bytes and has {have}"
            )));
        }
        permute(&dims, &self.order(&from), bytes, element)
    }

    /// The way back for a tensor that had `shape` before.
    pub fn reverse(&self, shape: &[usize]) -> Result<Layout> {
        Ok(Layout {
            from: self.to.clone(),
            to: self.from.clone(),
            sizes: self.letter_sizes(shape)?,
        })
    }

    /// For each letter of the output, its place in the input.
    fn order(&self, from: &[char]) -> Vec<usize> {
        let place = |letter| from.iter().position(|other| other == letter);
        self.to.iter().flatten().filter_map(place).collect()
    }

    fn check_letters(&self) -> Result<(), String> {
        let sorted = |axes: &[Axis]| {
            let mut letters: Vec<char> = axes.iter().flatten().copied().collect();
            letters.sort_unstable();
            letters
        };
        let (from, to) = (sorted(&self.from), sorted(&self.to));
        if from.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a letter stands twice".into());
        }
        match from == to {
            true => Ok(()),
            false => Err("the two sides have different letters".into()),
        }
    }

    /// The size of each letter, for a tensor of this shape.
    pub(super) fn letter_sizes(&self, shape: &[usize]) -> Result<BTreeMap<char, usize>> {
        let misfit = || Error::malformed(format!("shape {shape:?} does not fit layout `{self}`"));
        if shape.len() != self.from.len() {
            return Err(misfit());
        }
        let mut sizes = self.sizes.clone();
        for (axis, &size) in self.from.iter().zip(shape) {
            let unknown: Vec<char> = axis
                .iter()
                .copied()
                .filter(|letter| !self.sizes.contains_key(letter))
                .collect();
            let known: usize = axis.iter().filter_map(|l| self.sizes.get(l)).product();
            match unknown[..] {
                [] if known == size => {}
                [letter] if known > 0 && size % known == 0 => {
                    sizes.insert(letter, size / known);
                }
                [] | [_] | [_, _, ..] => return Err(misfit()),
            }
        }
        Ok(sizes)
    }
}

fn bad(text: &str, why: &str) -> Error {
    Error::usage(format!("`{text}` is not a layout: {why}"))
}

fn parse_axes(text: &str) -> Result<Vec<Axis>, String> {
    let mut axes = Vec::new();
    let mut group: Option<Axis> = None;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        match (c, &mut group) {
            ('(', None) => group = Some(Vec::new()),
            (')', Some(axis)) => {
                axes.push(std::mem::take(axis));
                group = None;
            }
            ('1', None) => axes.push(Vec::new()),
            (c, Some(axis)) if c.is_alphabetic() => axis.push(c),
            (c, None) if c.is_alphabetic() => axes.push(vec![c]),
            (c, _) => return Err(format!("`{c}` is out of place")),
        }
    }
    match group {
        None => Ok(axes),
        Some(_) => Err("a parenthesis is open".into()),
    }
}

fn parse_size(text: &str) -> Result<(char, usize), String> {
    let fail = || format!("`{text}` is not a size such as `h=8`");
    let (letter, size) = text.trim().split_once('=').ok_or_else(fail)?;
    let mut letters = letter.trim().chars();
    match (letters.next(), letters.next(), size.trim().parse()) {
        (Some(letter), None, Ok(size)) => Ok((letter, size)),
        (_, _, _) => Err(fail()),
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_axes(f, &self.from)?;
        f.write_str("->")?;
        write_axes(f, &self.to)?;
        for (letter, size) in &self.sizes {
            write!(f, ", {letter}={size}")?;
        }
        Ok(())
    }
}

fn write_axes(f: &mut fmt::Formatter<'_>, axes: &[Axis]) -> fmt::Result {
    for axis in axes {
        match &axis[..] {
            [] => f.write_str("1")?,
            [letter] => write!(f, "{letter}")?,
            letters => write!(f, "({})", letters.iter().collect::<String>())?,
        }
    }
    Ok(())
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Layout::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, shape: &[usize], want_shape: &[usize], want: &[u8]) {
        let layout = Layout::parse(layout).unwrap();
        let count: usize = shape.iter().product();
        let bytes: Vec<u8> = (0..count as u8).collect();
        assert_eq!(layout.output_shape(shape).unwrap(), want_shape);
        assert_eq!(layout.apply(shape, &bytes, 1).unwrap(), want);
    }

    #[test]
    fn a_dense_kernel_is_transposed() {
        check("io->oi", &[2, 3], &[3, 2], &[0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn a_convolution_kernel_goes_from_hwio_to_oihw() {
        check(
            "hwio->oihw",
            &[1, 2, 2, 2],
            &[2, 2, 1, 2],
            &[0, 4, 2, 6, 1, 5, 3, 7],
        );
    }

    #[test]
    fn a_depthwise_kernel_merges_channels_and_adds_an_axis() {
        check("hwim->(im)1hw", &[2, 1, 2, 1], &[2, 1, 2, 1], &[0, 2, 1, 3]);
    }

    #[test]
    fn attention_heads_are_merged_and_split() {
        check("dhk->(hk)d", &[2, 1, 2], &[2, 2], &[0, 2, 1, 3]);
        check("(hk)d->hdk, h=2", &[4, 1], &[2, 1, 2], &[0, 1, 2, 3]);
    }

    #[test]
    fn the_way_back_gives_the_same_bytes() {
        let cases: [(&str, &[usize]); 4] = [
            ("hwim->(im)1hw", &[2, 2, 3, 1]),
            ("dhk->(hk)d", &[4, 3, 2]),
            ("(hk)d->hkd, h=2", &[6, 3]),
            ("1o->o", &[1, 5]),
        ];
        for (text, shape) in cases {
            let layout = Layout::parse(text).unwrap();
            let bytes: Vec<u8> = (0..shape.iter().product::<usize>() as u8).collect();
            let there = layout.apply(shape, &bytes, 1).unwrap();
            let back = layout.reverse(shape).unwrap();
            let native = layout.output_shape(shape).unwrap();
            assert_eq!(back.output_shape(&native).unwrap(), shape);
            assert_eq!(back.apply(&native, &there, 1).unwrap(), bytes, "{text}");
        }
    }

    #[test]
    fn axes_of_size_one_come_and_go() {
        check("1o->o", &[1, 3], &[3], &[0, 1, 2]);
        check("->", &[], &[], &[0]);
        check("ab->ab", &[0, 3], &[0, 3], &[]);
    }

    #[test]
    fn the_text_is_canonical() {
        let text = "( h k ) d -> h d k,h=8";
        assert_eq!(Layout::parse(text).unwrap().to_string(), "(hk)d->hdk, h=8");
        assert_eq!(Layout::identity(3).to_string(), "abc->abc");
        assert!(Layout::identity(0).is_identity());
    }

    fn refusal(text: &str) -> String {
        Layout::parse(text)
            .unwrap_err()
            .to_string()
            .lines()
            .next()
            .unwrap()
            .into()
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        assert_eq!(refusal("io"), "`io` is not a layout: it has no `->`");
        assert_eq!(
            refusal("ii->ii"),
            "`ii->ii` is not a layout: a letter stands twice"
        );
        assert_eq!(
            refusal("io->o"),
            "`io->o` is not a layout: the two sides have different letters"
        );
        assert_eq!(
            refusal("(i->i"),
            "`(i->i` is not a layout: a parenthesis is open"
        );
        assert_eq!(
            refusal("(h2)->h"),
            "`(h2)->h` is not a layout: `2` is out of place"
        );
    }

    #[test]
    fn a_shape_of_another_rank_or_size_is_refused() {
        let layout = Layout::parse("(hk)d->hdk, h=3").unwrap();
        assert!(layout.output_shape(&[4, 1]).is_err());
        assert!(layout.output_shape(&[6]).is_err());
        assert!(layout.apply(&[6, 1], &[0; 5], 1).is_err());
    }
}
