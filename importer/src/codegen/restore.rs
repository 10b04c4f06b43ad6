//! From a framework's layout of a weight back to the model's.

use crate::weights::Layout;
use std::collections::BTreeMap;

/// How a weight gets its shape in the model back: by a reshape, a permutation and a reshape, as far as needed.
#[derive(Debug, PartialEq, Eq)]
pub struct Restoration {
    /// The extents that split merged axes and drop added ones.
    pub split: Option<Vec<usize>>,
    /// The permutation of the split axes.
    pub order: Option<Vec<usize>>,
    /// The extents in the model, where axes merge again.
    pub merged: Option<Vec<usize>>,
}

/// Undoes a layout for a weight of this shape in the model.
pub fn restoration(layout: &Layout, shape: &[usize]) -> Option<Restoration> {
    let text = layout.to_string();
    let mut parts = text.split(", ");
    let (from, to) = parts.next()?.split_once("->")?;
    let (from, to) = (axes(from), axes(to));
    let sizes = letter_sizes(&from, shape, parts)?;
    let letters: Vec<char> = to.concat();
    let place = |letter: &char| letters.iter().position(|other| other == letter);
    let order: Vec<usize> = from.concat().iter().map(place).collect::<Option<_>>()?;
    let is_split = to.iter().any(|axis| axis.len() != 1);
    let is_merged = from.iter().any(|axis| axis.len() != 1);
    Some(Restoration {
        split: is_split.then(|| letters.iter().map(|letter| sizes[letter]).collect()),
        order: (!order.is_sorted()).then_some(order),
        merged: is_merged.then(|| shape.to_vec()),
    })
}

/// `(hk)d` as letters by axis; `1` is an axis without any.
fn axes(text: &str) -> Vec<Vec<char>> {
    let mut axes: Vec<Vec<char>> = vec![];
    let mut is_open = false;
    for letter in text.chars() {
        match (letter, is_open) {
            ('(' | '1', _) => axes.push(vec![]),
            (')', _) => {}
            (letter, true) => axes
                .last_mut()
                .into_iter()
                .for_each(|axis| axis.push(letter)),
            (letter, false) => axes.push(vec![letter]),
        }
        is_open = letter == '(' || is_open && letter != ')';
    }
    axes
}

/// The size of each letter: of its axis, or as the layout says beside the axes.
fn letter_sizes<'a>(
    from: &[Vec<char>],
    shape: &[usize],
    rest: impl Iterator<Item = &'a str>,
) -> Option<BTreeMap<char, usize>> {
    let mut sizes: BTreeMap<char, usize> = BTreeMap::new();
    for part in rest {
        let (letter, size) = part.split_once('=')?;
        sizes.insert(letter.trim().chars().next()?, size.trim().parse().ok()?);
    }
    for (axis, extent) in from.iter().zip(shape) {
        let known: usize = axis.iter().filter_map(|letter| sizes.get(letter)).product();
        let mut unknown = axis.iter().filter(|letter| !sizes.contains_key(letter));
        if let (Some(&letter), None) = (unknown.next(), unknown.next()) {
            sizes.insert(letter, extent.checked_div(known)?);
        }
    }
    let is_complete = from
        .concat()
        .iter()
        .all(|letter| sizes.contains_key(letter));
    is_complete.then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(layout: &str, shape: &[usize], expect: [Option<&[usize]>; 3]) {
        let layout = Layout::parse(layout).expect("a layout");
        let restored = restoration(&layout, shape).expect("a way back");
        let [split, order, merged] = expect.map(|list| list.map(<[usize]>::to_vec));
        assert_eq!(
            restored,
            Restoration {
                split,
                order,
                merged
            }
        );
    }

    #[test]
    fn a_matrix_is_turned_back() {
        check("io->oi", &[3, 5], [None, Some(&[1, 0]), None]);
        check("io->io", &[3, 5], [None, None, None]);
    }

    #[test]
    fn merged_heads_are_split_before_they_move() {
        check(
            "dhk->(hk)d",
            &[8, 2, 4],
            [Some(&[2, 4, 8]), Some(&[2, 0, 1]), None],
        );
    }

    #[test]
    fn a_depthwise_kernel_loses_its_unit_axis() {
        check(
            "hwim->(im)1hw",
            &[3, 3, 4, 1],
            [Some(&[4, 1, 3, 3]), Some(&[2, 3, 0, 1]), None],
        );
    }

    #[test]
    fn split_axes_are_merged_again() {
        check("(hk)d->hkd, h=2", &[8, 3], [None, None, Some(&[8, 3])]);
    }
}
