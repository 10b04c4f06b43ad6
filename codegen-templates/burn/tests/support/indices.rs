//! Gathering, scattering, top-k, one-hot, scans and pads.

use crate::goldens::{Case, device};
use burn::tensor::{IndexingUpdateOp, Tensor};
use savedmodel_import_burn_support::gather::{gather, gather_nd};
use savedmodel_import_burn_support::one_hot::{choose, one_hot};
use savedmodel_import_burn_support::pad::{reflect_pad, symmetric_pad};
use savedmodel_import_burn_support::scan::{cumprod, cumsum};
use savedmodel_import_burn_support::string_tensor::StringTensor;
use savedmodel_import_burn_support::top_k::top_k;

#[test]
fn gather_pairs_batch_dimensions() {
    let case = Case("gather_axis1");
    let x = case.float::<3>("x");
    let y: Tensor<4> = gather(x.clone(), case.int::<2>("i"), 1, 0);
    case.check_all(y, &[&("x", &x)], 1e-6);
    let case = Case("gather_batch1");
    let x = case.float::<3>("x");
    let y: Tensor<3> = gather(x.clone(), case.int::<2>("i"), 1, 1);
    case.check_all(y, &[&("x", &x)], 1e-6);
    let case = Case("gather_batch1_axis2");
    let x = case.float::<3>("x");
    let y: Tensor<3> = gather(x.clone(), case.int::<2>("i"), 2, 1);
    case.check_all(y, &[&("x", &x)], 1e-6);
}

#[test]
fn burns_own_take_is_gather_without_batch_dimensions() {
    let case = Case("gather_axis1");
    let x = case.float::<3>("x");
    let y: Tensor<4> = x.clone().take(1, case.int::<2>("i"));
    case.check_all(y, &[&("x", &x)], 1e-6);
}

#[test]
fn gather_nd_takes_tuples() {
    let case = Case("gather_nd");
    let x = case.float::<3>("x");
    let y: Tensor<2> = gather_nd(x.clone(), case.int::<2>("i"), 0);
    case.check_all(y, &[&("x", &x)], 1e-6);
    let x = case.float::<3>("x");
    let y: Tensor<2> = x.clone().gather_nd(case.int::<2>("i"));
    case.check_all(y, &[&("x", &x)], 1e-6);
    let case = Case("gather_nd_batch1");
    let x = case.float::<4>("x");
    let y: Tensor<3> = gather_nd(x.clone(), case.int::<3>("i"), 1);
    case.check_all(y, &[&("x", &x)], 1e-6);
}

#[test]
fn burns_own_scatter_nd_adds_duplicates() {
    let case = Case("scatter_nd");
    let u = case.float::<2>("u");
    let y = Tensor::<2>::zeros([4, 3], &device());
    let y = y.scatter_nd(case.int::<2>("i"), u.clone(), IndexingUpdateOp::Add);
    case.check_all(y, &[&("u", &u)], 1e-6);
}

#[test]
fn top_k_prefers_the_lower_position() {
    let case = Case("top_k");
    let (values, positions) = top_k(case.float::<2>("x"), 3);
    case.check("values", values, 0.0);
    case.check_int("positions", positions);
}

#[test]
fn one_hot_ignores_indices_out_of_bounds() {
    let case = Case("one_hot");
    let mask = one_hot::<2, 3>(case.int("i"), 3, 1);
    case.check("out", mask.clone().float(), 0.0);
    let number = |value: f32| Tensor::<1>::from_data([value], &device());
    case.check("out", choose(mask, number(1.0), number(0.0)), 0.0);
}

#[test]
fn scans_are_exclusive_and_reversed() {
    for (name, exclusive, reverse) in [
        ("00", false, false),
        ("01", false, true),
        ("10", true, false),
        ("11", true, true),
    ] {
        let case = Case(format!("cumsum_{name}").leak());
        let x = case.float::<3>("x");
        case.check_all(
            cumsum(x.clone(), 1, exclusive, reverse),
            &[&("x", &x)],
            1e-6,
        );
        let case = Case(format!("cumprod_{name}").leak());
        let x = case.float::<3>("x");
        case.check_all(
            cumprod(x.clone(), 1, exclusive, reverse),
            &[&("x", &x)],
            1e-5,
        );
    }
}

#[test]
fn pads_mirror_the_border() {
    let case = Case("pad_reflect");
    let x = case.float::<3>("x");
    case.check_all(
        reflect_pad(x.clone(), [(0, 0), (2, 1), (1, 3)]),
        &[&("x", &x)],
        1e-6,
    );
    let case = Case("pad_symmetric");
    let x = case.float::<3>("x");
    case.check_all(
        symmetric_pad(x.clone(), [(0, 0), (2, 1), (1, 3)]),
        &[&("x", &x)],
        1e-6,
    );
}

#[test]
fn a_string_tensor_keeps_its_elements() {
    let x = StringTensor::new(vec![2, 1], vec![b"a".to_vec(), Vec::new()]);
    assert_eq!((x.shape(), x.data().len()), ([2, 1].as_slice(), 2));
}
