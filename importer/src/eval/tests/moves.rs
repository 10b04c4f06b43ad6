//! Ops that move elements or take indices.

use super::*;
use crate::ir::{PadMode, SliceAxis};

#[test]
fn moved_elements_are_tensorflows() {
    let x = sequence(&[2, 3]);
    check(
        &Op::Transpose(vec![2, 0, 1]),
        &[&sequence(&[2, 3, 2])],
        &[2, 2, 3],
        &[
            -2.5, -1.0, 0.5, 2.0, -2.0, -0.5, 1.0, 2.5, -1.5, 0.0, 1.5, -2.5,
        ],
    );
    check(
        &Op::Reverse { axes: vec![1] },
        &[&x],
        &[2, 3],
        &[-1.0, 1.0, -2.5, -1.5, 0.5, 2.5],
    );
    check(
        &Op::Tile(dims(&[2, 3])),
        &[&sequence(&[2, 2])],
        &[4, 6],
        &[
            -2.5, 1.0, -2.5, 1.0, -2.5, 1.0, -1.0, 2.5, -1.0, 2.5, -1.0, 2.5, -2.5, 1.0, -2.5, 1.0,
            -2.5, 1.0, -1.0, 2.5, -1.0, 2.5, -1.0, 2.5,
        ],
    );
    check(
        &Op::Concat { axis: 1 },
        &[&sequence(&[2, 1]), &sequence(&[2, 2])],
        &[2, 3],
        &[-2.5, -2.5, 1.0, 1.0, -1.0, 2.5],
    );
    let axis = |start, length, step| SliceAxis {
        start: Dim::known(start),
        length: Dim::known(length),
        step,
    };
    check(
        &Op::Slice(vec![axis(1, 2, 1), axis(0, 3, 2)]),
        &[&sequence(&[3, 5])],
        &[2, 3],
        &[-1.5, 0.0, 1.5, -0.5, 1.0, 2.5],
    );
}

#[test]
fn a_slice_stays_inside() {
    let axis = SliceAxis {
        start: Dim::known(1),
        length: Dim::known(3),
        step: 1,
    };
    let message = eval(&Op::Slice(vec![axis]), &[&floats(&[1.0, 2.0, 3.0])])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("3 elements from 1, 1 apart, leave axis 0 of float32[3]"),
        "{message}"
    );
}

#[test]
fn mirrors_have_or_lack_the_border() {
    let widths = |w: [(i64, i64); 2]| {
        w.iter()
            .map(|&(a, b)| (Dim::known(a), Dim::known(b)))
            .collect()
    };
    let reflect = Op::Pad {
        widths: widths([(1, 0), (1, 2)]),
        mode: PadMode::Reflect,
    };
    check(
        &reflect,
        &[&sequence(&[2, 3])],
        &[3, 6],
        &[
            0.5, 2.5, 0.5, -1.5, 0.5, 2.5, 1.0, -2.5, 1.0, -1.0, 1.0, -2.5, 0.5, 2.5, 0.5, -1.5,
            0.5, 2.5,
        ],
    );
    let symmetric = Op::Pad {
        widths: widths([(1, 1), (2, 1)]),
        mode: PadMode::Symmetric,
    };
    check(
        &symmetric,
        &[&sequence(&[2, 3])],
        &[4, 6],
        &[
            1.0, -2.5, -2.5, 1.0, -1.0, -1.0, 1.0, -2.5, -2.5, 1.0, -1.0, -1.0, 0.5, 2.5, 2.5, 0.5,
            -1.5, -1.5, 0.5, 2.5, 2.5, 0.5, -1.5, -1.5,
        ],
    );
    let constant = Op::Pad {
        widths: widths([(1, 0), (0, 1)]),
        mode: PadMode::Constant,
    };
    check(
        &constant,
        &[&sequence(&[2, 2]), &scalar(9.0)],
        &[3, 3],
        &[9.0, 9.0, 9.0, -2.5, 1.0, 9.0, -1.0, 2.5, 9.0],
    );
}

#[test]
fn indices_gather_along_axes_and_batches() {
    let batched = Op::Gather {
        axis: 1,
        batch_dims: 1,
    };
    check(
        &batched,
        &[&sequence(&[2, 3, 2]), &integers(&[2, 2], &[2, 0, 1, 1])],
        &[2, 2, 2],
        &[0.5, -1.5, -2.5, 1.0, -2.0, 1.5, -2.0, 1.5],
    );
    let plain = Op::Gather {
        axis: 1,
        batch_dims: 0,
    };
    check(
        &plain,
        &[&sequence(&[2, 3]), &integers(&[2, 1], &[2, 0])],
        &[2, 2, 1],
        &[-1.0, -2.5, -1.5, 2.5],
    );
    let nd = Op::GatherNd { batch_dims: 1 };
    check(
        &nd,
        &[&sequence(&[2, 3, 2]), &integers(&[2, 2, 1], &[2, 0, 1, 1])],
        &[2, 2, 2],
        &[0.5, -1.5, -2.5, 1.0, -2.0, 1.5, -2.0, 1.5],
    );
    let nd = Op::GatherNd { batch_dims: 0 };
    check(
        &nd,
        &[&sequence(&[2, 3]), &integers(&[2, 2], &[1, 2, 0, 0])],
        &[2],
        &[-1.5, -2.5],
    );
}

#[test]
fn an_index_out_of_range_is_an_error() {
    let message = eval(
        &Op::Gather {
            axis: 0,
            batch_dims: 0,
        },
        &[&floats(&[1.0]), &integers(&[1], &[1])],
    )
    .unwrap_err();
    assert!(
        message.to_string().contains("the index 1 is not in 0..1"),
        "{message}"
    );
}

#[test]
fn updates_of_one_place_add_up() {
    let op = Op::ScatterNd {
        shape: dims(&[3, 2]),
    };
    check(
        &op,
        &[&integers(&[3, 1], &[1, 1, 0]), &sequence(&[3, 2])],
        &[3, 2],
        &[0.5, -1.5, -3.5, 3.5, 0.0, 0.0],
    );
}

#[test]
fn indices_out_of_range_are_not_hot() {
    let op = Op::OneHot {
        depth: Dim::known(3),
        axis: 0,
    };
    check(
        &op,
        &[&integers(&[4], &[0, -1, 5, 1]), &scalar(2.0), &scalar(-1.0)],
        &[3, 4],
        &[
            2.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 2.0, -1.0, -1.0, -1.0, -1.0,
        ],
    );
}

#[test]
fn the_first_of_equals_ranks_first() {
    let x = Tensor::new(&[2, 4], vec![1.0f32, 3.0, 3.0, 2.0, 5.0, 4.0, 5.0, 5.0]).unwrap();
    let results = eval(&Op::TopK { k: Dim::known(3) }, &[&x]).unwrap();
    assert_eq!(
        results[0].as_floats().unwrap(),
        [3.0, 3.0, 2.0, 5.0, 5.0, 5.0]
    );
    assert_eq!(results[1], integers(&[2, 3], &[1, 2, 3, 0, 2, 3]));
}

#[test]
fn strings_move_too() {
    let x = Tensor::new(&[2], vec![b"a".to_vec(), b"b".to_vec()]).unwrap();
    let result = one(
        &Op::Gather {
            axis: 0,
            batch_dims: 0,
        },
        &[&x, &integers(&[3], &[1, 1, 0])],
    );
    assert_eq!(result.elements::<Vec<u8>>().unwrap(), [b"b", b"b", b"a"]);
}
