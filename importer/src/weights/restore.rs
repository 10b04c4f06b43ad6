//! From a framework's layout of a weight back to the model's.

use super::layout::Layout;

/// How a weight gets its shape in the model back: by a reshape, a permutation and a reshape, as far as needed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Restoration {
    /// The extents that split merged axes and drop added ones.
    pub split: Option<Vec<usize>>,
    /// The permutation of the split axes.
    pub order: Option<Vec<usize>>,
    /// The extents in the model, where axes merge again.
    pub merged: Option<Vec<usize>>,
}

/// Undoes a layout for a weight of this shape in the model.
pub(crate) fn restoration(layout: &Layout, shape: &[usize]) -> Option<Restoration> {
    let sizes = layout.letter_sizes(shape).ok()?;
    let letters: Vec<char> = layout.to.concat();
    let place = |letter: &char| letters.iter().position(|other| other == letter);
    let order: Vec<usize> = layout
        .from
        .concat()
        .iter()
        .map(place)
        .collect::<Option<_>>()?;
    let is_split = layout.to.iter().any(|axis| axis.len() != 1);
    let is_merged = layout.from.iter().any(|axis| axis.len() != 1);
    Some(Restoration {
        split: is_split.then(|| letters.iter().map(|letter| sizes[letter]).collect()),
        order: (!order.is_sorted()).then_some(order),
        merged: is_merged.then(|| shape.to_vec()),
    })
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
